"""Writing results so that the old ones stay until the new ones are whole."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


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

    After an error `folder` is what it was before.
    """
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def replace_all(contents: dict[Path, bytes]) -> None:
    """Write files so that each is either the old one or the new one, never half of it.

    Raises:
        OSError: One could not be written, and then all are the old ones.
    """
    new = {path: path.with_name(f".{path.name}.new") for path in contents}
    try:
        for path, content in contents.items():
            new[path].write_bytes(content)
        for path in contents:
            os.replace(new[path], path)
    finally:
        for path in new.values():
            path.unlink(missing_ok=True)
