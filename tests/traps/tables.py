"""Traps of making a table from what lies in memory, and of changing it row by row."""

import json
from pathlib import Path

import pytest
from datasets import (
    ClassLabel,
    Dataset,
    DatasetDict,
    Value,
    load_dataset,
)

from tests.traps import toys
from tests.traps.catalogue import trap


@trap(131, "datasets", wrote="rows.map(lambda row: changed(row) if row[...] else None)")
def map_drops_all_it_did_if_the_last_row_gets_none():
    """`map` with a function that gives None for the last row changes nothing.

    You see: nothing; a table like the one before, whose rows are all there.

    What happens: None says that the function only looks, and the last row decides for all. A function without `return` says so
    throughout. If a row in the middle gets None, that row is dropped, so a function that leaves rows out
    works until the data end with such a row; if it is the first, an AttributeError tells of a missing `write`.

    Instead: `filter` for what is to go, and a `return` at the end of each way through the function.
    """
    table = Dataset.from_dict({"n": [1, 2, 3, 4]})

    def times_ten(row):
        row["n"] *= 10  # and no return

    def without(number):
        return table.map(
            lambda row: {"n": row["n"] * 10} if row["n"] != number else None
        )

    # You write
    unreturned, without_four = table.map(times_ten), without(4)
    # You get
    assert unreturned["n"][:] == without_four["n"][:] == [1, 2, 3, 4]
    assert without(2)["n"][:] == [10, 30, 40]  # as was meant
    with pytest.raises(AttributeError, match="has no attribute 'write'"):
        without(1)
    # Instead
    kept = table.filter(lambda row: row["n"] != 4)
    assert kept.map(lambda row: {"n": row["n"] * 10})["n"][:] == [10, 20, 30]


@trap(132, "datasets")
def columns_are_the_keys_of_the_first_row():
    """A table made of dicts has the columns of the first of them.

    You see: a column that is missing, or a KeyError for it, though many rows have the key.

    What happens: `Dataset.from_list` and `Dataset.from_generator` read the keys of the first row. What
    later rows have besides is dropped. A file of the same rows, read by `load_dataset`, has all columns.

    Instead: give each row all keys, or write a file and load that.
    """
    rows = [{"text": "good"}, {"text": "bad", "label": 0}, {"text": "dull", "label": 0}]

    def generate():
        yield from rows

    # You write
    listed = Dataset.from_list(rows)
    generated = Dataset.from_generator(generate, cache_dir="cache")
    # You get
    assert listed.column_names == generated.column_names == ["text"]
    # Instead
    keys = {key: None for row in rows for key in row}
    listed = Dataset.from_list([keys | row for row in rows])
    assert listed["label"][:] == [None, 0, 0]
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    loaded = load_dataset("json", data_files="rows.jsonl", split="train")
    assert loaded["label"][:] == [None, 0, 0]


@trap(133, "datasets")
def from_generator_does_not_see_that_its_file_has_changed():
    """`from_generator` gives the rows of an earlier run, though its file has changed.

    You see: rows that you have corrected, as they were before.

    What happens: the table is kept under a hash of the function and of its arguments. The path is
    among them, what lies there is not. `load_dataset` looks at the time of a file's last change.

    Instead: let the arguments say what the rows depend on, or read by `load_dataset`.
    """
    file = Path("notes.txt")

    def read(path, changed=None):
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            yield {"text": line}

    def table(**more):
        kwargs = {"path": "notes.txt"} | more
        return Dataset.from_generator(read, gen_kwargs=kwargs, cache_dir="cache")

    file.write_text("a slip", encoding="utf-8")
    first = table()
    file.write_text("corrected\nand longer", encoding="utf-8")
    # You write
    second = table()
    # You get
    assert second["text"][:] == first["text"][:] == ["a slip"]
    # Instead
    fresh = table(changed=file.stat().st_mtime_ns)
    assert fresh["text"][:] == ["corrected", "and longer"]
    loaded = load_dataset("text", data_files="notes.txt", cache_dir="cache")
    assert loaded["train"]["text"][:] == ["corrected", "and longer"]


