"""Writing results so that the old ones stay until the new ones are whole."""

import contextlib
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

TRIES = 5
_ours: set[Path] = set()  # the names that `beside` gave


def ensure_writable(folder: Path) -> None:
    """Make a folder where results will go, and try whether it takes a file.

    Raises:
        SystemExit: It does not. Asked before an execution of minutes, not after it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SystemExit(
            f"{folder.name}/ cannot be written ({error.strerror}), so nothing was "
            f"begun: make room in {folder}, or work in a copy of your own"
        ) from None


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which takes the place of `folder` at the end.

    After an error `folder` is what it was before. Two processes may do so at once: each fills a
    folder of its own, and the last one to end stays.
    """
    new = beside(folder)
    new.mkdir(parents=True)
    try:
        yield new
        for _ in range(TRIES):
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(
                OSError
            ):  # another process was between the two lines
                new.rename(folder)
                return
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def replace_all(contents: dict[Path, bytes]) -> None:
    """Write files so that each is either the old one or the new one, never half of it.

    A link stays one, and what it leads to is written.

    Raises:
        OSError: One could not be written, and then all are the old ones; or, seldom, one could
            not be put into its place, and then those before it are new.
    """
    contents = {path.resolve(): content for path, content in contents.items()}
    new = {path: beside(path) for path in contents}
    try:
        for path, content in contents.items():
            new[path].write_bytes(content)
        for path in contents:
            os.replace(new[path], path)
    finally:
        for path in new.values():
            path.unlink(missing_ok=True)


def beside(path: Path) -> Path:
    """Name what will take the place of `path`, for this process alone.

    What a process left under such a name when it was killed is removed, also one that had the
    number of this one, as each has in a container.
    """
    new = path.with_name(f".{path.name}.new-{os.getpid()}")
    for left in path.parent.glob(f".{glob.escape(path.name)}.new-*"):
        process = left.suffix.rpartition("-")[2]
        of_before = left == new and new not in _ours
        if process.isdecimal() and (
            of_before or not psutil.pid_exists(int(process[:9]))
        ):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    _ours.add(new)
    return new
