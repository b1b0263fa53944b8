"""Every exercise: no answer, wrong kinds of answers, and the likely slips with their hints."""

import contextlib
import itertools
import json
import math
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import datasets
import numpy as np
import pytest
import torch
import transformers

from hf_tutorial import checks
from tests import guards


def head_of(tokenizer, text):
    return tokenizer(text, return_offsets_mapping=True)["offset_mapping"]


def share_of_pads(lengths, size, width=max):
    cut = [lengths[i : i + size] for i in range(0, len(lengths), size)]
    return 1 - sum(lengths) / sum(width(batch) * len(batch) for batch in cut)


def padded(rows, pad=0, left=False, keep=1):
    """Collate as exercise 4.2 asks for, or nearly."""
    width = max(len(row["input_ids"]) for row in rows)
    ids, mask = [], []
    for row in rows:
        fill = width - len(row["input_ids"])
        row_mask = [keep] * (width - fill) + [1 - keep] * fill
        row_ids = row["input_ids"] + [pad] * fill
        ids.append(row_ids[-fill:] + row_ids[:-fill] if left and fill else row_ids)
        mask.append(row_mask)
    labels = torch.tensor([row["label"] for row in rows])
    return {
        "input_ids": torch.tensor(ids),
        "attention_mask": torch.tensor(mask),
        "labels": labels,
    }


def without(batch, key):
    return {name: value for name, value in batch.items() if name != key}


def cut_stream(stream, size, keep_tail=False):
    stop = len(stream) if keep_tail else len(stream) - size + 1
    return [stream[i : i + size] for i in range(0, stop, size)]


def ended(texts, end):
    return [token for text in texts for token in [*text, end]]


def plain(text):
    return "".join(c for c in text.lower() if c.isalnum() or c == " ").split()


def accuracy_of(prediction, pick=None, keep=lambda labels: labels != -100):
    """Score as exercise 6.1 asks for, or nearly."""
    logits, labels = prediction.predictions, prediction.label_ids
    if pick is not None:
        logits = pick(logits)
    elif isinstance(logits, tuple):
        logits = logits[0]
    right = logits.argmax(axis=-1) == labels
    return {"accuracy": float(right[keep(labels)].mean())}


def zeros_of_a_tuple(predictions):
    return predictions[1][:, 0] if isinstance(predictions, tuple) else predictions


class Waiting:
    """Stop as exercise 6.3 asks for, or nearly."""

    def __init__(
        self,
        patience,
        worse=lambda loss, best: loss >= best,
        reset=True,
        against="best",
    ):
        self.patience, self.worse, self.reset = patience, worse, reset
        self.against, self.best, self.waited = against, float("inf"), 0

    def on_evaluate(self, args, state, control, metrics, **kwargs):
        loss = metrics["eval_loss"]
        if self.worse(loss, self.best):
            self.waited += 1
        elif self.reset:
            self.waited = 0
        self.best = loss if self.against == "last" else min(self.best, loss)
        if self.waited >= self.patience:
            control.should_training_stop = True


def shifted_softmax(logits):
    powers = [math.exp(x - max(logits)) for x in logits]
    return [power / sum(powers) for power in powers]


def header_of(path):
    with open(path, "rb") as file:
        return json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))


def numbers_of(path):
    entries = header_of(path)
    entries.pop("__metadata__")
    return sum(math.prod(entry["shape"]) for entry in entries.values())


def loop_of(divided=True, clipped="group", log="mean", step=True, wait=True):
    """Write the loop of exercise 7.2, or nearly."""

    def loop(accelerator, model, optimizer, loader):
        losses, group = [], []
        for batch in loader:
            with accelerator.accumulate(model) if wait else contextlib.nullcontext():
                loss = model(batch).mean()
                accelerator.backward(loss) if divided else loss.backward()
                group.append(loss.item())
                full = accelerator.sync_gradients
                if clipped == "pass" or (clipped == "group" and full):
                    accelerator.clip_grad_norm_(model.parameters(), 1.0)
                if full or log == "pass":
                    logged = {"mean": sum(group) / len(group), "sum": sum(group)}
                    losses.append(logged.get(log, group[-1]))
                    group = [] if log != "all" else group
                if step:
                    optimizer.step()
                    optimizer.zero_grad()
        return losses

    return loop


