"""Copies of notebooks that are executed elsewhere, and go on after an error.

`hf_tutorial.publish.execute` stops a notebook at its first failure. The runs in tests/rerun.py
and tests/gpu.py want all of them, so their copies tag every cell `raises-exception`, and the
outputs are judged here.
"""

import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from hf_tutorial import NOTEBOOKS, publish

# start() insists on notebooks/; the copy lies elsewhere, so that nothing there is written.
MOVE = f"import os\nos.chdir({str(NOTEBOOKS)!r})\n"


def copy_of(sources: list[str], before: str = "") -> NotebookNode:
    """Make a notebook of code cells that all run, whatever the others do.

    Args:
        sources: The code of its cells, from the second on.
        before: What the first cell does, besides moving to notebooks/.
    """
    new = nbformat.v4
    return new.new_notebook(
        cells=[
            new.new_code_cell(source, metadata={"tags": ["raises-exception"]})
            for source in (MOVE + before, *sources)
        ]
    )


def execute(copies: dict[str, NotebookNode], **how) -> list[publish.Execution]:
    """Execute copies, by file name, in a folder that is gone afterwards.

    Returns:
        One execution each, in order, without the first cell. `failure` is empty, or says why
        not all cells were reached.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in copies]
        for path, notebook in zip(paths, copies.values(), strict=True):
            nbformat.write(notebook, path)
        executions = publish.execute(paths, **how)
    for execution in executions:
        cells = execution.notebook.cells
        if all(cell.execution_count is not None for cell in cells):
            execution.failure = ""  # nothing but that some cells raised nothing
        del cells[0]
    return executions


def error(cell: NotebookNode) -> NotebookNode | None:
    """Return the error that a cell ended in, if any: `ename` and `evalue`."""
    errors = [output for output in cell.outputs if output.output_type == "error"]
    return errors[-1] if errors else None


def said(error: NotebookNode) -> str:
    """Put an error into one line, cut to what tells it from others."""
    return f"{error.ename}: {' '.join(error.evalue.split())[:200]}"


def fault(saved: NotebookNode, now: NotebookNode) -> str | None:
    """Say how a cell ended otherwise than it was meant to; None if it did not.

    Args:
        saved: The cell as the notebook has it, with its tags.
        now: The same, executed in a copy.
    """
    raised = error(now)
    meant = "raises-exception" in saved.metadata.get("tags", [])
    if raised and not meant:
        return said(raised)
    if meant and not raised and now.execution_count is not None:
        return "should have raised an error, and did not"
    return None
