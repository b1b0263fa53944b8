"""Traps of tables: reading, changing, streaming and writing them."""

import datetime
import importlib
import json
import sys
from collections import Counter
from pathlib import Path

import evaluate
import numpy as np
import pandas as pd
import pytest
import torch
from accelerate import Accelerator
from datasets import (
    Dataset,
    Features,
    Value,
    concatenate_datasets,
    load_dataset,
)
from torch.utils.data import DataLoader
from transformers import DataCollatorWithPadding, default_data_collator

from hf_tutorial.sources import DATA
from tests.traps import toys
from tests.traps.catalogue import trap

ACCURACY = DATA / "metrics/accuracy"


@trap(63, "datasets", shown="04_dataset_preparation.ipynb#When-it-breaks:-a-postcode")
def map_keeps_the_type_of_a_column():
    """`map` into an existing column keeps the column's type where it can.

    You see: codes without their zeros, scores that are True.

    What happens: what the function returns is cast to the old type if that is possible: "00007"
    becomes 7 in a column of integers, 0.2 becomes True in one of booleans. The first 1,000 rows
    settle it, so a fraction behind 1,000 whole numbers raises. `try_original_type=False` is heard
    in batches only.

    Instead: write into a new column.
    """
    table = Dataset.from_dict({"code": [5, 6], "score": [True, False]})
    # You write
    changed = table.map(lambda row: {"code": "00007", "score": 0.2})
    asked = table.map(lambda row: {"code": "00007"}, try_original_type=False)
    # You get
    assert changed[0] == {"code": 7, "score": True}
    assert asked[0]["code"] == 7
    long = Dataset.from_dict({"n": range(1001)})
    with pytest.raises(Exception, match="truncated converting to int64"):
        long.map(lambda row: {"n": 0.5 if row["n"] == 1000 else 1})
    # Instead
    fresh = table.map(lambda row: {"text": "00007", "share": 0.2})
    assert (fresh[0]["text"], fresh[0]["share"]) == ("00007", 0.2)
    batched = table.map(
        lambda rows: {"code": ["00007"] * 2, "score": [0.2] * 2},
        batched=True,
        try_original_type=False,
    )
    assert batched[0] == {"code": "00007", "score": 0.2}


@trap(64, "datasets")
def mixed_columns_make_numbers_of_texts():
    """One number among the texts of a JSON column makes numbers of others.

    You see: a post code that has lost its zero, an answer "true" that is True.

    What happens: a column of mixed kinds gets the type Json, and each of its texts is read as JSON:
    "02134" is 2134, "1e5" is 100000.0. One row among thousands is enough.

    Instead: `on_mixed_types=None` raises. Then write that column as texts into the file, and say in `features=`
    what it is: without the first, `features=` leaves texts in quotation marks.
    """
    rows = [{"code": code} for code in ("02134", "true", "1e5", 5)]
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    # You write
    table = load_dataset("json", data_files="rows.jsonl", split="train")
    # You get
    assert table["code"][:] == [2134, True, 100000.0, 5]
    # Instead
    with pytest.raises(Exception, match="generating the dataset"):
        load_dataset("json", data_files="rows.jsonl", on_mixed_types=None)
    Path("rows.jsonl").write_text(
        "\n".join(json.dumps({"code": str(row["code"])}) for row in rows)
    )
    features = Features({"code": Value("string")})
    table = load_dataset(
        "json", data_files="rows.jsonl", split="train", features=features
    )
    assert table["code"][:] == ["02134", "true", "1e5", "5"]


