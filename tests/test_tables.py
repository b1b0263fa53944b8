"""Any table of the reader's: what is read as texts and classes, and what is refused, how."""

import datetime
import decimal
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import (
    ClassLabel,
    Dataset,
    DatasetDict,
    Features,
    IterableDataset,
    Value,
)

from hf_tutorial import files, surveys, tables
from hf_tutorial.refused import Refused


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    import datasets

    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)


TEXTS = [f"a film {word}" for word in "one two three four five six seven eight".split()]


def frame(labels, texts=None, **others):
    texts = (TEXTS * len(labels))[: len(labels)] if texts is None else texts
    return pd.DataFrame({"text": texts, "label": labels, **others})


def parquet(tmp_path, data, name="rows.parquet"):
    """Write a table with the types of arrow, as a database or pandas would."""
    if isinstance(data, dict):
        pq.write_table(pa.table(data), tmp_path / name)
    else:
        data.to_parquet(tmp_path / name)
    return tmp_path / name


def jsonl(tmp_path, rows, name="rows.jsonl"):
    file = tmp_path / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def csv(tmp_path, text, name="rows.csv", **how):
    file = tmp_path / name
    file.write_bytes(text.encode(**how))
    return file


def read(file, *columns, **how):
    return tables.read(str(file), *columns, **how)


def contents(table):
    """Give what is learned from: texts, and names of classes."""
    texts, classes = table.batch([*table.train])
    return [*zip(*texts, strict=True)], [table.names[number] for number in classes]


def refusal(*arguments, **how):
    with pytest.raises(Refused) as refused:
        read(*arguments, **how)
    return str(refused.value)


# Classes keep the reader's own values


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["up", "down", "flat", "up"], ["down", "flat", "up"]),
        ([5, 1, 10, 2, 5], ["1", "2", "5", "10"]),
        ([-1, 0, 1, 0], ["-1", "0", "1"]),
        ([0.0, 1.0, 1.0, 0.0], ["0", "1"]),
        ([True, False, True, True], ["False", "True"]),
        (["True", "False", "True"], ["False", "True"]),
        (["None", "nan", "N/A", "nan"], ["N/A", "None", "nan"]),
        ([2**40, 7, 2**40, 7], ["7", str(2**40)]),
        (np.array([3, 200, 3], "uint8"), ["3", "200"]),
        (pd.Categorical(["x", "y", "x"]), ["x", "y"]),
        ([decimal.Decimal("1.0"), decimal.Decimal("2.0")] * 2, ["1", "2"]),
        (["01", "1", "01"], ["01", "1"]),
    ],
    ids=lambda value: "" if isinstance(value, list) else type(value).__name__,
)
def test_values_become_the_names_of_the_classes_in_order(tmp_path, labels, names):
    labels = labels if not isinstance(labels, list) else list(labels)
    for streaming in (False, True):
        table = read(parquet(tmp_path, frame(labels)), streaming=streaming)
        assert table.names == names
        found = contents(table)[1]
        assert [table.numbers[value] for value in labels] == [
            names.index(name) for name in found
        ]


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        ("0.0 1.0 0.0", ["0", "1"]),  # a gap, since filled, made floats of them
        ("1 5 10 2 5", ["1", "2", "5", "10"]),
        ("0 1.0 0", ["0", "1"]),
        ("1.0 1.1 1.0", ["1.0", "1.1"]),  # versions, say
        ("01 1 01", ["01", "1"]),
        ("None N/A None", ["N/A", "None"]),
        ("True False True", ["False", "True"]),
        ("-1 1 -1", ["-1", "1"]),
        ("1e3 2e3 1e3", ["1e3", "2e3"]),
    ],
)
def test_cells_of_a_csv_are_kept_as_they_are_written(tmp_path, cells, names):
    rows = "".join(f"{n:03},{cell}\n" for n, cell in enumerate(cells.split()))
    table = read(csv(tmp_path, "text,label\n" + rows))
    texts, classes = contents(table)
    assert table.names == names and set(classes) == set(names)
    assert texts[:2] == [("000",), ("001",)]


