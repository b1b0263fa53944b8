#!/usr/bin/env bash
# Beside jupyter-server, `import nbformat` takes several times as long as alone: most of it goes into a grammar that
# nothing uses.
#
# Seen 2026-11-28 with nbformat 5.11.1, jsonschema 4.26.0, jupyter-events 0.12.1, rfc3987-syntax 1.1.0, lark 1.3.1,
#   Python 3.11, Linux x86-64.
# Expected: a checker of addresses costs something when an address is checked.
# Seen: jupyter-events (so every Jupyter server) brings jsonschema[format-nongpl], and with it rfc3987-syntax, which
#   builds its grammar with lark when it is imported; jsonschema imports it whenever it is installed. 1.4 s of the
#   processor for `import nbformat`, 0.17 s without: eight times.
# Who is hurt: each start of nbconvert, nbclient, nbval under pytest, and of a Jupyter server; test suites that start
#   many such processes.
# Way out: leave rfc3987-syntax out of a locked environment; jsonschema goes without, and only "iri" is then unchecked.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet nbformat==5.11.1 jsonschema==4.26.0 jupyter-events==0.12.1 \
    rfc3987-syntax==1.1.0 lark==1.3.1
cat > seconds.py <<'PYTHON'
import statistics
import subprocess
import sys

program = "import time; a = time.process_time(); import nbformat; print(time.process_time() - a)"


def imported() -> float:
    """Seconds of the processor for `import nbformat` in a new process: median of five, after one."""
    took = [float(subprocess.check_output([sys.executable, "-c", program])) for _ in range(6)]
    return statistics.median(took[1:])


print(f"{imported():.2f}")
PYTHON
unset PYTHONDONTWRITEBYTECODE
beside=$(env/bin/python seconds.py)
env/bin/python -m pip uninstall --quiet --yes rfc3987-syntax lark
alone=$(env/bin/python seconds.py)
echo "import nbformat: $beside s of the processor with rfc3987-syntax, $alone s without"
if ! env/bin/python -c "raise SystemExit($beside < 3 * $alone)"; then
    echo "the behaviour has changed" >&2
    exit 1
fi
