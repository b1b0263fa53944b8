"""The cell of notebook 06 that pushes, word for word, against a Hub on this machine."""

import base64
import contextlib
import http.server
import json
import os
import subprocess
import sys
import threading

import nbformat
import pytest
from huggingface_hub import ModelCard
from safetensors.torch import load

from hf_tutorial import NOTEBOOKS, sources

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


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the Hub as pushing needs; it keeps what it was sent."""

    def do_HEAD(self):
        self.answer()

    do_GET = do_POST = do_PUT = do_HEAD

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        here = f"http://{self.headers['Host']}"
        self.server.requests.append(
            (self.command, path, self.headers.get("Authorization"))
        )
        if path == "/api/whoami-v2":
            reply = {"name": "reader", "type": "user"}
        elif path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            reply = {
                "url": f"{here}/{REPOSITORY}",
                "name": REPOSITORY,
                "id": REPOSITORY,
            }
        elif path == "/api/validate-yaml":
            reply = {"errors": [], "warnings": []}
        elif path == f"/api/models/{REPOSITORY}/preupload/main":
            reply = {"files": [self.upload(file) for file in json.loads(body)["files"]]}
        elif path == f"/{REPOSITORY}.git/info/lfs/objects/batch":
            wanted = json.loads(body)["objects"]
            reply = {
                "transfer": "basic",
                "objects": [self.slot(o, here) for o in wanted],
            }
        elif self.command == "PUT" and path.startswith("/store/"):
            self.server.stored[path.removeprefix("/store/")] = body
            reply = {}
        elif path == f"/api/models/{REPOSITORY}/commit/main":
            self.commit(body)
            reply = {"commitUrl": f"{here}/{REPOSITORY}/commit/{'a' * 40}",
                     "commitOid": "a" * 40}  # fmt: skip
        else:
            self.send_error(404)
            return
        encoded = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def upload(self, file):
        large = file["path"].endswith(".safetensors")
        mode = "lfs" if large else "regular"
        return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}

    def slot(self, wanted, here):
        upload = {"upload": {"href": f"{here}/store/{wanted['oid']}"}}
        return {"oid": wanted["oid"], "size": wanted["size"], "actions": upload}

    def commit(self, body):
        for line in body.decode().splitlines():
            operation = json.loads(line)
            value = operation["value"]
            if operation["key"] == "file":
                content = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                content = self.server.stored[value["oid"]]
            else:
                continue
            self.server.files[value["path"]] = content

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(handler):
    """Lend a Hub on this machine that answers by `handler`."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.requests, server.created, server.stored, server.files = [], [], {}, {}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def ran(program, hub, home, *arguments, **environment):
    """Run a program in a process of its own, whose Hub is `hub`."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and name not in ("HF_TOKEN", "HF_HOME")
    }
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={
            **inherited,
            "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def hub():
    with serving(Hub) as server:
        yield server


def run(source, hub, home, **environment):
    encoder = sources.checkpoint("encoder")
    return ran(BEFORE + source, hub, home, encoder, **environment)


def test_model_tokenizer_and_card_arrive_and_the_token_is_never_printed(
    cell, hub, tmp_path
):
    done = run(cell.source, hub, tmp_path, HF_TOKEN=TOKEN)
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= set(
        hub.files
    )
    assert "classifier.weight" in load(hub.files["model.safetensors"])
    bundled = json.loads(
        open(f"{sources.checkpoint('encoder')}/tokenizer.json", "rb").read()
    )
    assert json.loads(hub.files["tokenizer.json"])["model"] == bundled["model"]
    # Ours, not the template that the model's own push leaves.
    assert ModelCard(hub.files["README.md"].decode()).text.strip() == (
        "# Reviews classifier"
    )
    assert hub.created[0]["visibility"] == "private"
    said = [
        authorization for _, path, authorization in hub.requests if "commit" in path
    ]
    assert said and set(said) == {f"Bearer {TOKEN}"}
    assert REPOSITORY in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert not any(TOKEN.encode() in content for content in hub.files.values())


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
    assert TOKEN.encode() in hub.files["training_args.bin"]


def test_saved_output_is_what_a_reader_without_a_token_sees(cell, hub, tmp_path):
    done = run(cell.source, hub, tmp_path)
    assert [output.text for output in cell.outputs] == [done.stdout]
