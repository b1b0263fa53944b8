"""The reader's files, folders and names: what is read as it stands, and what is refused."""

import bz2
import gzip
import json
import lzma

import pandas as pd
import pytest
from datasets import Dataset, DatasetDict

from hf_tutorial import files, tables
from hf_tutorial.refused import Refused, one_line

ROWS = [{"text": "a, b", "label": "x"}, {"text": "007", "label": "None"}]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory):
    import datasets

    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)


def write(path, rows=ROWS):
    """Write rows as the ending of the file says."""
    data, ending = pd.DataFrame(rows), path.suffix.lower()
    if ending == ".csv":
        data.to_csv(path, index=False)
    elif ending == ".tsv":
        data.to_csv(path, index=False, sep="\t")
    elif ending == ".json":
        path.write_text(json.dumps(rows, indent=1))
    elif ending == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif ending == ".parquet":
        data.to_parquet(path)
    elif ending == ".arrow":
        data.to_feather(path)
    return path


def rows_of(path, streaming=False, split="train"):
    return [*files.read(str(path), ["text", "label"], streaming).splits[split]]


def refusal(path, columns=("text", "label"), streaming=False):
    with pytest.raises(Refused) as refused:
        found = files.read(str(path), [*columns], streaming)
        try:
            [*found.splits["train"]]
        except Exception as error:
            raise found.tell(error) from error
    return str(refused.value)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("ending", [*files.KINDS, ".CSV", ".Jsonl", ".PARQUET"])
def test_every_ending_is_read_in_any_case(tmp_path, ending, streaming):
    assert rows_of(write(tmp_path / f"my[1] rows{ending}"), streaming) == ROWS


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
@pytest.mark.parametrize(
    ("ending", "pack"),
    [(".gz", gzip.compress), (".bz2", bz2.compress), (".XZ", lzma.compress)],
)
def test_packed_files_are_read(tmp_path, kind, ending, pack):
    plain = write(tmp_path / f"plain{kind}")
    packed = tmp_path / f"rows{kind}{ending}"
    packed.write_bytes(pack(plain.read_bytes()))
    assert rows_of(packed) == rows_of(packed, streaming=True) == ROWS


def test_zip_with_one_file_is_read(tmp_path):
    pd.DataFrame(ROWS).to_csv(tmp_path / "rows.csv.zip", index=False)
    assert rows_of(tmp_path / "rows.csv.zip") == ROWS


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_separator_is_the_one_that_finds_the_columns(tmp_path, separator):
    pd.DataFrame(ROWS).to_csv(tmp_path / "rows.csv", index=False, sep=separator)
    assert rows_of(tmp_path / "rows.csv") == ROWS


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_separator_is_found_for_a_pair_of_columns(tmp_path, separator):
    """The two are asked for as "text,other", which no column is called."""
    rows = [{**row, "other": "x"} for row in ROWS]
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False, sep=separator)
    wanted = ["text", "other", "text,other", "label"]
    found = files.read(str(tmp_path / "rows.csv"), wanted, False)
    assert [*found.splits["train"]] == rows
    assert found.separators == {"train": separator} and found.sheets == {"train"}


