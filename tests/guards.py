"""What nbval does not see: rules for a saved notebook, each a generator of complaints.

Rules marked `guard` hold for every notebook: without them a comparison would pass that compared
nothing. Those marked `house` are how the notebooks of this collection read; to anybody else's
they are remarks, which fail no test.
"""

import base64
import io
import re
import statistics
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from PIL import Image

from hf_tutorial import collection, spoken
from hf_tutorial.publish.lecture import minutes as lecture_minutes
from hf_tutorial.publish.lecture import outline as lecture_outline
from tests import devices, names, splits

# The notebooks that keep the rules of the house. One that somebody adds need not.
OURS = (
    "00_quick_tour",
    "01_tokenization",
    "02_model_loading",
    "03_attention_visualization",
    "04_dataset_preparation",
    "05_manual_training_loop",
    "06_trainer",
    "07_accelerate",
    "08_generation",
    "09_pretraining",
    "10_chat_and_adapters",
)
PATHS = re.compile(
    r"(?<![\w.])/(?:home|root|Users|work|tmp|opt|var|mnt)/[\w.-]+|[A-Z]:\\\\?\w+|site-packages"
)
NOISE = re.compile(
    r"\w*Warning\b|it/s\]|s/it\]|\d%\||\r|\x1b\[|<[\w.]+ (?:object )?at 0x|\b0x[0-9a-f]{6,}"
)
SECONDS = re.compile(r"\b\d+(?:\.\d+)?\s?(?:ms|µs|s|sec|seconds|minutes)\b")
LONG_FRACTION = re.compile(r"(?<![\w.])-?\d+\.\d{7,}")
CAPTION = re.compile(
    r"^\*Figures? (\d+)\.(\d+)(?: and \d+\.(\d+))?\. .+\*$", flags=re.M
)
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]*)\)")
OPENING = {
    "# Tokenization": r"^# \w",
    "**What is a token?**": r"^\*\*.+\?\*\*$",
    "*You will* ...": r"^\*You will\*",
    "*You need* ...": r"^\*You need\*",
    "Minutes: ": r"^Minutes: \d",
}
EXERCISE = re.compile(r"^\*\*(\d+\.\d+) ", flags=re.M)
IGNORING = {"nbval-ignore-output", "nbval-skip"}
IGNORING_COMMENTS = (
    "NBVAL_IGNORE_OUTPUT",
    "NBVAL_SKIP",
    "PYTEST_VALIDATE_IGNORE_OUTPUT",
)

GUARDS: dict[str, Callable[[NotebookNode, str], Iterator[str]]] = {}
HOUSE: set[str] = set()


class HouseStyle(UserWarning):
    """A remark on a notebook that is not ours."""


def guard(function):
    GUARDS[function.__name__] = function
    return function


def house(function):
    HOUSE.add(function.__name__)
    return guard(function)


def is_ours(name: str) -> bool:
    return name.removesuffix(".ipynb") in OURS


def read(path: Path) -> NotebookNode:
    """Read a notebook, ours as it is saved; a file that holds none fails the test, in a sentence."""
    fault = ""
    try:
        notebook = collection.read(path)
    except ValueError as error:
        fault = str(error)
    if fault:  # outside of the handler, so that it is said once
        pytest.fail(fault, pytrace=False)
    return nbformat.read(path, as_version=4) if is_ours(path.name) else notebook


def notebooks() -> dict[Path, NotebookNode]:
    """Read the collection, but for files that hold no notebook: a test of its own names them."""
    found = {}
    for path in collection.discover():
        try:
            found[path] = collection.read(path)
        except ValueError:
            continue
    return found


def ours() -> dict[Path, NotebookNode]:
    return {path: cells for path, cells in notebooks().items() if is_ours(path.name)}


def complaints(notebook: NotebookNode, name: str) -> list[str]:
    """Collect what the guards say of one notebook; `name` is its file name."""
    asked = [g for g in GUARDS if is_ours(name) or g not in HOUSE]
    return [f"{name}: {c}" for g in asked for c in GUARDS[g](notebook, name)]


def remarks(notebook: NotebookNode, name: str) -> list[str]:
    """Collect what the rules of the house say of a notebook that need not keep them."""
    asked = [] if is_ours(name) else [g for g in GUARDS if g in HOUSE]
    return [f"{name}: {c}" for g in asked for c in GUARDS[g](notebook, name)]


