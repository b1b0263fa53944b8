"""Executing notebooks, on small ones made here."""

import signal
import subprocess
import sys
import time

import pytest

from hf_tutorial import publish
from hf_tutorial.publish import executing
from tests.lessons import lesson, put


def executed(checkout, **how):
    return publish.execute(publish.discover(checkout / "notebooks"), **how)


def test_seconds_and_memory_are_measured(checkout):
    source = "import time\nx = bytearray(300_000_000)\ntime.sleep(0.5)"
    put(checkout, _01_big=lesson(source))
    (execution,) = executed(checkout)
    assert execution.peak_bytes > 300e6
    assert 0.5 < execution.seconds < 60


def waiting(mine, other, seconds):
    """A cell that ends when it meets the other notebook, running at the same time."""
    return (
        f"import pathlib, time\npathlib.Path({mine!r}).touch()\n"
        f"end = time.monotonic() + {seconds}\n"
        f"while not pathlib.Path({other!r}).exists():\n"
        "    assert time.monotonic() < end, 'alone'\n    time.sleep(0.05)"
    )


@pytest.mark.parametrize("at_once, seconds, met", [(2, 90, True), (1, 1, False)])
def test_two_notebooks_run_at_a_time(checkout, at_once, seconds, met):
    put(
        checkout,
        _01_one=lesson(waiting("one", "two", seconds)),
        _02_two=lesson(waiting("two", "one", seconds)),
    )
    first, _ = executed(checkout, at_once=at_once)
    assert (not first.failure) is met


@pytest.mark.parametrize("at_once", [1, 2])
def test_longest_notebook_starts_first(checkout, monkeypatch, at_once):
    started = []

    async def noted(execution, progress, environment):
        started.append(execution.path.stem)

    monkeypatch.setattr(executing, "_execute", noted)
    timed = [lesson("1") for _ in range(4)]
    for notebook, seconds in zip(timed, (20, 60, 9, 40), strict=True):
        head = notebook.cells[0]
        head.source += f"\n\nMinutes: 5; all cells run in about {seconds} seconds."
    never_recorded = lesson("1")
    put(checkout, **{f"_0{n}_x": found for n, found in enumerate(timed)})
    put(checkout, _09_new=never_recorded)
    shown = [e.path.stem for e in executed(checkout, at_once=at_once)]
    assert started == ["01_x", "03_x", "00_x", "02_x", "09_new"]
    assert shown == sorted(shown)


def test_notebook_runs_in_its_own_folder(checkout):
    put(checkout, _01_where=lesson("from pathlib import Path\nPath.cwd().name"))
    (execution,) = executed(checkout)
    assert execution.notebook.cells[1].outputs[0].data["text/plain"] == "'notebooks'"


KILLED = "import os, signal, time\ntime.sleep(1)\nos.kill(os.getpid(), signal.SIGKILL)"


def test_killed_kernel_is_one_failed_row_at_once(checkout):
    put(checkout, _01_dead=lesson("x = 1", KILLED, "x"), _02_good=lesson("1"))
    dead, good = executions = executed(checkout)
    assert dead.failure.startswith("cell 2: the kernel died (out of memory")
    assert dead.peak_bytes > 0 and dead.seconds < 60
    assert not good.failure
    assert publish.table(executions).count("the kernel died") == 1


def test_interrupt_stops_every_notebook(checkout):
    source = (
        "import os, time\nopen(f'started-{os.getpid()}', 'w').close()\ntime.sleep(120)"
    )
    put(checkout, **{f"_0{n}_long": lesson(source) for n in (1, 2, 3)})
    program = "import sys; from pathlib import Path; from hf_tutorial import publish;"
    program += "publish.execute(publish.discover(Path(sys.argv[1])))"
    running = subprocess.Popen(
        [sys.executable, "-c", program, str(checkout / "notebooks")],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 100
    while len(list((checkout / "notebooks").glob("started-*"))) < 2:
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode != 0 and "KeyboardInterrupt" in said


def test_endless_cell_is_named(checkout, monkeypatch):
    monkeypatch.setattr(executing, "CELL_TIMEOUT", 2)
    put(checkout, _01_endless=lesson("x = 1", "while True: pass"))
    (execution,) = executed(checkout)
    assert execution.failure == "cell 2: no answer within 2 s"


def test_cell_that_should_raise_and_does_not_is_a_failure(checkout):
    put(checkout, _01_calm=lesson("x = 1", tags=["raises-exception"]))
    (execution,) = executed(checkout)
    assert execution.failure == "cell 1: tagged raises-exception, but raised nothing"


def test_file_that_is_no_notebook_is_one_failed_row_and_the_others_run(checkout):
    put(checkout, _01_good=lesson("1"), _11_notes="Ask about pads.", _12_empty="")
    good, notes, empty = executions = executed(checkout)
    assert not good.failure and good.seconds > 0
    assert "11_notes.ipynb is no notebook: not JSON" in notes.failure
    assert "12_empty.ipynb is no notebook: the file is empty" in empty.failure
    assert publish.table(executions).count("FAILED") == 2


def test_notebooks_with_one_number_are_both_executed(checkout):
    put(checkout, _03_mine=lesson("1"), _03_theirs=lesson("2"))
    assert [e.path.stem for e in executed(checkout)] == ["03_mine", "03_theirs"]
