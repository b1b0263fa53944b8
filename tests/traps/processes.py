"""Traps of Accelerate and of several processes.

The body of an entry with two processes runs in each of them, as a script under torchrun does;
`accelerator.process_index` says which one it is.
"""

import json
import os
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator, DataLoaderConfiguration
from accelerate.commands.launch import launch_command, launch_command_parser
from accelerate.state import AcceleratorState
from accelerate.tracking import TensorBoardTracker
from accelerate.utils import (
    FullyShardedDataParallelPlugin,
)
from accelerate.utils import set_seed as set_seed_everywhere
from safetensors.torch import load_file, save_file
from torch.distributed import run as torchrun
from torch.utils.data import DataLoader, DistributedSampler
from transformers import AutoModelForSequenceClassification

from tests import honour
from tests.traps import toys
from tests.traps.catalogue import trap

SAYS = """\
import json, os
with open("said.jsonl", "a") as file:
    names = ("RANK", "OMP_NUM_THREADS")
    file.write(json.dumps([os.environ.get(name) for name in names]) + "\\n")
"""


def launched(start, *words: str) -> list:
    """Start a program and give, for each of its processes, its rank and number of threads."""
    Path("script.py").write_text(SAYS)
    Path("said.jsonl").unlink(missing_ok=True)
    os.environ.pop("OMP_NUM_THREADS", None)
    if start is launch_command:
        launch_command(launch_command_parser().parse_args([*words, "script.py"]))
    else:
        torchrun.main([*words, "script.py"])
    return sorted(map(json.loads, Path("said.jsonl").read_text().splitlines()))


def three_steps(cpu_ram_efficient_loading: bool, **settings) -> tuple:
    """Train a new head on a saved BERT under FSDP, on a CPU (`tests/honour.py`); give the losses, and whether it could be saved."""
    if int(os.environ["RANK"]) == 0 and not Path("body").exists():
        toys.bert().save_pretrained("body")
    data = toys.rows(4).with_format("torch")[:]
    AcceleratorState.__init__ = honour.honoured
    AcceleratorState._reset_state(reset_partial_state=True)
    efficient = str(cpu_ram_efficient_loading).lower()
    os.environ["ACCELERATE_USE_FSDP"] = "true"
    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = efficient
    plugin = FullyShardedDataParallelPlugin(
        cpu_ram_efficient_loading=cpu_ram_efficient_loading, **settings
    )
    accelerator = Accelerator(cpu=True, fsdp_plugin=plugin)
    accelerator.wait_for_everyone()
    set_seed_everywhere(0)
    model = AutoModelForSequenceClassification.from_pretrained("body").eval()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model, optimizer = accelerator.prepare(model, optimizer)
    losses = []
    for _ in range(3):
        loss = model(**data).loss
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    try:
        accelerator.save_state(f"state-{efficient}")
    except BaseException as error:
        return losses, str(error)
    return losses, "saved"


@trap(13, "accelerate", processes=2, shown="07_accelerate.ipynb#How-large-is-a-batch?")
def split_batches_in_the_accelerator_is_ignored():
    """`Accelerator(split_batches=True)` is ignored.

    You see: half as many steps as you planned, with batches twice as large.

    What happens: the argument moved to DataLoaderConfiguration. Accelerator still takes it, and does
    not read it.

    Instead: `DataLoaderConfiguration(split_batches=True)`.
    """
    rows = torch.arange(32.0)
    # You write
    accelerator = Accelerator(cpu=True, split_batches=True)
    loader = accelerator.prepare(DataLoader(rows, batch_size=8))
    # You get
    assert len(loader) == 2  # of 8 rows in each of 2 processes
    # Instead
    config = DataLoaderConfiguration(split_batches=True)
    loader = Accelerator(cpu=True, dataloader_config=config).prepare(
        DataLoader(rows, batch_size=8)
    )
    assert len(loader) == 4
    assert all(len(batch) == 4 for batch in loader)


@trap(14, "accelerate", "torch", shown="07_accelerate.ipynb#Who-starts-the-processes?")
def launch_on_a_cpu_starts_one_process():
    """`accelerate launch --cpu --num_processes 2` starts one process.

    You see: one process, where `--num_processes 2` was asked for; a run as slow as before.

    What happens: on a CPU, more than one is started by `mpirun` only, which `--mpirun_hostfile` asks for.

    Instead: torchrun, or `notebook_launcher` and `debug_launcher` from Python.
    """
    # You write
    processes = launched(launch_command, "--cpu", "--num_processes", "2")
    # You get
    assert [rank for rank, _ in processes] == [None]
    # Instead
    processes = launched(torchrun, "--nproc-per-node", "2", "--master-port", "0")
    assert [rank for rank, _ in processes] == ["0", "1"]


