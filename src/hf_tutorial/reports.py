"""What a training says of itself: what it will do, how good it came out, and its card."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hf_tutorial import sources
from hf_tutorial.refused import SHOWN, shown

LOOKED_AT = 1_000  # texts, to say how many are cut
COMPARED = 20_000  # rows that word counts learn from


@dataclass
class Score:
    """Rows of each class that were held out, and how many of them were guessed right."""

    rows: list[int]
    right: list[int]

    @property
    def accuracy(self) -> float:
        """The share of rows that were guessed right."""
        return sum(self.right) / sum(self.rows)


def opening(run: Any) -> None:
    """Print what will be trained on what, in six lines, and what the reader should know."""
    options, table = run.options, run.table
    trained, held = table.surveys.get("train"), table.surveys.get(table.held_out_name)
    rows = (
        "a stream that nobody has counted" if trained is None else f"{trained.rows:,}"
    )
    if table.held_out_name is None:
        rows += ", none to evaluate on (--validation names a file)"
    elif table.cut:
        rows += f", and {held.rows:,} held out (--validation-share)"
    else:
        rows += f", and {f'{held.rows:,}' if held else 'some'} of {table.held_out_name}"
    in_epoch = "" if trained is None else (
        f", {trained.rows // options.batch_size:,} in an epoch")  # fmt: skip
    name = sources.name_of(options.checkpoint)
    millions = sum(p.numel() for p in run.learner.model.parameters()) / 1e6
    said = {
        "rows": rows,
        "classes": _classes(table),
        "texts": _cut(run),
        "steps": f"{run.steps:,} of {options.batch_size} rows{in_epoch}",
        "checkpoint": f"{name}, {millions:.1f} million weights",
        "running": running(run.accelerator),
    }
    for word, sentence in said.items():
        print(f"{word:11}{sentence}")
    for note in table.notes:
        print(f"note: {note}")
    if options.warmup_steps >= run.steps:
        print(f"note: the learning rate still rises at the end: --warmup-steps is "
              f"{options.warmup_steps}, all steps are {run.steps}")  # fmt: skip


def strategy(accelerator: Any) -> str:
    """Say how the model is spread over the processes that are really there."""
    kind, state = accelerator.distributed_type.value, accelerator.state
    if kind == "FSDP":
        return f"FSDP{state.fsdp_plugin.fsdp_version}"
    if kind == "DEEPSPEED":
        return f"DeepSpeed, ZeRO stage {state.deepspeed_plugin.zero_stage}"
    return "one process" if kind == "NO" else "data parallel"


def running(accelerator: Any) -> str:
    """Say on what a training really runs."""
    import torch

    device, count = accelerator.device.type, accelerator.num_processes
    each = "" if count == 1 else f" in {count} processes, each"
    threads = torch.get_num_threads()
    with_threads = (
        f" with {threads} thread{'s' * (threads > 1)}" if device == "cpu" else ""
    )
    return (f"{strategy(accelerator)}{each} on {device}{with_threads}, "
            f"precision {accelerator.mixed_precision}")  # fmt: skip


def _classes(table: Any) -> str:
    counts = table.counts("train") or [None] * len(table.names)
    pairs = sorted(
        zip(table.names, counts, strict=True), key=lambda pair: -(pair[1] or 0)
    )
    if len(pairs) <= SHOWN:
        pairs = list(zip(table.names, counts, strict=True))
    counted = [name if n is None else f"{name} {n:,}" for name, n in pairs]
    return f"{len(pairs)}: {shown(counted)}"


def _some(rows: Any, count: int) -> Any:
    """Take at most `count` rows, from all over a table; of a stream the first."""
    if not hasattr(rows, "num_rows"):
        return rows.take(count)
    step = max(1, -(-len(rows) // count))
    return rows.select(range(0, len(rows), step))


def _cut(run: Any) -> str:
    """Say how many texts are longer than what is kept of them, and what they lose."""
    some = [*_some(run.table.train, LOOKED_AT)]
    texts, _ = run.table.batch(some)
    encoded = run.learner.tokenizer(*texts, truncation=False, verbose=False)[
        "input_ids"
    ]
    kept = run.options.max_length
    lengths = [len(ids) for ids in encoded]
    lost = [length - kept for length in lengths if length > kept]
    of = f"of {len(some):,} looked at"
    if not lost:
        return (
            f"--max-length {kept} cuts none {of}; the longest has {max(lengths)} tokens"
        )
    share = sum(lost) / sum(length for length in lengths if length > kept)
    return (f"--max-length {kept} cuts {len(lost) / len(some):.0%} {of}, which lose "
            f"{share:.0%} of their tokens; the longest has {max(lengths)}")  # fmt: skip


def closing(run: Any, score: Score | None) -> None:
    """Print where the model lies, how good it is beside two cheap rivals, how to load it."""
    options, table = run.options, run.table
    folder = options.output_dir / "model"
    said = "" if score is None else f", accuracy {score.accuracy:.3f}"
    print(f"finished after step {run.steps}{said}: {folder}")
    if score is None:
        print(
            "not evaluated: no rows were held out (--validation names a file of them)"
        )
    else:
        often, rated = _most_frequent(table, score)
        words = word_counts(table)
        where = "held out" if table.cut else f"of {table.held_out_name}"
        print(f"on {sum(score.rows):,} rows {where}: this model "
              f"{score.accuracy:.3f}, always {table.names[often]!r} {rated:.3f}, TF-IDF with "
              f"logistic regression {'-' if words is None else f'{words:.3f}'}")  # fmt: skip
        if max(rated, words or 0) >= score.accuracy:
            print("a cheaper rival is as good: look at the texts line above, train longer, "
                  "or keep the rival")  # fmt: skip
        for name, rows, right in zip(table.names, score.rows, score.right, strict=True):
            share = f" ({right / rows:.0%})" if rows else ""
            print(f"  {name}: {right:,} of {rows:,} right{share}")
    text = '"a text"' if len(table.texts) == 1 else (
        '{"text": "one", "text_pair": "two"}')  # fmt: skip
    print(f'load it: transformers.pipeline("text-classification", "{folder.as_posix()}")'
          f"({text}, truncation=True, max_length={options.max_length})")  # fmt: skip


def _most_frequent(table: Any, score: Score) -> tuple[int, float]:
    counts = table.counts("train") or score.rows
    often = counts.index(max(counts))
    return often, score.rows[often] / sum(score.rows)


def word_counts(table: Any) -> float | None:
    """Rate TF-IDF with logistic regression on the same rows; None if it finds no words."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rival = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
    rows = table.train
    if not hasattr(rows, "num_rows"):
        rows = rows.shuffle(seed=0, buffer_size=10 * LOOKED_AT)
    texts, labels = _joined(table, [*_some(rows, COMPARED)])
    try:
        rival.fit(texts, labels)
    except ValueError:  # no word of two letters, or one class in a sorted stream
        return None
    right = seen = 0
    for some in _pieces(table.held_out):
        texts, labels = _joined(table, some)
        right += sum(rival.predict(texts) == labels)
        seen += len(labels)
    return right / seen


