"""Executing, recording and laying out notebooks, on small ones made here."""

import base64
import io
import re
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from hf_tutorial import publish

OPENING = "# A title\n\n**Is it so?**\n\nText.\n\nMinutes: \n"
README = "top\n<!-- notebooks: written by make record -->\nold\n<!-- end of notebooks -->\nend\n"


def lesson(*sources, tags=()):
    cells = [new_code_cell(source) for source in sources]
    for cell in cells:
        cell.metadata["tags"] = list(tags)
    return new_notebook(
        cells=[new_markdown_cell(OPENING), *cells], metadata={"minutes": 5}
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A collection of our own: notebooks/, README.md and build/ in a temporary place."""
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    monkeypatch.setattr(publish, "NOTEBOOKS", notebooks)
    monkeypatch.setattr(publish, "ROOT", tmp_path)
    monkeypatch.setattr(publish, "BUILD", tmp_path / "build")
    found = publish.discover
    monkeypatch.setattr(publish, "discover", lambda folder=notebooks: found(folder))
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    return notebooks


def put(folder, **notebooks):
    for name, notebook in notebooks.items():
        nbformat.write(notebook, folder / f"{name.strip('_')}.ipynb")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_run_goes_on_past_a_failing_notebook_and_names_cell_and_error(folder, capsys):
    put(
        folder,
        _01_bad=lesson("x = 1", "raise KeyError('no such thing')"),
        _02_good=lesson("1 + 1"),
    )
    before = contents(folder)
    assert publish.run() == 1
    said = capsys.readouterr().out
    assert re.search(r"01_bad +2 .*FAILED in cell 2: KeyError: 'no such thing'", said)
    assert re.search(r"02_good +1 .* ok", said)
    assert contents(folder) == before  # notebooks/ is only read
    assert {p.name for p in (publish.BUILD / "pages").iterdir()} == {
        "01_bad.html", "02_good.html", "index.html",
    }  # fmt: skip


def test_run_leaves_executed_copies_and_exits_zero(folder, capsys):
    put(folder, _01_good=lesson("1 + 1"))
    assert publish.run() == 0
    executed = nbformat.read(
        publish.BUILD / "notebooks" / "01_good.ipynb", as_version=4
    )
    assert executed.cells[1].outputs[0].data["text/plain"] == "2"
    assert "peak MB" in capsys.readouterr().out


def test_markdown_beside_the_notebooks_becomes_a_page_that_links_to_pages(folder):
    put(folder, _01_good=lesson("1 + 1"))
    (folder / "words.md").write_text(
        "# Words\n\n[one](01_good.ipynb#A-title), [all](../README.md)\n"
    )
    assert publish.run() == 0
    pages = publish.BUILD / "pages"
    assert 'href="01_good.html#A-title"' in (pages / "words.html").read_text()
    assert 'href="index.html">all</a>' in (pages / "words.html").read_text()
    assert '<a href="words.html">Words</a>' in (pages / "index.html").read_text()


def test_run_measures_seconds_and_memory(folder):
    put(
        folder,
        _01_big=lesson("import time\nx = bytearray(300_000_000)\ntime.sleep(0.5)"),
    )
    (execution,) = publish.execute(publish.discover())
    assert execution.peak_bytes > 300e6
    assert 0.5 < execution.seconds < 60


def waiting(mine, other, seconds):
    """A cell that ends when it meets the other notebook, running at the same time."""
    return (
        f"import pathlib, time\npathlib.Path({mine!r}).touch()\n"
        f"end = time.monotonic() + {seconds}\n"
        f"while not pathlib.Path({other!r}).exists():\n"
        "    assert time.monotonic() < end, 'alone'\n    time.sleep(0.05)"
    )


@pytest.mark.parametrize("at_once, seconds, met", [(2, 90, True), (1, 1, False)])
def test_two_notebooks_run_at_a_time(folder, at_once, seconds, met):
    put(
        folder,
        _01_one=lesson(waiting("one", "two", seconds)),
        _02_two=lesson(waiting("two", "one", seconds)),
    )
    first, _ = publish.execute(publish.discover(), at_once=at_once)
    assert (not first.failure) is met


def test_notebook_runs_in_its_own_folder(folder):
    put(folder, _01_where=lesson("from pathlib import Path\nPath.cwd().name"))
    (execution,) = publish.execute(publish.discover())
    assert execution.notebook.cells[1].outputs[0].data["text/plain"] == "'notebooks'"


def test_dead_kernel_is_named(folder):
    put(folder, _01_dead=lesson("import os, time\ntime.sleep(1)\nos._exit(1)"))
    (execution,) = publish.execute(publish.discover())
    assert "cell 1: the kernel died" in execution.failure
    assert execution.peak_bytes > 0


def test_interrupt_stops_every_notebook(folder):
    put(
        folder,
        **{f"_0{n}_long": lesson("import time\ntime.sleep(60)") for n in (1, 2, 3)},
    )
    program = "import sys; from pathlib import Path; from hf_tutorial import publish;"
    program += "publish.execute(publish.discover(Path(sys.argv[1])))"
    running = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stderr=subprocess.PIPE, text=True
    )
    time.sleep(5)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=20)
    assert running.returncode != 0 and "KeyboardInterrupt" in said


def test_endless_cell_is_named(folder, monkeypatch):
    monkeypatch.setattr(publish, "CELL_TIMEOUT", 2)
    put(folder, _01_endless=lesson("x = 1", "while True: pass"))
    (execution,) = publish.execute(publish.discover())
    assert execution.failure == "cell 2: no answer within 2 s"


def test_cell_that_should_raise_and_does_not_is_a_failure(folder):
    put(folder, _01_calm=lesson("x = 1", tags=["raises-exception"]))
    (execution,) = publish.execute(publish.discover())
    assert execution.failure == "cell 1: tagged raises-exception, but raised nothing"


def test_record_saves_outputs_minutes_and_the_table(folder, tmp_path):
    put(folder, _01_good=lesson("1 + 1"))
    assert publish.record([]) == 0
    notebook = nbformat.read(folder / "01_good.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[1].outputs[0].data["text/plain"] == "2"
    assert notebook.metadata["minutes"] == 5
    assert (
        "Minutes: 5, exercises apart; all cells run in about"
        in notebook.cells[0].source
    )
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| 01 | [A title](notebooks/01_good.ipynb) | Is it so? | 5 |" in readme
    assert "old" not in readme and readme.startswith("top") and readme.endswith("end\n")


def test_recording_twice_changes_nothing_more(folder):
    put(folder, _01_good=lesson("1 + 1"))
    publish.record([])
    first = contents(folder)
    publish.record([])
    assert contents(folder) == first


def test_record_refuses_all_when_one_fails(folder, tmp_path, capsys):
    put(folder, _01_good=lesson("1 + 1"), _02_bad=lesson("1 / 0"))
    before = contents(folder)
    assert publish.record([]) == 1
    assert contents(folder) == before
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == README
    said = capsys.readouterr()
    assert (
        "FAILED in cell 1: ZeroDivisionError" in said.out
        and "nothing recorded" in said.err
    )


@pytest.mark.parametrize(
    "fault", ["no minutes", "no question", "no marks", "no picture"]
)
def test_record_writes_all_or_nothing(folder, tmp_path, fault):
    bad = lesson("1")
    if fault == "no minutes":
        bad.cells[0].source = "# A title\n\n**Is it so?**"
    elif fault == "no question":
        bad.cells[0].source = "# A title\n\nMinutes: "
    elif fault == "no marks":
        (tmp_path / "README.md").write_text("nothing", encoding="utf-8")
    else:
        bad.cells[1].metadata["picture"] = "images/a.png"
    put(folder, _01_good=lesson("1 + 1"), _02_bad=bad)
    before = contents(folder)
    with pytest.raises((ValueError, TypeError)):
        publish.record([])
    assert contents(folder) == before


def test_record_of_a_name_that_nothing_has_is_refused(folder):
    put(folder, _01_one=lesson("1"))
    with pytest.raises(SystemExit, match="no notebook's name begins with 9"):
        publish.record(["9"])


def test_record_bears_a_neighbour_that_was_never_recorded(folder, tmp_path):
    other = lesson("2")
    del other.metadata["minutes"]
    put(folder, _01_one=lesson("1"), _02_other=other)
    assert publish.record(["01"]) == 0
    assert "| Is it so? | ? |" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_record_refuses_outputs_of_other_models(folder, monkeypatch):
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", "hub")
    with pytest.raises(SystemExit, match="only outputs of the bundled models"):
        publish.record([])


def test_record_can_be_told_which(folder):
    put(folder, _01_one=lesson("1"), _02_two=lesson("2"))
    before = contents(folder)["01_one.ipynb"]
    nbformat.write(lesson("3"), folder / "02_two.ipynb")
    publish.record(["02"])
    assert contents(folder)["01_one.ipynb"] == before


def test_recorded_notebook_says_nothing_of_the_machine(folder):
    source = "import sys\nprint('to all')\nprint('to few', file=sys.stderr)"
    put(folder, _01_talks=lesson(source))
    publish.record([])
    notebook = nbformat.read(folder / "01_talks.ipynb", as_version=4)
    assert [output.name for output in notebook.cells[1].outputs] == ["stdout"]
    assert set(notebook.metadata) == {"kernelspec", "language_info", "minutes"}
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
    small = Image.open(
        io.BytesIO(
            base64.b64decode(
                publish._smaller(base64.b64encode(buffer.getvalue()).decode())
            )
        )
    )
    assert small.mode == "P"
    difference = [
        abs(a - b)
        for a, b in zip(
            small.convert("L").tobytes(), ramp.convert("L").tobytes(), strict=True
        )
    ]
    assert max(difference) <= 2


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


def test_handout_has_no_solutions_and_no_outputs(folder):
    put(folder, _01_good=lesson("print(1)"))
    notebook = lesson("x = ...", "x = 1")
    notebook.cells[2].metadata["tags"] = ["solution"]
    notebook.cells[1].outputs = [new_output("stream", text="not attempted")]
    notebook.cells[0].source += "A hint. Solutions are folded below."
    put(folder, _01_good=notebook)
    assert publish.main(["handout"]) == 0
    written = nbformat.read(publish.BUILD / "handout" / "01_good.ipynb", as_version=4)
    assert [cell.source for cell in written.cells[1:]] == ["x = ..."]
    assert written.cells[1].outputs == []
    assert written.cells[0].source.endswith("A hint.")


def test_handout_of_a_notebook_without_solutions_is_refused():
    with pytest.raises(ValueError, match="no cell is tagged 'solution'"):
        publish.without_solutions(lesson("x = 1"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Pages of the saved notebooks, as `make run` lays them out."""
    folder = tmp_path_factory.mktemp("pages")
    notebooks = [(p, nbformat.read(p, as_version=4)) for p in publish.discover()]
    publish.write_pages(notebooks, folder)
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_pages_load_nothing_from_outside(pages):
    for name, page in pages.items():
        loaded = re.findall(
            r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["'](\w+:)""", page
        )
        assert set(loaded) <= {"data:"}, name
        assert "@import" not in page and "<script" not in page, name


def test_pages_have_a_text_for_every_picture(pages):
    found = 0
    for page in pages.values():
        for image in re.findall(r"<img[^>]*>", page):
            found += 1
            assert re.search(r"""alt=(["']).{40,}?\1""", image), image[-80:]
    assert found >= 10


def test_pages_fold_solutions_and_link_to_their_neighbours(pages):
    page = pages["02_model_loading.html"]
    assert page.count("<summary>Solution</summary>") >= 3
    assert (
        'href="01_tokenization.html"' in page
        and 'href="03_attention_visualization.html"' in page
    )
    assert ".ipynb" not in page


def test_index_lists_every_notebook_with_its_question(pages):
    assert 'href="01_tokenization.html">Tokenization' in pages["index.html"]
    assert "How does text become numbers?" in pages["index.html"]


def test_pages_put_words_where_a_widget_would_be(pages):
    assert "Sliders appear here" in pages["03_attention_visualization.html"]
    assert "interactive(children" not in pages["03_attention_visualization.html"]
