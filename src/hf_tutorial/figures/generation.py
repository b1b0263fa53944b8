"""The next token, and the search for good ones (notebook 08)."""

import operator
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hf_tutorial.figures import arrays, labels
from hf_tutorial.figures.canvas import canvas

HALF, HIGH = 0.34, 0.41  # of a box in the tree, in steps and ranks


def distributions(
    panels: Mapping[str, Mapping[str, float]], *, end: float | None = None
) -> Figure:
    """Draw probability distributions over the same tokens: one panel each, on one scale.

    Args:
        panels: Title of the panel to the probabilities: token to probability, in the same
            order in every panel. Put what is left over into a last entry, such as "2,036 others".
        end: Where all axes end; behind the largest probability unless given. A longer bar
            runs off its panel, with its value and an arrow inside.

    Returns:
        A figure, not shown: bars lie, the first token on top, at most three panels in a row. A
        probability of exactly 0 is drawn as a cross: this token cannot come.

    Raises:
        ValueError: Nothing to draw, panels that name other tokens, probabilities that are
            negative or do not add up to 1, an `end` that is not above 0, or a picture that
            would be too large.
    """
    if end is not None:
        end = arrays.number(end, "end")
        if not 0 < end < np.inf:
            raise ValueError(
                f"the axes cannot end at {end:g}: pass a probability above 0"
            )
    panels, names = _distributions(panels)
    texts, style = labels.lettering(names, longest=40)
    figure = _panel_canvas(texts, len(panels))
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.1)  # room between panels
    columns, rows = _laid_out(len(panels))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    end = end or 1.22 * max(max(values) for values in panels.values())
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (title, values) in zip(grid.flat, panels.items(), strict=False):
        _draw_distribution(axes, values, end)
        text, title_style = labels.label(title, 40 if columns > 1 else 80)
        axes.set_title(text, size=10, **title_style)
        axes.set_yticks(range(len(texts)), texts, size=9, **style)
        axes.set_xlim(0, end)
        axes.tick_params(axis="y", length=0)
    grid[0, 0].invert_yaxis()
    for axes in grid[-1]:
        axes.set_xlabel("probability", size=9)
        axes.tick_params(axis="x", labelsize=8)
    return figure


def _distributions(panels) -> tuple[dict, list]:
    """Check the panels: title to probabilities, and the tokens that all of them name."""
    found, names = {}, None
    for title, values in arrays.entries(panels, "panels").items():
        what = labels.shown(title)
        tolerance = arrays.rounding(list(arrays.entries(values, what).values()))
        values = arrays.measures(values, what)
        names = list(values) if names is None else names
        if list(values) != names:
            raise ValueError(f"{title!r} has the tokens {list(values)}, not {names}")
        if not names:
            break
        total = sum(values.values())
        if min(values.values()) < 0 or not abs(total - 1) < tolerance:  # nan too
            raise ValueError(
                f"{title!r} adds up to {total:.3f}: pass probabilities after softmax, and "
                "what is left over as a last entry"
            )
        found[title] = list(values.values())
    if not names:
        raise ValueError("no tokens to draw: pass at least one distribution")
    return found, names


