"""Fine-tune a text classifier on one device or many: the loop of notebook 07, whole.

    python -m hf_tutorial.train --output-dir runs/reviews
    python -m hf_tutorial.train --dataset my.csv --text-column body --label-column stars \\
        --output-dir runs/stars
    torchrun --nproc_per_node 2 -m hf_tutorial.train --output-dir runs/two
    accelerate launch --config_file notebooks/accelerate/gpus.yaml \\
        -m hf_tutorial.train --output-dir runs/four

On a CPU, torchrun sets OMP_NUM_THREADS to 1 for each of several processes, and `accelerate
launch` even for one, unless it is told of the CPU (`use_cpu` in its file, or --cpu): then
it shares out the cores. One thread is slower than the first line; you may set it yourself.

The batch size counts examples behind one optimizer step, over all processes, and dropout
is off unless asked for: so any number of processes gives the same losses. OUTPUT_DIR gets

    metrics.jsonl    a line per step: step, epoch, loss, learning_rate, examples_per_second;
                     a line per evaluation: step, epoch, accuracy
    checkpoints/     the last two, as Accelerator.save_state writes them
    model/           at the end: model, tokenizer and card

A run that was stopped goes on with --resume, and ends with the weights that it would have
had without the stop.
"""

import json
import math
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hf_tutorial import checkpoints, learners, reports, sources, tables
from hf_tutorial.options import Options, arguments
from hf_tutorial.refused import Refused, one_line

SHUFFLED = 1000  # rows of a stream that are held, to draw the next one from
# What must be asked of Accelerate, and what shows that it was.
ASKED = {"FSDP": "ACCELERATE_USE_FSDP", "DEEPSPEED": "ACCELERATE_USE_DEEPSPEED",
         "MEGATRON_LM": "ACCELERATE_USE_MEGATRON_LM"}  # fmt: skip


@dataclass
class Progress:
    """Where a run is: steps made, and batches `done` of the epoch that it is in."""

    step: int = 0
    epoch: int = 0
    done: int = 0


@dataclass
class Run:
    """A training: what was asked for, on which processes, rows and weights, how long."""

    options: Options
    accelerator: Any
    table: tables.Table
    learner: learners.Learner | None  # none after the end
    steps: int
    identity: dict[str, Any]  # what must be the same for a resumed run to end the same

    @property
    def share(self) -> int:
        """Examples that one process reads in one pass."""
        passes = self.accelerator.num_processes * self.options.accumulate
        return self.options.batch_size // passes

    def note(self, **figures: Any) -> None:
        """Add a line to metrics.jsonl."""
        if self.accelerator.is_main_process:
            with open(self.options.output_dir / checkpoints.LOG, "a") as opened:
                opened.write(json.dumps(figures, allow_nan=False) + "\n")


def main(line: list[str] | None = None) -> None:
    """Train, evaluate, save."""
    from accelerate.utils import set_seed

    from hf_tutorial.hub import patience

    options = arguments(line)
    patience.set_up()  # for a checkpoint or a dataset of the Hub
    accelerator = started(options)
    checkpoint, dataset = bundled(options)
    options = replace(
        options,
        precision=accelerator.mixed_precision,  # a resumed run must have the same
        checkpoint=checkpoint,
    )
    with accelerator.local_main_process_first():  # the others then find the cache
        table = tables.read(
            dataset, options.text_column, options.label_column,
            validation=options.validation, validation_share=options.validation_share,
            streaming=options.streaming,
        )  # fmt: skip
    identity = identified(options, accelerator, table)
    begin = checkpoints.resumed(options.output_dir, options.resume, identity)
    accelerator.wait_for_everyone()

    set_seed(options.seed)  # before the model: a new head is drawn at random
    steps = length(options, table)
    run = Run(
        options,
        accelerator,
        table,
        learners.made(options, table, steps),
        steps,
        identity,
    )
    if accelerator.is_main_process:
        reports.opening(run)
    prepare(run)
    # From here on each process draws numbers of its own: equal dropout masks in all
    # of them would be half as many masks.
    set_seed(options.seed, device_specific=True)
    progress = Progress() if begin is None else restored(run, *begin)
    if accelerator.is_main_process:
        options.output_dir.mkdir(parents=True, exist_ok=True)
        checkpoints.tidy(options.output_dir, progress.step)

    patience.wait_as_usual()  # nobody sits and waits any more
    score = fit(run, progress)
    write_model(run, score)
    if accelerator.is_main_process:
        reports.closing(run, score)
    end(run)


