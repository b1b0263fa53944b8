"""The hardware: cores, memory, disk, shared memory, GPU."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hf_tutorial import caches, place
from hf_tutorial.doctor.finding import ROOT, Finding

GIGABYTE = 1e9
MEMORY = 3 * GIGABYTE  # of the hungriest notebook at its peak
ROOM = 1 * GIGABYTE  # for the checkpoints of a training, which are temporary files
LITTLE = 0.2 * GIGABYTE  # for prepared datasets, or pages
SHARED = 64e6  # what Docker gives, and enough for these batches
CGROUP = Path("/sys/fs/cgroup")


def cores(number: int | None = None) -> list[Finding]:
    """Say how many cores this process may use."""
    number = number or _cores()
    words = f"{number} core{'s' if number > 1 else ''}"
    if number == 1:
        return [Finding("optional", f"{words}: notebooks take twice their minutes")]
    return [Finding("ok", words)]


def memory(total: float | None = None, free: float | None = None) -> list[Finding]:
    """Say whether a notebook fits into memory.

    Args:
        total: Bytes in all; measured when None, a container's limit included.
        free: Bytes that are available now; measured when None.
    """
    if total is None:
        total, measured = _memory()
        free = measured if free is None else free
    if total is None:
        return [
            Finding("optional", "memory: not to be seen here; a notebook needs 3 GB")
        ]
    free = total if free is None else free
    words = f"memory: {free / GIGABYTE:.1f} GB of {total / GIGABYTE:.1f} GB available"
    if total < MEMORY:
        way_out = "use a machine with 4 GB, or give the container more memory"
        return [Finding("fix", f"{words}; a notebook needs 3 GB", way_out)]
    if free < MEMORY:
        way_out = "close other programs and kernels"
        return [Finding("optional", f"{words}; a notebook needs 3 GB", way_out)]
    return [Finding("ok", words)]


def disk() -> list[Finding]:
    """Say how much disk is free where notebooks write."""
    places = [
        (
            "temporary files",
            Path(tempfile.gettempdir()),
            ROOM,
            "set TMPDIR to another disk",
        ),
        ("the libraries' cache", caches.home(), LITTLE, "set HF_HOME to another disk"),
        (
            "the repository",
            ROOT,
            LITTLE,
            "make clean   (removes build/ and the environment)"
            if place.has_make()
            else "delete the folder build/",
        ),
    ]
    full, found, least = set(), [], []
    for what, folder, needed, way_out in places:
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        free, device = shutil.disk_usage(folder).free, os.stat(folder).st_dev
        least.append(free)
        if free < needed and device not in full:
            full.add(device)
            words = f"disk: {free / GIGABYTE:.2f} GB free for {what}, in {folder}"
            way_out = f"free {needed / GIGABYTE:.1f} GB there, or: {way_out}"
            found.append(Finding("fix", words, way_out))
    return found or [Finding("ok", f"disk: {min(least) / GIGABYTE:.0f} GB free")]


def shared_memory(
    folder: Path = Path("/dev/shm"), least: float = SHARED
) -> list[Finding]:
    """Look at the memory that loading processes share; only Linux has it as a folder.

    Args:
        folder: Where it is mounted.
        least: Bytes below which loading with processes fails.
    """
    if not sys.platform.startswith("linux"):
        return []
    problem = (
        caches.obstacle(folder) if folder.is_dir() else f"no such folder: {folder}"
    )
    if problem:
        return [
            Finding(
                "fix",
                f"shared memory cannot be written ({problem}), so notebook 07 cannot start two "
                "processes",
                "mount a tmpfs there; with Docker: docker run --shm-size=1g ...",
            )
        ]
    size = shutil.disk_usage(folder).total
    digits = ".0f" if size >= 10 * GIGABYTE else ".2g"
    words = f"shared memory ({folder}): {size / GIGABYTE:{digits}} GB"
    if size < least:
        return [
            Finding(
                "optional",
                f"{words}; a DataLoader with workers may end with a bus error",
                "with Docker: docker run --shm-size=1g ...",
            )
        ]
    return [Finding("ok", words)]


def system() -> list[Finding]:
    """Say what this system or this user cannot do."""
    if place.WINDOWS:
        return [
            Finding(
                "optional",
                "notebook 07 needs Linux or macOS, because Windows cannot fork; the others run",
                "use WSL for notebook 07",
            )
        ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return [
            Finding(
                "optional",
                "you are root, as in many containers, and Jupyter does not start as root unless "
                "it is told to",
                place.lab("--allow-root"),
            )
        ]
    return []


def nvidia() -> str:
    """Name the NVIDIA GPU; "" when there is none. No library is needed for that."""
    program = shutil.which("nvidia-smi")
    if program:
        ask = [program, "--query-gpu=name", "--format=csv,noheader"]
        try:
            done = subprocess.run(ask, capture_output=True, text=True, timeout=5)
            names = done.stdout.strip().splitlines()
            if done.returncode == 0 and names:
                return names[0] if len(names) == 1 else f"{len(names)} x {names[0]}"
        except (OSError, subprocess.SubprocessError):
            pass
    for card in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        for line in card.read_text(errors="replace").splitlines():
            if line.startswith("Model:"):
                return line.partition(":")[2].strip()
    return "an NVIDIA GPU" if Path("/dev/nvidia0").exists() else ""


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        number = len(os.sched_getaffinity(0))
    else:
        number = os.cpu_count() or 1
    for folder in _groups():
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        if quota.isdigit() and period.strip().isdigit():
            number = min(number, max(1, int(quota) // int(period)))
    return number


def _memory() -> tuple[float | None, float | None]:
    total, free = _memory_of_the_machine()
    for folder in _groups():
        bound = _read(folder / "memory.max").strip()
        if not bound.isdigit() or (total is not None and int(bound) >= total):
            continue
        total = float(bound)
        used = float(_read(folder / "memory.current").strip() or 0)
        for line in _read(folder / "memory.stat").splitlines():
            if line.startswith(
                "inactive_file "
            ):  # files kept for speed, given up at once
                used -= float(line.split()[1])
        free = min(total - used, total if free is None else free)
    return total, free


def _groups() -> list[Path]:
    """List the control groups that bound this process: a container's, a batch job's."""
    folders = [CGROUP]
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        if line.startswith("0::"):
            own = CGROUP / line[3:].strip().lstrip("/")
            folders += [f for f in (own, *own.parents) if f.is_relative_to(CGROUP)]
    return folders


def _memory_of_the_machine() -> tuple[float | None, float | None]:
    try:
        import psutil

        found = psutil.virtual_memory()
        return float(found.total), float(found.available)
    except Exception:  # not installed, or broken
        pass
    lines = dict(
        line.split(":", 1)
        for line in _read(Path("/proc/meminfo")).splitlines()
        if ":" in line
    )
    if "MemTotal" in lines:
        total, free = (
            float(lines.get(name, "0 kB").split()[0]) * 1024
            for name in ("MemTotal", "MemAvailable")
        )
        return total, free
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")), None
    return None, None


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
