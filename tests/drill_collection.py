"""What is done to a checkout, and what it loses: the part of `make drill` without trainings.

Everything happens in small checkouts in a temporary folder; of `data/` a copy is damaged.
"""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat

from hf_tutorial import collection, sources
from tests import lessons
from tests.failing import full_disk

sys.path.append(str(sources.DATA / "recipes"))
import rebuild

SECONDS = re.compile(rb"in about \d+ seconds")
ENDS = ("</html>", "</main>")  # of a page, and of the index
PROGRAM = """
import sys
from pathlib import Path
from hf_tutorial import publish
command, root = sys.argv[1], Path(sys.argv[2])
sys.exit(publish.record([], root) if command == "record" else getattr(publish, command)(root))
"""


def checkout(folder: Path, count: int = 3) -> Path:
    """Make a small checkout: notebooks that were recorded with other outputs."""
    (folder / "notebooks").mkdir(parents=True)
    (folder / "README.md").write_text(lessons.README, encoding="utf-8")
    texts = {n: f"print('{n} ' * 9000)" for n in range(1, count + 1)}
    pages = {f"_0{n}_page": lessons.lesson(text) for n, text in texts.items()}
    for page in pages.values():
        old = nbformat.v4.new_output("stream", text="of an older recording\n")
        page.cells[1].outputs, page.cells[1].execution_count = [old], 1
    lessons.put(folder, **pages)
    return folder


def start(
    command: str, root: Path, shut: Path | None = None, **how
) -> subprocess.Popen:
    """Start a command of `hf_tutorial.publish` on a checkout, as the leader of its processes.

    Args:
        command: Such as `record`.
        root: The checkout.
        shut: A folder that this command finds mounted read-only, as root too would.
        how: More for Popen.
    """
    before = ["unshare", "-rm", "sh", "-c", MOUNT, "sh", shut] if shut else []
    return subprocess.Popen(
        [*before, sys.executable, "-c", PROGRAM, command, root],
        cwd=collection.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True, **how,
    )  # fmt: skip


def finish(command: str, root: Path) -> str:
    """Run a command to its end; give what it said when it failed, else nothing."""
    process = start(command, root)
    said = process.communicate(timeout=300)[1]
    return (
        f"exit code {process.returncode}: {said[-300:]}" if process.returncode else ""
    )


