"""The first notebooks in Hub mode, on small models; `make test-hub` runs all in full size."""

from dataclasses import replace

import nbformat
import pytest

from hf_tutorial import NOTEBOOKS
from tests import copies, hub_notebooks, measured
from tests.hub_notebooks import HubMode, Outcome

# What loads most, in the least time; `make test-hub` has all.
FIRST = ("00", "01", "02", "04")


def test_first_notebooks_run_in_hub_mode_and_only_cells_that_are_meant_to_raise_do():
    with HubMode("small", fetch=False) as mode:
        failures = {}
        for beginning in FIRST:
            (path,) = NOTEBOOKS.glob(f"{beginning}_*.ipynb")
            failures[beginning] = hub_notebooks.run(path).failures
        asked = {path for _, path, *_ in mode.hub.requests if "/resolve/" in path}
    assert failures == {beginning: [] for beginning in FIRST}
    # They were downloaded from there, and nothing that nobody reads.
    assert any("distilbert-base-cased/resolve" in path for path in asked)
    assert not [path for path in asked if path.endswith((".bin", ".h5", ".onnx"))]


def cell(tags=(), error=None):
    outputs = []
    if error:
        outputs = [
            nbformat.v4.new_output("error", ename=error, evalue="it", traceback=[])
        ]
    return nbformat.v4.new_code_cell(
        "x", metadata={"tags": [*tags]}, outputs=outputs, execution_count=1
    )


@pytest.mark.parametrize(
    ("tags", "raised", "said"),
    [
        ((), None, None),
        ((), "KeyError", "KeyError: it"),
        (("raises-exception",), "KeyError", None),
        (("raises-exception",), None, "should have raised an error, and did not"),
    ],
)
def test_cell_fails_that_ends_otherwise_than_it_was_meant_to(tags, raised, said):
    assert copies.fault(cell(tags), cell(error=raised)) == said


def test_notebook_that_takes_more_than_the_machine_has_fails():
    assert hub_notebooks.too_much(Outcome("05_x", 599, int(5.9e9))) == []
    assert hub_notebooks.too_much(Outcome("05_x", 601, int(6.1e9))) == [
        "601 s: 600 s at most",
        "6.1 GB: 6 GB at most",
    ]


def test_table_of_a_run_takes_the_place_that_readme_keeps_for_it():
    table = hub_notebooks.table([Outcome("00_quick_tour", 61.4, int(2.26e9))])
    assert "| 00 | 61 | 2.3 |" in table
    readme = measured.README.read_text("utf-8")
    new = measured.with_table(readme, "test-hub", table, "2026-11-28", "a machine")
    section = new.partition("## Full-size models")[2].partition("\n## ")[0]
    assert table in section, "where README speaks of it"
    assert new.count("end of test-hub") == 1


@pytest.fixture
def readme(tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "README", tmp_path / "README.md")
    begin, end = "<!-- test-hub: written by make -->", "<!-- end of test-hub -->"
    measured.README.write_text(f"before\n{begin}\nnone yet\n{end}\nafter\n")
    monkeypatch.setenv("README", "1")
    return measured.README


def outcomes_of_all(**changes):
    found = [
        Outcome(name, 60, int(2e9), code=code)
        for name, code in hub_notebooks.digests().items()
    ]
    return [replace(found[0], **changes), *found[1:]]


def test_readme_gets_a_table_when_every_notebook_has_passed(readme, tmp_path, capsys):
    first, *others = outcomes_of_all()
    hub_notebooks.write(hub_notebooks.remembered(others, tmp_path))
    assert "none yet" in readme.read_text() and first.name in capsys.readouterr().out
    hub_notebooks.write(hub_notebooks.remembered([first], tmp_path))
    assert readme.read_text().count("| 60 | 2.0 |") == len([first, *others])


@pytest.mark.parametrize(
    "fault", [{"failures": ["cell 3"]}, {"seconds": 601}, {"code": "of yesterday"}]
)
def test_readme_gets_no_table_while_a_notebook_fails_or_has_changed(
    fault, readme, tmp_path, capsys
):
    found = outcomes_of_all(**fault)
    hub_notebooks.write(hub_notebooks.remembered(found, tmp_path))
    assert "none yet" in readme.read_text() and found[0].name in capsys.readouterr().out


def test_readme_is_not_written_after_a_run_on_small_models(monkeypatch):
    monkeypatch.setenv("README", "1")
    with pytest.raises(SystemExit, match="leave --small out"):
        hub_notebooks.main(["--small"])
