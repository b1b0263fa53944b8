"""What is found in what students hand back, and what becomes of it; nothing is run here."""

import csv
import errno
import functools
import io
import os
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from ipykernel.iostream import OutStream
from nbformat.v4 import new_code_cell

from hf_tutorial import collection, marks
from hf_tutorial.marks import exercises, judging, running, submissions, table, verdicts
from hf_tutorial.marks.__main__ import main
from tests import guards, handed_back
from tests.handed_back import RIGHT, SOLUTIONS, STARTERS, answered, from_colab, tiny
from tests.lessons import put

OURS = functools.cache(exercises.ours)


@pytest.fixture
def lesson(checkout):
    put(checkout, _01_tiny=tiny())
    (found,) = exercises.ours(checkout / "notebooks")
    return found


def planned(notebook, lesson):
    text = nbformat.writes(notebook)
    return exercises.plan(collection.parse(text, "x.ipynb"), lesson)


def content(notebook=None):
    return nbformat.writes(notebook or answered()).encode()


def zipped(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, held in members.items():
            archive.writestr(name, held)
    return packed.getvalue()


def students(place):
    found, left = submissions.collect(place)
    return [s.student for s in found], {u.file: u.reason for u in left}


def test_student_is_named_by_the_folder_the_file_or_the_platform(tmp_path):
    for name in (
        "Müller, Anna/week 1/01_tokenization (1).ipynb",
        "repo-of-bo/notebooks/01_tokenization.ipynb",
        "Ciara O'Neill.ipynb",
        "Dan_12345_assignsubmission_file/01.ipynb",
        "Eve Xu_12346_assignsubmission_file_01 answers.ipynb",
        "fongfinn_LATE_5512_88123_01_tokenization-1.ipynb",
        "Week 1_ggreen_attempt_2026-11-27-10-12-33_01.ipynb",
        "Hal.ipynb.txt",
        "hw_2026_11_27.ipynb",
        "week_01_03_attention.ipynb",
        "week_20261127_101233_attention.ipynb",
        "jonesian_123_456_01.ipynb",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content())
    assert sorted(students(tmp_path)[0]) == sorted(
        ["Müller, Anna", "repo-of-bo", "Ciara O'Neill", "Dan", "Eve Xu", "fongfinn", "ggreen",
         "Hal", "hw_2026_11_27", "week_01_03_attention", "week_20261127_101233_attention",
         "jonesian"]
    )  # fmt: skip


def test_date_in_the_name_of_a_file_is_nobody_whose_folder_or_zip_file_it_is_in(
    tmp_path,
):
    inside = {"homework_2026_11_27.ipynb": content(), "week_01_03_x.ipynb": content()}
    (tmp_path / "Anna.zip").write_bytes(zipped(**inside))
    (tmp_path / "class.zip").write_bytes(
        zipped(**{f"Bo/{name}": held for name, held in inside.items()})
    )
    assert students(tmp_path)[0] == ["Anna", "Anna", "class", "class"]
    assert students(tmp_path / "class.zip")[0] == ["Bo", "Bo"]


def test_zip_files_are_read_where_they_lie(tmp_path):
    members = {
        "a/01.ipynb": content(),
        "__MACOSX/a/._01.ipynb": b"x",
        "a/why.pdf": b"x",
    }
    (tmp_path / "Anna.zip").write_bytes(zipped(**members))
    moodle = {
        "Bo Li_1_assignsubmission_file/01.ipynb": content(),
        "Cy_2_assignsubmission_file/all.zip": zipped(**{"../../01.ipynb": content()}),
        "Di_3_assignsubmission_file/x.docx": b"x",
    }
    (tmp_path / "moodle.zip").write_bytes(zipped(**moodle))
    found, left = students(tmp_path)
    assert found == ["Anna", "Bo Li", "Cy"]
    assert left == {"moodle.zip/Di_3_assignsubmission_file/x.docx": "no notebook"}
    assert students(tmp_path / "moodle.zip")[0] == ["Bo Li", "Cy"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["Anna.zip", "moodle.zip"]


def test_name_in_a_zip_file_of_macos_is_read_as_what_it_was(tmp_path):
    info = zipfile.ZipInfo("Zoë/01.ipynb".encode().decode("cp437"))
    assert submissions._name(info) != info.filename
    assert submissions._name(info) == "Zoë/01.ipynb"


def test_of_a_whole_repository_the_notebooks_are_read_and_nothing_else(tmp_path):
    for name in ("notebooks/01.ipynb", "build/handout/01.ipynb", "env/lib/nb.ipynb",
                 "notebooks/.ipynb_checkpoints/01.ipynb", ".venv/x.ipynb", "README.md"):  # fmt: skip
        path = tmp_path / "Ann" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content())
    (tmp_path / "Ann/env/pyvenv.cfg").touch()
    found, left = submissions.collect(tmp_path)
    assert [s.file for s in found] == ["Ann/notebooks/01.ipynb"] and left == []


def test_links_pipes_and_other_things_are_named_and_not_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "LARGEST", 9_000)
    outside = tmp_path / "outside.ipynb"
    outside.write_bytes(content())
    place = tmp_path / "handed"
    (place / "Ann").mkdir(parents=True)
    os.symlink(outside, place / "Ann" / "01.ipynb")
    os.symlink(tmp_path, place / "Bo")
    os.mkfifo(place / "pipe.ipynb")
    (place / "large.ipynb").write_bytes(b" " * 9_001)
    (place / "Cy").mkdir()
    (place / "Cy" / "report.docx").write_bytes(b"x")
    (place / "Di.rar").write_bytes(b"x")
    (place / "Ed.zip").write_bytes(b"PK no")
    found, left = students(place)
    assert found == []
    assert left["Ann/01.ipynb"] == left["Bo"] == "a link: links are not followed"
    assert left["pipe.ipynb"] == "no file, but a pipe or a device"
    assert left["large.ipynb"].endswith("are read") and "Cy/report.docx" in left
    assert "only zip files" in left["Di.rar"] and "damaged" in left["Ed.zip"]


