"""Hand-outs of small checkouts made here."""

import ast
import re

import nbformat
import pytest
from nbformat.v4 import new_output

from hf_tutorial import publish
from hf_tutorial.publish.__main__ import main
from tests import guards
from tests.lessons import lesson, put


def solved():
    notebook = lesson("x = ...", "x = 1")
    notebook.cells[2].metadata["tags"] = ["solution"]
    notebook.cells[1].outputs = [new_output("stream", text="not attempted")]
    notebook.cells[0].source += "A hint. Solutions are folded below."
    return notebook


def handed_out(checkout, name, kind="handout"):
    return nbformat.read(checkout / "build" / kind / name, as_version=4)


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


def test_fault_of_a_speakers_note_is_told_with_the_name_of_the_notebook(
    checkout, capsys
):
    bad = solved()
    bad.cells[0].metadata["lecture"] = {"minutes": 0}
    put(checkout, _01_bad=bad, _02_good=solved())
    assert publish.handout(checkout) == 1
    said = capsys.readouterr().err
    assert re.search(r"^01_bad.ipynb: metadata.lecture of cell .* minutes are 0", said)
    assert handed_out(checkout, "02_good.ipynb")


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


def test_students_copy_runs_top_to_bottom_and_so_does_the_instructors(checkout):
    notebook = lesson("x = ...", "x = 1", "x")
    notebook.cells[1].metadata["tags"] = ["exercise"]
    notebook.cells[2].metadata["tags"] = ["solution"]
    put(checkout, _01_good=notebook)
    assert publish.handout(checkout) == 0
    paths = [
        checkout / "build" / kind / "01_good.ipynb"
        for kind in ("handout", "instructor")
    ]
    students, instructors = publish.execute(paths)
    assert not students.failure and not instructors.failure
    shown = [e.code[-1].outputs[0].data["text/plain"] for e in (students, instructors)]
    assert shown == ["Ellipsis", "1"]


def test_instructors_copy_has_open_solutions_outputs_and_notes(checkout):
    notebook = solved()
    folded = notebook.cells[2].metadata
    folded.update(
        collapsed=True, jupyter={"source_hidden": True, "outputs_hidden": True}
    )
    notebook.cells[1].metadata["lecture"] = {"ask": "How many?", "minutes": 4}
    put(checkout, _01_good=notebook)
    assert publish.handout(checkout) == 0
    opened = handed_out(checkout, "01_good.ipynb", "instructor")
    nbformat.validate(opened)
    assert [c.cell_type for c in opened.cells] == [
        "markdown",
        "markdown",
        "code",
        "code",
    ]
    assert opened.cells[1].source == "> **Ask:** How many?\n>\n> *4 minutes*"
    assert opened.cells[2].outputs[0].text == "not attempted"
    assert opened.cells[3].source == "x = 1"
    assert set(opened.cells[3].metadata) == {"tags"}
    assert opened.cells[0].source.endswith("A hint. Solutions follow.")
    students = handed_out(checkout, "01_good.ipynb")
    assert all("lecture" not in cell.metadata for cell in students.cells)


def bound_in_solutions_alone(notebook):
    """List the names that later cells read and only a solution has bound: they would fail."""
    bound, solved, missing = set(), set(), []
    for cell in guards.code(notebook):
        reads, binds = names_of(cell.source)
        if "solution" in guards.tags(cell):
            solved |= binds - bound
        else:
            missing += sorted((reads & solved) - bound - binds)
            bound |= binds
    return missing


def names_of(source):
    found = list(ast.walk(ast.parse(source)))
    named = [node for node in found if isinstance(node, ast.Name)]
    binds = {node.id for node in named if isinstance(node.ctx, ast.Store)}
    kinds = (ast.FunctionDef, ast.ClassDef)
    binds |= {node.name for node in found if isinstance(node, kinds)}
    for node in found:
        if isinstance(node, ast.Import | ast.ImportFrom):
            binds |= {(a.asname or a.name).partition(".")[0] for a in node.names}
    return {n.id for n in named if isinstance(n.ctx, ast.Load)}, binds


@pytest.mark.parametrize("path", guards.ours(), ids=lambda p: p.stem)
def test_no_cell_of_a_hand_out_needs_what_a_solution_bound(path):
    assert bound_in_solutions_alone(guards.read(path)) == []


def test_cell_that_needs_a_solution_is_noticed():
    notebook = lesson("import math", "import struct\ny = 1", "struct.pack('b', y)")
    notebook.cells[2].metadata["tags"] = ["solution"]
    assert bound_in_solutions_alone(notebook) == ["struct", "y"]
