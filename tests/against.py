"""Today's checkout against an older commit: `make bench BASE=708468b`, side by side in one run.

The commit is cloned into a temporary folder and set up there, from the same caches. Then both take
turns, so that a busy minute of the machine hits both, and the median of each is kept. Beneath the
table stand the shares of `bench.py`, and where the time goes of what missed its target. A row is
kept in build/bench/ beside the two commits, so that a second call goes on where one was stopped.
Set-up needs the network.

    make bench BASE=708468b                   # all of them: two hours
    make bench BASE=708468b WHAT="run first"  # by the beginning of the name
"""

import functools
import json
import os
import queue
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import nbformat
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

from hf_tutorial import collection
from tests import measured, profiled

SHOWN = ("stream", "display_data", "execute_result", "error")
TEN = "0[0-9]_*.ipynb"  # the notebooks that the older commit has as well
# What a first output waits for, as start() seeds PyTorch, and what most of the next ones do.
CLASS = "a model's class with PyTorch"
IMPORTS = {"PyTorch": "import torch", CLASS: "from transformers import DistilBertModel"}
SECONDS, REPORT = "build/bench.json", "build/bench.xml"  # of notebooks, of tests
RUN = """
import json, sys
from pathlib import Path
from hf_tutorial import publish
found = publish.execute(sorted(Path("notebooks").resolve().glob(sys.argv[1])))
print(publish.table(found))
Path("build").mkdir(exist_ok=True)
Path(sys.argv[2]).write_text(json.dumps({e.path.name[:2]: e.seconds for e in found}))
sys.exit(any(e.failure for e in found))
"""


class Measure(NamedTuple):
    """What is timed in a checkout, how often, and how much of the older time it may take.

    Where a target is out of reach, `held` is the ratio beyond which the command fails, and `why`
    tells, of the older checkout and this one, where the time goes.
    """

    what: str
    seconds: Callable[[Path], float]
    repeats: int
    target: float
    held: float = 0.0
    why: Callable[[Path, Path], str] | None = None
    warm: bool = True  # a turn of each goes before, and is not counted


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
    return timed(root, "-c", RUN, TEN, SECONDS)


def why_run(base: Path, now: Path) -> str:
    """Say what each notebook took, and what this checkout's notebooks spend their time on."""
    then, today = (json.loads((root / SECONDS).read_text()) for root in (base, now))
    each = ", ".join(f"{n} {then[n]:.0f} → {today[n]:.0f}" for n in sorted(then))
    paths = sorted((now / "notebooks").glob(TEN))
    with tempfile.TemporaryDirectory() as folder:
        shares = profiled.shares(paths, Path(folder))
    spent = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    return f"seconds of each notebook beside another one, in the last turn, then → now: {each}. What the cells do now: {spent}."


def whole_test(root: Path) -> float:
    """Run all tests."""
    return timed(root, "-m", "pytest", "-q", "-o", "junit_family=xunit1", f"--junitxml={REPORT}")  # fmt: skip


def tested(report: Path) -> dict[tuple[str, str], float]:
    """Read the seconds of each test, by file and name, out of pytest's report."""
    cases = ElementTree.parse(report).iter("testcase")
    return {(c.get("file", ""), c.get("name")): float(c.get("time", 0)) for c in cases}


def why_test(base: Path, now: Path) -> str:
    """Say what tests of both checkouts take, what was added, and where that lies."""
    then, today = (tested(root / REPORT) for root in (base, now))
    both, added = then.keys() & today.keys(), Counter()
    for case in today.keys() - then.keys():
        added[case[0] if case[0].endswith(".py") else "cells of notebooks"] += today[case]  # fmt: skip

    def seconds(cases: Iterable, found: dict) -> str:
        return f"{sum(found[case] for case in cases):.0f}"

    largest = ", ".join(f"{Path(n).name} {t:.0f}" for n, t in added.most_common(8))
    return (
        f"{len(then):,} tests then, {len(today):,} now; seconds of both workers together: "
        f"{seconds(then, then)} → {seconds(today, today)}. Those that both have, {len(both):,}: "
        f"{seconds(both, then)} → {seconds(both, today)}. Those added: "
        f"{added.total():.0f}, of which {largest}."
    )


