"""What a check says, and the frame around each that lets nothing of an answer escape.

A check never raises, so Run All on an untouched notebook reaches the end. Answers arrive as
arguments; hints name the likely slip, not the solution.
"""

import functools
import itertools
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

MOST = 10_000  # values that a check reads of one answer: an iterator may have no end
LONGEST = 290  # letters of a message
CALLED = ("a function", "a callback class")  # the kinds of answers that a check calls


class Verdict(NamedTuple):
    """What a check says."""

    outcome: Literal["not attempted", "try again", "correct", "not judged"]
    message: str

    def __repr__(self) -> str:
        """Read as a sentence in a notebook."""
        return f"{self.outcome}: {self.message}"


class Endless(ValueError):
    """An answer holds more values than any right one."""


def correct(message: str) -> Verdict:
    """Accept an answer and say what it shows."""
    return Verdict("correct", message)


def again(hint: str) -> Verdict:
    """Turn an answer down with a hint."""
    return Verdict("try again", hint)


def not_judged(reason: str) -> Verdict:
    """Say why an answer, right or wrong, cannot be judged, as with models from the Hub."""
    return Verdict("not judged", reason)


def check(wanted: str) -> Callable:
    """Make a check that survives any answer.

    Args:
        wanted: What to answer with, as in "a number"; used when there is no answer, or one
            of another kind.
    """

    def decorate(judge: Callable[..., Verdict]) -> Callable[..., Verdict]:
        @functools.wraps(judge)
        def safe(*answers: Any, **named: Any) -> Verdict:
            # checks.pair(1, 2) is as good as checks.pair((1, 2)).
            answers = (*answers, *named.values())
            answer = answers[0] if len(answers) == 1 else answers or ...
            if answer is ...:
                return Verdict("not attempted", f"replace ... with {wanted}")
            if answer is None:
                return again(
                    f"got None where {wanted} was asked for: is a `return` missing?"
                )
            try:
                if not wanted.startswith(CALLED):
                    verdict = judge(answer)
                elif callable(answer):
                    verdict = judge(called(answer))
                else:
                    verdict = _other(answer, wanted)
            except KeyboardInterrupt:  # the reader's own, to stop a loop
                raise
            except (
                BaseException
            ) as error:  # whatever an answer may raise, exits included
                verdict = _unjudged(answer, error, wanted)
            return verdict._replace(message=_sentence(verdict.message))

        return safe

    return decorate


def listed(values: Iterable) -> list:
    """Make a list of what a reader gave, also of an iterator.

    Raises:
        Endless: More than 10,000 values.
    """
    found = list(itertools.islice(values, MOST + 1))
    if len(found) > MOST:
        raise Endless(f"over {MOST:,} values, and maybe no end: a few were asked for")
    return found


def returned(value: Any, wanted: str) -> Verdict | None:
    """Judge what a function of the reader's gave back, before its content is looked at."""
    if value is ...:
        return Verdict("not attempted", f"replace ... with {wanted}")
    if value is None:
        return again("the function returned None: is a `return` missing?")
    return None


def integers(batch: Mapping, key: str) -> Verdict | None:
    """Judge whether a batch holds a tensor of integers under a name."""
    import torch

    if key not in batch:
        return again(f"no {key!r} in the batch, only {short(list(batch))}")
    if not isinstance(batch[key], torch.Tensor):
        return again(f"{key!r} is a {type(batch[key]).__name__}: make it a tensor")
    if batch[key].is_floating_point() or batch[key].dtype == torch.bool:
        return again(f"{key!r} is {batch[key].dtype}: the model wants integers")
    return None


def called(function: Callable) -> Callable:
    """Mark the calls of what a reader wrote, so that its errors are told apart from a check's own."""

    def by_the_check(*given: Any, **named: Any) -> Any:
        return function(*given, **named)

    return by_the_check


_MARK = called(print).__code__


def short(answer: Any) -> str:
    """Print an answer, or an error, in at most 80 letters on one line."""
    try:
        if isinstance(answer, list | tuple | set | frozenset) and len(answer) > 80:
            answer = list(itertools.islice(answer, 80))
        plain = isinstance(answer, str | BaseException)
        text = " ".join((str(answer) if plain else repr(answer)).split())
    except KeyboardInterrupt:
        raise
    except BaseException:
        return "that cannot even be printed"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _unjudged(answer: Any, error: BaseException, wanted: str) -> Verdict:
    if isinstance(error, Endless):
        return again(str(error))
    said = f"{type(error).__name__}: {short(error)}"
    if any(
        frame.f_code is _MARK for frame, _ in traceback.walk_tb(error.__traceback__)
    ):
        return again(f"calling it raised {said}")
    if callable(answer) and wanted.startswith("a function"):
        return again(f"what it returned could not be read: {said}")
    return _other(answer, wanted)


def _other(answer: Any, wanted: str) -> Verdict:
    return again(f"got {type(answer).__name__} {short(answer)}, asked for {wanted}")


def _sentence(message: str) -> str:
    """Make one line of a message, whatever signs of an answer it quotes."""
    line = " ".join(message.split())
    if not line.isprintable():  # half an emoji cannot even be written to a page
        line = line.encode("unicode_escape").decode("ascii")
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."
