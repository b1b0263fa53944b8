"""Recording: outputs, minutes and README's table, saved into the repository; all or nothing."""

import base64
import io
import os
import re
import sys
from pathlib import Path
from urllib.parse import quote

import nbformat
from nbformat import NotebookNode
from PIL import Image

from hf_tutorial import collection, spoken
from hf_tutorial.publish.executing import Execution, execute, plain, table
from hf_tutorial.publish.writing import ensure_writable, replace_all

WORDS_PER_MINUTE = 130  # prose, read aloud
SECONDS_PER_LINE = 5  # of code, said while it is shown
SECONDS_PER_OUTPUT = 20  # to look at it together
SECONDS_PER_FIGURE = 30  # and longer at a figure
MARKS = "<!-- notebooks: written by make record -->", "<!-- end of notebooks -->"


def record(names: list[str], root: Path = collection.ROOT) -> int:
    """Save outputs, minutes and README's table into the repository; all or nothing.

    Args:
        names: Notebooks to record, by the beginning of their names; all when empty.
        root: The checkout.

    Returns:
        The exit status: 1 when a notebook failed, and then nothing is written.
    """
    paths = _asked_for(names, root)
    if faults := [fault for path in paths for fault in _unfit(path)]:
        print(*faults, sep="\n", file=sys.stderr)
        print("nothing executed: mend the files named above", file=sys.stderr)
        return 1
    readme = root / "README.md"
    try:
        with_table(readme.read_text(encoding="utf-8"), "")
    except (OSError, ValueError) as error:
        raise SystemExit(f"nothing executed: {error}") from None
    for folder in {root, *(target.resolve().parent for target in _targets(paths))}:
        ensure_writable(folder)
    executions = execute(paths, at_once=1)  # alone, so that the seconds are a reader's
    print(table(executions))
    if any(e.failure for e in executions):
        mend = "nothing recorded: mend the cell named above, then record again"
        print(mend, file=sys.stderr)
        return 1
    try:
        replace_all(_contents(executions, root))
    except (OSError, ValueError) as error:
        print(f"nothing recorded: {error}", file=sys.stderr)
        return 1
    return 0


def _asked_for(names: list[str], root: Path) -> list[Path]:
    if os.environ.get("HF_TUTORIAL_SOURCE", "bundled") != "bundled":
        sys.exit(
            "HF_TUTORIAL_SOURCE is set: only outputs of the bundled models are recorded"
        )
    found = collection.discover(root / "notebooks")
    paths = [p for p in found if not names or p.name.startswith(tuple(names))]
    if not paths:
        sys.exit(f"no notebook's name begins with {' or '.join(names)}")
    return paths


def _unfit(path: Path) -> list[str]:
    """Say in a sentence each what a notebook lacks to be recorded."""
    try:
        notebook = collection.read(path)
    except ValueError as error:
        return [str(error)]
    faults = []
    if collection.title(notebook) is None:
        faults.append("no title, a line such as '# Tokenization'")
    if collection.question(notebook) is None:
        faults.append("no question, a line such as '**What is a token?**'")
    if not notebook.cells or not re.search(r"Minutes: ", notebook.cells[0].source):
        faults.append("no line 'Minutes: ' to fill in")
    return [f"{path.name}: the first cell has {fault}" for fault in faults]


def _targets(paths: list[Path]) -> list[Path]:
    """List the files that recording would write beside README, pictures included."""
    pictures = [
        path.parent / cell.metadata["picture"]
        for path in paths
        for cell in collection.read(path).cells
        if "picture" in cell.metadata
    ]
    return [*paths, *pictures]


def _contents(executions: list[Execution], root: Path) -> dict[Path, bytes]:
    """Make all that is to be written, before any of it is."""
    contents: dict[Path, bytes] = {}
    recorded = {}
    for execution in executions:
        path, notebook = execution.path, normalise(execution.notebook)
        measure(notebook, execution.seconds)
        recorded[path] = notebook
        contents[path] = (nbformat.writes(notebook) + "\n").encode()
        for cell in notebook.cells:
            if target := cell.metadata.get("picture"):
                contents[path.parent / target] = _picture(cell, path.name)
    readme = root / "README.md"
    rows = readme_table(recorded, root / "notebooks")
    contents[readme] = with_table(readme.read_text(encoding="utf-8"), rows).encode()
    return contents


