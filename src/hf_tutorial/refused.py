"""How a program says that it cannot go on: one sentence with the way out, no traceback."""


class Refused(SystemExit):
    """What is wrong and what to do, in one sentence; the program ends with it."""


def one_line(error: BaseException) -> str:
    """Give the kind and the message of an error in one line of at most 300 characters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def causes(error: BaseException | None) -> list[BaseException]:
    """List an error and what it was raised from, the first cause last."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
