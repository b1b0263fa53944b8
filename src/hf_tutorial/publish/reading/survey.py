"""What a finished page holds: headings, links, pictures, text; and what is wrong with it."""

import difflib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote

from hf_tutorial.publish.reading.places import OUTSIDE

VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
INLINE = {"a", "b", "code", "em", "i", "kbd", "mark", "small", "span", "strong", "sub", "sup"}  # fmt: skip
UNREAD = {"script", "style"}
# What nbconvert, MyST, Sphinx and matplotlib say of a picture of which nobody said anything.
EMPTY_WORDS = re.compile(
    r"no description has been provided|\.(?:png|jpe?g|svg|gif|webp)$|^(?:image|figure|picture|plot|png|output)\W*\d*$",
    flags=re.I,
)
FORMULA = re.compile(r"\$\$.+?\$\$|\\begin\{[a-z]+\*?\}", flags=re.S)


@dataclass
class Section:
    """A heading, or an entry of the glossary, and the text below it."""

    anchor: str
    level: int  # 1 to 6; 0 for an entry
    heading: str = ""
    text: str = ""


@dataclass
class Survey:
    """What one page holds."""

    sections: list[Section] = field(default_factory=lambda: [Section("", 1)])
    anchors: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)  # address, cell
    loaded: list[tuple[str, str]] = field(default_factory=list)  # element, address
    pictures: list[tuple[str, str]] = field(default_factory=list)  # alt text, cell
    formulas: list[str] = field(default_factory=list)

    @property
    def headings(self) -> list[Section]:
        """The headings, in order."""
        return [s for s in self.sections if s.level and s.heading]


def survey(page: str) -> Survey:
    """Read the HTML of a page, or of a part of one."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    for section in reader.found.sections:
        section.heading = " ".join(section.heading.split())
        section.text = " ".join(section.text.split())
    return reader.found


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.cell, self.open = Survey(), "", []
        self.heading = ""  # the element whose text is the heading of the last section

    def handle_starttag(self, tag, attributes):
        given, found = dict(attributes), self.found
        identity = given.get("id") or ""
        if identity.startswith("cell-id="):
            self.cell = identity.removeprefix("cell-id=")
        elif identity:
            found.anchors.append(identity)
        if tag == "a" and given.get("href"):
            found.links.append((given["href"], self.cell))
        elif tag == "img":
            found.pictures.append((given.get("alt") or "", self.cell))
        source = given.get("src") or given.get("data") or given.get("poster")
        if tag == "link":
            source = given.get("href")
        if source or tag == "script":
            found.loaded.append((tag, source or "code"))
        if re.fullmatch(r"h[1-6]", tag) or (tag == "p" and identity):
            level = int(tag[1]) if tag != "p" else 0
            found.sections.append(Section(identity, level))
            self.heading = tag if level else "p"
        if tag not in VOID:
            self.open.append(tag)
        if tag not in INLINE:
            self._add(" ")

    def handle_endtag(self, tag):
        if tag in self.open:
            while self.open.pop() != tag:
                pass
        entry = self.heading == "p" and tag in ("strong", "p")
        if entry or tag == self.heading:
            self.heading = ""
        if tag not in INLINE:
            self._add(" ")

    def handle_data(self, data):
        if self.open and self.open[-1] in UNREAD:
            return
        if "code" not in self.open and "pre" not in self.open:
            self.found.formulas += FORMULA.findall(data)
        self._add(data)

    def _add(self, text):
        section = self.found.sections[-1]
        if self.heading:
            section.heading += text
        else:
            section.text += text


def pictures(found: Survey) -> list[str]:
    """Say of which pictures nobody has said what they show."""
    return [
        f"{where(cell)}a picture without alt text"
        + (f" (it says {alt!r})" if alt.strip() else "")
        + ": put what a sighted reader would conclude into the cell's metadata as `alt`, or"
        " between the brackets of ![]()"
        for alt, cell in found.pictures
        if not alt.strip() or EMPTY_WORDS.search(alt.strip())
    ]


def loaded(found: Survey) -> list[str]:
    """Say what a part of a page asks for when it is opened; a page may ask for nothing."""
    return [
        f"<{tag}> asks for {source[:80]}: a page has to stand alone"
        for tag, source in found.loaded
        if not source.startswith(("data:", "#"))
    ]


def faults(surveys: dict[str, Survey], files: set[str]) -> list[tuple[str, str]]:
    """Say what is wrong with the pages of a site: pairs of a page and a sentence.

    Args:
        surveys: By the names of the pages' files; of the part that was written by us.
        files: What lies beside the pages.
    """
    said = []
    for name, found in surveys.items():
        here = [*pictures(found), *loaded(found)]
        here += [f"two places are called #{anchor}" for anchor in _twice(found.anchors)]
        here += [
            f"a formula in TeX, {formula[:40]!r}, which pages do not draw: write it as code"
            " or in Unicode"
            for formula in found.formulas
        ]
        for href, cell in found.links:
            if why := _broken(href, name, surveys, files):
                here.append(f"{where(cell)}{why}")
        said += [(name, fault) for fault in here]
    return said


def where(cell: str) -> str:
    """Name a cell at the beginning of a sentence, if there is one to name."""
    return f"cell {cell}: " if cell else ""


def _twice(anchors: list[str]) -> list[str]:
    return sorted({anchor for anchor in anchors if anchors.count(anchor) > 1})


def _broken(href: str, name: str, surveys: dict, files: set[str]) -> str | None:
    if OUTSIDE.match(href):
        return None
    file, _, anchor = href.partition("#")
    file, anchor = unquote(file) or name, unquote(anchor)
    if file not in surveys:
        if file in files:
            return None
        return f"the link to {file} leads to no page and no file of the repository"
    if anchor and anchor not in surveys[file].anchors:
        near = difflib.get_close_matches(anchor, surveys[file].anchors, 1)
        hint = f"; there is #{near[0]}" if near else ""
        return f"the link to {file}#{anchor} leads to no heading{hint}"
    return None
