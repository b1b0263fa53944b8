"""How a program says that it cannot go on: one sentence with the way out, no traceback."""

from typing import Any

LONGEST = 300  # characters of a message that is not ours
SHOWN = 12  # names in a list


class Refused(SystemExit):
    """What is wrong and what to do, in one sentence; the program ends with it."""


def one_line(error: BaseException) -> str:
    """Give the kind and the message of an error in one line of at most 300 characters."""
    line = " ".join(f"{type(error).__name__}: {error}".split())
    if len(line) <= LONGEST:
        return line
    begin = line[: LONGEST - 2]
    return (begin.rpartition(" ")[0] or begin) + " \N{HORIZONTAL ELLIPSIS}"


def shown(names: Any) -> str:
    """List the first names, and say how many more there are."""
    names = [str(name) for name in names]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def causes(error: BaseException | None) -> list[BaseException]:
    """List an error and what it was raised from, the first cause last."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
