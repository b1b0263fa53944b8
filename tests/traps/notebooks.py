"""Traps of notebooks, of what makes pages of them, and of the figures in them."""

import subprocess
import sys

import matplotlib
import nbformat
import numpy as np
from nbconvert import NotebookExporter
from traitlets.config import Config

from tests.traps.catalogue import trap


def notebook(*cells) -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook(cells=list(cells))
    nbformat.write(made, "lesson.ipynb")
    return made


@trap(
    3,
    "matplotlib",
    shown="03_attention_visualization.ipynb#When-it-breaks:-each-picture-on-its-own-scale",
)
def pictures_are_scaled_each_on_its_own():
    """`imshow` scales each picture on its own.

    You see: heads that look alike, though one holds weights up to 0.4 and the other up to 1.

    What happens: without limits, the smallest value is dark violet and the largest yellow, in each picture.

    Instead: `vmin=0, vmax=1` in all, and one colour bar.
    """
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    weak, strong = np.array([[0.0, 0.4]]), np.array([[0.0, 1.0]])
    _, (left, right) = plt.subplots(1, 2)
    # You write
    images = [left.imshow(weak), right.imshow(strong)]
    # You get
    colours = [image.to_rgba(image.get_array())[0, 1].tolist() for image in images]
    assert colours[0] == colours[1]
    # Instead
    images = [axes.imshow(weights, vmin=0, vmax=1)
              for axes, weights in ((left, weak), (right, strong))]  # fmt: skip
    colours = [image.to_rgba(image.get_array())[0, 1].tolist() for image in images]
    assert colours[0] != colours[1]


@trap(78, "jupyter")
def solutions_stay_in_a_hand_out():
    """Cells to be removed by tag stay in the hand-out.

    You see: a hand-out. Its solutions are in it.

    What happens: nbconvert's TagRemovePreprocessor is on for pages, and off for `--to notebook`.

    Instead: enable it, and look into the file.
    """
    cell = nbformat.v4.new_code_cell("42", metadata={"tags": ["solution"]})
    lesson = notebook(nbformat.v4.new_markdown_cell("What is six times seven?"), cell)
    config = Config()
    # You write
    config.TagRemovePreprocessor.remove_cell_tags = ["solution"]
    text, _ = NotebookExporter(config=config).from_notebook_node(lesson)
    # You get
    assert len(nbformat.reads(text, as_version=4).cells) == 2
    # Instead
    config.TagRemovePreprocessor.enabled = True
    text, _ = NotebookExporter(config=config).from_notebook_node(lesson)
    assert len(nbformat.reads(text, as_version=4).cells) == 1


@trap(79, "jupyter")
def cleared_notebooks_keep_their_times():
    """A notebook whose outputs were cleared keeps the times of its cells.

    You see: a difference in Git after each run.

    What happens: `--clear-output` empties outputs and counts. The metadata `execution`, in which
    JupyterLab writes when a cell ran, stays.

    Instead: remove that as well. ClearMetadataPreprocessor takes tags and kernel along, if it is not
    told to leave them.
    """
    times = {"execution": {"iopub.execute_input": "2026-11-28T08:00:00Z"}}
    tags = {"tags": ["solution"]}
    output = nbformat.v4.new_output("stream", text="42")
    cell = nbformat.v4.new_code_cell("42", metadata=times | tags, outputs=[output])
    lesson, config = notebook(cell), Config()
    config.ClearOutputPreprocessor.enabled = True  # as --clear-output does
    # You write
    text, _ = NotebookExporter(config=config).from_notebook_node(lesson)
    # You get
    (cleared,) = nbformat.reads(text, as_version=4).cells
    assert cleared.outputs == [] and cleared.metadata == times | tags
    # Instead
    config.ClearMetadataPreprocessor.enabled = True
    config.ClearMetadataPreprocessor.preserve_cell_metadata_mask = {"tags"}
    config.ClearMetadataPreprocessor.clear_notebook_metadata = False  # the kernel
    text, _ = NotebookExporter(config=config).from_notebook_node(lesson)
    (cleared,) = nbformat.reads(text, as_version=4).cells
    assert cleared.metadata == tags


@trap(83, "ruff")
def imports_that_only_magics_use_are_removed():
    """`ruff check --fix` removes an import that only a magic uses.

    You see: a NameError in a notebook that ran yesterday.

    What happens: what stands behind `%timeit` is no Python to the linter, so the import is unused.

    Instead: `# noqa: F401` behind the import, or use the name in a line of Python, too.
    """

    def fixed(source):
        notebook(
            nbformat.v4.new_code_cell(source),
            nbformat.v4.new_code_cell("%timeit np.ones(9)"),
        )
        ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--fix-only", "-q"]
        subprocess.run([*ruff, "lesson.ipynb"], check=True)
        return nbformat.read("lesson.ipynb", as_version=4).cells[0].source

    # You write
    source = fixed("import numpy as np")
    # You get
    assert "import" not in source
    # Instead
    kept = "import numpy as np  # noqa: F401, for %timeit below"
    assert fixed(kept) == kept
