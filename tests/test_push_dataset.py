"""The cell of notebook 04 that uploads a dataset, word for word, against a Hub on this machine."""

import io

import nbformat
import pyarrow.parquet
import pytest
from huggingface_hub import DatasetCard

from hf_tutorial import NOTEBOOKS
from tests.loopback import Hub, ran
from tests.test_push import TOKEN

REPOSITORY = "reader/hf-tutorial-toy"
# What the cell finds when it runs in the notebook.
BEFORE = """
from datasets import Dataset, DatasetDict
by_hand = DatasetDict(train=Dataset.from_dict({"n": [1, 5, 3], "label": [1, 0, 0]}),
                      validation=Dataset.from_dict({"n": [4, 2], "label": [1, 1]}))
"""


@pytest.fixture
def hub():
    with Hub() as server:
        yield server


@pytest.fixture(scope="module")
def cell():
    cells = nbformat.read(
        NOTEBOOKS / "04_dataset_preparation.ipynb", as_version=4
    ).cells
    return next(cell for cell in cells if cell.id == "push-dataset")


def run(source, hub, home, **environment):
    done = ran(BEFORE + source, hub.environment(home, **environment))
    assert done.returncode == 0, done.stderr
    return done


def test_both_splits_and_a_card_arrive_and_the_token_is_never_printed(
    cell, hub, tmp_path
):
    done = run(cell.source, hub, tmp_path, HF_TOKEN=TOKEN)
    sent = {
        name.split("/")[-1].split("-")[0]: pyarrow.parquet.read_table(
            io.BytesIO(content)
        )
        for name, content in hub.files(REPOSITORY, "dataset").items()
        if name.endswith(".parquet")
    }
    assert {name: table["n"].to_pylist() for name, table in sent.items()} == {
        "train": [1, 5, 3],
        "validation": [4, 2],
    }
    card = DatasetCard(hub.files(REPOSITORY, "dataset")["README.md"].decode())
    splits = card.data.to_dict()["dataset_info"]["splits"]
    assert [split["num_examples"] for split in splits] == [3, 2]
    assert hub.created[0]["visibility"] == "private"
    assert hub.created[0]["type"] == "dataset"
    said = {token for _, path, token, _ in hub.requests if "/commit/" in path}
    assert said == {f"Bearer {TOKEN}"}
    assert REPOSITORY in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert not any(
        TOKEN.encode() in content
        for content in hub.files(REPOSITORY, "dataset").values()
    )


def test_without_a_token_or_a_network_nothing_is_requested(cell, hub, tmp_path):
    without = run(cell.source, hub, tmp_path)
    offline = run(cell.source, hub, tmp_path, HF_TOKEN=TOKEN, HF_HUB_OFFLINE="1")
    assert hub.requests == []
    assert without.stdout == offline.stdout
    assert [output.text for output in cell.outputs] == [without.stdout]
