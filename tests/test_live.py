"""`make lecture`: copies without outputs, and a JupyterLab that the last row can read."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import matplotlib
import nbformat
import pytest
from nbformat.v4 import new_output

from hf_tutorial import NOTEBOOKS, appearance, live, place, publish
from tests.browser import browser
from tests.lessons import contents, lesson, put

SCHEMAS = Path(sys.prefix) / "share/jupyter/lab/schemas"


def shown(*sources):
    made = lesson(*sources)
    for cell in made.cells[1:]:
        cell.outputs = [new_output("stream", text="as it was saved")]
        cell.execution_count = 1
    return made


def test_copies_have_no_outputs_run_and_leave_the_notebooks_as_they_are(checkout):
    put(checkout, _01_one=shown("x = 6 * 7", "x"), _02_two=shown("1"))
    before = contents(checkout / "notebooks")
    (checkout / "build/lecture").mkdir(parents=True)
    (checkout / "build/lecture/99_old.ipynb").write_text("of the last lecture")
    paths = live.copies(checkout)
    assert [p.name for p in paths] == ["01_one.ipynb", "02_two.ipynb"]
    assert sorted(p.name for p in (checkout / "build/lecture").iterdir()) == [
        p.name for p in paths
    ]
    for path in paths:
        cells = nbformat.read(path, as_version=4).cells
        assert all(not cell.get("outputs") for cell in cells)
    (execution,) = publish.execute(paths[:1])
    assert not execution.failure
    assert execution.code[-1].outputs[0].data["text/plain"] == "42"
    assert contents(checkout / "notebooks") == before


LINKS = (
    "[a](02_two.ipynb#End) [b](traps.md#1-a) [c](../my%20data/x.csv) [d](https://a.org/b.md)"
    " [e](#Here) [f](gone.md) ![A dot](images/dot.png)"
)


def linked(checkout):
    for name in ("notebooks/traps.md", "my data/x.csv", "notebooks/images/dot.png"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).touch()
    one = shown("1")
    one.cells[0].source += f"\n\n{LINKS}"
    put(checkout, _01_one=one, _02_two=shown("1"))


@pytest.mark.parametrize("kind", ["lecture", "instructor", "handout"])
def test_links_of_a_copy_lead_where_they_led_or_where_it_will_lie(checkout, kind):
    linked(checkout)
    live.copies(checkout)
    publish.handout(checkout)
    copy = nbformat.read(checkout / f"build/{kind}/01_one.ipynb", as_version=4)
    wanted = LINKS
    if kind != "handout":  # students put theirs into notebooks/
        wanted = wanted.replace("traps.md", "../../notebooks/traps.md")
        wanted = wanted.replace("../my%20data", "../../my%20data")
        wanted = wanted.replace("images/", "../../notebooks/images/")
    assert wanted in copy.cells[0].source


def test_link_to_a_notebook_that_a_lecture_leaves_out_leads_to_the_saved_one(checkout):
    linked(checkout)
    (path,) = live.copies(checkout, "01")
    source = nbformat.read(path, as_version=4).cells[0].source
    assert "[a](../../notebooks/02_two.ipynb#End)" in source


def test_name_that_no_notebook_has_is_a_sentence(checkout, capsys):
    put(checkout, _01_one=shown("1"))
    assert [p.name for p in live.copies(checkout, "01")] == ["01_one.ipynb"]
    assert live.main(["--only", "07"], checkout) == 1
    assert "begins with '07'" in capsys.readouterr().err


ENDS_LATE = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(pathlib.Path("ended").write_text("at once")))
os.kill(os.getppid(), signal.SIGINT)  # as by Ctrl-C, of which it has itself heard
time.sleep(0.5)
if {again}:
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(30)
pathlib.Path("ended").write_text("by itself")
"""


@pytest.mark.parametrize(("again", "how"), [(False, "by itself"), (True, "at once")])
def test_jupyterlab_has_the_time_it_needs_to_end_until_it_is_asked_again(
    checkout, monkeypatch, again, how
):
    put(checkout, _01_one=shown("1"))
    line = [sys.executable, "-c", ENDS_LATE.format(again=again)]
    monkeypatch.setattr(live, "command", lambda *_: line)
    assert live.main([], checkout) == 0
    assert (checkout / "ended").read_text() == how


def test_jupyterlab_ends_without_a_question(tmp_path):
    line = live.command(tmp_path / "01.ipynb", tmp_path, tmp_path, ["--ip=x"])
    assert "--ServerApp.answer_yes=True" in line and line[-1] == "--ip=x"


