"""Traps of stopping and going on with Accelerate: order of rows, states, files.

To begin as a new program does, entries reset the state that all Accelerators of a process share.
"""

from itertools import islice
from pathlib import Path

import torch
from accelerate import Accelerator, DataLoaderConfiguration, skip_first_batches
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import (
    ProjectConfiguration,
    load_checkpoint_in_model,
)
from accelerate.utils import set_seed as set_seed_everywhere
from torch.utils.data import DataLoader

from tests.traps import toys
from tests.traps.catalogue import trap


def new_loader(**config):
    """Begin as a program does: seed 0, Accelerator, a shuffled loader of the numbers 0 to 63."""
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    set_seed_everywhere(0)
    settings = DataLoaderConfiguration(**config) if config else None
    accelerator = Accelerator(cpu=True, dataloader_config=settings)
    return accelerator.prepare(DataLoader(range(64), batch_size=4, shuffle=True))


def rows_of(batches) -> list[int]:
    """Read batches to their end, into one list."""
    return torch.cat(list(batches)).tolist()


@trap(89, "accelerate")
def a_resumed_loader_deals_another_order():
    """A loader with plain `shuffle=True` cannot be resumed by skipping.

    You see: an epoch resumed with `skip_first_batches` in which rows come twice, and others never.

    What happens: the new program draws another order than the epoch had, and skips the first of that.

    Instead: `use_seedable_sampler=True`, and `set_epoch` on the loader that skips.
    """
    # You write
    first = new_loader()
    rows_of(first)  # epoch 0
    done = rows_of(islice(first, 6))  # of epoch 1; then a new program
    rest = rows_of(skip_first_batches(new_loader(), 6))
    # You get
    assert len(set(done + rest)) < 64
    # Instead
    first = new_loader(use_seedable_sampler=True)
    rows_of(first)
    done = rows_of(islice(first, 6))
    resumed = skip_first_batches(new_loader(use_seedable_sampler=True), 6)
    resumed.set_epoch(1)
    assert sorted(done + rows_of(resumed)) == list(range(64))


@trap(90, "accelerate", "torchdata", needs="torchdata")
def a_stateful_loader_alone_is_not_enough():
    """A stateful loader alone does not resume an epoch.

    You see: an epoch resumed with `use_stateful_dataloader=True` in which rows come twice, and others never.

    What happens: the state of the loader holds how far an epoch was read, and not its order.

    Instead: `use_seedable_sampler=True` as well, and `set_epoch` before the state is loaded.
    """
    stateful = dict(use_stateful_dataloader=True)
    # You write
    first = new_loader(**stateful)
    rows_of(first)  # epoch 0
    done = rows_of(islice(first, 6))  # of epoch 1
    state = first.state_dict()  # into the checkpoint; then a new program
    resumed = new_loader(**stateful)
    resumed.set_epoch(1)
    resumed.load_state_dict(state)
    # You get
    assert len(set(done + rows_of(resumed))) < 64
    # Instead
    stateful["use_seedable_sampler"] = True
    first = new_loader(**stateful)
    rows_of(first)
    done, state = rows_of(islice(first, 6)), first.state_dict()
    resumed, forgetful = new_loader(**stateful), new_loader(**stateful)
    resumed.set_epoch(1)
    resumed.load_state_dict(state)
    assert sorted(done + rows_of(resumed)) == list(range(64))
    forgetful.load_state_dict(state)  # without the epoch it does not do
    assert len(set(done + rows_of(forgetful))) < 64


@trap(92, "accelerate")
def an_epoch_left_early_is_repeated():
    """An epoch that is left by `break` is repeated.

    You see: the same first batches in each epoch that ends early.

    What happens: with `use_seedable_sampler=True` a prepared loader counts an epoch at its end.

    Instead: `set_epoch` at the beginning of each.
    """
    config = DataLoaderConfiguration(use_seedable_sampler=True)
    accelerator = Accelerator(cpu=True, dataloader_config=config)
    loader = accelerator.prepare(DataLoader(range(64), batch_size=4, shuffle=True))

    def start_of_epoch():
        for batch in loader:
            return batch.tolist()  # as a break would

    # You write
    first, second = start_of_epoch(), start_of_epoch()
    # You get
    assert first == second
    # Instead
    found = []
    for epoch in range(2):
        loader.set_epoch(epoch)
        found.append(start_of_epoch())
    assert found[0] != found[1]


@trap(95, "accelerate")
def an_older_file_wins_over_a_sharded_one():
    """A model saved in shards into a used folder is loaded as it was before.

    You see: weights of an older run, without a word.

    What happens: `save_model` leaves an older `model.safetensors` where it is, and loading looks for
    that file first.

    Instead: a new folder.
    """
    accelerator, model = Accelerator(cpu=True), toys.bert()
    accelerator.save_model(model, "kept")
    old = toys.weights(model)
    torch.nn.init.ones_(model.pooler.dense.weight)  # trained on

    def loaded(folder):
        fresh = toys.bert()
        load_checkpoint_in_model(fresh, folder)
        return toys.weights(fresh)

    # You write
    accelerator.save_model(model, "kept", max_shard_size="5KB")
    # You get
    assert len(list(Path("kept").glob("model-*.safetensors"))) > 1
    assert torch.equal(loaded("kept"), old)
    # Instead
    accelerator.save_model(model, "fresh", max_shard_size="5KB")
    assert torch.equal(loaded("fresh"), toys.weights(model))


@trap(
    102,
    "accelerate",
    says="Deleting 1 checkpoints to make room for new checkpoint",
    upstream="huggingface/accelerate#3306",
)
def resuming_deletes_the_newest_checkpoint():
    """A resumed run with `total_limit` deletes its newest checkpoint.

    You see: a run that, resumed a second time, starts from an older state.

    What happens: numbering begins at 0 again after `load_state`. The lowest number is deleted first,
    and that is the new one.

    Instead: after loading, set `project_configuration.iteration` to the highest number plus one.
    """
    settings = dict(automatic_checkpoint_naming=True, total_limit=2)

    folders = Path("run/checkpoints")

    def program(saves, load=False, repair=False):
        """Begin as a program does, save some times, and give what is there then."""
        AcceleratorState._reset_state(reset_partial_state=True)
        project = ProjectConfiguration(project_dir="run", **settings)
        accelerator = Accelerator(cpu=True, project_config=project)
        accelerator.prepare(torch.nn.Linear(1, 1))
        if load:
            accelerator.load_state()
        if repair:
            numbers = [int(folder.name.split("_")[1]) for folder in folders.iterdir()]
            accelerator.project_configuration.iteration = max(numbers) + 1
        for _ in range(saves):
            accelerator.save_state()
        return sorted(folder.name for folder in folders.iterdir())

    first = program(saves=3)
    written = (folders / "checkpoint_2").stat().st_mtime_ns
    # You write
    resumed = program(saves=2, load=True)  # as 0 and 1, since it counts anew
    # You get
    assert first == resumed == ["checkpoint_1", "checkpoint_2"]  # where is 0?
    assert (folders / "checkpoint_2").stat().st_mtime_ns == written  # and is read next
    # Instead
    repaired = program(saves=2, load=True, repair=True)
    assert repaired == ["checkpoint_3", "checkpoint_4"]
