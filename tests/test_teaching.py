"""The page for instructors: its plans are sums of the minutes in the notebooks."""

import re

import nbformat
import pytest

from hf_tutorial import NOTEBOOKS
from hf_tutorial.publish.lecture import minutes
from hf_tutorial.publish.lecture.outline import outline

PAGE = NOTEBOOKS / "teaching.md"
# What "the end" of a notebook is: a table to leave on, findings, where to go.
END = {
    "In practice: TRL, and where to go",
    "In older tutorials",
    "What you found",
    "Where to go from here",
    "The whole path",
}
ROW = re.compile(r"^\| ?(.*?) ?\| (.+?) \| ([\d.]+|\*\*[\d.]+\*\*) \|$", flags=re.M)


class Lecture:
    """The minutes of one notebook, by what a plan may call a part of it."""

    def __init__(self, path):
        notebook = nbformat.read(path, as_version=4)
        slides = outline(notebook)
        minutes.allot(slides, notebook)
        shown = [slide for slide in slides if slide.kind != "exercise"]
        self.sections = minutes.by_section(shown)
        self.parts = minutes.by_section(shown, deeper=True)
        self.all = sum(self.sections.values())
        self.opening = self.sections[slides[0].title]
        self.end = sum(self.sections.get(title, 0) for title in END)
        self.exercises = {
            re.search(r"\d+\.\d+", slide.title)[0]: slide.seconds / 60
            for slide in slides
            if slide.kind == "exercise"
        }

    def planned(self, words: str) -> float:
        """Add up what a cell of a plan names: titles in italics, *the opening*, *the end*."""
        start, but, left_out = words.partition("all but ")
        if but:
            return self.all - self.planned(left_out)
        found = self.all if words.startswith("all") else 0.0
        for title in re.findall(r"\*([^*]+)\*", words):
            known = self.sections | self.parts
            assert title in known, f"no section {title!r}"
            found += known[title]
        plain = re.sub(r"\*[^*]+\*", "", words)
        return (
            found
            + self.opening * ("the opening" in plain)
            + self.end * ("the end" in plain)
        )


@pytest.fixture(scope="module")
def lectures():
    return {path.name: Lecture(path) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


def plans(page: str) -> dict[str, list[tuple[str, str, str]]]:
    """Read the tables of the page: the heading above, and rows of what, which parts, minutes."""
    found = {}
    for heading, body in re.findall(r"^### (.+)\n((?:(?!^#).*\n)+)", page, flags=re.M):
        if rows := ROW.findall(body):
            found[heading] = rows
    return found


def faults(page: str, lectures: dict[str, Lecture]) -> list[str]:
    """Name the rows whose minutes are not those of the notebooks, and sums that are none."""
    wrong = []
    for heading, rows in plans(page).items():
        total = 0.0
        for what, parts, stated in rows:
            number = float(stated.strip("*"))
            if "together" in what + parts:
                if abs(number - total) > 0.01 or number > 90:
                    wrong.append(f"{heading}: together {total:g}, not {number:g}")
                continue
            if notebook := re.search(r"\((\d\d_\w+\.ipynb)\)", what):
                real = lectures[notebook[1]].planned(parts)
            elif parts.startswith("exercise"):
                asked = re.findall(r"\d+\.\d+", parts)
                solved = {
                    k: v for one in lectures.values() for k, v in one.exercises.items()
                }
                real = sum(solved[one] for one in asked)
            else:
                real = number  # no notebook's: to arrive, to set up
            if abs(round(2 * real) / 2 - number) > 0.01:
                wrong.append(
                    f"{heading}: {what} {parts}: {real:.1f} minutes, not {number:g}"
                )
            total += number
    return wrong


def test_minutes_of_all_plans_are_sums_of_those_in_the_notebooks(page, lectures):
    assert faults(page, lectures) == []
    found = plans(page)
    assert sum(bool(re.match(r"Lecture \d", heading)) for heading in found) == 6
    assert sum(heading.startswith("Day") for heading in found) == 8
    for heading, rows in found.items():
        assert "together" in "".join(rows[-1]), heading


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (r"(\| \[00\]\S+ \| all but .+? \| )[\d.]+", r"\g<1>12", "not 12"),
        (r"(together\*\* \| \*\*)[\d.]+", r"\g<1>95", "together"),
        (r"(\| exercises? .+? \| )\d+", r"\g<1>99", "not 99"),
        (r"all but \*Back to the letters\*", "all", "minutes, not"),
    ],
)
def test_planted_fault_in_a_plan_is_named(page, lectures, old, new, complaint):
    planted, count = re.subn(old, new, page, count=1)
    assert count == 1
    assert complaint in "\n".join(faults(planted, lectures))


def test_plan_that_names_no_section_of_its_notebook_is_named(lectures):
    with pytest.raises(AssertionError, match="no section 'Back to the words'"):
        lectures["01_tokenization.ipynb"].planned("all but *Back to the words*")


def test_longer_notebook_makes_its_plans_wrong(page, lectures, monkeypatch):
    monkeypatch.setattr(lectures["00_quick_tour.ipynb"], "all", 60.0)
    assert "Lecture 1" in faults(page, lectures)[0]
