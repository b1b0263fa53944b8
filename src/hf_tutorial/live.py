"""The notebooks live in a lecture hall: JupyterLab in large type, on copies without outputs.

python -m hf_tutorial.live --only 03 -- --no-browser   # what follows `--` goes to JupyterLab

Copies go to build/lecture/, so notebooks/ stays what it is. JupyterLab gets settings of its own
for this once, in a temporary folder: neither the reader's are used, nor are they changed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import nbformat
from jupyterlab_server.workspaces_handler import slugify

from hf_tutorial import collection
from hf_tutorial.appearance import LECTURE
from hf_tutorial.publish.moved import moved
from hf_tutorial.publish.writing import ensure_writable, replacing

# Sizes for 1280 x 720, which projectors have: a line of 88 letters of code fits, just.
SETTINGS = {
    "@jupyterlab/apputils-extension:themes": {
        "theme": "JupyterLab Light",
        "adaptive-theme": False,
        "overrides": {
            "code-font-size": "20px",
            "content-font-size1": "20px",
            "ui-font-size1": "15px",  # tables of pandas, too
        },
    },
    # Nothing asks for the network, and nothing pops up over a slide.
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/application-extension:shell": {"startMode": "single"},
    "@jupyterlab/notebook-extension:tracker": {
        "codeCellConfig": {"lineNumbers": False, "lineWrap": True},
        "scrollPastEnd": True,
        "kernelShutdown": True,
    },
    "@jupyterlab/statusbar-extension:plugin": {"visible": False},
    "@jupyterlab/extensionmanager-extension:plugin": {"enabled": False},
}  # fmt: skip

# What JupyterLab finds as its last state: both side bars folded, nothing open.
FOLDED = {"collapsed": True, "visible": True}
WORKSPACE = {
    "data": {
        "layout-restorer:data": {
            "left": FOLDED,
            "right": FOLDED,
            "relativeSizes": [0, 1, 0],
            "top": {"simpleVisibility": True},
        }
    },
    "metadata": {"id": "default"},
}


def copies(root: Path = collection.ROOT, only: str = "") -> list[Path]:
    """Write the notebooks without outputs to build/lecture/; folded solutions stay folded.

    Args:
        root: The checkout.
        only: The beginning of a name, such as 03; by default all.

    Raises:
        ValueError: No notebook is called so, or one cannot be read.
    """
    found = [
        p for p in collection.discover(root / "notebooks") if p.name.startswith(only)
    ]
    if not found:
        raise ValueError(
            f"no notebook in notebooks/ has a name that begins with {only!r}"
        )
    ensure_writable(root / "build")
    place = root / "build" / "lecture"
    with replacing(place) as folder:
        for path in found:
            notebook = collection.read(path)
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = [], None
            moved(notebook, path.parent, place, {path.name for path in found})
            nbformat.write(notebook, folder / path.name)
    return [place / path.name for path in found]


def command(first: Path, root: Path, settings: Path, options: list[str]) -> list[str]:
    """Write the line that starts JupyterLab on a notebook, with settings in a folder.

    Args:
        first: The notebook that it opens.
        root: The checkout that this lies in, and that the server shows.
        settings: An empty folder for as long as JupyterLab runs.
        options: Of JupyterLab's own, which come last and so count.
    """
    for name in ("app", "user", "workspaces"):
        (settings / name).mkdir()
    # As the reader's: of an overrides.json, JupyterLab 4.6 takes all but the sizes of fonts.
    for plugin, values in SETTINGS.items():
        package, _, name = plugin.partition(":")
        file = settings / "user" / package / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values, indent=1), encoding="utf-8")
    workspace = settings / "workspaces" / f"{slugify('default')}.jupyterlab-workspace"
    workspace.write_text(json.dumps(WORKSPACE), encoding="utf-8")
    return [
        sys.executable, "-m", "jupyterlab",
        f"--LabApp.app_settings_dir={settings / 'app'}",
        f"--LabApp.user_settings_dir={settings / 'user'}",
        f"--LabApp.workspaces_dir={settings / 'workspaces'}",
        f"--LabApp.default_url=/lab/tree/{quote(first.relative_to(root).as_posix())}",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.answer_yes=True",  # Ctrl-C is enough
        *options,
    ]  # fmt: skip


def main(arguments: list[str] | None = None, root: Path = collection.ROOT) -> int:
    """Make the copies and open the first; return when JupyterLab ends."""
    parser = argparse.ArgumentParser(
        prog="python -m hf_tutorial.live",
        description="Open the notebooks in JupyterLab for a lecture: large type, no outputs.",
    )
    parser.add_argument(
        "--only", default="", metavar="NN", help="such as 03; default all"
    )
    parser.add_argument("options", nargs="*", help="for JupyterLab, behind --")
    options = parser.parse_args(arguments)
    try:
        first = copies(root, options.only)[0]
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"copies without outputs: build/lecture/; opening {first.name}", flush=True)
    with tempfile.TemporaryDirectory() as settings:
        line = command(first, root, Path(settings), options.options)
        return _ended(
            subprocess.Popen(line, cwd=root, env={**os.environ, LECTURE: "1"})
        )


def _ended(process: subprocess.Popen) -> int:
    """Wait until JupyterLab ends, which after Ctrl-C shuts its kernels down; a second hurries it.

    Returns:
        Its exit status, or 0 after Ctrl-C.
    """
    asked = 0
    while True:
        try:
            status = process.wait()
            return 0 if asked else status
        except KeyboardInterrupt:  # JupyterLab has had it, too
            asked += 1
            if asked > 1:
                process.terminate()


if __name__ == "__main__":
    sys.exit(main())
