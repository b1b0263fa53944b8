"""What a reader sees of a Hub that fails, and what roles are fetched from one that does not."""

import errno
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hf_tutorial import NOTEBOOKS, sources
from tests import failing, published, tiny
from tests.loopback import Hub, hanging_up, nobody, ran

REPOSITORY = "distilbert/distilbert-base-cased"
OUT = "restart the kernel without HF_TUTORIAL_SOURCE=hub"  # of most
# failure: what the sentence says happened, and the way out
SENTENCES = {
    "hang": ("does not answer within 1 s", "HF_HUB_DOWNLOAD_TIMEOUT sets the seconds"),
    "hang body": ("does not answer within 1 s", "try again later"),
    "401": ("has no {name}, or it is private", "auth login`"),
    "403": (
        "{name} is given to those only whom its owners have let in",
        "ask for access at",
    ),
    "404": ("has no {name}, or it is private", "mend the name"),
    "429": ("too many requests from here (429)", "try again in some minutes"),
    "429 with a time": ("too many requests from here (429)", "try again in 120 s"),
    "429 with a limit": ("too many requests from here (429)", "try again in 55 s"),
    "500": ("has a fault of its own (500)", "try again in some minutes"),
    "cut": ("was cut off in the middle of an answer", "nothing half-written is kept"),
    "refused": ("cannot be reached (Connection refused)", "connect to the network"),
}
# How often a request hangs, for the time-out of ten seconds that a reader has.
HANGS = {"hang": 1, "hang body": 2}


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    """All failures and calls, in one process; its results."""
    folder = tmp_path_factory.mktemp("failing")
    environment = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("HF_", "TRANSFORMERS_"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.failing", str(folder)], cwd=NOTEBOOKS.parent,
        env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    results = json.loads(done.stdout[done.stdout.index("\n{") :])
    return results | {"folder": folder}


@pytest.mark.parametrize("call", failing.CELLS)
@pytest.mark.parametrize("failure", SENTENCES)
def test_failure_ends_a_cell_soon_in_one_sentence_with_the_way_out(
    trials, failure, call
):
    found = trials[f"{failure}, {call}, failing"]
    owner = "owner" if call == "role" else "reader"
    name = f"{owner}/{failure.replace(' ', '-')}"
    happened, way_out = (part.format(name=name) for part in SENTENCES[failure])
    assert not found["worked"]
    assert (
        happened in found["said"] and way_out in found["said"] and OUT in found["said"]
    )
    assert found["said"].count(": ") <= 3 and ". " not in found["said"]
    assert (
        "Error" in found["said"].split(": ")[0]
        or "GivenUp" in found["said"].split(": ")[0]
    )
    # A line for each line of the reader's, and the sentence: no library's own frames.
    assert found["lines"] <= 3
    assert "Retrying" not in found["warned"] and "thrown while" not in found["warned"]
    assert found["seconds"] < 30
    at_once = 5 if call == "role" else 1  # files
    assert found["failed"] <= HANGS.get(failure, 100) * at_once


def test_hub_that_hangs_ends_evaluate_soon_in_the_same_sentence(trials):
    found = trials["hang, metric, failing"]
    assert not found["worked"] and found["seconds"] < 30
    assert SENTENCES["hang"][0] in found["said"] and OUT in found["said"]
    assert found["failed"] <= 6  # a second each; without a limit it is 250 s


@pytest.mark.parametrize("option", ["--checkpoint", "--dataset", "roles"])
@pytest.mark.parametrize("failure", ["500", "404", "hang body"])
def test_failure_ends_a_training_in_the_same_sentence(trials, failure, option):
    found = trials[f"{failure}, {option}, failing"]
    owner = "owner" if option == "roles" else "reader"
    name = f"{owner}/{failure.replace(' ', '-')}"
    begin = "" if option == "roles" else f"{option} {name}: "
    assert found["said"].startswith(begin)
    assert SENTENCES[failure][0].format(name=name) in found["said"]
    assert "\n" not in found["said"] and found["seconds"] < 30


@pytest.mark.parametrize("call", failing.CELLS)
@pytest.mark.parametrize(
    "failure",
    [*(f for f in failing.FAILURES if f != "wrong bytes"), "full disk", "closed cache"],
)
def test_nothing_half_written_is_taken_for_whole_afterwards(trials, failure, call):
    assert trials[f"{failure}, {call}, afterwards"]["worked"]
    assert trials["left"] == []


@pytest.mark.parametrize("call", failing.CELLS)
def test_download_that_is_cut_off_once_goes_on_in_the_cell(trials, call):
    assert trials[f"cut once, {call}, failing"]["worked"]


@pytest.mark.parametrize("call", ["model", "dataset", "role"])
def test_full_disk_and_closed_cache_are_named(trials, call):
    full = trials[f"full disk, {call}, failing"]["said"]
    assert "the disk is full, or a file may not grow that large" in full
    assert "cache ls` shows what lies there" in full and "HF_HOME" in full
    closed = trials[f"closed cache, {call}, failing"]["said"]
    assert "the cache cannot be written (Read-only file system: " in closed
    assert "set HF_HOME to a folder that can be written" in closed


@pytest.mark.parametrize("call", ["model", "role"])
def test_damaged_file_of_the_cache_is_named_with_the_command_that_removes_it(
    trials, call
):
    said = trials[f"damaged, {call}, failing"]["said"]
    owner = "owner" if call == "role" else "reader"
    assert "model.safetensors in the cache is damaged: remove it with" in said
    assert f"hf cache rm model/{owner}/damaged -y` and try again" in said


def test_command_that_removes_a_damaged_repository_removes_it(trials):
    said = trials["damaged, model, failing"]["said"]
    command = said.split("`")[1]
    cache = trials["folder"] / "home"
    assert [*cache.glob("hub/models--reader--damaged/blobs/*")]
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60,
                          cwd=NOTEBOOKS.parent, env={**os.environ, "HF_HOME": str(cache)})  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not [*cache.glob("hub/models--reader--damaged")]


