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
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
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
        written = [
            f"{v:,.0f}" if v >= 100 else f"{v:#.2g}".rstrip(".")
            for v in values.values()
        ]
        axes.bar_label(drawn, written, padding=3, size=8)
        # The numbers stand at the bars: ticks would say them twice.
        axes.set(xlabel=unit, xticks=[])
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.2)
        axes.set_xlim(left=0)
    columns[0].invert_yaxis()
    return figure


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
            negative or do not add up to 1, or an `end` that is not above 0.
    """
    if end is not None and not end > 0:
        raise ValueError(f"the axes cannot end at {end}: pass a probability above 0")
    names = list(next(iter(panels.values()), ()))
    if not names:
        raise ValueError("no tokens to draw: pass at least one distribution")
    for title, values in panels.items():
        if list(values) != names:
            raise ValueError(f"{title!r} has the tokens {list(values)}, not {names}")
        total = sum(values.values())
        if min(values.values()) < 0 or not abs(total - 1) < 1e-3:  # nan too
            raise ValueError(
                f"{title!r} adds up to {total:.3f}: pass probabilities after softmax, and "
                "what is left over as a last entry"
            )
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    width = 2.1 * columns + 1.2 if columns > 1 else 6
    size = (width, rows * (0.19 * len(names) + 0.5) + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.1)  # room between panels
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    longest = max(max(values.values()) for values in panels.values())
    end = end or 1.22 * longest
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (title, values) in zip(grid.flat, panels.items(), strict=False):
        drawn = axes.barh(names, list(values.values()), color="#26456e", height=0.7)
        written = [_probability(v) if v <= end else "" for v in values.values()]
        axes.bar_label(drawn, written, padding=3, size=8)
        for place, value in enumerate(values.values()):
            if value > end:
                axes.text(0.97 * end, place, f"{value:.2f} \N{RIGHTWARDS ARROW}", size=8,
                          ha="right", va="center", color="white")  # fmt: skip
        axes.set_title(title, size=10, parse_math=False)
        axes.set_yticks(range(len(names)), names, size=9, parse_math=False)
        axes.set_xlim(0, end)
        axes.tick_params(axis="y", length=0)
    grid[0, 0].invert_yaxis()
    for axes in grid[-1]:
        axes.set_xlabel("probability", size=9)
        axes.tick_params(axis="x", labelsize=8)
    return figure


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
        ValueError: No steps, a step with fewer candidates than beams or not sorted, a parent
            that was not kept, or a candidate more probable than its parent.
    """
    if not steps:
        raise ValueError("no steps to draw")
    kept = [0.0]
    for number, candidates in enumerate(steps):
        scores = [score for _, _, score in candidates]
        if len(scores) < width:
            raise ValueError(
                f"step {number + 1} has {len(scores)} candidates for {width} beams"
            )
        if scores != sorted(scores, reverse=True):
            raise ValueError(
                f"step {number + 1} is not sorted: put the best candidate first"
            )
        for parent, token, score in candidates:
            if not 0 <= parent < len(kept):
                raise ValueError(
                    f"{token!r} of step {number + 1} grows from beam {parent}, which was not kept"
                )
            if score > kept[parent]:
                raise ValueError(
                    f"{token!r} of step {number + 1} is more probable than its parent: pass sums "
                    "of log-probabilities"
                )
        kept = scores[:width]
    best, rank = set(), 0
    for number in reversed(range(len(steps))):
        best.add((number, rank))
        rank = steps[number][rank][0]
    most = max(map(len, steps))
    figure = Figure(figsize=(1.5 * len(steps) + 1.0, 0.58 * most + 0.7))
    axes = figure.add_subplot(xlim=(-1.05, len(steps) - 0.35), ylim=(most - 0.4, -0.9))
    axes.axis("off")
    half, high = 0.34, 0.41  # of a box, in steps and ranks
    middle = (width - 1) / 2
    axes.text(-0.7, middle, root, ha="center", va="center", size=9, style="italic")
    for number, candidates in enumerate(steps):
        axes.text(
            number, -0.75, f"step {number + 1}", ha="center", size=9, color="#333333"
        )
        for rank, (parent, token, score) in enumerate(candidates):
            is_kept, is_best = rank < width, (number, rank) in best
            start = (number - 1 + half, parent) if number else (-0.5, middle)
            told = not is_kept and number > 0  # its parent in words
            if not told:
                axes.plot(
                    (start[0], number - half),
                    (start[1], rank),
                    color="black" if is_kept else "#8a94a6",
                    linewidth=2.4 if is_best else 1.0 if is_kept else 0.7,
                    linestyle="-" if is_kept else (0, (3, 2)),
                    zorder=1,
                )
            axes.add_patch(
                Rectangle((number - half, rank - high), 2 * half, 2 * high,
                          facecolor="#e8eef7" if is_kept else "white",
                          edgecolor="black" if is_kept else "#8a94a6",
                          linewidth=1.8 if is_best else 0.9 if is_kept else 0.6,
                          linestyle="-" if is_kept else "--", zorder=2)
            )  # fmt: skip
            ink = "black" if is_kept else "#4d5666"
            if told:
                before = steps[number - 1][parent][1]
                axes.text(number, rank - 0.25, f"after {before}:", ha="center", size=7,
                          va="center", parse_math=False, color=ink, zorder=3)  # fmt: skip
            axes.text(number, rank + (0.02 if told else -0.13), token, ha="center",
                      va="center", size=9, weight="bold" if is_best else "normal",
                      parse_math=False, color=ink, zorder=3)  # fmt: skip
            axes.text(number, rank + (0.27 if told else 0.19), f"{score:.2f}".replace("-", "−"),
                      ha="center", va="center", size=8, color=ink, zorder=3)  # fmt: skip
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


