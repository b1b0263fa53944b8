"""What the notebooks of *Hugging Face, top to bottom* share. Importing it costs nothing."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path

__all__ = ["start"]

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
_source: str | None = None  # what start() was called with first


def start(seed: int = 0) -> None:
    """Prepare a notebook: the first cell of each calls it.

    It seeds Python, NumPy and PyTorch, silences progress bars (but those of downloads) and load
    reports, shuts the network off in bundled mode, lets the Hub fail in seconds and in a sentence
    in Hub mode, sets the plot style, and prints one line. What it had to mend,
    such as a cache that cannot be written or a setting that changes outputs, it says on stderr.
    In a notebook, errors are shown from then on with the reader's own lines only.

    Raises:
        FileNotFoundError: The working directory is in no checkout, or the package lies apart
            from its data.
        ValueError: HF_TUTORIAL_SOURCE holds an unknown word.
        RuntimeError: The notebook belongs to another checkout than this package, or
            HF_TUTORIAL_SOURCE has changed since this kernel started.
        OSError: Nothing can be written where the libraries have to.
    """
    from hf_tutorial import appearance, caches, place, sources

    appearance.shorten_tracebacks()
    notes = [place.settle(NOTEBOOKS)]
    source = sources.origin()
    global _source
    if _source not in (None, source):
        raise RuntimeError(
            f"this kernel started with HF_TUTORIAL_SOURCE={_source} and the libraries "
            f"remember it: restart the kernel to use {source!r}"
        )
    _source = source
    notes += _versions_note()
    notes.append(caches.make_writable(hub=source == "hub"))
    # Read by the libraries when they are imported, so this comes before the imports below.
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # no warning when a DataLoader forks
    if source == "bundled":
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ["HF_EVALUATE_OFFLINE"] = "1"  # evaluate does not look at the other
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    else:
        _prepare_for_the_hub()
    notes.append(appearance.put_back_defaults())
    for note in notes:
        if note:
            print(note, file=sys.stderr)
    appearance.set_plot_style()
    appearance.set_print_style()

    _seed(seed)
    network = "no network"
    if source == "hub":
        network = "fetched when a cell asks for them"
        if variable := caches.offline_by():
            network = f"what was downloaded before, as {variable} is set"
    print(f"Ready: {source} models and data, {network}, seed {seed}.")


def _seed(seed: int) -> None:
    """Do what `transformers.set_seed` does, whose import takes three seconds of peft and more."""
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)  # of every device


def _prepare_for_the_hub() -> None:
    """Let downloads show their bars, a failing Hub end in a sentence, and both soon."""
    # What is tested is what runs: hf_xet has a client of its own, with time-outs of its own.
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    # For each table, local ones too, datasets asks a server of Amazon's, to count it; behind a
    # firewall that takes three seconds each.
    os.environ.setdefault("HF_UPDATE_DOWNLOAD_COUNTS", "0")
    # Each failed attempt is logged twice; how it ends is said once.
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
    from hf_tutorial import appearance
    from hf_tutorial.hub import failures, patience

    patience.set_up()
    patience.limit_requests()
    from huggingface_hub.utils import are_progress_bars_disabled, enable_progress_bars
    from transformers.utils.logging import disable_progress_bar

    if not are_progress_bars_disabled():  # by the reader
        disable_progress_bar()  # of weights that are loaded; it takes those of downloads along
        enable_progress_bars()
    appearance.explain_errors(failures.sentence)
    if (shell := appearance.running_shell()) is not None:
        patience.watch_cells(shell)


def versions_off_pin() -> dict[str, tuple[str, str]]:
    """List the installed packages that are not at the version pinned in pyproject.toml.

    Returns:
        Package name to (installed version, pinned version); empty when all agree. A local
        suffix, as in 2.13.0+cpu, does not count.
    """
    off = {}
    for requirement in _requirements():
        package, _, pinned = requirement.partition("==")
        if (
            not pinned or ";" in pinned
        ):  # `; extra == "dev"`: not needed to read a notebook
            continue
        try:
            found = importlib.metadata.version(package).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            found = "not installed"
        if found != pinned:
            off[package] = (found, pinned)
    return off


def _requirements() -> list[str]:
    """Read the pins of the checkout; those of the last installation may be older than a pull."""
    import tomllib

    pyproject = NOTEBOOKS.parent / "pyproject.toml"
    if pyproject.is_file():
        text = pyproject.read_text(encoding="utf-8")
        return tomllib.loads(text)["project"]["dependencies"]
    return importlib.metadata.requires("hf-tutorial") or []


def _versions_note() -> list[str]:
    from hf_tutorial import place

    notes = [
        f"{package} is {found}; the saved outputs were made with {pinned}, so numbers may differ."
        for package, (found, pinned) in versions_off_pin().items()
    ]
    python = place.passed_over(NOTEBOOKS.parent)
    if notes and python is None:
        notes.append(
            f"{place.set_up(place.QUOTE)} gives you the pinned versions; `{place.doctor()}` compares every "
            "library."
        )
    elif notes:
        notes.append(
            f"This kernel runs in {sys.prefix}; the pinned versions are in the environment of "
            f"{python}: choose it as the kernel, or start with `{place.lab()}`."
        )
    return notes
