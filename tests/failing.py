"""Cells and trainings in one process, while the Hub fails in each of its ways; prints JSON.

One process, because starting Python and importing torch, transformers and datasets takes five
seconds. Each failure gets repositories of its own, so that no download serves another one.

    python -m tests.failing FOLDER
"""

import contextlib
import io
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests import tiny
from tests.loopback import Hub

SHORT = 0.4  # seconds of trouble, in place of three, but for one failure
CELLS = {
    "model": 'from transformers import AutoModel\nAutoModel.from_pretrained("reader/{id}")',
    "tokenizer": "from transformers import AutoTokenizer\n"
                 'AutoTokenizer.from_pretrained("reader/{id}")',
    "dataset": 'from datasets import load_dataset\nload_dataset("reader/{id}")',
    "role": "from hf_tutorial import sources\nfrom transformers import AutoModel\n"
            'AutoModel.from_pretrained(sources.checkpoint("encoder"))',
}  # fmt: skip
# Not by `sources`. It asks for a program by three names, with a client of its own.
METRIC = {"metric": 'import evaluate\nevaluate.load("accuracy")'}
# name: (what `Hub.fail` takes, the requests that fail)
FAILURES = {
    "hang": ("hang", {}),
    "hang body": ("hang body", {}),
    "401": (401, {}),
    "403": (403, {}),
    "404": (404, {}),
    "429": (429, {}),
    "429 with a time": (429, {"headers": {"Retry-After": "120"}}),
    "429 with a limit": (429, {"headers": {"RateLimit": '"api";r=0;t=55'}}),
    "500": (500, {}),
    "cut once": ("cut", {"times": 1}),
    "cut": ("cut", {}),
    "wrong bytes": ("wrong bytes", {}),
}


class Trial:
    """A notebook in Hub mode, and its Hub."""

    def __init__(self, hub: Hub, folder: Path):
        from IPython.core.interactiveshell import InteractiveShell

        self.hub, self.folder, self.results = hub, folder, {}
        self.shell = InteractiveShell.instance(colors="NoColor")
        ready = self.shell.run_cell("from hf_tutorial import start; start()")
        ready.raise_error()

    def repositories(self, failure: str) -> str:
        """Make a model, a dataset and the encoder of their own for a failure."""
        from hf_tutorial import sources

        name = failure.replace(" ", "-")
        self.hub.add(f"reader/{name}", tiny.model())
        self.hub.add(f"reader/{name}", tiny.dataset(), "dataset")
        self.hub.add(f"owner/{name}", tiny.model())
        sources.CHECKPOINTS["encoder"] = ("-", f"owner/{name}")
        return name

    def cell(self, failure: str, call: str, when: str = "failing") -> None:
        """Run a cell, and note its last line, how long it took, and what it said on stderr."""
        source = (CELLS | METRIC)[call].format(id=failure.replace(" ", "-"))
        said, warned, begin = io.StringIO(), io.StringIO(), time.monotonic()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(warned):
            done = self.shell.run_cell(source)
        last = said.getvalue().strip().splitlines()
        self.results[f"{failure}, {call}, {when}"] = {
            "seconds": time.monotonic() - begin,
            "said": last[-1] if last else "",
            "lines": len(last),
            "warned": warned.getvalue(),
            "failed": sum(failure.met for failure in self.hub.failures),
            "worked": done.success,
        }

    def training(self, failure: str, option: str) -> None:
        """Start a training whose checkpoint or dataset is on the Hub, or one of "roles"."""
        from hf_tutorial import train

        name = f"reader/{failure.replace(' ', '-')}"
        table = self.folder / "table.csv"
        table.write_text("text,label\n" + "a good film,yes\na bad film,no\n" * 20)
        words = {"--checkpoint": str(self.folder / "model"), "--dataset": str(table),
                 "--text-column": "text", "--label-column": "label",
                 "--output-dir": str(self.folder / "run"), option: name}  # fmt: skip
        if option == "roles":
            words = {"--output-dir": str(self.folder / "run")}
        begin, said = time.monotonic(), "it came to its end"
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                train.main([word for pair in words.items() for word in pair])
            except SystemExit as refused:
                said = str(refused)
        self.results[f"{failure}, {option}, failing"] = {
            "seconds": time.monotonic() - begin, "said": said}  # fmt: skip


@contextlib.contextmanager
def full_disk(size: int = 300) -> Iterator[None]:
    """Let no file grow beyond so many bytes."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


@contextlib.contextmanager
def closed_cache() -> Iterator[None]:
    """Let nothing be made in the cache, as on a disk mounted read-only: root may write all others."""
    from huggingface_hub import constants

    mkdir = os.mkdir

    def refuse(path, *more, **options):
        if str(path).startswith(constants.HF_HUB_CACHE):
            raise OSError(30, "Read-only file system", str(path))
        return mkdir(path, *more, **options)

    os.mkdir = refuse
    try:
        yield
    finally:
        os.mkdir = mkdir


def damage(cache: Path, name: str) -> None:
    """Cut the largest file of each kind of repository in half, as a crash of the machine may."""
    for folder in cache.glob(f"*--{name}"):
        largest = max(folder.glob("blobs/*"), key=lambda file: file.stat().st_size)
        largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])


def main(folder: Path) -> dict:
    """Go through all failures."""
    with Hub() as hub:
        os.environ.update(hub.environment(folder / "home", HF_TUTORIAL_SOURCE="hub"))
        os.environ["HF_HUB_DOWNLOAD_TIMEOUT"] = "1"
        (folder / "model").mkdir()
        for name, content in tiny.model().items():
            (folder / "model" / name).write_bytes(content)
        trial = Trial(hub, folder)
        from huggingface_hub import constants

        from hf_tutorial.hub import patience

        patience.TROUBLE = SHORT
        sleep = time.sleep
        time.sleep = lambda seconds: sleep(seconds / 10)  # between two attempts
        for failure, (how, more) in FAILURES.items():
            trial.repositories(failure)
            for call in CELLS:
                hub.failures.clear()
                hub.fail(how, **more)
                trial.cell(failure, call)
            if failure in ("500", "404", "hang body"):
                for option in ("--checkpoint", "--dataset", "roles"):
                    trial.training(failure, option)
                    patience.TROUBLES.forget()
            hub.failures.clear()
            for call in CELLS:
                trial.cell(failure, call, "afterwards")
        hub.fail("hang")
        trial.cell("hang", "metric")
        hub.failures.clear()
        for failure, broken in (
            ("full disk", full_disk),
            ("closed cache", closed_cache),
        ):
            trial.repositories(failure)
            for call in CELLS:
                with broken():
                    trial.cell(failure, call)
            for call in CELLS:
                trial.cell(failure, call, "afterwards")
        name = trial.repositories("damaged")
        for call in CELLS:
            trial.cell("damaged", call, "before")
        damage(Path(constants.HF_HUB_CACHE), name)
        for call in ("model", "role"):
            trial.cell("damaged", call)
        trial.repositories("refused cached")
        for call in CELLS:
            trial.cell("refused cached", call, "before")
        hub.stop()
        patience.TROUBLE, time.sleep = 3.0, sleep
        for call in CELLS:
            trial.cell("refused cached", call)
        trial.repositories("refused")
        for call in CELLS:
            trial.cell("refused", call)
        trial.results["left"] = [
            str(f) for f in Path(constants.HF_HUB_CACHE).rglob("*.incomplete")
        ]
    return trial.results


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1])), indent=1))