def judge(name: str, found: list[str]) -> None:
    """Fail for what was found in a notebook of ours; warn of it in another's."""
    if found and is_ours(name):
        pytest.fail("\n".join(found), pytrace=False)
    if found:
        warnings.warn("\n    ".join(found), HouseStyle, stacklevel=2)


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def output_text(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return output.text
    if output.output_type == "error":
        return "\n".join([output.evalue, *output.traceback])
    return "\n".join(v for k, v in output.data.items() if k.startswith("text/"))


def pictures(cell: NotebookNode) -> list[NotebookNode]:
    return [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]


@guard
def every_cell_ran_in_order(notebook, name):
    counts = [cell.execution_count for cell in code(notebook)]
    if not counts:
        yield "no code cell, so there is nothing to execute and compare"
    elif set(counts) == {None}:
        yield "nothing is saved to compare with: run `make record`"
    elif counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}: run `make record`"


@guard
def errors_are_meant(notebook, name):
    for cell in code(notebook):
        raised = any(output.output_type == "error" for output in cell.outputs)
        meant = "raises-exception" in tags(cell)
        if raised != meant:
            yield f"{cell.id}: {'an error nobody meant' if raised else 'meant to raise, but did not'}"


@house
def outputs_say_nothing_of_the_machine(notebook, name):
    for cell in code(notebook):
        for output in cell.outputs:
            text, spoken_of = output_text(output), output.get("name") == "stderr"
            for pattern in (PATHS, SECONDS) if spoken_of else (PATHS, NOISE, SECONDS):
                if found := pattern.search(text):
                    yield f"{cell.id}: {found[0]!r} in an output differs on other machines"
            if spoken_of and not spoken.listened_to(cell):
                yield f"{cell.id}: stderr is saved, though it is not compared"


@house
def libraries_speak_where_they_are_listened_to(notebook, name):
    for cell in code(notebook):
        said = any(output.get("name") == "stderr" for output in cell.outputs)
        if spoken.listened_to(cell) and not said:
            yield f"{cell.id}: tagged {spoken.TAG!r}, and nothing was said there"


@house
def numbers_are_rounded(notebook, name):
    for cell in code(notebook):
        for output in cell.outputs:
            if found := LONG_FRACTION.search(output_text(output)):
                yield f"{cell.id}: print {found[0]} with 3 or 4 decimals, the rest is noise"


@guard
def no_shell_and_no_magic(notebook, name):
    for cell in code(notebook):
        if found := re.search(r"^\s*[!%].*", cell.source, flags=re.M):
            yield f"{cell.id}: {found[0].strip()!r} passes nbval even when it fails"


@guard
def no_output_is_hidden_by_a_semicolon(notebook, name):
    """IPython hides what ends in `;`, but under nbval it shows it: the outputs differ."""
    for cell in code(notebook):
        if cell.source.rstrip().endswith(";"):
            yield f"{cell.id}: give the last value a name instead of a semicolon"


@guard
def nothing_is_updated_in_place(notebook, name):
    for cell in code(notebook):
        if found := re.search(r"clear_output|update_display|display_id", cell.source):
            yield f"{cell.id}: nbval compares the first frame of {found[0]} only"


@house
def no_widget_state(notebook, name):
    if "widgets" in notebook.metadata:
        yield "metadata.widgets is saved: other programs call such a notebook invalid"
    for cell in code(notebook):
        for output in cell.outputs:
            if any("widget" in mime for mime in output.get("data", {})):
                yield f"{cell.id}: a widget's view is saved, a random number"


@house
def the_format_is_4_5_with_ids(notebook, name):
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        yield f"nbformat {notebook.nbformat}.{notebook.nbformat_minor}, not 4.5"
    ids = [cell.get("id") for cell in notebook.cells]
    if None in ids or len(set(ids)) != len(ids):
        yield "cells lack ids or share them"
    if set(notebook.metadata) != {"kernelspec", "language_info", "minutes"}:
        yield f"metadata holds {sorted(notebook.metadata)}: run `make record`"


@guard
def ignored_outputs_are_few_and_have_a_reason(notebook, name):
    ignored = [
        cell
        for cell in code(notebook)
        if tags(cell) & IGNORING
        or any(word in cell.source for word in IGNORING_COMMENTS)
    ]
    if len(ignored) > 3:
        yield f"{len(ignored)} ignored outputs: 3 at most"
    for cell in ignored:
        if not cell.metadata.get("reason"):
            yield f"{cell.id}: no reason in the cell's metadata for ignoring its output"