def test_whole_numbers_and_floats_of_two_csv_files_are_the_same_classes(tmp_path):
    folder = tmp_path / "gap"
    folder.mkdir()
    csv(folder, "text,label\na,0.0\nb,1.0\nc,1.0\n", "train.csv")
    csv(folder, "text,label\na,0\nb,1\n", "validation.csv")
    table = read(folder)
    assert table.names == ["0", "1"] and table.held_out_name == "validation"
    assert table.counts("validation") == [1, 1]


def test_named_classes_keep_their_order_and_names(tmp_path):
    kinds = Features(
        {"text": Value("string"), "label": ClassLabel(names=["no", "maybe", "a"])}
    )
    Dataset.from_dict({"text": TEXTS[:4], "label": [0, 2, 2, 0]}, kinds).save_to_disk(
        tmp_path / "saved"
    )
    table = read(tmp_path / "saved")
    assert table.names == ["no", "maybe", "a"] and table.counts("train") == [2, 0, 2]


# Texts


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1000, 0, 1002], ["1000", "0", "1002"]),
        ([0.5, 1.0, 2.25], ["0.5", "1.0", "2.25"]),
        ([True, False, True], ["True", "False", "True"]),
        ([decimal.Decimal("1.50")] * 3, ["1.50"] * 3),
    ],
)
def test_numbers_are_read_as_texts(tmp_path, values, texts):
    table = read(parquet(tmp_path, frame([0, 1, 0], values)))
    assert contents(table)[0] == [(text,) for text in texts]


def test_words_for_nothing_in_a_csv_are_words(tmp_path):
    table = read(csv(tmp_path, "text,label\nN/A,None\nnull,x\nnan,None\n"))
    assert contents(table) == ([("N/A",), ("null",), ("nan",)], ["None", "x", "None"])


@pytest.mark.parametrize(
    "name", ["labels", "input_ids", "attention_mask", "__index_level_0__"]
)
def test_columns_of_any_name_never_meet_ours(tmp_path, name):
    rows = [{"text": t, "label": n % 2, name: f"say {n}"} for n, t in enumerate(TEXTS)]
    file = jsonl(tmp_path, rows)
    assert contents(read(file))[0] == [(text,) for text in TEXTS]
    assert contents(read(file, name))[0] == [(f"say {n}",) for n in range(8)]
    swapped = [
        {"words": t, name: "up" if n % 2 else "down"} for n, t in enumerate(TEXTS)
    ]
    assert read(jsonl(tmp_path, swapped), "words", name).names == ["down", "up"]


def test_two_columns_are_a_pair_and_a_comma_may_be_in_a_name(tmp_path):
    data = {"a": list("xyz"), "b": list("uvw"), "a,b": list("klm"), "label": [0, 1, 0]}
    file = parquet(tmp_path, data)
    assert contents(read(file, "b, a"))[0] == [("u", "x"), ("v", "y"), ("w", "z")]
    assert contents(read(file, "a,b"))[0] == [("k",), ("l",), ("m",)]
    assert "--text-column names 3 columns (a, b, label)" in refusal(file, "a,b,label")
    assert "are one column twice" in refusal(file, "a, a")
    assert "are one column twice" in refusal(file, "a", "a")


# Refused by type, before anything is computed


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[0, 1], [1], [0]], "the column 'label' holds lists: one label a row"),
        ([{"a": 1}] * 3, "the column 'label' holds objects: one text, one label a row"),
        (
            [datetime.date(2026, 1, n) for n in (1, 2, 1)],
            "'label' holds dates or times",
        ),
        (
            [datetime.datetime(2026, 1, n) for n in (1, 2, 1)],
            "'label' holds dates or times",
        ),
        ([b"a", b"b", b"a"], "the column 'label' holds bytes: name another column"),
        (pa.nulls(3), "the column 'label' holds nothing: name another column"),
        ([0.5, 1.0, 0.5], "'label' holds 0.5, which is no class: write whole numbers"),
        ([1.0, float("inf"), 1.0], "'label' holds inf, which is no class"),
    ],
)
def test_label_column_of_another_type_is_refused(tmp_path, labels, message):
    file = parquet(tmp_path, {"text": TEXTS[:3], "label": labels})
    assert message in refusal(file)
    assert message in refusal(file, streaming=True)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([["a", "film"], ["b"], ["c"]], "the column 'text' holds lists"),
        ([{"title": "a"}] * 3, "the column 'text' holds objects"),
        ([datetime.date(2026, 1, 1)] * 3, "the column 'text' holds dates or times"),
        ([b"a"] * 3, "the column 'text' holds bytes"),
    ],
)
def test_text_column_of_another_type_is_refused(tmp_path, texts, message):
    assert message in refusal(parquet(tmp_path, {"text": texts, "label": [0, 1, 0]}))