def faults(settings):
    """List what JupyterLab's own schemas say against settings, by plugin."""
    found = []
    for plugin, values in settings.items():
        package, _, name = plugin.partition(":")
        file = SCHEMAS / package / f"{name}.json"
        if not file.is_file():
            found.append(f"{plugin}: no such plugin")
            continue
        schema = json.loads(file.read_text(encoding="utf-8"))
        unknown = set(values) - set(schema["properties"])
        found += [f"{plugin}: no setting {key}" for key in sorted(unknown)]
        checked = jsonschema.Draft7Validator(schema).iter_errors(values)
        found += [f"{plugin}: {error.message}" for error in checked]
    return found


def test_settings_are_those_that_jupyterlab_knows():
    assert faults(live.SETTINGS) == []


def test_setting_that_jupyterlab_does_not_know_is_noticed():
    themes = "@jupyterlab/apputils-extension:themes"
    assert faults({"@jupyterlab/no:plugin": {}})
    assert faults({themes: {"tehme": "JupyterLab Light"}})
    assert faults({themes: {"overrides": {"code-size": "20px"}}})
    assert faults({"@jupyterlab/application-extension:shell": {"startMode": "one"}})


def test_figures_are_larger_in_a_lecture_alone(monkeypatch):
    monkeypatch.delenv(appearance.LECTURE, raising=False)
    with matplotlib.rc_context():
        appearance.set_plot_style()
        usual = matplotlib.rcParams["figure.dpi"]
        monkeypatch.setenv(appearance.LECTURE, "1")
        appearance.set_plot_style()
        assert matplotlib.rcParams["figure.dpi"] == usual * 1.5 == 165


def test_copy_that_is_opened_in_a_lecture_moves_to_notebooks_without_a_word(
    monkeypatch,
):
    (NOTEBOOKS.parent / "build").mkdir(exist_ok=True)
    for lecture, quiet in (("0", False), ("1", True)):
        monkeypatch.chdir(NOTEBOOKS.parent / "build")
        monkeypatch.setenv(appearance.LECTURE, lecture)
        assert (place.settle(NOTEBOOKS) is None) is quiet
        assert Path.cwd() == NOTEBOOKS


def address_of(log, process):
    """Wait until JupyterLab has written where it listens."""
    end = time.monotonic() + 90
    while not (found := re.search(r"http://127\.0\.0\.1\S+", log.read_text())):
        assert process.poll() is None and time.monotonic() < end, log.read_text()
        time.sleep(0.2)
    return found[0].replace("token=...", "token=secret")


RUN = "window.jupyterapp.commands.execute('notebook:run-cell-and-select-next')"
IDLE = ".jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status='idle']"
SEEN = """() => ({
  code: getComputedStyle(document.querySelector('.cm-content')).fontSize,
  text: getComputedStyle(document.querySelector('.jp-RenderedHTMLCommon p')).fontSize,
  mode: document.querySelector('.jp-LabShell').dataset.shellMode,
  bar: document.querySelector('#jp-left-stack').checkVisibility(),
  wide: document.querySelector('.jp-CodeCell .cm-content').clientWidth})"""


@pytest.mark.skipif("DRILL" not in os.environ, reason="10 s of computing: `make drill`")
def test_jupyterlab_opens_in_large_type_without_side_bars_and_asks_nobody(tmp_path):
    with browser() as opened:
        log, before = tmp_path / "log", contents(NOTEBOOKS)
        own = {"JUPYTER_RUNTIME_DIR": str(tmp_path / "r"), "HOME": str(tmp_path)}
        own["JUPYTER_CONFIG_DIR"] = str(tmp_path / "config")
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "hf_tutorial.live", "--only", "03", "--",
                 "--no-browser", "--allow-root", "--ServerApp.port=0",
                 "--IdentityProvider.token=secret", "--LabApp.expose_app_in_browser=True"],
                cwd=NOTEBOOKS.parent, env={**os.environ, **own}, stdout=file, stderr=file,
                start_new_session=True,
            )  # fmt: skip
        try:
            page = opened.new_page(viewport={"width": 1280, "height": 720})
            asked, errors = [], []
            page.on("request", lambda request: asked.append(request.url))
            page.on("console", lambda m: m.type == "error" and errors.append(m.text))
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(address_of(log, process), timeout=90_000)
            page.wait_for_selector(".jp-CodeCell .cm-content", timeout=90_000)
            page.wait_for_selector(".jp-RenderedHTMLCommon p", timeout=60_000)
            page.wait_for_function(f"({SEEN})().code === '20px'", timeout=30_000)
            page.wait_for_selector(IDLE, timeout=90_000)
            page.evaluate(RUN)
            page.evaluate(RUN)
            page.wait_for_selector("text=Ready: bundled models", timeout=120_000)
            seen = page.evaluate(SEEN)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
        assert seen["code"] == seen["text"] == "20px"
        assert seen["mode"] == "single-document" and not seen["bar"]
        assert seen["wide"] > 88 * 12  # the longest line of code, unbroken
        own = ("http://127.0.0.1", "data:", "blob:")
        assert [url for url in asked if not url.startswith(own)] == []
        assert errors == []
        assert contents(NOTEBOOKS) == before
