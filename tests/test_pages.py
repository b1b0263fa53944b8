"""`make run`: pages of small checkouts made here."""

import errno
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from hf_tutorial import publish
from hf_tutorial.publish import pages as making
from hf_tutorial.publish.__main__ import main
from tests.lessons import contents, lesson, put


def names(folder):
    return {path.name for path in folder.iterdir()}


# Beside the pages of notebooks; README is a page, as in every checkout.
ALWAYS = {"index.html", "set_up_and_help.html", "search.js"}


def test_run_goes_on_past_a_failing_notebook_and_names_cell_and_error(checkout, capsys):
    put(
        checkout,
        _01_bad=lesson("x = 1", "raise KeyError('no such thing')"),
        _02_good=lesson("1 + 1"),
    )
    before = contents(checkout / "notebooks")
    assert publish.run(checkout) == 1
    said = capsys.readouterr().out
    assert re.search(r"01_bad +2 .*FAILED: cell 2: KeyError: 'no such thing'", said)
    assert re.search(r"02_good +1 .* ok", said)
    assert contents(checkout / "notebooks") == before  # notebooks/ is only read
    made = names(checkout / "build/pages")
    assert made == {"01_bad.html", "02_good.html", "downloads"} | ALWAYS


def test_run_leaves_executed_copies_and_exits_zero(checkout, capsys):
    put(checkout, _01_good=lesson("1 + 1"))
    assert main(["run"], checkout) == 0
    copy = checkout / "build/notebooks/01_good.ipynb"
    executed = nbformat.read(copy, as_version=4)
    assert executed.cells[1].outputs[0].data["text/plain"] == "2"
    assert "peak MB" in capsys.readouterr().out
    assert names(checkout / "build") == {"notebooks", "pages"}


def test_markdown_beside_the_notebooks_becomes_a_page_that_links_to_pages(checkout):
    put(checkout, _01_good=lesson("1 + 1"))
    text = "# Words\n\n[one](01_good.ipynb#A-title), [all](../README.md)\n"
    (checkout / "notebooks/words.md").write_text(text)
    assert publish.run(checkout) == 0
    pages = checkout / "build/pages"
    assert 'href="01_good.html#A-title"' in (pages / "words.html").read_text()
    assert 'href="set_up_and_help.html">all</a>' in (pages / "words.html").read_text()
    assert '<a href="words.html">Words</a>' in (pages / "index.html").read_text()


def test_notebooks_of_ones_own_have_pages_under_the_names_of_their_files(
    checkout, capsys
):
    """No title, no question, empty cells, no cells, old formats, no ids, blanks in a name."""
    old = new_notebook(cells=[new_code_cell("1"), new_code_cell("")])
    old.nbformat_minor = 2
    for cell in old.cells:
        del cell["id"]
    oldest = '{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}'
    angles = lesson("1")
    angles.cells[0].source = "# a < b & c"
    put(
        checkout,
        _09_last=lesson("1"),
        _10_own_data=old,
        _11_none=new_notebook(),
        _12_oldest=oldest,
        _20_angles=angles,
    )
    put(checkout, **{"_10_two words": lesson("1"), "_my notes": lesson("1 / 0")})
    assert publish.run(checkout) == 0
    said = capsys.readouterr().out
    assert "left alone, as not called NN_topic.ipynb: my notes.ipynb" in said
    pages = checkout / "build/pages"
    assert len(list(pages.glob("[0-9]*.html"))) == 6
    assert not (pages / "my notes.html").exists()
    index = (pages / "index.html").read_text()
    number = '<span class="number">10</span>'
    assert f'<h2><a href="10_own_data.html">{number} 10_own_data</a>' in index
    assert "a &lt; b &amp; c</a>" in index and "a < b" not in index
    assert 'href="10_two%20words.html"' in index
    none = (pages / "11_none.html").read_text()
    assert "<title>11_none · " in none and "<h1>11_none</h1>" in none
    assert '<a rel="prev" href="10_two%20words.html">' in none
    assert "<h1>" not in (pages / "20_angles.html").read_text()  # it has its own