def test_bytes_that_are_not_the_hubs_are_deleted_from_what_a_role_fetched(trials):
    said = trials["wrong bytes, role, failing"]["said"]
    assert "of owner/wrong-bytes came damaged from the Hub and was deleted" in said
    assert trials["wrong bytes, role, afterwards"]["worked"]


@pytest.mark.parametrize("call", ["model", "tokenizer", "dataset"])
def test_bytes_that_are_not_the_hubs_are_named_where_they_are_read(trials, call):
    kind = "dataset" if call == "dataset" else "model"
    said = trials[f"wrong bytes, {call}, failing"]["said"]
    assert (
        "in the cache is damaged" in said
        and f"rm {kind}/reader/wrong-bytes -y`" in said
    )


@pytest.mark.parametrize("call", failing.CELLS)
def test_without_a_hub_what_was_downloaded_before_is_used_and_that_is_said_in_one_line(
    trials, call
):
    found = trials[f"refused cached, {call}, failing"]
    assert found["worked"] and found["seconds"] < 30
    assert found["warned"].strip().splitlines()[-1:] == [
        "The Hub (127.0.0.1) cannot be reached (Connection refused): this cell did with what was "
        "downloaded before."
    ]
    assert len(found["warned"].strip().splitlines()) == 1


# A name server that never answers. In namespaces of its own a program may have one without root.
NAMELESS = """
import pathlib, socket, subprocess, sys
subprocess.run(["mount", "--bind", sys.argv[1], "/etc/resolv.conf"], check=True)
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 53))
from hf_tutorial import sources
from hf_tutorial.hub import failures
try:
    sources.checkpoint("encoder")
except Exception as error:
    print(failures.sentence(error))
"""
ALONE = ["unshare", "--map-root-user", "--mount", "--net"]


