"""Slides: which cells make one, what stands on it, what the speaker reads, how long it takes."""

import base64
import html
import io
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from hf_tutorial import publish
from hf_tutorial.publish import recording
from hf_tutorial.publish.__main__ import main
from hf_tutorial.publish.lecture import decks, fitting, minutes, notes, prose
from hf_tutorial.publish.lecture.outline import at_most, outline
from hf_tutorial.publish.reading import survey
from tests import guards
from tests.lessons import OPENING, put

PATHS = [path for path in publish.discover() if guards.is_ours(path.name)]


def talk(*cells, **metadata):
    """Make a notebook with an opening: words are Markdown, pairs are code and what it prints."""
    made = [new_markdown_cell(OPENING)]
    for cell in cells:
        if isinstance(cell, str):
            made.append(new_markdown_cell(cell))
        else:
            source, printed = cell
            outputs = [new_output("stream", text=printed)] if printed else []
            made.append(new_code_cell(source, outputs=outputs))
    return new_notebook(cells=made, metadata={"minutes": 10, **metadata})


def sources_of(slides):
    return [[t.cell.source for t in slide.turns if t.cell] for slide in slides[1:]]


def test_blocks_are_cut_at_blank_lines_and_code_in_fences_is_not():
    text = "# A\nwords\n\n```python\nx = 1\n\ny = 2\n```\n\n| a |\n| - |\n| b |\n\n- one\n- two\n\n---\nend"
    kinds = [block.kind for block in prose.blocks(text)]
    assert kinds == ["heading", "paragraph", "fence", "table", "list", "rule"]
    assert prose.blocks(text)[2].text.count("\n") == 4
    assert prose.blocks("") == []
    caption = "*Figure 3.1. One head. Colour: 0 to 1.*"
    assert [b.kind for b in prose.blocks(caption)] == ["caption"]


def test_sentences_end_at_marks_but_not_inside_code():
    text = 'It is 0.99 of 1. Call `a. B(x)` again! Who says "no?" *Not* me:'
    assert prose.sentences(text) == [
        "It is 0.99 of 1.", "Call `a. B(x)` again!", 'Who says "no?"', "*Not* me:",
    ]  # fmt: skip


def test_html_in_prose_is_shown_and_not_interpreted():
    assert "<script" not in prose.as_html("a <script>alert(1)</script>")
    assert 'href="02_model_loading.html"' in prose.as_html(
        "[b](02_model_loading.ipynb#x)"
    )


def test_heading_and_prose_that_reads_an_output_begin_a_slide():
    notebook = talk(
        "## One\n\nWhy?",
        ("a", "1"),
        "It is 1. And now?",
        ("b", "2"),
        "## Two",
        ("c", "3"),
    )
    slides = outline(notebook)
    assert [slide.title for slide in slides] == ["A title", "One", "One", "Two"]
    assert sources_of(slides) == [["a"], ["b"], ["c"]]
    assert [t.lead for s in slides[1:] for t in s.turns] == ["Why?", "And now?", ""]


def test_cell_that_shows_nothing_and_cells_without_a_word_between_share_a_slide():
    notebook = talk(
        "## One", ("a", ""), "More.", ("b", "2"), ("c", "3"), "Read it.", ("d", "4")
    )
    assert sources_of(outline(notebook)) == [["a", "b", "c"], ["d"]]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("slide", [["a"], ["b"], ["c"]]),
        ("fragment", [["a", "b"], ["c"]]),
        ("-", [["a", "b"], ["c"]]),
        ("skip", [["a"], ["c"]]),
    ],
)  # fmt: skip
def test_metadata_overrule_the_rule(kind, wanted):
    between = "" if kind == "slide" else "Read it."
    notebook = talk("## One", ("a", "1"), between, ("b", "2"), "Words.", ("c", "3"))
    notebook.cells[4].metadata["slideshow"] = {"slide_type": kind}
    assert sources_of(outline(notebook)) == wanted


def test_cell_of_notes_is_said_and_what_stands_before_it_is_shown():
    table = "| a |\n| --- |\n| b |"
    notebook = talk("## One", ("a", "1"), f"## Two\n\n{table}\n\nWhy?", "Slowly.\n\n---",
                    ("b", "2"), "Read it.", ("c", "3"))  # fmt: skip
    notebook.cells[4].metadata["slideshow"] = {"slide_type": "notes"}
    _, one, two, three = outline(notebook)
    assert one.after == ["Slowly."]
    assert [block.text for block in two.turns[0].blocks] == [table]
    assert (two.turns[0].lead, two.before) == ("Why?", ["Why?"])
    assert three.before == ["Read it."]


