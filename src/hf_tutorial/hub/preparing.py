"""What becomes of a dataset of the Hub before a notebook reads it: the bundled one's shape.

The public repositories differ from the bundled datasets in what no lesson is about: reviews sorted
by label, rows whose label is -1, no validation split, other names. Here they get the same columns,
label names and splits, and no more and no longer rows than there, drawn with a seed. Nothing comes from a test split but test.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SEED = 0
EDITION = 3  # raise it when the same files become other rows
TOPICS = [  # by the card of the posts: their table has numbers only
    "analyst update", "central banks", "company and product news", "treasuries and debt",
    "dividend", "earnings", "energy and oil", "financials", "currencies", "general news",
    "gold, metals, materials", "IPO", "legal and regulation", "mergers and investments", "macro",
    "markets", "politics", "personnel change", "stock commentary", "stock movement",
]  # fmt: skip
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Recipe:
    """How the files of a repository become three splits.

    Attributes:
        files: The splits that are read, and the beginnings of their files' names; the first that
            is found counts, as repositories rename theirs.
        columns: New name of each column: the name that it has there.
        sizes: Rows of train, validation and test: as many as the bundled dataset has, or fewer.
        words: About as many as the longest row of the bundled dataset has. Longer rows are taken
            only where there are too few; 0 takes any. Models are twenty times as large already.
        even: Whether each label gets as many rows as the others, as far as there are.
        names: Those of the labels, in order; empty without labels.
        mended: What is done to each row; one that becomes None is left out.
    """

    files: dict[str, tuple[str, ...]]
    columns: dict[str, str]
    sizes: tuple[int, int, int]
    words: int = 0
    even: bool = False
    names: tuple[str, ...] = ()
    mended: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda row: row


def _paragraph(row: dict[str, Any]) -> dict[str, Any] | None:
    """Keep a line of WikiText that says something: neither empty nor a heading, `= Title =`."""
    text = (row["text"] or "").strip()
    return None if not text or text.startswith("= ") else {"text": text}


def _talk(row: dict[str, Any]) -> dict[str, Any] | None:
    """Keep a conversation that a user opens and an assistant answers; keys in the usual order."""
    turns = [{"role": t["role"], "content": t["content"]} for t in row["messages"]]
    if [turn["role"] for turn in turns[:2]] != ["user", "assistant"]:
        return None  # a few begin with a system's turn
    return {**row, "messages": turns}


TRAIN, TEST = ("train",), ("test",)
RECIPES = {
    "reviews": Recipe(
        {"train": TRAIN, "test": TEST}, {"text": "text", "label": "label"}, (600, 150, 150),
        words=80, even=True, names=("negative", "positive"),
    ),
    "paraphrases": Recipe(
        {"train": TRAIN, "validation": ("validation",), "test": TEST},
        {name: name for name in ("sentence1", "sentence2", "label", "idx")}, (300, 60, 60),
        names=("not_equivalent", "equivalent"),
    ),
    "stories": Recipe(
        {"train": TRAIN, "validation": ("validation",), "test": TEST}, {"text": "text"},
        (20_000, 1000, 1000), mended=_paragraph,
    ),
    "headlines": Recipe(
        {"train": ("topic_train",), "test": ("topic_valid",)}, {"text": "text", "label": "label"},
        (400, 100, 100), even=True, names=tuple(TOPICS),
    ),
    "instructions": Recipe(
        {"train": ("train",), "test": ("test",)},
        {"messages": "messages", "kind": "category"}, (120, 50, 110), words=60, mended=_talk,
    ),
}  # fmt: skip


def prepared(role: str, files: Path, name: str) -> str:
    """Give the folder with the three splits of a role; make it, where it is not there yet.

    Args:
        role: What the dataset is for.
        files: Where its files lie, below a folder named by the commit.
        name: What the folder is to be called: the end of the path that a reader sees.

    Raises:
        OSError: The files are not laid out as they were when this was written.
    """
    from hf_tutorial import caches

    recipe = RECIPES[role]
    what = f"{EDITION} {SEED} {role} {_inside_the_cache(files)}"
    key = hashlib.sha256(what.encode()).hexdigest()[:16]
    place = Path(caches.folders()["HF_DATASETS_CACHE"]) / "hf_tutorial"
    folder = place / key / name
    # A cache that cannot be written, as a room's may be, can still hold it.
    for made_before in (
        folder,
        caches.home() / "datasets" / "hf_tutorial" / key / name,
    ):
        if made_before.is_dir():
            return str(made_before)
    splits = _splits(recipe, files, name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=".making-") as temporary:
        made = Path(temporary) / name
        made.mkdir()
        for split, rows in splits.items():
            _write(rows, recipe, made / f"{split}.parquet")
        try:
            made.rename(folder)
        except OSError:  # another process was faster
            if not folder.is_dir():
                raise
    return str(folder)


def _inside_the_cache(files: Path) -> str:
    """Name a repository's files by repository and commit, so that a copy of the cache is as good."""
    from huggingface_hub import constants

    files, cache = files.resolve(), Path(constants.HF_HUB_CACHE).resolve()
    return (
        files.relative_to(cache) if files.is_relative_to(cache) else files
    ).as_posix()


