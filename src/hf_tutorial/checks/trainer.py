"""Exercises of notebook 06."""

from collections.abc import Callable
from types import EllipsisType

from hf_tutorial.checks.verdicts import Verdict, again, check, correct, returned, short


@check("a function of a prediction")
def scores_of(answer: Callable) -> Verdict:
    """Exercise 6.1: accuracy from logits, bare or first in a tuple; -100 does not count."""
    import numpy as np
    from transformers import EvalPrediction

    # Three labels, five rows: right, wrong, right, ignored, right.
    logits = np.eye(3)[[0, 2, 1, 0, 2]] * 2 - 1
    labels = np.array([0, 1, 1, -100, 2])
    more = (np.zeros((5, 7, 4)), np.ones((5, 2)))

    value = answer(EvalPrediction(logits.copy(), labels.copy()))
    verdict = returned(value, "a dict with the accuracy")
    if verdict is not None:
        return verdict
    if not isinstance(value, dict):
        return again(
            f"Trainer wants a dict of scores by name, this is a {type(value).__name__}"
        )
    if "accuracy" not in value:
        return again(f"no 'accuracy' in the dict, only {short(list(value))}")
    found = float(value["accuracy"])
    if abs(found - 3 / 5) < 1e-9:
        return again("the row labelled -100 was counted: leave it out, do not fail it")
    if abs(found - 3) < 1e-9:
        return again("that counts the right ones: divide by the rows that count")
    if abs(found - 75) < 1e-9:
        return again("a share from 0 to 1, not a percentage")
    if not abs(found - 3 / 4) < 1e-9:  # nan too
        return again(
            f"{found:.3f} where 3 of 4 are right: the guess is the argmax over the last axis"
        )
    try:
        value = answer(EvalPrediction((logits.copy(), *more), labels.copy()))
        found = float(value["accuracy"])
    except Exception as error:
        return again(
            f"with a tuple of predictions it raised {type(error).__name__}: logits come first"
        )
    if not abs(found - 3 / 4) < 1e-9:
        return again(
            f"{found:.3f} when predictions are a tuple: the logits are its first entry"
        )
    return correct("it survives a tuple; memory still wants `ignore_keys`")


@check("a function of shapes and a rank")
def lora_size(answer: Callable) -> Verdict:
    """Exercise 6.2: rank x (out + in) for each matrix; a matrix out x in has out x in."""
    shapes = [(10, 20), (30, 40)]
    value = answer([*shapes], 2)
    verdict = returned(value, "a number")
    if verdict is not None:
        return verdict
    found = float(value)
    slips = {
        1400.0: "that is the matrices themselves: LoRA leaves them as they are",
        2800.0: "the rank is the inner side of two thin matrices, not a factor of a thick one",
        60.0: "only the first matrix was counted",
        140.0: "only the last matrix was counted",
        100.0: "multiply by the rank: a thin matrix has as many rows or columns",
        80.0: "that is A alone (rank x in): B counts as well",
        120.0: "that is B or A alone: one is rank x in, the other out x rank",
        1600.0: "with the matrices themselves? They are frozen, not trained",
    }
    if found in slips:
        return again(slips[found])
    if found != 200:
        return again(
            f"{found:g} for (10, 20) and (30, 40) at rank 2: A is rank x in, B is out x rank"
        )
    if float(answer([(384, 384)] * 12, 8)) != 73728:
        return again("right for rank 2, but not for twelve matrices at rank 8")
    return correct(
        "at 384 x 384 it breaks even at rank 192; rank 8 trains one number in 24"
    )


@check("a callback class")
def patience(answer: Callable) -> Verdict:
    """Exercise 6.3: stop when the best loss is `patience` evaluations old."""
    from transformers import TrainerControl, TrainerState

    def stopped_after(losses, patience):
        """Count evaluations up to the stop; 0 for none. Ellipsis says: not attempted."""
        callback, control = answer(patience), TrainerControl()
        if isinstance(callback, EllipsisType):
            return ...
        state = TrainerState()
        for number, loss in enumerate(losses, start=1):
            state.global_step, state.epoch = 10 * number, float(number)
            state.log_history.append({"eval_loss": loss, "step": 10 * number})
            said = callback.on_evaluate(
                None, state, control, metrics={"eval_loss": loss}
            )
            if isinstance(said, EllipsisType):
                return ...
            if control.should_training_stop:
                return number
        return 0

    falling = stopped_after([0.9, 0.8, 0.7, 0.6, 0.5], 2)
    if isinstance(falling, EllipsisType):
        return Verdict(
            "not attempted", "replace ... with what to do after an evaluation"
        )
    if falling:
        return again(f"it stopped after evaluation {falling} of a loss that only falls")
    setback = stopped_after([0.9, 0.7, 0.8, 0.6, 0.7, 0.5], 2)
    if setback == 3:
        return again("it stopped at the first setback: with patience 2, wait for two")
    if setback:
        return again("a new best resets the count: only evaluations in a row matter")
    rising = stopped_after([0.9, 0.5, 0.6, 0.7, 0.8], 2)
    if rising == 0:
        return again("it never stops: set control.should_training_stop to True")
    if rising == 5:
        return again(
            "one evaluation late: with 2, the second that is no better ends it"
        )
    if rising != 4:
        return again(
            f"losses 0.9 0.5 0.6 0.7 0.8 with patience 2: stop after 4, not after {rising}"
        )
    if stopped_after([0.9, 0.5, 0.8, 0.7, 0.6], 2) != 4:
        return again("compare with the best so far, not with the evaluation before")
    if stopped_after([0.9, 0.5, 0.5, 0.5, 0.5], 2) != 4:
        return again("a loss equal to the best is not better: it has to count")
    if stopped_after([0.9, 0.95, 0.8], 1) != 2:
        return again("with patience 1, the first evaluation that is no better ends it")
    return correct(
        "EarlyStoppingCallback does the same, has a threshold, and saves its count"
    )
