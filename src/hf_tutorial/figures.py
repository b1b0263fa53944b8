"""Figures that the notebooks draw: arrays in, a matplotlib Figure out, not shown.

Attention axes are the same everywhere: rows are queries, the first on top; columns are keys.
Attention weights are always drawn from 0 to 1, so that any two pictures can be compared.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D

QUERY = "query: the token attending"
KEY = "key: the token attended to"


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
        ValueError: No rows, a row without tokens, or a text where a list of tokens is due.
    """
    if not rows:
        raise ValueError("no rows to draw: pass at least one list of tokens")
    if isinstance(special, str):
        raise ValueError(f"special={special!r} is one text: pass a list of tokens")
    letter, margin, between = 0.1, 0.1, 0.04  # inches
    ends = {}
    for name, tokens in rows.items():
        if not tokens:
            raise ValueError(f"row {name!r} has no tokens to draw")
        ends[name] = np.cumsum(
            [len(token) * letter + margin + between for token in tokens]
        )
    width = max(end[-1] for end in ends.values())
    figure = Figure(figsize=(max(width, 2), 0.6 * len(rows)), layout="none")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, max(width, 2)), ylim=(len(rows), 0))
    axes.axis("off")
    for y, (name, tokens) in enumerate(rows.items()):
        axes.text(
            0, y + 0.2, f"{name}: {len(tokens)}", size=8, va="center", color="#333333"
        )
        for token, right in zip(tokens, ends[name], strict=True):
            inner = len(token) * letter + margin
            left = right - inner - between
            hatched = token in special
            axes.add_patch(
                Rectangle(
                    (left, y + 0.4),
                    inner,
                    0.5,
                    facecolor="#dddddd" if hatched else "#e8eef7",
                    edgecolor="#5b6b85",
                    hatch="...." if hatched else None,
                    linewidth=0.7,
                )
            )
            axes.text(left + inner / 2, y + 0.66, token, size=9, ha="center", va="center",
                      family="DejaVu Sans Mono", parse_math=False)  # fmt: skip
    return figure


def attention_grid(weights: np.ndarray, tokens: Sequence[str]) -> Figure:
    """Draw one heat map per attention head, all in a single image on a single colour scale.

    Args:
        weights: Attention weights of one sentence, after softmax;
            shape (layers, heads, query, key). Each query's row sums to 1.
        tokens: One label per position, special tokens included.

    Returns:
        A figure, not shown: layers down, heads across, both counted from 0; token labels
        of the queries on the left, of the keys below.

    Raises:
        ValueError: Shapes disagree, or rows do not sum to 1.
    """
    weights = _checked(weights, tokens, 4, "(layers, heads, query, key)")
    layers, heads, size, _ = weights.shape
    # One array with a blank line between heads: 72 axes with labels take seconds to draw.
    pitch = size + 1
    canvas = np.full((layers * pitch - 1, heads * pitch - 1), np.nan)
    for layer in range(layers):
        for head in range(heads):
            top, left = layer * pitch, head * pitch
            canvas[top : top + size, left : left + size] = weights[layer, head]
    side = pitch * 0.075  # inches
    label_room = max(len(token) for token in tokens) * 0.046 + 0.04
    left = below = label_room + 0.2
    width, height = heads * side, layers * side
    figure = Figure(figsize=(left + width + 1.3, below + height + 0.3), layout="none")
    full_width, full_height = figure.get_size_inches()
    box = (
        left / full_width,
        below / full_height,
        width / full_width,
        height / full_height,
    )
    axes = figure.add_axes(box)
    edges = np.arange(max(canvas.shape) + 1) - 0.5
    image = axes.pcolormesh(
        edges[: canvas.shape[1] + 1],
        edges[: canvas.shape[0] + 1],
        canvas,
        vmin=0,
        vmax=1,
    )
    axes.invert_yaxis()
    axes.axis("off")
    rows = [(-1, layer * pitch + y) for layer in range(layers) for y in range(size)]
    columns = [
        (head * pitch + x, layers * pitch - 0.5)
        for head in range(heads)
        for x in range(size)
    ]
    axes.add_collection(_labels(axes, list(tokens) * layers, rows))
    axes.add_collection(_labels(axes, list(tokens) * heads, columns, upright=True))
    middle = (size - 1) / 2
    for head in range(heads):
        axes.text(head * pitch + middle, -1.2, f"head {head}", ha="center", size=7)
    for layer in range(layers):
        axes.text(
            heads * pitch - 0.5,
            layer * pitch + middle,
            f"layer {layer}",
            va="center",
            size=7,
        )
    figure.text(0, box[1] + box[3] / 2, QUERY, rotation=90, va="center", size=9)
    figure.text(box[0] + box[2] / 2, 0, KEY, ha="center", size=9)
    bar = figure.add_axes(
        (1 - 0.75 / full_width, box[1] + box[3] / 4, 0.1 / full_width, box[3] / 2)
    )
    figure.colorbar(image, cax=bar, label="attention weight")
    return figure


