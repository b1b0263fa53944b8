"""Exercises of notebook 08."""

from collections.abc import Callable, Mapping

from hf_tutorial.checks.verdicts import Verdict, again, check, correct, returned, short


@check("a function of probabilities and p")
def nucleus(answer: Callable) -> Verdict:
    """Exercise 8.1: keep the likeliest until p is reached, set the others to 0, scale."""
    import torch

    given = torch.tensor([0.1, 0.4, 0.2, 0.3])
    value = answer(given.clone(), 0.6)
    verdict = returned(value, "a tensor of probabilities")
    if verdict is not None:
        return verdict
    found = torch.as_tensor(value, dtype=torch.float32)

    def agrees(*wanted):
        return found.shape == (len(wanted),) and torch.allclose(
            found, torch.tensor(wanted, dtype=torch.float32), atol=1e-4
        )

    if agrees(4 / 7, 3 / 7, 0, 0) or agrees(4 / 7, 3 / 7):
        return again("that is sorted: put each probability back into its own place")
    if agrees(0, 0.4, 0, 0.3):
        return again("the group adds up to 0.7: divide, so that it adds up to 1")
    if agrees(0, 1, 0, 0):
        return again(
            "0.4 alone does not reach 0.6: the token that crosses belongs to it"
        )
    if agrees(0, 4 / 9, 2 / 9, 3 / 9):
        return again("one token too many: 0.4 and 0.3 already reach 0.6")
    if found.shape == (4,) and not torch.isfinite(found).all():
        return again("nan: is there a group left to divide by?")
    if not agrees(0, 4 / 7, 0, 3 / 7):
        return again(f"got {short(found.tolist())} of {given.tolist()} for p = 0.6")
    one = torch.as_tensor(answer(given.clone(), 0.1), dtype=torch.float32)
    if not torch.allclose(one, torch.tensor([0.0, 1.0, 0.0, 0.0]), atol=1e-4):
        return again("for a p as small as 0.1 the likeliest token must still be kept")
    return correct("top-p by hand; where the model is sure, it keeps a single token")


@check("a number of gigabytes")
def cache_gigabytes(answer: float) -> Verdict:
    """Exercise 8.2: 2 x 32 layers x 4 texts x 8 heads x 8192 x 128 x 2 bytes."""
    answer = float(answer)
    slips = {
        2.147: "one of two tensors is missing: keys and values are both kept",
        17.18: "only 8 heads have keys and values of their own, not 32",
        8.590: "bfloat16 takes two bytes, not four",
        1.074: "that is the cache of one user",
        0.134: "that is one of the 32 layers",
        4.0: "those are gibibytes (2³⁰ bytes); the question says 10⁹",
        34.36: "those are gigabits: eight bits are a byte",
    }
    for slip, hint in slips.items():
        if abs(answer - slip) < 0.002 * slip:
            return again(hint)
    if abs(answer - 4294967296) < 1e7:
        return again("those are bytes: divide by 10⁹")
    if not abs(answer - 4.295) <= 0.02:  # nan too
        return again(
            f"{answer:g} is not it: two tensors, layers, batch, heads, positions, size, bytes"
        )
    return correct(
        "128 KiB a token; with 32 heads for keys it would be four times that"
    )


@check("a function of rows and a pad ID")
def left_padded(answer: Callable) -> Verdict:
    """Exercise 8.3: pads before the tokens, mask, and positions from the first token."""
    import torch

    rows, pad = [[5, 6], [7, 8, 9, 4], [3]], 0
    batch = answer([[*row] for row in rows], pad)
    verdict = returned(batch, "a dict of tensors")
    if verdict is not None:
        return verdict
    if not isinstance(batch, Mapping):
        return again(f"got {type(batch).__name__} {short(batch)}: make a dict of it")
    for key in ("input_ids", "attention_mask", "position_ids"):
        if key not in batch:
            return again(f"no {key!r} in the batch, only {short(list(batch))}")
        if not isinstance(batch[key], torch.Tensor):
            return again(f"{key!r} is a {type(batch[key]).__name__}: make it a tensor")
        if batch[key].is_floating_point() or batch[key].dtype == torch.bool:
            return again(f"{key!r} is {batch[key].dtype}: the model wants integers")
        if tuple(batch[key].shape) != (3, 4):
            return again(
                f"{key!r} has shape {tuple(batch[key].shape)}: three rows, the longest has 4"
            )
    ids, mask = batch["input_ids"].tolist(), batch["attention_mask"].tolist()
    positions = batch["position_ids"]
    if ids[0] == [5, 6, 0, 0]:
        return again("padded on the right: the model would continue after a pad")
    if ids != [[0, 0, 5, 6], [7, 8, 9, 4], [0, 0, 0, 3]]:
        return again(f"input_ids {short(ids)}: pads first, then the row in its order")
    if mask == [[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]]:
        return again("upside down: 1 keeps a token, 0 marks padding")
    if mask != [[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]]:
        return again("the attention mask is 1 for each token and 0 for each pad")
    real = positions[batch["attention_mask"] == 1].tolist()
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
            "a pad has position -1: no embedding stands there, so put 0 or more"
        )
    return correct(
        "padding as the tokenizer does it, positions as `generate` works them out"
    )