def fit(run: Run, progress: Progress) -> reports.Score | None:
    """Step until all steps are made, with an evaluation after each epoch and at the end."""
    from tqdm import tqdm

    accelerator, options = run.accelerator, run.options
    stop: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    bar = tqdm(
        total=run.steps, initial=progress.step, unit="step",
        disable=None if accelerator.is_main_process else True,  # None: if no terminal
    )  # fmt: skip
    run.learner.model.train()
    while progress.step < run.steps:
        for batch in batches(run, progress):
            clock = time.perf_counter()
            rate = run.learner.schedule.get_last_lr()[0]
            loss = one_step(run, batch)
            progress.step, progress.done = progress.step + 1, progress.done + 1
            if not math.isfinite(loss):
                refuse_infinite(run, f"the loss of step {progress.step} is {loss}")
            speed = options.batch_size / (time.perf_counter() - clock)
            run.note(step=progress.step, epoch=progress.epoch, loss=loss,
                     learning_rate=rate, examples_per_second=speed)  # fmt: skip
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update()
            if stop:
                accelerator.set_trigger()
            stopped = accelerator.check_trigger()  # by a signal to any process
            last = progress.step == run.steps
            if stopped or last or progress.step % options.save_every == 0:
                save(run, progress)
            if stopped:
                leave(run, progress)
            if last:
                break
        if progress.step < run.steps:
            if progress.done == 0:
                raise Refused("the training split holds less than one batch")
            evaluate(run, progress)
            progress.epoch, progress.done = progress.epoch + 1, 0
    bar.close()
    return evaluate(run, progress)


def one_step(run: Run, batch: dict[str, Any]) -> float:
    """Make one optimizer step in one pass or more; give the mean loss of all processes."""
    import torch
    from torch.nn.functional import cross_entropy

    accelerator, learner = run.accelerator, run.learner
    loss = torch.zeros((), device=accelerator.device)
    for first in range(0, run.share * run.options.accumulate, run.share):
        part = {name: of[first : first + run.share] for name, of in batch.items()}
        labels = part.pop("labels")
        with accelerator.accumulate(learner.model):
            # Here, not in the model: in float32 also under bf16, and never another loss
            # than this, whatever the checkpoint was trained for.
            partial = cross_entropy(learner.model(**part).logits.float(), labels)
            accelerator.backward(partial)
            if accelerator.sync_gradients:
                accelerator.clip_grad_norm_(learner.model.parameters(), 1.0)
            learner.optimizer.step()
            learner.schedule.step()
            learner.optimizer.zero_grad()
        loss += partial.detach() / run.options.accumulate
    return accelerator.reduce(loss, reduction="mean").item()


def batches(run: Run, progress: Progress) -> Iterator[dict[str, Any]] | Any:
    """Give the batches of this epoch that are left, in an order of its own.

    The order depends on the seed and the epoch only, so that a resumed run finds it again.
    """
    options, rows = run.options, run.table.train
    seed, skipped = options.seed + progress.epoch, progress.done * options.batch_size
    counted = run.table.surveys.get("train")
    if counted is not None and skipped + options.batch_size > counted.rows:
        return ()  # a checkpoint may fall on the last step of an epoch
    if options.streaming:
        # By skipping, which reads what it skips: a shuffled stream that is resumed by its
        # state_dict loses rows and repeats others (datasets 5.2).
        left = rows.shuffle(seed=seed, buffer_size=SHUFFLED).skip(skipped)
        if (
            counted is None
            and len([*left.take(options.batch_size)]) < options.batch_size
        ):
            return ()  # Accelerate raises on a stream without a whole batch
    else:
        left = rows.shuffle(seed=seed).select(range(skipped, len(rows)))
    return loader(run, left, whole=True)


