"""The kernel that runs a submission: that of all notebooks, refusing what no wall stops.

Where this system gives no walls, Python itself refuses to reach another machine and to write into
the checkout or the environment. That stops accidents and libraries; code that means harm gets past
it by starting another program, which the page of marks says.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.link",
           "os.symlink", "os.chmod", "shutil.rmtree"}  # fmt: skip
MOST_PRINTED = 1_000_000  # letters; the log of a long training has 20,000
HERE = ("127.", "::1", "localhost")


def refuse(network: bool, folders: tuple[str, ...]) -> None:
    """Refuse from now on, in this process, for good: an audit hook cannot be taken out.

    Args:
        network: Whether to refuse every address that is not this machine's.
        folders: Where nothing may be written.
    """
    folders = tuple(os.path.realpath(folder) + os.sep for folder in folders)

    def inside(path) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        return (os.path.realpath(os.fsdecode(path)) + os.sep).startswith(folders)

    def watch(event: str, given: tuple) -> None:
        if network and event in ("socket.connect", "socket.sendto"):
            address = given[1]
            if isinstance(address, tuple) and not _is_here(address[0]):
                raise ConnectionError(f"no network while marking: {address[0]}")
        elif network and event == "socket.getaddrinfo" and not _is_here(given[0]):
            raise ConnectionError(f"no network while marking: {given[0]}")
        elif not folders:
            return
        elif event == "open":
            path, mode, flags = given
            if (flags or 0) & WRITES and inside(path):
                raise PermissionError(f"not to be written while marking: {path}")
        elif event in CHANGES and any(map(inside, given[:2])):
            raise PermissionError(f"not to be changed while marking: {given[0]}")

    sys.addaudithook(watch)


class TooMuchPrinted(BaseException):
    """A cell printed more than anybody reads; no `except Exception` takes it for its own."""


def bound_printing() -> None:
    """Let a cell print so many letters: a tenth of a second of more chokes who listens.

    It is the class of the streams that is changed, before there are any: IPython sets `write` on
    the streams themselves and puts back what it found there.
    """
    from ipykernel.iostream import OutStream

    write = OutStream.write

    def counted(stream, text: str) -> int:
        before = OutStream.printed
        OutStream.printed += len(text)
        if OutStream.printed <= MOST_PRINTED:
            return write(stream, text)
        if before <= MOST_PRINTED:  # once: the kernel itself prints after an error
            raise TooMuchPrinted(f"over {MOST_PRINTED:,} letters")
        return len(text)

    OutStream.write, OutStream.printed = counted, 0


def _is_here(host) -> bool:
    host = host.decode() if isinstance(host, bytes) else host
    return host in (None, "") or str(host).startswith(HERE)


if __name__ == "__main__":
    # `guarded.py NETWORK FOLDERS -f FILE`: the rest is the kernel's own.
    del sys.path[0]
    _, cut, folders, *sys.argv[1:] = sys.argv
    if cut == "refuse" or folders:
        refuse(cut == "refuse", tuple(folders.split(os.pathsep)) if folders else ())
    bound_printing()
    kernel = Path(__file__).parents[1] / "kernels" / "__main__.py"
    sys.path.insert(0, str(kernel.parent))  # it takes the first place out, as its own
    sys.argv[0] = str(kernel)
    runpy.run_path(str(kernel), run_name="__main__")
