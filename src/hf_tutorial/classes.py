"""The reader's labels as classes: their own values, named, in order, and judged."""

import math
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hf_tutorial.refused import Refused, shown
from hf_tutorial.surveys import NOTHING, Survey, is_class, kind_of

WHOLE = re.compile(r"-?(0|[1-9][0-9]*)(\.0*)?")  # 1 and 1.0, but not 01
# 1.5, 1,5 and 1e3: what a csv does not tell from the name of a class.
MEASURE = re.compile(r"[+-]?\d*([.,]\d+([eE][+-]?\d+)?|[eE][+-]?\d+)")


def numbered(
    surveys: dict[str, Survey],
    label: str,
    features: dict[str, Any],
    untyped: bool,
    notes: list[str],
    named: dict[str, str],
) -> tuple[list[str], dict[Any, int]]:
    """Name the classes by the reader's own values, in order, and number the values.

    Args:
        surveys: What was found in each split; without "train" where that is a stream whose
            classes have names.
        label: The column with the classes.
        features: What that column holds in each split.
        untyped: The training rows come from a csv, where each value is a text.
        notes: Gets a sentence for each thing that the reader should know.
        named: What to call a split that the reader has named.

    Raises:
        Refused: The values are no classes, or a split has others than the training rows.
    """
    kind = features["train"]
    numbers: dict[Any, int] = {}
    if is_class(kind):
        names, name_of = list(kind.names), str
        numbers = {number: number for number in range(len(names))}
    else:
        counts = surveys["train"].counts
        name_of, order = _naming(counts, kind_of(kind), untyped, label)
        names = [*dict.fromkeys(name_of(v) for v in sorted(counts, key=order))]
    known = {name: number for number, name in enumerate(names)}
    for split, survey in surveys.items():
        said = named.get(split, split)
        of = _naming_in(features[split], kind, name_of)
        for value, count in survey.counts.items():
            name = of(value)
            if name not in known:
                raise Refused(f"{said}: label {name!r} is not one of {shown(names)}, which "
                              f"train has: mend or filter {count} row(s)")  # fmt: skip
            if numbers.setdefault(value, known[name]) != known[name]:
                raise Refused(
                    f"{said}: label {value!r} means {name!r} there, and "
                    f"{names[numbers[value]]!r} in train: write the labels of both as texts"
                )
    if "train" in surveys:
        _judge(surveys["train"], names, numbers, label, notes)
    return names, numbers


def whole(value: Any) -> str:
    """Write a number as a name: a gap in a column once made floats of it, 1.0 of 1."""
    if isinstance(value, float | Decimal) and math.isfinite(value):
        return str(int(value)) if value == int(value) else str(value)
    text = str(value).strip()
    return str(int(text.partition(".")[0])) if WHOLE.fullmatch(text) else str(value)


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
        return whole, int
    if untyped and all(WHOLE.fullmatch(value.strip()) for value in counts):
        return whole, lambda value: int(whole(value))
    return str, str


def _naming_in(kind: Any, of_train: Any, name_of: Callable) -> Callable[[Any], Any]:
    """Give the name of a value's class in a split, which may hold other kinds than train."""
    names = kind if is_class(kind) else of_train
    if not is_class(names):
        return name_of

    def name(value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return names.names[value] if 0 <= value < len(names.names) else value
        return name_of(value)

    return name


def _judge(survey: Survey, names, numbers, label: str, notes: list[str]) -> None:
    """Refuse what is nothing to tell apart; note what may be meant or a slip."""
    seen: Counter[str] = Counter()
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
            f"{label!r}, such as {shown([*seen][:3])}: these are no classes"
        )
    _compare(names, label, notes)
    others = [name.strip() for name in names if not WHOLE.fullmatch(name.strip())]
    measures = [name for name in others if MEASURE.fullmatch(name)]
    if measures and measures == others:
        notes.append(f"{label!r} holds numbers, such as {shown(measures[:3])}: each is a class"
                     " of its own, and no number is predicted")  # fmt: skip
    if "-1" in names and "0" in names:
        notes.append("-1 is taken for a class; where it marks rows without a label, filter"
                     " them out")  # fmt: skip
    for name in names:
        if seen[name] and name.strip().lower() in NOTHING:
            rows = "1 row has" if seen[name] == 1 else f"{seen[name]:,} rows have"
            notes.append(f"{rows} the label {name!r}: if that means no label, filter them"
                         " out")  # fmt: skip
    single = [name for name in names if seen[name] == 1]
    if single:
        notes.append(f"one row only has the class {shown(single)}")


def _compare(names: list[str], label: str, notes: list[str]) -> None:
    """Refuse classes that differ by blanks only, and note those that differ by capitals."""
    spelled: dict[str, str] = {}
    alike: dict[str, str] = {}
    for name in names:
        plain = " ".join(name.split())
        other = spelled.setdefault(plain, name)
        if other != name:
            raise Refused(
                f"the classes {other!r} and {name!r} in {label!r} differ by blanks only: "
                "write them alike"
            )
        other = alike.setdefault(plain.casefold(), name)
        if other != name:
            notes.append(f"{other!r} and {name!r} in {label!r} differ by capitals only, and "
                         "are two classes")  # fmt: skip
