"""Which notebooks belong to the collection, and what their files hold beside the cells."""

import json
import re
import warnings
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from hf_tutorial import NOTEBOOKS

ROOT = NOTEBOOKS.parent
BUILD = ROOT / "build"
NAME = "[0-9][0-9]_*.ipynb"  # two digits, which give the order, and a topic
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def discover(folder: Path = NOTEBOOKS) -> list[Path]:
    """List the notebooks of the collection, in reading order.

    Those are the files called NN_topic.ipynb that lie in `folder` itself; two may share a
    number. Any other notebook is somebody's own, and left alone: see `left_alone`.

    Raises:
        FileNotFoundError: There are none.
    """
    paths = sorted(path for path in folder.glob(NAME) if path.is_file())
    if not paths:
        raise FileNotFoundError(f"no notebooks named NN_topic.ipynb in {folder.name}/")
    return paths


def left_alone(folder: Path = NOTEBOOKS) -> list[Path]:
    """List the notebooks in `folder` whose names do not put them into the collection."""
    return sorted(set(folder.glob("*.ipynb")) - set(folder.glob(NAME)))


def read(path: Path) -> NotebookNode:
    """Read a notebook of any format as one of format 4.5; the file stays as it is.

    Returns:
        The notebook, valid. Cells that had no id, or another's, have a new one.

    Raises:
        ValueError: The file holds no notebook. The message names it and says why.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is no notebook: not a text in UTF-8") from None
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from None
    return parse(text, path.name)


def parse(text: str, name: str) -> NotebookNode:
    """Make a notebook of format 4.5 of a text, as `read` does of a file.

    Raises:
        ValueError: The text is no notebook. The message calls it by `name` and says why.
    """
    if not text.strip():
        raise ValueError(f"{name} is no notebook: the file is empty")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is no notebook: not JSON ({error})") from None
    if not isinstance(content, dict) or "nbformat" not in content:
        raise ValueError(f"{name} is no notebook: its JSON has no 'nbformat'")
    try:
        return _as_4_5(text)
    except Exception as error:  # nbformat trips over a damaged notebook in many ways
        why = f"{type(error).__name__}: {error}".splitlines()[0][:150]
        raise ValueError(f"{name} is a damaged notebook: {why}") from None


def _as_4_5(text: str) -> NotebookNode:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ids that are missing or shared
        notebook = nbformat.reader.reads(text)
        notebook = nbformat.convert(notebook, to_version=4)
        notebook = nbformat.v4.upgrade(notebook)
        _, notebook = nbformat.validator.normalize(notebook)
        nbformat.validate(notebook, relax_add_props=True)
    return notebook


def title(notebook: NotebookNode) -> str | None:
    """Return the heading that the first cell opens with, or None."""
    return _opening(notebook, r"^# (.+)$")


def question(notebook: NotebookNode) -> str | None:
    """Return the line in bold below the title, which the notebook answers, or None."""
    return _opening(notebook, r"^\*\*(.+\?)\*\*$")


def seconds(notebook: NotebookNode) -> float:
    """Return how long all cells run, as the first cell says since they were recorded; else 0."""
    return float(_opening(notebook, r"all cells run in about (\d+) seconds") or 0)


def _opening(notebook: NotebookNode, pattern: str) -> str | None:
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.cell_type != "markdown":
        return None
    found = re.search(pattern, first.source, flags=re.M)
    return found and found[1].strip()


def strip_metadata(notebook: dict, *, keep_kernel: bool = False) -> None:
    """Leave of the metadata what is the same on each machine; in place.

    Programs note their versions, the kernel and the time of each cell, so that a notebook
    opened and saved would differ. Tags, alt texts and whatever else a cell's metadata hold
    stay.

    Args:
        notebook: As nbformat reads it, or plain JSON.
        keep_kernel: Leave a kernel alone that is not ours: somebody chose it.
    """
    metadata = notebook["metadata"]
    kernel = (metadata.get("kernelspec") or KERNEL).get("name")
    kept = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    if keep_kernel and kernel != KERNEL["name"]:
        kept = {key: metadata[key] for key in kept if key in metadata}
    if "minutes" in metadata:
        kept["minutes"] = metadata["minutes"]
    notebook["metadata"] = nbformat.from_dict(kept)
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
