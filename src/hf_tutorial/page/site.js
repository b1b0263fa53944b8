"use strict";
const $ = (id) => document.getElementById(id);
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

// Light and dark: as the system says, until the button is pressed; then as it was pressed last.
function dark() {
  return (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
}
function nameTheme() {
  $("theme").textContent = dark() ? "Light" : "Dark";
}
$("theme").hidden = false;
$("theme").addEventListener("click", () => {
  const chosen = dark() ? "light" : "dark";
  const same = (chosen === "dark") === system.matches;
  if (same) delete root.dataset.theme;
  else root.dataset.theme = chosen;
  try {
    if (same) localStorage.removeItem("hf-tutorial-theme");
    else localStorage.setItem("hf-tutorial-theme", chosen);
  } catch { /* then it holds for this page */ }
  nameTheme();
});
system.addEventListener("change", nameTheme);
nameTheme();

// The list of pages: beside the text, or behind a button where there is no room.
const pages = $("pages");
function showPages(open) {
  root.classList.toggle("listed", open);
  $("menu").setAttribute("aria-expanded", open);
}
root.classList.add("scripted");
$("menu").hidden = false;
$("menu").addEventListener("click", () => showPages(!root.classList.contains("listed")));
pages.addEventListener("click", (event) => { if (event.target.closest("a")) showPages(false); });

// Which section is being read.
const links = new Map();
for (const link of pages.querySelectorAll(".contents a"))
  links.set(decodeURIComponent(link.hash.slice(1)), link);
const headings = [...document.querySelectorAll("main :is(h2, h3)[id]")].filter((one) => links.has(one.id));
let read = null;
function follow() {
  const above = headings.filter((one) => one.getBoundingClientRect().top < innerHeight / 3);
  const link = above.length ? links.get(above.at(-1).id) : null;
  if (link === read) return;
  read?.removeAttribute("aria-current");
  link?.setAttribute("aria-current", "location");
  read = link;
  if (link && getComputedStyle(pages).position === "sticky") {
    const box = link.getBoundingClientRect(), frame = pages.getBoundingClientRect();
    if (box.top < frame.top + 40 || box.bottom > frame.bottom - 40)
      pages.scrollTop += box.top - frame.top - frame.height / 3;
  }
}
let waiting = false;
addEventListener("scroll", () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; follow(); });
}, { passive: true });
follow();

// Code and tables that are wider than the page are scrolled, by keys, too.
function reach() {
  for (const one of document.querySelectorAll("main pre, .output_html")) {
    if (one.scrollWidth > one.clientWidth + 1) one.tabIndex = 0;
    else one.removeAttribute("tabindex");
  }
}
addEventListener("resize", reach);
for (const fold of document.querySelectorAll("details")) fold.addEventListener("toggle", reach);
reach();

// Search: what it looks through is a script, since a page opened from a file may fetch nothing.
const dialog = $("search"), words = $("words"), results = $("results");
const LIMIT = 30, AROUND = 70;
let loading = null;
function index() {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = "search.js";
    script.onload = () => {
      for (const one of window.searched.sections) one.push(one[2].toLowerCase(), one[3].toLowerCase());
      done(window.searched);
    };
    script.onerror = failed;
    document.head.append(script);
  });
  return loading;
}
function score([page, , , , heading, text], terms, shown) {
  let points = /^\d\d /.test(shown[page][1]) ? 1 : 0;  // notebooks first
  for (const term of terms) {
    const inHeading = heading.includes(term), inText = text.includes(term);
    if (!inHeading && !inText) return 0;
    points += (heading === term ? 40 : 0) + (inHeading ? 12 : 0) + Math.min(4, text.split(term).length - 1);
  }
  return points;
}
function marked(text, terms) {
  const made = document.createDocumentFragment(), lower = text.toLowerCase();
  let at = 0;
  while (at < text.length) {
    let next = -1, length = 0;
    for (const term of terms) {
      const found = lower.indexOf(term, at);
      if (found >= 0 && (next < 0 || found < next || (found === next && term.length > length)))
        [next, length] = [found, term.length];
    }
    if (next < 0) break;
    made.append(text.slice(at, next));
    made.append(Object.assign(document.createElement("mark"), { textContent: text.slice(next, next + length) }));
    at = next + length;
  }
  made.append(text.slice(at));
  return made;
}
function excerpt(text, lower, terms) {
  const places = terms.map((term) => lower.indexOf(term)).filter((place) => place >= 0);
  const middle = places.length ? Math.min(...places) : 0;
  const start = middle > AROUND ? text.lastIndexOf(" ", middle - AROUND) + 1 : 0;
  const end = start + 3 * AROUND >= text.length ? text.length : text.indexOf(" ", start + 3 * AROUND);
  return (start ? "… " : "") + text.slice(start, end < 0 ? undefined : end) + (end < 0 || end >= text.length ? "" : " …");
}
function result(one, shown, terms) {
  const [page, anchor, heading, text, , lower] = one;
  const item = document.createElement("li"), link = document.createElement("a");
  link.href = shown[page][0] + (anchor ? "#" + anchor : "");
  link.append(marked(heading || shown[page][1], terms));
  const from = Object.assign(document.createElement("small"), { textContent: shown[page][1] });
  const around = document.createElement("p");
  around.append(marked(excerpt(text, lower, terms), terms));
  item.append(link, " ", from, around);
  return item;
}
async function find() {
  const terms = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found;
  try {
    found = await index();
  } catch {
    $("count").textContent = "Search needs the file search.js, which is not beside this page.";
    return;
  }
  const ranked = found.sections.map((one) => [score(one, terms, found.pages), one])
    .filter(([points]) => terms.length && points > 0).sort((one, other) => other[0] - one[0]);
  results.replaceChildren(...ranked.slice(0, LIMIT).map(([, one]) => result(one, found.pages, terms)));
  const many = ranked.length > LIMIT ? `, the best ${LIMIT} of them below` : "";
  $("count").textContent = !terms.length ? "" : ranked.length === 1 ? "1 section" : `${ranked.length} sections${many}`;
}
function openSearch() {
  if (!dialog.open) dialog.showModal();
  words.select();
  index().catch(() => {});
}
$("open-search").hidden = false;
$("open-search").addEventListener("click", openSearch);
words.addEventListener("input", find);
dialog.querySelector("form").addEventListener("submit", (event) => {
  if (event.submitter && document.activeElement !== words) return;
  event.preventDefault();  // Enter, while typing
  const first = results.querySelector("a");
  if (first) first.click();
});
results.addEventListener("click", (event) => { if (event.target.closest("a")) dialog.close(); });
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    openSearch();
  } else if (event.key === "Escape") {
    showPages(false);
  }
});
