#!/usr/bin/env bash
# load_dataset(folder, "second") fails when the files of another configuration, the first, are missing.
#
# Seen 2026-11-28 with datasets 5.2.0, Python 3.11, Linux x86-64.
# Expected: a configuration that is asked for by its name needs its own files alone.
# Seen: of a dataset card with two configurations, in a folder with the files of the second, the second cannot
#   be loaded: FileNotFoundError names a file of the first, though every file of it is there. With the two written in the other order
#   in the card, the same files load.
# Who is hurt: somebody who fetched a part of a large dataset (snapshot_download with allow_patterns) and loads
#   just that part, by its name.
# Way out: give the files themselves, load_dataset("parquet", data_files=...), or fetch the first configuration, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet datasets==5.2.0

HF_HOME="$folder/cache" HF_HUB_OFFLINE=1 env/bin/python - <<'PROGRAM' || exit 1
import sys
from pathlib import Path

from datasets import disable_progress_bars, load_dataset

disable_progress_bars()


def loaded(names):
    """Write a card with these configurations and the files of `small`; load it by its name."""
    place = Path("-".join(names))
    (place / "small").mkdir(parents=True)
    (place / "small/train.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n')
    lines = [f"- config_name: {name}\n  data_files: {name}/train.jsonl\n" for name in names]
    (place / "README.md").write_text("---\nconfigs:\n" + "".join(lines) + "---\n")
    try:
        return load_dataset(str(place), "small")["train"].num_rows
    except FileNotFoundError:
        return "no such file"


first, last = loaded(["small", "large"]), loaded(["large", "small"])
print(f"small before large, which is missing: {first}; after it: {last}")
if (first, last) != (2, "no such file"):
    print("the behaviour has changed", file=sys.stderr)
    raise SystemExit(1)
PROGRAM
