"""Fine-tune a classifier of reviews on one device or many: the loop of notebook 05, as a program.

    python reviews.py --checkpoint FOLDER --dataset FOLDER --output runs/one
    torchrun --standalone --nproc_per_node 2 reviews.py --cpu ... --output runs/two
    accelerate launch --config_file gpus.yaml reviews.py ... --output runs/four

The global batch has 16 rows, whatever the number of processes. OUTPUT gets

    log.jsonl    a line for each step, with the loss of each process, and one for each epoch
    model/       after the epoch with the most reviews right
    step-...     the last state, every SAVE_EVERY steps; --resume goes on from there
"""

import argparse
import json
import shutil
import time
from pathlib import Path

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import (
    DataLoaderConfiguration,
    DistributedDataParallelKwargs,
    set_seed,
)
from datasets import load_dataset
from torch.utils.data import DataLoader, RandomSampler
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    get_scheduler,
)

EPOCHS, BATCH_SIZE, MAX_LENGTH = 2, 16, 128
SAME_AS_ONE = DataLoaderConfiguration(
    split_batches=True,  # a batch is cut up, one slice for each process
    use_seedable_sampler=True,  # all draw the same order, from data_seed + epoch
    data_seed=0,
)
# The gradients that processes exchange are those of the weights, and no second copy of them.
LEAN = DistributedDataParallelKwargs(gradient_as_bucket_view=True)


def arguments(line=None):
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", required=True, help="for from_pretrained")
    parser.add_argument("--dataset", nargs="+", required=True, help="for load_dataset")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--no-dropout", action="store_true")
    parser.add_argument("--stop-after", type=int, help="steps; all, if not given")
    parser.add_argument("--save-every", type=int, default=10, help="steps")
    parser.add_argument("--resume", action="store_true")
    args = parser.parse_args(line)
    args.output.mkdir(parents=True, exist_ok=True)
    return args


def parts(args):
    """Make model, optimizer, schedule, and the loaders of training and validation rows."""
    model = AutoModelForSequenceClassification.from_pretrained(
        args.checkpoint, num_labels=2
    )
    tokenizer = AutoTokenizer.from_pretrained(args.checkpoint)

    def collate(rows):
        texts = [row["text"] for row in rows]
        cut = {"truncation": True, "max_length": MAX_LENGTH}
        batch = tokenizer(texts, padding=True, return_tensors="pt", **cut)
        batch["labels"] = torch.tensor([row["label"] for row in rows])
        return batch

    rows = load_dataset(*args.dataset)["train"].train_test_split(test_size=150, seed=0)
    train_rows = rows["train"].select(range(320))
    sampler = RandomSampler(train_rows, generator=torch.Generator())
    loader = DataLoader(train_rows, BATCH_SIZE, sampler=sampler, collate_fn=collate)
    validation = DataLoader(rows["test"], 48, collate_fn=collate)

    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.01},
        {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]  # matrices, and then biases and norms
    optimizer = torch.optim.AdamW(groups, lr=2e-4, fused=True)
    scheduler = get_scheduler("linear", optimizer, 4, EPOCHS * len(loader))
    return model, optimizer, scheduler, loader, validation


def train(args):
    """Step, validate after each epoch, keep the best model."""
    accelerator = Accelerator(
        cpu=args.cpu, dataloader_config=SAME_AS_ONE, kwargs_handlers=[LEAN]
    )
    set_seed(0)
    model, optimizer, scheduler, loader, validation = accelerator.prepare(*parts(args))
    set_seed(0, device_specific=True)
    first = step = resumed(accelerator, args)
    for epoch in range(first // len(loader), EPOCHS):
        model.train(not args.no_dropout)
        for batch in remaining(accelerator, loader, epoch, step, first):
            if first < step and step % args.save_every == 0:
                save(accelerator, args, step)
            loss = model(**batch).loss
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
            step += 1
            losses = accelerator.gather(loss.detach().reshape(1))
            if accelerator.is_main_process:
                note(args, step=step, losses=losses.tolist())
            if step == args.stop_after:
                return finish(accelerator, step)
        right = validate(accelerator, model, validation)
        if accelerator.is_main_process:
            keep_best(accelerator, args, model, right)
            note(args, step=step, right=right)
    finish(accelerator, step)


def note(args, **figures):
    """Add a line to the log."""
    line = json.dumps({"clock": time.perf_counter(), **figures})
    with open(args.output / "log.jsonl", "a") as log:
        log.write(line + "\n")


def noted(args):
    """Read the log."""
    log = args.output / "log.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()]


def finish(accelerator, step):
    """Say how far it came; everything is written."""
    accelerator.print(f"{step} steps made in {accelerator.num_processes} process(es)")


def validate(accelerator, model, loader):
    """Count the validation rows that the model gets right."""
    model.eval()
    right = 0
    for batch in loader:
        with torch.no_grad():
            guesses = model(**batch).logits.argmax(dim=-1)
        # Without the rows that fill up the last batch.
        guesses, labels = accelerator.gather_for_metrics((guesses, batch["labels"]))
        right += (guesses == labels).sum().item()
    return right


def keep_best(accelerator, args, model, right):
    """Write the model down, unwrapped, if no epoch before had as many rows right."""
    before = [line["right"] for line in noted(args) if "right" in line]
    if right > max(before, default=-1):
        tokenizer = AutoTokenizer.from_pretrained(args.checkpoint)
        accelerator.unwrap_model(model).save_pretrained(args.output / "model")
        tokenizer.save_pretrained(args.output / "model")


def save(accelerator, args, step):
    """Save the state under another name, and then rename it: that is done whole or not at all."""
    unfinished = args.output / "unfinished"
    accelerator.save_state(unfinished)
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        older = list(args.output.glob("step-*"))
        unfinished.rename(args.output / f"step-{step:06}")
        for folder in older:
            shutil.rmtree(folder)
    accelerator.wait_for_everyone()


def resumed(accelerator, args):
    """Load the last state, forget what was logged after it, and give its step."""
    log = args.output / "log.jsonl"
    if not args.resume:
        if log.exists():
            raise SystemExit(
                f"{args.output} holds a run: add --resume, or another --output"
            )
        return 0
    step = 0
    if states := sorted(args.output.glob("step-*")):
        accelerator.load_state(states[-1])
        step = int(states[-1].name.removeprefix("step-"))
    if accelerator.is_main_process and log.exists():
        lines = [json.dumps(line) for line in noted(args) if line["step"] <= step]
        log.write_text("".join(f"{line}\n" for line in lines))
    accelerator.wait_for_everyone()
    return step


def remaining(accelerator, loader, epoch, step, first):
    """Give the batches of an epoch that are left, in the order that epoch has always."""
    done = step - epoch * len(loader)
    left = accelerator.skip_first_batches(loader, done) if done else loader
    left.set_epoch(epoch)  # also after skipping, which begins at epoch 0 again
    state = torch.get_rng_state()
    for number, batch in enumerate(left):
        if number == 0 and step == first > 0:  # a loader that begins draws a random
            torch.set_rng_state(state)  # number; here the killed run has drawn it
        yield batch


if __name__ == "__main__":
    train(arguments())
    # Not inside of train: a model that is let go after its group can wait for ever.
    PartialState().destroy_process_group()
