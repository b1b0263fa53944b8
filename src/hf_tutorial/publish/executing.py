"""Executing notebooks side by side: what came out, how long it took, and what went wrong."""

import asyncio
import contextlib
import os
import re
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

from hf_tutorial import collection, kernels, sources
from hf_tutorial.publish import streams

CELL_TIMEOUT = 300  # seconds; on a busy machine a training takes minutes
OF_FULL_SIZE = 900  # seconds, of models twenty times as large
AT_ONCE = 2


@dataclass
class Execution:
    """One notebook, executed: what came out and what it took.

    The notebook is None where the file holds none, and `failure` says so.
    """

    path: Path
    notebook: NotebookNode | None
    seconds: float = 0.0
    peak_bytes: int = 0
    failure: str = ""

    @property
    def code(self) -> list[NotebookNode]:
        """The code cells, in order."""
        cells = self.notebook.cells if self.notebook else []
        return [cell for cell in cells if cell.cell_type == "code"]


def execute(paths: list[Path], *, at_once: int = AT_ONCE) -> list[Execution]:
    """Execute notebooks from fresh kernels, with a progress bar naming the running cells.

    Each runs in the folder it lies in. One that fails does not stop the others.

    Args:
        paths: Notebooks; they are read, never written.
        at_once: How many kernels run side by side.

    Returns:
        One execution per path, in the same order; `failure` says which cell and why.
    """
    executions = [_not_yet_executed(path) for path in paths]
    cells = sum(len(execution.code) for execution in executions)
    with tqdm(total=cells, unit="cell", mininterval=1, leave=False) as bar:
        asyncio.run(_execute_all(executions, at_once, _Progress(bar)))
    return executions


def _not_yet_executed(path: Path) -> Execution:
    try:
        execution = Execution(path, collection.read(path))
    except ValueError as error:
        return Execution(path, None, failure=str(error))
    for cell in execution.code:
        cell.outputs, cell.execution_count = [], None
    return execution


class _Progress:
    """A bar that names the cells which are running."""

    def __init__(self, bar: tqdm):
        self.bar = bar
        self.running: dict[Path, str] = {}

    def begin(self, execution: Execution, number: int) -> None:
        cell = f"{execution.path.stem[:2]} cell {number}/{len(execution.code)}"
        self.running[execution.path] = cell
        shown = " · ".join(self.running.values())
        self.bar.set_postfix_str(shown, refresh=sys.stderr.isatty())

    def end(self, execution: Execution) -> None:
        self.running.pop(execution.path, None)


async def _execute_all(
    executions: list[Execution], at_once: int, progress: _Progress
) -> None:
    free = asyncio.Semaphore(at_once)
    # Notebooks are shown and compared as they run on a CPU.
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    if at_once > 1:
        # Threads of two kernels on the same cores would wait for each other most of the time.
        share = max((os.cpu_count() or 1) // at_once, 1)
        environment["OMP_NUM_THREADS"] = str(share)

    async def one(execution: Execution) -> None:
        async with free:
            await _execute(execution, progress, environment)

    # The longest first: else the last one would run alone while the other processor waits.
    runnable = [e for e in executions if e.code]
    runnable.sort(key=lambda e: collection.seconds(e.notebook), reverse=True)
    await asyncio.gather(*(one(e) for e in runnable))


class Client(NotebookClient):
    """What executes a notebook: in the kernel of this environment, whichever it names."""

    def create_kernel_manager(self) -> AsyncKernelManager:
        """Prepare the kernel; nbclient starts and ends it."""
        self.km = kernels.manager(AsyncKernelManager)
        return self.km

    async def async_execute_cell(self, cell: NotebookNode, *where, **how):
        """Run a cell; afterwards each stream is one output, also of a cell that failed."""
        try:
            return await super().async_execute_cell(cell, *where, **how)
        finally:
            cell.outputs = streams.merged(cell.get("outputs", []))


async def _execute(
    execution: Execution, progress: _Progress, environment: dict[str, str]
) -> None:
    current = 0  # counted from 1, as a reader counts
    timeout = CELL_TIMEOUT if sources.origin() == "bundled" else OF_FULL_SIZE
    client = Client(
        execution.notebook,
        timeout=timeout,
        resources={"metadata": {"path": str(execution.path.parent)}},
    )
    clock = time.perf_counter()
    try:
        async with client.async_setup_kernel(env=environment):
            # nbclient would take Ctrl-C for itself and stop one kernel of several.
            with contextlib.suppress(NotImplementedError):
                asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
            with _peak_memory(client.km, execution):
                for index, cell in enumerate(execution.notebook.cells):
                    if cell.cell_type == "code":
                        current += 1
                        progress.begin(execution, current)
                        await client.async_execute_cell(cell, index)
                        progress.bar.update()
        execution.failure = _kept_quiet(execution.code)
    except CellTimeoutError:
        execution.failure = f"cell {current}: no answer within {timeout} s"
    except CellExecutionError as error:
        execution.failure = f"cell {current}: {error.ename}: {_one_line(error.evalue)}"
    except DeadKernelError:
        execution.failure = f"cell {current}: {kernels.DIED}"
    except Exception as error:
        execution.failure = f"no kernel: {type(error).__name__}: {error}"
    execution.seconds = time.perf_counter() - clock
    progress.end(execution)


def _kept_quiet(code: list[NotebookNode]) -> str:
    """Name the first cell that should have raised, or nothing."""
    for number, cell in enumerate(code, 1):
        raised = any(output.output_type == "error" for output in cell.outputs)
        if "raises-exception" in cell.metadata.get("tags", []) and not raised:
            return f"cell {number}: tagged raises-exception, but raised nothing"
    return ""


class _peak_memory:
    """Sample the memory of a kernel and its children into an execution."""

    def __init__(self, manager, execution: Execution):
        self.process = psutil.Process(manager.provisioner.pid)
        self.execution = execution
        self.over = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._sample, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.over.set()
        self.thread.join()

    def _sample(self):
        while not self.over.wait(0.2):  # listing all processes of a machine costs 5 ms
            try:
                family = [self.process, *self.process.children(recursive=True)]
                held = [process.memory_info() for process in family]
            except psutil.Error:
                continue  # a process ended between listing and asking
            # Pages of files, such as those of libraries, are counted once; Linux alone tells them.
            of_files = [getattr(one, "shared", 0) for one in held]
            total = sum(one.rss for one in held) - sum(of_files) + max(of_files)
            self.execution.peak_bytes = max(self.execution.peak_bytes, total)


def plain(text: str) -> str:
    """Take the colours of a terminal out of a text."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text).rstrip()


def _one_line(text: str) -> str:
    return " ".join(plain(text).split())[:300]


def table(executions: list[Execution]) -> str:
    """Lay out notebook, cells, seconds, peak memory and result, a line each."""
    lines = [f"{'notebook':30} {'cells':>5} {'seconds':>8} {'peak MB':>8}  result"]
    for e in executions:
        result = f"FAILED: {e.failure}" if e.failure else "ok"
        lines.append(
            f"{e.path.stem:30} {len(e.code):5} {e.seconds:8.1f} "
            f"{e.peak_bytes / 1e6:8.0f}  {result}"
        )
    return "\n".join(lines)
