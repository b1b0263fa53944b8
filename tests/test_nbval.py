"""That the nbval run of this project fails when it should: each fault planted in a copy."""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from hf_tutorial import NOTEBOOKS
from tests import guards
from tests.lessons import put, saved
from tests.test_kernels import plant

ROOT = NOTEBOOKS.parent


def run_pytest(command, *arguments, cwd=ROOT, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        [*command, "-n0", "-rs", "--color=no", *map(str, arguments)],
        cwd=cwd, env={**environment, **variables}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


MODULE = [sys.executable, "-m", "pytest"]
PROGRAM = [str(Path(sys.executable).with_name("pytest"))]


@pytest.fixture
def nbval(tmp_path):
    def run(notebook, *options):
        path = tmp_path / "planted.ipynb"
        nbformat.write(notebook, path)
        return run_pytest(MODULE, "-c", "pyproject.toml", "-q", *options, path)

    return run


def test_unchanged_output_passes(nbval):
    done = nbval(saved(("x = 2 * 3", ""), ("print(x)", "6\n")))
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_two_notebooks_from_elsewhere_are_both_run(tmp_path, workers):
    paths = [tmp_path / f"0{n}_planted.ipynb" for n in (1, 2)]
    for path, shown in zip(paths, "23", strict=True):
        nbformat.write(saved(("print(2)", f"{shown}\n")), path)
    done = run_pytest(MODULE, "-c", "pyproject.toml", "-q", *paths, workers)
    assert done.returncode == 1 and "1 failed, 1 passed" in done.stdout, done.stdout


def test_edited_number_fails(nbval):
    done = nbval(saved(("print(0.1234)", "0.1235\n")))
    assert done.returncode == 1 and "Cell outputs differ" in done.stdout, done.stdout


def test_stderr_is_not_compared(nbval):
    done = nbval(saved(("import sys; print('careful', file=sys.stderr)", "")))
    assert done.returncode == 0, done.stdout


WARNS = """import sys, warnings
print("made here, 100%|")  # a progress bar would look so
print("4 rows left out", file=sys.stderr)
warnings.warn("half of it is old")
"""


def listening(said):
    """A recorded cell that teaches to read what comes on stderr."""
    notebook = saved((WARNS, "made here, 100%|\n"))
    cell = notebook.cells[0]
    cell.metadata["tags"] = ["stderr"]
    cell.outputs.append(nbformat.v4.new_output("stream", name="stderr", text=said))
    return notebook


SAID = """4 rows left out
cell, line 4: UserWarning: half of it is old
  warnings.warn("half of it is old")
"""


@pytest.mark.parametrize(
    ("said", "passed"),
    [
        (SAID, True),
        (SAID.replace("4 rows", "5 rows"), False),
        (SAID.partition("\n")[0] + "\n", False),
    ],
    ids=["as saved", "another number", "a warning less"],
)
def test_stderr_is_compared_where_it_is_the_lesson(nbval, said, passed):
    done = nbval(listening(said))
    assert (done.returncode == 0) is passed, done.stdout
    assert passed or "mismatch 'stderr'" in done.stdout, done.stdout


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


def test_killed_kernel_is_noticed_at_once_and_the_rest_is_skipped(nbval):
    kill = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    begun = time.monotonic()
    done = nbval(saved(("print(1)", "1\n"), (kill, ""), ("print(2)", "2\n")))
    assert time.monotonic() - begun < 60  # a cell may take 300 s
    assert "1 failed, 1 passed, 1 skipped" in done.stdout, done.stdout
    assert "Cell 1: the kernel died (out of memory, or killed?)" in done.stdout
    assert "Cell 1 of this notebook: the kernel died" in done.stdout
    assert "Timeout" not in done.stdout and "plugin exception" not in done.stdout


def test_kernel_that_dies_between_two_cells_is_noticed(nbval, tmp_path):
    wait = "import time\ndef pytest_runtest_teardown(): time.sleep(1.5)\n"
    (tmp_path / "conftest.py").write_text(wait)
    later = "import os, threading\nthreading.Timer(0.5, os._exit, [1]).start()"
    done = nbval(saved((later, ""), ("print(1)", "1\n"), ("print(2)", "2\n")))
    assert "1 failed, 1 passed, 1 skipped" in done.stdout, done.stdout
    assert "Cell 1: the kernel died (out of memory, or killed?) before" in done.stdout


def test_planted_kernels_and_settings_change_no_output(tmp_path):
    notebook = tmp_path / "planted.ipynb"
    source = "print('planted' in globals(), get_ipython().ast_node_interactivity)"
    nbformat.write(saved((source, "False last_expr\n")), notebook)
    options = ["-c", "pyproject.toml", "-q", notebook]
    done = run_pytest(MODULE, *options, **plant(tmp_path))
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout


@pytest.fixture
def collection(checkout):
    """A checkout of two recorded notebooks, a reader's own, and a copy of the package."""
    shutil.copytree(ROOT / "src", checkout / "src")
    shutil.copyfile(ROOT / "pyproject.toml", checkout / "pyproject.toml")
    (checkout / "data").mkdir()
    (checkout / "data" / "a.txt").write_text("six")
    reads = saved(("print(open('../data/a.txt').read())", "six\n"))
    put(checkout, _01_reads=reads, _02_says=saved(("print(2)", "2\n")))
    put(checkout, **{"_my notes": saved(("1 / 0", ""))})
    return checkout


@pytest.mark.parametrize("place", ["root", "notebooks"])
def test_pytest_can_be_started_as_a_program_and_in_notebooks(collection, place):
    cwd = collection if place == "root" else collection / "notebooks"
    file = "notebooks/01_reads.ipynb" if place == "root" else "01_reads.ipynb"
    done = run_pytest(PROGRAM, file, cwd=cwd, PYTHONPATH=str(collection / "src"))
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_notebook_of_ones_own_is_compared_and_other_names_are_left_alone(collection):
    put(collection, _10_own_data=saved(("print(3)", "4\n")), _11_none="", _12_no="no")
    package = str(collection / "src")
    notebooks = collection / "notebooks"
    done = run_pytest(PROGRAM, cwd=notebooks, PYTHONPATH=package)
    assert "3 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert "left alone, as not called NN_topic.ipynb: my notes.ipynb" in done.stdout
    assert "11_none.ipynb is no notebook: the file is empty" in done.stdout
    assert "12_no.ipynb is no notebook: not JSON" in done.stdout
    assert "10_own_data.ipynb F" in done.stdout and "JSONError" not in done.stdout


def test_other_name_is_run_when_asked_for(collection):
    file = "notebooks/my notes.ipynb"
    package = str(collection / "src")
    done = run_pytest(MODULE, file, cwd=collection, PYTHONPATH=package)
    assert "1 failed" in done.stdout and "ZeroDivisionError" in done.stdout


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
    listed = run_pytest(MODULE, "-q", "--collect-only", "notebooks").stdout
    collected = Counter(
        line.split("::")[0] for line in listed.splitlines() if "::Cell" in line
    )
    expected = {
        f"notebooks/{path.name}": len(guards.code(notebook))
        for path, notebook in guards.notebooks().items()
        if guards.code(notebook)
    }
    assert dict(collected) == expected and sum(expected.values()) > 100
