"""The training script: what it writes, what it refuses, and how it survives being killed."""

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from accelerate.state import AcceleratorState, PartialState
from datasets import Dataset
from huggingface_hub import ModelCard
from safetensors.torch import load_file
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    set_seed,
)

from hf_tutorial import NOTEBOOKS, checkpoints, learners, reports, sources, train
from hf_tutorial.refused import Refused
from tests import test_tables
from tests.processes import Training

QUICK = ["--max-length", "16", "--batch-size", "8", "--save-every", "4",
         "--validation-share", "0"]  # fmt: skip


@pytest.fixture(autouse=True)
def fresh_process(one_thread):
    """Accelerate keeps its state in the class: each run here begins without one."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A model whose steps take milliseconds, with dropout in its config."""
    folder = tmp_path_factory.mktemp("tiny") / "tiny"
    tokenizer = AutoTokenizer.from_pretrained(sources.checkpoint("encoder"))
    set_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=8, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=16, max_position_embeddings=32,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


WORDS = "good bad fine dull warm cold quick slow film song".split()


def table(labels):
    """Give as many rows as labels, each with a text of its own."""
    draw = random.Random(0)
    texts = [" ".join(draw.choices(WORDS, k=6)) + f" {n}" for n in range(len(labels))]
    return Dataset.from_dict({"text": texts, "label": labels})


@pytest.fixture
def rows(tmp_path):
    file = tmp_path / "rows.jsonl"
    table([n % 2 for n in range(40)]).to_json(file)
    return file


