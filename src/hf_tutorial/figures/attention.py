"""What attention heads look at (notebook 03).

Axes are the same everywhere: rows are queries, the first on top; columns are keys. Attention
weights are always drawn from 0 to 1, so that any two pictures can be compared.
"""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D

from hf_tutorial.figures import arrays, labels
from hf_tutorial.figures.canvas import canvas

QUERY = "query: the token attending"
KEY = "key: the token attended to"
# What a model gives, as it is: a tuple of layers, each (texts, heads, query, key).
WAYS = {
    "layers": {
        5: "take one text out, as in `torch.stack(attentions)[:, 0]`",
        3: "of one layer, pass `weights[None]`",
        2: "of one head, pass `weights[None, None]`",
    },
    "panels": {
        5: "choose a layer and a text, as in `torch.stack(attentions)[2, 0]`",
        4: "choose a layer or a text, as in `weights[0]`",
        2: "of one head, pass `weights[None]`",
    },
}
PITCH = 0.075  # inches of a cell in the grid


def attention_grid(weights: np.ndarray, tokens: Sequence[str]) -> Figure:
    """Draw one heat map per attention head, all in a single image on a single colour scale.

    Args:
        weights: Attention weights of one sentence, after softmax; shape (layers, heads, query,
            key). Each query's row sums to 1, or to less where keys were cut off.
        tokens: One label per position, special tokens included.

    Returns:
        A figure, not shown: layers down, heads across, both counted from 0; token labels
        of the queries on the left, of the keys below.

    Raises:
        ValueError: Shapes disagree, rows are no probabilities, or the picture would be too
            large: the message says how many tokens fit.
    """
    axes_of = ("layers", "heads", "query", "key")
    weights, names = _probabilities(weights, tokens, axes_of)
    texts, style = labels.lettering(names, labels.MONO)
    layers, heads, size, _ = weights.shape
    room = max(map(labels.width, texts)) * 0.046 + 0.24  # beside and below the grid
    figure = canvas(
        {"tokens": size, "layers": layers, "heads": heads},
        lambda n, layers, heads: (
            room + heads * (n + 1) * PITCH + 1.3,
            room + layers * (n + 1) * PITCH + 0.3,
        ),
        "attention_grid(weights[:{1}, :{2}, :{0}, :{0}], tokens[:{0}])",
        artists=lambda n, layers, heads: (layers + heads) * (n + 1),
        layout="none",
    )
    full = figure.get_size_inches()
    wide, high = heads * (size + 1) * PITCH, layers * (size + 1) * PITCH
    box = (room / full[0], room / full[1], wide / full[0], high / full[1])
    axes = figure.add_axes(box)
    image = _mesh(axes, weights)
    pitch = size + 1
    rows = [(-1, layer * pitch + y) for layer in range(layers) for y in range(size)]
    columns = [
        (head * pitch + x, layers * pitch - 0.5)
        for head in range(heads)
        for x in range(size)
    ]
    family = style["family"]
    axes.add_collection(_outlines(axes, texts * layers, rows, family))
    axes.add_collection(_outlines(axes, texts * heads, columns, family, upright=True))
    middle = (size - 1) / 2
    for head in range(heads):
        axes.text(head * pitch + middle, -1.2, f"head {head}", ha="center", size=7)
    for layer in range(layers):
        place = (heads * pitch - 0.5, layer * pitch + middle)
        axes.text(*place, f"layer {layer}", va="center", size=7)
    figure.text(0, box[1] + box[3] / 2, QUERY, rotation=90, va="center", size=9)
    figure.text(box[0] + box[2] / 2, 0, KEY, ha="center", size=9)
    bar = figure.add_axes(
        (1 - 0.75 / full[0], box[1] + box[3] / 4, 0.1 / full[0], box[3] / 2)
    )
    figure.colorbar(image, cax=bar, label="attention weight")
    return figure