@house
def pictures_are_pictures_with_words(notebook, name):
    """nbval compares no pixels, so at least each must decode, show something and be told."""
    for cell in code(notebook):
        for output in pictures(cell):
            if [mime for mime in output.data if mime.startswith("image/")] != [
                "image/png"
            ]:
                yield f"{cell.id}: more than one image format"
            image = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
            if len(image.convert("RGB").getcolors(1 << 24)) < 3:
                yield f"{cell.id}: the picture is blank"
        if len(pictures(cell)) > 1:
            yield f"{cell.id}: {len(pictures(cell))} pictures in one cell share one alt text"
        if pictures(cell) and len(cell.metadata.get("alt", "")) < 40:
            yield f"{cell.id}: no alt text in the cell's metadata that says what there is to see"
        if not pictures(cell) and "alt" in cell.metadata:
            yield f"{cell.id}: alt text, but no picture"


@house
def figures_are_numbered_in_order(notebook, name):
    drawn = sum(len(pictures(cell)) for cell in code(notebook))
    prose = "\n".join(
        cell.source for cell in notebook.cells if cell.cell_type == "markdown"
    )
    captions = CAPTION.findall(prose)
    chapters = {int(chapter) for chapter, *_ in captions}
    numbers = [int(n) for _, first, second in captions for n in (first, second) if n]
    if numbers != list(range(1, drawn + 1)) or chapters - {int(name[:2])}:
        yield f"{drawn} pictures, but captions number {numbers} in chapters {sorted(chapters)}"


@house
def captions_stand_below_their_figures(notebook, name):
    drawn = None
    for cell in notebook.cells:
        if cell.cell_type == "code" and pictures(cell):
            drawn = cell
            continue
        if drawn is not None:
            if not CAPTION.match(cell.source):
                yield f"{drawn.id}: the next cell does not begin with the figure's caption"
        drawn = None


@house
def linked_images_have_alt_text_and_are_here(notebook, name):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for alt, target in IMAGE.findall(cell.source):
                if not alt.strip():
                    yield f"{cell.id}: image {target} has no alt text"
                if target.startswith("http"):
                    yield f"{cell.id}: image {target} lies on another machine"


@house
def the_pace_is_right(notebook, name):
    lines = [
        sum(bool(line.strip()) for line in cell.source.splitlines())
        for cell in code(notebook)
    ]
    if len(notebook.cells) > 70:
        yield f"{len(notebook.cells)} cells: 70 at most"
    if not lines:
        return
    if max(lines) > 25:
        yield f"a code cell of {max(lines)} lines: 25 at most"
    if not 2 <= statistics.median(lines) <= 5:
        yield f"median of {statistics.median(lines)} lines per code cell: 2 to 5"
    before = 0
    for cell, count in zip(code(notebook), lines, strict=True):
        before += count
        if cell.outputs:
            break
    if before > 10:
        yield f"{before} lines of code before the first output: 10 at most"


@house
def prose_follows_outputs(notebook, name):
    row = 0
    for cell in notebook.cells:
        row = row + 1 if cell.cell_type == "code" else 0
        if row > 3:
            yield f"{cell.id}: the fourth code cell in a row without a word"


@house
def it_opens_and_closes_as_all_do(notebook, name):
    if not notebook.cells:
        yield "there are no cells"
        return
    opening, last = notebook.cells[0], notebook.cells[-1]
    for wanted, pattern in OPENING.items():
        if not re.search(pattern, opening.source, flags=re.M):
            yield f"the opening cell has no line like {wanted!r}"
    if f"Minutes: {notebook.metadata.get('minutes')}," not in opening.source:
        yield "the minutes in the opening cell are not those that `make record` measured"
    if "start()" not in "".join(cell.source for cell in code(notebook)[:1]):
        yield "the first code cell does not call start()"
    prose = "\n".join(
        cell.source for cell in notebook.cells if cell.cell_type == "markdown"
    )
    for heading in ("## In older tutorials", "## What you found", "## Exercises"):
        if heading not in prose:
            yield f"no section {heading!r}"
    if len(re.findall(r"^##+ When it breaks", prose, flags=re.M)) < 2:
        yield "fewer than two sections 'When it breaks'"
    if sum("raises-exception" in tags(cell) for cell in code(notebook)) < 2:
        yield "fewer than two cells that raise on purpose"
    if (
        not re.search(r"\]\(.+\)", last.get("source", ""))
        or last.cell_type != "markdown"
    ):
        yield "the last cell links nowhere"


