"""The reader's own settings: what a profile, a startup file or a variable may change."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from hf_tutorial import caches
from hf_tutorial.doctor.finding import ROOT, Finding

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_GONE = (
    "TRANSFORMERS_CACHE",
    "PYTORCH_TRANSFORMERS_CACHE",
    "PYTORCH_PRETRAINED_BERT_CACHE",
)
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


def profile() -> list[Finding]:
    """Find IPython's configuration and startup files, which run in every kernel."""
    own = Path(os.path.expanduser(os.environ.get("IPYTHONDIR") or "~/.ipython"))
    folders = [
        own / "profile_default",
        Path(sys.prefix) / "etc" / "ipython",
        Path("/usr/local/etc/ipython"),
        Path("/etc/ipython"),
    ]
    found = []
    for folder in folders:
        for name in ("ipython_config", "ipython_kernel_config"):
            for file in (folder / f"{name}.py", folder / f"{name}.json"):
                says = _settings_in(file)
                if says:
                    found.append(_of_ipython(f"{file} sets {says}"))
        for file in sorted((folder / "startup").glob("*")):
            if file.suffix in (".py", ".ipy") and _lines(file):
                found.append(_of_ipython(f"{file} runs before each notebook"))
    startup = os.environ.get("PYTHONSTARTUP")
    if startup:
        what = f"PYTHONSTARTUP={startup} runs before each notebook"
        found.append(Finding("optional", what, "unset PYTHONSTARTUP"))
    return found or [Finding("ok", "no IPython profile or startup file of your own")]


def drawing() -> list[Finding]:
    """Find a matplotlibrc; start() draws without it."""
    files = [ROOT / "notebooks" / "matplotlibrc"]
    if os.environ.get("MATPLOTLIBRC"):
        named = Path(os.environ["MATPLOTLIBRC"])
        files += [named, named / "matplotlibrc"]
    if os.environ.get("MPLCONFIGDIR"):
        files.append(Path(os.environ["MPLCONFIGDIR"]) / "matplotlibrc")
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    for folder in (f"{config}/matplotlib", "~/.matplotlib"):
        files.append(Path(os.path.expanduser(folder)) / "matplotlibrc")
    for file in files:
        if file.is_file() and _lines(file):
            return [Finding("ok", f"{file.absolute()} is left out by the notebooks")]
    return []


def variables() -> list[Finding]:
    """Judge the variables that would change how notebooks run; the others are not shown."""
    found = _of_the_source() + _of_python()
    for name in _GONE:
        if os.environ.get(name):
            what = f"{name} means nothing to today's libraries"
            found.append(
                Finding("optional", what, f"unset {name}; HF_HOME moves the caches")
            )
    for name in _THREADS:
        if os.environ.get(name):
            what = f"{name}={os.environ[name]}: training takes other times than the page says"
            found.append(Finding("optional", what, f"unset {name}"))
    backend = os.environ.get("MPLBACKEND")
    if backend and "inline" not in backend:
        what = f"MPLBACKEND={backend}: the notebooks show figures below the cell all the same"
        found.append(Finding("ok", what))
    forced = sorted(
        name
        for name in os.environ
        if name.startswith("ACCELERATE_") and name != "ACCELERATE_DISABLE_RICH"
    )
    if forced:
        what = f"{', '.join(forced)}: Accelerate follows these, so 06 and 07 may differ"
        found.append(Finding("optional", what, f"unset {' '.join(forced)}"))
    return found or [Finding("ok", "no variable is set that changes how notebooks run")]


def _of_the_source() -> list[Finding]:
    source = os.environ.get("HF_TUTORIAL_SOURCE")
    if source is None or source == "bundled":
        return []
    if source != "hub":
        what = f"HF_TUTORIAL_SOURCE is {source!r}: it is 'bundled' or 'hub'"
        return [Finding("fix", what, "unset HF_TUTORIAL_SOURCE")]
    found = [Finding("ok", "HF_TUTORIAL_SOURCE=hub: full-size models, from the Hub")]
    for name in _OFFLINE:
        if caches.switched_on(name):
            what = f"{name}={os.environ[name]} together with HF_TUTORIAL_SOURCE=hub: only what "
            what += "was downloaded before can be loaded"
            found.append(Finding("optional", what, f"unset {name}"))
    return found


def _of_python() -> list[Finding]:
    found = []
    entries = [e for e in os.environ.get("PYTHONPATH", "").split(os.pathsep) if e]
    own = Path(__file__).resolve().parents[2]
    others = [e for e in entries if Path(e).resolve() != own]
    if others:
        what = f"PYTHONPATH={os.pathsep.join(others)}: what lies there hides the libraries here"
        found.append(Finding("optional", what, "unset PYTHONPATH"))
    if os.environ.get("PYTHONHOME"):
        what = "PYTHONHOME is set: kernels may start with another standard library"
        found.append(Finding("optional", what, "unset PYTHONHOME"))
    if os.environ.get("PYTHONOPTIMIZE"):
        what = "PYTHONOPTIMIZE leaves out each assert, so cells that should stop do not"
        found.append(Finding("fix", what, "unset PYTHONOPTIMIZE"))
    raised = os.environ.get("PYTHONWARNINGS", "")
    if re.search(r"(^|,)\s*e", raised):
        what = f"PYTHONWARNINGS={raised} makes an error of each warning of a library"
        found.append(Finding("fix", what, "unset PYTHONWARNINGS"))
    return found


def _of_ipython(what: str) -> Finding:
    return Finding(
        "optional",
        f"{what}; start() puts back what it can, and says so",
        "set IPYTHONDIR to an empty folder to start without it",
    )


def _settings_in(file: Path) -> str:
    """Name what a configuration file sets; "" when it is not there or all comments."""
    lines = [
        line for line in _lines(file) if "get_config()" not in line.partition(".")[0]
    ]
    found = (re.match(r"\s*c\.([\w.]+)\s*[=.(]", line) for line in lines)
    names = dict.fromkeys(match[1] for match in found if match)
    if not names:
        return f"something ({len(lines)} lines)" if lines else ""
    return ", ".join(names)


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [
        line
        for line in text.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
