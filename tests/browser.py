"""A real browser for the tests that look at pages: Debian's Chromium, driven by Playwright.

Where one of the two is missing, `browser()` skips the test and says how it is brought.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox",  # as root, in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable() -> str | None:
    """Find a Chromium or a Chrome on this machine."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextlib.contextmanager
def browser() -> Iterator:
    """Start the browser, headless; it is closed in the end."""
    playwright = pytest.importorskip(
        "playwright.sync_api",
        reason="no Playwright: .venv/bin/pip install -e '.[browser]' brings it",
    )
    path = executable()
    if path is None:
        pytest.skip("no Chromium: `sudo apt install chromium` brings it")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=list(FLAGS))
        yield opened
        opened.close()


class Window:
    """A window without network, in which files are opened; notes what goes wrong in each.

    One window for many files costs a third of the time of a window for each.
    """

    def __init__(self, opened, size=(1280, 720)):
        width, height = size
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
        if not own and not request.url.startswith(("data:", "about:", "blob:")):
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
