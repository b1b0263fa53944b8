"""Exercises of notebook 05."""

from collections.abc import Callable

from hf_tutorial.checks.verdicts import Verdict, again, check, correct, listed, returned


@check("a number")
def cross_entropy(answer: float) -> Verdict:
    """Exercise 5.1: logits 1, 3, 0 and label 2, so ln(e + e³ + 1) - 0 = 3.170."""
    answer = float(answer)
    slips = {
        0.042: "that is the probability of the label: take -log of it",
        2.170: "that is label 0; labels count from 0, so label 2 is the last logit",
        0.170: "that is label 1, the likeliest one; the label was 2",
        -3.170: "a loss is not negative: minus the logarithm",
        4.573: "right, but in bits: PyTorch takes the natural logarithm",
        1.377: "log10: PyTorch takes the natural logarithm",
        1.386: "softmax takes e to the power of each logit, not the logits themselves",
    }
    for slip, hint in slips.items():
        if abs(answer - slip) < 0.002:
            return again(hint)
    if not abs(answer - 3.170) <= 0.005:  # nan too
        return again(
            f"{answer:.3f} is not it: softmax over three logits, then -log at the label"
        )
    return correct("confident and wrong costs 3.2; a blind guess among three costs 1.1")


@check("a function of step, warmup, total and peak")
def linear_schedule(answer: Callable) -> Verdict:
    """Exercise 5.2: up to the peak in `warmup` steps, then down to 0 at `total`."""
    warmup, total, peak = 4, 20, 0.001

    def wanted(step):
        left = max(total - step, 0) / (total - warmup)
        return peak * min(step / warmup, left)

    value = answer(2, warmup, total, peak)
    verdict = returned(value, "a learning rate")
    if verdict is not None:
        return verdict
    found = {
        step: float(answer(step, warmup, total, peak))
        for step in (0, 1, 2, 4, 10, 12, 20, 25)
    }

    def agrees(*steps):
        return all(abs(found[step] - wanted(step)) <= 1e-9 for step in steps)

    if agrees(0, 1, 2, 4, 10, 12, 20) and not agrees(25):
        return again(f"at step 25 of 20 it gives {found[25]:.2g}: stop at 0")
    if abs(found[2] - 0.5) < 1e-9:
        return again("that is a factor from 0 to 1: multiply by the peak")
    if abs(found[1] - peak * 2 / warmup) < 1e-9:
        return again("one step early: step 0 is made with a learning rate of 0")
    if agrees(0, 1, 2) and abs(found[10] - peak) < 1e-9:
        return again("after warmup it should fall; this one stays at the peak")
    if agrees(0, 1, 2) and abs(found[10] - peak * (1 - 10 / total)) < 1e-9:
        return again(
            "it jumps at the end of warmup: the fall takes total - warmup steps, from the peak"
        )
    if abs(found[0] - peak) < 1e-9:
        return again("it begins at the peak: warmup is missing")
    if not agrees(*found):  # nan too
        step = next(step for step in found if not agrees(step))
        return again(
            f"{found[step]:.6f} at step {step} of 20, warmup 4, peak 0.001: draw it"
        )
    # Without warmup there is nothing to divide by.
    if abs(float(answer(0, 0, total, peak)) - peak) > 1e-9:
        return again("with warmup 0 it should begin at the peak")
    return correct("the same numbers as get_linear_schedule_with_warmup")


@check("a function of a model")
def decayed(answer: Callable) -> Verdict:
    """Exercise 5.3: matrices decay; biases and what LayerNorm owns do not."""
    import torch

    class Toy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embeddings = torch.nn.Embedding(5, 4)
            self.dense = torch.nn.Linear(4, 4)
            self.LayerNorm = torch.nn.LayerNorm(4)
            self.final = torch.nn.LayerNorm(4)  # not every model names it so
            self.classifier = torch.nn.Linear(4, 2)

    value = answer(Toy())
    verdict = returned(value, "a list of names")
    if verdict is not None:
        return verdict
    names = listed(value)
    if any(isinstance(name, torch.Tensor) for name in names):
        return again("those are parameters: give their names, from named_parameters()")
    if any(isinstance(name, tuple) for name in names):
        return again("those are pairs of name and parameter: keep the names")
    names = set(names)
    if any(str(name).endswith("bias") for name in names):
        return again("biases are among them: they get no decay")
    if "LayerNorm.weight" in names:
        return again("a LayerNorm has a weight, too, and it gets no decay")
    if "final.weight" in names:
        return again(
            "final.weight belongs to a LayerNorm with another name: go by its number of axes"
        )
    missing = {"embeddings.weight", "dense.weight", "classifier.weight"} - names
    if missing or len(names) != 3:
        return again(f"{sorted(missing)} should decay: every matrix does")
    return correct("two axes or more: the rule needs no list of names")
