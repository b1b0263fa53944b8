"""What several tests need: the bundled encoder, read once, and no network."""

import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"  # before any library reads it
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ.pop("HF_TUTORIAL_SOURCE", None)

import pytest

from hf_tutorial import sources

sys.path.append(str(sources.DATA / "recipes"))  # programs, not a package


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