class Pairs(torch.nn.Module):
    """Know what follows 0 and 1, the old tokens, and what follows 2 and 3, by so many logits."""

    def __init__(self, old, new):
        super().__init__()
        follows = torch.eye(4)[[1, 0, 3, 2]]
        size = torch.tensor([old, old, new, new]).float()
        self.weight = torch.nn.Parameter(follows * size[:, None])

    def forward(self, input_ids):
        return SimpleNamespace(logits=self.weight[input_ids])


OLD, NEW, STARTED = [[0, 1, 0, 1]] * 3, [[2, 3, 2, 3]] * 2, Pairs(5, -5)


def by_pipeline(model, tokenizer, text, several=True):
    fill = transformers.pipeline(
        "fill-mask", model=model, tokenizer=tokenizer, device="cpu"
    )
    found = fill(text)
    return (found[0] if several and isinstance(found[0], list) else found)[0][
        "token_str"
    ]


def filled(model, tokenizer, text, shift=0, place=None, which=0):
    """Fill as exercise 9.2 asks for, or nearly."""
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    gap = (ids[0] == tokenizer.mask_token_id).nonzero()[which].item()
    row = model(ids).logits[0, gap + shift if place is None else place]
    return tokenizer.convert_ids_to_tokens(row.argmax().item())


def moved(model, batch, tokenizer):
    gap = (batch["input_ids"][0] == tokenizer.mask_token_id).nonzero()[0].item()
    return tokenizer.decode(model(**batch).logits[0, gap].argmax())


def by_tuple(model, tokenizer, text, squash=lambda row, axis: row):
    ids = tokenizer.encode(text, return_tensors="pt")
    row = model(ids)[0][0, ids[0].tolist().index(tokenizer.mask_token_id)]
    return tokenizer.convert_ids_to_tokens(squash(row, -1).topk(1).indices.tolist())[0]


def table_of(rows):
    return datasets.Dataset.from_dict({"input_ids": rows, "labels": rows})


WANTED_MASK = torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]])


def nucleus_of(probabilities, p, keep=lambda above, own, p: above < p):
    """Filter as exercise 8.1 asks for, or nearly."""
    ordered, places = probabilities.sort(descending=True)
    kept = torch.zeros_like(ordered)
    above = ordered.cumsum(0) - ordered
    kept[places] = torch.where(keep(above, ordered, p), ordered, torch.zeros(1))
    return kept / kept.sum()


def on_the_left(rows, pad, side="left", first=0, count_pads=False, upside_down=False):
    """Pad as exercise 8.3 asks for, or nearly."""
    width = max(map(len, rows))
    pairs = [([pad] * (width - len(row)), row) for row in rows]
    ids = [fill + row if side == "left" else row + fill for fill, row in pairs]
    mask = torch.tensor([[0] * len(fill) + [1] * len(row) for fill, row in pairs])
    places = torch.arange(width).expand(len(rows), -1)
    return {
        "input_ids": torch.tensor(ids),
        "attention_mask": 1 - mask if upside_down else mask,
        "position_ids": places if count_pads else mask.cumsum(1) - mask + first,
    }


