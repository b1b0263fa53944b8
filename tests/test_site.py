"""`make site`: the pages of the saved notebooks, their guards with planted faults, small checkouts."""

import html
import json
import re
from urllib.parse import unquote

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_output
from pygments.styles import get_style_by_name
from pygments.token import STANDARD_TYPES, Whitespace

from hf_tutorial import NOTEBOOKS, collection, publish
from hf_tutorial.publish.__main__ import main
from hf_tutorial.publish.reading import frame, places, survey
from tests import guards
from tests.lessons import contents, lesson, put
from tests.test_project import anchors, sections

ROOT = NOTEBOOKS.parent
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of the site, and what was wrong with it."""
    folder = tmp_path_factory.mktemp("site")
    return folder, publish.write_pages(list(guards.ours().items()), folder, ROOT)


@pytest.fixture(scope="module")
def pages(made):
    folder, _ = made
    return {path.name: path.read_text("utf-8") for path in folder.glob("*.html")}


@pytest.fixture(scope="module")
def surveys(pages):
    return {name: survey.survey(page) for name, page in pages.items()}


def test_site_of_the_saved_notebooks_has_no_fault(made, pages):
    _, faults = made
    assert faults == []
    listed = {f"{name}.html" for name in guards.OURS}
    listed |= {"glossary.html", "cheatsheet.html", "traps.html", "set_up_and_help.html"}
    assert listed < set(pages)
    links = sum(page.count(".html#") for page in pages.values())
    assert links > 150  # so many lead to a heading of another page


def test_every_page_of_the_table_is_in_the_repository():
    assert [name for name in places.MORE if not (ROOT / name).is_file()] == []


def test_pages_name_no_address_but_in_links_that_a_reader_follows(pages, surveys):
    for name, page in pages.items():
        asked = {address.partition("/")[0] for _, address in surveys[name].loaded}
        assert asked <= {"data:,", "data:image", "code"}, name
        ours = "".join(
            re.findall(r"<(?:style|script)>.*?</(?:style|script)>", page, re.S)
        )
        assert not re.search(r"http|@import|url\(", ours), name


def test_address_that_a_page_would_ask_for_is_noticed(pages):
    planted = pages["glossary.html"] + '<img src="https://example.org/a.png" alt="A">'
    assert ("img", "https://example.org/a.png") in survey.survey(planted).loaded


def test_pages_have_a_text_for_every_picture(surveys):
    found = 0
    for name, seen in surveys.items():
        assert survey.pictures(seen) == [], name
        assert all(len(alt) >= 40 for alt, _ in seen.pictures), name
        found += len(seen.pictures)
    assert found > 50


@pytest.mark.parametrize("path", guards.ours(), ids=lambda p: p.stem)
def test_handouts_have_a_text_for_every_picture(path):
    """In JupyterLab, too: the cell of each figure has it, and so has Markdown."""
    notebook = guards.read(path)
    for handed_out in (notebook, publish.with_open_solutions(notebook)):
        for cell in handed_out.cells:
            drawn = any(
                "image/png" in o.get("data", {}) for o in cell.get("outputs", [])
            )
            assert not drawn or len(cell.metadata["alt"]) >= 40
            texts = [alt for alt, _ in guards.IMAGE.findall(cell.source)]
            assert all(len(alt) > 20 for alt in texts)


def given_away(page):
    """List what stands in the lines that are shown of folded cells, beside *Solution*."""
    shown = re.findall(r"<summary[^>]*>(.*?)</summary>", page, flags=re.S)
    return [line for line in shown if line != "Solution"]


def test_every_solution_is_folded_and_its_line_gives_nothing_away(pages):
    for path, notebook in guards.ours().items():
        solutions = [c for c in notebook.cells if "solution" in guards.tags(c)]
        page = pages[f"{path.stem}.html"]
        folds = re.findall(r'<details class="solution">(.*?)</details>', page, re.S)
        assert len(folds) == page.count("<details") == len(solutions)
        assert all("checks" in fold for fold in folds)
        assert not re.search(r"<details[^>]*\bopen\b", page) and given_away(page) == []


def test_line_that_gives_a_solution_away_is_noticed(pages):
    page = pages["02_model_loading.html"]
    told = page.replace(">Solution</summary>", ">Solution: 16</summary>", 1)
    assert given_away(told) == ["Solution: 16"]


def test_pages_show_the_saved_outputs_to_the_letter(pages):
    for path, notebook in guards.ours().items():
        page = html.unescape(pages[f"{path.stem}.html"])
        printed = [
            o.text.strip()
            for c in guards.code(notebook)
            for o in c.outputs
            if "text" in o
        ]
        assert len(printed) > 10
        assert [text[:60] for text in printed if text not in page] == []


def test_pages_link_to_their_neighbours_and_list_their_sections(pages):
    page = pages["02_model_loading.html"]
    assert '<a rel="prev" href="01_tokenization.html">' in page
    assert '<a rel="next" href="03_attention_visualization.html">' in page
    assert '<a rel="prev"' not in pages["00_quick_tour.html"]
    assert '<a rel="next"' not in pages["10_chat_and_adapters.html"]
    listed = re.search(r'<ul class="contents">(.*?)</ul>', page, re.S)[1]
    linked = {unquote(anchor) for anchor in re.findall(r'href="#([^"]+)"', listed)}
    assert {html.unescape(anchor) for anchor in linked} >= {
        heading.replace(" ", "-") for heading in ("Exercises", "In older tutorials", "What you found")
    }  # fmt: skip
    assert not re.search(r'href="[^":]*\.ipynb(?!" download)', page)


def test_headings_have_the_anchors_that_jupyterlab_and_github_give_them(surveys):
    for path in guards.ours():
        found = {s.anchor for s in surveys[f"{path.stem}.html"].headings}
        assert sections(path) <= found, path.name
    for sheet in NOTEBOOKS.glob("*.md"):
        text = re.sub(r"^```.*?^```", "", sheet.read_text("utf-8"), flags=re.M | re.S)
        assert anchors(text) <= {
            s.anchor for s in surveys[f"{sheet.stem}.html"].headings
        }


def test_each_word_of_the_glossary_is_a_place_of_its_own(surveys):
    found = surveys["glossary.html"]
    entries = [
        s for s in found.sections if s.level == 0 and s.anchor not in ("", "count")
    ]
    assert len(entries) >= 90
    assert next(e for e in entries if e.anchor == "collator").heading == "collator"


def test_index_shows_every_notebook_with_its_question_its_minutes_and_a_picture(pages):
    cards = re.findall(r'<li class="card">(.*?)</li>', pages["index.html"], re.S)
    assert len(cards) == len(guards.OURS)
    for card, (path, notebook) in zip(cards, guards.ours().items(), strict=True):
        assert f'href="{path.stem}.html"' in card and "data:image/png" in card
        assert f"<p>{html.escape(collection.question(notebook))}</p>" in card
        assert f"{notebook.metadata.minutes} minutes" in card
    assert "Eleven notebooks from a first prediction" in pages["index.html"]


def searched(folder):
    script = (folder / "search.js").read_text("utf-8")
    return json.loads(script.removeprefix("window.searched = ").rstrip(";\n"))


def test_search_knows_every_section_with_its_text_and_leads_to_its_heading(
    made, surveys
):
    found = searched(made[0])
    hrefs = [href for href, _ in found["pages"]]
    assert hrefs[:2] == ["00_quick_tour.html", "01_tokenization.html"]
    for place, anchor, _, text in found["sections"]:
        assert not anchor or unquote(anchor) in surveys[hrefs[place]].anchors
        assert "  " not in text and "\n" not in text
    by_heading = {(hrefs[s[0]], s[2]): s[3] for s in found["sections"]}
    assert (
        "looks"
        in by_heading["03_attention_visualization.html", "How to read such a picture"]
    )
    assert "the place to pad" in by_heading["glossary.html", "collator"]
    every = " ".join(by_heading.values())
    for path, notebook in guards.ours().items():
        for cell in guards.code(notebook):
            assert " ".join(cell.source.split()) in every, (path.stem, cell.id)


def test_downloads_are_the_notebook_and_the_students_copy(made):
    folder, _ = made
    for path, notebook in guards.ours().items():
        assert nbformat.read(folder / "downloads" / path.name, 4) == notebook
        students = nbformat.read(folder / "downloads/students" / path.name, 4)
        assert not any(
            "solution" in guards.tags(c) or c.get("outputs") for c in students.cells
        )


def test_pages_put_words_where_a_widget_would_be(pages):
    assert "Sliders appear here" in pages["03_attention_visualization.html"]
    assert "interactive(children" not in pages["03_attention_visualization.html"]


def brightness(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [
        p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def unreadable(style, paper):
    """List the kinds of token whose colour has less contrast than WCAG AA asks for."""
    known = get_style_by_name(style)
    seen = [t for t in STANDARD_TYPES if t is not Whitespace]
    colours = {t: known.style_for_token(t)["color"] for t in seen}
    light = {
        t: sorted((brightness(c), brightness(paper))) for t, c in colours.items() if c
    }
    return [
        t for t, (dim, bright) in light.items() if (bright + 0.05) / (dim + 0.05) < 4.5
    ]


def test_colours_of_code_can_be_read_on_light_and_on_dark():
    day, night = re.search(
        r"--code: light-dark\(#(\w+), #(\w+)\)", frame.asset("style.css")
    ).groups()
    assert unreadable(frame.LIGHT, day) == [] == unreadable(frame.DARK, night)
    assert unreadable(frame.LIGHT, night) and unreadable("colorful", day)


# Small checkouts with one fault each.


def drawn(alt):
    cell = lesson("draw()").cells[1]
    cell.outputs = [new_output("display_data", {"image/png": PIXEL})]
    cell.metadata["alt"] = alt
    return cell


PLANTED = {
    "a page that is gone": ("[a](05_gone.ipynb)", r"link to 05_gone.ipynb leads to no page"),
    "a file that is gone": ("[a](../src/gone.py)", "leads to no page and no file of the repository"),
    "a heading that is gone": ("[a](01_good.ipynb#A-tilte)", "leads to no heading; there is #A-title"),
    "a heading of its own": ("[a](#Nowhere)", "link to 01_good.html#Nowhere leads to no heading"),
    "a picture without a text": ("![](a.png)", "a picture without alt text: put"),
    "nbconvert's words": (drawn("No description has been provided for this image"),
                          "without alt text .it says 'No description has been"),
    "the name of a file": ("![cat.png](a.png)", "without alt text .it says 'cat.png'"),
    "a figure without a text": (drawn(""), "cell .*: a picture without alt text"),
    "a picture that is gone": ("![A cat sleeps](gone.png)", "<img> asks for gone.png"),
    "a picture that is attached to no cell": ("![A cat sleeps](attachment:x.png)", "<img> asks for attachment:x.png"),
    "a picture elsewhere": ("![A cat sleeps](https://example.org/a.png)", "<img> asks for https"),
    "a script": ("<script>alert(1)</script>", "<script> asks for code: a page has to stand alone"),
    "a frame": ('<iframe src="//example.org"></iframe>', "<iframe> asks for //example.org"),
    "a formula": ("$$\\sum_i x_i$$", "a formula in TeX"),
    "two of a name": ('<h2 id="A-title">Again</h2>', "two places are called #A-title"),
}  # fmt: skip


@pytest.mark.parametrize("planted, said", PLANTED.values(), ids=PLANTED)
def test_fault_of_a_page_stops_the_site_and_is_named(checkout, capsys, planted, said):
    put(checkout, _01_good=lesson("1 + 1"))
    (checkout / "notebooks/a.png").write_bytes(b"a picture")
    assert main(["site"], checkout) == 0
    before = contents(checkout / "build/site")
    notebook = lesson("1 + 1")
    cell = new_markdown_cell(planted) if isinstance(planted, str) else planted
    notebook.cells.append(cell)
    put(checkout, _01_good=notebook)
    capsys.readouterr()
    assert main(["site"], checkout) == 1
    told = capsys.readouterr().err
    assert re.search(rf"^notebooks/01_good.ipynb: .*{said}", told, re.M), told
    assert told.endswith("no site written: 1 fault\n")
    assert contents(checkout / "build/site") == before


def test_site_of_a_folder_with_a_file_that_is_no_notebook_is_not_written(
    checkout, capsys
):
    put(checkout, _01_good=lesson("1"), _11_notes="Ask about pads.")
    assert publish.site(checkout) == 1
    assert "11_notes.ipynb is no notebook" in capsys.readouterr().err
    assert not (checkout / "build/site").exists()


def test_links_lead_to_pages_from_notebooks_sheets_and_readme(checkout):
    good = lesson("1")
    good.cells[0].source += (
        "\n[a](words.md#two-words) [b](../README.md) [c](../tool.py) [d](../raw.bin)"
        " [e](https://example.org/a.ipynb) [g](../latin.txt)\n\n## Same\n\n## Same\n"
    )
    put(checkout, **{"_01_good one": good})
    (checkout / "notebooks/words.md").write_text(
        "# Words\n\n**Pad.** A filler.\n\n**Two words**: a few.\n\n**Alone**\n\n## Two, words!\n"
    )
    (checkout / "README.md").write_text(
        "# Top\n\nA line.\n\n[f](notebooks/01_good%20one.ipynb#A-title)\n"
    )
    (checkout / "tool.py").write_text('x = "`````"  # odd\n')
    (checkout / "raw.bin").write_bytes(b"\0")
    (checkout / "latin.txt").write_bytes(b"\xe9")
    assert publish.site(checkout) == 0
    site = checkout / "build/site"
    page = (site / "01_good one.html").read_text()
    hrefs = dict(
        (words, href) for href, words in re.findall(r'<a href="([^"]+)">(\w)</a>', page)
    )
    assert hrefs == {
        "a": "words.html#two-words", "b": "set_up_and_help.html", "c": "tool.py.html",
        "d": "repository/raw.bin", "e": "https://example.org/a.ipynb",
        "g": "repository/latin.txt",
    }  # fmt: skip
    assert (
        'href="01_good%20one.html#A-title">f'
        in (site / "set_up_and_help.html").read_text()
    )
    assert 'id="Same"' in page and 'id="Same-1"' in page
    words = survey.survey((site / "words.html").read_text())
    entries = [s.anchor for s in words.sections if s.level == 0 and s.heading]
    assert entries == ["pad", "entry-two-words"]  # the heading keeps its name
    assert "`````" in (site / "tool.py.html").read_text()
    assert (site / "repository/raw.bin").read_bytes() == b"\0"
    assert "A line." in (site / "index.html").read_text()


def test_page_is_added_by_a_line_of_the_table(checkout, monkeypatch):
    put(checkout, _01_good=lesson("1"))
    (checkout / "hall.md").write_text("# A hall\n\nBring chalk.\n")
    monkeypatch.setitem(places.MORE, "hall.md", "For instructors")
    monkeypatch.setitem(places.MORE, "gone.md", "Gone")
    assert publish.site(checkout) == 0
    page = (checkout / "build/site/for_instructors.html").read_text()
    assert (
        "Bring chalk." in page
        and '<a href="for_instructors.html" aria-current="page">' in page
    )
    index = (checkout / "build/site/index.html").read_text()
    assert "Bring chalk." in index and "Gone" not in index


def test_sheets_and_files_of_one_name_have_pages_of_their_own(checkout):
    good = lesson("1")
    good.cells[0].source += (
        "\n[a](01_good.md) [b](index.md) [c](contributing.md) [d](../a/b.py) [e](../a-b.py)"
        " [f](01_good.ipynb)"
    )
    put(checkout, _01_good=good)
    names = ("notebooks/01_good.md", "notebooks/index.md", "notebooks/contributing.md",
             "a/b.py", "a-b.py")  # fmt: skip
    for name in (*names, ".github/CONTRIBUTING.md"):
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text(f"# Of {name}\n")
    assert publish.site(checkout) == 0
    site = checkout / "build/site"
    page = (site / "01_good.html").read_text()
    hrefs = dict(re.findall(r'<a href="([^"]+)">([a-f])</a>', page))
    assert list(hrefs) == [
        "01_good.md.html", "index.md.html", "contributing.html", "a-b.py.html",
        "a-b-2.html", "01_good.html",
    ]  # fmt: skip
    for href, name in zip(hrefs, names, strict=False):
        assert f"Of {name}" in (site / href).read_text()
    assert "Of .github" in (site / "CONTRIBUTING.md.html").read_text()
    assert "A title" in (site / "index.html").read_text()


def test_notebook_that_is_a_link_to_one_elsewhere_has_a_page_and_its_faults_a_name(
    checkout, capsys
):
    elsewhere = checkout / "elsewhere"
    inner = checkout / "inner"
    (inner / "notebooks").mkdir(parents=True)
    (elsewhere / "notebooks").mkdir(parents=True)
    bad = lesson("1")
    put(elsewhere, _01_one=bad)
    (inner / "notebooks/01_one.ipynb").symlink_to(elsewhere / "notebooks/01_one.ipynb")
    assert publish.site(inner) == 0
    bad.cells[0].source += "\n[a](gone.md)"
    put(elsewhere, _01_one=bad)
    assert publish.site(inner) == 1
    assert "notebooks/01_one.ipynb: cell" in capsys.readouterr().err


def test_nothing_of_a_file_outside_of_the_repository_gets_into_the_site(
    checkout, capsys
):
    (checkout / "secret.txt").write_text("a secret")
    inner = checkout / "inner"
    (inner / "notebooks").mkdir(parents=True)
    (inner / "README.md").write_text(
        "# Top\n\n![A very private picture](../secret.txt) [a](../secret.txt) [b](../) [c](sly)\n"
    )
    (inner / "sly").mkdir()
    (inner / "sly/README.md").symlink_to(checkout / "secret.txt")
    put(inner, _01_good=lesson("1"))
    assert publish.site(inner) == 1
    said = capsys.readouterr().err
    for href in ("../secret.txt", "../", "sly"):
        assert f"link to {href} leads to no page" in said
    assert not (inner / "build/site").exists()
