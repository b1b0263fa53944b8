"""`make run`: each notebook executed into build/, as pages that load nothing from outside."""

import copy
import sys
from pathlib import Path

import nbformat

from hf_tutorial import collection
from hf_tutorial.publish.executing import Execution, execute, table
from hf_tutorial.publish.moved import moved
from hf_tutorial.publish.reading import write_pages
from hf_tutorial.publish.writing import ensure_writable, replacing


def run(root: Path = collection.ROOT) -> int:
    """Execute all notebooks into build/, with a page for each and an index.

    Returns:
        The exit status: 1 when a notebook failed or the pages could not be written.
    """
    folder = root / "notebooks"
    ensure_writable(root / "build")
    executions = execute(collection.discover(folder))
    print(table(executions))
    if others := [path.name for path in collection.left_alone(folder)]:
        print(f"left alone, as not called NN_topic.ipynb: {', '.join(others)}")
    try:
        _write(executions, root)
    except OSError as error:
        print(f"no pages written to build/pages/: {error}", file=sys.stderr)
        return 1
    print("pages: build/pages/index.html")
    return int(any(e.failure for e in executions))


def _write(executions: list[Execution], root: Path) -> None:
    done = [(e.path, e.notebook) for e in executions if e.notebook]
    place, names = root / "build" / "notebooks", {path.name for path, _ in done}
    with replacing(place) as folder:
        for path, notebook in done:
            executed = moved(copy.deepcopy(notebook), path.parent, place, names)
            nbformat.write(executed, folder / path.name)
    with replacing(root / "build" / "pages") as folder:
        # A reader's own notebook may have faults; `make site` is what refuses them.
        for fault in write_pages(done, folder, root):
            print(fault, file=sys.stderr)