def attention_heads(
    weights: np.ndarray, tokens: Sequence[str], titles: Sequence[str]
) -> Figure:
    """Draw chosen attention heads side by side, large enough to read, on one colour scale.

    Args:
        weights: Attention weights after softmax; shape (panels, query, key). Each query's row
            sums to 1, or to less where keys were cut off.
        tokens: One label per position, special tokens included.
        titles: One title per panel.

    Returns:
        A figure, not shown: at most three panels in a row.

    Raises:
        ValueError: Shapes disagree, rows are no probabilities, or the picture would be too
            large: the message says how many tokens fit.
    """
    weights, names = _probabilities(weights, tokens, ("panels", "query", "key"))
    titles = labels.names_of(titles, "titles")
    if len(titles) != len(weights):
        raise ValueError(f"{len(titles)} titles cannot name {len(weights)} panels")
    texts, style = labels.lettering(names)
    titles, title_style = labels.lettering(titles)
    room = 0.07 * max(0, max(map(labels.width, texts)) - 14)  # of long tokens

    def inches(size: int, panels: int) -> tuple[float, float]:
        columns, rows = _laid_out(panels)
        side = max(0.19 * size, 1.8) + room
        return columns * side + 1.7, rows * (side + 0.9) + 0.2

    count, size = len(weights), len(texts)
    columns, rows = _laid_out(count)
    figure = canvas(
        {"tokens": size, "panels": count},
        inches,
        "attention_heads(weights[:{1}, :{0}, :{0}], tokens[:{0}], titles[:{1}])",
        artists=lambda size, panels: 2 * size * panels,
    )
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat[count:]:
        axes.set_visible(False)
    letters = max(24, int(inches(size, 1)[0] / 0.085) - 20)  # in a line of a title
    for axes, head, title in zip(panels.flat, weights, titles, strict=False):
        image = axes.imshow(head, vmin=0, vmax=1)
        if len(title) > letters:
            title = "\n".join(textwrap.wrap(title, letters))
        axes.set_title(title, **title_style)
        axes.set_xticks(range(size), texts, rotation=90, size=8, **style)
        axes.set_yticks(range(size), texts, size=8, **style)
        axes.spines[:].set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel(QUERY)
    panels[(count - 1) // columns, 0].set_xlabel(KEY)
    figure.colorbar(image, ax=list(panels.flat), label="attention weight", shrink=0.6,
                    pad=0.02, aspect=30)  # fmt: skip
    return figure


def head_map(
    values: np.ndarray, unit: str, *, limits: tuple[float, float] | None = None
) -> Figure:
    """Draw one number per attention head: layers down, heads across, each value written in.

    Args:
        values: One measure of every head; shape (layers, heads).
        unit: What the numbers are, with their unit, for the colour bar.
        limits: Ends of the colour scale; from 0 to the largest value unless given.

    Returns:
        A figure, not shown.

    Raises:
        ValueError: `values` has another number of axes, none of them a head, holds nan, or
            leaves the limits; limits that are no two numbers, the lower first; or a picture
            that would be too large.
    """
    values = arrays.numbers(values, "values")
    if values.ndim != 2 or not values.size:
        raise ValueError(
            f"shape {values.shape} is not (layers, heads): one number per head"
        )
    low, high = _ends(values, limits)
    layers, heads = values.shape
    figure = canvas(
        {"heads": heads, "layers": layers},
        lambda heads, layers: (0.52 * heads + 1.4, 0.4 * layers + 0.7),
        "head_map(values[:{1}, :{0}], unit)",
        artists=lambda heads, layers: heads * layers,
    )
    axes = figure.add_subplot()
    image = axes.imshow(values, vmin=low, vmax=high, aspect="auto")
    for (layer, head), value in np.ndenumerate(values):
        dark = Normalize(low, high)(value) < 0.55
        text = f"{value:.2f}" if abs(value) < 1e4 else f"{value:.0e}"
        axes.text(head, layer, text, ha="center", va="center", size=7,
                  color="white" if dark else "black")  # fmt: skip
    axes.set(xlabel="head", ylabel="layer", xticks=range(heads), yticks=range(layers))
    axes.spines[:].set_visible(False)
    text, style = labels.label(unit)
    figure.colorbar(image, ax=axes, pad=0.02).set_label(text, **style)
    return figure


def _ends(values: np.ndarray, limits) -> tuple[float, float]:
    """Give the ends of a colour scale that holds all values, or refuse."""
    if not np.isfinite(values).all():
        raise ValueError("values hold nan or inf, which no colour stands for: leave out these"
                         " heads, or put 0 there")  # fmt: skip
    if limits is None and values.min() < 0:
        least, most = np.floor(values.min()), max(0, np.ceil(values.max()))
        raise ValueError(f"values go down to {values.min():.3g}, and the scale begins at 0: pass"
                         f" limits, such as limits=({least:.17g}, {most:.17g})")  # fmt: skip
    ends = (0, values.max()) if limits is None else arrays.numbers(limits, "limits")
    if np.shape(ends) != (2,):
        raise ValueError(
            f"limits={limits!r} are no two numbers: pass (lowest, highest)"
        )
    low, high = ends
    if not (
        low <= values.min() and values.max() <= high < np.inf
    ):  # nan too, of limits
        raise ValueError(
            f"values from {values.min():.3g} to {values.max():.3g} do not fit the scale "
            f"{low:.3g} to {high:.3g}: pass limits that hold them all"
        )
    return low, high


def _probabilities(
    weights, tokens: Sequence[str], axes: tuple[str, ...]
) -> tuple[np.ndarray, list]:
    """Check weights and tokens against each other."""
    tolerance = arrays.rounding(weights)
    weights = arrays.numbers(weights, "attention weights", axes, WAYS[axes[0]])
    names = labels.names_of(tokens, "tokens")
    queries, keys = weights.shape[-2:]
    if not queries == keys == len(names):
        way = "" if queries != keys else (
            ": special tokens and padding count, too, and "
            "`tokenizer.convert_ids_to_tokens(batch['input_ids'][0])` has them all")  # fmt: skip
        raise ValueError(
            f"{len(names)} tokens cannot label a {queries} x {keys} grid{way}"
        )
    if not weights.size:
        raise ValueError(
            f"no attention weights to draw: their shape is {weights.shape}"
        )
    with np.errstate(invalid="ignore"):  # inf and -inf in a row
        sums = weights.sum(axis=-1)
    # Less than 1 is a part: whoever draws the first tokens only leaves keys out. Dropout and
    # scores before softmax leave some sums above 1.
    if not (weights.min() >= 0 and sums.max() <= 1 + tolerance):  # nan too
        worst = sums.flat[np.abs(sums - 1).argmax()]
        digits = 2 if abs(worst - 1) > 0.005 else 4
        raise ValueError(
            f"rows must be probabilities, but one sums to {worst:.{digits}f} and the smallest "
            f"value is {weights.min():.2f}: pass weights after softmax, from a model in eval mode"
        )
    return weights, names


def _mesh(axes: Axes, weights: np.ndarray):
    """Draw all heads as one array with a blank line between them.

    72 axes with labels would take seconds.
    """
    layers, heads, size, _ = weights.shape
    pitch = size + 1
    cells = np.full((layers * pitch - 1, heads * pitch - 1), np.nan)
    for layer in range(layers):
        for head in range(heads):
            top, left = layer * pitch, head * pitch
            cells[top : top + size, left : left + size] = weights[layer, head]
    down, across = (np.arange(length + 1) - 0.5 for length in cells.shape)
    image = axes.pcolormesh(across, down, cells, vmin=0, vmax=1)
    axes.invert_yaxis()
    axes.axis("off")
    return image


def _outlines(
    axes: Axes,
    texts: Sequence[str],
    places,
    family: list[str],
    *,
    upright: bool = False,
) -> PathCollection:
    """Draw many small labels as one collection of outlines, faster than as Text objects.

    Args:
        axes: Where they go.
        texts: One label per place.
        places: (x, y) in data units: the right end of each label.
        family: The fonts to take signs from.
        upright: Read from below instead of from the left.
    """
    font = FontProperties(family=family)
    outlines = {}
    for text in set(texts):
        vertices, codes = text_to_path.get_text_path(font, text)
        if not len(vertices):  # a blank has no outline
            outlines[text] = Path(np.zeros((0, 2)))
            continue
        points = 5.5 / text_to_path.FONT_SCALE
        outline = Path(vertices, codes).transformed(Affine2D().scale(points))
        shift = Affine2D().translate(-outline.vertices[:, 0].max(), -1.8)
        outlines[text] = outline.transformed(shift.rotate_deg(90) if upright else shift)
    return PathCollection(
        [outlines[text] for text in texts],
        offsets=places,
        offset_transform=axes.transData,
        # From points to pixels.
        transform=Affine2D().scale(1 / 72) + axes.figure.dpi_scale_trans,
        facecolor="black",
        linewidth=0,
        clip_on=False,
    )


def _laid_out(panels: int) -> tuple[int, int]:
    """Choose columns and rows of panels."""
    columns = 2 if panels == 4 else max(1, min(panels, 3))
    return columns, -(-panels // columns)
