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
    sources = recipe.sources_of()
    for run in filed["runs"]:
        assert run["cells"] == recipe.digest(sources, run["way"]), (
            f"cells of 06 have changed since {run['way']!r} was recorded: "
            "python data/recipes/four_ways.py data/curves"
        )


def test_a_changed_cell_changes_the_digest_and_a_comment_does_not(recipe):
    sources = recipe.sources_of()
    noted = [sources[0] + "\n# a remark", *sources[1:]]
    assert recipe.digest(noted, "LoRA") == recipe.digest(sources, "LoRA")
    changed = [source.replace("warmup_steps=4", "warmup_steps=5") for source in sources]
    assert recipe.digest(changed, "LoRA") != recipe.digest(sources, "LoRA")


def test_a_line_of_the_plan_changes_the_digest_of_its_way_only(recipe):
    sources = recipe.sources_of()
    line = next(row for row in sources[-1].splitlines() if '"LoRA": (None' in row)
    changed = [*sources[:-1], sources[-1].replace(line, '    "LoRA": (None, 1, 1),')]
    assert recipe.digest(changed, "LoRA") != recipe.digest(sources, "LoRA")
    assert recipe.digest(changed, "all") == recipe.digest(sources, "all")
    with pytest.raises(ValueError, match="no 'prompts' in `plan`"):
        recipe.digest(sources, "prompts")


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
