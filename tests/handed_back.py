"""A tiny lesson of three exercises, and what students make of it."""

import copy

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

HEADINGS = (
    "**1.1 How many windows?** Say.",
    "**1.2 How large?** In GB.",
    "**1.3 A night.** N?",
)
STARTERS = (
    "from hf_tutorial import checks\n\nchecks.windows(...)",
    "size = ...\nchecks.gigabytes(size)",
    "checks.one_night(...)",
)
RIGHT = (
    "from hf_tutorial import checks\n\nchecks.windows(3 + 4)",
    "size = 7 * 16\nchecks.gigabytes(size)",
    "checks.one_night(4.9e6)",
)
COPIED = """# Solution 1.1
places, stride, tokens = 64 - 2, 16, 300
windows = 1
while places + (windows - 1) * (places - stride) < tokens:
    windows += 1
checks.windows(windows)"""
SOLUTIONS = (
    COPIED,
    "# Solution 1.2\nsize = 7e9 * 4 * 4 / 1e9\nchecks.gigabytes(size)",
    "# Solution 1.3\nchecks.one_night(4.899e6)",
)


def tiny() -> NotebookNode:
    """Our notebook: a cell to begin with, and exercises with solutions."""
    cells = [
        new_markdown_cell("# Tiny windows\n\n**Is it so?**"),
        new_code_cell("import os", id="beginning"),
    ]
    for number in range(3):
        cells += [
            new_markdown_cell(HEADINGS[number], id=f"ask-{number}"),
            new_code_cell(STARTERS[number], id=f"ex-{number + 1}", metadata={"tags": ["exercise"]}),
            new_code_cell(
                SOLUTIONS[number], id=f"ex-{number + 1}-solution", metadata={"tags": ["solution"]}
            ),
        ]  # fmt: skip
    return new_notebook(cells=cells)


def handout() -> NotebookNode:
    """What students got: without solutions."""
    made = tiny()
    made.cells = [c for c in made.cells if "solution" not in c.metadata.get("tags", [])]
    return made


def answered(*sources: str | None, first: str = "import os") -> NotebookNode:
    """A student's: the source of each exercise's cell, None where it is as it was."""
    made = handout()
    made.cells[1].source = first
    by_id = {cell.id: cell for cell in made.cells}
    for number, source in enumerate(sources, 1):
        if source is not None:
            by_id[f"ex-{number}"].source = source
    return made


def from_colab(made: NotebookNode) -> NotebookNode:
    """The same as Colab saves it: format 4.0, ids in the metadata, its own, and no tags."""
    made = copy.deepcopy(made)
    for number, cell in enumerate(made.cells):
        del cell["id"]
        cell.metadata = {"id": f"Zx{number}_colab"}
    made.metadata = {
        "colab": {"provenance": []},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
    }
    made.nbformat_minor = 0
    return made


def printed(made: NotebookNode, number: int, text: str) -> NotebookNode:
    """With an output that was saved in an exercise's cell."""
    cell = next(cell for cell in made.cells if cell.get("id") == f"ex-{number}")
    cell.outputs = [
        new_output("execute_result", data={"text/plain": text}, execution_count=1)
    ]
    return made
