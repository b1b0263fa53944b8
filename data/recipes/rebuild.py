"""Rebuild everything in data/ that a program makes: stories, models, cards, checksums.

    python data/recipes/rebuild.py    # `make data`

All is built in a temporary folder below build/, and measured there. Only when every
figure lies within its bounds is it moved to data/, folder by folder; until then data/
stays as it was, whatever happens.
"""

import argparse
import hashlib
import json
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import instructions
import models
import qualities
import stories
from datasets import load_dataset
from huggingface_hub import DatasetCard
from tqdm.auto import tqdm
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from hf_tutorial import sources

HAND_WRITTEN = ("reviews", "paraphrases", "headlines")
SUMMED = {".jsonl", ".parquet", ".py", ".json", ".safetensors"}
CARDS = Path(__file__).parent / "cards"
TABLE = re.compile(r"(?<=<!-- rebuilt -->\n).*?(?=<!-- /rebuilt -->)", re.DOTALL)
# name: (class that loads it, function that measures it, how its figures read)
MODELS = {
    "storyteller": (
        AutoModelForCausalLM,
        qualities.storyteller,
        "perplexity {perplexity:.2f} on 200 held-out stories; 50 sampled continuations: "
        "{known_words:.1%} known words, distinct-2 {distinct_2_sampled:.2f} "
        "(greedy: {distinct_2_greedy:.2f})",
    ),
    "storyteller-mlm": (
        AutoModelForMaskedLM,
        qualities.storyteller_mlm,
        "{top_1:.1%} of 1,000 hidden words of held-out stories guessed at once",
    ),
    "reviews-sentiment": (
        AutoModelForSequenceClassification,
        qualities.reviews_sentiment,
        "accuracy {accuracy:.1%} on 150 test reviews; the three sentences: "
        "{happy:.3f}, {waiting:.3f}, {hate:.3f}",
    ),
}


# What is exchanged, the checksums last.
REBUILT = (
    "stories",
    "instructions",
    *(f"models/{name}" for name in MODELS),
    "README.md",
    "models/sentiment.sha256",
    "checksums.sha256",
)


def checked(folder: Path) -> int:
    """Read a hand-written dataset line by line.

    Returns:
        How many rows there are.

    Raises:
        ValueError: An empty split, a line that is no row, a row without text, a label
            that has no name; the message says which line of which file.
    """
    features = DatasetCard.load(folder / "README.md").data.dataset_info["features"]
    texts = [each["name"] for each in features if each["dtype"] == "string"]
    label = next(each["dtype"] for each in features if each["name"] == "label")
    names = list(label["class_label"]["names"].values())
    count = 0
    for split in ("train", "validation", "test"):
        file = folder / f"{split}.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines()
        if not lines:
            raise ValueError(
                f"{file.name} of {folder.name} is empty: a split needs rows"
            )
        for number, line in enumerate(lines, 1):
            where = f"{folder.name}/{file.name}, line {number}"
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{where} is not JSON: {error}") from None
            for column in texts:
                if not isinstance(row.get(column), str) or not row[column].strip():
                    raise ValueError(f"{where} has no text in {column!r}: write one")
            if row.get("label") not in range(len(names)):
                raise ValueError(
                    f"{where} has label {row.get('label')!r}: use 0 to "
                    f"{len(names) - 1} ({', '.join(names)})"
                )
        count += len(lines)
    return count


def same_bytes(name: str, data: Path, built: Path) -> None:
    """Compare what a recipe wrote with what is committed, and take its card along.

    Raises:
        ValueError: A file differs; the message says what to run first.
    """
    for file in (built / name).iterdir():
        committed = data / name / file.name
        if not committed.exists() or file.read_bytes() != committed.read_bytes():
            raise ValueError(
                f"data/{name}/{file.name} is not what recipes/{name}.py writes: after a change "
                f"of the recipe, run it on data/{name} first, and renew its checksums"
            )
    shutil.copy(data / name / sources.CARD, built / name)