def test_classes_are_no_texts(tmp_path):
    kinds = Features({"text": ClassLabel(names=["a", "b"]), "label": Value("int64")})
    Dataset.from_dict({"text": [0, 1], "label": [0, 1]}, kinds).save_to_disk(
        tmp_path / "d"
    )
    assert "'text' holds classes: name the column with the texts" in refusal(
        tmp_path / "d"
    )


@pytest.mark.parametrize("other", [7, True, {"a": 1}, ["a"]], ids=str)
@pytest.mark.parametrize("at", [1, 1300])
@pytest.mark.parametrize("streaming", [False, True])
def test_json_texts_beside_other_kinds_are_refused_by_row(
    tmp_path, other, at, streaming
):
    """The library would make 2134 of "02134", or put quotes into late texts."""
    rows = [{"text": "02134", "label": n % 2} for n in range(1500)]
    rows[at]["text"] = other
    message = refusal(jsonl(tmp_path, rows), streaming=streaming)
    assert "the column 'text' holds values of several kinds" in message
    assert f'"02134" in row 0, {json.dumps(other)} in row {at}' in message


@pytest.mark.parametrize("streaming", [False, True])
def test_other_json_columns_may_hold_several_kinds(tmp_path, streaming):
    rows = [{"text": "02134", "label": "007", "meta": n} for n in range(8)]
    rows[3] |= {"meta": {"by": "me"}, "label": "7"}
    table = read(jsonl(tmp_path, rows), streaming=streaming)
    assert contents(table)[0] == [("02134",)] * 8 and table.names == ["007", "7"]


def test_saved_column_of_json_values_is_refused(tmp_path):
    rows = jsonl(tmp_path, [{"text": t, "label": 0} for t in ("02134", 7)])
    Dataset.from_json(str(rows)).save_to_disk(tmp_path / "saved")
    message = refusal(tmp_path / "saved")
    assert "the column 'text' holds mixed values (Json)" in message
    assert '"02134" is read as the number 2134' in message


def test_json_of_pandas_without_records_is_refused_with_the_call(tmp_path):
    frame([0, 1]).to_json(tmp_path / "rows.json")
    assert "to_json(orient='records', lines=True)" in refusal(tmp_path / "rows.json")


# Refused by row


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("text", None, "train: 1 row has no text in 'text', the first is row 1,234"),
        ("text", " \t", "train: 1 row has no text in 'text', the first is row 1,234"),
        ("label", None, "train: 1 row has no label in 'label', the first is row 1,234"),
        ("label", "", "train: 1 row has no label in 'label', the first is row 1,234"),
    ],
)
def test_row_that_lacks_something_is_named(tmp_path, streaming, column, value, message):
    data = frame(["up", "down"] * 1000)
    data.loc[1234, column] = value
    found = refusal(parquet(tmp_path, data), streaming=streaming)
    assert message in found and "filter such rows out" in found


