"""Any table of the reader's as texts and classes: look at the types, then at every row.

No column is added, renamed or rewritten, so the reader's names never meet ours. All rows are
looked at once, before anything is computed: a fault in row 1,234,567 shows at once.
"""

import difflib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hf_tutorial import classes, files
from hf_tutorial.refused import Refused, shown
from hf_tutorial.surveys import AT_ONCE, Survey, is_class, kind_of, look, refuse_faults

EMPTY = "the training split is empty: nothing can be learned from it"
EVALUATED = ("validation", "test")  # the first of these that a dataset has
NO_ROW = " is empty: it has no row"
CUT = "those held out"  # where it has neither
AS_TEXT = ("texts", "booleans", "whole numbers", "numbers")
AS_LABEL = ("classes", *AS_TEXT)
WAYS_OUT = {
    "lists": "one label a row, one text a row: this trains no several labels at once",
    "objects": "one text, one label a row (`flatten()` makes columns of the fields; pandas"
    " writes rows with `to_json(orient='records', lines=True)`)",
    "mixed values (Json)": 'write all of them as texts, in quotes: as Json, "02134" is'
    " read as the number 2134",
    "dates or times": "write what you mean as texts, such as names of weekdays",
    "nothing": "name another column, or fill it in",
    "classes": "name the column with the texts",
}


@dataclass
class Table:
    """Rows to train on and to evaluate on, and how to read texts and classes from them.

    Attributes:
        train: The training rows, with the reader's columns.
        held_out: The rows to evaluate on, or None.
        held_out_name: Their split.
        texts: The column with the texts, or two for pairs.
        label: The column with the classes.
        names: The reader's own values, in order, as names of the classes.
        numbers: For each value of the label column the number of its class.
        surveys: What was found in each split; nothing of the training rows where they are a
            Hub stream with named classes.
        notes: What the reader should know, a sentence each.
        cut: The held-out rows were cut from those to train on.
    """

    train: Any
    held_out: Any | None
    held_out_name: str | None
    texts: tuple[str, ...]
    label: str
    names: list[str]
    numbers: dict[Any, int]
    surveys: dict[str, Survey]
    notes: list[str]
    cut: bool = False

    def batch(self, rows: list[dict[str, Any]]) -> tuple[list[list[str]], list[int]]:
        """Give the texts of some rows, a list for each column, and their classes."""
        for row in rows:  # a stream that nobody has looked through may hold anything
            if row[self.label] not in self.numbers:
                raise Refused(f"label {row[self.label]!r} is not one of "
                              f"{shown(self.names)}: mend or filter these rows")  # fmt: skip
            for column in self.texts:
                if row[column] is None or not str(row[column]).strip():
                    raise Refused(
                        f"a row has no text in {column!r}: filter it out first"
                    )
        texts = [[str(row[column]) for row in rows] for column in self.texts]
        return texts, [self.numbers[row[self.label]] for row in rows]

    def counts(self, split: str) -> list[int] | None:
        """Count the rows of each class in a split; None if nobody has looked."""
        if split not in self.surveys:
            return None
        counts = [0] * len(self.names)
        for value, count in self.surveys[split].counts.items():
            counts[self.numbers[value]] += count
        return counts

    def digest(self) -> str:
        """One number for all rows that are used, to notice that a file has changed."""
        return " ".join(f"{s}:{v.digest[:16]}" for s, v in sorted(self.surveys.items()))


def read(
    name: str,
    text_column: str = "text",
    label_column: str = "label",
    *,
    validation: str | None = None,
    validation_share: float = 0.0,
    streaming: bool = False,
) -> Table:
    """Read a table, and refuse what is no table of texts and classes.

    Args:
        name: A file, a folder, or a name on the Hub.
        text_column: One column, or two with a comma between them.
        label_column: The column with the classes.
        validation: A file of rows to evaluate on, if they lie apart.
        validation_share: The share of the rows that is held out where no others are; of a
            stream none is.
        streaming: Open the rows instead of copying them into the cache.

    Raises:
        Refused: A column is missing or of another type, a row lacks its text or label, or
            the labels are no classes; the message names split, row, value and the way out.
    """
    wanted = [*_split(text_column), text_column, label_column]
    found = files.read(name, wanted, streaming)
    if "train" not in found.splits:
        raise Refused(f"no split is called train: there are {', '.join(found.splits)}")
    named: dict[str, str] = {}
    if validation is not None:
        named = {"validation": f"--validation {validation}"}
        _put_apart(
            found, files.read(validation, wanted, streaming, "--validation"), named
        )
    try:
        kinds = _features(found.splits["train"])
        if not kinds:
            raise Refused(EMPTY)
        texts = _text_columns(text_column, label_column, kinds, found)
        table = _looked_at(found, texts, label_column, kinds, named)
    except Refused:
        raise
    except Exception as error:  # of a stream: it is read only now
        raise found.tell(error) from error
    if hasattr(table.train, "num_rows"):
        if table.held_out is None:
            _cut(table, validation_share)
        if table.held_out is not None:
            table.notes.extend(_doubles(table))
    return table