@house
def exercises_come_with_solutions(notebook, name):
    cells = code(notebook)
    starters = [i for i, cell in enumerate(cells) if "exercise" in tags(cell)]
    if len(starters) < 3:
        yield f"{len(starters)} exercises: at least 3"
    if sum("solution" in tags(cell) for cell in cells) != len(starters):
        yield "not as many solutions as exercises"
    for i in starters:
        starter = cells[i]
        solution = cells[i + 1] if i + 1 < len(cells) else starter
        if "solution" not in tags(solution):
            yield f"{starter.id}: the next code cell is not its solution"
            continue
        if checked(starter) != checked(solution) or checked(starter) is None:
            yield f"{starter.id}: starter and solution do not call the same check"
        for cell, wanted in ((starter, "not attempted: "), (solution, "correct: ")):
            said = (
                cell.outputs[-1].get("data", {}).get("text/plain", "")
                if cell.outputs
                else ""
            )
            if not said.startswith(wanted):
                yield f"{cell.id}: says {said[:40]!r} in the end, not {wanted!r}"


@house
def solutions_are_folded_and_give_nothing_away(notebook, name):
    """JupyterLab and Notebook show the first line of a folded cell in its bar, and its output.

    A check that says *correct* names what there was to find, so the output is folded as well.
    JupyterLab keeps that twice, in `collapsed` and `outputs_hidden`, and adds the one missing.
    The first line is a comment, or begins with a line that the starter has as well.
    """
    number, given = None, []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            number = (EXERCISE.findall(cell.source) or [number])[-1]
        elif "exercise" in tags(cell):
            given = cell.source.splitlines()
        elif "solution" in tags(cell):
            folded = cell.metadata.get("jupyter", {})
            if not (folded.get("source_hidden") and folded.get("outputs_hidden")):
                yield f"{cell.id}: source_hidden and outputs_hidden do not fold the solution"
            if cell.metadata.get("collapsed") is not True:
                yield f"{cell.id}: JupyterLab would write `collapsed` into its metadata"
            line, _, named = cell.source.partition("\n")[0].rpartition("# Solution ")
            if named != str(number) or line.rstrip() not in ("", *given):
                yield f"{cell.id}: begins with a line of the solution, not '# Solution {number}'"


@house
def cells_can_be_run_twice(notebook, name):
    yield from names.not_twice(names.of_notebook(notebook))


@house
def names_mean_one_thing(notebook, name):
    yield from names.two_meanings(names.of_notebook(notebook))


@guard
def the_test_split_is_looked_at_last(notebook, name):
    yield from splits.too_early(notebook)


@house
def devices_have_their_reason(notebook, name):
    yield from devices.complaints(notebook)


@house
def it_can_be_presented(notebook, name):
    """A deck of 15 to 40 slides, notes that can be read, minutes that add up."""
    try:
        slides = lecture_outline.outline(notebook)
        lecture_minutes.allot(slides, notebook)
    except ValueError as error:
        yield str(error)
        return
    count = len(lecture_outline.at_most(slides))
    if not 15 <= count <= 40:
        yield f"{count} slides: 15 to 40 make a lecture"


NUMBER = re.compile(r"\d[\d,.]*\d|\d")


def numbers_in(text: str) -> set[str]:
    """List the numbers of a text, 2,048 and 2048 and 0.50 and 0.5 as the same ones."""
    plain = {found.replace(",", "") for found in NUMBER.findall(text)}
    return {
        one.rstrip("0").rstrip(".") if one.count(".") == 1 else one for one in plain
    }


@house
def the_speakers_numbers_are_those_of_the_notebook(notebook, name):
    """Notes are read aloud, and nothing recomputes them: each number has to stand elsewhere."""
    told = [cell.source for cell in notebook.cells]
    told += [cell.metadata.get("alt", "") for cell in notebook.cells]
    told += [output_text(output) for cell in code(notebook) for output in cell.outputs]
    there = numbers_in("\n".join(told))
    for cell in notebook.cells:
        said = cell.metadata.get("lecture")
        words = said.values() if isinstance(said, dict) else ()
        for text in [word for word in words if isinstance(word, str)]:
            if strange := sorted(numbers_in(text) - there):
                yield f"{cell.id}: the speaker says {strange[0]}, which the notebook does not"


def checked(cell: NotebookNode) -> str | None:
    """Name the check that a cell calls."""
    found = re.search(r"\bchecks\.(\w+)\(", cell.source)
    return found and found[1]
