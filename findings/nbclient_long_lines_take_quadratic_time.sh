#!/usr/bin/env bash
# With coalesce_streams=True, nbclient takes time that grows with the square of a printed line's length.
#
# Seen 2026-11-28 with nbclient 0.11.0, Python 3.11, Linux x86-64.
# Expected: a line twice as long takes twice the time; a print of 100,000 letters costs nothing that one notices.
# Seen: after the cell has ended, a line of 25,000 letters takes 0.3 s, of 50,000 1.1 s, of 100,000 4.3 s, so of a million
#   seven minutes, in which no timeout of nbclient's counts and its event loop stands still. The search for a carriage return,
#   `.*\r(?=[^\n])`, begins anew at each letter of a line that has none.
# Who is hurt: whoever executes notebooks of others, or of his own with a long repr or a row of a table without breaks;
#   jupyter execute and papermill's kind look hung, and the cell has long ended.
# Way out: leave coalesce_streams off (the default), or join streams afterwards.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet nbclient==0.11.0 ipykernel==7.4.0

JUPYTER_RUNTIME_DIR="$folder/runtime" env/bin/python - <<'PROGRAM' 2>/dev/null || exit 1
import time

import nbformat
from nbclient import NotebookClient


def seconds(letters, coalesce):
    cell = nbformat.v4.new_code_cell(f"print('x' * {letters})")
    client = NotebookClient(nbformat.v4.new_notebook(cells=[cell]), coalesce_streams=coalesce)
    clock = time.process_time()
    client.execute()
    return time.process_time() - clock


seconds(1, True)  # what is loaded once
found = {n: (seconds(n, False), seconds(n, True)) for n in (40_000, 80_000)}
for letters, (apart, joined) in found.items():
    print(f"a line of {letters:,} letters: {apart:.2f} s, with coalesce_streams {joined:.2f} s")
if found[80_000][1] < 2.5 * found[40_000][1] or found[80_000][1] < 5 * found[80_000][0]:
    print("the behaviour has changed")
    raise SystemExit(1)
PROGRAM
