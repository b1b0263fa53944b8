"""The Hub of the tests, asked by the real client: a fault in it must not pass for one of ours."""

import time

import huggingface_hub
import pytest
from huggingface_hub import HfApi, HfFileSystem
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.loopback import Hub, nobody

TOKEN = "hf_thisTokenIsFake"
FILES = {
    "README.md": "# Tiny\n",
    "config.json": "{}",
    "model.safetensors": bytes(range(256)) * 8,
    "data/train.csv": "n\n1\n",
}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(
        huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub")
    )
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between two attempts
    with Hub() as server:
        yield server


@pytest.fixture
def api(hub):
    return HfApi(endpoint=hub.address, token=TOKEN)


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_what_is_said_of_a_repository_agrees_with_its_files(hub, api, kind):
    sha = hub.add("reader/tiny", FILES, kind)
    info = api.repo_info("reader/tiny", repo_type=kind, files_metadata=True)
    assert info.sha == sha and {s.rfilename for s in info.siblings} == {*FILES}
    sizes = {s.rfilename: s.size for s in info.siblings}
    assert sizes == {name: len(content) for name, content in FILES.items()}
    listed = list(api.list_repo_tree("reader/tiny", repo_type=kind))
    assert {entry.path for entry in listed} == {*FILES} - {"data/train.csv"} | {"data"}
    whole = api.list_repo_tree("reader/tiny", repo_type=kind, recursive=True)
    assert {entry.path for entry in whole} == {*FILES, "data"}
    asked = ["config.json", "data", "gone"]
    found = api.get_paths_info("reader/tiny", asked, repo_type=kind)
    assert [entry.path for entry in found] == ["config.json", "data"]
    assert api.list_repo_commits("reader/tiny", repo_type=kind)[0].commit_id == sha
    refs = api.list_repo_refs("reader/tiny", repo_type=kind)
    assert [branch.target_commit for branch in refs.branches] == [sha]


def test_small_and_large_files_arrive_and_the_token_stays_on_the_hub(hub, api):
    hub.add("reader/tiny", FILES)
    folder = api.snapshot_download("reader/tiny")
    for name, content in FILES.items():
        content = content.encode() if isinstance(content, str) else content
        assert open(f"{folder}/{name}", "rb").read() == content
    held = {path.split("/")[1]: token for _, path, token, _ in hub.requests}
    assert held["store"] is None and held["reader"] == f"Bearer {TOKEN}"


def test_part_of_a_file_is_given(hub, api):
    hub.add("reader/tiny", FILES)
    files = HfFileSystem(endpoint=hub.address, token=TOKEN, skip_instance_cache=True)
    with files.open("reader/tiny/model.safetensors", block_size=16) as file:
        file.seek(200)
        assert file.read(20) == FILES["model.safetensors"][200:220]
    assert any(part for *_, part in hub.requests)


def test_every_commit_stays_a_revision(hub, api):
    first = hub.add("reader/tiny", {"config.json": "old"})
    second = hub.add("reader/tiny", {"config.json": "new"})
    read = {
        revision: open(
            api.hf_hub_download("reader/tiny", "config.json", revision=revision)
        ).read()
        for revision in (first, second, "main")
    }
    assert read == {first: "old", second: "new", "main": "new"}
    with pytest.raises(RevisionNotFoundError):
        api.hf_hub_download("reader/tiny", "config.json", revision="gone")


def test_old_name_leads_to_the_new_one(hub, api):
    hub.add("reader/tiny", FILES)
    hub.moved["tiny"] = "reader/tiny"
    assert api.model_info("tiny").id == "reader/tiny"
    assert open(api.hf_hub_download("tiny", "config.json")).read() == "{}"


def test_pushed_files_come_back(hub, api, tmp_path):
    api.create_repo("reader/new", repo_type="dataset")
    (tmp_path / "n.parquet").write_bytes(b"large")
    (tmp_path / "n.txt").write_bytes(b"small")
    api.upload_folder(repo_id="reader/new", folder_path=tmp_path, repo_type="dataset",
                      allow_patterns="n.*")  # fmt: skip
    api.delete_file("n.txt", "reader/new", repo_type="dataset")
    assert {*hub.files("reader/new", "dataset")} == {".gitattributes", "n.parquet"}
    assert [
        len(r.files) for r in hub.repositories["dataset", "reader/new"].revisions
    ] == [1, 3, 2]
    assert api.whoami()["name"] == "reader"


@pytest.mark.parametrize(
    ("how", "token", "kind", "status"),
    [
        (401, None, RepositoryNotFoundError, 401),
        (403, TOKEN, GatedRepoError, 403),
        (404, TOKEN, RepositoryNotFoundError, 404),
        (429, TOKEN, HfHubHTTPError, 429),
        (500, TOKEN, HfHubHTTPError, 500),
    ],
)
def test_refusal_is_the_one_that_the_client_knows(hub, how, token, kind, status):
    hub.add("reader/tiny", FILES)
    hub.fail(how, "/api/*")
    with pytest.raises(kind) as refused:
        HfApi(endpoint=hub.address, token=token or False).model_info("reader/tiny")
    assert refused.value.response.status_code == status


def test_gated_and_missing_are_told_apart(hub, api):
    hub.add("reader/gated", FILES, gated=True)
    hub.add("reader/tiny", FILES)
    with pytest.raises(GatedRepoError):
        HfApi(endpoint=hub.address, token=False).model_info("reader/gated")
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("reader/gone")
    with pytest.raises(EntryNotFoundError):
        api.hf_hub_download("reader/tiny", "gone.txt")


def test_download_that_is_cut_off_once_goes_on(hub, api):
    hub.add("reader/tiny", FILES)
    cut = hub.fail("cut", "/store/*", times=1)
    file = api.hf_hub_download("reader/tiny", "model.safetensors")
    assert open(file, "rb").read() == FILES["model.safetensors"] and cut.times == 0


def test_bytes_that_are_wrong_are_as_many(hub, api):
    hub.add("reader/tiny", FILES)
    hub.fail("wrong bytes", "/store/*")
    file = api.hf_hub_download("reader/tiny", "model.safetensors")
    assert open(file, "rb").read() == bytes(len(FILES["model.safetensors"]))


@pytest.mark.parametrize("how", ["hang", "hang body"])
def test_hub_that_hangs_runs_into_the_time_out_of_the_client(
    hub, api, how, monkeypatch
):
    hub.add("reader/tiny", FILES)
    hub.fail(how, "*/resolve/*")
    for name in ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"):
        monkeypatch.setattr(huggingface_hub.constants, name, 0.1)
    monkeypatch.setattr(huggingface_hub.file_download, "_ETAG_RETRY_TIMEOUT", 0.1)
    with pytest.raises(Exception, match="timed out|locate the file on the Hub"):
        api.hf_hub_download("reader/tiny", "config.json")


def test_nobody_and_a_hub_that_stopped_refuse_every_connection(hub):
    hub.stop()
    for address in (hub.address, nobody()):
        with pytest.raises(huggingface_hub.utils.httpx.ConnectError):
            HfApi(endpoint=address).model_info("reader/tiny")


def test_failure_that_does_not_exist_is_refused(hub):
    with pytest.raises(ValueError, match="no failure 'sulk': choose one of"):
        hub.fail("sulk")