def _laid_out(panels: int) -> tuple[int, int]:
    """Choose columns and rows of panels."""
    columns = max(1, min(panels, 3))
    return columns, -(-panels // columns)


def _panel_canvas(texts: list[str], panels: int) -> Figure:
    room = 0.075 * max(0, max(map(labels.width, texts)) - 16)  # of long tokens

    def inches(tokens: int, panels: int) -> tuple[float, float]:
        columns, rows = _laid_out(panels)
        wide = 2.1 * columns + 1.2 if columns > 1 else 6
        return wide + room, rows * (0.19 * tokens + 0.5) + 0.3

    return canvas(
        {"tokens": len(texts), "panels": panels},
        inches,
        "distributions({title: {**dict(list(values.items())[: {0} - 1]), 'others': "
        "sum(list(values.values())[{0} - 1 :])} "
        "for title, values in list(panels.items())[:{1}]})",
        artists=lambda tokens, panels: (3 * tokens + 80) * panels,
    )


def _draw_distribution(axes: Axes, values: list[float], end: float) -> None:
    drawn = axes.barh(range(len(values)), values, color="#26456e", height=0.7)
    written = [_probability(v) if v <= end else "" for v in values]
    axes.bar_label(drawn, written, padding=3, size=8)
    for place, value in enumerate(values):
        if value > end:
            axes.text(0.97 * end, place, f"{value:.2f} \N{RIGHTWARDS ARROW}", size=8,
                      ha="right", va="center", color="white")  # fmt: skip


def _probability(value: float) -> str:
    if value == 0:
        return "\N{MULTIPLICATION SIGN}"
    return f"{value:.2f}" if value >= 0.005 else "<.01"


def beam_tree(
    steps: Sequence[Sequence[tuple[int, str, float]]],
    width: int,
    *,
    root: str = "prompt",
) -> Figure:
    """Draw a beam search as a tree: what was tried at each step, and what was kept.

    Args:
        steps: One list per step, the best candidate first: (number of its parent among the
            beams kept one step before, token, log-probability of the whole beam so far).
        width: How many of each list are kept as beams; the others are drawn pale and dashed,
            with the token before written in instead of a line that would cross the others.
        root: What stands before the first step, where the only parent is 0.

    Returns:
        A figure, not shown: steps from left to right, the best candidate on top. The path to
        the best beam of the last step is drawn thick.

    Raises:
        ValueError: No steps, a width below 1, a step with fewer candidates than beams or not
            sorted, a parent that was not kept, a candidate more probable than its parent, or a
            picture that would be too large.
    """
    steps = _searched(steps, width)
    best, rank = set(), 0
    for number in reversed(range(len(steps))):
        best.add((number, rank))
        rank = steps[number][rank][0]
    most = max(map(len, steps))
    figure = canvas(
        {"steps": len(steps), "candidates in a step": most},
        # A step has as many candidates as beams, or more.
        lambda n, ranks: (1.5 * n + 1.0, 0.58 * max(ranks, width) + 0.7),
        "beam_tree([step[:{1}] for step in steps[:{0}]], width)",
        artists=lambda n, ranks: 4 * n * max(ranks, width),
    )
    axes = figure.add_subplot(xlim=(-1.05, len(steps) - 0.35), ylim=(most - 0.4, -0.9))
    axes.axis("off")
    text, style = labels.label(root, 20)
    axes.text(-0.7, (width - 1) / 2, text, ha="center", va="center", size=9,
              **{"style": "italic", **style})  # fmt: skip
    for number, candidates in enumerate(steps):
        axes.text(
            number, -0.75, f"step {number + 1}", ha="center", size=9, color="#333333"
        )
        before = steps[number - 1] if number else None
        for rank, candidate in enumerate(candidates):
            _grow(
                axes, (number, rank), candidate, before, width, (number, rank) in best
            )
    return figure


def _searched(steps, width: int) -> list[list[tuple[int, str, float]]]:
    """Check a beam search, and make plain numbers and labels of it."""
    width = _whole(width, "width")
    if width < 1:
        raise ValueError(f"width={width}: pass how many beams were kept, at least 1")
    steps = arrays.items(steps, "steps")
    if not steps:
        raise ValueError("no steps to draw")
    found, kept = [], [0.0]
    for number, candidates in enumerate(steps, start=1):
        candidates = arrays.items(candidates, f"the candidates of step {number}")
        found.append([_candidate(candidate, number) for candidate in candidates])
        scores = [score for _, _, score in found[-1]]
        if len(scores) < width:
            raise ValueError(
                f"step {number} has {len(scores)} candidates for {width} beams"
            )
        if scores != sorted(scores, reverse=True):
            raise ValueError(
                f"step {number} is not sorted: put the best candidate first"
            )
        for parent, token, score in found[-1]:
            if not 0 <= parent < len(kept):
                raise ValueError(
                    f"{token!r} of step {number} grows from beam {parent}, which was not kept"
                )
            if score > kept[parent]:
                raise ValueError(
                    f"{token!r} of step {number} is more probable than its parent: pass sums "
                    "of log-probabilities"
                )
        kept = scores[:width]
    return found


def _candidate(candidate, number: int) -> tuple[int, str, float]:
    if not isinstance(candidate, list | tuple) or len(candidate) != 3:
        raise ValueError(
            f"step {number} holds {arrays.kind(candidate)}: a candidate is (parent, token, "
            "log-probability)"
        )
    parent, token, score = candidate
    parent = _whole(parent, f"a parent in step {number}")
    score = arrays.number(score, f"log-probabilities of step {number}")
    if np.isnan(score):
        raise ValueError(f"{token!r} of step {number} has the log-probability nan")
    return parent, token, score


def _whole(value, what: str) -> int:
    try:
        return operator.index(value)
    except Exception:  # of a tensor, too
        raise ValueError(
            f"{what} is {arrays.kind(value)}: pass a whole number"
        ) from None


def _grow(
    axes: Axes, place: tuple, candidate: tuple, before, width: int, is_best: bool
) -> None:
    """Draw one candidate, and what it grew from."""
    number, rank = place
    parent, token, score = candidate
    is_kept = rank < width
    start = (number - 1 + HALF, parent) if number else (-0.5, (width - 1) / 2)
    told = not is_kept and number > 0  # its parent in words
    if not told:
        axes.plot(
            (start[0], number - HALF),
            (start[1], rank),
            color="black" if is_kept else "#8a94a6",
            linewidth=2.4 if is_best else 1.0 if is_kept else 0.7,
            linestyle="-" if is_kept else (0, (3, 2)),
            zorder=1,
        )
    axes.add_patch(
        Rectangle((number - HALF, rank - HIGH), 2 * HALF, 2 * HIGH,
                  facecolor="#e8eef7" if is_kept else "white",
                  edgecolor="black" if is_kept else "#8a94a6",
                  linewidth=1.8 if is_best else 0.9 if is_kept else 0.6,
                  linestyle="-" if is_kept else "--", zorder=2)
    )  # fmt: skip
    common = {"ha": "center", "va": "center", "zorder": 3}
    common["color"] = "black" if is_kept else "#4d5666"
    if told:
        text, style = labels.label(before[parent][1], 14)
        axes.text(number, rank - 0.25, f"after {text}:", size=7, **common, **style)
    text, style = labels.label(token, 16)
    axes.text(number, rank + (0.02 if told else -0.13), text, size=9,
              weight="bold" if is_best else "normal", **common, **style)  # fmt: skip
    axes.text(number, rank + (0.27 if told else 0.19), f"{score:.2f}".replace("-", "−"),
              size=8, **common)  # fmt: skip
