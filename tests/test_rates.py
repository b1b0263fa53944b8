"""The quick part of `make bench`: ratios, measured in turns, at limits that a busy machine keeps.

Each limit is shown to fail on a planted fault of the size that it should find.
"""

import functools
import statistics
import subprocess
import time
from pathlib import Path

import nbformat
import pytest
import torch
from datasets import Dataset

from hf_tutorial import publish
from tests import against, processes, profiled, rates
from tests import bench as bench_of
from tests.lessons import saved

SLOW = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(3)'])"
STEP, LOADING, TOKENIZING = 0.35, 0.1, 2.0  # `make bench` asks 0.65, 0.05 and 1.3


pytestmark = pytest.mark.usefixtures("one_thread")


def test_step_runs_near_the_rate_of_a_product():
    share, loading = rates.step(repeats=2)
    assert share >= STEP and loading <= LOADING


def test_wait_in_each_step_is_found(monkeypatch):
    """Planted: a wait twice as long as what came since the last one."""
    ended = []

    def wait(*_):
        if ended:
            time.sleep(2 * (time.perf_counter() - ended[-1]))
        ended.append(time.perf_counter())

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", wait)
    share, _ = rates.step(repeats=1)
    assert share < STEP


def test_map_costs_little_beyond_the_tokenizer():
    whole, called = rates.tokenizing(rows=1000, repeats=3)
    assert whole <= TOKENIZING and called > 0.5


def test_map_of_single_rows_is_found(monkeypatch):
    singly = functools.partialmethod(Dataset.map, batch_size=1)
    monkeypatch.setattr(Dataset, "map", singly)
    assert rates.tokenizing(rows=300, repeats=1)[0] > TOKENIZING


@pytest.mark.parametrize(("power", "leak"), [(1.0, 0), (1.3, 0), (1.0, 2)])
def test_stream_that_grows_is_told_from_a_cold_start_and_a_busy_moment(
    monkeypatch, power, leak
):
    """A clock of our own: 6 s to start, 20 s the first time, and rows to a power beneath it."""
    started = []

    def peak(words, folder):
        rows = int(words[words.index("--dataset") + 1].stem)
        started.append(rows)
        start = {1: 20, 11: 60}.get(len(started), 6)
        return 1000 + leak * rows, start + rows**power / 1000, ""

    monkeypatch.setattr(processes, "peak", peak)
    memory, exponent = rates.streaming()
    assert exponent == pytest.approx(power, abs=0.01)
    assert (memory > 1.1) == (leak > 0)
    assert started == [30, 300] + [30, 3000, 30000] * 3


def test_products_and_draws_of_a_step_are_told_from_the_rest():
    """Not that they are most of it: on a busy machine, filling new memory may take as long."""
    spent = rates.operations(steps=2)
    assert sum(spent.values()) == pytest.approx(1)
    assert spent["products"] > 0.2 and spent["products"] > spent["dropout's draws"] > 0


@pytest.mark.parametrize(("share", "held"), [(0.7, True), (0.4, True), (0.25, False)])
def test_slow_step_is_explained_and_fails_below_its_limit(monkeypatch, share, held):  # fmt: skip
    monkeypatch.setattr(rates, "step", lambda: (share, 0.01))
    monkeypatch.setattr(rates, "operations", lambda: {"products": 0.75, "all else": 0.25})  # fmt: skip
    said, holds = bench_of.step_against_a_product()
    assert holds == held and ("products 75 %, all else 25 %" in said) == (share < 0.65)
    monkeypatch.setattr(rates, "step", lambda: (share, 0.06))
    assert not bench_of.step_against_a_product()[1]


@pytest.mark.parametrize(("ratio", "held"), [(1.2, True), (1.5, True), (1.7, False)])
def test_slow_map_is_explained_and_fails_above_its_limit(monkeypatch, ratio, held):  # fmt: skip
    monkeypatch.setattr(rates, "tokenizing", lambda: (ratio, 1.15))
    said, holds = bench_of.tokenizing_against_tokenizers()
    assert holds == held and ("nothing cut, takes 1.15" in said) == (ratio > 1.3)


@pytest.mark.parametrize(
    ("step", "product", "held"), [(1.3, 2.5, True), (1.1, 2.5, False), (0.5, 0.6, True)]
)
def test_bf16_is_asked_for_what_the_processor_can(step, product, held):
    said, holds = bench_of.gain_of_bf16(step, product)
    assert holds == held and ("no target" in said) == (product < 2)