def test_gap_among_numbers_and_a_negative_number_of_a_class_are_rows_without_label(
    tmp_path,
):
    gap = parquet(tmp_path, frame([0.0, None, 1.0, None]))
    assert "2 rows have no label in 'label', the first is row 1 " in refusal(gap)
    kinds = Features({"text": Value("string"), "label": ClassLabel(names=["a", "b"])})
    Dataset.from_dict({"text": list("xyz"), "label": [0, 1, -1]}, kinds).save_to_disk(
        tmp_path / "saved"
    )
    assert "1 row has no label in 'label', the first is row 2" in refusal(
        tmp_path / "saved"
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0] * 8, "all 8 rows of train have the label '0' in 'label'"),
        (["praise"] * 8, "all 8 rows of train have the label 'praise' in 'label'"),
        ([f"id {n}" for n in range(8)], "has a label of its own in 'label'"),
        (
            ["a", " a", "b", "b"],
            "the classes ' a' and 'a' in 'label' differ by blanks only",
        ),
    ],
)
def test_labels_that_are_no_classes_are_refused(tmp_path, labels, message):
    assert message in refusal(parquet(tmp_path, frame(labels)))


def test_one_named_class_of_two_is_nothing_to_learn(tmp_path):
    kinds = Features(
        {"text": Value("string"), "label": ClassLabel(names=["bad", "good"])}
    )
    Dataset.from_dict({"text": list("xyz"), "label": [1] * 3}, kinds).save_to_disk(
        tmp_path / "s"
    )
    assert "all 3 rows of train have the label 'good'" in refusal(tmp_path / "s")


def test_texts_given_as_labels_are_no_classes(tmp_path, monkeypatch):
    monkeypatch.setattr(surveys, "MOST_CLASSES", 20)
    file = parquet(tmp_path, frame([f"n {n % 50}" for n in range(200)]))
    assert "holds more than 20 different values" in refusal(file)


def test_what_may_be_meant_or_a_slip_is_said(tmp_path):
    (note,) = read(parquet(tmp_path, frame([-1, 0, 1, 0, 1, -1]))).notes
    assert "-1 is taken for a class" in note
    (note,) = read(parquet(tmp_path, frame(["a", "a", "b"]))).notes
    assert note == "one row only has the class b"


# Splits


def folder_of(tmp_path, **splits):
    folder = tmp_path / "folder"
    folder.mkdir()
    for split, text in splits.items():
        (folder / f"{split}.csv").write_text(text)
    return folder


LEARNED = "text,label\na,x\nb,y\nc,x\n"


def test_split_without_labels_is_left_out_and_the_reader_is_told(tmp_path):
    folder = folder_of(tmp_path, train=LEARNED, test="id,text\n7,a\n8,b\n")
    table = read(folder)
    assert table.held_out is None
    assert table.notes[0] == "test has no column 'label': it is left out"


def test_split_whose_labels_are_all_missing_is_left_out(tmp_path):
    folder = folder_of(tmp_path, train=LEARNED, test="text,label\na,\nb,\n")
    table = read(folder)
    assert table.held_out is None
    assert "no row of test has a label: it is left out" in table.notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "text,label\na,x\nb,\n",
            "validation: 1 row has no label in 'label', the first is row 1",
        ),
        ("text,label\na,x\nb,z\n", "validation: label 'z' is not one of x, y"),
        (
            "body,label\na,x\n",
            "validation: there is no column 'text': the columns are 'body', 'label' (separated",
        ),
    ],
)
def test_fault_in_another_split_is_named_with_it(tmp_path, text, message):
    assert message in refusal(folder_of(tmp_path, train=LEARNED, validation=text))


def test_validation_comes_before_test_and_an_empty_one_is_passed_over(tmp_path):
    folder = folder_of(tmp_path, train=LEARNED, validation="text,label\n", test=LEARNED)
    assert read(folder).held_out_name == "test"
    (folder / "validation.csv").write_text(LEARNED)
    assert read(folder).held_out_name == "validation"


