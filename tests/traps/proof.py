"""Runs an entry of the catalogue, in as many processes as it needs, and says what came of it.

Each runs in a process of its own, forked from a server that has imported the libraries: an
entry leaves no setting behind, and what it prints does not matter.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import io
import json
import logging
import os
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

from tests.processes import CONTEXT, free_port
from tests.traps.catalogue import ENTRIES, MARKS, Trap

SECONDS = 300
LIBRARIES = ("transformers", "datasets", "accelerate", "huggingface_hub", "py.warnings")


class Outcome(NamedTuple):
    """`state` is "holds", "mended", "remedy fails", "does not run" or "not run"."""

    state: str
    message: str = ""
    said: tuple[str, ...] = ()  # by the libraries, in logs and warnings


def prove(entry: Trap) -> Outcome:
    """Run one entry in an empty folder and judge it by the line that failed, if one did."""
    if entry.needs and importlib.util.find_spec(entry.needs) is None:
        return Outcome("not run", f"{entry.needs} is not installed")
    if entry.since and not installed(entry.since):
        return Outcome("not run", f"it begins with {entry.since}")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        files = [Path(folder) / f"outcome-{rank}" for rank in range(entry.processes)]
        work = Path(folder) / "work"
        work.mkdir()
        running = []
        for rank, file in enumerate(files):
            place = (entry.function.__module__, entry.number)
            given = (*place, rank, entry.processes, port, str(work), str(file))
            running.append(CONTEXT.Process(target=_run, args=given, daemon=True))
            running[-1].start()
        _wait(running)
        outcomes = [
            Outcome(*json.loads(file.read_text(encoding="utf-8")))
            if file.exists()
            else Outcome("does not run", f"process {rank} ended without a word")
            for rank, file in enumerate(files)
        ]
    wrong = [outcome for outcome in outcomes if outcome.state != "holds"]
    # A process that fails leaves the others waiting for it, so what it says goes first.
    wrong.sort(key=lambda outcome: outcome.message.startswith("process "))
    said = tuple(line for outcome in outcomes for line in outcome.said)
    return (wrong[0] if wrong else Outcome("holds"))._replace(said=said)


def installed(wanted: str) -> bool:
    """Say whether a package is there in at least this release: "package version"."""
    name, version = wanted.split()
    return Version(importlib.metadata.version(name)) >= Version(version)


def _wait(running) -> None:
    end = time.monotonic() + SECONDS
    failed = False
    while any(process.exitcode is None for process in running):
        failed = failed or any(process.exitcode for process in running)
        if failed or time.monotonic() > end:
            time.sleep(0.5)
            for process in running:
                process.kill()
        for process in running:
            process.join(0.05)


def _run(module, number, rank, count, port, folder, file) -> None:
    for stream in (1, 2):  # what handlers that are older than this write
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    # The server was forked with the environment of its start.
    os.environ |= {
        "TOKENIZERS_PARALLELISM": "false",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }
    if count > 1:
        group = {
            "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count,
            "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
        }  # fmt: skip
        os.environ |= {key: str(value) for key, value in group.items()}
    importlib.import_module(module)
    outcome = attempt(ENTRIES[number], Path(folder))
    # Exchanged, so that a file is read whole or not at all.
    Path(file + ".part").write_text(json.dumps(outcome), encoding="utf-8")
    os.replace(file + ".part", file)
    os._exit(outcome.state != "holds")  # whatever hangs at the exit of a process group


def attempt(entry: Trap, folder: Path) -> Outcome:
    """Run an entry in this process, which it may leave in any state."""
    import datasets
    import torch
    import transformers

    datasets.config.HF_DATASETS_CACHE = folder / ".cache"
    datasets.disable_progress_bars()
    torch.set_num_threads(1)
    transformers.set_seed(0)
    os.chdir(folder)
    quiet, heard = io.StringIO(), _Heard()
    for name in LIBRARIES:
        logging.getLogger(name).addHandler(heard)
    logging.captureWarnings(True)
    warnings.simplefilter("default", UserWarning)
    transformers.logging.set_verbosity_warning()  # as it is where nobody has set it
    try:
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            entry.function()
    except BaseException as error:  # an exit is a failure, too
        return judged(entry, error)._replace(said=heard.lines)
    return Outcome("holds", said=heard.lines)


class _Heard(logging.Handler):
    """Keeps what is logged, and with what text warnings are given."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = ()

    def emit(self, record):
        self.lines += (record.getMessage().partition("\n  ")[0],)


def judged(entry: Trap, error: BaseException) -> Outcome:
    """Say what an exception out of an entry means, by the part of the entry it came from."""
    own = entry.function.__code__.co_filename
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == own]
    line = frames[0].lineno if frames else 0
    said = f"line {line}: {frames[0].line if frames else ''} ({_short(error)})"
    part = entry.part(line) if frames else "set-up"
    if part == MARKS[2]:
        return Outcome("remedy fails", said)
    if part == MARKS[1] and isinstance(error, AssertionError):
        return Outcome("mended", said)
    return Outcome("does not run", said)


def _short(error: BaseException) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) < 300 else text[:297] + "..."