@pytest.mark.parametrize(
    ("pace", "seconds", "gigabytes", "held"),
    [(4.8, 59, 2, True), (4.8, 61, 2, False), (6.0, 61, 2, True), (6.0, 76, 2, False),
     (4.0, 51, 2, False), (4.8, 59, 3.1, False)],
)  # fmt: skip
def test_notebook_may_take_what_the_machine_makes_of_a_minute(
    monkeypatch, tmp_path, pace, seconds, gigabytes, held
):
    done = publish.Execution(tmp_path / "00_a.ipynb", None, seconds, gigabytes * 1e9)
    monkeypatch.setattr(against, "bare_imports", lambda root: {against.CLASS: 10 * pace})  # fmt: skip
    monkeypatch.setattr(publish, "execute", lambda found, at_once: [done])
    said, holds = bench_of.notebooks_alone()
    assert holds == held and f"targets: {12.5 * pace:.0f} s" in said


@pytest.mark.parametrize(
    ("seconds", "failures", "held"),
    [
        ([61, 59, 58], ["", "", ""], True),
        ([61, 59, 62], ["", "", ""], False),
        ([61, 3, 59], ["", "KeyError", ""], False),
        ([59, 99, 99], ["", "", ""], True),
    ],
)
def test_notebook_that_met_a_busy_moment_runs_again(
    monkeypatch, tmp_path, seconds, failures, held
):
    runs = [
        publish.Execution(tmp_path / "00_a.ipynb", None, took, 2e9, failure)
        for took, failure in zip(seconds, failures, strict=True)
    ]
    monkeypatch.setattr(against, "bare_imports", lambda root: {against.CLASS: 48})
    monkeypatch.setattr(publish, "execute", lambda found, at_once: [runs.pop(0)])
    said, holds = bench_of.notebooks_alone()
    assert holds == held and len(runs) == (2 if seconds[0] < 60 else 0)


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


def test_first_turn_counts_where_none_is_needed():
    took = {"old": [9.0, 2.0, 4.0], "new": [1.0, 5.0, 3.0]}
    measure = against.Measure("x", lambda root: took[root.name].pop(), 3, 1, warm=False)
    assert against.compared(measure, Path("old"), Path("new")) == (4.0, 3.0)


def test_first_output_waits_for_what_is_shown(tmp_path):
    quiet, shown = "import time; time.sleep(0.5)", "time.sleep(0.5); print(1)"
    nbformat.write(
        saved((quiet, ""), (shown, "1\n"), ("time.sleep(30)", "")), tmp_path / "a.ipynb"
    )
    took = against.output(against.collection.ROOT, tmp_path / "a.ipynb", 1)
    assert 1 < took < 20
    nbformat.write(saved(("x = 1", "")), tmp_path / "b.ipynb")
    with pytest.raises(RuntimeError, match="shows nothing"):
        against.output(against.collection.ROOT, tmp_path / "b.ipynb", 1)


def test_first_result_is_what_the_next_cell_shows(tmp_path):
    """The line of the first cell comes twice and at once; what is waited for comes later."""
    first, quiet = "print(1, flush=True); import time; print(2)", "time.sleep(0.5)"
    result = "time.sleep(0.5); print(3)"
    nbformat.write(
        saved((first, "1\n2\n"), (quiet, ""), (result, "3\n")), tmp_path / "a.ipynb"
    )
    took = [against.output(against.collection.ROOT, tmp_path / "a.ipynb", n) for n in (1, 2)]  # fmt: skip
    assert took[0] < 1 < took[1] < 20, took
    with pytest.raises(RuntimeError, match="not as often"):
        against.output(against.collection.ROOT, tmp_path / "a.ipynb", 3)


def test_imports_are_timed_without_pythons_own_start(monkeypatch):
    took = {"pass": 0.5, "import torch": 2.0}
    monkeypatch.setattr(against, "IMPORTS", {"torch": "import torch"})
    monkeypatch.setattr(against, "timed", lambda root, _, program: took[program])
    assert against.bare_imports(Path("now")) == {"torch": 15.0}
    assert against.why_first(Path("a"), Path("b")).endswith("now: torch 15.0 → 15.0 s.")


@pytest.fixture
def bench(monkeypatch):
    """`against.main` with one measure of (then, now), and shares that said and held so."""
    monkeypatch.setattr(against, "place", lambda name, base: None)

    def run(now, *shares, words=(), **how):
        measure = against.Measure("x", statistics.mean, 3, 0.5, **how)
        monkeypatch.setattr(against, "MEASURES", {"x": measure})
        monkeypatch.setattr(against, "checked_out", lambda commit, folder: folder)
        monkeypatch.setattr(against, "compared", lambda *_: (10.0, now))
        return against.main("abc", list(words), [lambda s=s: s for s in shares])

    return run


@pytest.mark.parametrize(("now", "word"), [(4.0, "| 0.5 |"), (6.0, "| 0.5, missed |")])
def test_missed_target_is_said(bench, capsys, now, word):
    assert bench(now, words=["x"]) == (now > 5)
    assert word in capsys.readouterr().out
    with pytest.raises(SystemExit, match="WHAT=y begins none of x"):
        bench(now, words=["y"])


