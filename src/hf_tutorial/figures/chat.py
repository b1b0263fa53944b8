"""A conversation as the text that a model reads (notebook 10)."""

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hf_tutorial.figures import arrays, labels
from hf_tutorial.figures.canvas import canvas

LETTER, HIGH, LINE = 0.095, 0.34, 0.56  # inches
LONGEST = 90  # letters of a piece
# kind: (what the legend says, how its boxes look)
KINDS = {
    "template": (
        "written by the template",
        {"facecolor": "#dddddd", "hatch": "....", "linewidth": 0.7},
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
        kinds that occur. Kinds differ by hatching and edges, too.

    Raises:
        ValueError: No pieces, a piece that is no pair of texts, an unknown kind, or a picture
            that would be too large.
    """
    lines = _lines(pieces)
    used = [
        kind for kind in KINDS if any(kind in piece for row in lines for piece in row)
    ]

    def inches(pieces: int, count: int) -> tuple[float, float]:
        cut = [
            sum(labels.width(text) * LETTER + 0.14 for _, text, _ in line[:pieces])
            for line in lines[:count]
        ]
        return max(6.4, *cut, 0) + 0.1, LINE * count + 0.75

    figure = canvas(
        {"pieces in a line": max(map(len, lines)), "lines": len(lines)},
        inches,
        "conversation(pieces[:{0}])",
        artists=lambda pieces, count: sum(
            2 * len(row[:pieces]) for row in lines[:count]
        ),
        layout="none",
    )
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    for number, line in enumerate(lines):
        left = 0.05
        for kind, text, style in line:
            inner = labels.width(text) * LETTER + 0.1
            _box(axes, (left, 0.1 + LINE * number), inner, kind)
            axes.text(left + inner / 2, 0.1 + LINE * number + HIGH / 2, text, size=9,
                      ha="center", va="center", **style)  # fmt: skip
            left += inner + 0.04
    _legend(axes, used, 0.2 + LINE * len(lines))
    return figure


def _lines(pieces) -> list[list[tuple[str, str, dict]]]:
    """Check the pieces, cut them into lines, and find fonts for their texts."""
    found: list[list] = [[]]
    for piece in arrays.items(pieces, "pieces"):
        if not (
            isinstance(piece, list | tuple)
            and len(piece) == 2
            and all(isinstance(part, str) for part in piece)
        ):
            raise ValueError(f"{piece!r} is no piece: pass pairs (kind, text)"[:300])
        kind, text = piece
        if kind not in KINDS:
            raise ValueError(
                f"no piece is of the kind {kind[:40]!r}: choose one of {', '.join(KINDS)}"
            )
        ends = text.endswith("\n")
        shown = text.removesuffix("\n") + "↵" * ends
        if shown:
            (written,), style = labels.lettering([shown], labels.MONO, LONGEST)
            found[-1].append((kind, written, style))
        if ends:
            found.append([])
    lines = [line for line in found if line]
    if not lines:
        raise ValueError("no pieces to draw: pass at least one pair (kind, text)")
    return lines


def _box(axes: Axes, corner: tuple[float, float], width: float, kind: str) -> None:
    axes.add_patch(
        Rectangle(corner, width, HIGH, edgecolor="#26456e", zorder=1, **KINDS[kind][1])
    )


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
