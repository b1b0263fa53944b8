"""What this machine has, and what would stop a notebook: `python -m hf_tutorial.doctor`.

It imports nothing that has to be installed, so that it also speaks where nothing is. Each look is
on its own: one that fails says so in a line and stops no other.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from hf_tutorial.doctor import environment, files, hub, imports, machine, settings
from hf_tutorial.doctor.finding import ROOT, Finding

__all__ = ["Finding", "examine", "report"]

COLOURS = {"ok": "32", "optional": "33", "fix": "31"}


def examine() -> list[Finding]:
    """Look at everything, the slow things side by side."""
    with ThreadPoolExecutor(2) as aside:
        asked = aside.submit(_look, hub.reach)
        tried = aside.submit(_look, imports.libraries)
        found = _look(environment.python) + _look(environment.checkout)
        versions = _look(environment.versions)
        rest = []
        for look in (
            environment.hidden,
            environment.kernel,
            machine.cores,
            machine.memory,
            machine.disk,
            machine.shared_memory,
            machine.system,
        ):
            rest += _look(look)
        data = _look(files.data) + _look(files.caches) + _look(files.line_endings)
        own = _look(settings.profile) + _look(settings.drawing)
        own += _look(settings.variables)
        found += versions + tried.result() + rest + data + own + asked.result()
    return found


def report(found: list[Finding], colour: bool = False) -> str:
    """Lay out findings, a line each, with the way out below; the counts come last."""
    lines = []
    for finding in found:
        mark = f"{finding.mark:<10}"
        if colour:
            mark = f"\033[{COLOURS[finding.mark]}m{mark}\033[0m"
        lines.append(f"{mark}{finding.what}")
        lines += [f"{'':10}> {line}" for line in finding.way_out.splitlines()]
    marks = [finding.mark for finding in found]
    fixes, options = marks.count("fix"), marks.count("optional")
    if fixes:
        end = f"{fixes} to fix before the notebooks run"
    else:
        end = "The notebooks will run"
    lines += ["", f"{end}; {options} optional." if options else f"{end}."]
    return "\n".join(lines)


def main() -> int:
    """Print the report; the exit status is 1 when a notebook would fail."""
    try:
        os.getcwd()
    except OSError:  # removed under our feet
        os.chdir(ROOT)
    found = examine()
    plain = (
        os.name == "nt" or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    )
    colour = sys.stdout.isatty() and not plain
    text = hub.without_tokens(report(found, colour))
    # A console that knows few characters still gets every line.
    encoding = sys.stdout.encoding or "ascii"
    print(text.encode(encoding, "replace").decode(encoding))
    return int(any(finding.mark == "fix" for finding in found))


def _look(what) -> list[Finding]:
    try:
        return what()
    except Exception as error:  # a broken machine breaks in ways nobody lists
        name = f"{what.__module__.rpartition('.')[2]}.{what.__name__}"
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return [Finding("optional", f"could not look at {name} ({reason})")]