@trap(97, "accelerate")
def launched_scripts_have_one_thread():
    """`accelerate launch` gives a script one thread.

    You see: a script that is slower than under plain Python, on a machine with many cores.

    What happens: the launcher sets OMP_NUM_THREADS to 1 if nobody has. Only with `--cpu` and
    `--num_processes` does it divide the cores among the processes, also among those that are never
    started.

    Instead: `--num_cpu_threads_per_process`.
    """
    # You write
    processes = launched(launch_command, "--num_processes", "1")
    # You get
    assert processes == [[None, "1"]]
    # Instead
    words = ("--num_processes", "1", "--num_cpu_threads_per_process", "3")
    assert launched(launch_command, *words) == [[None, "3"]]


@trap(15, "accelerate", processes=2, shown="07_accelerate.ipynb#The-last-batch")
def gather_counts_rows_twice():
    """`gather` returns rows twice.

    You see: 96 predictions for 70 rows, and a score that is a little wrong.

    What happens: both processes get whole batches, so rows of the beginning fill up the last ones.

    Instead: `gather_for_metrics`.
    """
    accelerator = Accelerator(cpu=True)
    loader = accelerator.prepare(DataLoader(torch.arange(70), batch_size=16))
    # You write
    count = sum(len(accelerator.gather(rows)) for rows in loader)
    # You get
    assert count == 96
    # Instead
    found = torch.cat([accelerator.gather_for_metrics(rows) for rows in loader])
    assert found.tolist() == list(range(70))


@trap(
    16,
    "accelerate",
    processes=2,
    shown="07_accelerate.ipynb#The-schedule,-once-per-process",
)
def a_prepared_schedule_steps_for_each_process():
    """A prepared schedule steps once for each process.

    You see: a learning rate that is 0 after half of the steps.

    What happens: a schedule is taken to be planned for one process, so two processes take two of its
    steps at a time.

    Instead: count `len(loader)` before `prepare`, or multiply the steps. A schedule that is left out of `prepare`
    must step only where `accelerator.sync_gradients`, and wants `register_for_checkpointing`.
    """
    accelerator = Accelerator(cpu=True)

    def rate_after(steps, planned, prepared=True):
        model = torch.nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, planned)
        model, optimizer = accelerator.prepare(model, optimizer)
        schedule = accelerator.prepare(schedule) if prepared else schedule
        for _ in range(steps):
            optimizer.step()
            schedule.step()
        return optimizer.param_groups[0]["lr"]

    # You write
    rate = rate_after(4, planned=8)
    # You get
    assert rate == 0
    # Instead
    assert rate_after(4, planned=8 * accelerator.num_processes) == 0.5
    assert rate_after(4, planned=8, prepared=False) == 0.5


@trap(85, "accelerate", shown="07_accelerate.ipynb#Several-passes,-one-step")
def a_second_accelerator_switches_accumulation_off():
    """A second `Accelerator()` switches accumulation off.

    You see: four times as many steps, each on a quarter of the rows.

    What happens: all Accelerators of a process share their state. One that is made without the
    argument, in a helper say, sets it back to 1.

    Instead: make one, and hand it on.
    """
    # You write
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=4)
    Accelerator(cpu=True)  # somewhere else, to ask which process this is
    # You get
    assert accelerator.gradient_accumulation_steps == 1
    # Instead
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=4)
    assert accelerator.is_main_process
    assert accelerator.gradient_accumulation_steps == 4


@trap(
    86,
    "accelerate",
    processes=2,
    wrote="Accelerator(cpu=True, fsdp_plugin=...)",
    shown="07_accelerate.ipynb#One-file-for-each-kind-of-machine",
)
def plugins_are_ignored_on_a_cpu():
    """With `cpu=True`, the plugin for FSDP is ignored.

    You see: a test of your FSDP script that passes on a laptop.

    What happens: every process holds a whole copy of the model (DDP). That for DeepSpeed is ignored
    the same way.

    Instead: look at `accelerator.distributed_type`, which should be FSDP, before you believe a test.
    """
    # You write
    accelerator = Accelerator(cpu=True, fsdp_plugin=FullyShardedDataParallelPlugin())
    model = accelerator.prepare(torch.nn.Linear(4, 4))
    # You get
    assert isinstance(model, torch.nn.parallel.DistributedDataParallel)
    # Instead
    assert accelerator.distributed_type == "MULTI_CPU"  # not FSDP


