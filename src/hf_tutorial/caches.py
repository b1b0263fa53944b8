"""Where the libraries write: datasets that were prepared, metrics, downloads."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

# variable: folder below HF_HOME when it is not set
_BELOW_HOME = {
    "HF_DATASETS_CACHE": "datasets",
    "HF_MODULES_CACHE": "modules",
    "HF_EVALUATE_CACHE": "evaluate",
    "HF_METRICS_CACHE": "metrics",
    "HF_HUB_CACHE": "hub",
}
# Their libraries read ~ (but no $) when they use the folder, not in the variable.
_HOME_EXPANDED = ("HF_DATASETS_CACHE", "HF_METRICS_CACHE")
# They read the variables once, when they are imported.
_READERS = ("datasets", "evaluate", "huggingface_hub")


def switched_on(variable: str) -> bool:
    """Say whether a variable of the environment is on, as the field's libraries read them."""
    return os.environ.get(variable, "").upper() in ("1", "ON", "YES", "TRUE")


def offline_by() -> str | None:
    """Name the variable by which the Hub's library takes the network for shut off; None if none."""
    variables = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    first = next((name for name in variables if os.environ.get(name)), "")
    return first if switched_on(first) else None


def home() -> Path:
    """Name the folder that the field's libraries share, by their own rules."""
    default = os.path.join(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "huggingface")
    return _expanded(os.environ.get("HF_HOME", default))


def folders() -> dict[str, Path]:
    """Name the folders that the libraries write to, by the variable that moves each."""
    named = {variable: home() / folder for variable, folder in _BELOW_HOME.items()}
    for variable in named:
        if variable in os.environ:
            named[variable] = Path(os.environ[variable])
    for variable in _HOME_EXPANDED:
        named[variable] = named[variable].expanduser()
    older = os.environ.get("HUGGINGFACE_HUB_CACHE", named["HF_HUB_CACHE"])
    # The Hub's library alone reads ~ and $ in a variable of its own.
    named["HF_HUB_CACHE"] = _expanded(os.environ.get("HF_HUB_CACHE", str(older)))
    return named


def obstacle(folder: Path) -> str | None:
    """Say what stands in the way of writing to a folder, which need not exist yet.

    It writes a few bytes for the purpose, since rights alone tell nothing of a full disk, and
    leaves nothing behind.

    Returns:
        A few words, such as "Read-only file system: /home"; None when it can be written.
    """
    there = folder.absolute()
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(bytes(4096))
            file.flush()
    except OSError as error:
        return f"{error.strerror or type(error).__name__}: {there}"
    return None


def closed(hub: bool) -> dict[str, str]:
    """List the folders that cannot be written and have to be: variable to what stands in the way.

    Args:
        hub: Whether downloads are to come; what lies in their cache is used as it is.
    """
    found = {
        variable: problem
        for variable, folder in folders().items()
        if (problem := obstacle(folder))
    }
    if not hub or _holds_models(folders()["HF_HUB_CACHE"]):
        found.pop("HF_HUB_CACHE", None)
    return found


def moved(variables: Iterable[str], where: str = "that can be written") -> str:
    """Say how the folders of variables are moved: HF_HOME moves those that have none set."""
    names = []
    for variable in variables:
        older = "HUGGINGFACE_HUB_CACHE" if variable == "HF_HUB_CACHE" else variable
        named = next(
            (name for name in (variable, older) if name in os.environ), "HF_HOME"
        )
        names.append(named)
    names = sorted({*names} - {"HF_HOME"}) + ["HF_HOME"] * ("HF_HOME" in names)
    folder = "folders" if len(names) > 1 else "a folder"
    return f"set {' and '.join(names)} to {folder} {where}, before Jupyter starts"


def make_writable(hub: bool) -> str | None:
    """Give the libraries a temporary cache in place of folders that cannot be written.

    It lasts until this Python ends. The token and what was downloaded before stay where they are.

    Args:
        hub: Whether downloads are to come; what lies in their cache is used as it is.

    Returns:
        What the reader should know when something was replaced; None otherwise.

    Raises:
        OSError: A library has read the variables already, or nothing can be written at all.
    """
    replaced = closed(hub)
    if not replaced:
        return None
    problem, way_out = next(iter(replaced.values())), moved(replaced)
    early = [library for library in _READERS if library in sys.modules]
    if early:
        raise OSError(
            f"the cache of the libraries cannot be written ({problem}), and {early[0]} was "
            f"imported before start() could choose another: restart the kernel and call "
            f"start() first, or {way_out}"
        )
    try:
        temporary = tempfile.mkdtemp(prefix="hf-tutorial-")
    except OSError as error:
        raise OSError(
            f"neither the cache of the libraries can be written ({problem}) nor a temporary "
            f"folder ({error.strerror}): free some disk, or {way_out}, and TMPDIR as well"
        ) from None
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    for variable in replaced:
        os.environ[variable] = os.path.join(temporary, _BELOW_HOME[variable])
    return (
        f"The cache of the libraries cannot be written ({problem}), so this kernel keeps what it "
        f"prepares or downloads in {temporary} until it ends. To keep it longer, {way_out}."
    )


def _holds_models(folder: Path) -> bool:
    try:
        return any(entry.name.startswith("models--") for entry in folder.iterdir())
    except OSError:
        return False


def _expanded(path: str) -> Path:
    return Path(os.path.expandvars(os.path.expanduser(path)))
