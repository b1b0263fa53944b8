"""Every exercise: no answer, wrong kinds of answers, and the likely slips with their hints."""

import contextlib
import functools
import itertools
import json
import math
import re
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import datasets
import numpy as np
import pandas as pd
import pytest
import torch
import transformers
from scipy.stats import binom, binomtest, chi2
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from transformers.trainer_pt_utils import get_parameter_names

from hf_tutorial import NOTEBOOKS, checks, sources
from hf_tutorial.checks import generation
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


def shop(
    path,
    guessed=False,
    keep=None,
    positive=None,
    names=("negative", "positive"),
    size=0.25,
    shuffle=True,
    words=False,
):
    """Prepare as exercise 4.3 asks for, or nearly."""
    kinds = datasets.Features(
        {
            "sku": datasets.Value("string"),
            "text": datasets.Value("string"),
            "stars": datasets.Value("int64"),
        }
    )
    rows = datasets.load_dataset(
        "csv",
        data_files=path,
        features=None if guessed else kinds,
        keep_default_na=words,
    )["train"]
    rows = rows.filter(keep or (lambda row: bool(row["text"]) and row["stars"] != 3))
    positive = positive or (lambda stars: stars > 3)
    rows = rows.add_column("label", [int(positive(stars)) for stars in rows["stars"]])
    if names:
        rows = rows.cast_column("label", datasets.ClassLabel(names=[*names]))
    stratify = {"stratify_by_column": "label"} if shuffle and names else {}
    parts = rows.train_test_split(size, seed=0, shuffle=shuffle, **stratify)
    return datasets.DatasetDict(train=parts["train"], validation=parts["test"])


def plain(text):
    return "".join(c for c in text.lower() if c.isalnum() or c == " ").split()


def mean(values):
    return sum(values) / len(values)


def loss_of(logits, labels, **options):
    flat = logits.flatten(0, 1), labels.flatten()
    return torch.nn.functional.cross_entropy(*flat, **options)


def token_loss_of(parts):
    """Divide as exercise 5.1 asks for."""
    tokens = sum((labels != -100).sum() for _, labels in parts)
    return sum(loss_of(*part, reduction="sum") for part in parts) / tokens


def token_loss_in_numpy(parts):
    """Divide as exercise 5.1 asks for, row by row in float32, without PyTorch's loss."""
    found = []
    for logits, labels in parts:
        logits, labels = logits.numpy().reshape(-1, 3), labels.numpy().ravel()
        for row, label in zip(logits, labels, strict=True):
            if label >= 0:
                found.append(np.log(np.exp(row).sum()) - row[label])
    return np.float32(np.mean(found))


def token_loss_of_one_batch(parts):
    """Lay all tokens in one row, and let PyTorch take the mean of those that count."""
    logits = torch.cat([logits.flatten(0, 1) for logits, _ in parts])
    labels = torch.cat([labels.flatten() for _, labels in parts])
    return torch.nn.functional.cross_entropy(logits, labels).item()


def parting(mine, its, truth):
    """Count the rows that only the one and only the other got right."""
    mine, its = np.array(mine) == truth, np.array(its) == truth
    return int(sum(mine & ~its)), int(sum(its & ~mine))


def lucky(mine, its, truth):
    """Answer exercise 5.3 with SciPy."""
    gained, lost = parting(mine, its, truth)
    return binomtest(gained, gained + lost).pvalue if gained + lost else 1.0


def lucky_by_hand(mine, its, truth):
    decided = [m == t for m, i, t in zip(mine, its, truth, strict=True) if m != i]
    n, most = len(decided), max(sum(decided), len(decided) - sum(decided))
    return (
        min(1, sum(math.comb(n, k) for k in range(most, n + 1)) / 2 ** (n - 1))
        if n
        else 1
    )


def lucky_in_torch(mine, its, truth):
    mine, its, truth = (torch.tensor(given) for given in (mine, its, truth))
    lead, n = (mine == truth).sum() - (its == truth).sum(), (mine != its).sum()
    coin = torch.distributions.Binomial(int(n), 0.5)
    k = torch.arange(int(n) + 1)
    return coin.log_prob(k).exp()[(2 * k - n).abs() >= lead.abs()].sum()


def lucky_in_pandas(mine, its, truth):
    rows = pd.DataFrame({"mine": mine, "its": its, "truth": truth})
    rows = rows[rows["mine"] != rows["its"]]
    counts = (rows["mine"] == rows["truth"]).value_counts()
    least = counts.min() if len(counts) == 2 else 0
    return np.float32(min(1.0, 2 * binom.cdf(least, len(rows), 0.5)))


def accuracy_of(prediction, pick=None, keep=lambda labels: labels != -100):
    """Score as exercise 6.1 asks for, or nearly."""
    logits, labels = prediction.predictions, prediction.label_ids
    if pick is not None:
        logits = pick(logits)
    elif isinstance(logits, tuple):
        logits = logits[0]
    right = logits.argmax(axis=-1) == labels
    return {"accuracy": float(right[keep(labels)].mean())}


