"""What is fetched from the Hub: a repository at a revision, whole or not at all."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import DryRunError
from huggingface_hub.utils import httpx, tqdm

from hf_tutorial.refused import one_line

# Of a model: what `from_pretrained` reads. Not the same weights in five other formats.
OF_A_MODEL = ("*.json", "*.txt", "*.safetensors", "README.md")
NOT_BELOW = ("*/*",)
# What must lie in the cache where the Hub cannot be asked what there is.
NEEDED = {"model": ("config.json", "*.safetensors", "tokenizer*"), "space": ("*.py",)}


@dataclass(frozen=True)
class Wanted:
    """The files of a repository that are wanted, at a revision.

    Attributes:
        name: The id, "owner/name".
        kind: "model", "dataset" or "space".
        revision: A commit of 40 digits, which never changes; None for the newest.
        files: Which files, as in a shell.
        without: Which of those not.
    """

    name: str
    kind: str = "model"
    revision: str | None = None
    files: Sequence[str] = OF_A_MODEL
    without: Sequence[str] = NOT_BELOW

    def __post_init__(self) -> None:
        """Refuse a pin that moves.

        Raises:
            ValueError: The revision is a branch or a tag.
        """
        if self.revision is not None and not re.fullmatch(
            r"[0-9a-f]{40}", self.revision
        ):
            raise ValueError(
                f"the revision {self.revision!r} is no commit of 40 digits, so {self.name} would "
                "not stay as it is: look it up on the page of its commits"
            )


def fetched(wanted: Wanted) -> str:
    """Give the folder of the cache that holds the files; download those that are missing.

    Before anything is downloaded, one line says how much and where to. With a commit as revision
    the Hub is not asked again once all is there.

    Raises:
        OSError: The Hub or the disk failed, and not all files had been downloaded before; or
            what came is not what the Hub has.
    """
    from hf_tutorial.hub import patience

    patience.set_up()
    try:
        return _downloaded(wanted) or _kept(wanted)
    except httpx.TransportError as error:  # the client's, some of which are no OSError
        raise OSError(
            f"{wanted.name} could not be fetched ({one_line(error)})"
        ) from error


def _asked(wanted: Wanted) -> dict[str, Any]:
    return dict(
        repo_id=wanted.name,
        repo_type=wanted.kind,
        allow_patterns=list(wanted.files),
        ignore_patterns=list(wanted.without),
    )


def _downloaded(wanted: Wanted) -> str | None:
    """Download what is missing; None where the Hub fails."""
    asked = _asked(wanted)
    try:
        plan = snapshot_download(
            **asked, revision=wanted.revision, dry_run=True, tqdm_class=_Unseen
        )
    except (DryRunError, httpx.TransportError):
        return None
    if not plan:
        raise OSError(
            f"{wanted.name} on the Hub holds none of {', '.join(wanted.files)}: it was changed "
            "there; please report it"
        )
    missing = [file for file in plan if file.will_download]
    if missing:
        print(announced(wanted, missing), file=sys.stderr)
    # The commit that was looked at, should there be a newer one by now.
    folder = snapshot_download(
        **asked,
        revision=plan[0].commit_hash,
        tqdm_class=None if missing else _Unseen,
    )
    if missing:
        _refuse_other_bytes(wanted, Path(folder), {file.filename for file in missing})
    return folder


def _kept(wanted: Wanted) -> str:
    """Give what was downloaded before, if that is all there is to have."""
    asked = _asked(wanted) | {"revision": wanted.revision, "tqdm_class": _Unseen}
    try:
        folder = snapshot_download(**asked)
    except httpx.TransportError:  # what the client takes for no failure of the Hub
        folder = snapshot_download(**asked, local_files_only=True)
    # Without a list of what the Hub has, the client takes any folder for whole.
    needed = NEEDED.get(wanted.kind, ())
    lacking = [name for name in needed if not any(Path(folder).glob(name))]
    if lacking:
        raise OSError(
            f"{wanted.name} was downloaded in part: {', '.join(lacking)} is not in "
            f"{constants.HF_HUB_CACHE}: connect to the network, unset HF_HUB_OFFLINE if it "
            "is set, and try again"
        )
    return folder


class _Unseen(tqdm):
    """The bar of a download that downloads nothing."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options | {"disable": True})


def announced(wanted: Wanted, missing: Sequence) -> str:
    """Say what is about to be downloaded, how large it is, and where to."""
    size = sum(file.file_size or 0 for file in missing)
    amount = f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{-(-size // 1000)} kB"
    count = f"{len(missing)} file{'s' * (len(missing) > 1)}"
    return (f"Fetching {wanted.name}, {count}, {amount}, from the Hub to "
            f"{constants.HF_HUB_CACHE}, once.")  # fmt: skip


def _refuse_other_bytes(wanted: Wanted, folder: Path, names: set[str]) -> None:
    """Compare what came with the Hub's checksums, which the client leaves out.

    What differs is deleted: it would be taken for whole from then on.
    """
    from huggingface_hub import HfApi

    found = HfApi().verify_repo_checksums(
        wanted.name, repo_type=wanted.kind, revision=folder.name
    )
    damaged = [
        mismatch["path"] for mismatch in found.mismatches if mismatch["path"] in names
    ]
    for name in damaged:
        file = folder / name
        file.resolve().unlink(missing_ok=True)
        file.unlink(missing_ok=True)
    if damaged:
        raise OSError(
            f"{damaged[0]} of {wanted.name} came damaged from the Hub and was deleted: run this "
            "again; if it happens again, ask who runs the network"
        )
