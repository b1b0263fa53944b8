"""Exercises of notebook 07."""

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


@check("three numbers")
def planned_batch(answer: tuple[int, int, int]) -> Verdict:
    """Exercise 7.1: 64 examples a step, two processes, 8 fit on each: 8, 16 and 4."""
    default, split, passes = (float(number) for number in answer)
    if (default, split, passes) == (16, 8, 4):
        return again(
            "the other way round: by default batch_size is what one process gets, split it "
            "is what all get together"
        )
    if default == 8 and passes == 8:
        return again(
            "8 passes of 8 examples are 64 on one process: the other brings 8 as well"
        )
    if default == 64 or split == 64:
        return again("64 at once do not fit: the passes of a step add up to 64")
    if default > 8:
        return again(
            f"by default each process would get {default:g} at once, and 8 fit"
        )
    if split > 16:
        return again(f"split, each process gets {split / 2:g} of {split:g}, and 8 fit")
    if default == split:
        return again("the two rules cannot need the same batch_size with two processes")
    if default * 2 * passes != 64:  # nan too
        return again(
            f"by default that makes {default:g} x 2 x {passes:g} examples a step, not 64"
        )
    if split * passes != 64:
        return again(f"split, that makes {split:g} x {passes:g} examples a step")
    if (default, split, passes) != (8, 16, 4):
        return again("right in sum, but more fits: fewer passes, larger batches")
    return correct("8 per device x 2 processes x 4 passes, by either rule")


@check("a function of accelerator, model, optimizer and loader")
def mended_loop(answer: Callable) -> Verdict:
    """Exercise 7.2: divide by `accelerator.backward`, clip once a group, one loss a step.

    One weight for each of two inputs, all begin at 1, and the loss is linear, so that the
    gradients are the rows: 3 and 4 in the first group, 0.6 and 0.8 in the second.
    """
    import torch
    from accelerate import Accelerator

    rows = [[3.0, 0.0], [0.0, 4.0], [0.6, 0.0], [0.0, 0.8]]
    model = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.ones_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    loader = torch.utils.data.DataLoader(torch.tensor(rows), batch_size=1)
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
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
