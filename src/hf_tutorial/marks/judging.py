"""Asking our checks inside the kernel of a submission, whatever became of them there.

For each verdict the package is read anew from this checkout, so that a student's own `checks`, a
patched one, or a file changed beside the notebook has no say; what was changed is reported.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

KIND = "application/x-hf-tutorial-verdict+json"


class Judged:
    """A verdict as the kernel sends it."""

    def __init__(self, outcome: str, message: str, changed: list[str]):
        """Hold what a check said."""
        self.content = {"outcome": outcome, "message": message, "changed": changed}

    def _repr_mimebundle_(self, **others) -> dict:
        return {KIND: self.content, "text/plain": "a verdict"}


class Judge:
    """Ask for verdicts on answers, by checks read anew from `source`.

    Args:
        source: The folder src/ of this checkout.
        names: The variables of the notebook, to see what it calls `checks`.
    """

    def __init__(self, source: str, names: dict):
        """Remember how the checks are now."""
        self.source, self.names = source, names
        ours = importlib.import_module("hf_tutorial.checks")
        # The import stands in one exercise's cell: a slip there is no reason to fail the others.
        names.setdefault("checks", ours)
        self.before = self._state()

    def count_anew(self, info) -> None:
        """Begin a cell: what `guarded` counts is what one cell prints."""
        from ipykernel.iostream import OutStream

        OutStream.printed = 0  # whatever a student put in the place of sys.stdout

    def __call__(self, check: str) -> Callable[..., Judged]:
        """Give what is called in the place of a check."""
        return functools.partial(self._judge, check)

    def _judge(self, check: str, *answers, **named) -> Judged:
        changed = self.changed()
        with _fresh(self.source) as checks:
            outcome, message = getattr(checks, check)(*answers, **named)
        return Judged(outcome, message, changed)

    def changed(self) -> list[str]:
        """Name what is no longer as it was when the kernel started."""
        now = self._state()
        names = sorted(name for name in self.before | now
                       if self.before.get(name) != now.get(name))  # fmt: skip
        module = sys.modules.get("hf_tutorial.checks")
        if self.names.get("checks", module) is not module:
            names.insert(0, "the name checks")
        return [name.removeprefix("hf_tutorial.") for name in names][:10]

    def _state(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for place, module in sorted(sys.modules.items()):
            if place.startswith("hf_tutorial.checks"):
                found[place] = id(module)
                if isinstance(module, ModuleType):
                    found |= _members(place, vars(module))
        return found


def _members(place: str, members: dict) -> Iterator[tuple[str, object]]:
    for name, member in list(members.items()):
        if callable(member) and not name.startswith("__"):
            inner = inspect.unwrap(member) if inspect.isfunction(member) else member
            code = [getattr(one, "__code__", None) for one in (member, inner)]
            yield f"{place}.{name}", (id(member), *map(hash, code))


@contextlib.contextmanager
def _fresh(source: str) -> Iterator[ModuleType]:
    """Import the package from `source`; afterwards the notebook has its own again."""

    def ours() -> list[str]:
        return [m for m in sys.modules if m.partition(".")[0] == "hf_tutorial"]

    theirs = {name: sys.modules.pop(name) for name in ours()}
    sys.path.insert(0, source)
    try:
        yield importlib.import_module("hf_tutorial.checks")
    finally:
        sys.path.remove(source)
        for name in ours():
            del sys.modules[name]
        sys.modules.update(theirs)