def test_notes_before_the_first_slide_are_not_lost():
    notebook = new_notebook(cells=[new_markdown_cell("Slowly."), new_code_cell("1")])
    notebook.cells[0].metadata["slideshow"] = {"slide_type": "notes"}
    assert outline(notebook)[0].before == ["Slowly."]


def test_first_cell_is_not_shown_and_exercise_and_solution_share_a_slide():
    starter, solution = new_code_cell("x = ..."), new_code_cell("x = 1")
    starter.metadata["tags"], solution.metadata["tags"] = ["exercise"], ["solution"]
    notebook = talk(
        ("start()", "Ready"),
        ("a", "1"),
        "## Exercises\n\nEach.\n\n**1.1 Add.** Find x.",
    )
    notebook.cells += [starter, solution]
    slides = outline(notebook)
    assert [slide.kind for slide in slides] == ["opening", "cells", "exercise"]
    assert slides[2].title == "Exercise 1.1 · Add" and slides[2].solution == solution
    assert [b.text for b in slides[2].turns[0].blocks] == ["Find x."]
    assert slides[2].before == ["Each."]


def test_section_without_code_is_shown_unless_it_is_short_and_leads_on():
    long = "A sentence of words. " * 30
    notebook = talk(f"## Long\n\n{long}\n\n## Short\n\nFew.\n\n### Below", ("a", "1"))
    assert [s.title for s in outline(notebook)] == ["A title", "Long", "Below"]
    assert outline(notebook)[2].before == ["Few."][:1]


def test_neighbours_of_one_heading_are_put_together_where_there_are_too_many():
    cells = [c for i in range(60) for c in ("Read it.", (f"x{i}", "1"))]
    slides = outline(talk("## One", *cells))
    minutes.allot(slides, talk())
    few = at_most(slides)
    assert len(slides) == 61 and len(few) == 40
    assert sum(sources_of(few), []) == [f"x{i}" for i in range(60)]
    assert sum(slide.seconds for slide in few) == pytest.approx(600)


def test_minutes_are_shared_by_what_there_is_to_read_and_add_up():
    notebook = talk("## One\n\n" + "word " * 100, ("a", "1"), "## Two", ("b", "2"))
    slides = outline(notebook)
    minutes.allot(slides, notebook)
    assert sum(slide.seconds for slide in slides) == pytest.approx(600)
    assert slides[1].seconds > slides[2].seconds
    notebook.cells[0].metadata["lecture"] = {"minutes": 3}
    notebook.cells[-1].metadata["lecture"] = {"minutes": 7}
    slides = outline(notebook)
    minutes.allot(slides, notebook)
    assert slides[2].seconds == pytest.approx(420)
    assert slides[0].seconds + slides[1].seconds == pytest.approx(180)


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"minutes": 4}, "add up to 4, and the opening cell plans 10"),
        ({"minutes": 0}, "minutes are 0, not a number above 0, up to 180"),
        ({"tell": "x"}, "has a key 'tell': only ask, lead, minutes, say, slip are read"),
        ({"say": 3}, "say is 3, not a text"),
        ("x", "is 'x': make it a table"),
    ],
)  # fmt: skip
def test_notes_that_nobody_could_read_are_named_and_the_other_decks_are_made(
    checkout, capsys, said, complaint
):
    bad = talk(("a", "1"))
    bad.cells[0].metadata["lecture"] = said
    put(checkout, _01_bad=bad, _02_good=talk(("a", "1")))
    assert publish.slides(checkout) == 1
    faults = capsys.readouterr().err
    assert "01_bad.ipynb: no deck" in faults and complaint in faults
    made = {path.name for path in (checkout / "build/slides").iterdir()}
    assert made == {"02_good.html", "index.html"}


