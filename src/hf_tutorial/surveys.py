"""What one look at all rows of a split finds: kinds of columns, gaps, values, a digest."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hf_tutorial.refused import Refused

AT_ONCE = 1000  # rows
MOST_CLASSES = 10_000
# How programs write that there is nothing; in a csv, a text may also mean itself.
NOTHING = ("nan", "na", "n/a", "none", "null", "nil", "<na>", "#n/a")


@dataclass
class Survey:
    """What one look at all rows of a split has found.

    Attributes:
        rows: How many there are.
        counts: How often each value stands in the label column.
        digest: A number that changes when any text or label does, or their order.
        faults: Of rows that lack a text or the label, how many, and the first.
        nothing: Of each text column, how many texts are a word for nothing.
    """

    rows: int = 0
    counts: Counter[Any] = field(default_factory=Counter)
    digest: str = ""
    faults: dict[str, tuple[int, int]] = field(default_factory=dict)
    nothing: Counter[str] = field(default_factory=Counter)


def kind_of(feature: Any) -> str:
    """Say in a word or two what a column of a dataset holds."""
    import pyarrow.types as of
    from datasets import ClassLabel, LargeList, List, Value

    if isinstance(feature, ClassLabel):
        return "classes"
    if isinstance(feature, (List, LargeList, list)):
        return "lists"
    if isinstance(feature, dict):
        return "objects"
    if not isinstance(feature, Value):
        name = type(feature).__name__
        return "mixed values (Json)" if name == "Json" else f"values of the type {name}"
    kind = feature.pa_type
    if of.is_string(kind) or of.is_large_string(kind) or of.is_string_view(kind):
        return "texts"
    if of.is_boolean(kind):
        return "booleans"
    if of.is_integer(kind):
        return "whole numbers"
    if of.is_floating(kind) or of.is_decimal(kind):
        return "numbers"
    if of.is_temporal(kind):
        return "dates or times"
    return (
        "nothing"
        if of.is_null(kind)
        else "bytes"
        if "binary" in str(kind)
        else str(kind)
    )


def is_class(feature: Any) -> bool:
    """Say whether a column has names for its classes."""
    return kind_of(feature) == "classes"


def look(rows, split: str, texts: tuple[str, ...], label: str, classes: bool) -> Survey:
    """Look at each row once, some at a time; what is found does not depend on how many."""
    import pyarrow
    import pyarrow.compute as pc

    columns = [*texts, label]
    hashes = {column: (hashlib.sha256(), hashlib.sha256()) for column in columns}
    survey = Survey()
    pieces = rows.select_columns(columns).with_format("arrow").iter(batch_size=AT_ONCE)
    for piece in pieces:
        for column in columns:
            values = piece[column].combine_chunks()
            if pyarrow.types.is_floating(values.type):
                values = pc.if_else(pc.is_nan(values), None, values)
            words = values.cast(pyarrow.large_string())
            blank = pc.equal(pc.utf8_trim_whitespace(words), "")
            missing = pc.or_kleene(pc.is_null(words), pc.fill_null(blank, False))
            if column == label and classes:
                missing = pc.or_(missing, pc.fill_null(pc.less(values, 0), True))
            _note_missing(survey, "label" if column == label else column, missing)
            words = pc.fill_null(words, "\0")  # not what a text may be
            for digest, bytes_of in zip(hashes[column], _bytes(words), strict=True):
                digest.update(bytes_of)
            if column != label:
                bare = pc.utf8_lower(pc.utf8_trim_whitespace(words))
                said = pc.is_in(bare, pyarrow.array(NOTHING, bare.type))
                survey.nothing[column] += pc.sum(said).as_py() or 0
            else:
                for entry in pc.value_counts(values).to_pylist():
                    survey.counts[entry["values"]] += entry["counts"]
        survey.rows += len(piece)
        if len(survey.counts) > MOST_CLASSES:
            raise Refused(
                f"{split}: {label!r} holds more than {MOST_CLASSES:,} different values in "
                f"{survey.rows:,} rows: these are no classes"
            )
    whole = hashlib.sha256()
    for lengths, letters in hashes.values():
        whole.update(lengths.digest() + letters.digest())
    survey.digest = whole.hexdigest()
    pyarrow.default_memory_pool().release_unused()  # of what a stream was unpacked into
    return survey


def _bytes(words: Any) -> tuple[Any, Any]:
    """Give the lengths of some texts, and all their letters, without making them objects."""
    import numpy

    _, ends, letters = words.buffers()
    ends = numpy.frombuffer(ends, numpy.int64)[words.offset :][: len(words) + 1]
    letters = memoryview(letters)[ends[0] : ends[-1]] if letters else b""
    return numpy.diff(ends).tobytes(), letters


def _note_missing(survey: Survey, what: str, missing: Any) -> None:
    if missing.true_count:
        first = survey.rows + missing.index(True).as_py()
        count, before = survey.faults.get(what, (0, first))
        survey.faults[what] = count + missing.true_count, before


def refuse_faults(split: str, survey: Survey, label: str, sheet: bool) -> None:
    """Refuse a split with rows that lack a text or a label, by the first of them.

    Args:
        split: What to call it.
        survey: What was found in it.
        label: The column with the classes.
        sheet: It is one csv, which the reader may look at in a spreadsheet.
    """
    for what, (count, first) in survey.faults.items():
        rows = "1 row has" if count == 1 else f"{count:,} rows have"
        lacks = f"no label in {label!r}" if what == "label" else f"no text in {what!r}"
        there = f", {first + 2:,} in a spreadsheet" if sheet else ""
        raise Refused(
            f"{split}: {rows} {lacks}, the first is row {first:,} (counted from 0{there}): "
            "fill it in, or filter such rows out"
        )