@trap(
    116,
    "datasets",
    "pandas",
    wrote='load_dataset("csv", data_files="rows.csv")',
    shown="04_dataset_preparation.ipynb#When-it-breaks:-a-postcode",
)
def words_of_a_csv_become_no_value():
    """The words NA, None, null and nan of a csv become None, in a column of texts as well.

    You see: rows without a country, a name or a review, whose cells in the file are not empty.

    What happens: pandas reads the file, and takes a list of such words for "no value" before the types
    of `features=` are looked at.

    Instead: `keep_default_na=False, na_values=[""]`: then an empty cell is None, and nothing else.
    """
    Path("rows.csv").write_text("country,text\nNO,None\nNA,nan\nnull,\n")
    texts = Features({"country": Value("string"), "text": Value("string")})
    # You write
    table = load_dataset("csv", data_files="rows.csv", features=texts, split="train")
    # You get
    assert table["country"][:] == ["NO", None, None]
    assert table["text"][:] == [None, None, None]
    # Instead
    kept = {"keep_default_na": False, "na_values": [""]}
    table = load_dataset(
        "csv", data_files="rows.csv", features=texts, split="train", **kept
    )
    assert table["country"][:] == ["NO", "NA", "null"]
    assert table["text"][:] == ["None", "nan", None]


@trap(
    65,
    "datasets",
    says="The shuffle buffer will be refilled before starting to yield new examples",
    upstream="huggingface/datasets#7901",
    shown="04_dataset_preparation.ipynb#When-it-breaks:-a-stream-goes-on-after-a-crash",
)
def resumed_streams_lose_rows():
    """A shuffled stream that is resumed loses rows and repeats others.

    You see: one line in the log, and a run that goes on. Only a count of rows shows the loss.

    What happens: the state knows how far the source was read, not what waits in the buffer. The
    buffer's rows are lost, and refilled from where the source stands.

    Instead: `skip` the rows that were read, and call `set_epoch` on what it gives, or the rows come in the order of
    epoch 0 (117). Or shuffle the file once and stream it in order.
    """
    stream = Dataset.from_dict({"n": range(3000)}).to_iterable_dataset(num_shards=3)

    def shuffled():
        return stream.shuffle(seed=0, buffer_size=1000)

    def first(rows):
        rows = iter(rows)
        return Counter(next(rows)["n"] for _ in range(1100))

    # You write
    rows = shuffled()
    seen = first(rows)
    state = rows.state_dict()  # into the checkpoint; then a new program
    rows.load_state_dict(state)
    seen.update(row["n"] for row in rows)
    # You get
    assert len(seen) < 2900  # of 3,000
    assert max(seen.values()) == 2
    # Instead
    seen = first(shuffled())
    seen.update(row["n"] for row in shuffled().skip(1100))
    assert len(seen) == sum(seen.values()) == 3000
    seen = first(stream)  # in the order of the file
    stream.load_state_dict(stream.state_dict())
    seen.update(row["n"] for row in stream)
    assert len(seen) == sum(seen.values()) == 3000


@trap(
    117,
    "datasets",
    "accelerate",
    shown="04_dataset_preparation.ipynb#A-stream-of-100,000-stories",
)
def a_shuffled_stream_repeats_its_order():
    """A shuffled stream comes in the same order in every epoch.

    You see: the same batches in each epoch of a loop of your own.

    What happens: the order follows from the seed and the epoch, and a plain `DataLoader` counts no epochs.
    (A loader that Accelerate has prepared does, Trainer's too.) A stream that `map`, `take` or `skip` makes of
    it begins at epoch 0 again.

    Instead: `set_epoch(epoch)` before each epoch, on the stream that the loader reads.
    """
    stream = Dataset.from_dict({"n": range(1000)}).to_iterable_dataset(num_shards=4)
    shuffled = stream.shuffle(seed=0, buffer_size=100)

    def rows_of(loader):
        return [n for batch in loader for n in batch["n"].tolist()]

    # You write
    loader = DataLoader(shuffled, batch_size=8)
    first, second = rows_of(loader), rows_of(loader)
    shuffled.set_epoch(1)
    mapped = DataLoader(shuffled.map(lambda row: row), batch_size=8)
    # You get
    assert first == second == rows_of(mapped)
    # Instead
    shuffled.set_epoch(1)
    assert rows_of(loader) != first
    assert sorted(rows_of(loader)) == sorted(first)
    shuffled.set_epoch(0)
    prepared = Accelerator(cpu=True).prepare(loader)
    epochs = [rows_of(prepared), rows_of(prepared)]
    assert epochs[0] == first and epochs[1] != first


