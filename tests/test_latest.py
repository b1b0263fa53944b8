"""The run on the newest releases: what it installs, and what it calls newer."""

import json

from hf_tutorial import publish
from tests import latest


def test_every_pin_is_tried_without_its_version():
    pinned = latest.pins()
    assert {"torch", "transformers", "nbval", "huggingface_hub"} <= set(pinned)
    assert all(version[0].isdigit() for version in pinned.values())


def test_what_is_not_at_its_pin_is_listed_with_both_versions():
    listed = json.dumps(
        [
            {"name": "torch", "version": "2.13.0+cpu"},
            {"name": "huggingface_hub", "version": "9.0"},
        ]
    )
    pinned = {"torch": "2.13.0", "huggingface_hub": "2.4.0", "numpy": "2.4.6"}
    first, second = latest.newer(pinned, listed)
    assert first.split() == ["huggingface_hub", "2.4.0", "->", "9.0"]
    assert second.split() == ["numpy", "2.4.6", "->", "missing"]


def test_what_is_left_out_are_tests_that_exist():
    assert len(latest.OF_PINS) == 7
    for option in (*latest.OF_PINS, latest.OF_TRAPS):
        file, _, name = option.removeprefix("--deselect=").partition("::")
        assert f"def {name}(" in (publish.ROOT / file).read_text(encoding="utf-8")
