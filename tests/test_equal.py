"""One training, three ways: the loop of notebook 05, Trainer, and Accelerate, dropout on.

A tiny random BERT stands in for the encoder, so that a run takes a second. Notebooks 06 and 07
show the same on the real one.
"""

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch.utils.data import DataLoader, RandomSampler
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PrinterCallback,
    Trainer,
    TrainingArguments,
    default_data_collator,
    get_linear_schedule_with_warmup,
    set_seed,
)

STEPS, BATCH, WARMUP, RATE, DECAY, CLIP = 12, 8, 2, 1e-2, 0.1, 1.0
CLOSE = 1e-6


@pytest.fixture(scope="module")
def rows():
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, 50, (STEPS * BATCH // 2, 9), generator=generator)
    return [
        {"input_ids": row.tolist(), "labels": number % 2}
        for number, row in enumerate(ids)
    ]  # two epochs


@pytest.fixture(autouse=True)
def fresh_process(one_thread):
    """Sums run in one order with one thread; Accelerate keeps its state in the class."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def model_of_seed_0():
    set_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=16,
    )  # fmt: skip
    assert config.hidden_dropout_prob == config.attention_probs_dropout_prob == 0.1
    model = BertForSequenceClassification(config)
    model.classifier.weight.data.mul_(30)  # gradients over 1, so that clipping shows
    return model


def parts_of_a_loop(rows):
    """Make model, optimizer, schedule and loader, as notebook 05 does."""
    model = model_of_seed_0()
    named = list(model.named_parameters())
    spared = [p for n, p in named if "bias" in n or "norm" in n.lower()]
    decayed = [p for n, p in named if not ("bias" in n or "norm" in n.lower())]
    optimizer = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": DECAY},
            {"params": spared, "weight_decay": 0.0},
        ],
        lr=RATE,
    )
    schedule = get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)
    order = torch.Generator()
    loader = DataLoader(
        rows,
        batch_size=BATCH,
        sampler=RandomSampler(rows, generator=order),
        collate_fn=default_data_collator,
    )
    return (model, optimizer, schedule, loader), order


def losses_of_the_loop(rows):
    (model, optimizer, schedule, loader), order = parts_of_a_loop(rows)
    set_seed(0)
    losses = []
    for epoch in range(2):
        order.manual_seed(epoch)
        model.train()
        for batch in loader:
            loss = model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    return losses


def losses_of_accelerate(rows, clip=CLIP):
    accelerator = Accelerator(cpu=True)
    parts, order = parts_of_a_loop(rows)
    model, optimizer, schedule, loader = accelerator.prepare(*parts)
    set_seed(0)
    losses = []
    for epoch in range(2):
        order.manual_seed(epoch)
        model.train()
        for batch in loader:
            loss = model(**batch).loss
            accelerator.backward(loss)
            if clip is not None:
                accelerator.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    return losses


def losses_of_trainer(rows, folder, model=None, **changes):
    settings = {
        "num_train_epochs": 2,
        "per_device_train_batch_size": BATCH,
        "learning_rate": RATE,
        "warmup_steps": WARMUP,
        "weight_decay": DECAY,
        "seed": 0,
        "logging_steps": 1,
        "save_strategy": "no",
        "use_cpu": True,
    }
    args = TrainingArguments(str(folder), disable_tqdm=True, **(settings | changes))
    model = model or model_of_seed_0()
    trainer = Trainer(
        model, args, train_dataset=rows, data_collator=default_data_collator
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return [row["loss"] for row in trainer.state.log_history if "loss" in row]


def furthest(some, others):
    assert len(some) == len(others) == STEPS
    return max(abs(one - other) for one, other in zip(some, others, strict=True))


def test_loop_trainer_and_accelerate_lose_the_same_at_each_step(rows, tmp_path):
    by_hand = losses_of_the_loop(rows)
    assert furthest(by_hand, losses_of_trainer(rows, tmp_path)) < CLOSE
    assert furthest(by_hand, losses_of_accelerate(rows)) < CLOSE
    # Not equal because nothing happens: the run moves.
    assert max(by_hand) - min(by_hand) > 0.01


@pytest.mark.parametrize(
    "changes",
    [
        {"max_grad_norm": 0.1},
        {"max_grad_norm": 0},
        {"train_sampling_strategy": "sequential"},
        {"seed": 1},
        {"weight_decay": 0.0},
        {"warmup_steps": 0},
        {"lr_scheduler_type": "constant_with_warmup"},
        {"gradient_accumulation_steps": 2, "per_device_train_batch_size": BATCH // 2},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_any_other_setting_shows_in_the_losses(rows, tmp_path, changes):
    by_hand = losses_of_the_loop(rows)
    assert furthest(by_hand, losses_of_trainer(rows, tmp_path, **changes)) > 10 * CLOSE


def test_clipping_under_accelerate_shows_in_the_losses(rows):
    by_hand = losses_of_the_loop(rows)
    assert furthest(by_hand, losses_of_accelerate(rows, clip=0.1)) > 10 * CLOSE


def test_model_made_before_the_seed_shows_in_the_losses(rows, tmp_path):
    by_hand = losses_of_the_loop(rows)
    model = model_of_seed_0()
    torch.manual_seed(5)
    torch.nn.init.normal_(model.classifier.weight, std=0.6)
    assert furthest(by_hand, losses_of_trainer(rows, tmp_path, model)) > 10 * CLOSE
