"""The cheat-sheet: every snippet runs, in order, offline, as a reader would copy it."""

import os
import re
import subprocess
import sys

import pytest

from hf_tutorial import NOTEBOOKS
from tests import gone

PAGE = NOTEBOOKS / "cheatsheet.md"
PREPARED = """
import tempfile
from hf_tutorial import start
start()
folder = tempfile.mkdtemp(dir={parent!r})
"""


def snippets(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", text, flags=re.M | re.S)


def run(sources: list[str], parent) -> subprocess.CompletedProcess:
    """Run snippets one after the other in one process, each under its number."""
    program = [PREPARED.format(parent=str(parent))]
    for number, source in enumerate(sources, 1):
        program.append(f"exec(compile({source!r}, 'snippet {number}', 'exec'))")
    environment = {k: v for k, v in os.environ.items() if k != "HF_TUTORIAL_SOURCE"}
    return subprocess.run(
        [sys.executable, "-c", "\n".join(program)],
        cwd=NOTEBOOKS, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def page():
    return snippets(PAGE.read_text(encoding="utf-8"))


def test_every_snippet_runs_in_order(page, tmp_path):
    before = {path for path in NOTEBOOKS.rglob("*") if "__pycache__" not in path.parts}
    finished = run(page, tmp_path)
    assert finished.returncode == 0, finished.stderr[-2000:]
    after = {path for path in NOTEBOOKS.rglob("*") if "__pycache__" not in path.parts}
    assert after == before  # nothing is written beside the notebooks


def test_wrong_snippet_is_noticed_and_named(page, tmp_path):
    planted = [page[0], "classifier('I loved it.')[0]['probability']"]
    finished = run(planted, tmp_path)
    assert finished.returncode != 0
    assert "snippet 2" in finished.stderr and "KeyError" in finished.stderr


def test_snippets_are_short_and_use_no_call_that_is_gone(page):
    assert len(page) > 15
    for snippet in page:
        lines = [line for line in snippet.splitlines() if line.strip()]
        assert 2 <= len(lines) <= 6, snippet
        assert max(map(len, lines)) <= 88, snippet
        assert list(gone.findings(snippet)) == []


def test_sheet_measures_unseen_rows_on_the_device_of_the_model_and_reads_a_csv(page):
    def one_with(call):
        (snippet,) = (source for source in page if call in source)
        return snippet

    assert "batch.to(model.device)" in one_with("optimizer.step()")
    assert 'reviews["validation"]' in one_with("model.eval()  # dropout off")
    assert 'references=held_out["label"]' in one_with("metric.add_batch")
    assert "data_files" in one_with("train_test_split")


def test_every_fence_is_closed_and_python():
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("```") == 2 * len(snippets(text))
