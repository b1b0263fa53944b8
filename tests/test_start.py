"""The first cell of every notebook."""

import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import hf_tutorial
from hf_tutorial import NOTEBOOKS, caches, place, publish

ROOT = NOTEBOOKS.parent
FIRST_CELL = "from hf_tutorial import start\nstart()"


def python(program: str, **environment) -> subprocess.CompletedProcess:
    """Run a program in notebooks/, in a process of its own, as a kernel would."""
    environment.setdefault(
        "MPLCONFIGDIR", tempfile.gettempdir()
    )  # HOME may be read-only
    clean = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("HF_", "TRANSFORMERS_"))
    }
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=NOTEBOOKS,
        env={**clean, **{k: str(v) for k, v in environment.items()}},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_importing_loads_no_heavy_library():
    heavy = ("torch", "transformers", "datasets", "matplotlib", "numpy", "pandas")
    done = python(
        f"import hf_tutorial, sys; print([m for m in {heavy} if m in sys.modules])"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_start_prints_one_line_and_nothing_on_stderr():
    done = python("from hf_tutorial import start; start(seed=3)")
    assert done.stdout == "Ready: bundled models and data, no network, seed 3.\n"
    assert done.stderr == ""


def test_start_seeds_as_transformers_does_without_importing_it():
    draws = "print(random.random(), numpy.random.rand(), torch.rand(1).item())"
    ours = python(
        "from hf_tutorial import start; start(3); import random, sys, numpy, torch;"
        f"{draws}; print([m for m in ('transformers', 'peft') if m in sys.modules])"
    )
    theirs = python(
        "from transformers import set_seed; set_seed(3); import random, numpy, torch;"
        + draws
    )
    _, drawn, heavy = ours.stdout.splitlines()
    assert drawn == theirs.stdout.strip() and heavy == "[]"


def test_start_shuts_the_network_off_in_bundled_mode_only():
    program = (
        "from hf_tutorial import start; start(); import huggingface_hub.constants as c;"
    )
    # Of bars, those of downloads are left, and only there.
    program += (
        "from transformers.utils import logging; import huggingface_hub.utils as u;"
    )
    program += "print(c.HF_HUB_OFFLINE, logging.is_progress_bar_enabled(), "
    program += "u.are_progress_bars_disabled(), c.HF_HUB_DISABLE_XET)"
    assert "True False True False" in python(program).stdout
    hub = python(program, HF_TUTORIAL_SOURCE="hub").stdout
    assert hub.splitlines() == [
        "Ready: hub models and data, fetched when a cell asks for them, seed 0.",
        "False False False True",
    ]
    away = python(program, HF_TUTORIAL_SOURCE="hub", HF_HUB_OFFLINE="1").stdout
    assert away.splitlines()[0] == (
        "Ready: hub models and data, what was downloaded before, as HF_HUB_OFFLINE is set, seed 0."
    )
    older = {"HF_HUB_OFFLINE": "", "TRANSFORMERS_OFFLINE": "1"}
    away = python(program, HF_TUTORIAL_SOURCE="hub", **older).stdout
    assert "as TRANSFORMERS_OFFLINE is set" in away and "\nTrue " in away
    own = {"HF_HUB_DISABLE_XET": "0", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    theirs = python(program, HF_TUTORIAL_SOURCE="hub", **own).stdout
    assert theirs.splitlines()[-1] == "False False True False"


def test_wrong_working_directory_is_named_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        FileNotFoundError, match=rf"{tmp_path.name}.*`make lab`.*os\.chdir"
    ):
        hf_tutorial.start()


def test_unknown_source_stops_at_the_first_cell():
    done = python("from hf_tutorial import start; start()", HF_TUTORIAL_SOURCE="web")
    assert "HF_TUTORIAL_SOURCE is 'web': set it to 'bundled' or 'hub'" in done.stderr


def test_installed_versions_are_the_pinned_ones():
    assert hf_tutorial.versions_off_pin() == {}


def test_version_off_its_pin_is_warned_of_and_nothing_stops(monkeypatch, capsys):
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata,
        "version",
        lambda name: "5.99.0" if name == "transformers" else version(name),
    )
    assert hf_tutorial.versions_off_pin() == {"transformers": ("5.99.0", "5.23.0")}
    monkeypatch.chdir(NOTEBOOKS)
    hf_tutorial.start()
    said = capsys.readouterr()
    assert (
        "transformers is 5.99.0" in said.err
        and "5.23.0" in said.err
        and "`make lab`" in said.err
    )
    assert said.out.startswith("Ready")


