"""Record the runs of notebook 06 that are too many to be made while it is read.

    python data/recipes/four_ways.py data/curves    # about 15 minutes

The notebook trains one model in four ways. Its own cells are executed here, word for word, for
each way and three seeds; what is saved names their digest, so that an edit of the cells without
a new recording is noticed. Runs that are there already, made by the same cells, are not repeated.
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
    "first-look", "first-model", "defaults", "data", "arguments", "callback", "lora", "ways",
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


def digest(sources: list[str]) -> str:
    """Sum up what the cells do, and what they call here: a comment or a line break changes nothing."""
    trees = [
        ast.dump(ast.parse("\n".join(sources))),
        ast.dump(ast.parse(FROZEN.read_text())),
    ]
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
    runs = found["runs"] if found.get("cells") == digest(sources) else []
    page = prepared(sources)
    for way in ways or list(page["plan"]):
        for seed in seeds:
            if any((run["way"], run["seed"]) == (way, seed) for run in runs):
                continue
            runs.append(made(page, way, seed))
            print(
                way, seed, runs[-1]["validation"][-1], runs[-1]["seconds"], flush=True
            )
            order = list(page["plan"])
            runs.sort(key=lambda run: (order.index(run["way"]), run["seed"]))
            lines = ",\n".join(json.dumps(run) for run in runs)
            text = f'{{"cells": "{digest(sources)}", "runs": [\n{lines}\n]}}\n'
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
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
