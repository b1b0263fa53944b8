"""`make test-hub`: run the notebooks in Hub mode, with the real clients and a Hub on this machine.

The Hub is tests/loopback.py, with the repositories of tests/published.py: full-size architectures
with random weights, and datasets in the originals' layout. All cells are executed, top to bottom;
what raises and is not tagged so fails, as does what is tagged and does not raise. Outputs are not
compared: the weights are random. They are kept in build/hub/, to be read.

python -m tests.hub_notebooks              # all notebooks, one after the other
python -m tests.hub_notebooks 05 08        # by the beginning of the name
README=1 python -m tests.hub_notebooks     # and write the table into README, once all were run
python -m tests.hub_notebooks --small      # with small models: minutes, to see what fails
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat

from hf_tutorial import publish, sources
from tests import copies, guards, loopback, measured, published

BUILD = sources.DATA.parent / "build" / "hub"
KEPT = "outcomes.json"  # of every notebook's last run in full size
SECONDS, GIGABYTES = 600, 6.0  # that a notebook may take on two cores


@dataclass
class Outcome:
    """One notebook in Hub mode: what it took, and what failed."""

    name: str
    seconds: float
    peak_bytes: int
    failures: list[str] = field(default_factory=list)
    code: str = ""  # a digest of the cells that were run

    @property
    def gigabytes(self) -> float:
        """The most memory of the kernel and its children."""
        return self.peak_bytes / 1e9


class HubMode(ExitStack):
    """A Hub with all repositories, a cache of its own, and an environment that knows no other.

    Args:
        size: Of the models: "full" or "small".
        fetch: Whether everything is downloaded beforehand.
    """

    def __init__(self, size: str = "full", fetch: bool = True):
        super().__init__()
        self.size, self.fetch = size, fetch

    def __enter__(self) -> "HubMode":
        super().__enter__()
        self.hub = self.enter_context(loopback.Hub())
        published.publish(self.hub, published.build(self.size))
        home = Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.environment = self.hub.environment(home, HF_TUTORIAL_SOURCE="hub")
        if self.fetch:  # downloads are no part of what a notebook takes
            fetch = [sys.executable, "-m", "hf_tutorial.hub"]
            subprocess.run(fetch, env=self.environment, check=True)
        before = dict(os.environ)
        self.callback(lambda: (os.environ.clear(), os.environ.update(before)))
        os.environ.clear()
        os.environ.update(self.environment)  # kernels inherit it
        return self


def run(path: Path) -> Outcome:
    """Execute a copy of a notebook to its end, whatever fails, and keep its outputs."""
    cells = guards.code(nbformat.read(path, as_version=4))
    copy = copies.copy_of([cell.source for cell in cells])
    (done,) = copies.execute({path.name: copy}, at_once=1)
    failures = [
        f"cell {number} ({cell.id}): {fault}"
        for number, (cell, now) in enumerate(
            zip(cells, done.notebook.cells, strict=True), 1
        )
        if (fault := copies.fault(cell, now))
    ]
    if done.failure:
        failures.append(f"stopped: {done.failure}")
    BUILD.mkdir(parents=True, exist_ok=True)
    nbformat.write(done.notebook, BUILD / path.name)
    return Outcome(path.stem, done.seconds, done.peak_bytes, failures, digest(cells))


def digest(cells: list) -> str:
    """Name the code of a notebook: what was measured of other code is out of date."""
    return hashlib.sha256("\0".join(cell.source for cell in cells).encode()).hexdigest()


def digests() -> dict[str, str]:
    """Name the code of each notebook as it is now."""
    return {
        path.stem: digest(guards.code(nbformat.read(path, as_version=4)))
        for path in publish.discover()
    }


def remembered(new: list[Outcome], folder: Path = BUILD) -> list[Outcome]:
    """Keep outcomes beside those of earlier runs; give all whose notebook is still the same."""
    place = folder / KEPT
    kept = json.loads(place.read_text()) if place.exists() else {}
    kept |= {outcome.name: asdict(outcome) for outcome in new}
    place.write_text(json.dumps(kept, indent=1))
    now = digests()
    return [
        Outcome(**kept[name])
        for name in sorted(now)
        if name in kept and kept[name]["code"] == now[name]
    ]


def too_much(outcome: Outcome) -> list[str]:
    """Say where a notebook takes more than a machine of two cores has."""
    found = []
    if outcome.seconds > SECONDS:
        found.append(f"{outcome.seconds:.0f} s: {SECONDS} s at most")
    if outcome.gigabytes > GIGABYTES:
        found.append(f"{outcome.gigabytes:.1f} GB: {GIGABYTES:.0f} GB at most")
    return found


def table(outcomes: list[Outcome]) -> str:
    """Lay out notebook, seconds and memory in Markdown."""
    lines = ["| Notebook | Seconds | GB |", "| --- | ---: | ---: |"]
    lines += [
        f"| {o.name[:2]} | {o.seconds:.0f} | {o.gigabytes:.1f} |" for o in outcomes
    ]
    return "\n".join(lines)


def write(outcomes: list[Outcome]) -> None:
    """Put the table into README if that is asked for, and no notebook is missing or failed."""
    failed = [o.name for o in outcomes if o.failures or too_much(o)]
    missing = {path.stem for path in publish.discover()} - {o.name for o in outcomes}
    if not failed and not missing:
        measured.into_readme("test-hub", table(outcomes))
    elif os.environ.get("README"):
        print(
            "README keeps its table; failed or to be run:", *sorted({*failed, *missing})
        )


def main(chosen: list[str]) -> int:
    """Run and report; the exit status is 1 when something failed or takes too much."""
    size = "small" if "--small" in chosen else "full"
    begins = tuple(word for word in chosen if not word.startswith("--")) or ("",)
    if os.environ.get("README") and size == "small":
        sys.exit("README=1 is for notebooks in full size: leave --small out")
    paths = [path for path in publish.discover() if path.name.startswith(begins)]
    if not paths:
        sys.exit(f"no notebook's name begins with {' or '.join(begins)}")
    outcomes = []
    with HubMode(size):
        for path in paths:
            outcomes.append(outcome := run(path))
            failed = [*outcome.failures, *too_much(outcome)]
            print(f"{outcome.name:30} {'FAILED' if failed else 'ok':7} {outcome.seconds:5.0f} s "
                  f"{outcome.gigabytes:4.1f} GB", flush=True)  # fmt: skip
            for failure in failed:
                print(f"    {failure}", flush=True)
    if size == "full":
        write(remembered(outcomes))
    return int(any([*o.failures, *too_much(o)] for o in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