def loss_differences(runs: Mapping[str, Sequence[float]]) -> Figure:
    """Draw how far the losses of some runs lie from those of the first, step by step.

    Args:
        runs: Name to the loss of each step, step 0 first. The first run becomes the line at
            0, the second circles; a third and a fourth are triangles on broken lines.

    Returns:
        A figure, not shown: 0 in the middle, a legend below.

    Raises:
        ValueError: Fewer than two runs or more than four, runs of unequal length, or a loss
            that is no finite number.
    """
    if not 2 <= len(runs) <= 4:
        raise ValueError(f"{len(runs)} runs: pass 2 to 4, the first to compare with")
    first, *_ = runs
    steps = len(runs[first])
    table = []
    for name, losses in runs.items():
        row = np.asarray(losses, dtype=float)
        if row.shape != (steps,) or not steps:
            raise ValueError(
                f"{name!r} has losses of shape {row.shape}, not {steps} steps as {first!r}"
            )
        if not np.isfinite(row).all():
            raise ValueError(f"{name!r} holds a loss that is no finite number")
        table.append(row)
    figure = Figure(figsize=(6.4, 2.8))
    axes = figure.subplots()
    styles = (
        {"color": "black", "linewidth": 1.2},
        {"linestyle": "none", "marker": "o", "fillstyle": "none", "markersize": 11},
        {"linestyle": "--", "marker": "^", "markersize": 5},
        {"linestyle": ":", "marker": "v", "markersize": 5},
    )
    for name, row, style in zip(runs, table, styles, strict=False):
        axes.plot(row - table[0], **{"color": "#3d4a61", "linewidth": 1, **style},
                  label=name)  # fmt: skip
    far = max(np.abs(row - table[0]).max() for row in table) or 1.0
    axes.set(xlabel="step", ylabel=f"loss minus that of the {first}")
    axes.set_ylim(-1.2 * far, 1.2 * far)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
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
        has its name at its end, the ideal has none where a curve covers it.

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
        if not any(np.allclose(gains, counts, rtol=0.05) for gains in curves.values()):
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
    row[0].set_ylabel("speed-up, in examples per second")
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


def similarity_map(similarity: np.ndarray, texts: Sequence[str]) -> Figure:
    """Draw how similar texts are, each with each, on a scale from 0 to 1.

    Args:
        similarity: Cosine similarities, as of vectors of length 1; shape (texts, texts).
        texts: One text per row, written out at the left and lettered at the top.

    Returns:
        A figure, not shown: one half of the table, which holds every pair once; each value is
        written in. Values below 0 have the colour of 0.

    Raises:
        ValueError: Shapes disagree, or the numbers are no cosine similarities.
    """
    similarity = np.asarray(similarity, dtype=float)
    count = len(texts)
    if similarity.shape != (count, count):
        raise ValueError(f"{count} texts cannot label the shape {similarity.shape}")
    alike = np.allclose(similarity, similarity.T, atol=1e-3)
    if not (alike and np.allclose(similarity.diagonal(), 1, atol=1e-3)):  # nan too
        raise ValueError(
            "cosine similarities are the same both ways, and 1 for a text with itself: "
            "divide each vector by its length first"
        )
    figure = Figure(figsize=(0.075 * max(map(len, texts)) + 0.62 * count + 0.4,
                             0.46 * count + 0.6))  # fmt: skip
    axes = figure.add_subplot()
    below = np.tril(np.ones_like(similarity, dtype=bool))
    axes.imshow(np.ma.masked_array(similarity, ~below), vmin=0, vmax=1, aspect="auto")
    for row, column in np.argwhere(below):
        value = similarity[row, column]
        axes.text(column, row, f"{value:.2f}".replace("-0.00", "0.00"), size=9,
                  ha="center", va="center",
                  color="white" if value < 0.45 else "black")  # fmt: skip
    letters = [chr(ord("A") + n) for n in range(count)]
    rows = [f"{text}  {letter}" for text, letter in zip(texts, letters, strict=True)]
    axes.set_xticks(range(count), letters)
    axes.set_yticks(range(count), rows, parse_math=False)
    axes.tick_params(
        length=0, top=False, labeltop=True, bottom=False, labelbottom=False
    )
    axes.spines[:].set_visible(False)
    return figure


