"""Hand-outs of small checkouts made here."""

import nbformat
import pytest
from nbformat.v4 import new_output

from hf_tutorial import publish
from hf_tutorial.publish.__main__ import main
from tests.lessons import lesson, put


def solved():
    notebook = lesson("x = ...", "x = 1")
    notebook.cells[2].metadata["tags"] = ["solution"]
    notebook.cells[1].outputs = [new_output("stream", text="not attempted")]
    notebook.cells[0].source += "A hint. Solutions are folded below."
    return notebook


def handed_out(checkout, name):
    return nbformat.read(checkout / "build/handout" / name, as_version=4)


def test_handout_has_no_solutions_and_no_outputs(checkout):
    put(checkout, _01_good=solved())
    assert main(["handout"], checkout) == 0
    written = handed_out(checkout, "01_good.ipynb")
    assert [cell.source for cell in written.cells[1:]] == ["x = ..."]
    assert written.cells[1].outputs == []
    assert written.cells[0].source.endswith("A hint.")


def test_notebook_without_solutions_is_copied_without_outputs_and_named(
    checkout, capsys
):
    own = lesson("1 + 1")
    own.cells[1].outputs = [new_output("stream", text="2")]
    put(checkout, _01_good=solved(), _10_own_data=own)
    assert publish.handout(checkout) == 0
    written = handed_out(checkout, "10_own_data.ipynb")
    assert written.cells[1].source == "1 + 1" and written.cells[1].outputs == []
    said = capsys.readouterr().out
    assert "10_own_data.ipynb has no cell tagged 'solution'" in said
    assert "01_good" not in said


def test_file_that_is_no_notebook_is_named_and_the_others_are_handed_out(
    checkout, capsys
):
    put(checkout, _01_good=solved(), _11_notes="Ask about pads.")
    assert publish.handout(checkout) == 1
    assert "11_notes.ipynb is no notebook" in capsys.readouterr().err
    assert [p.name for p in (checkout / "build/handout").iterdir()] == ["01_good.ipynb"]


def test_place_that_cannot_be_written_is_a_sentence(checkout):
    put(checkout, _01_good=solved())
    (checkout / "build").write_text("mine")
    with pytest.raises(SystemExit, match="build/ cannot be written"):
        publish.handout(checkout)


def test_file_in_the_place_of_the_handouts_is_a_sentence(checkout, capsys):
    put(checkout, _01_good=solved())
    (checkout / "build").mkdir()
    (checkout / "build/handout").write_text("mine")
    assert publish.handout(checkout) == 1
    assert "no hand-outs written to build/handout/" in capsys.readouterr().err
    assert (checkout / "build/handout").read_text() == "mine"
