"""What stands between a submission and this machine: namespaces of Linux, where it has them.

Three walls, each raised by a process around itself and all that it starts:

    network    a network of its own that leads nowhere
    files      everything read-only, but for one folder
    processes  a world of its own that ends with its first process, whatever was started in it

They need no root, but a kernel (Linux 5.12) and a container that let a user make namespaces.
`possible()` tries; what cannot be had is replaced by weaker means in `alone` and `guarded`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

ALL = ("network", "files", "processes")
CLONE = {"user": 0x1000_0000, "files": 0x0002_0000, "network": 0x4000_0000,
         "processes": 0x2000_0000, "messages": 0x0800_0000}  # fmt: skip
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x4_0000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, RDONLY = 442, -100, 0x8000, 1
SIOCSIFFLAGS, IFF_UP_RUNNING = 0x8914, 0x41
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
SHARED_MEMORY = b"size=512m"  # DataLoader's workers pass batches through it


def possible() -> frozenset[str]:
    """Try each wall in a process of its own, which does nothing else."""
    if sys.platform != "linux":
        return frozenset()
    found = set()
    for wall in ALL:
        tried = subprocess.run(
            [sys.executable, "-I", __file__, wall],
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        if tried.returncode == 0:
            found.add(wall)
    return frozenset(found)


def raise_around(walls: frozenset[str], folder: Path) -> None:
    """Raise walls around this process, which must have one thread only.

    Behind the wall of processes the caller goes on as the first process of a new world, and
    what it was before waits for it and ends as it does.

    Args:
        walls: Some of `ALL`.
        folder: The one place where files can be written behind the wall of files.

    Raises:
        OSError: This system does not let us.
    """
    if not walls:
        return
    user, group = os.getuid(), os.getgid()
    flags = CLONE["user"] | CLONE["files"] | CLONE["messages"]
    _call("unshare", flags | sum(CLONE[wall] for wall in walls if wall != "files"))
    # Not root inside: programs that are started here have no powers over the walls.
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"1000 {user} 1")
    Path("/proc/self/gid_map").write_text(f"1000 {group} 1")
    _call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    if "network" in walls:
        _switch_loopback_on()
    if "files" in walls:
        place = os.fsencode(folder)
        _call("mount", place, place, None, MS_BIND, None)
        _set_read_only(b"/", True)
        _set_read_only(place, False)
    if "processes" in walls:
        _begin_a_world()
    if "files" in walls and os.path.isdir("/dev/shm"):
        flags = MS_NOSUID | MS_NODEV
        _call("mount", b"tmpfs", b"/dev/shm", b"tmpfs", flags, SHARED_MEMORY)
    os.chdir(folder)


def keep_orphans() -> None:
    """Let processes whose parent has gone become this one's children, where Linux is."""
    if sys.platform == "linux":
        _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _begin_a_world() -> None:
    """Become its first process; the one that was here before waits."""
    first = os.fork()
    if first:
        signal.signal(signal.SIGTERM, lambda *_: os.kill(first, signal.SIGKILL))
        _, status = os.waitpid(first, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    _call("mount", b"proc", b"/proc", b"proc", flags, None)


def _switch_loopback_on() -> None:
    with socket.socket() as any_socket:
        import fcntl

        asked = struct.pack("16sH14x", b"lo", IFF_UP_RUNNING)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, asked)


class _Attributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "spread", "users")]


def _set_read_only(place: bytes, yes: bool) -> None:
    """Change a mount: all below `/` to read-only, or one back."""
    asked = _Attributes(RDONLY if yes else 0, 0 if yes else RDONLY, 0, 0)
    size, reach = ctypes.sizeof(asked), AT_RECURSIVE if yes else 0
    _call("syscall", MOUNT_SETATTR, AT_FDCWD, place, reach, ctypes.byref(asked), size)


def _prctl(option: int, value: int) -> None:
    _call("prctl", option, value, 0, 0, 0)


def _call(name: str, *arguments) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as here:
        raise_around(frozenset(sys.argv[1:]), Path(here))
        os._exit(0)  # what was made here cannot be removed from behind every wall
