"""Tables that a `make` target measured, in README, each with its day and its machine."""

import datetime
import os
import platform
import re
from pathlib import Path

import psutil

from hf_tutorial import collection

README = collection.ROOT / "README.md"
BEFORE = "## Licence"  # the section after that of the tables


def machine() -> str:
    """Describe this machine in a line: processor, cores, memory, system, Python."""
    told = Path("/proc/cpuinfo")
    named = (
        re.search(r"model name\s*: (.+)", told.read_text()) if told.exists() else None
    )
    processor = (
        named[1].strip() if named else platform.processor() or platform.machine()
    )
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}"
    )


def with_table(readme: str, target: str, table: str, day: str, where: str) -> str:
    """Put a table into README's text, in the place of the one that the target measured before.

    The first one of a target goes to the end of the last section but the licence.

    Args:
        readme: The text.
        target: The target of make with its settings, such as `bench BASE=708468b`; its first
            word marks the place.
        table: In Markdown.
        day: When it was measured.
        where: On what machine.
    """
    name = target.split()[0]
    begin, end = f"<!-- {name}: written by make -->", f"<!-- end of {name} -->"
    block = f"{begin}\n`make {target}`, {day}, on {where}:\n\n{table}\n{end}"
    if begin in readme:
        head, _, rest = readme.partition(begin)
        return f"{head}{block}{rest.partition(end)[2]}"
    return readme.replace(f"\n{BEFORE}", f"\n{block}\n\n{BEFORE}", 1)


def into_readme(target: str, table: str) -> None:
    """Write a table into README if the environment asks for it by README=1."""
    if os.environ.get("README"):
        text = README.read_text(encoding="utf-8")
        day = datetime.date.today().isoformat()
        new = with_table(text, target, table, day, machine())
        README.write_text(new, encoding="utf-8")
