"""`make gpu`, on a GPU that is only said to be there, and small notebooks that really run.

What a real GPU does to the eleven notebooks is not tested here: that is what `make gpu` is for.
"""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests import gpu

RAISES = {"tags": ["raises-exception"]}
# A module with two functions stands for torch on a GPU.
TORCH = """from types import SimpleNamespace
import sys
cuda = SimpleNamespace(is_initialized=lambda: True, max_memory_allocated=lambda: 7_000_000)
sys.modules["torch"] = SimpleNamespace(cuda=cuda)"""
IGNORED = {"tags": ["nbval-ignore-output"], "reason": "a clock"}


def cell(source, said="", metadata=None, error=None):
    outputs = [new_output("stream", text=said)] if said else []
    if error:
        outputs.append(new_output("error", ename=error, evalue="", traceback=[]))
    return new_code_cell(
        source, outputs=outputs, metadata=metadata or {}, id=f"cell-{source.strip()[0]}"
    )


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    see = "import os; print(repr(os.environ['CUDA_VISIBLE_DEVICES']))"
    cells = {
        "01_good": [
            cell("a = 2; print(a)", "2\n"),
            cell("b = 1 / 0", metadata=RAISES, error="ZeroDivisionError"),
            cell(see, "'0'\n"),
            cell(TORCH),
        ],
        "02_bad": [
            cell("c = 2; print(c)", "3\n"),
            cell("d.to('cuda')"),
            cell("e = 5", metadata=RAISES, error="NameError"),
            cell("f = 1; print(f)", "2\n", metadata=IGNORED),
            cell("g = 1; import sys; print(g, file=sys.stderr)"),
            cell("h = 1; print(h)", "1\n"),
        ],
    }
    for name, content in cells.items():
        nbformat.write(new_notebook(cells=content), folder / f"{name}.ipynb")
    return [folder / f"{name}.ipynb" for name in cells]


@pytest.fixture(scope="module")
def run(paths):
    """The status and the lines of a run, on a card whose memory grows and shrinks."""
    import contextlib
    import io

    used = iter([100_000_000, 900_000_000] + [300_000_000] * 10_000)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), pytest.MonkeyPatch.context() as patch:
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        status = gpu.main(paths, gpu=lambda: "Pretend 100", memory=lambda: next(used))
    return status, said.getvalue().splitlines()


def about(lines, name):
    """Take the line of a notebook and those indented below it."""
    at = next(i for i, line in enumerate(lines) if line.startswith(name))
    below = [i for i in range(at + 1, len(lines)) if not lines[i].startswith("    ")]
    return lines[at : below[0] if below else None]


def test_gpu_and_python_are_named_first(run):
    assert run[1][0].startswith("on Pretend 100, Python 3.")


def test_notebook_that_holds_takes_one_line_with_what_it_took(run):
    (line,) = about(run[1], "01_good")
    assert "ok" in line and "0 of 4 cells differ" in line
    assert "GPU 7 MB (800 on the card)" in line and "host " in line


def test_kernel_sees_the_first_gpu_though_kernels_are_started_without(run):
    """A cell of 01 prints the variable; were it empty, that cell would differ."""
    assert "0 of 4 cells differ" in about(run[1], "01_good")[0]


def test_every_failing_cell_is_named_with_its_error(run):
    first, *below = about(run[1], "02_bad")
    assert "FAILED" in first and run[0] == 1
    assert below[0] == "    cell 2 (cell-d): NameError: name 'd' is not defined"
    assert below[1] == "    cell 3 (cell-e): should have raised an error, and did not"


def test_other_output_is_listed_and_ignored_output_is_not(run):
    first, *below = about(run[1], "02_bad")
    assert "1 of 6 cells differ" in first
    assert below[-1] == "    other words or numbers: cell-c"


def test_difference_alone_is_no_failure(paths, tmp_path, capsys):
    notebook = nbformat.read(paths[0], as_version=4)
    notebook.cells[0].outputs[0].text = "3\n"
    nbformat.write(notebook, tmp_path / "01_other.ipynb")
    assert gpu.main([tmp_path / "01_other.ipynb"], lambda: "P", lambda: None) == 0
    said = capsys.readouterr().out
    assert "1 of 4 cells differ" in said and "on the card" not in said


def test_without_a_gpu_it_says_so_and_is_content(paths, capsys):
    assert gpu.main(paths, gpu=lambda: "") == 0
    assert (
        capsys.readouterr().out
        == "no GPU that torch can use here, so nothing was run\n"
    )


def test_notebook_that_would_begin_too_late_is_named_as_not_run(paths, capsys):
    assert gpu.main(paths, lambda: "P", lambda: None, minutes=-1) == 0
    assert capsys.readouterr().out.count("not run: -1 minutes are over") == 2


def test_machine_without_nvidia_smi_has_no_number_for_the_card(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert gpu.memory_of_the_card() is None


def test_nvidia_smi_is_read_in_bytes_for_the_card_in_use(monkeypatch, tmp_path):
    script = tmp_path / "nvidia-smi"
    script.write_text("#!/bin/sh\necho 11\necho 22\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    assert gpu.memory_of_the_card() == 22 * 2**20


def test_torch_itself_is_asked_for_a_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpu.first_gpu() == ""
    monkeypatch.setattr(gpu, "ASK", "print('Pretend 100')")
    assert gpu.first_gpu() == "Pretend 100"
    monkeypatch.setattr(gpu, "ASK", "import a_torch_that_is_not_here")
    assert gpu.first_gpu() == ""
