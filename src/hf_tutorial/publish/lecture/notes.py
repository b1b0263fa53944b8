"""What a speaker finds in a cell's metadata, and what becomes of it: notes and minutes.

A cell's metadata may hold `lecture`, a table with some of these:

    say      what to say, beyond the notebook's own prose
    ask      what to ask the room, before the output is shown
    slip     the misconception that is likely here
    minutes  for this slide and those after it, up to the next that names minutes
    lead     the line above the code, where the rule chose a poor one

Students do not see it: JupyterLab shows no metadata, and hand-outs leave it out.
"""

from __future__ import annotations

from dataclasses import dataclass

from nbformat import NotebookNode

KEY = "lecture"
WORDS = {"ask": "Ask", "say": "Say", "slip": "Likely slip"}  # in this order
ALLOWED = {*WORDS, "minutes", "lead"}


@dataclass(frozen=True)
class Remarks:
    """What the metadata of one cell say to its speaker."""

    say: str = ""
    ask: str = ""
    slip: str = ""
    minutes: float | None = None
    lead: str | None = None


def remarks(cell: NotebookNode) -> Remarks | None:
    """Read what a cell says to the speaker; None where it says nothing.

    Raises:
        ValueError: The table has a key that nobody reads, or a value of another kind.
    """
    said = cell.metadata.get(KEY)
    if said is None:
        return None
    where = f"metadata.{KEY} of cell {cell.get('id', '?')}"
    if not isinstance(said, dict):
        raise ValueError(f"{where} is {said!r}: make it a table with {_allowed()}")
    for key, value in said.items():
        if key not in ALLOWED:
            raise ValueError(f"{where} has a key {key!r}: only {_allowed()} are read")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if key == "minutes" and not (number and 0 < value <= 180):
            raise ValueError(
                f"{where}: minutes are {value!r}, not a number above 0, up to 180"
            )
        if key != "minutes" and not isinstance(value, str):
            raise ValueError(f"{where}: {key} is {value!r}, not a text")
    return Remarks(**said)


def _allowed() -> str:
    return ", ".join(sorted(ALLOWED))