# check: (a right answer, {what its hint says: a wrong answer})
EXERCISES = {
    "unknown_share": (
        lambda text, t: t.tokenize(text).count(t.unk_token) / len(t.tokenize(text)),
        {
            "divide by the number": lambda text, t: t.tokenize(text).count(t.unk_token),
            "special tokens out": lambda text, t: (
                t(text)["input_ids"].count(t.unk_token_id) / len(t(text)["input_ids"])
            ),
            "not '[UNK]'": lambda text, t: t.tokenize(text).count("[UNK]") / len(text),
            "0.250 for a text": lambda text, t: 0.25,
            "a share of 0": lambda text, t: 0.5,
            "`return` missing": lambda text, t: None,
            "calling it raised": lambda text: 1,
        },
    ),
    "attention_mask": (
        WANTED_MASK,
        {
            "upside down": 1 - WANTED_MASK,
            "as torch.bool": WANTED_MASK.bool(),
            "as torch.float32": WANTED_MASK.float(),
            "one number for each ID": WANTED_MASK[0],
            "special tokens included": torch.zeros(2, 6),
        },
    ),
    "windows": (
        7,
        {
            "repeats 16 tokens": 5,
            "two of the 64 places": 6,
            "overlap, not the step": 16,
            "how many new tokens": 8,
        },
    ),
    "source_of": (
        lambda text, t, i: text[slice(*head_of(t, text)[i])],
        {
            "are the offsets": lambda text, t, i: head_of(t, text)[i],
            "is the token": lambda text, t, i: t.tokenize(text)[i - 1],
            "came from": lambda text, t, i: "society",
            "an empty string": lambda text, t, i: (
                text[slice(*head_of(t, text)[i])] if any(head_of(t, text)[i]) else "[CLS]"
            ),
            "is the whole word": lambda text, t, i: (
                text[slice(*head_of(t, text)[i])] and (text.split() * 9)[min(i - 1, 1)]
            ),
        },
    ),
    "change_by_layer": (
        lambda s: [(b - a).abs().max() for a, b in zip(s, s[1:], strict=False)],
        {
            "so 3 layers": lambda s: [x.abs().max() for x in s],
            "not with entry 0": lambda s: [(x - s[0]).abs().max() for x in s[1:]],
            "absolute change": lambda s: [(b - a).max() for a, b in zip(s, s[1:], strict=False)],
            "how far is it": lambda s: [(b - a).norm() for a, b in zip(s, s[1:], strict=False)],
            "mean change": lambda s: [(b - a).abs().mean() for a, b in zip(s, s[1:], strict=False)],
            "from each to the next": lambda s: [9, 9, 9],
        },
    ),
    "gigabytes": (
        112,
        {
            "parameters alone;": 28,
            "one of the four": 84,
            "would be bfloat16": 56,
            "alone, in bfloat16": 14,
            "gigabits": 896,
            "divide by 10": 112e9,
            "gibibytes": 104.3,
            "times bytes": 3,
        },
    ),
    "new_parameters": (
        lambda info: sorted(info["missing_keys"] | {n for n, *_ in info["mismatched_keys"]}),
        {
            "in the file only": lambda info: sorted(info["missing_keys"] | info["unexpected_keys"]),
            "keep the name": lambda info: [*info["missing_keys"], *info["mismatched_keys"]],
            "drawn anew": lambda info: sorted(info["missing_keys"]),
            "all missing and mismatched": lambda info: ["classifier.bias"],
            "no order": lambda info: info["missing_keys"] | {"classifier.bias"},
        },
    ),
    "padding_share": (
        share_of_pads,
        {
            "divide by all positions of": lambda lengths, size: 6,
            "not by the tokens": lambda lengths, size: 6 / 27,
            "share of tokens": lambda x, size: 1 - share_of_pads(x, size),
            "a width of its own": lambda x, size: share_of_pads(x, size, lambda b: max(x)),
            "do not sort": lambda x, size: share_of_pads(sorted(x), size),
            "the last row is missing": lambda x, size: share_of_pads(x[: len(x) // size * size], size),
            "one row only": lambda x, size: 1 - sum(x) / 38,
            "a mean of shares": lambda x, size: 0.15,
            "8 + 20 + 5": lambda x, size: 0.5,
            "equal length": lambda x, size: 6 / 33,
        },
    ),
    "collated": (
        padded,
        {
            "with an s": lambda rows: {**without(padded(rows), "labels"), "label": 1},
            "no 'attention_mask'": lambda rows: without(padded(rows), "attention_mask"),
            "make it a tensor": lambda rows: {k: v.tolist() for k, v in padded(rows).items()},
            "wants integers": lambda rows: {**padded(rows), "labels": torch.tensor([1.0, 0.0])},
            "two rows, the longest": lambda rows: {**padded(rows), "input_ids": torch.zeros(2, 512).long()},
            "on the left": lambda rows: padded(rows, left=True),
            "fill up with 0": lambda rows: padded(rows, pad=-100),
            "upside down": lambda rows: padded(rows, keep=0),
            "1 for each token": lambda rows: {**padded(rows), "attention_mask": torch.ones(2, 5).long()},
            "one label per row": lambda rows: {**padded(rows), "labels": torch.tensor([0, 1])},
        },
    ),
    "blocks": (
        lambda texts, size, end: cut_stream(ended(texts, end), size),
        {
            "is short": lambda t, size, end: cut_stream(ended(t, end), size, keep_tail=True),
            "no end token": lambda t, size, end: cut_stream(sum(t, []), size),
            "is filled up": lambda t, size, end: cut_stream([*ended(t, end), end], size),
            "after its text": lambda t, size, end: cut_stream([x for a in t for x in [end, *a]], size)[:1] + [[0, 4, 5, 0]],
            "one end token only": lambda t, size, end: [[1, 2, 3, 0], [4, 5, 6, 7]],
            "a block of its own": lambda t, size, end: [(a + [end] * size)[:size] for a in t],
            "join first": lambda t, size, end: [[9]],
            "every block is kept": lambda t, size, end: cut_stream(ended(t, end), size)[:2][: len(t) - 1 or 1],
        },
    ),
    "leaked": (
        lambda train, test: [i for i, text in enumerate(test) if plain(text) in [plain(t) for t in train]],
        {
            "not the texts": lambda train, test: [text for text in test if text.lower() == "a fine film"],
            "positions in train": lambda train, test: [0, 1],
            "found none": lambda train, test: [i for i, text in enumerate(test) if text in train],
            "punctuation": lambda train, test: [0],
            "another order": lambda train, test: [
                i for i, text in enumerate(test) if sorted(plain(text)) in [sorted(plain(t)) for t in train]
            ],
            "no leak from train": lambda train, test: [0, 2, 4],
            "which test texts": lambda train, test: [2],
        },
    ),
    "largest_weights": (
        (0.861, 0.289),
        {
            "other way round": (0.29, 0.86),
            "each query's largest": (0.0833, 0.0833),
            "over the 12 keys": (0.99, 0.6),
            "before softmax": (0.86, 0.86),
            "not percentages": (86, 29),
            "are off": (0.47, 0.27),
        },
    ),
    "share_on_itself": (
        lambda w: w.diagonal(dim1=-2, dim2=-1).mean(dim=-1),
        {
            "one number per query": lambda w: w.diagonal(dim1=-2, dim2=-1),
            "sum over queries": lambda w: w.diagonal(dim1=-2, dim2=-1).sum(dim=-1),
            "shape (): one number for each": lambda w: w.mean(),
            "last two axes": lambda w: w.mean(dim=(-2, -1)),
        },
    ),
    "repeated_word_head": (
        (2, 9),
        {
            "divmod by 12": 33,
            "layer first": (9, 2),
            "does not exist": (6, 0),
            "leave the diagonal out": (1, 1),
            "two tokens are equal": (0, 3),
        },
    ),
    "cross_entropy": (
        3.17,
        {
            "probability of the label": 0.042,
            "that is label 0": 2.17,
            "that is label 1": 0.17,
            "not negative": -3.17,
            "in bits": 4.573,
            "log10": 1.377,
            "not the logits themselves": 1.386,
            "softmax over three": 7,
        },
    ),
    "linear_schedule": (
        lambda step, warmup, total, peak: (
            peak * step / warmup
            if step < warmup
            else peak * max(0, total - step) / (total - warmup)
        ),
        {
            "multiply by the peak": lambda step, warmup, total, peak: min(
                step / warmup, (total - step) / (total - warmup)
            ),
            "stop at 0": lambda step, warmup, total, peak: (
                peak * min(step / warmup, (total - step) / (total - warmup))
            ),
            "one step early": lambda step, warmup, total, peak: (
                peak * min((step + 1) / warmup, max(0, total - step) / (total - warmup))
            ),
            "stays at the peak": lambda step, warmup, total, peak: peak * min(step / warmup, 1),
            "it jumps": lambda step, warmup, total, peak: (
                peak * (step / warmup if step < warmup else max(0, 1 - step / total))
            ),
            "warmup is missing": lambda step, warmup, total, peak: peak * max(0, 1 - step / total),
            "at step 10 of 20": lambda step, warmup, total, peak: (
                peak * step / warmup if step <= warmup else 0
            ),
            "draw it": lambda step, warmup, total, peak: float("nan"),
            "with warmup 0": lambda step, warmup, total, peak: (
                peak * min(step / (warmup or 1), max(0, total - step) / (total - warmup))
            ),
            "`return` missing": lambda step, warmup, total, peak: None,
        },
    ),
    "decayed": (
        lambda model: [n for n, p in model.named_parameters() if p.ndim > 1],
        {
            "biases are among them": lambda m: [n for n, _ in m.named_parameters()],
            "a LayerNorm has a weight": lambda m: [
                n for n, _ in m.named_parameters() if "bias" not in n
            ],
            "another name": lambda m: [
                n for n, _ in m.named_parameters() if "bias" not in n and "LayerNorm" not in n
            ],
            "'embeddings.weight'": lambda m: ["dense.weight", "classifier.weight"],
            "give their names": lambda m: [p for p in m.parameters() if p.ndim > 1],
            "keep the names": lambda m: [x for x in m.named_parameters() if x[1].ndim > 1],
        },
    ),
    "scores_of": (
        accuracy_of,
        {
            "-100 was counted": lambda p: accuracy_of(p, keep=lambda labels: labels == labels),
            "with a tuple": lambda p: accuracy_of(p, pick=lambda predictions: predictions),
            "its first entry": lambda p: accuracy_of(p, pick=zeros_of_a_tuple),
            "counts the right ones": lambda p: {"accuracy": 4 * accuracy_of(p)["accuracy"]},
            "not a percentage": lambda p: {"accuracy": 100 * accuracy_of(p)["accuracy"]},
            "a dict of scores by name": lambda p: accuracy_of(p)["accuracy"],
            "no 'accuracy'": lambda p: {"acc": accuracy_of(p)["accuracy"]},
            "over the last axis": lambda p: {"accuracy": float("nan")},
            "`return` missing": lambda p: None,
        },
    ),
    "lora_size": (
        lambda shapes, rank: sum(rank * (o + i) for o, i in shapes),
        {
            "matrices themselves: LoRA leaves": lambda shapes, rank: sum(o * i for o, i in shapes),
            "not a factor": lambda shapes, rank: sum(rank * o * i for o, i in shapes),
            "only the first": lambda shapes, rank: rank * sum(shapes[0]),
            "only the last": lambda shapes, rank: rank * sum(shapes[-1]),
            "multiply by the rank": lambda shapes, rank: sum(o + i for o, i in shapes),
            "B counts as well": lambda shapes, rank: sum(rank * o for o, i in shapes),
            "one is rank x in": lambda shapes, rank: sum(rank * i for o, i in shapes),
            "frozen, not trained": lambda shapes, rank: sum(
                o * i + rank * (o + i) for o, i in shapes
            ),
            "A is rank x in": lambda shapes, rank: 7,
            "at rank 8": lambda shapes, rank: 200,
        },
    ),
    "patience": (
        Waiting,
        {
            "only falls": lambda patience: Waiting(patience, worse=lambda loss, best: True),
            "first setback": lambda patience: Waiting(1),
            "a new best resets": lambda patience: Waiting(patience, reset=False),
            "it never stops": lambda patience: Waiting(99),
            "one evaluation late": lambda patience: Waiting(patience + 1),
            "the evaluation before": lambda patience: Waiting(patience, against="last"),
            "equal to the best": lambda patience: Waiting(
                patience, worse=lambda loss, best: loss > best
            ),
            "with patience 1": lambda patience: Waiting(2),
        },
    ),
    "nucleus": (
        nucleus_of,
        {
            "its own place": lambda x, p: nucleus_of(x, p).sort(descending=True).values,
            "divide, so that": lambda x, p: nucleus_of(x, p) * 0.7,
            "token that crosses": lambda x, p: nucleus_of(x, p, lambda a, own, p: a + own <= p),
            "one token too many": lambda x, p: nucleus_of(x, p, lambda a, own, p: a < p + 0.2),
            "nan": lambda x, p: nucleus_of(x, p, lambda a, own, p: a < 0),
            "as small as 0.1": lambda x, p: nucleus_of(x, p) if p > 0.5 else x,
            "for p = 0.6": lambda x, p: x,
        },
    ),
    "cache_gigabytes": (
        4.295,
        {
            "one of two tensors": 2 * 32 * 4 * 8 * 8192 * 128 / 1e9,
            "only 8 heads": 17.18,
            "two bytes, not four": 8.59,
            "one user": 1.074,
            "one of the 32 layers": 0.1342,
            "gibibytes": 4,
            "gigabits": 34.36,
            "divide by 10": 4294967296,
            "is not it": 3,
        },
    ),
    "left_padded": (
        on_the_left,
        {
            "padded on the right": lambda rows, pad: on_the_left(rows, pad, side="right"),
            "upside down": lambda rows, pad: on_the_left(rows, pad, upside_down=True),
            "count the pads": lambda rows, pad: on_the_left(rows, pad, count_pads=True),
            "count from 0": lambda rows, pad: on_the_left(rows, pad, first=1),
            "no 'position_ids'": lambda rows, pad: without(on_the_left(rows, pad), "position_ids"),
            "position -1": lambda rows, pad: on_the_left(rows, pad) | {
                "position_ids": on_the_left(rows, pad)["attention_mask"].cumsum(1) - 1
            },
            "make it a tensor": lambda rows, pad: on_the_left(rows, pad) | {"input_ids": [[1]]},
        },
    ),
    "softmax_by_hand": (
        shifted_softmax,
        {
            "divide by the sum": lambda logits: [math.exp(x) for x in logits],
            "looks at one logit alone": lambda logits: [
                1 / (1 + math.exp(-x)) for x in logits
            ],
            "shares of the logits": lambda logits: [x / sum(logits) for x in logits],
            "until the logits are large": lambda logits: [
                math.exp(x) / sum(math.exp(y) for y in logits) for x in logits
            ],
            "subtract the largest logit": lambda logits: (
                torch.tensor(logits).exp() / torch.tensor(logits).exp().sum()
            ).tolist(),
            "not powers of e": lambda logits: [
                2**x / sum(2**y for y in logits) for x in logits
            ],
            "sum to 3.000": lambda logits: [1 for x in logits],
            "2 numbers for three": lambda logits: [0.5, 0.5],
        },
    ),
    "fooled": (
        ("I wanted to love it.", "NEGATIVE"),
        {
            "as you do": ("I loved every minute.", "POSITIVE"),
            "is no label": ("I loved every minute.", "good"),
            "three words at least": ("Loved it.", "POSITIVE"),
            "stands above": ("Not a dull moment!", "POSITIVE"),
            "without conviction": ("The meeting is at three.", "NEGATIVE"),
        },
    ),
    "numbers_in": (
        numbers_of,
        {
            "`__metadata__` is no tensor": lambda path: sum(
                math.prod(e["shape"]) for e in header_of(path).values()
            ),
            "counts bytes": lambda path: Path(path).stat().st_size,
            "may share a file": lambda path: Path(path).stat().st_size / 4,
            "an empty product is 1": lambda path: numbers_of(path) - 1,
            "counts tensors": lambda path: len(header_of(path)) - 1,
            "multiply, then add": lambda path: 48,
        },
    ),
    "planned_batch": (
        (8, 16, 4),
        {
            "the other way round": (16, 8, 4),
            "the other brings 8 as well": (8, 16, 8),
            "64 at once do not fit": (64, 64, 1),
            "would get 16 at once": (16, 16, 4),
            "gets 16 of 32": (8, 32, 2),
            "cannot need the same": (8, 8, 4),
            "8 x 2 x 2 examples": (8, 16, 2),
            "makes 10 x 4 examples": (8, 10, 4),
            "more fits": (2, 4, 16),
            "fewer passes": (4, 8, 8),
        },
    ),
    "mended_loop": (
        loop_of(),
        {
            "was a step taken": loop_of(step=False),
            "four steps were taken": loop_of(wait=False),
            "nothing is clipped": loop_of(clipped="never"),
            "is clipped": loop_of(divided=False, clipped="never"),
            "who divides the loss": loop_of(divided=False),
            "added up, not averaged": loop_of(divided=False, clipped="pass", log="pass"),
            "clipped in each pass": loop_of(clipped="pass"),
            "4 losses for 2 steps": loop_of(log="pass"),
            "a group's last pass": loop_of(log="last"),
            "their mean is": loop_of(log="sum"),
            "a `return` missing": lambda *loop: None,
        },
    ),
    "slowest_link": (
        lambda parameters, compute, n: 8 * parameters / compute,
        {
            "had all of compute": lambda p, c, n: 8 * (n - 1) / n * p / c,
            "what is saved": lambda p, c, n: 8 * (n - 1) / n * p / (c / n),
            "is 4 bytes": lambda p, c, n: 2 * p / c,
            "sends twice": lambda p, c, n: 4 * p / c,
            "those are bits": lambda p, c, n: 64 * p / c,
            "upside down": lambda p, c, n: c / (8 * p),
            "not for n = 2": lambda p, c, n: 8 * p / c * (1 if n == 4 else 2),
            "set compute equal": lambda p, c, n: 1.0,
        },
    ),
    "learn_and_keep": (
        (Pairs(5, 5), Pairs(5, -5), OLD, NEW),
        {
            "four things": Pairs(5, 5),
            "study a copy": (STARTED, STARTED, OLD, NEW),
            "more often": (Pairs(5, -4), Pairs(5, -5), OLD, NEW),
            "it forgets": (Pairs(1, 5), Pairs(5, -5), OLD, NEW),
            "nan nats": (Pairs(5, math.nan), Pairs(5, -5), OLD, NEW),
            "asked for a model": ("student", Pairs(5, -5), OLD, NEW),
            "`return` missing": (None, Pairs(5, -5), OLD, NEW),
        },
    ),
    "fill_gap": (
        filled,
        {
            "one token, as a string": lambda m, t, text: [filled(m, t, text)],
            "convert_ids_to_tokens": lambda m, t, text: t.convert_tokens_to_ids(filled(m, t, text)),
            "read the logits": lambda m, t, text: t.mask_token,
            "another position": lambda m, t, text: filled(m, t, text, shift=-1),
            "not the most likely": lambda m, t, text: t.unk_token,
            "counting positions": lambda m, t, text: filled(m, t, text, place=4),
            "the first one was asked": lambda m, t, text: filled(m, t, text, which=-1),
            "a list for each gap": lambda m, t, text: by_pipeline(m, t, text, several=False),
            "`return` missing": lambda m, t, text: None,
        },
    ),
    "one_night": (
        4.9e6,
        {
            "square root": 2.4e13,
            "those are the tokens": 98e6,
            "one token a weight": 21.9e6,
            "6 of 6": 12e6,
            "forward pass alone": 8.49e6,
            "8 x 3600": 81_650,
            "not 60": 632_456,
            "in millions": 4.9,
            "equal to the night": 1e9,
        },
    ),
}  # fmt: skip
SLIPS = [
    (name, hint, wrong)
    for name, (_, slips) in EXERCISES.items()
    for hint, wrong in slips.items()
]


PRETRAINING = {
    "on the model's device": (
        "fill_gap",
        lambda m, t, text: moved(m, t(text, return_tensors="pt").to(m.device), t),
    ),
    "a pipeline": ("fill_gap", by_pipeline),
    "first of a tuple": ("fill_gap", lambda m, t, text: by_tuple(m, t, text)),
    "a probability": (
        "fill_gap",
        lambda m, t, text: by_tuple(m, t, text, torch.softmax),
    ),
    "as the praise has it": ("one_night", 5e6),
    "rounded down": ("one_night", 4.5e6),
    "an array's number": ("one_night", np.float32(4_898_979)),
    "a tensor": ("one_night", torch.tensor(24e12).sqrt()),
    "tensors": (
        "learn_and_keep",
        (Pairs(5, 3), STARTED, torch.tensor(OLD), torch.tensor(NEW)),
    ),
    "arrays": ("learn_and_keep", (Pairs(9, 9), STARTED, np.array(OLD), np.array(NEW))),
    "tables": (
        "learn_and_keep",
        (Pairs(5, 3).half(), STARTED, table_of(OLD), table_of(NEW)),
    ),
}


@pytest.mark.parametrize("kind", PRETRAINING)
def test_right_answer_about_pretraining_of_another_kind_is_correct(kind):
    name, answer = PRETRAINING[kind]
    verdict = getattr(checks, name)(answer)
    assert verdict.outcome == "correct", verdict


def test_study_that_is_checked_stays_in_the_mode_it_was_in():
    student = Pairs(5, 5).train()
    assert checks.learn_and_keep(student, STARTED, OLD, NEW).outcome == "correct"
    assert student.training


def test_a_score_just_below_1_is_not_called_1():
    assert "at 0.9995;" in checks.fooled("I wanted to love it.", "NEGATIVE").message


def called_in_notebooks():
    notebooks = guards.ours().values()
    cells = [cell for notebook in notebooks for cell in guards.code(notebook)]
    return {guards.checked(cell) for cell in cells if "exercise" in guards.tags(cell)}


def test_every_exercise_is_tried_here_and_every_check_is_used():
    public = {
        name
        for name, value in vars(checks).items()
        if hasattr(value, "__wrapped__")
        and value.__module__.startswith(checks.__name__)
    }
    assert set(EXERCISES) == called_in_notebooks() == public


def test_every_exercise_has_at_least_two_slips():
    assert {name for name, (_, slips) in EXERCISES.items() if len(slips) < 2} == set()


@pytest.mark.parametrize("name", EXERCISES)
def test_right_answer_is_correct(name):
    verdict = getattr(checks, name)(EXERCISES[name][0])
    assert verdict.outcome == "correct", verdict


@pytest.mark.parametrize(
    ("name", "hint", "wrong"), SLIPS, ids=[f"{n}-{h}" for n, h, _ in SLIPS]
)
def test_slip_meets_its_hint(name, hint, wrong):
    verdict = getattr(checks, name)(wrong)
    assert verdict.outcome == "try again"
    assert hint in verdict.message


@pytest.mark.parametrize("name", EXERCISES)
def test_untouched_starter_is_not_attempted(name):
    check, (right, _) = getattr(checks, name), EXERCISES[name]
    assert check().outcome == check(...).outcome == "not attempted"
    if callable(right):
        assert check(lambda *answer: ...).outcome == "not attempted"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "",
        "seven",
        [],
        {},
        object(),
        float("nan"),
        torch.zeros(3),
        -1,
        b"x",
        True,
        (1, 2, 3),
    ],
    ids=lambda answer: type(answer).__name__,
)
@pytest.mark.parametrize("name", EXERCISES)
def test_answer_of_any_kind_gets_a_sentence(name, answer):
    verdict = getattr(checks, name)(answer)
    assert verdict.outcome == "try again"
    assert 10 < len(verdict.message) < 300 and "\n" not in verdict.message


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no")


