"""`python -m tests.traps` writes the page; with `holds`, it says what no longer holds."""

import sys

from tests.traps import page, places, proof


def holds(numbers: list[int]) -> int:
    """Print a line for each entry that is not as it was; return 1 if there is one."""
    entries = places.all_entries()
    changed = 0
    for number in numbers or sorted(entries):
        outcome = proof.prove(entries[number])
        if outcome.state != "holds":
            print(f"{number:4} {outcome.state}: {outcome.message}", flush=True)
        changed += outcome.state not in {"holds", "not run"}
    print(f"{changed} of {len(numbers or entries)} traps are not as they were")
    return int(changed > 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["holds"]:
        sys.exit(holds([int(word) for word in sys.argv[2:]]))
    page.PAGE.write_text(page.text(), encoding="utf-8")
