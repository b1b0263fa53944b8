"""A training run (notebook 05)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hf_tutorial.figures import arrays
from hf_tutorial.figures.canvas import canvas

STEPS = 100_000  # of a curve: more take longer than one waits


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
        A figure, not shown: the loss axis begins at 0, so that a fall keeps its proportion;
        only a loss below 0 lowers it.

    Raises:
        ValueError: No steps or over 100,000, lengths that disagree, a loss that is no finite
            number, a learning rate below 0, or a validation outside of the run.
    """
    losses = steps_of(losses, "losses")
    rates = arrays.numbers(learning_rates, "learning rates")
    if losses.shape != rates.shape:
        raise ValueError(
            f"{len(losses)} losses and {arrays.kind(rates) if rates.ndim != 1 else len(rates)} "
            "learning rates: one of each per step"
        )
    curve = arrays.entries({} if validation is None else validation, "validation")
    curve = {
        arrays.number(step, "steps of validation"): arrays.number(
            loss, "validation losses"
        )
        for step, loss in curve.items()
    }
    validation = dict(sorted(curve.items()))
    lost = np.flatnonzero(~np.isfinite(losses))
    if len(lost):
        raise ValueError(
            f"the loss of step {lost[0]} is {losses[lost[0]]}: the run broke there, and a "
            "curve would hide it"
        )
    for step, loss in validation.items():
        if not 0 <= step <= len(losses) or not np.isfinite(loss):
            raise ValueError(
                f"a validation loss of {loss} after {step:g} steps does not fit a run of "
                f"{len(losses)}"
            )
    for step in np.flatnonzero(~((rates >= 0) & (rates < np.inf))):  # nan too
        raise ValueError(
            f"the learning rate of step {step} is {rates[step]}: pass numbers from 0"
        )
    figure = canvas({}, lambda: (7, 3.8))
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    _draw_losses(above, losses, validation)
    below.plot(np.arange(len(rates)), rates, color="black", linewidth=1)
    below.set(xlabel="step", ylabel="learning rate")
    below.set_ylim(0, 1.1 * rates.max() or 1)
    below.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=True)
    figure.align_ylabels()
    return figure


def steps_of(losses, what: str) -> np.ndarray:
    """Make an array of one number per step.

    Raises:
        ValueError: None, over 100,000, or more than one per step.
    """
    losses = arrays.numbers(losses, what)
    if losses.ndim != 1 or not len(losses):
        raise ValueError(f"no {what} to draw: pass one number per step")
    if len(losses) > STEPS:
        raise ValueError(
            f"{len(losses):,} steps, and at most {STEPS:,} can be drawn: pass fewer, as with "
            f"losses[::{-(-len(losses) // STEPS)}]"
        )
    return losses


def _draw_losses(axes: Axes, losses: np.ndarray, validation: Mapping) -> None:
    steps = np.arange(len(losses))
    axes.plot(steps, losses, color="#5b6b85", linewidth=1)
    axes.plot(steps, losses, ".", color="#5b6b85", markersize=4)
    # Labels stand where curves seldom are: above the first steps, beside the first diamond.
    top = losses[: max(1, len(losses) // 3)].max()
    axes.annotate("training, one batch a point", (0, top), (2, 6),
                  textcoords="offset points", size=8, color="#3d4a61")  # fmt: skip
    if validation:
        axes.plot(list(validation), list(validation.values()), "D--", color="black",
                  markersize=6)  # fmt: skip
        first = min(validation)
        late = first > 0.8 * len(losses)
        width = max(1, round(0.2 * len(losses)))  # of the word, in steps
        start = int(first) - width if late else int(first)
        below = losses[max(0, start) : start + width + 1]
        top = max([validation[first], *below])
        axes.annotate("validation", (first, top), (-7 if late else 7, 4),
                      ha="right" if late else "left", textcoords="offset points",
                      size=8)  # fmt: skip
    values = [losses.min(), losses.max(), *validation.values()]
    axes.set(ylabel="loss")
    axes.set_ylim(min(0, 1.15 * min(values)), max(0, 1.15 * max(values)) or 1)
