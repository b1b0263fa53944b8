"""Entries as a catalogue must not have them, for the tests of the proof."""

import os

from tests.traps.catalogue import trap


@trap(9001, "torch")
def a_trap_that_was_mended():
    """A trap that was mended.

    You see: nothing.

    What happens: nothing.

    Instead: nothing.
    """
    # You write
    found = 1
    # You get
    assert found == 2
    # Instead
    assert found == 1


@trap(9002, "torch")
def a_remedy_that_fails():
    """A remedy that fails.

    You see: nothing.

    What happens: nothing.

    Instead: nothing.
    """
    # You write
    found = 1
    # You get
    assert found == 1
    # Instead
    assert found == 2


@trap(9003, "torch")
def code_that_raises():
    """Code that raises.

    You see: nothing.

    What happens: nothing.

    Instead: nothing.
    """
    # You write
    found = int("one")
    # You get
    assert found == 1
    # Instead
    assert found == 1


@trap(9004, "torch", processes=2)
def one_process_that_differs():
    """One process that differs.

    You see: nothing.

    What happens: nothing.

    Instead: nothing.
    """
    # You write
    rank = int(os.environ["RANK"])
    # You get
    assert rank < 2
    # Instead
    assert rank == 0


@trap(9005, "torch", processes=2)
def a_process_that_is_killed():
    """A process that is killed.

    You see: nothing.

    What happens: nothing.

    Instead: nothing.
    """
    # You write
    if os.environ["RANK"] == "1":
        os.kill(os.getpid(), 9)
    # You get
    # Instead


@trap(9006, "torch", needs="a_package_that_nobody_has")
def a_need_that_is_not_met():
    """A need that is not met.

    You see: nothing.

    What happens: nothing.

    Instead: nothing.
    """
    # You write
    # You get
    # Instead
