"""Exercises of notebook 05."""

import math
from collections.abc import Callable
from typing import Any

from hf_tutorial.checks.verdicts import (
    Verdict,
    again,
    check,
    correct,
    listed,
    returned,
)


@check("a function of parts")
def token_loss(answer: Callable) -> Verdict:
    """Exercise 5.1: the losses of all labels but -100, added up and divided by their number."""
    parts = [_part(1, 4, counted=1, seed=0), _part(3, 5, counted=12, seed=1)]
    given = answer(_copied(parts))
    verdict = returned(given, "a loss")
    if verdict is not None:
        return verdict
    found = _plain(given)
    (mean_a, sum_a), (mean_b, sum_b) = [_losses(*part) for part in parts]
    right = (sum_a + sum_b) / 13
    slips = (
        ((mean_a + mean_b) / 2, "that is the mean of two means: one label against 12"),
        (mean_a + mean_b, "those are means, added up: add sums, divide once"),
        (sum_a + sum_b, "that is the sum: divide by the number of labels that count"),
        ((sum_a + sum_b) / 2, "divided by the number of parts: tokens should count"),
        ((sum_a + sum_b) / 19, "divided by all positions: -100 does not count"),
        ((mean_a + 3 * mean_b) / 4, "weighted by rows: one may hold one label or many"),
        ((4 * mean_a + 15 * mean_b) / 19, "weighted by all positions, -100 included"),
    )
    for slip, hint in slips:
        if abs(found - slip) < 1e-3:
            return again(hint)
    if not abs(found - right) < 1e-3:  # nan too
        return again(f"{found:.3f} where {right:.3f} is right: add up, divide once")
    found = _plain(answer(_copied([*parts, _part(2, 3, counted=0, seed=2)])))
    if not abs(found - right) < 1e-3:
        return again(
            f"with a part whose labels are all -100 it gives {found:.3f}: its mean is 0 / 0, "
            "its sum is 0"
        )
    return correct("add up the losses of all parts, divide once by what counts")


def _part(rows: int, positions: int, counted: int, seed: int) -> tuple:
    """Make logits of three classes, and labels of which the first `counted` count."""
    import torch

    random = torch.Generator().manual_seed(seed)
    labels = torch.full((rows, positions), -100)
    labels.view(-1)[:counted] = torch.arange(counted) % 3
    return 3 * torch.randn(rows, positions, 3, generator=random), labels


def _copied(parts: list[tuple]) -> list[tuple]:
    return [(logits.clone(), labels.clone()) for logits, labels in parts]


def _losses(logits, labels) -> tuple[float, float]:
    """Mean and sum of the losses of the labels that count."""
    from torch.nn.functional import cross_entropy

    flat = logits.flatten(0, 1), labels.flatten()
    return float(cross_entropy(*flat)), float(cross_entropy(*flat, reduction="sum"))


def _plain(loss: Any) -> float:
    """Make a number of a loss, with a gradient or without."""
    return float(loss.detach() if hasattr(loss, "detach") else loss)


@check("a function of a model")
def decayed(answer: Callable) -> Verdict:
    """Exercise 5.2: matrices decay; biases, offsets and what norms own do not."""
    import torch

    class Scale(torch.nn.Module):  # a norm that no list of types knows
        def __init__(self, size):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(size))
            self.offset = torch.nn.Parameter(torch.zeros(size))

    class Toy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embeddings = torch.nn.Embedding(5, 4)
            self.first = torch.nn.Linear(4, 40)
            self.LayerNorm = torch.nn.LayerNorm(40)
            self.final = Scale(40)
            self.norm_mixer = torch.nn.Linear(40, 4)  # a matrix, whatever it is called
            self.weight = torch.nn.Parameter(torch.zeros(2, 4))

    value = answer(Toy())
    verdict = returned(value, "a list of names")
    if verdict is not None:
        return verdict
    names = listed(value)
    if any(isinstance(name, torch.Tensor) for name in names):
        return again("those are parameters: give their names, from named_parameters()")
    if any(isinstance(name, tuple) for name in names):
        return again("those are pairs of name and parameter: keep the names")
    names = {str(name) for name in names}
    matrices = {name for name, p in Toy().named_parameters() if p.ndim > 1}
    if any(name.endswith("bias") for name in names):
        return again("biases are among them: they get no decay")
    if "LayerNorm.weight" in names:
        return again("a LayerNorm has a weight, too, and it gets no decay")
    if "final.weight" in names:
        return again(
            "final.weight has 40 numbers and scales, as a LayerNorm's does, under another "
            "name and type: go by its number of axes"
        )
    if "final.offset" in names:
        return again(
            "final.offset is a bias under another name: go by its number of axes"
        )
    if unknown := names - matrices:
        return again(
            f"{sorted(unknown)[0]!r} is no parameter of the model it was given"
        )
    if "norm_mixer.weight" not in names:
        return again("norm_mixer.weight is a matrix, though its name holds 'norm'")
    if missing := matrices - names:
        return again(
            f"{sorted(missing)} should decay: every matrix does, small ones too"
        )
    return correct("two axes or more: the rule needs no list of names")


