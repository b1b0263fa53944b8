"""What the notebooks spend their time on: the profile beneath the table of `make bench`.

A thread in each kernel looks fifty times a second at what the cell is inside of. Only Python's own
library is imported above, as a kernel loads this file before its first cell.
"""

import itertools
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

PAUSE = 0.02  # seconds between two looks
# What a cell is inside of: a part of a file's path, and a function there, or any. The first that
# is met counts, so that a forward pass within generate() is generating.
KINDS = {
    "importing": [("<frozen importlib._bootstrap>", "")],
    "generating": [("transformers/generation/utils.py", "generate")],
    "backward passes": [("torch/_tensor.py", "backward"), ("torch/autograd/", "")],
    "optimizer steps": [("torch/optim/", "")],
    "forward passes": [("torch/nn/modules/module.py", "_call_impl")],
    "other processes": [("subprocess.py", ""), ("multiprocessing/", "")],
    "datasets": [("/datasets/", ""), ("/pyarrow/", ""), ("/pandas/", "")],
    "tokenizers": [("tokenization_utils", ""), ("/tokenizers/", "")],
    "drawing": [("/matplotlib", ""), ("/PIL/", "")],
    "loading models": [("transformers/modeling_utils.py", "from_pretrained")],
}
REST = "all else"


def kind(stack: Iterable[tuple[str, str]]) -> str:
    """Name what a stack of (file, function), in any order, is inside of."""
    frames = [(file.replace("\\", "/"), function) for file, function in stack]
    for name, marks in KINDS.items():
        for part, wanted in marks:
            if any(part in file and wanted in ("", did) for file, did in frames):
                return name
    return REST


def watch(out: str) -> None:
    """Count, from a thread of this process, what its main thread is inside of.

    Args:
        out: A JSON file of seconds by kind, written again each second.
    """
    main, seen = threading.main_thread().ident, Counter()

    def look() -> None:
        written = last = time.perf_counter()
        while True:
            time.sleep(PAUSE)
            frame, stack = sys._current_frames().get(main), []
            while frame:
                stack.append((frame.f_code.co_filename, frame.f_code.co_name))
                frame = frame.f_back
            now = time.perf_counter()
            # A cell runs beneath IPython; elsewhere the kernel waits for the next one.
            if any(function == "run_code" for _, function in stack):
                seen[kind(stack)] += now - last
            last = now
            if now - written > 1:  # whole or not at all: the kernel may end meanwhile
                Path(f"{out}.new").write_text(json.dumps(seen))
                os.replace(f"{out}.new", out)
                written = now

    threading.Thread(target=look, daemon=True).start()


def shares(notebooks: list[Path], folder: Path) -> dict[str, float]:
    """Execute notebooks two at a time, as `make run` does, and say where the time went.

    Args:
        notebooks: Their files; they are read, never written.
        folder: For what the kernels write.

    Returns:
        The share of each kind of work in the seconds of all cells, the largest first.

    Raises:
        RuntimeError: A notebook failed.
    """
    from hf_tutorial.publish import execute, executing

    number = itertools.count()

    class Watched(executing.Client):
        def __init__(self, *notebook, **how):
            super().__init__(*notebook, **how)
            out = str(folder / f"{next(number)}.json")
            line = f"__import__('runpy').run_path({__file__!r})['watch']({out!r})"
            self.extra_arguments = [f"--IPKernelApp.exec_lines={line}"]

    usual, executing.Client = executing.Client, Watched
    try:
        failed = [e.failure for e in execute(notebooks) if e.failure]
    finally:
        executing.Client = usual
    if failed:
        raise RuntimeError("; ".join(failed))
    seen = sum((Counter(json.loads(f.read_text())) for f in folder.glob("*.json")), Counter())  # fmt: skip
    return {name: seconds / seen.total() for name, seconds in seen.most_common()}