def test_validation_may_lie_apart(tmp_path):
    train = parquet(tmp_path, frame(["x", "y", "x"]))
    held = csv(tmp_path, LEARNED, "held.csv")
    table = read(train, validation=str(held))
    assert table.held_out_name == "validation" and table.counts("validation") == [2, 1]
    csv(tmp_path, "text,label\na,q\n", "held.csv")
    assert "held.csv: label 'q' is not one of x, y" in refusal(
        train, validation=str(held)
    )


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "body,rating\na,x\n",
            "there is no column 'text': the columns are 'body', 'rat",
        ),
        (
            "text,stars\na,x\n",
            "there is no column 'label': the columns are 'text', 'st",
        ),
        ("text,label\na,\nb,\n", "2 rows have no label in 'label', the first is row 0"),
        ("text,label\na,x\nb,z\n", "label 'z' is not one of x, y"),
        ("text,label\n", " is empty: it has no row"),
        (
            "text,label\na,x\nb,y\nc,d,x\n",
            "line 4 has 3 cells, the header 2: put texts",
        ),
        (None, "there is no such file"),
    ],
)
def test_named_validation_file_is_never_left_out_and_named_in_messages(
    tmp_path, text, message, streaming
):
    train = csv(tmp_path, LEARNED, "train.csv")
    held = tmp_path / "held.csv"
    if text is not None:
        held.write_text(text)
    found = refusal(train, validation=str(held), streaming=streaming)
    assert message in found and "held.csv" in found and "--dataset" not in found
    assert found.startswith(f"--validation {held}") or "is empty" in found


def test_named_validation_folder_gives_its_validation_or_test_rows(tmp_path):
    train = csv(tmp_path, LEARNED, "train.csv")
    apart = folder_of(tmp_path, test="text,label\na,y\n")
    assert read(train, validation=str(apart)).counts("validation") == [0, 1]
    (apart / "test.csv").rename(apart / "train.csv")
    assert read(train, validation=str(apart)).counts("validation") == [0, 1]


@pytest.mark.parametrize("labels", [["1", "0", "1"], [1, 0, 1], [1.0, 0.0, 1.0]])
def test_labels_of_two_kinds_of_files_are_the_same_classes(tmp_path, labels):
    typed = parquet(tmp_path, frame(labels, ["u", "v", "w"]))
    written = csv(tmp_path, "text,label\na,0\nb,1.0\nc,1\n", "written.csv")
    if labels[0] != "1":
        table = read(typed, validation=str(written))
        assert table.names == ["0", "1"] and table.counts("validation") == [1, 2]
    table = read(written, validation=str(typed))
    assert table.names == ["0", "1"] and table.counts("validation") == [1, 2]


def classed(tmp_path, name, names, labels):
    kinds = Features({"text": Value("string"), "label": ClassLabel(names=names)})
    data = Dataset.from_dict({"text": TEXTS[: len(labels)], "label": labels}, kinds)
    data.save_to_disk(tmp_path / name)
    return tmp_path / name


def test_named_classes_are_compared_by_their_names(tmp_path):
    """Where a class is missing, the others have other numbers: 1 is b here and c there."""
    train = classed(tmp_path, "train", ["a", "b", "c"], [0, 1, 2, 2])
    message = refusal(
        train, validation=str(classed(tmp_path, "two", ["a", "c"], [0, 1]))
    )
    assert "label 1 means 'c' there, and 'b' in train" in message
    assert "write the labels of both as texts" in message
    same = classed(tmp_path, "same", ["a", "b", "c"], [1])
    assert read(train, validation=str(same)).counts("validation") == [0, 1, 0]
    texts = csv(tmp_path, "text,label\nu,c\nv,a\n", "texts.csv")
    assert read(train, validation=str(texts)).counts("validation") == [1, 0, 1]
    back = read(
        csv(tmp_path, "text,label\nu,c\nv,a\nw,b\nx,b\n"), validation=str(train)
    )
    assert back.names == ["a", "b", "c"] and back.counts("validation") == [1, 1, 2]


def test_negative_number_is_not_the_last_of_the_named_classes(tmp_path):
    train = classed(tmp_path, "train", ["a", "b", "c"], [0, 1, 2, 2])
    held = jsonl(tmp_path, [{"text": "u", "label": 0}, {"text": "v", "label": -1}])
    message = refusal(train, validation=str(held))
    assert "label -1 is not one of a, b, c, which train has" in message


