"""Which pages there are, what each is called, and where a link between them leads."""

import html
import re
from dataclasses import dataclass, field, replace
from itertools import chain, count
from pathlib import Path
from urllib.parse import quote, unquote

import nbformat
from nbformat import NotebookNode

from hf_tutorial import collection

# Markdown pages beside those in notebooks/, which are all taken: where one lies, as seen from the
# root of the repository, and what the list of pages calls it. One line adds one.
MORE = {
    "README.md": "Set-up and help",
    "data/README.md": "Data and models",
    ".github/CONTRIBUTING.md": "Contributing",
}
# Files of the repository that a page links to are pages as well, if they are for reading.
READ = {".md", ".py", ".yaml", ".yml", ".toml", ".txt", ".sh", ".j2", ""}
LONG = 500_000  # bytes; longer files are copied as they are
OUTSIDE = re.compile(r"(?:[a-z][a-z0-9+.-]*:|//)", flags=re.I)


@dataclass(frozen=True)
class Page:
    """One page: what it is made of, and what it is called."""

    path: Path  # the notebook's, or the Markdown file's
    notebook: NotebookNode  # Markdown is a notebook of one cell
    label: str  # in the list of pages
    name: str  # of its file

    @property
    def numbered(self) -> bool:
        """Tell notebooks from Markdown."""
        return self.path.suffix == ".ipynb"

    @property
    def number(self) -> str:
        """The two digits of a notebook; nothing for Markdown."""
        return self.path.stem[:2] if self.numbered else ""

    @property
    def href(self) -> str:
        """The page's address, as a link writes it."""
        return quote(self.name)


def of_notebook(path: Path, notebook: NotebookNode) -> Page:
    """Make a page of a notebook; the name of its file stands in for a missing title."""
    title = collection.title(notebook) or path.stem
    return Page(path, notebook, title, f"{path.stem}.html")


def of_sheet(path: Path, label: str | None = None) -> Page:
    """Make a page of a Markdown file, under its heading, or in the list under `label`."""
    text = path.read_text(encoding="utf-8", errors="replace")
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)  # a card's metadata
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    stem = re.sub(r"\W+", "_", label.lower()) if label else path.stem
    title = label or collection.title(notebook) or path.stem
    return Page(path, notebook, title, f"{stem}.html")


def of_source(file: Path, root: Path) -> Page:
    """Make a page of a file of the repository, which is not in the list of pages."""
    place = file.relative_to(root).as_posix()
    name = f"{place.replace('/', '-').strip('.')}.html"
    if file.suffix == ".md":
        return replace(of_sheet(file), name=name)
    text = file.read_text(encoding="utf-8").rstrip("\n")
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    language = {".py": "python", ".yml": "yaml", ".j2": "jinja"}.get(
        file.suffix, file.suffix[1:] or "text"
    )
    source = f"# {file.name}\n\n`{place}`\n\n{fence}{language}\n{text}\n{fence}\n"
    cell = nbformat.v4.new_markdown_cell(source)
    return Page(file, nbformat.v4.new_notebook(cells=[cell]), file.name, name)


def of_folder(folder: Path, root: Path) -> Page:
    """Make a page of a folder of the repository: what lies in it, as a list of names."""
    place = folder.relative_to(root).as_posix()
    there = sorted(
        one.name + "/" * one.is_dir()
        for one in folder.iterdir()
        if not one.name.startswith(".") and one.name != "__pycache__"
    )
    listed = "\n".join(f"- `{name.replace('`', '?')}`" for name in there)
    cell = nbformat.v4.new_markdown_cell(f"# {folder.name}\n\n`{place}`\n\n{listed}\n")
    name = f"{place.replace('/', '-').strip('.')}.html"
    # Links of a page are seen from the folder that its file lies in.
    at = folder / "README.md"
    return Page(at, nbformat.v4.new_notebook(cells=[cell]), folder.name, name)


def apart(page: Page, taken: set[str]) -> Page:
    """Give a page another name where a page before it has its own, and note which it has.

    Of `01_topic.md` beside `01_topic.ipynb` the page is `01_topic.md.html`. Names that differ in
    case alone are one on some machines.
    """
    numbered = (f"{page.path.stem}-{number}.html" for number in count(2))
    names = chain((page.name, f"{page.path.name}.html"), numbered)
    name = next(name for name in names if name.casefold() not in taken)
    taken.add(name.casefold())
    return replace(page, name=name)


def more(root: Path) -> list[Page]:
    """List the pages of `MORE`; what a checkout does not have, it has no page of."""
    return [
        of_sheet(root / name, label)
        for name, label in MORE.items()
        if (root / name).is_file()
    ]


@dataclass
class Links:
    """Where links lead: to a page, to a copy of a file of the repository, or out."""

    pages: list[Page]  # grows by what is linked to
    root: Path
    files: dict[str, Path] = field(default_factory=dict)  # the copies, by their names

    def __post_init__(self):
        """Give each page a name of its own, and keep them by the files they are made of."""
        self.taken = {"index.html"}
        self.pages = [apart(page, self.taken) for page in self.pages]
        self.by_file = {page.path.resolve(): page for page in self.pages}

    def target(self, href: str, page: Page) -> str:
        """Give the address that stands on the page for the one in the source.

        What cannot be found stays as it is; `survey.faults` names it.
        """
        if OUTSIDE.match(href) or href.startswith("#"):
            return href
        name, mark, anchor = html.unescape(href).partition("#")
        file = (page.path.parent / unquote(name)).resolve()
        root = self.root.resolve()
        if (file / "README.md").is_file():  # what one sees of such a folder elsewhere
            file = (file / "README.md").resolve()
        if file in self.by_file:
            return self.by_file[file].href + mark + anchor
        if not file.is_relative_to(root):
            return href
        if file.is_dir() and file != root:
            return self._add(file, of_folder(file, root)).href + mark + anchor
        if not file.is_file():
            return href
        if _readable(file):
            return self._add(file, of_source(file, root)).href + mark + anchor
        copy = f"repository/{file.relative_to(root).as_posix()}"
        self.files[copy] = file
        return quote(copy)

    def _add(self, file: Path, page: Page) -> Page:
        self.by_file[file] = apart(page, self.taken)
        self.pages.append(self.by_file[file])
        return self.by_file[file]

    def image(self, source: str, page: Page) -> Path | None:
        """Find the file of a picture that Markdown shows, if it lies in the repository."""
        if OUTSIDE.match(source):
            return None
        file = (page.path.parent / unquote(source)).resolve()
        inside = file.is_relative_to(self.root.resolve())
        return file if inside and file.is_file() else None


def _readable(file: Path) -> bool:
    if file.suffix not in READ or file.stat().st_size > LONG:
        return False
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True


def slug(heading: str) -> str:
    """Give the anchor that GitHub makes of a heading in Markdown."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
