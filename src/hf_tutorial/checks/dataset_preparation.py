"""Exercises of notebook 04."""

from collections.abc import Callable, Mapping

from hf_tutorial.checks.verdicts import (
    Verdict,
    again,
    check,
    correct,
    integers,
    listed,
    returned,
    short,
)


@check("a function of lengths and a batch size")
def padding_share(answer: Callable) -> Verdict:
    """Exercise 4.1: every batch is as wide as its longest row; pads over all positions."""
    lengths = [2, 4, 10, 6, 5]  # in twos: 8 + 20 + 5 positions, 27 of them tokens
    value = answer(list(lengths), 2)
    verdict = returned(value, "a share")
    if verdict is not None:
        return verdict
    value = float(value)
    slips = {
        6.0: "that counts the padding: divide by all positions of all batches",
        6 / 27: "divide by all positions, padding included, not by the tokens",
        27 / 33: "that is the share of tokens; padding is the rest",
        23
        / 50: "each batch has a width of its own: its longest row, not the longest of all",
        3 / 30: "the lengths are batched in the order given: do not sort them",
        6 / 28: "the last row is missing: five rows in twos are three batches",
        11 / 38: "the last batch holds one row only: count its real number of rows",
        (2 / 8 + 4 / 20)
        / 3: "a mean of shares: batches differ in size, so add up first",
    }
    for slip, hint in slips.items():
        if abs(value - slip) < 1e-6:  # float32 is right as well
            return again(hint)
    if not abs(value - 6 / 33) < 1e-6:  # nan too
        return again(
            f"{value:.3f} for lengths {lengths} in twos: 8 + 20 + 5 positions, 27 tokens"
        )
    if abs(float(answer([7, 7, 7], 3))) > 1e-6:
        return again("rows of equal length need no padding at all")
    return correct("with the lengths sorted first, the same rows have less of it")


@check("a function of a list of rows")
def collated(answer: Callable) -> Verdict:
    """Exercise 4.2: pad to the longest row with 0; mask; labels; all of them tensors."""
    rows = [
        {"input_ids": [101, 7, 102], "label": 1},
        {"input_ids": [101, 7, 8, 9, 102], "label": 0},
    ]
    batch = answer([{**row, "input_ids": [*row["input_ids"]]} for row in rows])
    verdict = returned(batch, "a dict of tensors")
    if verdict is not None:
        return verdict
    if not isinstance(batch, Mapping):
        return again(f"got {type(batch).__name__} {short(batch)}: collate into a dict")
    if "labels" not in batch and "label" in batch:
        return again("the model reads `labels`, with an s; `label` would be ignored")
    for key in ("input_ids", "attention_mask", "labels"):
        if (verdict := integers(batch, key)) is not None:
            return verdict
    ids, mask = batch["input_ids"], batch["attention_mask"]
    if tuple(ids.shape) != (2, 5):
        return again(
            f"input_ids have shape {tuple(ids.shape)}: two rows, the longest has 5 tokens"
        )
    if ids[0].tolist() == [0, 0, 101, 7, 102]:
        return again("padded on the left: this tokenizer's pads come after the tokens")
    if ids.tolist() != [[101, 7, 102, 0, 0], [101, 7, 8, 9, 102]]:
        return again("keep the tokens in order and fill up with 0, the ID of [PAD]")
    if mask.tolist() == [[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]]:
        return again("upside down: 1 keeps a token, 0 marks padding")
    if mask.tolist() != [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]:
        return again("the attention mask is 1 for each token and 0 for each pad")
    if batch["labels"].tolist() != [1, 0]:
        return again("one label per row, in the order of the rows")
    # A reader may type "[PAD]", so that a row holds the ID 0 without being padded there.
    typed = answer([{"input_ids": [101, 0, 102], "label": 1}])["attention_mask"]
    if typed.tolist() != [[1, 1, 1]]:
        return again(
            "a row may hold a 0 of its own, of a typed [PAD]: the mask follows from lengths, "
            "not from IDs"
        )
    return correct("hand it to a DataLoader as `collate_fn`: it is a collator")


# sku, text, stars: sorted by stars, as a shop's table may be. Each sku can be read as a number or
# as no value, so that a program which lets the types be guessed loses zeros.
SHOP = [
    ("007", "Broke at once.", 1), ("011", "", 1), ("012", "Never again.", 1),
    ("0015", "It squeaks.", 2), ("NA", "Loud, and it leaks.", 2), ("1e5", "Dull.", 2),
    ("018", "Too small.", 1), ("019", "Late and bent.", 2), ("020", "Of no use.", 1),
    ("021", "So-so.", 3), ("022", "", 3), ("0230", "Neither good nor bad.", 3),
    ("024", "Good value.", 4), ("0250", "It works.", 4), ("026", "Handy, I like it.", 4),
    ("027", "Superb.", 5), ("028", "A joy.", 5), ("029", "", 5),
    ("030", "Best of all.", 5), ("031", "Quick and quiet.", 4), ("032", "Buy it.", 5),
]  # fmt: skip