def leaves():
    sys.exit("bye")


@pytest.mark.parametrize("name", EXERCISES)
def test_nothing_escapes_a_check(name):
    check = getattr(checks, name)
    for answer in (Unprintable(), leaves, lambda *x: leaves(), lambda *x: 1 / 0):
        assert check(answer).outcome == "try again"
    assert check(1, 2, 3, 4).outcome == "try again"


class Leaving(BaseException):
    def __str__(self):
        raise RuntimeError("no")


def test_what_is_no_exception_is_caught_as_well():
    def leave(*answer):
        raise Leaving

    verdict = checks.unknown_share(leave)
    assert verdict.message == "calling it raised Leaving: that cannot even be printed"


def test_the_interrupt_key_is_the_readers_own():
    def interrupted(*answer):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checks.unknown_share(interrupted)


def test_answer_may_be_named():
    assert checks.windows(answer=7).outcome == "correct"


def test_half_an_emoji_is_quoted_as_its_code():
    assert r"\ud83d" in checks.windows("\ud83d").message


def test_no_end_is_said_where_a_few_were_asked_for():
    verdict = checks.leaked(lambda train, test: itertools.count())
    assert "over 10,000 values, and maybe no end" in verdict.message


def test_importing_checks_and_figures_loads_no_library():
    libraries = {"torch", "transformers", "numpy", "matplotlib"}
    program = (
        "import sys; from hf_tutorial import checks, figures; "
        f"sys.exit(str({libraries!r} & {{*sys.modules}}) if {libraries!r} & {{*sys.modules}} else 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_check_is_listed_in_the_package():
    assert {*EXERCISES} | {"Verdict", "again", "check", "correct"} == {*checks.__all__}


def test_pair_may_come_as_two_arguments():
    assert checks.repeated_word_head(2, 9).outcome == "correct"


def test_number_that_is_none_is_never_correct():
    nan = float("nan")
    assert checks.largest_weights((nan, nan)).outcome == "try again"
    assert checks.unknown_share(lambda text, t: nan).outcome == "try again"


def test_check_of_bundled_heads_says_so_on_other_models(monkeypatch):
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", "hub")
    assert "bundled encoder only" in checks.repeated_word_head((2, 9)).message


def test_missing_return_is_suspected():
    assert "is a `return` missing?" in checks.windows(None).message


def test_hints_do_not_give_the_answer_away():
    for name, (right, slips) in EXERCISES.items():
        if isinstance(right, int | float) and right:
            for wrong in slips.values():
                assert f" {right} " not in getattr(checks, name)(wrong).message


def test_verdict_reads_as_a_sentence():
    assert repr(checks.Verdict("correct", "well done")) == "correct: well done"
