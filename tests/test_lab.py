"""A real Jupyter server on the loopback interface: its kernels, and what it saves."""

import copy
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from tornado.ioloop import IOLoop
from tornado.websocket import websocket_connect
from traitlets.config import Config

from hf_tutorial import NOTEBOOKS, collection, lab
from tests.test_kernels import plant

SAMPLE = "01_tokenization.ipynb"
SETTING = "etc/jupyter/jupyter_server_config.d/hf_tutorial.json"
# What JupyterLab 4.6.6 was seen to put into a notebook that it opens and saves.
ADDED = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": "3.11.7",
    },
}


class Server:
    """`jupyter server` as a program, in a folder, with a token."""

    def __init__(self, folder: Path, environment: dict[str, str], *options: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.log = folder, folder / "server.log"
        runtime = {"JUPYTER_RUNTIME_DIR": str(folder / "runtime")}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root",
                 f"--port={self.port}", "--ServerApp.port_retries=0",
                 "--IdentityProvider.token=secret", *options],
                cwd=folder, env={**os.environ, **environment, **runtime},
                stdout=log, stderr=log,
            )  # fmt: skip
        end = time.monotonic() + 60
        while True:
            try:
                self.ask("GET", "/api")
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, (
                    self.said()
                )
                time.sleep(0.2)

    def said(self) -> str:
        return self.log.read_text()

    def ask(self, method: str, path: str, body: dict | None = None) -> dict:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=body and json.dumps(body).encode(),
            headers={"Authorization": "token secret"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")

    def execute(self, source: str) -> list[dict]:
        """Run a cell in a new kernel, over the websocket that JupyterLab uses."""
        kernel = self.ask("POST", "/api/kernels", {"name": "python3"})["id"]
        header = {"msg_id": "1", "msg_type": "execute_request", "session": "s"}
        header |= {"username": "", "version": "5.3", "date": "2026-11-28T00:00:00Z"}
        asked = {"code": source, "silent": False, "store_history": True}
        asked |= {"user_expressions": {}, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}}
        message |= {"content": asked, "channel": "shell", "buffers": []}
        address = (
            f"ws://127.0.0.1:{self.port}/api/kernels/{kernel}/channels?token=secret"
        )

        async def talk():
            channel = await websocket_connect(address)
            await channel.write_message(json.dumps(message))
            results = []
            while True:
                reply = json.loads(await channel.read_message())
                if reply["parent_header"].get("msg_id") != "1":
                    continue
                if reply["msg_type"] in ("execute_result", "stream", "error"):
                    results.append(reply["content"])
                if reply["content"].get("execution_state") == "idle":
                    channel.close()
                    return results

        results = IOLoop().run_sync(talk, timeout=60)
        self.ask("DELETE", f"/api/kernels/{kernel}")
        return results

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server among planted kernels and settings, for a copy of the package and one notebook."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "home").mkdir()
    shutil.copytree(NOTEBOOKS.parent / "src", folder / "src")
    (folder / "notebooks").mkdir()
    shutil.copyfile(NOTEBOOKS / SAMPLE, folder / "notebooks" / SAMPLE)
    own = {"HOME": str(folder / "home"), "PYTHONPATH": str(folder / "src")}
    running = Server(folder, {**plant(folder), **own})
    yield running
    running.stop()


def test_installing_the_package_brings_the_setting():
    setting = Path(sys.prefix) / SETTING
    assert setting.is_file(), f"{SETTING} is not in {sys.prefix}: pip install -e ."
    installed = json.loads(setting.read_text(encoding="utf-8"))
    assert installed == {
        "ServerApp": {"jpserver_extensions": {lab.__name__: True}},
    }


def test_server_offers_this_environments_kernel_and_the_readers_others(server):
    specs = server.ask("GET", "/api/kernelspecs")
    assert specs["default"] == "python3"
    assert specs["kernelspecs"]["python3"]["spec"]["argv"][0] == sys.executable
    assert specs["kernelspecs"]["python3"]["spec"]["display_name"] == "Python 3"
    assert specs["kernelspecs"]["mine"]["spec"]["display_name"] == "Planted"


def test_kernel_of_the_server_is_quiet_and_without_the_readers_settings(server):
    source = "import sys\n1\n(sys.executable, 'planted' in globals())"
    (result,) = server.execute(source)
    assert result["data"]["text/plain"] == repr((sys.executable, False))
    assert "without encryption" not in server.said()


@pytest.fixture
def notebooks(tmp_path, monkeypatch):
    """A copy of one notebook of ours, in the place where the collection lies."""
    folder = tmp_path / "checkout" / "notebooks"
    folder.mkdir(parents=True)
    for name in ("03_attention_visualization", "my notes", "deeper/03_copy"):
        (folder / f"{name}.ipynb").parent.mkdir(exist_ok=True)
        source = NOTEBOOKS / "03_attention_visualization.ipynb"
        shutil.copyfile(source, folder / f"{name}.ipynb")
    monkeypatch.setattr(collection, "NOTEBOOKS", folder)
    return folder


@pytest.fixture
def files(notebooks):
    manager = LargeFileManager(root_dir=str(notebooks.parent))
    manager.register_pre_save_hook(lab.keep_metadata)
    return manager


def opened(files, path):
    """What JupyterLab holds after opening, and sends to be saved: marks of the server included."""
    content = files.get(path)["content"]
    content = json.loads(json.dumps(content))
    content["metadata"] |= copy.deepcopy(ADDED)
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["metadata"]["execution"] = {"iopub.status.busy": "2026-11-28T10:00"}
    keys = reversed(content)  # the order is the browser's own
    return {
        "type": "notebook",
        "format": "json",
        "content": {k: content[k] for k in keys},
    }


