"""Writes notebooks/traps.md from the entries, the pins, and what is gone."""

import ast
import importlib
import inspect
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
SPELT = {"scikit_learn": "scikit-learn", "jupyter": "the nbconvert of jupyter"}
HEAD = """\
# Traps

What goes wrong with these libraries while every line runs, or ends in an error that points elsewhere. **You have a fault?** Look for it below, under
the place where you met it. **You have code that runs?** Go through the list of what shows nothing, which begins with the code.

An entry says what you see, what really happens, and what to write instead. Where nothing is quoted as *The library says*, no warning and no line of
a log speaks of the trap. Then comes code, and a test executes it: an `assert` below *You get* states the trap, one below *Instead* the way out. So it is as you
read on the versions that are named; `make latest` tries newer ones. A few entries are errors with a clear word, or slips in counting that no library can see.

To paste an entry's code, run this first in a notebook of this folder. In place of its last line put the import that stands under the section's heading; models are tiny and random, and
`toys.bert()` and the like are in [toys.py](../tests/traps/toys.py).

```python
import os
import sys
import tempfile

from transformers import set_seed

sys.path.insert(0, os.path.abspath(".."))  # the repository
os.chdir(tempfile.mkdtemp())  # some entries write files
set_seed(0)
from tests.traps.tokenizers import *
```

Or let the test run entries 37 and 38, in the folder of the repository: `.venv/bin/python -m tests.traps holds 37 38`. (Without `holds` that
writes this page.) The numbers are names: they never change, and one that is missing was withdrawn.
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
    pins, found = versions(), places.by_place()
    parts = [HEAD, index_text(found)]
    for name, title in places.PLACES.items():
        if found[name]:
            count = len(found[name])
            parts.append(
                f"## {title}\n\n{count} entries; {names_text(name, found[name])}\n"
            )
            parts += [entry_text(entry, pins) for entry in found[name]]
    parts.append(told_text())
    parts.append(gone_text())
    return _formatted("\n".join(parts))


def names_text(place: str, entries: list[Trap]) -> str:
    """Say how the names of a section are imported, and which of them are its own."""
    module = importlib.import_module(f"tests.traps.{place}")
    used = {name for entry in entries for name in names_in(entry.code)} - {"toys"}
    own = []
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.Assign) and node.targets[0].id in used:
            own.append(f"`{ast.unparse(node)}`.")
        elif isinstance(node, ast.FunctionDef) and node.name in used:
            own.append(_described(node.name, getattr(module, node.name)))
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = alias.asname or alias.name
                if name in used and node.module.startswith("tests"):
                    own.append(_described(name, getattr(module, name)))
                elif name in used and alias.asname:
                    own.append(f"`{name}` is `{node.module}.{alias.name}`.")
    line = f"their names: `from tests.traps.{place} import *` ([{place}.py]({SOURCE}/{place}.py))."
    return " ".join([line, *own])


def names_in(code: str) -> set[str]:
    """Give the names that code reads."""
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def _described(name: str, value: object) -> str:
    if isinstance(value, str):
        return f"`{name} = {value!r}`."
    text = inspect.getdoc(value).splitlines()[0].rstrip(".")
    shown = f"{name}()" if callable(value) else name
    return f"`{shown}`: {text}."


def index_text(found: dict[str, list[Trap]]) -> str:
    """Give links to all entries by what one sees, and by title where one sees nothing."""
    entries = {entry.number: entry for place in found.values() for entry in place}
    numbers = " ".join(_linked(entries[number]) for number in sorted(entries))
    lines, silent = ["## Find your case", ""], []
    for name, title in places.PLACES.items():
        silent += [entry for entry in found[name] if entry.wrote]
        seen = [entry for entry in found[name] if not shows_nothing(entry)]
        seen += [entries[number] for number in places.MET_THERE_TOO.get(name, ())]
        rows = [f"- {_linked(entry)}: {entry.prose[PARTS[0]]}" for entry in seen]
        lines += [f"**{title}**", "", *rows, ""]
    lines += ["**Nothing is to be seen, and you wrote such a thing**", ""]
    lines += [
        f"- {_linked(entry)}: `{entry.wrote}`. {entry.title}." for entry in silent
    ]
    lines += [
        "",
        "A SIGABRT at the exit, prints in the wrong cell, a solution's first line that shows, blank slides; DPO and SFT by "
        "TRL, torchao, accumulation under DeepSpeed, safetensors of NumPy: [told, not proved](#told-not-proved).",
        "",
        "Calls that are gone, and what replaces them: [the table](#calls-that-are-gone).",
        "",
        f"By number: {numbers}",
    ]
    return "\n".join([*lines, ""])


def shows_nothing(entry: Trap) -> bool:
    """Say whether a reader cannot find an entry by what is on the screen."""
    return entry.prose[PARTS[0]].startswith("nothing")


def _heading(entry: Trap) -> str:
    return f"{entry.number}. {entry.title}"


def _linked(entry: Trap) -> str:
    """Give an entry's number, linked to its heading the way GitHub names it."""
    anchor = re.sub(r"[^\w\- ]", "", _heading(entry).lower()).replace(" ", "-")
    return f"[{entry.number}](#{anchor})"


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
    seen = [f"{SPELT.get(name, name)} {pins[name]}" for name in entry.libraries]
    mended = entry.mended.partition(" ")[0]
    for name, version in ALSO.items():
        if name in entry.libraries and version != pins[name] and name != mended:
            seen[entry.libraries.index(name)] += f" and {version}"
    return ", ".join(seen)