@trap(66, "datasets", wrote="rows.map(augment, num_proc=2)")
def two_processes_draw_the_same_numbers():
    """`map` in two processes draws the same random numbers twice.

    You see: augmented rows whose second half repeats the choices of the first. On Linux, where
    processes are forked.

    What happens: both begin as copies of this process, the state of NumPy and torch included.

    Instead: draw from a generator made from the row's number.
    """
    table = Dataset.from_dict({"n": range(8)})

    def draw(row):
        return {"noise": np.random.random(), "torch": torch.rand(1).item()}

    # You write
    noisy = table.map(draw, num_proc=2)
    # You get
    assert noisy["noise"][:4] == noisy["noise"][4:]
    assert noisy["torch"][:4] == noisy["torch"][4:]

    # Instead
    def draw_by_row(row, index):
        return {"noise": np.random.default_rng([0, index]).random()}

    noisy = table.map(draw_by_row, with_indices=True, num_proc=2)
    assert len(set(noisy["noise"])) == 8
    assert noisy["noise"][:] == table.map(draw_by_row, with_indices=True)["noise"][:]


@trap(67, "datasets", shown="04_dataset_preparation.ipynb#Choosing-rows-and-columns")
def formats_make_float32():
    """`with_format` makes float32 of float64.

    You see: identifiers or amounts that are off by one.

    What happens: the numpy and torch formats convert to the type that models want. Above 16,777,216
    float32 does not hold every integer.

    Instead: name the type, or keep such columns as integers.
    """
    table = Dataset.from_dict({"amount": [16777217.0]})
    # You write
    numbers = table.with_format("numpy")["amount"][:]
    tensors = table.with_format("torch")["amount"][:]
    # You get
    assert numbers.dtype == np.float32 and tensors.dtype == torch.float32
    assert numbers[0] == tensors[0] == 16777216
    # Instead
    numbers = table.with_format("numpy", dtype=np.float64)["amount"][:]
    assert numbers[0] == 16777217
    tensors = table.with_format("torch", dtype=torch.float64)["amount"][:]
    assert tensors[0] == 16777217


@trap(
    68,
    "datasets",
    shown="04_dataset_preparation.ipynb#When-it-breaks:-a-mask-is-not-a-list-of-rows",
)
def select_reads_booleans_as_row_numbers():
    """`select` reads a mask of booleans as row numbers.

    You see: as many rows as the table had, all of them the first or the second.

    What happens: True is 1 and False is 0, so row 1 and row 0 are taken again and again.

    Instead: `np.flatnonzero(mask)`, or `filter`.
    """
    table = Dataset.from_dict({"stars": [5, 1, 4, 2]})
    mask = np.array(table["stars"]) > 3
    # You write
    good = table.select(mask)
    # You get
    assert good["stars"][:] == [1, 5, 1, 5]
    # Instead
    assert table.select(np.flatnonzero(mask))["stars"][:] == [5, 4]
    assert table.filter(lambda row: row["stars"] > 3)["stars"][:] == [5, 4]