def _picture(cell: NotebookNode, name: str) -> bytes:
    for output in cell.get("outputs", []):
        if "image/png" in output.get("data", {}):
            return base64.b64decode(output.data["image/png"])
    raise ValueError(
        f"{name}: cell {cell.id} should make {cell.metadata.picture}, but drew nothing"
    )


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Strip what says something of the machine and nothing to a reader; in place.

    Tracebacks keep the short form that `start` gives them, without colours.
    """
    collection.strip_metadata(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = [
                    spoken.comparable(plain(line)) for line in output.traceback
                ]
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _smaller(output.data["image/png"])
            # Widgets live in a running kernel only; their saved view is a random number.
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    # Libraries chatter on stderr; it is saved where a cell teaches to listen.
    for cell in notebook.cells:
        if cell.cell_type == "code":
            spoken.keep_what_is_listened_to(cell)
    return notebook


def _smaller(picture: str) -> str:
    """Reduce a base64 PNG to a palette of 256 colours: a third of the bytes, the same to the eye."""
    image = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    buffer = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def measure(notebook: NotebookNode, seconds: float) -> None:
    """Write how long the notebook takes into its metadata and its opening cell; in place.

    The minutes are those of a reading aloud, exercises apart: prose at 130 words a minute,
    5 s for a line of code, 20 s for an output, 30 s more for a figure, and the measured
    seconds of execution.

    Raises:
        ValueError: The opening cell has no line "Minutes: ...".
    """
    prose = " ".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    code = [c for c in notebook.cells if c.cell_type == "code"]
    lines = sum(bool(line.strip()) for c in code for line in c.source.splitlines())
    outputs = sum(bool(c.outputs) for c in code)
    figures = sum("image/png" in o.get("data", {}) for c in code for o in c.outputs)
    reading = (
        60 * len(prose.split()) / WORDS_PER_MINUTE
        + SECONDS_PER_LINE * lines
        + SECONDS_PER_OUTPUT * outputs
        + SECONDS_PER_FIGURE * figures
        + seconds
    )
    minutes = max(5, 5 * round(reading / 300))
    runs = max(10, -(-seconds // 10) * 10)
    sentence = f"Minutes: {minutes}, exercises apart; all cells run in about {runs:.0f} seconds."
    opening, found = re.subn(r"Minutes: .*", sentence, notebook.cells[0].source)
    if not found:
        raise ValueError("the first cell has no line 'Minutes: ...' to fill in")
    notebook.cells[0].source = opening
    notebook.metadata["minutes"] = minutes


def readme_table(
    recorded: dict[Path, NotebookNode] | None = None,
    folder: Path = collection.NOTEBOOKS,
) -> str:
    """Make README's table of notebooks from the notebooks themselves.

    A notebook without a title has the name of its file, one without a question none, and a
    file that is no notebook no row.

    Args:
        recorded: Notebooks about to be written, by path; the others are read.
        folder: Where they lie.
    """
    rows = [
        "| | Notebook | The question it answers | Minutes |",
        "| --- | --- | --- | --- |",
    ]
    for path in collection.discover(folder):
        try:
            notebook = (recorded or {}).get(path) or collection.read(path)
        except ValueError:
            continue
        title = _in_a_table(collection.title(notebook) or path.stem)
        question = _in_a_table(collection.question(notebook) or "")
        minutes = notebook.metadata.get("minutes", "?")
        link = f"[{title}](notebooks/{quote(path.name)})"
        rows.append(f"| {path.stem[:2]} | {link} | {question} | {minutes} |")
    return "\n".join(rows)


def _in_a_table(text: str) -> str:
    return text.replace("|", r"\|")


def with_table(readme: str, rows: str) -> str:
    """Put `rows` between the two marks in README's text.

    Raises:
        ValueError: The marks are not there.
    """
    if not all(mark in readme for mark in MARKS):
        raise ValueError(f"README.md has lost its marks {' and '.join(MARKS)}")
    head, _, rest = readme.partition(MARKS[0])
    return f"{head}{MARKS[0]}\n{rows}\n{MARKS[1]}{rest.partition(MARKS[1])[2]}"
