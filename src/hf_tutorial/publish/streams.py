r"""What a cell printed, in the pieces in which it came, as one text for each stream.

nbclient has an option for it, `coalesce_streams`. Its pattern for carriage returns looks at each
line from each of its places anew, so that a line of a million letters, as progress bars print it,
takes ten minutes. Here each letter is looked at a few times.
"""

from __future__ import annotations

from nbformat import NotebookNode


def merged(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Put the pieces of each stream together, where its first piece stands, as a terminal shows it.

    Beside each other stdout comes first: which of them arrives first is chance.
    """
    pieces: dict[str, list[str]] = {}
    made: list[NotebookNode] = []
    for output in outputs:
        if output["output_type"] != "stream":
            made.append(output)
            continue
        if output["name"] not in pieces:
            pieces[output["name"]] = []
            made.append(output)
        pieces[output["name"]].append(output["text"])
    for output in made:
        if output["output_type"] == "stream":
            output["text"] = last_written("".join(pieces[output["name"]]))
    for place, (first, second) in enumerate(zip(made, made[1:], strict=False)):
        if (first.get("name"), second.get("name")) == ("stderr", "stdout"):
            made[place : place + 2] = [second, first]
    return made


def last_written(text: str) -> str:
    """Leave out of each line what a carriage return let be written over; one at its end stays."""
    lines = []
    for line in text.split("\n"):
        begins = line.rfind("\r", 0, max(len(line) - 1, 0)) + 1
        lines.append(line[begins:])
    return "\n".join(lines)
