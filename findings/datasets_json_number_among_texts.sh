#!/usr/bin/env bash
# One number among the texts of a JSON Lines column turns all of its texts that look like numbers into numbers.
#
# Seen 2026-11-28 with datasets 5.2.0, Python 3.11, Linux x86-64.
# Expected: codes such as "007" stay texts, and the one number becomes a text or an error.
# Seen: without the number the column is Value("string") and row 0 is "007". With a single 5 in row 1,200 of
#   1,500 the column is of type Json, and row 0, like every other row, comes back as the integer 7: the zeros
#   are gone, nothing is said. With on_mixed_types=None the same file raises an error.
# Who is hurt: post codes, telephone numbers, product codes, class names such as "01", in any export where one
#   row was written without quotes.
# Way out: on_mixed_types=None, or features=Features({"code": Value("string")}) and a look at both ends.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet datasets==5.2.0

HF_HOME="$folder/cache" HF_HUB_OFFLINE=1 env/bin/python - <<'PROGRAM' || exit 1
import json
import sys

from datasets import disable_progress_bars, load_dataset
from datasets.exceptions import DatasetGenerationError

disable_progress_bars()
for name, late in (("texts", "007"), ("mixed", 5)):
    with open(f"{name}.jsonl", "w") as file:
        for row in range(1500):
            file.write(json.dumps({"code": late if row == 1200 else "007"}) + "\n")
texts = load_dataset("json", data_files="texts.jsonl", split="train")
mixed = load_dataset("json", data_files="mixed.jsonl", split="train")
print("texts only:     ", texts.features["code"], repr(texts[0]["code"]))
print("one number late:", mixed.features["code"], repr(mixed[0]["code"]))
try:
    load_dataset("json", data_files="mixed.jsonl", split="train", on_mixed_types=None)
    refused = False
except DatasetGenerationError:
    refused = True
print("on_mixed_types=None raises:", refused)
if (texts[0]["code"], mixed[0]["code"], refused) != ("007", 7, True):
    print("the behaviour has changed", file=sys.stderr)
    raise SystemExit(1)
PROGRAM