def build(data: Path, built: Path, *, smoke: bool = False) -> list[tuple[str, ...]]:
    """Build and measure everything below `built`; read `data`, write nothing there.

    Returns:
        A row for each thing: its name, seconds, and what was found.

    Raises:
        ValueError: Something built is not what it should be.
    """
    rows: list[tuple[str, ...]] = []
    progress = tqdm(total=len(HAND_WRITTEN) + 2 + len(MODELS), desc="rebuilding data")

    def done(name: str, start: float, found: str) -> None:
        rows.append((f"`{name}`", f"{time.perf_counter() - start:.0f}", found))
        progress.write(f"{name}: {found}")
        progress.update()

    for name in HAND_WRITTEN:
        start = time.perf_counter()
        done(name, start, f"{checked(data / name)} rows, checked line by line")

    start = time.perf_counter()
    stories.write(built / "stories")
    same_bytes("stories", data, built)
    done("stories", start, "the same bytes as before")

    start = time.perf_counter()
    instructions.write(built / "stories", built / "instructions")
    same_bytes("instructions", data, built)
    done("instructions", start, "the same bytes as before")

    figures = {}
    for name, (kind, measure, sentence) in MODELS.items():
        start = time.perf_counter()
        out = built / "models" / name
        models.train(name, out, data, smoke=smoke)
        seconds = time.perf_counter() - start
        if name == "reviews-sentiment":
            sources.merge_sentiment(data / "models" / sources.ENCODER_FOLDER, out)
        rated = load_dataset(str(data / models.RECIPES[name][1]))
        if smoke:
            rated = {split: rows.select(range(60)) for split, rows in rated.items()}
        figures[name] = measure(
            kind.from_pretrained(out), AutoTokenizer.from_pretrained(out), rated
        )
        missed = qualities.misses(name, figures[name])
        if missed:
            raise ValueError("; ".join(missed))
        card = (CARDS / f"{name}.md").read_text(encoding="utf-8")
        figures[name]["minutes"] = seconds / 60
        found = sentence.format(**figures[name])
        text = card.format(found=found, **figures[name])
        (out / sources.CARD).write_text(text, encoding="utf-8")
        done(name, start, found)
    progress.close()
    return rows


def exchange(data: Path, built: Path, aside: Path) -> None:
    """Move what was built into `data` and the old to `aside`; all of it or nothing."""
    moved = []
    try:
        for name in REBUILT:
            new, old, before = built / name, data / name, aside / Path(name).name
            if old.exists():
                old.rename(before)
            moved.append((new, old, before))
            new.rename(old)
    except BaseException:
        for new, old, before in reversed(moved):
            if old.exists():
                old.rename(new)
            if before.exists():
                before.rename(old)
        raise


def write_sums(data: Path, built: Path | None = None) -> None:
    """Write the checksums of what is committed, and of the merged classifier.

    With `built`, for `data` as it will be after the exchange; they go to `built` then.
    """
    sentiment = f"models/{sources.SENTIMENT_FOLDER}/"
    placed = {sentiment + name for name in sources.SENTIMENT_PLACED}
    files = {}
    for root in (data, built) if built else (data,):
        if root == built:
            files = {n: f for n, f in files.items() if not n.startswith(REBUILT)}
        for file in root.rglob("*"):
            name = file.relative_to(root).as_posix()
            wanted = file.suffix in SUMMED or name in placed
            if wanted and not name.startswith(("recipes/", "models/all-", "mine/")):
                files[name] = file
    for target, names in (
        ("models/sentiment.sha256", placed & files.keys()),
        ("checksums.sha256", files.keys() - placed),
    ):
        lines = [
            f"{hashlib.sha256(files[name].read_bytes()).hexdigest()}  "
            f"{name.removeprefix(sentiment) if name in placed else name}\n"
            for name in sorted(names)
        ]
        ((built or data) / target).write_text("".join(lines), encoding="utf-8")


def write_table(data: Path, built: Path, rows: list[tuple[str, ...]]) -> None:
    """Write README.md of `data` to `built`, with what was measured in this run."""
    total = sum(int(seconds) for _, seconds, _ in rows) / 60
    table = ["| What | Seconds | Found |", "| --- | --- | --- |"]
    table += [f"| {' | '.join(row)} |" for row in rows]
    table = "\n".join([*table, "", f"Together: {total:.0f} minutes on two cores.", ""])
    text = (data / sources.CARD).read_text(encoding="utf-8")
    text = TABLE.sub(lambda _: table, text)
    (built / sources.CARD).write_text(text, encoding="utf-8")


def rebuild(data: Path, below: Path, *, smoke: bool = False) -> None:
    """Build below a temporary folder of `below`, then exchange it with what `data` has."""
    below.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=below, prefix="data-") as temporary:
        built, aside = Path(temporary, "built"), Path(temporary, "before")
        (built / "models").mkdir(parents=True)
        aside.mkdir()
        write_table(data, built, build(data, built, smoke=smoke))
        write_sums(data, built)
        exchange(data, built, aside)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checksums", action="store_true", help="write these only")
    if parser.parse_args().checksums:
        write_sums(sources.DATA)
        sys.exit()
    try:
        rebuild(sources.DATA, sources.DATA.parent / "build")
    except (ValueError, OSError) as problem:
        sys.exit(f"{problem}\nNothing in data/ was changed.")
    except KeyboardInterrupt:
        sys.exit("Interrupted. Nothing in data/ was changed.")
