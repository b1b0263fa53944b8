"""The site in a real browser, with the network cut off: every page, and what a reader presses."""

import re
import shutil

import pytest

from hf_tutorial import NOTEBOOKS, publish
from hf_tutorial.publish.reading import places
from tests import browser, guards

ROOT = NOTEBOOKS.parent
SHEETS = [places.of_sheet(path).name for path in sorted(NOTEBOOKS.glob("*.md"))]
SHEETS += [page.name for page in places.more(ROOT)]
# All that are in the list, and of the files that they show one of each kind.
PAGES = (
    *guards.OURS,
    *(name.removesuffix(".html") for name in ("index.html", *SHEETS)),
    "src-hf_tutorial-train.py",
    "LICENSE",
)
ATTENTION = "03_attention_visualization.html"
IN_THE_DARK = ["color-contrast", "link-in-text-block"]
# The colours of code are the same on every page, and measured by tests/test_site.py.
LEFT_OUT = ".highlight span"
# Of the traps, which are all alike and would take minutes, axe reads the first.
SHORTEN = """document.querySelectorAll(".text_cell_render > :nth-child(n + 250)")
  .forEach((one) => one.remove())"""
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 800}
# What would have to be scrolled sideways, on a page that is as wide as a phone.
WIDE = """() => [...document.querySelectorAll("main *, .bar *")].filter((one) => {
  if (one.closest("pre, .output_html, .skip") || !one.getClientRects().length) return false;
  const box = one.getBoundingClientRect();
  return box.right > innerWidth + 1 || box.left < -1;
}).map((one) => one.outerHTML.slice(0, 100))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = tmp_path_factory.mktemp("site")
    publish.write_pages(list(guards.ours().items()), made, ROOT)
    return made


@pytest.fixture(scope="module")
def opened():
    with browser.browser() as started:
        yield started


@pytest.fixture(scope="module")
def window(opened, site):
    with browser.Window(opened, (1280, 800), site) as window:
        yield window


@pytest.fixture
def page(window, site):
    """Notebook 03, on a desk, in a browser that remembers nothing."""
    window.page.set_viewport_size(DESK)
    window.page.emulate_media(color_scheme="light", media="screen")
    window.open(site / ATTENTION)
    window.page.evaluate("localStorage.clear()")
    window.open(site / ATTENTION)
    yield window.page
    assert (window.requests, window.errors) == ([], [])


def test_every_page_of_the_list_is_opened(site):
    listed = re.findall(
        r'<li><a href="([^"]+)\.html"', (site / "index.html").read_text()
    )
    assert set(listed) < set(PAGES) and len(listed) > 15


@pytest.fixture
def desk(window):
    window.page.set_viewport_size(DESK)
    window.page.emulate_media(color_scheme="light", media="screen")
    return window


@pytest.mark.parametrize("name", PAGES)
def test_page_asks_for_nothing_says_nothing_and_fits_a_phone(desk, site, name):
    page = desk.page
    desk.open(site / f"{name}.html")
    assert page.locator("main h1").count() == 1
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.evaluate(WIDE) == []
    assert (desk.requests, desk.errors) == ([], [])


@browser.slow
@pytest.mark.parametrize("name", PAGES)
def test_page_breaks_no_rule_of_axe_on_light_and_on_dark(desk, site, name):
    page = desk.page
    desk.open(site / f"{name}.html")
    page.evaluate("localStorage.clear()")
    page.evaluate(SHORTEN)
    but = None if name in ("00_quick_tour", "cheatsheet") else LEFT_OUT
    assert browser.violations(page, but=but) == []
    page.emulate_media(color_scheme="dark")
    assert browser.violations(page, rules=IN_THE_DARK, but=but) == []


def test_what_is_too_wide_asked_for_or_cannot_be_read_is_noticed(window, site):
    window.open(site / "glossary.html")
    page = window.page
    page.set_viewport_size(PHONE)
    page.evaluate("""() => {
      const main = document.querySelector("main article");
      main.append(Object.assign(document.createElement("p"), { style: "width: 500px; color: #ccc; background: #ddd", textContent: "wide" }));
      main.append(Object.assign(new Image(), { src: "https://example.org/a.png" }));
      console.error("planted");
    }""")
    assert "wide" in "".join(page.evaluate(WIDE))
    assert page.evaluate("document.documentElement.scrollWidth") > 360
    said = "\n".join(browser.violations(page))
    assert "color-contrast" in said and "image-alt" in said
    page.wait_for_timeout(200)
    assert (
        window.requests == ["https://example.org/a.png"] and "planted" in window.errors
    )
    window.open(site / "glossary.html")


def test_next_leads_through_all_notebooks_and_before_leads_back(page, site):
    page.goto((site / "00_quick_tour.html").as_uri())
    seen = [page.locator("h1").inner_text()]
    while page.locator("a[rel=next]").count():
        page.click("a[rel=next]")
        seen.append(page.locator("h1").inner_text())
    assert len(seen) == len(set(seen)) == len(guards.OURS)
    page.click("a[rel=prev]")
    assert page.locator("h1").inner_text() == seen[-2]


def test_list_of_pages_shows_where_one_is_and_follows_the_reader(page):
    current = page.locator("#pages [aria-current=page]")
    assert current.inner_text().split() == ["03", "Attention"]
    page.click("#pages >> text=What you found")
    heading = page.locator("h2", has_text="What you found")
    assert 0 < heading.bounding_box()["y"] < 300  # below the bar
    page.wait_for_selector("#pages .contents [aria-current=location]")
    read = page.locator("#pages .contents [aria-current=location]")
    assert read.inner_text() == "What you found"
    page.click("#pages >> text=Glossary")
    assert page.locator("h1").inner_text() == "Glossary"


def test_link_between_notebooks_leads_to_the_section(page):
    page.goto(page.url.replace(ATTENTION, "glossary.html"))
    page.click("a:has-text('01, Two reviews, one rectangle') >> nth=0")
    assert "01_tokenization.html#Two-reviews" in page.url
    heading = page.locator("h2, h3", has_text="Two reviews, one rectangle")
    assert 0 < heading.bounding_box()["y"] < 300


def test_list_is_behind_a_button_on_a_phone(page):
    page.set_viewport_size(PHONE)
    listed = page.locator("#pages")
    assert not listed.is_visible()
    page.click("#menu")
    assert listed.is_visible()
    assert page.get_attribute("#menu", "aria-expanded") == "true"
    page.click("#pages >> text=Exercises")
    assert not listed.is_visible() and page.url.endswith("#Exercises")
    page.click("#menu")
    page.keyboard.press("Escape")
    assert not listed.is_visible()


def test_search_finds_a_word_shows_it_and_leads_to_its_heading(page):
    page.keyboard.press("/")
    page.keyboard.type("collator map")
    first = page.locator("#results li").first
    first.wait_for()
    texts = page.locator("#results li").all_inner_texts()
    assert all("collator" in t.lower() or "map" in t.lower() for t in texts)
    assert {mark.lower() for mark in first.locator("mark").all_inner_texts()} & {
        "collator",
        "map",
    }
    assert "sections" in page.locator("#count").inner_text()
    page.locator("#results a", has_text="padded in map, then shuffled").click()
    assert "04_dataset_preparation.html#When-it-breaks" in page.url
    heading = page.locator("h3", has_text="padded in map, then shuffled")
    assert 0 < heading.bounding_box()["y"] < 300


def test_search_knows_words_of_the_glossary_and_goes_on_return(page):
    page.click("#open-search")
    page.keyboard.type("collator")
    page.locator("#results li").first.wait_for()
    assert page.locator("#results a").first.inner_text() == "collator"
    page.keyboard.press("Enter")
    page.wait_for_url("**/glossary.html#collator")


def test_search_without_a_hit_says_so_and_closes(page):
    page.keyboard.press("/")
    page.keyboard.type("zyzzyva")
    page.wait_for_function(
        "document.getElementById('count').textContent == '0 sections'"
    )
    assert page.locator("#results li").count() == 0
    page.keyboard.press("Escape")
    assert not page.locator("#search").is_visible()
    page.keyboard.press("/")
    page.click("#search button")
    assert not page.locator("#search").is_visible()


def test_search_on_paper_words_is_shown_as_text_never_as_html(page):
    page.keyboard.press("/")
    page.keyboard.type("<unk>")
    page.wait_for_function("document.getElementById('count').textContent")
    assert page.locator("#results unk").count() == 0


def test_page_that_was_copied_alone_says_what_search_needs(opened, site, tmp_path):
    shutil.copyfile(site / ATTENTION, tmp_path / "alone.html")
    with browser.Window(opened, (1280, 800), tmp_path) as window:
        window.open(tmp_path / "alone.html")
        window.page.keyboard.press("/")
        window.page.keyboard.type("head")
        window.page.wait_for_selector("text=Search needs the file search.js")


def paper(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_theme_follows_the_system_until_it_is_chosen_and_is_remembered(page, site):
    light = paper(page)
    page.emulate_media(color_scheme="dark")
    dark = paper(page)
    assert light == "rgb(255, 255, 255)" != dark
    page.emulate_media(color_scheme="light")
    # The page hears of it a moment later.
    page.wait_for_function("document.getElementById('theme').innerText === 'Dark'")
    page.click("#theme")
    assert paper(page) == dark and page.locator("#theme").inner_text() == "Light"
    page.reload()
    assert paper(page) == dark
    page.goto((site / "glossary.html").as_uri())
    assert paper(page) == dark  # on other pages, too
    page.click("#theme")
    assert paper(page) == light
    page.emulate_media(color_scheme="dark")
    assert paper(page) == dark  # chosen as the system is: followed again


def test_page_that_may_keep_nothing_has_its_switch_all_the_same(opened, site):
    with browser.Window(opened, (1280, 800), site) as window:
        window.context.add_init_script(
            "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no') } })"
        )
        window.open(site / ATTENTION)
        before = paper(window.page)
        window.page.click("#theme")
        assert paper(window.page) != before and window.errors == []


def test_long_code_can_be_scrolled_by_keys_on_a_phone_and_short_code_is_no_stop(page):
    page.set_viewport_size(PHONE)
    page.wait_for_function("document.querySelectorAll('main pre[tabindex]').length > 3")
    assert page.evaluate(
        "[...document.querySelectorAll('main pre')].every("
        "(one) => (one.scrollWidth > one.clientWidth + 1) === (one.tabIndex === 0))"
    )


def test_solution_is_folded_until_it_is_pressed(page):
    solution = page.locator("details.solution").first
    code = solution.locator(".input_area")
    assert not code.is_visible()
    solution.locator("summary").click()
    assert code.is_visible() and "# Solution 3.1" in code.inner_text()


def test_paper_is_white_and_has_the_text_alone(page):
    page.click("#theme")
    page.emulate_media(media="print")
    assert paper(page) == "rgb(255, 255, 255)"
    for gone in (".bar", "#pages", ".neighbours", ".offer"):
        assert not page.locator(gone).is_visible()
    assert page.locator("h1").is_visible()
    pdf = page.pdf(format="A4", prefer_css_page_size=True)
    assert 8 < len(re.findall(rb"/Type\s*/Page\b", pdf)) < 40
    page.emulate_media(media="screen")
    page.click("#theme")


def test_page_can_be_read_where_scripts_are_off(opened, site):
    context = opened.new_context(
        viewport=PHONE, offline=True, java_script_enabled=False
    )
    page = context.new_page()
    page.goto((site / ATTENTION).as_uri())
    assert page.locator("#pages").is_visible() and page.locator("h1").is_visible()
    assert not any(
        page.locator(f"#{one}").is_visible() for one in ("menu", "theme", "open-search")
    )
    context.close()