def _splits(recipe: Recipe, files: Path, name: str) -> dict[str, Rows]:
    """Draw the rows of each split; validation is cut from train where there is none."""
    train, validation, test = recipe.sizes
    found = {split: _rows(recipe, files, split, name) for split in recipe.files}
    drawn = {"test": _draw(found["test"], test, recipe)}
    if "validation" in found:
        drawn["validation"] = _draw(found["validation"], validation, recipe)
        rest = found["train"]
    else:
        # No more than a fifth, should there be few.
        most = min(validation, len(found["train"]) // 5)
        drawn["validation"] = _draw(found["train"], most, recipe)
        taken = {id(row) for row in drawn["validation"]}
        rest = [row for row in found["train"] if id(row) not in taken]
    drawn["train"] = _draw(rest, train, recipe)
    return drawn


def _rows(recipe: Recipe, files: Path, split: str, name: str) -> Rows:
    """Read one split: the columns that are wanted, without rows that have no label."""
    paths = next(
        (found for start in recipe.files[split]
         if (found := sorted([*files.glob(f"{start}*.parquet"), *files.glob(f"{start}*.csv")]))),
        [],
    )  # fmt: skip
    try:
        rows = [
            {new: row[old] for new, old in recipe.columns.items()}
            for path in paths for row in _table(path)
        ]  # fmt: skip
    except KeyError as error:
        raise OSError(
            f"{name} on the Hub has no column {error}: it was changed there; please report it"
        ) from None
    kept = (recipe.mended(row) for row in rows if row.get("label", 0) >= 0)
    rows = [row for row in kept if row is not None]
    if not rows:
        raise OSError(
            f"{name} on the Hub has no rows for the {split} split: it was changed there; please "
            "report it"
        )
    return rows


def _table(path: Path) -> Iterable[dict[str, Any]]:
    """Read the rows of a parquet or csv file."""
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_table(path).to_pylist()
    import pandas

    # A post that says NA is a text.
    return pandas.read_csv(path, keep_default_na=False).to_dict("records")


def _draw(rows: Rows, size: int, recipe: Recipe) -> Rows:
    """Draw rows with the seed, mixed: short ones, and with `even` as many of each label."""
    import numpy

    generator = numpy.random.default_rng(SEED)
    turns: dict[int, int] = {}
    ranked = []
    mixed = [rows[place] for place in generator.permutation(len(rows))]
    for place, row in enumerate(mixed):
        longer = max(0, _words(row) - recipe.words) if recipe.words else 0
        ranked.append((longer, place))
    chosen = []
    for longer, place in sorted(ranked):
        # By turns: the first row of each label, then the second, and so on.
        label = mixed[place]["label"] if recipe.even else 0
        turns[label] = turns.get(label, -1) + 1
        chosen.append((turns[label], longer, place))
    return [
        mixed[place] for place in sorted(place for *_, place in sorted(chosen)[:size])
    ]


def _words(row: dict[str, Any]) -> int:
    """Count the words of a review, or of a conversation."""
    turns = row.get("messages") or [{"content": row.get("text", "")}]
    return sum(len(turn["content"].split()) for turn in turns)


def _write(rows: Rows, recipe: Recipe, file: Path) -> None:
    """Write rows as parquet, with the types and the names of labels that libraries read there."""
    import pyarrow
    from datasets import ClassLabel, Features, Value
    from pyarrow import parquet

    text = Value("string")
    kinds = {"label": ClassLabel(names=list(recipe.names)), "idx": Value("int32"),
             "messages": [{"role": text, "content": text}]}  # fmt: skip
    features = Features({name: kinds.get(name, text) for name in recipe.columns})
    table = pyarrow.Table.from_pylist(rows, schema=features.arrow_schema)
    parquet.write_table(table, file)
