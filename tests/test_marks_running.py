"""Submissions that break, and some that mean harm, run side by side: each fails alone."""

import copy
import csv
import os
import re
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psutil
import pytest

from hf_tutorial import NOTEBOOKS, marks
from hf_tutorial.marks import exercises, running, submissions, table, walls
from tests.handed_back import COPIED, RIGHT, answered, from_colab, tiny
from tests.lessons import put

LIMITS = running.Limits(seconds=12, memory=1_000_000_000)
HOG = """
import subprocess, sys
eat = "x = bytearray(300_000_000); x[::4096] = b'x' * len(x[::4096]); import time; time.sleep(60)"
for n in range(4):
    subprocess.Popen([sys.executable, "-c", eat])
import time
time.sleep(60)
"""
STAYS = """
import subprocess, sys
stay = "import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep({seconds})"
subprocess.Popen([sys.executable, "-c", stay], start_new_session=True)
"""
HARMS = """
import pathlib, shutil, socket
tried = []
for path in {paths!r}:
    try:
        pathlib.Path(path).write_text("mine")
        tried.append("wrote")
    except OSError:
        pass
for file in pathlib.Path("../src/hf_tutorial/checks").glob("*.py"):
    file.write_text("raise SystemExit")
shutil.rmtree("../notebooks", ignore_errors=True)
for reach in (socket.create_connection, socket.socket().connect):
    try:
        reach(("192.0.2.1", 80))  # an address that nobody has
        tried.append("reached")
    except TimeoutError:
        tried.append("waited")
    except OSError:
        pass
assert not tried, tried
"""
BENDS = """
from types import SimpleNamespace
from hf_tutorial import checks as real
from hf_tutorial.checks import verdicts
verdicts.again = verdicts.correct
real.windows = lambda n: verdicts.Verdict("correct", "as I say")
checks = SimpleNamespace(windows=real.windows)
"""


def handed_back(place, root, seconds):
    """Write a submission of each kind; what stays behind can be told by how long it sleeps."""
    outside = [str(root / "notebooks/01_tiny.ipynb"), str(root / "data/x.csv")]
    mixed = answered(RIGHT[0], "size = 28\nchecks.gigabytes(size)", "nights")
    harms = "from hf_tutorial import checks\n" + HARMS.format(paths=outside)
    harms += STAYS.format(seconds=seconds)
    kinds = {
        "mixed": from_colab(mixed),
        "waits": answered("import time\nwhile True:\n    time.sleep(0.1)", "while True:\n    print('x' * 9_999)", RIGHT[2], first="from hf_tutorial import checks"),
        "greedy": answered(
            "x = bytes(9_000_000_000)", "import os\nos.kill(os.getpid(), 9)", RIGHT[2]
        ),
        "family": answered(HOG, RIGHT[1]),
        "harms": answered(COPIED, RIGHT[1], first=harms),
        "bends": answered("checks.windows(5)", first=BENDS),
        "untouched": answered(),
        "quiet": answered(
            f"import os, sys\nsys.stdout = open(os.devnull, 'w')\n{RIGHT[0]}", *RIGHT[1:]
        ),
        "slipped": answered(RIGHT[0].removesuffix(")"), RIGHT[1]),
    }  # fmt: skip
    kinds["harms"].cells += [
        tiny().cells[n] for n in (7, 10)
    ]  # our solutions, at the end
    place.mkdir()
    for name, notebook in kinds.items():
        nbformat.write(notebook, place / f"{name}.ipynb")
    (place / "text.ipynb").write_text("Dear teacher")
    (place / "other.ipynb").write_text('{"nbformat": 4, "cells": 3}')
    return place


def marked(root, place, **how):
    clock = time.monotonic()
    status = marks.mark(place, root, limits=LIMITS, at_once=3, **how)
    with (root / "build/marks/marks.csv").open(
        encoding="utf-8-sig", newline=""
    ) as file:
        lines = list(csv.DictReader(file))
    by_student = {}
    for line in lines:
        named = {key.replace(" ", "_"): value for key, value in line.items()}
        by_student.setdefault(line["student"], []).append(SimpleNamespace(**named))
    page = (root / "build/marks/index.html").read_text(encoding="utf-8")
    return SimpleNamespace(
        table=by_student, page=page, status=status, seconds=time.monotonic() - clock
    )


