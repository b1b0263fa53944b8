"""JupyterLab for real, in a browser: open 03, run all, move the sliders, save. A minute, so apart."""

import base64
import io
import shutil

import nbformat
import pytest
from PIL import Image, ImageChops

from hf_tutorial import NOTEBOOKS
from tests import browser
from tests.test_lab import Server

pytestmark = browser.slow
NAME = "03_attention_visualization.ipynb"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server for a copy of the package and of one notebook, beside the data."""
    folder = tmp_path_factory.mktemp("lab")
    for kept in ("home", "notebooks"):
        (folder / kept).mkdir()
    shutil.copytree(NOTEBOOKS.parent / "src", folder / "src")
    (folder / "data").symlink_to(NOTEBOOKS.parent / "data")
    shutil.copyfile(NOTEBOOKS / NAME, folder / "notebooks" / NAME)
    own = {"HOME": str(folder / "home"), "PYTHONPATH": str(folder / "src")}
    running = Server(folder, own)
    yield running
    running.stop()


@pytest.fixture
def lab(server):
    """The notebook, opened; the browser may ask the server and nobody else."""
    with browser.browser() as started:
        context = started.new_context(viewport={"width": 1400, "height": 1000})
        here, asked = f"http://127.0.0.1:{server.port}/", []

        def judge(route):
            if route.request.url.startswith((here, "data:", "blob:")):
                return route.continue_()
            asked.append(route.request.url)
            return route.abort()

        context.route("**/*", judge)
        page = context.new_page()
        page.goto(f"{here}lab/tree/notebooks/{NAME}?token=secret&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        page.wait_for_selector("text=Python 3 | Idle", timeout=90_000)
        yield page
        assert asked == []


def menu(page, *names):
    """Choose a command of the menu."""
    page.locator(".lm-MenuBar-item", has_text=names[0]).first.click()
    page.locator(".lm-Menu-itemLabel", has_text=names[1]).first.click()


def save(page):
    page.locator(".jp-NotebookPanel .jp-Notebook").click(position={"x": 5, "y": 5})
    with page.expect_response(
        lambda r: r.request.method == "PUT" and NAME in r.url
    ) as saving:
        page.keyboard.press("Control+s")
    assert saving.value.ok


def test_notebook_that_is_opened_and_saved_is_the_file_that_it_was(lab, server):
    file = server.folder / "notebooks" / NAME
    before = file.read_bytes()
    save(lab)
    assert file.read_bytes() == before


WAITING = """[...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")]
  .filter((one) => one.textContent.includes("*")).length"""


def picture(widget):
    """Give the picture that a widget shows, once it has come."""
    source = widget.locator("img").first.get_attribute("src", timeout=60_000)
    return Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert(
        "RGB"
    )


def test_all_cells_run_and_the_explorers_sliders_change_the_picture(lab, server):
    menu(lab, "Run", "Run All Cells")
    lab.wait_for_function(f"{WAITING} > 10")
    lab.wait_for_function(f"{WAITING} === 0", timeout=600_000)
    lab.locator(
        ".jp-CodeCell", has_text="interact(explore"
    ).scroll_into_view_if_needed()
    widget = lab.locator(".widget-interact")
    widget.wait_for(timeout=300_000)  # the kernel has more to say than its cells
    first = picture(widget)
    handle = widget.locator(".noUi-handle").first
    handle.focus()
    before = handle.get_attribute("aria-valuenow")
    handle.press("ArrowRight")
    lab.wait_for_function(
        "([one, before]) => one.getAttribute('aria-valuenow') !== before",
        arg=[handle.element_handle(), before],
    )
    for _ in range(120):
        second = picture(widget)
        if first.size != second.size or ImageChops.difference(first, second).getbbox():
            break
        lab.wait_for_timeout(500)
    else:
        pytest.fail("the slider moved, and after a minute the picture was the same")
    save(lab)
    saved = nbformat.read(server.folder / "notebooks" / NAME, as_version=4)
    code = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
