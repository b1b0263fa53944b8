"""Texts and tokens of any kind as labels: visible, short enough, in a font that has them.

A sign that cannot be seen (a zero-width joiner, a soft hyphen, a newline) is written as Python
writes it in a string, such as \\u200d. So is one that no font on this machine has: then two
tokens stay two, where matplotlib would draw the same box for both and warn at each.
"""

import functools
import sys
import unicodedata
import warnings
from collections.abc import Sequence
from typing import Any

from matplotlib import rcParams
from matplotlib.font_manager import FontEntry, FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font

from hf_tutorial.figures.arrays import items, kind

MONO = "DejaVu Sans Mono"  # comes with matplotlib
LONGEST = 60  # letters of a label: what is longer has its middle left out
# Tried first, since they hold a whole script: the fonts of Linux, macOS and Windows.
WELL_KNOWN = ("Noto Sans CJK", "PingFang", "Hiragino Sans", "Microsoft YaHei", "Yu Gothic",
              "Malgun Gothic", "WenQuanYi", "Noto Emoji", "Noto Sans", "Segoe UI", "Symbola",
              "Arial Unicode MS")  # fmt: skip
_told: set[str] = set()  # scripts that a warning has named


def names_of(values: Any, what: str) -> list:
    """Make a list of texts or IDs: tokens, titles, names.

    Args:
        values: A list, a tuple, an array, a tensor, a column of pandas.
        what: What to call them in a message, such as "tokens".

    Raises:
        ValueError: One text where a list is due, something without an order, or a list of lists.
    """
    if isinstance(values, str | bytes):
        raise ValueError(
            f"{what} are the text {values[:40]!r}: pass a list, one text for each of them"
        )
    try:  # an array, a tensor, a column
        found = values.tolist() if hasattr(values, "tolist") else values
    except Exception as error:  # a tensor without data
        raise ValueError(f"{what} must be a list, not {kind(values)}") from error
    found = items(found, what)
    for place, value in enumerate(found):
        if hasattr(value, "item") and getattr(value, "shape", None) == ():
            found[place] = value = value.item()
        if isinstance(value, list | tuple | set | dict) or hasattr(value, "tolist"):
            raise ValueError(
                f"{what} hold {kind(value)}: pass those of one text, a flat list"
            )
    return found


def lettering(
    values: Sequence, family: str | None = None, longest: int = LONGEST
) -> tuple[list[str], dict]:
    """Make labels of texts, and find the fonts for them.

    Args:
        values: The texts; what is no text is written as Python prints it.
        family: A font family; that of the plot style unless given.
        longest: How many letters a label may have.

    Returns:
        One label each, and keyword arguments for `Text`. Dollars are dollars: no label begins
        a formula.
    """
    labels = [shown(value, longest) for value in values]
    base = (family,) if family else tuple(rcParams["font.family"])
    missing = frozenset("".join(labels)) - frozenset(map(chr, range(32, 127)))
    missing = frozenset(c for c in missing if not _covers(_files(base), c))
    style = {"parse_math": False} | ({"family": [family]} if family else {})
    if not missing:
        return labels, style
    more, nowhere = _fonts_for(missing, len(fontManager.ttflist))
    if nowhere:
        _tell(nowhere)
        labels = [
            "".join(_escaped(c) if c in nowhere else c for c in text) for text in labels
        ]
        labels = [_cut(label, longest) for label in labels]
    return labels, style | {"family": [*base, *more]}


def label(value: Any, longest: int = LONGEST) -> tuple[str, dict]:
    """Make one label: the text, and keyword arguments for `Text`."""
    (text,), style = lettering([value], longest=longest)
    return text, style


def shown(value: Any, longest: int = LONGEST) -> str:
    """Write a text so that every sign of it can be seen, blanks excepted, and not too long."""
    text = value if isinstance(value, str) else str(value)
    if len(text) > 4 * longest:  # before every sign is looked at
        text = text[: 2 * longest] + text[-2 * longest :]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else _escaped(c) for c in text)
    return _cut(text, longest)


