"""A Hub behind a proxy, and machines without one: what is found there, and what is said."""

import json
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from hf_tutorial import NOTEBOOKS, caches, sources
from hf_tutorial.hub import preparing
from tests import guards, published, tiny
from tests.loopback import Hub, hanging_up, nobody, ran

TOKEN = "hf_thisTokenIsFake"


# A room: the cache is filled once, copied, and read without a network


@pytest.fixture(scope="module")
def hub():
    with Hub() as server:
        for _, name in sources.CHECKPOINTS.values():
            server.add(name, tiny.model())
        for name, files in published.datasets().items():
            server.add(name, files, "dataset")
        for name, files in published.metrics().items():
            server.add(name, files, "space")
        yield server


@pytest.fixture(scope="module")
def filled(hub, tmp_path_factory):
    """A cache that was filled by the command, and what that said."""
    home = tmp_path_factory.mktemp("filled")
    return home, ran(["-m", "hf_tutorial.hub"], hub.environment(home))


def test_one_command_fetches_what_every_role_needs_and_says_how_much(filled):
    home, done = filled
    assert done.returncode == 0, done.stderr
    tables = (sources.CHECKPOINTS, sources.DATASETS, sources.METRICS)
    names = {entry[1] for table in tables for entry in table.values()}
    for name in names:
        assert f"Fetching {name}, " in done.stderr
    assert done.stdout.startswith(
        f"All that the notebooks ask the Hub for is in {home}/hub ("
    )
    assert done.stdout.endswith(" MB).\n") and len(done.stdout.splitlines()) == 1


def test_size_is_that_of_what_was_asked_for(filled, tmp_path, monkeypatch, capsys):
    from hf_tutorial.hub import __main__ as filling

    copy = tmp_path / "elsewhere"
    shutil.copytree(filled[0], copy, symlinks=True)
    other = copy / "hub/models--reader--other/snapshots" / ("0" * 40)
    other.mkdir(parents=True)
    with open(other / "model.safetensors", "wb") as weights:
        weights.truncate(10**9)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", f"{copy}/hub")
    assert filling.report([], []) == 0
    size = filled[1].stdout.rpartition("(")[2]
    assert capsys.readouterr().out.endswith(f"({size}")


ROLES = """
import json
from hf_tutorial import sources
from datasets import load_dataset
print(json.dumps([*map(sources.checkpoint, sources.CHECKPOINTS),
                  *(sources.dataset(role)[0] for role in sources.DATASETS)]))
assert load_dataset(*sources.dataset("reviews"))["train"].num_rows == 600
"""


def test_copied_cache_serves_every_role_offline_and_what_it_lacks_is_named(
    hub, filled, tmp_path
):
    copy = tmp_path / "elsewhere"
    shutil.copytree(filled[0], copy, symlinks=True)
    made = {*(copy / "datasets/hf_tutorial").glob("*/*")}
    assert len(made) == len(sources.DATASETS)
    before = len(hub.requests)
    offline = hub.environment(copy, HF_HUB_OFFLINE="1", HF_TUTORIAL_SOURCE="hub")
    done = ran(ROLES, offline)
    assert done.returncode == 0, done.stderr
    places = [Path(place) for place in json.loads(done.stdout)]
    assert all(place.is_relative_to(copy) for place in places)
    # Nothing is drawn a second time because the cache has moved.
    assert {*(copy / "datasets/hf_tutorial").glob("*/*")} == made <= {*places}
    shutil.rmtree(copy / "hub/models--distilbert--distilgpt2")
    lacking = ran(["-m", "hf_tutorial.hub"], offline)
    assert lacking.returncode == 1 and lacking.stdout == ""
    assert lacking.stderr.splitlines() == [
        f"Not in {copy}/hub: distilbert/distilgpt2.",
        "HF_HUB_OFFLINE is set, and what is asked for was not downloaded before: unset it and "
        "start again.",
    ]
    assert len(hub.requests) == before


def test_hub_that_hangs_up_is_not_needed_where_all_was_fetched_before(hub, filled):
    with hanging_up() as address:
        environment = hub.environment(filled[0]) | {"HF_ENDPOINT": address}
        done = ran(["-m", "hf_tutorial.hub"], environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == filled[1].stdout


def test_model_of_which_a_part_was_downloaded_is_not_taken_for_whole_offline(
    hub, filled, tmp_path
):
    """A file that was read by its name leaves no list of the others."""
    copy = tmp_path / "elsewhere"
    shutil.copytree(filled[0], copy, symlinks=True)
    model = copy / "hub/models--distilbert--distilgpt2"
    shutil.rmtree(model / "trees")
    (weights,) = model.glob("snapshots/*/model.safetensors")
    weights.unlink()
    done = ran(["-m", "hf_tutorial.hub"], hub.environment(copy, HF_HUB_OFFLINE="1"))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"Not in {copy}/hub: distilbert/distilgpt2.\n")
    assert "was downloaded in part: *.safetensors is not in" in done.stderr