def test_name_server_that_hangs_ends_soon_in_one_sentence(tmp_path):
    if not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("namespaces need Linux's unshare and ip")
    if subprocess.run([*ALONE, "true"], capture_output=True).returncode:
        pytest.skip("this machine gives no namespaces to its users")
    servers = tmp_path / "resolv.conf"
    servers.write_text("nameserver 127.0.0.1\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    environment |= {"HF_TUTORIAL_SOURCE": "hub", "HF_HOME": str(tmp_path / "home")}
    begin = time.monotonic()
    done = subprocess.run(
        [*ALONE, sys.executable, "-c", NAMELESS, str(servers)], env=environment,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "the Hub (huggingface.co) cannot be reached" in done.stdout, done.stderr
    assert "connect to the network" in done.stdout and OUT not in done.stderr
    assert time.monotonic() - begin < 30


@pytest.fixture
def impatient(hub, monkeypatch):
    """A client that gives up at the first failure, and what it remembers."""
    from hf_tutorial.hub import patience

    monkeypatch.setattr(patience, "TROUBLE", 0)
    monkeypatch.setattr(patience, "TROUBLES", patience.Trouble())
    monkeypatch.setattr(patience.constants, "ENDPOINT", hub.address)
    with patience.Patient(follow_redirects=True) as client:
        yield lambda: client.get(f"{hub.address}/api/models/{REPOSITORY}"), patience


BOTH = """
from types import SimpleNamespace
from hf_tutorial import train
from hf_tutorial.hub import __main__ as filling
try:
    train.bundled(SimpleNamespace(checkpoint=None, dataset=None))
except SystemExit as refused:
    print(refused)
print(filling.main())
"""


def test_hub_that_hangs_up_ends_a_training_and_a_fetching_in_a_sentence(tmp_path):
    with hanging_up() as address, Hub() as other:
        environment = other.environment(tmp_path, HF_TUTORIAL_SOURCE="hub")
        done = ran(BOTH, environment | {"HF_ENDPOINT": address})
    sentence = "Hub (127.0.0.1) was cut off in the middle of an answer: try again"
    assert done.returncode == 0, done.stderr
    assert f"the {sentence}" in done.stdout and done.stdout.endswith("\n1\n")
    assert f"The {sentence}" in done.stderr and "Traceback" not in done.stderr


def test_nothing_is_asked_again_once_the_hub_was_given_up_until_that_is_forgotten(
    impatient, hub, monkeypatch
):
    ask, patience = impatient
    hub.fail(500, times=1)
    with pytest.raises(patience.httpx.HTTPError):
        ask()
    with pytest.raises(patience.GivenUp):
        ask()
    assert len(hub.requests) == 1
    monkeypatch.setattr(patience, "FORGOTTEN", 0)
    assert ask().status_code == 200 and patience.TROUBLES.latest is None


def test_training_that_has_begun_waits_for_as_long_as_the_libraries_do(impatient, hub):
    ask, patience = impatient
    patience.wait_as_usual()
    hub.fail(429, times=3, headers={"Retry-After": "120"})
    # The answers reach the library, which tries again and waits as it is told.
    assert [ask().status_code for _ in range(4)] == [429, 429, 429, 200]


def test_failure_of_another_host_is_not_laid_on_the_hub(impatient, hub):
    ask, patience = impatient
    with pytest.raises(patience.httpx.TransportError), patience.Patient() as client:
        client.head(f"{nobody().replace('127.0.0.1', 'localhost')}/datasets/csv/csv.py")
    assert patience.TROUBLES.latest is None
    assert ask().status_code == 200


def test_what_is_sent_may_take_its_time(impatient, hub):
    _, patience = impatient
    for method, path, limited in (
        ("GET", "/x", True),
        ("POST", "/api/models/a/b/paths-info/main", True),
        ("POST", "/api/models/a/b/commit/main", False),
        ("PUT", "/store/1", False),
    ):
        request = patience.httpx.Request(method, hub.address + path)
        patience._limit(request)
        assert ("timeout" in request.extensions) == limited
    request = patience.httpx.Request(
        "GET", hub.address, extensions={"timeout": {"read": 2}}
    )
    patience._limit(request)
    assert request.extensions["timeout"] == {
        "connect": 10,
        "read": 2,
        "write": 10,
        "pool": 10,
    }


# What a role is


ROLE = """
import json, sys
from hf_tutorial import sources
sources.REVISIONS.update(json.loads(sys.argv[1]))
print(json.dumps([sources.checkpoint("encoder"), sources.dataset("paraphrases"),
                  sources.metric("accuracy")]))
"""


@pytest.fixture
def hub():
    with Hub() as server:
        more = {
            "tf_model.h5": b"no",
            "pytorch_model.bin": b"no",
            "onnx/config.json": b"no",
        }
        server.add(REPOSITORY, tiny.model() | more)
        server.add("nyu-mll/glue", published.glue(), "dataset")
        server.add("evaluate-metric/accuracy", tiny.metric(), "space")
        yield server


def roles(hub, home, revisions=None):
    environment = hub.environment(home, HF_TUTORIAL_SOURCE="hub")
    done = ran(ROLE, environment, json.dumps(revisions or {}))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_role_is_a_folder_with_the_files_that_are_read_and_no_others(hub, tmp_path):
    (encoder, (pairs,), (metric,)), said = roles(hub, tmp_path)
    assert {file.name for file in Path(encoder).iterdir()} == {*tiny.model()}
    assert sources.name_of(encoder) == REPOSITORY
    assert Path(pairs).name == "mrpc"
    assert {file.name for file in Path(pairs).iterdir()} == {
        "train.parquet", "validation.parquet", "test.parquet"}  # fmt: skip
    asked = [path for _, path, *_ in hub.requests if "/nyu-mll/glue/resolve/" in path]
    assert asked and all("/mrpc/" in path for path in asked)
    assert Path(metric).read_bytes() == tiny.METRIC.encode()
    # One line before each download says what and how much.
    size = -(-sum(map(len, tiny.model().values())) // 1000)
    begin, end = (
        f"Fetching {REPOSITORY}, 5 files, {size} kB, from the Hub to ",
        "/hub, once.",
    )
    lines = said.splitlines()
    assert [line for line in lines if line.startswith(begin) and line.endswith(end)]
    assert lines.index(next(line for line in lines if line.startswith(begin))) == min(
        n for n, line in enumerate(lines) if line.startswith("Fetching")
    )
    assert len([line for line in lines if "once." in line]) == 3
    # Bars on stderr, so that the page can show that something happens.
    assert "100%" in said


def test_what_lies_there_is_not_announced_nor_fetched_again(hub, tmp_path):
    first, _ = roles(hub, tmp_path)
    before = len(hub.requests)
    second, said = roles(hub, tmp_path)
    assert second == first and said == ""
    assert not [path for _, path, *_ in hub.requests[before:] if "/resolve/" in path]


def test_role_is_taken_at_its_pinned_commit_and_then_without_any_request(hub, tmp_path):
    pinned = hub.repositories["model", REPOSITORY].revisions[0].sha
    newer = hub.add(REPOSITORY, tiny.model() | {"config.json": "{}"})
    commits = {REPOSITORY: pinned} | {
        name: repository.revisions[0].sha
        for (_, name), repository in hub.repositories.items()
        if name != REPOSITORY
    }
    (encoder, *_), _ = roles(hub, tmp_path, commits)
    assert Path(encoder).name == pinned
    assert (
        json.loads((Path(encoder) / "config.json").read_text())["model_type"] == "bert"
    )
    (unpinned, *_), _ = roles(hub, tmp_path / "other")
    assert Path(unpinned).name == newer
    before = len(hub.requests)
    (again, *_), _ = roles(hub, tmp_path, commits)
    asked = [path for _, path, *_ in hub.requests[before:] if "agent" not in path]
    assert again == encoder and asked == []


def test_only_a_commit_is_a_pin(monkeypatch):
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", "hub")
    monkeypatch.setitem(sources.REVISIONS, REPOSITORY, "main")
    with pytest.raises(ValueError, match="'main' is no commit of 40 digits"):
        sources.checkpoint("encoder")


# The sentences, of errors that no server makes


@pytest.fixture
def failures():
    from hf_tutorial.hub import failures

    return failures


def test_error_that_is_not_of_the_hub_keeps_its_own_words(failures, tmp_path):
    with pytest.raises(FileNotFoundError) as missing:
        open(tmp_path / "my.csv")
    for error in (
        missing.value,
        ValueError("a bad value"),
        PermissionError(13, "no", "/my/file"),
    ):
        assert failures.sentence(error) is None


def test_failure_of_the_hub_is_not_blamed_for_a_file_of_the_readers(
    failures, tmp_path, monkeypatch
):
    from hf_tutorial.hub import patience

    monkeypatch.setattr(
        patience.TROUBLES, "latest", failures.httpx.ConnectError("refused")
    )
    with pytest.raises(FileNotFoundError) as missing:
        open(tmp_path / "my.csv")
    assert failures.sentence(missing.value) is None
    assert "cannot be reached" in failures.sentence(OSError("We couldn't connect"))


def test_full_disk_elsewhere_is_not_put_down_to_the_cache(failures, tmp_path):
    error = OSError(
        errno.ENOSPC, "No space left on device", str(tmp_path / "run" / "model")
    )
    assert failures.sentence(error) is None


def test_cache_with_a_variable_of_its_own_is_moved_by_that(failures, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", "/closed/hub")
    monkeypatch.setenv("HF_HOME", "/home")
    monkeypatch.delenv("HF_DATASETS_CACHE", raising=False)
    for where, variable in (
        ("/closed/hub/models--a--b", "HF_HUB_CACHE"),
        ("/home/datasets/a", "HF_HOME"),
    ):
        error = OSError(errno.EROFS, "Read-only file system", where)
        assert f": set {variable} to a folder that can be" in failures.sentence(error)
    full = OSError(errno.ENOSPC, "No space left on device")
    assert "or set HF_HUB_CACHE to a folder on a larger" in failures.sentence(full)


@pytest.mark.parametrize(
    "set_to, named",
    [
        ({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}, "HF_HUB_OFFLINE"),
        ({"TRANSFORMERS_OFFLINE": "yes"}, "TRANSFORMERS_OFFLINE"),
    ],
)
def test_variable_that_keeps_the_hub_away_is_the_one_that_is_named(
    failures, monkeypatch, set_to, named
):
    for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.setenv(variable, set_to.get(variable, ""))
    monkeypatch.setattr(failures.constants, "HF_HUB_OFFLINE", True)
    error = failures.OfflineModeIsEnabled("offline")
    assert failures.sentence(error).startswith(f"{named} is set, and what")


def test_metric_that_evaluate_could_not_get_is_named(failures):
    error = FileNotFoundError(
        "Couldn't find a module script at /x/f1.py. Module 'f1' doesn't exist on the Hugging Face "
        "Hub either."
    )
    assert "'f1' could not be had from the Hub" in failures.sentence(error)
    assert "doctor" in failures.sentence(error)


def test_token_is_in_no_sentence(failures, hub, monkeypatch):
    import huggingface_hub
    from huggingface_hub import HfApi

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    hub.fail(401, sentence="Invalid credentials in Authorization header")
    monkeypatch.setenv("HF_TOKEN", "hf_thisTokenIsFake")
    with pytest.raises(huggingface_hub.errors.HfHubHTTPError) as refused:
        HfApi(endpoint=hub.address).model_info(REPOSITORY)
    said = failures.sentence(refused.value)
    assert "does not take your token" in said and "hf_thisTokenIsFake" not in said


def test_evaluate_still_says_what_the_sentence_is_recognized_by():
    folder = Path(importlib.util.find_spec("evaluate").origin).parent
    assert (
        "doesn't exist on the Hugging Face Hub either"
        in (folder / "loading.py").read_text()
    )
