"""How near the work comes to what this machine could do at best: a part of `make bench`.

Each is a share of a rate measured beside it, in turns, so that it says the same on a busy machine
and on a quiet one. `tests/test_rates.py` holds the quick ones to looser limits in `make test`.
"""

import itertools
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hf_tutorial import collection, sources


def seconds(*actions: Callable[[], Any], repeats: int) -> list[float]:
    """Time actions in turns, each once unseen; give the median of each."""
    taken: list[list[float]] = [[] for _ in actions]
    for turn in range(repeats + 1):
        for times, action in zip(taken, actions, strict=True):
            begun = time.perf_counter()
            action()
            if turn:
                times.append(time.perf_counter() - begun)
    return [statistics.median(times) for times in taken]


def step(repeats: int = 5) -> tuple[float, float]:
    """A fine-tuning step of 05 to 07 against a product of two matrices, 2048 each way.

    Counted are 6 operations for each parameter of the encoder's layers and each token; padding
    is counted, attention's own products, dropout, clipping and the optimizer are not.

    Returns:
        The step's rate as a share of the product's, and the share of a step's time that
        loading and collating its batch takes.
    """
    import torch

    checkpoint = sources.checkpoint("encoder")
    loader = reviews(checkpoint)
    batch = next(iter(loader))
    model, trained = training(checkpoint, batch)
    left, right = torch.randn(2048, 2048), torch.randn(2048, 2048)
    of_step, of_product, of_loader = seconds(
        trained, lambda: left @ right, lambda: list(loader), repeats=repeats
    )
    layers = sum(
        p.numel()
        for name, p in model.named_parameters()
        if ".layer." in name and p.ndim > 1
    )
    share = 6 * layers * batch["input_ids"].numel() / of_step
    share /= 2 * 2048**3 / of_product
    return share, of_loader / len(loader) / of_step


def training(checkpoint: str, batch: dict) -> tuple[Any, Callable[[], None]]:
    """The encoder with a new head, and a step of it on a batch."""
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=2)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4, fused=True)

    def trained():
        model(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return model, trained


def operations(steps: int = 5) -> dict[str, float]:
    """What a step of `step` spends its time on, by PyTorch's profiler.

    Returns:
        The share of each kind of operation in the time of all, the largest first: the products
        that `step` counts, the drawing of dropout's random numbers, and what is left.
    """
    from torch.profiler import ProfilerActivity, profile

    checkpoint = sources.checkpoint("encoder")
    _, trained = training(checkpoint, next(iter(reviews(checkpoint))))
    trained()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(steps):
            trained()
    kinds = {"aten::mm": "products", "aten::addmm": "products", "aten::bernoulli_": "dropout's draws"}  # fmt: skip
    took: Counter[str] = Counter()
    for event in seen.key_averages():
        took[kinds.get(event.key, "all else")] += event.self_cpu_time_total
    return {kind: t / took.total() for kind, t in took.most_common()}


def reviews(checkpoint: str):
    """A loader of 64 training reviews in batches of 16, as in 05."""
    from datasets import load_dataset
    from torch.utils.data import DataLoader
    from transformers import AutoTokenizer, DataCollatorWithPadding

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    rows = load_dataset(*sources.dataset("reviews"))["train"].select(range(64))
    encoded = rows.map(
        lambda r: tokenizer(r["text"], truncation=True, max_length=128),
        batched=True,
        remove_columns="text",
    )
    return DataLoader(
        encoded, 16, shuffle=True, collate_fn=DataCollatorWithPadding(tokenizer)
    )


def tokenizing(rows: int = 4000, repeats: int = 9) -> tuple[float, float]:
    """Tokenizing stories and cutting them into blocks of 128, against tokenizers called bare.

    Bare is `encode_batch` of all texts, and slices of one list: no table is written.

    Returns:
        Seconds of the two `map` calls of 09, over those of the bare calls; and of these
        seconds those of a tokenizer of transformers, called without `map`.
    """
    from datasets import load_dataset
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(sources.checkpoint("causal-lm"))
    stories = load_dataset(*sources.dataset("stories"))["train"].select(range(rows))
    texts, bare = stories["text"][:], tokenizer.backend_tokenizer

    def cut(ids: list[int]) -> list[list[int]]:
        whole = len(ids) // 128 * 128
        return [ids[i : i + 128] for i in range(0, whole, 128)]

    def ours():
        encoded = stories.map(
            lambda r: {"ids": tokenizer(r["text"])["input_ids"]},
            batched=True, remove_columns=stories.column_names, load_from_cache_file=False,
            new_fingerprint="tokenized", keep_in_memory=True,
        )  # fmt: skip
        encoded.map(
            lambda r: {"ids": cut(list(itertools.chain.from_iterable(r["ids"])))},
            batched=True, load_from_cache_file=False, new_fingerprint="cut",
            keep_in_memory=True,
        )  # fmt: skip

    def called():
        for begin in range(0, rows, 1000):
            tokenizer(texts[begin : begin + 1000])

    def barely():
        encodings = bare.encode_batch(texts)
        cut(list(itertools.chain.from_iterable(e.ids for e in encodings)))

    with_map, alone, without = seconds(ours, called, barely, repeats=repeats)
    return with_map / without, alone / without


def streaming(sizes: tuple[int, int, int] = (300, 3000, 30000)) -> tuple[float, float]:
    """`train.py` on a stream of more and more rows: its memory, and how its time grows.

    Returns:
        The largest peak of memory over the smallest, and the exponent of time over rows
        between the two largest sizes, the start of the program left out. Each of these times is
        the median of three, in turns. Another start goes before: in a new clone it compiles what
        it imports.
    """
    from tests import tiny
    from tests.processes import peak

    peaks: list[float] = []
    few, least, less, most = sizes[0] // 10, *sizes
    took: dict[int, list[float]] = {rows: [] for rows in (few, *sizes)}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "model").mkdir()
        for name, content in tiny.model().items():
            (folder / "model" / name).write_bytes(content)
        for run, rows in enumerate((few, least, *(few, less, most) * 3)):
            table = folder / f"{rows}.csv"
            lines = (f"{n} good film,yes\n{n} bad film,no\n" for n in range(rows // 2))
            table.write_text("text,label\n" + "".join(lines))
            highest, seconds_taken, _ = peak(
                ["--streaming", "--checkpoint", folder / "model", "--dataset", table,
                 "--output-dir", folder / f"out{run}", "--batch-size", 16, "--max-length", 16,
                 "--max-steps", rows // 16, "--validation-share", 0],
                folder,
            )  # fmt: skip
            if run:
                took[rows].append(seconds_taken)
            if rows > few:
                peaks.append(highest)
    start, short, long = (statistics.median(took[rows]) for rows in (few, less, most))
    exponent = math.log((long - start) / (short - start)) / math.log(most / less)
    return max(peaks) / min(peaks), exponent


def written(commands: tuple[str, ...]) -> float:
    """Seconds that a warm run of commands that write pages takes."""
    words = [[sys.executable, "-m", "hf_tutorial.publish", name] for name in commands]

    def write():
        for command in words:
            subprocess.run(command, cwd=collection.ROOT, check=True, stdout=subprocess.DEVNULL)  # fmt: skip

    return seconds(write, repeats=1)[0]
