"""`make gpu`: run the notebooks on the first GPU, and say what fails or differs there.

For an instructor, or before a change of versions. Any Python that finds a torch with CUDA and the
other packages will do; other versions than the pinned ones are named, not refused. Without a GPU
there is nothing to do. The saved outputs are those of a CPU, so differences are listed and fail
nothing; errors do. Pages that hide the GPU, and say why, show 0 MB.

python -m tests.gpu            # all notebooks, one after the other
python -m tests.gpu 05 08      # by the beginning of the name
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import hf_tutorial
from hf_tutorial import publish
from tests import copies, guards

MINUTES = 8  # no notebook is begun later than this
# The kernels of `publish.execute` see no GPU. CUDA reads the variable when it is first used, so
# the first cell can give the card back.
SEE = "os.environ['CUDA_VISIBLE_DEVICES'] = {card!r}"
PEAK = """
import json
import sys
torch = sys.modules.get("torch")
used = torch is not None and torch.cuda.is_initialized()
print(json.dumps(torch.cuda.max_memory_allocated() if used else 0))
"""
ASK = "import torch; print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else '')"


@dataclass
class Outcome:
    """One notebook on a GPU: what it took, what failed, what its cells said otherwise."""

    name: str
    cells: int
    seconds: float
    host_bytes: int
    gpu_bytes: int  # by torch, of the kernel alone
    card_bytes: int | None  # by nvidia-smi, of all processes together; None without it
    failures: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)


def first_gpu() -> str:
    """Name the first GPU that torch can use; empty if there is none.

    Asked in a process of its own, which leaves no CUDA context behind.
    """
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def memory_of_the_card() -> int | None:
    """Ask nvidia-smi for the bytes in use on the first GPU; None if it cannot say."""
    line = "nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits".split()
    try:
        said = subprocess.run(line, capture_output=True, text=True, timeout=20).stdout
        return int(said.split()[int(_card()) if _card().isdigit() else 0]) * 2**20
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return None


def _card() -> str:
    """Name the first card that this process may see, as CUDA_VISIBLE_DEVICES does."""
    return (os.environ.get("CUDA_VISIBLE_DEVICES") or "0").split(",")[0]


class _Watch:
    """The most that the card held while something ran, beyond what it held before."""

    def __init__(self, memory: Callable[[], int | None]):
        self.memory, self.over = memory, threading.Event()
        self.before = self.most = memory()

    def __enter__(self):
        if self.before is not None:
            self.thread = threading.Thread(target=self._sample, daemon=True)
            self.thread.start()
        return self

    def __exit__(self, *exception):
        self.over.set()
        if self.before is not None:
            self.thread.join()

    def _sample(self):
        while not self.over.wait(0.5):
            self.most = max(self.most, self.memory() or 0)

    @property
    def bytes(self) -> int | None:
        return None if self.before is None else self.most - self.before


def on_the_gpu(path: Path, memory: Callable[[], int | None]) -> Outcome:
    """Execute a copy of one notebook that sees the first GPU, and compare its outputs."""
    cells = guards.code(nbformat.read(path, as_version=4))
    sources = [cell.source for cell in cells] + [PEAK]
    copy = copies.copy_of(sources, before=SEE.format(card=_card()))
    with _Watch(memory) as watch:
        (done,) = copies.execute({path.name: copy}, at_once=1)
    *ran, last = done.notebook.cells
    said = "".join(
        guards.output_text(o) for o in last.outputs if o.get("name") == "stdout"
    )
    outcome = Outcome(
        name=path.stem,
        cells=len(cells),
        seconds=done.seconds,
        host_bytes=done.peak_bytes,
        gpu_bytes=json.loads(said) if said and not copies.error(last) else 0,
        card_bytes=watch.bytes,
    )
    for number, (saved, now) in enumerate(zip(cells, ran, strict=True), 1):
        if fault := copies.fault(saved, now):
            outcome.failures.append(f"cell {number} ({saved.id}): {fault}")
        elif _text(saved) != _text(now) and not guards.tags(saved) & guards.IGNORING:
            outcome.different.append(saved.id)
    if done.failure:
        outcome.failures.append(f"stopped: {done.failure}")
    return outcome


def _text(cell: NotebookNode) -> list[str]:
    """Collect what a cell said in words; pictures and stderr left out."""
    said = []
    for output in cell.outputs:
        if output.output_type == "error":
            said.append(output.ename)  # messages name devices
        elif output.output_type == "stream":
            said += [output.text] if output.name == "stdout" else []
        elif "image/png" not in output.data:
            said.append(output.data.get("text/plain", ""))
    return said


def report(outcome: Outcome) -> str:
    """Lay out one notebook: a line of numbers, then its failures and differences."""
    card = (
        ""
        if outcome.card_bytes is None
        else f" ({outcome.card_bytes / 1e6:,.0f} on the card)"
    )
    lines = [
        f"{outcome.name:30} {'FAILED' if outcome.failures else 'ok':7}"
        f"{len(outcome.different):3} of {outcome.cells} cells differ {outcome.seconds:6.0f} s"
        f"  GPU {outcome.gpu_bytes / 1e6:,.0f} MB{card}  host {outcome.host_bytes / 1e6:,.0f} MB"
    ]
    lines += [f"    {failure}" for failure in outcome.failures]
    if outcome.different:
        lines.append(f"    other words or numbers: {', '.join(outcome.different)}")
    return "\n".join(lines)


def main(
    paths: list[Path],
    gpu: Callable[[], str] = first_gpu,
    memory: Callable[[], int | None] = memory_of_the_card,
    minutes: float = MINUTES,
) -> int:
    """Run and report; the exit status is 1 when a cell failed, 0 where there is no GPU."""
    if not (name := gpu()):
        print("no GPU that torch can use here, so nothing was run")
        return 0
    print(f"on {name}, Python {sys.version.split()[0]}")
    for package, (found, pinned) in hf_tutorial.versions_off_pin().items():
        print(f"  {package} {found}, not the pinned {pinned}")
    begun, failed = time.monotonic(), False
    for path in paths:
        if time.monotonic() - begun > 60 * minutes:
            print(f"{path.stem:30} not run: {minutes:g} minutes are over")
            continue
        outcome = on_the_gpu(path, memory)
        failed |= bool(outcome.failures)
        print(report(outcome), flush=True)
    return int(failed)


if __name__ == "__main__":
    chosen = tuple(sys.argv[1:])
    found = [p for p in publish.discover() if not chosen or p.name.startswith(chosen)]
    if not found:
        sys.exit(f"no notebook's name begins with {' or '.join(chosen)}")
    sys.exit(main(found))