@pytest.mark.parametrize(
    "rows",
    [
        "body;stars\nfine;1\ndull;0\n",
        "body;stars\nfine, really;1\ndull;0\n",
        "body;stars\nfine;1\ngood;0\nno, sir, dull;0\n",
        "body, in full;stars\nfine;1\n",
    ],
    ids=["no comma", "comma in the first row", "comma below", "comma in the header"],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_separator_is_found_where_no_column_is_the_one_asked_for(
    tmp_path, rows, streaming
):
    (tmp_path / "rows.csv").write_text(rows)
    found = files.read(str(tmp_path / "rows.csv"), ["text", "label"], streaming)
    first = next(iter(found.splits["train"]))
    assert [*first] == rows.splitlines()[0].split(";")
    with pytest.raises(Refused) as refused:
        tables.read(str(tmp_path / "rows.csv"), streaming=streaming)
    named = ", ".join(repr(name) for name in first)
    assert f"no column 'text': the columns are {named} (separated by ';'" in str(
        refused.value
    )


@pytest.mark.parametrize(
    "name", ["missing.csv", "rows.xlsx", "empty", "latin.csv", "long.csv", "no/such"]
)
def test_option_that_named_a_file_is_in_the_message(tmp_path, name):
    (tmp_path / "rows.xlsx").write_text("text,label\na,b\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin.csv").write_bytes("text,label\né,b\n".encode("latin-1"))
    (tmp_path / "long.csv").write_text("text,label\na,b\na,b,c\n")
    path = name if name == "no/such" else str(tmp_path / name)
    with pytest.raises(Refused) as refused:
        files.read(path, ["text", "label"], False, "--validation")
    message = str(refused.value)
    assert "--dataset" not in message and name in message
    assert message.startswith(f"--validation {path}") or "is not UTF-8" in message


def test_byte_order_mark_of_excel_is_no_part_of_a_name(tmp_path):
    pd.DataFrame(ROWS).to_csv(tmp_path / "rows.csv", index=False, encoding="utf-8-sig")
    assert rows_of(tmp_path / "rows.csv") == ROWS
    assert rows_of(tmp_path / "rows.csv", streaming=True) == ROWS


def test_index_that_pandas_wrote_is_a_column_like_others(tmp_path):
    pd.DataFrame(ROWS).to_csv(tmp_path / "rows.csv")
    found = rows_of(tmp_path / "rows.csv")
    assert [{**row, "Unnamed: 0": str(n)} for n, row in enumerate(ROWS)] == found


@pytest.mark.parametrize("streaming", [False, True])
def test_saved_dataset_is_read_as_training_rows_and_saved_splits_by_name(
    tmp_path, streaming
):
    data = Dataset.from_list(ROWS)
    data.save_to_disk(tmp_path / "one")
    DatasetDict(train=data, test=data.select([1])).save_to_disk(tmp_path / "some")
    assert rows_of(tmp_path / "one", streaming) == ROWS
    assert rows_of(tmp_path / "some", streaming, "test") == ROWS[1:]


@pytest.mark.parametrize("name", ["plain", "br[a]ckets"])
@pytest.mark.parametrize(
    ("train", "valid"),
    [
        ("train.csv", "valid.csv"),
        ("TRAIN.CSV", "my-dev.csv"),
        ("my_train.jsonl", "val.jsonl"),
    ],
)
def test_folder_gives_its_splits(tmp_path, name, train, valid):
    (tmp_path / name).mkdir()
    write(tmp_path / name / train)
    write(tmp_path / name / valid, ROWS[:1])
    assert rows_of(tmp_path / name) == ROWS
    assert rows_of(tmp_path / name, split="validation") == ROWS[:1]


def test_folder_of_shards_is_read_whole(tmp_path):
    (tmp_path / "data").mkdir()
    for n, row in enumerate(ROWS):
        write(tmp_path / "data" / f"train-0000{n}-of-00002.parquet", [row])
    assert rows_of(tmp_path / "data") == ROWS


def test_folder_with_a_file_that_would_be_left_out_is_refused(tmp_path):
    write(tmp_path / "a.csv")
    write(tmp_path / "b.jsonl")
    message = refusal(tmp_path)
    assert "would be left out beside" in message and "keep one kind of file" in message


@pytest.mark.parametrize("name", ["train.csv", "TRAIN.CSV"])
def test_hidden_copies_in_a_folder_are_no_rows(tmp_path, name):
    """Jupyter and macOS leave them beside a file that was opened or copied."""
    folder = tmp_path / ".hidden" / "__folder"
    for below in (".ipynb_checkpoints", "__MACOSX"):
        (folder / below).mkdir(parents=True)
        write(folder / below / name, ROWS[:1])
    (folder / f"._{name}").write_bytes(b"\0\5\26\7\0Mac OS X")
    write(folder / name)
    assert rows_of(folder) == ROWS


@pytest.mark.parametrize(
    ("ending", "begin"), [(".zst", "28b52ffd"), (".lz4", "04224d18")]
)
def test_packed_file_that_nothing_here_unpacks_is_refused_with_the_way_out(
    tmp_path, ending, begin
):
    file = tmp_path / f"rows.csv{ending}"
    file.write_bytes(bytes.fromhex(begin) + bytes(20))
    said = f"nothing here unpacks {ending}: unpack it first, or pack it as .gz"
    for streaming in (False, True):
        assert said in refusal(file, streaming=streaming)
    assert said in refusal(tmp_path)
    (tmp_path / "rows.xlsx").write_text("text,label\na,b\n")
    assert ending not in refusal(tmp_path / "rows.xlsx")


def test_folder_without_data_is_refused_with_the_endings(tmp_path):
    (tmp_path / "notes.docx").write_text("mine")
    assert "no file that ends in .csv, .tsv, .json" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["rows.xlsx", "rows", "rows.txt", "rows.csv.rar"])
