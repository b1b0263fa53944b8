"""What doctor says of a machine: whole ones, and broken ones of every kind."""

import ast
import http.server
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from hf_tutorial import caches as cache
from hf_tutorial import doctor, place, sources
from hf_tutorial.doctor import (
    environment,
    files,
    finding,
    hub,
    imports,
    lock,
    machine,
    mending,
    settings,
)

ROOT = finding.ROOT
TOKEN = "hf_plantedPlantedPLANTED0123456789"


def run(python=sys.executable, **variables) -> subprocess.CompletedProcess:
    """Run doctor as a reader does, from the root of the repository."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFO"))}
    return subprocess.run(
        [python, "-m", "hf_tutorial.doctor"],
        cwd=ROOT,
        env={**kept, **{k: str(v) for k, v in variables.items()}},
        capture_output=True,
        text=True,
        timeout=180,
    )


def marks(found) -> list[str]:
    return [one.mark for one in found]


def only(found):
    (one,) = found
    return one


# The report


def test_report_has_a_line_each_and_says_how_many_there_are_to_fix():
    found = [
        doctor.Finding("ok", "two cores"),
        doctor.Finding("fix", "torch is not installed", "pip install torch\nmake lab"),
        doctor.Finding("optional", "no GPU"),
    ]
    assert doctor.report(found).splitlines() == [
        "ok        two cores",
        "fix       torch is not installed",
        "          > pip install torch",
        "          > make lab",
        "optional  no GPU",
        "",
        "1 to fix before the notebooks run; 1 optional.",
    ]
    assert doctor.report(found[::2]).endswith("The notebooks will run; 1 optional.")
    assert "\033" not in doctor.report(found) and "\033[31m" in doctor.report(
        found, True
    )


@pytest.mark.parametrize("mark, status", [("ok", 0), ("optional", 0), ("fix", 1)])
def test_exit_status_is_1_only_when_something_is_to_fix(
    monkeypatch, capsys, mark, status
):
    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Finding(mark, "something")])
    assert doctor.main() == status
    assert "something" in capsys.readouterr().out


def test_look_that_fails_is_a_line_and_no_traceback():
    def cores():
        raise RuntimeError("first line\nsecond line")

    one = only(doctor._look(cores))
    assert one.mark == "optional"
    assert "could not look at" in one.what and "RuntimeError: first line)" in one.what


def test_this_machine_gets_a_report_without_colours():
    done = run(HF_TOKEN=TOKEN)
    assert done.stderr == "" and "Traceback" not in done.stdout
    for part in (
        "Python 3.",
        "cores",
        "memory: ",
        "disk: ",
        "GPU",
        "by their checksums",
    ):
        assert part in done.stdout, done.stdout
    assert "can be imported" in done.stdout and "\033" not in done.stdout
    assert TOKEN[:9] not in done.stdout
    assert done.returncode == int("\nfix " in done.stdout), done.stdout


def test_doctor_can_be_read_by_pythons_that_are_too_old():
    """They have to be told that they are; the Mac's own is 3.9."""
    texts = [*Path(doctor.__file__).parent.glob("*.py")]
    texts += [ROOT / "src" / "hf_tutorial" / f"{n}.py" for n in
              ("__init__", "caches", "place", "sources")]  # fmt: skip
    assert len(texts) > 8
    for text in texts:
        source = text.read_text(encoding="utf-8")
        ast.parse(source, str(text), feature_version=(3, 9))
        code = [line for line in source.splitlines() if not line.startswith('"""')]
        if text.name not in ("__main__.py",):
            assert "from __future__ import annotations" in code, text.name