# number: (title of the notebook, what it is about in a few words, place on the map)
STATIONS = {
    "01": ("Tokenization", "text becomes IDs", (24, 43)),
    "02": ("Model loading", "body, head, weights", (47, 43)),
    "03": ("Attention", "tokens look at tokens", (67, 43)),
    "04": ("Dataset preparation", "a table becomes batches", (24, 8)),
    "05": ("Manual training loop", "loss, gradient, step", (47, 8)),
    "06": ("Trainer", "the same, in one call", (67, 8)),
    "07": ("Accelerate", "on more devices", (88, 8)),
    "08": ("Generation", "the next token joins the text", (47, 65.2)),
    "09": ("Pretraining", "weights from nothing", (88, 25.5)),
}


def course_map() -> Figure:
    """Draw the ten notebooks as a map: the way of a sentence, and what makes it better.

    Returns:
        A figure, not shown. The upper line is a prediction, with its loop for generation;
        the lower one is training, which changes the weights of the model above it.
    """
    figure = Figure(figsize=(7.6, 5.05))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-2, 102), ylim=(-0.5, 69))
    axes.set_aspect("equal")
    axes.set_axis_off()
    ink, soft = "#26456e", "#e9edf3"

    def box(left, bottom, width, height, **style):
        axes.add_patch(
            FancyBboxPatch((left, bottom), width, height, **style,
                           boxstyle="round,pad=0,rounding_size=1.8")
        )  # fmt: skip

    def way(start, stop, line="-", bend=0.0):
        # The line and its head apart, or the head would be dashed as well.
        for arrow, width in (("-", 2.2), ("-|>", 0)):
            axes.add_patch(
                FancyArrowPatch(start, stop, linestyle=line, linewidth=width, color=ink,
                                arrowstyle=arrow, mutation_scale=18, shrinkA=0,
                                shrinkB=0 if width == 0 else 4, zorder=2,
                                connectionstyle=f"arc3,rad={bend}")
            )  # fmt: skip

    def end(x, y, *lines):
        box(x - 6.5, y - 3.6, 13, 7.2, facecolor="white", edgecolor=ink, linewidth=1.2,
            zorder=3)  # fmt: skip
        axes.text(x, y, "\n".join(lines), ha="center", va="center", size=9, zorder=4)

    # The upper line, all of it in the quick tour.
    box(-1, 32.6, 102, 23.2, facecolor=soft, edgecolor="none", zorder=0)
    axes.text(-0.4, 60.3, "00  Quick tour", size=10, weight="bold", color=ink)
    axes.text(-0.4, 57.4, "this line, end to end", size=8.5)
    box(37, 34, 40.5, 15.6, facecolor="none", edgecolor=ink, linewidth=0.8, zorder=1)
    axes.text(57.2, 47.4, "the model", ha="center", va="center", size=9, style="italic")
    for start, stop in ((12.5, 20.6), (27.4, 43.6), (50.4, 63.6), (70.4, 83.9)):
        way((start, 43), (stop, 43))
    end(6, 43, "sentence")
    end(90.5, 43, "prediction")
    # A predicted token goes back to the sentence.
    way((90.5, 46.8), (50.4, 65.2), ":", 0.2)
    way((43.6, 65.2), (6, 46.8), ":", 0.2)
    # The lower line, which changes the weights.
    for start, stop in ((12.5, 20.6), (27.4, 43.6), (50.4, 63.6), (70.4, 84.6)):
        way((start, 8), (stop, 8), "--")
    end(6, 8, "table", "of text")
    axes.text(-0.4, 13.4, "training", size=10, weight="bold", color=ink)
    way((47, 10.8), (47, 33.6), "--")
    axes.text(45.6, 25.5, "better weights,\nstep by step", ha="right", va="center",
              size=9, style="italic")  # fmt: skip
    way((84.6, 25.5), (70, 33.6), "--", -0.25)
    axes.text(79, 29.9, "the first weights", va="center", size=9, style="italic")
    for number, (title, about, (x, y)) in STATIONS.items():
        axes.plot(x, y, "o", markersize=25, color=ink, zorder=3)
        axes.text(x, y, number, ha="center", va="center", color="white", size=10.5,
                  weight="bold", zorder=4)  # fmt: skip
        axes.text(x, y - 4, title, ha="center", va="top", size=9, weight="bold")
        axes.text(x, y - 6.2, about, ha="center", va="top", size=8)
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
        ValueError: No steps, runs of different lengths, or a loss that is no finite number.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.ndim != 1 or not len(first):
        raise ValueError("no losses to draw: pass one number per step")
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
    figure = Figure(figsize=(7, 4))
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
    above.plot(
        first, "o", color="black", markersize=9, fillstyle="none", label=names[0]
    )
    above.plot(second, "x", color="#26456e", markersize=6, label=names[1])
    above.legend(frameon=False, loc="lower left", ncols=2)
    above.set(ylabel="loss")
    above.margins(y=0.25)  # not from 0: the question is where the crosses lie
    apart = (second - first) * 1e8
    unit = float(np.spacing(np.float32(0.7))) * 1e8
    for level in (-unit, unit):
        below.axhline(level, color="#5b6b85", linestyle=":", linewidth=1)
    below.axhline(0, color="black", linewidth=0.8)
    below.vlines(np.arange(len(apart)), 0, apart, color="#26456e", linewidth=1)
    below.plot(apart, ".", color="black", markersize=5)
    limit = max(2 * unit, 1.15 * np.abs(apart).max())
    below.set(xlabel="step", ylim=(-limit, limit))
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.annotate("the next float32", (0, unit), (0, 2), size=9,
                   textcoords="offset points", color="#3d4a61")  # fmt: skip
    below.set_ylabel("difference, 10⁻⁸")
    same = int((apart == 0).sum())
    title = f"{names[1]} minus {names[0]}: equal to the last bit at {same} of {len(apart)} steps"
    below.set_title(title, size=9)
    figure.align_ylabels()
    return figure


