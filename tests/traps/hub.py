"""Traps of the Hub and of its library. The Hub is a server on this machine."""

import time
from pathlib import Path
from unittest import mock

import huggingface_hub
import pytest
import torch
from datasets import load_dataset
from huggingface_hub import (
    HfApi,
    PyTorchModelHubMixin,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    IncompleteSnapshotError,
    LocalEntryNotFoundError,
)

from tests.loopback import REPOSITORY, hub
from tests.traps.catalogue import trap

FILES = {"config.json": b"{}", "model.safetensors": b"weights", "README.md": b"# Tiny"}


@trap(74, "huggingface_hub")
def errors_of_the_hub_are_of_another_library():
    """Errors of the Hub are none of requests, and none of httpx.

    You see: a program that ends where it was to wait and try again.

    What happens: requests made them up to release 0.36, httpx in 1.x, httpx2 in 2.x. A refused connection
    is not even an OSError, but for downloads, which end in a LocalEntryNotFoundError.

    Instead: catch `httpx2.HTTPError`, and around downloads `LocalEntryNotFoundError` as well. `HfHubHTTPError`, for
    what the Hub answers, is one of the former: look at its status, and do not try a 401 or a 404 again.
    """
    import httpx
    import httpx2
    import requests

    huggingface_hub.constants.HF_HUB_OFFLINE = False  # which these tests have set
    # You write
    caught = (requests.RequestException, httpx.HTTPError, OSError)
    # You get
    with pytest.raises(Exception) as refused:
        HfApi(endpoint="http://127.0.0.1:9").model_info(REPOSITORY)
    assert not isinstance(refused.value, caught)
    assert not issubclass(HfHubHTTPError, caught[:2])
    assert not issubclass(LocalEntryNotFoundError, (*caught[:2], httpx2.HTTPError))
    # Instead
    assert isinstance(refused.value, httpx2.HTTPError)
    with hub({}, status=503) as address, pytest.raises(httpx2.HTTPError) as answer:
        HfApi(endpoint=address).model_info(REPOSITORY)
    assert isinstance(answer.value, HfHubHTTPError)
    assert answer.value.response.status_code == 503


@trap(75, "huggingface_hub")
def a_folder_in_the_cache_may_be_a_part():
    """A folder in the cache may hold a part of the repository.

    You see: `snapshot_download(local_files_only=True)` succeeds, and `from_pretrained` of the folder
    finds no weights.

    What happens: if a single file was asked for first, nobody knows what else there is, and the folder
    is given as it is. After `snapshot_download` of a part the list is known, and
    IncompleteSnapshotError says what is missing.

    Instead: download once whole, with a network; look for the file you need.
    """
    with hub(FILES) as address:
        asked = dict(repo_id=REPOSITORY, endpoint=address)
        # You write
        hf_hub_download(**asked, filename="config.json", cache_dir="file")
        folder = snapshot_download(**asked, cache_dir="file", local_files_only=True)
        # You get
        assert [file.name for file in Path(folder).iterdir()] == ["config.json"]
        snapshot_download(**asked, cache_dir="part", allow_patterns="*.json")
        with pytest.raises(IncompleteSnapshotError, match="model.safetensors"):
            snapshot_download(**asked, cache_dir="part", local_files_only=True)
        # Instead
        snapshot_download(**asked, cache_dir="whole")
        folder = snapshot_download(**asked, cache_dir="whole", local_files_only=True)
        assert {file.name for file in Path(folder).iterdir()} == set(FILES)


@trap(76, "huggingface_hub")
def a_mixin_loads_what_does_not_fit():
    """A model of the mixin loads a file whose names do not match.

    You see: a model, in eval mode, with random weights.

    What happens: PyTorchModelHubMixin loads with `strict=False`, so what has no counterpart is left out
    without a word.

    Instead: `strict=True`.
    """

    class Old(torch.nn.Module, PyTorchModelHubMixin):
        def __init__(self):
            super().__init__()
            self.head = torch.nn.Linear(2, 2)

    class New(torch.nn.Module, PyTorchModelHubMixin):
        def __init__(self):
            super().__init__()
            self.classifier = torch.nn.Linear(2, 2)  # renamed

    old = Old()
    old.save_pretrained("kept")
    # You write
    new = New.from_pretrained("kept")
    # You get
    assert not new.training
    assert not torch.equal(new.classifier.weight, old.head.weight)
    # Instead
    with pytest.raises(RuntimeError, match="Missing key"):
        New.from_pretrained("kept", strict=True)
    assert torch.equal(
        Old.from_pretrained("kept", strict=True).head.weight, old.head.weight
    )


@trap(77, "huggingface_hub", says="Rate limited. Waiting 121.0s before retry")
def a_busy_hub_holds_a_cell():
    """A Hub that says *too many requests* holds a cell for ten minutes.

    You see: a cell that runs, with a line in the log for each wait, and at its end the advice to check
    your connection.

    What happens: the answer 429 names a number of seconds. The library waits as long as it is told, up
    to five times, and has no limit of its own.

    Instead: log in, for a higher limit; download once and use the cache; end the cell.
    """
    waits, slept = [], time.sleep
    time.sleep = waits.append  # nobody waits here; the waits are counted
    # You write
    with hub(FILES, status=429, Retry_After="120") as address:
        asked = dict(repo_id=REPOSITORY, filename="config.json", endpoint=address)
        with pytest.raises(Exception, match="check your connection"):
            hf_hub_download(**asked, cache_dir="cache")
    # You get
    assert waits == [121.0] * 5
    # Instead
    waits.clear()
    with hub(FILES) as address:
        hf_hub_download(**asked | {"endpoint": address}, cache_dir="cache")
    with hub(FILES, status=429, Retry_After="120") as address:
        kept = dict(cache_dir="cache", local_files_only=True)
        hf_hub_download(**asked | {"endpoint": address}, **kept)
    assert max(waits, default=0) < 1
    time.sleep = slept


@trap(
    118, "datasets", wrote='load_dataset("csv", data_files="my.csv"), behind a firewall'
)
def reading_a_local_file_asks_a_server():
    """Reading a local file asks a server on the internet first.

    You see: nothing; where a firewall swallows what it does not know, three seconds for each table.

    What happens: unless the Hub is switched off, each `load_dataset` sends one question to a server of
    Amazon's, for a file called `csv.py` or `json.py`, so that loads are counted. No answer is needed,
    and an error is dropped. Your data are not sent.

    Instead: `HF_UPDATE_DOWNLOAD_COUNTS=0` before Python starts, or `HF_HUB_OFFLINE=1` where nothing
    is downloaded.
    """
    Path("my.csv").write_text("text,label\ngood,1\n")
    online = mock.patch("datasets.config.HF_HUB_OFFLINE", False)
    listening = mock.patch("datasets.load.get_session")  # nothing leaves this machine
    # You write
    with online, listening as session:
        load_dataset("csv", data_files="my.csv")
    # You get
    (address,), _ = session().head.call_args
    assert address.startswith("https://s3.amazonaws.com/") and "/csv/" in address
    # Instead
    uncounted = mock.patch("datasets.config.HF_UPDATE_DOWNLOAD_COUNTS", False)
    with online, uncounted, listening as session:
        load_dataset("csv", data_files="my.csv")
    assert not session().head.called
