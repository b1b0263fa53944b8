"""What an entry of the catalogue is, and how one is written down.

An entry is a function under `@trap`. Its docstring begins with the title and holds three
paragraphs that begin with *You see:*, *What happens:* and *Instead:*. Its body is what has to be
there first, then three parts behind the comments `# You write`, `# You get` and `# Instead`. An `assert` behind *You get* states the trap, one behind *Instead* the
way out. The body runs in an empty folder of its own, after `set_seed(0)`.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import NamedTuple

PARTS = ("You see", "What happens", "Instead")
MARKS = ("# You write", "# You get", "# Instead")
# Optional packages, at the versions that were tried; the others are pinned in pyproject.toml.
EXTRA = {"peft": "0.21.2", "torchdata": "0.11.0"}
# Newer releases on which the whole catalogue was run. An entry that failed there says so.
ALSO = {"transformers": "5.24.0"}
ENTRIES: dict[int, "Trap"] = {}


class Trap(NamedTuple):
    """One entry, with what its page and its proof need."""

    number: int
    function: Callable[[], None]
    libraries: tuple[str, ...]  # seen at their pins, which the proof repeats
    says: str = ""  # what the library logs or warns of, a part of it, word for word
    mended: str = ""  # "package version" that no longer does it
    since: str = ""  # "package version" that does it first, where that is not the pin
    upstream: str = ""  # owner/name#number
    shown: str = ""  # file.ipynb#Heading
    processes: int = 1  # the body runs in each of them
    slow: str = ""  # why its proof is left to `make latest`
    needs: str = ""  # a package that is not installed with the collection

    @property
    def title(self) -> str:
        return inspect.getdoc(self.function).splitlines()[0].rstrip(".")

    @property
    def prose(self) -> dict[str, str]:
        """Give the three paragraphs of the docstring, each on one line."""
        paragraphs = inspect.getdoc(self.function).split("\n\n")[1:]
        found = {}
        for paragraph in paragraphs:
            name, _, text = " ".join(paragraph.split()).partition(": ")
            found[name] = text
        return found

    @property
    def code(self) -> str:
        """Give the body, without its docstring."""
        source = inspect.getsource(self.function)
        (function,) = ast.parse(textwrap.dedent(source)).body
        lines = source.splitlines(keepends=True)[function.body[0].end_lineno :]
        return textwrap.dedent("".join(lines)).strip() + "\n"

    def part(self, line: int) -> str:
        """Name the part of the body that holds a line of the module: a mark, or "set-up"."""
        offset = line - self.function.__code__.co_firstlineno
        return next(
            (mark for mark in reversed(MARKS) if offset >= self._line(mark)), "set-up"
        )

    def _line(self, mark: str) -> int:
        lines = inspect.getsource(self.function).splitlines()
        found = [n for n, line in enumerate(lines) if line.strip() == mark]
        if len(found) != 1:
            raise ValueError(
                f"entry {self.number} has {len(found)} lines {mark!r}: it needs one"
            )
        return found[0]


def trap(number: int, *libraries: str, **options) -> Callable:
    """Put a function into the catalogue under its number.

    Args:
        number: Where the entry stands for good; others refer to it.
        libraries: The packages whose behaviour it shows, as in pyproject.toml.
        options: `says`, `mended`, `since`, `upstream`, `shown`, `processes`, `slow`, `needs` of `Trap`.

    Raises:
        ValueError: The number is taken, or the function is not written as an entry is.
    """

    def keep(function: Callable[[], None]) -> Callable[[], None]:
        if number in ENTRIES:
            raise ValueError(
                f"entry {number} is there already: {ENTRIES[number].title}"
            )
        entry = Trap(number, function, libraries, **options)
        missing = [part for part in PARTS if not entry.prose.get(part)]
        if missing or len(entry.prose) != len(PARTS):
            raise ValueError(
                f"entry {number}: its docstring has {list(entry.prose)} behind the title, "
                f"and needs {list(PARTS)}"
            )
        order = [entry._line(mark) for mark in MARKS]
        if order != sorted(order):
            raise ValueError(f"entry {number}: its parts are not in the order {MARKS}")
        ENTRIES[number] = entry
        return function

    return keep


def identifiers(entry: Trap) -> set[str]:
    """Give the words of an entry that could be a name in code."""
    return set(re.findall(r"[A-Za-z_]\w+", entry.title + entry.code + str(entry.prose)))
