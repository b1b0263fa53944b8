"""`make site`, and the pages of `make run`: written by one function, judged by one."""

import copy
import shutil
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from hf_tutorial import collection
from hf_tutorial.publish.handouts import without_solutions
from hf_tutorial.publish.reading import frame, places
from hf_tutorial.publish.reading.bodies import Bodies
from hf_tutorial.publish.reading.places import Page
from hf_tutorial.publish.reading.survey import Survey, faults, survey
from hf_tutorial.publish.writing import ensure_writable, replacing

WHOLE, STUDENTS = "downloads", "downloads/students"


class Broken(Exception):
    """Pages have faults, which the arguments name, a sentence each."""


def site(root: Path = collection.ROOT) -> int:
    """Write the saved notebooks as pages to build/site/; nothing is executed.

    Returns:
        The exit status: 1 when anything is wrong, and then the site is what it was before.
    """
    ensure_writable(root / "build")
    try:
        notebooks = [
            (path, collection.read(path))
            for path in collection.discover(root / "notebooks")
        ]
        with replacing(root / "build" / "site") as folder:
            if said := write_pages(notebooks, folder, root):
                raise Broken(*said)
    except Broken as broken:
        print(*broken.args, sep="\n", file=sys.stderr)
        print(f"no site written: {_counted(len(broken.args))}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"{error}\nno site written: 1 fault", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"no site written to build/site/: {error}", file=sys.stderr)
        return 1
    print("site: build/site/index.html")
    return 0


def _counted(count: int) -> str:
    return "1 fault" if count == 1 else f"{count} faults"


def write_pages(
    notebooks: list[tuple[Path, NotebookNode]], folder: Path, root: Path
) -> list[str]:
    """Write a page for each notebook and each Markdown page, an index, and what search needs.

    Args:
        notebooks: In reading order; the name of the file stands in for a missing title.
        folder: Where to; it exists.
        root: The repository, which links may lead into, and which has Markdown pages.

    Returns:
        What is wrong with the pages, a sentence each: links that lead nowhere, pictures of
        which nobody said what they show, requests. They are written all the same.
    """
    pages = [places.of_notebook(*one) for one in notebooks]
    pages += [places.of_sheet(p) for p in sorted((root / "notebooks").glob("*.md"))]
    pages += places.more(root)
    links = places.Links(pages, root)
    pages = list(links.pages)  # those of the list; it grows meanwhile
    bodies = Bodies(links)
    made = {page.name: bodies.body(page) for page in links.pages}
    surveys = {name: survey(body) for name, body in made.items()}
    frames = frame.Frames(pages)
    for page in links.pages:
        offered = _downloads(page, folder) if page.numbered else {}
        text = frames.page(page, made[page.name], surveys[page.name], offered)
        (folder / page.name).write_text(text, encoding="utf-8")
    for name, file in links.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / name)
    (folder / "search.js").write_text(frame.index(pages, surveys), encoding="utf-8")
    readme = root / "README.md"
    opening = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    home = frames.home(opening, root)
    (folder / "index.html").write_text(home, encoding="utf-8")
    return _faults(links, surveys, home, folder)


def _downloads(page: Page, folder: Path) -> dict[str, str]:
    """Write the copies of a notebook that its page offers; give words to addresses."""
    copies = {"with outputs": (WHOLE, page.notebook)}
    students = copy.deepcopy(page.notebook)
    if without_solutions(students):
        copies["without solutions"] = (STUDENTS, students)
    offered = {}
    for words, (place, notebook) in copies.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / place / page.path.name)
        offered[words] = f"{place}/{places.quote(page.path.name)}"
    return offered


def _faults(
    links: places.Links, surveys: dict[str, Survey], home: str, folder: Path
) -> list[str]:
    found = {"index.html": survey(home), **surveys}
    found["index.html"].loaded.clear()  # our own scripts
    found["index.html"].pictures.clear()  # those of the notebooks
    every = (path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix() for path in every}
    called = {page.name: _called(page.path, links.root) for page in links.pages}
    return [
        f"{called.get(name, name)}: {fault}" for name, fault in faults(found, files)
    ]


def _called(path: Path, root: Path) -> Path:
    """Name a file from the root; one that is a link to elsewhere by the place of the link."""
    for file, folder in ((path, root), (path.resolve(), root.resolve())):
        if file.is_relative_to(folder):
            return file.relative_to(folder)
    return path