def _put_apart(found: files.Found, apart: files.Found, named: dict[str, str]) -> None:
    """Take the rows that --validation names for the validation split, and for nothing else."""
    split = next((s for s in (*EVALUATED, "train") if s in apart.splits), None)
    if split is None:
        raise Refused(f"{named['validation']}: there is no split {', '.join(EVALUATED)} or "
                      f"train: there are {', '.join(apart.splits)}")  # fmt: skip
    found.splits["validation"] = apart.splits[split]
    found.separators["validation"] = apart.separators.get(split, "")
    found.tells["validation"] = apart.tell
    found.sheets -= {"validation"}
    found.sheets |= {"validation"} if split in apart.sheets else set()


def _looked_at(found: files.Found, texts, label, kinds, named) -> Table:
    """Survey the splits, and number the classes."""
    notes: list[str] = []
    train = found.splits["train"]
    known = None if found.local or not is_class(kinds[label]) else kinds[label].names
    unseen = known is not None and not hasattr(train, "num_rows")
    surveys = {} if unseen else {
        "train": look(train, "train", texts, label, is_class(kinds[label]))}  # fmt: skip
    if not unseen:
        if surveys["train"].rows == 0:
            raise Refused(EMPTY)
        refuse_faults("train", surveys["train"], label, "train" in found.sheets)
        notes += _words_for_nothing(surveys["train"])
    rated = _held_out(found, texts, label, notes, surveys, named)
    features = {"train": kinds[label]}
    if rated is not None:
        features[rated] = _features(found.splits[rated])[label]
    names, numbers = classes.numbered(
        surveys, label, features, found.untyped, notes, named
    )
    columns = [*dict.fromkeys((*texts, label))]
    held_out = None if rated is None else found.splits[rated].select_columns(columns)
    return Table(
        train.select_columns(columns), held_out, rated, texts, label, names, numbers,
        surveys, notes,
    )  # fmt: skip


def _words_for_nothing(survey: Survey) -> list[str]:
    return [
        f"{count:,} text(s) in {column!r} are a word for nothing, such as 'nan': if no text "
        "is meant, filter these rows out"
        for column, count in survey.nothing.items()
        if count
    ]


def _held_out(found, texts, label, notes, surveys, named) -> str | None:
    """Choose the split to evaluate on; one without labels is left out, and said to be.

    A split that the reader has named is never left out: what is wrong with it is refused.
    """
    for split in EVALUATED:
        rows, said = found.splits.get(split), named.get(split, split)
        present = {} if rows is None else _told(found, split, _features, rows)
        if not present:
            if split in named:
                raise Refused(f"{said}{NO_ROW}")
            continue
        if label not in present and split not in named:
            notes.append(f"{split} has no column {label!r}: it is left out")
            continue
        for column in (*texts, label):
            _refuse_missing(
                column, present, f"{said}: ", found.separators.get(split, "")
            )
        _judge_types(texts, label, present, f"{said}: ")
        named_classes = is_class(present[label])
        survey = _told(found, split, look, rows, said, texts, label, named_classes)
        if survey.rows == 0:
            if split in named:
                raise Refused(f"{said}{NO_ROW}")
            continue
        lacking = survey.faults.get("label", (0, 0))[0]
        if lacking == survey.rows and split not in named:
            notes.append(f"no row of {split} has a label: it is left out")
            continue
        refuse_faults(said, survey, label, split in found.sheets)
        surveys[split] = survey
        return split
    return None


def _told(found: files.Found, split: str, work: Callable, *arguments: Any) -> Any:
    """Read something of a split; an error is told of the file that the split came from."""
    try:
        return work(*arguments)
    except Refused:
        raise
    except Exception as error:
        raise found.tells.get(split, found.tell)(error) from error