def made(folder):
    (folder / "notebooks").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "data/x.csv").write_text("1")
    put(folder, _01_tiny=tiny())
    return folder


@pytest.fixture(scope="module")
def all_kinds(tmp_path_factory):
    root = made(tmp_path_factory.mktemp("marks"))
    place = handed_back(root / "handed back, week 1", root, 7_919)
    done = marked(root, place)
    return SimpleNamespace(root=root, **vars(done))


def verdicts(all_kinds, student):
    return [mark.verdict for mark in all_kinds.table[student]]


def still_there(seconds):
    return [p for p in psutil.process_iter(["cmdline"])
            if f"time.sleep({seconds})" in " ".join(p.info["cmdline"] or ())]  # fmt: skip


def test_right_wrong_and_raised_are_told_apart_also_from_colab(all_kinds):
    first, second, third = all_kinds.table["mixed"]
    assert (first.verdict, first.hints) == ("right", "")
    assert second.verdict == "wrong" and second.last_said.startswith(
        "that is the parameters"
    )
    assert third.verdict == "raised" and third.raised.startswith("NameError")
    assert "taken out" in third.checks_changed


def test_output_that_was_replaced_costs_no_answer(all_kinds):
    assert verdicts(all_kinds, "quiet") == ["right"] * 3


def test_slip_in_the_cell_that_imports_the_checks_costs_no_other_answer(all_kinds):
    first, second, third = all_kinds.table["slipped"]
    assert first.verdict == "raised" and first.raised.startswith("SyntaxError")
    assert (second.verdict, second.raised, second.checks_changed) == ("right", "", "")
    assert third.verdict == "untouched"


def test_solutions_that_came_with_the_notebook_do_not_count(all_kinds):
    first, second, third = all_kinds.table["harms"]
    assert "the same code as our solution" in first.notes
    assert "our solution" not in second.notes and third.verdict == "untouched"


def test_loop_and_flood_end_alone_and_what_follows_is_still_judged(all_kinds):
    first, second, third = all_kinds.table["waits"]
    assert first.raised == "stopped: no answer within 6 s"
    assert second.raised == "TooMuchPrinted: over 1,000,000 letters"
    assert third.verdict == "right"


def test_too_much_memory_is_an_error_and_a_dead_kernel_ends_what_follows(all_kinds):
    first, second, third = all_kinds.table["greedy"]
    assert first.raised.startswith("MemoryError")
    assert second.verdict == "raised" and "kernel was ended" in second.raised
    assert third.verdict == "not reached"


def test_family_of_processes_that_takes_too_much_together_is_stopped(all_kinds):
    first, second, _ = all_kinds.table["family"]
    assert first.raised == "stopped: over 1 GB of memory"
    assert second.verdict == "not reached"
    assert still_there(60) == []


def test_nothing_outlives_its_submission(all_kinds):
    assert verdicts(all_kinds, "harms")[0] == "right"
    assert still_there(7_919) == []


def test_checkout_is_unharmed_and_what_happened_to_the_copy_is_told(all_kinds):
    first, second, _ = all_kinds.table["harms"]
    assert first.verdict == second.verdict == "right"
    assert "AssertionError" not in first.notes, (
        "it wrote to the checkout or reached the network"
    )
    assert "src/hf_tutorial/checks" in first.notes
    assert all_kinds.status == 0 and (all_kinds.root / "data/x.csv").read_text() == "1"


def test_checks_that_were_replaced_have_no_say_and_are_named(all_kinds):
    (first, *_) = all_kinds.table["bends"]
    assert first.verdict == "wrong" and first.last_said.startswith(
        "that is without overlap"
    )
    for changed in ("the name checks", "checks.windows", "checks.verdicts.again"):
        assert f"{changed} was replaced" in first.checks_changed


def test_what_is_no_notebook_is_named_and_what_is_untouched_is_not_run(all_kinds):
    assert all_kinds.table["text"][0].last_said.startswith("text.ipynb is no notebook")
    assert all_kinds.table["other"][0].last_said.startswith("other.ipynb is a damaged")
    assert verdicts(all_kinds, "untouched") == ["untouched"] * 3


