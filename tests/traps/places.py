"""Where a reader meets a trap: a module for each place, in the order of the page."""

import importlib

from tests.traps.catalogue import ENTRIES, Trap

PLACES = {
    "tokenizers": "Tokenizers",
    "loading": "Loading a model, and calling it",
    "data": "Data",
    "loop": "The training loop",
    "trainer": "Trainer",
    "processes": "Several processes",
    "generation": "Generation",
    "adapters": "Adapters",
    "hub": "The Hub",
    "notebooks": "Notebooks",
}

# What is known and has no proof of a few lines: number to text, the reason included.
TOLD: dict[int, str] = {}


def by_place() -> dict[str, list[Trap]]:
    """Give the entries of each place, in the order of their module."""
    for name in PLACES:
        importlib.import_module(f"tests.traps.{name}")
    found = {name: [] for name in PLACES}
    for entry in ENTRIES.values():
        name = entry.function.__module__.rpartition(".")[2]
        if name in found:  # a test may plant others
            found[name].append(entry)
    return found


def all_entries() -> dict[int, Trap]:
    """Give every entry under its number."""
    return {e.number: e for entries in by_place().values() for e in entries}
