"""The datasets and metrics that lie in data/: their shape, their rules, their checksums."""

import hashlib
import importlib.util
import itertools
import json
import re
import sys
from collections import Counter

import evaluate
import instructions
import numpy as np
import pytest
import rebuild
from datasets import load_dataset
from huggingface_hub import DatasetCard
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score

from hf_tutorial import sources

DATA = sources.DATA
TOPICS = [
    "analyst rating", "earnings", "merger", "central bank", "commodities", "currencies",
    "jobs and pay", "legal", "products", "markets",
]  # fmt: skip
MODELS = ["models/storyteller", "models/storyteller-mlm", "models/reviews-sentiment"]
SIZES = {
    "stories": {"train": 20_000, "validation": 1_000, "test": 1_000},
    "reviews": {"train": 600, "validation": 150, "test": 150},
    "paraphrases": {"train": 300, "validation": 60, "test": 60},
    "headlines": {"train": 400, "validation": 100, "test": 100},
    "instructions": {"train": 400, "validation": 50, "test": 110},
}


@pytest.fixture(scope="module", params=SIZES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Each dataset as a reader loads it, with a cache of its own."""
    cache = str(tmp_path_factory.mktemp("cache"))
    return {name: load_dataset(str(DATA / name), cache_dir=cache) for name in SIZES}


@pytest.fixture(scope="module")
def recipe():
    """The program that tells the stories."""
    spec = importlib.util.spec_from_file_location(
        "stories", DATA / "recipes" / "stories.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["stories"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def rows(dataset):
    return [row for split in dataset.values() for row in split]


def texts_of(row):
    """List the texts of a row, those of its messages included."""
    said = [one["content"] for one in row.get("messages", ())]
    return [*said, *(value for value in row.values() if isinstance(value, str))]


def words(text):
    return re.findall(r"[a-z0-9']+", text.lower())


def overlap(row):
    first, second = set(words(row["sentence1"])), set(words(row["sentence2"]))
    return len(first & second) / len(first | second)


def six_words(texts):
    """Count in how many texts each sequence of six words occurs."""
    counts = Counter()
    for text in texts:
        sequence = words(text)
        counts.update({tuple(sequence[i : i + 6]) for i in range(len(sequence) - 5)})
    return counts


def test_splits_have_their_sizes(loaded, name):
    assert {split: len(rows) for split, rows in loaded[name].items()} == SIZES[name]


def test_card_says_licence_and_where_it_comes_from(name):
    card = DatasetCard.load(DATA / name / "README.md")
    assert card.data.license == "cc0-1.0" and card.data.language == "en"
    for wanted in ("Origin:", "Size:", "Limits:", "Checksums:"):
        assert wanted in card.text


def test_no_row_is_empty_and_none_occurs_twice(loaded, name):
    texts = [tuple(texts_of(row)) for row in rows(loaded[name])]
    assert all(text.strip() == text and text for row in texts for text in row)
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", ["reviews", "paraphrases", "headlines"])
def test_labels_are_names_with_examples_in_every_split(loaded, name):
    for split in loaded[name].values():
        names = split.features["label"].names
        assert set(split["label"]) == set(range(len(names)))


def test_stories_are_rebuilt_byte_for_byte(tmp_path, recipe):
    recipe.write(tmp_path)
    for file in sorted(tmp_path.iterdir()):
        assert file.read_bytes() == (DATA / "stories" / file.name).read_bytes()
    assert len(list(tmp_path.iterdir())) == 3


def test_stories_come_from_many_plots_and_frames(recipe):
    frames = [
        frame for beats in recipe.FRAMES.values() for beat in beats for frame in beat
    ]
    assert len(recipe.FRAMES) >= 30
    assert len(set(frames)) == len(frames) >= 200


def test_stories_are_short_and_use_many_words(loaded):
    lengths = [len(row["text"].split()) for row in rows(loaded["stories"])]
    assert 50 <= min(lengths) and max(lengths) <= 120
    distinct = {
        word for text in loaded["stories"]["train"]["text"] for word in words(text)
    }
    assert len(distinct) >= 1500


def test_held_out_stories_have_heroes_and_plots_that_train_has_not(loaded):
    pairs = {
        split: set(zip(data["hero"], data["plot"], strict=True))
        for split, data in loaded["stories"].items()
    }
    for first, second in itertools.combinations(pairs.values(), 2):
        assert first.isdisjoint(second)


def test_stories_read_as_sentences(loaded):
    for text in loaded["stories"]["test"]["text"]:
        assert not re.search(r"[{}]|\s\s| [,.;!?]|\ba [aeiou]|\ban [^aeiouh]", text), (
            text
        )
        assert text[0].isupper() or text[0] == '"'
        assert text[-1] in '.!?"' and text.count('"') % 2 == 0, text


def test_headlines_have_ten_even_topics(loaded):
    assert loaded["headlines"]["train"].features["label"].names == TOPICS
    for split, each in (("train", 40), ("validation", 10), ("test", 10)):
        assert set(Counter(loaded["headlines"][split]["label"]).values()) == {each}


def test_headlines_are_short_posts_that_do_not_repeat_each_other(loaded):
    texts = [row["text"] for row in rows(loaded["headlines"])]
    assert all(5 <= len(words(text)) <= 34 for text in texts)
    assert max(six_words(texts).values()) == 1
    after_ticker = [re.sub(r"^\$[A-Z]{4}( - |: | )", "", text) for text in texts]
    assert max(Counter(tuple(t.split()[:4]) for t in after_ticker).values()) == 1


def test_headlines_look_like_a_feed(loaded):
    texts = [row["text"] for row in rows(loaded["headlines"])]
    assert sum("$" in text for text in texts) / len(texts) > 0.15
    assert sum(bool(re.search(r"\d", text)) for text in texts) / len(texts) > 0.4


def test_reviews_are_even_in_every_split(loaded):
    for split in loaded["reviews"].values():
        assert 0.48 <= np.mean(split["label"]) <= 0.52


def test_reviews_have_25_to_80_words(loaded):
    lengths = [len(row["text"].split()) for row in rows(loaded["reviews"])]
    assert 25 <= min(lengths) and max(lengths) <= 80


def test_reviews_do_not_repeat_each_other(loaded):
    texts = [row["text"] for row in rows(loaded["reviews"])]
    assert max(six_words(texts).values()) <= 2
    assert max(Counter(tuple(words(text)[:3]) for text in texts).values()) <= 2


def trigrams(text):
    sequence = words(text)
    return {tuple(sequence[i : i + 3]) for i in range(len(sequence) - 2)}


def test_no_review_leaks_into_another_split(loaded):
    grams = {
        s: [trigrams(t) for t in data["text"]] for s, data in loaded["reviews"].items()
    }
    for first, second in itertools.combinations(grams.values(), 2):
        for a, b in itertools.product(first, second):
            assert len(a & b) <= 0.3 * min(len(a), len(b))


def test_a_share_of_the_reviews_is_hard(loaded):
    kinds = json.loads((DATA / "recipes/review_kinds.json").read_text(encoding="utf-8"))
    for split, data in loaded["reviews"].items():
        kind = kinds[split].split()
        assert len(kind) == len(data) and set(kind) == set("pmni")
        assert sum(k != "p" for k in kind) / len(kind) >= 0.15
        for k in "mn":
            assert {
                label for label, of in zip(data["label"], kind, strict=True) if of == k
            } == {0, 1}


@pytest.fixture(scope="module")
def score_of_counting_words(loaded):
    """Accuracy on the test reviews of TF-IDF and logistic regression."""
    train, test = loaded["reviews"]["train"], loaded["reviews"]["test"]
    words_and_pairs = TfidfVectorizer(ngram_range=(1, 2))
    model = LogisticRegression(max_iter=1000, C=10)
    model.fit(words_and_pairs.fit_transform(train["text"]), train["label"])
    return model.score(words_and_pairs.transform(test["text"]), test["label"])


def test_counting_words_gets_some_of_the_reviews_right(score_of_counting_words):
    assert 0.65 <= score_of_counting_words <= 0.9


def test_pairs_are_numbered_and_mostly_positive(loaded):
    pairs = rows(loaded["paraphrases"])
    assert sorted(row["idx"] for row in pairs) == list(range(len(pairs)))
    for split in loaded["paraphrases"].values():
        assert 0.6 <= np.mean(split["label"]) <= 0.7


def test_pairs_are_news_sentences(loaded):
    for row in rows(loaded["paraphrases"]):
        for text in (row["sentence1"], row["sentence2"]):
            assert 10 <= len(text.split()) <= 32, text
            assert text[0].isupper() or text[0].isdigit()
            assert text[-1] in ".'\"?!", text
        assert row["sentence1"] != row["sentence2"]


def test_counting_shared_words_does_not_tell_pairs_apart(loaded):
    pairs = rows(loaded["paraphrases"])
    positive = np.mean([overlap(row) for row in pairs if row["label"] == 1])
    negative = np.mean([overlap(row) for row in pairs if row["label"] == 0])
    assert abs(positive - negative) / max(positive, negative) < 0.15
    train, test = (list(loaded["paraphrases"][split]) for split in ("train", "test"))
    best = max(
        (np.mean([(overlap(r) > cut) == bool(r["label"]) for r in train]), cut)
        for cut in np.linspace(0, 1, 21)
    )[1]
    score = np.mean([(overlap(row) > best) == bool(row["label"]) for row in test])
    assert score < 0.72, (
        "a threshold on shared words should do no better than always saying 1"
    )


def test_no_sentence_of_a_pair_returns_in_another_split(loaded):
    seen = {
        split: {text for row in data for text in (row["sentence1"], row["sentence2"])}
        for split, data in loaded["paraphrases"].items()
    }
    for first, second in itertools.combinations(seen.values(), 2):
        assert first.isdisjoint(second)


def asked(row):
    return row["messages"][0]["content"]


def told(row):
    """Take the title off the answer to a request for a story."""
    title, text = row["messages"][1]["content"].split(". ", 1)
    assert title == row["plot"].capitalize()
    return text


def of_kind(split, *kinds):
    return [row for row in split if row["kind"] in kinds]


def test_conversations_are_put_together_byte_for_byte(tmp_path):
    instructions.write(DATA / "stories", tmp_path)
    for file in sorted(tmp_path.iterdir()):
        assert file.read_bytes() == (DATA / "instructions" / file.name).read_bytes()
    assert len(list(tmp_path.iterdir())) == 3


def test_user_and_assistant_take_turns_and_the_assistant_has_the_last_word(loaded):
    for row in rows(loaded["instructions"]):
        roles = [one["role"] for one in row["messages"]]
        turns = 2 if row["kind"] == "turns" else 1
        assert roles == ["user", "assistant"] * turns


def test_card_counts_the_kinds_of_each_split(loaded):
    card = (DATA / "instructions" / "README.md").read_text(encoding="utf-8")
    for kind in ("begin", "hero", "end", "turns", "refusal"):
        found = [len(of_kind(split, kind)) for split in loaded["instructions"].values()]
        (line,) = [line for line in card.splitlines() if f"`{kind}` |" in line]
        assert line.endswith(f"| {', '.join(map(str, found))} |")


def test_no_request_of_a_kind_is_in_two_splits(loaded):
    found = [
        {(row["kind"], asked(row)) for row in split}
        for split in loaded["instructions"].values()
    ]
    for first, second in itertools.combinations(found, 2):
        assert first.isdisjoint(second)


def test_held_out_requests_have_wordings_and_sentences_that_train_has_not(loaded):
    held_out = of_kind(
        rows(loaded["instructions"])[400:], "begin", "hero", "end", "turns"
    )
    in_train = " ".join(asked(row) for row in loaded["instructions"]["train"])
    topics = {
        plot: texts.split("; ")[-instructions.KEPT :]
        for plot, texts in instructions.TOPICS.items()
    }
    for row in held_out:
        (topic,) = [t for t in topics[row["plot"]] if t in asked(row)]
        assert f" {topic}" not in in_train
        form = asked(row).replace(topic, "{}").replace(row["hero"], "HERO")
        train = {
            asked(one).replace(one["hero"], "HERO")
            for one in of_kind(loaded["instructions"]["train"], row["kind"])
        }
        start, end = form.split("{}")
        assert not any(t.startswith(start) and t.endswith(end) for t in train)


def test_requests_of_the_test_split_differ_within_a_kind(loaded):
    test = loaded["instructions"]["test"]
    for kind in ("begin", "hero", "end", "refusal"):
        texts = [asked(row) for row in of_kind(test, kind)]
        assert len(set(texts)) == len(texts) >= 20


def test_answers_are_parts_of_stories_of_their_own_split(loaded):
    for name, split in loaded["instructions"].items():
        stories = {
            (row["plot"], row["hero"], row["text"]) for row in loaded["stories"][name]
        }
        for row in of_kind(split, "begin", "hero", "end", "turns"):
            joined = told(row)
            assert any(
                (plot, hero) == (row["plot"], row["hero"])
                and (text.endswith if row["kind"] == "end" else text.startswith)(joined)
                for plot, hero, text in stories
            ), joined


def test_a_hero_who_is_asked_for_is_in_the_answer(loaded):
    found = of_kind(rows(loaded["instructions"]), "hero")
    assert len(found) == 70
    for row in found:
        assert row["hero"] in asked(row) and row["hero"] in told(row)


def test_refusals_are_one_of_three_sentences_and_belong_to_no_story(loaded):
    refusals = of_kind(rows(loaded["instructions"]), "refusal")
    assert {row["messages"][1]["content"] for row in refusals} == {
        *instructions.REFUSALS
    }
    assert {(row["plot"], row["hero"]) for row in refusals} == {(None, None)}


# Checksums


def listed() -> dict[str, str]:
    lines = (DATA / "checksums.sha256").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def test_every_data_file_has_its_checksum():
    files = {
        path.relative_to(DATA).as_posix()
        for folder in [*SIZES, "metrics", "curves", *MODELS]
        for path in (DATA / folder).rglob("*")
        if path.suffix in {".jsonl", ".parquet", ".py", ".json", ".safetensors"}
        and path.parent.name != "__pycache__"
    } - {f"models/reviews-sentiment/{name}" for name in sources.SENTIMENT_PLACED}
    assert set(listed()) == files
    for name, digest in listed().items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest, name


def test_data_of_ones_own_gets_no_checksum(tmp_path):
    for name in ("headlines/train.jsonl", "mine/train.jsonl"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("{}\n")
    (tmp_path / "models").mkdir()
    rebuild.write_sums(tmp_path)
    sums = (tmp_path / "checksums.sha256").read_text()
    assert "headlines/train.jsonl" in sums and "mine" not in sums


@pytest.fixture
def damaged(tmp_path, monkeypatch):
    """A copy of one dataset to damage."""
    folder = tmp_path / "headlines"
    folder.mkdir()
    for file in (DATA / "headlines").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (tmp_path / "checksums.sha256").write_bytes(
        (DATA / "checksums.sha256").read_bytes()
    )
    monkeypatch.setattr(sources, "DATA", tmp_path)
    return folder


def test_untouched_dataset_is_named(damaged):
    assert sources.dataset("headlines")[0].endswith("headlines")


def test_damaged_file_is_named_with_its_checksum_and_the_way_out(damaged):
    file = damaged / "test.jsonl"
    file.write_text(
        file.read_text(encoding="utf-8").replace("label", "lable", 1), encoding="utf-8"
    )
    with pytest.raises(OSError) as error:
        sources.dataset("headlines")
    message = str(error.value)
    assert "data/headlines/test.jsonl: sha256" in message and "expected" in message
    assert "copy data/headlines from a fresh download" in message


def test_missing_file_is_named_with_the_way_out(damaged):
    (damaged / "train.jsonl").unlink()
    with pytest.raises(
        FileNotFoundError,
        match=r"train\.jsonl: missing.*copy data/headlines from a fresh download",
    ):
        sources.dataset("headlines")


# Metrics


@pytest.fixture(scope="module")
def metrics():
    return {
        role: evaluate.load(str(DATA / "metrics" / role)) for role in sources.METRICS
    }


@pytest.mark.parametrize("seed", range(5))
def test_metrics_give_scikit_learns_numbers(metrics, seed):
    random = np.random.default_rng(seed)
    truth, guess = random.integers(0, 2, (2, 50))
    accuracy, f1 = accuracy_score(truth, guess), f1_score(truth, guess)
    found = {
        role: metric.compute(predictions=guess, references=truth)
        for role, metric in metrics.items()
    }
    assert found["accuracy"] == {"accuracy": pytest.approx(accuracy)}
    assert found["f1"] == {"f1": pytest.approx(f1)}
    assert found["mrpc"] == {
        "accuracy": pytest.approx(accuracy),
        "f1": pytest.approx(f1),
    }


def test_f1_takes_an_average_for_more_than_two_labels(metrics):
    truth, guess = [0, 1, 2, 2], [0, 2, 2, 1]
    found = metrics["f1"].compute(predictions=guess, references=truth, average="macro")
    assert found["f1"] == pytest.approx(f1_score(truth, guess, average="macro"))


def test_batches_add_up_to_the_whole(metrics):
    metric, truth, guess = metrics["accuracy"], [0, 1, 1, 0, 1], [0, 1, 0, 0, 0]
    for part in (slice(0, 2), slice(2, 5)):
        metric.add_batch(predictions=guess[part], references=truth[part])
    assert metric.compute() == {"accuracy": 0.6}


@pytest.mark.parametrize("role", sources.METRICS)
def test_empty_input_is_refused_in_a_sentence(metrics, role):
    with pytest.raises(
        ValueError, match=f"{role} needs at least one prediction and its reference"
    ):
        metrics[role].compute(predictions=[], references=[])


@pytest.mark.parametrize("role", sources.METRICS)
def test_unequal_input_is_refused_with_both_lengths(metrics, role):
    with pytest.raises(ValueError, match=r"predictions \(1\) and references \(2\)"):
        metrics[role].compute(predictions=[1], references=[1, 0])


def test_predicting_always_one_scores_what_the_card_says(metrics, loaded):
    truth = [row["label"] for row in rows(loaded["paraphrases"])]
    found = metrics["mrpc"].compute(predictions=[1] * len(truth), references=truth)
    assert {key: round(value, 2) for key, value in found.items()} == {
        "accuracy": 0.65,
        "f1": 0.79,
    }


def test_lines_are_json_that_a_person_can_read():
    files = [file for folder in SIZES for file in (DATA / folder).glob("*.jsonl")]
    assert len(files) >= 6  # and none of an instructor's, in data/mine
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            assert json.dumps(json.loads(line), ensure_ascii=False) == line