def reviews_in(split):
    lines = (NOTEBOOKS.parent / f"data/reviews/{split}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in lines.splitlines()]


@functools.cache
def held_out():
    """Tell the label of each text that exercise 6.3 asks for."""
    return {row["text"]: row["label"] for row in reviews_in("validation")}


def to_learn():
    rows = reviews_in("train")
    return [row["text"] for row in rows], [row["label"] for row in rows]


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


def count(group, until=None):
    """Count the tokens of a group, or of its batches up to one."""
    sizes = itertools.accumulate(len(batch) for batch in group)
    return next(
        size
        for batch, size in zip(group, [*sizes], strict=True)
        if batch is (group[-1] if until is None else until)
    )


def token_loop(scale, step=True, wait=True, plain=False):
    """Write the loop of exercise 7.1, or nearly."""

    def loop(accelerator, model, optimizer, groups):
        for group in groups:
            for batch in group:
                with (
                    accelerator.accumulate(model) if wait else contextlib.nullcontext()
                ):
                    loss = model(batch).sum() * scale(batch, group, groups)
                    loss.backward() if plain else accelerator.backward(loss)
                    if step:
                        optimizer.step()
                        optimizer.zero_grad()

    return loop


def large_batch(accelerator, model, optimizer, groups):
    """Solve exercise 7.1 with the memory that accumulation saves."""
    for group in groups:
        model(torch.cat(group)).mean().backward()
        optimizer.step()
        optimizer.zero_grad()


def with_means(accelerator, model, optimizer, groups):
    """Solve exercise 7.1 with means, weighted in NumPy."""
    for group in groups:
        weights = np.array([len(batch) for batch in group], dtype=np.float32)
        weights /= weights.mean()
        for batch, weight in zip(group, weights, strict=True):
            with accelerator.accumulate(model):
                accelerator.backward(model(batch).mean() * weight.item())
                optimizer.step()
                optimizer.zero_grad()


def plain_loop(accelerator, model, optimizer, loader):
    """Solve exercise 7.2 with PyTorch's own calls."""
    losses = []
    for number, batch in enumerate(loader):
        with accelerator.accumulate(model):
            loss = model(batch).mean()
            (loss / 2).backward()
            if number % 2:
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            losses.append(loss.detach())
            optimizer.step()
            optimizer.zero_grad()
    return torch.stack(losses).reshape(-1, 2).mean(dim=1)


def loop_in_numpy(accelerator, model, optimizer, loader):
    return np.array(loop_of()(accelerator, model, optimizer, loader), dtype=np.float32)


def loop_as_iterator(accelerator, model, optimizer, loader):
    return iter(loop_of()(accelerator, model, optimizer, loader))


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


def by_own_pipeline(model, tokenizer, text):
    """Say what the notebook's own pipeline does, whose mask token is another."""
    message = f"No mask_token ([MASK]) found on the input {text}"
    raise transformers.pipelines.PipelineException("fill-mask", "bert", message)


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


def top_2(probabilities, p):
    size = 2 if p > 0.5 else 1  # as many as there were in the example
    kept = torch.zeros_like(probabilities)
    likely = probabilities.topk(size).indices
    kept[likely] = probabilities[likely]
    return kept / kept.sum()


def above_a_quarter(probabilities, p):
    kept = probabilities * (probabilities >= (0.25 if p > 0.5 else probabilities.max()))
    return kept / kept.sum()


def nucleus_in_a_loop(probabilities, p):
    kept, total = [0.0] * len(probabilities), 0.0
    for place in sorted(range(len(kept)), key=lambda i: -probabilities[i]):
        if total < p:
            kept[place] = float(probabilities[place])
            total += kept[place]
    return [share / total for share in kept]


def nucleus_in_numpy(probabilities, p):
    values = probabilities.numpy().astype("float64")
    order = np.argsort(-values)
    kept = np.zeros_like(values)
    first = order[: np.searchsorted(np.cumsum(values[order]), p) + 1]
    kept[first] = values[first] / values[first].sum()
    return kept


def nucleus_of_the_library(probabilities, p):
    from transformers import TopPLogitsWarper

    return TopPLogitsWarper(p)(None, probabilities.log()[None]).softmax(dim=-1)[0]


def as_chatml(
    messages,
    prompt,
    end="<|im_end|>\n",
    after="\n",
    strip=False,
    invert=False,
    only=None,
):
    """Write a conversation as exercise 10.1 asks for, or nearly."""
    text = ""
    for one in messages:
        said = one["content"].strip() if strip else one["content"]
        if only is None or one["role"] in only:
            text += f"<|im_start|>{one['role']}{after}{said}{end}"
    return text + f"<|im_start|>assistant{after}" * (prompt != invert)


def chatml_by_template(messages, prompt):
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        sources.checkpoint("causal-lm")
    )
    tokenizer.chat_template = (
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
        "{% endfor %}{{ '<|im_start|>assistant\n' if add_generation_prompt }}"
    )
    return tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=prompt
    )


