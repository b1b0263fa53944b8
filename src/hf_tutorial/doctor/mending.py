"""The commands that bring libraries to the lock: set-up's own in .venv, pip's elsewhere."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path

from hf_tutorial import place
from hf_tutorial.doctor.finding import ROOT, pip_install, python
from hf_tutorial.install import CPU_BUILDS


def set_up() -> str:
    """Write the command that brings the checkout's own environment to the lock; "" elsewhere."""
    program = ROOT / "src" / "hf_tutorial" / "install.py"
    own = ROOT / ".venv"
    if not program.is_file() or not place.same(sys.prefix, own):
        return ""
    return python(from_here(program), from_here(own))


def install(library: str, *options: str) -> str:
    """Write the command that brings a library, such as "torch==2.13.0".

    torch comes in several builds. Set-up knows how to choose; pip by itself would put the one
    for CUDA over a build for the CPU.
    """
    if library.partition("==")[0] != "torch":
        return pip_install(*options, library)
    if own := set_up():
        return own
    if for_the_cpu():
        return pip_install(*options, f"{library}+cpu", "--extra-index-url", CPU_BUILDS)
    return pip_install(*options, library)


def install_again(library: str) -> str:
    """Write the command that brings a library anew which is there, but broken."""
    if library.partition("==")[0] == "torch" and (own := set_up()):
        # To set-up, what is installed at its version is in order.
        return f"{python('-m', 'pip', 'uninstall', '--yes', 'torch')}\n{own}"
    return install(library, "--force-reinstall", "--no-deps")


def for_the_cpu() -> bool:
    """Tell whether the torch that is installed, broken or not, is a build for the CPU."""
    try:
        return importlib.metadata.version("torch").endswith("+cpu")
    except Exception:  # not installed, or its metadata is broken
        return False


def from_here(path: Path) -> str:
    """Write a path as seen from the working directory."""
    try:
        return os.path.relpath(path)
    except ValueError:  # on another drive of Windows
        return str(path)
