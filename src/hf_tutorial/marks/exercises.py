"""Our exercises, and where they are in what a student handed back."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from hf_tutorial import collection

HEADING = re.compile(r"\*\*(\d+\.\d+)\s+(.+?)\.?\*\*")


@dataclass(frozen=True)
class Exercise:
    """One exercise of ours: where it stands, what asks for the verdict, what solves it."""

    number: str
    title: str
    check: str
    id: str
    starter: str
    asks: str  # the arguments of the check, as code
    solution: str = ""


@dataclass(frozen=True)
class Lesson:
    """One notebook of ours, as far as marks need it."""

    name: str
    title: str
    exercises: tuple[Exercise, ...]
    ids: frozenset[str]
    raising: frozenset[str]  # sources of cells that raise on purpose


@dataclass
class Attempt:
    """A cell in which a student answers an exercise."""

    exercise: Exercise
    cell: int
    asks: list[str] = field(default_factory=list)  # arguments of the check, as code
    untouched: bool = False
    copied: bool = False
    edited: str = ""  # what became of the line that calls the check


@dataclass
class Plan:
    """A submission made ready to run: which cells, and after which of them what is asked."""

    lesson: Lesson
    cells: list[tuple[int, str]]  # number in the student's notebook, from 0, and source
    attempts: list[Attempt]
    saved: dict[int, list[str]]  # hints and verdicts in the outputs that came with it
    meant: list[int]  # cells that raise on purpose

    @property
    def untouched(self) -> bool:
        """Whether nothing was answered: then nothing has to run."""
        return all(attempt.untouched for attempt in self.attempts)


def ours(folder: Path = collection.NOTEBOOKS) -> list[Lesson]:
    """Read the exercises of the collection, in reading order.

    Raises:
        ValueError: A notebook of ours cannot be read.
    """
    lessons = []
    for path in collection.discover(folder):
        notebook = collection.read(path)
        found = tuple(_exercises(notebook, int(path.stem[:2])))
        ids = frozenset(cell.id for cell in notebook.cells)
        title = collection.title(notebook) or path.stem
        raising = frozenset(c.source for c in _code(notebook) if _raises(c))
        lessons.append(Lesson(path.stem, title, found, ids, raising))
    return lessons


def _exercises(notebook: NotebookNode, number: int) -> Iterator[Exercise]:
    names = _names([cell.source for cell in _code(notebook)])
    heading, last, made = None, None, 0
    for cell in [*notebook.cells, None]:
        tags = cell.metadata.get("tags", []) if cell else []
        if cell is not None and cell.cell_type == "markdown":
            heading = (HEADING.findall(cell.source) or [heading])[-1]
        elif "solution" in tags and last:
            yield Exercise(*last, solution=cell.source)
            last = None
        elif "exercise" in tags or cell is None:
            if last:
                yield Exercise(*last)
            last = None
            if cell and (asked := _asked(cell.source, names)):
                made += 1
                check, asks = asked[-1]
                at, title = heading or (f"{number}.{made}", check)
                last = (at, title, check, cell.id, cell.source, asks)
                heading = None


def recognise(notebook: NotebookNode, lessons: list[Lesson]) -> Lesson | None:
    """Say which notebook of ours a student's began as; None if it looks like none.

    By the checks that its cells call, the ids of its cells, its headings and its title: Colab
    gives new ids, and a file may have any name.
    """
    sources = [cell.source for cell in _code(notebook)]
    names = _names(sources)
    called = {check for source in sources for check, _ in _asked(source, names)}
    ids = {identity for cell in notebook.cells for identity in _ids(cell)}
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    headings = set(HEADING.findall(text))

    def likeness(lesson: Lesson) -> int:
        checks = {exercise.check for exercise in lesson.exercises}
        titles = {(exercise.number, exercise.title) for exercise in lesson.exercises}
        return (
            10 * len(checks & called)
            + 10 * len(titles & headings)
            + 10 * (collection.title(notebook) == lesson.title)
            + len((ids & lesson.ids) - _COMMON)
        )

    best = max(lessons, key=likeness, default=None)
    return best if best is not None and likeness(best) >= 3 else None


_COMMON = {f"ex{dash}{n}" for dash in ("", "-") for n in range(9)}  # in several of ours


def plan(notebook: NotebookNode, lesson: Lesson) -> Plan:
    """Find a student's answers: by the check they call, by the cell's id, or by the heading.

    A solution of ours that stands there unchanged is neither run nor counted.
    """
    names = _names([cell.source for cell in _code(notebook)])
    by_check = {exercise.check: exercise for exercise in lesson.exercises}
    solutions = _our_solutions(notebook, lesson)
    cells, attempts, saved, meant, heading = [], [], {}, [], None
    placed = {}  # by id or heading, where no check is called
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            heading = (HEADING.findall(cell.source) or [heading])[-1]
        if cell.cell_type != "code" or number in solutions:
            continue
        cells.append((number, cell.source))
        saved[number] = said(cell.get("outputs", []))
        if _raises(cell) or cell.source in lesson.raising:  # Colab keeps no tags
            meant.append(number)
        calls = [(c, a) for c, a in _asked(cell.source, names) if c in by_check]
        for check in dict.fromkeys(c for c, _ in calls):
            asks = list(dict.fromkeys(a for c, a in calls if c == check))
            attempts.append(_attempt(by_check[check], number, cell.source, asks))
        for exercise in lesson.exercises:
            here = exercise.id in _ids(cell) or heading == (
                exercise.number,
                exercise.title,
            )
            if here and (not calls or exercise.id in _ids(cell)):
                placed.setdefault(exercise.check, (number, cell.source))
    answered = {attempt.exercise.check for attempt in attempts}
    for check, (number, source) in placed.items():
        if check not in answered:
            attempts.append(_attempt(by_check[check], number, source, []))
    attempts.sort(key=lambda attempt: attempt.cell)
    return Plan(lesson, cells, attempts, saved, meant)


def _attempt(exercise: Exercise, cell: int, source: str, asks: list[str]) -> Attempt:
    made = Attempt(exercise, cell, asks[-5:])
    shape = _shape(source)
    made.untouched = shape in (_shape(exercise.starter), _shape(""))
    made.copied = _telling(exercise.solution) and shape == _shape(exercise.solution)
    wanted = exercise.asks
    if "..." in wanted:  # the answer stands in the check's own line
        if not asks:
            made.edited = "the line that asks the check was taken out"
        return made
    if wanted not in asks:
        if asks:
            made.edited = f"checks.{exercise.check}({wanted}) asks {asks[-1]} instead"
        else:
            made.edited = "the line that asks the check was taken out"
        made.asks = [*made.asks, wanted]  # ours is asked in any case
    return made


def _telling(solution: str) -> bool:
    """Say whether nobody would write a solution in just these words by himself."""
    return len(list(ast.walk(_tree(solution) or _NOTHING))) >= 45


def said(outputs: list) -> list[str]:
    """Find the verdicts of checks among a cell's outputs, in order, each once."""
    parts = []
    for output in outputs:
        stream = output.get("output_type") == "stream"
        text = (
            output.get("text") if stream else output.get("data", {}).get("text/plain")
        )
        text = text if isinstance(text, str) else "".join(text or ())
        parts.append(text if stream else f"\n{text}\n")
    # Few signs before the word, so that the time is bounded for any text.
    found = re.findall(
        r"^[^\w\n]{0,9}((?:try again|correct|not attempted): .+)", "".join(parts), re.M
    )
    return [line[:300] for line in dict.fromkeys(found)][-5:]