def test_importing_doctor_loads_nothing_that_has_to_be_installed():
    program = (
        "import sys, hf_tutorial.doctor; from pathlib import Path;"
        "print([n for n, m in sys.modules.items() if 'site-packages' in"
        " (getattr(m, '__file__', None) or '') and not n.startswith('_')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


# Python and the locked libraries


def test_python_outside_of_the_builds_is_to_fix():
    assert marks(environment.python((3, 12, 1))) == ["ok"]
    for version in ((3, 10, 13), (3, 15, 0), (4, 0, 0)):
        one = only(environment.python(version))
        assert one.mark == "fix" and "3.11 to 3.14" in one.what and one.way_out


@pytest.mark.parametrize("windows", [True, False])
def test_ways_out_name_no_make_where_there_is_none(monkeypatch, tmp_path, windows):
    monkeypatch.setattr(place, "WINDOWS", windows)
    there = {
        "python3.13",
        *(["make"] if windows else []),
    }  # a make without our Makefile
    monkeypatch.setattr(
        shutil, "which", lambda name, **how: name if name in there else None
    )
    usage = shutil.disk_usage(ROOT)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10**6))
    found = [*environment.python((3, 10, 1)), *machine.disk(), *machine.system(),
             *imports._graphics("", "2.13.0", "12.9", "", False)]  # fmt: skip
    monkeypatch.setattr(environment, "_installed", lambda name: None)
    found += environment.versions()
    monkeypatch.setattr(
        place, "passed_over", lambda root: tmp_path / ".venv/bin/python"
    )
    found += environment.versions()
    monkeypatch.setattr(place, "PACKAGE", tmp_path / "src" / "hf_tutorial")
    for folder in ("src/hf_tutorial", "notebooks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src" / "hf_tutorial" / "__init__.py").touch()
    found += environment.checkout()
    ways = [one.way_out for one in found if one.mark != "ok"]
    assert len(ways) >= 6 and "python3.13 src/hf_tutorial/install.py .venv" in ways
    assert [way for way in ways if "make " in way] == []
    assert sum(place.BY_HAND in way for way in ways) == 4
    monkeypatch.setattr(place, "has_make", lambda: True)
    again = [*environment.python((3, 10, 1)), *environment.checkout()]
    assert [one.way_out for one in again][0] == "make PYTHON3=python3.13"
    assert again[-1].way_out.startswith("make lab, in ")


def test_windows_is_told_what_it_cannot_do(monkeypatch):
    monkeypatch.setattr(place, "WINDOWS", True)
    one = only(machine.system())
    assert (
        one.what.startswith("notebook 07 needs Linux or macOS") and "WSL" in one.way_out
    )


