"""The training script: what it writes, what it refuses, and how it survives being killed."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

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

from hf_tutorial import checkpoints, sources, train
from hf_tutorial.refused import Refused

QUICK = ["--max-length", "16", "--batch-size", "8", "--save-every", "4"]


@pytest.fixture(autouse=True)
def fresh_process():
    """Accelerate keeps its state in the class: each run here begins without one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)
    torch.set_num_threads(threads)
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
        (["--text-column", "body"], "no column 'body': the columns are text, label"),
        (["--label-column", "stars"], "no column 'stars': the columns are text, label"),
        (["--dataset", "no/such"], "--dataset no/such: "),
        (["--checkpoint", "no/such"], "--checkpoint no/such: "),
        (["--batch-size", "9", "--accumulate", "2"], "use a multiple of 2"),
        (["--batch-size", "64"], "40 rows are fewer than one batch of 64"),
        (["--precision", "fp16"], "fp16 needs a GPU: use bf16 or no on a CPU"),
        (["--resume"], "no whole checkpoint in"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_the_way_out(run, words, message):
    with pytest.raises(Refused) as refused:
        run(*words)
    assert message in str(refused.value)


def test_stream_shorter_than_a_batch_is_refused(run):
    with pytest.raises(Refused, match="40 rows are fewer than one batch of 64"):
        run("--streaming", "--max-steps", 2, "--batch-size", 64)


@pytest.mark.parametrize("word", ["--epochs", "--batch-size", "--save-every"])
def test_counts_below_one_are_refused(run, capsys, word):
    with pytest.raises(SystemExit):
        run(word, "0")
    assert f"{word} is 0: use 1 or more" in capsys.readouterr().err


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


def test_finished_run_has_nothing_left_to_do(run):
    out = run()
    before = weights(out)
    run("--resume")
    assert equal(before, weights(out))
    assert [line["step"] for line in lines(out)] == list(range(1, 11))


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        RuntimeError("PytorchStreamWriter failed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_full_disk_leaves_the_last_checkpoint_whole(run, monkeypatch, tmp_path, error):
    from accelerate import Accelerator

    saved, save_state = [], Accelerator.save_state

    def full(accelerator, folder, **options):
        save_state(accelerator, folder, **options)
        saved.append(folder)
        if len(saved) == 2:
            raise error

    monkeypatch.setattr(Accelerator, "save_state", full)
    with pytest.raises(Refused) as refused:
        run()
    assert "step 8 could not be saved" in str(refused.value)
    assert "step-000004 is whole: free some space, then --resume" in str(refused.value)
    assert [path.name for path in (tmp_path / "out/checkpoints").iterdir()] == [
        "step-000004"
    ]
    monkeypatch.undo()
    run("--resume")


def command(tiny, rows, out, *words, launcher=("-m", "hf_tutorial.train")):
    line = [sys.executable, *launcher, "--checkpoint", tiny, "--dataset", rows,
            "--output-dir", out, *QUICK, "--epochs", 60, "--dropout", 0.1, *words]  # fmt: skip
    return [str(word) for word in line]


def environment(tmp_path):
    return os.environ | {
        "HF_DATASETS_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
    }


def until(condition, process, seconds=60):
    for _ in range(seconds * 100):
        if condition() or process.poll() is not None:
            return
        time.sleep(0.01)
    raise TimeoutError


def test_file_that_may_not_grow_is_reported_as_such(tiny, rows, tmp_path):
    """A real limit of the system, on the size of one file, in place of a full disk."""
    done = subprocess.run(
        command(tiny, rows, tmp_path / "out"),
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500_000,) * 2),
    )
    assert done.returncode == 1
    assert "step 4 could not be saved" in done.stderr, done.stderr
    assert "There is no earlier checkpoint" in done.stderr
    assert not list((tmp_path / "out/checkpoints").iterdir())


