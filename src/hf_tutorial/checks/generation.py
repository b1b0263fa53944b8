"""Exercises of notebook 08."""

import functools
import re
from collections.abc import Callable, Iterable, Mapping

from hf_tutorial.checks.verdicts import (
    Verdict,
    again,
    check,
    correct,
    integers,
    listed,
    not_judged,
    returned,
    short,
)

# Exercise 8.3: how the texts were chosen, and their distinct-2 and share of known runs, means
# of three draws. The notebook measures the first five, and a test compares.
BOARD = {
    "3 beams": (0.430, 0.985),
    "greedy": (0.470, 0.974),
    "the real stories": (0.581, 0.945),
    "top_p=0.9": (0.603, 0.953),
    "temperature 1": (0.641, 0.892),
    "top_k=5": (0.606, 0.953),
    "temperature 1.3, min_p=0.1": (0.609, 0.945),
    "top_p=0.95": (0.610, 0.942),
    "the best of three, top_p=0.9": (0.654, 0.947),
    "the best of three, top_p=0.8": (0.661, 0.969),
}
LEAST_PAIRS, LEAST_KNOWN = 0.63, 0.94
TEXTS, WORDS, LEAST_WORDS = 80, 40, 35
GIVEN = [0.1, 0.4, 0.2, 0.3]
SORTED = "that is sorted: put each probability back into its own place"
SLIPS = {
    (4 / 7, 3 / 7, 0, 0): SORTED,
    (4 / 7, 3 / 7): SORTED,
    (0, 0.4, 0, 0.3): "the group adds up to 0.7: divide, so that it adds up to 1",
    (0, 1, 0, 0): "0.4 alone does not reach 0.6: the token that crosses belongs to it",
    (0, 4 / 9, 2 / 9, 3 / 9): "one token too many: 0.4 and 0.3 already reach 0.6",
}


@check("a function of probabilities and p")
def nucleus(answer: Callable) -> Verdict:
    """Exercise 8.1: keep the likeliest until p is reached, set the others to 0, scale."""
    import torch

    def found(given, p):
        value = answer(torch.tensor(given), p)
        if returned(value, "a tensor of probabilities") is not None:
            return value
        return torch.as_tensor(value, dtype=torch.float32).detach()

    def agree(value, *wanted):
        wanted = torch.tensor(wanted, dtype=torch.float32)
        return value.shape == wanted.shape and torch.allclose(value, wanted, atol=1e-4)

    value = found(GIVEN, 0.6)
    verdict = returned(value, "a tensor of probabilities")
    if verdict is not None:
        return verdict
    for slip, hint in SLIPS.items():
        if agree(value, *slip):
            return again(hint)
    if value.shape == (4,) and not torch.isfinite(value).all():
        return again("nan: is there a group left to divide by?")
    if not agree(value, 0, 4 / 7, 0, 3 / 7):
        if value.shape == (4,) and (value > 0).all():
            return again("nothing was cut for p = 0.6: 0.1 and 0.2 must come out as 0")
        return again(f"got {_rounded(value)} of {GIVEN} for p = 0.6")
    if not agree(found(GIVEN, 0.1), 0, 1, 0, 0):
        return again("for a p as small as 0.1 the likeliest token must still be kept")
    flat = found([0.25, 0.15, 0.2, 0.22, 0.18], 0.6)
    if agree(flat, 25 / 47, 0, 0, 22 / 47, 0):
        return again(
            "two tokens again, where p = 0.6 needs three of 0.25, 0.22, 0.2, 0.18, 0.15: that "
            "is top-k"
        )
    if not agree(flat, 25 / 67, 0, 20 / 67, 22 / 67, 0):
        return again(
            f"{_rounded(flat)} of 0.25, 0.15, 0.2, 0.22, 0.18 for p = 0.6: the likeliest "
            "three reach it together; no fixed threshold tells them from the rest"
        )
    return correct("top-p by hand; where the model is sure, it keeps a single token")


def _rounded(value) -> str:
    return short([float(f"{number:.3f}") for number in value.flatten().tolist()])


@check("a function of rows and a pad ID")
def left_padded(answer: Callable) -> Verdict:
    """Exercise 8.2: pads before the tokens, mask, and positions from the first token."""
    import torch

    # The pad is the end-of-text, so that it may end a row as a token, too.
    rows, pad = [[5, 2], [7, 8, 9, 4], [3]], 2
    batch = answer([[*row] for row in rows], pad)
    verdict = returned(batch, "a dict of tensors")
    if verdict is not None:
        return verdict
    if not isinstance(batch, Mapping):
        return again(f"got {type(batch).__name__} {short(batch)}: make a dict of it")
    for key in ("input_ids", "attention_mask", "position_ids"):
        if (verdict := integers(batch, key)) is not None:
            return verdict
        if tuple(batch[key].shape) != (3, 4):
            return again(
                f"{key!r} has shape {tuple(batch[key].shape)}: three rows, the longest has 4"
            )
    ids, mask = batch["input_ids"].tolist(), batch["attention_mask"].tolist()
    return (
        _padded(ids, pad)
        or _masked(mask)
        or _placed(batch["position_ids"].cpu(), torch.tensor(mask))
        or correct(
            "padding as the tokenizer does it, positions as `generate` works them out"
        )
    )


