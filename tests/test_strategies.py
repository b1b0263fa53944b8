"""More than one process, run: data parallel, FSDP with our own file, two nodes, streams.

Everything is on the CPU, over gloo; `tests.honour` makes Accelerate keep the plugin that it
would ignore there. DeepSpeed takes minutes and a package of its own: `make drill`.
"""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env
from datasets import Dataset
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import tests.test_train as held
from hf_tutorial import NOTEBOOKS, checkpoints
from tests.processes import Training, free_port, launched, models_at_the_end
from tests.test_train import environment, losses, table, weights

STEPS = 6
WORDS = ["--validation-share", 0, "--max-steps", STEPS, "--save-every", 2, "--batch-size", 8,
         "--max-length", 16, "--learning-rate", 1e-3, "--warmup-steps", 0]  # fmt: skip
CLOSE = 1e-5


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a cache and 48 rows."""
    folder = tmp_path_factory.mktemp("strategies")
    table([n % 2 for n in range(48)]).to_json(folder / "rows.jsonl")
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return held.tiny.__wrapped__(tmp_path_factory)


def start(place, out, *words, **how):
    line = [
        "--dataset",
        place / "rows.jsonl",
        "--output-dir",
        place / out,
        *WORDS,
        *words,
    ]
    return Training(line, place / "cache", **how)


def run(place, out, *words, **how):
    training = start(place, out, *words, **how)
    assert training.wait() == 0, training.said[-3000:]
    return training.said


@pytest.fixture(scope="module")
def one(place):
    """One process trains the default encoder."""
    assert "running    one process on cpu with 1 thread, precision no" in run(
        place, "one"
    )
    return place / "one"


def lines_of(out):
    log = out / "metrics.jsonl"
    return log.read_text().splitlines() if log.exists() else []


def test_fsdp_of_our_file_killed_and_resumed_gives_the_losses_of_one_process(
    place, one
):
    """In two processes with two passes a step; then resumed in two, and in four."""
    fsdp = {"environment": launched("fsdp"), "honour": True}
    words, out = ("--precision", "no", "--accumulate", 2), place / "fsdp"
    training = start(place, "fsdp", *words, count=2, **fsdp)
    training.until(
        lambda: checkpoints.newest(out / "checkpoints") and len(lines_of(out)) > 2
    )
    training.kill()
    assert "running    FSDP2 in 2 processes, each on cpu" in training.said
    assert not (out / "model").exists()
    shutil.copytree(out, place / "four")
    shutil.copytree(out, place / "plain")

    for folder, count in (("fsdp", 2), ("four", 4)):
        said = run(place, folder, *words, "--resume", count=count, **fsdp)
        assert "resumed after step" in said
        assert ("4 process(es) instead of 2" in said) == (count == 4)
        assert losses(place / folder) == pytest.approx(losses(one), abs=CLOSE)
        assert logits(place / folder) == pytest.approx(logits(one), abs=1e-4)

    refused = start(place, "plain", *words, "--resume")
    assert refused.wait() == 1
    assert (
        "state of model and optimizer was 'FSDP2' and is 'whole copies' now"
        in refused.said
    )


def logits(out):
    """What a reader gets who loads the saved model, as flat numbers."""
    model = AutoModelForSequenceClassification.from_pretrained(out / "model")
    tokenizer = AutoTokenizer.from_pretrained(out / "model")
    batch = tokenizer(["a good film", "a dull song"], padding=True, return_tensors="pt")
    assert {weight.dtype for weight in model.state_dict().values()} == {torch.float32}
    with torch.no_grad():
        return model(**batch).logits.flatten().tolist()


def test_fsdp_in_the_precision_of_its_file_logs_and_saves_float32(place, one):
    fsdp = {"environment": launched("fsdp"), "honour": True, "count": 2}
    said = run(place, "bf16", "--save-every", STEPS, **fsdp)
    assert "precision bf16" in said
    # Later, at this rate, bf16 may go other ways than float32, in one process too.
    assert losses(place / "bf16")[:4] == pytest.approx(losses(one)[:4], abs=0.03)
    assert rounded(place / "bf16") == 0
    logits(place / "bf16")


def rounded(out):
    """Count the losses that a bfloat16 could hold."""
    return sum(torch.tensor(loss).bfloat16().item() == loss for loss in losses(out))


@pytest.mark.parametrize("name", ["fsdp", "deepspeed"])
def test_plugin_that_accelerate_would_ignore_is_refused(place, tiny, name, monkeypatch):
    setting = {"fsdp": "ACCELERATE_USE_FSDP", "deepspeed": "ACCELERATE_USE_DEEPSPEED"}[
        name
    ]
    file = launched(name) if name == "fsdp" else {setting: "true"}
    training = start(
        place, f"ignored-{name}", "--checkpoint", tiny, count=1, environment=file
    )
    assert training.wait() == 1
    if name == "fsdp" or "DeepSpeed is not installed" not in training.said:
        assert (
            "was asked for, and Accelerate ignores it here: it would run"
            in training.said
        )
    assert not (place / f"ignored-{name}").exists()


def test_fsdp_that_would_not_train_a_new_head_is_refused(place, tiny):
    file = launched("fsdp") | {"FSDP_CPU_RAM_EFFICIENT_LOADING": "true"}
    training = start(place, "efficient", "--checkpoint", tiny, count=2, environment=file,
                     honour=True)  # fmt: skip
    assert training.wait() == 1
    assert "set fsdp_cpu_ram_efficient_loading to false" in training.said


# Data parallel


def test_dropout_of_two_processes_differs_and_survives_a_kill_bit_for_bit(place, tiny):
    words = (
        "--checkpoint",
        tiny,
        "--dropout",
        0.1,
        "--max-steps",
        400,
        "--save-every",
        10,
    )
    run(place, "left-alone", *words, count=2)
    out = place / "killed"
    training = start(place, "killed", *words, count=2)
    training.until(
        lambda: checkpoints.newest(out / "checkpoints") and len(lines_of(out)) > 15
    )
    training.kill()
    assert len(lines_of(out)) < 400
    path, _ = checkpoints.last_whole(out / "checkpoints")
    states = [torch.load(path / f"random_states_{rank}.pkl", weights_only=False)
              for rank in (0, 1)]  # fmt: skip
    assert not torch.equal(*(state["torch_manual_seed"] for state in states))
    said = run(place, "killed", *words, "--resume", count=2)
    assert "data parallel in 2 processes, each on cpu with 1 thread" in said
    first, second = weights(place / "left-alone"), weights(out)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert losses(place / "left-alone") == losses(out)
    alone = run(
        place, "killed", *words, "--resume"
    )  # a whole copy may move to one process
    assert (
        "1 process(es) instead of 2: the losses go on, dropout is drawn anew" in alone
    )


@pytest.mark.parametrize("count", [1, 2])
def test_stream_longer_than_its_buffer_deals_each_row_once_and_resumes_exactly(
    place, tiny, count
):
    """An epoch of 2,400 rows in three files, of which 1,000 rows are held at once."""
    folder = place / "shards"
    if not folder.exists():
        folder.mkdir()
        rows = table([n % 2 for n in range(2400)])
        for n in range(3):
            rows.shard(3, n).to_parquet(folder / f"train-{n}-of-3.parquet")
    words = ("--dataset", folder, "--checkpoint", tiny, "--streaming", "--max-steps", 300,
             "--save-every", 40)  # fmt: skip
    whole, cut = f"whole-{count}", f"cut-{count}"
    watch = place / f"seen-{count}"
    run(place, whole, *words, count=count, watch=watch)
    batches = [json.loads(line) for line in open(watch)]
    seen = [text for batch in batches if len(batch) == 8 for text in batch]
    assert len(seen) == len({*seen}) == 2400
    assert seen != sorted(seen, key=lambda text: int(text.split()[-1]))

    out = place / cut
    training = start(place, cut, *words, count=count)
    training.until(lambda: len(lines_of(out)) > 130)
    training.kill()
    assert 130 < len(lines_of(out)) < 300
    run(place, cut, *words, "--resume", count=count)
    assert losses(out) == losses(place / whole)
    if count == 2:
        assert losses(out) == pytest.approx(losses(place / "whole-1"), abs=1e-6)


def test_short_last_batch_of_a_stream_is_evaluated_by_two_processes(place, tiny):
    """Accelerate fills it up with rows of the first batch, whose texts are longer here."""
    folder = place / "odd"
    folder.mkdir()
    table([n % 2 for n in range(16)]).to_json(folder / "train.jsonl")
    texts = ["a long text about a film"] * 8 + ["short"] * 3
    held_out = Dataset.from_dict({"text": texts, "label": [n % 2 for n in range(11)]})
    held_out.to_json(folder / "validation.jsonl")
    words = ("--dataset", folder, "--checkpoint", tiny, "--streaming", "--max-steps", 2)
    said = run(place, "odd-held-out", *words, count=2)
    assert "accuracy" in lines_of(place / "odd-held-out")[-1]
    assert "on 11 rows of validation: this model" in said


def test_batch_that_processes_cannot_share_is_refused(place, tiny):
    training = start(place, "nine", "--checkpoint", tiny, "--batch-size", 9, count=2)
    assert training.wait() == 1 and not (place / "nine").exists()
    assert "--batch-size 9 cannot be shared by 2 processes" in training.said
    assert "use a multiple of 2" in training.said


def test_two_processes_of_torchrun_give_the_losses_of_one(tmp_path):
    """With the defaults, encoder and reviews, as the docstring of the script has it.

    Both let the model go before they part (`tests/leaving.py`).
    """
    words = ["--max-steps", "5", "--save-every", "1000", "--output-dir"]
    alone = Training([*words, tmp_path / "one"], tmp_path / "cache")
    assert alone.wait() == 0, alone.said[-2000:]
    line = ["hf_tutorial.train", *words, tmp_path / "two"]
    assert models_at_the_end(line, environment(tmp_path)) == {0}
    assert losses(tmp_path / "two") == pytest.approx(
        losses(tmp_path / "one"), abs=CLOSE
    )
    assert len(losses(tmp_path / "one")) == 5
    one, two = (held.lines(tmp_path / out)[-1]["accuracy"] for out in ("one", "two"))
    assert one == pytest.approx(two, abs=0.02)


def test_two_nodes_of_our_file_are_two_agents_and_give_the_losses_of_one(place, tiny):
    """Both on this machine, with one process instead of four GPUs each."""
    file, port = NOTEBOOKS / "accelerate" / "two_nodes.yaml", free_port()
    line = ["--dataset", place / "rows.jsonl", "--checkpoint", tiny, *WORDS]
    line = [*map(str, line), "--precision", "no", "--output-dir"]
    agents = []
    for rank in (0, 1):
        read, _, _ = _validate_launch_command(launch_command_parser().parse_args(
            ["--config_file", str(file), "--machine_rank", str(rank), "--num_processes", "2",
             "--main_process_ip", "127.0.0.1", "--main_process_port", str(port), "x.py"]
        ))  # fmt: skip
        given = prepare_multi_gpu_env(read)
        assert (read.nnodes, read.nproc_per_node, read.rdzv_backend) == (
            "2",
            "1",
            "static",
        )
        agents.append(subprocess.Popen(
            [sys.executable, "-m", "torch.distributed.run", "--nnodes", read.nnodes,
             "--nproc_per_node", read.nproc_per_node, "--node_rank", str(read.node_rank),
             "--rdzv_backend", read.rdzv_backend, "--rdzv_endpoint", read.rdzv_endpoint,
             "-m", "hf_tutorial.train", *line, place / "nodes"],
            env=given | environment(place), stdout=open(place / f"node-{rank}", "w"),
            stderr=subprocess.STDOUT,
        ))  # fmt: skip
    for agent in agents:
        agent.wait(timeout=240)
    said = [(place / f"node-{rank}").read_text() for rank in (0, 1)]
    assert (place / "nodes/model/README.md").exists(), said
    assert "data parallel in 2 processes" in said[0] and "data parallel" not in said[1]
    run(place, "no-nodes", "--checkpoint", tiny)
    assert losses(place / "nodes") == pytest.approx(
        losses(place / "no-nodes"), abs=CLOSE
    )
    assert {*load_file(place / "nodes/model/model.safetensors")} == {
        *weights(place / "no-nodes")
    }
    assert (
        json.loads((place / "nodes/model/config.json").read_text())["dtype"]
        == "float32"
    )


def test_the_model_is_gone_before_stopped_processes_part(place, tiny):
    line = ["--dataset", place / "rows.jsonl", "--checkpoint", tiny, *WORDS]
    line += ["--output-dir", place / "parted"]
    program = ["--stop", "hf_tutorial.train"]
    assert models_at_the_end([*program, *line], environment(place)) == {0}