@trap(69, "datasets", "pandas")
def written_tables_are_not_what_was_in_them():
    """`to_json` and `to_csv` write dates and arrays that do not come back.

    You see: dates that come back as large numbers, and arrays as texts with three dots in them.

    What happens: pandas writes a date as milliseconds since 1970, and `str` of a long array, which
    leaves its middle out.

    Instead: `to_parquet` keeps types and lists.
    """
    table = Dataset.from_dict(
        {"day": [datetime.datetime(2026, 11, 28)], "vector": [list(range(2000))]}
    )
    # You write
    table.select_columns("day").to_json("days.jsonl")
    table.to_csv("rows.csv")
    # You get
    assert json.loads(Path("days.jsonl").read_text()) == {"day": 1795824000000}
    assert "2 ... 1997" in Path("rows.csv").read_text()
    # Instead
    table.to_parquet("rows.parquet")
    kept = Dataset.from_parquet("rows.parquet")
    assert kept[0] == table[0]


@trap(70, "datasets")
def cache_does_not_see_an_edited_module():
    """The cache of `map` does not see that a module was edited.

    You see: results of the old function.

    What happens: the key of the cache holds the name of an imported function, not its lines. Only a
    function of the notebook itself is looked at.

    Instead: `load_from_cache_file=False` after an edit.
    """
    Path("rows.csv").write_text("n\n1\n2\n")
    sys.path.insert(0, ".")
    sys.dont_write_bytecode = True
    table = load_dataset("csv", data_files="rows.csv", split="train")
    # You write
    Path("steps.py").write_text("def step(row):\n    return {'out': row['n'] * 10}\n")
    steps = importlib.import_module("steps")
    table.map(steps.step)
    Path("steps.py").write_text("def step(row):\n    return {'out': row['n'] * 99}\n")
    importlib.reload(steps)
    # You get
    assert steps.step({"n": 1}) == {"out": 99}
    assert table.map(steps.step)["out"][:] == [10, 20]
    # Instead
    assert table.map(steps.step, load_from_cache_file=False)["out"][:] == [99, 198]


@trap(71, "evaluate", shown="05_manual_training_loop.ipynb#Counting-as-you-go")
def metrics_keep_what_an_interrupted_loop_added():
    """A metric keeps what an interrupted loop has added.

    You see: a score over more rows than the split has.

    What happens: `add_batch` collects until `compute`.

    Instead: load the metric where the loop begins.
    """
    accuracy = str(ACCURACY)  # a folder; on the Hub, "accuracy"
    # You write
    metric = evaluate.load(accuracy)
    metric.add_batch(predictions=[0, 0], references=[1, 1])  # then an error, or Ctrl-C
    metric.add_batch(predictions=[1, 1], references=[1, 1])  # the loop, run again
    # You get
    assert metric.compute() == {"accuracy": 0.5}
    # Instead
    metric = evaluate.load(accuracy)
    metric.add_batch(predictions=[1, 1], references=[1, 1])
    assert metric.compute() == {"accuracy": 1.0}


@trap(109, "evaluate", shown="05_manual_training_loop.ipynb#Counting-as-you-go")
def metrics_cut_probabilities():
    """A metric takes probabilities for classes, and cuts them to 0.

    You see: an accuracy that is the share of class 0, whatever was learned.

    What happens: the metric's table holds integers, and floats are cut to fit: 0.9 becomes 0.

    Instead: give it classes: `argmax`, or `> 0.5`.
    """
    accuracy = evaluate.load(str(ACCURACY))  # a folder; on the Hub, "accuracy"
    positive, labels = np.array([0.9, 0.8, 0.2]), [1, 1, 0]
    # You write
    score = accuracy.compute(predictions=positive, references=labels)
    # You get
    assert score["accuracy"] == 1 / 3
    # Instead
    score = accuracy.compute(predictions=positive > 0.5, references=labels)
    assert score["accuracy"] == 1