def test_missing_columns_and_splits_are_named(tmp_path):
    file = csv(tmp_path, LEARNED)
    columns = "the columns are 'text', 'label' (separated by ',')"
    assert f"no column 'body': {columns}" in refusal(file, "body")
    assert f"no column 'stars': {columns}" in refusal(file, "text", "stars")
    data = Dataset.from_dict({"text": ["a"], "label": [0]})
    DatasetDict({"test": data}).save_to_disk(tmp_path / "saved")
    assert "no split is called train: there are test" in refusal(tmp_path / "saved")
    empty = csv(tmp_path, "text,label\n", "none.csv")
    assert "none.csv is empty: it has no row" in refusal(empty)
    assert "the training split is empty" in refusal(empty, streaming=True)


def test_csv_without_a_header_and_folders_of_texts_get_a_hint(tmp_path):
    message = refusal(csv(tmp_path, "fine,1\ndull,0\n"))
    assert "the columns are 'fine', '1' (separated by ','; if this is a row" in message
    for name in ("good", "bad"):
        (tmp_path / "texts" / name).mkdir(parents=True)
        (tmp_path / "texts" / name / "1.txt").write_text("a film")
    assert "names of folders are not read as labels" in refusal(tmp_path / "texts")


@pytest.mark.parametrize(
    ("header", "guess"),
    [("Body, Stars", "Body"), ("bdoy,stars", "bdoy"), ("stars, body ", " body ")],
)
def test_column_with_a_name_much_like_the_one_asked_for_is_guessed(
    tmp_path, header, guess
):
    file = csv(tmp_path, f"{header}\na,x\nb,y\n")
    message = refusal(file, "body", "stars")
    assert message.endswith(f"Did you mean {guess!r}?") and repr(guess) in message
    assert "no header" not in message
    assert "Did you mean" not in refusal(file, "headline", "stars")


def test_label_column_is_guessed_in_any_kind_of_file(tmp_path):
    message = refusal(
        parquet(tmp_path, frame([0, 1, 0]).rename(columns={"label": "Label"}))
    )
    assert message == (
        "there is no column 'label': the columns are 'text', 'Label'. Did you mean 'Label'?"
    )


# Rows that are held out of one table


def test_share_of_each_class_is_held_out_and_the_rest_is_learned(tmp_path):
    labels = ["a"] * 60 + ["b"] * 30 + ["c"] * 10
    texts = [f"text {n}" for n in range(100)]
    file = parquet(tmp_path, frame(labels, texts))
    table = read(file, validation_share=0.2)
    assert table.cut and table.held_out_name == tables.CUT
    assert table.counts("train") == [48, 24, 8]
    assert table.counts(tables.CUT) == [12, 6, 2]
    rows = [{*part["text"]} for part in (table.train, table.held_out)]
    assert not rows[0] & rows[1] and rows[0] | rows[1] == {*texts}
    assert table.train["text"][:] == sorted(table.train["text"], key=texts.index)
    again = read(file, validation_share=0.2)
    assert again.held_out["text"][:] == table.held_out["text"][:]
    assert again.digest() == table.digest() != read(file).digest()


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.99])
@pytest.mark.parametrize(
    "labels", [[0, 0, 1], [0] * 9 + [1], [*range(7)] * 2, ["x", "y", "y", "z"] * 3]
)
def test_class_is_never_held_out_whole(tmp_path, labels, share):
    file = parquet(tmp_path, frame(labels, [f"t {n}" for n in range(len(labels))]))
    table = read(file, validation_share=share)
    assert min(table.counts("train")) >= 1
    most = len(labels) - len({*labels})
    held = min(round(share * len(labels)), most)
    assert table.cut == (held > 0)
    assert len(table.train) == len(labels) - held
    assert sum(table.counts(tables.CUT) or [0]) == held


def test_held_out_texts_that_are_learned_from_are_counted(tmp_path):
    texts = [f"text {n // 2}" for n in range(40)]  # each stands there twice
    table = read(parquet(tmp_path, frame([0, 1] * 20, texts)), validation_share=0.25)
    both = [*table.train["text"]], [*table.held_out["text"]]
    count = sum(text in both[0] for text in both[1])
    (note,) = table.notes
    assert 0 < count <= 10
    assert note.startswith(f"{count} of 10 rows of those held out have a text that is")
    folder = folder_of(tmp_path, train=LEARNED, test="text,label\nc,x\nd,y\n")
    assert (
        "1 of 2 rows of test have a text that is trained on" in read(folder).notes[-1]
    )
    pairs = {"a": [*"xyxz"], "b": [*"uuvv"], "label": [0, 0, 1, 1]}  # no pair twice
    pairs = read(parquet(tmp_path, pairs, "p.parquet"), "a,b", validation_share=0.5)
    assert pairs.cut and pairs.notes == []