@check("a function of a path")
def prepared(answer: Callable) -> Verdict:
    """Exercise 4.3: a csv file becomes two splits with named labels; nothing is lost."""
    import csv
    import tempfile
    from pathlib import Path

    from datasets import ClassLabel, DatasetDict

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder, "shop.csv")
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("sku", "text", "stars"), *SHOP])
        splits = answer(str(path))
        verdict = returned(splits, "a DatasetDict")
        if verdict is not None:
            return verdict
        if not isinstance(splits, DatasetDict):
            kind = type(splits).__name__
            return again(f"a {kind}: put two splits into a DatasetDict")
        if set(splits) != {"train", "validation"}:
            return again(
                f"the splits are {sorted(splits)}: name them 'train' and 'validation'"
            )
        for split in splits.values():
            if missing := {"sku", "text", "label"} - set(split.column_names):
                return again(f"no column {sorted(missing)}, only {split.column_names}")
        features = splits["train"].features
        if not isinstance(features["label"], ClassLabel):
            return again(
                f"label is {features['label']}: a ClassLabel knows its names; see cast_column"
            )
        if features["label"].names != ["negative", "positive"]:
            return again(
                f"the names are {features['label'].names}, not ['negative', 'positive']"
            )
        found = {
            name: list(zip(split["sku"], split["text"], split["label"], strict=True))
            for name, split in splits.items()
        }
    return _rows_of_shop(found["train"], found["validation"])


def _rows_of_shop(train: list[tuple], validation: list[tuple]) -> Verdict:
    """Judge the rows (sku, text, label) of both splits."""
    rows = train + validation
    wanted = {
        (sku, text, int(stars > 3)) for sku, text, stars in SHOP if text and stars != 3
    }
    if any(not (text or "").strip() for _, text, _ in rows):
        return again("rows without a text are still there")
    texts = [text for _, text, _ in rows]
    if len(texts) != len(set(texts)):
        return again("a row stands in both splits, or twice in one")
    if {"So-so.", "Neither good nor bad."} & set(texts):
        return again("rows with three stars are still there: they are neither")
    if set(texts) != {text for _, text, _ in wanted}:
        return again(f"{len(rows)} rows of {len(wanted)} are left: which were lost?")
    if any(str(sku) == "7" or sku == 7 for sku, *_ in rows):
        return again("sku 007 has become 7: say the types when you read the file")
    if any(sku is None or sku != sku for sku, *_ in rows):  # pandas' nan as well
        return again(
            "the sku 'NA' has become no value: see keep_default_na of the reader"
        )
    if {sku for sku, *_ in rows} != {sku for sku, *_ in wanted}:
        return again("a sku is not as it stands in the file, such as '1e5' or '0250'")
    if {(text, label) for _, text, label in rows} != {row[1:] for row in wanted}:
        return again("a label is wrong: 1 and 2 stars are negative, 4 and 5 positive")
    if len(validation) not in (4, 5):
        return again(f"{len(validation)} of {len(rows)} rows validate: a quarter is 4")
    if abs(2 * sum(label for *_, label in validation) - len(validation)) > 1:
        return again(
            "the labels have other shares in validation than in train: the file is sorted"
        )
    return correct("loaded, cleaned and cut: this is how your own data begin")


@check("a function of two lists of texts")
def leaked(answer: Callable) -> Verdict:
    """Exercise 4.4: positions in the second list whose text the first holds as well."""
    train = ["A fine film.", "Dull,  and long!", "We left early."]
    test = ["a FINE film", "Splendid.", "Dull and long", "Early we left.", "Splendid."]
    test += ["fine film", "A fine film it was not."]
    value = answer([*train], [*test])
    verdict = returned(value, "a list of positions")
    if verdict is not None:
        return verdict
    places = listed(value)
    if any(isinstance(place, str) for place in places):
        return again("give positions in the test split, not the texts")
    if places and all(str(place) in ("True", "False") for place in places):
        return again("give the positions themselves, not True or False for each text")
    found = sorted({int(place) for place in places})
    if found == [0, 1]:
        return again("those are positions in train: count in the test split")
    if not found:
        return again(
            "found none: compare without capitals, punctuation and double spaces"
        )
    if found == [0]:
        return again("punctuation and double spaces still stand between the others")
    if 3 in found:
        return again("'Early we left.' has the same words in another order: no leak")
    if 5 in found:
        return again("'fine film' is a part of a text in train: compare whole texts")
    if 6 in found:
        return again(
            "'A fine film it was not.' shares words with train: compare whole texts"
        )
    if 4 in found:
        return again("a text twice in test is no leak from train")
    if found != [0, 2]:
        return again(
            f"positions {short(found)}: which test texts does train hold as well?"
        )
    return correct(
        "a score on such rows measures memory: drop them before you evaluate"
    )
