"""Exercises of notebook 07."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from hf_tutorial.checks.verdicts import (
    Verdict,
    again,
    check,
    correct,
    listed,
    returned,
    short,
)


@check("a function of accelerator, model, optimizer and groups")
def counted_tokens(answer: Callable) -> Verdict:
    """Exercise 7.1: divide the losses of a group by the tokens of that group.

    One weight, which begins at 0, and as loss of a token w times the token: the gradient of a
    group is the mean of its tokens, 4.6 in the first and 2.5 in the second.
    """
    value, moves = _steps(answer)
    if value is ...:
        return Verdict("not attempted", "replace ... with a loop")

    def near(*wanted):
        return len(moves) == len(wanted) and all(
            abs(move + one) <= 0.01 for move, one in zip(moves, wanted, strict=True)
        )

    if not moves:
        return again("the weight is still that of the beginning: was a step taken?")
    if len(moves) > 2:
        return again(
            f"the weight moved {len(moves)} times for two groups: `optimizer.step` waits "
            "under `accelerator.accumulate`"
        )
    if near(3, 2):
        return again(
            "that is the mean of the batches' means: one token weighs as much as nine"
        )
    if near(2.3, 1.25):
        return again(
            "half of it: `accelerator.backward` divides by the passes of a group as well"
        )
    if near(9.2, 5):
        return again("twice of it: who divides by the passes, you or `backward`?")
    if near(23, 10) or near(46, 20):
        return again("added up, and divided by no number of tokens")
    if near(46 / 18, 20 / 18) or near(23 / 18, 10 / 18):
        return again("divided by all tokens of all groups: each step has its own group")
    if near(5.1, 3.25) or near(2.55, 1.625):
        return again("count the tokens of the whole group before its first pass")
    if not near(4.6, 2.5):
        found = ", ".join(f"{-move:.2f}" for move in moves)
        return again(
            f"the weight moved by {found}, where all tokens give 4.60 and 2.50"
        )
    return correct(
        "each token of a group counts the same, in long batches and in short ones"
    )


def _steps(answer: Callable) -> tuple[Any, list[float]]:
    """Run a loop over two groups of unequal batches; give what it returned, and its steps down."""
    import torch

    groups = [
        [torch.full((9, 1), 5.0), torch.full((1, 1), 1.0)],
        [torch.full((2, 1), 1.0), torch.full((6, 1), 3.0)],
    ]
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    after: list[float] = []  # the weight, whenever it has moved
    model.register_forward_pre_hook(lambda *_: _watch(after, model))
    with _two_passes_a_step() as accelerator:
        model, optimizer = accelerator.prepare(model, optimizer)
        value = answer(accelerator, model, optimizer, groups)
    _watch(after, model)
    return value, [
        one - other for one, other in zip(after, [0.0, *after], strict=False)
    ]


@contextlib.contextmanager
def _two_passes_a_step() -> Iterator[Any]:
    """Lend an Accelerator; leave Accelerate's record of this process as it was before.

    All Accelerators of a process share that record, and processes that are forked from the
    kernel would inherit it.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, GradientState, PartialState

    records = [s._shared_state for s in (AcceleratorState, GradientState, PartialState)]
    before = [dict(record) for record in records]
    for record in records:
        record.clear()
    try:
        yield Accelerator(cpu=True, gradient_accumulation_steps=2)
    finally:
        for record, kept in zip(records, before, strict=True):
            record.clear()
            record.update(kept)


def _watch(after: list[float], model: Any) -> None:
    weight = next(model.parameters()).item()
    if weight != (after[-1] if after else 0.0):
        after.append(weight)


@check("a function of accelerator, model, optimizer and loader")
def mended_loop(answer: Callable) -> Verdict:
    """Exercise 7.2: divide by `accelerator.backward`, clip once a group, one loss a step.

    One weight for each of two inputs, all begin at 1, and the loss is linear, so that the
    gradients are the rows: 3 and 4 in the first group, 0.6 and 0.8 in the second.
    """
    import torch

    rows = [[3.0, 0.0], [0.0, 4.0], [0.6, 0.0], [0.0, 0.8]]
    model = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.ones_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    loader = torch.utils.data.DataLoader(torch.tensor(rows), batch_size=1)
    with _two_passes_a_step() as accelerator:
        model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
        value = answer(accelerator, model, optimizer, loader)
        (weight,) = accelerator.unwrap_model(model).weight.tolist()
    verdict = returned(value, "a list of losses")
    if verdict is not None:
        return verdict
    losses = [float(loss) for loss in listed(value)]

    def near(found, wanted):
        return len(found) == len(wanted) and all(
            abs(one - other) <= 0.02 for one, other in zip(found, wanted, strict=True)
        )

    if near(weight, [1, 1]):
        return again("the weights are still those of the beginning: was a step taken?")
    if near(weight, [-0.3, -0.4]):
        return again("four steps were taken: under what does `optimizer.step` wait?")
    if near(weight, [-0.8, -1.4]) or near(weight, [-2.6, -3.8]):
        return again("gradients longer than 1 came through: nothing is clipped")
    if near(weight, [-0.2, -0.6]) or near(weight, [0.16, -0.77]):
        return again(
            "the gradients of a group are added up, not averaged: who divides the loss?"
        )
    if near(weight, [0.25, -0.29]):
        return again("clipped in each pass: the sum was not finished after the first")
    if not near(weight, [0.1, -0.2]):
        found = ", ".join(f"{number:.2f}" for number in weight)
        return again(
            f"four passes of two groups end at weights {found}, not 0.10, -0.20"
        )
    if len(losses) != 2:
        return again(f"{len(losses)} losses for 2 steps: one a step, not one a pass")
    if near(losses, [4, 0.16]):
        return again("that is the loss of a group's last pass: the step had two")
    if near(losses, [7, 0.4]):
        return again(
            "the losses of a group are added up: their mean is the step's loss"
        )
    if not near(losses, [3.5, 0.2]):
        found = ", ".join(f"{loss:.2f}" for loss in losses)
        return again(
            f"the weights are right, but the losses are {short(found)}: is a group emptied?"
        )
    return correct("divided by backward, clipped once a group, one loss for each step")


@check("a function of parameters, compute and n")
def slowest_link(answer: Callable) -> Verdict:
    """Exercise 7.3: 8 bytes x parameters / compute seconds, whatever n."""
    value = answer(1_000_000, 0.5, 4)
    verdict = returned(value, "bytes per second")
    if verdict is not None:
        return verdict
    found, wanted = float(value), 16e6

    def near(number):
        return abs(found - number) <= 1e-6 * number

    if near(12e6):
        return again(
            "as if sending had all of compute: four processes compute for a quarter of it"
        )
    if near(48e6):
        return again("compute / n is what computing still takes; what is saved?")
    if near(4e6):
        return again("one parameter is 4 bytes")
    if near(8e6):
        return again("a ring sends twice: once to add up, once to hand round the sums")
    if near(128e6):
        return again("those are bits: a byte has 8 of them")
    if near(1 / wanted):
        return again("upside down: bytes divided by seconds")
    if not near(wanted):  # nan too
        return again(
            f"{found:.3g} bytes a second for 1,000,000 parameters, 0.5 seconds and n = 4: set "
            "compute equal to compute / n plus sending, and solve"
        )
    for n in (2, 3, 64):
        if abs(float(answer(3_000_000, 0.1, n)) - 240e6) > 300:
            return again(f"right for one case, but not for n = {n}")
    return correct(
        "n cancels: below 8 bytes x parameters / compute, no number of machines helps"
    )
