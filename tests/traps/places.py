"""Where a reader meets a trap: a module for each place, in the order of the page."""

import importlib

from tests.traps.catalogue import ENTRIES, Trap

PLACES = {
    "tokenizers": "Tokenizers",
    "loading": "Loading a model, and calling it",
    "data": "Data",
    "loop": "The training loop",
    "trainer": "Trainer",
    "processes": "Accelerate and several processes",
    "resuming": "Stopping and going on",
    "generation": "Generation",
    "adapters": "Adapters",
    "hub": "The Hub",
    "notebooks": "Notebooks",
}

# What is known and has no proof of a few lines: number to text, the reason included.
TOLD = {
    36: "A torchrun of two processes can end with SIGABRT at the exit of Python, after correct output "
    "(4 of 10 runs). Judge a run by what it wrote. *Not proved*: it is a matter of chance.",
    80: "ipykernel 7 shows what a thread prints in the cell that runs at that moment; 6 lost it. "
    "*Not proved*: it needs a kernel and two of its versions.",
    88: "Accumulation that is asked of Accelerate (2) and of DeepSpeed's own file (4): the file wins, one "
    "line in the log says so, and the model is another. *Not proved*: DeepSpeed compiles a part of itself "
    "at its first start, for minutes.",
    81: "JupyterLab shows the first line of a cell whose source is folded (`source_hidden`): begin a "
    "solution with a comment. *Not proved*: it is seen in a browser.",
    84: "reveal.js 6 shows blank slides with nbconvert 7.17; 5.2.1 works. *Not proved*: it is seen in a "
    "browser, with a script from outside.",
}
# What reaches no reader of these libraries, and why it is not on the page.
DROPPED = {
    7: "a message above a commented-out line is a slip of one tutorial, which notebook 05 shows; the fault "
    "with best checkpoints that one does not see is 110",
    72: "hardly anybody writes metric scripts, and one with two imports on a line is refused at once",
    82: "that default alt texts pass an accessibility checker is about the checker, axe",
}


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
