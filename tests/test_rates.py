"""The quick part of `make bench`: ratios, measured in turns, at limits that a busy machine keeps.

Each limit is shown to fail on a planted fault of the size that it should find.
"""

import functools
import statistics
import time
from pathlib import Path

import nbformat
import pytest
import torch
from datasets import Dataset

from tests import against, rates
from tests.lessons import saved

STEP, LOADING, TOKENIZING = 0.35, 0.1, 2.0  # `make bench` asks 0.65, 0.05 and 1.3


pytestmark = pytest.mark.usefixtures("one_thread")


def test_step_runs_near_the_rate_of_a_product():
    share, loading = rates.step(repeats=2)
    assert share >= STEP and loading <= LOADING


def test_wait_in_each_step_is_found(monkeypatch):
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *_: time.sleep(5))
    share, _ = rates.step(repeats=1)
    assert share < STEP


def test_map_costs_little_beyond_the_tokenizer():
    assert rates.tokenizing(rows=1000, repeats=3) <= TOKENIZING


def test_map_of_single_rows_is_found(monkeypatch):
    singly = functools.partialmethod(Dataset.map, batch_size=1)
    monkeypatch.setattr(Dataset, "map", singly)
    assert rates.tokenizing(rows=300, repeats=1) > TOKENIZING


def test_actions_take_turns_and_the_first_turn_is_not_counted(monkeypatch):
    clock, order = [0.0], []
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def action(name, *lasts):
        left = list(lasts)

        def act():
            order.append(name)
            clock[0] += left.pop(0)

        return act

    found = rates.seconds(action("a", 99, 1, 5, 2), action("b", 99, 4, 4, 9), repeats=3)
    assert found == [2, 4] and order == ["a", "b"] * 4


def test_checkouts_take_turns_and_medians_are_kept():
    asked = []

    def seconds(root):
        asked.append(root.name)
        cold = 99 * (len(asked) <= 2)
        return {"old": 10.0, "new": 4.0}[root.name] + cold

    measure = against.Measure("x", seconds, 3, 0.5)
    assert against.compared(measure, Path("old"), Path("new")) == (10.0, 4.0)
    assert asked == ["new", "old", "old", "new"] * 2


def test_first_output_waits_for_what_is_shown(tmp_path):
    quiet, shown = "import time; time.sleep(0.5)", "time.sleep(0.5); print(1)"
    nbformat.write(
        saved((quiet, ""), (shown, "1\n"), ("time.sleep(30)", "")), tmp_path / "a.ipynb"
    )
    took = against.first_output(against.collection.ROOT, tmp_path / "a.ipynb")
    assert 1 < took < 20
    nbformat.write(saved(("x = 1", "")), tmp_path / "b.ipynb")
    with pytest.raises(RuntimeError, match="shows nothing"):
        against.first_output(against.collection.ROOT, tmp_path / "b.ipynb")


@pytest.mark.parametrize(("now", "word"), [(4.0, "| 0.5 |"), (6.0, "| 0.5, missed |")])
def test_missed_target_is_said(monkeypatch, capsys, now, word):
    measure = against.Measure("x", statistics.mean, 3, 0.5)
    monkeypatch.setattr(against, "MEASURES", {"x": measure})
    monkeypatch.setattr(against, "set_up", lambda commit, folder: folder)
    monkeypatch.setattr(against, "compared", lambda *_: (10.0, now))
    assert against.main("abc", ["x"]) == (now > 5)
    assert word in capsys.readouterr().out
    with pytest.raises(SystemExit, match="WHAT=y begins none of x"):
        against.main("abc", ["y"])
