"""What libraries say on stderr and in tracebacks, in words that are the same on each machine."""

import re

from nbformat import NotebookNode

TAG = "stderr"  # of a cell whose stderr is its lesson: saved, shown on pages, and compared

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_BARS = re.compile(r"^[^\n]*(?:\r|\d%\|)[^\n]*\n?", re.MULTILINE)
# What stands before the part of a path that counts. A blank belongs to the path where its beginning
# is plain: at the start of a line, behind a quote or a bracket, or as IPython names a file.
_ROOT = r"(?:[/~]|[A-Za-z]:[/\\])"
_BEFORE = (
    rf"(?:(?:^|(?<=[\"'(])|(?<=\bFile )){_ROOT}(?:(?!\s{_ROOT})[^\n\"':])*?"
    r"|(?<![^\s\"'(])[^\s\"'(]*)"
)
_CELLS = re.compile(rf"{_BEFORE}ipykernel_\d+[/\\]\d+\.py:(\d+)(?=:)", re.M)
_LIBRARIES = re.compile(rf"{_BEFORE}(?:site|dist)-packages[/\\]", re.M)
_PYTHON = re.compile(rf"{_BEFORE}/lib/python3\.\d+/", re.M)
_ADDRESSES = re.compile(r"\b0x[0-9a-f]{6,}")
# Rows of transformers' load report: they stand in the order of a set, another in each run.
_REPORTED = re.compile(r"(?:^[\w.]+ *\| [A-Z]+ *\|.*\n)+", re.M)


def comparable(text: str) -> str:
    """Take out of a text what differs between machines; what it says stays.

    Colours and progress bars go. A library's file is named from its package on, a cell of a
    notebook as `cell`, and an address in memory is `0x...`. The rows of a load report are sorted.
    A text that has been through it comes out as it went in.
    """
    text = _BARS.sub("", _COLOURS.sub("", text))
    text = _CELLS.sub(r"cell, line \1", text)
    text = _PYTHON.sub("", _LIBRARIES.sub("", text))
    text = _REPORTED.sub(lambda rows: "".join(sorted(rows[0].splitlines(True))), text)
    return _ADDRESSES.sub("0x...", text)


def listened_to(cell: NotebookNode) -> bool:
    """Say whether a cell's stderr belongs to its lesson."""
    return TAG in cell.metadata.get("tags", [])


def keep_what_is_listened_to(cell: NotebookNode) -> None:
    """Leave stderr in a cell's outputs, comparable, where it is the lesson; take it out elsewhere."""
    kept = []
    for output in cell.outputs:
        if output.get("name") == "stderr":
            output.text = comparable(output.text)
            if not (listened_to(cell) and output.text.strip()):
                continue
        kept.append(output)
    cell.outputs = kept
