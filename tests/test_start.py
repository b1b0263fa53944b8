"""The first cell of every notebook."""

import importlib.metadata
import os
import subprocess
import sys
import tempfile
import time

import pytest

import hf_tutorial
from hf_tutorial import NOTEBOOKS


def python(program: str, **environment: str) -> subprocess.CompletedProcess:
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
        env={**clean, **environment},
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


def test_start_seeds_python_numpy_and_torch():
    program = (
        "import random; from hf_tutorial import start; start(); import numpy, torch;"
        "print(random.random(), numpy.random.rand(), torch.rand(1).item())"
    )
    assert python(program).stdout == python(program).stdout


def test_start_shuts_the_network_off_in_bundled_mode_only():
    program = (
        "from hf_tutorial import start; start(); import huggingface_hub.constants as c;"
    )
    program += "print(c.HF_HUB_OFFLINE)"
    assert "True" in python(program).stdout
    hub = python(program, HF_TUTORIAL_SOURCE="hub").stdout
    assert "Ready: hub models and data, from the Hub" in hub and "False" in hub


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
    """Run cells in a kernel and give the outputs of the last one."""
    from nbformat.v4 import new_code_cell, new_notebook

    from hf_tutorial.publish.executing import Client

    def run(*sources, path=NOTEBOOKS):
        notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
        Client(
            notebook,
            allow_errors=True,
            resources={"metadata": {"path": str(path)}},
        ).execute()
        return notebook.cells[-1].outputs

    return run


def test_errors_show_the_readers_lines_and_the_message_only(notebook_output):
    start = "from hf_tutorial import start\nstart()"
    broken = "import json\n\njson.loads('{')"
    (error,) = [o for o in notebook_output(start, broken) if o.output_type == "error"]
    assert error.traceback == [
        "line 3: json.loads('{')",
        f"json.decoder.JSONDecodeError: {error.evalue}",
    ]


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
