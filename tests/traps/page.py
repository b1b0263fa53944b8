"""Writes notebooks/traps.md from the entries, the pins, and what is gone."""

import re
import subprocess
import sys
import tomllib

from hf_tutorial import NOTEBOOKS
from tests import gone
from tests.traps import places
from tests.traps.catalogue import ALSO, EXTRA, PARTS, Trap

PAGE = NOTEBOOKS / "traps.md"
SOURCE = "../tests/traps"
HEAD = """\
# Traps

What the libraries of this collection do and nobody meant, most of it without a word, each with code that runs. Every entry says what you
see, what really happens, and what to write instead; where a library says something, it is quoted. A test executes all of them: an `assert` below *You get* states the trap, and one below *Instead* the way out. So an
entry that is here is so on the versions it names. Whether a newer release has mended one, `make latest` says.

An entry begins with what has to be there first. Its imports stand in the file that is named at each place, and the models are tiny and
random: `toys.bert()`, `toys.gpt2()` and the like are in [toys.py](../tests/traps/toys.py). Numbers stay, and places are where you meet
a trap. To run entries 37 and 38 alone: `python -m tests.traps holds 37 38`.
"""


def versions() -> dict[str, str]:
    """Give the pin of every package in pyproject.toml, extras included."""
    project = tomllib.loads(
        (NOTEBOOKS.parent / "pyproject.toml").read_text(encoding="utf-8")
    )["project"]
    listed = [project["dependencies"], *project["optional-dependencies"].values()]
    pins = dict(line.split("==") for lines in listed for line in lines)
    return EXTRA | {name.replace("-", "_"): pin for name, pin in pins.items()}


def text() -> str:
    """Give the whole page."""
    parts, pins = [HEAD], versions()
    found = places.by_place()
    for name, title in places.PLACES.items():
        if found[name]:
            count = len(found[name])
            where = f"[{name}.py]({SOURCE}/{name}.py)"
            parts.append(f"## {title}\n\n{count} entries, in {where}.\n")
            parts += [entry_text(entry, pins) for entry in found[name]]
    parts.append(told_text())
    parts.append(gone_text())
    return _formatted("\n".join(parts))


def _formatted(text: str) -> str:
    """Give the page as `make format` leaves it, code between fences included."""
    ruff = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(PAGE), "-"]
    done = subprocess.run(
        ruff, input=text, capture_output=True, text=True, encoding="utf-8", check=True
    )
    return done.stdout


def seen_in(entry: Trap, pins: dict[str, str]) -> str:
    """List the releases on which an entry was seen to hold."""
    if entry.since:
        return f"{entry.since}, not in the release that is pinned"
    seen = [f"{name} {pins[name]}" for name in entry.libraries]
    mended = entry.mended.partition(" ")[0]
    for name, version in ALSO.items():
        if name in entry.libraries and version != pins[name] and name != mended:
            seen[entry.libraries.index(name)] += f" and {version}"
    return ", ".join(seen)


def entry_text(entry: Trap, pins: dict[str, str]) -> str:
    """Give one entry: title, three paragraphs, code, and where it was seen."""
    lines = [f"### {entry.number}. {entry.title}", ""]
    for part in PARTS:
        lines += [f"*{part}*: {entry.prose[part]}", ""]
        if part == PARTS[0] and entry.says:
            lines += [f'*The library says*: "{entry.says}".', ""]
    lines += ["```python", _aired(entry.code), "```", ""]
    last = [f"Seen in {seen_in(entry, pins)}"]
    if entry.mended:
        last.append(f"mended in {entry.mended}")
    if entry.processes > 1:
        last.append(f"runs in {entry.processes} processes")
    if entry.slow:
        last.append(f"proved by `make latest` only: {entry.slow}")
    if entry.upstream:
        repository, _, number = entry.upstream.partition("#")
        address = f"https://github.com/{repository}/issues/{number}"
        last.append(f"upstream: [{entry.upstream}]({address})")
    if entry.shown:
        notebook, _, heading = entry.shown.partition("#")
        name = f"{notebook[:2]}, {heading.replace('-', ' ')}"
        anchor = heading.replace("`", "")  # as JupyterLab makes it
        last.append(f"shown in [{name}]({notebook}#{anchor})")
    return "\n".join([*lines, "; ".join(last) + ".", ""])


def _aired(code: str) -> str:
    """Part the code before each mark, and leave out what is for the formatter."""
    parted = re.sub(r"\n+(?= *# (You write|You get|Instead)\n)", r"\n\n", code.rstrip())
    return parted.replace("  # fmt: skip", "")


def told_text() -> str:
    """Give the list of what is told and not proved, with the reasons."""
    rows = [f"- {number}. {text}" for number, text in sorted(places.TOLD.items())]
    head = "## Told, not proved\n\nKnown, but no test of a few lines shows it.\n"
    return "\n".join([head, *rows, ""])


def gone_text() -> str:
    """Give the table of calls that are gone, from the scan that finds them."""
    rows = []
    for rule in gone.RULES:
        if rule.today:
            met = rule.name if " " in rule.name else f"`{rule.name}`"
            today = rule.today.replace("trap ", "silent: entry ")
            rows.append(f"| {met} | {today} | {rule.replacement} |")
    head = (
        "## Gone\n\nWhat older tutorials write and these releases have no longer. Most of it raises, so "
        "nobody is misled for long; a test tries each. The scan of all notebooks (`tests/gone.py`) "
        "knows them.\n\n| You will meet | Today | Write |\n| --- | --- | --- |"
    )
    return "\n".join([head, *rows, ""])
