"""The page for instructors: its plans are sums of the minutes in the notebooks, and have decks."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from hf_tutorial import NOTEBOOKS, publish
from hf_tutorial.publish.lecture import contents, decks, minutes, plans
from tests.lessons import OPENING, put

PAGE = NOTEBOOKS / plans.NAME


@pytest.fixture(scope="module")
def shows():
    return {
        path.name: decks.prepared(nbformat.read(path, as_version=4), path)
        for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    }


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


def faults(page: str, shows: dict[str, decks.Show]) -> list[str]:
    """Name the rows whose minutes are not those of the notebooks, and ours that are too long."""
    slides = {name: show.slides for name, show in shows.items()}
    found = plans.read(page)
    wrong = [one for plan in found for one in plans.wrong(plan, slides)]
    ours = [
        p
        for p in found
        if re.match(r"One lecture|Lecture|Day|From storyteller", p.heading)
    ]
    return wrong + [
        f"{plan.heading}: {plan.together:g} minutes, and 90 are there"
        for plan in ours
        if (plan.together or 0) > 90
    ]


def test_minutes_of_all_plans_are_sums_of_those_in_the_notebooks(page, shows):
    assert faults(page, shows) == []
    headings = [plan.heading for plan in plans.read(page)]
    assert sum(bool(re.match(r"Lecture \d", one)) for one in headings) == 6
    assert sum(one.startswith("Day") for one in headings) == 8


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (r"(\| \[00\]\S+ \| all but .+? \| )[\d.]+", r"\g<1>12", "not 12"),
        (r"(together\*\* \| \*\*)[\d.]+", r"\g<1>95", "not 95"),
        (r"\| \| \*\*together\*\*.+\n", "\n", "minutes, no row says so"),
        (
            r"(\| \[00\].+\| [\d.]+) \|\n",
            r"\g<1> min |\n",
            "not read, for want of a number",
        ),
        (r"(\| exercises? .+? \| )\d+", r"\g<1>99", "not 99"),
        (r"all but \*Back to the letters\*", "all", "minutes, not"),
    ],
)
def test_planted_fault_in_a_plan_is_named(page, shows, old, new, complaint):
    planted, count = re.subn(old, new, page, count=1)
    assert count == 1
    assert complaint in "\n".join(faults(planted, shows))


def test_longer_notebook_makes_its_plans_wrong(page, shows, monkeypatch):
    slide = shows["00_quick_tour.ipynb"].slides[1]
    monkeypatch.setattr(slide, "seconds", slide.seconds + 60)
    assert "Lecture 1" in faults(page, shows)[0]


def test_deck_of_a_plan_takes_as_long_as_its_slides_and_each_stands_there_once(
    page, shows
):
    for plan in plans.read(page):
        show = decks.lecture(plan, shows)
        arriving = sum(
            r.minutes for r in plan.rows if not r.notebook and not r.exercises
        )
        taken = minutes.total(show.slides) + arriving
        assert taken == pytest.approx(plan.together, abs=0.5), plan.heading
        assert len({id(slide) for slide in show.slides}) == len(show.slides)


def small(minutes):
    printed = [new_output("stream", text="1")]
    cells = [
        new_markdown_cell(OPENING),
        new_markdown_cell("## One\n\nWhy?"),
        new_code_cell("a", outputs=printed),
        new_markdown_cell("### Below\n\nAnd?"),
        new_code_cell("b", outputs=printed),
        new_markdown_cell(
            "## What you found\n\n- This.\n\n## Exercises\n\n**0.1 Add.** Find x."
        ),
        new_code_cell("x = ...", metadata={"tags": ["exercise"]}),
    ]
    return new_notebook(cells=cells, metadata={"minutes": minutes})


@pytest.mark.parametrize(
    ("parts", "titles"),
    [
        ("all", ["A title", "One", "Below", "What you found"]),
        ("all but *One*", ["A title", "What you found"]),
        ("all but *Below*, the end", ["A title", "One"]),
        ("the opening, *Below*", ["A title", "Below"]),
        ("*One*", ["One", "Below"]),
    ],
)
def test_parts_of_a_notebook_are_sections_with_what_is_below_them(parts, titles):
    show = decks.prepared(small(8), NOTEBOOKS / "00_small.ipynb")
    assert [slide.title for slide in plans.chosen(show.slides, parts)] == titles


def table(heading, *rows):
    return "\n".join(
        [f"### {heading}", "", "| a | b | c |", "| - | - | - |", *rows, ""]
    )


def test_lecture_planned_in_the_page_has_a_deck_with_its_minutes(checkout, capsys):
    put(checkout, _00_first=small(8), _01_second=small(6))
    rows = (
        "| [00](00_first.ipynb) | all but *Below* | 5 |",
        "| [01](01_second.ipynb) | *Below* | 2 |",
        "| | exercise 0.1 | 3 |",
        "| | **together** | **10** |",
    )
    (checkout / "notebooks" / plans.NAME).write_text(table("My lecture", *rows))
    assert publish.slides(checkout) == 0
    folder = checkout / "build/slides"
    made = (folder / "my_lecture.html").read_text()
    kinds = re.findall(r'<section class="(\w+)"', made)
    assert kinds == ["opening", "opening", "cells", "prose", "exercise", "cells"]
    assert re.findall(r"<h1>(.+?)</h1>", made) == ["My lecture", "A title"]
    assert "5 minutes, exercises apart" in made and "Minutes</h4>" in made
    assert "10 minutes, exercises included" in made
    assert '<p class="question">00 A title · 01 A title</p>' in made
    assert "Not in this lecture:</strong> <em>Below</em>. A finding" in made
    index = (folder / "index.html").read_text()
    assert 'href="my_lecture.html">My lecture</a> · 6 slides · 10 minutes' in index
    assert "teaching.md" not in capsys.readouterr().err


def test_minutes_of_a_plan_that_are_not_those_of_its_parts_are_named_beside_its_deck(
    checkout, capsys
):
    put(checkout, _00_first=small(8))
    rows = ("| [00](00_first.ipynb) | *Below* | 7 |", "| | exercise 0.1 | 3 |")
    (checkout / "notebooks" / plans.NAME).write_text(table("Long", *rows))
    assert (
        publish.slides(checkout) == 0 and (checkout / "build/slides/long.html").exists()
    )
    said = capsys.readouterr().err
    assert "teaching.md, Long: [00](00_first.ipynb) *Below*: 3 minutes, not 7" in said
    assert "teaching.md, Long: together 6 minutes, no row says so" in said


@pytest.mark.parametrize("heading", ["00 First", "Index", "My lecture"])
def test_plan_whose_deck_would_take_the_place_of_another_is_named(
    checkout, capsys, heading
):
    put(checkout, _00_first=small(8))
    row = "| [00](00_first.ipynb) | *Below* | 3 |"
    plan = table("My lecture", row) + table(heading, row)
    (checkout / "notebooks" / plans.NAME).write_text(plan)
    assert publish.slides(checkout) == 1
    said = capsys.readouterr().err
    assert f"teaching.md, {heading}: no deck: there is a page of that name" in said
    made = checkout / "build/slides"
    assert "<title>A title" in (made / "00_first.html").read_text()
    index = (made / "index.html").read_text()
    assert index.count('href="my_lecture.html"') == 1


def test_parts_that_the_page_of_decks_lists_are_those_that_a_plan_can_name(shows):
    for show in shows.values():
        listed = dict(contents.parts(show.slides))
        for part, taken in listed.items():
            plan = plans.Plan("One part", [plans.Row("", part, 0)])
            solved = plans.solved(show.slides, plan.exercises)
            found = solved or plans.chosen(show.slides, part)
            assert minutes.total(found) == pytest.approx(taken), part
        assert {"the opening", "the end"} < set(listed)
        named = ", ".join(part for part in listed if not part.startswith("exercise"))
        whole = [slide for slide in show.slides if slide.kind != "exercise"]
        assert plans.chosen(show.slides, named) == whole


def test_findings_of_what_a_lecture_leaves_out_are_said_to_be_so(page, shows):
    plan = next(p for p in plans.read(page) if p.heading.startswith("Lecture 4"))
    slides = shows["05_manual_training_loop.ipynb"].slides
    unsaid = plans.left_out(plan, "05_manual_training_loop.ipynb", slides)
    assert "Stop, and go on" in unsaid and "The whole run" not in unsaid
    (summed,) = [s for s in decks.lecture(plan, shows).slides if s.left_out]
    assert summed.title == "What you found"
    assert "Not in this lecture:</strong> <em>Reviews, and" in decks.notes(summed)
    assert not any(slide.left_out for slide in slides)  # the whole notebook's deck


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("| [00](00_first.ipynb) | all but *Two* | 6 |", "no section 'Two'; build/slides"),
        ("| [00](00_first.ipynb) | *Belows* | 6 |", "'Belows', did you mean 'Below'?"),
        ("| [00](00_first.ipynb) | Below | 6 |", "'Below' names no part"),
        ("| [02](02_none.ipynb) | all | 6 |", "no deck of 02_none.ipynb"),
        ("| [00](00_first.ipynb) | all | 6 |\n| | exercise 0.7 | 3 |", "no exercise 0.7"),
    ],
)  # fmt: skip
def test_plan_of_what_is_not_there_is_named_and_the_other_decks_are_made(
    checkout, capsys, row, complaint
):
    put(checkout, _00_first=small(8))
    good = table("Good", "| [00](00_first.ipynb) | all | 8 |")
    page = checkout / "notebooks" / plans.NAME
    page.write_text(table("My lecture", row) + "\n" + good)
    assert publish.slides(checkout) == 1
    said = capsys.readouterr().err
    assert f"{plans.NAME}, My lecture: no deck" in said and complaint in said
    made = {path.name for path in (checkout / "build/slides").iterdir()}
    assert made == {"00_first.html", "good.html", "index.html"}