def entry_text(entry: Trap, pins: dict[str, str]) -> str:
    """Give one entry: title, three paragraphs, code, and where it was seen."""
    lines = [f"### {_heading(entry)}", ""]
    for part in PARTS:
        lines += [f"*{part}*: {entry.prose[part]}", ""]
        if part == PARTS[0] and entry.says:
            lines += [f'*The library says*: "{entry.says}".', ""]
    together = entry.processes > 1 and f"# In {entry.processes} processes, each:\n"
    lines += ["```python", (together or "") + _aired(entry.code), "```", ""]
    last = [f"Seen in {seen_in(entry, pins)}"]
    if entry.mended:
        last.append(f"mended in {entry.mended}")
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
    return "\n".join([*lines, "; ".join(last) + "." + _relatives(entry), ""])


def _relatives(entry: Trap) -> str:
    """Point to the other entries about the same matter."""
    entries, found = places.all_entries(), []
    for matter, numbers in places.FAMILIES.items():
        if entry.number in numbers:
            others = [_linked(entries[n]) for n in numbers if n != entry.number]
            found.append(f" See also, on {matter}: {', '.join(others)}.")
    return "".join(found)


def _aired(code: str) -> str:
    """Part the code before each mark, and leave out what is for the formatter."""
    parted = re.sub(r"\n+(?= *# (You write|You get|Instead)\n)", r"\n\n", code.rstrip())
    return parted.replace("  # fmt: skip", "")


def told_text() -> str:
    """Give the list of what is told and not proved, with the reasons."""
    rows = [f"- {number}. {text}" for number, text in sorted(places.TOLD.items())]
    head = "## Told, not proved\n\nKnown, but no test of a few lines shows it.\n"
    return "\n".join([head, *rows, ""])


def _coded(text: str) -> str:
    """Give what is code as code: it has a sign that prose has not, or is one name."""
    parts = re.split(r"(, (?![^(]*\)))", text)
    code = r"[\w.]+|(?=.*[=(.-])[^ ]+(\([^)]*\))?"
    plain = {"print", "nothing", "blocks", "map"}
    return "".join(
        f"`{part}`" if re.fullmatch(code, part) and part not in plain else part
        for part in parts
    )


def gone_text() -> str:
    """Give the table of calls that are gone, from the scan that finds them."""
    rows, entries = [], places.all_entries()
    for rule in gone.RULES:
        if rule.today:
            today = re.sub(
                r"trap (\d+)",
                lambda found: f"no error: see {_linked(entries[int(found[1])])}",
                rule.today,
            )
            rows.append(
                f"| {_coded(rule.name)} | {today} | {_coded(rule.replacement)} |"
            )
    head = (
        "## Calls that are gone\n\nWhat older tutorials write and these releases have no longer. A test tries "
        "each that raises; those that are silent are linked to their entries. `tests/gone.py` looks for all "
        "of them in the notebooks.\n\n| You will meet | Today | Write |\n| --- | --- | --- |"
    )
    return "\n".join([head, *rows, ""])
