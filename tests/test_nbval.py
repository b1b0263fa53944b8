"""That the nbval run of this project fails when it should: each fault planted in a copy."""

import os
import subprocess
import sys
from collections import Counter

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from hf_tutorial import NOTEBOOKS, publish
from tests import guards

ROOT = NOTEBOOKS.parent


def saved(*cells):
    """Make a recorded notebook: each cell a source and the text that it printed."""
    return new_notebook(
        cells=[
            new_code_cell(
                source,
                execution_count=number,
                outputs=[new_output("stream", text=printed)] if printed else [],
            )
            for number, (source, printed) in enumerate(cells, 1)
        ]
    )


@pytest.fixture
def nbval(tmp_path):
    def run(notebook, *options):
        path = tmp_path / "planted.ipynb"
        nbformat.write(notebook, path)
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")
        }
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-n0", "-q", "-rs", "--color=no",
             *options, str(path)],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    return run


def test_unchanged_output_passes(nbval):
    done = nbval(saved(("x = 2 * 3", ""), ("print(x)", "6\n")))
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout


def test_edited_number_fails(nbval):
    done = nbval(saved(("print(0.1234)", "0.1235\n")))
    assert done.returncode == 1 and "Cell outputs differ" in done.stdout, done.stdout


def test_stderr_is_not_compared(nbval):
    done = nbval(saved(("import sys; print('careful', file=sys.stderr)", "")))
    assert done.returncode == 0, done.stdout


def test_error_stops_the_notebook_and_the_rest_is_skipped(nbval):
    done = nbval(saved(("1 / 0", ""), ("print(1)", "1\n"), ("print(2)", "2\n")))
    assert "1 failed, 2 skipped" in done.stdout, done.stdout
    assert "Cell 0 of this notebook raised an error" in done.stdout


def test_difference_does_not_hide_a_later_one(nbval):
    done = nbval(saved(("print(1)", "0\n"), ("print(2)", "0\n")))
    assert "2 failed" in done.stdout, done.stdout


def test_endless_cell_meets_its_timeout(nbval):
    done = nbval(saved(("while True: pass", "")), "--nbval-cell-timeout=2")
    assert done.returncode == 1 and "Timeout of 2 seconds" in done.stdout, done.stdout


def test_settings_are_those_of_the_project(pytestconfig):
    assert pytestconfig.option.nbval and pytestconfig.option.nbval_current_env
    assert not pytestconfig.option.nbval_lax
    assert pytestconfig.option.nbval_cell_timeout <= 300
    assert pytestconfig.pluginmanager.hasplugin("hf_tutorial.nbval_settings")
    assert pytestconfig.getini("testpaths") == ["tests", "notebooks"]


def test_edited_number_in_a_notebook_of_ours_fails(nbval):
    """The whole chain on the real thing: notebook 01, one digit of its first ID changed."""
    notebook = nbformat.read(NOTEBOOKS / "01_tokenization.ipynb", as_version=4)
    index = next(i for i, cell in enumerate(notebook.cells) if cell.id == "first-look")
    notebook.cells = notebook.cells[: index + 1]
    # start() insists on notebooks/, so the copy moves there before it calls it.
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source = f"import os\nos.chdir({str(NOTEBOOKS)!r})\n{first.source}"
    assert nbval(notebook).returncode == 0
    output = notebook.cells[-1].outputs[0]
    output.text = output.text.replace("[101", "[102")
    assert nbval(notebook).returncode == 1


def test_every_code_cell_of_every_notebook_is_collected():
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", "-q", "--collect-only", "notebooks"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    ).stdout  # fmt: skip
    collected = Counter(
        line.split("::")[0] for line in listed.splitlines() if "::Cell" in line
    )
    expected = {
        f"notebooks/{path.name}": len(guards.code(nbformat.read(path, as_version=4)))
        for path in publish.discover()
    }
    assert dict(collected) == expected and sum(expected.values()) > 100
