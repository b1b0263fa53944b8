"""How large a picture may be, and what to draw instead of one that would be larger."""

from collections.abc import Callable
from typing import NamedTuple

import matplotlib
from matplotlib.figure import Figure

INCHES = 40  # on a side
MEGAPIXELS = 40
ARTISTS = 6000  # labels, boxes and bars: more take over ten seconds


class Part(NamedTuple):
    """One way to draw less: fewer of one thing."""

    count: int  # how many there are
    what: str  # in the plural, such as "tokens"
    inches: Callable[[int], tuple[float, float]]  # width and height with n of them
    call: str  # what draws the first {n} of them
    artists: Callable[[int], int] = lambda n: 0  # labels and boxes with n of them

    def fits(self, n: int) -> bool:
        """Tell whether a picture of n of them is small enough."""
        return fits(self.inches(n)) and self.artists(n) <= ARTISTS

    def most(self) -> int:
        """Find the largest number that fits; 0 if none does."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.fits(middle) else (low, middle - 1)
        return low


def fits(inches: tuple[float, float]) -> bool:
    """Tell whether a picture of that width and height is small enough."""
    width, height = inches
    pixels = width * height * matplotlib.rcParams["figure.dpi"] ** 2
    return max(width, height) <= INCHES and pixels <= MEGAPIXELS * 1e6


def canvas(*parts: Part, layout: str = "constrained") -> Figure:
    """Make an empty figure, or say how much of what was passed would fit.

    Args:
        parts: The ways to draw less; all describe the same picture.
        layout: As in `Figure`.

    Raises:
        ValueError: Over 40 inches on a side, 40 megapixels, or 6,000 labels and boxes.
    """
    inches = parts[0].inches(parts[0].count)
    if parts[0].fits(parts[0].count):
        return Figure(figsize=inches, layout=layout)
    best = max(parts, key=lambda part: part.most() / part.count)
    number = best.most()
    if not number:
        dpi = matplotlib.rcParams["figure.dpi"]
        raise ValueError(
            f"a picture of {inches[0]:.0f} x {inches[1]:.0f} inches at {dpi:g} dots an inch is "
            f"over {INCHES} inches or {MEGAPIXELS} megapixels: set "
            "matplotlib.rcParams['figure.dpi'] = 100, or draw less at once"
        )
    problem = f"need more than {ARTISTS:,} labels and boxes in one picture"
    if not fits(inches):
        problem = (
            f"make a picture of {inches[0]:,.0f} x {inches[1]:,.0f} inches, and {INCHES} on a "
            f"side and {MEGAPIXELS} megapixels are the most"
        )
    raise ValueError(
        f"{best.count:,} {best.what} {problem}. At most {number} fit here: draw a part, as "
        f"with {best.call.replace('{n}', str(number))}"
    )