@pytest.fixture
def refusing(monkeypatch):
    """Refuse what is called `shut` and the like, which root, who may run this, could read."""
    for place, usual in ((os, os.scandir), (Path, Path.read_bytes), (Path, Path.lstat)):

        def refuse(path, usual=usual):
            name = "unseen" if usual.__name__ == "lstat" else "shut"
            if Path(path).stem == name:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return usual(path)

        monkeypatch.setattr(place, usual.__name__, refuse)


def test_what_may_not_be_read_is_named_and_the_others_are_read(tmp_path, refusing):
    (tmp_path / "Bo.ipynb").write_bytes(content())
    (tmp_path / "shut.zip").write_bytes(zipped(**{"01.ipynb": content()}))
    (tmp_path / "shut.ipynb").write_bytes(content())
    (tmp_path / "unseen.ipynb").write_bytes(content())
    (tmp_path / "Cy/shut").mkdir(parents=True)
    found, left = students(tmp_path)
    assert found == ["Bo"]
    assert left.pop("Cy/shut") == "a folder that cannot be opened"
    assert left == dict.fromkeys(
        ["shut.zip", "shut.ipynb", "unseen.ipynb"], "cannot be read: Permission denied"
    )


@pytest.mark.parametrize("name", ["shut", "shut.zip"])
def test_place_that_may_not_be_read_is_a_sentence(tmp_path, capsys, refusing, name):
    place = tmp_path / name
    place.write_bytes(zipped()) if place.suffix else place.mkdir()
    assert main([str(place)]) == 1
    said = capsys.readouterr().err
    assert f"{name} cannot be read (Permission denied): " in said and "chmod" in said


def test_zip_file_of_a_student_in_that_of_the_class_may_hold_as_much_as_one_in_a_folder(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(submissions, "LARGEST", 9_000)
    inner = zipped(**{f"0{n}.ipynb": b" " * 8_000 for n in range(3)})
    assert len(inner) > 9_000
    (tmp_path / "class.zip").write_bytes(zipped(**{"Ann.zip": inner}))
    found, left = students(tmp_path / "class.zip")
    assert found == ["Ann"] * 3 and left == {}


def test_zip_file_of_a_class_that_holds_too_much_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "LARGEST_ARCHIVE", 20_000_000)
    members = {f"{who}/01.ipynb": b" " * 9_000_000 for who in ("Ann", "Bo", "Cy")}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, held in members.items():
            archive.writestr(name, held)
    (tmp_path / "class.zip").write_bytes(packed.getvalue())
    found, left = students(tmp_path / "class.zip")
    assert found == ["Ann", "Bo"]
    assert left == {
        "Cy/01.ipynb": "with what stands before it more than the 20 MB that are read of one zip"
        " file: unpack it and name the folder"
    }  # fmt: skip


def test_large_member_of_a_zip_file_is_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "LARGEST", 9_000)
    (tmp_path / "Ann.zip").write_bytes(zipped(**{"01.ipynb": b" " * 100_000}))
    assert "are read" in students(tmp_path)[1]["Ann.zip/01.ipynb"]


def test_folder_that_is_not_there_is_a_sentence(tmp_path, capsys, monkeypatch):
    assert main([str(tmp_path / "week1")]) == 1
    assert "week1 is not there" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([""])
    assert "make marks SUBMISSIONS=" in capsys.readouterr().err


