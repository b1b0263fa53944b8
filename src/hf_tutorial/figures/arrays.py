"""Numbers in any wrapping, made into arrays of float64; what is none is refused.

The wrapping may be a list, NumPy, pandas, or a tensor of PyTorch: of any type (bfloat16, which
NumPy does not know), on any device, with or without a gradient. PyTorch is not imported for
it. Beyond 1e100 a number is no measurement, and matplotlib begins to overflow; below 1e-100
it is drawn as 0.
"""

from collections.abc import Hashable
from typing import Any

import numpy as np

LARGEST = 1e100
# Distance from 1 to the next number, for the types that are coarse.
STEPS = {
    "float16": 2**-10,
    "bfloat16": 2**-7,
    "float8_e4m3fn": 2**-3,
    "float8_e4m3fnuz": 2**-3,
    "float8_e5m2": 2**-2,
    "float8_e5m2fnuz": 2**-2,
}


def numbers(
    values: Any,
    what: str,
    axes: tuple[str, ...] | None = None,
    ways: dict[int, str] | None = None,
) -> np.ndarray:
    """Make a new array of float64.

    Args:
        values: Anything that holds numbers, as described above.
        what: What to call them in a message, in the plural, such as "attention weights".
        axes: Names of the axes that there must be.
        ways: What to do with another number of axes that is likely, for the message.

    Raises:
        ValueError: No numbers, rows of different lengths, another number of axes than asked
            for, or a number that is neither nan nor inf and beyond 1e100.
    """
    array = None
    try:
        array = np.asarray(_unwrapped(values))
        if array.dtype.kind == "O":
            if any(isinstance(one, str | bytes | None) for one in array.flat):
                raise TypeError("texts among the numbers, or None")
        elif array.dtype.kind not in "biuf" and array.dtype.name not in STEPS:
            raise TypeError(array.dtype.name)
        array = array.astype(float)
    except (
        Exception
    ) as error:  # NumPy, pandas and PyTorch each have errors of their own
        found = _no_number(array) or kind(values)
        raise ValueError(
            f"{what} must be numbers in rows of equal length, not {found}"
        ) from error
    if axes is not None and array.ndim != len(axes):
        way = (ways or {}).get(array.ndim)
        raise ValueError(
            f"shape {array.shape} has {array.ndim} axes, not the {len(axes)} of "
            f"({', '.join(axes)})" + (f": {way}" if way else "")
        )
    size = np.abs(array)
    beyond = size[(size > LARGEST) & (size < np.inf)]
    if len(beyond):
        raise ValueError(
            f"{what} hold {beyond[0]:.3g}: beyond {LARGEST:g} nothing can be drawn"
        )
    array[size < 1 / LARGEST] = 0
    return array


def number(value: Any, what: str) -> float:
    """Make one float of a number in any wrapping.

    Raises:
        ValueError: Not one number, or one beyond 1e100 that is not inf.
    """
    array = numbers(value, what)
    if array.size != 1:
        raise ValueError(f"{what} must be one number, not {kind(value)}")
    return float(array.ravel()[0])


def measures(values: Any, what: str) -> dict[Hashable, float]:
    """Make a dict of floats: name to number, in the order given.

    Raises:
        ValueError: Not a mapping, a name twice, or a value that is no number.
    """
    return {
        name: number(value, f"{what}, {name!r},")
        for name, value in entries(values, what).items()
    }


def entries(values: Any, what: str) -> dict[Hashable, Any]:
    """Make a dict of a mapping or of a pandas Series or DataFrame.

    Raises:
        ValueError: Neither of them, or a name twice.
    """
    if not (hasattr(values, "keys") and hasattr(values, "items")):
        raise ValueError(f"{what} must be a dict, name to value, not {kind(values)}")
    pairs = list(values.items())
    try:
        found = dict(pairs)
    except (TypeError, ValueError):
        raise ValueError(f"{what} must be a dict, not {kind(values)}") from None
    if len(found) < len(pairs):
        raise ValueError(f"{what} hold a name twice: {[name for name, _ in pairs]}")
    return found


def items(values: Any, what: str) -> list:
    """Make a list of anything that has a length and an order.

    Raises:
        ValueError: A text, a mapping, a set, one number, or an iterator, which may have no end.
    """
    try:
        if isinstance(values, str | bytes | set | frozenset) or hasattr(values, "keys"):
            raise TypeError(type(values))
        len(values)
        return list(values)
    except Exception as error:  # tensors have errors of their own
        raise ValueError(f"{what} must be a list, not {kind(values)}") from error


def rounding(values: Any) -> float:
    """Say how far a sum that should be 1 may be off, by the type of the numbers.

    Numbers from a model in bfloat16 are off by 2**-8 in all, also when they have been made
    float32 since; a mean that was taken in bfloat16 doubles that.
    """
    if isinstance(values, list | tuple):
        if not _holds_tensors(values):
            return 2**-8
        return max(rounding(value) for value in values)
    dtype = str(getattr(values, "dtype", "")).removeprefix("torch.")
    return max(2**-8, 2 * STEPS.get(dtype, 0.0))


def kind(value: Any) -> str:
    """Name what was passed, in a few words, for a message."""
    name = type(value).__name__
    if isinstance(value, str | bytes):
        return f"the text {value[:40]!r}"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"{name} of shape {tuple(shape)}"
    try:
        return f"{name} of {len(value)}"
    except Exception:
        return name


def _no_number(array: np.ndarray | None) -> str | None:
    """Say what stands where numbers should, if it is texts or nothing at all."""
    if array is None or not array.ndim or array.dtype.kind not in "OUS":
        return None
    kinds = {type(one) for one in array.flat}
    if any(issubclass(one, str | bytes) for one in kinds):
        return "texts"
    return "None among them" if type(None) in kinds else None


def _unwrapped(values: Any) -> Any:
    if hasattr(values, "detach"):  # a tensor
        values = values.detach().cpu()
        if str(values.layout) != "torch.strided":
            values = values.to_dense()
        return values.double().numpy() if values.is_floating_point() else values.numpy()
    if isinstance(values, np.ma.MaskedArray):
        return values.astype(float).filled(np.nan)
    if isinstance(values, list | tuple) and _holds_tensors(values):
        return [_unwrapped(value) for value in values]
    return values


def _holds_tensors(values: Any) -> bool:
    # Millions of numbers in lists are looked at once, by NumPy: here, their lists alone.
    if isinstance(values, list | tuple):
        if values and isinstance(values[0], float | int):
            return not all(isinstance(value, float | int) for value in values)
        return any(_holds_tensors(value) for value in values)
    return hasattr(values, "detach")
