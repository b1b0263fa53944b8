"""The cell of notebook 06 that pushes, word for word, against a Hub on this machine."""

import json

import nbformat
import pytest
from huggingface_hub import ModelCard
from safetensors.torch import load

from hf_tutorial import NOTEBOOKS, sources
from tests.loopback import Hub, ran

TOKEN = "hf_thisTokenIsFake"
REPOSITORY = "reader/hf-tutorial-reviews"
# What the cell finds when it runs in the notebook.
BEFORE = """
import sys, types
from huggingface_hub import ModelCard
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = BertForSequenceClassification(BertConfig(
    vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    intermediate_size=8, max_position_embeddings=16))
classifier = types.SimpleNamespace(model=model, tokenizer=tokenizer)
card = ModelCard("---\\nlibrary_name: transformers\\n---\\n# Reviews classifier\\n")
"""


@pytest.fixture(scope="module")
def cell():
    cells = nbformat.read(NOTEBOOKS / "06_trainer.ipynb", as_version=4).cells
    return next(cell for cell in cells if cell.id == "push")


@pytest.fixture
def hub():
    with Hub() as server:
        yield server


def run(source, hub, home, **environment):
    encoder = sources.checkpoint("encoder")
    done = ran(BEFORE + source, hub.environment(home, **environment), encoder)
    assert done.returncode == 0, done.stderr
    return done


def test_model_tokenizer_and_card_arrive_and_the_token_is_never_printed(
    cell, hub, tmp_path
):
    done = run(cell.source, hub, tmp_path, HF_TOKEN=TOKEN)
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= set(
        hub.files(REPOSITORY)
    )
    assert "classifier.weight" in load(hub.files(REPOSITORY)["model.safetensors"])
    bundled = json.loads(
        open(f"{sources.checkpoint('encoder')}/tokenizer.json", "rb").read()
    )
    assert (
        json.loads(hub.files(REPOSITORY)["tokenizer.json"])["model"] == bundled["model"]
    )
    # Ours, not the template that the model's own push leaves.
    assert ModelCard(hub.files(REPOSITORY)["README.md"].decode()).text.strip() == (
        "# Reviews classifier"
    )
    assert hub.created[0]["visibility"] == "private"
    said = [
        authorization for _, path, authorization, _ in hub.requests if "commit" in path
    ]
    assert said and set(said) == {f"Bearer {TOKEN}"}
    assert REPOSITORY in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert not any(
        TOKEN.encode() in content for content in hub.files(REPOSITORY).values()
    )


def test_without_a_token_nothing_is_requested(cell, hub, tmp_path):
    done = run(cell.source, hub, tmp_path)
    assert hub.requests == []
    assert done.stdout.startswith("nothing was sent")


def test_in_bundled_mode_nothing_is_requested_even_with_a_token(cell, hub, tmp_path):
    done = run(cell.source, hub, tmp_path, HF_TOKEN=TOKEN, HF_HUB_OFFLINE="1")
    assert hub.requests == []
    assert done.stdout.startswith("nothing was sent")
    assert TOKEN not in done.stdout + done.stderr


def test_trainer_would_push_the_token_among_its_arguments(hub, tmp_path):
    """What the page says of `hub_token`: no test of ours, a warning that must stay true."""
    program = f"""
from transformers import Trainer, TrainingArguments
args = TrainingArguments({str(tmp_path / "out")!r}, hub_token={TOKEN!r}, use_cpu=True,
    hub_model_id={REPOSITORY!r}, disable_tqdm=True)
Trainer(model, args, processing_class=tokenizer).push_to_hub()
"""
    run(program, hub, tmp_path, HF_TOKEN=TOKEN)
    assert TOKEN.encode() in hub.files(REPOSITORY)["training_args.bin"]


def test_saved_output_is_what_a_reader_without_a_token_sees(cell, hub, tmp_path):
    done = run(cell.source, hub, tmp_path)
    assert [output.text for output in cell.outputs] == [done.stdout]
