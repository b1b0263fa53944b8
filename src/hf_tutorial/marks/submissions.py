"""What students handed back: the notebooks in a folder or an archive, and whose each is.

Read are a folder or a zip file that holds, in any mixture,

    NAME.ipynb                                  the student is NAME
    STUDENT/.../01_tokenization.ipynb           a folder each, however deep, or a whole repository
    STUDENT.zip                                 one zip file each
    Anna Müller_123_assignsubmission_file/...   Moodle, by folders, or with the file's name behind
    muelleranna_LATE_123_456_01_x.ipynb         Canvas
    Week 1_amueller_attempt_2026-11-27-10-12-33_01_x.ipynb   Blackboard

Browsers that save `.ipynb.txt` or `.ipynb.json` are borne. Links are not followed, archives are
read where they lie and never unpacked, and nothing beside a notebook is taken along.
"""

from __future__ import annotations

import io
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ENDINGS = (".ipynb", ".ipynb.txt", ".ipynb.json")
LARGEST = 30_000_000  # bytes of one notebook
LARGEST_ARCHIVE = 300_000_000  # bytes of all notebooks in one zip file
PASSED_OVER = {
    "__MACOSX",
    "build",
}  # and what begins with a dot, and environments of Python
PLATFORMS = (
    re.compile(r"(?P<who>.+?)_\d+_assignsubmission_\w+?(?:_|$)"),  # Moodle
    re.compile(r".+_(?P<who>[^_]+)_attempt_\d{4}(?:-\d\d){5}(?:_|\.|$)"),  # Blackboard
    # Canvas: two numbers, which are no date, be it with the time of day, and no weeks
    re.compile(
        r"(?P<who>[^\W\d_][^_]*)(?:_LATE)?"
        r"_(?!20\d\d[01]\d[0-3]\d_\d{6}_)\d{3,}_\d{3,}_."
    ),
)


@dataclass(frozen=True)
class Submission:
    """A file that a student handed back, and what it holds."""

    student: str
    file: str
    content: bytes


@dataclass(frozen=True)
class Unread:
    """Something that was handed back and is no notebook, or cannot be read."""

    student: str
    file: str
    reason: str


def collect(place: Path) -> tuple[list[Submission], list[Unread]]:
    """Find all notebooks in a folder or a zip file, in the order of their names.

    Returns:
        What can be read, and what was left and why. A student without any notebook is among
        the second.

    Raises:
        ValueError: There is no such folder or zip file, or it cannot be read.
    """
    try:
        found = _found(place)
    except OSError as error:
        raise ValueError(
            f"{place} cannot be read ({error.strerror}): "
            "`chmod -R u+rX` lets you read what is yours; or name a copy"
        ) from None
    read = [f for f in found if isinstance(f, Submission)]
    with_notebook = {f.student for f in read}
    # A text beside a notebook is no fault; a student who sent nothing else has to be named.
    left = [
        f
        for f in found
        if isinstance(f, Unread)
        and (f.student not in with_notebook or f.reason != NO_NOTEBOOK)
    ]
    return read, left


NO_NOTEBOOK = "no notebook"


def _found(place: Path) -> list[Submission | Unread]:
    if place.is_dir():
        os.scandir(place).close()  # of folders in it, each is told that is shut
        return list(_in_folder(place))
    if place.is_file() and place.suffix.lower() == ".zip":
        return list(_in_archive(place.read_bytes(), ""))
    what = "neither a folder nor a zip file" if place.exists() else "not there"
    raise ValueError(
        f"{place} is {what}: name what was handed back, as in "
        "`make marks SUBMISSIONS=~/downloads/week1`"
    )


def student_of(part: str) -> str:
    """Give the student's name out of that of a folder or file, as a platform wrote it."""
    part = unicodedata.normalize("NFC", part)
    for pattern in PLATFORMS:
        if found := pattern.match(part):
            return found["who"]
    for ending in (*ENDINGS, ".zip"):
        if part.lower().endswith(ending):
            return part[: -len(ending)]
    return part


def _on_a_platform(part: str) -> bool:
    return any(pattern.match(part) for pattern in PLATFORMS)


def _in_folder(place: Path) -> Iterator[Submission | Unread]:
    for path in _walk(place):
        inside = path.relative_to(place)
        student, file = student_of(inside.parts[0]), _shown(inside.as_posix())
        yield from _look_at(path, student, file)