def _raises(cell: NotebookNode) -> bool:
    return "raises-exception" in cell.metadata.get("tags", [])


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _ids(cell: NotebookNode) -> set[str]:
    """Give the ids of a cell: its own, and the one that Colab keeps in its metadata."""
    theirs = cell.metadata.get("id")
    return {cell.id, theirs} if isinstance(theirs, str) else {cell.id}


def _our_solutions(notebook: NotebookNode, lesson: Lesson) -> set[int]:
    """Find the solutions that came with the notebook, unchanged.

    One that a student put into the place of the starter, its comment included, is an answer.
    """
    names = _names([cell.source for cell in _code(notebook)])
    shapes = {_shape(e.solution): e for e in lesson.exercises if e.solution}
    own = {exercise.id for exercise in lesson.exercises}
    asking = [check for cell in _code(notebook)
              for check in {check for check, _ in _asked(cell.source, names)}]  # fmt: skip
    found = set()
    for number, cell in enumerate(notebook.cells):
        solved = shapes.get(_shape(cell.source)) if cell.cell_type == "code" else None
        if solved is None or own & _ids(cell):
            continue
        tagged = "solution" in cell.metadata.get("tags", [])
        headed = re.search(r"#\s*Solution \d", cell.source) is not None
        if tagged or (headed and asking.count(solved.check) > 1):
            found.add(number)
    return found


@functools.lru_cache(maxsize=500)
def _tree(source: str) -> ast.Module | None:
    """Parse a cell, magics included; None where it is no Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    # Half a second to import, which few submissions need.
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _shape(source: str) -> str:
    """Tell cells apart by what they do: comments, quotes and spaces aside."""
    tree = _tree(source)
    try:
        return source.strip() if tree is None else ast.dump(tree)
    except RecursionError:
        return source.strip()


def _names(sources: list[str]) -> dict[str, str | None]:
    """List the names that mean the checks, or one of them, by how they were imported."""
    names: dict[str, str | None] = {"checks": None}
    for source in sources:
        for node in ast.walk(_tree(source) or _NOTHING):
            if isinstance(node, ast.ImportFrom) and node.module == "hf_tutorial":
                modules = [a for a in node.names if a.name == "checks"]
                names |= {a.asname or a.name: None for a in modules}
            elif isinstance(node, ast.ImportFrom) and node.module == (
                "hf_tutorial.checks"
            ):
                names |= {a.asname or a.name: a.name for a in node.names}
            elif isinstance(node, ast.Import):
                names |= {a.asname: None for a in node.names
                          if a.name == "hf_tutorial.checks" and a.asname}  # fmt: skip
    return names


def _asked(source: str, names: dict[str, str | None]) -> list[tuple[str, str]]:
    """List the checks that a cell calls, and their arguments as code, in order."""
    found = []
    calls = (n for n in ast.walk(_tree(source) or _NOTHING) if isinstance(n, ast.Call))
    for node in calls:
        called = _code_of(node.func)
        base, _, last = called.rpartition(".")
        check = None
        if called in names and names[called]:
            check = names[called]
        elif base == "hf_tutorial.checks" or names.get(base, "") is None:
            check = last
        if check:
            arguments = [_code_of(a) for a in (*node.args, *node.keywords)]
            found.append((node.lineno, node.col_offset, check, ", ".join(arguments)))
    return [(check, arguments) for _, _, check, arguments in sorted(found)]


def _code_of(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except RecursionError:  # nested a thousand times, which no answer is
        return ""


_NOTHING = ast.Module([], [])