def test_stopped_by_hand_it_says_that_the_same_command_goes_on(monkeypatch, capsys):
    from hf_tutorial.hub import __main__ as filling

    def stop(role):
        raise KeyboardInterrupt

    monkeypatch.setenv("HF_TUTORIAL_SOURCE", "bundled")
    for name in filling.SETTINGS:
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(sources, "checkpoint", stop)
    assert filling.main() == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_prepared_dataset_is_found_in_a_cache_that_cannot_be_written(
    filled, tmp_path, monkeypatch
):
    home = filled[0]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", f"{home}/hub")
    # What start() puts in the place of a cache that is closed.
    monkeypatch.setattr(caches, "folders", lambda: {"HF_DATASETS_CACHE": tmp_path})
    monkeypatch.setattr(caches, "home", lambda: home)
    (files,) = home.glob("hub/datasets--nyu-mll--glue/snapshots/*/mrpc")
    found = preparing.prepared("paraphrases", files, "mrpc")
    assert Path(found).is_relative_to(home / "datasets")
    assert not [*tmp_path.iterdir()]


# The plain calls of the pages

CALLS = {  # what the public datasets have, as the pages tell of them
    ("stanfordnlp/imdb",): ({"train", "test", "unsupervised"}, {"text", "label"}),
    ("nyu-mll/glue", "mrpc"): (
        {"train", "validation", "test"}, {"sentence1", "sentence2", "label", "idx"}),
    ("Salesforce/wikitext", "wikitext-2-raw-v1"): (
        {"train", "validation", "test"}, {"text"}),
    ("zeroshot/twitter-financial-news-topic",): ({"train", "validation"}, {"text", "label"}),
    ("HuggingFaceH4/no_robots",): (
        {"train", "test"}, {"prompt", "prompt_id", "messages", "category"}),
}  # fmt: skip
PLAIN = """
import json, sys
from datasets import load_dataset
for call in json.loads(sys.argv[1]):
    found = load_dataset(*call)
    print(json.dumps([[*found], found["train"].column_names]))
"""


def test_plain_calls_load_the_public_datasets_with_their_splits_and_columns(
    hub, tmp_path
):
    calls = [[*call] for call in CALLS]
    done = ran(PLAIN, hub.environment(tmp_path), json.dumps(calls))
    assert done.returncode == 0, done.stderr[-2000:]
    found = [
        json.loads(line) for line in done.stdout.splitlines() if line.startswith("[[")
    ]
    assert [({*splits}, {*columns}) for splits, columns in found] == [*CALLS.values()]


def test_every_plain_call_of_a_page_is_one_of_those():
    known = {", ".join(f'"{word}"' for word in call) for call in CALLS}
    asked = guards.re.compile(r'load_dataset\(("[\w-]+/[\w.-]+"(?:, "[\w-]+")?)')
    for path, notebook in guards.ours().items():
        for call in asked.findall("\n".join(cell.source for cell in notebook.cells)):
            assert call in known or "your-name/" in call, (path.stem, call)


# Sentences


SAID = """
import os, sys
from hf_tutorial.hub import failures, patience
patience.set_up(); patience.limit_requests()
patience.TROUBLE = 0
for name, call in {
    "role": lambda: __import__("hf_tutorial.sources").sources.checkpoint("encoder"),
    "model": lambda: __import__("transformers").AutoModel.from_pretrained("reader/none"),
    "dataset": lambda: __import__("datasets").load_dataset("reader/none"),
    "metric": lambda: __import__("evaluate").load("none"),
}.items():
    if name in sys.argv[1:]:
        patience.TROUBLES.forget()
        try:
            call()
        except Exception as error:
            print(name, failures.sentence(error), flush=True)
"""


def said(environment, *calls):
    """Give what is said of each call, without the way to the bundled models."""
    done = ran(SAID, environment | {"HF_TUTORIAL_SOURCE": "hub"}, *calls)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith(calls)]
    assert [line.split()[0] for line in lines] == [*calls], done.stdout
    return [
        line.partition(" ")[2].partition(", or take the bundled")[0] for line in lines
    ]


def test_offline_role_model_and_dataset_end_in_the_same_sentence(hub, tmp_path):
    sentences = said(
        hub.environment(tmp_path, HF_HUB_OFFLINE="1"), "role", "model", "dataset"
    )
    assert sentences == [
        "HF_HUB_OFFLINE is set, and what is asked for was not downloaded before: unset it and "
        "start again"
    ] * 3  # fmt: skip


