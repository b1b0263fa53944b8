"""Marks: what students hand back is run apart and asked by our checks, into build/marks/.

python -m hf_tutorial.marks FOLDER   # or a zip file; `--help` lists the limits

`submissions` finds what was handed back, `exercises` the answers in it, `running` and `alone` run
it behind `walls`, `judging` asks our checks in its kernel, `verdicts` and `table` say what came out.
"""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["mark"]


def mark(place: Path, root: Path | None = None, **how) -> int:
    """Mark all that was handed back, into build/marks/.

    Args:
        place: A folder or a zip file of submissions; it is only read.
        root: The checkout with the notebooks that were handed out; by default this one.
        how: As for `running.run_all`: `limits`, `at_once`, `raised`.

    Returns:
        The exit status: 0 also where submissions fail; 1 when nothing could be marked, the
        table not be written, or a file of this checkout changed meanwhile. Where nothing was
        handed back, the last table stays.
    """
    from hf_tutorial import collection
    from hf_tutorial.marks import exercises, running, submissions, table, walls
    from hf_tutorial.publish.writing import ensure_writable, replacing

    root = collection.ROOT if root is None else root
    ensure_writable(root / "build")
    try:
        found, unread = submissions.collect(place)
        if not found and not unread:
            raise ValueError(
                f"{place} holds no notebook: nothing is marked, build/marks/ stays as it was"
            )
        lessons = exercises.ours(root / "notebooks")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    raised = how.setdefault("raised", walls.possible())
    limits = how.setdefault("limits", running.Limits())
    before = running.stamps_of_checkout(root)
    count = len(found)
    print(f"{count} notebook{'s' * (count != 1)} handed back, {len(unread)} other")
    records = running.run_all(found, lessons, root=root, done=_say, **how)
    after = running.stamps_of_checkout(root)
    harmed = sorted(n for n in before | after if before.get(n) != after.get(n))
    made, lost = table.rows(records, lessons), table.failed(records, unread)
    try:
        with replacing(root / "build" / "marks") as folder:
            table.write_csv(folder / "marks.csv", made, lost)
            text = table.page(
                made, lost, lessons, raised=raised, limits=limits, harmed=harmed[:20]
            )
            (folder / "index.html").write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"no marks written to build/marks/: {error}", file=sys.stderr)
        return 1
    for student, file, reason in lost:
        print(f"not marked: {student} ({file}): {reason}")
    if harmed:
        shown = ", ".join(harmed[:5])
        print(f"files of this checkout changed meanwhile: {shown}", file=sys.stderr)
    print("marks: build/marks/index.html and marks.csv")
    return int(bool(harmed) or not made)


def _say(record) -> None:
    """Print a line for a submission that is done."""
    what = record.refused or record.over or "run"
    if record.plan and not (record.events or record.over):
        what = "nothing answered"
    print(f"{record.seconds:5.0f} s  {record.submission.file}: {what}", flush=True)
