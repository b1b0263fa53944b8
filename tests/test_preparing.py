"""Datasets of the Hub come out in the shape of the bundled ones, and nothing leaks on the way."""

import json
from collections import Counter
from pathlib import Path

import pytest
from datasets import ClassLabel, load_dataset
from pyarrow import parquet

from hf_tutorial import caches, sources
from hf_tutorial.hub import preparing
from tests import published

SIZES = {"reviews": (600, 150, 150), "paraphrases": (300, 60, 60), "headlines": (400, 100, 100),
         "instructions": (120, 50, 110)}  # fmt: skip
# What the Hub's datasets do not have: the plot and hero of a story.
OURS_ALONE = {"plot", "hero"}


@pytest.fixture(scope="module")
def repositories(tmp_path_factory):
    """The repositories of all datasets, as folders."""
    place = tmp_path_factory.mktemp("published")
    for name, files in published.datasets().items():
        for file, content in files.items():
            (place / name / file).parent.mkdir(parents=True, exist_ok=True)
            (place / name / file).write_bytes(content)
    return place


@pytest.fixture(scope="module")
def made(repositories, tmp_path_factory):
    """The folder of each role, made from them once."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caches, "folders", lambda: {"HF_DATASETS_CACHE": cache})
        yield {
            role: preparing.prepared(role, repositories / name / inside, "it")
            for role, (_, name, inside) in sources.DATASETS.items()
        }


def counted(rows):
    """Count rows by what they hold, their label apart, which is a name here and a number there."""
    return Counter(
        json.dumps({key: value for key, value in row.items() if key != "label"})
        for row in rows
    )


@pytest.mark.parametrize("role", sources.DATASETS)
def test_hubs_dataset_has_the_columns_types_and_splits_of_the_bundled_one(made, role):
    ours, theirs = load_dataset(*sources.dataset(role)), load_dataset(made[role])
    assert set(ours) == set(theirs) == {"train", "validation", "test"}
    assert set(ours["train"].features) - OURS_ALONE == set(theirs["train"].features)
    for column, kind in theirs["train"].features.items():
        wanted = ours["train"].features[column]
        if not isinstance(kind, ClassLabel):
            assert kind == wanted
        elif role != "headlines":  # there are twenty topics there
            assert kind.names == wanted.names
    assert all(len(theirs[split]) <= len(ours[split]) for split in ours)
    if role in SIZES:
        assert (
            tuple(len(theirs[s]) for s in ("train", "validation", "test"))
            == SIZES[role]
        )


@pytest.mark.parametrize("role", sources.DATASETS)
def test_no_row_of_the_hubs_test_split_is_in_another(made, repositories, role):
    _, name, inside = sources.DATASETS[role]
    recipe = preparing.RECIPES[role]
    folder = repositories / name / inside
    of_test = preparing._rows(recipe, folder, "test", name)
    of_train = preparing._rows(recipe, folder, "train", name)
    splits = {split: parquet.read_table(f"{made[role]}/{split}.parquet").to_pylist()
              for split in ("train", "validation", "test")}  # fmt: skip
    # As often as there, no oftener: what was cut from train for validation is gone from it.
    assert counted(splits["test"]) <= counted(of_test)
    cut = [] if "validation" in recipe.files else splits["validation"]
    assert counted([*splits["train"], *cut]) <= counted(of_train)


def test_reviews_come_mixed_halved_and_all_labelled(made):
    reviews = load_dataset(made["reviews"])
    for split in reviews.values():
        labels = split["label"][:]
        assert labels.count(1) == labels.count(0) == len(split) / 2
        changes = sum(a != b for a, b in zip(labels, labels[1:], strict=False))
        assert changes > len(labels) / 3  # sorted, it would be 1


def test_rows_are_as_short_as_the_bundled_ones_where_there_are_enough(made):
    for role, words in (("reviews", 80), ("instructions", 60)):
        assert max(map(preparing._words, load_dataset(made[role])["train"])) <= words
    recipe = preparing.Recipe({}, {}, (0, 0, 0), words=2)
    rows = [{"text": "a " * count} for count in (9, 2, 1, 4, 3)]
    drawn = preparing._draw(rows, 3, recipe)
    assert sorted(map(preparing._words, drawn)) == [1, 2, 3]


def test_each_topic_of_the_posts_gets_as_many_rows(made):
    posts = load_dataset(made["headlines"])
    counts = [posts["train"]["label"][:].count(label) for label in range(20)]
    assert len(posts["train"].features["label"].names) == 20
    assert max(counts) - min(counts) <= 1


def test_post_that_says_na_is_a_text(repositories):
    _, name, _ = sources.DATASETS["headlines"]
    recipe = preparing.RECIPES["headlines"]
    rows = preparing._rows(recipe, repositories / name, "train", name)
    assert "NA" in {row["text"] for row in rows} and None not in {
        row["text"] for row in rows
    }


def test_rows_that_say_nothing_or_have_no_label_are_left_out(made, repositories):
    stories = load_dataset(made["stories"])["train"]["text"][:]
    assert all(text.strip() and not text.startswith("= ") for text in stories)
    talks = load_dataset(made["instructions"])["train"]["messages"][:]
    assert {tuple(turn["role"] for turn in talk[:2]) for talk in talks} == {
        ("user", "assistant")}  # fmt: skip
    unsupervised = preparing.Recipe(
        {"train": ("unsupervised",)}, {"label": "label"}, (9, 9, 9)
    )
    folder = repositories / "stanfordnlp/imdb/plain_text"
    with pytest.raises(
        OSError, match="imdb on the Hub has no rows for the train split"
    ):
        preparing._rows(unsupervised, folder, "train", "imdb")


def test_the_same_rows_are_drawn_every_time_and_made_once(
    made, repositories, tmp_path, monkeypatch
):
    monkeypatch.setattr(caches, "folders", lambda: {"HF_DATASETS_CACHE": tmp_path})
    folder = repositories / "nyu-mll/glue/mrpc"
    first = Path(preparing.prepared("paraphrases", folder, "mrpc"))
    assert first.name == "mrpc"
    for split in ("train", "validation", "test"):
        name = f"{split}.parquet"
        assert parquet.read_table(first / name) == parquet.read_table(
            Path(made["paraphrases"]) / name
        )
    monkeypatch.setattr(preparing, "_splits", None)  # not asked again
    assert preparing.prepared("paraphrases", folder, "mrpc") == str(first)
    assert not [*first.parent.parent.glob(".making-*")]


def test_changed_layout_is_said_in_a_sentence(repositories, tmp_path, monkeypatch):
    monkeypatch.setattr(caches, "folders", lambda: {"HF_DATASETS_CACHE": tmp_path})
    cola = repositories / "nyu-mll/glue/cola"
    with pytest.raises(OSError, match="cola on the Hub has no column 'sentence1'"):
        preparing.prepared("paraphrases", cola, "cola")
    assert not [*tmp_path.rglob("*.parquet")]
