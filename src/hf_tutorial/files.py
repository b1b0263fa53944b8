"""The reader's files, folders and Hub names, read into splits of rows as they stand there.

What a file says is kept: every cell of a csv is a text ("007", "None", "1.50"), and nothing
in a JSON column changes its kind. Types are judged later, by `hf_tutorial.tables`.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path
from typing import Any

from hf_tutorial.refused import Refused, causes, one_line

KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
}
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zip")
NOT_UNPACKED = (".zst", ".lz4")  # the libraries that would are not installed
PACKED = (*COMPRESSIONS, *NOT_UNPACKED)
ENDINGS = f"{', '.join(KINDS)} (or one of these followed by {', '.join(COMPRESSIONS)})"
SEPARATORS = (",", "\t", ";", "|")
NO_DATA = "corresponds to no data"  # so says the library of an empty split
# A folder that the library finds nothing in, because of capitals or brackets.
SPLITS = {"train": "train", "valid": "validation", "dev": "validation",
          "val": "validation", "eval": "validation", "test": "test"}  # fmt: skip


@dataclass
class Found:
    """What a name led to.

    Attributes:
        splits: Rows by name of split, as `datasets` reads them.
        untyped: They come from a csv, where each value is a text.
        local: They lie on this machine, so that looking at all of them is cheap.
        tell: Makes a sentence of an error met while rows are read.
        separators: Of each split that comes from a csv, what stands between two cells.
        tells: The same as `tell`, for splits that came from elsewhere.
        sheets: Splits that are one csv each: a spreadsheet shows row 0 as its row 2.
    """

    splits: dict[str, Any]
    untyped: bool
    local: bool
    tell: Callable[[BaseException], Refused]
    separators: dict[str, str] = field(default_factory=dict)
    tells: dict[str, Callable[[BaseException], Refused]] = field(default_factory=dict)
    sheets: set[str] = field(default_factory=set)


def read(
    name: str, columns: list[str], streaming: bool, option: str = "--dataset"
) -> Found:
    """Read what `name` stands for: a file, a folder, a saved dataset, or a Hub dataset.

    Args:
        name: A path, or NAME or NAME:CONFIGURATION on the Hub.
        columns: The columns that will be asked for, to find the separator of a csv.
        streaming: Open the rows instead of copying them into the cache.
        option: What to call the name in a message.

    Raises:
        Refused: Nothing is there, or it cannot be read; the message says what to do.
    """
    path, where = Path(name), f"{option} {name}"

    def tell(error: BaseException) -> Refused:
        return error if isinstance(error, Refused) else _told(name, where, error)

    found = Found({}, False, True, tell)
    try:
        if path.is_file():
            kind, files = _kind(path, where), {"train": [str(path)]}
        elif (path / "dataset_dict.json").exists() or (path / "state.json").exists():
            found.splits = _saved(path, streaming)
            return found
        elif path.is_dir():
            kind, files = _folder(path, where)
        else:
            found.splits, found.local = _hub(name, where, streaming), False
            return found
        if kind is None:
            found.splits = _library(str(path), streaming=streaming)
        else:
            _each(kind, files, columns, streaming, found)
    except (
        Exception
    ) as error:  # whatever it was, the reader has to look at what was named
        raise tell(error) from None
    return found


def _each(kind, files: dict[str, list[str]], columns, streaming, found: Found) -> None:
    """Read the splits apart, because their columns may differ; leave out empty ones."""
    found.untyped = kind == "csv"
    for split, paths in files.items():
        try:
            found.splits[split], between = _rows(kind, paths, columns, streaming)
        except ValueError as error:
            if split == "train" or NO_DATA not in str(error):
                raise
            continue
        if found.untyped:
            found.separators[split] = between
            found.sheets |= {split} if len(paths) == 1 else set()


def _kind(path: Path, where: str) -> str:
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] in PACKED:
        endings.pop()
    if not endings or endings[-1] not in KINDS:
        raise Refused(f"{where}: the ending must be one of {ENDINGS}")
    return KINDS[endings[-1]]


def _library(*names: str, streaming: bool = False) -> dict[str, Any]:
    from datasets import load_dataset

    return dict(load_dataset(*names, streaming=streaming))


def _hub(name: str, where: str, streaming: bool) -> dict[str, Any]:
    if Path(name.removesuffix("/")).suffix.lower() in (*KINDS, *PACKED):
        raise Refused(f"{where}: there is no such file")
    return _library(*name.split(":", 1), streaming=streaming)


def _saved(path: Path, streaming: bool) -> dict[str, Any]:
    """Load what `save_to_disk` wrote: one Dataset counts as the training split."""
    from datasets import Dataset, load_from_disk

    loaded = load_from_disk(str(path))
    splits = {"train": loaded} if isinstance(loaded, Dataset) else dict(loaded)
    if streaming:
        return {split: rows.to_iterable_dataset() for split, rows in splits.items()}
    return splits


def _folder(path: Path, where: str) -> tuple[str | None, dict[str, list[str]]]:
    """Find the data files of a folder and their kind; None where the library must read it."""
    from datasets import load_dataset_builder
    from datasets.data_files import EmptyDatasetError
    from datasets.exceptions import DataFilesNotFoundError

    try:
        builder = load_dataset_builder(str(path))
    except (DataFilesNotFoundError, EmptyDatasetError):
        return _scanned(path, where)
    found = {str(split): [*files] for split, files in builder.config.data_files.items()}
    kind = type(builder).__module__.rpartition(".")[2]
    taken = {Path(file).resolve() for files in found.values() for file in files}
    # A .json may be anything: settings, a card, a description of the columns.
    data = [file for file in sorted(path.rglob("*")) if file.is_file()
            and file.suffix.lower() in set(KINDS) - {".json"}
            and not _hidden(file.relative_to(path))]  # fmt: skip
    left_out = [file for file in data if file.resolve() not in taken]
    if left_out and all(file.parent == path and KINDS[file.suffix.lower()] == kind
                        for file in data):  # fmt: skip
        return _scanned(path, where)  # some have their ending in capitals
    if left_out:
        raise Refused(
            f"{where}: {left_out[0].name} would be left out beside "
            f"{min(taken).name}: name one file, or keep one kind of file and one set of "
            "splits in the folder"
        )
    typed = builder.info.features is not None  # by the card of the dataset
    return (kind if kind in KINDS.values() and not typed else None), found


def _hidden(file: Path) -> bool:
    """Say whether a file of a folder is one that the library passes over, too."""
    return any(part.startswith(".") for part in file.parts) or any(
        part.startswith("__") for part in file.parts[:-1]
    )


def _scanned(folder: Path, where: str) -> tuple[str, dict[str, list[str]]]:
    found: dict[str, list[str]] = {}
    kinds = set()
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() in KINDS and not _hidden(file.relative_to(folder)):
            words = re.split(r"[^a-z]+", file.name.lower())
            split = next((SPLITS[w] for w in words if w in SPLITS), "train")
            found.setdefault(split, []).append(str(file))
            kinds.add(_kind(file, where))
    if len(kinds) != 1:
        said = f"files of several kinds ({', '.join(sorted(kinds))})" if kinds else (
            f"no file that ends in {ENDINGS}")  # fmt: skip
        raise Refused(f"{where}: the folder holds {said}")
    return kinds.pop(), found


def _rows(
    kind, paths: list[str], columns: list[str], streaming: bool
) -> tuple[Any, str]:
    """Read one split from its files; say what separates the cells, if it is a csv."""
    options: dict[str, Any] = {}
    for path in paths:
        if (ending := Path(path).suffix.lower()) in NOT_UNPACKED:
            raise Refused(
                f"{path}: nothing here unpacks {ending}: unpack it first, or pack it as .gz"
            )
    if kind in ("csv", "json"):
        for path in paths:
            _must_be_utf8(path)
    if kind == "csv":
        options = _as_texts(paths, columns)
    if kind == "parquet" and streaming:
        options = _a_little_at_a_time()
    if kind != "json":
        return _load(kind, paths, streaming, **options), options.get("sep", "")
    # By itself the library makes a column of mixed kinds Json, and "007" in it the number
    # 7; without that it names the column. Columns that are not asked for may be mixed.
    try:
        rows = _load(kind, paths, streaming, on_mixed_types=None)
        if streaming:  # a mixture in the first rows shows at the first one
            next(iter(rows), None)
        return rows, ""
    except Exception as error:
        mixed = _mixed(error)
        if mixed is None or mixed in columns:
            raise
    loose = _load(kind, paths, streaming)
    kinds = loose.features
    return _load(kind, paths, streaming, on_mixed_types=None, features=kinds), ""


def _a_little_at_a_time() -> dict[str, Any]:
    """Options with which a stream holds some rows: by itself it holds a group of a million."""
    from pyarrow.dataset import ParquetFragmentScanOptions

    buffered = ParquetFragmentScanOptions(use_buffered_stream=True, pre_buffer=False)
    return {"batch_size": 1000, "fragment_scan_options": buffered}


def _load(kind: str, paths: list[str], streaming: bool, **options: Any) -> Any:
    from datasets import load_dataset

    files = [escape(path) for path in paths]  # brackets are no pattern here
    return load_dataset(
        kind, data_files=files, split="train", streaming=streaming, **options
    )


def _must_be_utf8(path: str) -> None:
    import fsspec

    decoder, before, lines = codecs.getincrementaldecoder("utf-8")(), b"", 1
    with fsspec.open(path, "rb", compression="infer") as opened:
        while piece := opened.read(1 << 20):
            try:
                decoder.decode(piece)
            except UnicodeDecodeError as error:
                if not before and piece[:2] in (b"\xff\xfe", b"\xfe\xff"):
                    coding, said = "utf-16", "UTF-16"
                else:
                    at = max(error.start - (len(error.object) - len(piece)), 0)
                    lines += piece[:at].count(b"\n")
                    coding = "cp1252"
                    said = f"not UTF-8 (byte 0x{error.object[error.start]:02x} in line {lines})"
                raise Refused(
                    f"{path} is {said}: save it as UTF-8 (in Excel: CSV UTF-8), or try "
                    f"iconv -f {coding} -t utf-8"
                ) from None
            lines += piece.count(b"\n")
            before = piece


def _as_texts(paths: list[str], columns: list[str]) -> dict[str, Any]:
    """Options with which each cell of a csv stays what it is, also None, N/A and 007."""
    import pandas
    from datasets import Features, Value

    separator = _separator(paths[0], columns)
    try:
        names = _top(paths[0], separator, 2).iloc[0].tolist()
    except pandas.errors.ParserError:
        raise Refused(
            f"{paths[0]}: the first row has more cells than the header has names: put texts "
            f"that hold a {separator!r} into quotes"
        ) from None
    for name in columns:
        if names.count(name) > 1:
            raise Refused(
                f"{paths[0]}: {names.count(name)} columns are called {name!r}"
            )
    header = _top(paths[0], separator, None).columns
    texts = {str(name): Value("string") for name in header}
    return {"sep": separator, "keep_default_na": False, "features": Features(texts)}


def _separator(path: str, columns: list[str]) -> str:
    """Choose what finds most of the columns that are asked for, else most names of columns."""
    import pandas

    def rank(separator: str) -> tuple[int, int, bool]:
        try:
            names = [*_top(path, separator, None).columns]
            found = len(set(columns) & set(names))
        except pandas.errors.ParserError:
            return 0, 0, False
        try:
            fits = bool(
                (_top(path, separator, 2) != "").all(axis=None)
            )  # no cell missing
        except pandas.errors.ParserError:
            fits = False
        return found, len(names), fits

    usual = "\t" if ".tsv" in Path(path).name.lower() else ","
    try:
        return max(dict.fromkeys((usual, *SEPARATORS)), key=rank)  # of equals the first
    except pandas.errors.EmptyDataError:
        raise Refused(f"{path} is empty: it has no row") from None


def _top(path: str, separator: str, rows: int | None) -> Any:
    """Read the header of a csv, or the first rows with the header as one of them."""
    import pandas

    # Two rows without a header show doubled names, and rows longer than the header, whose
    # first cell would be taken for an index.
    return pandas.read_csv(
        path, sep=separator, header=None if rows else 0, nrows=rows or 0,
        dtype=str, keep_default_na=False, encoding="utf-8-sig",
    )  # fmt: skip


def _mixed(error: BaseException) -> str | None:
    """Name the column of which a JSON reader says that it changed from one kind to another."""
    for cause in causes(error):
        if found := re.search(r"Column\(/([^/)]*).*\) changed from", str(cause)):
            return found[1]
    return None


def _told(name: str, where: str, error: BaseException) -> Refused:
    if NO_DATA in str(error):
        return Refused(f"{name} is empty: it has no row")
    from hf_tutorial.hub import failures

    if told := failures.sentence(error):
        return Refused(f"{where}: {told}")
    column = _mixed(error)
    if column is not None:
        return Refused(
            f"{where}: the column {column!r} holds values of several kinds"
            f"{_where(name, column)}: write all of them as texts, in quotes"
        )
    while error.__cause__ is not None and str(error.__cause__):
        error = (
            error.__cause__
        )  # "an error occurred while ..." was raised from the real one
    if long := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error)):
        return Refused(
            f"{where}: line {long[2]} has {long[3]} cells, the header {long[1]}: put texts that "
            "hold the separator into quotes"
        )
    return Refused(f"{where}: {one_line(error)}")


def _where(name: str, column: str) -> str:
    """Say in which row of a JSON Lines file a column changes its kind, if that is found."""
    first: tuple[int, Any] | None = None
    for number, value in _values(name, column):
        if value is None:
            continue
        if first is None:
            first = number, value
        elif type(value) is not type(first[1]):
            return (f": {json.dumps(first[1])[:40]} in row {first[0]}, "
                    f"{json.dumps(value)[:40]} in row {number} (counted from 0)")  # fmt: skip
    return ""


def _values(name: str, column: str) -> Iterator[tuple[int, Any]]:
    import fsspec

    try:
        with fsspec.open(
            name, "rt", compression="infer", encoding="utf-8-sig"
        ) as lines:
            for number, line in enumerate(lines):
                yield number, json.loads(line).get(column)
    except (OSError, ValueError, AttributeError):
        return  # a folder, or one list over many lines