OURS = "notebooks/03_attention_visualization.ipynb"


def test_notebook_saved_without_a_change_is_the_file_that_it_was(files, notebooks):
    before = (notebooks.parent / OURS).read_bytes()
    files.save(opened(files, OURS), OURS)
    assert (notebooks.parent / OURS).read_bytes() == before
    assert before.endswith(b"}\n")


def test_without_the_hook_the_same_save_would_change_the_file(notebooks):
    """The model that is sent bears: it holds what JupyterLab adds."""
    files = LargeFileManager(root_dir=str(notebooks.parent))
    before = (notebooks.parent / OURS).read_bytes()
    files.save(opened(files, OURS), OURS)
    assert b"codemirror_mode" in (notebooks.parent / OURS).read_bytes()
    assert b"codemirror_mode" not in before


def test_work_of_a_student_is_saved_as_it_is(files, notebooks):
    model = opened(files, OURS)
    cell = next(c for c in model["content"]["cells"] if c["cell_type"] == "code")
    cell["source"] = "print('mine')"
    cell["outputs"] = [
        {"name": "stderr", "output_type": "stream", "text": "mine, too\n"}
    ]
    cell["metadata"] |= {"tags": ["mine"], "collapsed": True}
    files.save(model, OURS)
    saved = nbformat.read(notebooks.parent / OURS, as_version=4)
    (mine,) = [c for c in saved.cells if c.source == "print('mine')"]
    assert mine.outputs[0].text == "mine, too\n"
    assert mine.metadata == {"tags": ["mine"], "collapsed": True}
    assert saved.metadata.minutes == collection.read(NOTEBOOKS / OURS[10:])["metadata"][
        "minutes"
    ]  # fmt: skip


def test_kernel_that_somebody_chose_is_saved(files, notebooks):
    model = opened(files, OURS)
    chosen = {"name": "mine", "display_name": "Mine", "language": "python"}
    model["content"]["metadata"]["kernelspec"] = chosen
    files.save(model, OURS)
    saved = nbformat.read(notebooks.parent / OURS, as_version=4)
    assert saved.metadata.kernelspec == chosen
    assert saved.metadata.language_info.version == "3.11.7"


@pytest.mark.parametrize("name", ["my notes", "deeper/03_copy", "../10_elsewhere"])
def test_notebooks_that_are_not_of_the_collection_are_left_alone(
    files, notebooks, name
):
    path = os.path.normpath(f"notebooks/{name}.ipynb")
    shutil.copyfile(notebooks.parent / OURS, notebooks.parent / path)
    files.save(opened(files, path), path)
    saved = nbformat.read(notebooks.parent / path, as_version=4)
    assert saved.metadata.language_info == ADDED["language_info"]


def test_texts_and_folders_are_saved_as_ever(files, notebooks):
    text = {"type": "file", "format": "text", "content": "a"}
    files.save(text, "notebooks/03_text.ipynb.txt")
    assert (notebooks / "03_text.ipynb.txt").read_text() == "a"
    files.save({"type": "directory"}, "notebooks/04_folder.ipynb")
    assert (notebooks / "04_folder.ipynb").is_dir()


def test_real_server_saves_a_notebook_of_ours_without_a_change(server):
    file = server.folder / "notebooks" / SAMPLE
    before, path = file.read_bytes(), f"/api/contents/notebooks/{SAMPLE}"
    model = server.ask("GET", path)
    model["content"]["metadata"] |= ADDED
    server.ask("PUT", path, {k: model[k] for k in ("type", "format", "content")})
    assert "Saving file" in server.said()
    assert file.read_bytes() == before


def linked(monkeypatch, gateway=False, **settings):
    """A server that the extension has had in its hands, not started."""
    client = SimpleNamespace(gateway_enabled=gateway)
    monkeypatch.setattr(lab.GatewayClient, "instance", lambda parent: client)
    server = ServerApp(**settings)
    lab._link_jupyter_server_extension(server)
    return server


def test_finder_of_kernels_that_a_reader_has_configured_goes_on_finding(monkeypatch):
    class Condas(KernelSpecManager):
        pass

    server = linked(monkeypatch, kernel_spec_manager_class=Condas)
    assert issubclass(server.kernel_spec_manager_class, Condas)
    assert server.kernel_spec_manager_class().get_kernel_spec("python3").argv[0] == (
        sys.executable
    )


def test_kernels_on_another_machine_are_left_alone(monkeypatch):
    server = linked(monkeypatch, gateway=True)
    assert not server.trait_has_value("kernel_spec_manager_class")
    assert "MappingKernelManager" not in server.config


def test_encryption_that_a_reader_has_configured_stays(monkeypatch):
    chosen = {"MappingKernelManager": {"transport_encryption": "required"}}
    server = linked(monkeypatch, config=Config(chosen))
    assert server.config.MappingKernelManager.transport_encryption == "required"
    server = linked(monkeypatch)
    assert server.config.MappingKernelManager.transport_encryption == "auto"


def test_jupyter_starts_when_the_package_is_gone(tmp_path):
    """Somebody deleted the checkout: the setting stays, and names a module that is not there."""
    setting = tmp_path / "path" / "jupyter_server_config.d" / "gone.json"
    setting.parent.mkdir(parents=True)
    gone = {"ServerApp": {"jpserver_extensions": {"hf_tutorial_gone.lab": True}}}
    setting.write_text(json.dumps(gone))
    environment = {"JUPYTER_CONFIG_PATH": str(tmp_path / "path")}
    server = Server(tmp_path, environment)
    try:
        assert "python3" in server.ask("GET", "/api/kernelspecs")["kernelspecs"]
        assert "hf_tutorial_gone.lab" in server.said()  # a warning
    finally:
        server.stop()
