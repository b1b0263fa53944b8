"""Any table of the reader's as texts and classes: look at the types, then at every row.

No column is added, renamed or rewritten, so the reader's names never meet ours. All rows are
looked at once, before anything is computed: a fault in row 1,234,567 shows at once.
"""

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hf_tutorial import files
from hf_tutorial.refused import Refused
from hf_tutorial.surveys import Survey, is_class, kind_of, look, refuse_faults

EMPTY = "the training split is empty: nothing can be learned from it"
EVALUATED = ("validation", "test")  # the first of these that a dataset has
AS_TEXT = ("texts", "booleans", "whole numbers", "numbers")
AS_LABEL = ("classes", *AS_TEXT)
WHOLE = re.compile(r"-?(0|[1-9][0-9]*)(\.0*)?")  # 1 and 1.0, but not 01
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
        surveys: What was found in each split; none of a Hub stream with named classes.
        notes: What the reader should know, a sentence each.
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

    def batch(self, rows: list[dict[str, Any]]) -> tuple[list[list[str]], list[int]]:
        """Give the texts of some rows, a list for each column, and their classes."""
        for row in rows:  # a stream that nobody has looked through may hold anything
            if row[self.label] not in self.numbers:
                raise Refused(f"label {row[self.label]!r} is not one of "
                              f"{', '.join(self.names)}: mend or filter these rows")  # fmt: skip
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
    streaming: bool = False,
) -> Table:
    """Read a table, and refuse what is no table of texts and classes.

    Args:
        name: A file, a folder, or a name on the Hub.
        text_column: One column, or two with a comma between them.
        label_column: The column with the classes.
        validation: A file of rows to evaluate on, if they lie apart.
        streaming: Open the rows instead of copying them into the cache.

    Raises:
        Refused: A column is missing or of another type, a row lacks its text or label, or
            the labels are no classes; the message names split, row, value and the way out.
    """
    wanted = [*_split(text_column), text_column, label_column]
    found = files.read(name, wanted, streaming)
    splits = dict(found.splits)
    if validation is not None:
        apart = files.read(validation, wanted, streaming).splits
        splits["validation"] = apart.get("validation", apart.get("train"))
    if "train" not in splits:
        raise Refused(f"no split is called train: there are {', '.join(splits)}")
    try:
        kinds = _features(splits["train"])
        if not kinds:
            raise Refused(EMPTY)
        texts = _text_columns(text_column, label_column, kinds, found.untyped)
        return _looked_at(found, splits, texts, label_column, kinds)
    except Refused:
        raise
    except Exception as error:  # of a stream: it is read only now
        raise found.tell(error) from error


def _looked_at(found, splits, texts, label, kinds) -> Table:
    """Survey the splits, and number the classes."""
    notes: list[str] = []
    known = None if found.local or not is_class(kinds[label]) else kinds[label].names
    unseen = known is not None and not hasattr(splits["train"], "num_rows")
    surveys = {} if unseen else {
        "train": look(splits["train"], "train", texts, label, is_class(kinds[label]))}  # fmt: skip
    if not unseen:
        if surveys["train"].rows == 0:
            raise Refused(EMPTY)
        refuse_faults("train", surveys["train"], texts, label)
    rated = _held_out(splits, texts, label, notes, surveys, unseen)
    names, numbers = _classes(surveys, label, kinds[label], found.untyped, notes)
    columns = [*dict.fromkeys((*texts, label))]
    held_out = None if rated is None else splits[rated].select_columns(columns)
    return Table(
        splits["train"].select_columns(columns), held_out, rated, texts, label, names,
        numbers, surveys, notes,
    )  # fmt: skip


def _held_out(splits, texts, label, notes, surveys, unseen) -> str | None:
    """Choose the split to evaluate on; one without labels is left out, and said to be."""
    for split in EVALUATED:
        rows = splits.get(split)
        present = {} if rows is None else _features(rows)
        if not present:
            continue
        if label not in present:
            notes.append(f"{split} has no column {label!r}: it is left out")
            continue
        for column in texts:
            if column not in present:
                raise Refused(
                    f"{split} has no column {column!r}: it has {_list(present)}"
                )
        _judge_types(texts, label, present, f"{split}: ")
        if not unseen:
            survey = look(rows, split, texts, label, is_class(present[label]))
            if survey.rows == 0:
                continue
            if survey.faults.get("label", (0, 0))[0] == survey.rows:
                notes.append(f"no row of {split} has a label: it is left out")
                continue
            refuse_faults(split, survey, texts, label)
            surveys[split] = survey
        return split
    return None


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
    text_column: str, label: str, kinds: dict, untyped: bool
) -> tuple[str, ...]:
    """Find one text column or two, and refuse columns that hold something else."""
    # A column may have a comma in its name.
    texts = [text_column] if text_column in kinds else _split(text_column)
    for column in (*texts, label):
        if column not in kinds:
            raise Refused(f"there is no column {column!r}: the columns are {_list(kinds)}"
                          + _hint(kinds, {*texts, label}, untyped))  # fmt: skip
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


