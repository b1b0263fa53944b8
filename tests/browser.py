"""A real browser for the tests that look at pages: Debian's Chromium, driven by Playwright.

`make browser` runs `python -m tests.browser`, which installs Playwright and axe-core as
.github/browser.txt has them and runs every test that opens a browser. In `make test` those are
skipped where one of the two is missing; `browser()` says how it is brought.
"""

import contextlib
import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hf_tutorial import NOTEBOOKS

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
BRING = (
    "`sudo apt install chromium` brings it; any Chromium or Chrome on the PATH will do"
)
ROOT = NOTEBOOKS.parent
LOCK = ROOT / ".github" / "browser.txt"
TESTS = ("decks", "site_in_browser", "lab_in_browser")
FLAGS = (
    "--no-sandbox",  # as root, in containers
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers have little of it
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable() -> str | None:
    """Find a Chromium or a Chrome on this machine."""
    found = (shutil.which(name) for name in (*NAMES, *PLACES))
    return next((path for path in found if path), None)


@contextlib.contextmanager
def browser() -> Iterator:
    """Start the browser, headless; it is closed in the end."""
    playwright = pytest.importorskip(
        "playwright.sync_api",
        reason="no Playwright: `make browser` brings it",
    )
    path = executable()
    if path is None:
        pytest.skip(f"no Chromium: {BRING}")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=list(FLAGS))
        yield opened
        opened.close()


# What takes minutes.
slow = pytest.mark.skipif(
    "HF_TUTORIAL_BROWSER" not in os.environ, reason="only `make browser` runs it"
)
# Success criteria of WCAG 2.2, levels A and AA.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@functools.cache
def axe() -> str:
    """Read axe-core out of the wheel that carries it; the package is never imported."""
    wheel = importlib.util.find_spec("axe_playwright_python")
    if wheel is None:
        pytest.skip("no axe-core: `make browser` brings it")
    return (Path(wheel.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(
    page, part: str = "html", rules: list[str] | None = None, but: str | None = None
) -> list[str]:
    """List what axe-core has against a page, or a part of it: rule, and the first element.

    Args:
        page: Playwright's.
        part: A selector.
        rules: Names of rules, if not all at levels A and AA.
        but: A selector of what is left out. Of thousands of words of code each costs time.
    """
    page.evaluate(axe())
    kind, values = ("rule", rules) if rules else ("tag", RULES)
    context = {"include": [part], "exclude": [but] if but else []}
    options = {
        "resultTypes": ["violations"],
        "runOnly": {"type": kind, "values": values},
    }
    found = page.evaluate(
        "([context, options]) => axe.run(context, options)", [context, options]
    )
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]
    ]


class Window:
    """A window without network, in which files are opened; notes what goes wrong in each.

    One window for many files costs a third of the time of a window for each.
    """

    def __init__(self, opened, size=(1280, 720), site: Path | None = None):
        """Make it in `opened`; files below `site` may ask for each other."""
        width, height = size
        self.site = site.resolve().as_uri() + "/" if site else "about:blank"
        self.context = opened.new_context(
            viewport={"width": width, "height": height}, offline=True
        )
        self.own = "about:blank"
        self.requests: list[str] = []  # for anything but the file itself
        self.errors: list[str] = []
        self.context.on("request", self._asked)
        self.page = self.context.new_page()
        self._listen(self.page)
        self.context.on("page", self._listen)

    def open(self, path: Path, query: str = "") -> None:
        """Open a file, and forget what was noted of the one before."""
        self.page.goto("about:blank")  # or what follows a # would stay
        self.requests.clear()
        self.errors.clear()
        self.own = path.resolve().as_uri()
        self.page.goto(self.own + query)

    def _asked(self, request) -> None:
        own = request.url.partition("#")[0].partition("?")[0] == self.own
        within = ("data:", "about:", "blob:", self.site)
        if not own and not request.url.startswith(within):
            self.requests.append(request.url)

    def _listen(self, page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _said(self, message) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.context.close()


def main() -> int:
    """Bring what is missing, then run every test that opens a browser."""
    if executable() is None:
        raise SystemExit(f"no Chromium here: {BRING}")
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-q"]
    done = subprocess.run([*pip, "--no-deps", "--require-hashes", "-r", str(LOCK)])
    if done.returncode:
        return done.returncode
    files = [f"tests/test_{name}.py" for name in TESTS]
    environment = {**os.environ, "HF_TUTORIAL_BROWSER": "all"}
    pytest_ = [
        sys.executable,
        "-m",
        "pytest",
        "--numprocesses=0",
        *files,
        *sys.argv[1:],
    ]
    return subprocess.run(pytest_, cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