def _padded(ids: list, pad: int) -> Verdict | None:
    """Judge the rows of exercise 8.2."""
    if ids[0][:2] == [5, pad]:
        return again("padded on the right: the model would continue after a pad")
    if ids[0] == [0, 0, 5, pad]:
        return again(f"filled up with 0, but the pad's ID was {pad}")
    if ids != [[pad, pad, 5, pad], [7, 8, 9, 4], [pad, pad, pad, 3]]:
        return again(f"input_ids {short(ids)}: pads first, then the row in its order")
    return None


def _masked(mask: list) -> Verdict | None:
    """Judge the attention mask of exercise 8.2."""
    wanted = [[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]]
    if mask == [[1 - kept for kept in row] for row in wanted]:
        return again("upside down: 1 keeps a token, 0 marks padding")
    if mask[0] == [0, 0, 1, 0]:
        return again(
            "the row ends with a token that has the pad's ID, a real end-of-text: make the mask "
            "from the lengths"
        )
    if mask != wanted:
        return again("the attention mask is 1 for each token and 0 for each pad")
    return None


def _placed(positions, mask) -> Verdict | None:
    """Judge the positions of exercise 8.2."""
    real = positions[mask == 1].tolist()
    if real == [2, 3, 0, 1, 2, 3, 3]:
        return again("positions count the pads: the first real token has position 0")
    if real == [1, 2, 1, 2, 3, 4, 1]:
        return again("positions count from 0")
    if real != [0, 1, 0, 1, 2, 3, 0]:
        return again(
            f"positions of the tokens are {short(real)}: 0, 1, ... in each row"
        )
    if positions.min() < 0:
        return again(
            "a pad has position -1, which is an IndexError in the model: put 0 or more"
        )
    return None


@check("80 texts, one for each prompt")
def lively(answer: Iterable[str]) -> Verdict:
    """Exercise 8.3, open: more different word pairs than a draw has, and as much sense."""
    from hf_tutorial import sources

    if sources.origin() != "bundled":
        return not_judged("bundled storyteller only: of other models there is no board")
    if isinstance(answer, str | Mapping):
        return again(f"got {type(answer).__name__} {short(answer)}, asked for 80 texts")
    texts = [text if isinstance(text, str) else ... for text in listed(answer)]
    if ... in texts:
        return again(f"{short(answer)} holds something else than texts")
    if len(texts) != TEXTS:
        return again(
            f"got {len(texts)} texts: one for each of the 80 prompts, in their order"
        )
    cut = [" ".join(text.split()[:WORDS]) for text in texts]
    words = sum(len(text.split()) for text in cut) / TEXTS
    if words < LEAST_WORDS:
        return again(
            f"{words:.1f} words a text: of short texts nearly all pairs differ, so let "
            f"them have {WORDS}, or {LEAST_WORDS} in the mean"
        )
    pairs, known = measured(cut)
    near = min(BOARD, key=lambda name: abs(BOARD[name][0] - pairs))
    gap = pairs - BOARD[near][0]
    place = "beside" if abs(gap) < 0.005 else "above" if gap > 0 else "below"
    said = (
        f"distinct-2 {pairs:.2f}, on the board {place} {near!r}; known runs {known:.2f}"
    )
    if known < LEAST_KNOWN:
        return again(f"{said}, where real stories have {LEAST_KNOWN} at least")
    if pairs < LEAST_PAIRS:
        return again(f"{said}; the bar for distinct-2 is {LEAST_PAIRS}")
    return correct(said)


def measured(texts: list[str]) -> tuple[float, float]:
    """Give distinct-2 of texts, and the share of runs of three words that stories hold."""
    pairs = [pair for text in texts for pair in _runs(text, 2)]
    found = [run in _known() for text in texts for run in _runs(text, 3)]
    return len({*pairs}) / max(len(pairs), 1), sum(found) / max(len(found), 1)


def _runs(text: str, size: int) -> list[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return list(zip(*(words[start:] for start in range(size)), strict=False))


@functools.cache
def _known() -> set[tuple[str, ...]]:
    """Collect the runs of three words of the training stories."""
    from datasets import load_dataset

    from hf_tutorial import sources

    stories = load_dataset(*sources.dataset("stories"))["train"]["text"]
    return {run for text in stories for run in _runs(text, 3)}