def chatml_by_join(messages, prompt):
    turns = [f"{m['role']}\n{m['content']}<|im_end|>\n" for m in messages]
    turns += ["assistant\n"] if prompt else []
    return "<|im_start|>".join(["", *turns])


def chatml_by_slots(messages, prompt):
    form = "<|im_start|>{role}\n{content}<|im_end|>\n"
    text = "".join(form.format(**message) for message in messages)
    if prompt:
        text += form.format(role="assistant", content="").removesuffix("<|im_end|>\n")
    return text


def dpo_of(chosen, rejected, chosen_before, rejected_before, beta):
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -torch.nn.functional.logsigmoid(beta * margin)


def dpo_by_softplus(c, r, c0, r0, beta):
    return torch.nn.functional.softplus(beta * ((r - r0) - (c - c0)))


def dpo_by_numpy(c, r, c0, r0, beta):
    c, r, c0, r0, beta = (float(x) for x in (c, r, c0, r0, beta))
    return np.logaddexp(0, -beta * ((c - r) - (c0 - r0)))


def dpo_by_softmax(c, r, c0, r0, beta):
    both = torch.stack([beta * (c - c0), beta * (r - r0)])
    return torch.nn.functional.cross_entropy(both, torch.tensor(0))


def merged_of(weight, a, b, alpha):
    return weight + alpha / a.shape[0] * b @ a


def merged_in_numpy(weight, a, b, alpha):
    return weight.numpy() + alpha / len(a) * (b.numpy() @ a.numpy())


def merged_by_einsum(weight, a, b, alpha):
    return weight.double() + torch.einsum("or,ri->oi", b, a).double() * (
        alpha / b.shape[1]
    )


def merged_in_a_loop(weight, a, b, alpha):
    found = weight.clone()
    for row, column in zip(a, b.T, strict=True):
        found += torch.outer(column, row) * alpha / len(a)
    return torch.nn.Parameter(found)


def merged_in_place(weight, a, b, alpha):
    weight += alpha / len(a) * b @ a
    return weight


def on_the_left(
    rows, pad, side="left", first=0, count_pads=False, upside_down=False, by_id=False
):
    """Pad as exercise 8.2 asks for, or nearly."""
    width = max(map(len, rows))
    pairs = [([pad] * (width - len(row)), row) for row in rows]
    ids = torch.tensor(
        [fill + row if side == "left" else row + fill for fill, row in pairs]
    )
    mask = torch.tensor([[0] * len(fill) + [1] * len(row) for fill, row in pairs])
    mask = (ids != pad).int() if by_id else mask
    places = torch.arange(width).expand(len(rows), -1)
    return {
        "input_ids": ids,
        "attention_mask": 1 - mask if upside_down else mask,
        "position_ids": places if count_pads else mask.cumsum(1) - mask + first,
    }


def left_by_pad_sequence(rows, pad):
    from torch.nn.utils.rnn import pad_sequence

    def filled(lists, value):
        tensors = [torch.tensor(row) for row in lists]
        return pad_sequence(
            tensors, batch_first=True, padding_value=value, padding_side="left"
        )

    ones = [[1] * len(row) for row in rows]
    places = [range(len(row)) for row in rows]
    return {
        "input_ids": filled(rows, pad),
        "attention_mask": filled(ones, 0),
        "position_ids": filled([list(row) for row in places], 1),
    }


def left_by_lengths(rows, pad):
    lengths = torch.tensor([[len(row)] for row in rows])
    width = int(lengths.max())
    places = torch.arange(width) - (width - lengths)
    ids = torch.full((len(rows), width), pad, dtype=torch.int32)
    for line, row in zip(ids, rows, strict=True):
        line[width - len(row) :] = torch.tensor(row)
    mask = (places >= 0).to(torch.int32)
    return transformers.BatchEncoding(
        {"input_ids": ids, "attention_mask": mask, "position_ids": places.clamp(min=0)}
    )


def continuations(split, count=80):
    """Give stories without their first five words, as exercise 8.3 wants texts."""
    stories = pd.read_parquet(sources.DATA / f"stories/{split}.parquet")
    return [" ".join(text.split()[5:]) for text in stories["text"][:count]]