@trap(87, "accelerate", "torch", processes=2)
def a_new_head_stays_untrained_under_fsdp():
    """Under FSDP2 with efficient loading, a new head is not trained everywhere.

    You see: other losses than without, and a `save_state` that fails: "Failed to validate global plan".

    What happens: `cpu_ram_efficient_loading` reads the checkpoint in one process only. A head that is
    not in it is drawn there; the optimizers of the others hold an empty one.

    Instead: `cpu_ram_efficient_loading=False` where the checkpoint has no such head.
    """
    shared = dict(
        fsdp_version=2,
        auto_wrap_policy="transformer_based_wrap",
        transformer_cls_names_to_wrap=["BertLayer"],
        state_dict_type="SHARDED_STATE_DICT",
    )
    # You write
    losses, saved = three_steps(**shared, cpu_ram_efficient_loading=True)
    # You get
    assert "Failed to validate global plan" in saved
    # Instead
    right, saved = three_steps(**shared, cpu_ram_efficient_loading=False)
    assert saved == "saved"
    assert abs(losses[0] - right[0]) < 1e-5
    assert abs(losses[2] - right[2]) > 1e-3  # so those above were not right


@trap(107, "accelerate", processes=2)
def seeds_of_their_own_deal_rows_twice():
    """Processes with seeds of their own deal the same rows twice.

    You see: an epoch, with `use_seedable_sampler=True`, in which some rows come twice, and others never.

    What happens: each process shuffles all rows and takes its share. With a seed of its own, each
    shuffles otherwise. `use_seedable_sampler=True` is what reads that seed; by default, the order
    is sent from the first process.

    Instead: the same `set_seed` in all, before `prepare`.
    """
    rank = int(os.environ["RANK"])

    def dealt(seed, seedable=True):
        config = DataLoaderConfiguration(use_seedable_sampler=seedable)
        accelerator = Accelerator(cpu=True, dataloader_config=config)
        set_seed_everywhere(seed)
        loader = DataLoader(range(16), batch_size=4, shuffle=True)
        rows = torch.cat(list(accelerator.prepare(loader)))
        return set(accelerator.gather(rows).tolist())

    # You write
    rows = dealt(seed=rank)
    # You get
    assert len(rows) < 16
    assert len(dealt(seed=rank, seedable=False)) == 16
    # Instead
    assert dealt(seed=0) == set(range(16))


@trap(91, "accelerate", "torch", processes=2)
def a_distributed_sampler_is_divided_again():
    """A loader with a DistributedSampler that is prepared reads half of the rows.

    You see: epochs that are half as long.

    What happens: the sampler gives each process its half, and `prepare` deals the batches of that half
    to both processes again.

    Instead: prepare a loader without the sampler, or read a loader with it and do not prepare it.
    """
    accelerator = Accelerator(cpu=True)
    rows = torch.arange(32)

    def read(loader):
        return set(accelerator.gather(torch.cat(list(loader))).tolist())

    # You write
    sampler = DistributedSampler(rows, shuffle=False)
    loader = DataLoader(rows, batch_size=4, sampler=sampler)
    # You get
    assert len(read(accelerator.prepare(loader))) == 16
    # Instead
    assert len(read(loader)) == 32
    assert len(read(accelerator.prepare(DataLoader(rows, batch_size=4)))) == 32


@trap(
    93,
    "accelerate",
    shown="07_accelerate.ipynb#Several-passes,-one-step",
    wrote="with accelerator.accumulate(model):",
)
def the_last_group_is_divided_by_too_much():
    """The last, short group of an accumulation counts too little.

    You see: nothing; the last step of each epoch is smaller.

    What happens: the loss of every batch is divided by `gradient_accumulation_steps`, also where two
    batches are left of four.

    Instead: choose numbers that divide, or scale the last group.
    """
    rows = torch.ones(6, 1)  # the gradient of a batch is 1

    def gradients(scale):
        accelerator = Accelerator(cpu=True, gradient_accumulation_steps=4)
        model, seen = torch.nn.Linear(1, 1, bias=False), []
        model, loader = accelerator.prepare(model, DataLoader(rows, batch_size=1))
        for number, batch in enumerate(loader):
            with accelerator.accumulate(model):
                accelerator.backward(model(batch).mean() * scale(number))
                if accelerator.sync_gradients:
                    seen.append(model.weight.grad.item())
                    model.zero_grad()
        return seen

    # You write
    seen = gradients(scale=lambda number: 1)
    # You get
    assert seen == [1.0, 0.5]
    # Instead
    assert gradients(scale=lambda number: 1 if number < 4 else 4 / 2) == [1.0, 1.0]