def lost(root: Path, before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    """Name each file below notebooks/ that is neither the old one nor the new one.

    The seconds that a recording notes may differ: a busy machine takes longer.
    """
    now, old, new = (
        {name: SECONDS.sub(b"", content) for name, content in files.items()}
        for files in (lessons.contents(root / "notebooks"), before, after)
    )
    named = {name for name in now if not name.startswith(".")}
    odd = [name for name in old if now.get(name) not in (old[name], new.get(name))]
    return sorted({*odd, *named - set(old) - set(new)})


def half_pages(root: Path) -> list[str]:
    """Name each page of the built pages that is cut off."""
    pages = (root / "build").rglob("[!.]*.html")
    seen = [p for p in pages if not any(part.startswith(".") for part in p.parts[-3:])]
    return [p.name for p in seen if not p.read_text().rstrip().endswith(ENDS)]


def killed(command: str, folder: Path, kills: int, count: int = 3) -> list[str]:
    """Kill a command and all that it started at random moments; say what was lost.

    After each kill every notebook must be the old or the new one, and every page whole; and
    after the last one the command must come to its end and leave nothing of the others behind.
    """
    root = checkout(folder / "killed", count)
    before = lessons.contents(root / "notebooks")
    fresh = shutil.copytree(root, folder / "fresh")  # cells of the same ids
    begun = time.monotonic()
    said = finish(command, fresh)
    faults, whole = [said] if said else [], time.monotonic() - begun
    after, draw = lessons.contents(fresh / "notebooks"), random.Random(0)
    for _ in range(kills):
        process = start(command, root)
        time.sleep(draw.uniform(0, 1.1 * whole))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        faults += lost(root, before, after) + half_pages(root)
    if said := finish(command, root):
        faults.append(said)
    left = [p.name for p in root.rglob(".*.new-*")]
    return faults + left


def twice_at_once(folder: Path, times: int) -> list[str]:
    """Run `make run` twice at once, again and again; say what was lost."""
    root, faults = checkout(folder / "twice"), []
    for _ in range(times):
        both = [start("run", root) for _ in range(2)]
        for process in both:
            said = process.communicate(timeout=300)[1]
            if process.returncode:
                faults.append(said[-300:])
        pages = sorted(p.name for p in (root / "build/pages").glob("0*.html"))
        if pages != ["01_page.html", "02_page.html", "03_page.html"]:
            faults.append(f"pages: {pages}")
        faults += half_pages(root)
    return faults


def full(command: str, folder: Path, sizes: tuple[int, ...]) -> list[str]:
    """Run a command whose files cannot grow beyond so many bytes, as on a full disk; say what was lost."""
    faults = []
    for size in sizes:
        root = checkout(folder / f"{command}-{size}")
        before = lessons.contents(root / "notebooks")
        with full_disk(size):
            process = start(command, root)
        faults += _not_refused(process, root, before, f"{size} bytes")
    return faults


def read_only(command: str, folder: Path, name: str) -> list[str]:
    """Run a command on a checkout with a read-only folder; say what was lost."""
    root = checkout(folder)
    (root / name).mkdir(exist_ok=True)
    before = lessons.contents(root / "notebooks")
    process = start(command, root, root / name)
    return _not_refused(process, root, before, name, f"{name}/")


def _not_refused(
    process: subprocess.Popen,
    root: Path,
    before: dict[str, bytes],
    what: str,
    names: str = "",
) -> list[str]:
    """Wait for a command that must end in a sentence, which names something, and lose nothing."""
    said, faults = process.communicate(timeout=300)[1], []
    if not process.returncode:
        faults.append(f"{what}: went on as if nothing had been")
    elif "Traceback" in said or names not in said:
        faults.append(f"{what}: {said[-200:]}")
    return faults + lost(root, before, before) + half_pages(root)


def damaged(folder: Path, most: int | None = None) -> tuple[int, list[str]]:
    """Damage each file of `data/` in each way; say which damage was not named.

    Ways: missing, empty, cut in half, one byte changed. Of a role's folder, asking for the role
    must raise and name the file.

    Returns:
        How many damages were tried, and what went unnoticed.
    """
    copy = folder / "data"
    encoder = sources.ENCODER_FOLDER
    shutil.copytree(sources.DATA, copy, ignore=shutil.ignore_patterns(encoder, "mine"))
    shutil.copytree(sources.DATA / "models" / encoder, copy / "models" / encoder, symlinks=True)  # fmt: skip
    usual, sources.DATA = sources.DATA, copy
    tried, unnoticed = 0, []
    listed = sorted((copy / "checksums.sha256").read_text().splitlines())
    names = [line.split(maxsplit=1)[1].lstrip("*") for line in listed][:most]
    try:
        for name in names:
            file = copy / name
            content = file.read_bytes()
            for what, write in WAYS.items():
                write(file, content)
                tried += 1
                said = " ".join(sources.damage())
                if file.name not in said and file.parent.name not in said:
                    unnoticed.append(f"{name}, {what}")
            file.write_bytes(content)
    finally:
        sources.DATA = usual
    return tried, unnoticed


def _changed(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def parts(folder: Path, kills: int = 20) -> list[tuple[str, int, list[str]]]:
    """Do all of it; give for each what was done, how often, and what was lost."""
    tried, unnoticed = damaged(folder / "damaged")
    sizes = (1500, 5000, 15_000)
    return [
        ("kills of make record", kills, killed("record", folder / "record", kills)),
        ("kills of make run", kills, killed("run", folder / "run", kills)),
        ("two make run at once", 5, twice_at_once(folder / "twice", 5)),
        (
            "make record, files that cannot grow",
            len(sizes),
            full("record", folder / "f1", sizes),
        ),
        (
            "make run, files that cannot grow",
            len(sizes),
            full("run", folder / "f2", sizes),
        ),
        (
            "make record, notebooks/ read-only",
            1,
            read_only("record", folder / "r1", "notebooks"),
        ),
        ("make run, build/ read-only", 1, read_only("run", folder / "r2", "build")),
        ("files of data/ damaged", tried, unnoticed),
        ("kills of make data's exchange", *exchanges(folder / "data")),
    ]


def exchanges(folder: Path) -> tuple[int, list[str]]:
    """Kill `make data` before each move of its exchange; say what is then nowhere.

    What was old and what is new must lie in one of the three folders that it moves between.

    Returns:
        How many kills, and what was lost.
    """
    faults, at = [], 0
    while True:
        root = folder / str(at)
        for place, word in (("data", "old"), ("built", "new")):
            for name in rebuild.REBUILT:
                (root / place / name).parent.mkdir(parents=True, exist_ok=True)
                (root / place / name).write_text(f"{word} {name}")
        (root / "aside").mkdir()
        words = [sys.executable, "-c", EXCHANGE, root, str(at)]
        done = subprocess.run(
            words, cwd=collection.ROOT, capture_output=True, text=True
        )
        kept = {file.read_text() for file in root.rglob("*") if file.is_file()}
        made = {f"{word} {name}" for word in ("old", "new") for name in rebuild.REBUILT}
        faults += [f"{at}: {name}" for name in sorted(made - kept)]
        if done.returncode != -signal.SIGKILL:
            faults += [done.stderr[-200:]] if done.returncode else []
            return at, faults
        at += 1


MOUNT = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
EXCHANGE = """
import os, signal, sys
from pathlib import Path
sys.path.append("data/recipes")
import rebuild
root, at, rename, count = Path(sys.argv[1]), int(sys.argv[2]), Path.rename, iter(range(999))
def killed(path, target):
    if next(count) == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(path, target)
Path.rename = killed
rebuild.exchange(root / "data", root / "built", root / "aside")
"""
WAYS: dict[str, Callable] = {
    "missing": lambda file, content: file.unlink(),
    "empty": lambda file, content: file.write_bytes(b""),
    "cut in half": lambda file, content: file.write_bytes(content[: len(content) // 2]),
    "one bit changed": lambda file, content: file.write_bytes(_changed(content)),
}
