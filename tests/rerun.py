"""`make rerun`: run every cell of the notebooks twice in a row, then every section once more.

A reader runs a cell again, or a section, long after the page came to its end. Nothing may fail
then that was not meant to, asserts included; a cell that raises on purpose raises the same again.
Outputs may differ. Sections are repeated from the last to the first, so that each meets names as
the end of the page left them. Takes three times as long as running the notebooks.

python -m tests.rerun          # all of them
python -m tests.rerun 04 07    # by the beginning of the name
"""

import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from hf_tutorial import NOTEBOOKS, publish
from tests import guards, names

# Where start() wants to be called; the copy lies elsewhere, so that notebooks/ stays as it is.
MOVE = f"import os\nos.chdir({str(NOTEBOOKS)!r})"


class Step(NamedTuple):
    """One execution of a cell: which, and whether it is the first, or why it is repeated."""

    cell: NotebookNode
    why: str


def steps(notebook: NotebookNode) -> list[Step]:
    """List what is executed, in order: each cell twice, then the sections, last one first."""
    cells = guards.code(notebook)
    where = {
        cell.id: found.section
        for cell, found in zip(cells, names.of_notebook(notebook), strict=True)
    }
    twice = [Step(cell, why) for cell in cells for why in ("first", "run twice")]
    sections = [
        Step(cell, "its section run again")
        for section in sorted(set(where.values()), reverse=True)
        for cell in cells
        if where[cell.id] == section
    ]
    return twice + sections


def unrolled(notebook: NotebookNode, planned: list[Step]) -> NotebookNode:
    """Make a notebook that executes the steps as its cells, and goes on after an error."""
    new = nbformat.v4
    cells = [
        new.new_code_cell(step.cell.source, metadata={"tags": ["raises-exception"]})
        for step in planned
    ]
    return new.new_notebook(cells=[new.new_code_cell(MOVE), *cells])


def complaints(planned: list[Step], done: NotebookNode) -> list[str]:
    """Say what failed on a repetition that had not failed before, or failed otherwise."""
    found, first = [], {}
    for step, cell in zip(planned, done.cells[1:], strict=True):
        if cell.execution_count is None:
            continue  # the kernel had died
        errors = [o for o in cell.outputs if o.output_type == "error"]
        raised = errors[0].ename if errors else None
        meant = "raises-exception" in guards.tags(step.cell)
        if step.why == "first":
            first[step.cell.id] = raised
        wanted = first[step.cell.id] if meant else None
        if raised != wanted:
            said = (
                f"{raised}: {' '.join(errors[0].evalue.split())[:200]}"
                if errors
                else "nothing"
            )
            found.append(
                f"{step.cell.id}, {step.why}: raised {said}, not {wanted or 'nothing'}"
            )
    return found


def rerun(paths: list[Path]) -> dict[Path, list[str]]:
    """Execute notebooks as `steps` says; complaints of each, none when it holds."""
    plans = {path: steps(nbformat.read(path, as_version=4)) for path in paths}
    with tempfile.TemporaryDirectory() as folder:
        copies = []
        for path, planned in plans.items():
            copies.append(Path(folder) / path.name)
            nbformat.write(
                unrolled(nbformat.read(path, as_version=4), planned), copies[-1]
            )
        executions = publish.execute(copies)
    results = {}
    for (path, planned), execution in zip(plans.items(), executions, strict=True):
        results[path] = complaints(planned, execution.notebook)
        if any(cell.execution_count is None for cell in execution.notebook.cells):
            results[path].append(f"stopped: {execution.failure}")
        print(
            f"{path.stem}: {execution.seconds:.0f} s, {execution.peak_bytes / 1e6:.0f} MB"
        )
    return results


def main(chosen: list[str]) -> int:
    """Run and report; the exit status is 1 when something failed."""
    paths = [
        p for p in publish.discover() if not chosen or p.name.startswith(tuple(chosen))
    ]
    if not paths:
        sys.exit(f"no notebook's name begins with {' or '.join(chosen)}")
    results = rerun(paths)
    for path, found in results.items():
        print(
            *(f"{path.stem}: {complaint}" for complaint in found),
            sep="\n",
            end="\n" if found else "",
        )
    failed = sum(bool(found) for found in results.values())
    print(
        f"{len(results) - failed} of {len(results)} notebooks can be run again, by cell and by section"
    )
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