@pytest.mark.parametrize(("now", "code"), [(4.0, 0), (7.0, 0), (9.0, 1)])
def test_explained_miss_fails_only_beyond_its_limit(bench, capsys, now, code):
    assert bench(now, held=0.8, why=lambda base, now: "layers.") == code
    said = capsys.readouterr().out
    assert ("missed; limit 0.8 |" in said) == (now > 5)
    assert ("Where the time goes, x: layers." in said) == (now > 5)


def test_rows_with_the_same_explanation_share_it(monkeypatch, capsys):
    monkeypatch.setattr(against, "place", lambda name, base: None)
    monkeypatch.setattr(against, "checked_out", lambda commit, folder: folder)
    monkeypatch.setattr(against, "compared", lambda *_: (10.0, 7.0))
    monkeypatch.setattr(against, "MEASURES", {
        name: against.Measure(name, statistics.mean, 3, 0.5, 0.8, lambda base, now, why=why: why)
        for name, why in (("a", "imports."), ("b", "layers."), ("c", "imports."))
    })  # fmt: skip
    assert against.main("abc", ["a", "b", "c"]) == 0
    told = "Where the time goes, a and c: imports.\n\nWhere the time goes, b: layers.\n"
    assert capsys.readouterr().out.endswith(told)


def test_share_that_misses_is_a_failure(bench, capsys):
    assert bench(4.0, ("a step at 0.7", True)) == 0
    assert bench(4.0, ("a step at 0.7", True), ("maps at 1.5", False)) == 1
    assert "- a step at 0.7\n- maps at 1.5, missed\n" in capsys.readouterr().out


def test_row_is_kept_until_this_commit_changes(bench, monkeypatch, capsys, tmp_path):
    kept = tmp_path / "bench/x.json"
    monkeypatch.setattr(against, "place", lambda name, base: kept)
    assert bench(4.0) == bench(9.0) == 0  # not measured again
    kept.unlink()
    assert bench(9.0) == bench(4.0) == 1
    assert capsys.readouterr().out.count("| 9.00 s | 0.90 | 0.5, missed |") == 2


def test_row_is_kept_of_what_is_committed_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(against.collection, "ROOT", tmp_path)
    assert against.place("x", "abc") is None  # no repository
    git = ["git", "-C", tmp_path, "-c", "user.name=A", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    (tmp_path / "a").write_text("1")
    subprocess.run([*git, "add", "a"], check=True)
    assert against.place("x", "abc") is None
    subprocess.run([*git, "commit", "--quiet", "-m", "a"], check=True)
    assert against.place("x", "abc").name.startswith("x-abc-")
    (tmp_path / "a").write_text("2")
    assert against.place("x", "abc") is None


def report(folder, *cases):
    rows = (f'<testcase file="{f}" name="{n}" time="{t}"/>' for f, n, t in cases)
    (folder / "build").mkdir(parents=True)
    (folder / against.REPORT).write_text(f"<testsuite>{''.join(rows)}</testsuite>")
    return folder


def test_report_says_what_was_added(tmp_path):
    kept = ("tests/test_a.py", "test_a")
    base = report(tmp_path / "old", (*kept, 30), ("tests/test_a.py", "test_gone", 5))
    added = ("tests/test_b.py", "test_b", 40), ("notebooks/10_x.ipynb", "Cell 1", 70)
    said = against.why_test(base, report(tmp_path / "new", (*kept, 20), *added))
    assert "2 tests then, 3 now" in said and "35 → 130" in said
    assert "Those that both have, 1: 30 → 20" in said
    assert "Those added: 110, of which cells of notebooks 70, test_b.py 40." in said


def test_profile_names_what_a_cell_is_inside_of():
    layer = ("/x/torch/nn/modules/module.py", "_call_impl")
    assert profiled.kind([("cell", "run"), layer]) == "forward passes"
    generate = ("C:\\x\\transformers\\generation\\utils.py", "generate")
    assert profiled.kind([("cell", "run"), generate, layer]) == "generating"
    assert profiled.kind([("cell", "run"), ("mine.py", "step")]) == profiled.REST


def test_profile_of_a_notebook_finds_where_it_spends_its_time(tmp_path):
    page = saved(("x = 1", ""), (SLOW, ""))
    nbformat.write(page, tmp_path / "01_a.ipynb")
    shares = profiled.shares([tmp_path / "01_a.ipynb"], tmp_path)
    assert shares["other processes"] > 0.7, shares
    nbformat.write(saved(("1 / 0", "")), tmp_path / "02_b.ipynb")
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        profiled.shares([tmp_path / "02_b.ipynb"], tmp_path)
