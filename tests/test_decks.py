"""Every deck in a real browser, with the network cut off: what is measured, pressed and asked for."""

import copy
import re

import nbformat
import pytest

from hf_tutorial import publish
from hf_tutorial.publish.lecture import decks, plans
from tests import browser, guards
from tests.test_slides import ODD

PATHS = [path for path in publish.discover() if guards.is_ours(path.name)]
PLANS = plans.read((PATHS[0].parent / plans.NAME).read_text(encoding="utf-8"))
# Of each slide: frames and boxes of code whose content is larger than they are, and small code.
MEASURE = """() => {
  const found = [];
  const over = (one) => one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1;
  document.querySelectorAll(".solution").forEach((frame) => (frame.hidden = false));
  for (let place = 0; place < Reveal.getTotalSlides(); place++) {
    Reveal.slide(place);
    const slide = Reveal.getCurrentSlide(), scale = Reveal.getScale();
    document.querySelectorAll(".solution").forEach((frame) => (frame.hidden = false));
    const edge = slide.querySelector(".sheet").getBoundingClientRect();
    for (const one of slide.querySelectorAll(".sheet, header, .frame, pre, figure"))
      if (over(one)) found.push(`${place + 1}: ${one.className || one.tagName} ${one.scrollWidth} x ${one.scrollHeight} in ${one.clientWidth} x ${one.clientHeight}`);
    for (const one of slide.querySelectorAll(".piece, h1, h2, .hint, .timer")) {
      const box = one.getBoundingClientRect();
      if (box.right > edge.right + 1 || box.bottom > edge.bottom + 1 || box.left < edge.left - 1)
        found.push(`${place + 1}: ${one.className} leaves the slide`);
    }
    for (const one of slide.querySelectorAll("pre, td, .html td")) {
      const size = parseFloat(getComputedStyle(one).fontSize) * scale;
      if (size < 20) found.push(`${place + 1}: letters of ${size} px`);
    }
    for (const one of slide.querySelectorAll("figure img")) {
      const box = one.getBoundingClientRect();
      const shown = Math.min(box.width / one.naturalWidth, box.height / one.naturalHeight) * scale;
      if (shown < 0.7) found.push(`${place + 1}: a picture shrunk to ${shown.toFixed(2)}`);
    }
  }
  document.querySelectorAll(".solution").forEach((frame) => (frame.hidden = true));
  return found;
}"""


@pytest.fixture(scope="module")
def opened():
    with browser.browser() as started:
        yield started


