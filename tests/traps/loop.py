"""Traps of a training loop written by hand."""

import copy

import pytest
import torch
from accelerate import Accelerator
from transformers import (
    AutoModelForSequenceClassification,
    DataCollatorForLanguageModeling,
    default_data_collator,
    get_linear_schedule_with_warmup,
    get_scheduler,
)

from tests.traps import toys
from tests.traps.catalogue import trap


@trap(5, "transformers", shown="05_manual_training_loop.ipynb#How-fast,-and-when")
def a_schedule_of_one_epoch_ends_after_one():
    """A schedule over `len(loader)` steps ends with the first epoch.

    You see: a loss that falls in the first epoch and stands still in all others.

    What happens: the learning rate is 0 behind the last step of the schedule.

    Instead: `epochs * len(loader)`, divided by the batches that make one step; print the rate now and then.
    """
    epochs, loader = 3, range(10)
    optimizer = torch.optim.AdamW(toys.bert().parameters(), lr=1e-3)

    def rates(steps):
        schedule = get_linear_schedule_with_warmup(optimizer, 0, steps)
        seen = []
        for _ in range(epochs):
            seen.append(schedule.get_last_lr()[0])
            for _batch in loader:
                optimizer.step()
                schedule.step()
        return seen

    # You write
    found = rates(len(loader))
    # You get
    assert found == [1e-3, 0, 0]
    # Instead
    optimizer = torch.optim.AdamW(toys.bert().parameters(), lr=1e-3)
    found = rates(epochs * len(loader))
    assert found[1] > 6e-4 and found[2] > 3e-4


@trap(6, "torch", shown="05_manual_training_loop.ipynb#The-whole-run")
def a_sum_that_is_never_reset_grows():
    """A validation loss that is never reset grows.

    You see: 0.7, 1.4, 2.1: overfitting, it seems, from the second epoch on.

    What happens: the sum was set to 0 once, before the loop over epochs.

    Instead: set it inside.
    """
    losses, epochs = [0.7, 0.7], 3
    # You write
    seen, total = [], 0.0
    for _ in range(epochs):
        for loss in losses:
            total += loss
        seen.append(total / len(losses))
    # You get
    assert [round(loss, 1) for loss in seen] == [0.7, 1.4, 2.1]
    # Instead
    seen = []
    for _ in range(epochs):
        total = 0.0
        for loss in losses:
            total += loss
        seen.append(total / len(losses))
    assert seen == [0.7, 0.7, 0.7]


@trap(
    110,
    "torch",
    shown="05_manual_training_loop.ipynb#When-it-breaks:-what-is-in-the-folder?",
    wrote="best = model.state_dict()",
)
def best_weights_kept_by_reference_are_the_last():
    """The best weights, kept by `state_dict()`, are those of the last epoch.

    You see: a "best" model that scores like the last one.

    What happens: `state_dict` copies nothing. What it returns are the weights that training goes on
    to change.

    Instead: save a checkpoint at once, or keep `copy.deepcopy(model.state_dict())`; load it, and
    compare an output.
    """
    model, ids = toys.classifier().eval(), torch.tensor([[2, 5, 3]])
    at_best = model(ids).logits

    def train_on():
        with torch.no_grad():
            for weight in model.parameters():
                weight += 0.1 * torch.randn_like(weight)

    # You write
    best = model.state_dict()
    train_on()
    model.load_state_dict(best)
    # You get
    assert not torch.allclose(model(ids).logits, at_best, atol=1e-2)
    # Instead
    at_best = model(ids).logits
    best = copy.deepcopy(model.state_dict())
    model.save_pretrained("best")
    train_on()
    model.load_state_dict(best)
    loaded = AutoModelForSequenceClassification.from_pretrained("best")
    assert torch.equal(model(ids).logits, at_best)
    assert torch.equal(loaded(ids).logits, at_best)


@trap(
    10,
    "torch",
    "accelerate",
    shown="05_manual_training_loop.ipynb#When-it-breaks:-the-optimizer-of-another-model",
)
def an_optimizer_of_another_model_trains_nothing():
    """An optimizer made for an earlier model trains nothing.

    You see: a loss that stays where it was. `prepare` accepts the new model beside the old optimizer.

    What happens: the cell with the model was run again, the one with the optimizer was not. It holds
    the parameters of a model that nobody calls.

    Instead: make both in one cell, and look whether a weight has moved.
    """
    model = toys.classifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    ids, labels = torch.tensor([[2, 5, 3]]), torch.tensor([1])
    accelerator = Accelerator(cpu=True)

    def moved(model, optimizer):
        model, optimizer = accelerator.prepare(model, optimizer)
        before = toys.weights(model)
        accelerator.backward(model(ids, labels=labels).loss)
        optimizer.step()
        return not torch.equal(before, toys.weights(model))

    # You write
    model = toys.classifier()  # again, for a fresh start
    # You get
    assert not moved(model, optimizer)
    # Instead
    model = toys.classifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    assert moved(model, optimizer)


@trap(25, "transformers", shown="09_pretraining.ipynb#Holes-instead-of-the-next-word")
def masks_drawn_anew_make_every_score_another():
    """A masked model scores differently at each evaluation.

    You see: two validation losses of the same weights, and a "best" checkpoint that had the easier masks.

    What happens: the collator draws its masks when it is called, in evaluation as well.

    Instead: draw the masks of the validation rows once, and keep them. `set_seed` before each
    evaluation would do it too, and would set back the random numbers of training.
    """
    rows = [{"input_ids": ids} for ids in toys.rows(16, length=12)["input_ids"]]
    tokenizer = toys.tokenizer()
    # You write
    collator = DataCollatorForLanguageModeling(tokenizer)
    first, second = collator(rows), collator(rows)
    # You get
    assert not torch.equal(first["labels"], second["labels"])
    # Instead
    masked = collator(rows)
    exam = [{key: masked[key][row] for key in masked} for row in range(len(rows))]
    again = [default_data_collator(exam)["labels"] for _ in range(2)]
    assert torch.equal(*again) and (again[0] != -100).any()


@trap(155, "transformers", wrote="get_scheduler(..., num_warmup_steps=0.1, ...)")
def a_share_as_warmup_steps_is_no_warmup():
    """A share of the steps, given to `get_scheduler` as its warm-up, is none.

    You see: nothing; or a first loss that jumps, as without warm-up.

    What happens: here 0.1 is a tenth of one step. TrainingArguments takes the same number, under the name of `warmup_steps`, for a tenth
    of all steps.

    Instead: a number of steps, computed from their total.
    """
    optimizer = torch.optim.SGD(toys.bert().parameters(), lr=1.0)

    def rates(warmup):
        schedule = get_scheduler("linear", optimizer, warmup, num_training_steps=100)
        found = []
        for _ in range(5):
            found.append(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
        return found

    # You write
    found = rates(0.1)
    # You get
    assert found[0] == 0 and found[1] > 0.99
    assert toys.arguments(warmup_steps=0.1).get_warmup_steps(100) == 10
    # Instead
    assert rates(round(0.1 * 100)) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
