"""Whether the libraries can be imported, tried in processes that may crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from hf_tutorial import place
from hf_tutorial.doctor import lock, mending
from hf_tutorial.doctor.finding import Finding, pip_install, python
from hf_tutorial.doctor.machine import nvidia

# library: what is imported of it. Two groups of about the same seconds, on two cores.
TORCH = {"torch": "torch", "accelerate": "accelerate"}
OTHERS = {
    "numpy": "numpy",
    "pandas": "pandas",
    "pyarrow": "pyarrow",
    "tokenizers": "tokenizers",
    "safetensors": "safetensors.numpy",
    "huggingface_hub": "huggingface_hub",
    "transformers": "transformers",
    "datasets": "datasets",
    "evaluate": "evaluate",
    "matplotlib": "matplotlib.figure",
    "scikit-learn": "sklearn.metrics",
    "ipywidgets": "ipywidgets",
    "tqdm": "tqdm",
    "ipykernel": "ipykernel",
    "jupyter_client": "jupyter_client",
}
PYTHON = "Python"  # in place of a library, where nothing can be tried
NEEDED = {lock.normal(library) for library in (*TORCH, *OTHERS)}
PATIENCE = 120  # seconds; the first import from a slow disk takes its time
# What evaluate loads for pipelines takes six seconds, and no notebook uses it.
_PROGRAM = """
import importlib, json, os, sys, types
say = os.fdopen(os.dup(1), "w")
quiet = os.open(os.devnull, os.O_WRONLY)
os.dup2(quiet, 1), os.dup2(quiet, 2)
sys.path[:] = [entry for entry in sys.path if entry]
light = types.ModuleType("evaluate.evaluator")
def stand_in(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return object
light.__path__, light.__getattr__ = [], stand_in
sys.modules["evaluate.evaluator"] = light
def tell(*words):
    print(json.dumps(words), file=say, flush=True)
for library, module in json.loads(sys.argv[1]).items():
    tell("trying", library)
    try:
        loaded = importlib.import_module(module)
        if library == "torch":
            cuda, hip = loaded.version.cuda, getattr(loaded.version, "hip", None)
            asked = hip or (cuda and sys.argv[2] == "gpu")
            works = bool(asked) and loaded.cuda.is_available()
            name = loaded.cuda.get_device_name(0) if works else ""
            apple = loaded.backends.mps.is_available()
            tell("torch", loaded.__version__, cuda or "", name, apple, hip or "")
    except BaseException as error:
        missing = getattr(error, "name", None) if isinstance(error, ImportError) else None
        own = isinstance(error, ModuleNotFoundError) and missing == module.partition(".")[0]
        tell("missing" if own else "broken", library, type(error).__name__, str(error)[:300],
             missing.partition(".")[0] if isinstance(error, ModuleNotFoundError) and missing else "")
"""


def libraries() -> list[Finding]:
    """Import each library that the notebooks need, and say which ones fail and how.

    A line for torch says which build it is and whether it sees a GPU.
    """
    gpu = nvidia()
    with ThreadPoolExecutor(2) as pool:
        tried = list(pool.map(lambda group: _try(group, gpu), (TORCH, OTHERS)))
    told = [words for group in tried for words in group]
    found = [_trouble(*words[1:]) for words in told if words[0] == "broken"]
    # Where no Python starts, both groups say the same.
    found = list(dict.fromkeys(found))
    fine = any(words[0] == "fine" for words in told)
    locked = {lock.normal(pin.name) for pin in lock.pins_here()}
    for words in told:
        # Those of the lock file have a line already, that says at which version.
        if fine and words[0] == "missing" and lock.normal(words[1]) not in locked:
            what = f"{words[1]} is not installed"
            found.append(Finding("fix", what, pip_install(words[1])))
    if fine and not found:
        found = [Finding("ok", "the libraries that are installed can be imported")]
    build = next((words[1:] for words in told if words[0] == "torch"), None)
    return found + (_graphics(gpu, *build) if build else [_without_torch(gpu)])


def _try(group: dict[str, str], gpu: str) -> list[list[str]]:
    """Import a group in a process, and in another what stood behind a library that ended it."""
    told, left = [], dict(group)
    while left:
        lines, ending = _process(left, gpu)
        told += [words for words in lines if words[0] != "trying"]
        current = next((w[1] for w in reversed(lines) if w[0] == "trying"), None)
        failed = {words[1] for words in lines if words[0] in ("missing", "broken")}
        names = list(left)
        done = names[: names.index(current)] if current else []
        told += [["fine", name] for name in done if name not in failed]
        if ending is None:
            told += [["fine", current]] if current not in failed else []
            return told
        if current is None:  # not even Python started
            return [*told, ["broken", PYTHON, "import", ending]]
        told.append(["broken", current, "import", ending])
        left = {name: left[name] for name in names[names.index(current) + 1 :]}
    return told


def _process(group: dict[str, str], gpu: str):
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }
    command = [sys.executable, "-c", _PROGRAM, json.dumps(group), "gpu" if gpu else ""]
    try:
        done = subprocess.run(
            command,
            cwd=tempfile.gettempdir(),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
        )
        output = done.stdout
        ending = None if done.returncode == 0 else _how(done.returncode)
    except subprocess.TimeoutExpired as late:
        output, ending = late.stdout or b"", f"took longer than {PATIENCE} s"
    except OSError as error:
        output, ending = b"", str(error)
    whole = output[
        : output.rfind(b"\n") + 1
    ]  # a process that ended may break off in a line
    return [json.loads(line) for line in whole.splitlines()], ending


def _how(status: int) -> str:
    if status < 0:
        return f"ended the process with signal {-status}, as on a processor it was not built for"
    return f"ended the process with status {status}"


def _trouble(library: str, kind: str, message: str, missing: str = "") -> Finding:
    if library == PYTHON:
        what = f"another Python does not start, to try the libraries in: {message}"
        way_out = "close other programs and kernels, and try again; if that does not "
        way_out += f"help, delete .venv, then: {place.set_up()}"
        return Finding("fix", what, way_out)
    wanted = lock.library_of(lock.imported_as(library))
    way_out = mending.install_again(wanted)
    if missing:
        what = f"{library} cannot be imported, because {missing} is missing"
        return Finding("fix", what, mending.install(lock.library_of(missing)))
    if kind == "import":
        what = f"importing {library} {message}"
    else:
        what = f"{library} is installed, but cannot be imported: {kind}: {message}"
    if os.name == "nt" and kind == "OSError" and library == "torch":
        way_out = "install Microsoft's Visual C++ Redistributable, then try again"
    return Finding("fix", what.splitlines()[0], way_out)


def _without_torch(gpu: str) -> Finding:
    return Finding("ok", f"GPU: {gpu or 'none, and none is needed'}")


def _graphics(gpu: str, version: str, cuda: str, name: str, apple: bool, hip: str = ""):
    """Hold the build of torch against the NVIDIA GPU that is here, if any.

    Args:
        gpu: Its name; "" without one.
        version: Of torch.
        cuda: The version of CUDA that torch was built for; "" for none.
        name: The GPU that torch can use.
        apple: Whether it can use Apple's.
        hip: The version of ROCm that torch was built for: that is for GPUs by AMD.
    """
    locked = version.partition("+")[0]
    if (cuda or hip) and name:
        return [Finding("ok", f"GPU: torch {version} uses the {name}")]
    if hip:
        what = f"GPU: torch {version} is a build for AMD GPUs (ROCm {hip}), and sees none here; "
        what += "the notebooks need none"
        way_out = "rocminfo   (says which of them the driver knows)"
        return [Finding("optional", what, way_out)]
    if cuda:
        return [_idle_cuda(gpu, version, cuda)]
    if gpu:
        what = f"GPU: {gpu}, but torch {version} is a build for the CPU; the notebooks need no more"
        install = pip_install(f"torch=={locked}")
        if os.name == "nt":
            install += "   (with the index that PyTorch's own page names)"
        remove = python("-m", "pip", "uninstall", "--yes", "torch")
        return [Finding("optional", what, f"{remove}\n{install}")]
    if apple:
        return [Finding("ok", f"GPU: Apple's, which torch {version} can use")]
    return [Finding("ok", f"GPU: none, and none is needed (torch {version}, CPU)")]


def _idle_cuda(gpu: str, version: str, cuda: str) -> Finding:
    if gpu and os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return Finding("ok", f"GPU: {gpu}, hidden by CUDA_VISIBLE_DEVICES")
    if gpu:
        return Finding(
            "optional",
            f"GPU: {gpu}, which torch {version} (CUDA {cuda}) cannot use: the driver is "
            "older than that, or not loaded",
            "nvidia-smi   (says which CUDA the driver knows)",
        )
    return Finding(
        "optional",
        f"torch {version} brings gigabytes for CUDA {cuda}, and no NVIDIA GPU is here",
        f"delete .venv, then: {place.set_up()}   (takes the build for the CPU)",
    )