def test_empty_folder_is_a_sentence_and_the_last_table_stays(tmp_path, capsys):
    (tmp_path / "build/marks").mkdir(parents=True)
    (tmp_path / "build/marks/marks.csv").write_text("of last week")
    (tmp_path / "week2").mkdir()
    assert marks.mark(tmp_path / "week2", tmp_path) == 1
    assert "holds no notebook: nothing is marked" in capsys.readouterr().err
    assert (tmp_path / "build/marks/marks.csv").read_text() == "of last week"


def test_letters_are_counted_anew_also_where_a_student_replaced_the_output(monkeypatch):
    monkeypatch.setattr(OutStream, "printed", 7, raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    judging.Judge("src", {}).count_anew(None)
    assert OutStream.printed == 0


def test_every_exercise_of_ours_is_found_with_its_solution():
    found = [e for lesson in OURS() for e in lesson.exercises]
    tagged = [c for path in guards.ours() for c in guards.code(guards.read(path))
              if "exercise" in guards.tags(c)]  # fmt: skip
    assert len(found) == len(tagged) >= 33
    assert all(e.solution and e.check in e.solution for e in found)
    assert all(e.title != e.check for e in found)
    assert len({e.check for e in found}) == len({e.number for e in found}) == len(found)


@pytest.mark.parametrize("path", guards.ours(), ids=lambda p: p.stem)
def test_our_notebook_is_recognised_and_untouched_also_from_colab(path):
    notebook, lessons = guards.read(path), OURS()
    for cell in guards.code(notebook):
        cell.outputs = []
    for form in (notebook, from_colab(notebook)):
        read = collection.parse(nbformat.writes(form), "homework.ipynb")
        lesson = exercises.recognise(read, lessons)
        assert lesson.name == path.stem
        plan = exercises.plan(read, lesson)
        found = [attempt.exercise.check for attempt in plan.attempts]
        assert found == [exercise.check for exercise in lesson.exercises]
        assert plan.untouched and not any(attempt.edited for attempt in plan.attempts)


def test_notebook_of_somebody_else_is_not_taken_for_ours(lesson):
    other = nbformat.v4.new_notebook(cells=[new_code_cell("x = 1", id="ex-1")])
    assert exercises.recognise(other, [lesson]) is None


def test_answers_are_found_by_their_check_wherever_they_stand(lesson):
    made = answered(None, "# nothing here")
    made.cells.append(
        new_code_cell("from hf_tutorial.checks import windows as w\nw(7)")
    )
    made.cells.append(
        new_code_cell("import hf_tutorial.checks as c\nprint(c.gigabytes(3))")
    )
    plan = planned(made, lesson)
    asked = [(a.exercise.check, a.cell, a.asks, a.untouched) for a in plan.attempts]
    assert asked == [
        ("windows", 3, ["..."], True),
        ("one_night", 7, ["..."], True),
        ("windows", 8, ["7"], False),
        ("gigabytes", 9, ["3", "size"], False),
    ]


def test_check_that_was_edited_or_taken_out_is_noted_and_ours_is_asked(lesson):
    made = answered("print('correct: yes')", "size = 3\nchecks.gigabytes(112)", "x = 1")
    first, second, third = planned(made, lesson).attempts
    assert "taken out" in first.edited and first.asks == []
    assert second.edited == "checks.gigabytes(size) asks 112 instead"
    assert second.asks == ["112", "size"] and "taken out" in third.edited
    taken = planned(answered(None, "size = 112\n'correct: yes'"), lesson).attempts[1]
    assert "taken out" in taken.edited and taken.asks == ["size"]


def test_exercise_of_ours_may_import_its_check_by_name(checkout):
    ours, student = tiny(), answered()
    for cell in (*ours.cells, *student.cells):
        cell.source = cell.source.replace(
            "size = ...\nchecks.gigabytes", "size = ...\ngb"
        )
    ours.cells[1].source = "from hf_tutorial.checks import gigabytes as gb"
    put(checkout, _01_tiny=ours)
    (lesson,) = exercises.ours(checkout / "notebooks")
    assert [e.check for e in lesson.exercises] == ["windows", "gigabytes", "one_night"]
    assert [a.untouched for a in planned(student, lesson).attempts] == [True] * 3
    by_name = answered(RIGHT[0], "import os\nsize = 112\nchecks.gigabytes(8)")
    _, second, _ = planned(by_name, lesson).attempts
    assert second.asks == ["8", "size"]
    assert second.edited == "checks.gigabytes(size) asks 8 instead"


def test_own_function_with_the_name_of_a_check_is_no_call_of_it(lesson):
    made = answered("def windows(n):\n    return n\n\n\nchecks.windows(windows(7))")
    assert planned(made, lesson).attempts[0].asks == ["windows(7)"]


def test_our_solutions_are_not_answers_and_copies_are_noted(lesson):
    plan = planned(tiny(), lesson)
    assert plan.untouched and [number for number, _ in plan.cells] == [1, 3, 6, 9]
    copied = answered(f"{handed_back.COPIED}  # mine", None, SOLUTIONS[2])
    noted = [a.copied for a in planned(copied, lesson).attempts]
    assert noted == [True, False, False]  # the third is what anybody would write
    assert not planned(answered(RIGHT[0]), lesson).attempts[0].copied
    changed = tiny()
    changed.cells[4].source = "# Solution 1.1\nchecks.windows(5)"
    assert [a.asks for a in planned(changed, lesson).attempts][:2] == [["..."], ["5"]]


def test_magics_and_cells_that_are_no_python_do_not_hinder(lesson):
    plan = planned(answered("!pip list\nchecks.windows(7)", "size = = 3"), lesson)
    assert plan.attempts[0].asks == ["7"]
    assert plan.attempts[1].asks == ["size"] and not plan.attempts[1].untouched


def test_comments_and_quotes_leave_a_starter_untouched(lesson):
    commented = answered(STARTERS[0] + "  # hm", "# later\n" + STARTERS[1])
    assert planned(commented, lesson).untouched


def test_saved_verdicts_are_read(lesson):
    made = handed_back.printed(
        answered(RIGHT[0]), 1, "try again: no\ntry again: nor so"
    )
    assert planned(made, lesson).saved[3] == ["try again: no", "try again: nor so"]


def record(lesson, made, *events, over=""):
    plan = planned(made, lesson)
    job = {
        "attempts": [vars(a) | {"exercise": vars(a.exercise)} for a in plan.attempts]
    }
    job |= {"saved": {str(k): v for k, v in plan.saved.items()}, "meant": []}
    job |= {"lesson": {"name": lesson.name}}
    given = submissions.Submission("=HYPERLINK(1)", "<b>.ipynb", b"")
    return running.Record(given, job, list(events), over)


def ran(cell, raised="", said=()):
    return {"what": "ran", "cell": cell, "raised": raised, "said": list(said)}


def judged(cell, check, outcome="", message="", changed=(), raised=""):
    verdict = outcome and {
        "outcome": outcome,
        "message": message,
        "changed": list(changed),
    }
    return {"what": "judged", "cell": cell, "check": check, "raised": raised,
            "verdict": verdict or None}  # fmt: skip


def test_a_better_answer_counts_and_the_saved_claim_does_not(lesson):
    made = handed_back.printed(answered("checks.windows(5)"), 1, "correct: it is")
    made.cells.append(new_code_cell("checks.windows(7)"))
    wrong, right = ("windows", "try again", "no"), ("windows", "correct", "so")
    events = [ran(3), judged(3, *wrong), ran(8), judged(8, *right)]
    mark = verdicts.marks(record(lesson, made, *events), lesson)[0]
    assert (mark.verdict, mark.said, mark.hints) == ("right", "so", ["no"])
    mark = verdicts.marks(record(lesson, made, *events[:2], ran(8, "E: x")), lesson)[0]
    assert mark.verdict == "raised" and mark.notes == ["its saved output says correct"]


def test_what_was_not_reached_is_told_from_what_was_to_blame(lesson):
    made = answered(RIGHT[0], RIGHT[1], RIGHT[2])
    events = [{"what": "began", "cell": 3}]
    first, second, _ = verdicts.marks(
        record(lesson, made, *events, over="dead"), lesson
    )
    assert (first.verdict, first.said) == ("raised", "dead")
    assert second.verdict == "not reached"
    made.cells = made.cells[:4]
    assert verdicts.marks(record(lesson, made), lesson)[2].verdict == "no such exercise"


def test_names_and_messages_of_students_are_text_in_the_table_and_on_the_page(
    lesson, tmp_path
):
    made = answered("checks.windows(5)")
    hint = "=<script>alert(1)</script>"
    one = record(
        lesson, made, ran(3), judged(3, "windows", "try again", hint, ["checks.x"])
    )
    done = table.rows([one], [lesson])
    table.write_csv(tmp_path / "marks.csv", done, [("Zoë", "x.zip", "damaged")])
    with (tmp_path / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        read = list(csv.DictReader(file))
    assert read[0]["student"] == "'=HYPERLINK(1)" and read[0]["last said"] == f"'{hint}"
    assert read[0]["checks changed"] == "checks.x was replaced"
    assert [r["verdict"] for r in read] == [
        "wrong",
        "untouched",
        "untouched",
        "not marked",
    ]
    page = table.page(done, [("Zoë", "x.zip", "damaged")], [lesson], raised=frozenset(),
                      limits=running.Limits(), harmed=["data/x"])  # fmt: skip
    assert "<script>" not in page and "<b>.ipynb" not in page and "Zoë" in page
    assert "git restore" in page and "Python refused every other machine" in page