def test_file_that_is_no_notebook_has_no_page_and_the_others_have(checkout, capsys):
    put(checkout, _01_good=lesson("1"), _11_notes="Ask about pads.")
    assert publish.run(checkout) == 1
    assert re.search(
        r"11_notes .*FAILED: 11_notes.ipynb is no", capsys.readouterr().out
    )
    made = names(checkout / "build/pages")
    assert made == {"01_good.html", "downloads"} | ALWAYS


def test_links_out_of_a_notebook_into_the_repository_lead_to_pages_beside_its_own(
    checkout, capsys
):
    for name in (
        "findings/seen.sh",
        "tests/traps/toys.py",
        "tests/traps/.hidden",
        "data/README.md",
    ):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("# what lies there\n")
    good = lesson("1 + 1")
    good.cells[0].source += "".join(
        f"\n[{letter}](../{target})"
        for letter, target in zip(
            "abcde",
            (
                "findings/seen.sh",
                "tests/traps/toys.py",
                "tests/traps",
                "data",
                "no/such/",
            ),
            strict=True,
        )
    )
    put(checkout, _01_good=good)
    assert publish.run(checkout) == 0
    pages = checkout / "build/pages"
    page = (pages / "01_good.html").read_text()
    hrefs = {
        letter: href for href, letter in re.findall(r'href="([^"]+)">([a-e])</a>', page)
    }
    assert hrefs == {
        "a": "findings-seen.sh.html", "b": "tests-traps-toys.py.html",
        "c": "tests-traps.html", "d": "data_and_models.html", "e": "../no/such/",
    }  # fmt: skip
    assert all("what lies there" in (pages / hrefs[one]).read_text() for one in "abd")
    listing = (pages / "tests-traps.html").read_text()
    assert "<code>toys.py</code>" in listing and "<code>.hidden" not in listing
    executed = (checkout / "build/notebooks/01_good.ipynb").read_text()
    assert "[a](../../findings/seen.sh)" in executed
    said = capsys.readouterr().err
    assert said.count("leads to no page") == 1 and "link to ../no/such/" in said


def test_checkout_without_notebooks_is_a_sentence(checkout):
    with pytest.raises(SystemExit, match="no notebooks named NN_topic.ipynb"):
        main(["run"], checkout)


def test_fault_of_a_page_is_said_and_costs_nobody_the_pages(checkout, capsys):
    own = lesson("1")
    own.cells[0].source += "\n[on](05_gone.ipynb)"
    put(checkout, _01_good=own)
    assert publish.run(checkout) == 0
    assert "notebooks/01_good.ipynb: cell" in capsys.readouterr().err
    assert (checkout / "build/pages/01_good.html").exists()


@pytest.fixture
def never_executed(monkeypatch):
    monkeypatch.setattr(making, "execute", lambda paths: pytest.fail("executed"))


def test_file_in_the_place_of_build_is_noticed_before_executing(
    checkout, never_executed
):
    put(checkout, _01_good=lesson("1"))
    (checkout / "build").write_text("mine")
    with pytest.raises(SystemExit, match=r"build/ cannot be written \(File exists\)"):
        publish.run(checkout)


def test_checkout_that_is_read_only_is_noticed_before_executing(
    checkout, never_executed, monkeypatch
):
    def refuse(*args, **how):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    put(checkout, _01_good=lesson("1"))
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(SystemExit, match="Read-only file system.*a copy of your own"):
        publish.run(checkout)


def test_full_disk_costs_the_new_pages_but_neither_table_nor_old_pages(
    checkout, capsys, monkeypatch
):
    put(checkout, _01_good=lesson("1"))
    assert publish.run(checkout) == 0
    before = contents(checkout / "build/pages")

    def full(path, *text, **how):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    capsys.readouterr()
    monkeypatch.setattr(Path, "write_text", full)
    assert publish.run(checkout) == 1
    said = capsys.readouterr()
    assert re.search(r"01_good +1 .* ok", said.out)
    assert "no pages written to build/pages/" in said.err
    assert "No space left on device" in said.err and "Traceback" not in said.err
    assert contents(checkout / "build/pages") == before
    assert names(checkout / "build") == {"notebooks", "pages"}