@pytest.fixture
def run(tiny, rows, tmp_path, monkeypatch):
    """Train in this process; later words of the command line win."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))

    def run(*words, out="out"):
        AcceleratorState._reset_state(reset_partial_state=True)
        line = ["--checkpoint", tiny, "--dataset", rows, "--output-dir", tmp_path / out]
        train.main([str(word) for word in (*line, *QUICK, *words)])
        return tmp_path / out

    return run


def lines(folder):
    return [json.loads(line) for line in open(folder / "metrics.jsonl")]


def losses(folder):
    return [line["loss"] for line in lines(folder) if "loss" in line]


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


def equal(first, second):
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


# What it writes


def test_run_leaves_metrics_two_checkpoints_and_a_model_with_its_card(run):
    out = run("--epochs", 3)
    steps = [line for line in lines(out) if "loss" in line]
    assert [line["step"] for line in steps] == list(range(1, 16))  # 5 batches an epoch
    assert [line["epoch"] for line in steps] == [0] * 5 + [1] * 5 + [2] * 5
    assert set(steps[0]) == {
        "step", "epoch", "loss", "learning_rate", "examples_per_second",
    }  # fmt: skip
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == [
        "step-000012", "step-000015",
    ]  # fmt: skip
    model = AutoModelForSequenceClassification.from_pretrained(out / "model")
    tokenizer = AutoTokenizer.from_pretrained(out / "model")
    assert tokenizer.tokenize("a good film") == ["a", "good", "film"]
    assert model.config.id2label == {0: "0", 1: "1"}
    card = ModelCard.load(out / "model" / "README.md")
    assert card.data.pipeline_tag == "text-classification"
    assert "15 steps of 8 examples" in card.text


def test_learning_rate_warms_up_and_comes_down(run):
    rates = [line["learning_rate"] for line in lines(run("--epochs", 4))]
    assert rates[0] == 0 and rates.index(max(rates)) == 5  # --warmup-steps
    assert max(rates) == pytest.approx(1e-4) and 0 < rates[-1] < 1e-5


def test_held_out_rows_are_counted_once_each(run, tmp_path):
    folder = tmp_path / "split"
    folder.mkdir()
    table([n % 2 for n in range(24)]).to_json(folder / "train.jsonl")
    table([n % 2 for n in range(7)]).to_json(folder / "validation.jsonl")
    rated = [line for line in lines(run("--dataset", folder)) if "accuracy" in line]
    assert [(line["step"], line["epoch"]) for line in rated] == [(3, 0), (6, 1)]
    assert all((line["accuracy"] * 7) % 1 < 1e-9 for line in rated)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_labels_may_be_texts_in_any_kind_of_file(run, tmp_path, ending):
    file = tmp_path / f"posts.{ending}"
    data = table(["up", "down", "flat"] * 8).rename_columns(
        {"text": "body", "label": "verdict"}
    )
    {"csv": data.to_csv, "jsonl": data.to_json, "parquet": data.to_parquet}[ending](
        file
    )
    out = run("--dataset", file, "--text-column", "body", "--label-column", "verdict")
    model = AutoModelForSequenceClassification.from_pretrained(out / "model")
    assert model.config.id2label == {0: "down", 1: "flat", 2: "up"}


def test_two_columns_are_read_as_a_pair(run, tmp_path):
    file = tmp_path / "pairs.jsonl"
    data = table([0, 1] * 8)
    data.add_column("other", data["text"][::-1]).to_json(file)
    assert losses(run("--dataset", file, "--text-column", "text,other"))


def test_accumulating_does_not_change_the_losses(run):
    whole = losses(run("--epochs", 2, out="whole"))
    parts = losses(run("--epochs", 2, "--accumulate", 4, out="parts"))
    assert parts == pytest.approx(whole, abs=1e-5)


def test_stream_trains_and_goes_on_where_it_stopped(run, rows):
    words = ("--streaming", "--max-steps", 12)
    whole = run(*words, out="whole")
    assert len(losses(whole)) == 12  # the stream holds 5 batches: it begins again
    stopped = run(*words, out="stopped")
    shutil.rmtree(stopped / "checkpoints" / "step-000012")
    shutil.rmtree(stopped / "model")
    run(*words, "--resume", out="stopped")
    assert equal(weights(whole), weights(stopped))
    assert losses(whole) == losses(stopped)


@pytest.mark.parametrize("streaming", [False, True], ids=["table", "stream"])
def test_each_epoch_reads_all_rows_in_an_order_of_its_own(monkeypatch, streaming):
    monkeypatch.setattr(train, "loader", lambda run, rows, whole: rows)
    rows = Dataset.from_dict({"n": range(2400)})  # more than a stream's buffer holds
    run = SimpleNamespace(
        options=SimpleNamespace(seed=0, batch_size=8, streaming=streaming),
        table=SimpleNamespace(
            train=rows.to_iterable_dataset(3) if streaming else rows, surveys={}
        ),
    )
    first, again, second = (
        [row["n"] for row in train.batches(run, train.Progress(epoch=epoch))]
        for epoch in (0, 0, 1)
    )
    assert first == again != second
    assert sorted(first) == sorted(second) == list(range(2400))


def saved_precision(out):
    return json.loads(
        (out / "checkpoints/step-000010" / checkpoints.STATE).read_text()
    )["run"]["precision"]


def test_precision_is_the_launchers_unless_the_command_line_has_one(run, monkeypatch):
    plain = run(out="plain")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    launched, told = run(out="launched"), run("--precision", "no", out="told")
    assert [saved_precision(out) for out in (plain, launched, told)] == [
        "no",
        "bf16",
        "no",
    ]
    assert losses(plain) == losses(told) != losses(launched)
    run("--precision", "bf16", "--resume", out="launched")
    monkeypatch.undo()
    with pytest.raises(Refused, match="precision was 'bf16' and is 'no' now"):
        run("--precision", "no", "--resume", out="launched")


def test_launcher_that_asks_for_fp16_on_a_cpu_is_refused(run, monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    with pytest.raises(Refused, match="fp16 needs a GPU"):
        run()


def test_checkpoint_may_hold_folders(tmp_path):
    """FSDP and DeepSpeed save one, with a file for each process."""
    whole = tmp_path / "step-000004"
    (whole / "model_0").mkdir(parents=True)
    share = whole / "model_0" / "share_1.distcp"
    share.write_bytes(b"weights")
    files = checkpoints.digests(whole)
    assert list(files) == ["model_0/share_1.distcp"]
    (whole / checkpoints.STATE).write_text(json.dumps({"files": files}))
    assert checkpoints.last_whole(tmp_path)[0] == whole
    share.write_bytes(b"half")
    assert checkpoints.last_whole(tmp_path) is None


# What it refuses


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--text-column", "body"], "no column 'body': the columns are 'text', 'label'"),
        (["--label-column", "stars"], "no column 'stars': the columns are 'text', 'label'"),
        (["--dataset", "no/such"], "--dataset no/such: "),
        (["--validation", "no.csv"], "--validation no.csv: there is no such file"),
        (["--checkpoint", "no/such"], "--checkpoint no/such: "),
        (["--batch-size", "9", "--accumulate", "2"], "use a multiple of 2"),
        (["--batch-size", "64"], "40 rows are fewer than one batch of 64"),
        (["--batch-size", "36", "--validation-share", "0.25"],
         "30 rows (10 more are held out) are fewer than one batch of 36"),
        (["--precision", "fp16"], "fp16 needs a GPU: use bf16 or no on a CPU"),
        (["--resume"], "no whole checkpoint in"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_the_way_out(run, words, message):
    with pytest.raises(Refused) as refused:
        run(*words)
    assert message in str(refused.value)


@pytest.mark.parametrize("missing", ["model", "data"])
def test_bundled_folder_that_is_not_there_is_named_in_a_whole_sentence(
    monkeypatch, tmp_path, missing
):
    """As in a clone of which nobody has placed the models: the way out is at the end."""
    whole = (
        "is not in data/models: "
        + "put it there, " * 40
        + "and doctor looks at the rest."
    )

    def gone(role):
        raise FileNotFoundError(f"the bundled {role} {whole}")

    monkeypatch.setattr(
        sources, "checkpoint" if missing == "model" else "dataset", gone
    )
    words = [] if missing == "model" else ["--checkpoint", "any"]
    with pytest.raises(Refused) as refused:
        train.main(["--output-dir", str(tmp_path / "out"), *words])
    role = "encoder" if missing == "model" else "reviews"
    assert str(refused.value) == f"the bundled {role} {whole}"


def test_help_says_how_to_start_it_and_each_default(capsys):
    with pytest.raises(SystemExit):
        train.arguments(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("usage: python -m hf_tutorial.train ")
    found = vars(train.arguments(["--output-dir", "out"]))
    options = said.partition("options: ")[2]
    named = [
        name
        for name, value in found.items()
        if value is not None and value is not False
    ]
    assert len(named) >= 13
    for name in named:
        word = f"--{name.replace('_', '-')} {name.upper()} "
        nearest = options[options.index(word) :].partition("(default: ")[2]
        assert name == "output_dir" or nearest.startswith(f"{found[name]})"), name


def test_stream_shorter_than_a_batch_is_refused(run):
    with pytest.raises(Refused, match="40 rows are fewer than one batch of 64"):
        run("--streaming", "--max-steps", 2, "--batch-size", 64)


@pytest.mark.parametrize(
    ("word", "value", "said"),
    [
        *[(word, value, "use 1 or more")
          for word in ("--epochs", "--batch-size", "--save-every", "--accumulate",
                       "--max-length", "--max-steps") for value in ("0", "-5")],
        ("--warmup-steps", "-1", "use 0 or more"),
        ("--dropout", "1.5", "use 0 or more, and less than 1"),
        ("--dropout", "1", "use 0 or more, and less than 1"),
        ("--dropout", "-0.1", "use 0 or more, and less than 1"),
        ("--dropout", "nan", "use 0 or more, and less than 1"),
        ("--validation-share", "1", "use 0 or more, and less than 1"),
        ("--validation-share", "nan", "use 0 or more, and less than 1"),
        ("--learning-rate", "-1", "use a number above 0"),
        ("--learning-rate", "0", "use a number above 0"),
        ("--learning-rate", "inf", "use a number above 0"),
        ("--learning-rate", "nan", "use a number above 0"),
        ("--seed", "-1", "use 0 to 2147483647"),
        ("--seed", str(2**31), "use 0 to 2147483647"),
    ],
)  # fmt: skip
def test_numbers_out_of_bounds_are_refused(capsys, word, value, said):
    with pytest.raises(SystemExit):
        train.arguments(["--output-dir", "out", f"{word}={value}"])
    assert f"{word} is " in (error := capsys.readouterr().err) and said in error


@pytest.mark.parametrize(
    ("length", "columns", "message"),
    [
        (33, "text", "--max-length 33: this checkpoint reads 32 tokens at most"),
        (
            2,
            "text",
            "2 tokens go to marks such as [SEP], so no word would be read: use 3",
        ),
        (
            4,
            "text,other",
            "3 tokens go to marks such as [SEP], so no word would be read: use 5",
        ),
    ],
)
def test_length_that_the_checkpoint_cannot_read_is_refused(
    run, tmp_path, length, columns, message
):
    file = tmp_path / "pairs.jsonl"
    data = table([0, 1] * 8)
    data.add_column("other", data["text"][::-1]).to_json(file)
    with pytest.raises(Refused) as refused:
        run("--dataset", file, "--text-column", columns, "--max-length", length)
    assert message in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_longest_text_that_is_allowed_is_read(run, tmp_path):
    file = tmp_path / "long.jsonl"
    data = table([0, 1] * 8)
    data.map(lambda row: {"text": row["text"] * 20}).to_json(file)
    assert losses(run("--dataset", file, "--max-length", 32, "--max-steps", 1))


def configured(kind, **settings):
    from transformers import AutoConfig, AutoModelForSequenceClassification

    sizes = {"vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 1, "num_labels": 2,
             "num_attention_heads": 2, "intermediate_size": 16}  # fmt: skip
    config = AutoConfig.for_model(kind, **(sizes | settings))
    return AutoModelForSequenceClassification.from_config(config).eval()


@pytest.mark.parametrize(
    ("kind", "settings", "limit"),
    [
        ("bert", {"max_position_embeddings": 20}, 20),
        ("roberta", {"max_position_embeddings": 20, "pad_token_id": 1}, 18),
        ("xlm-roberta", {"max_position_embeddings": 20, "pad_token_id": 1}, 18),
        ("mpnet", {"max_position_embeddings": 20, "pad_token_id": 1}, 18),
        ("distilbert", {"max_position_embeddings": 20, "dim": 8, "n_heads": 2}, 20),
        ("gpt2", {"n_positions": 20, "n_embd": 8, "n_head": 2, "pad_token_id": 0}, 20),
    ],
)
def test_positions_are_what_the_model_reads_and_not_one_more(kind, settings, limit):
    model = configured(kind, **settings)
    assert learners.positions(model) == limit
    model(input_ids=torch.full((1, limit), 5))
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, limit + 1), 5))


def test_model_whose_positions_have_no_end_is_not_limited():
    model = configured("t5", d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    assert learners.positions(model) is None


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("bert", {}),
        ("gpt2", {"n_embd": 8, "n_head": 2, "n_layer": 1}),
        (
            "bart",
            {"d_model": 8, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 8,
             "decoder_ffn_dim": 8, "encoder_attention_heads": 2, "eos_token_id": 102,
             "decoder_attention_heads": 2, "encoder_layerdrop": 0.5},
        ),
        ("opt", {"word_embed_proj_dim": 8, "ffn_dim": 8, "layerdrop": 0.5}),
        ("xlm", {"emb_dim": 8, "n_heads": 2, "n_layers": 1}),
    ],
)  # fmt: skip
def test_dropout_of_any_kind_of_model_is_what_was_asked_for(
    tiny, tmp_path, kind, settings
):
    """BART, OPT and XLM hold it as numbers, not as modules."""
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    sizes = {"vocab_size": len(tokenizer), "max_position_embeddings": 64}
    configured(kind, **sizes, **settings, pad_token_id=0).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    batch = tokenizer(["a good film"] * 16, return_tensors="pt")
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    for share, same in ((0.0, True), (0.5, False)):
        options = SimpleNamespace(
            checkpoint=tmp_path, dropout=share, max_length=16, learning_rate=1e-3,
            warmup_steps=0,
        )  # fmt: skip
        asked = SimpleNamespace(names=["a", "b"], texts=("text",))
        model = learners.made(options, asked, 3).model.train()
        with torch.no_grad():
            rows = torch.cat([model(**inputs).logits for _ in range(5)])
        assert bool(torch.isclose(rows, rows[:1], atol=1e-6).all()) == same


def test_tokenizer_of_another_checkpoint_is_refused(run, tiny, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    configured("bert", max_position_embeddings=32).save_pretrained(other)
    with pytest.raises(
        Refused, match="30,522 tokens, its model 30: they belong to different"
    ):
        run("--checkpoint", other)


def test_checkpoint_without_its_tokenizer_is_refused(run, tmp_path):
    configured("bert", max_position_embeddings=32).save_pretrained(tmp_path / "alone")
    with pytest.raises(Refused, match="--checkpoint .*alone: "):
        run("--checkpoint", tmp_path / "alone")


def test_stream_without_an_end_is_refused(run, capsys):
    with pytest.raises(SystemExit):
        run("--streaming")
    assert "say where to stop with --max-steps" in capsys.readouterr().err


def test_folder_in_use_is_refused_and_left_alone(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(Refused, match="is not empty: go on there with --resume"):
        run()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--learning-rate", "0.5"], "learning_rate was 0.0001 and is 0.5 now"),
        (["--checkpoint", "other"], "checkpoint was 'tiny' and is 'other' now"),
    ],
)
def test_state_of_another_run_is_refused(run, words, message):
    run()
    with pytest.raises(Refused) as refused:
        run("--resume", *words)
    assert message in str(refused.value)


@pytest.mark.parametrize("change", ["labels", "fewer", "text"])
def test_file_that_has_changed_since_is_refused(run, rows, change):
    run("--max-steps", 4)
    data = [json.loads(line) for line in open(rows)]
    if change == "labels":
        data = [{**row, "label": 1 - row["label"]} for row in data]
    elif change == "fewer":
        data = data[:-1]
    else:
        data[7]["text"] += "!"
    Dataset.from_list(data).to_json(rows)
    with pytest.raises(Refused, match="the rows of --dataset have changed since"):
        run("--max-steps", 4, "--resume")


def strict(line):
    return json.loads(
        line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON")
    )


def test_loss_that_is_not_finite_stops_the_run_and_leaves_what_was_finite(
    run, tmp_path, monkeypatch
):
    made = learners.made

    def poisoned(*arguments):
        learner = made(*arguments)
        calls = []

        def forward(module, given, output):
            calls.append(1)
            output.logits = output.logits * (float("nan") if len(calls) == 6 else 1)

        learner.model.register_forward_hook(forward)
        return learner

    monkeypatch.setattr(learners, "made", poisoned)
    with pytest.raises(Refused) as refused:
        run()
    said = str(refused.value)
    assert "the loss of step 6 is nan: nothing can be learned from here on" in said
    assert (
        "step-000004 is whole" in said and "a lower --learning-rate than 0.0001" in said
    )
    out = tmp_path / "out"
    assert [strict(line)["step"] for line in open(out / "metrics.jsonl")] == [
        1,
        2,
        3,
        4,
        5,
    ]
    assert (
        os.listdir(out / "checkpoints") == ["step-000004"]
        and not (out / "model").exists()
    )
    assert checkpoints.last_whole(out / "checkpoints")


def test_rate_that_is_too_high_never_saves_what_is_no_number(run, tmp_path):
    with pytest.raises(Refused, match="(infinite or nan after|the loss of) step"):
        run("--learning-rate", 1e30, "--warmup-steps", 0, "--epochs", 8)
    out = tmp_path / "out"
    for file in out.glob("checkpoints/step-*/model.safetensors"):
        assert all(torch.isfinite(weight).all() for weight in load_file(file).values())
    assert [strict(line) for line in open(out / "metrics.jsonl")]
    assert not (out / "model").exists()


# What it says


def test_run_says_what_it_trains_on_and_how_good_it_came_out(run, tmp_path, capsys):
    folder = tmp_path / "split"
    folder.mkdir()
    labels = ["good", "bad", "good"] * 10
    texts = [f"{label} film" for label in labels]
    for name, many in (("train", 30), ("validation", 9)):
        data = {"text": texts[:many], "label": labels[:many]}
        Dataset.from_dict(data).to_csv(folder / f"{name}.csv")
    capsys.readouterr()
    out = run("--dataset", folder, "--max-length", 3)
    said = capsys.readouterr().out.splitlines()
    assert said[:6] == [
        "rows       30, and 9 of validation",
        "classes    2: bad 10, good 20",
        "texts      --max-length 3 cuts 100% of 30 looked at, which lose 25% of their tokens;"
        " the longest has 4",
        "steps      6 of 8 rows, 3 in an epoch",
        "checkpoint tiny, 0.2 million weights",
        "running    one process on cpu with 1 thread, precision no",
    ]
    accuracy = lines(out)[-1]["accuracy"]
    assert f"finished after step 6, accuracy {accuracy:.3f}: {out / 'model'}" in said
    assert (
        f"on 9 rows of validation: this model {accuracy:.3f}, always 'good' 0.667, TF-IDF with"
        " logistic regression 1.000"
    ) in said
    right = [line.split(":")[1].split()[0] for line in said if line.startswith("  ")]
    assert sum(map(int, right)) == round(accuracy * 9)
    (last,) = (line for line in said if line.startswith("load it: "))
    import transformers

    (guess,) = eval(last.removeprefix("load it: "), {"transformers": transformers})
    assert guess["label"] in ("bad", "good")


def test_rows_of_one_table_are_held_out_unless_told_otherwise(
    run, rows, tmp_path, capsys
):
    out = run("--validation-share", 0.2, "--epochs", 3, "--dropout", 0.1)
    said = capsys.readouterr().out
    assert "rows       32, and 8 held out (--validation-share)\n" in said
    assert (
        "classes    2: 0 16, 1 16\n" in said and "12 of 8 rows, 4 in an epoch" in said
    )
    rated = [line["accuracy"] for line in lines(out) if "accuracy" in line]
    assert len(rated) == 3 and all(share * 8 % 1 == 0 for share in rated)
    assert (
        f"on 8 rows held out: this model {rated[-1]:.3f}, always '0' 0.500, TF-IDF"
        in said
    )
    before = weights(out)
    shutil.rmtree(out / "checkpoints" / "step-000012")
    shutil.rmtree(out / "model")
    words = ("--epochs", 3, "--dropout", 0.1, "--resume", "--validation-share")
    run(*words, 0.2)
    assert equal(before, weights(out))
    with pytest.raises(Refused, match="validation_share was 0.2 and is 0.0 now"):
        run(*words, 0)
    line = ["--dataset", rows, "--output-dir", tmp_path / "plain"]
    assert train.arguments([str(word) for word in line]).validation_share == 0.2


def test_command_of_the_readme_measures_a_table_of_ones_own(
    tiny, tmp_path, monkeypatch, capsys
):
    readme = (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"-m hf_tutorial\.train (--dataset .*?)`", readme)
    data = table([1, 5] * 30).rename_columns({"text": "body", "label": "stars"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    data.to_csv("my.csv")
    train.main([*line.split(), "--checkpoint", str(tiny), "--max-length", "16"])
    said = capsys.readouterr().out
    assert "classes    2: 1 24, 5 24" in said
    assert re.search(
        r"on 12 rows held out: this model .*, always '1' 0\.500, TF-IDF", said
    )
    assert (tmp_path / "runs/stars/model/README.md").exists()


def test_run_says_what_it_could_not_measure(run, capsys):
    run("--max-steps", 2)
    said = capsys.readouterr().out
    assert "rows       40, none to evaluate on (--validation names a file)" in said
    assert "not evaluated: no rows were held out" in said
    assert "the learning rate still rises at the end: --warmup-steps is 5" in said


def test_stream_that_nobody_has_counted_trains_and_resumes(run, monkeypatch, capsys):
    test_tables.hub.__wrapped__(monkeypatch)
    words = ("--streaming", "--max-steps", 8)
    whole, stopped = run(*words, out="whole"), run(*words, out="stopped")
    assert "rows       a stream that nobody has counted" in capsys.readouterr().out
    shutil.rmtree(stopped / "checkpoints" / "step-000008")
    run(*words, "--resume", out="stopped")
    assert losses(whole) == losses(stopped) and equal(weights(whole), weights(stopped))


def test_no_bar_is_drawn_where_the_output_is_no_terminal(run, capfd):
    run("--max-steps", 2)
    assert "step/s" not in capfd.readouterr().err


# What it survives


@pytest.fixture
def half_way(run):
    """Two runs of 15 steps with dropout: one whole, one of which the end is lost."""
    words = ("--epochs", 3, "--dropout", 0.1)
    whole, stopped = run(*words, out="whole"), run(*words, out="stopped")
    assert equal(weights(whole), weights(stopped))
    shutil.rmtree(stopped / "checkpoints" / "step-000015")
    shutil.rmtree(stopped / "model")
    return words, whole, stopped


def test_resumed_run_ends_with_the_same_weights_and_lines(run, half_way):
    words, whole, stopped = half_way
    with open(stopped / "metrics.jsonl", "a") as file:
        file.write('{"step": 16, "lo')  # killed while writing a line
    (stopped / "checkpoints" / ".step-000015").mkdir()  # and while saving
    run(*words, "--resume", out="stopped")
    assert equal(weights(whole), weights(stopped))
    assert losses(whole) == losses(stopped)
    assert [line["step"] for line in lines(stopped)] == list(range(1, 16))
    assert not list((stopped / "checkpoints").glob(".*"))


@pytest.mark.parametrize("how", [[], ["--streaming"]], ids=["table", "stream"])
def test_run_that_stopped_at_the_end_of_an_epoch_goes_on_with_the_next(run, how):
    words = ("--max-steps", 15, "--save-every", 5, "--dropout", 0.1, *how)
    whole, stopped = run(*words, out="whole"), run(*words, out="stopped")
    shutil.rmtree(stopped / "checkpoints" / "step-000015")
    shutil.rmtree(
        stopped / "model"
    )  # what is left ends with the second epoch of 5 steps
    run(*words, "--resume", out="stopped")
    assert equal(weights(whole), weights(stopped))
    assert losses(whole) == losses(stopped)
    assert [line["epoch"] for line in lines(stopped)] == [0] * 5 + [1] * 5 + [2] * 5


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "model.safetensors").write_bytes(b"half"),
        lambda folder: (folder / "optimizer.bin").unlink(),
        lambda folder: (folder / checkpoints.STATE).write_text("{"),
    ],
    ids=["cut off", "missing", "no progress"],
)
def test_damaged_checkpoint_is_named_and_the_one_before_is_used(
    run, half_way, capsys, damage
):
    words, whole, stopped = half_way
    shutil.copytree(
        stopped / "checkpoints/step-000012", stopped / "checkpoints/step-000013"
    )
    damage(stopped / "checkpoints/step-000013")
    run(*words, "--resume", out="stopped")
    assert "step-000013 is damaged" in capsys.readouterr().out
    assert equal(weights(whole), weights(stopped))


def test_step_of_seven_digits_is_newer_than_one_of_six(tmp_path):
    class Saving:
        is_main_process = True

        def wait_for_everyone(self):
            pass

        def save_state(self, folder):
            (Path(folder) / "state").write_text("whole")

    for step in (999_960, 999_980, 1_000_000):
        checkpoints.save(tmp_path, step, {}, Saving())
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"step-999980", "step-1000000"}
    assert checkpoints.newest(tmp_path) == "step-1000000"
    assert checkpoints.last_whole(tmp_path)[1]["step"] == 1_000_000


def test_finished_run_has_nothing_left_to_do(run):
    out = run()
    before = weights(out)
    run("--resume")
    assert equal(before, weights(out))
    assert [line["step"] for line in lines(out)] == list(range(1, 11))


def fail_the_second_save(monkeypatch, error):
    from accelerate import Accelerator

    saved, save_state = [], Accelerator.save_state

    def full(accelerator, folder, **options):
        save_state(accelerator, folder, **options)
        saved.append(folder)
        if len(saved) == 2:
            raise error

    monkeypatch.setattr(Accelerator, "save_state", full)


@pytest.mark.parametrize(
    ("error", "way_out"),
    [
        (OSError(28, "No space left on device"), "free some space, then --resume"),
        (RuntimeError("PytorchStreamWriter failed"), "free some space, then --resume"),
        (
            RuntimeError("I/O error: ... (os error 28)"),
            "free some space, then --resume",
        ),
        (PermissionError(13, "Permission denied"), "mend that, then --resume"),
    ],
)
def test_disk_that_takes_no_more_leaves_the_last_checkpoint_whole(
    run, monkeypatch, tmp_path, error, way_out
):
    fail_the_second_save(monkeypatch, error)
    with pytest.raises(Refused) as refused:
        run()
    assert "step 8 could not be saved" in str(refused.value)
    assert f"step-000004 is whole: {way_out}" in str(refused.value)
    assert [path.name for path in (tmp_path / "out/checkpoints").iterdir()] == [
        "step-000004"
    ]
    monkeypatch.undo()
    run("--resume")


def test_fault_of_a_program_while_saving_is_not_laid_on_the_disk(
    run, monkeypatch, tmp_path
):
    fail_the_second_save(monkeypatch, KeyError(40))
    with pytest.raises(KeyError, match="40"):
        run()
    assert os.listdir(tmp_path / "out/checkpoints") == ["step-000004"]


def command(tiny, rows, out, *words):
    line = ["--checkpoint", tiny, "--dataset", rows, "--output-dir", out, *QUICK,
            "--epochs", 60, "--dropout", 0.1, *words]  # fmt: skip
    return [str(word) for word in line]


def environment(tmp_path):
    return os.environ | {
        "HF_DATASETS_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
    }


def test_file_that_may_not_grow_is_reported_as_such(tiny, rows, tmp_path):
    """A real limit of the system, on the size of one file, in place of a full disk."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "hf_tutorial.train",
            *command(tiny, rows, tmp_path / "out"),
        ],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500_000,) * 2),
    )
    assert done.returncode == 1
    assert "step 4 could not be saved" in done.stderr, done.stderr
    assert "There is no earlier checkpoint: free some space" in done.stderr
    assert not list((tmp_path / "out/checkpoints").iterdir())


