"""Python, the locked libraries, and the kernel that Jupyter starts."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from hf_tutorial import place
from hf_tutorial.doctor import imports, lock, mending
from hf_tutorial.doctor.finding import ROOT, Finding, pip_install
from hf_tutorial.doctor.finding import python as python_command
from hf_tutorial.install import NEWEST, OLDEST


def python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> list[Finding]:
    """Say which Python this is, and whether the libraries have builds for it."""
    words = f"Python {'.'.join(map(str, version))}, {sys.executable}"
    if OLDEST <= tuple(version[:2]) <= NEWEST:
        found = [Finding("ok", words)]
    else:
        fits = f"3.{OLDEST[1]} to 3.{NEWEST[1]}"
        names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
        others = [name for name in names if shutil.which(name)]
        way_out = f"install Python {fits}"
        if others and place.has_make():
            way_out = f"make PYTHON3={others[0]}"
        elif others:
            way_out = f"{others[0]} src/hf_tutorial/install.py .venv"
        what = f"{words}: the libraries have builds for {fits}"
        found = [Finding("fix", what, way_out)]
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        found.append(
            Finding(
                "fix",
                "this Python is for Macs with an Intel processor, for which PyTorch has no builds "
                "any more",
                "on Apple silicon, install the Python for arm64; else use another machine",
            )
        )
    return found


def checkout() -> list[Finding]:
    """Say whether this Python takes the package from a checkout that has notebooks."""
    own = place.checkout_of(place.PACKAGE)
    here = place.checkout_of(Path.cwd())
    if own is None:
        return [
            Finding(
                "fix",
                f"hf_tutorial is installed as a copy in {place.PACKAGE.parent}, away from the "
                "notebooks and their data",
                pip_install("--no-deps", "-e", str(here or "FOLDER-OF-THE-REPOSITORY")),
            )
        ]
    if here is not None and not place.same(here, own):
        return [
            Finding(
                "fix",
                f"this Python takes hf_tutorial from {own}, and you are in {here}",
                f"{place.set_up()}, in {here}",
            )
        ]
    found = [Finding("ok", f"checkout {own}")]
    try:
        importlib.metadata.version("hf-tutorial")
    except importlib.metadata.PackageNotFoundError:
        found = [
            Finding(
                "optional",
                f"checkout {own}, found by PYTHONPATH or the working directory only: a kernel "
                "does not find it",
                pip_install("--no-deps", "-e", str(own)),
            )
        ]
    return found


def versions(file: Path | None = None) -> list[Finding]:
    """Compare every library of the lock file with what is installed.

    Args:
        file: The lock file; the repository's own when None.
    """
    needed = lock.direct() | imports.NEEDED
    pins = lock.pins(file) if file else lock.pins_here()
    file = file or lock.LOCK
    installed = {pin: _installed(pin.name) for pin in pins}
    missing = [pin for pin, version in installed.items() if version is None]
    if (
        len(missing) > len(pins) / 2
    ):  # some Python, not an environment of this collection
        return [_little_installed(len(missing), len(pins))]
    found = []
    for pin, version in installed.items():
        wanted = f"{pin.name}=={pin.version}"
        if version is None:
            mark = "fix" if lock.normal(pin.name) in needed else "optional"
            what = f"{pin.name} is not installed (locked: {pin.version})"
            found.append(Finding(mark, what, mending.install(wanted)))
        elif not lock.same_version(version, pin.version):
            what = f"{pin.name} is {version}, locked: {pin.version}; numbers may differ"
            found.append(Finding("optional", what, mending.install(wanted)))
    torch = next((f.way_out for f in found if f.what.startswith("torch ")), "")
    agreeing = len(pins) - len(found)
    summary = f"{agreeing} of {len(pins)} libraries at their locked versions"
    if not found:
        summary = f"all {len(pins)} libraries at their locked versions"
    if len(found) > 3 and file.is_file():
        # One command for all of them, at the end, where it is read.
        found = [finding._replace(way_out="") for finding in found]
        found[-1] = found[-1]._replace(way_out=_all_at_once(file, torch))
    return [Finding("ok", summary), *found]


def hidden(folder: Path = ROOT / "notebooks") -> list[Finding]:
    """Find files beside the notebooks that hide a library, as a random.py of one's own does."""
    names = set(getattr(sys, "stdlib_module_names", ()))
    for pin in lock.pins_here():
        names.add(lock.imported_as(pin.name))
    found = []
    for path in sorted(folder.glob("*")):
        module = path.stem if path.suffix == ".py" else path.name
        package = path.is_dir() and (path / "__init__.py").is_file()
        if module in names and (path.suffix == ".py" or package):
            what = (
                f"notebooks/{path.name} hides the library {module} from the notebooks"
            )
            found.append(Finding("fix", what, "give it another name"))
    return found


def kernel() -> list[Finding]:
    """Say which kernel Jupyter starts for a notebook that asks for `python3`."""
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return []  # missing libraries have their own lines
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return [
            Finding(
                "fix",
                "Jupyter knows no kernel python3",
                python_command("-m", "ipykernel", "install", "--sys-prefix"),
            )
        ]
    program = spec.argv[0]
    minor = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if program in {"python", f"python{sys.version_info[0]}", minor}:
        program = sys.executable  # as Jupyter itself reads it
    if _of_this_environment(program):
        return [Finding("ok", "the kernel python3 runs in this environment")]
    planted = os.environ.get("JUPYTER_PATH", "")
    if any(p and spec.resource_dir.startswith(p) for p in planted.split(os.pathsep)):
        remedy = "unset JUPYTER_PATH"
    else:
        remedy = python_command("-m", "jupyter", "kernelspec", "remove", "python3")
    return [
        Finding(
            "fix",
            f"Jupyter takes the kernel python3 from {spec.resource_dir}, which runs {program}: "
            "another environment than this one",
            f"{remedy}\nor always start with: {place.lab()}",
        )
    ]


def _of_this_environment(program: str) -> bool:
    path = Path(shutil.which(program) or program)
    own = [Path(sys.executable).parent, Path(sys.prefix) / "bin", Path(sys.prefix)]
    # Not resolved: the python of an environment is a link to the one it was made from.
    return any(
        os.path.normcase(path.absolute().parent) == os.path.normcase(folder.absolute())
        or place.same(path.parent, folder)
        for folder in own
    )


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name) or "of unknown version"
    except importlib.metadata.PackageNotFoundError:
        return None
    except Exception:  # its metadata is broken
        return "of unknown version"


def _little_installed(missing: int, number: int) -> Finding:
    what = f"{missing} of the {number} locked libraries are not installed for {sys.executable}"
    other = place.passed_over(ROOT)
    if other is not None and not _starts(other):
        way_out = f"delete {other.parents[1]}, whose Python does not start, then: {place.set_up()}"
    elif other is not None:
        way_out = (
            f"{other} -m hf_tutorial.doctor   (looks at the environment that is there)"
        )
    else:
        way_out = f"{place.set_up()}   (sets everything up)"
    return Finding("fix", what, way_out)


def _starts(program: Path) -> bool:
    try:
        done = subprocess.run([str(program), "-c", ""], capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return False  # the Python that it was made from is gone, for one
    return done.returncode == 0


def _all_at_once(file: Path, torch: str) -> str:
    """Write what brings every library to the lock, torch first where its build is to stay."""
    if (Path(sys.prefix) / "conda-meta").is_dir():
        return "conda env update -f environment.yml"
    if own := mending.set_up():
        return own
    all_others = pip_install("--no-deps", "-r", mending.from_here(file))
    return f"{torch}\n{all_others}" if torch and mending.for_the_cpu() else all_others
