"""Checkpoints that are whole or are not there: saved, found again, and refused elsewhere."""

import errno
import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from hf_tutorial.refused import Refused, causes, one_line

STATE = "progress.json"
LOG = "metrics.jsonl"
KEPT = 2
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# torch and safetensors each wrap a full disk in an error of their own.
SAID_FULL = re.compile(
    r"No space left|Disk quota exceeded|File too large|PytorchStreamWriter failed"
    rf"|os error ({'|'.join(map(str, FULL))})\b"
)


def save(folder: Path, step: int, progress: dict[str, Any], accelerator: Any) -> None:
    """Save everything that a resumed run needs, under a temporary name until it is whole.

    Raises:
        Refused: It could not be written; what was saved before is still there.
    """
    temporary, final = folder / f".step-{step:06}", folder / f"step-{step:06}"
    try:
        if accelerator.is_main_process:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        accelerator.wait_for_everyone()
        accelerator.save_state(str(temporary))
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            progress = {**progress, "step": step, "files": digests(temporary)}
            (temporary / STATE).write_text(json.dumps(progress, indent=1))
            shutil.rmtree(final, ignore_errors=True)
            temporary.rename(final)  # from here on it counts
            for old in _by_step(folder)[:-KEPT]:
                shutil.rmtree(old)
    except Exception as error:
        shutil.rmtree(temporary, ignore_errors=True)
        full = is_full(error)
        if not full and not isinstance(error, OSError):
            raise  # a fault of a program, whose traceback is needed
        raise Refused(
            f"step {step} could not be saved ({one_line(error)}). {last_one(folder)}: "
            + ("free some space, then " if full else "mend that, then ")
            + ("--resume" if newest(folder) else "start again")
        ) from error
    accelerator.wait_for_everyone()


def is_full(error: BaseException) -> bool:
    """Say whether a disk, a quota or a limit on files is behind an error."""
    return any(
        getattr(cause, "errno", None) in FULL or SAID_FULL.search(str(cause))
        for cause in causes(error)
    )


def _by_step(folder: Path) -> list[Path]:
    """List the checkpoints in a folder, the newest last: step 1000000 has a digit more."""
    return sorted(folder.glob("step-*"), key=lambda path: (len(path.name), path.name))


def newest(folder: Path) -> str | None:
    """Name the last checkpoint in a folder."""
    found = _by_step(folder)
    return found[-1].name if found else None


def last_one(folder: Path) -> str:
    """Say what is left when a run ends badly."""
    name = newest(folder)
    return f"{name} is whole" if name else "There is no earlier checkpoint"


def last_whole(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """Find the newest checkpoint whose files are all as they were written; name the others."""
    for path in reversed(_by_step(folder)):
        try:
            progress = json.loads((path / STATE).read_text())
            damaged = [
                name
                for name, digest in progress["files"].items()
                if not (path / name).exists() or _digest(path / name) != digest
            ]
        except (OSError, ValueError, KeyError, AttributeError):
            damaged = [STATE]
        if not damaged:
            return path, progress
        print(
            f"{path.name} is damaged ({', '.join(damaged)}): looking at the one before"
        )
    return None


def digests(folder: Path) -> dict[str, str]:
    """Give the checksum of each file below a folder; FSDP and DeepSpeed save folders."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): _digest(path) for path in files}


def _digest(file: Path) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def resumed(
    output: Path, resume: bool, run: dict[str, Any]
) -> tuple[Path, dict[str, Any]] | None:
    """Decide where to begin: None for the start, else a checkpoint and its progress.

    Args:
        output: The folder of the run.
        resume: Go on there, instead of beginning in an empty folder.
        run: What must be as it was for the run to end as it would have.

    Raises:
        Refused: The output folder is in use, has nothing to resume, or is another run's.
    """
    if not resume:
        if output.exists() and any(output.iterdir()):
            raise Refused(
                f"{output} is not empty: go on there with --resume, or name another "
                "--output-dir"
            )
        return None
    found = last_whole(output / "checkpoints")
    if found is None:
        raise Refused(
            f"there is no whole checkpoint in {output / 'checkpoints'} to resume: start "
            "again without --resume, in a new folder"
        )
    path, progress = found
    before = progress["run"]
    other = [
        f"{key} was {before.get(key)!r} and is {value!r} now"
        for key, value in run.items()
        if before.get(key) != value and key != "rows"
    ]
    if before.get("rows") != run.get("rows"):
        other.append("the rows of --dataset have changed since")
    if other:
        raise Refused(f"{path} belongs to another run: {'; '.join(other)}")
    return found


def tidy(folder: Path, step: int) -> None:
    """Remove what a stopped run left half-done: folders, and lines after `step`."""
    for half in (*folder.glob("checkpoints/.step-*"), *folder.glob(".model")):
        shutil.rmtree(half)
    log = folder / LOG
    kept = []
    for line in log.read_text().splitlines(keepends=True) if log.exists() else []:
        if not line.endswith("\n"):  # killed while it was written
            continue
        figures = json.loads(line)
        # The evaluation after the last saved step is done again.
        if figures["step"] < step or (figures["step"] == step and "loss" in figures):
            kept.append(line)
    temporary = log.with_suffix(".new")
    temporary.write_text("".join(kept))
    os.replace(temporary, log)