def test_speaker_reads_remarks_first_and_students_never(checkout):
    notebook = talk("## One\n\nSome prose. Why?", ("a", "1"), "It is one.")
    notebook.cells[2].metadata["lecture"] = {"ask": "How *many*?", "slip": "Two."}
    slides = outline(notebook)
    minutes.allot(slides, notebook)
    said = decks.notes(slides[1])
    assert re.search(
        r"Ask:</strong> How <em>many.*Likely slip:.*Some prose.*It is one", said, re.S
    )
    put(checkout, _01_good=notebook)
    publish.handout(checkout)
    students = (checkout / "build/handout/01_good.ipynb").read_text()
    assert "lecture" not in students and "How *many*" not in students


def test_recording_keeps_what_the_speaker_was_told():
    notebook = talk(("a", "1"))
    notebook.cells[1].metadata["lecture"] = {"say": "Slowly."}
    recorded = recording.normalise(notebook)
    assert recorded.cells[1].metadata["lecture"] == {"say": "Slowly."}


def test_slides_command_makes_decks_and_a_page_that_lists_them(checkout, capsys):
    put(
        checkout,
        _01_good=talk(("1 + 1", "2")),
        _11_notes="Ask about pads.",
        _12_none=new_notebook(),
    )
    assert main(["slides"], checkout) == 1
    said = capsys.readouterr()
    assert (
        "11_notes.ipynb is no notebook" in said.err
        and "12_none.ipynb: no deck" in said.err
    )
    index = (checkout / "build/slides/index.html").read_text()
    assert 'href="01_good.html">A title</a> · 2 slides<br>Is it so?' in index


def odd_outputs():
    return [
        new_output("stream", name="stderr", text="\x1b[31mred\x1b[0m"),
        new_output("error", ename="KeyError", evalue="'x'", traceback=[]),
        new_output("display_data", {"image/png": "bm90IGE=", "text/plain": "<Figure>"}),
        new_output("display_data", {"text/html": "<table><tr><td>1</td></tr></table>"}),
        new_output("display_data", {"application/x": "1"}),
        new_output("execute_result", {"text/plain": "interactive(children=())"}),
    ]


def large():
    """Make a picture larger than a slide."""
    made = io.BytesIO()
    Image.new("1", (1600, 1600)).save(made, "PNG")
    return {"a.png": {"image/png": base64.b64encode(made.getvalue()).decode()}}


ODD = {
    "code only": [new_code_cell("1 + 1")],
    "empty cells": [new_markdown_cell(""), new_code_cell(""), new_markdown_cell("---")],
    "words only": [new_markdown_cell("Ask about pads. " * 40)],
    "headings only": [new_markdown_cell("###### Deep"), new_markdown_cell("# Up\n## Down")],
    "long headings": [new_markdown_cell(f"## {'Above ' * 40}\n### {'Word ' * n}"[:400] + "\n\nA.\n\n- b") for n in (11, 13, 18, 60)],
    "raw": [nbformat.v4.new_raw_cell("x"), new_code_cell("1")],
    "outputs": [new_code_cell("x", outputs=odd_outputs())],
    "markup": [new_markdown_cell("# <b>&\n\n```python\nopen fence"), new_code_cell("'</script>'")],
    "exercise without words": [new_code_cell("...", metadata={"tags": ["exercise"]})],
    "pictures": [new_markdown_cell("# A\n\n![x](attachment:a.png)\n\n- y ![y](attachment:a.png)\n\nA ![z](attachment:a.png) z.", attachments=large()), new_code_cell("1")],
    "one endless line": [new_markdown_cell("# A\n\n![x](no.png)\n\n| a |"), new_code_cell("x" * 9000)],
}  # fmt: skip


@pytest.mark.parametrize("cells", ODD.values(), ids=ODD)
def test_notebook_of_ones_own_has_a_deck_whatever_is_in_it(cells, tmp_path):
    path = tmp_path / "11_own_data.ipynb"
    page, count = decks.deck(new_notebook(cells=cells), path)
    assert count >= 1 and page.count("<section") == count
    assert page.count("</script>") == 3


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PICTURES = """## One

![Alone](images/a%20dot.png)

- In ![a list](images/a%20dot.png)

| ![in a table](images/a%20dot.png) |
| --- |
| ![attached](attachment:my%20dot.png) |

It says ![in words](images/a%20dot.png) more."""
WORDS = """## Two

![Elsewhere](https://example.org/a.png)

![Gone](gone.png)

![No picture](secret.txt)

![Attached to nothing](attachment:gone.png)

And ![here](//example.org/b.png)."""


