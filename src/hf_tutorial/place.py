"""Whose notebook, whose kernel: what has to belong together before a notebook starts."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from hf_tutorial.appearance import LECTURE

PACKAGE = Path(__file__).resolve().parent
WINDOWS = os.name == "nt"  # where our Makefile does not work, even beside a make
QUOTE = "`"  # around commands in a sentence
BY_HAND = 'the commands in README, "Without make"'


def settle(notebooks: Path) -> str | None:
    """Make sure that this kernel and its notebook belong to one checkout.

    A notebook of this checkout that was opened elsewhere in it, as from build/notebooks, moves to
    `notebooks`, because everything it reads is found from there.

    Args:
        notebooks: The folder notebooks/ that lies beside this package's data.

    Returns:
        What the reader should know when it had to move; None when all is as it should be.

    Raises:
        FileNotFoundError: The package was installed as a copy, away from its data, or the
            working directory is in no checkout, or is gone.
        RuntimeError: The working directory belongs to another checkout.
    """
    try:
        here = Path.cwd()
    except FileNotFoundError:  # `make run` removes build/notebooks before it writes it
        raise FileNotFoundError(
            "the folder that this kernel started in is gone: open the notebook in "
            f"{notebooks} and restart the kernel"
        ) from None
    own, theirs = checkout_of(PACKAGE), checkout_of(here)
    if own is None:
        raise FileNotFoundError(_copied(theirs))
    if same(here, notebooks):
        return None
    if theirs is None:
        raise FileNotFoundError(
            f"the working directory is {here}, but a notebook reads ../data from notebooks/: "
            f"open it with `{lab()}`, or move there before start() with "
            f"`import os; os.chdir({str(notebooks)!r})`"
        )
    if not same(own, theirs):
        raise RuntimeError(
            f"this notebook lies in {theirs}, but its kernel takes hf_tutorial from {own} "
            f"(Python: {sys.executable}), so texts and answers would not belong together: "
            f"{_way_back(theirs, own)}. `{doctor()}` there shows which kernel Jupyter takes."
        )
    os.chdir(notebooks)
    if os.environ.get(LECTURE) == "1":  # `make lecture` said where its copies lie
        return None
    note = f"This notebook was opened in {here}; it reads from {notebooks} now."
    if here.is_relative_to(own / "build"):
        note += " What lies in build/ is written anew each time: keep your own work elsewhere."
    return note


def has_make() -> bool:
    """Say whether a reader of this machine can be sent to `make`."""
    return not WINDOWS and shutil.which("make") is not None


def lab(*options: str) -> str:
    """Write the command that starts JupyterLab, to be run from the root of the checkout."""
    if has_make():
        return f'make lab LAB="{" ".join(options)}"' if options else "make lab"
    program = ".venv\\Scripts\\jupyter" if WINDOWS else ".venv/bin/jupyter"
    return " ".join([program, "lab", *options, "notebooks"])


def doctor() -> str:
    """Write the command that looks at everything, to be run from the root of the checkout."""
    if has_make():
        return "make doctor"
    python = ".venv\\Scripts\\python" if WINDOWS else ".venv/bin/python"
    return f"{python} -m hf_tutorial.doctor"


def set_up(mark: str = "") -> str:
    """Name what makes the environment of a checkout, or brings it to the lock.

    Args:
        mark: What stands around a command.
    """
    return f"{mark}make lab{mark}" if has_make() else BY_HAND


def checkout_of(path: Path) -> Path | None:
    """Find the checkout of this collection around a path: the nearest, or None."""
    for folder in (path, *path.parents):
        if (folder / "src" / "hf_tutorial" / "__init__.py").is_file() and (
            folder / "notebooks"
        ).is_dir():
            return folder
    return None


def passed_over(checkout: Path) -> Path | None:
    """Give the Python of the checkout's .venv when another one is running; None otherwise.

    Another one may be right all the same, as in conda: whoever asks decides by the versions.
    """
    environment = checkout / ".venv"
    if not (environment / "pyvenv.cfg").is_file() or same(sys.prefix, environment):
        return None
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _copied(theirs: Path | None) -> str:
    install = f"`{sys.executable} -m pip install --no-deps -e"
    if theirs is None:
        way_out = (
            "get the repository, install it from its folder with "
            f"{install} .`, and open its notebooks/"
        )
    else:
        way_out = f"run {install} {theirs}` and restart the kernel"
    return (
        f"hf_tutorial is installed as a copy in {PACKAGE.parent}, away from the data that "
        f"notebooks read: {way_out}"
    )


def _way_back(theirs: Path, own: Path) -> str:
    named = [Path(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    if any(same(entry, own / "src") for entry in named):
        return f"PYTHONPATH names {own / 'src'}: unset it, then start Jupyter again"
    if Path(sys.prefix).is_relative_to(theirs):
        # A folder that was copied with its .venv: the copy installs the first one.
        return f"delete {sys.prefix}, then run {set_up(QUOTE)} in {theirs}"
    python = passed_over(theirs)
    if python is None:
        return f"run {set_up(QUOTE)} in {theirs}, to make an environment for it"
    return f"run `{lab()}` in {theirs}, or choose {python} as the kernel"


def same(one, other) -> bool:
    """Tell whether two paths are one place, by links or mapped drives as well."""
    try:
        return os.path.samefile(one, other)
    except OSError:  # one of them is not there
        return False