@pytest.fixture(scope="module")
def window(opened):
    with browser.Window(opened) as window:
        yield window


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("slides")
    for path in PATHS:
        page, _ = decks.deck(nbformat.read(path, as_version=4), path)
        (made / f"{path.stem}.html").write_text(page, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def shows():
    return {p.name: decks.prepared(nbformat.read(p, as_version=4), p) for p in PATHS}


def ready(deck, path, query=""):
    deck.open(path, query)
    deck.page.wait_for_selector("html[data-ready]", state="attached")
    return deck.page


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_deck_asks_for_nothing_says_nothing_and_nothing_is_cut_off(
    window, folder, path
):
    page = ready(window, folder / f"{path.stem}.html")
    assert page.evaluate("Reveal.getScale()") == 1
    assert page.evaluate("Reveal.getTotalSlides()") >= 15
    assert page.evaluate(MEASURE) == []
    assert (window.requests, window.errors) == ([], [])


def against_axe(page):
    """Look at the title, a figure, an exercise with its solution; give what axe says of each."""
    # reveal.js lays something transparent between slide and page, which axe cannot see through:
    # it would judge no colour at all.
    page.add_style_tag(content=".backgrounds { display: none !important; }")
    found = {}
    for kind in ("section", "section:has(figure)", "section.exercise"):
        place = page.evaluate(
            """(kind) => {
          const slides = [...document.querySelectorAll(".slides > section")];
          const place = slides.indexOf(document.querySelector(".slides > " + kind));
          Reveal.slide(place);
          return place;
        }""",
            kind,
        )
        assert place >= 0, kind
        if kind == "section.exercise":
            page.keyboard.press("a")
        page.wait_for_timeout(900)  # until what fades in has come
        if said := browser.violations(page, "section.present"):
            found[kind] = said
    return found


@browser.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_three_slides_of_a_deck_break_no_rule_of_axe(window, folder, path):
    assert against_axe(ready(window, folder / f"{path.stem}.html")) == {}


@browser.slow
@pytest.mark.parametrize("plan", PLANS, ids=lambda p: p.heading[:20])
def test_three_slides_of_a_planned_lecture_break_no_rule_of_axe(
    window, shows, tmp_path, plan
):
    show = decks.lecture(plan, shows)
    path = tmp_path / show.name
    path.write_text(decks.page(show), encoding="utf-8")
    page = ready(window, path)
    assert page.evaluate(MEASURE) == []
    assert against_axe(page) == {}
    if plan is PLANS[0]:  # what axe would say, were it so
        page.evaluate("document.querySelector('.present h2').style.color = '#ddd'")
        assert "color-contrast" in str(browser.violations(page, "section.present"))


def test_deck_of_an_odd_notebook_says_nothing_and_fits_as_well(window, tmp_path):
    cells = [copy.deepcopy(cell) for odd in ODD.values() for cell in odd]
    notebook = nbformat.v4.new_notebook(cells=cells)
    path = tmp_path / "11_own_data.html"
    path.write_text(decks.deck(notebook, path)[0], encoding="utf-8")
    page = ready(window, path)
    assert page.evaluate(MEASURE) == []
    assert page.title() == "11_own_data"
    assert (window.requests, window.errors) == ([], [])


@pytest.fixture
def deck(window, folder):
    ready(window, folder / "03_attention_visualization.html")
    return window


def test_what_is_too_large_too_small_or_asked_for_is_noticed(deck):
    page = deck.page  # the same deck was measured without a fault above
    page.evaluate("""() => {
      const pieces = document.querySelectorAll(".piece pre.code");
      pieces[0].append("\\n".repeat(40));
      pieces[1].style.fontSize = "12px";
      pieces[2].parentElement.style.marginLeft = "900px";
      document.querySelector("figure").style.height = "100px";
      document.body.append(Object.assign(new Image(), { src: "https://example.org/a.png" }));
    }""")
    found = "\n".join(page.evaluate(MEASURE))
    for fault in ("frame", "letters of 12 px", "leaves the slide", "a picture shrunk"):
        assert fault in found
    page.wait_for_timeout(200)
    assert deck.requests == ["https://example.org/a.png"] and deck.errors


def exercise(page):
    page.evaluate(
        "Reveal.slide([...document.querySelectorAll('.slides > section')]"
        ".findIndex((one) => one.classList.contains('exercise')))"
    )
    return page.locator("section.present")


def test_outputs_wait_for_a_key(deck):
    page = deck.page
    page.evaluate("Reveal.slide(3)")
    output = page.locator("section.present .piece.text").first
    assert not output.is_visible()
    page.keyboard.press("ArrowRight")
    output.wait_for(state="visible", timeout=5000)  # it fades in
    assert page.evaluate("Reveal.getIndices().h") == 3


def test_solution_comes_by_its_key_alone_and_goes_by_it(deck):
    page, slide = deck.page, exercise(deck.page)
    solution, code = slide.locator(".solution"), slide.locator(".frame").first
    assert code.is_visible() and not solution.is_visible()
    page.keyboard.press("a")
    assert solution.is_visible() and "# Solution 3.1" in solution.inner_text()
    page.keyboard.press("a")
    assert not solution.is_visible()
    before = page.evaluate("Reveal.getIndices().h")
    page.keyboard.press("a")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.getIndices().h") == before + 1
    page.keyboard.press("ArrowLeft")
    assert not solution.is_visible()


def test_timer_runs_stops_and_says_when_time_is_over(deck):
    page, timer = deck.page, exercise(deck.page).locator(".timer")
    assert timer.inner_text() == "6:00"
    page.keyboard.press("t")
    page.wait_for_function(
        "document.querySelector('.present .timer').textContent == '5:59'"
    )
    page.keyboard.press("t")
    assert timer.get_attribute("class") == "timer"
    timer.evaluate("one => (one.dataset.left = 0)")
    timer.click()
    page.wait_for_selector(".present .timer.over")
    assert timer.inner_text() == "0:00"
    page.keyboard.press("t")
    assert timer.inner_text() in ("6:00", "5:59") and "over" not in timer.get_attribute(
        "class"
    )


def test_speaker_has_notes_the_hall_does_not_and_keys_reach_the_hall(deck):
    page, slide = deck.page, exercise(deck.page)
    assert not slide.locator("aside.notes").is_visible()
    with deck.context.expect_page() as opening:
        page.keyboard.press("s")
    speaker = opening.value
    notes = speaker.locator(".speaker-controls-notes .value")
    notes.get_by_role("heading", name="Solution").wait_for()
    assert "minutes, on top of the lecture" in notes.inner_text()
    speaker.locator(".pacing").wait_for()  # the clock against the slides' own timings
    here = speaker.frames[1]
    here.locator("section.present.exercise").wait_for()
    here.wait_for_selector("html[data-ready]", state="attached")
    speaker.keyboard.press("a")
    slide.locator(".solution").wait_for(state="visible")
    speaker.keyboard.press("ArrowRight")
    page.wait_for_function(
        "document.querySelector('.present h2').textContent.includes('3.2')"
    )
    speaker.close()  # or it leads the next deck in this window as well
    assert (deck.requests, deck.errors) == ([], [])


def test_printing_makes_a_page_of_each_frame_and_keeps_solutions_back(window, folder):
    path = folder / "03_attention_visualization.html"
    frames = path.read_text(encoding="utf-8").count('<div class="frame"')
    page = ready(window, path, "?print-pdf")
    page.wait_for_selector(".pdf-page")
    pages, slides = page.locator(".pdf-page").count(), page.locator(".pdf-page section")
    steps = path.read_text(encoding="utf-8").count('<div class="frame fragment"')
    assert pages == slides.count() == frames + steps + 1  # the title has no frame
    assert "# Solution" not in page.locator("body").inner_text()
    hidden = "one => getComputedStyle(one).visibility"
    shown = page.locator(".piece").evaluate_all(f"all => all.map({hidden})")
    assert set(shown) == {"visible"}
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == pages
    assert (window.requests, window.errors) == ([], [])


def test_printing_with_notes_puts_them_on_pages_after_their_slides(window, folder):
    path = folder / "10_chat_and_adapters.html"
    page = ready(window, path, "?print-pdf&notes")
    page.wait_for_selector(".speaker-notes-pdf", state="attached")
    slides, notes = (
        page.locator(".pdf-page").count(),
        page.locator(".speaker-notes-pdf"),
    )
    assert notes.count() == path.read_text(encoding="utf-8").count("<section class")
    assert "Ask: What would the storyteller answer" in notes.first.inner_text()
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= slides + notes.count()
    assert (window.requests, window.errors) == ([], [])


def test_deck_of_a_planned_lecture_fits_and_its_slides_are_found_by_a_word(
    window, shows, tmp_path
):
    plan = next(p for p in PLANS if p.heading.startswith("Lecture 1"))
    show = decks.lecture(plan, shows)
    path = tmp_path / show.name
    path.write_text(decks.page(show), encoding="utf-8")
    page = ready(window, path)
    assert page.evaluate(MEASURE) == []
    openings = page.locator("section.opening h1").all_inner_texts()
    assert openings == [show.title, "Quick tour", "Tokenization"]
    page.keyboard.press("g")
    page.locator(".jump-to-slide-input").fill("wordpiece")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "document.querySelector('.present h2')?.textContent.includes('WordPiece')"
    )
    assert (window.requests, window.errors) == ([], [])


def test_missing_browser_skips_and_says_how_it_is_brought(monkeypatch):
    monkeypatch.setattr(browser, "NAMES", ("no-such-browser",))
    assert browser.executable() is None
    pytest.importorskip("playwright")
    with (
        pytest.raises(pytest.skip.Exception, match="apt install chromium"),
        browser.browser(),
    ):
        pass
