"""What takes too long for `make test`: `make drill`, or `python -m tests.drill NAME ...`.

kills        the script is killed twenty times, and nothing is lost
stream       2 GB of parquet are trained on as a stream, in flat memory, resumed exactly,
             and dealt to two processes
deepspeed    ZeRO 1 and 2 with our own file, in two processes on the CPU; needs
             pip install -e '.[deepspeed]'
fsdp         two processes under FSDP are killed twenty times
collection   make record, run and data are killed, run twice at once and on full disks, and each
             file of data/ is damaged in each way

At the end it prints one table: what was tried, how often, and what was lost. README=1 writes it
into README.
"""

import importlib.util
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import tests.test_train as held
from hf_tutorial import checkpoints
from tests import drill_collection, measured
from tests.processes import Training, launched, peak
from tests.test_train import command, equal, kill_and_resume, losses, weights

Row = tuple[str, int, list[str]]  # what was done, how often, what was lost
KILLS = 20
LONGER = ("--epochs", 200)  # so that the last kill still meets a run, not its end
BIG, ROOM = (
    2 * 1000**3,
    1.2 * 1000**3,
)  # bytes of the file; of memory above the small run
CLOSE = 1e-5


def tiny(folder: Path) -> Path:
    factory = type("Factory", (), {"mktemp": lambda _, name: folder})()
    return held.tiny.__wrapped__(factory)


def finished(words, folder: Path, **how) -> Training:
    training = Training(words, folder / "cache", **how)
    if training.wait(3600):
        raise RuntimeError(training.said[-3000:])
    return training


def furthest(first: Path, second: Path) -> float:
    pairs = zip(losses(first), losses(second), strict=True)
    return max(abs(one - other) for one, other in pairs)


def kills(folder: Path) -> list[Row]:
    """Kill a run twenty times: it must end as the whole one does."""
    rows = folder / "rows.jsonl"
    held.table([n % 2 for n in range(40)]).to_json(rows)
    model = tiny(folder)
    finished(command(model, rows, folder / "whole", *LONGER), folder)
    killed, at = kill_and_resume(model, rows, folder, KILLS, 1, *LONGER)
    same = equal(weights(folder / "whole"), weights(killed))
    same = same and losses(folder / "whole") == losses(killed)
    print(f"killed {len(at)} times, with these many lines written: {json.dumps(at)}")
    early = at[-1] < len(losses(killed))
    print("same weights and losses as without:", same)
    print("all kills before the end:", early)
    faults = [] if same and early else ["weights, losses, or a kill that came late"]
    return [("kills of train.py", len(at), faults)]


def fsdp(folder: Path) -> list[Row]:
    """Kill two processes under FSDP twenty times: same losses as those of one process."""
    rows = folder / "rows.jsonl"
    held.table([n % 2 for n in range(48)]).to_json(rows)
    words = ["--dataset", rows, "--validation-share", 0, "--max-steps", 60, "--save-every", 2,
             "--batch-size", 8, "--max-length", 16, "--learning-rate", 1e-4, "--precision", "no",
             "--dropout", 0.0, "--checkpoint", tiny(folder), "--output-dir"]  # fmt: skip
    finished([*words, folder / "one"], folder)
    two = {"count": 2, "environment": launched("fsdp"), "honour": True}
    out, again, at = folder / "killed", [], []
    for _ in range(KILLS):
        before = checkpoints.newest(out / "checkpoints")
        training = Training([*words, out, *again], folder / "cache", **two)
        training.until(lambda before=before: checkpoints.newest(out / "checkpoints") != before)  # fmt: skip
        training.kill()
        again = ["--resume"]
        at.append(len(losses(out)))
    finished([*words, out, *again], folder, **two)
    apart = furthest(folder / "one", out)
    print(
        f"killed under FSDP at steps {json.dumps(at)}, furthest from one process: {apart:.1e}"
    )
    faults = (
        [] if apart < CLOSE and at[-1] < 60 else [f"losses {apart:.1e} apart, {at}"]
    )
    return [("kills of two processes under FSDP", len(at), faults)]


