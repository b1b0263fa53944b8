"""The runs on file that notebook 06 draws beside its own."""

import importlib.util
import json

import pytest

from hf_tutorial import NOTEBOOKS

FILE = NOTEBOOKS.parent / "data" / "curves" / "four_ways.json"


@pytest.fixture(scope="module")
def recipe():
    path = NOTEBOOKS.parent / "data" / "recipes" / "four_ways.py"
    spec = importlib.util.spec_from_file_location("four_ways", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def filed():
    return json.loads(FILE.read_text(encoding="utf-8"))


def test_runs_were_made_by_the_cells_as_they_are(recipe, filed):
    assert filed["cells"] == recipe.digest(recipe.sources_of()), (
        "cells of 06 have changed since their runs were recorded: "
        "python data/recipes/four_ways.py data/curves"
    )


def test_a_changed_cell_changes_the_digest_and_a_comment_does_not(recipe):
    sources = recipe.sources_of()
    noted = [sources[0] + "\n# a remark", *sources[1:]]
    assert recipe.digest(noted) == recipe.digest(sources)
    changed = [source.replace("2e-4", "3e-4") for source in sources]
    assert recipe.digest(changed) != recipe.digest(sources)


def test_each_way_has_three_seeds_and_every_test_review(filed):
    runs = {(run["way"], run["seed"]): run for run in filed["runs"]}
    ways = {way for way, _ in runs}
    assert len(filed["runs"]) == len(runs) == 12 and len(ways) == 4
    for run in runs.values():
        assert len(run["test"]) == 150 and set(run["test"]) <= {"0", "1"}
        steps, shares = zip(*run["validation"], strict=True)
        assert steps[-1] == len(run["losses"]) and list(steps) == sorted(steps)
        assert all(0 <= share <= 1 for share in shares)
    trained = {way: runs[way, 0]["trained"] for way in ways}
    assert (
        trained["head"] < trained["LoRA"] < trained["last two layers"] < trained["all"]
    )


def test_missing_cell_is_named(recipe, tmp_path):
    notebook = tmp_path / "06_trainer.ipynb"
    text = recipe.NOTEBOOK.read_text(encoding="utf-8")
    notebook.write_text(text.replace('"id": "ways"', '"id": "roads"'), encoding="utf-8")
    with pytest.raises(ValueError, match="no cell 'ways': mend CELLS"):
        recipe.sources_of(notebook)
