"""Measure what CONTRIBUTING and the tests promise: `make bench`.

Timings are noisy, so each figure is a ratio, or a median of several, measured in one run. It exits
non-zero when a target is missed. Not part of `make test`.
"""

import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from hf_tutorial import figures, publish

REPEATS = 5
TOKENS = "[CLS] the cat left the sofa because it was hungry . [SEP]".split()


def median_seconds(action: Callable[[], object], repeats: int = REPEATS) -> float:
    seconds = []
    for _ in range(repeats):
        clock = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - clock)
    return statistics.median(seconds)


def labelled_axes(weights: np.ndarray) -> Figure:
    """Draw each head in axes of its own, every one with its token labels."""
    layers, heads, size, _ = weights.shape
    figure = Figure(figsize=(13, 7), layout="none")
    for axes, head in zip(
        figure.subplots(layers, heads).flat,
        weights.reshape(-1, size, size),
        strict=True,
    ):
        axes.imshow(head, vmin=0, vmax=1)
        axes.set_xticks(range(size), TOKENS, rotation=90, size=4)
        axes.set_yticks(range(size), TOKENS, size=4)
    return figure


def drawn(figure: Figure) -> None:
    figure.savefig(io.BytesIO(), format="png", dpi=110)


def grid_against_axes() -> tuple[str, bool]:
    weights = np.random.default_rng(0).dirichlet(
        np.ones(len(TOKENS)), (6, 12, len(TOKENS))
    )
    drawn(figures.attention_grid(weights, TOKENS))  # fonts are found once
    grid = median_seconds(lambda: drawn(figures.attention_grid(weights, TOKENS)))
    axes = median_seconds(lambda: drawn(labelled_axes(weights)))
    said = f"grid of 72 heads {grid:.2f} s, 72 labelled axes {axes:.2f} s: {axes / grid:.0f} times"
    return f"{said} as fast (target 20)", axes / grid >= 20


def cost_of_import() -> tuple[str, bool]:
    def start(program: str) -> float:
        return median_seconds(
            lambda: subprocess.run([sys.executable, "-c", program], check=True)
        )

    start("import hf_tutorial")  # compiled once
    beyond = start("import hf_tutorial") - start("pass")
    return (
        f"import hf_tutorial: {beyond:.3f} s beyond Python's own start (target 0.1)",
        beyond < 0.1,
    )


def notebooks_alone() -> tuple[str, bool]:
    executions = publish.execute(publish.discover(), at_once=1)
    fine = all(
        not e.failure and e.seconds < 60 and e.peak_bytes < 3e9 for e in executions
    )
    return f"{publish.table(executions)}\n(targets: 60 s and 3000 MB each)", fine


def main() -> int:
    missed = 0
    for measure in (grid_against_axes, cost_of_import, notebooks_alone):
        said, reached = measure()
        print(f"{'ok    ' if reached else 'MISSED'} {said}")
        missed += not reached
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
