"""Figures that the notebooks draw: arrays in, a matplotlib Figure out, not shown.

A figure takes any text and the numbers of any model: lists, NumPy, pandas, and tensors of
PyTorch of whatever type, on whatever device. It is never larger than 40 inches on a side or 40
megapixels; what would be larger is refused, with the number that fits. Everything that it
refuses, it refuses with a ValueError that says what to do.

The modules stand here in the order in which the notebooks use them. Each is imported when one
of its names is first asked for, so that importing this package does not import matplotlib.
"""

import importlib

# module: what it draws
_ROOMS = {
    "course": ("STATIONS", "course_map"),
    "texts": ("similarity_map", "token_boxes"),
    "attention": ("KEY", "QUERY", "attention_grid", "attention_heads", "head_map"),
    "batches": ("padding_picture",),
    "measurements": ("bars", "speed_ups"),
    "training": ("training_curves",),
    "comparisons": ("loss_differences", "two_runs"),
    "generation": ("beam_tree", "distributions"),
    "chat": ("conversation", "preferences"),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
