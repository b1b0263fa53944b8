#!/usr/bin/env bash
# uv refuses a constraint without a hash where pip takes it.
#
# Seen 2026-11-28 with uv 0.13.9 and pip 26.2.1, Python 3.11, Linux x86-64.
# Expected: with --require-hashes, a constraint on a package that is not installed at all changes nothing,
#   as pip has it: constraints limit versions, hashes belong to what is installed.
# Seen: pip installs. uv stops before it looks for anything, status 2:
#   error: In `--require-hashes` mode, all requirements must have their versions pinned with `==`, but found: packaging<100
# Who is hurt: a machine or a company sets UV_CONSTRAINT, or hands pip's constraints on to uv; then no
#   lock file with hashes can be installed there, however complete it is.
# Way out: leave the constraints out for an installation of a complete lock (UV_CONSTRAINT= uv pip install ...).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet uv==0.13.9 pip==26.2.1
printf 'six==1.17.0 \\\n    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274\n' > lock.txt
echo 'packaging<100' > constraints.txt

PIP_CONSTRAINT= env/bin/python -m pip install --quiet --require-hashes -r lock.txt -c constraints.txt --target by_pip
test -f by_pip/six.py && echo "pip: installed"

status=0
env/bin/uv pip install --quiet --require-hashes -r lock.txt -c constraints.txt --target by_uv 2> said.txt || status=$?
cat said.txt
if [ "$status" -ne 2 ] || [ -e by_uv/six.py ] || ! grep -q 'but found: packaging<100' said.txt; then
    echo "the behaviour has changed: uv ended with $status" >&2
    exit 1
fi
env/bin/uv pip install --quiet --require-hashes -r lock.txt --target by_uv
test -f by_uv/six.py && echo "uv without the constraint: installed"
