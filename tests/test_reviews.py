"""The program of notebook 07, trained on a small random model; and the page's way to launch it."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from accelerate import debug_launcher
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.state import AcceleratorState
from torch.utils.data import DataLoader
from transformers import BertConfig, BertForSequenceClassification, set_seed

from hf_tutorial import NOTEBOOKS
from tests import guards
from tests.processes import models_at_the_end

sys.path.append(str(NOTEBOOKS / "accelerate"))
import reviews

CLOSE = 1e-5


@pytest.fixture(autouse=True)
def fresh_process(one_thread):
    """Accelerate keeps its state in the class."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Save a model with random weights, which trains 40 steps in a second."""
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("small")
    tokenizer = AutoTokenizer.from_pretrained(
        NOTEBOOKS.parent / "data/models/all-MiniLM-L6-v2"
    )
    set_seed(0)
    shape = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2,
    )  # fmt: skip
    BertForSequenceClassification(shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def order(small, tmp_path):
    def words(name, *more):
        data = NOTEBOOKS.parent / "data/reviews"
        line = ["--checkpoint", small, "--dataset", data, "--output", tmp_path / name]
        return reviews.arguments([*map(str, line), "--cpu", *more])

    return words


def on_the_loopback():
    if sys.platform == "darwin":  # debug_launcher names Linux's loopback, lo
        os.environ["GLOO_SOCKET_IFNAME"] = "lo0"


def in_a_fork(args):
    on_the_loopback()
    reviews.train(args)


def trained(args, processes=1):
    """Train, and give the log."""
    # Else forked processes would begin as copies of one that is alone.
    AcceleratorState._reset_state(reset_partial_state=True)
    if processes == 1:
        reviews.train(args)
    else:
        debug_launcher(in_a_fork, (args,), num_processes=processes)
    return reviews.noted(args)


def losses(log):
    return torch.tensor([line["losses"] for line in log if "losses" in line])


def rights(log):
    return [line["right"] for line in log if "right" in line]


def by_hand(args):
    """Train by the loop that the page shows beside the program."""
    page = guards.read(NOTEBOOKS / "07_accelerate.ipynb")
    (source,) = [cell.source for cell in page.cells if cell.id == "by-hand"]
    names = {"torch": torch, "sys": sys, "device": torch.device("cpu")}
    exec(source, names)
    names["by_hand"](args)
    return reviews.noted(args)


def test_one_process_loses_what_the_loop_loses(order):
    seven = ["--stop-after", "7"]
    loop, program = by_hand(order("loop", *seven)), trained(order("program", *seven))
    assert losses(loop).shape == (7, 1)
    assert torch.equal(losses(loop), losses(program))


def test_two_processes_mean_what_one_process_loses_and_get_as_many_right(order):
    one = trained(order("one", "--no-dropout"))
    two = trained(order("two", "--no-dropout"), processes=2)
    assert losses(two).shape == (40, 2)
    apart = losses(two).mean(dim=1) - losses(one)[:, 0]
    assert apart.abs().max() < CLOSE
    assert rights(one) == rights(two) and len(rights(one)) == 2
    assert (losses(two)[:, 0] - losses(two)[:, 1]).abs().max() > CLOSE  # halves differ


def test_two_processes_drop_different_positions(order, monkeypatch):
    """Planted: the same seed for both, which the program avoids, is seen in the losses."""
    own = losses(trained(order("own", "--stop-after", "3"), processes=2))
    monkeypatch.setattr(reviews, "set_seed", lambda seed, **options: set_seed(seed))
    same = losses(trained(order("same", "--stop-after", "3"), processes=2))
    assert torch.equal(own[0, 0], same[0, 0]) and not torch.equal(own[0, 1], same[0, 1])


@pytest.mark.parametrize(("processes", "stop"), [(1, 20), (1, 33), (2, 33)])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(order, processes, stop):
    """On the last step of the first epoch, and in the second; with dropout."""
    whole = trained(order("whole", "--save-every", "5"), processes)
    trained(order("cut", "--save-every", "5", "--stop-after", str(stop)), processes)
    resumed = trained(order("cut", "--save-every", "5", "--resume"), processes)
    assert torch.equal(losses(whole), losses(resumed)) and len(losses(whole)) == 40
    assert [line["step"] for line in resumed] == [line["step"] for line in whole]
    assert rights(whole) == rights(resumed)


@pytest.mark.parametrize("fault", ["set_rng_state", "set_epoch"])
def test_a_resumed_run_needs_the_order_and_the_random_state(order, monkeypatch, fault):
    """Planted: without one of them the losses of the resumed run are others."""
    whole = trained(order("whole", "--save-every", "5"))
    trained(order("cut", "--save-every", "5", "--stop-after", "33"))
    if fault == "set_rng_state":
        monkeypatch.setattr(reviews.torch, "get_rng_state", lambda: torch.zeros(0))
        monkeypatch.setattr(reviews.torch, "set_rng_state", lambda state: None)
    else:
        loaders = reviews.Accelerator.skip_first_batches

        def begins_again(*words, **named):
            loader = loaders(*words, **named)
            loader.set_epoch = lambda epoch: None
            return loader

        monkeypatch.setattr(reviews.Accelerator, "skip_first_batches", begins_again)
    resumed = trained(order("cut", "--save-every", "5", "--resume"))
    assert torch.equal(losses(whole)[:30], losses(resumed)[:30])
    assert not torch.equal(losses(whole), losses(resumed))


def test_a_run_killed_while_saving_keeps_the_older_state(order, monkeypatch):
    args = order("cut", "--save-every", "5")

    class Killed(BaseException):
        pass

    def killed(self, folder):
        if any(args.output.glob("step-*")):
            Path(folder).mkdir()
            raise Killed
        saved(self, folder)

    saved = reviews.Accelerator.save_state
    monkeypatch.setattr(reviews.Accelerator, "save_state", killed)
    with contextlib.suppress(Killed):
        trained(args)
    assert [folder.name for folder in args.output.glob("step-*")] == ["step-000005"]
    monkeypatch.undo()
    whole = trained(order("whole", "--save-every", "5"))
    resumed = trained(order("cut", "--save-every", "5", "--resume"))
    assert torch.equal(losses(whole), losses(resumed))


def test_the_model_that_is_kept_is_that_of_the_best_epoch(order):
    args = order("kept")
    given = iter([70, 90, 80])
    kept = []

    class Model:
        def save_pretrained(self, folder):
            kept.append(len(kept))

    class Bare:
        def unwrap_model(self, model):
            return model

    for right in given:
        reviews.note(args, step=1, losses=[0.5])
        reviews.keep_best(Bare(), args, Model(), right)
        reviews.note(args, step=1, right=right)
    assert len(kept) == 2  # 70 and 90, not 80


def test_a_run_without_a_state_begins_again_and_one_in_a_used_folder_is_refused(order):
    trained(order("cut", "--stop-after", "3"))
    with pytest.raises(SystemExit, match="holds a run: add --resume"):
        trained(order("cut", "--stop-after", "3"))
    log = trained(order("cut", "--stop-after", "3", "--resume"))
    assert [line["step"] for line in log] == [1, 2, 3]


def launcher():
    """Start a program and wait for it, by the page's own functions."""
    page = guards.read(NOTEBOOKS / "07_accelerate.ipynb")
    (source,) = [cell.source for cell in page.cells if cell.id == "run"]
    names = {"subprocess": subprocess, "sys": sys, "surroundings": dict(os.environ)}
    exec(source, names)
    return lambda *words: names["said"](names["launched"](*words))


def test_a_program_that_fails_stops_the_page(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("raise ValueError('no such row')")
    with pytest.raises(RuntimeError, match="exit status 1: (?s:.*)no such row"):
        launcher()(program)


def test_a_program_that_dies_after_its_last_line_has_done_its_work(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import os; print('done', flush=True); os.abort()")
    assert launcher()(program) == "done"


def test_launch_on_a_cpu_divides_the_cores_by_the_processes_asked_for(monkeypatch):
    """The page says so of `--cpu --num_processes 2`, which starts one process."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("psutil.cpu_count", lambda logical=True: 8)
    words = ["--cpu", "--num_processes", "2", "--mixed_precision", "no", "x.py"]
    read, _, _ = _validate_launch_command(launch_command_parser().parse_args(words))
    assert read.num_cpu_threads_per_process == 4


def shuffled(folder):
    """Write down the rows of this process, whose random numbers are its own."""
    on_the_loopback()
    accelerator = reviews.Accelerator()
    rank = accelerator.process_index
    torch.manual_seed(rank)
    loader = accelerator.prepare(DataLoader(range(32), 8, shuffle=True))
    rows = torch.cat(list(loader)).tolist()
    (folder / str(rank)).write_text(json.dumps(rows))


def test_processes_share_one_order_also_without_the_seedable_sampler(tmp_path):
    AcceleratorState._reset_state(reset_partial_state=True)
    debug_launcher(shuffled, (tmp_path,), num_processes=2)
    one, two = (json.loads((tmp_path / name).read_text()) for name in "01")
    assert sorted(one + two) == list(range(32)) and one != sorted(one)


@pytest.mark.parametrize("late", [False, True])
def test_the_model_is_gone_before_its_processes_part(small, tmp_path, late):
    program = Path(reviews.__file__)
    if late:  # planted: it is still there when train ends the group itself
        told = "    accelerator.print("
        text = program.read_text().replace(
            told, f"    accelerator.end_training()\n{told}"
        )
        program = tmp_path / "late.py"
        program.write_text(text)
    data = NOTEBOOKS.parent / "data/reviews"
    words = ["--checkpoint", small, "--dataset", data, "--output", tmp_path / "out"]
    words = [program, *words, "--cpu", "--stop-after", 1]
    left = models_at_the_end(words, os.environ | {"OMP_NUM_THREADS": "1"})
    assert left == ({1} if late else {0})