def test_pictures_of_markdown_are_in_the_deck_and_those_it_would_ask_for_are_words(
    checkout,
):
    notebook = talk(PICTURES, ("a", "1"), WORDS, ("b", "2"))
    notebook.cells[1].attachments = {"my dot.png": {"image/png": PIXEL}}
    shown = new_output("display_data", {"text/html": "<img src='http://a.org/x.png'>"})
    notebook.cells[4].outputs = [shown]
    (checkout / "notebooks/images").mkdir()
    (checkout / "notebooks/images/a dot.png").write_bytes(base64.b64decode(PIXEL))
    (checkout / "notebooks/secret.txt").write_text("a secret")
    put(checkout, _01_one=notebook)
    assert publish.slides(checkout) == 0
    page = (checkout / "build/slides/01_one.html").read_text().partition("<script")[0]
    pictures = re.findall(r'<img src="([^"]{22}).*?" alt="([^"]+)"', page)
    assert pictures == [("data:image/png;base64,", words) for words in
        ("Alone", "a list", "in a table", "attached", "in words", "in words")]  # fmt: skip
    assert page.count(PIXEL) == 6  # the words are in the notes as well
    asked = {address[:5] for _, address in survey.survey(page).loaded}
    assert asked == {"data:"}
    for words in ("Elsewhere", "Gone", "No picture", "Attached to nothing", "here"):
        assert f'alt="{words}"' in page


def test_missing_reveal_is_a_sentence_with_the_command(monkeypatch):
    monkeypatch.setattr(decks, "WHEEL", "no_such_wheel")
    monkeypatch.chdir(PATHS[0].parent.parent)
    monkeypatch.setattr(
        decks.sys, "executable", str(decks.Path.cwd() / ".venv/bin/python")
    )
    wanted = r"reveal.js.*`.venv/bin/python -m pip install .*slides.txt"
    with pytest.raises(SystemExit, match=wanted):
        decks.deck(talk(("a", "1")), PATHS[0])
    monkeypatch.setattr(decks.sys, "executable", "/my env/bin/python")
    with pytest.raises(SystemExit, match="`'/my env/bin/python' -m pip install"):
        decks.deck(talk(("a", "1")), PATHS[0])


def test_long_code_is_cut_where_a_statement_begins_and_nothing_is_lost():
    body = "\n".join(f"def f{i}():\n    return {i}\n\n" for i in range(20))
    frames = fitting.packed([fitting.code(body)])
    assert len(frames) > 1
    assert all(re.match("def |$", frame[0].plain[0]) for frame in frames)
    kept = [line for frame in frames for line in frame[0].plain if line]
    assert kept == [line for line in body.splitlines() if line]


def test_two_very_long_lines_of_which_one_fits_a_slide_are_on_two():
    long = "字" * 600
    frames = fitting.packed([fitting.code(f'texts = ["{long}",\n         "{long}"]')])
    assert [frame[0].plain[0][:8] for frame in frames] == ["texts = ", " " * 8]


def test_long_function_is_cut_before_its_outermost_statement_not_inside_an_argument():
    body = "def f(x):\n" + "    a = 1\n" * 12 + "    if x:\n" + "        b = 1\n" * 5
    body += (
        "    else:\n        return call(\n" + "            1,\n" * 10 + "        )\n"
    )
    first, second = fitting.packed([fitting.code(body)])
    assert second[0].plain[0] == "    if x:"
    assert len(first[0].plain) == 13


def test_tabs_and_wide_letters_count_as_they_are_shown():
    output = new_output("stream", text="\t\t" + "字" * 30)
    (piece,) = fitting.pieces_of_output(output, new_code_cell(""))
    assert fitting._rows(piece.plain[0], 20) == 1 < fitting._rows(piece.plain[0], 26)


def test_code_is_as_large_as_its_lines_allow():
    short, wide = (
        fitting.packed([fitting.code("x = 1")]),
        fitting.packed([fitting.code("x" * 88)]),
    )
    assert "font-size:32px" in short[0][0].html and "font-size:20px" in wide[0][0].html


