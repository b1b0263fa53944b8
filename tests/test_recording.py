"""Recording outputs, minutes and README's table, in small checkouts made here."""

import base64
import errno
import io
import os
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from hf_tutorial import publish, spoken
from hf_tutorial.publish import recording
from tests.lessons import README, contents, lesson, put


def table_of(checkout):
    return (checkout / "README.md").read_text(encoding="utf-8")


def test_outputs_minutes_and_the_table_are_saved(checkout):
    put(checkout, _01_good=lesson("1 + 1"))
    assert publish.record([], checkout) == 0
    notebook = nbformat.read(checkout / "notebooks/01_good.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[1].outputs[0].data["text/plain"] == "2"
    assert notebook.metadata["minutes"] == 5
    said = "Minutes: 5, exercises apart; all cells run in about"
    assert said in notebook.cells[0].source
    readme = table_of(checkout)
    assert "| 01 | [A title](notebooks/01_good.ipynb) | Is it so? | 5 |" in readme
    assert "old" not in readme and readme.startswith("top") and readme.endswith("end\n")


def test_recording_twice_changes_nothing_more(checkout):
    put(checkout, _01_good=lesson("1 + 1"))
    publish.record([], checkout)
    first = contents(checkout / "notebooks")
    publish.record([], checkout)
    assert contents(checkout / "notebooks") == first


def test_stderr_is_saved_where_it_is_the_lesson_and_names_no_folder(checkout):
    speaks = """import sys, warnings
print("\\x1b[31mred\\x1b[0m", file=sys.stderr)
print(f"{sys.prefix}/lib/python3.11/site-packages/a/b.py:7: DeprecationWarning: old", file=sys.stderr)
warnings.warn("here")
"""
    listened = lesson(speaks, tags=("stderr",))
    put(checkout, _01_heard=listened, _02_unheard=lesson(speaks))
    assert publish.record([], checkout) == 0
    notebook = nbformat.read(checkout / "notebooks/01_heard.ipynb", as_version=4)
    said = "".join(o.text for o in notebook.cells[1].outputs if o.name == "stderr")
    assert said == (
        "red\na/b.py:7: DeprecationWarning: old\n"
        'cell, line 4: UserWarning: here\n  warnings.warn("here")\n'
    )
    unheard = nbformat.read(checkout / "notebooks/02_unheard.ipynb", as_version=4)
    assert unheard.cells[1].outputs == []


@pytest.mark.parametrize(
    "root",
    ["/home/me/env", "/home/Jo Doe/my env", "~/my env (2)", "C:\\Users\\Jo Doe\\env"],
)
@pytest.mark.parametrize(
    "text, said",
    [
        ("{}/ipykernel_71/93.py:4: UserWarning: a", "cell, line 4: UserWarning: a"),
        ("{}/lib/python3.11/site-packages/a/b.py:7: Old: c", "a/b.py:7: Old: c"),
        ("{}\\Lib\\site-packages\\a.py:7: Old", "a.py:7: Old"),
        ('  File "{}/lib/python3.11/a.py", line 7', '  File "a.py", line 7'),
        ("File {}/lib/python3.11/json/a.py:7, in f(b)", "File json/a.py:7, in f(b)"),
        ("is in ({}/dist-packages/a.py)", "is in (a.py)"),
        (
            "{0}/lib/python3.11/a.py:7: see '{0}/lib/python3.11/b.py'",
            "a.py:7: see 'b.py'",
        ),
        ("{0}/data/a.csv\n{0}/site-packages/b.py", "{0}/data/a.csv\nb.py"),
        ("{0}/data: no site-packages/b.py", "{0}/data: no b.py"),
    ],
)
def test_path_is_cut_as_a_whole_whatever_blanks_are_in_it(root, text, said):
    found = spoken.comparable(text.format(root))
    assert found == said.format(root) == spoken.comparable(found)


def test_no_more_than_the_path_is_cut():
    for text, said in (
        ("and/or /usr/lib/python3.11/a.py", "and/or a.py"),
        ("/data/a.csv and /usr/lib/python3.11/a.py", "/data/a.csv and a.py"),
        ("read or/and write: C:/env/site-packages/a.py", "read or/and write: a.py"),
        ("/a.csv in C:\\env\\site-packages\\a.py", "/a.csv in a.py"),
    ):
        assert spoken.comparable(text) == said


@pytest.mark.parametrize("unit", ["x", "/a b", "x "])
def test_long_line_takes_no_quadratic_time(unit):
    begun = time.process_time()
    assert spoken.comparable(unit * 20_000) == unit * 20_000
    assert time.process_time() - begun < 2


def test_rows_of_a_load_report_are_put_in_order():
    head = "Key   | Status  | \n------+---------+-\n"
    one, other = "b.bias   | MISSING | \n", "a.weight | MISSING | \n"
    said = [spoken.comparable(head + rows) for rows in (one + other, other + one)]
    assert said[0] == said[1] == head + other + one == spoken.comparable(said[0])


def test_whole_traceback_is_saved_without_a_folder_of_this_machine(checkout):
    whole = 'get_ipython().run_line_magic("tb", "Plain")'  # %tb, as code that parses
    raises = lesson("import json; json.loads('{')", whole)
    for cell in raises.cells[1:]:
        cell.metadata["tags"] = ["raises-exception"]
    put(checkout, _01_raises=raises)
    assert publish.record([], checkout) == 0
    notebook = nbformat.read(checkout / "notebooks/01_raises.ipynb", as_version=4)
    shown = "\n".join(notebook.cells[2].outputs[0].traceback)
    assert "Cell In[1], line 1" in shown and "File json/decoder.py:" in shown
    assert "self.scan_once(s, idx)" in shown and "ipykernel_" not in shown
    assert "/lib/" not in shown


def test_all_is_refused_when_one_fails(checkout, capsys):
    put(checkout, _01_good=lesson("1 + 1"), _02_bad=lesson("1 / 0"))
    before = contents(checkout / "notebooks")
    assert publish.record([], checkout) == 1
    assert contents(checkout / "notebooks") == before
    assert table_of(checkout) == README
    said = capsys.readouterr()
    assert "FAILED: cell 1: ZeroDivisionError" in said.out
    assert "nothing recorded" in said.err


UNFIT = {
    "no title": ("**Is it so?**\n\nMinutes: ", "the first cell has no title"),
    "no question": ("# A title\n\nMinutes: ", "the first cell has no question"),
    "no minutes": ("# A title\n\n**So?**", "the first cell has no line 'Minutes: '"),
}


@pytest.mark.parametrize("fault", [*UNFIT, "no cells", "code first", "no notebook"])
def test_file_and_rule_are_named_before_anything_is_executed(
    checkout, capsys, monkeypatch, fault
):
    bad = lesson("1")
    if fault in UNFIT:
        bad.cells[0].source, said = UNFIT[fault]
    elif fault == "no cells":
        bad.cells, said = [], "the first cell has no title"
    elif fault == "code first":
        del bad.cells[0]
        bad.cells[0].source, said = "# A title\n1", "the first cell has no title"
    else:
        bad, said = "Ask about pads.", "is no notebook"
    put(checkout, _01_good=lesson("1 + 1"), _02_bad=bad)
    before = contents(checkout / "notebooks")
    monkeypatch.setattr(recording, "execute", lambda *_, **__: pytest.fail("executed"))
    assert publish.record([], checkout) == 1
    lines = capsys.readouterr().err.splitlines()
    assert any("02_bad.ipynb" in line and said in line for line in lines)
    assert lines[-1] == "nothing executed: mend the files named above"
    assert contents(checkout / "notebooks") == before


def test_lost_marks_in_readme_are_named_before_anything_is_executed(
    checkout, monkeypatch
):
    (checkout / "README.md").write_text("nothing", encoding="utf-8")
    put(checkout, _01_good=lesson("1"))
    monkeypatch.setattr(recording, "execute", lambda *_, **__: pytest.fail("executed"))
    with pytest.raises(SystemExit, match="nothing executed: README.md has lost its"):
        publish.record([], checkout)


def test_picture_that_is_not_drawn_is_named_and_nothing_is_written(checkout, capsys):
    bad = lesson("1")
    bad.cells[1].metadata["picture"] = "images/a.png"
    put(checkout, _01_good=lesson("1 + 1"), _02_bad=bad)
    before = contents(checkout / "notebooks")
    assert publish.record([], checkout) == 1
    said = capsys.readouterr().err
    assert "nothing recorded: 02_bad.ipynb: cell" in said and "drew nothing" in said
    assert contents(checkout / "notebooks") == before


@pytest.mark.parametrize("place", ["notebooks", "README.md"])
def test_place_that_cannot_be_written_is_named_before_anything_is_executed(
    checkout, monkeypatch, place
):
    put(checkout, _01_good=lesson("1"))
    shut = checkout / "notebooks" if place == "notebooks" else checkout

    def refuse(dir):
        if Path(dir) == shut:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return io.BytesIO()

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    monkeypatch.setattr(recording, "execute", lambda *_, **__: pytest.fail("executed"))
    with pytest.raises(SystemExit, match=rf"{shut.name}/ .*Read-only file system"):
        publish.record([], checkout)


def test_full_disk_leaves_all_files_as_they_were(checkout, capsys, monkeypatch):
    put(checkout, _01_one=lesson("1"), _02_two=lesson("2"))
    before = contents(checkout / "notebooks")
    write = Path.write_bytes

    def full(path, content):
        if "02_two" in path.name:
            write(path, content[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert publish.record([], checkout) == 1
    said = capsys.readouterr()
    assert "02_two" in said.out and "No space left on device" in said.err
    assert contents(checkout / "notebooks") == before
    assert table_of(checkout) == README


def test_notebook_that_is_a_link_is_recorded_where_it_lies(checkout, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "one.ipynb"
    nbformat.write(lesson("6 * 7"), elsewhere)
    (checkout / "notebooks/01_one.ipynb").symlink_to(elsewhere)
    assert publish.record([], checkout) == 0
    assert (checkout / "notebooks/01_one.ipynb").is_symlink()
    cells = nbformat.read(elsewhere, as_version=4).cells
    assert cells[1].outputs[0].data["text/plain"] == "42"


def test_name_that_nothing_has_is_refused(checkout):
    put(checkout, _01_one=lesson("1"))
    with pytest.raises(SystemExit, match="no notebook's name begins with 9"):
        publish.record(["9"], checkout)


def test_outputs_of_other_models_are_refused(checkout, monkeypatch):
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", "hub")
    with pytest.raises(SystemExit, match="only outputs of the bundled models"):
        publish.record([], checkout)


def test_only_the_notebook_asked_for_is_recorded(checkout):
    put(checkout, _01_one=lesson("1"), _02_two=lesson("2"))
    before = contents(checkout / "notebooks")["01_one.ipynb"]
    put(checkout, _02_two=lesson("3"))
    publish.record(["02"], checkout)
    assert contents(checkout / "notebooks")["01_one.ipynb"] == before


def test_table_bears_neighbours_without_minutes_title_or_question(checkout):
    """And one that is no notebook; `record 01` has nothing to do with them."""
    new, bare = lesson("2"), new_notebook(cells=[])
    del new.metadata["minutes"]
    new.cells[0].source = "# This | that\n\n**Why?**"
    put(checkout, _01_one=lesson("1"), _02_new=new, _11_own=bare, _12_no="x")
    put(checkout, **{"_13_two words": bare})
    assert publish.record(["01"], checkout) == 0
    rows = table_of(checkout).splitlines()[4:-2]
    assert rows == [
        "| 01 | [A title](notebooks/01_one.ipynb) | Is it so? | 5 |",
        r"| 02 | [This \| that](notebooks/02_new.ipynb) | Why? | ? |",
        "| 11 | [11_own](notebooks/11_own.ipynb) |  | ? |",
        "| 13 | [13_two words](notebooks/13_two%20words.ipynb) |  | ? |",
    ]


def test_old_format_is_recorded_as_4_5_with_ids(checkout):
    old = lesson("1 + 1")
    old.nbformat_minor = 2
    for cell in old.cells:
        del cell["id"]
    put(checkout, _01_old=old)
    assert publish.record([], checkout) == 0
    saved = nbformat.read(checkout / "notebooks/01_old.ipynb", nbformat.NO_CONVERT)
    assert (saved.nbformat, saved.nbformat_minor) == (4, 5)
    assert len({cell.id for cell in saved.cells}) == 2
    first = contents(checkout / "notebooks")
    publish.record([], checkout)
    assert contents(checkout / "notebooks") == first


def test_recorded_notebook_says_nothing_of_the_machine(checkout):
    source = "import sys\nprint('to all')\nprint('to few', file=sys.stderr)"
    notebook = lesson(source)
    other = {"name": "conda-env-x-py", "display_name": "x", "language": "python"}
    notebook.metadata["kernelspec"] = other
    put(checkout, _01_talks=notebook)
    publish.record([], checkout)
    notebook = nbformat.read(checkout / "notebooks/01_talks.ipynb", as_version=4)
    assert [output.name for output in notebook.cells[1].outputs] == ["stdout"]
    assert set(notebook.metadata) == {"kernelspec", "language_info", "minutes"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert "execution" not in notebook.cells[1].metadata


def test_normalising_removes_widget_views_and_colours():
    cell = new_code_cell("x", execution_count=1)
    cell.outputs = [
        new_output(
            "display_data",
            data={
                "application/vnd.jupyter.widget-view+json": {},
                "text/plain": "a slider",
            },
        ),
        new_output("error", ename="E", evalue="v", traceback=["\x1b[0;31mred\x1b[0m"]),
    ]
    notebook = publish.normalise(
        new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})
    )
    assert dict(notebook.cells[0].outputs[0].data) == {"text/plain": "a slider"}
    assert notebook.cells[0].outputs[1].traceback == ["red"]
    assert "widgets" not in notebook.metadata


def test_pictures_shrink_and_stay_the_same_to_the_eye():
    ramp = Image.linear_gradient("L").convert("RGB")
    buffer = io.BytesIO()
    ramp.save(buffer, "PNG")
    small = recording._smaller(base64.b64encode(buffer.getvalue()).decode())
    small = Image.open(io.BytesIO(base64.b64decode(small)))
    assert small.mode == "P"
    before, after = ramp.convert("L").tobytes(), small.convert("L").tobytes()
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) <= 2


def test_minutes_grow_with_words_lines_and_figures():
    def minutes(words, lines):
        notebook = lesson("\n".join(["x = 1"] * lines))
        notebook.cells.append(new_markdown_cell("word " * words))
        publish.measure(notebook, seconds=10)
        return notebook.metadata["minutes"]

    assert minutes(0, 1) == 5
    assert minutes(1300, 1) == 10
    assert minutes(1300, 120) == 20


def test_opening_without_a_line_for_minutes_is_refused():
    notebook = new_notebook(cells=[new_markdown_cell("# A title")])
    with pytest.raises(ValueError, match="no line 'Minutes: ...'"):
        publish.measure(notebook, 1)


def test_readme_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="lost its marks"):
        publish.with_table("# A readme", "| a table |")