def _joined(table: Any, rows: list[dict[str, Any]]) -> tuple[list[str], list[int]]:
    texts, labels = table.batch(rows)
    return [" ".join(pair) for pair in zip(*texts, strict=True)], labels


def _pieces(rows: Any) -> Iterator[list[dict[str, Any]]]:
    piece: list[dict[str, Any]] = []
    for row in rows:
        piece.append(row)
        if len(piece) == LOOKED_AT:
            yield piece
            piece = []
    if piece:
        yield piece


def _learned_from(dataset: str | None) -> str:
    """Name the rows: the end of a path, or a repository with its owner."""
    if dataset is None and sources.origin() == "hub":
        return sources.DATASETS["reviews"][1]
    if dataset is None:
        return "the bundled reviews"
    return Path(os.path.abspath(dataset)).name if Path(dataset).exists() else dataset


def card(run: Any, score: Score | None) -> Any:
    """Describe the model for its README: what it is, what it was trained on, how good."""
    from huggingface_hub import ModelCard, ModelCardData

    options = run.options
    data = _learned_from(options.dataset)
    measured = "not evaluated" if score is None else f"{score.accuracy:.1%}"
    title = Path(os.path.abspath(options.output_dir)).name  # "." has none
    header = ModelCardData(
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["generated-by-hf_tutorial.train"],
    )
    return ModelCard(
        f"---\n{header.to_yaml()}\n---\n# {title}\n\n"
        f"{sources.name_of(options.checkpoint)}, fine-tuned on {data}: {run.steps} "
        f"steps of {options.batch_size} examples, AdamW at {options.learning_rate}, "
        f"{options.max_length} tokens a text, seed {options.seed}.\n\n"
        f"Accuracy on the held-out rows: {measured}.\n\n"
        f"Labels: {', '.join(run.table.names)}.\n"
    )
