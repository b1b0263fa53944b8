"""From what a run told to one verdict for each exercise."""

from __future__ import annotations

from dataclasses import dataclass, field

from hf_tutorial.marks.exercises import Exercise, Lesson
from hf_tutorial.marks.running import Record

# Where an exercise was answered in several cells, a right one counts, else the last one touched.
RIGHT, WRONG, RAISED, STOPPED, BY_HAND, UNTOUCHED, NONE = (
    "right",
    "wrong",
    "raised",
    "not reached",
    "by hand",
    "untouched",
    "no such exercise",
)
ALL = (RIGHT, WRONG, RAISED, STOPPED, BY_HAND, UNTOUCHED, NONE)


@dataclass
class Mark:
    """What became of one exercise in one submission."""

    exercise: Exercise
    verdict: str = NONE
    said: str = ""  # the last hint, or what was raised
    hints: list[str] = field(default_factory=list)
    raised: str = ""
    checks: list[str] = field(default_factory=list)  # what was changed about the checks
    notes: list[str] = field(default_factory=list)


def marks(record: Record, lesson: Lesson) -> list[Mark]:
    """Give a mark for each exercise of the lesson that a submission belongs to."""
    return [_mark(record, exercise) for exercise in lesson.exercises]


def _mark(record: Record, exercise: Exercise) -> Mark:
    mark = Mark(exercise)
    attempts = [a for a in record.plan["attempts"] if a["exercise"]["id"] == exercise.id
                and a["exercise"]["check"] == exercise.check]  # fmt: skip
    for attempt in attempts:
        verdict, said = _of_attempt(record, attempt, mark)
        better = mark.verdict in (NONE, UNTOUCHED, BY_HAND)
        if mark.verdict != RIGHT and (verdict != UNTOUCHED or better):
            mark.verdict, mark.said = verdict, said
        if attempt["edited"]:
            mark.checks.append(attempt["edited"])
        if attempt["copied"]:
            mark.notes.append("the same code as our solution")
    if mark.verdict != RIGHT and any(
        line.startswith("correct:")
        for attempt in attempts
        for line in record.plan["saved"].get(str(attempt["cell"]), [])
    ):
        mark.notes.append("its saved output says correct")
    for one in (mark.hints, mark.checks, mark.notes):
        one[:] = dict.fromkeys(one)
    return mark


def _of_attempt(record: Record, attempt: dict, mark: Mark) -> tuple[str, str]:
    number = attempt["cell"]
    for line in record.plan["saved"].get(str(number), []):
        _hint(mark, line)
    if attempt["untouched"]:
        return UNTOUCHED, ""
    here = [event for event in record.events if event.get("cell") == number]
    ran = next((event for event in here if event["what"] == "ran"), None)
    if ran is None:
        # The cell that was running when all ended is to blame; those below were not reached.
        began = any(event["what"] == "began" for event in here)
        mark.raised = record.over if began else mark.raised
        return (RAISED if began else STOPPED), record.over
    for line in ran["said"]:
        _hint(mark, line)
    if ran["raised"]:
        mark.raised = ran["raised"]
        return RAISED, ran["raised"]
    judged = [e for e in here if e["what"] == "judged"
              and e["check"] == attempt["exercise"]["check"]]  # fmt: skip
    return _judged(judged, attempt, record, mark)


def _judged(
    judged: list[dict], attempt: dict, record: Record, mark: Mark
) -> tuple[str, str]:
    if not attempt["asks"]:
        return BY_HAND, "the answer stood in a line that was taken out"
    best = (STOPPED, record.over)
    for event in judged:
        verdict = event["verdict"]
        if verdict is None:
            mark.raised = event["raised"] or "no verdict came back"
            found = (RAISED, mark.raised)
        else:
            mark.checks += [f"{name} was replaced" for name in verdict["changed"]]
            _hint(mark, f"{verdict['outcome']}: {verdict['message']}")
            kind = {"correct": RIGHT, "not attempted": UNTOUCHED}
            found = (kind.get(verdict["outcome"], WRONG), verdict["message"])
        if found[0] == RIGHT:
            mark.raised = ""
            return found
        if best[0] != WRONG or found[0] == WRONG:
            best = found
    return best


def _hint(mark: Mark, line: str) -> None:
    outcome, _, message = line.partition(": ")
    if outcome == "try again":
        mark.hints.append(message)


def cells_that_raised(record: Record) -> list[str]:
    """List the cells outside of exercises that raised, in words."""
    answers = {attempt["cell"] for attempt in record.plan["attempts"]}
    meant = set(record.plan["meant"])
    return [
        f"cell {event['cell'] + 1}: {event['raised']}"
        for event in record.events
        if event["what"] == "ran"
        and event["raised"]
        and event["cell"] not in answers | meant
    ]