LOCKED = """# made by a tool
--index-url https://example.org/simple
numpy==2.4.6 \\
    --hash=sha256:aaaa \\
    --hash=sha256:bbbb
    # via pandas
colorama==0.4.6 ; sys_platform == "nowhere" \\
    --hash=sha256:cccc
exceptiongroup==1.3 ; python_version < "3.11"
jinja2[i18n]==3.1.6 ; python_version >= "3.11"  # with an extra
torch==2.13.0+cpu ; sys_platform != "nowhere" --hash=sha256:dddd
-e .
loose>=1
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_lock_file_is_read_with_its_markers(tmp_path, line_end):
    file = tmp_path / "requirements.txt"
    file.write_bytes(LOCKED.replace("\n", line_end).encode())
    assert lock.pins(file) == [
        ("numpy", "2.4.6"),
        ("jinja2", "3.1.6"),
        ("torch", "2.13.0+cpu"),
    ]


def test_lock_file_is_read_where_nothing_reads_markers(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "packaging.markers", None)
    file = tmp_path / "requirements.txt"
    file.write_text(LOCKED)
    assert lock.pins(file) == [("numpy", "2.4.6")]


def test_direct_libraries_are_those_of_pyproject():
    assert {"torch", "huggingface-hub", "scikit-learn"} <= lock.direct()
    assert "ruff" not in lock.direct()


def test_versions_are_compared_library_by_library(tmp_path, monkeypatch):
    installed = {"numpy": "2.4.6", "torch": "2.13.0+cpu", "jinja2": "3.0"}
    monkeypatch.setattr(environment, "_installed", installed.get)
    file = tmp_path / "requirements.txt"
    file.write_text("numpy==2.4.6\ntorch==2.13.0\n")
    assert environment.versions(file) == [
        ("ok", "all 2 libraries at their locked versions", "")
    ]
    file.write_text("numpy==2.4.6\njinja2==3.1\ndatasets==5.2.0\nruff==1.0\n")
    summary, other, missing, tool = environment.versions(file)
    assert summary.what == "1 of 4 libraries at their locked versions"
    assert other[:2] == ("optional", "jinja2 is 3.0, locked: 3.1; numbers may differ")
    assert other.way_out.endswith("-m pip install jinja2==3.1")
    assert missing[:2] == ("fix", "datasets is not installed (locked: 5.2.0)")
    assert tool.mark == "optional"  # no notebook needs it


def test_many_differences_share_one_command_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "_installed", lambda name: "0.1")
    file = tmp_path / "requirements.txt"
    file.write_text("".join(f"library{n}==2.0\n" for n in range(9)))
    found = environment.versions(file)
    assert len(found) == 10 and [one.way_out for one in found[:-1]] == [""] * 9
    assert "src/hf_tutorial/install.py .venv" in found[-1].way_out


SET_UP = f"{Path('src/hf_tutorial/install.py')} .venv"


def own_environment(folder: Path, monkeypatch) -> None:
    """Make a checkout with a .venv, and let it be the one that runs."""
    program = folder / "src" / "hf_tutorial" / "install.py"
    program.parent.mkdir(parents=True)
    program.touch()
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").touch()
    monkeypatch.setattr(mending, "ROOT", folder)
    monkeypatch.setattr(sys, "prefix", str(folder / ".venv"))


def test_own_environment_is_mended_by_set_up_which_chooses_the_build_of_torch(
    tmp_path, monkeypatch
):
    own_environment(tmp_path, monkeypatch)
    monkeypatch.setattr(environment, "_installed", {"numpy": "2.0"}.get)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "requirements.txt"
    file.write_text("torch==2.13.0\nnumpy==2.0\n")
    torch = environment.versions(file)[-1]
    assert torch.way_out.endswith(SET_UP)
    monkeypatch.setattr(environment, "_installed", {"numpy": "2.0", "torch": "1.0"}.get)
    torch = environment.versions(file)[-1]
    assert torch.what.startswith("torch is 1.0") and torch.way_out.endswith(SET_UP)
    broken = imports._trouble("torch", "import", "ended the process")
    remove, again = broken.way_out.splitlines()
    assert remove.endswith("pip uninstall --yes torch") and again.endswith(SET_UP)
    lost = imports._trouble("accelerate", "ImportError", "no torch", "torch")
    assert lost.way_out.endswith(SET_UP)
    (tmp_path / "src" / "hf_tutorial" / "install.py").unlink()
    assert "pip install torch==2.13.0" in environment.versions(file)[-1].way_out


def test_environment_that_is_reached_by_another_name_is_the_same(tmp_path, monkeypatch):
    """As by a mapped drive of Windows: here it is a link."""
    own_environment(tmp_path / "checkout", monkeypatch)
    (tmp_path / "drive").symlink_to(tmp_path / "checkout")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "drive" / ".venv"))
    monkeypatch.chdir(tmp_path / "drive")
    assert mending.set_up()
    monkeypatch.setattr(place, "PACKAGE", tmp_path / "checkout/src/hf_tutorial")
    (tmp_path / "checkout" / "notebooks").mkdir()
    (place.PACKAGE / "__init__.py").touch()
    monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "drive")
    assert only(environment.checkout()).what.startswith("checkout ")
    assert environment._of_this_environment(str(tmp_path / "drive/.venv/bin/python"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "checkout" / ".venv"))
    assert environment._of_this_environment(str(tmp_path / "drive/.venv/bin/python"))

    def on_another_drive(path, start=None):
        raise ValueError("path is on mount 'C:', start on mount 'D:'")

    monkeypatch.setattr(os.path, "relpath", on_another_drive)
    assert str(tmp_path / "checkout" / "src") in mending.set_up()


def test_build_of_torch_for_the_cpu_stays_one_where_set_up_is_not_at_home(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(mending, "set_up", lambda: "")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.0+cpu")
    file = tmp_path / "requirements.txt"
    file.write_text("torch==2.13.0\n")
    cpu = "torch==2.13.0+cpu --extra-index-url https://download.pytorch.org/whl/cpu"
    assert environment.versions(file)[-1].way_out.endswith(f"pip install {cpu}")
    broken = imports._trouble("torch", "import", "ended the process")
    assert broken.way_out.endswith(f"pip install --force-reinstall --no-deps {cpu}")
    file.write_text("torch==2.13.0\n" + "".join(f"l{n}==2.0\n" for n in range(9)))
    torch, rest = environment.versions(file)[-1].way_out.splitlines()
    assert torch.endswith(cpu) and "--no-deps -r" in rest
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.0")
    assert len(environment.versions(file)[-1].way_out.splitlines()) == 1
    file.write_text("torch==2.13.0\n")
    assert environment.versions(file)[-1].way_out.endswith("install torch==2.13.0")


def test_environment_without_any_library_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "_installed", lambda name: None)
    one = only(environment.versions())
    assert one.mark == "fix" and "locked libraries are not installed for" in one.what
    monkeypatch.setattr(place, "passed_over", lambda root: Path(sys.executable))
    assert f"{sys.executable} -m hf_tut" in only(environment.versions()).way_out
    gone = tmp_path / ".venv" / "bin" / "python"
    monkeypatch.setattr(place, "passed_over", lambda root: gone)
    assert f"delete {tmp_path / '.venv'}, whose" in only(environment.versions()).way_out


def test_same_version_is_seen_through_its_spelling():
    assert lock.same_version("2.13.0+cpu", "2.13.0") and lock.same_version(
        "2.0", "2.0.0"
    )
    assert not lock.same_version("2.0", "2.1") and not lock.same_version("x", "y")


def test_module_leads_back_to_the_library_that_brings_it():
    assert lock.library_of("sklearn").startswith("scikit-learn==")
    assert lock.library_of("PIL").startswith("pillow")
    assert lock.library_of("unknown") == "unknown"


def test_file_that_hides_a_library_is_named(tmp_path):
    for name in ("random.py", "datasets.py", "my_notes.py", "torch.txt"):
        (tmp_path / name).touch()
    (tmp_path / "transformers").mkdir()
    (tmp_path / "transformers" / "__init__.py").touch()
    (tmp_path / "images").mkdir()
    found = environment.hidden(tmp_path)
    assert marks(found) == ["fix"] * 3
    said = " ".join(one.what for one in found)
    assert "notebooks/random.py hides the library random" in said
    assert "notebooks/transformers" in said and "my_notes" not in said
    assert environment.hidden() == []


# Imports, in processes of their own


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """Libraries that misbehave, in place of the real ones."""
    bodies = {
        "good": "print('noise on stdout')",
        "raises": "raise RuntimeError('built for another NumPy\\nand a second line')",
        "needs": "import no_such_library",
        "aborts": "import os; os.abort()",
        "exits": "import os; os._exit(3)",
        "leaves": "raise SystemExit",
        "later": "",
    }
    for name, body in bodies.items():
        (tmp_path / f"{name}.py").write_text(body)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(imports, "TORCH", {})
    monkeypatch.setattr(imports, "OTHERS", {n: n for n in (*bodies, "not_there")})
    return tmp_path


def test_library_that_breaks_at_import_is_a_line_each(planted):
    found = imports.libraries()
    broken = {one.what: one for one in found if one.mark == "fix"}
    words = " | ".join(broken)
    assert (
        "raises is installed, but cannot be imported: RuntimeError: built for" in words
    )
    assert "second line" not in words
    assert "needs cannot be imported, because no_such_library is missing" in words
    assert "importing aborts ended the process with signal 6" in words
    assert "importing exits ended the process with status 3" in words
    assert "leaves is installed, but cannot be imported: SystemExit" in words
    assert "not_there is not installed" in words and len(broken) == 6
    assert "good" not in words and "later" not in words
    assert "--force-reinstall --no-deps raises" in next(iter(broken.values())).way_out


def test_import_that_never_ends_is_stopped(planted, monkeypatch):
    (planted / "hangs.py").write_text("import time; time.sleep(60)")
    monkeypatch.setattr(imports, "OTHERS", {"hangs": "hangs", "good": "good"})
    monkeypatch.setattr(imports, "PATIENCE", 1)
    found = imports.libraries()
    assert found[0].what == "importing hangs took longer than 1 s"


def test_python_that_cannot_start_another_is_not_told_to_install_itself(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    found = [one for one in imports.libraries() if one.mark == "fix"]
    assert "another Python does not start" in found[0].what
    assert "pip install" not in found[0].way_out and ".venv" in found[0].way_out
    assert len(found) == 1


def test_environment_without_anything_is_no_traceback(tmp_path):
    """A real one: a fresh environment that does not even have pip."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True
    )
    python = tmp_path / "bare" / ("Scripts" if os.name == "nt" else "bin") / "python"
    done = run(python, PYTHONPATH=ROOT / "src")
    assert done.returncode == 1 and done.stderr == "", done.stderr
    assert "locked libraries are not installed for" in done.stdout
    assert "memory: " in done.stdout and "by their checksums" in done.stdout
    assert "could not look" not in done.stdout and "Traceback" not in done.stdout