@trap(73, "datasets", "pandas")
def pandas_json_is_one_row():
    """A table written by pandas' `to_json` is read as one row.

    You see: a table of one row, each cell a dict.

    What happens: the default of pandas is an object of columns. A list of objects, pretty-printed or
    not, and an object a line are rows.

    Instead: `orient="records"`, with `lines=True` for large tables.
    """
    frame = pd.DataFrame({"text": ["good", "bad"], "label": [1, 0]})
    # You write
    frame.to_json("rows.json")
    table = load_dataset("json", data_files="rows.json", split="train")
    # You get
    assert table.num_rows == 1
    assert table[0]["text"] == {"0": "good", "1": "bad"}
    # Instead
    frame.to_json("rows.jsonl", orient="records", lines=True)
    table = load_dataset("json", data_files="rows.jsonl", split="train")
    assert table["text"][:] == ["good", "bad"]
    frame.to_json("list.json", orient="records", indent=2)
    assert load_dataset("json", data_files="list.json", split="train").num_rows == 2


@trap(106, "datasets")
def a_folder_is_loaded_in_part():
    """`load_dataset` of a folder loads some of its files.

    You see: fewer rows than the folder holds.

    What happens: the format with most files wins, and files of another are left out. An ending in
    capitals is no ending.

    Instead: name the files, and count the rows.
    """
    Path("mixed").mkdir()
    Path("mixed/old.csv").write_text("text,label\na,0\nb,1\n")
    lines = [json.dumps({"text": text, "label": 0}) for text in "cde"]
    Path("mixed/new.jsonl").write_text("\n".join(lines))
    Path("capitals").mkdir()
    Path("capitals/a.csv").write_text("text\na\n")
    Path("capitals/B.CSV").write_text("text\nb\n")
    # You write
    table = load_dataset("mixed", split="train")
    capitals = load_dataset("capitals", split="train")
    # You get
    assert table["text"][:] == ["c", "d", "e"]
    assert capitals["text"][:] == ["a"]
    # Instead
    old = load_dataset("csv", data_files="mixed/old.csv", split="train")
    new = load_dataset("json", data_files="mixed/new.jsonl", split="train")
    both = concatenate_datasets([old, new.cast(old.features)])
    assert both["text"][:] == list("abcde")


@trap(
    8,
    "datasets",
    "transformers",
    shown="04_dataset_preparation.ipynb#When-it-breaks:-padded-in-`map`,-then-shuffled",
)
def padding_in_map_fits_one_order_only():
    """Padding inside `map` fits one order of the rows only.

    You see: a loader that works until it is shuffled, or until the batch size changes.

    What happens: `map` pads each of its batches to that batch's longest row. A loader that cuts at
    the same places finds rectangles. With a collator that pads, Trainer's for a tokenizer, nothing
    raises, and the padding is computed.

    Instead: tokenize in `map`, pad in the collator.
    """
    tokenizer = toys.tokenizer()
    texts = ["good", "bad film", "a very good film", "it was a very long film"] * 2
    table = Dataset.from_dict({"text": texts})

    def padded(rows):
        return dict(tokenizer(rows["text"], padding=True))

    # You write
    ready = table.map(padded, batched=True, batch_size=2, remove_columns="text")
    in_order = DataLoader(ready, batch_size=2, collate_fn=default_data_collator)
    shuffled = DataLoader(
        ready, batch_size=2, shuffle=True, collate_fn=default_data_collator
    )
    # You get
    assert len(list(in_order)) == 4
    with pytest.raises(ValueError, match="length"):
        list(shuffled)
    collator = DataCollatorWithPadding(tokenizer)
    widths = [
        batch["input_ids"].shape[1]
        for batch in DataLoader(ready, 1, collate_fn=collator)
    ]
    # Instead
    ready = table.map(lambda row: dict(tokenizer(row["text"])), remove_columns="text")
    assert len(list(DataLoader(ready, 2, shuffle=True, collate_fn=collator))) == 4
    narrow = [
        batch["input_ids"].shape[1]
        for batch in DataLoader(ready, 1, collate_fn=collator)
    ]
    assert sum(narrow) < sum(widths)