def test_proxy_that_is_not_there_is_named_without_who_logs_in_to_it(hub, tmp_path):
    proxy = nobody().removeprefix("http://")
    environment = hub.environment(tmp_path, HF_ENDPOINT="https://hub.example")
    environment |= {"HTTPS_PROXY": f"http://me:secret@{proxy}/"}
    for sentence in said(environment, "role", "model"):
        assert sentence == (
            f"the Hub (hub.example) cannot be reached through the proxy {proxy} (Connection "
            "refused): mend HTTPS_PROXY, or ask who runs the proxy"
        )


@pytest.fixture
def answering():
    """Listen, and give every connection to a function; give the port."""
    listening = []

    def listen(answer):
        opened = socket.create_server(("127.0.0.1", 0))
        listening.append(opened)

        def serve():
            while True:
                try:
                    connection, _ = opened.accept()
                    answer(connection)
                    connection.close()
                except OSError:
                    if opened.fileno() < 0:
                        return

        threading.Thread(target=serve, daemon=True).start()
        return opened.getsockname()[1]

    yield listen
    for opened in listening:
        opened.close()


def test_proxy_that_refuses_is_quoted(hub, answering, tmp_path):
    def refuse(connection):
        connection.recv(4096)
        connection.sendall(
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        )

    port = answering(refuse)
    environment = hub.environment(tmp_path, HF_ENDPOINT="https://hub.example")
    environment |= {"HTTPS_PROXY": f"http://me:secret@127.0.0.1:{port}"}
    for sentence in said(environment, "role", "metric"):
        assert f"through the proxy 127.0.0.1:{port} (" in sentence
        assert "407 Proxy Authentication Required): mend HTTPS_PROXY" in sentence
        assert "secret" not in sentence and len(sentence) < 300


def test_certificate_that_nobody_trusts_is_named_with_the_variables_that_mend_it(
    hub, answering, tmp_path
):
    if not shutil.which("openssl"):
        pytest.skip("a certificate is made by openssl")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "own.pem"]  # fmt: skip
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "own.pem", tmp_path / "key.pem")

    def answer(connection):
        with context.wrap_socket(connection, server_side=True) as secret:
            secret.recv(4096)
            secret.sendall(
                b"HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )

    address = f"https://localhost:{answering(answer)}"
    environment = hub.environment(tmp_path, HF_ENDPOINT=address)
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        environment.pop(variable, None)
    (sentence,) = said(environment, "role")
    assert sentence == (
        "the Hub (localhost) shows a certificate that nobody here trusts (self-signed "
        "certificate): ask who runs the network for its certificates, and set SSL_CERT_FILE "
        "and REQUESTS_CA_BUNDLE to their file, before Jupyter starts"
    )
    own = {
        name: f"{tmp_path}/own.pem" for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    }
    (sentence,) = said(environment | own, "role")
    assert "has a fault of its own (500)" in sentence


@pytest.fixture
def refused(monkeypatch):
    """What is said when the Hub refuses a call of somebody who is logged in."""
    import huggingface_hub
    from huggingface_hub import HfApi

    from hf_tutorial.hub import failures

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    def of(server, call, *arguments):
        with pytest.raises(huggingface_hub.errors.HfHubHTTPError) as error:
            getattr(HfApi(endpoint=server.address), call)(*arguments)
        sentence = failures.sentence(error.value)
        assert TOKEN not in sentence
        return sentence

    return of


def test_token_that_may_only_read_is_told_apart_from_a_repository_that_is_closed(
    refused,
):
    with Hub() as server:
        server.add("meta/closed", tiny.model())
        create = server.fail(
            403, "/api/repos/create", sentence="You don't have the rights"
        )
        sentence = refused(server, "create_repo", "reader/new")
        assert (
            create.met
            and "does not let your token write there: make one that may" in sentence
        )
        server.fail(403, "*/paths-info/*", sentence="Forbidden")
        sentence = refused(server, "get_paths_info", "meta/closed", ["config.json"])
        assert "forbids meta/closed to you" in sentence
        server.failures.clear()
        server.fail(403)
        sentence = refused(server, "model_info", "meta/closed")
        assert "whom its owners have let in: ask for access at" in sentence
        assert "auth login" not in sentence and "read gated repositories" in sentence


# What README says


def test_readme_names_the_command_that_fills_the_cache():
    readme = (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
    assert "python -m hf_tutorial.hub`" in readme and "HF_HUB_OFFLINE=1" in readme
