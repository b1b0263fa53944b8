"""That the kernel is this environment's, whatever kernels and settings a reader has planted."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

from hf_tutorial import kernels, publish
from tests.lessons import lesson, put

SHOWS = {
    "the interpreter": ("import sys; sys.executable", sys.executable),
    "settings": ("1\n2", 2),
    "start-up files": ("'planted' in globals()", False),
    "matplotlib": ("import matplotlib as m; m.rcParams['lines.linewidth']", 1.5),
    "backend": ("m.get_backend().rpartition('.')[2]", "backend_inline"),
    "names beside": ("import csv, beside; [csv.__name__, beside.x]", ["csv", 7]),
}


def plant(folder: Path) -> dict[str, str]:
    """Plant kernels and settings in a home of its own; return the environment that has them."""
    for kind, name in (("path", "python3"), ("path", "mine"), ("user", "python3")):
        spec = folder / kind / "kernels" / name / "kernel.json"
        spec.parent.mkdir(parents=True)
        start = {"argv": ["false", "{connection_file}"], "language": "python"}
        spec.write_text(json.dumps(start | {"display_name": "Planted"}))
    startup = folder / "ipython" / "profile_default" / "startup" / "a.py"
    startup.parent.mkdir(parents=True)
    startup.write_text("planted = True; print('planted')")
    settings = startup.parents[1] / "ipython_config.py"
    settings.write_text("c.InteractiveShell.ast_node_interactivity = 'all'")
    (folder / "matplotlibrc").write_text("lines.linewidth: 9")
    return {
        "HOME": str(folder / "none"),  # not there, and never made
        "JUPYTER_PATH": str(folder / "path"),
        "JUPYTER_DATA_DIR": str(folder / "user"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONSTARTUP": str(startup),
        "MATPLOTLIBRC": str(folder / "matplotlibrc"),
        "MPLBACKEND": "agg",
    }


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A notebook executed by a program that lives among planted kernels and settings."""
    folder = tmp_path_factory.mktemp("planted")
    environment = {**os.environ, **plant(folder)}
    (folder / "notebooks").mkdir()
    # The first would stand in for Python's own, were the folder of the notebook searched first.
    (folder / "notebooks" / "csv.py").write_text("raise ImportError('not this one')")
    (folder / "notebooks" / "beside.py").write_text("x = 7")
    put(folder, _01_shows=lesson(*(source for source, _ in SHOWS.values())))
    program = (
        "import json, sys; from pathlib import Path; from hf_tutorial import publish\n"
        "(done,) = publish.execute([Path(sys.argv[1])])\n"
        "said = [[o.get('data', o) for o in cell.outputs] for cell in done.code]\n"
        "print(json.dumps([done.failure, said]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder / "notebooks" / "01_shows.ipynb")],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return *json.loads(done.stdout), done.stderr, folder


@pytest.mark.parametrize("what", SHOWS)
def test_planted_kernels_and_settings_do_not_reach_a_notebook(planted, what):
    failure, said, _, _ = planted
    assert failure == ""
    outputs = said[list(SHOWS).index(what)]
    assert [output["text/plain"] for output in outputs] == [repr(SHOWS[what][1])]


def test_kernel_starts_and_ends_quietly_and_leaves_nothing_behind(planted):
    *_, stderr, folder = planted
    bar = [line for line in stderr.replace("\r", "\n").split("\n") if line.strip()]
    assert all("cell" in line and "%|" in line for line in bar), stderr
    assert not (folder / "none").exists()
    left = {path.name for path in (folder / "ipython" / "profile_default").iterdir()}
    assert left == {"startup", "ipython_config.py"}  # no history, no log


def test_planted_settings_would_reach_the_kernel_that_jupyter_finds(tmp_path):
    """The plants bear: the same cells in ipykernel's own launcher, as Jupyter starts it."""
    environment = {**os.environ, **plant(tmp_path)}
    program = (
        "from jupyter_client import KernelManager as K; import sys\n"
        "from jupyter_client.kernelspec import KernelSpecManager as S\n"
        "print(S().get_kernel_spec('python3').display_name)\n"
        "k = K(); k.kernel_spec.argv[:] = [sys.executable, '-m', 'ipykernel_launcher',"
        " '-f', '{connection_file}']\n"
        "k.start_kernel(); c = k.client(); c.start_channels(); c.wait_for_ready(60)\n"
        "c.execute_interactive('1\\n2\\nplanted', output_hook=lambda m: print(m['content']))\n"
        "k.shutdown_kernel()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.startswith("Planted\n"), done.stderr
    assert done.stdout.count("'text/plain'") == 3  # 1, 2 and True
    assert "TCP without encryption" in done.stderr


def test_other_kernels_stay_to_be_chosen(tmp_path, monkeypatch):
    for name, value in plant(tmp_path).items():
        monkeypatch.setenv(name, value)
    found = kernels.with_own_kernel(KernelSpecManager)()
    specs = found.get_all_specs()
    assert specs["mine"]["spec"]["display_name"] == "Planted"
    assert specs["python3"]["spec"]["argv"][0] == sys.executable
    assert found.get_kernel_spec("python3").argv[1] == str(kernels.PROGRAM)
    assert found.get_kernel_spec("mine").display_name == "Planted"
    assert set(found.find_kernel_specs()) == set(specs)
    with pytest.raises(NoSuchKernel):
        found.get_kernel_spec("nobody")


def test_messages_are_encrypted_wherever_the_library_can(monkeypatch):
    assert kernels.encryption() == "auto"
    monkeypatch.setattr("zmq.has", lambda what: False)
    assert kernels.encryption() == "disabled"
    assert kernels.manager().transport_encryption == "disabled"


def test_kernel_of_a_notebook_from_elsewhere_is_ours_too(checkout):
    notebook = lesson("import sys; sys.executable")
    other = {"name": "ir", "display_name": "R", "language": "R"}
    notebook.metadata["kernelspec"] = other
    put(checkout, _10_own_data=notebook)
    (done,) = publish.execute(publish.discover(checkout / "notebooks"))
    assert done.code[0].outputs[0].data["text/plain"] == repr(sys.executable)


def test_no_kernel_is_started_past_ours():
    found = []
    for folder in ("src", "tests", "data/recipes"):
        for file in (publish.ROOT / folder).rglob("*.py"):
            for line in file.read_text(encoding="utf-8").splitlines():
                if re.search(r"(?<!class )\b(\w*KernelManager|NotebookClient)\(", line):
                    found.append(f"{file.name}: {line.strip()}")
    # `make bench BASE=` times the kernels of two checkouts, each in its own environment.
    assert [line.partition(":")[0] for line in found] == ["against.py"]
