"""Batches as rectangles of tokens and padding (notebook 04)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hf_tutorial.figures import arrays, labels
from hf_tutorial.figures.canvas import canvas

GAP = 0.6  # between batches, in rows


def padding_picture(masks: Mapping[str, Sequence[np.ndarray]]) -> Figure:
    """Draw batches as rectangles, tokens filled and padding hatched, all to one scale.

    Args:
        masks: Name of a panel to the attention masks of its batches, in order; each of shape
            (batch, sequence), 1 for a token and 0 for padding.

    Returns:
        A figure, not shown: panels down, batches down in each with a gap between them;
        a position is equally wide everywhere. Each title says the share of padding.

    Raises:
        ValueError: No batches, a batch that is not a rectangle, numbers other than 0 and 1, or
            a picture that would be too large.
    """
    panels = {
        name: _checked(name, batches)
        for name, batches in arrays.entries(masks, "masks").items()
    }
    if not panels:
        raise ValueError(
            "no batches to draw: pass at least one list of attention masks"
        )
    width = max(batch.shape[1] for batches in panels.values() for batch in batches)
    heights = [_height(batches) for batches in panels.values()]
    figure = _panel_canvas(list(panels.values()))
    columns = figure.subplots(
        len(panels), 1, sharex=True, squeeze=False, height_ratios=heights
    )[:, 0]
    for axes, (name, batches), height in zip(
        columns, panels.items(), heights, strict=True
    ):
        _draw(axes, batches)
        places = sum(batch.size for batch in batches)
        share = 1 - sum(batch.sum() for batch in batches) / places
        title, style = labels.label(
            f"{labels.shown(name)}: {places:,} positions, {share:.0%} padding", 100
        )
        axes.set_title(title, loc="left", size=9, **style)
        axes.set(xlim=(0, width), ylim=(height, 0), yticks=[])
        last = axes is columns[-1]
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_visible(last)
        axes.tick_params(bottom=last)
    columns[-1].set_xlabel("position in the sequence (filled: token, hatched: padding)")
    return figure


def _checked(name, batches) -> list[np.ndarray]:
    what = f"the masks of {name!r}"
    found = [arrays.numbers(batch, what) for batch in arrays.items(batches, what)]
    if not found:
        raise ValueError(f"{name!r} has no batches to draw")
    for batch in found:
        if batch.ndim != 2 or not batch.size:
            raise ValueError(
                f"{name!r} holds a batch of shape {batch.shape}, not (batch, sequence): "
                "pass a list of attention masks, even for one batch"
            )
        if not np.isin(batch, (0, 1)).all():
            raise ValueError(
                f"{name!r} holds {batch.max():g}, but an attention mask is 1 and 0 only: "
                "input IDs show no padding"
            )
    return found


def _height(batches: list[np.ndarray]) -> float:
    return sum(len(batch) + GAP for batch in batches) - GAP


def _runs(row: np.ndarray) -> np.ndarray:
    """Find where tokens stand without a gap: start and end of each run."""
    return np.flatnonzero(np.diff(row, prepend=0, append=0)).reshape(-1, 2)


def _panel_canvas(panels: list[list[np.ndarray]]) -> Figure:
    """Make a figure for panels of batches."""
    batches = [batch for panel in panels for batch in panel]

    def part(most: int, rows: int, count: int, length: int) -> list[list[np.ndarray]]:
        cut = [panel[:most] for panel in panels[:count]]
        return [[batch[:rows, :length] for batch in panel] for panel in cut]

    def inches(*numbers: int) -> tuple[float, float]:
        shown = part(*numbers)
        return 7, sum(map(_height, shown)) * 0.085 + 0.42 * len(shown) + 0.5

    def boxes(*numbers: int) -> int:
        shown = [batch for panel in part(*numbers) for batch in panel]
        return len(shown) + sum(
            int((np.diff(batch, prepend=0, axis=1) == 1).sum()) for batch in shown
        )

    return canvas(
        {
            "batches in a panel": max(map(len, panels)),
            "rows in a batch": max(map(len, batches)),
            "panels": len(panels),
            "positions": max(batch.shape[1] for batch in batches),
        },
        inches,
        "padding_picture({name: [batch[:{1}, :{3}] for batch in batches[:{0}]] "
        "for name, batches in list(masks.items())[:{2}]})",
        artists=boxes,
    )


def _draw(axes: Axes, batches: list[np.ndarray]) -> None:
    top = 0.0
    for batch in batches:
        rows, length = batch.shape
        axes.add_patch(
            Rectangle((0, top), length, rows, facecolor="#f1e9c9",
                      edgecolor="#8a7f55", hatch="////", linewidth=0.6)
        )  # fmt: skip
        for y, row in enumerate(batch):
            for start, end in _runs(row):
                axes.add_patch(
                    Rectangle((start, top + y), end - start, 1,
                              facecolor="#26456e", edgecolor="white", linewidth=0.4)
                )  # fmt: skip
        top += rows + GAP
