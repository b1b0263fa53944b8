"""The first notebooks in Hub mode, on small models; `make test-hub` runs all in full size."""

import nbformat
import pytest

from hf_tutorial import NOTEBOOKS
from tests import copies, hub_notebooks
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


def test_table_takes_the_place_between_readmes_markers_and_of_nothing_else():
    begin, end = hub_notebooks.MARKERS
    outcomes = [Outcome("00_quick_tour", 61.4, int(2.26e9))]
    readme = f"before\n\n{begin}\nold\n{end}\n\nafter\n"
    once = hub_notebooks.with_table(readme, outcomes)
    assert "| 00 | 61 | 2.3 |" in once and "old" not in once
    assert once.startswith("before\n\n") and once.endswith("\n\nafter\n")
    assert hub_notebooks.with_table(once, outcomes) == once
    with pytest.raises(ValueError, match="README.md has no lines"):
        hub_notebooks.with_table("nothing here", outcomes)
    assert begin in hub_notebooks.README.read_text("utf-8")
