#!/usr/bin/env bash
# load_dataset of a folder loads some of its files, leaves the others out, and says nothing.
#
# Seen 2026-11-28 with datasets 5.2.0, Python 3.11, Linux x86-64.
# Expected: every table in the folder is loaded, or an error names the one that is not.
# Seen: of a csv of 2 rows beside a jsonl of 3 rows with the same columns, the 3 rows alone (one format wins);
#   of TRAIN.CSV (6 rows) beside dev.csv (1 row), a validation split of 1 row and no train split (capital endings
#   are no files to it, though TRAIN.CSV loads when it is given by its path and its format).
# Who is hurt: a folder that grew by a second export, or files named by a spreadsheet; training goes on with a part.
# Way out: name the files, load_dataset("csv", data_files={"train": ..., "validation": ...}), and count the rows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet datasets==5.2.0
mkdir mixed capitals
printf 'text,label\na,0\nb,1\n' > mixed/first.csv
printf '{"text": "c", "label": 0}\n{"text": "d", "label": 1}\n{"text": "e", "label": 0}\n' > mixed/second.jsonl
printf 'text,label\na,0\nb,1\nc,0\nd,1\ne,0\nf,1\n' > capitals/TRAIN.CSV
printf 'text,label\ng,1\n' > capitals/dev.csv

HF_HOME="$folder/cache" HF_HUB_OFFLINE=1 env/bin/python - <<'PROGRAM' || exit 1
import sys

from datasets import disable_progress_bars, load_dataset

disable_progress_bars()
mixed = load_dataset("mixed").num_rows
capitals = load_dataset("capitals").num_rows
named = load_dataset("csv", data_files="capitals/TRAIN.CSV").num_rows
print(f"a csv of 2 rows beside a jsonl of 3: {mixed}")
print(f"TRAIN.CSV beside dev.csv: {capitals}; TRAIN.CSV by its path: {named}")
if (mixed, capitals, named) != ({"train": 3}, {"validation": 1}, {"train": 6}):
    print("the behaviour has changed", file=sys.stderr)
    raise SystemExit(1)
PROGRAM