def set_up(root: Path) -> float:
    """Set up a fresh clone with empty caches, from the network."""
    with tempfile.TemporaryDirectory() as folder:
        clone, caches = Path(folder) / "clone", {}
        for name in ("PIP_CACHE_DIR", "UV_CACHE_DIR"):
            caches[name] = str(Path(folder) / name)
        subprocess.run(["git", "clone", "--quiet", root, clone], check=True)
        begun = time.perf_counter()
        subprocess.run(["make", "models"], cwd=clone, env=clean() | caches, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        return time.perf_counter() - begun


def imported(root: Path) -> float:
    """Start what each command starts with: Python, nbformat and the package's pages."""
    return timed(root, "-c", "import hf_tutorial.publish")


def first_lines(root: Path) -> float:
    """Add up the seconds from a started kernel to the line of each notebook's first cell."""
    return sum(output(root, path, 1) for path in sorted((root / "notebooks").glob(TEN)))


def first_results(root: Path) -> float:
    """Add up the seconds from a started kernel to what each notebook shows below that line."""
    return sum(output(root, path, 2) for path in sorted((root / "notebooks").glob(TEN)))


def output(root: Path, path: Path, wanted: int) -> float:
    """Time one notebook from a started kernel to its first picture or line, or a later one.

    Args:
        root: The checkout that the kernel belongs to.
        path: The notebook.
        wanted: Which of the cells that show something, counted from 1.

    Raises:
        RuntimeError: So many do not, or nothing came within two minutes.
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
                wanted -= _shown(client, client.execute(cell.source))
                if not wanted:
                    return time.perf_counter() - begun
        raise RuntimeError(f"{path.name} shows nothing, or not as often")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _shown(client, request: str) -> bool:
    """Wait until the cell of a request shows something, or ends without."""
    while True:
        try:
            message = client.get_iopub_msg(timeout=120)
        except queue.Empty:
            raise RuntimeError("the kernel says nothing") from None
        if message["parent_header"].get("msg_id") != request:
            continue  # of the cell before
        if message["msg_type"] in SHOWN:
            return True
        if message["content"].get("execution_state") == "idle":
            return False


@functools.cache  # it explains two rows
def why_first(base: Path, now: Path) -> str:
    """Say what the libraries take to import where nothing else is done, in both checkouts."""
    then, today = bare_imports(base), bare_imports(now)
    each = ", ".join(f"{name} {then[name]:.1f} → {today[name]:.1f} s" for name in today)
    return f"ten times the import in a bare Python, then → now: {each}."


def bare_imports(root: Path, repeats: int = 3) -> dict[str, float]:
    """Time the imports that ten notebooks cannot do without: the median, less Python's own start."""
    programs = ["pass", *IMPORTS.values()]
    took = [statistics.median(timed(root, "-c", program) for _ in range(repeats)) for program in programs]  # fmt: skip
    return {name: 10 * (t - took[0]) for name, t in zip(IMPORTS, took[1:], strict=True)}


MEASURES = {
    "first": Measure("first output, sum over ten notebooks", first_lines, 5, 0.5, 0.9, why_first),
    "result": Measure("next output, sum over ten notebooks", first_results, 3, 0.5, 1.3, why_first),
    "import": Measure("import of `hf_tutorial.publish`, as each command does", imported, 5, 1.0),
    "setup": Measure("`make models` in a fresh clone, empty caches", set_up, 3, 0.35, warm=False),
    # Ten minutes a turn, and more: the median of three leaves a cold one out by itself.
    "run": Measure("notebooks 00 to 09, two at a time", whole_run, 3, 0.6, 1.1, why_run, warm=False),
    "test": Measure("`make test`, whole", whole_test, 3, 0.75, 2.0, why_test, warm=False),
}  # fmt: skip


def compared(measure: Measure, base: Path, now: Path) -> tuple[float, float]:
    """Time both in turns; give the two medians."""
    seconds: dict[Path, list[float]] = {base: [], now: []}
    for turn in range(measure.repeats + measure.warm):
        for root in (base, now) if turn % 2 else (now, base):
            took = measure.seconds(root)
            if turn >= measure.warm:
                seconds[root].append(took)
    return statistics.median(seconds[base]), statistics.median(seconds[now])


def checked_out(commit: str, folder: Path) -> Path:
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


class Row(NamedTuple):
    """A line of the table, what explains a missed target of what, and whether it fails."""

    line: str
    what: str
    note: str
    broken: bool


def row(measure: Measure, base: Path, now: Path) -> Row:
    """Measure both checkouts, and say how that stands to the target."""
    then, today = compared(measure, base, now)
    ratio, word, note = today / then, "", ""
    if ratio > measure.target:
        word = ", missed"
        if measure.why:
            word += f"; limit {measure.held:g}"
            note = measure.why(base, now)
    line = f"| {measure.what} | {then:.2f} s | {today:.2f} s | {ratio:.2f} | {measure.target}{word} |"
    return Row(line, measure.what, note, ratio > max(measure.target, measure.held))


def place(name: str, base: str) -> Path | None:
    """The file that keeps a row of this commit; none where it was changed since."""
    said = [
        subprocess.run(["git", *words], cwd=collection.ROOT, capture_output=True, text=True).stdout.strip()
        for words in (("status", "--porcelain"), ("rev-parse", "--short", "HEAD"))
    ]  # fmt: skip
    changed, head = said
    kept = collection.ROOT / "build/bench" / f"{name}-{base}-{head}.json"
    return None if changed or not head else kept


def main(
    base: str, words: list[str], shares: Iterable[Callable[[], tuple[str, bool]]] = ()
) -> int:
    """Print a row for each measure, and what explains a missed target.

    Args:
        base: The older commit.
        words: Beginnings of names in `MEASURES`; none for all, with `shares`.
        shares: What is measured of this checkout alone: each says it, and whether it held.

    Returns:
        1 if a target was missed that has no looser limit, or that limit was.
    """
    chosen = [name for name in MEASURES if name.startswith(tuple(words or [""]))]
    if not chosen:
        raise SystemExit(f"WHAT={' '.join(words)} begins none of {', '.join(MEASURES)}")
    lines, rows, missed = [], [], 0

    def line(text: str) -> None:
        lines.append(text)
        print(text, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        older = checked_out(base, Path(folder))
        line(f"| what | {base} | now | ratio | target |")
        line("| --- | ---: | ---: | ---: | --- |")
        for name in chosen:
            file = place(name, base)
            if file and file.exists():
                rows.append(Row(*json.loads(file.read_text())))
            else:
                rows.append(row(MEASURES[name], older, collection.ROOT))
                if file:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(json.dumps(rows[-1]))
            line(rows[-1].line)
    if not words:
        line("")
        for share in shares:
            said, held = share()
            missed += not held
            line(f"- {said}{'' if held else ', missed'}")
    explained: dict[str, list[str]] = {}
    for _, what, note, _ in rows:
        if note:
            explained.setdefault(note, []).append(what)
    for note, missing in explained.items():
        line("")
        line(f"Where the time goes, {' and '.join(missing)}: {note}")
    if not words:
        measured.into_readme(f"bench BASE={base}", "\n".join(lines))
    return int(missed or any(row.broken for row in rows))
