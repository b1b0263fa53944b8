"""Notebooks that are written to another folder: their links lead where they led."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

from nbformat import NotebookNode

# A link or a picture of Markdown: what leads out, or to a place of the same page, stays.
LINK = re.compile(r"(\]\()(?![a-zA-Z][a-zA-Z0-9+.-]*:|//|#)([^()\s#]+)(?=[#)\s])")


def moved(
    notebook: NotebookNode, home: Path, folder: Path, beside: set[str]
) -> NotebookNode:
    """Point the links of a notebook at the files that they name, seen from another folder; in place.

    Args:
        notebook: As it lies in `home`.
        home: Where its links were written.
        folder: Where it will lie.
        beside: Names of files that will lie in `folder` as well: links to them stay.
    """

    def pointed(found: re.Match) -> str:
        name = unquote(found[2])
        if name in beside or not (home / name).exists():
            return found[0]
        return found[1] + quote(Path(os.path.relpath(home / name, folder)).as_posix())

    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(pointed, cell.source)
    return notebook
