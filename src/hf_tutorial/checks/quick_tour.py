"""Exercises of notebook 00."""

import functools
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


@check("a function of a list of logits")
def softmax_by_hand(answer: Callable) -> Verdict:
    """Exercise 0.1: a softmax that also bears large logits."""
    import math

    first = [math.exp(x) / (math.exp(2) + math.exp(1) + 1) for x in (2, 1, 0)]
    value = answer([2.0, 1.0, 0.0])
    verdict = returned(value, "a list of probabilities")
    if verdict is not None:
        return verdict
    value = [float(number) for number in listed(value)]
    if len(value) != 3:
        return again(f"{len(value)} numbers for three logits: one probability for each")
    if abs(sum(value) - 1) > 1e-4:  # before rounding is suspected
        if abs(value[0] - math.exp(2)) < 1e-2:
            return again(
                "e to the power of each is right: divide by the sum of all three"
            )
        if all(abs(v - 1 / (1 + math.exp(-x))) < 1e-3 for v, x in zip(value, (2, 1, 0), strict=True)):  # fmt: skip
            return again(
                "a sigmoid looks at one logit alone: the three have to share 1"
            )
        return again(f"probabilities sum to 1, these sum to {sum(value):.3f}")
    if abs(value[2]) < 1e-6:
        return again(
            "shares of the logits themselves: take e to the power of each first"
        )
    if not all(abs(v - w) < 1e-3 for v, w in zip(value, first, strict=True)):
        return again("they sum to 1, but are not powers of e divided by their sum")
    try:
        large = [float(number) for number in listed(answer([1002.0, 1001.0, 1000.0]))]
    except OverflowError:
        return again(
            "right, until the logits are large: e to the power of 1000 is no float. Only "
            "differences count, so subtract the largest logit from all of them first"
        )
    if not all(abs(v - w) < 1e-3 for v, w in zip(large, first, strict=True)):  # nan too
        return again(
            f"for the logits 1002, 1001 and 1000 it gives {short(large)}: subtract the "
            "largest logit from all of them first"
        )
    return correct("only the differences between logits matter")


@functools.cache
def _classifier(origin: str):
    """Load the classifier of the origin that `sources` uses, once."""
    from transformers import pipeline

    from hf_tutorial import sources

    return pipeline("text-classification", model=sources.checkpoint("sentiment"))


SHOWN = """We hope you don't hate it. The film was not bad at all. Not a dull moment.
Great, another three hours of my life gone. The film was not bad. The film was not boring.
The meeting is at noon. It isn't boring for a moment. The film was not good."""


@check("a pair (sentence, label)")
def fooled(answer: tuple[str, str]) -> Verdict:
    """Exercise 0.2: a sentence that the classifier misreads, at a score of 0.9 or more."""
    from hf_tutorial import sources

    sentence, label = answer
    if isinstance(label, str):
        label = label.upper()
    if label not in ("POSITIVE", "NEGATIVE"):
        return again(
            f"{short(label)} is no label: what would a person say, POSITIVE or NEGATIVE?"
        )
    words = sentence.split()
    if len(sentence) > 10_000:
        return again("one sentence, please: this is longer than the classifier reads")
    if len(words) < 3:
        return again("three words at least, so that a person can tell what is meant")
    if " ".join(words).rstrip(".!") in " ".join(SHOWN.split()):
        return again("that one stands above: find one of your own")
    (result,) = _classifier(sources.origin())(" ".join(words), truncation=True)
    said = f"it says {result['label']} at {result['score']:.4f}"
    if result["label"] == label:
        return again(f"{said}, as you do: try irony, a negation, or a wish")
    if result["score"] < 0.9:
        return again(f"{said}, the wrong label, but without conviction: aim for 0.9")
    return correct(f"{said}; whether a person would agree with you, ask one")


@check("a function of a path")
def numbers_in(answer: Callable) -> Verdict:
    """Exercise 0.3: how many numbers a safetensors file holds, from its header."""
    import tempfile
    from pathlib import Path

    import torch
    from safetensors.torch import save_file

    tensors = {
        "weight": torch.zeros(30, 7, dtype=torch.bfloat16),
        "bias": torch.zeros(11),
        "scale": torch.tensor(1.0),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        save_file(tensors, path, metadata={"format": "pt"})
        try:
            value = answer(str(path))
        except KeyError as error:
            return again(
                f"KeyError: {short(str(error))}. The entry `__metadata__` is no tensor: "
                "leave it out"
            )
        size = path.stat().st_size
    verdict = returned(value, "a count")
    if verdict is not None:
        return verdict
    value = float(value)
    data = sum(t.numel() * t.element_size() for t in tensors.values())
    if value in (data, size):
        return again("that counts bytes: a number may take 4 of them, or 2, or 8")
    if value in (data / 4, size / 4, data / 2):
        return again(
            "numbers of different size may share a file: multiply shapes, not bytes"
        )
    if value == 221:
        return again("a shape of [] is one number, not none: an empty product is 1")
    if value == 3:
        return again("that counts tensors: how many numbers does each hold?")
    if value != 222:
        return again(
            f"{value:.15g} for shapes [30, 7], [11] and []: multiply, then add"
        )
    return correct("the size of a model stands in the head of its file")
