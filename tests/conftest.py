"""What several tests need: the bundled encoder, read once, and no network."""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"  # before any library reads it
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ.pop("HF_TUTORIAL_SOURCE", None)

import pytest

from hf_tutorial import sources

# What takes longest comes first, or one of two workers would have nothing to do at the end. The
# first file keeps two processes busy, the second one mostly waits: they go well together.
LONGEST = (
    "test_strategies.py",
    "test_hub.py",
    "07_accelerate.ipynb",
    "05_manual_training_loop.ipynb",
    "08_generation.ipynb",
    "06_trainer.ipynb",
    "09_pretraining.ipynb",
    "10_chat_and_adapters.ipynb",
    "test_data.py",
    "test_train.py",
    "test_nbval.py",
    "test_reviews.py",
    "test_hub_notebooks.py",
    "04_dataset_preparation.ipynb",
    "test_hub_rooms.py",
    "test_any_input.py",
    "test_models.py",
    "test_start.py",
    "test_traps.py",
    "test_push.py",
    "test_rates.py",
    "test_cheatsheet.py",
)

sys.path.append(str(sources.DATA / "recipes"))  # programs, not a package


def pytest_collection_modifyitems(items):
    """Put the longest files first, in a run of more than notebooks; pyproject.toml keeps the order."""
    if all(item.path.suffix == ".ipynb" for item in items):
        return  # their order was chosen
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture
def one_thread():
    """Compute on one core, as two test workers on two cores should; sums then run in one order."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", autouse=True)
def plot_style():
    """Leave matplotlib as it was: `start()`, called in a test, sets a style for good."""
    before = (
        dict(sys.modules["matplotlib"].rcParams)
        if "matplotlib" in sys.modules
        else None
    )
    yield
    if (library := sys.modules.get("matplotlib")) is None:
        return
    if before is None:
        library.rcdefaults()
    else:
        library.rcParams.update(before)


@pytest.fixture(scope="module", autouse=True)
def usual_client():
    """Give the Hub's library its own client back: `start()`, called in a test, sets ours for good."""
    yield
    if "hf_tutorial.hub.patience" in sys.modules:
        from huggingface_hub import set_client_factory
        from huggingface_hub.utils._http import default_client_factory

        set_client_factory(default_client_factory)


@pytest.fixture(autouse=True)
def untroubled():
    """Forget the failures of a test's Hub: the next one has a Hub of its own."""
    yield
    if (patience := sys.modules.get("hf_tutorial.hub.patience")) is not None:
        patience.TROUBLES.forget()
        patience.TROUBLES.endless = False


@pytest.fixture(scope="session")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(sources.checkpoint("encoder"))


@pytest.fixture(scope="session")
def encoder():
    from transformers import AutoModel

    return AutoModel.from_pretrained(
        sources.checkpoint("encoder"), attn_implementation="eager"
    )


@pytest.fixture
def checkout(tmp_path):
    """A collection without notebooks: notebooks/ and README.md in a temporary place."""
    from tests import lessons

    (tmp_path / "notebooks").mkdir()
    (tmp_path / "README.md").write_text(lessons.README, encoding="utf-8")
    return tmp_path