@trap(94, "accelerate")
def trackers_drop_what_is_no_python_number():
    """A tracker drops what is no Python number.

    You see: a curve that is missing on the board.

    What happens: the tracker for TensorBoard writes int, float, text and dicts. A tensor of shape [1], as
    `gather` gives it, a list and an np.float32 are none of them.

    Instead: `.item()`, and `.mean().item()` of several.
    """
    written = []

    class Writer:
        """Stands in for TensorBoard's, which is not installed here."""

        def add_scalar(self, name, value, global_step):
            written.append(name)

        def flush(self):
            pass

    tracker = object.__new__(TensorBoardTracker)
    tracker.writer = Writer()
    loss = torch.tensor([0.5])
    # You write
    tracker.log({"tensor": loss, "list": [0.5], "numpy": np.float32(0.5)}, step=1)
    # You get
    assert written == []
    # Instead
    tracker.log({"loss": loss.item()}, step=1)
    assert written == ["loss"]


@trap(96, "accelerate", "torch", processes=2)
def a_weight_unfrozen_later_is_never_averaged():
    """A weight that is unfrozen after `prepare` is never averaged.

    You see: processes whose models drift apart; the first one's is saved.

    What happens: DDP looks once, when it wraps the model, which weights need a gradient. A forward
    that goes past the wrapper, as `model.module(...)`, averages nothing either.

    Instead: unfreeze, then prepare; call what `prepare` returned.
    """
    accelerator = Accelerator(cpu=True)
    rows = torch.full((1, 1), 1.0 + accelerator.process_index)  # 1 here, 2 there

    def gradients(model, forward):
        model.zero_grad()
        accelerator.backward(forward(rows).sum())
        last = accelerator.unwrap_model(model)[-1].weight.grad
        return accelerator.gather(last.flatten()).tolist()

    def fresh(frozen):
        layers = torch.nn.Sequential(*[torch.nn.Linear(1, 1, bias=False) for _ in "ab"])
        torch.nn.init.ones_(layers[0].weight)
        layers[1].weight.requires_grad_(not frozen)
        return accelerator.prepare(layers)

    # You write
    model = fresh(frozen=True)
    model.requires_grad_(True)
    # You get
    assert gradients(model, model) == [1.0, 2.0]
    past_it = fresh(frozen=False)
    assert gradients(past_it, past_it.module) == [1.0, 2.0]
    # Instead
    model = fresh(frozen=False)  # then prepared
    assert gradients(model, model) == [1.5, 1.5]


@trap(98, "accelerate", "torch")
def compiled_models_save_other_names():
    """A compiled model saves its weights under other names.

    You see: a file that loads, and a model that is random; or an error about names.

    What happens: the wrapper of `torch.compile` puts `_orig_mod.` before each name, and
    `unwrap_model` keeps that wrapper.

    Instead: `unwrap_model(model, keep_torch_compile=False)`.
    """
    accelerator, model = Accelerator(cpu=True), toys.bert()
    compiled = torch.compile(model)

    def names(model):
        save_file(
            {k: v.clone() for k, v in model.state_dict().items()}, "weights.safetensors"
        )
        return set(load_file("weights.safetensors"))

    # You write
    found = names(accelerator.unwrap_model(compiled))
    # You get
    assert all(name.startswith("_orig_mod.") for name in found)
    # Instead
    unwrapped = accelerator.unwrap_model(compiled, keep_torch_compile=False)
    assert names(unwrapped) == set(model.state_dict())


@trap(99, "accelerate", processes=2)
def gathered_dicts_with_texts_are_their_keys():
    """`gather_for_metrics` of a dict with texts returns its keys.

    You see: "text", "label" where rows should be.

    What happens: what holds anything but tensors is sent as an object, and the objects of all
    processes are joined like lists. A dict joined like a list is its keys.

    Instead: gather a list with one dict for each row. A list of whole batches would keep the rows that are
    repeated at the end (15).
    """
    accelerator = Accelerator(cpu=True)
    rank = accelerator.process_index
    batch = {"text": [f"text {rank}"], "label": torch.tensor([rank])}
    # You write
    found = accelerator.gather_for_metrics(batch)
    # You get
    assert found == ["text", "label"] * 2
    # Instead
    columns = zip(batch["text"], batch["label"].tolist(), strict=True)
    rows = [{"text": text, "label": label} for text, label in columns]
    found = accelerator.gather_for_metrics(rows)
    assert [row["text"] for row in found] == ["text 0", "text 1"]


