"""A conversation as the text that a model reads, and what a preference changes (notebook 10)."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from hf_tutorial.figures import arrays, labels
from hf_tutorial.figures.canvas import canvas
from hf_tutorial.figures.training import steps_of

LETTER, MARGIN, BETWEEN = 0.095, 0.1, 0.04  # inches
HIGH, LINE = 0.34, 0.56
LONGEST = 90  # letters of a piece
# kind: (what the legend says, how its boxes look)
KINDS = {
    "template": (
        "written by the template",
        {"facecolor": "#cfcfcf", "linewidth": 0.7},
    ),
    "user": ("said by the user", {"facecolor": "white", "linewidth": 0.7}),
    "assistant": (
        "said by the assistant: learned",
        {"facecolor": "#c9d8ee", "linewidth": 2.2},
    ),
    "prompt": (
        "the generation prompt",
        {"facecolor": "white", "linewidth": 1.6, "linestyle": (0, (3, 2))},
    ),
}


def conversation(pieces: Iterable[tuple[str, str]]) -> Figure:
    """Draw a conversation as one text: what a template writes, what is said, what is learned.

    Args:
        pieces: (kind, text) in reading order; the kinds are "template", "user", "assistant" and
            "prompt". A piece that ends in a newline ends its line, which is drawn as ↵.

    Returns:
        A figure, not shown: a line of boxes for each line of the text, and below a legend of the
        kinds that occur. Kinds differ by their edges and by how light they are.

    Raises:
        ValueError: No pieces, a piece that is no pair of texts, an unknown kind, or a picture
            that would be too large.
    """
    placed = _placed(pieces)
    figure = canvas(
        {"pieces": len(placed)},
        lambda count: _size(placed[:count]),
        "conversation(pieces[:{0}])",
        artists=lambda count: 2 * count,
        layout="none",
    )
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    for kind, (text, style), left, line in placed:
        inner = labels.width(text) * LETTER + MARGIN
        top = 0.1 + LINE * line
        axes.add_patch(
            Rectangle((left, top), inner, HIGH, edgecolor="#26456e", **KINDS[kind][1])
        )
        axes.text(left + inner / 2, top + HIGH / 2, text, size=9, ha="center", va="center",
                  **style)  # fmt: skip
    used = [kind for kind in KINDS if any(kind == piece[0] for piece in placed)]
    _legend(axes, used, 0.2 + LINE * (placed[-1][3] + 1))
    return figure


def preferences(chosen: Sequence[float], rejected: Sequence[float]) -> Figure:
    """Draw how far two answers have moved from where they were, step by step.

    Args:
        chosen: Log-probability of the preferred answer minus that by the reference model, for
            each step; step 0 first.
        rejected: The same of the other answer.

    Returns:
        A figure, not shown: two lines named at their ends, the reference at 0, and the margin
        between them shaded.

    Raises:
        ValueError: No steps or over 100,000, curves of different lengths, or a number that is
            not finite.
    """
    curves = {
        "chosen": steps_of(chosen, "changes of the chosen answer"),
        "rejected": steps_of(rejected, "changes of the rejected answer"),
    }
    lengths = {name: len(values) for name, values in curves.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"{lengths['chosen']} steps of the chosen answer, {lengths['rejected']} of the "
            "rejected one: compare equally many"
        )
    for name, values in curves.items():
        lost = np.flatnonzero(~np.isfinite(values))
        if len(lost):
            raise ValueError(
                f"the {name} answer at step {lost[0]} is {values[lost[0]]}"
            )
    figure = canvas({}, lambda: (6.4, 3.2))
    axes = figure.subplots()
    axes.fill_between(range(lengths["chosen"]), *curves.values(), color="#e8eef7")
    axes.axhline(0, color="#5b6b85", linewidth=0.8)
    for (name, values), style in zip(curves.items(), ("o-", "s--"), strict=True):
        axes.plot(values, style, color="#26456e", markersize=4)
        axes.annotate(name, (len(values) - 1, values[-1]), (8, 0), size=9, va="center",
                      textcoords="offset points", annotation_clip=False)  # fmt: skip
    axes.set(xlabel="step", ylabel="log-probability minus the reference's")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.03)
    return figure


def _placed(pieces) -> list[tuple[str, tuple[str, dict], float, int]]:
    """Check the pieces; for each give kind, label, left edge in inches, and line."""
    found, left, line = [], 0.05, 0
    for piece in arrays.items(pieces, "pieces"):
        if not (
            isinstance(piece, list | tuple)
            and len(piece) == 2
            and all(isinstance(part, str) for part in piece)
        ):
            raise ValueError(
                f"{labels.shown(piece)!r} is no piece: pass pairs (kind, text)"
            )
        kind, text = piece
        if kind not in KINDS:
            raise ValueError(
                f"no piece is of the kind {kind[:40]!r}: choose one of {', '.join(KINDS)}"
            )
        ends = text.endswith("\n")
        if text:
            shown = text.removesuffix("\n") + "↵" * ends
            (written,), style = labels.lettering([shown], labels.MONO, LONGEST)
            found.append((kind, (written, style), left, line))
            left += labels.width(written) * LETTER + MARGIN + BETWEEN
        if ends:
            left, line = 0.05, line + 1
    if not found:
        raise ValueError("no pieces to draw: pass at least one pair (kind, text)")
    return found


def _size(placed: list) -> tuple[float, float]:
    """Give width and height in inches of pieces and legend."""
    ends = [left + labels.width(text) * LETTER for _, (text, _), left, _ in placed]
    lines = max((line for *_, line in placed), default=0) + 1
    return max(6.4, *ends, 0) + MARGIN + BETWEEN, LINE * lines + 0.75


def _legend(axes: Axes, used: list[str], top: float) -> None:
    """Explain the boxes, two in a line."""
    for number, kind in enumerate(used):
        corner = (0.05 + 3.2 * (number % 2), top + 0.26 * (number // 2))
        axes.add_patch(
            Rectangle(corner, 0.3, 0.17, edgecolor="#26456e", **KINDS[kind][1])
        )
        axes.text(
            corner[0] + 0.4, corner[1] + 0.09, KINDS[kind][0], size=8.5, va="center"
        )
