#!/usr/bin/env bash
# nbconvert's HTML takes the first folder out of every link and picture whose path begins with files/, and says nothing.
#
# Seen 2026-11-28 with nbconvert 7.17.2, mistune 3.4.0, Python 3.11, Linux x86-64.
# Expected: a link in Markdown to files/table.csv is in the HTML what it is in the notebook, as one to data/table.csv is.
# Seen: href="table.csv" and src="cat.png", for files/table.csv and files/cat.png, with exit code 0 and no warning.
#   The filter strip_files_prefix is from the years when a notebook server showed files below /files/.
# Who is hurt: whoever keeps data or pictures of a notebook in a folder called files: links work in JupyterLab, and
#   lead nowhere on the page.
# Way out: another name for the folder; or ./files/, which is left alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet nbconvert==7.17.2 mistune==3.4.0
mkdir files data
echo "a,b" > files/table.csv
echo "a,b" > data/table.csv
cat > notebook.ipynb <<'JSON'
{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "markdown", "id": "a", "metadata": {},
 "source": "[one](files/table.csv) [two](data/table.csv) [three](./files/table.csv) ![A cat](files/cat.png)"}]}
JSON
env/bin/python -m nbconvert --to html --template basic --log-level WARN notebook.ipynb 2> said
links=$(grep -oE '(href|src)="[^"#]*(table|cat)[^"]*"' notebook.html | tr '\n' ' ')
echo "links: $links; said: $(cat said)"
if [ "$links" != 'href="table.csv" href="data/table.csv" href="./files/table.csv" src="cat.png" ' ] || [ -s said ]; then
    echo "the behaviour has changed" >&2
    exit 1
fi
