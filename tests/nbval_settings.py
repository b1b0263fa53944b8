"""How nbval runs our notebooks; loaded by pyproject.toml, as a plugin, for every folder.

Everything is compared strictly but stderr, where libraries chatter differently on each
machine. A cell that raises makes the rest of its notebook meaningless: nbval would run it
all the same, so the rest is skipped here, and the one failure is what the reader sees.
"""

import os

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # saved outputs are those of a CPU
if "PYTEST_XDIST_WORKER" in os.environ:
    # Two notebooks at once on two cores: threads would wait for each other most of the time.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
BROKEN = pytest.StashKey[str]()


def pytest_collectstart(collector):
    if isinstance(collector, IPyNbFile):
        collector.skip_compare += ("stderr",)


def pytest_runtest_setup(item):
    if isinstance(item, IPyNbCell) and BROKEN in item.parent.stash:
        pytest.skip(f"{item.parent.stash[BROKEN]} of this notebook raised an error")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    if isinstance(item, IPyNbCell) and call.excinfo is not None:
        error = call.excinfo.value
        if isinstance(error, NbCellError) and "exception" in str(error):
            item.parent.stash[BROKEN] = item.name
    return (yield)