@trap(
    19,
    "datasets",
    "transformers",
    shown="04_dataset_preparation.ipynb#Blocks-for-a-language-model",
)
def short_tails_break_a_shuffled_loader():
    """The short last block of `group_texts` breaks a shuffled loader.

    You see: an error somewhere in an epoch, at another step each time.

    What happens: `map` groups a thousand rows at once, and each group may end in a short block.

    Instead: drop the rest of each group.
    """
    table = Dataset.from_dict({"input_ids": [[1, 2, 3, 4, 5]] * 4})
    shuffled = dict(batch_size=3, shuffle=True, collate_fn=default_data_collator)

    # You write
    def group_texts(rows):
        joined = sum(rows["input_ids"], [])
        return {"input_ids": [joined[at : at + 8] for at in range(0, len(joined), 8)]}

    loader = DataLoader(table.map(group_texts, batched=True), **shuffled)
    # You get
    with pytest.raises(ValueError, match="length"):
        list(loader)

    # Instead
    def group_whole(rows):
        joined = sum(rows["input_ids"], [])
        whole = len(joined) // 8 * 8
        return {"input_ids": [joined[at : at + 8] for at in range(0, whole, 8)]}

    loader = DataLoader(table.map(group_whole, batched=True), **shuffled)
    assert next(iter(loader))["input_ids"].shape == (2, 8)


@trap(
    31,
    "datasets",
    "transformers",
    shown="04_dataset_preparation.ipynb#When-it-breaks:-a-column-is-not-a-list",
)
def a_column_is_not_a_list():
    """A column is not a list.

    You see: an error of the tokenizer about the type of its input, for code that worked once.

    What happens: `table["text"]` is lazy: it reads rows when they are asked for.

    Instead: `table["text"][:]` for a list, or `map`.
    """
    table, tokenizer = Dataset.from_dict({"text": ["good", "bad"]}), toys.tokenizer()
    # You write
    column = table["text"]
    # You get
    assert not isinstance(column, list)
    with pytest.raises(ValueError, match="text input must be"):
        tokenizer(column)
    # Instead
    assert len(tokenizer(column[:])["input_ids"]) == 2


@trap(34, "datasets", shown="04_dataset_preparation.ipynb#Five-questions-for-a-table")
def the_first_rows_of_a_sorted_table_are_one_class():
    """The first thousand rows of a sorted table are of one class.

    You see: a loss that falls to nothing, and a model that knows one answer.

    What happens: IMDB, for one, is sorted by label, and marks the rows of its unsupervised split with
    -1, which is no class.

    Instead: count the labels; shuffle before you select.
    """
    table = Dataset.from_dict({"label": [0] * 500 + [1] * 500})
    # You write
    sample = table.select(range(100))
    # You get
    assert Counter(sample["label"]) == {0: 100}
    # Instead
    sample = table.shuffle(seed=0).select(range(100))
    assert min(Counter(sample["label"]).values()) > 30


@trap(35, "datasets", shown="04_dataset_preparation.ipynb#Five-questions-for-a-table")
def tables_that_look_alike_are_joined_with_holes():
    """Tables whose columns are called differently are joined with holes.

    You see: a table as long as both, and texts that are None.

    What happens: look-alike datasets call a text `text`, `sentence` or `review`, and count labels
    from 0 or from 1. `concatenate_datasets` fills what one of them lacks.

    Instead: compare `features` before you join; rename.
    """
    ours = Dataset.from_dict({"text": ["good"], "label": [1]})
    theirs = Dataset.from_dict({"sentence": ["fine"], "label": [2]})
    # You write
    both = concatenate_datasets([ours, theirs])
    # You get
    assert both["text"][:] == ["good", None]
    assert both["label"][:] == [1, 2]  # the same judgement
    # Instead
    theirs = theirs.rename_column("sentence", "text")
    theirs = theirs.map(lambda row: {"label": row["label"] - 1})
    assert theirs.features == ours.features
    assert concatenate_datasets([ours, theirs])[:] == {
        "text": ["good", "fine"],
        "label": [1, 1],
    }
