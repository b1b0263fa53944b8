"""Small notebooks and checkouts, made for one test each."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

OPENING = "# A title\n\n**Is it so?**\n\nText.\n\nMinutes: \n"
README = "top\n<!-- notebooks: written by make record -->\nold\n<!-- end of notebooks -->\nend\n"


def lesson(*sources: str, tags: tuple[str, ...] = ()) -> NotebookNode:
    """Make a notebook that opens as ours do, with a code cell for each source."""
    cells = [new_code_cell(source) for source in sources]
    for cell in cells:
        cell.metadata["tags"] = list(tags)
    return new_notebook(
        cells=[new_markdown_cell(OPENING), *cells], metadata={"minutes": 5}
    )


def saved(*cells: tuple[str, str]) -> NotebookNode:
    """Make a recorded notebook: each cell a source and the text that it printed."""
    return new_notebook(
        cells=[
            new_code_cell(
                source,
                execution_count=number,
                outputs=[new_output("stream", text=printed)] if printed else [],
            )
            for number, (source, printed) in enumerate(cells, 1)
        ]
    )


def put(checkout: Path, **notebooks: NotebookNode | str) -> None:
    """Write notebooks, or texts that are none, by their names with an underscore before."""
    for name, notebook in notebooks.items():
        path = checkout / "notebooks" / f"{name.strip('_')}.ipynb"
        if isinstance(notebook, str):
            path.write_text(notebook, encoding="utf-8")
        else:
            nbformat.write(notebook, path)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
