"""How results look in a notebook: the same for every reader, whatever their own settings say."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Callable

STYLE = {
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
LECTURE = "HF_TUTORIAL_LECTURE"  # set by `make lecture`: figures for the last row
ENLARGED = 1.5
INLINE = "module://matplotlib_inline.backend_inline"
# What of an IPython profile changes outputs. Colours, history and completion stay the reader's.
_OF_THE_SHELL = (
    "ast_node_interactivity",
    "ast_transformers",
    "autoawait",
    "autocall",
    "quiet",
)
_OF_TEXT = (
    "float_precision",
    "max_seq_length",
    "max_width",
    "newline",
    "pprint",
    "verbose",
)
_explain: Callable[[BaseException], str | None] | None = None
_OF_FIGURES = ("close_figures", "figure_formats", "print_figure_kwargs", "rc")


def running_shell():
    """Return the running IPython shell, or None outside of a notebook."""
    if "IPython" not in sys.modules:
        return None
    return sys.modules["IPython"].get_ipython()


def shorten_tracebacks() -> None:
    """Let errors in a notebook show the reader's own lines and the message, nothing else."""
    shell = running_shell()
    if shell is None:
        return

    def show(shell, kind, error, trace, tb_offset=None):
        # IPython leaves this to whoever shows an error; `%tb` and `%debug` look here
        sys.last_type, sys.last_value, sys.last_traceback = kind, error, trace
        cells = shell.compile._filename_map  # the files that stand for notebook cells
        mine = [
            frame for frame in traceback.extract_tb(trace) if frame.filename in cells
        ]
        lines = [f"line {frame.lineno}: {frame.line}" for frame in mine]
        told = _explain(error) if _explain is not None else None
        if told is None:
            told = "".join(traceback.format_exception_only(kind, error)).rstrip()
        else:
            told = f"{kind.__name__}: {told}"
        lines.append(told)
        shell._showtraceback(kind, error, lines)
        return lines

    shell.set_custom_exc((Exception,), show)


def explain_errors(explain: Callable[[BaseException], str | None]) -> None:
    """Show a sentence of ours in place of an error's message, where `explain` gives one.

    What the libraries said is still there: `%tb` shows it.
    """
    global _explain
    _explain = explain


def put_back_defaults() -> str | None:
    """Undo what a reader's IPython profile or MPLBACKEND changes in outputs, for this kernel.

    Returns:
        What the reader should know when something was changed; None otherwise.
    """
    shell = running_shell()
    if not hasattr(shell, "kernel"):  # in a terminal, nothing is shown as in a notebook
        return None
    changed = []
    for owner, names in _watched(shell):
        for name in names:
            usual, found = owner.trait_defaults(name), getattr(owner, name)
            if found != usual:
                setattr(owner, name, usual)
                changed.append(f"{type(owner).__name__}.{name}={found!r}")
    changed += _back_to_inline(shell)
    if not changed:
        return None
    return (
        f"Your own settings change what cells show ({', '.join(changed)}): in this kernel the "
        "usual ones hold, those of the saved outputs."
    )


def _watched(shell):
    from matplotlib_inline.config import InlineBackend

    display = shell.display_formatter
    yield shell, _OF_THE_SHELL
    yield display, ("active_types",)
    for kind, formatter in display.formatters.items():
        yield formatter, _OF_TEXT if kind == "text/plain" else ("enabled",)
    yield InlineBackend.instance(parent=shell), _OF_FIGURES


def _back_to_inline(shell) -> list[str]:
    """Show figures below their cell again: MPLBACKEND=Agg, say, would show none."""
    import matplotlib

    found = matplotlib.get_backend(auto_select=False)
    if found in (None, "inline", INLINE):
        return []
    shell.enable_matplotlib("inline")
    return [f"matplotlib's backend {found}"]


def set_plot_style() -> None:
    """Draw as the saved figures are drawn: matplotlib's own defaults, and our style on them."""
    import matplotlib

    # Without the backend, which rcdefaults leaves alone: a matplotlibrc of the reader's ends here.
    matplotlib.rcdefaults()
    usual = matplotlib.rcParamsDefault
    for name in ("figure.max_open_warning", "timezone"):  # left alone as well
        matplotlib.rcParams[name] = usual[name]
    matplotlib.rcParams.update(STYLE)
    if os.environ.get(LECTURE) == "1":
        matplotlib.rcParams["figure.dpi"] = STYLE["figure.dpi"] * ENLARGED
    if running_shell() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # Also registers how a Figure is shown, which our figure functions return.
        set_matplotlib_formats("png")


def set_print_style() -> None:
    """Print arrays and tables as the saved outputs do, whatever a startup file has set."""
    import numpy as np
    import torch

    torch.set_printoptions(profile="default")
    torch.set_printoptions(precision=4, sci_mode=False)
    np.set_printoptions(
        precision=4, suppress=True, edgeitems=3, threshold=1000, linewidth=75, sign="-",
        floatmode="maxprec", nanstr="nan", infstr="inf", formatter=None, legacy=False,
        override_repr=None,
    )  # fmt: skip
    if "pandas" in sys.modules:  # no reason to import it for this
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # options about to go complain when read
            sys.modules["pandas"].reset_option("display.")
