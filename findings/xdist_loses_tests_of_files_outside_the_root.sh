#!/usr/bin/env bash
# pytest gives tests in files outside of its root directory an id without their file, and pytest-xdist then runs
# one test for each id: a failing test is left out, and the run says "1 passed" with exit code 0.
#
# Seen 2026-11-28 with pytest 9.2.0, pytest-xdist 3.8.0, Python 3.11, Linux x86-64.
# Expected: two files named on the command line, one test of the same name in each, one of them failing: one
#   failure and exit code 1, with any number of workers.
# Seen: with -n0, and with -n2 alone, 1 failed and 1 passed. With -n2 --dist=loadfile, and with --dist=loadscope,
#   "1 passed", exit code 0; both tests are called "::test_same", and the failing one was never run.
# Who is hurt: programs that write tests or notebooks into a temporary folder and run them by the configuration of
#   a project elsewhere (-c): what they planted is not run, and everything is green.
# Way out: --rootdir set to a folder that holds the files, or -n0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet pytest==9.2.0 pytest-xdist==3.8.0
mkdir project elsewhere
printf '[pytest]\n' > project/pytest.ini
printf 'def test_same():\n    pass\n' > elsewhere/test_good.py
printf 'def test_same():\n    assert False, "seen"\n' > elsewhere/test_bad.py

outcome() {  # the options in "$@": the exit code, and the last line's counts
    local code=0
    (cd project && ../env/bin/python -m pytest -q --color=no "$@" ../elsewhere/test_good.py ../elsewhere/test_bad.py) \
        > said.txt 2>&1 || code=$?
    echo "$code: $(tail -n 1 said.txt | sed 's/ in .*//')"
}

one=$(outcome -c pytest.ini --rootdir=. -n0)
files=$(outcome -c pytest.ini --rootdir=. -n2 --dist=loadfile)
scopes=$(outcome -c pytest.ini --rootdir=. -n2 --dist=loadscope)
held=$(outcome -c pytest.ini --rootdir=.. -n2 --dist=loadfile)
printf '%s\n' "one process          $one" "loadfile             $files" "loadscope            $scopes" \
    "loadfile, wider root $held"
if [ "$one" != "1: 1 failed, 1 passed" ] || [ "$files" != "0: 1 passed" ] || [ "$scopes" != "0: 1 passed" ] \
    || [ "$held" != "1: 1 failed, 1 passed" ]; then
    echo "the behaviour has changed" >&2
    exit 1
fi
