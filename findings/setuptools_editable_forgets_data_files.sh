#!/usr/bin/env bash
# setuptools installs a package's data-files, but in an editable install it leaves them out, and says nothing.
#
# Seen 2026-11-28 with setuptools 84.2.1, pip 26.2, Python 3.11, Linux x86-64.
# Expected: `pip install -e .` puts the files of [tool.setuptools.data-files] where `pip install .` puts them.
# Seen: after `pip install .` the file is below sys.prefix; after `pip install -e .` it is nowhere, with exit code 0.
# Who is hurt: authors of Jupyter extensions and kernels, which are switched on by a file in etc/jupyter or
#   share/jupyter: what works for users does nothing in the author's own checkout.
# Way out: a build backend that writes the file into the editable wheel as well, or a symbolic link by hand.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet setuptools==84.2.1 pip==26.2
mkdir -p project/etc
echo '{"on": true}' > project/etc/switch.json
echo 'X = 1' > project/module.py
cat > project/pyproject.toml <<'TOML'
[build-system]
requires = ["setuptools==84.2.1"]
build-backend = "setuptools.build_meta"
[project]
name = "planted"
version = "1"
[tool.setuptools]
py-modules = ["module"]
[tool.setuptools.data-files]
"etc/planted" = ["etc/switch.json"]
TOML

install() {  # with the option in $1, if any; then say whether the file is there
    env/bin/python -m pip install --quiet --no-build-isolation $1 ./project
    env/bin/python -c "import module"
    if test -f env/etc/planted/switch.json; then echo there; else echo missing; fi
    env/bin/python -m pip uninstall --quiet --yes planted
}

plain=$(install "")
editable=$(install "-e")
echo "after pip install: $plain; after pip install -e: $editable"
if [ "$plain $editable" != "there missing" ]; then
    echo "the behaviour has changed" >&2
    exit 1
fi