def varied(drafts, count=80):
    """Choose texts one after another, each the one with the most new pairs of words."""
    seen, chosen = set(), []
    for start in range(0, len(drafts), len(drafts) // count):
        pairs = {
            text: {*itertools.pairwise(plain(" ".join(text.split()[:40])))}
            for text in drafts[start : start + len(drafts) // count]
        }
        chosen.append(max(pairs, key=lambda text: len(pairs[text] - seen)))
        seen |= pairs[chosen[-1]]
    return chosen


def backwards(text):
    return " ".join(reversed(text.split()))


TALES = varied(continuations("train", 640))


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
            "one label per row": lambda rows: {**padded(rows), "labels": torch.tensor([0, 1][: len(rows)])},
            "a 0 of its own": lambda rows: {**padded(rows), "attention_mask": (padded(rows)["input_ids"] != 0).long()},
        },
    ),
    "prepared": (
        shop,
        {
            "a quarter is 4": lambda path: shop(path, size=0.5),
            "the file is sorted": lambda path: shop(path, shuffle=False),
            "put two splits": lambda path: shop(path)["train"],
            "name them 'train'": lambda path: datasets.DatasetDict(train=shop(path)["train"]),
            "no column ['label']": lambda path: shop(path).remove_columns("label"),
            "a ClassLabel knows": lambda path: shop(path, names=None),
            "not ['negative', 'positive']": lambda path: shop(path, names=["bad", "good"]),
            "without a text": lambda path: shop(path, keep=lambda row: row["stars"] != 3),
            "they are neither": lambda path: shop(path, keep=lambda row: bool(row["text"])),
            "which were lost": lambda path: shop(path, keep=lambda row: bool(row["text"]) and row["stars"] in (1, 5)),
            "in both splits": lambda path: datasets.DatasetDict(
                train=shop(path)["train"], validation=shop(path)["train"].select(range(4))
            ),
            "has become 7": lambda path: shop(path, guessed=True, words=True),
            "'NA' has become no value": lambda path: shop(path, words=True),
            "a label is wrong": lambda path: shop(path, positive=lambda stars: stars > 4),
            "such as '1e5'": lambda path: shop(path).map(lambda row: {"sku": row["sku"].replace("0250", "250")}),
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
            "is a part of": lambda train, test: [
                i for i, text in enumerate(test) if any(" ".join(plain(text)) in " ".join(plain(t)) for t in train)
            ],
            "shares words": lambda train, test: [0, 2, 6],
            "not True or False": lambda train, test: [text in train for text in test],
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
    "token_loss": (
        token_loss_of,
        {
            "mean of two means": lambda parts: mean([loss_of(*part) for part in parts]),
            "those are means, added up": lambda parts: sum(loss_of(*part) for part in parts),
            "that is the sum": lambda parts: sum(loss_of(*part, reduction="sum") for part in parts),
            "the number of parts": lambda parts: mean([loss_of(*part, reduction="sum") for part in parts]),
            "divided by all positions": lambda parts: (
                sum(loss_of(*part, reduction="sum") for part in parts)
                / sum(labels.numel() for _, labels in parts)
            ),
            "weighted by rows": lambda parts: (
                sum(len(labels) * loss_of(logits, labels) for logits, labels in parts)
                / sum(len(labels) for _, labels in parts)
            ),
            "weighted by all positions": lambda parts: (
                sum(labels.numel() * loss_of(logits, labels) for logits, labels in parts)
                / sum(labels.numel() for _, labels in parts)
            ),
            "its mean is 0 / 0": lambda parts: (
                sum(loss_of(*part) * (part[1] != -100).sum() for part in parts)
                / sum((part[1] != -100).sum() for part in parts)
            ),
            "is right: add up": lambda parts: float("nan"),
            "`return` missing": lambda parts: None,
        },
    ),
    "decayed": (
        lambda model: [n for n, p in model.named_parameters() if p.ndim > 1],
        {
            "biases are among them": lambda m: [n for n, _ in m.named_parameters()],
            "a LayerNorm has a weight": lambda m: [
                n for n, _ in m.named_parameters() if "bias" not in n
            ],
            "another name and type": lambda m: [
                n for n, _ in m.named_parameters() if "bias" not in n and "LayerNorm" not in n
            ],
            "40 numbers": lambda m: get_parameter_names(m, [torch.nn.LayerNorm], ["bias", "norm"]),
            "bias under another name": lambda m: [
                n for n in get_parameter_names(m, [torch.nn.LayerNorm], ["bias"]) if "final.w" not in n
            ],
            "is a matrix, though": lambda m: [
                n for n, p in m.named_parameters() if p.ndim > 1 and "norm" not in n
            ],
            "small ones too": lambda m: [n for n, p in m.named_parameters() if p.numel() > 40],
            "'embeddings.weight'": lambda m: ["first.weight", "norm_mixer.weight", "weight"],
            "is no parameter": lambda m: ["embeddings"],
            "give their names": lambda m: [p for p in m.parameters() if p.ndim > 1],
            "keep the names": lambda m: [x for x in m.named_parameters() if x[1].ndim > 1],
        },
    ),
    "luck": (
        lucky,
        {
            "one side only": lambda *given: lucky(*given) / 2,
            "turned over": lambda *given: 1 - lucky(*given),
            "both or neither": lambda mine, its, truth: binomtest(
                sum((np.array(mine) == truth) & (np.array(its) != truth)), len(truth)
            ).pvalue,
            "right by both": lambda mine, its, truth: binomtest(
                sum(np.array(mine) == truth),
                sum(np.array(mine) == truth) + sum(np.array(its) == truth),
            ).pvalue,
            "that is the lead": lambda mine, its, truth: sum(np.array(mine) == truth)
            - sum(np.array(its) == truth),
            "that is a share": lambda *given: max(parting(*given)) / sum(parting(*given)),
            "chi-squared": lambda *given: float(
                chi2.sf((abs(np.subtract(*parting(*given))) - 1) ** 2 / sum(parting(*given)), 1)
            ),
            "not at least as": lambda *given: lucky(*given)
            - 2 * binom.pmf(parting(*given)[0], sum(parting(*given)), 0.5),
            "at 3 to 3": lambda *given: 2 * binom.cdf(min(parting(*given)), sum(parting(*given)), 0.5),
            "nan at 0 to 0": lambda *given: lucky(*given) if sum(parting(*given)) else math.nan,
            "one for all of them": lambda mine, its, truth: np.array(mine) == its,
            "where 0.0654 is right": lambda *given: 0.5,
            "`return` missing": lambda *given: None,
        },
    ),
    "scores_of": (
        accuracy_of,
        {
            "-100 was counted": lambda p: accuracy_of(p, keep=lambda labels: labels == labels),
            "with a tuple": lambda p: accuracy_of(p, pick=lambda predictions: predictions),
            "its first entry": lambda p: accuracy_of(p, pick=zeros_of_a_tuple),
            "its first row": lambda p: accuracy_of(p, pick=lambda predictions: predictions[0]),
            "counts the right ones": lambda p: {"accuracy": 4 * accuracy_of(p)["accuracy"]},
            "not a percentage": lambda p: {"accuracy": 100 * accuracy_of(p)["accuracy"]},
            "a dict of scores by name": lambda p: accuracy_of(p)["accuracy"],
            "no 'accuracy'": lambda p: {"acc": accuracy_of(p)["accuracy"]},
            "over the last axis": lambda p: {"accuracy": float("nan")},
            "`return` missing": lambda p: None,
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
    "beat_the_board": (
        lambda texts: [held_out()[text] for text in texts],
        {
            "take the argmax": lambda texts: torch.eye(2)[[held_out()[t] for t in texts]],
            "round a probability": lambda texts: [0.1 + 0.8 * held_out()[t] for t in texts],
            "one for each": lambda texts: [held_out()[t] for t in texts[:100]],
            "turned over": lambda texts: [1 - held_out()[t] for t in texts],
            "no better than one label": lambda texts: [0] * len(texts),
            "the bar is 135": lambda texts: [
                held_out()[t] if n < 70 else 1 for n, t in enumerate(texts)
            ],
            "use 0 or 1": lambda texts: ["good"] * len(texts),
            "one label for all": lambda texts: "positive",
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
            "nothing was cut": lambda x, p: x,
            "come out as 0": lambda x, p: nucleus_of(x, p).softmax(dim=-1),
            "[0.0, 0.5, 0.0, 0.5] of": lambda x, p: (nucleus_of(x, p) > 0) / 2,
            "that is top-k": top_2,
            "no fixed threshold": above_a_quarter,
        },
    ),
    "left_padded": (
        on_the_left,
        {
            "padded on the right": lambda rows, pad: on_the_left(rows, pad, side="right"),
            "upside down": lambda rows, pad: on_the_left(rows, pad, upside_down=True),
            "count the pads": lambda rows, pad: on_the_left(rows, pad, count_pads=True),
            "count from 0": lambda rows, pad: on_the_left(rows, pad, first=1),
            "filled up with 0": lambda rows, pad: on_the_left(rows, 0),
            "a real end-of-text": lambda rows, pad: on_the_left(rows, pad, by_id=True),
            "no 'position_ids'": lambda rows, pad: without(on_the_left(rows, pad), "position_ids"),
            "position -1": lambda rows, pad: on_the_left(rows, pad) | {
                "position_ids": on_the_left(rows, pad)["attention_mask"].cumsum(1) - 1
            },
            "make it a tensor": lambda rows, pad: on_the_left(rows, pad) | {"input_ids": [[1]]},
        },
    ),
    "lively": (
        TALES,
        {
            "the bar for distinct-2 is 0.63": continuations("test"),
            "where real stories have 0.94": [backwards(text) for text in TALES],
            "of short texts": [text[:40] for text in TALES],
            "got 240 texts": TALES * 3,
            "asked for 80 texts": " ".join(TALES),
            "something else than texts": [text.split() for text in TALES],
        },
    ),
    "another_template": (
        as_chatml,
        {
            "no turn is ended": lambda m, p: as_chatml(m, p, end="\n"),
            "right but for blanks": lambda m, p: as_chatml(m, p, end="<|im_end|>"),
            "stays as it is": lambda m, p: as_chatml(m, p, strip=True),
            "nobody asked for": lambda m, p: as_chatml(m, True),
            "though it was asked for": lambda m, p: as_chatml(m, False),
            "do not close it": lambda m, p: as_chatml(m, p) + "<|im_end|>\n" * p,
            "where is the role 'system'": lambda m, p: as_chatml(m, p, only=("user", "assistant")),
            "return one text": lambda m, p: [as_chatml(m, p)],
            "letter 2": lambda m, p: as_chatml(m, p).replace("<|im_start|>", "<|start|>"),
        },
    ),
    "dpo": (
        dpo_of,
        {
            "are exchanged": lambda c, r, c0, r0, b: dpo_of(r, c, r0, c0, b),
            "beta is missing": lambda c, r, c0, r0, b: dpo_of(c, r, c0, r0, 1),
            "the model before": lambda c, r, c0, r0, b: dpo_of(c, r, 0, 0, b),
            "that is the probability": lambda *x: torch.exp(-dpo_of(*x)),
            "the sign": lambda *x: -dpo_of(*x),
            "that is the margin": lambda c, r, c0, r0, b: b * ((c - c0) - (r - r0)),
            "do not divide": lambda c, r, c0, r0, b: dpo_of(c, r, c0, r0, 1 / b),
            "underflows": lambda c, r, c0, r0, b: -torch.log(
                torch.sigmoid(b * ((c - c0) - (r - r0)))
            ),
        },
    ),
    "merged_matrix": (
        merged_of,
        {
            "alpha / rank is missing": lambda w, a, b, alpha: w + b @ a,
            "divided by the rank": lambda w, a, b, alpha: w + alpha * b @ a,
            "upside down": lambda w, a, b, alpha: w + len(a) / alpha * b @ a,
            "add it to the weight": lambda w, a, b, alpha: alpha / len(a) * b @ a,
            "the change is added": lambda w, a, b, alpha: w - alpha / len(a) * b @ a,
            "belongs to the change": lambda w, a, b, alpha: alpha / len(a) * (w + b @ a),
            "changed the weight": merged_in_place,
            "is (out, rank)": lambda w, a, b, alpha: alpha / len(a) * a @ a.T,
            "is the width": lambda w, a, b, alpha: w + alpha / a.shape[1] * b @ a,
            "rsLoRA": lambda w, a, b, alpha: w + alpha / math.sqrt(len(a)) * b @ a,
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
    "counted_tokens": (
        token_loop(lambda batch, group, groups: 2 / count(group)),
        {
            "weighs as much as nine": token_loop(lambda batch, group, groups: 1 / len(batch)),
            "half of it": token_loop(lambda batch, group, groups: 1 / count(group)),
            "twice of it": token_loop(lambda batch, group, groups: 4 / count(group)),
            "by no number of tokens": token_loop(lambda batch, group, groups: 1),
            "its own group": token_loop(
                lambda batch, group, groups: 2 / sum(map(count, groups))
            ),
            "before its first pass": token_loop(
                lambda batch, group, groups: 2 / count(group, until=batch)
            ),
            "moved 4 times": token_loop(lambda batch, group, groups: 2 / count(group), wait=False),
            "was a step taken": token_loop(lambda batch, group, groups: 2 / count(group), step=False),
            "4.60 and 2.50": token_loop(lambda batch, group, groups: 0.1),
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
            "what else could it read": (Pairs(4.8, -4), Pairs(5, -5), OLD, NEW),
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
            "not those of this notebook": by_own_pipeline,
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


def test_board_of_8_3_has_the_numbers_of_the_page():
    (page,) = [n for path, n in guards.ours().items() if path.stem == "08_generation"]
    (cell,) = [cell for cell in guards.code(page) if cell.id == "variety-map"]
    printed = "".join(output.get("text", "") for output in cell.outputs)
    names = {"real stories": "the real stories"}
    found = {}
    for line in printed.splitlines():
        name, pairs, known = re.fullmatch(
            r"(.+?) +distinct-2 ([\d., ]+?) +known ([\d.]+) .*", line
        ).groups()
        draws = [float(number) for number in pairs.split(", ")]
        found[names.get(name, name)] = (sum(draws) / len(draws), float(known))
    board = generation.BOARD
    assert len(found) == 6 and {*found} - {*board} == {"temperature 1.5"}
    for name in {*found} & {*board}:
        assert found[name] == pytest.approx(board[name], abs=0.01), name


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


def test_error_of_what_was_returned_is_not_said_of_the_call():
    verdict = checks.unknown_share(lambda text, tokenizer: torch.ones(2))
    said = "what it returned could not be read: ValueError: only one element tensors"
    assert verdict.message.startswith(said)

    def later(lengths):
        yield 1 / 0

    verdict = checks.softmax_by_hand(later)
    said = "what it returned could not be read: ZeroDivisionError"
    assert verdict.message.startswith(said)

    def no_number_of_a_tuple(given):
        as_tuple = isinstance(given.predictions, tuple)
        return {"accuracy": "high" if as_tuple else 3 / 4}

    verdict = checks.scores_of(no_number_of_a_tuple)
    assert verdict.message.startswith("what it returned could not be read: ValueError")


def test_error_in_a_callback_is_quoted():
    class Patience(transformers.TrainerCallback):
        def __init__(self, patience):
            self.patience = patience

        def on_evaluate(self, args, state, control, metrics, **kwargs):
            self.best = min(self.best, metrics["eval_loss"])

    said = "calling it raised AttributeError: 'Patience' object has no attribute 'best'"
    assert checks.patience(Patience).message == said
    said = "calling it raised TypeError: "
    assert checks.patience(lambda: Patience(2)).message.startswith(said)
    assert "asked for a callback class" in checks.patience(7).message
    assert "asked for a callback class" in checks.patience(lambda n: n).message


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
    assert "bundled storyteller only" in checks.lively(TALES).message


@pytest.mark.parametrize(
    "wrapped",
    [
        np.array,
        torch.tensor,
        lambda labels: np.array(labels, dtype=np.float32),
        lambda labels: ["positive" if label else "negative" for label in labels],
        lambda labels: [{"label": f"LABEL_{label}", "score": 0.9} for label in labels],
        pd.Series,
        iter,
    ],
    ids=["numpy", "torch", "float32", "names", "pipeline", "pandas", "iterator"],
)
def test_labels_for_the_board_may_come_in_any_wrapping(wrapped):
    found = checks.beat_the_board(lambda texts: wrapped([held_out()[t] for t in texts]))
    assert found == ("correct", "150 of 150; still above you: nobody")


def test_the_board_ranks_and_its_own_praise_is_right():
    def first(right):
        return lambda texts: [
            held_out()[text] if n < right else 1 - held_out()[text]
            for n, text in enumerate(texts)
        ]

    assert checks.beat_the_board(first(135)).outcome == "try again"
    praised = checks.beat_the_board(first(136))
    assert praised.outcome == "correct" and "above you: 148" in praised.message
    level = checks.beat_the_board(first(148))  # beside nobody is above
    assert level.message == "148 of 150; still above you: nobody"


def test_counts_of_words_stand_on_the_board_where_they_were_measured():
    from hf_tutorial.checks.trainer import BAR, BOARD

    asked, known = list(held_out()), list(held_out().values())
    ways = (
        make_pipeline(TfidfVectorizer(), LogisticRegression()),
        make_pipeline(TfidfVectorizer(stop_words="english"), LogisticRegression()),
        make_pipeline(CountVectorizer(), MultinomialNB()),
    )
    found = [int((m.fit(*to_learn()).predict(asked) == known).sum()) for m in ways]
    assert [max(map(known.count, (0, 1))), *found] == [score for score, _ in BOARD[:4]]
    assert BAR == found[-1]


def test_no_count_of_words_that_a_reader_would_try_is_above_the_bar():
    from hf_tutorial.checks.trainer import BAR

    texts, labels = to_learn()
    asked, known = list(held_out()), list(held_out().values())
    words = (
        {},
        {"ngram_range": (1, 2)},
        {"analyzer": "char_wb", "ngram_range": (2, 5)},
    )
    kinds = [{**how, **more} for how in words for more in ({}, {"binary": True})]
    kinds += [how | {"stop_words": "english"} for how in kinds if "analyzer" not in how]
    for how in kinds:
        for kind in (CountVectorizer, TfidfVectorizer):
            table = kind(**how).fit(texts)
            learn, ask = table.transform(texts), table.transform(asked)
            for model in (LogisticRegression(max_iter=1000), MultinomialNB()):
                right = (model.fit(learn, labels).predict(ask) == known).sum()
                assert right <= BAR, (how, kind, model)


def test_the_bundled_classifier_leads_the_board():
    from transformers import pipeline

    from hf_tutorial import sources
    from hf_tutorial.checks.trainer import BOARD

    classifier = pipeline(
        "text-classification", model=sources.checkpoint("sentiment"), device="cpu"
    )
    found = classifier(list(held_out()), truncation=True, batch_size=50)
    right = [
        (one["label"] == "POSITIVE") == label
        for one, label in zip(found, held_out().values(), strict=True)
    ]
    assert sum(right) == BOARD[-1][0]


def test_scores_may_be_computed_in_any_way():
    from sklearn.metrics import accuracy_score

    def kept(p):
        logits = p.predictions[0] if isinstance(p.predictions, tuple) else p.predictions
        return logits[p.label_ids != -100], p.label_ids[p.label_ids != -100]

    def by_torch(p):
        logits, labels = map(torch.tensor, kept(p))
        return {"accuracy": (logits.argmax(-1) == labels).float().mean()}

    def by_sklearn(p):
        logits, labels = kept(p)
        return {"accuracy": accuracy_score(labels, logits.argmax(1)), "n": len(labels)}

    def by_counting(p):
        rows = [(row.argmax(), label) for row, label in zip(*kept(p), strict=True)]
        return {"accuracy": np.float32(sum(a == b for a, b in rows) / len(rows))}

    for answer in (by_torch, by_sklearn, by_counting):
        assert checks.scores_of(answer).outcome == "correct"


def test_patience_may_be_counted_in_any_way():
    from transformers import EarlyStoppingCallback, TrainerCallback

    class ByHistory(TrainerCallback):
        def __init__(self, patience):
            self.patience, self.losses = patience, []

        def on_evaluate(self, args, state, control, metrics, **kwargs):
            self.losses.append(metrics["eval_loss"])
            age = len(self.losses) - 1 - self.losses.index(min(self.losses))
            control.should_training_stop = age >= self.patience
            return control

    class ByState(TrainerCallback):
        def __init__(self, patience):
            self.patience = patience

        def on_evaluate(self, args, state, control, **kwargs):
            losses = [
                row["eval_loss"] for row in state.log_history if "eval_loss" in row
            ]
            if len(losses) - 1 - np.argmin(losses) >= self.patience:
                control.should_training_stop = True

    class Inherited(EarlyStoppingCallback):
        def on_evaluate(self, args, state, control, metrics, **kwargs):
            args = SimpleNamespace(
                metric_for_best_model="loss", greater_is_better=False
            )
            super().on_evaluate(args, state, control, metrics=metrics)
            losses = [row["eval_loss"] for row in state.log_history]
            state.best_metric = min(losses)

    for answer in (ByHistory, ByState, Inherited):
        verdict = checks.patience(answer)
        assert verdict.outcome == "correct", (answer, verdict)


def test_missing_return_is_suspected():
    assert "is a `return` missing?" in checks.windows(None).message


def test_hints_do_not_give_the_answer_away():
    for name, (right, slips) in EXERCISES.items():
        if isinstance(right, int | float) and right:
            for wrong in slips.values():
                assert f" {right} " not in getattr(checks, name)(wrong).message


def test_verdict_reads_as_a_sentence():
    assert repr(checks.Verdict("correct", "well done")) == "correct: well done"


# Right answers of other kinds than those above.
ACCEPTED = [
    ("token_loss", token_loss_in_numpy),
    ("token_loss", token_loss_of_one_batch),
    ("token_loss", lambda parts: token_loss_of([(a.double(), b) for a, b in parts])),
    ("token_loss", lambda parts: token_loss_of([(a.requires_grad_(), b) for a, b in parts])),
    ("decayed", lambda m: {n: p for n, p in m.named_parameters() if len(p.shape) >= 2}),
    ("decayed", lambda m: (n for n, p in m.named_parameters() if p.dim() != 1)),
    ("decayed", lambda m: {n for n, p in m.state_dict().items() if p.squeeze().ndim > 1}),
    ("decayed", lambda m: pd.Series([n for n, p in m.named_parameters() if p.ndim > 1])),
    ("luck", lucky_by_hand),
    ("luck", lucky_in_torch),
    ("luck", lucky_in_pandas),
    ("nucleus", nucleus_in_a_loop),
    ("nucleus", nucleus_in_numpy),
    ("nucleus", nucleus_of_the_library),
    ("nucleus", lambda x, p: nucleus_of(x.double(), p)),
    ("left_padded", left_by_pad_sequence),
    ("left_padded", left_by_lengths),
    ("left_padded", lambda rows, pad: transformers.BatchEncoding(on_the_left(rows, pad))),
    ("lively", tuple(TALES)),
    ("lively", np.array(TALES)),
    ("lively", pd.Series(TALES)),
    ("lively", (text for text in TALES)),
    ("counted_tokens", token_loop(lambda b, group, _: 1 / count(group), plain=True)),
    ("counted_tokens", large_batch),
    ("counted_tokens", with_means),
    ("mended_loop", plain_loop),
    ("mended_loop", loop_in_numpy),
    ("mended_loop", loop_as_iterator),
    ("another_template", chatml_by_template),
    ("another_template", chatml_by_join),
    ("another_template", chatml_by_slots),
    ("dpo", dpo_by_softplus),
    ("dpo", dpo_by_numpy),
    ("dpo", dpo_by_softmax),
    ("merged_matrix", merged_in_numpy),
    ("merged_matrix", merged_by_einsum),
    ("merged_matrix", merged_in_a_loop),
    ("slowest_link", lambda p, c, n: 2 * (n - 1) / n * 4 * p / (c - c / n)),
    ("slowest_link", lambda p, c, n: np.float32(8 * p / c)),
    ("slowest_link", lambda p, c, n: torch.tensor(8 * p / c, dtype=torch.float64)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "answer"), ACCEPTED, ids=[f"{n}-{i}" for i, (n, _) in enumerate(ACCEPTED)]
)
def test_right_answer_of_another_kind_is_correct(name, answer):
    verdict = getattr(checks, name)(answer)
    assert verdict.outcome == "correct", verdict


def test_a_check_leaves_accelerate_as_it_was():
    from accelerate.state import AcceleratorState, PartialState

    before = dict(PartialState._shared_state), dict(AcceleratorState._shared_state)
    assert checks.mended_loop(loop_of()).outcome == "correct"
    after = dict(PartialState._shared_state), dict(AcceleratorState._shared_state)
    assert before == after
