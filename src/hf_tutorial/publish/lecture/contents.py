"""The page that lists the decks: the notebooks with their parts and minutes, the lectures, the keys."""

from __future__ import annotations

import html
import importlib.resources
from urllib.parse import quote

from hf_tutorial.publish.lecture import minutes, plans
from hf_tutorial.publish.lecture.outline import Slide

PAPER = (
    "Write <code>?print-pdf</code> behind a deck's address, or <code>?print-pdf&amp;notes</code> "
    "for the speaker's notes after each slide, and print."
)
KEYS = {
    "→": "the next step or slide",
    "S": "the speaker's view, in a window of its own: notes, minutes, the next slide. "
    "Its <em>Layout</em>, <em>Tall</em> or <em>Notes only</em>, gives notes more room; "
    "a click on the time sets it to 0",
    "A": "an exercise's solution: show, go on, hide",
    "T": "an exercise's timer: start, stop",
    "O": "all slides at once",
    "G": "go to a slide: its number, or a word on it, then Enter",
    "F": "the whole screen",
    "?": "all keys",
}


def page(name: str, notebooks: list, lectures: list) -> str:
    """Write the page that leads to all decks.

    Args:
        name: That of the collection.
        notebooks: A `decks.Show` of each notebook.
        lectures: A `decks.Show` of each plan.
    """
    rows = "".join(
        f'<li value="{int(show.name[:2])}">{_entry(show)}'
        f"<br>{html.escape(show.question)}{_parts(show.slides)}</li>"
        for show in notebooks
    )
    planned = "".join(
        f"<li>{_entry(show)} · {show.minutes:g} minutes</li>" for show in lectures
    )
    keys = "".join(f"<li><kbd>{key}</kbd> {what}</li>" for key, what in KEYS.items())
    style = (importlib.resources.files("hf_tutorial") / "page" / "style.css").read_text(
        "utf-8"
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Slides: {name}</title><style>{style}</style>"
        f"<main><h1>{name}: slides</h1><ol class='index'>{rows}</ol>"
        + (f"<h2>Planned lectures</h2><ul>{planned}</ul>" if planned else "")
        + f"<h2>Keys</h2><ul>{keys}</ul><h2>Paper</h2><p>{PAPER}</p></main>"
    )


def parts(slides: list[Slide]) -> list[tuple[str, float]]:
    """List what a plan can name in a notebook, as it names it, each with its minutes.

    A section's minutes hold those of the subsections below it, which follow it.
    """
    lecture = [slide for slide in slides if slide.kind != "exercise"]
    below = minutes.by_section(lecture, deeper=True)
    around = {slide.title: slide.above for slide in lecture if slide.above}
    end, found = 0.0, []
    for number, (title, taken) in enumerate(minutes.by_section(lecture).items()):
        if title in plans.END:
            end += taken
            continue
        found.append(("the opening" if number == 0 else f"*{title}*", taken))
        found += [(f"*{t}*", m) for t, m in below.items() if around[t] == title]
    exercises = [
        ("exercise " + plans.NUMBER.search(slide.title)[0], slide.seconds / 60)
        for slide in slides
        if slide.kind == "exercise" and plans.NUMBER.search(slide.title)
    ]
    return [*found, *([("the end", end)] if end else []), *exercises]


def _parts(slides: list[Slide]) -> str:
    rows = "".join(
        f"<tr><td><code>{html.escape(part)}</code></td><td>{taken:.1f}</td></tr>"
        for part, taken in parts(slides)
    )
    return (
        f"<details><summary>Parts and minutes</summary><table>{rows}</table></details>"
    )


def _entry(show) -> str:
    link = f'<a href="{quote(show.name)}">{html.escape(show.title)}</a>'
    return f"{link} · {len(show.slides)} slides"
