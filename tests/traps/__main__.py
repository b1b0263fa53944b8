"""`python -m tests.traps` writes the page; with `holds`, it says what no longer holds, and
with `says`, what the libraries say meanwhile."""

import sys

from tests.traps import page, places, proof
from tests.traps.catalogue import Trap


def known(entry: Trap, outcome: proof.Outcome) -> bool:
    """Say whether an entry is as its page says, in the releases that are installed."""
    if outcome.state == "mended" and entry.mended:
        return proof.installed(entry.mended)
    return outcome.state in {"holds", "not run"}


def holds(numbers: list[int]) -> int:
    """Print a line for each entry that does not hold; return 1 if the page does not say so."""
    entries = places.all_entries()
    numbers = numbers or sorted(entries)
    changed = []
    for number in numbers:
        outcome = proof.prove(entries[number])
        if outcome.state != "holds":
            print(f"{number:4} {outcome.state}: {outcome.message}", flush=True)
        if not known(entries[number], outcome):
            changed.append(number)
    print(
        f"{len(changed)} of {len(numbers)} traps are not as notebooks/traps.md says {changed or ''}"
    )
    return int(bool(changed))


def says(numbers: list[int]) -> None:
    """Print what the libraries log and warn of while an entry runs."""
    for number in numbers or sorted(places.all_entries()):
        outcome = proof.prove(places.all_entries()[number])
        for line in outcome.said:
            print(f"{number:4} {line}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["says"]:
        says([int(word) for word in sys.argv[2:]])
        sys.exit()
    if sys.argv[1:2] == ["holds"]:
        sys.exit(holds([int(word) for word in sys.argv[2:]]))
    page.PAGE.write_text(page.text(), encoding="utf-8")