def test_sigterm_saves_and_stops(tiny, rows, tmp_path):
    out = tmp_path / "out"
    training = Training(
        command(tiny, rows, out, "--save-every", 10_000), tmp_path / "cache"
    )
    training.until(lambda: len(lines_so_far(out)) > 3)
    os.kill(training.all[0].pid, signal.SIGTERM)
    assert training.wait() == 128 + signal.SIGTERM
    last = lines(out)[-1]["step"]
    assert [path.name for path in (out / "checkpoints").iterdir()] == [
        f"step-{last:06}"
    ]
    assert f"stopped after step {last}: go on with --resume" in training.said


def lines_so_far(out):
    log = out / "metrics.jsonl"
    return log.read_text().splitlines() if log.exists() else []


def kill_and_resume(tiny, rows, tmp_path, kills, seed, *longer):
    """Kill a run at random moments, resume it each time, and let it end.

    Returns:
        The folder of the run, and how many lines were written at each kill.
    """
    draw, out, at = random.Random(seed), tmp_path / "killed", []
    words = [*longer]
    for _ in range(kills):
        began = len(lines_so_far(out)) if at else 0
        training = Training(command(tiny, rows, out, *words), tmp_path / "cache")
        training.until(lambda began=began: len(lines_so_far(out)) > began)
        time.sleep(draw.uniform(0, 0.6))
        training.kill()
        at.append(len(lines_so_far(out)))
        newest = sorted((out / "checkpoints").glob("step-*"))[-1:]
        if newest:  # killed before the first save: it begins anew
            found = checkpoints.last_whole(out / "checkpoints")
            assert found is not None and found[0] == newest[0]
            words = [*longer, "--resume"]
        else:
            shutil.rmtree(out)
    last = Training(command(tiny, rows, out, *words), tmp_path / "cache")
    assert last.wait() == 0, last.said
    return out, at


