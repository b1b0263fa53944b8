"""`make rerun`: run every cell of the notebooks twice in a row, then every section once more.

A reader runs a cell again, or a section, long after the page came to its end. Nothing may fail
then that was not meant to, asserts included; a cell that raises on purpose raises the same again.
Outputs may differ. Sections are repeated from the last to the first, so that each meets names as
the end of the page left them. (What a section leaves in a library, only the one before it meets.)
Takes three times as long as running the notebooks.

python -m tests.rerun          # all of them
python -m tests.rerun 04 07    # by the beginning of the name
"""

import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from hf_tutorial import publish
from tests import copies, guards, names


class Step(NamedTuple):
    """One execution of a cell: which, and whether it is the first, or why it is repeated."""

    cell: NotebookNode
    why: str


def steps(notebook: NotebookNode) -> list[Step]:
    """List what is executed, in order: each cell twice, then the sections, last one first."""
    cells = guards.code(notebook)
    sections = [found.section for found in names.of_notebook(notebook)]
    twice = [Step(cell, why) for cell in cells for why in ("first", "run twice")]
    again = [
        Step(cell, "its section run again")
        for section in sorted(set(sections), reverse=True)
        for cell, its in zip(cells, sections, strict=True)
        if its == section
    ]
    return twice + again


def complaints(planned: list[Step], done: list[NotebookNode]) -> list[str]:
    """Say what failed on a repetition that had not failed before, or failed otherwise."""
    found, first = [], {}
    for step, cell in zip(planned, done, strict=True):
        if cell.execution_count is None:
            continue  # the kernel had died
        error = copies.error(cell)
        raised = error.ename if error else "nothing"
        if step.why == "first":
            first[step.cell.id] = raised
        meant = "raises-exception" in guards.tags(step.cell)
        wanted = first[step.cell.id] if meant else "nothing"
        if raised != wanted:
            what = copies.said(error) if error else raised
            found.append(f"{step.cell.id}, {step.why}: raised {what}, not {wanted}")
    return found


def rerun(paths: list[Path]) -> dict[Path, list[str]]:
    """Execute notebooks as `steps` says; complaints of each, none when it holds."""
    plans = {path: steps(nbformat.read(path, as_version=4)) for path in paths}
    executions = copies.execute(
        {
            path.name: copies.copy_of([step.cell.source for step in planned])
            for path, planned in plans.items()
        }
    )
    results = {}
    for (path, planned), done in zip(plans.items(), executions, strict=True):
        results[path] = complaints(planned, done.notebook.cells)
        if done.failure:
            results[path].append(f"stopped: {done.failure}")
        memory = f"{done.peak_bytes / 1e6:.0f} MB"
        print(f"{path.stem:30} {done.seconds:5.0f} s {memory:>8}")
    return results


def main(chosen: list[str]) -> int:
    """Run and report; the exit status is 1 when something failed."""
    paths = [
        p
        for p in publish.discover()
        if p.name.startswith(tuple(chosen or "0123456789"))
    ]
    if not paths:
        sys.exit(f"no notebook's name begins with {' or '.join(chosen)}")
    results = rerun(paths)
    for path, found in results.items():
        for complaint in found:
            print(f"{path.stem}: {complaint}")
    held = sum(not found for found in results.values())
    print(
        f"{held} of {len(results)} notebooks hold, cell by cell and section by section"
    )
    return int(held < len(results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
