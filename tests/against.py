"""Today's checkout against an older commit: `make bench BASE=708468b`, side by side in one run.

The commit is cloned into a temporary folder and set up there, from the same caches. Then both take
turns, so that a busy minute of the machine hits both, and the median of each is kept.

    make bench BASE=708468b                   # all of them: two hours
    make bench BASE=708468b WHAT="run first"  # by the beginning of the name
"""

import os
import queue
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

from hf_tutorial import collection
from tests import measured

SHOWN = ("stream", "display_data", "execute_result", "error")
TEN = "0[0-9]_*.ipynb"  # the notebooks that the older commit has as well
RUN = """
import sys
from pathlib import Path
from hf_tutorial import publish
found = publish.execute(sorted(Path("notebooks").resolve().glob(sys.argv[1])))
print(publish.table(found))
sys.exit(any(e.failure for e in found))
"""


class Measure(NamedTuple):
    """What is timed in a checkout, how often, and how much of the older time it may take."""

    what: str
    seconds: Callable[[Path], float]
    repeats: int
    target: float


def timed(root: Path, *words: str) -> float:
    """Run a program of a checkout's environment to its end.

    Raises:
        RuntimeError: It failed; with the end of what it said.
    """
    begun = time.perf_counter()
    done = subprocess.run([root / ".venv/bin/python", *words], cwd=root, env=clean(),
                          capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{words[:3]} in {root}: {(done.stdout + done.stderr)[-800:]}")  # fmt: skip
    return time.perf_counter() - begun


def clean() -> dict[str, str]:
    """The environment without what this run of make and Python has set."""
    ours = ("MAKE", "MFLAGS", "VENV", "BASE", "WHAT", "PYTEST_", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}  # fmt: skip


def whole_run(root: Path) -> float:
    """Execute the ten notebooks two at a time, as `make run` does."""
    return timed(root, "-c", RUN, TEN)


def whole_test(root: Path) -> float:
    """Run all tests."""
    return timed(root, "-m", "pytest", "-q")


def imported(root: Path) -> float:
    """Start what each command starts with: Python, nbformat and the package's pages."""
    return timed(root, "-c", "import hf_tutorial.publish")


def first_outputs(root: Path) -> float:
    """Add up the seconds from a started kernel to what each notebook shows first."""
    return sum(first_output(root, path) for path in sorted((root / "notebooks").glob(TEN)))  # fmt: skip


def first_output(root: Path, path: Path) -> float:
    """Time one notebook from a started kernel to its first picture or line.

    Raises:
        RuntimeError: Nothing came within two minutes.
    """
    argv = [str(root / ".venv/bin/python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]  # fmt: skip
    manager = KernelManager(kernel_name="bench")
    manager._kernel_spec = KernelSpec(argv=argv, display_name="bench", language="python")  # fmt: skip
    manager.start_kernel(cwd=str(path.parent), env=clean(), stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        begun = time.perf_counter()
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                client.execute(cell.source)
                if _shown(client):
                    return time.perf_counter() - begun
        raise RuntimeError(f"{path.name} shows nothing")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _shown(client) -> bool:
    """Wait until a cell shows something, or ends without."""
    while True:
        try:
            message = client.get_iopub_msg(timeout=120)
        except queue.Empty:
            raise RuntimeError("the kernel says nothing") from None
        if message["msg_type"] in SHOWN:
            return True
        idle = message["content"].get("execution_state") == "idle"
        if idle and message["parent_header"].get("msg_type") == "execute_request":
            return False


MEASURES = {
    "first": Measure("first visible output of ten notebooks", first_outputs, 5, 0.5),
    "import": Measure("a command's start", imported, 5, 1.0),
    "run": Measure("warm `make run`, notebooks 00 to 09", whole_run, 3, 0.6),
    "test": Measure("`make test`, whole", whole_test, 3, 0.75),
}


def compared(measure: Measure, base: Path, now: Path) -> tuple[float, float]:
    """Time both in turns, once unseen so that both are warm; give the two medians."""
    seconds: dict[Path, list[float]] = {base: [], now: []}
    for turn in range(measure.repeats + 1):
        for root in (base, now) if turn % 2 else (now, base):
            took = measure.seconds(root)
            if turn:
                seconds[root].append(took)
    return statistics.median(seconds[base]), statistics.median(seconds[now])


def set_up(commit: str, folder: Path) -> Path:
    """Clone a commit of this repository and set it up.

    Raises:
        SystemExit: There is no such commit.
    """
    clone = folder / "base"
    subprocess.run(["git", "clone", "--quiet", collection.ROOT, clone], check=True)
    found = subprocess.run(["git", "checkout", "--quiet", commit], cwd=clone)
    if found.returncode:
        raise SystemExit(f"BASE={commit} is no commit of this repository")
    subprocess.run(["make", "models"], cwd=clone, env=clean(), check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    return clone


def main(base: str, words: list[str]) -> int:
    """Print a row for each measure; return how many missed their target."""
    chosen = [m for name, m in MEASURES.items() if name.startswith(tuple(words or [""]))]  # fmt: skip
    if not chosen:
        raise SystemExit(f"WHAT={' '.join(words)} begins none of {', '.join(MEASURES)}")
    missed, table = 0, []

    def row(text: str) -> None:
        table.append(f"| {text} |")
        print(table[-1], flush=True)

    with tempfile.TemporaryDirectory() as folder:
        older = set_up(base, Path(folder))
        row(f"what | {base} | now | ratio | target")
        row("--- | --- | --- | --- | ---")
        for measure in chosen:
            then, now = compared(measure, older, collection.ROOT)
            ratio = now / then
            missed += ratio > measure.target
            word = "" if ratio <= measure.target else ", missed"
            times = f"{then:.2f} s | {now:.2f} s | {ratio:.2f}"
            row(f"{measure.what} | {times} | {measure.target}{word}")
    if not words:
        measured.into_readme("bench", "\n".join(table))
    return min(missed, 1)