def attention_heads(
    weights: np.ndarray, tokens: Sequence[str], titles: Sequence[str]
) -> Figure:
    """Draw chosen attention heads side by side, large enough to read, on one colour scale.

    Args:
        weights: Attention weights after softmax; shape (panels, query, key).
        tokens: One label per position, special tokens included.
        titles: One title per panel.

    Returns:
        A figure, not shown: at most three panels in a row.

    Raises:
        ValueError: Shapes disagree, or rows do not sum to 1.
    """
    weights = _checked(weights, tokens, 3, "(panels, query, key)")
    if len(titles) != len(weights):
        raise ValueError(f"{len(titles)} titles cannot name {len(weights)} panels")
    columns = 2 if len(weights) == 4 else min(len(weights), 3)
    rows = -(-len(weights) // columns)
    inches = max(0.19 * len(tokens), 1.8)
    figure = Figure(figsize=(columns * inches + 1.7, rows * (inches + 0.9) + 0.2))
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat[len(weights) :]:
        axes.set_visible(False)
    for axes, head, title in zip(panels.flat, weights, titles, strict=False):
        image = axes.imshow(head, vmin=0, vmax=1)
        axes.set_title(title)
        axes.set_xticks(
            range(len(tokens)), tokens, rotation=90, size=8, parse_math=False
        )
        axes.set_yticks(range(len(tokens)), tokens, size=8, parse_math=False)
        axes.spines[:].set_visible(False)
    for axes in panels[1:, 0] if rows > 1 else []:
        axes.set_ylabel(QUERY)
    panels[0, 0].set_ylabel(QUERY)
    panels[(len(weights) - 1) // columns, 0].set_xlabel(KEY)
    _colour_bar(figure, image, list(panels.flat))
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
        ValueError: `values` has another number of axes, holds nan, or leaves the limits.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 2:
        raise ValueError(
            f"shape {values.shape} is not (layers, heads): one number per head"
        )
    low, high = limits or (0, values.max())
    if not (low <= values.min() and values.max() <= high):  # nan too
        raise ValueError(
            f"values from {values.min():.3g} to {values.max():.3g} do not fit the scale "
            f"{low:.3g} to {high:.3g}: pass limits that hold them all"
        )
    layers, heads = values.shape
    figure = Figure(figsize=(0.52 * heads + 1.4, 0.4 * layers + 0.7))
    axes = figure.add_subplot()
    image = axes.imshow(values, vmin=low, vmax=high, aspect="auto")
    for (layer, head), value in np.ndenumerate(values):
        dark = Normalize(low, high)(value) < 0.55
        axes.text(head, layer, f"{value:.2f}", ha="center", va="center", size=7,
                  color="white" if dark else "black")  # fmt: skip
    axes.set(xlabel="head", ylabel="layer", xticks=range(heads), yticks=range(layers))
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, label=unit, pad=0.02)
    return figure


def padding_picture(masks: Mapping[str, Sequence[np.ndarray]]) -> Figure:
    """Draw batches as rectangles, tokens filled and padding hatched, all to one scale.

    Args:
        masks: Name of a panel to the attention masks of its batches, in order; each of shape
            (batch, sequence), 1 for a token and 0 for padding.

    Returns:
        A figure, not shown: panels down, batches down in each with a gap between them;
        a position is equally wide everywhere. Each title says the share of padding.

    Raises:
        ValueError: No batches, a batch that is not a rectangle, or numbers other than 0 and 1.
    """
    if not masks:
        raise ValueError(
            "no batches to draw: pass at least one list of attention masks"
        )
    panels = {}
    for name, batches in masks.items():
        panels[name] = [np.asarray(batch, dtype=float) for batch in batches]
        if not panels[name]:
            raise ValueError(f"{name!r} has no batches to draw")
        for batch in panels[name]:
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
    width = max(batch.shape[1] for batches in panels.values() for batch in batches)
    gap = 0.6  # rows
    heights = [sum(len(b) + gap for b in batches) - gap for batches in panels.values()]
    figure = Figure(figsize=(7, sum(heights) * 0.085 + 0.42 * len(panels) + 0.5))
    columns = figure.subplots(
        len(panels), 1, sharex=True, squeeze=False, height_ratios=heights
    )[:, 0]
    for axes, (name, batches), height in zip(
        columns, panels.items(), heights, strict=True
    ):
        top = 0.0
        for batch in batches:
            rows, length = batch.shape
            axes.add_patch(
                Rectangle((0, top), length, rows, facecolor="#f1e9c9",
                          edgecolor="#8a7f55", hatch="////", linewidth=0.6)
            )  # fmt: skip
            for y, row in enumerate(batch):
                edges = np.flatnonzero(np.diff(row, prepend=0, append=0))
                for start, end in edges.reshape(-1, 2):
                    axes.add_patch(
                        Rectangle((start, top + y), end - start, 1,
                                  facecolor="#26456e", edgecolor="white", linewidth=0.4)
                    )  # fmt: skip
            top += rows + gap
        places = sum(batch.size for batch in batches)
        share = 1 - sum(batch.sum() for batch in batches) / places
        axes.set_title(
            f"{name}: {places:,} positions, {share:.0%} padding",
            loc="left",
            size=9,
            parse_math=False,
        )
        axes.set(xlim=(0, width), ylim=(height, 0), yticks=[])
        last = axes is columns[-1]
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_visible(last)
        axes.tick_params(bottom=last)
    columns[-1].set_xlabel("position in the sequence (filled: token, hatched: padding)")
    return figure


def bars(panels: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw measured numbers as labelled bars from 0: one panel for each unit.

    Args:
        panels: Unit, which becomes the axis label, to the numbers: name of the bar to value,
            in the same order in every panel.

    Returns:
        A figure, not shown: bars lie, the first on top; each value is written at its end.

    Raises:
        ValueError: Nothing to draw, panels that name other bars, or a value below 0.
    """
    names = list(next(iter(panels.values()), ()))
    if not names:
        raise ValueError("no bars to draw: pass at least one unit with one value")
    for unit, values in panels.items():
        if list(values) != names:
            raise ValueError(f"{unit!r} has the bars {list(values)}, not {names}")
        for name, value in values.items():
            if not 0 <= value < np.inf:  # nan too
                raise ValueError(
                    f"{name!r} is {value} {unit}: a bar from 0 cannot show that"
                )
    figure = Figure(figsize=(7, 0.36 * len(names) + 0.7))
    columns = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (unit, values) in zip(columns, panels.items(), strict=True):
        drawn = axes.barh(names, list(values.values()), color="#26456e", height=0.6)
        written = [f"{v:,.0f}" if v >= 100 else f"{v:.2g}" for v in values.values()]
        axes.bar_label(drawn, written, padding=3, size=8)
        # The numbers stand at the bars: ticks would say them twice.
        axes.set(xlabel=unit, xticks=[])
        axes.spines["bottom"].set_visible(False)
        axes.margins(x=0.2)
        axes.set_xlim(left=0)
    columns[0].invert_yaxis()
    return figure


def training_curves(
    losses: Sequence[float],
    learning_rates: Sequence[float],
    validation: Mapping[int, float] | None = None,
) -> Figure:
    """Draw a training run: loss above, learning rate below, over the same steps.

    Args:
        losses: Training loss of each step, from its own batch; step 0 first.
        learning_rates: Learning rate that each step was made with.
        validation: Validation loss by the number of steps made when it was measured.

    Returns:
        A figure, not shown: the loss axis begins at 0, so that a fall keeps its proportion.

    Raises:
        ValueError: No steps, lengths that disagree, a loss that is no finite number, or a
            validation outside of the run.
    """
    losses = np.asarray(losses, dtype=float)
    learning_rates = np.asarray(learning_rates, dtype=float)
    if losses.ndim != 1 or not len(losses):
        raise ValueError("no losses to draw: pass one number per step")
    if losses.shape != learning_rates.shape:
        raise ValueError(
            f"{len(losses)} losses and {len(learning_rates)} learning rates: one of each per step"
        )
    validation = dict(sorted((validation or {}).items()))
    lost = np.flatnonzero(~np.isfinite(losses))
    if len(lost):
        raise ValueError(
            f"the loss of step {lost[0]} is {losses[lost[0]]}: the run broke there, and a "
            "curve would hide it"
        )
    for step, loss in validation.items():
        if not 0 <= step <= len(losses) or not np.isfinite(loss):
            raise ValueError(
                f"a validation loss of {loss} after {step} steps does not fit a run of "
                f"{len(losses)}"
            )
    figure = Figure(figsize=(7, 3.8))
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    steps = np.arange(len(losses))
    above.plot(steps, losses, color="#5b6b85", linewidth=1)
    above.plot(steps, losses, ".", color="#5b6b85", markersize=4)
    # Labels stand where curves seldom are: above the first steps, beside the first diamond.
    top = losses[: max(1, len(losses) // 3)].max()
    above.annotate("training, one batch a point", (0, top), (2, 6),
                   textcoords="offset points", size=8, color="#3d4a61")  # fmt: skip
    if validation:
        above.plot(list(validation), list(validation.values()), "D--", color="black",
                   markersize=6)  # fmt: skip
        first = min(validation)
        late = first > 0.8 * len(losses)
        above.annotate("validation", (first, validation[first]), (-7 if late else 7, 4),
                       ha="right" if late else "left", textcoords="offset points",
                       size=8)  # fmt: skip
    above.set(ylabel="loss")
    above.set_ylim(0, 1.15 * max([losses.max(), *validation.values()]) or 1)
    below.plot(steps, learning_rates, color="black", linewidth=1)
    below.set(xlabel="step", ylabel="learning rate")
    below.set_ylim(0, 1.1 * learning_rates.max() or 1)
    below.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=True)
    figure.align_ylabels()
    return figure


def loss_overlay(panels: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draw runs that should agree: the first of a panel as a line, the others as marks on it.

    Args:
        panels: Title to the runs of the panel: name to the loss of each step, step 0 first.
            The same name gets the same mark in every panel.

    Returns:
        A figure, not shown: panels side by side on one scale, one legend below.

    Raises:
        ValueError: Nothing to draw, more than four runs, runs of unequal length in a panel,
            or a loss that is no finite number.
    """
    names = list(dict.fromkeys(name for runs in panels.values() for name in runs))
    if not names:
        raise ValueError("no runs to draw: pass at least one panel with one run")
    if len(names) > 4:
        raise ValueError(f"{len(names)} runs cannot be told apart: pass 4 at most")
    styles = dict(zip(names, ("-", "o", "^", "v"), strict=False))
    width = 3.75 * max(len(panels), 1.6)
    figure = Figure(figsize=(width, 3))
    row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    handles = {}
    for axes, (title, runs) in zip(row, panels.items(), strict=True):
        steps = len(next(iter(runs.values()), ()))
        for name, losses in runs.items():
            losses = np.asarray(losses, dtype=float)
            if losses.shape != (steps,) or not steps:
                raise ValueError(
                    f"{name!r} has losses of shape {losses.shape}, not {steps} steps as the "
                    f"first run of {title!r}"
                )
            if not np.isfinite(losses).all():
                raise ValueError(f"{name!r} holds a loss that is no finite number")
            style = styles[name]
            line, mark = style == "-", {"fillstyle": "none", "markersize": 10}
            (handles[name],) = axes.plot(
                losses, style, color="black" if line else "#3d4a61", linewidth=1.2,
                **(mark if style == "o" else {"markersize": 5}),
            )  # fmt: skip
        axes.set(title=title, xlabel="step")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    row[0].set_ylabel("loss")
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=4,
                  fontsize=8, frameon=False)  # fmt: skip
    return figure


def speed_ups(
    counts: Sequence[int], panels: Mapping[str, Mapping[str, Sequence[float]]]
) -> Figure:
    """Draw how many times as fast many processes are as one, beside the ideal.

    Args:
        counts: Numbers of processes; the first is 1.
        panels: Title to the curves of the panel: name to speed-up for each count.

    Returns:
        A figure, not shown: both axes logarithmic and the same in every panel; each curve
        has its name at its end.

    Raises:
        ValueError: Nothing to draw, or numbers that are not compared with one process.
    """
    counts = np.asarray(counts)
    if not panels or counts.ndim != 1 or not len(counts) or counts[0] != 1:
        raise ValueError("pass counts that begin with 1, and at least one panel")
    figure = Figure(figsize=(3.9 * max(len(panels), 1.5), 3.4))
    row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    lowest = 1.0
    for axes, (title, curves) in zip(row, panels.items(), strict=True):
        axes.plot(counts, counts, color="#5b6b85", linewidth=0.7)
        middle = counts[len(counts) // 2]
        axes.annotate("ideal", (middle, middle), (-6, 6), textcoords="offset points",
                      ha="right", size=8, color="#3d4a61")  # fmt: skip
        for index, (name, gains) in enumerate(curves.items()):
            gains = np.asarray(gains, dtype=float)
            if gains.shape != counts.shape or not (gains > 0).all():
                raise ValueError(f"{name!r} needs one number above 0 for each count")
            if not np.isclose(gains[0], 1):
                raise ValueError(
                    f"{name!r} begins at {gains[0]:.3g}: divide by the speed of one process"
                )
            lowest = min(lowest, gains.min())
            axes.plot(counts, gains, (":", "--", "-", "-.")[index % 4], color="black")
            # Ends that lie close together are written above and below each other.
            axes.annotate(name, (counts[-1], gains[-1]), (4, 0), size=8,
                          textcoords="offset points",
                          va="top" if gains[-1] < 0.95 * counts[-1] else "bottom")  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel="processes", title=title)
        axes.set_xticks(counts, counts)
        axes.minorticks_off()
    ticks = [tick for tick in (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256)
             if 0.7 * lowest <= tick <= counts[-1]]  # fmt: skip
    row[0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    row[0].set_ylabel("times as many examples a second")
    return figure


def confusion_matrix(counts: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw how often each label was predicted as each: rows are labels, columns predictions.

    Args:
        counts: Number of examples; shape (label, prediction).
        names: One name per label, in the order of the label IDs.

    Returns:
        A figure, not shown: every count written in, right predictions on the diagonal.

    Raises:
        ValueError: Not a square of counts, none counted, or names that do not fit.
    """
    counts = np.asarray(counts)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"shape {counts.shape} is not (labels, labels)")
    if len(names) != len(counts):
        raise ValueError(f"{len(names)} names cannot label {len(counts)} labels")
    if not np.array_equal(counts, np.floor(counts)) or counts.min() < 0:  # nan too
        raise ValueError(
            "a confusion matrix holds counts: pass whole numbers from 0, not shares"
        )
    if not counts.sum():
        raise ValueError("nothing was counted: all cells are 0")
    size = len(counts)
    room = max(len(name) for name in names) * 0.075
    side = max(0.55 * size, 1.6)
    figure = Figure(figsize=(side + room + 1.3, side + min(room, 1.2) + 0.6))
    axes = figure.add_subplot()
    image = axes.imshow(counts, vmin=0, vmax=counts.max())
    for (label, prediction), count in np.ndenumerate(counts):
        dark = count < 0.55 * counts.max()
        axes.text(prediction, label, f"{int(count)}", ha="center", va="center",
                  weight="bold" if label == prediction else "normal",
                  color="white" if dark else "black")  # fmt: skip
    upright = size > 3
    axes.set_xticks(
        range(size), names, rotation=90 if upright else 0, size=8, parse_math=False
    )
    axes.set_yticks(range(size), names, size=8, parse_math=False)
    axes.set(xlabel="prediction", ylabel="label")
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, label="examples", shrink=0.8, pad=0.04)
    return figure


def _checked(weights, tokens: Sequence[str], dimensions: int, axes: str) -> np.ndarray:
    weights = np.asarray(weights, dtype=float)
    if weights.ndim != dimensions:
        raise ValueError(
            f"shape {weights.shape} has {weights.ndim} axes, not the {dimensions} of {axes}"
        )
    queries, keys = weights.shape[-2:]
    if not queries == keys == len(tokens):
        raise ValueError(f"{len(tokens)} tokens cannot label a {queries} x {keys} grid")
    sums = weights.sum(axis=-1)
    if weights.min() < 0 or not np.allclose(sums, 1, atol=1e-3):
        worst = sums.flat[np.abs(sums - 1).argmax()]
        raise ValueError(
            f"rows must be probabilities, but one sums to {worst:.2f} and the smallest value is "
            f"{weights.min():.2f}: pass weights after softmax, from a model in eval mode"
        )
    return weights


def _labels(
    axes, tokens: Sequence[str], places, *, upright: bool = False
) -> PathCollection:
    """Draw many small labels as one collection of outlines, faster than as Text objects.

    Args:
        axes: Where they go.
        tokens: One label per place.
        places: (x, y) in data units: the right end of each label.
        upright: Read from below instead of from the left.
    """
    font = FontProperties(family="DejaVu Sans Mono")
    outlines = {}
    for token in set(tokens):
        if not token.strip():
            outlines[token] = Path(np.zeros((0, 2)))  # a blank has no outline
            continue
        # A dollar sign would begin a formula.
        outline = TextPath((0, 0), token.replace("$", r"\$"), size=5.5, prop=font)
        shift = Affine2D().translate(-outline.vertices[:, 0].max(), -1.8)
        outlines[token] = outline.transformed(
            shift.rotate_deg(90) if upright else shift
        )
    return PathCollection(
        [outlines[token] for token in tokens],
        offsets=places,
        offset_transform=axes.transData,
        # From points to pixels.
        transform=Affine2D().scale(1 / 72) + axes.figure.dpi_scale_trans,
        facecolor="black",
        linewidth=0,
        clip_on=False,
    )


def _colour_bar(figure: Figure, image, axes) -> None:
    figure.colorbar(
        image, ax=axes, label="attention weight", shrink=0.6, pad=0.02, aspect=30
    )