def test_nothing_is_left_in_the_temporary_folder(all_kinds, tmp_path_factory):
    import tempfile

    left = [p for p in Path(tempfile.gettempdir()).glob("marks-*")
            if (p / "job.json").exists() and str(all_kinds.root) in (p / "job.json").read_text()]  # fmt: skip
    assert left == []


def test_page_has_all_students_and_says_what_was_in_force(all_kinds):
    for student in all_kinds.table:
        assert f">{student}<" in all_kinds.page
    for wall, (here, instead) in table.WORDS.items():
        assert (here if wall in walls.possible() else instead) in all_kinds.page


def test_without_walls_a_copy_a_guard_and_a_search_do_what_they_can(tmp_path):
    root = made(tmp_path / "checkout")
    place = handed_back(root / "handed", root, 7_927)
    for path in place.iterdir():
        if path.stem != "harms":
            path.unlink()
    done = marked(root, place, raised=frozenset())
    assert done.status == 0 and done.table["harms"][0].verdict == "right"
    assert "AssertionError" not in done.table["harms"][0].notes
    assert still_there(7_927) == []
    assert "Python refused every other machine" in done.page


def test_harm_that_got_past_the_guard_is_told(tmp_path, capsys):
    root = made(tmp_path / "checkout")
    (root / "handed").mkdir()
    shell = f"import os\nos.system('echo 2 > {root}/data/x.csv')"
    nbformat.write(answered(RIGHT[0], first=shell), root / "handed/a.ipynb")
    assert marked(root, root / "handed", raised=frozenset()).status == 1
    assert "data/x.csv" in capsys.readouterr().err
    shutil.copy(root / "build/marks/index.html", tmp_path)
    assert "git restore" in (tmp_path / "index.html").read_text()


def test_interrupted_marking_ends_what_runs_and_begins_nothing_new(tmp_path):
    root = made(tmp_path / "checkout")
    asleep = answered("import time\ntime.sleep(7_933)").cells[3].source
    text = nbformat.writes(answered(asleep)).encode()
    handed = [submissions.Submission("Ann", "a.ipynb", b"none")]
    handed += [submissions.Submission(name, "b.ipynb", text) for name in ("Bo", "Cy")]
    ended = []

    def done(record):
        ended.append(record)
        if record.submission.student == "Ann":
            raise KeyboardInterrupt

    clock = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        running.run_all(
            handed, exercises.ours(root / "notebooks"), root=root, at_once=2, done=done
        )
    assert time.monotonic() - clock < 60
    assert [r.over for r in ended if r.submission.student == "Bo"] == ["interrupted"]
    assert not any(r.submission.student == "Cy" and r.plan for r in ended)


@pytest.mark.skipif("DRILL" not in os.environ, reason="a minute: `make drill`")
def test_notebook_of_ours_is_marked_with_right_wrong_and_no_answers(tmp_path):
    ours = nbformat.read(NOTEBOOKS / "01_tokenization.ipynb", as_version=4)
    right = copy.deepcopy(ours)
    for cell in right.cells:  # a student's own cells, below the starters
        if "solution" in cell.metadata.get("tags", []):
            cell.id, cell.metadata = f"own-{cell.id}"[:60], {}
            cell.source = re.sub(r"\s*# Solution 1\.\d", "", cell.source).strip()
    wrong = copy.deepcopy(ours)
    for cell in wrong.cells:
        if cell.source == "checks.windows(...)":
            cell.source = "checks.windows(5)"
    for name, notebook in {"right": right, "wrong": wrong, "none": ours}.items():
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    lessons = exercises.ours()
    records = running.run_all(submissions.collect(tmp_path)[0], lessons)
    found = {r.submission.student: given for r, given in table.rows(records, lessons)}
    assert [m.verdict for m in found["right"]] == ["right"] * 4
    assert [m.verdict for m in found["none"]] == ["untouched"] * 4
    assert [m.verdict for m in found["wrong"]] == [
        "untouched",
        "untouched",
        "wrong",
        "untouched",
    ]
    assert all(not m.checks for given in found.values() for m in given)
    assert all(not table.cells_that_raised(record) for record in records)


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_each_wall_is_tried_before_it_is_promised(monkeypatch):
    found = walls.possible()
    assert found <= set(walls.ALL)
    monkeypatch.setattr(walls, "__file__", "/nowhere.py")
    assert walls.possible() == frozenset()