@trap(134, "datasets", wrote='splits.class_encode_column("label")')
def class_encode_column_numbers_each_split_on_its_own():
    """`class_encode_column` of a DatasetDict numbers the classes of each split on its own.

    You see: a good score on validation and a bad one on test, of the same model.

    What happens: each split gets the names that occur in it, in the order of the alphabet. Where test lacks a
    class, all behind it have another number.

    Instead: one `ClassLabel` with the names of all splits, and `cast_column`. Compare the features of the splits.
    """
    splits = DatasetDict(
        train=Dataset.from_dict({"animal": ["cat", "dog", "eel"]}),
        test=Dataset.from_dict({"animal": ["dog", "eel"]}),
    )
    # You write
    encoded = splits.class_encode_column("animal")
    # You get
    dogs = encoded["train"][1]["animal"], encoded["test"][0]["animal"]
    assert dogs == (1, 0)
    # Instead
    names = sorted({name for split in splits.values() for name in split["animal"]})
    encoded = splits.cast_column("animal", ClassLabel(names=names))
    dogs = encoded["train"][1]["animal"], encoded["test"][0]["animal"]
    assert dogs == (1, 1)
    assert encoded["train"].features == encoded["test"].features


@trap(151, "datasets", wrote='table.cast_column("label", ClassLabel(names=...))')
def a_class_label_reads_digits_as_numbers():
    """A ClassLabel takes a text that is none of its names for a number, if it can.

    You see: nothing; classes that are off by one, where files write them as 1, 2, 3.

    What happens: a text that is no name is read as a whole number, and passes if there are so many classes. Only
    the highest, here "3", would raise an error.

    Instead: name the classes as the file writes them, and give the model its own words in `id2label`.
    """
    table = Dataset.from_dict({"stars": ["1", "2", "1"]})
    names = ["one star", "two stars", "three stars"]
    # You write
    cast = table.cast_column("stars", ClassLabel(names=names))
    # You get
    assert cast["stars"][:] == [1, 2, 1]
    assert cast.features["stars"].int2str(1) == "two stars"
    with pytest.raises(ValueError, match="Invalid string class label 3"):
        ClassLabel(names=names).str2int("3")
    # Instead
    cast = table.cast_column("stars", ClassLabel(names=["1", "2", "3"]))
    assert cast["stars"][:] == [0, 1, 0]


@trap(152, "datasets", wrote='table.class_encode_column("stars")')
def class_encode_column_sorts_numbers_as_texts():
    """`class_encode_column` numbers 1, 2, 10 in the order 1, 10, 2.

    You see: nothing; or a mean error of ordered classes that is worse than their accuracy lets you expect.

    What happens: whole numbers become texts first, and texts are sorted by their letters. Up to nine classes nobody notices.

    Instead: sort the numbers, and cast to a `ClassLabel` of their texts.
    """
    table = Dataset.from_dict({"stars": [1, 2, 10]})
    # You write
    encoded = table.class_encode_column("stars")
    # You get
    assert encoded.features["stars"].names == ["1", "10", "2"]
    assert encoded["stars"][:] == [0, 2, 1]
    # Instead
    names = [str(number) for number in sorted(table.unique("stars"))]
    texts = table.cast_column("stars", Value("string"))
    assert texts.cast_column("stars", ClassLabel(names=names))["stars"][:] == [0, 1, 2]


@trap(135, "datasets", "transformers")
def arguments_of_tools_are_filled_with_those_of_other_tools():
    """Calls of tools in a table from Python get the arguments of all other tools.

    You see: `null` in what a template renders: the weather is asked for with a currency.

    What happens: a column of dicts has one type, with every key that occurs in any row. `from_list`
    fills the others with None, and gives each message a `tool_calls`. A file of the same rows,
    read by `load_dataset`, gets the type Json and stays as it is.

    Instead: `on_mixed_types="use_json"`, or a file. Print what is rendered.
    """

    def call(name, **arguments):
        function = {"name": name, "arguments": arguments}
        message = {"role": "assistant", "tool_calls": [{"function": function}]}
        return {"messages": [{"role": "user", "content": "?"}, message]}

    tokenizer = toys.tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}{% for c in m.tool_calls or [] %}"
        "{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}"
    )

    def rendered(table):
        row = table[0]["messages"]
        return tokenizer.apply_chat_template(row, tokenize=False)

    rows = [call("weather", town="Rome"), call("exchange", currency="EUR")]
    # You write
    table = Dataset.from_list(rows)
    # You get
    assert rendered(table) == 'weather{"town": "Rome", "currency": null}'
    assert "tool_calls" in table[0]["messages"][0]
    # Instead
    table = Dataset.from_list(rows, on_mixed_types="use_json")
    assert rendered(table) == 'weather{"town": "Rome"}'
    assert table[0] == rows[0]
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    loaded = load_dataset("json", data_files="rows.jsonl", split="train")
    assert loaded[0] == rows[0]