def test_libraries_that_are_gone_are_no_traceback(tmp_path):
    """As if half an installation had failed; the helpers of doctor are missing as well."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.metadata as m, sys\n"
        "gone = {'torch', 'transformers', 'numpy', 'huggingface_hub', 'psutil', 'packaging',"
        " 'jupyter_client', 'jupyter_core'}\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in gone:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "known = m.version\n"
        "def version(name):\n"
        "    if name.replace('-', '_') in gone:\n"
        "        raise m.PackageNotFoundError(name)\n"
        "    return known(name)\n"
        "m.version = version\n"
    )
    done = run(PYTHONPATH=tmp_path)
    assert done.returncode == 1 and done.stderr == "", done.stderr
    for name in ("torch", "transformers", "numpy", "huggingface-hub"):
        assert f"{name} is not installed (locked: " in done.stdout, done.stdout
    assert "accelerate cannot be imported, because " in done.stdout
    assert "could not look" not in done.stdout and "memory: " in done.stdout


# The kernel


def test_kernel_of_this_environment_is_recognised():
    one = only(environment.kernel())
    assert one == ("ok", "the kernel python3 runs in this environment", "")


@pytest.mark.parametrize("by", ["JUPYTER_PATH", "another program"])
def test_kernel_of_another_environment_is_found_with_the_way_out(
    tmp_path, monkeypatch, by
):
    spec = tmp_path / "kernels" / "python3"
    spec.mkdir(parents=True)
    other = str(tmp_path / "old" / "bin" / "python")
    argv = [other, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"})
    )
    if by == "JUPYTER_PATH":
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    else:
        monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
        monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    one = only(environment.kernel())
    assert one.mark == "fix" and other in one.what and str(spec) in one.what
    first = (
        "unset JUPYTER_PATH" if by == "JUPYTER_PATH" else "kernelspec remove python3"
    )
    assert first in one.way_out and "make lab" in one.way_out


def test_program_of_an_environment_is_not_mistaken_for_the_one_it_links_to():
    assert environment._of_this_environment(sys.executable)
    real = os.path.realpath(sys.executable)
    if os.path.dirname(real) != os.path.dirname(sys.executable):
        assert not environment._of_this_environment(real)


# The machine


def test_one_core_is_said_to_be_slow():
    assert marks(machine.cores(1)) == ["optional"] and marks(machine.cores(2)) == ["ok"]


def test_memory_is_judged_by_what_a_notebook_needs():
    assert marks(machine.memory(8e9, 5e9)) == ["ok"]
    low = only(machine.memory(2e9, 1e9))
    assert low.mark == "fix" and "1.0 GB of 2.0 GB" in low.what and "3 GB" in low.what
    assert marks(machine.memory(8e9, 1e9)) == ["optional"]


def test_memory_is_measured_without_psutil_as_well(monkeypatch):
    total, free = machine._memory()
    monkeypatch.setitem(sys.modules, "psutil", None)
    again, left = machine._memory()
    assert again == pytest.approx(total, rel=0.01) and 0 < free <= total
    assert left is None or 0 < left <= total


def test_limits_of_a_container_count(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    for name, content in {
        "memory.max": "2000000000\n",
        "memory.current": "1500000000\n",
        "memory.stat": "anon 5\ninactive_file 1000000000\n",
        "cpu.max": "100000 100000\n",
    }.items():
        (tmp_path / name).write_text(content)
    assert machine._memory() == (2e9, 1.5e9)
    assert machine._cores() == 1
    (tmp_path / "memory.max").write_text("max\n")
    assert machine._memory()[0] != 2e9


def test_full_disk_is_to_fix_and_told_once(monkeypatch):
    usage = shutil.disk_usage(ROOT)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10**7))
    found = machine.disk()
    assert set(marks(found)) == {"fix"} and "0.01 GB free" in found[0].what
    assert len(found) == len({one.what for one in found})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10**10))
    assert machine.disk() == [("ok", "disk: 10 GB free", "")]


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="a folder on Linux only"
)
def test_shared_memory_that_is_small_or_missing_is_told(tmp_path):
    assert marks(machine.shared_memory(tmp_path, least=0)) == ["ok"]
    assert marks(machine.shared_memory(tmp_path, least=1e18)) == ["optional"]
    (tmp_path / "file").touch()
    assert marks(machine.shared_memory(tmp_path / "file")) == ["fix"]


@pytest.mark.parametrize(
    "size, said", [(64e6, "0.064 GB"), (9.96e9, "10 GB"), (135.4e9, "135 GB")]
)
def test_shared_memory_is_written_out(monkeypatch, size, said):
    usage = shutil.disk_usage(ROOT)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(total=size))
    assert only(machine.shared_memory()).what.endswith(f": {said}")


def test_systems_without_shared_memory_as_a_folder_get_no_line(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert machine.shared_memory(Path("/dev/shm")) == []


@pytest.mark.skipif(os.name == "nt", reason="plants a program of the shell")
def test_gpu_is_named_by_its_driver(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho NVIDIA A100\necho NVIDIA A100\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert machine.nvidia() == "2 x NVIDIA A100"


@pytest.mark.parametrize(
    "gpu, build, mark, words",
    [
        ("", ("2.13.0+cpu", "", "", False), "ok", "none is needed"),
        ("", ("2.13.0", "12.9", "", False), "optional", "gigabytes for CUDA 12.9"),
        ("A100", ("2.13.0+cpu", "", "", False), "optional", "build for the CPU"),
        ("A100", ("2.13.0", "12.9", "A100", False), "ok", "uses the A100"),
        ("A100", ("2.13.0", "12.9", "", False), "optional", "driver"),
        ("", ("2.13.0", "", "", True), "ok", "Apple"),
        ("", ("2.13.0", "", "MI300", False, "6.4"), "ok", "uses the MI300"),
        ("", ("2.13.0", "", "", False, "6.4"), "optional", "AMD GPUs (ROCm 6.4)"),
        ("A100", ("2.13.0", "", "", False, "6.4"), "optional", "AMD GPUs (ROCm 6.4)"),
    ],
)
def test_build_of_torch_is_held_against_the_gpu(monkeypatch, gpu, build, mark, words):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    one = only(imports._graphics(gpu, *build))
    assert one.mark == mark and words in one.what
    assert bool(one.way_out) == (mark == "optional")


def test_torch_for_amd_is_asked_for_its_gpu_without_a_driver_of_nvidia(
    tmp_path, monkeypatch
):
    (tmp_path / "torch.py").write_text(
        "from types import SimpleNamespace as S\n"
        "__version__, version = '2.13.0+rocm6.4', S(cuda=None, hip='6.4')\n"
        "cuda = S(is_available=lambda: True, get_device_name=lambda n: 'MI300')\n"
        "backends = S(mps=S(is_available=lambda: False))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(imports, "TORCH", {"torch": "torch"})
    monkeypatch.setattr(imports, "OTHERS", {})
    monkeypatch.setattr(imports, "nvidia", lambda: "")
    one = imports.libraries()[-1]
    assert one == ("ok", "GPU: torch 2.13.0+rocm6.4 uses the MI300", "")


def test_hidden_gpu_is_no_fault(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    one = only(imports._graphics("A100", "2.13.0", "12.9", "", False))
    assert one.mark == "ok" and "hidden by CUDA_VISIBLE_DEVICES" in one.what


# Files


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of data to damage: links to the real files, in a clone."""
    shutil.copytree(sources.DATA, tmp_path / "data", copy_function=os.symlink)
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(sources, "DATA", tmp_path / "data")
    return tmp_path / "data"


