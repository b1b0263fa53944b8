"""The lock file: which library at which version, on this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from hf_tutorial.doctor.finding import ROOT
from hf_tutorial.install import LOCK, ONLY_SETS_UP, normal

_PIN = re.compile(
    r"([A-Za-z0-9][\w.-]*)(\[[^\]]*\])?\s*==\s*([^\s;#]+)\s*(?:;\s*(.*))?$"
)


# What is imported of a library, where it is not its name with underscores.
_IMPORTED_AS = {
    "ipython": "IPython",
    "pillow": "PIL",
    "python-dateutil": "dateutil",
    "pyyaml": "yaml",
    "pyzmq": "zmq",
    "scikit-learn": "sklearn",
}


class Pin(NamedTuple):
    """A library and the version that the saved outputs were made with."""

    name: str
    version: str


def pins(file: Path = LOCK) -> list[Pin]:
    """Read the pins that hold on this machine.

    Lines with a marker, such as `; sys_platform == "win32"`, count where it is true. Hashes,
    comments, options and lines without `==` are passed over. Without the library that reads
    markers, lines that have one are passed over too.

    Args:
        file: A requirements file; lines may go on after a backslash.

    Raises:
        FileNotFoundError: There is no such file.
    """
    text = file.read_text(encoding="utf-8")
    found = []
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = re.sub(r"(^|\s)#.*", "", line)
        line = re.sub(r"\s--hash[= ]\S+", "", line).strip()
        match = _PIN.match(line)
        if match and _holds(match[4]):
            found.append(Pin(match[1], match[3]))
    return found


def pins_here() -> list[Pin]:
    """Read the pins of this checkout: of its lock file, or of pyproject.toml without one."""
    if LOCK.is_file():
        return [pin for pin in pins(LOCK) if pin.name not in ONLY_SETS_UP]
    return [Pin(name, version) for name, version in _direct().items()]


def direct() -> set[str]:
    """Name the libraries that the notebooks themselves import, as pyproject.toml lists them."""
    return {normal(name) for name in _direct()}


def imported_as(name: str) -> str:
    """Give the module that a library brings: sklearn for scikit-learn."""
    return _IMPORTED_AS.get(normal(name), normal(name).replace("-", "_"))


def library_of(module: str) -> str:
    """Give the library that brings a module, with its locked version when there is one."""
    for pin in pins_here():
        if imported_as(pin.name) == module:
            return f"{pin.name}=={pin.version}"
    names = {imported: name for name, imported in _IMPORTED_AS.items()}
    return names.get(module, module)


def same_version(one: str, other: str) -> bool:
    """Compare versions; a local suffix, as in 2.13.0+cpu, does not count."""
    one, other = one.partition("+")[0], other.partition("+")[0]
    if one == other:
        return True
    try:
        from packaging.version import Version

        return Version(one) == Version(other)  # 2.0 and 2.0.0
    except Exception:  # not installed, broken, or no version at all
        return False


def _direct() -> dict[str, str]:
    # By eye, since older Pythons have no reader of toml and doctor speaks in them as well.
    file = ROOT / "pyproject.toml"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    block = re.search(r"(?ms)^dependencies = \[(.*?)^\]", text)
    found = re.findall(r'"([A-Za-z0-9][\w.-]*)==([^"\s;]+)"', block[1]) if block else []
    return dict(found)


def _holds(marker: str | None) -> bool:
    if not marker:
        return True
    try:
        from packaging.markers import Marker

        return Marker(marker.strip()).evaluate({"extra": ""})
    except Exception:  # not installed, or broken
        return False
