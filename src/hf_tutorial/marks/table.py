"""The table of marks: as csv, one line for each submission and exercise, and as a page."""

from __future__ import annotations

import csv
import importlib.resources
from collections import Counter
from pathlib import Path

import jinja2

from hf_tutorial.marks.exercises import Lesson
from hf_tutorial.marks.running import Limits, Record
from hf_tutorial.marks.submissions import Unread
from hf_tutorial.marks.verdicts import ALL, Mark, cells_that_raised, marks

COLUMNS = ("student", "file", "notebook", "exercise", "title", "verdict", "last said", "hints",
           "raised", "checks changed", "notes", "seconds")  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")
WORDS = {
    "network": (
        "a network that leads nowhere, for each submission",
        "Python refused every other machine, and the libraries were told that they are offline;"
        " a program that a submission starts could have reached the network",
    ),
    "files": (
        "everything was read-only but a folder for each submission",
        "each submission had a copy of this checkout, and Python refused to write into the"
        " checkout itself; a program that a submission starts could have written there",
    ),
    "processes": (
        "each submission ran in a world of its own, which ended with it",
        "what a submission had started was looked for and killed; a process that hides its"
        " origin could have stayed",
    ),
}


def rows(
    records: list[Record], lessons: list[Lesson]
) -> list[tuple[Record, list[Mark]]]:
    """Give each submission that belongs to a notebook of ours with its marks."""
    by_name = {lesson.name: lesson for lesson in lessons}
    return [(record, marks(record, by_name[record.plan["lesson"]["name"]]))
            for record in records if record.plan]  # fmt: skip


def failed(records: list[Record], unread: list[Unread]) -> list[tuple[str, str, str]]:
    """List what has no marks: student, file and reason."""
    found = [(one.student, one.file, one.reason) for one in unread]
    for record in records:
        if not record.plan:
            what = (record.submission.student, record.submission.file)
            found.append((*what, record.refused or record.over))
    return sorted(found)


def write_csv(
    path: Path, made: list[tuple[Record, list[Mark]]], lost: list[tuple]
) -> None:
    """Write the table for a spreadsheet: with the mark that Excel needs to see UTF-8.

    What a student wrote is text there, also where it begins as a formula would.
    """
    with path.open("w", encoding="utf-8-sig", newline="", errors="replace") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for record, given in made:
            for mark in given:
                line = (
                    record.submission.student, record.submission.file,
                    record.plan["lesson"]["name"], mark.exercise.number, mark.exercise.title,
                    mark.verdict, mark.said, " | ".join(mark.hints), mark.raised,
                    " | ".join(mark.checks),
                    " | ".join([*mark.notes, *_notes(record)]), f"{record.seconds:.0f}",
                )  # fmt: skip
                table.writerow(map(_as_text, line))
        for student, file_name, reason in lost:
            line = (student, file_name, "", "", "", "not marked", reason, *[""] * 5)
            table.writerow(map(_as_text, line))


def _as_text(value: str) -> str:
    return f"'{value}" if value.startswith(FORMULA) else value


def _notes(record: Record) -> list[str]:
    notes = [record.over] if record.over else []
    notes += cells_that_raised(record)
    if record.wrote:
        shown = ", ".join(record.wrote[:4]) + (", …" if len(record.wrote) > 4 else "")
        notes.append(f"changed in its copy of ours: {shown}")
    return notes


def _changes(given: list[Mark]) -> list[str]:
    """List what became of the checks, with the exercise where it is a line of that."""
    return list(dict.fromkeys(
        change if change.endswith("was replaced") else f"{mark.exercise.number}: {change}"
        for mark in given for change in mark.checks
    ))  # fmt: skip


def page(
    made: list[tuple[Record, list[Mark]]],
    lost: list[tuple],
    lessons: list[Lesson],
    *,
    raised: frozenset[str],
    limits: Limits,
    harmed: list[str],
) -> str:
    """Write the page: a table for each notebook, what was not marked, what was in force.

    Args:
        made: Submissions with their marks.
        lost: Student, file and reason of those without.
        lessons: Ours, in reading order.
        raised: The walls that stood.
        limits: What each submission could take.
        harmed: Files of this checkout that changed meanwhile.
    """
    folder = importlib.resources.files("hf_tutorial.marks")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )  # fmt: skip
    template = environment.from_string((folder / "page.html.j2").read_text("utf-8"))
    tables = []
    for lesson in lessons:
        here = [
            {"record": record, "marks": given, "notes": _notes(record),
             "right": sum(mark.verdict == "right" for mark in given),
             "checks": _changes(given)}
            for record, given in made if record.plan["lesson"]["name"] == lesson.name
        ]  # fmt: skip
        if here:
            counts = [
                Counter(row["marks"][place].verdict for row in here)["right"]
                for place in range(len(lesson.exercises))
            ]
            here.sort(key=lambda row: row["record"].submission.student.casefold())
            tables.append({"lesson": lesson, "rows": here, "right": counts})
    text = template.render(
        tables=tables,
        lost=lost,
        walls=[WORDS[wall][0 if wall in raised else 1] for wall in WORDS],
        limits=limits,
        harmed=harmed,
        classes={verdict: verdict.replace(" ", "-") for verdict in ALL},
    )
    return text.encode("utf-8", "replace").decode("utf-8")