def test_nothing_is_held_out_beside_a_validation_split_or_of_a_stream(tmp_path):
    file = csv(tmp_path, LEARNED)
    assert not read(file).cut and not read(file, validation_share=0.0).cut
    assert not read(file, validation=str(file), validation_share=0.3).cut
    assert read(file, validation_share=0.3, streaming=True).held_out is None
    folder = folder_of(
        tmp_path, train=LEARNED, test="id,text\n7,a\n"
    )  # as in a contest
    table = read(folder, validation_share=0.3)
    assert table.cut and len(table.held_out) == 1


# What may be a slip is said


def test_numbers_with_fractions_in_a_csv_are_said_to_be_classes(tmp_path):
    cells = ["1.1", "2.2", "3.7", "1.1", "2.2", "3.7"]
    for between, mark in ((",", "."), (";", ",")):
        written = [cell.replace(".", mark) for cell in cells]
        rows = "".join(f"t{n}{between}{cell}\n" for n, cell in enumerate(written))
        file = csv(tmp_path, f"text{between}label\n{rows}", f"{between}.csv")
        (note,) = read(file).notes
        assert f"'label' holds numbers, such as {', '.join(written[:3])}: each" in note
        assert "no number is predicted" in note
    for fine in (["1", "2.0", "1", "2"], ["v1.1", "v1.2"] * 2, ["1.1", "b"] * 2):
        assert "numbers" not in str(read(parquet(tmp_path, frame(fine))).notes)


@pytest.mark.parametrize("word", ["nan", "NA", "N/A", "None", "null", " NaN"])
def test_words_for_nothing_are_classes_and_texts_and_said_to_be(tmp_path, word):
    rows = f"a,x\nb,{word}\nc,x\n{word},{word}\ne,y\nf,y\n"
    file = csv(tmp_path, f"text,label\n{rows}")
    stream = read(file, streaming=True)
    assert [row["text"] for row in stream.train][3] == word
    assert (
        read(file).notes
        == stream.notes
        == [
            "1 text(s) in 'text' are a word for nothing, such as 'nan': if no text is meant,"
            " filter these rows out",
            f"2 rows have the label {word!r}: if that means no label, filter them out",
        ]
    )


def test_classes_that_differ_by_capitals_only_are_said_to_be_two(tmp_path):
    (note,) = read(parquet(tmp_path, frame(["Good", "good", "bad"] * 2))).notes
    assert (
        note
        == "'Good' and 'good' in 'label' differ by capitals only, and are two classes"
    )


def test_classes_that_differ_by_blanks_only_are_refused_beside_one_in_capitals(
    tmp_path,
):
    message = refusal(parquet(tmp_path, frame(["Good", "good", "good "] * 2)))
    assert "the classes 'good' and 'good ' in 'label' differ by blanks only" in message


def test_row_of_a_csv_is_also_counted_as_a_spreadsheet_does(tmp_path):
    rows = "".join(
        f'"two\nlines {n}",{"xy"[n % 2] if n != 7 else ""}\n' for n in range(12)
    )
    file = csv(tmp_path, f"text,label\n{rows}")
    for streaming in (False, True):
        message = refusal(file, streaming=streaming)
        assert "the first is row 7 (counted from 0, 9 in a spreadsheet)" in message
    lines = rows.replace(",\n", ",x\n").replace(",", ",")
    typed = parquet(tmp_path, frame(["x", None, "y"]))
    assert "is row 1 (counted from 0): fill" in refusal(typed)
    train = csv(tmp_path, f"text,label\n{lines}", "whole.csv")
    message = refusal(train, validation=str(file))
    assert f"--validation {file}: 1 row has no label" in message
    assert "9 in a spreadsheet" in message


# The digest


