"""The kernel of the notebooks, as a program: IPython's, without anybody's own settings.

It reads no profile, neither the reader's nor the machine's, and runs no start-up file. Started
by its path, not with `-m`, so that a `csv.py` beside a notebook does not stand in for Python's
while the kernel starts.
"""

import importlib.util
import os
import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Start a kernel with the arguments of the command line, such as `-f FILE`."""
    del sys.path[0]  # this folder; IPython puts the notebook's behind Python's own
    from ipykernel.kernelapp import IPKernelApp
    from IPython.core import application
    from traitlets.config import Config

    application.ENV_CONFIG_DIRS.clear()
    application.SYSTEM_CONFIG_DIRS.clear()
    os.environ.pop("PYTHONSTARTUP", None)
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    _ignore_matplotlibrc()

    kernel = IPKernelApp.instance()
    kernel.update_config(Config({"HistoryManager": {"hist_file": ":memory:"}}))
    with tempfile.TemporaryDirectory() as empty:
        kernel.ipython_dir = empty
        kernel.initialize(sys.argv[1:])
        kernel.start()  # until the kernel is shut down


def _ignore_matplotlibrc() -> None:
    """Point matplotlib to the settings that it comes with, past those in the reader's home."""
    found = importlib.util.find_spec("matplotlib")
    if found and found.origin:
        theirs = Path(found.origin).parent / "mpl-data" / "matplotlibrc"
        os.environ["MATPLOTLIBRC"] = str(theirs)


if __name__ == "__main__":
    main()
