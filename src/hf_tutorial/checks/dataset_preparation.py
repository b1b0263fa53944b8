"""Exercises of notebook 04."""

from collections.abc import Callable, Mapping

from hf_tutorial.checks.verdicts import (
    Verdict,
    again,
    check,
    correct,
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
        if abs(value - slip) < 1e-9:
            return again(hint)
    if not abs(value - 6 / 33) < 1e-9:  # nan too
        return again(
            f"{value:.3f} for lengths {lengths} in twos: 8 + 20 + 5 positions, 27 tokens"
        )
    if abs(float(answer([7, 7, 7], 3))) > 1e-9:
        return again("rows of equal length need no padding at all")
    return correct("with the lengths sorted first, the same rows have less of it")


@check("a function of a list of rows")
def collated(answer: Callable) -> Verdict:
    """Exercise 4.2: pad to the longest row with 0; mask; labels; all of them tensors."""
    import torch

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
        if key not in batch:
            return again(f"no {key!r} in the batch, only {short(list(batch))}")
        if not isinstance(batch[key], torch.Tensor):
            return again(f"{key!r} is a {type(batch[key]).__name__}: make it a tensor")
        if batch[key].is_floating_point() or batch[key].dtype == torch.bool:
            return again(f"{key!r} is {batch[key].dtype}: the model wants integers")
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
    return correct("hand it to a DataLoader as `collate_fn`: it is a collator")


@check("a function of token lists, a size and an end token")
def blocks(answer: Callable) -> Verdict:
    """Exercise 4.3: an end token after each text; full blocks only."""
    texts, size, end = [[1, 2, 3], [4, 5], [6, 7, 8]], 4, 0
    value = answer([[*text] for text in texts], size, end)
    verdict = returned(value, "a list of blocks")
    if verdict is not None:
        return verdict
    found = [[int(token) for token in listed(block)] for block in listed(value)]
    slips = [
        (
            [[1, 2, 3, 0], [4, 5, 0, 6], [7, 8, 0]],
            "the last block is short: leave it out",
        ),
        ([[1, 2, 3, 4], [5, 6, 7, 8]], "no end token: nothing says where a text stops"),
        (
            [[1, 2, 3, 0], [4, 5, 0, 6], [7, 8, 0, 0]],
            "the tail is filled up: leave it out, as padding would read as ends",
        ),
        (
            [[0, 1, 2, 3], [0, 4, 5, 0]],
            "the end token comes after its text, not before it",
        ),
        (
            [[1, 2, 3, 0], [4, 5, 6, 7]],
            "one end token only: every text needs its own",
        ),
        (
            [[1, 2, 3, 0], [4, 5, 0, 0], [6, 7, 8, 0]],
            "each text has a block of its own: join the texts first, then cut",
        ),
    ]
    for slip, hint in slips:
        if found == slip:
            return again(hint)
    if found != [[1, 2, 3, 0], [4, 5, 0, 6]]:
        return again(
            f"got {short(found)} for {texts}, size 4, end 0: join first, then cut"
        )
    whole = answer([[1, 2, 3], [4, 5, 6]], 4, 0)
    if len(listed(whole)) != 2:
        return again("where the texts fill the blocks exactly, every block is kept")
    return correct("nothing is padded, and the price is a tail shorter than one block")


@check("a function of two lists of texts")
def leaked(answer: Callable) -> Verdict:
    """Exercise 4.4: positions in the second list whose text the first holds as well."""
    train = ["A fine film.", "Dull,  and long!", "We left early."]
    test = ["a FINE film", "Splendid.", "Dull and long", "Early we left.", "Splendid."]
    value = answer([*train], [*test])
    verdict = returned(value, "a list of positions")
    if verdict is not None:
        return verdict
    places = listed(value)
    if any(isinstance(place, str) for place in places):
        return again("give positions in the test split, not the texts")
    found = sorted(int(place) for place in places)
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
    if 4 in found:
        return again("a text twice in test is no leak from train")
    if found != [0, 2]:
        return again(
            f"positions {short(found)}: which test texts does train hold as well?"
        )
    return correct(
        "a score on such rows measures memory: drop them before you evaluate"
    )