def test_damaged_and_missing_data_is_to_fix(data, monkeypatch):
    assert marks(files.data()) == ["ok"]
    file = data / "reviews" / "train.jsonl"
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:-1])
    (data / "models" / sources.ENCODER_FOLDER / "config.json").unlink()
    encoder, reviews = files.data()
    assert encoder.mark == "fix" and "encoder model" in encoder.what
    assert encoder.way_out.endswith("-m hf_tutorial.sources")
    assert reviews.mark == "fix" and "data/reviews is damaged" in reviews.what
    assert reviews.way_out == "git restore data/reviews"
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", "hub")  # which reads none of it
    assert marks(files.data()) == ["optional", "optional"]


def test_changed_line_endings_are_one_line_for_all_folders(data):
    for name in ("reviews/train.jsonl", "headlines/test.jsonl"):
        content = (data / name).read_bytes()
        (data / name).unlink()
        (data / name).write_bytes(content.replace(b"\n", b"\r\n"))
    one = only(files.data())
    assert one.mark == "fix" and "line endings of Windows" in one.what
    assert one.way_out.splitlines() == [
        "git config core.autocrlf false",
        "git rm -r -q --cached data",
        "git checkout HEAD -- data",
    ]
    (data.parent / ".git").rmdir()
    assert "fresh download" in only(files.data()).way_out


