"""Measured numbers: bars, and how much faster many processes are (notebooks 04, 06 and 07)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hf_tutorial.figures import arrays, labels
from hf_tutorial.figures.canvas import canvas

LINES, MARKERS = (":", "--", "-", "-."), ("", "o", "s", "^")


def bars(panels: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw measured numbers as labelled bars from 0: one panel for each unit.

    Args:
        panels: Unit, which becomes the axis label, to the numbers: name of the bar to value,
            in the same order in every panel.

    Returns:
        A figure, not shown: bars lie, the first on top; each value is written at its end.

    Raises:
        ValueError: Nothing to draw, panels that name other bars, a value that is below 0 or no
            finite number, or a picture that would be too large.
    """
    panels = {
        unit: arrays.measures(values, labels.shown(unit))
        for unit, values in arrays.entries(panels, "panels").items()
    }
    names = list(next(iter(panels.values()), ()))
    if not names:
        raise ValueError("no bars to draw: pass at least one unit with one value")
    for unit, values in panels.items():
        if list(values) != names:
            raise ValueError(f"{unit!r} has the bars {list(values)}, not {names}")
        for name, value in values.items():
            if not 0 <= value < np.inf:  # nan too
                raise ValueError(
                    f"{name!r} is {value:g} {unit}: a bar from 0 cannot show that"
                )
    texts, style = labels.lettering(names)
    room = 0.085 * max(0, max(map(labels.width, texts)) - 30)  # of long names

    figure = canvas(
        {"bars": len(names), "panels": len(panels)},
        lambda rows, count: (7 * max(1, count / 4) + room, 0.36 * rows + 0.7),
        "bars({unit: dict(list(values.items())[:{0}]) "
        "for unit, values in list(panels.items())[:{1}]})",
        artists=lambda rows, count: 3 * rows * count,
    )
    columns = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    places = range(len(names))
    for axes, (unit, values) in zip(columns, panels.items(), strict=True):
        drawn = axes.barh(places, list(values.values()), color="#26456e", height=0.6)
        axes.bar_label(drawn, [_written(v) for v in values.values()], padding=3, size=8)
        # The numbers stand at the bars: ticks would say them twice.
        axes.set(xticks=[])
        text, unit_style = labels.label(unit)
        axes.set_xlabel(text, **unit_style)
        axes.set_yticks(places, texts, **style)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.2)
        axes.set_xlim(left=0)
    columns[0].invert_yaxis()
    return figure


def _written(value: float) -> str:
    if value >= 1e12:
        return f"{value:.3g}"
    # Two digits of 99.5 would be 1.0e+02.
    return f"{value:,.0f}" if value >= 99.5 else f"{value:#.2g}".rstrip(".")


def speed_ups(
    counts: Sequence[int], panels: Mapping[str, Mapping[str, Sequence[float]]]
) -> Figure:
    """Draw how many times as fast many processes are as one, beside the ideal.

    Args:
        counts: Numbers of processes, rising; the first is 1.
        panels: Title to the curves of the panel, at most 16: name to speed-up for each count.

    Returns:
        A figure, not shown: both axes logarithmic and the same in every panel; each curve
        has its name at its end, the ideal has none where a curve covers it.

    Raises:
        ValueError: Nothing to draw, numbers that are not compared with one process, a speed-up
            that is no finite number above 0, or a picture that would be too large.
    """
    counts = arrays.numbers(counts, "counts")
    panels = arrays.entries(panels, "panels")
    if not panels or counts.ndim != 1 or not len(counts) or counts[0] != 1:
        raise ValueError("pass counts that begin with 1, and at least one panel")
    whole = np.isfinite(counts).all() and (counts == np.floor(counts)).all()
    if not whole or not (np.diff(counts) > 0).all():
        raise ValueError(f"counts must rise in whole numbers, not {counts.tolist()}")
    table = {
        title: _gains(curves, counts, labels.shown(title))
        for title, curves in panels.items()
    }
    figure = canvas(
        {"panels": len(table)},
        lambda count: (3.9 * max(count, 1.5), 3.4),
        "speed_ups(counts, dict(list(panels.items())[:{0}]))",
    )
    row = figure.subplots(1, len(table), sharey=True, squeeze=False)[0]
    for axes, (title, curves) in zip(row, table.items(), strict=True):
        _draw_gains(axes, counts, curves)
        text, style = labels.label(title)
        axes.set(xscale="log", yscale="log", xlabel="processes")
        axes.set_title(text, **style)
        shown = counts[:: -(-len(counts) // 12)]
        axes.set_xticks(shown, [f"{count:g}" for count in shown])
        axes.minorticks_off()
    lowest = min(
        [1.0, *(g.min() for curves in table.values() for g in curves.values())]
    )
    ticks = [tick for tick in (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256)
             if 0.7 * lowest <= tick <= counts[-1]]  # fmt: skip
    row[0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    row[0].set_ylabel("speed-up, in examples per second")
    return figure


def _gains(curves, counts: np.ndarray, title: str) -> dict:
    curves = arrays.entries(curves, f"the curves of {title!r}")
    if len(curves) > len(LINES) * len(MARKERS):
        raise ValueError(
            f"{title!r} has {len(curves)} curves: at most "
            f"{len(LINES) * len(MARKERS)} can be told apart"
        )
    found = {}
    for name, gains in curves.items():
        gains = found[name] = arrays.numbers(gains, f"the speed-ups of {name!r}")
        if gains.shape != counts.shape or not ((gains > 0) & (gains < np.inf)).all():
            raise ValueError(f"{name!r} needs one number above 0 for each count")
        if not np.isclose(gains[0], 1):
            raise ValueError(
                f"{name!r} begins at {gains[0]:.3g}: divide by the speed of one process"
            )
    return found


def _draw_gains(axes: Axes, counts: np.ndarray, curves: Mapping) -> None:
    axes.plot(counts, counts, color="#5b6b85", linewidth=0.7)
    if not any(np.allclose(gains, counts, rtol=0.05) for gains in curves.values()):
        middle = counts[len(counts) // 2]
        axes.annotate("ideal", (middle, middle), (-6, 6), textcoords="offset points",
                      ha="right", size=8, color="#3d4a61")  # fmt: skip
    names, style = labels.lettering(list(curves), longest=40)
    for index, (name, gains) in enumerate(zip(names, curves.values(), strict=True)):
        axes.plot(counts, gains, LINES[index % 4], color="black",
                  marker=MARKERS[index // 4], fillstyle="none")  # fmt: skip
        # Ends that lie close together are written above and below each other.
        axes.annotate(name, (counts[-1], gains[-1]), (4, 0), size=8,
                      textcoords="offset points",
                      va="top" if gains[-1] < 0.95 * counts[-1] else "bottom",
                      **style)  # fmt: skip