def loader(run: Run, rows: Any, *, whole: bool) -> Any:
    """Deal rows in batches: the loader's batch is the global one, each process gets a share.

    Whole batches only in training: the last short one could not be shared evenly.
    """
    import torch
    from transformers import DataCollatorWithPadding

    tokenizer, limit = run.learner.tokenizer, run.options.max_length
    # Accelerate fills up the last batch of a stream with rows of the first one, which must
    # be as wide (accelerate 1.15).
    shared = run.accelerator.num_processes > 1 and not hasattr(rows, "num_rows")
    alike = {"padding": "max_length", "max_length": limit}
    padded = DataCollatorWithPadding(
        tokenizer, **(alike if shared and not whole else {})
    )

    def collate(some: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        texts, labels = run.table.batch(some)
        encoded = tokenizer(*texts, truncation=True, max_length=limit)
        return padded({**encoded, "labels": labels})

    # A generator of its own, because a loader draws a number each time it begins, and
    # dropout after a resume must find the random state as it was.
    generator = torch.Generator().manual_seed(run.options.seed)
    return run.accelerator.prepare_data_loader(
        torch.utils.data.DataLoader(
            rows, run.options.batch_size, collate_fn=collate, drop_last=whole,
            generator=generator,
        )
    )  # fmt: skip


def evaluate(run: Run, progress: Progress) -> reports.Score | None:
    """Count, class by class, how many held-out rows the model gets right."""
    import torch

    if run.table.held_out is None:
        return None
    model, classes = run.learner.model, len(run.table.names)
    model.eval()
    rows, right = torch.zeros(2, classes, dtype=torch.long)
    for batch in loader(run, run.table.held_out, whole=False):
        labels = batch.pop("labels")
        with torch.no_grad():
            guesses = model(**batch).logits.argmax(dim=-1)
        # Without the copies that fill up the last batch.
        guesses, labels = run.accelerator.gather_for_metrics((guesses, labels))
        rows += labels.cpu().bincount(minlength=classes)
        right += labels[guesses == labels].cpu().bincount(minlength=classes)
    model.train()
    score = reports.Score(rows.tolist(), right.tolist())
    run.note(step=progress.step, epoch=progress.epoch, accuracy=score.accuracy)
    return score


def save(run: Run, progress: Progress) -> None:
    """Save a checkpoint, if its weights are numbers: an older one is of use, NaN is not."""
    import torch

    parameters = run.learner.model.parameters()
    shares = (p.to_local() if hasattr(p, "to_local") else p for p in parameters)  # FSDP
    wrong = sum(not torch.isfinite(share).all().item() for share in shares)
    wrong = run.accelerator.reduce(
        torch.tensor(float(wrong), device=run.accelerator.device), reduction="sum"
    )
    if wrong.item():
        refuse_infinite(run, f"weights are infinite or nan after step {progress.step}")
    state = {"run": run.identity, "epoch": progress.epoch, "done": progress.done,
             "processes": run.accelerator.num_processes}  # fmt: skip
    folder = run.options.output_dir / "checkpoints"
    checkpoints.save(folder, progress.step, state, run.accelerator)


def refuse_infinite(run: Run, what: str) -> None:
    """End a run that can learn nothing any more."""
    left = checkpoints.last_one(run.options.output_dir / "checkpoints")
    raise Refused(
        f"{what}: nothing can be learned from here on. {left}. Start again in a new folder "
        f"with a lower --learning-rate than {run.options.learning_rate:g}"
        + ("" if run.options.precision == "no" else ", or with --precision no")
    )


def leave(run: Run, progress: Progress) -> None:
    """End as a program does that was told to, by a signal; its state is saved."""
    run.accelerator.print(f"stopped after step {progress.step}: go on with --resume")
    end(run)
    sys.exit(128 + signal.SIGTERM)


def end(run: Run) -> None:
    """Let the weights go, and then the group of processes.

    The other way round, the last process to use gloo's group can wait for ever: its threads
    want Python's lock to free what they have sent, and the model holds it (torch 2.13).
    """
    run.learner = None
    run.accelerator.free_memory()
    run.accelerator.end_training()


# Before the first step


def bundled(options: Options) -> tuple[str, str]:
    """Name checkpoint and data: what was asked for, else what comes with the collection."""
    try:
        return (options.checkpoint or sources.checkpoint("encoder"),
                options.dataset or sources.dataset("reviews")[0])  # fmt: skip
    except (OSError, ValueError) as error:  # it says what to do, or the Hub failed
        from hf_tutorial.hub import failures

        raise Refused(failures.sentence(error) or str(error)) from None


def started(options: Options) -> Any:
    """Find out with how many processes we are, and refuse what was asked for in vain."""
    import torch
    from accelerate import Accelerator
    from accelerate.utils import DataLoaderConfiguration, GradientAccumulationPlugin

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
    kind = accelerator.distributed_type.value
    for name, variable in ASKED.items():
        if os.environ.get(variable, "").lower() == "true" and kind != name:
            raise Refused(
                f"{name} was asked for, and Accelerate ignores it here: it would run "
                f"{reports.strategy(accelerator)} on {accelerator.device.type}. Use several "
                "GPUs, or start without that configuration, by torchrun"
            )
    sharing = getattr(accelerator.state, "fsdp_plugin", None)
    if sharing and sharing.fsdp_version == 2 and sharing.cpu_ram_efficient_loading:
        raise Refused(
            "with FSDP2 a head that the checkpoint does not have would stay untrained on "
            "all processes but one: set fsdp_cpu_ram_efficient_loading to false"
        )
    if accelerator.mixed_precision == "fp16" and on_cpu:
        raise Refused("precision fp16 needs a GPU: use bf16 or no on a CPU")
    shares = accelerator.num_processes * options.accumulate
    if options.batch_size % shares:
        raise Refused(
            f"--batch-size {options.batch_size} cannot be shared by {accelerator.num_processes} "
            f"processes x {options.accumulate} passes: use a multiple of {shares}"
        )
    return accelerator


def identified(
    options: Options, accelerator: Any, table: tables.Table
) -> dict[str, Any]:
    """What must be the same for a resumed run to end with the same weights."""
    run = asdict(options)
    for elsewhere in ("output_dir", "resume", "save_every"):
        del run[elsewhere]
    run["checkpoint"] = Path(os.path.abspath(options.checkpoint)).name  # "." has none
    run |= {"labels": table.names, "rows": table.digest()}
    # Whole copies of the model are the same in any number of processes, shares are not.
    kind = accelerator.distributed_type.value
    shared = reports.strategy(accelerator) if kind in ASKED else "whole copies"
    if kind == "DEEPSPEED":  # FSDP deals its shares anew
        shared += f" in {accelerator.num_processes} processes"
    return run | {"state of model and optimizer": shared}


def length(options: Options, table: tables.Table) -> int:
    """Count the steps; refuse if there is not one whole batch."""
    counted = table.surveys.get("train")
    if counted is None:
        return options.max_steps
    in_epoch = counted.rows // options.batch_size
    if in_epoch == 0:
        held = f" ({len(table.held_out)} more are held out)" if table.cut else ""
        raise Refused(
            f"{counted.rows} rows{held} are fewer than one batch of {options.batch_size}: "
            "use a smaller --batch-size"
        )
    return options.max_steps or options.epochs * in_epoch


def prepare(run: Run) -> None:
    """Hand model, optimizer and schedule to Accelerate, which wraps or cuts them up."""
    accelerator, learner = run.accelerator, run.learner
    plugin = accelerator.state.deepspeed_plugin
    if plugin is not None:
        # DeepSpeed accumulates and clips by its own configuration, and ignores ours.
        plugin.deepspeed_config["gradient_accumulation_steps"] = run.options.accumulate
        plugin.deepspeed_config["gradient_clipping"] = 1.0
        plugin.deepspeed_config["train_micro_batch_size_per_gpu"] = run.share
    learner.model, learner.optimizer, learner.schedule = accelerator.prepare(
        learner.model, learner.optimizer, learner.schedule
    )


def restored(run: Run, path: Path, progress: dict[str, Any]) -> Progress:
    """Load a checkpoint: weights, optimizer, schedule, random states, and where it was."""
    from accelerate.utils import set_seed

    accelerator, step = run.accelerator, progress["step"]
    accelerator.load_state(str(path))
    accelerator.print(f"resumed after step {step}, from {path.name}")
    if progress["processes"] != accelerator.num_processes:
        set_seed(run.options.seed + step, device_specific=True)
        accelerator.print(
            f"{accelerator.num_processes} process(es) instead of {progress['processes']}: "
            "the losses go on, dropout is drawn anew"
        )
    return Progress(step, progress["epoch"], progress["done"])


# After the last step


def write_model(run: Run, score: reports.Score | None) -> None:
    """Write model, tokenizer and card together; never half of them under the final name."""
    weights = learners.whole_weights(run.accelerator, run.learner.model)
    if not run.accelerator.is_main_process:
        return
    temporary = run.options.output_dir / ".model"
    final = run.options.output_dir / "model"
    shutil.rmtree(temporary, ignore_errors=True)
    model = run.accelerator.unwrap_model(run.learner.model)
    model.save_pretrained(temporary, state_dict=weights)
    run.learner.tokenizer.save_pretrained(temporary)
    reports.card(run, score).save(temporary / "README.md")
    shutil.rmtree(final, ignore_errors=True)
    temporary.rename(final)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        raise Refused(
            f"a file could not be read or written ({one_line(error)})"
        ) from error
