"""What stands around the cells: the list of pages, search, the switch for light and dark."""

import base64
import importlib.resources
import json
from pathlib import Path
from urllib.parse import quote

import jinja2
from markupsafe import Markup
from nbformat import NotebookNode
from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES

from hf_tutorial import collection
from hf_tutorial.publish.lecture import prose
from hf_tutorial.publish.lecture.decks import NAME
from hf_tutorial.publish.reading.places import Page
from hf_tutorial.publish.reading.survey import Survey

LIGHT, DARK = (
    "xcode",
    "github-dark",
)  # all their colours can be read, by the measure of WCAG AA
SHORT = 40  # headings: so many stand in the list of pages; of longer pages the sections only


class Frames:
    """Writes whole pages; what all of them share is made once."""

    def __init__(self, pages: list[Page]):
        """Take all pages of the site, in the order of the list."""
        self.pages = pages
        self.notebooks = [page for page in pages if page.numbered]
        environment = jinja2.Environment(
            autoescape=True, trim_blocks=True, lstrip_blocks=True,
            loader=jinja2.FunctionLoader(asset),
        )  # fmt: skip
        environment.globals.update(
            name=NAME,
            pages=pages,
            style=Markup(asset("style.css") + asset("site.css") + highlighting()),
            script=Markup(asset("site.js")),
            theme=Markup(asset("theme.js")),
        )
        self._page = environment.get_template("frame.html.j2")
        self._home = environment.get_template("home.html.j2")

    def page(self, page: Page, body: str, found: Survey, downloads: dict) -> str:
        """Put a page around its cells.

        Args:
            page: Which.
            body: The HTML of its cells.
            found: What is in it.
            downloads: What the page offers: words to the name of a file.
        """
        before, after = self._neighbours(page)
        titles = [s for s in found.headings if s.level == 1]
        contents = [s for s in found.headings if s.level in (2, 3)]
        if len(contents) > SHORT:
            contents = [s for s in contents if s.level == 2]
        return self._page.render(
            page=page,
            body=Markup(body),
            untitled=not titles,
            contents=[
                (s.level, "#" + quote(s.anchor, safe="~()*!.',:"), s.heading)
                for s in contents
            ],
            minutes=page.notebook.metadata.get("minutes"),
            downloads=downloads,
            before=before,
            after=after,
        )

    def _neighbours(self, page: Page) -> tuple[Page | None, Page | None]:
        if not page.numbered:
            return None, None
        place = self.notebooks.index(page)
        before = self.notebooks[place - 1] if place else None
        return before, (self.notebooks[place + 1 : place + 2] or [None])[0]

    def home(self, readme: str, folder: Path) -> str:
        """Write the page that comes first: what this is, and every notebook with a picture.

        Args:
            readme: README's text, of which the first paragraph is said.
            folder: Where README's pictures are looked for.
        """
        cards = [
            {
                "page": page,
                "question": collection.question(page.notebook) or "",
                "minutes": page.notebook.metadata.get("minutes"),
                "picture": picture(page.notebook),
            }
            for page in self.notebooks
        ]
        opening = lead(readme)
        beside = []
        for page in self.pages:
            sentence = first_sentence(page.notebook)
            if not page.numbered:
                said_above = sentence in prose.shown(opening)
                beside.append((page, "" if said_above else sentence))
        return self._home.render(
            page=None,
            cards=cards,
            beside=beside,
            lead=Markup(prose.with_pictures(prose.as_html(opening), folder)),
        )


def asset(name: str) -> str:
    """Read one of the files that pages are made of."""
    folder = importlib.resources.files("hf_tutorial") / "page"
    return (folder / name).read_text(encoding="utf-8")


def highlighting() -> str:
    """Write the colours of code, each for a light and a dark page."""
    light, dark = get_style_by_name(LIGHT), get_style_by_name(DARK)
    rules = []
    for token, short in STANDARD_TYPES.items():
        day, night = light.style_for_token(token), dark.style_for_token(token)
        says = []
        if short and (day["color"] or night["color"]):
            one = f"#{day['color']}" if day["color"] else "var(--ink)"
            other = f"#{night['color']}" if night["color"] else "var(--ink)"
            says.append(f"color:{one};color:light-dark({one},{other})")
        if day["bold"]:
            says.append("font-weight:bold")
        if day["italic"]:
            says.append("font-style:italic")
        if short and says:
            rules.append(f".highlight .{short}{{{';'.join(says)}}}")
    return "\n".join(rules)


def picture(notebook: NotebookNode) -> tuple[str, str] | None:
    """Find the first figure of a notebook: its address, made of itself, and its alt text."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if data := output.get("data", {}).get("image/png"):
                alt = cell.metadata.get("alt", "")
                clean = base64.b64encode(base64.b64decode(data)).decode()
                return f"data:image/png;base64,{clean}", alt
    return None


def lead(readme: str) -> str:
    """Give README's first paragraph, in Markdown."""
    blocks = prose.blocks(readme)
    found = next((b for b in blocks[:3] if b.kind == "paragraph"), None)
    return found.text if found and blocks[0].kind == "heading" else ""


def first_sentence(notebook: NotebookNode) -> str:
    """Give the sentence below the title of a page."""
    source = notebook.cells[0].source if notebook.cells else ""
    for block in prose.blocks(source)[1:3]:
        if block.kind == "paragraph":
            return prose.shown(prose.sentences(block.text)[0])
    return ""


def index(pages: list[Page], surveys: dict[str, Survey]) -> str:
    """Write what search looks through, as a script: a page opened from a file may fetch nothing."""
    shown = [[page.href, f"{page.number} {page.label}".strip()] for page in pages]
    sections = [
        [place, quote(s.anchor, safe="~()*!.',:"), s.heading, s.text]
        for place, page in enumerate(pages)
        for s in surveys[page.name].sections
        if s.heading or s.text
    ]
    data = json.dumps({"pages": shown, "sections": sections}, ensure_ascii=False)
    return f"window.searched = {data};\n"
