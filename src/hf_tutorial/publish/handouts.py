"""Hand-outs: the notebooks without solutions and outputs."""

import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from hf_tutorial import collection
from hf_tutorial.publish.writing import ensure_writable, replacing


def handout(root: Path = collection.ROOT) -> int:
    """Write notebooks without solutions and outputs to build/handout/.

    Returns:
        The exit status: 1 when a file could not be read or written.
    """
    build, unreadable = root / "build", []
    ensure_writable(build)
    try:
        with replacing(build / "handout") as folder:
            for path in collection.discover(root / "notebooks"):
                try:
                    notebook = collection.read(path)
                except ValueError as error:
                    unreadable.append(str(error))
                    continue
                if not without_solutions(notebook):
                    print(f"{path.name} has no cell tagged 'solution': none taken out")
                nbformat.write(notebook, folder / path.name)
    except OSError as error:
        print(f"no hand-outs written to build/handout/: {error}", file=sys.stderr)
        return 1
    print("\n".join(unreadable), end="\n" if unreadable else "", file=sys.stderr)
    print("hand-outs: build/handout/ (copy them into notebooks/ to run them)")
    return int(bool(unreadable))


def without_solutions(notebook: NotebookNode) -> int:
    """Drop the cells tagged `solution` and every output; in place.

    Returns:
        How many solutions there were.
    """
    kept = [c for c in notebook.cells if "solution" not in c.metadata.get("tags", [])]
    solutions = len(notebook.cells) - len(kept)
    notebook.cells = kept
    for cell in notebook.cells:
        cell.source = cell.source.replace(" Solutions are folded below.", "")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return solutions
