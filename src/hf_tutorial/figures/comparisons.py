"""Runs beside each other (notebooks 06 and 07)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hf_tutorial.figures import arrays, labels
from hf_tutorial.figures.canvas import canvas
from hf_tutorial.figures.training import steps_of


def two_runs(
    first: Sequence[float], second: Sequence[float], names: tuple[str, str]
) -> Figure:
    """Draw the losses of two runs on top of each other, and below what is between them.

    Args:
        first: Loss of each step of one run; step 0 first.
        second: Loss of each step of the other, which should be the same run.
        names: What to call them.

    Returns:
        A figure, not shown: losses, on an axis around them; below, second minus first in
        units of 10⁻⁸, with lines at one unit in the last place of a float32 (near 0.7).

    Raises:
        ValueError: No steps or over 100,000, runs of different lengths, a loss that is no
            finite number, or no two names.
    """
    names = labels.names_of(names, "names")
    if len(names) != 2:
        raise ValueError(f"{len(names)} names for two runs: pass two")
    names, style = labels.lettering(names)
    first, second = steps_of(first, "losses"), steps_of(second, "losses")
    if first.shape != second.shape:
        raise ValueError(
            f"{names[0]} has {len(first)} steps, {names[1]} {len(second)}: compare equally many"
        )
    for name, losses in zip(names, (first, second), strict=True):
        lost = np.flatnonzero(~np.isfinite(losses))
        if len(lost):
            raise ValueError(
                f"the loss of {name} at step {lost[0]} is {losses[lost[0]]}"
            )
    figure = canvas({}, lambda: (7, 4))
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
    above.plot(
        first, "o", color="black", markersize=9, fillstyle="none", label=names[0]
    )
    above.plot(second, "x", color="#26456e", markersize=6, label=names[1])
    # Named one by one, or a name that begins with _ would be left out.
    _keys(
        above.legend(above.lines, names, frameon=False, loc="lower left", ncols=2),
        style,
    )
    above.set(ylabel="loss")
    above.margins(y=0.25)  # not from 0: the question is where the crosses lie
    apart = (second - first) * 1e8
    _draw_apart(below, apart)
    same = int((apart == 0).sum())
    title = f"{names[1]} minus {names[0]}: equal to the last bit at {same} of {len(apart)} steps"
    below.set_title(title, size=9, **style)
    figure.align_ylabels()
    return figure


def _draw_apart(axes: Axes, apart: np.ndarray) -> None:
    unit = float(np.spacing(np.float32(0.7))) * 1e8
    for level in (-unit, unit):
        axes.axhline(level, color="#5b6b85", linestyle=":", linewidth=1)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.vlines(np.arange(len(apart)), 0, apart, color="#26456e", linewidth=1)
    axes.plot(apart, ".", color="black", markersize=5)
    limit = max(2 * unit, 1.15 * np.abs(apart).max())
    axes.set(xlabel="step", ylim=(-limit, limit))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.annotate("the next float32", (0, unit), (0, 2), size=9,
                  textcoords="offset points", color="#3d4a61")  # fmt: skip
    axes.set_ylabel("difference, 10⁻⁸")


def loss_differences(runs: Mapping[str, Sequence[float]]) -> Figure:
    """Draw how far the losses of some runs lie from those of the first, step by step.

    Args:
        runs: Name to the loss of each step, step 0 first. The first run becomes the line at
            0, the second circles; a third and a fourth are triangles on broken lines.

    Returns:
        A figure, not shown: 0 in the middle, a legend below.

    Raises:
        ValueError: Fewer than two runs or more than four, no steps or over 100,000, runs of
            unequal length, or a loss that is no finite number.
    """
    runs = arrays.entries(runs, "runs")
    if not 2 <= len(runs) <= 4:
        raise ValueError(f"{len(runs)} runs: pass 2 to 4, the first to compare with")
    first, *_ = runs
    table = {name: arrays.numbers(x, f"losses of {name!r}") for name, x in runs.items()}
    steps = len(table[first]) if table[first].ndim else 0
    for name, row in table.items():
        if row.shape != (steps,) or not steps:
            raise ValueError(
                f"{name!r} has losses of shape {row.shape}, not {steps} steps as {first!r}"
            )
        if not np.isfinite(row).all():
            raise ValueError(f"{name!r} holds a loss that is no finite number")
        steps_of(row, "losses")
    names, style = labels.lettering(list(runs), longest=40)
    apart = [row - table[first] for row in table.values()]
    long = sum(map(labels.width, names)) > 80
    figure = canvas({}, lambda: (6.4, 2.8 + 0.3 * long))
    axes = figure.subplots()
    styles = (
        {"color": "black", "linewidth": 1.2},
        {"linestyle": "none", "marker": "o", "fillstyle": "none", "markersize": 11},
        {"linestyle": "--", "marker": "^", "markersize": 5},
        {"linestyle": ":", "marker": "v", "markersize": 5},
    )
    for name, row, line in zip(names, apart, styles, strict=False):
        axes.plot(row, **{"color": "#3d4a61", "linewidth": 1, **line}, label=name)
    far = max(np.abs(row).max() for row in apart) or 1.0
    axes.set(xlabel="step", ylim=(-1.2 * far, 1.2 * far))
    axes.set_ylabel(f"loss minus that of the {names[0]}", **style)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _keys(figure.legend(axes.lines, names, loc="outside lower center", ncols=2 if long else 4, fontsize=8,
                        frameon=False), style)  # fmt: skip
    return figure


def _keys(legend, style: dict) -> None:
    """Write the names in a legend as all labels are written."""
    for text in legend.get_texts():
        text.set(**style)