def test_digest_changes_with_any_word_label_or_order_and_with_nothing_else(tmp_path):
    plain = frame(["x", "y"] * 1200)
    first = read(parquet(tmp_path, plain)).digest()
    assert (
        read(parquet(tmp_path, plain, "moved.parquet"), streaming=True).digest()
        == first
    )
    moved = jsonl(tmp_path, plain.to_dict("records"))
    assert read(moved).digest() == first
    others = [plain.iloc[::-1], plain.iloc[:-1], plain.assign(text=plain["text"] + "."),
              plain.assign(label=["y", "x"] * 1200)]  # fmt: skip
    swapped = plain.copy()
    swapped.loc[[0, 1], "text"] = ["a fil", "m onea film two"]  # the same letters
    found = {read(parquet(tmp_path, other, f"{n}.parquet")).digest()
             for n, other in enumerate([*others, swapped])}  # fmt: skip
    assert len(found) == 5 and first not in found
    assert (
        read(parquet(tmp_path, plain.assign(more=1), "more.parquet")).digest() == first
    )


def test_columns_that_share_a_name_are_refused(tmp_path):
    file = csv(tmp_path, "text,text,label\na,b,x\n")
    assert "2 columns are called 'text'" in refusal(file)


def test_stream_that_nobody_looked_through_is_judged_row_by_row(tmp_path):
    table = read(csv(tmp_path, LEARNED))
    with pytest.raises(Refused, match="label 'z' is not one of x, y"):
        table.batch([{"text": "a", "label": "z"}])
    with pytest.raises(Refused, match="a row has no text in 'text'"):
        table.batch([{"text": None, "label": "x"}])
    many = read(parquet(tmp_path, frame([*map(str, range(30))] * 2)))
    with pytest.raises(Refused, match=r"is not one of 0, 1, .*, 19 and 18 more: mend"):
        many.batch([{"text": "a", "label": "z"}])


def endless():
    number = 0
    while True:
        yield {"text": f"a film {number}", "label": number % 2}
        number += 1


@pytest.fixture
def hub(monkeypatch):
    """A stream from elsewhere that never ends, as the files of the web do for a laptop."""
    kinds = Features(
        {"text": Value("string"), "label": ClassLabel(names=["no", "yes"])}
    )
    rows = IterableDataset.from_generator(endless, features=kinds)
    found = files.Found({"train": rows}, untyped=False, local=False, tell=Refused)
    really = files.read
    monkeypatch.setattr(
        files,
        "read",
        lambda *how: really(*how) if "--validation" in how else found,
    )
    return found


def test_stream_from_the_hub_with_named_classes_is_not_read_to_its_end(hub):
    table = read("some/name", streaming=True)
    assert table.names == ["no", "yes"] and table.counts("train") is None
    assert table.batch([*table.train.take(3)])[1] == [0, 1, 0]


def test_rows_to_evaluate_on_are_looked_at_though_nobody_counts_the_stream(
    hub, tmp_path
):
    held = csv(tmp_path, "text,label\na,yes\nb,no\nc,yes\n", "held.csv")
    table = read("some/name", streaming=True, validation=str(held))
    assert table.counts("train") is None and table.counts("validation") == [1, 2]
    assert table.batch([*table.held_out])[1] == [1, 0, 1]
    csv(tmp_path, "text,label\na,positive\n", "held.csv")
    message = refusal("some/name", streaming=True, validation=str(held))
    assert "held.csv: label 'positive' is not one of no, yes" in message
    turned = classed(tmp_path, "turned", ["yes", "no"], [0, 1])
    message = refusal("some/name", streaming=True, validation=str(turned))
    assert "label 0 means 'yes' there, and 'no' in train" in message


def test_split_of_a_stream_whose_labels_are_all_missing_is_left_out(hub):
    kinds = hub.splits["train"].features
    test = Dataset.from_dict({"text": ["a", "b"], "label": [-1, -1]}, kinds)
    hub.splits["test"] = test.to_iterable_dataset()
    table = read("some/name", streaming=True)
    assert table.held_out is None
    assert table.notes == ["no row of test has a label: it is left out"]
