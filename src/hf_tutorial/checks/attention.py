"""Exercises of notebook 03."""

from collections.abc import Callable

from hf_tutorial.checks.verdicts import (
    Verdict,
    again,
    check,
    correct,
    not_judged,
    returned,
)


@check("a pair of numbers")
def largest_weights(answer: tuple[float, float]) -> Verdict:
    """Exercise 3.1: of 12 weights, 64 numbers a vector; about 0.86 raw and 0.29 divided."""
    raw, divided = (float(number) for number in answer)
    if abs(raw - 0.29) < 0.03 and abs(divided - 0.86) < 0.03:
        return again("the other way round: first without the division, then with it")
    if abs(raw - 1 / 12) < 0.01 or abs(divided - 1 / 12) < 0.01:
        return again(
            "1/12 is the mean of all weights: take each query's largest one, then the mean"
        )
    if raw > 1 or divided > 1:
        return again("weights are shares from 0 to 1, not percentages")
    if raw > 0.97:
        return again("softmax runs over the 12 keys, which are the last axis")
    if abs(divided - raw) < 0.01:
        return again("the same twice: divide the scores, before softmax")
    if not (abs(raw - 0.86) <= 0.03 and abs(divided - 0.29) <= 0.03):  # nan too
        return again(
            f"{raw:.2f} and {divided:.2f} are off: 1000 queries, 12 keys, 64 numbers each"
        )
    return correct(
        "undivided, one key of 12 takes most of it; divided, the others still count"
    )


@check("a function of weights")
def share_on_itself(answer: Callable) -> Verdict:
    """Exercise 3.2: the diagonal, averaged over queries, for each layer and head."""
    import torch

    # Layer 0, head 0 looks at itself; head 1 spreads evenly; layer 1 looks one back.
    size = 4
    even = torch.full((size, size), 1 / size)
    back = torch.eye(size).roll(-1, dims=1)
    weights = torch.stack(
        [torch.stack([torch.eye(size), even]), torch.stack([back, even])]
    )
    value = answer(weights)
    verdict = returned(value, "one number per layer and head")
    if verdict is not None:
        return verdict
    value = torch.as_tensor(value).float()
    if tuple(value.shape) == (2, 2, size):
        return again("one number per query is left: average over the last axis")
    if tuple(value.shape) != (2, 2):
        return again(
            f"shape {tuple(value.shape)}: one number for each layer and head, so (2, 2)"
        )
    if torch.allclose(value, torch.tensor([[4.0, 1.0], [0.0, 1.0]])):
        return again("a sum over queries: divide by their number to get a mean share")
    if not torch.allclose(value, torch.tensor([[1.0, 0.25], [0.0, 0.25]])):
        return again(
            "take the diagonal of the last two axes, query and key; see `diagonal(dim1=...)`"
        )
    return correct(
        "1 for a head that looks only at itself, 1/n for one that spreads evenly"
    )


@check("a pair (layer, head)")
def repeated_word_head(answer: tuple[int, int]) -> Verdict:
    """Exercise 3.3: head 2.9 of the bundled encoder."""
    import numpy as np

    from hf_tutorial import sources

    if sources.origin() != "bundled":
        return not_judged("this check knows the heads of the bundled encoder only")
    # A tensor such as [[2, 9]] will do.
    numbers = [int(number) for number in np.asarray(answer).ravel()]
    if len(numbers) == 1:
        return again(
            "one number counts all heads in a row: divmod by 12 makes a pair of it"
        )
    layer, head = numbers
    if (layer, head) == (9, 2):
        return again("layer first, then head")
    if not (0 <= layer < 6 and 0 <= head < 12):
        return again(
            f"({layer}, {head}) does not exist: layers run 0 to 5, heads 0 to 11"
        )
    if (layer, head) in {(1, 1), (0, 8), (2, 2), (4, 0)}:
        return again(
            "this head likes the token itself: leave the diagonal out of the mask"
        )
    if (layer, head) != (2, 9):
        return again(
            f"({layer}, {head}) is not it: mask the cells where two tokens are equal"
        )
    return correct(
        "head 2.9 gives over half of its attention to the other occurrence; where no word "
        "is repeated it rests on [CLS]"
    )
