"""Plans of lectures: tables in `notebooks/teaching.md` that say which parts of which notebook.

A plan is a heading of the third level with a table below it. A row names a notebook by a link
and its parts: `all`, `all but` some, or a list. Parts are headings in italics, *the opening*
and *the end*. Other rows name exercises, or what takes minutes without a slide.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field

from hf_tutorial.publish.lecture import minutes
from hf_tutorial.publish.lecture.outline import Slide

NAME = "teaching.md"
# What "the end" of a notebook is: a table to leave on, findings, where to go.
END = {
    "In practice: TRL, and where to go",
    "In older tutorials",
    "What you found",
    "Where to go from here",
    "The whole path",
}
SUMS_UP = {"What you found"}
LISTED = "build/slides/index.html lists all parts"
ROW = re.compile(r"^\| ?(.*?) ?\| (.+?) \| ([\d.]+|\*\*[\d.]+\*\*) \|$", flags=re.M)
NUMBER = re.compile(r"\d+\.\d+")


@dataclass
class Row:
    """A row of a plan, with the minutes that it states."""

    what: str
    parts: str
    minutes: float

    @property
    def notebook(self) -> str | None:
        """The name of the notebook's file, if the row links to one."""
        found = re.search(r"\((\d\d_\w+\.ipynb)\)", self.what)
        return found and found[1]

    @property
    def exercises(self) -> list[str]:
        """The numbers of the exercises that the row names, such as 0.2."""
        asked = self.notebook is None and self.parts.startswith("exercise")
        return NUMBER.findall(self.parts) if asked else []


@dataclass
class Plan:
    """One lecture: its heading, its rows, and the sum that stands below them."""

    heading: str
    rows: list[Row] = field(default_factory=list)
    together: float | None = None
    unread: list[str] = field(default_factory=list)  # rows without a number of minutes

    @property
    def exercises(self) -> list[str]:
        """The numbers of all exercises of the plan."""
        return [number for row in self.rows for number in row.exercises]


def read(page: str) -> list[Plan]:
    """Find the plans of a page, in order."""
    found = []
    for heading, body in re.findall(r"^### (.+)\n((?:(?!^#).*\n?)+)", page, flags=re.M):
        plan = Plan(heading.strip())
        for what, parts, stated in ROW.findall(body):
            number = float(stated.strip("*"))
            if parts.strip("*") == "together":
                plan.together = number
            else:
                plan.rows.append(Row(what, parts, number))
        whole = {found[0] for found in ROW.finditer(body)}
        linked = re.findall(r"^\|.*?\.ipynb\).*$", body, flags=re.M)
        plan.unread = [row for row in linked if row not in whole]
        if plan.rows or plan.unread:
            found.append(plan)
    return found


def chosen(slides: list[Slide], parts: str) -> list[Slide]:
    """Give the slides of one notebook that a plan's row names, in the notebook's order.

    Raises:
        ValueError: The row names a part that the notebook does not have, or none at all.
    """
    shown = [slide for slide in slides if slide.kind != "exercise"]
    named, but, left_out = parts.partition("all but ")
    if but:
        without = {id(slide) for slide in chosen(slides, left_out)}
        return [slide for slide in shown if id(slide) not in without]
    if parts.startswith("all"):
        return shown
    titles = re.findall(r"\*([^*]+)\*", parts)
    plain = re.sub(r"\*[^*]+\*", "", parts)
    wanted = set(titles) | (END if "the end" in plain else set())
    wanted |= {shown[0].title} if "the opening" in plain else set()
    there = {slide.title for slide in shown} | {slide.above for slide in shown}
    for title in titles:
        if title not in there:
            near = difflib.get_close_matches(title, there, n=1, cutoff=0.4)
            meant = f", did you mean {near[0]!r}?" if near else ";"
            raise ValueError(f"there is no section {title!r}{meant} {LISTED}")
    if not wanted:
        raise ValueError(f"{parts!r} names no part: put headings into *...*; {LISTED}")
    return [slide for slide in shown if {slide.title, slide.above} & wanted]


def solved(slides: list[Slide], numbers: list[str]) -> list[Slide]:
    """Give those slides of one notebook that hold the exercises of these numbers."""
    return [
        slide
        for slide in slides
        if slide.kind == "exercise"
        and (found := NUMBER.search(slide.title))
        and found[0] in numbers
    ]


def left_out(plan: Plan, notebook: str, slides: list[Slide]) -> list[str]:
    """Name the sections of one notebook that a plan leaves out, and subsections alone left out."""
    taken = [slide for row in plan.rows if row.notebook == notebook
             for slide in chosen(slides, row.parts)]  # fmt: skip
    ids = {id(slide) for slide in taken}
    begun = {slide.above or slide.title for slide in taken}
    known = END | {slides[0].title}
    found = dict.fromkeys(
        slide.title if not slide.above or slide.above in begun else slide.above
        for slide in slides
        if slide.kind != "exercise" and id(slide) not in ids
    )
    return [title for title in found if title not in known]


def wrong(plan: Plan, slides: dict[str, list[Slide]]) -> list[str]:
    """Name the rows whose minutes are not those of the notebooks, and a sum that is none.

    Args:
        plan: Its rows state minutes, to the half.
        slides: Of each notebook, by the name of its file, with their seconds.

    Returns:
        Sentences, none if all is right.

    Raises:
        ValueError: The plan names a part that is not there.
    """
    found = [
        f"not read, for want of a number of minutes at its end: {row}"
        for row in plan.unread
    ]
    together = 0
    for row in plan.rows:
        taken = _taken(row, plan, slides)
        together += taken
        if taken != row.minutes:
            found.append(
                f"{row.what} {row.parts}: {taken:g} minutes, not {row.minutes:g}"
            )
    if plan.together != together:
        stated = "no row says so" if plan.together is None else f"not {plan.together:g}"
        found.append(f"together {together:g} minutes, {stated}")
    return [f"{plan.heading}: {' '.join(one.split())}" for one in found]


def _taken(row: Row, plan: Plan, slides: dict[str, list[Slide]]) -> float:
    """Add up what a row names, to the half; one that names no slides says itself what it takes."""
    if row.notebook:
        shown = chosen(slides[row.notebook], row.parts)
    elif row.exercises:
        named = dict.fromkeys(one.notebook for one in plan.rows if one.notebook)
        every = [
            slide for name in named for slide in solved(slides[name], row.exercises)
        ]
        # By number: two notebooks of one's own may share one.
        shown = {
            NUMBER.search(slide.title)[0]: slide for slide in reversed(every)
        }.values()
    else:
        return row.minutes
    return round(2 * minutes.total(shown)) / 2
