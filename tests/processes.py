"""Trainings in processes of their own, which begin with all libraries imported.

Starting Python and importing torch, transformers and datasets takes 5 to 8 seconds for each
process. A server of `multiprocessing` imports them once, runs nothing, and is forked.
"""

import json
import multiprocessing
import os
import socket
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
