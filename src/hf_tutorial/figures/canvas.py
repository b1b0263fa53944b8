"""How large a picture may be, and what to draw instead of one that would be larger."""

from collections.abc import Callable, Mapping

import matplotlib
from matplotlib.figure import Figure

INCHES = 40  # on a side
MEGAPIXELS = 40
ARTISTS = 2500  # labels and boxes: more take longer than one likes to wait


def canvas(
    counts: Mapping[str, int],
    inches: Callable[..., tuple[float, float]],
    part: str = "",
    *,
    artists: Callable[..., int] = lambda *numbers: 0,
    layout: str = "constrained",
) -> Figure:
    """Make an empty figure, or say how much of what was passed would fit.

    Args:
        counts: What is to be drawn, such as "tokens", and how many of it, what is best cut
            off first.
        inches: Width and height of a picture of so many; takes one number for each of `counts`.
        part: The call that draws so many; {0} stands for the first number.
        artists: How many labels and boxes that would be.
        layout: As in `Figure`.

    Raises:
        ValueError: Over 40 inches on a side, 40 megapixels, or 2,500 labels and boxes.
    """
    everything = tuple(counts.values())

    def small(numbers: tuple[int, ...]) -> bool:
        return fits(inches(*numbers)) and artists(*numbers) <= ARTISTS

    width, height = inches(*everything)
    if small(everything):
        return Figure(figsize=(width, height), layout=layout)
    found = _largest(everything, small)
    if found is None:
        raise ValueError(
            f"a picture of {width:,.0f} x {height:,.0f} inches at "
            f"{matplotlib.rcParams['figure.dpi']:g} dots an inch has over {INCHES} inches on a "
            f"side or over {MEGAPIXELS} megapixels: set matplotlib.rcParams['figure.dpi'] = 100, "
            "or draw less at once"
        )
    cut = {name: n for name, n in zip(counts, found, strict=True) if n < counts[name]}
    problem = f"need more than {ARTISTS:,} labels and boxes"
    if not fits((width, height)):
        problem = (
            f"make a picture of {width:,.0f} x {height:,.0f} inches; the most is {INCHES} on a "
            f"side, and {MEGAPIXELS} megapixels"
        )
    for place, number in enumerate(found):
        part = part.replace(f"{{{place}}}", str(number))
    raise ValueError(
        f"{_list({name: counts[name] for name in cut})} {problem}. {_list(cut)} fit: draw a "
        f"part, as with {part}"
    )


def fits(inches: tuple[float, float]) -> bool:
    """Tell whether a picture of that width and height is small enough."""
    width, height = inches
    pixels = width * height * matplotlib.rcParams["figure.dpi"] ** 2
    return max(width, height) <= INCHES and pixels <= MEGAPIXELS * 1e6


def _largest(
    counts: tuple[int, ...], small: Callable[[tuple[int, ...]], bool]
) -> tuple[int, ...] | None:
    """Find the largest part: one number lowered if that will do, or else all alike."""
    single = []
    for place, count in enumerate(counts):

        def lowered(n: int, place: int = place) -> tuple[int, ...]:
            return counts[:place] + (n,) + counts[place + 1 :]

        most = _most(lambda n, lowered=lowered: small(lowered(n)), count)
        if 2 * most >= count:
            return lowered(most)
        if most:
            single.append((most / count, lowered(most)))
    if single:
        return max(single)[1]

    def share(n: int) -> tuple[int, ...]:
        return tuple(max(1, count * n // 1000) for count in counts)

    together = _most(lambda n: small(share(n)), 1000)
    return share(together) if together else None


def _most(good: Callable[[int], bool], count: int) -> int:
    """Find the largest number up to `count` that is good, where all smaller ones are."""
    low, high = 0, count
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if good(middle) else (low, middle - 1)
    return low


def _list(counts: Mapping[str, int]) -> str:
    return " and ".join(f"{number:,} {name}" for name, number in counts.items())