def test_folder_of_data_that_is_not_there_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "DATA", tmp_path / "data")
    one = only(files.data())
    assert one.mark == "fix" and str(tmp_path / "data") in one.what


def test_cache_that_cannot_be_written_is_told_once_and_named(tmp_path, monkeypatch):
    for variable in ("HF_DATASETS_CACHE", "HF_HUB_CACHE", "HF_MODULES_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    assert marks(files.caches()) == ["ok"]
    (tmp_path / "home").touch()
    one = only(files.caches())
    assert one.mark == "optional" and str(tmp_path / "home") in one.what
    assert "set HF_HOME" in one.way_out


def test_cache_that_has_a_variable_of_its_own_is_moved_by_that(tmp_path, monkeypatch):
    for variable in cache._BELOW_HOME:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    (tmp_path / "file").touch()
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "file" / "datasets"))
    one = only(files.caches())
    assert one.what.startswith("HF_DATASETS_CACHE cannot be written")
    assert one.way_out.startswith("set HF_DATASETS_CACHE to a folder that can be")


def test_closed_cache_of_downloads_matters_as_far_as_start_minds_it(
    tmp_path, monkeypatch
):
    for variable in cache._BELOW_HOME:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("HF_TUTORIAL_SOURCE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    (tmp_path / "file").touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "file" / "hub"))
    assert marks(files.caches()) == ["ok"]  # bundled models need it not
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", "hub")
    one = only(files.caches())
    assert one.what.startswith("HF_HUB_CACHE cannot be written")
    assert "temporary folder each time" in one.what and "HF_HUB_CACHE" in one.way_out
    monkeypatch.setattr(cache, "_holds_models", lambda folder: True)
    assert "downloaded before can be loaded" in only(files.caches()).what


def test_folder_of_jupyters_connections_has_to_be_writable(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "file" / "runtime"))
    (one,) = [f for f in files.caches() if f.mark == "fix"]
    assert "Jupyter cannot write" in one.what and "JUPYTER_RUNTIME_DIR" in one.way_out


