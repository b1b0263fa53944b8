"""Record the runs of notebook 06 that are too many to be made while it is read.

    python data/recipes/four_ways.py data/curves    # about an hour

The notebook trains one model in four ways. Its own cells are executed here, word for word, for
each way and three seeds; each run keeps their digest, so that an edit of the cells without a new
recording is noticed. Runs that are there already, made by the same cells and by the same line of
`plan`, are not repeated.
"""

import argparse
import ast
import hashlib
import json
import os
import sys
import time
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "06_trainer.ipynb"
FROZEN = ROOT / "src" / "hf_tutorial" / "frozen.py"
# By id, in this order: they load, define, and train nothing.
CELLS = (
    "first-look", "defaults", "data", "arguments", "callback", "lora", "ways",
)  # fmt: skip
SEEDS = (0, 1, 2)


def sources_of(notebook: Path = NOTEBOOK) -> list[str]:
    """Read the cells that the runs are made by.

    Raises:
        ValueError: A cell is missing; the message names it.
    """
    cells = {
        cell.id: cell.source for cell in nbformat.read(notebook, as_version=4).cells
    }
    for name in CELLS:
        if name not in cells:
            raise ValueError(
                f"{notebook.name} has no cell {name!r}: mend CELLS in four_ways.py"
            )
    return [cells[name] for name in CELLS]


def digest(sources: list[str], way: str) -> str:
    """Sum up what the cells do for one way, and what they call here.

    A comment or a line break changes nothing, nor do the lines of other ways in `plan`.

    Raises:
        ValueError: `plan`, a dict that is written out, has no such way.
    """
    tree, found = ast.parse("\n".join(sources)), False
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "plan":
            lines = zip(node.value.keys, node.value.values, strict=True)
            own = [(key, value) for key, value in lines if key.value == way]
            node.value.keys = [key for key, _ in own]
            node.value.values = [value for _, value in own]
            found = found or bool(own)
    if not found:
        raise ValueError(f"the cells have no {way!r} in `plan`")
    trees = [ast.dump(tree), ast.dump(ast.parse(FROZEN.read_text()))]
    return hashlib.sha256("\n".join(trees).encode()).hexdigest()


def prepared(sources: list[str]) -> dict:
    """Execute the cells as the notebook does, in its folder."""
    from hf_tutorial import frozen, start
    from hf_tutorial import sources as bundled

    os.chdir(ROOT / "notebooks")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    start()
    page = {"sources": bundled, "frozen": frozen}
    for source in sources:
        exec(compile(source, NOTEBOOK.name, "exec"), page)
    return page


def made(page: dict, way: str, seed: int) -> dict:
    """Train one way with one seed, and say how it went."""
    from hf_tutorial import frozen

    kept, positions = page["plan"][way][0], 1 if way == "head" else None
    sets = [page[f"{split}_set"] for split in ("train", "validation", "test")]
    start = time.perf_counter()
    if kept is not None:
        body = page["fresh"]().base_model
        loaders = [page["batches"](rows) for rows in sets]
        sets = [frozen.below(body, loader, kept, positions) for loader in loaders]
    trainer = page["trainer_of"](way, seed, *sets[:2])
    trainer.train()
    tested = trainer.predict(sets[2])
    right = tested.predictions.argmax(axis=-1) == tested.label_ids
    history = trainer.state.log_history
    return {
        "way": way,
        "seed": seed,
        "trained": trainer.model.num_parameters(only_trainable=True),
        "losses": [round(row["loss"], 4) for row in history if "loss" in row],
        "validation": [
            [row["step"], round(row["eval_accuracy"], 4)]
            for row in history
            if "eval_accuracy" in row
        ],
        # 1 where the guess is right, in the order of the test rows.
        "test": "".join(map(str, right.astype(int))),
        "seconds": round(time.perf_counter() - start),
    }


def record(folder: Path, ways: list[str], seeds: tuple[int, ...] = SEEDS) -> Path:
    """Make the runs that are missing, and save after each."""
    file = folder.resolve() / "four_ways.json"
    sources = sources_of()
    found = json.loads(file.read_text()) if file.exists() else {}
    page = prepared(sources)
    digests = {way: digest(sources, way) for way in page["plan"]}
    runs = [
        run for run in found.get("runs", ()) if run["cells"] == digests.get(run["way"])
    ]
    for way in ways or list(page["plan"]):
        for seed in seeds:
            if any((run["way"], run["seed"]) == (way, seed) for run in runs):
                continue
            runs.append({**made(page, way, seed), "cells": digests[way]})
            print(
                way, seed, runs[-1]["validation"][-1], runs[-1]["seconds"], flush=True
            )
            order = list(page["plan"])
            runs.sort(key=lambda run: (order.index(run["way"]), run["seed"]))
            lines = ",\n".join(json.dumps(run) for run in runs)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f'{{"runs": [\n{lines}\n]}}\n', encoding="utf-8")
    return file


def main(arguments: list[str] | None = None) -> int:
    """Run on the folder and the ways that are named; all ways where none is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("ways", nargs="*")
    options = parser.parse_args(arguments)
    print(record(options.folder, options.ways))
    return 0


if __name__ == "__main__":
    sys.exit(main())
