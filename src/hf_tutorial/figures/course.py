"""The eleven notebooks as a map (notebook 00)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

INK, SOFT = "#26456e", "#e9edf3"

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
    "10": ("Chat and adapters", "a form, and small changes", (65.5, 24.5)),
}


def course_map() -> Figure:
    """Draw the eleven notebooks as a map: the way of a sentence, and what makes it better.

    Returns:
        A figure, not shown. The upper line is a prediction, with its loop for generation;
        the lower one is training, which changes the weights of the model above it.
    """
    figure = Figure(figsize=(7.6, 5.05), layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-2, 102), ylim=(-0.5, 69))
    axes.set_aspect("equal")
    axes.set_axis_off()
    _prediction(axes)
    _training(axes)
    for number, (title, about, (x, y)) in STATIONS.items():
        axes.plot(x, y, "o", markersize=25, color=INK, zorder=3)
        axes.text(x, y, number, ha="center", va="center", color="white", size=10.5,
                  weight="bold", zorder=4)  # fmt: skip
        axes.text(x, y - 4, title, ha="center", va="top", size=9, weight="bold")
        axes.text(x, y - 6.2, about, ha="center", va="top", size=8)
    return figure


def _prediction(axes: Axes) -> None:
    """Draw the upper line, all of it in the quick tour."""
    _box(axes, -1, 32.6, 102, 23.2, facecolor=SOFT, edgecolor="none", zorder=0)
    axes.text(-0.4, 60.3, "00  Quick tour", size=10, weight="bold", color=INK)
    axes.text(-0.4, 57.4, "this line, end to end", size=8.5)
    _box(axes, 37, 34, 40.5, 15.6, facecolor="none", edgecolor=INK, linewidth=0.8,
         zorder=1)  # fmt: skip
    axes.text(57.2, 47.4, "the model", ha="center", va="center", size=9, style="italic")
    for start, stop in ((12.5, 20.6), (27.4, 43.6), (50.4, 63.6), (70.4, 83.9)):
        _way(axes, (start, 43), (stop, 43))
    _end(axes, 6, 43, "sentence")
    _end(axes, 90.5, 43, "prediction")
    # A predicted token goes back to the sentence.
    _way(axes, (90.5, 46.8), (50.4, 65.2), ":", 0.2)
    _way(axes, (43.6, 65.2), (6, 46.8), ":", 0.2)


def _training(axes: Axes) -> None:
    """Draw the lower line, which changes the weights."""
    for start, stop in ((12.5, 20.6), (27.4, 43.6), (50.4, 63.6), (70.4, 84.6)):
        _way(axes, (start, 8), (stop, 8), "--")
    _end(axes, 6, 8, "table", "of text")
    axes.text(-0.4, 13.4, "training", size=10, weight="bold", color=INK)
    _way(axes, (47, 10.8), (47, 33.6), "--")
    axes.text(45.6, 25.5, "better weights,\nstep by step", ha="right", va="center",
              size=9, style="italic")  # fmt: skip
    _way(axes, (84.6, 25.5), (70, 33.6), "--", -0.25)
    _way(axes, (62.4, 26.4), (56.5, 33.6), "--", 0.15)
    axes.text(79, 29.9, "the first weights", va="center", size=9, style="italic")


def _box(axes, left, bottom, width, height, **style) -> None:
    axes.add_patch(
        FancyBboxPatch((left, bottom), width, height, **style,
                       boxstyle="round,pad=0,rounding_size=1.8")
    )  # fmt: skip


def _way(axes, start, stop, line="-", bend=0.0) -> None:
    # The line and its head apart, or the head would be dashed as well.
    for arrow, width in (("-", 2.2), ("-|>", 0)):
        axes.add_patch(
            FancyArrowPatch(start, stop, linestyle=line, linewidth=width, color=INK,
                            arrowstyle=arrow, mutation_scale=18, shrinkA=0,
                            shrinkB=0 if width == 0 else 4, zorder=2,
                            connectionstyle=f"arc3,rad={bend}")
        )  # fmt: skip


def _end(axes, x, y, *lines) -> None:
    _box(axes, x - 6.5, y - 3.6, 13, 7.2, facecolor="white", edgecolor=INK,
         linewidth=1.2, zorder=3)  # fmt: skip
    axes.text(x, y, "\n".join(lines), ha="center", va="center", size=9, zorder=4)