def test_sigterm_saves_and_stops(tiny, rows, tmp_path):
    out = tmp_path / "out"
    process = subprocess.Popen(
        command(tiny, rows, out, "--save-every", 10_000), env=environment(tmp_path)
    )
    until((out / "metrics.jsonl").exists, process)
    until(lambda: len(lines_so_far(out)) > 3, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    last = lines(out)[-1]["step"]
    assert [path.name for path in (out / "checkpoints").iterdir()] == [
        f"step-{last:06}"
    ]


def lines_so_far(out):
    return (out / "metrics.jsonl").read_text().splitlines()


def kill_and_resume(tiny, rows, tmp_path, kills, seed, *longer):
    """Kill a run at random moments, resume it each time, and let it end.

    Returns:
        The folder, and at which steps it was killed.
    """
    draw, out, at = random.Random(seed), tmp_path / "killed", []
    words = [*longer]
    for _ in range(kills):
        began = len(lines_so_far(out)) if at else 0
        process = subprocess.Popen(
            command(tiny, rows, out, *words), env=environment(tmp_path),
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        until((out / "metrics.jsonl").exists, process)
        until(lambda began=began: len(lines_so_far(out)) > began, process)
        time.sleep(draw.uniform(0, 0.6))
        process.kill()
        process.wait()
        at.append(len(lines_so_far(out)))
        newest = sorted((out / "checkpoints").glob("step-*"))[-1:]
        if newest:  # killed before the first save: it begins anew
            found = checkpoints.last_whole(out / "checkpoints")
            assert found is not None and found[0] == newest[0]
            words = [*longer, "--resume"]
        else:
            shutil.rmtree(out)
    subprocess.run(command(tiny, rows, out, *words), env=environment(tmp_path),
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    return out, at


def test_killed_three_times_it_ends_with_the_same_weights(tiny, rows, tmp_path):
    subprocess.run(command(tiny, rows, tmp_path / "whole"), env=environment(tmp_path),
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    killed, at = kill_and_resume(tiny, rows, tmp_path, kills=3, seed=0)
    assert equal(weights(tmp_path / "whole"), weights(killed))
    assert losses(tmp_path / "whole") == losses(killed)
    assert len(at) == 3


def test_batch_that_processes_cannot_share_is_refused(tiny, rows, tmp_path):
    out = tmp_path / "out"
    launcher = ("-m", "torch.distributed.run", "--nproc_per_node", "2",
                "-m", "hf_tutorial.train")  # fmt: skip
    line = command(tiny, rows, out, "--batch-size", 9, launcher=launcher)
    done = subprocess.run(
        line, env=environment(tmp_path), capture_output=True, text=True
    )
    assert done.returncode != 0 and not out.exists()
    assert "--batch-size 9 cannot be shared by 2 processes" in done.stderr
    assert "use a multiple of 2" in done.stderr


def test_two_processes_give_the_losses_of_one(tmp_path, monkeypatch):
    """With the defaults, encoder and reviews, as the docstring of the script has it."""
    words = ["--max-steps", "20", "--save-every", "1000", "--output-dir"]
    for count, out in ((1, "one"), (2, "two")):
        launcher = ["-m", "torch.distributed.run", "--nproc_per_node", str(count)]
        done = subprocess.run(
            [sys.executable, *launcher, "-m", "hf_tutorial.train", *words, tmp_path / out],
            env=environment(tmp_path), capture_output=True, text=True,
        )  # fmt: skip
        # A process may die at its exit, after all is written: judge by what is there.
        assert (tmp_path / out / "model" / "README.md").exists(), done.stderr[-2000:]
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-4)
    assert len(losses(tmp_path / "one")) == 20
    one, two = lines(tmp_path / "one")[-1], lines(tmp_path / "two")[-1]
    assert one["accuracy"] == pytest.approx(two["accuracy"], abs=0.02)


def test_process_state_is_clean_between_tests():
    assert PartialState._shared_state == {}
