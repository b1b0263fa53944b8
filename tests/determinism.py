"""`make determinism`: are the saved outputs those of every processor, and of every order?

Each setting holds the libraries to other instructions or threads, so that sums run in another
order; under each, nbval compares every output of every notebook, strictly. The seed of Python's
hashes differs from setting to setting, and so does the order of the notebooks. The last setting
runs twice in a row on the same cache, so that its second run meets what the first one left. README=1
writes the table into README.

    python -m tests.determinism              # all of them: about an hour
    python -m tests.determinism "SSE" 03 05  # settings and notebooks, by the beginning of a name
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from hf_tutorial import collection
from tests import measured

CONFIGURATION = collection.ROOT / "pyproject.toml"
HELD = (
    "ATEN_CPU_CAPABILITY",
    "MKL_ENABLE_INSTRUCTIONS",
    "ONEDNN_MAX_CPU_ISA",
    "OMP_NUM_THREADS",
)
SETTINGS = {
    "ATen without vectors, one thread": {
        "ATEN_CPU_CAPABILITY": "default",
        "OMP_NUM_THREADS": "1",
    },
    "ATen AVX2, two threads": {"ATEN_CPU_CAPABILITY": "avx2", "OMP_NUM_THREADS": "2"},
    "ATen AVX-512, three threads": {
        "ATEN_CPU_CAPABILITY": "avx512",
        "OMP_NUM_THREADS": "3",
    },
    "SSE in MKL and oneDNN, ATen without vectors, one thread": {
        "OMP_NUM_THREADS": "1",
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
    },
    "AVX2 in MKL and oneDNN, one thread": {
        "OMP_NUM_THREADS": "1",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
    },
    # As a reader has it on two cores; without the variable, a test worker sets one thread.
    "no instructions set, two threads": {"OMP_NUM_THREADS": "2"},
    "no instructions set, two threads, again": {"OMP_NUM_THREADS": "2"},
}
NEEDS = {
    "avx2": "avx2",
    "avx512": "avx512f",
}  # a word of ATen's: the flag of a processor


@dataclass
class Run:
    """What nbval said of the notebooks under one setting."""

    executed: int  # cells; those that are compared, and those that say why not
    seconds: float
    differing: list[str]

    @property
    def row(self) -> str:
        """The run as the end of a table's row; seconds say more of the machine than of it."""
        return f"{self.executed} | {len(self.differing)}"


def lacking(setting: dict[str, str]) -> str:
    """Name the instructions that a setting asks for and this processor lacks, or nothing."""
    wanted = NEEDS.get(setting.get("ATEN_CPU_CAPABILITY", ""))
    told = Path("/proc/cpuinfo")
    flags = told.read_text().split() if told.exists() else []
    return wanted if wanted and wanted not in flags else ""


def compare(
    notebooks: list[Path], setting: dict[str, str], seed: int, cache: Path
) -> Run:
    """Let nbval execute the notebooks in an order of its own, and compare.

    Args:
        notebooks: Their files.
        setting: Variables of the environment; those in `HELD` that it lacks are not set.
        seed: Of the order, and of Python's hashes.
        cache: The folder of datasets' cache.

    Raises:
        RuntimeError: pytest ended without having run a cell.
    """
    shuffled = random.Random(seed).sample(notebooks, len(notebooks))
    environment = {k: v for k, v in os.environ.items() if k not in HELD}
    environment |= {"PYTHONHASHSEED": str(seed), "HF_DATASETS_CACHE": str(cache)}
    # Two notebooks run side by side, each with several threads: one that waits should leave its core.
    environment["OMP_WAIT_POLICY"] = "PASSIVE"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        clock = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", f"--config-file={CONFIGURATION}",
             "-o", "junit_family=xunit1", f"--junitxml={report}", *map(str, shuffled)],
            cwd=collection.ROOT, env=environment | setting, capture_output=True, text=True,
        )  # fmt: skip
        seconds = time.monotonic() - clock
        cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []  # fmt: skip
    if not cases:
        raise RuntimeError(f"no cell was run: {(done.stdout + done.stderr)[-500:]}")
    differing = [
        f"{Path(case.get('file')).name}, {case.get('name')}"
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]
    skipped = sum(case.find("skipped") is not None for case in cases)
    return Run(len(cases) - skipped, seconds, differing)


def chosen(words: list[str]) -> tuple[list[Path], list[str]]:
    """Find the notebooks and the settings that words begin the names of; all where none does.

    Raises:
        SystemExit: A word begins no name.
    """
    notebooks = collection.discover()
    files = [path for path in notebooks if path.name.startswith(tuple(words or [""]))]
    names = [name for name in SETTINGS if name.startswith(tuple(words or [""]))]
    for word in words:
        if not any(n.startswith(word) for n in [*SETTINGS, *(p.name for p in notebooks)]):  # fmt: skip
            raise SystemExit(f"{word!r} begins no setting and no notebook: {[*SETTINGS]}")  # fmt: skip
    return files or notebooks, names or list(SETTINGS)


def main(words: list[str]) -> int:
    """Print a row for each setting, and the cells that differ; return how many did."""
    notebooks, names = chosen(words)
    differing, table = 0, []

    def row(text: str) -> None:
        table.append(f"| {text} |")
        print(table[-1], flush=True)

    print(measured.machine())
    row("setting | cells executed | differ")
    row("--- | ---: | ---:")
    with tempfile.TemporaryDirectory() as folder:
        for seed, name in enumerate(names):
            setting = SETTINGS[name]
            if wanted := lacking(setting):
                row(f"{name} | this processor has no {wanted} | ")
                continue
            # The last two share a cache, and so an order to meet it in.
            place = Path(folder) / name.removesuffix(", again")
            run = compare(notebooks, setting, seed, place)
            differing += len(run.differing)
            row(f"{name} | {run.row}")
            print(f"    {run.seconds:.0f} s", flush=True)
            for cell in run.differing:
                print(f"    {cell}", flush=True)
    if not words:
        measured.into_readme("determinism", "\n".join(table))
    return min(differing, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
