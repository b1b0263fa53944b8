"""What a training can be asked for: one option of the command line for each field."""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Options:
    """What was asked for; one field for each option of the command line."""

    output_dir: Path
    checkpoint: str | None
    dataset: str | None
    validation: str | None
    validation_share: float
    text_column: str
    label_column: str
    epochs: int
    max_steps: int | None
    batch_size: int
    accumulate: int
    max_length: int
    learning_rate: float
    warmup_steps: int
    dropout: float
    precision: str | None
    seed: int
    save_every: int
    resume: bool
    streaming: bool


def arguments(line: list[str] | None = None) -> Options:
    """Read the command line, and refuse what cannot work."""
    parser = _parser()
    options = parser.parse_args(line)
    counts = (
        "epochs",
        "max_steps",
        "batch_size",
        "accumulate",
        "max_length",
        "save_every",
    )
    bounds = dict.fromkeys(counts, (lambda value: value >= 1, "1 or more"))
    bounds["warmup_steps"] = (lambda value: value >= 0, "0 or more")
    bounds["seed"] = (lambda value: 0 <= value < 2**31, "0 to 2147483647")
    bounds["dropout"] = (lambda value: 0 <= value < 1, "0 or more, and less than 1")
    bounds["validation_share"] = bounds["dropout"]
    bounds["learning_rate"] = (lambda value: 0 < value < math.inf, "a number above 0")
    for name, (fits, said) in bounds.items():
        value = getattr(options, name)
        if value is not None and not fits(value):
            parser.error(f"--{name.replace('_', '-')} is {value}: use {said}")
    if options.streaming and options.max_steps is None:
        parser.error("a stream has no length: say where to stop with --max-steps")
    return Options(**vars(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hf_tutorial.train",
        description="Fine-tune a text classifier on one device or many.",
    )

    def add(name: str, said: str, **how: Any) -> None:
        if how.get("default") is not None:
            said += " (default: %(default)s)"
        parser.add_argument(name, help=said, **how)

    add("--checkpoint", "folder or Hub name (default: the bundled encoder)")
    add("--dataset", "csv in UTF-8, separated by , ; | or tab; tsv, json, jsonl, parquet or"
        " arrow file; a folder of them or of save_to_disk; NAME or NAME:CONFIGURATION on the"
        " Hub (default: the bundled reviews)")  # fmt: skip
    add("--validation", "file of rows to evaluate on, in place of those of --dataset")
    add("--validation-share", "share of the rows that is held out to evaluate on, where"
        " there are no others and no --streaming; 0 holds out none", type=float,
        default=0.2)  # fmt: skip
    add(
        "--text-column",
        "the text, or two columns for pairs: FIRST,SECOND",
        default="text",
    )
    add("--label-column", "its values become the classes; numbers are not predicted",
        default="label")  # fmt: skip
    add("--output-dir", "new or empty folder", type=Path, required=True)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--epochs", type=int, default=2,
                        help="passes over the rows (default: %(default)s)")  # fmt: skip
    either.add_argument(
        "--max-steps", type=int, help="where to stop, in place of --epochs"
    )
    add("--batch-size", "examples behind one optimizer step", type=int, default=16)
    add("--accumulate", "backward passes that share a step", type=int, default=1)
    add("--max-length", "tokens kept of each text: longer ones are cut", type=int,
        default=64)  # fmt: skip
    add("--learning-rate", "the highest, after the warm-up", type=float, default=1e-4)
    add("--warmup-steps", "steps in which it rises", type=int, default=5)
    add("--dropout", "share of values set to 0 in training", type=float, default=0.0)
    add("--precision", "default: what `accelerate launch` or its file says, else no",
        choices=["no", "bf16", "fp16"])  # fmt: skip
    add("--seed", "of the head and of the order of rows", type=int, default=0)
    add("--save-every", "steps between two checkpoints", type=int, default=20)
    add("--resume", "go on from the last whole checkpoint", action="store_true")
    add("--streaming", "read rows as they are needed", action="store_true")
    return parser
