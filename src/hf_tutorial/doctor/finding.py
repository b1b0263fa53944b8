"""What a look at the machine gives."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]


class Finding(NamedTuple):
    """One line of the report.

    `mark` is "ok", "optional" (works, but could be better, or matters to some), or "fix" (a
    notebook would fail); `way_out` holds commands or a sentence, a line each.
    """

    mark: str
    what: str
    way_out: str = ""


def shown(program: Path) -> str:
    """Write a program for the shell: from the working directory, where that is in the checkout."""
    here = Path.cwd()
    if here.is_relative_to(ROOT) and program.is_relative_to(here):
        program = program.relative_to(here)
    if os.name != "nt":
        return shlex.quote(str(program))
    return f'"{program}"' if " " in str(program) else str(program)


def python(*arguments: str) -> str:
    """Write a command line for the Python that is running, to be pasted into a shell."""
    words = [f'"{a}"' if " " in a else a for a in arguments]
    return " ".join((shown(Path(sys.executable)), *words))


def pip_install(*arguments: str) -> str:
    """Write the command that installs something into this environment."""
    import importlib.util

    command = python("-m", "pip", "install", *arguments)
    if importlib.util.find_spec("pip") is None:
        return f"{python('-m', 'ensurepip')}\n{command}"
    return command
