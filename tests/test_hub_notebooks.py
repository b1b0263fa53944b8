"""The first notebooks in Hub mode, on small models; `make test-hub` runs all in full size."""

import nbformat
import pytest

from hf_tutorial import NOTEBOOKS
from tests import copies, hub_notebooks, measured
from tests.hub_notebooks import HubMode, Outcome

# With 02 and 04 it is a minute of computing, repositories included; `make test-hub` has them.
FIRST = ("00", "01")


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


def test_readme_is_not_written_after_a_part_of_the_notebooks(monkeypatch):
    monkeypatch.setenv("README", "1")
    with pytest.raises(SystemExit, match="leave the other words out"):
        hub_notebooks.main(["08"])
