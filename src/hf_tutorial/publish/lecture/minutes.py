"""How long each slide takes: what the notebook plans, shared out by what there is to read."""

from collections.abc import Iterable

from nbformat import NotebookNode

from hf_tutorial.publish import recording
from hf_tutorial.publish.lecture import prose
from hf_tutorial.publish.lecture.outline import Slide

TO_CHANGE = 10  # seconds, for a slide without anything to read


def allot(slides: list[Slide], notebook: NotebookNode) -> None:
    """Give each slide its seconds, so that they add up to the notebook's minutes; in place.

    Where cells name minutes, these count: for their slide and those after it, up to the next
    that names some. Exercises come on top, and keep their own.

    Raises:
        ValueError: Some cells name minutes, but they do not add up, or the first slides have none.
    """
    for slide in slides:
        slide.seconds = reading(slide)
    lecture = [slide for slide in slides if slide.kind != "exercise"]
    for slide in slides:
        if slide.kind == "exercise":
            slide.seconds = 60 * (_named(slide) or _minutes_to_solve(slide))
    if not lecture:
        return
    planned = notebook.metadata.get("minutes")
    groups: list[tuple[float, list[Slide]]] = []
    for slide in lecture:
        minutes = _named(slide)
        if minutes is not None or not groups:
            groups.append((minutes or 0, []))
        groups[-1][1].append(slide)
    if all(minutes == 0 for minutes, _ in groups):
        groups = [(planned or sum(s.seconds for s in lecture) / 60, lecture)]
    elif groups[0][0] == 0:
        raise ValueError(
            "minutes are named, but not at the first slide: name some there"
        )
    total = sum(minutes for minutes, _ in groups)
    if planned and abs(total - planned) > 0.01:
        raise ValueError(
            f"the minutes of the slides add up to {total:g}, and the opening cell plans {planned}"
        )
    for minutes, group in groups:
        share = 60 * minutes / sum(slide.seconds for slide in group)
        for slide in group:
            slide.seconds *= share


def by_section(slides: list[Slide], *, deeper: bool = False) -> dict[str, float]:
    """Add up minutes below each heading, once `allot` has given the slides their seconds.

    Args:
        slides: Of one notebook; exercises stand under titles of their own.
        deeper: Below the headings of subsections, instead of the sections around them.
    """
    found: dict[str, float] = {}
    for slide in slides:
        if deeper and not slide.above:
            continue
        title = slide.title if deeper else slide.above or slide.title
        found[title] = found.get(title, 0) + slide.seconds / 60
    return found


def total(slides: Iterable[Slide]) -> float:
    """Add up the minutes of slides, exercises included."""
    return sum(slide.seconds for slide in slides) / 60


def _named(slide: Slide) -> float | None:
    named = [r.minutes for r in slide.remarks if r.minutes is not None]
    return sum(named) if named else None


def reading(slide: Slide) -> float:
    """Say how many seconds a slide takes, read aloud as `make record` reckons."""
    said = prose.words(" ".join([slide.title, *slide.before, *slide.after]))
    seconds = TO_CHANGE + 60 * said / recording.WORDS_PER_MINUTE
    for turn in slide.turns:
        seconds += sum(
            60 * prose.words(b.text) / recording.WORDS_PER_MINUTE for b in turn.blocks
        )
        if turn.cell is not None:
            lines = sum(bool(line.strip()) for line in turn.cell.source.splitlines())
            outputs = turn.cell.get("outputs", [])
            figures = sum("image/png" in o.get("data", {}) for o in outputs)
            seconds += recording.SECONDS_PER_LINE * lines
            seconds += recording.SECONDS_PER_OUTPUT * bool(outputs)
            seconds += recording.SECONDS_PER_FIGURE * figures
    return seconds


def _minutes_to_solve(slide: Slide) -> int:
    """Reckon three minutes to think, and one for three lines of the solution; ten at most."""
    lines = len(slide.solution.source.splitlines()) if slide.solution else 0
    return min(10, 3 + lines // 3)