@check("a function of two answers and the truth")
def luck(answer: Callable) -> Verdict:
    """Exercise 5.3: the exact test of McNemar, a coin over the rows that only one got right."""
    gained, lost, both, neither = 9, 2, 20, 9
    value = answer(*_answers(gained, lost, both, neither))
    verdict = returned(value, "a probability")
    if verdict is not None:
        return verdict
    if len(getattr(value, "shape", ())) and getattr(value, "size", 2) != 1:
        return again("that is a number for each row: return one for all of them")
    found, apart = float(value), gained + lost
    right = _coin(gained, apart)
    slips = (
        (right / 2, "that is one side only: 2 to 9 would be as lopsided as 9 to 2"),
        (1 - right, "turned over: that is how often a coin would be less lopsided"),
        (
            _coin(gained, 40),
            "of all rows: those that both or neither got right say nothing",
        ),
        (
            _coin(both + gained, 2 * both + apart),
            "right by both counts on both sides: leave it out",
        ),
        (gained - lost, "that is the lead: how often would a coin have one as large?"),
        (
            gained / apart,
            "that is a share: how often would a coin be so far from one half?",
        ),
        (
            0.0348,
            "chi-squared is an approximation for many rows: add up the coin's own chances",
        ),
        (
            0.0704,
            "chi-squared is an approximation for many rows: add up the coin's own chances",
        ),
        (
            right - _chance(gained, apart),
            "that is more lopsided, not at least as lopsided",
        ),
    )
    if abs(found - right) > 5e-4:
        for slip, hint in slips:
            if abs(found - slip) < 5e-4:
                return again(hint)
        return again(
            f"{found:.4f} where {right:.4f} is right: 9 rows for one, 2 for the other, a coin "
            "thrown 11 times"
        )
    for gained, lost in ((2, 9), (3, 3), (0, 0), (0, 6)):
        found, right = (
            float(answer(*_answers(gained, lost, 5, 4))),
            _coin(gained, gained + lost),
        )
        if not abs(found - right) < 5e-4:  # nan too
            return again(
                f"{found:.4f} at {gained} to {lost}, where {right:.4f} is right"
            )
    return correct(
        "only rows on which two differ can say who is better, and how surely"
    )


def _answers(
    gained: int, lost: int, both: int, neither: int
) -> tuple[list, list, list]:
    """Make two lists of predictions, and a truth in which so many rows fall so."""
    kinds = [(1, 0)] * gained + [(0, 1)] * lost + [(1, 1)] * both + [(0, 0)] * neither
    truth = [row % 2 for row in range(len(kinds))]
    mine, its = (
        [
            label if kind[side] else 1 - label
            for kind, label in zip(kinds, truth, strict=True)
        ]
        for side in (0, 1)
    )
    return mine, its, truth


def _chance(heads: int, throws: int) -> float:
    """Give how often a fair coin shows a side so often or so seldom, on either side."""
    sides = {heads, throws - heads}
    return sum(math.comb(throws, side) for side in sides) / 2**throws


def _coin(heads: int, throws: int) -> float:
    """Give how often a fair coin is at least as lopsided, on either side."""
    tail = range(max(heads, throws - heads), throws + 1)
    return min(1.0, 2 * sum(math.comb(throws, n) for n in tail) / 2**throws)
