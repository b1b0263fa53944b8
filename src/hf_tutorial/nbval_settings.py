"""How nbval runs the notebooks: a plugin of pytest, loaded by pyproject.toml for this project only.

Everything is compared strictly but stderr, where libraries chatter differently on each
machine; of a cell tagged `stderr`, which teaches to read it, that is compared as well. A cell that raises makes the rest of its notebook meaningless: nbval would run it
all the same, so the rest is skipped here, and the one failure is what the reader sees. A kernel
that dies is noticed within a second, where nbval would wait for the cell's time to be up.
"""

import os
import subprocess
import time
from queue import Empty
from unittest import mock

import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

from hf_tutorial import collection, kernels, spoken

BROKEN = pytest.StashKey[str]()
POLL = 1  # second between two looks at a kernel that says nothing


class KernelDied(Exception):
    """The kernel ended while something was awaited from it."""


class Kernel(RunningKernel):
    """The kernel of this environment, watched while it is waited for."""

    def __init__(self, kernel_name: str, cwd: str, startup_timeout: float):
        """Start it in the folder `cwd`; the name is not needed, there is one kernel only."""
        self.km = kernels.manager()
        self.km.start_kernel(cwd=cwd, stderr=subprocess.DEVNULL)
        self.kc = self.km.client()
        self.kc.start_channels()
        try:
            self.kc.wait_for_ready(timeout=startup_timeout)
        except RuntimeError:
            self.stop()
            raise
        self._ensure_iopub_up()

    def get_message(self, stream: str, timeout: float | None = None) -> dict:
        """Wait for a message on the channel `stream`.

        Raises:
            Empty: None came in time.
            KernelDied: None will come.
        """
        end = time.monotonic() + (float("inf") if timeout is None else timeout)
        while True:
            left = max(end - time.monotonic(), 0)
            try:
                return super().get_message(stream, min(left, POLL))
            except Empty:
                if not self.is_alive():
                    raise KernelDied from None
                if left <= POLL:
                    raise

    def stop(self) -> None:
        """Shut the kernel down in peace, so that it takes its temporary files along."""
        self.kc.stop_channels()
        self.km.shutdown_kernel()
        del self.km


class NotebookFile(IPyNbFile):
    """A notebook as nbval collects it, in a kernel of ours; a file that is none fails as one test."""

    fault: str = ""

    def __init__(self, *args, **kwargs):
        """Take what pytest hands to a collector."""
        super().__init__(*args, **kwargs)
        self.skip_compare += ("stderr",)

    def collect(self):
        """Yield a test for each code cell."""
        try:
            collection.read(self.path)
        except ValueError as error:
            self.fault = str(error)
            yield NoNotebook.from_parent(self, name="the file")
        else:
            yield from super().collect()

    def setup(self) -> None:
        """Start the kernel."""
        if not self.fault:
            with mock.patch("nbval.plugin.RunningKernel", Kernel):
                super().setup()

    def teardown(self) -> None:
        """Stop the kernel, and clear up after one that has died."""
        super().teardown()
        if hasattr(self.kernel, "km"):
            self.kernel.kc.stop_channels()
            self.kernel.km.cleanup_resources()


class Compared:
    """How the outputs of one cell are compared: with stderr, where it is the lesson."""

    def __init__(self, cell: IPyNbCell):
        """Take over the comparison of a cell."""
        self.as_nbval_does, self.skip = cell.compare_outputs, cell.parent.skip_compare
        if spoken.listened_to(cell.cell):
            self.skip = tuple(key for key in self.skip if key != "stderr")
            as_nbval_does = cell.sanitize
            cell.sanitize = lambda text: as_nbval_does(spoken.comparable(text))

    def __call__(self, test, ref, skip_compare=None) -> bool:
        """Compare outputs just computed with those saved."""
        return self.as_nbval_does(test, ref, skip_compare or self.skip)


class NoNotebook(pytest.Item):
    """A file that is called like a notebook and holds none."""

    def runtest(self) -> None:
        """Fail, in a sentence."""
        pytest.fail(self.parent.fault, pytrace=False)

    def reportinfo(self):
        """Say where."""
        return self.path, None, self.path.name


def pytest_configure(config):
    """Set what the kernels inherit."""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # saved outputs are those of a CPU
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Two notebooks at once on two cores: threads would wait for each other most of the time.
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_report_header(config):
    """Name the notebooks that are not looked at."""
    if others := [path.name for path in collection.left_alone()]:
        return f"left alone, as not called NN_topic.ipynb: {', '.join(others)}"


def pytest_ignore_collect(collection_path, config):
    """Leave a reader's own notebooks alone, unless one is asked for by its path."""
    path, folder = collection_path.resolve(), collection.NOTEBOOKS.resolve()
    if path.suffix != ".ipynb" or not path.is_relative_to(folder):
        return None
    here = config.invocation_params.dir
    named = [here / argument.partition("::")[0] for argument in config.args]
    if any(asked.resolve() == path for asked in named):
        return None
    return None if path.parent == folder and path.match(collection.NAME) else True


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    """Put our collector in the place of nbval's.

    Of a file outside of its root directory pytest leaves the name out of the tests' ids, and of
    tests with one id pytest-xdist runs one and says *passed* (pytest 9.2, pytest-xdist 3.8;
    findings/xdist_loses_tests_of_files_outside_the_root.sh): so its name is put there.
    """
    elsewhere = not file_path.is_relative_to(parent.config.rootpath)
    return [
        NotebookFile.from_parent(
            parent, path=file_path, nodeid=str(file_path) if elsewhere else None
        )
        if type(collector) is IPyNbFile
        else collector
        for collector in (yield)
    ]


def pytest_runtest_setup(item):
    """Skip what comes after a cell that raised an error; of others, say what is compared."""
    if not isinstance(item, IPyNbCell):
        return
    if BROKEN in item.parent.stash:
        pytest.skip(item.parent.stash[BROKEN])
    item.compare_outputs = Compared(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Name the cell in which a kernel died."""
    cell = isinstance(item, IPyNbCell)
    if cell and not item.parent.timed_out and not item.parent.kernel.is_alive():
        item.raise_cell_error(f"{kernels.DIED} before this cell began")
    try:
        return (yield)
    except KernelDied:
        item.raise_cell_error(kernels.DIED)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Remember a cell that left its notebook broken."""
    if isinstance(item, IPyNbCell) and call.excinfo is not None:
        error = call.excinfo.value
        if isinstance(error, NbCellError):
            if kernels.DIED in str(error):
                why = f"{item.name} of this notebook: {kernels.DIED}"
                item.parent.stash[BROKEN] = why
            elif "exception" in str(error):
                why = f"{item.name} of this notebook raised an error"
                item.parent.stash[BROKEN] = why
    return (yield)
