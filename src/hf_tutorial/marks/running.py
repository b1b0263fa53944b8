"""Running submissions side by side, each in a folder and a process that are gone afterwards."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from hf_tutorial import collection, place
from hf_tutorial.marks import walls
from hf_tutorial.marks.exercises import Lesson
from hf_tutorial.marks.submissions import Submission

MARK = "HF_TUTORIAL_MARKS"  # in the environment of all that a submission starts
MOST_PROCESSES = 200
MOST_TOLD = 20_000_000  # letters; a run tells a thousandth of that
KEPT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "SYSTEMROOT",
    "VIRTUAL_ENV",
    "OMP_NUM_THREADS",
)
PARTS = ("src", "notebooks", "data")


@dataclass(frozen=True)
class Limits:
    """What one submission may take."""

    seconds: int = 600
    memory: int = 6_000_000_000  # bytes, of all its processes together


@dataclass
class Record:
    """What one submission did, as it was told."""

    submission: Submission
    plan: dict | None = None
    events: list[dict] = field(default_factory=list)
    over: str = ""  # why not everything was reached
    refused: str = ""  # why it was not run
    wrote: list[str] = field(
        default_factory=list
    )  # what it changed in its copy of ours
    seconds: float = 0.0


def run_all(
    submissions: list[Submission],
    lessons: list[Lesson],
    *,
    root: Path = collection.ROOT,
    limits: Limits = Limits(),
    raised: frozenset[str] | None = None,
    at_once: int = 2,
    done: Callable[[Record], None] = lambda record: None,
) -> list[Record]:
    """Run each submission; one that breaks takes nothing with it.

    Args:
        submissions: What to run.
        lessons: Our exercises, which answers are looked for.
        root: The checkout whose notebooks and data they get a copy of.
        limits: For each of them.
        raised: Which walls to raise; by default all that this system has.
        at_once: How many run side by side.
        done: Called with each record when it is whole, from several threads.

    Returns:
        A record each, in the same order.
    """
    raised = walls.possible() if raised is None else raised

    stopping = threading.Event()

    def one(submission: Submission) -> Record:
        record = Record(submission)
        clock = time.monotonic()
        try:
            with _folder() as folder:
                run = _Run(record, folder, lessons, root, limits, raised, at_once)
                run.to_its_end(stopping)
        except Exception as error:  # no room on the disk, no process to be had
            record.over = f"not run: {type(error).__name__}: {error}"
        record.seconds = time.monotonic() - clock
        done(record)
        return record

    pool = ThreadPoolExecutor(at_once)
    try:
        return list(pool.map(one, submissions))
    except BaseException:  # Ctrl-C: what runs is ended, too, and nothing new begun
        stopping.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="marks-")).resolve()
    try:
        yield folder
    finally:
        # A submission may have taken away its own right to enter a folder.
        for inside, folders, _ in os.walk(folder):
            for name in folders:
                with contextlib.suppress(OSError):
                    if not os.path.islink(os.path.join(inside, name)):
                        os.chmod(os.path.join(inside, name), 0o700)
        shutil.rmtree(folder, ignore_errors=True)


class _Run:
    """One submission in its folder, watched until nothing of it is left."""

    def __init__(self, record, folder, lessons, root, limits, raised, at_once):
        self.record, self.folder, self.root = record, folder, root
        self.limits, self.raised = limits, raised
        self.token = secrets.token_hex(16)
        self.seen: dict[int, psutil.Process] = {}
        self.copy = folder / "checkout"
        copy_of(root, self.copy, links="files" in raised)
        self.before = _stamps(self.copy)
        for name in ("home", "tmp", "runtime"):
            (folder / name).mkdir()
        notebook = folder / "handed_in.ipynb"
        notebook.write_bytes(record.submission.content)
        own = self.environment(at_once)
        job = {
            "lessons": [_plain(lesson) for lesson in lessons],
            "notebook": str(notebook),
            "name": Path(record.submission.file).name,
            "folder": str(folder),
            "cwd": str(self.copy / "notebooks"),
            "source": str(place.PACKAGE.parent),
            "walls": sorted(raised),
            "guard": self.guard(),
            "environment": {**own, "PYTHONPATH": str(self.copy / "src")},
            "seconds": limits.seconds,
            "memory": limits.memory,
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        self.start(own)

    def environment(self, at_once: int) -> dict[str, str]:
        """Give what the submission sees: nothing of the reader's own, no tokens, no GPU."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        share = max((os.cpu_count() or 1) // at_once, 1)
        return {
            "OMP_NUM_THREADS": str(share),
            **kept,
            MARK: self.token,
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HF_HUB_OFFLINE": "1",
            "HF_DATASETS_OFFLINE": "1",
            "PIP_RETRIES": "0",
        }

    def guard(self) -> list[str]:
        """Say what the kernel has to refuse, because no wall does."""
        own = (self.root, place.PACKAGE.parents[1], Path(sys.prefix))
        folders = "" if "files" in self.raised else os.pathsep.join(map(str, own))
        return ["walled" if "network" in self.raised else "refuse", folders]

    def start(self, environment: dict[str, str]) -> None:
        self.pipe, theirs = os.pipe()
        with (self.folder / "said").open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hf_tutorial.marks.alone",
                 str(self.folder / "job.json"), str(theirs)],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=self.folder,
                env=environment, pass_fds=(theirs,), start_new_session=True,
            )  # fmt: skip
        os.close(theirs)

    def to_its_end(self, stopping: threading.Event) -> None:
        try:
            self.listen(stopping)
        finally:
            self.end_all()
            os.close(self.pipe)
        if not any((self.record.plan, self.record.refused, self.record.over)):
            said = (
                (self.folder / "said").read_bytes()[-2000:].decode("utf-8", "replace")
            )
            last = next((line for line in said.splitlines()[::-1] if line.strip()), "")
            self.record.over = f"it ended before it began: {last[:200]}"
        after = _stamps(self.copy)
        changed = (n for n in self.before | after if self.before.get(n) != after.get(n))
        self.record.wrote = sorted(changed)[:20]

    def listen(self, stopping: threading.Event) -> None:
        """Take in what is told, and end it all when it takes too much."""
        end = time.monotonic() + self.limits.seconds + 60
        text, told, finished = b"", 0, False
        while True:
            ready, _, _ = select.select([self.pipe], [], [], 0.1)
            if ready:
                read = os.read(self.pipe, 65536)
                if not read:
                    break
                told += len(read)
                *lines, text = (text + read).split(b"\n")
                for line in lines:
                    finished |= self.take(line)
            if told > MOST_TOLD:
                return self.stop("it told more than can be read")
            if why := "interrupted" if stopping.is_set() else self.too_much():
                return self.stop(why)
            if time.monotonic() > end:
                return self.stop(f"no end within {self.limits.seconds} s")
        if not finished and not self.record.over:
            self.record.over = "what ran it was ended from within"
        return None

    def take(self, line: bytes) -> bool:
        event = json.loads(line)
        what = event.pop("what")
        if what == "planned":
            self.record.plan = event["plan"]
        elif what == "refused":
            self.record.refused = event["why"]
        elif what == "over":
            self.record.over = event["why"]
        elif what != "ended":
            self.record.events.append({"what": what, **event})
        return what in ("refused", "ended")

    def stop(self, why: str) -> None:
        self.record.over = why

    def too_much(self) -> str:
        """Say whether it takes more memory or processes than it may."""
        total = 0
        family = self.family()
        for process in family:
            self.seen[process.pid] = process
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        if total > self.limits.memory:
            return f"stopped: over {self.limits.memory / 1e9:g} GB of memory"
        if len(family) > MOST_PROCESSES:
            return f"stopped: over {MOST_PROCESSES} processes"
        return ""

    def family(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.Error:
            return []

    def end_all(self) -> None:
        """Kill everything that was started, whoever its parent is by now."""
        for _ in range(20):
            known = [p for p in self.seen.values() if p.is_running()]
            left = {*self.family(), *known, *self.marked()}
            left = {p for p in left if _alive(p)}
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            self.process.poll()
            if not left:
                break
            psutil.wait_procs(left, timeout=0.5)
        self.process.wait()

    def marked(self) -> Iterator[psutil.Process]:
        """Find the processes of this user that carry this run's mark in their environment."""
        if "processes" in self.raised:  # they ended with the first of their world
            return
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == self.token:
                    yield process


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _plain(lesson: Lesson) -> dict:
    sets = {"ids": sorted(lesson.ids), "raising": sorted(lesson.raising)}
    return {**dataclasses.asdict(lesson), **sets}


def copy_of(root: Path, copy: Path, *, links: bool) -> None:
    """Make what a notebook needs of a checkout: package, notebooks and data.

    Args:
        root: The checkout.
        copy: Where to.
        links: Whether links to the files of data/ will do, because nobody can write through
            them. Folders are real in any case, so that a notebook can add files.
    """
    for part in PARTS:
        origin = place.PACKAGE.parent if part == "src" else root / part
        if origin.is_dir():
            shutil.copytree(
                origin, copy / part,
                copy_function=_link if links and part == "data" else shutil.copy2,
                ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"),
            )  # fmt: skip


def _link(origin: str, copy: str) -> None:
    os.symlink(os.path.realpath(origin), copy)


def _stamps(folder: Path) -> dict[str, tuple]:
    """Tell the files below a folder by their size and time: what changes, changes these."""
    found = {}
    for inside, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".pyc"):
                continue
            path = os.path.join(inside, name)
            with contextlib.suppress(OSError):
                stamp = os.lstat(path)
                shown = (
                    os.path.relpath(path, folder).encode("utf-8", "replace").decode()
                )
                found[shown] = (stamp.st_size, stamp.st_mtime_ns, stamp.st_mode)
    return found


def stamps_of_checkout(root: Path) -> dict[str, tuple]:
    """Tell the files of the checkout itself, to see afterwards that none has changed."""
    found = {}
    for folder in {root, place.PACKAGE.parents[1]}:
        for part in PARTS:
            stamps = _stamps(folder / part)
            found |= {f"{part}/{name}": stamp for name, stamp in stamps.items()}
    return found
