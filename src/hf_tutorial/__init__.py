"""What the notebooks of *Hugging Face, top to bottom* share. Importing it costs nothing."""

import importlib.metadata
import os
import sys
import traceback
from pathlib import Path

__all__ = ["start"]

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
_source: str | None = None  # what start() was called with first


def start(seed: int = 0) -> None:
    """Prepare a notebook: the first cell of each calls it.

    It seeds Python, NumPy and PyTorch, silences progress bars and load reports, shuts the
    network off in bundled mode, sets the plot style, and prints one line. In a notebook,
    errors are shown from then on with the reader's own lines only.

    Raises:
        FileNotFoundError: The working directory is not `notebooks/`.
        ValueError: HF_TUTORIAL_SOURCE holds an unknown word.
        RuntimeError: It has changed since this kernel started with another one.
    """
    from hf_tutorial import sources

    _shorten_tracebacks()
    if Path.cwd() != NOTEBOOKS.resolve():
        raise FileNotFoundError(
            f"the working directory is {Path.cwd().name!r}, but a notebook reads ../data from "
            "notebooks/: open it with `make lab`, or move there with os.chdir('notebooks')"
        )
    source = sources.origin()
    global _source
    if _source not in (None, source):
        raise RuntimeError(
            f"this kernel started with HF_TUTORIAL_SOURCE={_source} and the libraries "
            f"remember it: restart the kernel to use {source!r}"
        )
    _source = source
    for package, (found, pinned) in versions_off_pin().items():
        print(
            f"{package} is {found}; the saved outputs were made with {pinned}, so numbers may "
            "differ. `make lab` starts with the pinned versions.",
            file=sys.stderr,
        )
    # Read by the libraries when they are imported, so this comes before the imports below.
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # no warning when a DataLoader forks
    if source == "bundled":
        os.environ["HF_HUB_OFFLINE"] = "1"
    _set_plot_style()

    import numpy as np
    import torch
    from transformers import set_seed

    set_seed(seed)
    torch.set_printoptions(precision=4, sci_mode=False)
    np.set_printoptions(precision=4, suppress=True)
    network = "no network" if source == "bundled" else "from the Hub"
    print(f"Ready: {source} models and data, {network}, seed {seed}.")


def versions_off_pin() -> dict[str, tuple[str, str]]:
    """List the installed packages that are not at the version pinned in pyproject.toml.

    Returns:
        Package name to (installed version, pinned version); empty when all agree. A local
        suffix, as in 2.13.0+cpu, does not count.
    """
    off = {}
    for requirement in importlib.metadata.requires("hf-tutorial") or []:
        package, _, pinned = requirement.partition("==")
        if (
            not pinned or ";" in pinned
        ):  # `; extra == "dev"`: not needed to read a notebook
            continue
        try:
            found = importlib.metadata.version(package).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            found = "not installed"
        if found != pinned:
            off[package] = (found, pinned)
    return off


def _set_plot_style() -> None:
    import matplotlib

    matplotlib.rcParams.update(
        {
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": "medium",
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "figure.figsize": (7, 3.2),
            "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine has it
            "image.cmap": "cividis",
            "image.interpolation": "nearest",
        }
    )
    if _shell() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # Also registers how a Figure is shown, which our figure functions return.
        set_matplotlib_formats("png")


def _shell():
    """Return the running IPython shell, or None outside of a notebook."""
    if "IPython" not in sys.modules:
        return None
    return sys.modules["IPython"].get_ipython()


def _shorten_tracebacks() -> None:
    shell = _shell()
    if shell is None:
        return

    def show(shell, kind, error, trace, tb_offset=None):
        cells = shell.compile._filename_map  # the files that stand for notebook cells
        mine = [
            frame for frame in traceback.extract_tb(trace) if frame.filename in cells
        ]
        lines = [f"line {frame.lineno}: {frame.line}" for frame in mine]
        lines.append("".join(traceback.format_exception_only(kind, error)).rstrip())
        shell._showtraceback(kind, error, lines)
        return lines

    shell.set_custom_exc((Exception,), show)