def test_killed_three_times_it_ends_with_the_same_weights(tiny, rows, tmp_path):
    whole = Training(command(tiny, rows, tmp_path / "whole"), tmp_path / "cache")
    assert whole.wait() == 0, whole.said
    killed, at = kill_and_resume(tiny, rows, tmp_path, kills=3, seed=0)
    assert equal(weights(tmp_path / "whole"), weights(killed))
    assert losses(tmp_path / "whole") == losses(killed)
    assert len(at) == 3


def test_process_state_is_clean_between_tests():
    assert PartialState._shared_state == {}


@pytest.mark.parametrize(
    ("dataset", "source", "named"),
    [
        (None, "bundled", "the bundled reviews"),
        (None, "hub", "stanfordnlp/imdb"),
        ("somebody/their-reviews", "hub", "somebody/their-reviews"),
        ("table", "bundled", "table"),  # a folder: where it lay is nobody's business
    ],
)
def test_card_names_what_was_learned_from(
    dataset, source, named, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", source)
    (tmp_path / "table").mkdir()
    if dataset == "table":
        dataset = str(tmp_path / "table")
    options = SimpleNamespace(dataset=dataset, output_dir=tmp_path / "out", checkpoint="a/b",
                              batch_size=8, learning_rate=1e-4, max_length=64, seed=0)  # fmt: skip
    run = SimpleNamespace(options=options, steps=3, table=SimpleNamespace(names=["no"]))
    assert f"fine-tuned on {named}: 3 steps" in str(reports.card(run, None))


def test_folder_that_one_stands_in_has_a_name_on_the_card(tmp_path, monkeypatch):
    (tmp_path / "films").mkdir()
    monkeypatch.chdir(tmp_path / "films")
    options = SimpleNamespace(dataset=".", output_dir=Path("."), checkpoint=".",
                              batch_size=8, learning_rate=1e-4, max_length=64, seed=0)  # fmt: skip
    run = SimpleNamespace(options=options, steps=3, table=SimpleNamespace(names=["no"]))
    card = str(reports.card(run, None))
    assert "# films\n\nfilms, fine-tuned on films: 3 steps" in card


def test_other_checkpoint_of_the_same_dot_is_another_run(tmp_path, monkeypatch):
    named = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        options = train.arguments(["--output-dir", "out", "--checkpoint", "."])
        alone = SimpleNamespace(distributed_type=SimpleNamespace(value="NO"))
        rows = SimpleNamespace(names=["no"], digest=lambda: "")
        named.append(train.identified(options, alone, rows)["checkpoint"])
    assert named == ["one", "two"]