def epochs_and_baseline(
    losses: Mapping[float, float],
    validation: Mapping[float, float],
    scores: Mapping[str, Mapping[float, float]],
    baselines: Mapping[str, float],
) -> Figure:
    """Draw a run by epochs: losses on the left, on the right scores and what is free.

    Args:
        losses: Epoch, a fraction, to the training loss of a step.
        validation: Epoch to validation loss.
        scores: Name of a score to its values, 0 to 1, by epoch.
        baselines: The same names to what a rule gets that has learned nothing.

    Returns:
        A figure, not shown: the loss axis begins at 0; a baseline is a dotted line.

    Raises:
        ValueError: Nothing to draw, or scores and baselines of other names.
    """
    if not losses or not validation or not scores:
        raise ValueError("nothing to draw: pass losses, validation losses and scores")
    if set(scores) != set(baselines):
        raise ValueError(
            f"scores {sorted(scores)} and baselines {sorted(baselines)} must have the same names"
        )
    figure = Figure(figsize=(7.5, 3))
    left, right = figure.subplots(1, 2)
    left.plot(list(losses), list(losses.values()), color="#9aa5b8", linewidth=1)
    left.plot(
        list(validation), list(validation.values()), "D--", color="black", markersize=5
    )
    last = max(validation)
    left.annotate("validation", (last, validation[last]), (6, 0), size=9, va="center",
                  textcoords="offset points")  # fmt: skip
    left.annotate("training", (last, losses[max(losses)]), (6, 0), size=9, va="center",
                  textcoords="offset points", color="#5b6b85")  # fmt: skip
    left.set(xlabel="epoch", ylabel="loss", xlim=(0, 1.5 * last))
    left.set_ylim(0, 1.1 * max(*losses.values(), *validation.values()))
    for (name, values), marker in zip(scores.items(), "so^v", strict=False):
        right.plot(
            list(values),
            list(values.values()),
            f"{marker}-",
            color="black",
            fillstyle="none",
        )
        right.axhline(baselines[name], color="#5b6b85", linestyle=":")
        others = [other[last] for other in scores.values() if other is not values]
        close = any(abs(values[last] - other) < 0.05 for other in others)
        up = 7 * (1 if values[last] >= max(others, default=0) else -1) if close else 0
        right.annotate(name, (last, values[last]), (8, up), size=9, va="center",
                       textcoords="offset points",
                       bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    right.set(xlabel="epoch", ylabel="score", xlim=(0.5, last + 0.3 * last + 0.3))
    low = min(
        *baselines.values(), *(v for values in scores.values() for v in values.values())
    )
    right.set_ylim(min(0.5, low - 0.05), 1)
    right.set_title("dotted: the baselines", size=9)
    for axes in (left, right):
        axes.set_xticks(list(validation))
    return figure