def test_library_that_is_not_there_counts_as_off_its_pin(monkeypatch):
    def version(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert hf_tutorial.versions_off_pin()["torch"] == ("not installed", "2.13.0")


def test_local_suffix_of_a_version_does_not_count(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.13.0+cpu")
    assert "torch" not in hf_tutorial.versions_off_pin()


def test_source_cannot_change_within_a_kernel():
    program = "import os; from hf_tutorial import start; start();"
    program += "os.environ['HF_TUTORIAL_SOURCE'] = 'hub'; start()"
    assert "restart the kernel to use 'hub'" in python(program).stderr


@pytest.fixture
def notebook_output():
    """Run cells in a kernel and give the outputs of the last one, or of every one.

    Ours, or the plain kernel of ipykernel, which VS Code starts.
    """
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    from hf_tutorial.publish.executing import Client

    def run(*sources, path=NOTEBOOKS, every=False, plain=False):
        notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
        kind = NotebookClient if plain else Client
        kind(
            notebook,
            allow_errors=True,
            resources={"metadata": {"path": str(path)}},
        ).execute()
        outputs = [cell.outputs for cell in notebook.cells]
        return outputs if every else outputs[-1]

    return run


def test_errors_show_the_readers_lines_and_the_message_only(notebook_output):
    start = "from hf_tutorial import start\nstart()"
    broken = "import json\n\njson.loads('{')"
    (error,) = [o for o in notebook_output(start, broken) if o.output_type == "error"]
    assert error.traceback == [
        "line 3: json.loads('{')",
        f"json.decoder.JSONDecodeError: {error.evalue}",
    ]


def test_whole_traceback_can_be_asked_for_after_a_short_one(notebook_output):
    start = "from hf_tutorial import start\nstart()"
    whole = 'get_ipython().run_line_magic("tb", "Plain")'
    found = notebook_output(start, "import json\n\njson.loads('{')", whole, every=True)
    (error,) = found[-1]
    shown = "\n".join(error.traceback)
    assert "json.loads('{')" in shown and "scan_once" in shown


def test_wrong_folder_shows_a_sentence_in_a_notebook(notebook_output, tmp_path):
    (error,) = notebook_output("from hf_tutorial import start\nstart()", path=tmp_path)
    assert len(error.traceback) == 2 and "site-packages" not in "".join(error.traceback)
    assert "open it with `make lab`" in error.traceback[-1]


def test_figure_of_ours_is_shown_once_as_a_picture(notebook_output):
    start = "from hf_tutorial import figures, start\nstart()"
    outputs = notebook_output(start, 'figures.token_boxes({"words": ["a", "b"]})')
    assert ["image/png" in output.data for output in outputs] == [True]


def test_starting_twice_changes_nothing(notebook_output):
    start = "from hf_tutorial import start\nstart()"
    (output,) = notebook_output(start, start)
    assert output.text == "Ready: bundled models and data, no network, seed 0.\n"


def test_import_is_fast_enough_to_go_unnoticed():
    """A coarse guard, ten times the target; `make bench` measures the target itself."""
    clock = time.perf_counter()
    python("import hf_tutorial")
    assert time.perf_counter() - clock < 1


# A notebook away from its repository, a kernel of another one


def test_notebook_opened_alone_says_in_its_first_cell_what_it_needs():
    """All ten in one shell that has no hf_tutorial; what is asserted is what is shown."""
    program = """
import io, json, sys
from contextlib import redirect_stdout
from IPython.core.interactiveshell import InteractiveShell
import nbformat
sys.modules["hf_tutorial"] = None
shell, shown = InteractiveShell.instance(colors="nocolor"), {}
for path in sys.argv[1:]:
    cells = nbformat.read(path, as_version=4).cells
    first = next(cell.source for cell in cells if cell.cell_type == "code")
    with redirect_stdout(io.StringIO()) as output:
        shell.run_cell(first)
    shown[path] = output.getvalue()
print(json.dumps(shown))
"""
    paths = [str(path) for path in publish.discover()]
    done = subprocess.run(
        [sys.executable, "-c", program, *paths], capture_output=True, text=True
    )
    shown = json.loads(done.stdout.splitlines()[-1])
    assert list(shown) == paths
    wanted = "This notebook needs its repository: README, Elsewhere."
    for path, text in shown.items():
        assert "ModuleNotFoundError" in text and wanted in text, f"{path}:\n{text}"


@pytest.fixture
def other_checkout(tmp_path):
    """As much of a second clone as makes it one."""
    for folder in ("src/hf_tutorial", "notebooks", "build/notebooks"):
        (tmp_path / "clone" / folder).mkdir(parents=True)
    (tmp_path / "clone" / "src" / "hf_tutorial" / "__init__.py").touch()
    return tmp_path / "clone"


@pytest.mark.parametrize("folder", ["notebooks", "build/notebooks"])
def test_notebook_of_another_checkout_is_refused_with_both_paths(
    other_checkout, monkeypatch, folder
):
    monkeypatch.chdir(other_checkout / folder)
    with pytest.raises(RuntimeError) as error:
        hf_tutorial.start()
    message = str(error.value)
    assert f"lies in {other_checkout}, " in message and f"from {ROOT} " in message
    assert f"run `make lab` in {other_checkout}, to make an env" in message
    assert Path.cwd() == other_checkout / folder


def test_way_back_to_another_checkout_is_the_one_that_works(
    other_checkout, monkeypatch
):
    monkeypatch.chdir(other_checkout / "notebooks")
    environment = other_checkout / ".venv"
    environment.mkdir()
    (environment / "pyvenv.cfg").touch()

    def said():
        with pytest.raises(RuntimeError) as error:
            place.settle(NOTEBOOKS)
        return str(error.value)

    name = "Scripts" if os.name == "nt" else "bin"
    assert f"choose {environment / name / 'python'}" in said()
    # The folder was copied with its .venv, which still installs the first one.
    monkeypatch.setattr(sys, "prefix", str(environment))
    assert f"delete {environment}, then run `make lab`" in said()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/else", str(ROOT / "src")]))
    assert f"PYTHONPATH names {ROOT / 'src'}: unset it" in said()


@pytest.mark.parametrize("windows", [True, False])
def test_messages_name_no_make_where_there_is_none(
    other_checkout, monkeypatch, capsys, windows
):
    monkeypatch.setattr(place, "WINDOWS", windows)
    if not windows:
        monkeypatch.setattr(shutil, "which", lambda name: None)
    jupyter = r".venv\Scripts\jupyter" if windows else ".venv/bin/jupyter"
    assert place.lab() == f"{jupyter} lab notebooks"
    assert place.lab("--allow-root") == f"{jupyter} lab --allow-root notebooks"
    said = [place.doctor(), place.set_up(), *hf_tutorial._versions_note()]
    monkeypatch.setattr(hf_tutorial, "versions_off_pin", lambda: {"torch": ("1", "2")})
    said += hf_tutorial._versions_note()
    monkeypatch.setattr(place, "passed_over", lambda checkout: None)
    said += hf_tutorial._versions_note()
    for folder in (other_checkout / "notebooks", other_checkout.parent):
        monkeypatch.chdir(folder)
        with pytest.raises((RuntimeError, FileNotFoundError)) as refused:
            place.settle(NOTEBOOKS)
        said.append(str(refused.value))
    assert not re.search(r"\bmake \w+`|`make", " ".join(said)), said
    assert f"`{jupyter} lab notebooks`" in said[-1] and place.BY_HAND in said[-2]


COMMAND = re.compile(r"\bmake (lab|doctor|clean|run|test|models|handout|PYTHON3)\b")


def commands_of_make(path):
    """List the tasks of make that a module's texts name, its docstrings apart."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    quiet = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)
             and isinstance(n.value, str) and id(n) not in quiet]  # fmt: skip
    return sorted(COMMAND.search(text)[1] for text in texts if COMMAND.search(text))


def test_modules_that_speak_to_readers_ask_whether_there_is_a_make(tmp_path):
    """Each of these stands behind `has_make`; more of them would reach Windows."""
    modules = [
        place.PACKAGE / name for name in ("__init__.py", "install.py", "place.py")
    ]
    modules += place.PACKAGE.glob("doctor/*.py")
    found = {path.name: named for path in modules if (named := commands_of_make(path))}
    assert found == {"place.py": ["doctor", "lab", "lab", "lab"],
                     "environment.py": ["PYTHON3"], "machine.py": ["clean"]}  # fmt: skip
    planted = tmp_path / "planted.py"
    planted.write_text('"""make run"""\nway = f"{1}: run `make lab`"\n')
    assert commands_of_make(planted) == ["lab"]


def test_copy_in_build_runs_with_the_data_of_its_checkout_and_says_so(notebook_output):
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as copies:
        outputs, where = notebook_output(
            FIRST_CELL, "import os; print(os.getcwd())", path=copies, every=True
        )
    said = {output.name: output.text for output in outputs}
    assert said["stdout"].startswith("Ready: bundled")
    assert f"opened in {copies}; it reads from {NOTEBOOKS} now" in said["stderr"]
    assert "keep your own work elsewhere" in said["stderr"]
    assert where[0].text.strip() == str(NOTEBOOKS)


def test_root_of_the_checkout_will_do_and_nothing_is_said_of_build(monkeypatch):
    monkeypatch.chdir(ROOT)
    note = place.settle(NOTEBOOKS)
    assert Path.cwd() == NOTEBOOKS and "it reads from" in note and "build" not in note
    assert place.settle(NOTEBOOKS) is None


def test_package_installed_as_a_copy_is_refused_with_the_command(
    monkeypatch, tmp_path, other_checkout
):
    monkeypatch.setattr(place, "PACKAGE", tmp_path / "lib" / "hf_tutorial")
    monkeypatch.chdir(other_checkout / "notebooks")
    with pytest.raises(FileNotFoundError) as error:
        place.settle(tmp_path / "notebooks")
    command = f"`{sys.executable} -m pip install --no-deps -e {other_checkout}`"
    assert "installed as a copy" in str(error.value) and command in str(error.value)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="get the repository"):
        place.settle(tmp_path / "notebooks")


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a folder that is in use")
def test_folder_that_vanished_under_a_kernel_is_a_sentence(monkeypatch, tmp_path):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    try:
        with pytest.raises(FileNotFoundError, match="is gone: open the notebook in"):
            place.settle(NOTEBOOKS)
    finally:
        os.chdir(NOTEBOOKS)


def test_other_environment_is_named_only_when_versions_differ(
    monkeypatch, tmp_path, capsys
):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    assert place.passed_over(tmp_path).parent.parent == tmp_path / ".venv"
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    assert place.passed_over(tmp_path) is None
    python = tmp_path / ".venv" / "bin" / "python"
    monkeypatch.setattr(place, "passed_over", lambda checkout: python)
    monkeypatch.setattr(hf_tutorial, "versions_off_pin", dict)
    assert hf_tutorial._versions_note() == []
    monkeypatch.setattr(
        hf_tutorial, "versions_off_pin", lambda: {"torch": ("2.1", "2.13.0")}
    )
    said = hf_tutorial._versions_note()
    assert "torch is 2.1; " in said[0] and f"environment of {python}" in said[1]


def test_pins_are_those_of_the_checkout_not_of_the_last_installation(monkeypatch):
    """After a pull that raised them, the installed metadata still holds the old ones."""
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["torch==0.1"])
    assert "torch" not in {
        name
        for name, (_, pinned) in hf_tutorial.versions_off_pin().items()
        if pinned == "0.1"
    }


# Settings of one's own


def test_matplotlibrc_of_the_reader_changes_no_figure(tmp_path):
    rc = tmp_path / "matplotlibrc"
    rc.write_text(
        "backend: svg\naxes.grid: True\nlines.linewidth: 9\nfont.size: 30\n"
        "figure.max_open_warning: 1\nfigure.figsize: 1, 1\n"
    )
    program = (
        "import hf_tutorial as h; h.start(); import matplotlib as m;"
        "names = ('axes.grid', 'lines.linewidth', 'font.size', 'figure.max_open_warning',"
        " 'figure.figsize');"
        "print([m.rcParams[n] for n in names], m.rcParams['backend'])"
    )
    done = python(program, MATPLOTLIBRC=rc)
    # Matplotlib's defaults and our size; the backend is chosen by what draws, and stays.
    assert done.stdout.splitlines()[1] == "[False, 1.5, 10.0, 20, [7.0, 3.2]] svg"


SETTINGS = """
c.InteractiveShell.ast_node_interactivity = "all"
c.PlainTextFormatter.max_width = 20
c.PlainTextFormatter.float_precision = "%.1f"
c.InlineBackend.figure_formats = {"svg"}
c.InlineBackend.rc = {"axes.grid": True}
c.DisplayFormatter.active_types = ["text/plain"]
c.InteractiveShellApp.exec_lines = [
    "import numpy, pandas, torch",
    "numpy.set_printoptions(threshold=3, linewidth=20, edgeitems=1)",
    "torch.set_printoptions(threshold=3, linewidth=20, edgeitems=1)",
    "pandas.options.display.max_columns = 2",
]
"""
CELLS = """
1.23456
list(range(30))
import matplotlib.pyplot as plt, numpy, pandas, torch
print(numpy.arange(8), torch.arange(8), pandas.DataFrame([range(4)]), plt.rcParams["axes.grid"])
figure, axes = plt.subplots()
[1.23456]
"""


def test_settings_of_the_reader_change_no_output(
    notebook_output, tmp_path, monkeypatch
):
    usual = notebook_output(FIRST_CELL, CELLS)
    profile = tmp_path / "profile_default"
    profile.mkdir()
    (profile / "ipython_kernel_config.py").write_text(f"c = get_config(){SETTINGS}")
    (tmp_path / "matplotlibrc").write_text("axes.grid: True\nfigure.facecolor: red\n")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path))
    first, outputs = notebook_output(FIRST_CELL, CELLS, every=True, plain=True)
    said = [output.text for output in first if output.get("name") == "stderr"]
    note = "".join(said)  # a plain kernel may speak of its own on stderr as well
    assert "ast_node_interactivity='all'" in note and "backend agg" in note, note
    assert "in this kernel the usual ones hold" in note
    assert outputs == usual
    assert [o.output_type for o in usual] == [
        "stream",
        "execute_result",
        "display_data",
    ]


def test_planted_profile_does_change_outputs_without_start(
    notebook_output, tmp_path, monkeypatch
):
    """What the test above guards against is real."""
    profile = tmp_path / "profile_default"
    profile.mkdir()
    (profile / "ipython_kernel_config.py").write_text(f"c = get_config(){SETTINGS}")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    assert len(notebook_output("1\n2", plain=True)) == 2
    assert len(notebook_output("1\n2")) == 1


# Caches that cannot be written

LOADS = """
from hf_tutorial import start, sources
start()
from datasets import load_dataset
print(load_dataset(*sources.dataset("reviews"))["test"].num_rows)
"""
SCORES = """
import evaluate
metric = evaluate.load(*sources.metric("accuracy"))
print(metric.compute(references=[1], predictions=[1]))
"""


@pytest.fixture
def no_folder(tmp_path):
    """A file where the libraries want a folder: not even root can write below it."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "huggingface"


def test_cache_that_cannot_be_written_is_replaced_and_the_reader_told(
    no_folder, tmp_path
):
    (tmp_path / "temporary").mkdir()
    done = python(LOADS + SCORES, HF_HOME=no_folder, TMPDIR=tmp_path / "temporary")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == ["150", "{'accuracy': 1.0}"]
    assert str(no_folder.parent) in done.stderr and "set HF_HOME to a" in done.stderr
    # Gone with the kernel; what torch leaves there is its own.
    assert not list((tmp_path / "temporary").glob("hf-tutorial-*"))


def test_cache_that_can_be_written_is_used_and_nothing_is_said(tmp_path):
    done = python(LOADS, HF_HOME=tmp_path / "new" / "home")
    assert "HF_HOME" not in done.stderr
    assert (tmp_path / "new" / "home" / "datasets").is_dir()


def test_library_imported_before_start_is_named(no_folder):
    done = python(f"import datasets\n{LOADS}", HF_HOME=no_folder)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "datasets was imported before start()" in last and "set HF_HOME" in last


def test_nothing_to_write_to_at_all_is_a_sentence(no_folder, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(no_folder))
    for library in caches._READERS:
        monkeypatch.delitem(sys.modules, library, raising=False)

    def full(**options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(
        OSError, match=r"No space left.*free some disk.*HF_HOME.*TMPDIR"
    ):
        caches.make_writable(hub=False)


def test_downloads_that_lie_in_a_closed_cache_are_still_used(
    no_folder, tmp_path, monkeypatch
):
    for library in caches._READERS:
        monkeypatch.delitem(sys.modules, library, raising=False)
    for variable in caches._BELOW_HOME:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HOME", str(no_folder))
    monkeypatch.setattr(caches, "_holds_models", lambda folder: True)
    assert caches.make_writable(hub=True)
    assert "HF_HUB_CACHE" not in os.environ and "HF_DATASETS_CACHE" in os.environ
    assert caches.make_writable(hub=True) is None  # a second start() finds it mended
    monkeypatch.setattr(caches, "_holds_models", lambda folder: False)
    assert caches.make_writable(hub=True) and "HF_HUB_CACHE" in os.environ


def test_folder_is_moved_by_the_variable_that_named_it(no_folder, monkeypatch):
    for library in caches._READERS:
        monkeypatch.delitem(sys.modules, library, raising=False)
    for variable in (*caches._BELOW_HOME, "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HOME", str(no_folder))
    monkeypatch.setenv("HF_MODULES_CACHE", str(no_folder))
    said = caches.make_writable(hub=False)
    assert "set HF_MODULES_CACHE and HF_HOME to folders that can be" in said
    every = list(caches._BELOW_HOME)
    monkeypatch.setenv("HUGGINGFACE_HUB_CACHE", "/old")  # the older name of another
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    assert "set HUGGINGFACE_HUB_CACHE to a folder on" in caches.moved(every[-1:], "on")
    monkeypatch.setenv("HF_HUB_CACHE", "/own")
    assert "set HF_HUB_CACHE to a folder" in caches.moved(["HF_HUB_CACHE"])


def test_looking_whether_a_folder_can_be_written_leaves_nothing(tmp_path, no_folder):
    assert caches.obstacle(tmp_path / "a" / "b") is None
    assert list(tmp_path.iterdir()) == [no_folder.parent]
    assert str(no_folder.parent) in caches.obstacle(no_folder)


def test_folders_are_those_that_the_libraries_take(tmp_path):
    # evaluate as a whole takes seconds to import; the folders are in its config.
    program = """
import sys, types
from importlib.machinery import PathFinder
from pathlib import Path
package = types.ModuleType("evaluate")
package.__path__ = list(PathFinder.find_spec("evaluate").submodule_search_locations)
sys.modules["evaluate"] = package
import datasets.config as d, evaluate.config as e, huggingface_hub.constants as h
from hf_tutorial import caches
named = caches.folders()
assert named["HF_DATASETS_CACHE"] == d.HF_DATASETS_CACHE.expanduser()
assert named["HF_MODULES_CACHE"] == d.HF_MODULES_CACHE == e.HF_MODULES_CACHE
assert named["HF_EVALUATE_CACHE"] == e.HF_EVALUATE_CACHE
assert named["HF_METRICS_CACHE"] == e.HF_METRICS_CACHE
assert named["HF_HUB_CACHE"] == Path(h.HF_HUB_CACHE), h.HF_HUB_CACHE
assert caches.home() == Path(h.HF_HOME)
"""
    for environment in (
        {"XDG_CACHE_HOME": str(tmp_path), "HF_HUB_CACHE": "$HOME/h"},
        {"HF_HOME": "~/hf", "HF_DATASETS_CACHE": "~/d", "HUGGINGFACE_HUB_CACHE": "/o"},
    ):
        done = python(program, **environment)
        assert done.returncode == 0, (environment, done.stderr)


def test_prepared_rows_lie_where_we_looked_whether_we_may_write(tmp_path):
    (tmp_path / "rows.json").write_text('{"text": "one"}', encoding="utf-8")
    program = """
import os
from pathlib import Path
os.chdir(os.environ["HOME"])
from datasets import load_dataset
from hf_tutorial import caches
rows = load_dataset("json", data_files="rows.json", split="train")
prepared = rows.cache_files[0]["filename"]
named = caches.folders()["HF_DATASETS_CACHE"].absolute()
assert named in Path(prepared).absolute().parents, prepared
"""
    for written in ("~/rows", "relative", str(tmp_path / "absolute")):
        settings = {"HF_DATASETS_CACHE": written, "HOME": str(tmp_path)}
        done = python(program, **settings)
        assert done.returncode == 0, (written, done.stderr)
