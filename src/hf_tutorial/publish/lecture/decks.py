"""Decks: each notebook as one HTML file for a lecture hall, with reveal.js inside it."""

import html
import importlib.resources
import importlib.util
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import jinja2
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from hf_tutorial import collection
from hf_tutorial.doctor.finding import python
from hf_tutorial.publish.lecture import contents, fitting, minutes, plans, prose
from hf_tutorial.publish.lecture.notes import WORDS
from hf_tutorial.publish.lecture.outline import Slide, at_most, outline
from hf_tutorial.publish.writing import ensure_writable, replacing

WHEEL = "sphinx_revealjs"  # read as a folder, never imported
ASKED = "install --no-deps --require-hashes -r .github/slides.txt"
NAME = "Hugging Face, top to bottom"


def slides(root: Path = collection.ROOT) -> int:
    """Write a deck for each saved notebook and each planned lecture to build/slides/.

    Nothing is executed: the decks show the saved outputs. A page lists them.

    Returns:
        The exit status: 1 when a notebook could not be read or a deck not written.
    """
    ensure_writable(root / "build")
    faults: list[str] = []
    remarks: list[str] = []  # on decks that were made
    try:
        with replacing(root / "build" / "slides") as folder:
            made = _of_notebooks(root, folder, faults)
            lectures = _of_plans(root, folder, made, faults, remarks)
            index = contents.page(NAME, [show for show, _ in made.values()], lectures)
            (folder / "index.html").write_text(index, encoding="utf-8")
    except OSError as error:
        print(f"no decks written to build/slides/: {error}", file=sys.stderr)
        return 1
    for name, (show, notebook) in made.items():
        planned = notebook.metadata.get("minutes", "?")
        print(f"{Path(name).stem:30} {len(show.slides):3} slides {planned:>4} min")
    for show in lectures:
        print(f"{show.title:56} {len(show.slides):3} slides {show.minutes:4g} min")
    for line in [*remarks, *faults]:
        print(line, file=sys.stderr)
    print("slides: build/slides/index.html")
    return int(bool(faults))


@dataclass
class Show:
    """A deck before it is a page."""

    title: str
    name: str  # of its file
    slides: list[Slide]
    question: str = ""
    minutes: float = 0.0


def _of_notebooks(root: Path, folder: Path, faults: list[str]) -> dict:
    made = {}
    for path in collection.discover(root / "notebooks"):
        try:
            notebook = collection.read(path)
            show = prepared(notebook, path)
        except ValueError as error:
            faults.append(f"{path.name}: no deck: {error}")
            continue
        (folder / show.name).write_text(page(show), encoding="utf-8")
        made[path.name] = show, notebook
    return made


def _of_plans(
    root: Path, folder: Path, made: dict, faults: list[str], remarks: list[str]
) -> list[Show]:
    text = root / "notebooks" / plans.NAME
    slides = {name: show.slides for name, (show, _) in made.items()}
    lectures = []
    for plan in plans.read(text.read_text("utf-8")) if text.is_file() else []:
        try:
            show = lecture(plan, {name: show for name, (show, _) in made.items()})
            if show.name == "index.html" or (folder / show.name).exists():
                raise ValueError(
                    f"there is a page of that name, {show.name}: call the plan otherwise"
                )
        except ValueError as error:
            faults.append(f"{plans.NAME}, {plan.heading}: no deck: {error}")
            continue
        (folder / show.name).write_text(page(show), encoding="utf-8")
        lectures.append(show)
        remarks += [f"{plans.NAME}, {one}" for one in plans.wrong(plan, slides)]
    return lectures


def prepared(notebook: NotebookNode, path: Path) -> Show:
    """Put a notebook onto slides, each with its minutes.

    Raises:
        ValueError: What the cells' metadata say to the speaker is not as it should be.
    """
    made = outline(notebook)
    if not made:
        raise ValueError("the notebook has no cells")
    for slide in made:
        slide.folder = path.parent
    first = made[0]
    first.title = first.title or path.stem
    minutes.allot(made, notebook)
    first.plan = minutes.by_section(made)
    first.course = f"{NAME} · {path.stem[:2]}"
    first.question = collection.question(notebook) or ""
    planned = notebook.metadata.get("minutes")
    first.lasts = f"{planned} minutes, exercises apart" if planned else ""
    title = collection.title(notebook) or path.stem
    return Show(title, f"{path.stem}.html", at_most(made), first.question)


