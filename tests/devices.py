"""Where the cells of a notebook choose a device, in words or by silence, and whether a page says why.

A page is read on laptops and on machines with a GPU, with the same cells. Whatever it pins to the
CPU, or asks of a GPU, therefore has its reason in a comment of the cell, or in the prose beside it.
Trainer, Accelerator and a pipeline that is given a model take a GPU without being asked, and what
lies on the CPU then no longer fits: these have to say where they want to be.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from nbformat import NotebookNode

REASON = re.compile(r"\b(GPUs?|CPU)\b")
DEVICES = re.compile(r"(cpu|cuda|mps|xpu)(:\d+)?")
HIDES = "CUDA_VISIBLE_DEVICES"
SHOWN_ON_PURPOSE = {"raises-exception"}


def complaints(notebook: NotebookNode) -> Iterator[str]:
    """Name every choice of a device without a reason, and every one made by silence."""
    cells = notebook.cells
    hidden = any(_hides_the_gpu(c.source) for c in cells if c.cell_type == "code")
    everything = "\n".join(c.source for c in cells if c.cell_type == "code")
    for place, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        chosen = [found for node in ast.walk(tree) if (found := choice(node))]
        if hidden and not _hides_the_gpu(cell.source):
            continue  # one reason for the whole page, asked for where the GPU is hidden
        if chosen and not _has_reason(cells, place):
            yield (
                f"{cell.id}: chooses a device by {chosen[0]}, and neither a comment nor the prose "
                "beside it says why (with the word CPU or GPU)"
            )
        if set(cell.metadata.get("tags", [])) & SHOWN_ON_PURPOSE:
            continue
        for node in ast.walk(tree):
            if silent := _silent(node, everything):
                yield f"{cell.id}: {silent}"


def choice(node: ast.AST) -> str | None:
    """Name the choice of a device that a piece of code makes, or None.

    What follows another choice, such as `.to(device)` or `.to(model.device)`, is none of its
    own, nor is `.cpu()`, which fetches a result. Nor is "meta", which computes nothing.
    """
    if isinstance(node, ast.keyword) and node.arg in {"use_cpu", "cpu", "device_map"}:
        return f"{node.arg}="
    if isinstance(node, ast.keyword) and node.arg == "device":
        return "device=" if _literal(node.value) else None
    if isinstance(node, ast.Call):
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        literal = any(_literal(argument) for argument in node.args)
        if called in {"to", "device"} and literal:
            return f"{called}(...)"
        if called in {"cuda", "autocast", "set_device", "set_default_device"}:
            return f"{called}(...)"
    if isinstance(node, ast.Constant) and node.value in ("use_cpu", HIDES):
        return node.value
    return None


def _literal(node: ast.expr) -> bool:
    """Tell whether an argument names a device itself, also behind an `if`."""
    return any(
        isinstance(part, ast.Constant)
        and isinstance(part.value, str)
        and bool(DEVICES.fullmatch(part.value))
        for part in ast.walk(node)
    )


def _silent(node: ast.AST, everything: str) -> str | None:
    """Say which call takes a GPU because nothing tells it not to."""
    if not isinstance(node, ast.Call):
        return None
    called = getattr(node.func, "attr", getattr(node.func, "id", ""))
    said = {word.arg for word in node.keywords}
    if called == "TrainingArguments" and "use_cpu" not in said:
        if None not in said or "use_cpu" not in everything:  # None: `**settings`
            return "TrainingArguments without use_cpu moves the model to a GPU, if there is one"
    if called == "Accelerator" and "cpu" not in said:
        return "Accelerator() without cpu= takes a GPU, if there is one"
    if called == "pipeline" and "tokenizer" in said and "device" not in said:
        return "a pipeline moves the model it is given to a GPU, if there is one: say device="
    return None


def _hides_the_gpu(source: str) -> bool:
    return bool(re.search(rf'environ\["{HIDES}"\] = ""', source))


def _has_reason(cells: list[NotebookNode], place: int) -> bool:
    """Look into the comments of a cell, and the prose next before and next after it."""
    before = [c for c in cells[:place] if c.cell_type == "markdown"][-1:]
    after = [c for c in cells[place:] if c.cell_type == "markdown"][:1]
    said = [c.source for c in (*before, *after)] + _comments(cells[place].source)
    return any(REASON.search(text) for text in said)


def _comments(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]
