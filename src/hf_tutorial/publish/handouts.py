"""Hand-outs: the notebooks without solutions and outputs, and the instructor's with all."""

import copy
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from hf_tutorial import collection
from hf_tutorial.publish.lecture.notes import KEY, WORDS, remarks
from hf_tutorial.publish.moved import moved
from hf_tutorial.publish.writing import ensure_writable, replacing


def handout(root: Path = collection.ROOT) -> int:
    """Write two copies of each notebook: build/handout/ for students, build/instructor/.

    The students' have no solutions, no outputs and no speaker's notes. The instructor's keep
    the saved outputs, have the solutions unfolded, and show the notes above their cells.

    Returns:
        The exit status: 1 when a file could not be read or written.
    """
    build, faults = root / "build", []
    ensure_writable(build)
    try:
        with (
            replacing(build / "handout") as students,
            replacing(build / "instructor") as instructors,
        ):
            found = collection.discover(root / "notebooks")
            names = {path.name for path in found}
            for path in found:
                try:
                    notebook = collection.read(path)
                    opened = with_open_solutions(notebook)
                    # Students' copies go to notebooks/; these are read where they are.
                    moved(opened, path.parent, build / "instructor", names)
                except ValueError as error:
                    said = str(error)
                    faults.append(said if path.name in said else f"{path.name}: {said}")
                    continue
                if not without_solutions(notebook):
                    print(f"{path.name} has no cell tagged 'solution': none taken out")
                nbformat.write(notebook, students / path.name)
                nbformat.write(opened, instructors / path.name)
    except OSError as error:
        print(f"no hand-outs written to build/handout/: {error}", file=sys.stderr)
        return 1
    print("\n".join(faults), end="\n" if faults else "", file=sys.stderr)
    print("hand-outs: build/handout/ (copy them into notebooks/ to run them)")
    print("the instructor's, with solutions and notes: build/instructor/")
    return int(bool(faults))


def without_solutions(notebook: NotebookNode) -> int:
    """Drop the cells tagged `solution`, every output and the speaker's notes; in place.

    Returns:
        How many solutions there were.
    """
    kept = [c for c in notebook.cells if "solution" not in c.metadata.get("tags", [])]
    solutions = len(notebook.cells) - len(kept)
    notebook.cells = kept
    for cell in notebook.cells:
        cell.metadata.pop(KEY, None)
        cell.source = cell.source.replace(" Solutions are folded below.", "")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return solutions


def with_open_solutions(notebook: NotebookNode) -> NotebookNode:
    """Make a copy in which solutions are unfolded and the speaker's notes can be read.

    Raises:
        ValueError: A cell's notes are not as they should be; see `lecture.notes`.
    """
    opened = copy.deepcopy(notebook)
    cells = []
    for cell in opened.cells:
        said = remarks(cell)
        if said is not None and (text := _readable(said)):
            cells.append(
                nbformat.v4.new_markdown_cell(text, id=f"{cell.id[:56]}-notes")
            )
        cell.source = cell.source.replace(
            "Solutions are folded below.", "Solutions follow."
        )
        if "solution" in cell.metadata.get("tags", []):
            cell.metadata.pop("collapsed", None)
            cell.metadata.pop("jupyter", None)
        cells.append(cell)
    opened.cells = cells
    return opened


def _readable(said) -> str:
    lines = [f"> **{word}:** {text}" for key, word in WORDS.items()
             if (text := getattr(said, key))]  # fmt: skip
    if said.minutes:
        lines.append(f"> *{said.minutes:g} minutes*")
    return "\n>\n".join(lines)
