"""Trainings in processes of their own, which begin with all libraries imported.

Starting Python and importing torch, transformers and datasets takes 5 to 8 seconds for each
process. A server of `multiprocessing` imports them once, runs nothing, and is forked.
"""

import json
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env

from hf_tutorial import NOTEBOOKS

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["torch", "accelerate", "datasets", "transformers.models.bert.modeling_bert",
     "tests.honour", "hf_tutorial.train", "tests.traps.imports"]
)  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launched(name: str) -> dict[str, str]:
    """Give what `accelerate launch` would set in the environment for one of our files."""
    file = NOTEBOOKS / "accelerate" / f"{name}.yaml"
    words = ["--config_file", str(file), "--main_process_port", "0", "script.py"]
    arguments, read, _ = _validate_launch_command(
        launch_command_parser().parse_args(words)
    )
    if arguments.use_deepspeed:
        fields = ",".join(read.deepspeed_config)
        arguments.deepspeed_fields_from_accelerate_config = fields
        found = prepare_deepspeed_cmd_env(arguments)[1]
    else:
        found = prepare_multi_gpu_env(arguments)
    return {key: value for key, value in found.items() if os.environ.get(key) != value}


class Training:
    """One training in some processes; its output is in `said`.

    The texts of each batch that is read go to the file `watch`, a line for each.
    """

    def __init__(
        self,
        words,
        cache: Path,
        count: int = 1,
        environment=None,
        honour=False,
        watch=None,
    ):
        port, self.file = free_port(), cache / f"said-{time.monotonic_ns()}"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        line = [str(word) for word in words]
        self.all = []
        for rank in range(count):
            places = {} if count == 1 else {
                "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count,
                "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
            }  # fmt: skip
            settings = {**(environment or {}), **{k: str(v) for k, v in places.items()}}
            given = (line, settings, str(cache), str(self.file), honour, watch)
            process = CONTEXT.Process(target=_train, args=given, daemon=True)
            process.start()
            self.all.append(process)

    @property
    def said(self) -> str:
        return self.file.read_text() if self.file.exists() else ""

    def ended(self) -> bool:
        return any(process.exitcode is not None for process in self.all)

    def until(self, condition, seconds=120) -> None:
        """Wait until something is so, or a process has ended."""
        for _ in range(seconds * 100):
            if self.ended() or condition():
                return
            time.sleep(0.01)
        self.kill()
        raise TimeoutError(self.said[-2000:])

    def wait(self, seconds=240) -> int:
        """Wait for all; where one has failed, end the others, as torchrun does."""
        end = time.monotonic() + seconds
        while any(process.exitcode is None for process in self.all):
            failed = any(process.exitcode for process in self.all)
            if failed or time.monotonic() > end:
                time.sleep(0.5)
                self.kill()
            time.sleep(0.01)
        return next((p.exitcode for p in self.all if p.exitcode), 0)

    def kill(self) -> None:
        """SIGKILL, which nobody can catch."""
        for process in self.all:
            process.kill()
        for process in self.all:
            process.join()


# The mark of its own memory: what wait4 tells begins with that of the process which forked.
MEASURED = """
import re, sys
from hf_tutorial import train
train.main(sys.argv[1:])
print("VmHWM", re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


def peak(words, folder: Path) -> tuple[int, float, str]:
    """Train in a process of its own; give its peak memory in bytes, seconds, and output."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, words)], capture_output=True, text=True,
        env=os.environ | {"HF_DATASETS_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    kilobytes = int(done.stdout.split("VmHWM")[1])
    return kilobytes * 1024, time.monotonic() - began, done.stdout


def _train(line, environment, cache, said, honour, watch) -> None:
    # The server was forked with the environment of its start.
    os.environ |= environment
    out = open(said, "a", buffering=1)
    os.dup2(out.fileno(), 1)
    os.dup2(out.fileno(), 2)
    sys.stdout = sys.stderr = out

    import datasets
    import torch
    from accelerate.state import AcceleratorState

    from hf_tutorial import tables, train
    from tests import honour as patched

    datasets.config.HF_DATASETS_CACHE = Path(cache)
    torch.set_num_threads(1)
    if honour:
        AcceleratorState.__init__ = patched.honoured
    if watch is not None:
        read = tables.Table.batch

        def watched(table, rows):
            with open(watch, "a") as file:
                file.write(json.dumps([row[table.texts[0]] for row in rows]) + "\n")
            return read(table, rows)

        tables.Table.batch = watched
    train.main(line)


def models_at_the_end(words, environment) -> set[int]:
    """Run `tests.leaving` in two processes; give how many models were left when they parted."""
    launcher = (
        "-m torch.distributed.run --standalone --nproc_per_node 2 -m tests.leaving"
    )
    done = subprocess.run(
        [sys.executable, *launcher.split(), *map(str, words)],
        env=environment, cwd=NOTEBOOKS.parent, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    parted = re.findall(r"^parted with (\d+)", done.stdout, flags=re.MULTILINE)
    assert len(parted) == 2, done.stderr[-3000:]
    return {int(count) for count in parted}