def _cut(table: Table, share: float) -> None:
    """Hold out a share of the rows: of each class in turn, and never the last row of one.

    Which rows depends on the table alone, so that runs with other settings can be compared.
    """
    import numpy

    whole = table.surveys["train"]
    values = table.train[table.label][:]
    labels = numpy.array([table.numbers[value] for value in values])
    order = numpy.random.default_rng(0).permutation(len(labels))
    counts = numpy.bincount(labels, minlength=len(table.names))
    by_class = order[numpy.argsort(labels[order], kind="stable")]
    place = numpy.empty(len(labels))  # 0 for the first row drawn of a class, and so on
    first = numpy.repeat(numpy.cumsum(counts) - counts, counts)
    place[by_class] = numpy.arange(len(labels)) - first
    spare = order[place[order] < counts[labels[order]] - 1]
    even = numpy.argsort((place[spare] + 0.5) / counts[labels[spare]], kind="stable")
    held = spare[even][: round(share * len(labels))]
    if not len(held):
        return
    mask = numpy.isin(numpy.arange(len(labels)), held)
    rows, table.cut, table.held_out_name = table.train, True, CUT
    table.train = rows.select(numpy.flatnonzero(~mask))
    table.held_out = rows.select(numpy.flatnonzero(mask))
    for split, part in (("train", ~mask), (CUT, mask)):
        # The digest stays that of all rows: it says whether the file is the same.
        counted = Counter(itertools.compress(values, part))
        table.surveys[split] = Survey(int(part.sum()), counted, whole.digest)


def _doubles(table: Table) -> list[str]:
    """Say how many held-out texts are learned from, too: with them accuracy means less."""

    def texts(rows: Any) -> Iterator[int]:
        for piece in rows.select_columns([*table.texts]).iter(batch_size=AT_ONCE):
            yield from map(hash, zip(*piece.values(), strict=True))

    learned = {*texts(table.train)}
    count = sum(one in learned for one in texts(table.held_out))
    return [] if not count else [
        f"{count:,} of {len(table.held_out):,} rows of {table.held_out_name} have a text that "
        "is trained on, too: the accuracy flatters"]  # fmt: skip


def _split(text_column: str) -> list[str]:
    return [column.strip() for column in text_column.split(",")]


def _features(rows: Any) -> dict[str, Any]:
    """Say what the columns hold; nothing of a stream that has neither kinds nor rows."""
    from datasets import Features

    if (
        rows.features is not None
    ):  # reading a row would unpack a million of a parquet file
        return rows.features
    import pyarrow

    first = next(iter(rows), None)
    if first is None:
        return {}
    return Features.from_arrow_schema(pyarrow.Table.from_pylist([first]).schema)


def _text_columns(
    text_column: str, label: str, kinds: dict, found: files.Found
) -> tuple[str, ...]:
    """Find one text column or two, and refuse columns that hold something else."""
    # A column may have a comma in its name.
    texts = [text_column] if text_column in kinds else _split(text_column)
    hint = _hint(kinds, {*texts, label}, found.untyped)
    for column in (*texts, label):
        _refuse_missing(column, kinds, "", found.separators.get("train", ""), hint)
    if len(texts) > 2:
        raise Refused(
            f"--text-column names {len(texts)} columns ({', '.join(texts)}): use one, or "
            "two for pairs; join others into one column first"
        )
    if len({*texts, label}) != len(texts) + 1:
        raise Refused(
            f"{', '.join((*texts, label))}: texts and label are one column twice"
        )
    _judge_types(tuple(texts), label, kinds)
    return tuple(texts)


def _refuse_missing(
    column: str, kinds: dict, where: str, between: str, hint=""
) -> None:
    """Refuse a table without a column, and guess which one was meant."""
    if column in kinds:
        return
    names = [str(name) for name in kinds]
    said = [f"separated by {between!r}"] if between and len(names) > 1 else []
    plain = {name.strip().casefold(): name for name in reversed(names)}
    close = difflib.get_close_matches(column.strip().casefold(), plain, 1)
    said += [hint] if hint and not close else []
    raise Refused(
        f"{where}there is no column {column!r}: the columns are {shown(map(repr, names))}"
        + (f" ({'; '.join(said)})" if said else "")
        + (f". Did you mean {plain[close[0]]!r}?" if close else "")
    )


def _hint(kinds: dict, wanted: set[str], untyped: bool) -> str:
    if list(kinds) == ["text"]:
        return "names of folders are not read as labels: write a csv with both"
    if untyped and not wanted & set(kinds):
        return "if this is a row and no header, write one as the first line"
    return ""


def _judge_types(texts, label, kinds, where="") -> None:
    for column, right in [(column, AS_TEXT) for column in texts] + [(label, AS_LABEL)]:
        kind = kind_of(kinds[column])
        if kind not in right:
            way = WAYS_OUT.get(kind, "name another column")
            raise Refused(f"{where}the column {column!r} holds {kind}: {way}")