def test_file_of_another_kind_is_refused_with_the_endings(tmp_path, name):
    (tmp_path / name).write_text("text,label\na,b\n")
    assert "the ending must be one of .csv, .tsv, .json" in refusal(tmp_path / name)


def test_file_that_is_not_there_is_no_name_on_the_hub(tmp_path):
    assert "there is no such file" in refusal(tmp_path / "missing.csv")


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("coding", "said"), [
    ("cp1252", "is not UTF-8 (byte 0xe9 in line 3)"), ("utf-16", "is UTF-16")])  # fmt: skip
@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_file_of_another_coding_is_refused_with_the_cause(
    tmp_path, coding, said, kind, streaming
):
    text = {
        ".csv": "text,label\na,x\ncafé,y\n",
        ".jsonl": '{"text": "a",\n\n "label": "é"}\n',
    }
    file = tmp_path / f"rows{kind}"
    file.write_bytes(text[kind].encode(coding))
    message = refusal(file, streaming=streaming)
    assert said in message
    assert f"iconv -f {coding} -t utf-8" in message


def test_long_file_is_named_with_the_right_line(tmp_path):
    lines = ["text,label"] + ["é" * 40 + ",x"] * 30_000
    data = "\n".join(lines).encode() + b"\nna\xefve,y\n"
    (tmp_path / "long.csv").write_bytes(data)
    assert f"byte 0xef in line {len(lines) + 1}" in refusal(tmp_path / "long.csv")


def test_empty_files_are_refused_as_such(tmp_path):
    (tmp_path / "rows.csv").write_text("")
    assert "rows.csv is empty: it has no row" in refusal(tmp_path / "rows.csv")


def test_text_with_a_comma_and_no_quotes_is_not_taken_for_an_index(tmp_path):
    """Pandas would take "I liked it" for an index, and " really" for the text."""
    (tmp_path / "rows.csv").write_text("text,label\nI liked it, really,1\nno, sir,0\n")
    message = refusal(tmp_path / "rows.csv")
    assert "the first row has more cells than the header" in message
    assert "put texts that hold a ',' into quotes" in message


def test_row_with_too_many_cells_is_refused_by_its_line(tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\nfine,1\nno, sir,0\n")
    message = refusal(tmp_path / "rows.csv")
    assert (
        "line 3 has 3 cells, the header 2: put texts that hold the separator" in message
    )


def test_broken_json_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text": "a", "label": 0}\n{"text":\n')
    message = refusal(tmp_path / "rows.jsonl")
    assert (
        "rows.jsonl: ArrowInvalid: JSON parse error" in message and "\n" not in message
    )


def test_unknown_name_is_refused_in_a_sentence():
    message = refusal("no/such")
    assert message.startswith("--dataset no/such: ") and "\n" not in message


def test_message_that_is_too_long_ends_between_two_words():
    short, long = ValueError("too short to cut"), ValueError("word " * 80)
    assert one_line(short) == "ValueError: too short to cut"
    assert one_line(long).endswith(" word …") and 290 < len(one_line(long)) <= 300
    assert len(one_line(ValueError("x" * 400))) <= 300
