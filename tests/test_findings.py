"""The scripts in findings/: each can be run by anybody, alone, and says what it found and when."""

import os
import re
import subprocess

import pytest

from hf_tutorial import NOTEBOOKS

SCRIPTS = sorted((NOTEBOOKS.parent / "findings").glob("*"))


def complaints(text: str) -> list[str]:
    """Say what a script lacks of the form that all have."""
    head = re.match(r"#!/usr/bin/env bash\n((?:# .*\n|#   .*\n|#\n)+)", text)
    wanted = {
        "a head in comments": head,
        "a date in its head": head and re.search(r"\b20\d\d-\d\d-\d\d\b", head[1]),
        "Expected and Seen": head
        and "# Expected: " in head[1]
        and "# Seen: " in head[1],
        "a version in its head": head and re.search(r"\d+\.\d+", head[1]),
        "set -euo pipefail": "\nset -euo pipefail\n" in text,
        "a temporary folder, removed at its end": "mktemp -d" in text
        and "trap" in text,
        "pinned packages": re.search(r"\b[\w.-]+==\d", text),
        "an end that fails when the behaviour has changed": "exit 1" in text,
    }
    return [what for what, found in wanted.items() if not found]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_finding_says_what_was_expected_and_seen_and_runs_without_us(script):
    text = script.read_text(encoding="utf-8")
    assert script.suffix == ".sh" and os.access(script, os.X_OK)
    assert complaints(text) == []
    assert "hf_tutorial" not in text and "http" not in text
    subprocess.run(["bash", "-n", script], check=True)


def test_script_that_lacks_something_is_noticed():
    text = SCRIPTS[0].read_text(encoding="utf-8")
    for part, missing in (
        ("set -euo pipefail", "set -euo pipefail"),
        ("mktemp -d", "a temporary folder, removed at its end"),
        ("exit 1", "an end that fails when the behaviour has changed"),
        ("# Seen: ", "Expected and Seen"),
    ):
        assert complaints(text.replace(part, "")) == [missing]
