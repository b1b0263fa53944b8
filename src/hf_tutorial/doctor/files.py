"""Data, models and caches, as files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from hf_tutorial import caches as cache
from hf_tutorial import sources
from hf_tutorial.doctor.finding import Finding, python


def data() -> list[Finding]:
    """Say whether every bundled file is there and whole."""
    where = sources.DATA
    if not where.is_dir():
        return [
            Finding(
                "fix",
                f"the folder of data and models is missing: {where}",
                "take it from a fresh copy of the repository",
            )
        ]
    # In Hub mode nothing of it is read.
    mark = "optional" if os.environ.get("HF_TUTORIAL_SOURCE") == "hub" else "fix"
    found = []
    for sentence in sources.damage():
        what, _, way_out = sentence.rstrip(".").rpartition(": ")
        way_out = way_out.replace(sources.PLACE, python("-m", "hf_tutorial.sources"))
        commands = re.findall(r"`([^`]+)`", way_out)
        if sources.ENDINGS in what:
            # The same for every folder, so it is one line; a new clone is the other way.
            what = "files below data have the line endings of Windows, so none of them counts"
            commands = commands[:3]
        # The names of files are for those who have some of them.
        what = re.sub(r" \([^()]*: missing(; and \d+ more)?\)", "", what)
        found.append(Finding(mark, what, "\n".join(commands) or way_out))
    return list(dict.fromkeys(found)) or [
        Finding("ok", "data and models are whole, by their checksums")
    ]


def caches() -> list[Finding]:
    """Say whether the libraries, and Jupyter, can write where they want to."""
    hub = os.environ.get("HF_TUTORIAL_SOURCE") == "hub"
    closed, found = cache.closed(hub), []
    for problem in dict.fromkeys(closed.values()):
        variables = [name for name, other in closed.items() if other == problem]
        what = f"{variables[0]} cannot be written ({problem}): notebooks prepare"
        what += f"{' or download' * hub} their data in a temporary folder each time"
        found.append(Finding("optional", what, cache.moved(variables)))
    downloads = "HF_HUB_CACHE"  # used as it is where models lie in it
    problem = cache.obstacle(cache.folders()[downloads]) if hub else None
    if problem and downloads not in closed:
        what = f"{downloads} cannot be written ({problem}): what was downloaded before can be "
        what += "loaded, and nothing else"
        found.append(Finding("optional", what, cache.moved([downloads])))
    runtime = _runtime_folder()
    problem = runtime and cache.obstacle(runtime)
    if problem:
        found.append(
            Finding(
                "fix",
                f"Jupyter cannot write its connection files ({problem}), so no kernel starts",
                "set JUPYTER_RUNTIME_DIR to a folder that can be written",
            )
        )
    problem = _temporary_obstacle()
    if problem:
        found.append(
            Finding("fix", problem, "set TMPDIR to a folder that can be written")
        )
    return found or [Finding("ok", f"caches can be written, such as {cache.home()}")]


def line_endings() -> list[Finding]:
    """Say whether git would change the line endings of data in a fresh checkout."""
    root, program = sources.DATA.parent, shutil.which("git")
    if not (root / ".git").exists() or program is None:
        return []
    asked = {}
    for name, command in {
        "setting": ["config", "--get", "core.autocrlf"],
        "attribute": ["check-attr", "text", "eol", "--", "data/reviews/test.jsonl"],
    }.items():
        try:
            done = subprocess.run(
                [program, *command],
                cwd=root,
                capture_output=True,
                text=True,
                timeout=10,
            )
        except (OSError, subprocess.SubprocessError):
            return []
        asked[name] = done.stdout.strip().lower()
    kept = "text: unset" in asked["attribute"] or "eol: lf" in asked["attribute"]
    if asked["setting"] != "true" or kept:
        return []
    return [
        Finding(
            "optional",
            "git's core.autocrlf is true: the next checkout would change files below data",
            "git config core.autocrlf false",
        )
    ]


def _runtime_folder():
    try:
        from jupyter_core.paths import jupyter_runtime_dir

        return Path(jupyter_runtime_dir())
    except Exception:  # not installed, or broken: that has a line of its own
        return None


def _temporary_obstacle() -> str | None:
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        return f"no temporary folder can be written: {error.strerror}"
    return None