def _walk(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        yield folder
        return
    for entry in entries:
        if entry.name in PASSED_OVER or entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if not os.path.isfile(os.path.join(entry.path, "pyvenv.cfg")):
                yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _look_at(path: Path, student: str, file: str) -> Iterator[Submission | Unread]:
    try:
        yield from _opened(path, student, file)
    except OSError as error:
        yield Unread(student, file, f"cannot be read: {error.strerror}")


def _opened(path: Path, student: str, file: str) -> Iterator[Submission | Unread]:
    kind = path.lstat()
    if stat.S_ISLNK(kind.st_mode):
        yield Unread(student, file, "a link: links are not followed")
    elif stat.S_ISDIR(kind.st_mode):
        yield Unread(student, file, "a folder that cannot be opened")
    elif not stat.S_ISREG(kind.st_mode):
        yield Unread(student, file, "no file, but a pipe or a device")
    elif path.suffix.lower() in (".rar", ".7z", ".gz", ".tar", ".tgz", ".xz"):
        yield Unread(student, file, f"a {path.suffix}: only zip files are looked into")
    elif path.suffix.lower() == ".zip":
        if kind.st_size > LARGEST_ARCHIVE:
            yield Unread(student, file, _too_large(kind.st_size, LARGEST_ARCHIVE))
            return
        yield from _in_archive(path.read_bytes(), file, student)
    elif not path.name.lower().endswith(ENDINGS):
        yield Unread(student, file, NO_NOTEBOOK)
    elif kind.st_size > LARGEST:
        yield Unread(student, file, _too_large(kind.st_size, LARGEST))
    else:
        yield Submission(student, file, path.read_bytes())


def _in_archive(
    content: bytes, file: str, student: str | None = None, depth: int = 0
) -> Iterator[Submission | Unread]:
    """Read the notebooks of a zip file; one in it, as a platform packs them, is opened, too."""
    whole = student
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        members = sorted(archive.infolist(), key=_name)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        yield Unread(student or file, file, f"a damaged zip file: {_line(error)}")
        return
    left = LARGEST_ARCHIVE
    for member in members:
        parts = [p for p in PurePosixPath(_name(member)).parts if p not in ("/", "..")]
        if member.is_dir() or not parts:
            continue
        if PASSED_OVER & set(parts) or any(part.startswith(".") for part in parts):
            continue
        by_platform = next((p for p in parts if _on_a_platform(p)), None)
        who = whole
        if by_platform or whole is None:
            who = student_of(by_platform or parts[0])
        name = _shown("/".join([*([file] if file else []), *parts]))
        packed = parts[-1].lower().endswith(".zip")
        if not packed and not parts[-1].lower().endswith(ENDINGS):
            yield Unread(who, name, NO_NOTEBOOK)
            continue
        if packed and depth:
            yield Unread(who, name, "a zip file in a zip file in a zip file")
            continue
        most = LARGEST_ARCHIVE if packed else LARGEST
        read = _member(archive, member, who, name, most, left)
        if isinstance(read, Unread):
            yield read
            continue
        left -= len(read)
        if packed:
            yield from _in_archive(read, name, who, depth + 1)
        else:
            yield Submission(who, name, read)


def _member(
    archive, member, who: str, name: str, most: int, left: int
) -> bytes | Unread:
    """Read a file of a zip file, if it has at most so many bytes, and all together as many."""
    if member.flag_bits & 1:
        return Unread(who, name, "locked with a password")
    try:
        with archive.open(
            member
        ) as opened:  # what the archive says of sizes may be wrong
            read = opened.read(min(most, left) + 1)
    except Exception as error:  # damaged in any of many ways
        return Unread(who, name, f"damaged in the zip file: {_line(error)}")
    if len(read) > most:
        return Unread(who, name, _too_large(None, most))
    return read if len(read) <= left else Unread(who, name, _too_much())


def _name(member: zipfile.ZipInfo) -> str:
    """Give a member's name; macOS writes UTF-8 without saying so, which is read as cp437."""
    name = member.filename
    if not member.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _shown(name: str) -> str:
    """Make a name that can be written anywhere, of one that may not be valid text."""
    name = unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))
    return "".join(sign if sign.isprintable() else "�" for sign in name)


def _too_large(size: int | None, most: int) -> str:
    size = f"{size / 1e6:.0f} MB" if size else "larger"
    return f"{size}, where {most / 1e6:.0f} MB are read"


def _too_much() -> str:
    return (
        f"with what stands before it more than the {LARGEST_ARCHIVE / 1e6:.0f} MB that are read"
        " of one zip file: unpack it and name the folder"
    )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:100]
