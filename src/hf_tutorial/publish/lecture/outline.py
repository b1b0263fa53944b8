"""Which cells make a slide: a rule, and the word of the notebook's metadata where it fails.

A heading begins a slide, and so does a code cell after prose that read the output before. A
cell that shows nothing, and one that follows without a word, go onto the slide of their
neighbour. `slideshow.slide_type` in a cell's metadata overrules that: "slide" begins one,
"fragment" (or "-") goes on, "skip" leaves the cell out, "notes" keeps prose for the speaker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from hf_tutorial import collection
from hf_tutorial.publish.lecture import prose
from hf_tutorial.publish.lecture.notes import Remarks, remarks
from hf_tutorial.publish.lecture.prose import Block

MOST = 40  # slides of a notebook
SHORT = 60  # words: a section of so few is said, not shown
LONGEST_LEAD = 230  # letters
EXERCISE = re.compile(r"\*\*(\d+\.\d+) (.+?)\*\*\s*", flags=re.S)


@dataclass
class Turn:
    """A code cell and what is shown above it; or, without a cell, blocks alone."""

    cell: NotebookNode | None = None
    lead: str = ""
    blocks: list[Block] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)


@dataclass
class Slide:
    """What stands on a slide, and what is said at it."""

    title: str
    kind: str = "cells"  # "opening", "cells", "prose", "exercise"
    above: str = ""  # the section around a subsection
    turns: list[Turn] = field(default_factory=list)
    before: list[str] = field(default_factory=list)  # prose, read before the code
    after: list[str] = field(default_factory=list)
    solution: NotebookNode | None = None
    remarks: list[Remarks] = field(default_factory=list)
    seconds: float = 0.0
    folder: Path | None = None  # of the notebook, where its pictures are looked for
    # Of an opening alone: the course and the number, the question, how long, by section.
    course: str = ""
    question: str = ""
    lasts: str = ""
    plan: dict[str, float] = field(default_factory=dict)
    # Of the findings, where a lecture shows a part of the notebook: the sections that it does not.
    left_out: list[str] = field(default_factory=list)

    @property
    def silent(self) -> bool:
        """Whether the last cell shows nothing, so that the next one belongs to it."""
        return bool(self.turns) and not (self.turns[-1].cell or {}).get("outputs")


def outline(notebook: NotebookNode) -> list[Slide]:
    """Put the cells of a notebook onto slides, in order."""
    maker = _Maker(notebook)
    for cell in notebook.cells:
        maker.take(cell)
    maker.end_section(deeper=False)
    return maker.slides


class _Maker:
    """Reads cell after cell, and remembers where it is."""

    def __init__(self, notebook: NotebookNode):
        self.slides: list[Slide] = []
        self.titles: dict[int, str] = {1: collection.title(notebook) or ""}
        self.fresh = True  # no slide yet below this heading
        self.pending: list[Block] = []
        self.remarks: list[Remarks] = []

    def take(self, cell: NotebookNode) -> None:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "")
        if kind == "skip":
            return
        found = remarks(cell)
        if cell.cell_type != "code":
            self._markdown(cell, kind, found)
        elif not _prepares(cell):
            self.remarks += [found] if found else []
            self._code(cell, kind)

    def _markdown(self, cell: NotebookNode, kind: str, found: Remarks | None) -> None:
        begun = len(self.slides)
        if cell.cell_type == "raw":
            return
        blocks = prose.blocks(prose.with_attachments(cell))
        if kind == "notes" and self.slides:  # what waits to be shown goes on waiting
            self._say([block for block in blocks if block.kind != "rule"])
            blocks = []
        for number, block in enumerate(blocks):
            if block.kind == "heading":
                self._heading(block)
            elif block.kind == "rule":
                continue
            elif block.kind == "caption" and self.slides and self.slides[-1].turns:
                self.slides[-1].turns[-1].captions.append(block.text)
            elif not self.slides:
                self._opening(cell)
                break
            else:
                self.pending.append(block)
            if not self.slides and number == 0 and block.kind == "heading":
                self._opening(cell)
                break
        if found and len(self.slides) > begun:
            self.slides[begun].remarks.append(found)
        elif found:
            self.remarks.append(found)

    def _opening(self, cell: NotebookNode) -> None:
        words = prose.with_attachments(cell) if cell.cell_type == "markdown" else ""
        said = [b.text for b in prose.blocks(words) if b.kind == "paragraph"]
        self.slides.append(Slide(self.titles[1], "opening", before=said))

    def _heading(self, block: Block) -> None:
        self.end_section(block.level > max(self.titles))
        self.titles = {k: v for k, v in self.titles.items() if k < block.level}
        self.titles[block.level] = block.title
        self.fresh = True

    def end_section(self, deeper: bool) -> None:
        """Show a section that has no code; a short one that leads into another is said only."""
        paragraphs = [b for b in self.pending if b.kind == "paragraph"]
        if not self.pending:
            return
        length = sum(prose.words(b.text) for b in paragraphs)
        only_said = len(paragraphs) == len(self.pending)
        if not self.fresh and only_said:
            self._say(self.pending)
            self.pending = []
        elif not (only_said and length <= SHORT and deeper):
            self._prose_slide()
        self.pending = self.pending if self.pending and deeper and only_said else []

    def _prose_slide(self) -> None:
        paragraphs = [b for b in self.pending if b.kind == "paragraph"]
        shown = [b for b in self.pending if b.kind != "paragraph"]
        if not shown or all(b.kind == "fence" for b in shown):
            listed = "\n".join(f"- {sentence}" for sentence in _points(paragraphs))
            shown = [*([Block("list", listed)] if listed else []), *shown]
        slide = self._slide("prose")
        slide.turns.append(Turn(blocks=shown))
        slide.before += [b.text for b in paragraphs]
        self.pending = []

    def _slide(self, kind: str, title: str = "") -> Slide:
        depth = max(self.titles)
        above = self.titles.get(depth - 1, "") if depth > 2 else ""
        title = title or self.titles[depth]
        self.slides.append(Slide(title, kind, above, remarks=self.remarks))
        self.remarks, self.fresh = [], False
        return self.slides[-1]

    def _say(self, blocks: list[Block]) -> None:
        if self.slides:
            self.slides[-1].after += [b.text for b in blocks]

    def _code(self, cell: NotebookNode, kind: str) -> None:
        tags = cell.metadata.get("tags", [])
        if not self.slides:
            self._opening(cell)
        if "solution" in tags and self.slides[-1].kind == "exercise":
            self.slides[-1].solution = cell
        elif "exercise" in tags:
            self._exercise(cell)
        else:
            self._turn(cell, kind)

    def _exercise(self, cell: NotebookNode) -> None:
        texts = list(self.pending)
        starts = [i for i, b in enumerate(texts) if EXERCISE.match(b.text)]
        first = starts[-1] if starts else 0
        self.pending, title = [], "Exercise"
        task = [*texts[first:]]
        if starts:
            found = EXERCISE.match(task[0].text)
            title = f"Exercise {found[1]} · {found[2].rstrip('.')}"
            task[0] = Block("paragraph", task[0].text[found.end() :])
        slide = self._slide("exercise", title)
        slide.above = ""
        slide.before += [b.text for b in texts[:first]]
        slide.turns.append(Turn(cell, blocks=task))

    def _turn(self, cell: NotebookNode, kind: str) -> None:
        texts = [b for b in self.pending if b.kind == "paragraph"]
        shown = [b for b in self.pending if b.kind not in ("paragraph", "caption")]
        begins = self.fresh or bool(self.pending) and not self.slides[-1].silent
        if kind in ("slide", "subslide") or self.slides[-1].kind != "cells":
            begins = True
        elif kind in ("fragment", "-"):
            begins = False
        overruled = remarks(cell)
        lead, rest = _lead(texts)
        if overruled and overruled.lead is not None:
            lead = overruled.lead
        earlier = None if self.fresh else self.slides[-1]
        slide = self._slide("cells") if begins else self.slides[-1]
        if not begins:
            slide.remarks += self.remarks
            self.remarks = []
        # Prose between two cells reads the first one's output, up to its last paragraph.
        (earlier.after if earlier else slide.before).extend(rest[:-1])
        slide.before += rest[-1:]
        slide.turns.append(Turn(cell, lead, shown))
        self.pending, self.fresh = [], False


def _prepares(cell: NotebookNode) -> bool:
    """Tell whether a cell only starts the notebook."""
    return bool(re.search(r"^start\(\)$", cell.source, flags=re.M))


def _lead(paragraphs: list[Block]) -> tuple[str, list[str]]:
    """Find the question that prose asks before a cell, or the words that announce it."""
    rest = [block.text for block in paragraphs]
    if not rest:
        return "", []
    parts = prose.sentences(rest[-1])
    asked = [part for part in parts[-2:] if part.rstrip('*_)"”').endswith("?")]
    lead = (asked or parts)[-1]
    return ("" if len(prose.shown(lead)) > LONGEST_LEAD else lead), rest


def _points(paragraphs: list[Block], most: int = 5) -> list[str]:
    """Choose the sentences that a slide of prose shows: the first of each paragraph, and more
    of them where paragraphs are few; a question rather than a statement."""
    each = max(1, most // max(1, len(paragraphs)))
    found = []
    for block in paragraphs:
        fitting = [
            part
            for part in prose.sentences(block.text)
            if len(prose.shown(part)) <= LONGEST_LEAD
        ]
        asked = [part for part in fitting[each:] if part.endswith("?")][-1:]
        found += [*fitting[: each - len(asked)], *asked] if each > 1 else fitting[:1]
    return found[:most]


def at_most(slides: list[Slide], most: int = MOST) -> list[Slide]:
    """Put neighbours below one heading together, those of least time first, until few are left."""
    slides = list(slides)
    while len(slides) > most:
        pairs = [
            (first.seconds + second.seconds, place)
            for place, (first, second) in enumerate(
                zip(slides, slides[1:], strict=False)
            )
            if (first.kind, first.title, second.kind)
            == ("cells", second.title, "cells")
        ]
        if not pairs:
            break
        place = min(pairs)[1]
        first, second = slides[place], slides.pop(place + 1)
        first.turns += second.turns
        first.before += [*first.after, *second.before]
        first.after = second.after
        first.remarks += second.remarks
        first.seconds += second.seconds
    return slides