def _hint(kinds: dict, wanted: set[str], untyped: bool) -> str:
    if list(kinds) == ["text"]:
        return " (names of folders are not read as labels: write a csv with both)"
    if untyped and not wanted & set(kinds):
        return " (if this is a row and no header, write one as the first line)"
    return ""


def _judge_types(texts, label, kinds, where="") -> None:
    for column, right in [(column, AS_TEXT) for column in texts] + [(label, AS_LABEL)]:
        kind = kind_of(kinds[column])
        if kind not in right:
            way = WAYS_OUT.get(kind, "name another column")
            raise Refused(f"{where}the column {column!r} holds {kind}: {way}")


def _list(names: Any) -> str:
    names = [str(name) for name in names]
    return ", ".join(names[:12]) + (
        f" and {len(names) - 12} more" if names[12:] else ""
    )


def _classes(surveys, label, kind, untyped, notes) -> tuple[list[str], dict[Any, int]]:
    """Name the classes by the reader's own values, in order, and number them."""
    if is_class(kind):
        names, name_of = list(kind.names), kind.int2str
        numbers: dict[Any, int] = {number: number for number in range(len(names))}
        if not surveys:
            return names, numbers
    else:
        name_of, order = _naming(surveys["train"].counts, kind_of(kind), untyped, label)
        names = [
            *dict.fromkeys(
                name_of(v) for v in sorted(surveys["train"].counts, key=order)
            )
        ]
        numbers = {}
    for split, survey in surveys.items():
        for value in survey.counts:
            name = name_of(value) if not is_class(kind) or value < len(names) else value
            if name not in names:
                raise Refused(
                    f"{split}: label {name!r} is not one of {_list(names)}, which train "
                    f"has: mend or filter {survey.counts[value]} row(s)"
                )
            numbers[value] = names.index(name)
    _judge_classes(surveys["train"], names, numbers, label, notes)
    return names, numbers


def _naming(counts: Counter, kind: str, untyped: bool, label: str) -> tuple[Any, Any]:
    """Give two functions of a value: the name of its class, and what classes are sorted by."""
    if kind == "booleans":
        return str, int
    if kind in ("whole numbers", "numbers"):
        for value in counts:
            if not math.isfinite(value) or value != int(value):
                raise Refused(
                    f"{label!r} holds {value!r}, which is no class: write whole numbers "
                    "or texts (this trains a classifier, it predicts no numbers)"
                )
        return (
            lambda value: str(int(value)) if value == int(value) else str(value)
        ), int
    if untyped and all(WHOLE.fullmatch(value.strip()) for value in counts):
        # A gap in the column once made floats of it: 1.0 and 1 are one class.

        def whole(value: str) -> str:
            match = WHOLE.fullmatch(value.strip())
            return str(int(match[0].partition(".")[0])) if match else value

        return whole, lambda value: int(whole(value))
    return str, str


def _judge_classes(survey, names, numbers, label, notes) -> None:
    seen = Counter()
    for value, count in survey.counts.items():
        seen[names[numbers[value]]] += count
    if len(seen) < 2:
        (only,) = seen
        raise Refused(
            f"all {survey.rows:,} rows of train have the label {only!r} in {label!r}: with "
            "one class there is nothing to tell apart"
        )
    if len(seen) == survey.rows and survey.rows > 2:
        raise Refused(
            f"each of the {survey.rows:,} rows of train has a label of its own in "
            f"{label!r}, such as {_list(list(seen)[:3])}: these are no classes"
        )
    stripped: dict[str, str] = {}
    for name in names:
        other = stripped.setdefault(" ".join(name.split()), name)
        if other != name:
            raise Refused(
                f"the classes {other!r} and {name!r} in {label!r} differ by blanks only: "
                "write them alike"
            )
    if "-1" in names and "0" in names:
        notes.append("-1 is taken for a class; where it marks rows without a label, filter"
                     " them out")  # fmt: skip
    single = [name for name in names if seen[name] == 1]
    if single:
        notes.append(f"one row only has the class {_list(single)}")
