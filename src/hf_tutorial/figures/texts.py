"""Texts beside each other, and texts cut into tokens (notebooks 00, 01 and 04)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hf_tutorial.figures import arrays, labels
from hf_tutorial.figures.canvas import canvas


def similarity_map(similarity: np.ndarray, texts: Sequence[str]) -> Figure:
    """Draw how similar texts are, each with each, on a scale from 0 to 1.

    Args:
        similarity: Cosine similarities, as of vectors of length 1; shape (texts, texts).
        texts: One text per row, written out at the left and lettered at the top: A to Z,
            then AA, AB.

    Returns:
        A figure, not shown: one half of the table, which holds every pair once; each value is
        written in. Values below 0 have the colour of 0.

    Raises:
        ValueError: No texts, shapes that disagree, numbers that are no cosine similarities, or
            a picture that would be too large.
    """
    tolerance = max(1e-3, arrays.rounding(similarity))
    similarity = arrays.numbers(similarity, "similarities")
    texts = labels.names_of(texts, "texts")
    count = len(texts)
    if not count or similarity.shape != (count, count):
        raise ValueError(f"{count} texts cannot label the shape {similarity.shape}")
    alike = np.allclose(similarity, similarity.T, atol=tolerance)
    whole = np.allclose(similarity.diagonal(), 1, atol=tolerance)
    if not (alike and whole and np.abs(similarity).max() <= 1 + tolerance):  # nan too
        raise ValueError(
            "cosine similarities are the same both ways, and 1 for a text with itself, the "
            "largest there is: divide each vector by its length first"
        )
    texts, style = labels.lettering(texts, longest=100)
    room = 0.075 * max(map(labels.width, texts))
    figure = canvas(
        {"texts": count},
        lambda n: (room + 0.62 * n + 0.4, 0.46 * n + 0.6),
        "similarity_map(similarity[:{0}, :{0}], texts[:{0}])",
        artists=lambda n: n * n // 2 + 2 * n,
    )
    axes = figure.add_subplot()
    below = np.tril(np.ones_like(similarity, dtype=bool))
    axes.imshow(np.ma.masked_array(similarity, ~below), vmin=0, vmax=1, aspect="auto")
    for row, column in np.argwhere(below):
        value = similarity[row, column]
        axes.text(column, row, f"{value:.2f}".replace("-0.00", "0.00"), size=9,
                  ha="center", va="center",
                  color="white" if value < 0.45 else "black")  # fmt: skip
    letters = [column_letters(number) for number in range(count)]
    rows = [f"{text}  {letter}" for text, letter in zip(texts, letters, strict=True)]
    axes.set_xticks(range(count), letters)
    axes.set_yticks(range(count), rows, **style)
    axes.tick_params(
        length=0, top=False, labeltop=True, bottom=False, labelbottom=False
    )
    axes.spines[:].set_visible(False)
    return figure


def column_letters(number: int) -> str:
    """Name a column as a spreadsheet does: A to Z for 0 to 25, then AA, AB."""
    letters = ""
    number += 1
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def token_boxes(
    rows: Mapping[str, Sequence[str]], *, special: Sequence[str] = ()
) -> Figure:
    """Draw tokens as boxes: one row for each way to cut a text, with its count.

    Args:
        rows: Name of the row to its tokens, in reading order.
        special: Tokens to hatch, for instance `[CLS]` and `[SEP]`.

    Returns:
        A figure, not shown: the first row on top, box widths by number of letters.

    Raises:
        ValueError: No rows, a row without tokens, a text where a list of tokens is due, special
            IDs that no row holds, or a picture that would be too large.
    """
    rows = {
        name: labels.names_of(tokens, f"the tokens of row {name!r}")
        for name, tokens in arrays.entries(rows, "rows").items()
    }
    if not rows:
        raise ValueError("no rows to draw: pass at least one list of tokens")
    if isinstance(special, str):
        raise ValueError(f"special={special!r} is one text: pass a list of tokens")
    special = labels.names_of(special, "special tokens")
    for name, tokens in rows.items():
        if not tokens:
            raise ValueError(f"row {name!r} has no tokens to draw")
    _check_special(special, rows)
    letter, margin, between = 0.1, 0.1, 0.04  # inches
    written, right = {}, {}
    for name, tokens in rows.items():
        written[name], style = labels.lettering(tokens, labels.MONO)
        inner = [labels.width(text) * letter + margin for text in written[name]]
        right[name] = np.cumsum([wide + between for wide in inner])
        written[name] = [
            (*one, style) for one in zip(written[name], inner, strict=True)
        ]
    figure = _row_canvas(list(right.values()))
    width = max(figure.get_size_inches()[0], 2)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(len(rows), 0))
    axes.axis("off")
    for y, (name, tokens) in enumerate(rows.items()):
        text, style = labels.label(f"{labels.shown(name)}: {len(tokens)}", 80)
        axes.text(0, y + 0.2, text, size=8, va="center", color="#333333", **style)
        for token, end, (text, inner, style) in zip(
            tokens, right[name], written[name], strict=True
        ):
            corner = (end - inner - between, y + 0.4)
            _token_box(axes, corner, inner, (text, style), token in special)
    return figure


def _check_special(special: list, rows: Mapping[str, list]) -> None:
    # A special token may be absent: no draw of a mask must hit. An ID among tokens is a slip.
    for token in special:
        known = any(token in tokens for tokens in rows.values())
        if not known and not (token is None or isinstance(token, str)):
            raise ValueError(
                f"special={special!r}: no row holds {token!r}. Where rows hold tokens, name "
                "special ones by their texts, such as tokenizer.cls_token"
            )


def _row_canvas(ends: list[np.ndarray]) -> Figure:
    """Make a figure for rows of boxes, given where each box ends, in inches."""

    def inches(tokens: int, rows: int) -> tuple[float, float]:
        return max(2, *(end[:tokens][-1] for end in ends[:rows])), 0.6 * rows

    return canvas(
        {"tokens in a row": max(map(len, ends)), "rows": len(ends)},
        inches,
        "token_boxes({name: tokens[:{0}] for name, tokens in list(rows.items())[:{1}]})",
        artists=lambda tokens, rows: 2 * sum(len(end[:tokens]) for end in ends[:rows]),
        layout="none",
    )


def _token_box(
    axes: Axes, corner: tuple, width: float, label: tuple, hatched: bool
) -> None:
    left, top = corner
    text, style = label
    axes.add_patch(
        Rectangle(
            corner,
            width,
            0.5,
            facecolor="#dddddd" if hatched else "#e8eef7",
            edgecolor="#5b6b85",
            hatch="...." if hatched else None,
            linewidth=0.7,
        )
    )
    axes.text(left + width / 2, top + 0.26, text, size=9, ha="center", va="center",
              **style)  # fmt: skip
