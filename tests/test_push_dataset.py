"""The cell of notebook 04 that uploads a dataset, word for word, against a Hub on this machine."""

import io
import json

import nbformat
import pyarrow.parquet
import pytest
from huggingface_hub import DatasetCard

from hf_tutorial import NOTEBOOKS
from tests import test_push
from tests.test_push import TOKEN

REPOSITORY = "reader/hf-tutorial-toy"
# What the cell finds when it runs in the notebook.
BEFORE = """
from datasets import Dataset, DatasetDict
by_hand = DatasetDict(train=Dataset.from_dict({"n": [1, 5, 3], "label": [1, 0, 0]}),
                      validation=Dataset.from_dict({"n": [4, 2], "label": [1, 1]}))
"""


class Hub(test_push.Hub):
    """As much of the Hub as an upload of a dataset needs; it keeps what it was sent."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        here = f"http://{self.headers['Host']}"
        known = bool(self.server.created)
        said = (self.command, path, self.headers.get("Authorization"))
        self.server.requests.append(said)
        api = f"/api/datasets/{REPOSITORY}"
        if path == "/api/whoami-v2":
            self.say({"name": "reader", "type": "user"})
        elif path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            self.say({"url": f"{here}/datasets/{REPOSITORY}", "id": REPOSITORY})
        elif path == "/api/validate-yaml":
            self.say({"errors": [], "warnings": []})
        elif known and (path == api or path.startswith(f"{api}/revision/")):
            self.say({"id": REPOSITORY, "sha": "a" * 40, "siblings": []})
        elif path == f"{api}/preupload/main":
            self.say({"files": [self.upload(f) for f in json.loads(body)["files"]]})
        elif path == f"/datasets/{REPOSITORY}.git/info/lfs/objects/batch":
            objects = [self.slot(o, here) for o in json.loads(body)["objects"]]
            self.say({"transfer": "basic", "objects": objects})
        elif self.command == "PUT" and path.startswith("/store/"):
            self.server.stored[path.removeprefix("/store/")] = body
            self.say({})
        elif path == f"{api}/commit/main":
            self.commit(body)
            url = f"{here}/datasets/{REPOSITORY}/commit/{'a' * 40}"
            self.say({"commitUrl": url, "commitOid": "a" * 40})
        elif known and path.startswith(f"{api}/tree/") and not path.endswith("/data"):
            self.say(
                [{"type": "file", "path": ".gitattributes", "size": 1, "oid": "b"}]
            )
        elif known and path.startswith(f"{api}/paths-info/"):
            self.say([])
        else:
            code = "EntryNotFound" if known else "RepoNotFound"
            self.send_response(404)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

    do_HEAD = do_GET = do_POST = do_PUT = answer

    def say(self, reply):
        encoded = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def upload(self, file):
        mode = "lfs" if file["path"].endswith(".parquet") else "regular"
        return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}


@pytest.fixture
def hub():
    with test_push.serving(Hub) as server:
        yield server


@pytest.fixture(scope="module")
def cell():
    cells = nbformat.read(
        NOTEBOOKS / "04_dataset_preparation.ipynb", as_version=4
    ).cells
    return next(cell for cell in cells if cell.id == "push-dataset")


def run(source, hub, home, **environment):
    return test_push.ran(BEFORE + source, hub, home, **environment)


def test_both_splits_and_a_card_arrive_and_the_token_is_never_printed(
    cell, hub, tmp_path
):
    done = run(cell.source, hub, tmp_path, HF_TOKEN=TOKEN)
    sent = {
        name.split("/")[-1].split("-")[0]: pyarrow.parquet.read_table(
            io.BytesIO(content)
        )
        for name, content in hub.files.items()
        if name.endswith(".parquet")
    }
    assert {name: table["n"].to_pylist() for name, table in sent.items()} == {
        "train": [1, 5, 3],
        "validation": [4, 2],
    }
    card = DatasetCard(hub.files["README.md"].decode())
    splits = card.data.to_dict()["dataset_info"]["splits"]
    assert [split["num_examples"] for split in splits] == [3, 2]
    assert hub.created[0]["visibility"] == "private"
    assert hub.created[0]["type"] == "dataset"
    said = {token for _, path, token in hub.requests if "/commit/" in path}
    assert said == {f"Bearer {TOKEN}"}
    assert REPOSITORY in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    assert not any(TOKEN.encode() in content for content in hub.files.values())


def test_without_a_token_or_a_network_nothing_is_requested(cell, hub, tmp_path):
    without = run(cell.source, hub, tmp_path)
    offline = run(cell.source, hub, tmp_path, HF_TOKEN=TOKEN, HF_HUB_OFFLINE="1")
    assert hub.requests == []
    assert without.stdout == offline.stdout
    assert [output.text for output in cell.outputs] == [without.stdout]
