"""The models trained here: size, kind, quality on text they have not seen; the rebuild."""

import json
import shutil

import models as recipes
import pytest
import qualities
import rebuild
import torch
from datasets import load_dataset
from huggingface_hub import ModelCard
from safetensors import safe_open
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainingArguments,
    pipeline,
)

from hf_tutorial import sources

DATA = sources.DATA
CLASSES = {
    "causal-lm": AutoModelForCausalLM,
    "masked-lm": AutoModelForMaskedLM,
    "sentiment": AutoModelForSequenceClassification,
}


def loaded(role):
    checkpoint = sources.checkpoint(role)
    return CLASSES[role].from_pretrained(checkpoint), AutoTokenizer.from_pretrained(
        checkpoint
    )


@pytest.fixture(scope="module")
def storyteller():
    return loaded("causal-lm")


@pytest.fixture(scope="module")
def guesser():
    return loaded("masked-lm")


@pytest.fixture(scope="module")
def stories(tmp_path_factory):
    cache = str(tmp_path_factory.mktemp("cache"))
    return load_dataset(str(DATA / "stories"), cache_dir=cache)


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    cache = str(tmp_path_factory.mktemp("cache"))
    return load_dataset(str(DATA / "reviews"), cache_dir=cache)


def said(name):
    """The figures that the card of a model states."""
    return (DATA / "models" / name / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", rebuild.MODELS)
def test_card_says_data_licence_size_training_quality_and_limits(name):
    card = ModelCard.load(DATA / "models" / name / "README.md")
    assert card.data.license == "apache-2.0" and card.data.language == "en"
    assert card.data.pipeline_tag and card.data.library_name == "transformers"
    for wanted in ("Origin:", "Size:", "Training:", "Measured:", "Limits:"):
        assert wanted in card.text
    assert "{" not in card.text


@pytest.mark.parametrize("name", rebuild.MODELS)
def test_what_the_card_measured_stands_in_the_table_too(name):
    measured = said(name).split("Measured: ")[1].split("\n")[0]
    table = (DATA / "README.md").read_text(encoding="utf-8")
    row = next(line for line in table.splitlines() if line.startswith(f"| `{name}` |"))
    assert row.split(" | ")[2].rstrip(" |") in measured


def test_storyteller_is_a_small_gpt_2_in_float32(storyteller):
    model, tokenizer = storyteller
    assert model.config.model_type == "gpt2" and model.dtype is torch.float32
    assert model.num_parameters() <= 4_000_000 and len(tokenizer) <= 4096
    assert (DATA / "models/storyteller/model.safetensors").stat().st_size <= 16e6
    assert not model.training


def test_its_tokenizer_is_of_the_gpt_2_kind():
    tokenizer = AutoTokenizer.from_pretrained(sources.checkpoint("causal-lm"))
    assert tokenizer.eos_token == "<|endoftext|>" == tokenizer.bos_token
    assert tokenizer.pad_token is None and tokenizer.model_max_length == 256
    assert list(tokenizer("a")) == ["input_ids", "attention_mask"]
    for text in ("Once there was a kite.", "I like 🤗", "这家餐厅味道真不错！"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_storyteller_writes_as_well_as_its_card_says(storyteller, stories):
    figures = qualities.storyteller(*storyteller, stories)
    assert qualities.misses("storyteller", figures) == []
    assert f"perplexity {figures['perplexity']:.2f} on" in said("storyteller")
    assert figures["distinct_2_greedy"] < figures["distinct_2_sampled"]


def test_recipe_of_the_storyteller_trains_on_the_mean_over_predicted_tokens(
    monkeypatch, stories, tmp_path
):
    """Trainer's own choice for this class counts the first token of each block as well."""
    met = {}

    def look(model, data, collator, out, **arguments):
        rows = data.select(range(2))
        batch = collator(list(rows))
        with torch.no_grad():
            logits = model.eval()(batch["input_ids"]).logits[:, :-1].flatten(0, 1)
        by_hand = torch.nn.functional.cross_entropy(
            logits, batch["labels"][:, 1:].flatten()
        )
        arguments = TrainingArguments(out, use_cpu=True, report_to="none")
        for name, kind in {"recipe": model.loss_type, "unsaid": None}.items():
            model.loss_type = kind
            trainer = Trainer(model, arguments, data_collator=collator)
            found = trainer.predict(rows).metrics["test_loss"]
            met[name] = found / by_hand.item()

    monkeypatch.setattr(recipes, "fit", look)
    recipes.storyteller(tmp_path, stories["train"]["text"][:40])
    assert met["recipe"] == pytest.approx(1, abs=1e-4)
    assert met["unsaid"] == pytest.approx(255 / 256, abs=1e-4)


def test_storyteller_mlm_is_a_small_bert(guesser):
    model, tokenizer = guesser
    assert model.config.model_type == "bert" and model.dtype is torch.float32
    assert model.num_parameters() <= 3_000_000 and len(tokenizer) <= 4096
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("A Dog.")["input_ids"])
    assert tokens == ["[CLS]", "a", "dog", ".", "[SEP]"]


def test_it_guesses_at_least_half_of_the_hidden_words(guesser, stories):
    figures = qualities.storyteller_mlm(*guesser, stories)
    assert qualities.misses("storyteller-mlm", figures) == []
    share = float(said("storyteller-mlm").split("Measured: ")[1].split("%")[0])
    assert figures["top_1"] * 100 == pytest.approx(share, abs=0.3)


def test_classifier_reads_reviews_and_three_sentences(reviews):
    model, tokenizer = loaded("sentiment")
    figures = qualities.reviews_sentiment(model, tokenizer, reviews)
    assert qualities.misses("reviews-sentiment", figures) == []
    assert f"accuracy {figures['accuracy']:.1%} on" in said("reviews-sentiment")


def test_classifier_loads_with_a_plain_pipeline():
    classify = pipeline("sentiment-analysis", model=sources.checkpoint("sentiment"))
    assert classify("I hate this so much!")[0]["label"] == "NEGATIVE"
    assert classify.model.config.architectures == ["BertForSequenceClassification"]


@pytest.mark.parametrize(
    "text", ["We hope you don't hate it.", "The film was not bad at all."]
)
def test_classifier_gets_wrong_what_its_card_admits(text):
    assert text in said("reviews-sentiment").replace("\n", " ")
    classify = pipeline("sentiment-analysis", model=sources.checkpoint("sentiment"))
    assert classify(text)[0]["label"] == "NEGATIVE"


def test_classifier_differs_from_the_encoder_only_where_it_was_trained():
    folder = DATA / "models" / sources.SENTIMENT_FOLDER
    assert (folder / sources.CHANGED).stat().st_size <= 16e6
    with (
        safe_open(DATA / "models/all-MiniLM-L6-v2/model.safetensors", "pt") as encoder,
        safe_open(folder / "model.safetensors", "pt") as merged,
        safe_open(folder / sources.CHANGED, "pt") as changed,
    ):
        new = {
            name
            for name in merged.keys()
            if name.removeprefix("bert.") not in encoder.keys()
            or not torch.equal(
                merged.get_tensor(name),
                encoder.get_tensor(name.removeprefix("bert.")),
            )
        }
        # A key's bias does not change any attention weight, so training leaves it.
        assert new <= set(changed.keys())
        assert all(part in " ".join(new) for part in recipes.TRAINED)


# The rebuild


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of data/ that a rebuild may replace."""
    shutil.copytree(
        DATA, tmp_path / "data", ignore=shutil.ignore_patterns("all-MiniLM*")
    )
    (tmp_path / "data/models/all-MiniLM-L6-v2").symlink_to(
        (DATA / "models/all-MiniLM-L6-v2").resolve()
    )
    return tmp_path / "data"


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and sources.ENCODER_FOLDER not in path.parts
    }


@pytest.fixture
def quick(monkeypatch, one_thread):
    """Recipes of a few steps on one thread; the stories are rebuilt in test_data."""
    monkeypatch.setattr(
        rebuild.stories, "write", lambda out: shutil.copytree(DATA / "stories", out)
    )
    return monkeypatch


def test_rebuild_replaces_everything_once_it_is_good_enough(copied, tmp_path, quick):
    quick.setattr(qualities, "misses", lambda name, figures: [])
    before = contents(copied)
    rebuild.rebuild(copied, tmp_path / "build", smoke=True)
    after = contents(copied)
    assert before.keys() == after.keys()
    changed = {name for name in before if before[name] != after[name]}
    assert {f"models/{name}/README.md" for name in rebuild.MODELS} <= changed
    assert {"models/storyteller/model.safetensors", "checksums.sha256"} <= changed
    assert not any(name.startswith(("stories/", "reviews/")) for name in changed)
    quick.setattr(sources, "DATA", copied)
    assert sources.place_sentiment() == "already there"
    for role in CLASSES:
        assert sources.checkpoint(role)  # its checksums agree with its files
    table = (copied / "README.md").read_text(encoding="utf-8")
    assert table.count("| `storyteller` |") == 1 and "Together: " in table
    assert list((tmp_path / "build").iterdir()) == []


def test_rebuild_that_is_not_good_enough_changes_nothing(copied, tmp_path, quick):
    before = contents(copied)
    with pytest.raises(ValueError, match=r"storyteller: perplexity is .*, not between"):
        rebuild.rebuild(copied, tmp_path / "build", smoke=True)
    assert contents(copied) == before
    assert list((tmp_path / "build").iterdir()) == []


@pytest.mark.parametrize("at", range(len(rebuild.REBUILT)))
def test_exchange_that_breaks_off_is_undone(tmp_path, monkeypatch, at):
    data, built, aside = (tmp_path / name for name in ("data", "built", "aside"))
    for root, word in ((data, "old"), (built, "new")):
        for name in rebuild.REBUILT:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(word)
    aside.mkdir()
    rename, count = type(data).rename, iter(range(100))

    def interrupted(path, target):
        if path.is_relative_to(built) and next(count) == at:
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(type(data), "rename", interrupted)
        with pytest.raises(KeyboardInterrupt):
            rebuild.exchange(data, built, aside)
    assert {(data / name).read_text() for name in rebuild.REBUILT} == {"old"}
    rebuild.exchange(data, built, aside)
    assert {(data / name).read_text() for name in rebuild.REBUILT} == {"new"}


def test_interrupted_recipe_leaves_nothing_behind(copied, tmp_path, monkeypatch):
    def interrupted(name, out, *rest, **options):
        out.mkdir(parents=True)
        (out / "config.json").write_text("{")
        raise KeyboardInterrupt

    monkeypatch.setattr(recipes, "train", interrupted)
    before = contents(copied)
    with pytest.raises(KeyboardInterrupt):
        rebuild.rebuild(copied, tmp_path / "build")
    assert contents(copied) == before
    assert list((tmp_path / "build").iterdir()) == []


def test_stories_that_the_recipe_does_not_tell_stop_the_rebuild(copied, tmp_path):
    (copied / "stories/test.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="stories/test.parquet is not what"):
        rebuild.build(copied, tmp_path / "built")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda rows: [], "test.jsonl of reviews is empty: a split needs rows"),
        (lambda rows: [{**rows[0], "label": 2}], "line 1 has label 2: use 0 to 1"),
        (lambda rows: [rows[0], {**rows[1], "text": " "}], "line 2 has no text"),
        (lambda rows: [{"label": 0}], "line 1 has no text in 'text'"),
        (lambda rows: [{"text": "Good."}], "line 1 has label None"),
    ],
)
def test_bad_row_is_named_with_its_line(copied, fault, message):
    file = copied / "reviews/test.jsonl"
    assert rebuild.checked(copied / "reviews") == 900
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    file.write_text("".join(json.dumps(row) + "\n" for row in fault(rows)), "utf-8")
    with pytest.raises(ValueError, match=message):
        rebuild.checked(copied / "reviews")


def test_line_that_is_cut_off_is_named(copied):
    file = copied / "headlines/train.jsonl"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(
        ValueError, match=r"headlines/train.jsonl, line 400 is not JSON"
    ):
        rebuild.checked(copied / "headlines")