@trap(100, "torch", wrote='torch.autocast("cpu", dtype=torch.bfloat16)')
def autocast_on_a_cpu_keeps_nothing_exact():
    """Autocast on a CPU keeps softmax and layer norm in bfloat16.

    You see: losses on a CPU that differ from those on a GPU.

    What happens: on a GPU autocast computes both in float32. On a CPU neither is on that list, so they
    keep the type they are given.

    Instead: `.float()` before the two, where a hundredth matters.
    """
    rows, norm = torch.randn(2, 8).bfloat16(), torch.nn.LayerNorm(8)
    # You write
    with torch.autocast("cpu", dtype=torch.bfloat16):
        weights, normed = rows.softmax(-1), norm(rows)
    # You get
    assert weights.dtype == normed.dtype == torch.bfloat16
    # Instead
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert rows.float().softmax(-1).dtype == torch.float32
        assert norm(rows.float()).dtype == torch.float32


@trap(101, "accelerate", processes=2)
def a_misspelt_reduction_is_a_sum():
    """A misspelt reduction is a sum.

    You see: a mean loss that is twice as large in two processes.

    What happens: `reduce` divides where it reads "mean". Every other word leaves the sum, "none" too,
    which its signature suggests returns all values.

    Instead: "mean" or "sum"; `gather` for all values.
    """
    accelerator = Accelerator(cpu=True)
    loss = torch.tensor([1.0 + 2 * accelerator.process_index])  # 1 and 3
    # You write
    found = [
        accelerator.reduce(loss, reduction=word).item() for word in ("none", "avg")
    ]
    # You get
    assert found == [4, 4]
    # Instead
    assert accelerator.reduce(loss, reduction="mean").item() == 2
    assert accelerator.gather(loss).tolist() == [1, 3]


@trap(103, "accelerate", processes=2, wrote="set_seed(0)")
def processes_drop_the_same_units():
    """After one seed for all, processes drop the same units.

    You see: nothing; dropout that is less random than it should be.

    What happens: equal generators draw equal masks, on different rows.

    Instead: `accelerate.utils.set_seed(seed, device_specific=True)`, after the model was made and the loader
    prepared. The function of that name in transformers has no such argument.
    """
    accelerator = Accelerator(cpu=True)

    def masks():
        drawn = torch.nn.functional.dropout(torch.ones(1, 64))
        return accelerator.gather(drawn).chunk(2)

    # You write
    set_seed_everywhere(0)
    # You get
    assert torch.equal(*masks())
    # Instead
    set_seed_everywhere(0, device_specific=True)
    assert not torch.equal(*masks())


@trap(
    104,
    "accelerate",
    "torch",
    processes=2,
    shown="07_accelerate.ipynb#When-tokens-are-counted",
    wrote="accelerator.backward(outputs.mean())",
)
def a_mean_of_means_is_not_the_mean():
    """A mean of the processes' means is not the mean over tokens.

    You see: nothing; tokens of short texts count more.

    What happens: each process divides by its own number of tokens, and gradients are averaged over
    processes as if the numbers were equal. Trainer counts all tokens first.

    Instead: divide by the number of tokens of all, and multiply by the number of processes.
    """
    accelerator = Accelerator(cpu=True)
    losses = [[1.0], [5.0] * 9][accelerator.process_index]  # one token here, nine there
    tokens = torch.tensor(losses)
    model = torch.nn.Linear(1, 1, bias=False)
    model = accelerator.prepare(model)

    def gradient(loss_of):
        model.zero_grad()
        accelerator.backward(loss_of(model(tokens[:, None])))
        return accelerator.unwrap_model(model).weight.grad.item()

    # You write
    found = gradient(lambda outputs: outputs.mean())
    # You get
    assert found == 3.0
    # Instead
    count = accelerator.reduce(torch.tensor(len(tokens)), "sum")
    share = accelerator.num_processes / count
    assert abs(gradient(lambda outputs: outputs.sum() * share) - 4.6) < 1e-6
