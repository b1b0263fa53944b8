"""Fine-tune a text classifier on one device or many: the loop of notebook 07, whole.

    accelerate launch -m hf_tutorial.train --output-dir build/reviews
    torchrun --nproc_per_node 2 -m hf_tutorial.train --output-dir build/reviews
    python -m hf_tutorial.train --dataset my.csv --text-column body --label-column stars \\
        --output-dir build/stars --max-steps 200

The batch size counts examples behind one optimizer step, over all processes, and dropout
is off unless asked for: so any number of processes gives the same losses. OUTPUT_DIR gets

    metrics.jsonl    a line per step: step, epoch, loss, learning_rate, examples_per_second;
                     a line per evaluation: step, epoch, accuracy
    checkpoints/     the last two, as Accelerator.save_state writes them
    model/           at the end: model, tokenizer and card

A run that was stopped goes on with --resume, and ends with the weights that it would have
had without the stop.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

LOADERS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}
STATE = "progress.json"
LOG = "metrics.jsonl"
KEPT = 2  # checkpoints
EVALUATED = ("validation", "test")  # the first of these that a dataset has


class Refused(SystemExit):
    """What is wrong and what to do, in one sentence; the program ends with it."""


def arguments(line: list[str] | None = None) -> argparse.Namespace:
    """Read the command line, and refuse what cannot work."""
    parser = argparse.ArgumentParser(
        prog="hf_tutorial.train", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("--checkpoint", help="folder or Hub name (default: the bundled encoder)")
    add("--dataset", help="folder, csv, jsonl or parquet file, NAME or NAME:CONFIGURATION"
        " on the Hub (default: the bundled reviews)")  # fmt: skip
    add("--text-column", default="text", help="two for pairs: FIRST,SECOND")
    add("--label-column", default="label")
    add("--output-dir", type=Path, required=True)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=int, default=2)
    length.add_argument("--max-steps", type=int)
    add("--batch-size", type=int, default=16, help="examples behind one optimizer step")
    add("--accumulate", type=int, default=1, help="backward passes that share a step")
    add("--max-length", type=int, default=64, help="tokens kept of each text")
    add("--learning-rate", type=float, default=1e-4)
    add("--warmup-steps", type=int, default=5)
    add("--dropout", type=float, default=0.0)
    add("--precision", choices=["no", "bf16", "fp16"],
        help="default: what `accelerate launch` or its file says, else no")  # fmt: skip
    add("--seed", type=int, default=0)
    add("--save-every", type=int, default=20, help="steps between two checkpoints")
    add("--resume", action="store_true", help="go on from the last whole checkpoint")
    add("--streaming", action="store_true", help="read rows as they are needed")
    options = parser.parse_args(line)
    for name in ("epochs", "max_steps", "batch_size", "accumulate", "save_every"):
        value = getattr(options, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} is {value}: use 1 or more")
    if options.streaming and options.max_steps is None:
        parser.error("a stream has no length: say where to stop with --max-steps")
    return options


def splits(options: argparse.Namespace) -> tuple[Any, Any | None, list[str]]:
    """Load the data: rows to train on, rows to evaluate on, names of the labels.

    Labels come back as the numbers 0 to n - 1 in a column `labels`, texts as they were.

    Raises:
        Refused: A column is missing, a split is empty, or labels are no classes.
    """
    from datasets import ClassLabel, load_dataset

    from hf_tutorial import sources

    if options.dataset is None:
        named, keywords = sources.dataset("reviews"), {}
    elif (ending := Path(options.dataset).suffix) in LOADERS:
        named, keywords = (LOADERS[ending],), {"data_files": options.dataset}
    elif Path(options.dataset).exists():
        named, keywords = (options.dataset,), {}
    else:
        named, keywords = tuple(options.dataset.split(":", 1)), {}
    try:
        loaded = load_dataset(*named, **keywords, streaming=options.streaming)
    except Exception as error:  # whatever it was, the reader has to look at --dataset
        if "corresponds to no data" in str(error):
            raise Refused(f"{options.dataset} is empty: it has no row") from None
        raise Refused(f"--dataset {options.dataset}: {_line(error)}") from None

    texts = options.text_column.split(",")
    if "train" not in loaded:
        raise Refused(f"no split is called train: there are {', '.join(loaded)}")
    first = next(iter(loaded["train"]), None)
    if first is None:
        raise Refused("the training split is empty: nothing can be learned from it")
    for column in (*texts, options.label_column):
        if column not in first:
            raise Refused(
                f"there is no column {column!r}: the columns are {', '.join(first)}"
            )
    label = (loaded["train"].features or {}).get(options.label_column)
    if isinstance(label, ClassLabel):
        names = label.names
        known: dict[Any, int] = {number: number for number in range(len(names))}
    else:
        known, names = _classes(loaded["train"], options.label_column)

    def numbered(row: dict[str, Any]) -> dict[str, Any]:
        value = row[options.label_column]
        if value not in known:
            raise Refused(
                f"label {value!r} is not one of {', '.join(map(str, known))}: mend or "
                "filter these rows (-1 often marks rows without a label)"
            )
        for column in texts:
            if not row[column]:
                raise Refused(f"a row has no text in {column!r}: filter it out first")
        return {"labels": known[value]}

    found = {}
    for split in ("train", *EVALUATED):
        if split in loaded:
            rows = loaded[split].map(numbered)
            found[split] = rows.select_columns([*texts, "labels"])
    rated = next((found[split] for split in EVALUATED if split in found), None)
    if rated is not None and next(iter(rated), None) is None:
        rated = None
    return found["train"], rated, names


def _classes(rows: Any, column: str) -> tuple[dict[Any, int], list[str]]:
    """Number the labels of a column that has no names for them, in one pass."""
    values = {row[column] for row in rows}
    if None in values:
        raise Refused(f"some rows have no label in {column!r}: filter them out first")
    if all(isinstance(value, str) for value in values):
        ordered = sorted(values)
        return {value: number for number, value in enumerate(ordered)}, ordered
    if values != set(range(len(values))):
        shown = ", ".join(map(str, sorted(values, key=str)[:8]))
        raise Refused(
            f"labels must be texts, or 0 to n - 1; {column!r} holds {shown}: renumber "
            "them, or filter out the rows that have none (often marked -1)"
        )
    return {value: value for value in values}, [
        f"LABEL_{value}" for value in sorted(values)
    ]


def left_of_epoch(rows: Any, options: argparse.Namespace, epoch: int, done: int) -> Any:
    """Give the rows of one epoch in an order of its own, without the first `done` batches.

    The order depends on the seed and the epoch only, so that a resumed run finds it again.
    None when all batches are done: a checkpoint may fall on the last step of an epoch.
    """
    skipped = done * options.batch_size
    if options.streaming:
        left = rows.shuffle(seed=options.seed + epoch, buffer_size=1000).skip(skipped)
        # Accelerate raises on a stream without a whole batch, so look before it does.
        looked = list(left.take(options.batch_size)) if done or not epoch else None
        return left if looked is None or len(looked) == options.batch_size else None
    if skipped + options.batch_size > len(rows):
        return None
    rows = rows.shuffle(seed=options.seed + epoch)
    return rows.select(range(skipped, len(rows)))


def save(folder: Path, step: int, progress: dict[str, Any], accelerator: Any) -> None:
    """Save everything that a resumed run needs, under a temporary name until it is whole.

    Raises:
        Refused: It could not be written; what was saved before is still there.
    """
    temporary, final = folder / f".step-{step:06}", folder / f"step-{step:06}"
    try:
        if accelerator.is_main_process:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        accelerator.wait_for_everyone()
        accelerator.save_state(str(temporary))
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            progress = {**progress, "step": step, "files": _digests(temporary)}
            (temporary / STATE).write_text(json.dumps(progress, indent=1))
            shutil.rmtree(final, ignore_errors=True)
            temporary.rename(final)  # from here on it counts
            for old in sorted(folder.glob("step-*"))[:-KEPT]:
                shutil.rmtree(old)
    except (
        Exception
    ) as error:  # torch and safetensors each wrap a full disk in their own
        shutil.rmtree(temporary, ignore_errors=True)
        last = [path.name for path in sorted(folder.glob("step-*"))][-1:]
        raise Refused(
            f"step {step} could not be saved ({_line(error)}). "
            + (f"{last[0]} is whole: free some space, then --resume" if last else
               "There is no earlier checkpoint: free some space, then start again")
        ) from error  # fmt: skip
    accelerator.wait_for_everyone()


def last_whole(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """Find the newest checkpoint whose files are all as they were written; name the others."""
    for path in sorted(folder.glob("step-*"), reverse=True):
        try:
            progress = json.loads((path / STATE).read_text())
            damaged = [
                name
                for name, digest in progress["files"].items()
                if not (path / name).exists() or _digest(path / name) != digest
            ]
        except (OSError, ValueError, KeyError, AttributeError):
            damaged = [STATE]
        if not damaged:
            return path, progress
        print(
            f"{path.name} is damaged ({', '.join(damaged)}): looking at the one before"
        )
    return None


def _digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): _digest(path) for path in files}


def _digest(file: Path) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def resumed(
    options: argparse.Namespace, run: dict[str, Any]
) -> tuple[Path, dict] | None:
    """Decide where to begin: None for the start, else a checkpoint and its progress.

    Raises:
        Refused: The output folder is in use, has nothing to resume, or is another run's.
    """
    if not options.resume:
        if options.output_dir.exists() and any(options.output_dir.iterdir()):
            raise Refused(
                f"{options.output_dir} is not empty: go on there with --resume, or name "
                "another --output-dir"
            )
        return None
    found = last_whole(options.output_dir / "checkpoints")
    if found is None:
        raise Refused(
            f"there is no whole checkpoint in {options.output_dir / 'checkpoints'} to "
            "resume: start again without --resume, in a new folder"
        )
    path, progress = found
    other = [
        f"{key} was {progress['run'].get(key)!r} and is {value!r} now"
        for key, value in run.items()
        if progress["run"].get(key) != value
    ]
    if other:
        raise Refused(f"{path} belongs to another run: {'; '.join(other)}")
    return found


def main(line: list[str] | None = None) -> None:
    """Train, evaluate, save."""
    options = arguments(line)

    import torch
    from accelerate import Accelerator
    from accelerate.utils import (
        DataLoaderConfiguration,
        GradientAccumulationPlugin,
        set_seed,
    )
    from torch.utils.data import DataLoader
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        get_linear_schedule_with_warmup,
    )

    from hf_tutorial import sources

    on_cpu = not torch.accelerator.is_available()
    accelerator = Accelerator(
        cpu=on_cpu,
        mixed_precision=options.precision,  # None: what the launcher says
        # Each batch holds whole steps, so a step never ends early with the loader.
        gradient_accumulation_plugin=GradientAccumulationPlugin(
            num_steps=options.accumulate, sync_with_dataloader=False
        ),
        # The loader's batch is the global one; each process gets its share of it.
        dataloader_config=DataLoaderConfiguration(split_batches=True),
    )
    options.precision = accelerator.mixed_precision  # a resumed run must have the same
    if options.precision == "fp16" and on_cpu:
        raise Refused("precision fp16 needs a GPU: use bf16 or no on a CPU")
    shares = accelerator.num_processes * options.accumulate
    if options.batch_size % shares:
        raise Refused(
            f"--batch-size {options.batch_size} cannot be shared by {accelerator.num_processes} "
            f"processes x {options.accumulate} passes: use a multiple of {shares}"
        )

    checkpoint = options.checkpoint or sources.checkpoint("encoder")
    if accelerator.is_main_process:  # the others then find the cache
        train, rated, names = splits(options)
    accelerator.wait_for_everyone()
    if not accelerator.is_main_process:
        train, rated, names = splits(options)
    # What must be the same for a resumed run to end with the same weights.
    elsewhere = {"output_dir", "resume", "save_every", "checkpoint"}
    run = {key: value for key, value in vars(options).items() if key not in elsewhere}
    run |= {"checkpoint": Path(checkpoint).name, "labels": names}
    begin = resumed(options, run)
    accelerator.wait_for_everyone()

    set_seed(options.seed)  # before the model: a new head is drawn at random
    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint)
        model = AutoModelForSequenceClassification.from_pretrained(
            checkpoint,
            id2label=dict(enumerate(names)),
            label2id={name: number for number, name in enumerate(names)},
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
        )
    except (OSError, ValueError) as error:
        raise Refused(f"--checkpoint {checkpoint}: {_line(error)}") from None
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = options.dropout
    if tokenizer.pad_token is None:  # GPT-2 and its kin
        tokenizer.pad_token = tokenizer.eos_token
        model.config.pad_token_id = tokenizer.pad_token_id

    columns = options.text_column.split(",")
    padded = DataCollatorWithPadding(tokenizer)

    def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        texts = [[row[column] for row in rows] for column in columns]
        encoded = tokenizer(*texts, truncation=True, max_length=options.max_length)
        encoded["labels"] = [row["labels"] for row in rows]
        return padded(encoded)

    def loader(rows: Any, *, whole: bool) -> DataLoader:
        # Whole batches only: the last short one could not be shared evenly. A generator
        # of its own, because a loader draws a number each time it begins, and dropout
        # after a resume must find the random state as it was.
        return accelerator.prepare_data_loader(
            DataLoader(
                rows,
                options.batch_size,
                collate_fn=collate,
                drop_last=whole,
                generator=torch.Generator().manual_seed(options.seed),
            )
        )

    in_epoch = None if options.streaming else len(train) // options.batch_size
    if in_epoch == 0:
        raise Refused(
            f"{len(train)} rows are fewer than one batch of {options.batch_size}: use a "
            "smaller --batch-size"
        )
    steps = options.max_steps or options.epochs * in_epoch
    decayed = [p for name, p in model.named_parameters() if p.ndim > 1]
    plain = [p for name, p in model.named_parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": 0.01},
            {"params": plain, "weight_decay": 0.0},
        ],
        lr=options.learning_rate,
    )
    schedule = get_linear_schedule_with_warmup(optimizer, options.warmup_steps, steps)
    if accelerator.state.deepspeed_plugin is not None:  # it asks the loader otherwise
        accelerator.state.deepspeed_plugin.deepspeed_config[
            "train_micro_batch_size_per_gpu"
        ] = options.batch_size // shares
    model, optimizer, schedule = accelerator.prepare(model, optimizer, schedule)

    log = options.output_dir / LOG
    checkpoints = options.output_dir / "checkpoints"
    step, epoch, done = 0, 0, 0  # `done` batches of this epoch
    if begin is not None:
        path, progress = begin
        accelerator.load_state(str(path))
        step, epoch, done = progress["step"], progress["epoch"], progress["done"]
        accelerator.print(f"resumed after step {step}, from {path.name}")
    if accelerator.is_main_process:
        options.output_dir.mkdir(parents=True, exist_ok=True)
        _tidy(options.output_dir, step)

    def note(**figures: Any) -> None:
        if accelerator.is_main_process:
            with open(log, "a") as opened:
                opened.write(json.dumps(figures) + "\n")

    held_out = None if rated is None else loader(rated, whole=False)

    def evaluate() -> float | None:
        if held_out is None:
            return None
        model.eval()
        right = seen = 0
        for batch in held_out:
            with torch.no_grad():
                guesses = model(**batch).logits.argmax(dim=-1)
            # Without the copies that fill up the last batch.
            guesses, labels = accelerator.gather_for_metrics((guesses, batch["labels"]))
            right, seen = right + (guesses == labels).sum().item(), seen + len(labels)
        model.train()
        note(step=step, epoch=epoch, accuracy=right / seen)
        return right / seen

    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    model.train()
    while step < steps:
        came = 0
        left = left_of_epoch(train, options, epoch, done)
        for batch in () if left is None else loader(left, whole=True):
            clock = time.perf_counter()
            loss = torch.zeros((), device=accelerator.device)
            rate = schedule.get_last_lr()[0]
            size = options.batch_size // shares
            for first in range(0, size * options.accumulate, size):
                part = {name: of[first : first + size] for name, of in batch.items()}
                with accelerator.accumulate(model):
                    partial = model(**part).loss
                    accelerator.backward(partial)
                    if accelerator.sync_gradients:
                        accelerator.clip_grad_norm_(model.parameters(), 1.0)
                    optimizer.step()
                    schedule.step()
                    optimizer.zero_grad()
                loss += partial.detach() / options.accumulate
            step, done, came = step + 1, done + 1, came + 1
            loss = accelerator.reduce(loss, reduction="mean").item()
            speed = options.batch_size / (time.perf_counter() - clock)
            note(step=step, epoch=epoch, loss=loss, learning_rate=rate,
                 examples_per_second=speed)  # fmt: skip
            if stop:
                accelerator.set_trigger()
            stopped = accelerator.check_trigger()  # by a signal to any process
            if stopped or step % options.save_every == 0 or step == steps:
                progress = {"run": run, "epoch": epoch, "done": done}
                save(checkpoints, step, progress, accelerator)
            if stopped:
                accelerator.print(f"stopped after step {step}: go on with --resume")
                accelerator.end_training()
                sys.exit(128 + signal.SIGTERM)
            if step == steps:
                break
        if step < steps:
            if came == done == 0:
                raise Refused("the training split holds less than one batch")
            evaluate()
            epoch, done = epoch + 1, 0
    accuracy = evaluate()

    whole = accelerator.get_state_dict(model)  # by all processes: each may hold a share
    if accelerator.is_main_process:
        _write_model(
            options,
            accelerator.unwrap_model(model),
            whole,
            tokenizer,
            accuracy,
            step,
            checkpoint,
        )
        said = "" if accuracy is None else f", accuracy {accuracy:.3f}"
        print(f"finished after step {step}{said}: {options.output_dir / 'model'}")
    accelerator.end_training()


def _tidy(folder: Path, step: int) -> None:
    """Remove what a stopped run left half-done: folders, and lines after `step`."""
    for half in (*folder.glob("checkpoints/.step-*"), *folder.glob(".model")):
        shutil.rmtree(half)
    log = folder / LOG
    kept = []
    for line in log.read_text().splitlines(keepends=True) if log.exists() else []:
        if not line.endswith("\n"):  # killed while it was written
            continue
        figures = json.loads(line)
        # The evaluation after the last saved step is done again.
        if figures["step"] < step or (figures["step"] == step and "loss" in figures):
            kept.append(line)
    temporary = log.with_suffix(".new")
    temporary.write_text("".join(kept))
    os.replace(temporary, log)


def _write_model(
    options, model, weights, tokenizer, accuracy, step, checkpoint
) -> None:
    """Write model, tokenizer and card together; never half of them under the final name."""
    from huggingface_hub import ModelCard, ModelCardData

    temporary, final = options.output_dir / ".model", options.output_dir / "model"
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(temporary, state_dict=weights)
    tokenizer.save_pretrained(temporary)
    data = options.dataset or "the bundled reviews"
    measured = "not evaluated" if accuracy is None else f"{accuracy:.1%}"
    header = ModelCardData(
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=["generated-by-hf_tutorial.train"],
    )
    ModelCard(
        f"---\n{header.to_yaml()}\n---\n# {options.output_dir.name}\n\n"
        f"{Path(checkpoint).name}, fine-tuned on {Path(data).name}: {step} steps of "
        f"{options.batch_size} examples, AdamW at {options.learning_rate}, {options.max_length} "
        f"tokens a text, seed {options.seed}.\n\nAccuracy on the held-out split: {measured}.\n\n"
        f"Labels: {', '.join(model.config.id2label.values())}.\n"
    ).save(temporary / "README.md")
    shutil.rmtree(final, ignore_errors=True)
    temporary.rename(final)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        raise Refused(
            f"a file could not be read or written ({_line(error)})"
        ) from error
