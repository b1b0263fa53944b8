"""Plans of lectures: tables in `notebooks/teaching.md` that say which parts of which notebook.

A plan is a heading of the third level with a table below it. A row names a notebook by a link
and its parts: `all`, `all but` some, or a list. Parts are headings in italics, *the opening*
and *the end*. Other rows name exercises, or what takes minutes without a slide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

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
        if plan.rows:
            found.append(plan)
    return found


def chosen(slides: list[Slide], parts: str) -> list[Slide]:
    """Give the slides of one notebook that a plan's row names, in the notebook's order.

    Raises:
        ValueError: The row names a part that the notebook does not have.
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
    if strange := [title for title in titles if title not in there]:
        raise ValueError(f"there is no section {strange[0]!r}")
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