def test_git_that_would_change_line_endings_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "DATA", tmp_path / "data")
    assert files.line_endings() == []  # no clone
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "config", "core.autocrlf", "true"], check=True)
    one = only(files.line_endings())
    assert one.way_out == "git config core.autocrlf false"
    (tmp_path / ".gitattributes").write_text("data/** -text\n")
    assert files.line_endings() == []


# Settings


def test_profile_and_startup_files_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.delenv("PYTHONSTARTUP", raising=False)
    startup = tmp_path / "profile_default" / "startup"
    startup.mkdir(parents=True)
    config = tmp_path / "profile_default" / "ipython_config.py"
    config.write_text("c = get_config()\n# c.InteractiveShell.autocall = 2\n")
    (startup / "README").write_text("This is the IPython startup directory")
    assert marks(settings.profile()) == ["ok"]
    config.write_text(
        "c = get_config()\nc.InteractiveShell.ast_node_interactivity='all'"
    )
    (startup / "00-mine.py").write_text("import numpy as np")
    monkeypatch.setenv("PYTHONSTARTUP", "/home/me/start.py")
    said = [one.what for one in settings.profile()]
    assert len(said) == 3 and set(marks(settings.profile())) == {"optional"}
    assert f"{config} sets InteractiveShell.ast_node_interactivity;" in said[0]
    assert "00-mine.py runs before each notebook" in said[1]
    assert "PYTHONSTARTUP=/home/me/start.py" in said[2]


def test_matplotlibrc_is_named_as_left_out(tmp_path, monkeypatch):
    rc = tmp_path / "matplotlibrc"
    rc.write_text("# axes.grid: True\n")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path))
    before = settings.drawing()
    rc.write_text("axes.grid: True\n")
    assert str(rc) in only(settings.drawing()).what and settings.drawing() != before


@pytest.mark.parametrize(
    "name, value, mark",
    [
        ("HF_TUTORIAL_SOURCE", "web", "fix"),
        ("HF_TUTORIAL_SOURCE", "hub", "ok"),
        ("TRANSFORMERS_CACHE", "/cache", "optional"),
        ("PYTHONPATH", "/elsewhere", "optional"),
        ("OMP_NUM_THREADS", "1", "optional"),
        ("PYTHONOPTIMIZE", "1", "fix"),
        ("PYTHONWARNINGS", "error", "fix"),
        ("ACCELERATE_MIXED_PRECISION", "fp16", "optional"),
        ("MPLBACKEND", "agg", "ok"),
    ],
)
def test_variable_that_interferes_is_named(monkeypatch, name, value, mark):
    bare = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME")}
    for variable in set(os.environ) - set(bare):
        monkeypatch.delenv(variable)
    assert only(settings.variables()).what.startswith("no variable is set")
    monkeypatch.setenv(name, value)
    one = only(settings.variables())
    assert one.mark == mark and name in one.what
    assert mark == "ok" or f"unset {name}" in one.way_out


@pytest.mark.parametrize(
    "name, value",
    [
        ("PYTHONHASHSEED", "0"),
        ("PYTHONUNBUFFERED", "1"),
        ("PYTHONPATH", str(ROOT / "src")),
        ("PYTHONWARNINGS", "ignore"),
        ("HF_TUTORIAL_SOURCE", "bundled"),
        ("MPLBACKEND", "module://matplotlib_inline.backend_inline"),
    ],
)
def test_variable_that_does_not_matter_is_left_out(monkeypatch, name, value):
    for variable in set(os.environ) - {"PATH", "HOME"}:
        monkeypatch.delenv(variable)
    monkeypatch.setenv(name, value)
    assert only(settings.variables()).what.startswith("no variable is set")


def test_offline_variables_matter_in_hub_mode(monkeypatch):
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", "hub")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    said = [one.what for one in settings.variables()]
    assert any(
        "HF_HUB_OFFLINE=1 together with HF_TUTORIAL_SOURCE=hub" in s for s in said
    )


# The Hub