def collection(folder: Path) -> list[Row]:
    """Do to a checkout what can be done to it."""
    return drill_collection.parts(folder)


def write_parquet(file: Path, size: int) -> int:
    """Write about `size` bytes of rows with a number, 60 words and one of three labels.

    As pandas and pyarrow write by default: groups of a million rows.

    Returns:
        How many rows.
    """
    import numpy
    import pyarrow
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    draw = numpy.random.default_rng(0)
    phrases = pyarrow.array(
        [" ".join(draw.choice(held.WORDS, 20)) for _ in range(5000)]
    )
    kinds, rows = pyarrow.array(["down", "flat", "up"]), 0
    schema = pyarrow.schema({"text": pyarrow.string(), "label": pyarrow.string()})
    with pq.ParquetWriter(
        file, schema, compression="none", use_dictionary=False
    ) as out:
        while not file.exists() or file.stat().st_size < size:
            count = min(1 << 20, size // 200)
            numbers = pyarrow.array(numpy.arange(rows, rows + count)).cast("string")
            parts = [phrases.take(draw.integers(0, 5000, count)) for _ in range(3)]
            texts = pc.binary_join_element_wise(numbers, *parts, " ")
            labels = kinds.take(draw.integers(0, 3, count))
            out.write_table(pyarrow.table([texts, labels], schema=schema))
            rows += count
    return rows


def stream(folder: Path) -> list[Row]:
    """Train on a file larger than the memory, kill, resume, and deal it to two."""
    model = tiny(folder)
    write_parquet(folder / "small.parquet", 400_000)
    rows = write_parquet(folder / "big.parquet", BIG)
    size = (folder / "big.parquet").stat().st_size
    words = ["--checkpoint", model, "--streaming", "--max-steps", 120, "--save-every", 50,
             "--batch-size", 16, "--max-length", 32]  # fmt: skip

    def line(name, out, *more):
        return [*words, "--dataset", folder / f"{name}.parquet", "--output-dir", folder / out,
                *more]  # fmt: skip

    low, _, _ = peak(line("small", "small"), folder)
    high, seconds, said = peak(line("big", "whole"), folder)
    above = high - low
    print(f"{size / 1e9:.2f} GB, {rows:,} rows, 120 steps in {seconds:.0f} s: peak "
          f"{high / 1e9:.2f} GB, {above / 1e9:.2f} above that of a small file")  # fmt: skip
    print(next(text for text in said.splitlines() if text.startswith("rows ")))

    training = Training(line("big", "killed"), folder / "cache")
    training.until(lambda: checkpoints.newest(folder / "killed/checkpoints"), 1800)
    training.kill()
    finished(line("big", "killed", "--resume"), folder)
    exact = losses(folder / "whole") == losses(folder / "killed")
    exact = exact and equal(weights(folder / "whole"), weights(folder / "killed"))
    print("killed and resumed, bit for bit:", exact)

    finished(line("big", "two"), folder, count=2)
    apart = furthest(folder / "whole", folder / "two")
    print(f"two processes, furthest from the losses of one: {apart:.1e}")
    faults = [f"memory {above / 1e9:.2f} GB above"] * (above >= ROOM)
    faults += ["resumed otherwise"] * (not exact) + [f"{apart:.1e} apart"] * (apart >= CLOSE)  # fmt: skip
    return [("2 GB as a stream: whole, killed, dealt to two", 3, faults)]


def deepspeed(folder: Path) -> list[Row]:
    """Train under ZeRO 1 and 2 as one process does, and survive a kill."""
    if importlib.util.find_spec("deepspeed") is None:
        lacking = "deepspeed is not installed: pip install -e '.[deepspeed]'"
        return [("DeepSpeed, ZeRO 1 and 2", 0, [lacking])]
    # DeepSpeed compiles a part of itself at its first start. Where that was killed, a lock
    # stays, and every later start waits for it without a word: so a place of our own.
    os.environ.setdefault("TORCH_EXTENSIONS_DIR", str(folder / "extensions"))
    rows = folder / "rows.jsonl"
    held.table([n % 2 for n in range(48)]).to_json(rows)
    common = ["--dataset", rows, "--validation-share", 0, "--max-steps", 6, "--save-every", 2,
             "--batch-size", 8, "--max-length", 16, "--warmup-steps", 0]  # fmt: skip
    right = []
    # At 1e-3 bf16 goes other ways after five steps, in one process too.
    for precision, rate in (("no", 1e-3), ("bf16", 1e-4)):
        words = [*common, "--learning-rate", rate]
        one = folder / f"one-{precision}"
        finished([*words, "--precision", precision, "--output-dir", one], folder)
        for stage in (1, 2):
            right += _zero(folder, one, [*words, "--precision", precision], stage)
    faults = ["a line above says False"] * (not all(right))
    what = "DeepSpeed, ZeRO 1 and 2: whole, killed, refused in 1 and 4 processes"
    return [(what, len(right), faults)]


def _zero(folder: Path, one: Path, words: list, stage: int) -> list[bool]:
    """Train with one stage: whole, killed and resumed, and resumed where it cannot be."""
    settings = launched("deepspeed") | {"ACCELERATE_DEEPSPEED_ZERO_STAGE": str(stage)}
    zero = {"environment": settings, "honour": True}
    precision, close = words[-1], CLOSE if words[-1] == "no" else 0.01
    whole, killed = (
        folder / f"{name}-{precision}-{stage}" for name in ("whole", "killed")
    )
    words = [*words, "--accumulate", 2, "--dropout", 0.0, "--output-dir"]
    said = finished([*words, whole], folder, count=2, **zero).said
    training = Training([*words, killed], folder / "cache", count=2, **zero)
    training.until(lambda: checkpoints.newest(killed / "checkpoints"), 600)
    training.kill()
    shutil.copytree(killed, other := killed.with_name(f"{killed.name}-other"))
    finished([*words, killed, "--resume"], folder, count=2, **zero)
    plain = Training([*words, other, "--resume"], folder / "cache")
    four = Training([*words, other, "--resume"], folder / "cache", count=4, **zero)
    plain.wait(), four.wait()
    found = {
        f"runs as ZeRO stage {stage}": f"DeepSpeed, ZeRO stage {stage} in 2" in said,
        f"within {close:g} of one process": furthest(one, whole) < close,
        "killed and resumed, bit for bit": losses(whole) == losses(killed)
        and equal(weights(whole), weights(killed)),
        "saved in float32": {str(w.dtype) for w in weights(whole).values()}
        == {"torch.float32"},
        "logits of the saved model": _apart(one, whole)
        < (1e-4 if precision == "no" else 0.05),
        "refused in one process": "is 'whole copies' now" in plain.said,
        "refused in four": "in 4 processes' now" in four.said,
    }
    for what, so in found.items():
        print(f"ZeRO {stage}, precision {precision}, {what}: {so}")
    return list(found.values())


def _apart(first: Path, second: Path) -> float:
    from tests.test_strategies import logits

    pairs = zip(logits(first), logits(second), strict=True)
    return max(abs(one - other) for one, other in pairs)


PARTS = {"kills": kills, "stream": stream, "deepspeed": deepspeed, "fsdp": fsdp,
         "collection": collection}  # fmt: skip


def table(rows: list[Row]) -> str:
    """Lay out what was tried, how often, and what was lost."""
    lines = ["| what was done | times | lost |", "| --- | --- | --- |"]
    for what, times, faults in rows:
        lines.append(f"| {what} | {times} | {'; '.join(faults) or 'nothing'} |")
    return "\n".join(lines)


def main(names: list[str]) -> int:
    """Return 0 if all that was promised is so."""
    rows: list[Row] = []
    for name in names or PARTS:
        print(f"# {name}", flush=True)
        with tempfile.TemporaryDirectory() as temporary:
            rows += PARTS[name](Path(temporary))
    print(table(rows))
    if not names:
        measured.into_readme("drill", table(rows))
    return int(any(faults for _, _, faults in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
