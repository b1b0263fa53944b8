"""Decks: each notebook as one HTML file for a lecture hall, with reveal.js inside it."""

import html
import importlib.resources
import importlib.util
import sys
from pathlib import Path
from urllib.parse import quote

import jinja2
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from hf_tutorial import collection
from hf_tutorial.publish.lecture import fitting, minutes, prose
from hf_tutorial.publish.lecture.notes import WORDS
from hf_tutorial.publish.lecture.outline import Slide, at_most, outline
from hf_tutorial.publish.writing import ensure_writable, replacing

WHEEL = "sphinx_revealjs"  # read as a folder, never imported
ASKED = "install --no-deps --require-hashes -r .github/slides.txt"
NAME = "Hugging Face, top to bottom"


def slides(root: Path = collection.ROOT) -> int:
    """Write a deck for each saved notebook to build/slides/, and a page that lists them.

    Nothing is executed: the decks show the saved outputs.

    Returns:
        The exit status: 1 when a notebook could not be read or a deck not written.
    """
    ensure_writable(root / "build")
    faults = []
    try:
        with replacing(root / "build" / "slides") as folder:
            decks = []
            for path in collection.discover(root / "notebooks"):
                try:
                    notebook = collection.read(path)
                    made, count = deck(notebook, path)
                except ValueError as error:
                    faults.append(f"{path.name}: no deck: {error}")
                    continue
                (folder / f"{path.stem}.html").write_text(made, encoding="utf-8")
                decks.append((path, notebook, count))
            (folder / "index.html").write_text(_index(decks), encoding="utf-8")
    except OSError as error:
        print(f"no decks written to build/slides/: {error}", file=sys.stderr)
        return 1
    for path, notebook, count in decks:
        print(
            f"{path.stem:30} {count:3} slides {notebook.metadata.get('minutes', '?'):>4} min"
        )
    print("\n".join(faults), end="\n" if faults else "", file=sys.stderr)
    print("slides: build/slides/index.html")
    return int(bool(faults))


def deck(notebook: NotebookNode, path: Path) -> tuple[str, int]:
    """Make the deck of one notebook.

    Returns:
        A page that asks for nothing outside itself, and the number of its slides.

    Raises:
        ValueError: What the cells' metadata say to the speaker is not as it should be.
        SystemExit: reveal.js is not installed; the message says how it is.
    """
    made = outline(notebook)
    if not made:
        raise ValueError("the notebook has no cells")
    made[0].title = made[0].title or path.stem
    minutes.allot(made, notebook)
    made[0].plan = minutes.by_section(made)
    made = at_most(made)
    assets = importlib.resources.files(__package__) / "deck"
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((assets / "deck.html.j2").read_text("utf-8"))
    style = HtmlFormatter(style="xcode").get_style_defs("pre.code")
    page = template.render(
        title=collection.title(notebook) or path.stem,
        question=collection.question(notebook) or "",
        number=path.stem[:2],
        course=NAME,
        minutes=notebook.metadata.get("minutes"),
        slides=[_laid_out(slide) for slide in made],
        style="\n".join(
            [
                *(_reveal(n) for n in ("reset.css", "reveal.css")),
                style,
                (assets / "deck.css").read_text("utf-8"),
            ]
        ),  # fmt: skip
        scripts=[
            _script(_reveal("reveal.js")),
            _script(_reveal("notes.js")),
            (assets / "deck.js").read_text("utf-8"),
        ],  # fmt: skip
    )
    return page, len(made)


def _laid_out(slide: Slide) -> dict:
    """Give the template what it needs of a slide; all of it HTML."""
    solution = []
    if slide.solution is not None:
        turn = [fitting.code(slide.solution.source)]
        turn += [p for output in slide.solution.get("outputs", [])
                 for p in fitting.pieces_of_output(output, slide.solution)]  # fmt: skip
        solution = fitting.packed(turn)
    return {
        "kind": slide.kind,
        "title": prose.inline(slide.title),
        "above": prose.inline(slide.above) if slide.above else "",
        "length": len(prose.shown(slide.title)),
        "frames": fitting.frames(slide),
        "solution": solution,
        "seconds": round(slide.seconds),
        "notes": notes(slide),
    }


def notes(slide: Slide) -> str:
    """Write what the speaker sees beside a slide: remarks first, then the notebook's prose."""
    minutes_here = slide.seconds / 60
    apart = ", on top of the lecture" if slide.kind == "exercise" else ""
    made = [f"<p><em>{minutes_here:.1f} minutes{apart}</em></p>"]
    for said in slide.remarks:
        for key, word in WORDS.items():
            if text := getattr(said, key):
                made.append(f"<p><strong>{word}:</strong> {prose.inline(text)}</p>")
    if len(slide.plan) > 1:
        rows = "".join(
            f"<li>{spent:.1f} {prose.inline(title)}</li>"
            for title, spent in slide.plan.items()
        )
        made.append(f"<h4>Minutes</h4><ul>{rows}</ul>")
    for heading, texts in (
        ("In the notebook, before", slide.before),
        ("After", slide.after),
    ):
        if texts:
            made.append(f"<h4>{heading}</h4>" + "".join(map(prose.as_html, texts)))
    if slide.solution is not None:
        made.append(f"<h4>Solution</h4><pre>{html.escape(slide.solution.source)}</pre>")
    return "".join(made)


def _reveal(name: str) -> str:
    """Read a file of reveal.js out of the wheel that carries it."""
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        raise SystemExit(
            "reveal.js, which shows the slides, is not installed here: "
            f"`{Path(sys.executable).parent.name}/python -m pip {ASKED}` brings it, or `make`"
        )
    folder = Path(wheel.origin).parent / "_static" / "revealjs"
    place = "plugin/notes" if name == "notes.js" else "dist"
    return (folder / place / name).read_text(encoding="utf-8")


def _script(text: str) -> str:
    """Make a script safe to stand inside a page: it may not name the tag that ends it."""
    return text.replace("</script", "<\\/script").replace("//# sourceMappingURL", "//")


def _index(decks: list[tuple[Path, NotebookNode, int]]) -> str:
    rows = "".join(
        f'<li value="{int(path.stem[:2])}"><a href="{quote(path.stem)}.html">'
        f"{html.escape(collection.title(notebook) or path.stem)}</a>"
        f" · {count} slides<br>{html.escape(collection.question(notebook) or '')}</li>"
        for path, notebook, count in decks
    )
    keys = "".join(f"<li><kbd>{key}</kbd> {what}</li>" for key, what in KEYS.items())
    style = (importlib.resources.files("hf_tutorial") / "page" / "style.css").read_text(
        "utf-8"
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Slides: {NAME}</title><style>{style}</style>"
        f"<main><h1>{NAME}: slides</h1><ol class='index'>{rows}</ol>"
        f"<h2>Keys</h2><ul>{keys}</ul></main>"
    )


KEYS = {
    "→": "the next step or slide",
    "S": "the speaker's view, in a window of its own: notes, minutes, the next slide",
    "A": "an exercise's solution: show, go on, hide",
    "T": "an exercise's timer: start, stop",
    "O": "all slides at once",
    "F": "the whole screen",
    "?": "all keys",
}