@contextmanager
def loopback(status, body=b"", location=None):
    """A Hub on this machine; gives its address and the requests it got."""
    got = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            got.append((self.path, self.headers.get("Authorization")))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Ask a Hub at an address, with or without a token, in one of the modes."""
    for name in list(os.environ):
        if (
            name.startswith(("HF_", "TRANSFORMERS_", "HUGGING_"))
            or "proxy" in name.lower()
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HOME", str(tmp_path))

    def ask(address, token=None, source="bundled", **options):
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("HF_TUTORIAL_SOURCE", source)
        if token:
            monkeypatch.setenv("HF_TOKEN", token)
        one = only(hub.reach(**options))
        assert TOKEN[:9] not in hub.without_tokens(f"{one.what} {one.way_out}")
        return one

    return ask


def test_reader_who_is_logged_in_is_greeted_by_name(asked):
    body = json.dumps({"name": "ada", "email": "a@example.org"}).encode()
    with loopback(200, body) as (address, got):
        one = asked(address, TOKEN + "\n")
    assert one.mark == "ok" and one.what.endswith("answers; logged in as ada")
    assert got == [("/api/whoami-v2", f"Bearer {TOKEN}")]


def test_token_in_the_file_of_the_login_is_found(asked, tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    with loopback(200, b'{"name": "ada"}') as (address, got):
        assert "logged in as ada" in asked(address).what
    assert got[0][1] == f"Bearer {TOKEN}"


def test_reader_who_is_not_logged_in_learns_how(asked):
    with loopback(401) as (address, got):
        one = asked(address)
    assert one.mark == "optional" and "auth login" in one.way_out
    assert got == [("/api/whoami-v2", None)]


@pytest.mark.parametrize("source, mark", [("bundled", "optional"), ("hub", "fix")])
def test_token_that_is_not_taken_is_told_by_where_it_lies(asked, source, mark):
    with loopback(401) as (address, _):
        one = asked(address, TOKEN, source)
    assert one.mark == mark and "does not take the token in HF_TOKEN" in one.what
    assert "unset HF_TOKEN" in one.way_out


def test_token_does_not_travel_on_with_a_redirect(asked):
    with loopback(200, b'{"name": "thief"}') as (elsewhere, got):
        with loopback(302, location=f"{elsewhere}/api/whoami-v2") as (address, _):
            one = asked(address, TOKEN)
    assert got == [] and "status 302, not as usual" in one.what


def test_token_is_not_sent_in_the_clear(asked, monkeypatch):
    sent = []
    monkeypatch.setattr(hub, "_ask", lambda *a: sent.append(a) or "no")
    asked("http://mirror.example.org", TOKEN)
    asked("https://mirror.example.org", TOKEN)
    assert [token for _, token, _ in sent] == [None, TOKEN]


@pytest.mark.parametrize("token", [f"{TOKEN}\nX-Other: 1", f"{TOKEN}\u2603", TOKEN])
def test_token_is_never_shown(asked, token):
    with loopback(200, json.dumps({"name": TOKEN}).encode()) as (address, _):
        asked(address, token)  # it asserts that no part of it is shown
    assert TOKEN not in hub.without_tokens(f"an error that repeats {TOKEN}")


@pytest.mark.parametrize("source, mark", [("bundled", "optional"), ("hub", "fix")])
def test_hub_that_refuses_matters_in_its_own_mode_only(asked, source, mark):
    one = asked("http://127.0.0.1:1", source=source)
    assert one.mark == mark and "(127.0.0.1) cannot be reached" in one.what
    assert ("bundled models need none" in one.what) == (source == "bundled")


def test_hub_that_never_answers_costs_no_more_than_its_time(asked):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        clock = time.perf_counter()
        one = asked(address, patience=0.5)
        assert time.perf_counter() - clock < 5
    assert one.mark == "optional" and "cannot be reached" in one.what


@pytest.mark.parametrize("source", ["bundled", "hub"])
def test_proxy_that_refuses_is_quoted_with_its_status(monkeypatch, source):
    import socket

    for name in ("HF_HUB_OFFLINE", "NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", source)
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example.org")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse():
            caller, _ = server.accept()
            caller.recv(1000)
            caller.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            caller.close()

        threading.Thread(target=refuse, daemon=True).start()
        address = f"http://me:secret@127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("HTTPS_PROXY", address)
        one = only(doctor._look(hub.reach))
    assert "407 Proxy Authentication Required" in one.what
    assert "secret" not in one.what + one.way_out
    assert one.way_out == (
        "unset HF_TUTORIAL_SOURCE, or mend the proxy" if source == "hub" else ""
    )


@pytest.mark.parametrize(
    "address", ["ftp://example.org", "huggingface.co", "http://[::1"]
)
def test_address_that_is_none_is_a_line(monkeypatch, address):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", address)
    assert only(doctor._look(hub.reach)).mark == "optional"


def test_hub_is_not_asked_when_the_reader_is_offline_by_choice(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    one = only(hub.reach())
    assert one.mark == "ok" and "was not asked" in one.what
    monkeypatch.setenv("HF_HUB_OFFLINE", "")
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "1")
    assert "since TRANSFORMERS_OFFLINE is set" in only(hub.reach()).what
    # A 0 in the first counts for the Hub's library, whatever the second says.
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "cannot be reached" in only(hub.reach()).what