def lecture(plan: plans.Plan, shows: dict[str, Show]) -> Show:
    """Put together what a plan names: parts of notebooks, each followed by its exercises.

    Raises:
        ValueError: The plan names a notebook, a part or an exercise that is not there.
    """
    made, missing, spent = [], set(plan.exercises), {}
    for row in plan.rows:
        if row.notebook is None:
            spent[row.parts.replace("`", "")] = row.minutes
            continue
        if row.notebook not in shows:
            raise ValueError(f"there is no deck of {row.notebook}")
        show = shows[row.notebook]
        parts = plans.chosen(show.slides, row.parts)
        unsaid = plans.left_out(plan, row.notebook, show.slides)
        here, taken = minutes.by_section(parts), minutes.total(parts)
        named = f"{row.notebook[:2]} {show.title}"
        spent[named] = spent.get(named, 0) + taken
        if parts and parts[0].kind == "opening":
            lasts = f"{round(2 * taken) / 2:g} minutes, exercises apart"
            parts = [replace(parts[0], plan=here, lasts=lasts), *parts[1:]]
        parts = [
            replace(s, left_out=unsaid) if s.title in plans.SUMS_UP else s
            for s in parts
        ]
        asked = plans.solved(show.slides, sorted(missing))
        missing -= {plans.NUMBER.search(slide.title)[0] for slide in asked}
        made += [*parts, *asked]
    if missing:
        raise ValueError(f"there is no exercise {min(missing)} in its notebooks")
    lasting = plan.together or round(2 * minutes.total(made)) / 2
    name = re.sub(r"\W+", "_", plan.heading.lower()).strip("_")
    first = _title(plan.heading, spent, lasting)
    return Show(plan.heading, f"{name}.html", [first, *made], "", lasting)


def _title(heading: str, spent: dict[str, float], lasting: float) -> Slide:
    """Make the slide that waits for the room: the lecture's name; it takes none of its minutes."""
    first = Slide(heading, "opening", course=NAME, plan=spent)
    first.question = " · ".join(name for name in spent if re.match(r"\d\d ", name))
    first.lasts = f"{lasting:g} minutes, exercises included"
    return first


def deck(notebook: NotebookNode, path: Path) -> tuple[str, int]:
    """Make the deck of one notebook.

    Returns:
        A page that asks for nothing outside itself, and the number of its slides.

    Raises:
        ValueError: What the cells' metadata say to the speaker is not as it should be.
        SystemExit: reveal.js is not installed; the message says how it is.
    """
    show = prepared(notebook, path)
    return page(show), len(show.slides)


def page(show: Show) -> str:
    """Write a deck as a page that asks for nothing outside itself.

    Raises:
        SystemExit: reveal.js is not installed; the message says how it is.
    """
    assets = importlib.resources.files(__package__) / "deck"
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((assets / "deck.html.j2").read_text("utf-8"))
    style = HtmlFormatter(style="xcode").get_style_defs("pre.code")
    return template.render(
        title=show.title,
        slides=[_laid_out(slide) for slide in show.slides],
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


def _laid_out(slide: Slide) -> dict:
    """Give the template what it needs of a slide; all of it HTML."""
    solution = []
    if slide.solution is not None:
        turn = [fitting.code(slide.solution.source)]
        turn += [p for output in slide.solution.get("outputs", [])
                 for p in fitting.pieces_of_output(output, slide.solution)]  # fmt: skip
        solution = fitting.packed(turn)

    def whole(made: str) -> str:
        return prose.with_pictures(made, slide.folder)

    def shown(frames: list[list[fitting.Piece]]) -> list[list[fitting.Piece]]:
        return [[replace(p, html=whole(p.html)) for p in frame] for frame in frames]

    return {
        "kind": slide.kind,
        "course": slide.course,
        "question": slide.question,
        "lasts": slide.lasts,
        "title": whole(prose.inline(slide.title)),
        "above": whole(prose.inline(slide.above)) if slide.above else "",
        "length": len(prose.shown(slide.title)),
        "frames": shown(fitting.frames(slide)),
        "solution": shown(solution),
        "seconds": round(slide.seconds),
        "notes": whole(notes(slide)),
    }


def notes(slide: Slide) -> str:
    """Write what the speaker sees beside a slide: remarks first, then the notebook's prose."""
    minutes_here = slide.seconds / 60
    apart = ", on top of the lecture" if slide.kind == "exercise" else ""
    made = [f"<p><em>{minutes_here:.1f} minutes{apart}</em></p>"]
    if not slide.seconds:
        made = ["<p><em>While the room fills: none of the minutes</em></p>"]
    for said in slide.remarks:
        for key, word in WORDS.items():
            if text := getattr(said, key):
                made.append(f"<p><strong>{word}:</strong> {prose.inline(text)}</p>")
    if slide.left_out:
        listed = ", ".join(
            f"<em>{prose.inline(title)}</em>" for title in slide.left_out
        )
        made.append(
            f"<p><strong>Not in this lecture:</strong> {listed}. "
            "A finding about them is for reading at home.</p>"
        )
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
            f"`{python('-m', 'pip', *ASKED.split())}` brings it, or `make`"
        )
    folder = Path(wheel.origin).parent / "_static" / "revealjs"
    place = "plugin/notes" if name == "notes.js" else "dist"
    return (folder / place / name).read_text(encoding="utf-8")


def _script(text: str) -> str:
    """Make a script safe to stand inside a page: it may not name the tag that ends it."""
    return text.replace("</script", "<\\/script").replace("//# sourceMappingURL", "//")