def test_long_table_and_long_list_are_shared_among_frames():
    table = "| a | b |\n| --- | --- |\n" + "\n".join(f"| {i} | c |" for i in range(30))
    points = "\n".join(f"- point {i}" for i in range(30))
    for text in (table, points):
        (block,) = prose.blocks(text)
        frames = fitting.packed([fitting.piece_of(block)])
        assert 2 <= len(frames) <= 4
        made = "".join(piece.html for frame in frames for piece in frame)
        assert made.count("<tr>") == 30 + len(frames) or made.count("<li>") == 30


def test_words_above_code_stay_with_its_beginning_however_long_it_is():
    lead = fitting.words("Which?", "Which?", "lead")
    for lines in (20, 22, 24, 26, 60):
        frames = fitting.packed([lead, fitting.code("\n".join(["x = 1"] * lines))])
        assert [piece.kind for piece in frames[0]] == ["lead", "code"], lines
        kept = [line for frame in frames for p in frame for line in p.plain if line]
        assert len(kept) == lines
        assert all(fitting._total(frame) <= fitting.HEIGHT for frame in frames)


def test_slide_of_prose_shows_some_of_it_and_its_question():
    long = "A sentence that has " + "very " * 60 + "many words."
    notebook = talk(
        f"## One\n\n{long} Short. Second. Third. Fourth. Fifth. Sixth. Why?",
        "## Two\n\nAnother. And more. " + "Words of it. " * 40,
        ("a", "1"),
    )
    (first, *_) = [slide for slide in outline(notebook) if slide.kind == "prose"]
    shown = first.turns[0].blocks[0].text.splitlines()
    assert shown[0] == "- Short." and shown[-1] == "- Why?" and len(shown) == 5


@pytest.fixture(scope="module", params=PATHS, ids=lambda p: p.stem)
def saved(request):
    notebook = nbformat.read(request.param, as_version=4)
    return notebook, decks.deck(notebook, request.param)


def test_deck_has_every_cell_and_loads_nothing(saved):
    notebook, (page, count) = saved
    assert 15 <= count <= 40
    letters = html.unescape(re.sub(r"<[^>]+>", "", page))
    lines = set(letters.splitlines())
    for cell in guards.code(notebook)[1:]:
        missing = [
            line
            for line in cell.source.splitlines()
            if line.strip() and line not in lines
        ]
        assert not missing, cell.id
    written = page.partition("<script>")[0]  # without what reveal.js may write itself
    loaded = re.findall(
        r"""<(?:link|img|iframe)[^>]*?(?:src|href)=["'](.{0,20})""", written
    )
    assert loaded and all(address.startswith("data:") for address in loaded)
    assert "<script src" not in page and "@import" not in written
    assert not re.search(r"url\((?!data:)", written)


def test_deck_has_a_text_for_every_picture(saved):
    page = saved[1][0].partition("<script")[0]
    pictures = re.findall(r"<img[^>]*>", page)
    assert len(pictures) == sum(len(guards.pictures(c)) for c in guards.code(saved[0]))
    assert all(re.search(r'alt="[^"]{40,}"', picture) for picture in pictures)
    assert survey.pictures(survey.survey(page)) == []  # nor the words of a program


def test_no_frame_is_empty_or_has_only_the_words_above_code_or_two_heads_of_a_table(
    saved,
):
    for slide in at_most(outline(saved[0]))[1:]:
        frames = fitting.frames(slide)
        kinds = [[piece.kind for piece in frame] for frame in frames]
        assert kinds and all(frame and frame[-1] != "lead" for frame in kinds)
        assert all(frame.count("table") < 2 for frame in kinds), slide.title


def test_timings_of_a_deck_add_up_to_the_minutes_of_the_notebook(saved):
    notebook, (page, count) = saved
    timings = re.findall(r'<section class="(\w+)" data-timing="(\d+)">', page)
    assert len(timings) == count
    lecture = sum(int(seconds) for kind, seconds in timings if kind != "exercise")
    assert abs(lecture - 60 * notebook.metadata["minutes"]) <= count / 2
    assert all(120 <= int(s) <= 600 for kind, s in timings if kind == "exercise")


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_notes_say_and_ask_at_most_slides(path):
    slides = outline(nbformat.read(path, as_version=4))
    with_notes = [slide for slide in slides if slide.remarks]
    assert len(with_notes) >= 0.8 * len(slides)
    said = [r for slide in slides for r in slide.remarks]
    assert sum(bool(r.ask) for r in said) >= 15 and sum(bool(r.slip) for r in said) >= 8
    assert notes.KEY == "lecture"