def width(text: str) -> int:
    """Count columns: a Chinese sign or an emoji is as wide as two letters."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    tail = longest // 3
    return f"{text[: longest - tail - 1]}\N{HORIZONTAL ELLIPSIS}{text[-tail:]}"


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


@functools.cache
def _files(families: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    found = [findfont(FontProperties(family=[family])) for family in families]
    return tuple((str(path), getattr(path, "face_index", 0)) for path in found)


@functools.lru_cache(maxsize=64)
def _face(path: str, index: int) -> FT2Font:
    return FT2Font(path, face_index=index)


def _covers(files: tuple[tuple[str, int], ...], sign: str) -> bool:
    return any(_face(*file).get_char_index(ord(sign)) for file in files)


@functools.lru_cache(maxsize=256)
def _fonts_for(
    signs: frozenset[str], installed: int
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Find families that have the signs, the fewest that one pass finds.

    Args:
        signs: What the usual font does not have.
        installed: How many fonts matplotlib knows: with a new one, the search begins again.

    Returns:
        Their names, and the signs that none of them has.
    """
    chosen, left = [], set(signs)
    for entry in _candidates():
        try:
            face = FT2Font(entry.fname, face_index=entry.index)
            has = {c for c in left if face.get_char_index(ord(c))}
            # Pictures of signs in a fixed size, or in colour, have no outline to draw.
            if not has or not face.scalable or not _has_outline(face, min(has)):
                continue
        except (OSError, RuntimeError):  # a font file that cannot be read
            continue
        chosen.append(entry.name)
        left -= has
        if not left:
            break
    return tuple(chosen), frozenset(left)


def _has_outline(face: FT2Font, sign: str) -> bool:
    face.set_size(12, 72)
    face.load_char(ord(sign))
    return len(face.get_path()[0]) > 0


def _candidates() -> list[FontEntry]:
    """List one file of each family, the regular one, well-known families first."""
    regular: dict[str, FontEntry] = {}
    for entry in fontManager.ttflist:
        if "Last Resort" in entry.name:  # has every sign: as a box
            continue
        known = regular.get(entry.name)
        if known is None or _slant(entry) < _slant(known):
            regular[entry.name] = entry

    def place(entry: FontEntry) -> tuple[int, str]:
        known = (n for n, name in enumerate(WELL_KNOWN) if entry.name.startswith(name))
        return next(known, len(WELL_KNOWN)), entry.name

    return sorted(regular.values(), key=place)


def _slant(entry: FontEntry) -> tuple:
    weight = entry.weight if isinstance(entry.weight, int) else 400
    return entry.style != "normal", abs(weight - 400), entry.stretch != "normal"


def _script(sign: str) -> str:
    if unicodedata.category(sign).startswith("S"):
        return "emoji and symbols"
    return unicodedata.name(sign, "signs without a name").split()[0]


def _tell(signs: frozenset[str]) -> None:
    """Warn of signs that no font has: once for each script."""
    scripts = {_script(sign) for sign in signs} - _told
    if not scripts:
        return
    _told.update(scripts)
    examples = sorted(sign for sign in signs if _script(sign) in scripts)
    shown = ", ".join(f"{c} ({_escaped(c)})" for c in examples[:3])
    more = f" and {len(examples) - 3} more" if len(examples) > 3 else ""
    warnings.warn(
        f"no font on this machine has {shown}{more}: such signs are written as their codes. "
        "Install a font that has them (Noto Sans CJK for Chinese, Japanese and Korean, Noto "
        "Emoji without colour for emoji) and restart the kernel",
        stacklevel=_levels(),
    )


def _levels() -> int:
    """Count the calls up to the reader's own line, as seen by whoever calls this."""
    level, frame = 1, sys._getframe(1)
    while frame is not None and frame.f_globals["__name__"].startswith(__package__):
        level, frame = level + 1, frame.f_back
    return level
