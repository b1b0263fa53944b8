"""Exercises of notebook 02."""

import math
from collections.abc import Callable

from hf_tutorial.checks.verdicts import (
    Verdict,
    again,
    check,
    correct,
    listed,
    returned,
    short,
)


@check("a function of hidden states")
def change_by_layer(answer: Callable) -> Verdict:
    """Exercise 2.1: layer i turns entry i into entry i + 1."""
    import torch

    # As (batch, sequence, hidden), so that an answer may name its axes.
    states = tuple(torch.tensor([[[value, value / 2]]]) for value in (0, 2, -3, -4))
    value = answer(states)
    verdict = returned(value, "one number per layer")
    if verdict is not None:
        return verdict
    changes = [float(change) for change in listed(value)]
    if len(changes) != 3:
        return again(
            f"{len(changes)} numbers for 4 entries: entry 0 went into layer 0, so 3 layers"
        )
    if changes == [2, 3, 4]:
        return again(
            "compare each entry with the one before it, not with entry 0 or with zero"
        )
    if changes in ([2, -2.5, -0.5], [2, -5, -1]):
        return again("a layer may also lower a number: take the absolute change")
    if changes == [1.5, 3.75, 0.75]:
        return again("that is the mean change; the largest was asked for")
    if changes != [2, 5, 1]:
        return again(
            f"got {short(changes)} for entries 0, 2, -3, -4: how far is it from each to the next?"
        )
    return correct("in a trained model, look where this list jumps")


@check("a number of gigabytes")
def gigabytes(answer: float) -> Verdict:
    """Exercise 2.2: four numbers of four bytes for each of 7 billion parameters."""
    answer = float(answer)
    slips = {
        28.0: "that is the parameters alone; four numbers are kept for each",
        84.0: "one of the four is missing: parameter, gradient, two running means",
        56.0: "two bytes each would be bfloat16; float32 takes four",
        14.0: "that is the parameters alone, in bfloat16",
        896.0: "those are gigabits: eight bits are a byte",
        112e9: "those are bytes: divide by 10⁹",
    }
    for slip, hint in slips.items():
        if math.isclose(answer, slip, rel_tol=1e-3):
            return again(hint)
    if abs(answer - 104.3) < 0.1:
        return again("those are gibibytes (2³⁰ bytes); the question says 10⁹")
    if not math.isclose(
        answer, 112, rel_tol=1e-3
    ):  # nan too; float32 and rounding pass
        return again(
            f"{answer:g} is not it: parameters, times numbers kept, times bytes"
        )
    return correct("112 GB before a single batch; to predict in bfloat16 takes 14")


@check("a function of the loading info")
def new_parameters(answer: Callable) -> Verdict:
    """Exercise 2.3: missing and mismatched names, sorted; unexpected ones do not count."""
    info = {
        "missing_keys": {"score.weight", "pooler.bias"},
        "unexpected_keys": {"cls.bias"},
        "mismatched_keys": {("classifier.bias", (2,), (5,))},
        "error_msgs": [],
    }
    value = answer(info)
    verdict = returned(value, "a sorted list of names")
    if verdict is not None:
        return verdict
    if isinstance(value, set | frozenset):
        return again("a set has no order: sort it into a list")
    names = listed(value)
    if "cls.bias" in names:
        return again(
            "unexpected names are in the file only: the model has no such parameter"
        )
    if any(isinstance(name, tuple) for name in names):
        return again("each mismatched entry is a name with two shapes: keep the name")
    if "classifier.bias" not in names:
        return again(
            "mismatched parameters are drawn anew as well: they are missing here"
        )
    if names != ["classifier.bias", "pooler.bias", "score.weight"]:
        return again(f"got {short(names)}: all missing and mismatched names, sorted")
    return correct(
        "if names of the body turn up in this list, stop: that part was not loaded"
    )
