"""The repository around the notebooks: pins, tables, links, sizes, tasks."""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from hf_tutorial import NOTEBOOKS, publish
from hf_tutorial.doctor import machine
from tests import gone, guards, latest

ROOT = NOTEBOOKS.parent
PAGES = [
    ROOT / "README.md",
    ROOT / ".github/CONTRIBUTING.md",
    *sorted((ROOT / "data").glob("README.md")),
    *sorted((ROOT / "data").glob("[!m]*/README.md")),
    ROOT / "data/metrics/README.md",
    *sorted(NOTEBOOKS.glob("*.md")),
]
LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def tracked() -> list[Path]:
    """List the files that are in the repository, or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout: no list of files to look at")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]


def make(*arguments: str) -> subprocess.CompletedProcess:
    """Run make as from a shell, also where the tests run under make themselves."""
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "VENV"))
    }
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip


def pins_of_pyproject() -> dict[str, str]:
    assert all(
        re.fullmatch(r"[\w.-]+==[\w.]+", requirement)
        for requirement in latest.requirements()
    ), "exact pins only"
    return latest.pins()


def pins_of_environment(text: str) -> dict[str, str]:
    pins = dict(re.findall(r'^      - "([\w.-]+)==([\w.]+)', text, flags=re.M))
    return {name: pins.get(name.replace("_", "-")) for name in pins_of_pyproject()}


def test_conda_and_pip_pin_the_same_versions():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert pins_of_environment(text) == pins_of_pyproject()
    assert (
        pins_of_environment(text.replace("numpy==2.4.6", "numpy==2.4.5"))
        != pins_of_pyproject()
    )


OWN_ROW = re.compile(r"^\| \d\d \| \[.*\]\(notebooks/(.+)\.ipynb\) .*\n", flags=re.M)


def rows_of_ours(text: str) -> str:
    """Take the rows of other people's notebooks out of README's table."""
    return OWN_ROW.sub(lambda row: row[0] if row[1] in guards.OURS else "", text)


def test_readme_table_is_the_one_made_from_the_notebooks():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    made = publish.with_table(readme, publish.readme_table())
    assert rows_of_ours(readme) == rows_of_ours(made)
    assert made.count("](notebooks/0") >= len(guards.OURS[:10])
    for path in guards.notebooks():
        if f"notebooks/{quote(path.name)}" not in readme:
            say = f"README's table has no row for {path.name}: `make record` writes it"
            guards.judge(path.name, [say])


def test_row_of_a_notebook_of_ones_own_may_be_in_the_table_or_not():
    ours = "| 00 | [Quick tour](notebooks/00_quick_tour.ipynb) | What? | 40 |\n"
    own = "| 10 | [Own data](notebooks/10_own%20data.ipynb) |  | ? |\n"
    assert rows_of_ours(ours + own) == rows_of_ours(ours) == ours


def anchors(markdown: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", markdown, flags=re.M)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def sections(notebook: Path) -> set[str]:
    """List the anchors of a notebook, as JupyterLab and nbconvert make them from headings."""
    cells = guards.read(notebook).cells
    prose = "\n".join(c.source for c in cells if c.cell_type == "markdown")
    return {
        re.sub(r"[*`]", "", heading).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", prose, flags=re.M)
    }


def broken_links(text: str, folder: Path) -> list[str]:
    """List the links of a page that lead to no file or heading; addresses are left alone."""
    broken = []
    for groups in LINK.findall(text):
        target = next(group for group in groups if group)
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = folder / unquote(name) if name else None
        if file is not None and not file.exists():
            broken.append(target)
        elif anchor and file is not None and file.suffix == ".ipynb":
            if unquote(anchor) not in sections(file):
                broken.append(target)
        elif anchor and anchor not in anchors(
            file.read_text(encoding="utf-8") if file else text
        ):
            broken.append(target)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_links_of_a_page_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    assert broken_links(text, page.parent) == []


@pytest.mark.parametrize("path", publish.discover(), ids=lambda p: p.stem)
def test_links_of_a_notebook_lead_somewhere(path):
    notebook = guards.read(path)
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    broken = [
        f"{path.name}: {b} is not there" for b in broken_links(prose, path.parent)
    ]
    guards.judge(path.name, broken)
    assert LINK.search(prose) or not guards.is_ours(path.name), "no link to check"


def test_broken_link_is_noticed(tmp_path):
    (tmp_path / "b.md").write_text("# There\n")
    text = "[a](missing.md) [b](b.md) [c](b.md#there) [d](b.md#gone) ![e](no.png) [f](#here)"
    assert broken_links(text, tmp_path) == [
        "missing.md",
        "b.md#gone",
        "no.png",
        "#here",
    ]


def test_link_to_a_section_that_a_notebook_has_not_is_noticed():
    text = (
        "[a](05_manual_training_loop.ipynb#One-optimizer-step) "
        "[b](05_manual_training_loop.ipynb#Two-optimizer-steps)"
    )
    assert broken_links(text, NOTEBOOKS) == [
        "05_manual_training_loop.ipynb#Two-optimizer-steps"
    ]


def test_images_of_pages_have_alt_text():
    for page in PAGES:
        for alt, _ in guards.IMAGE.findall(page.read_text(encoding="utf-8")):
            assert len(alt) > 20


def test_repository_is_small():
    sizes = {file: file.stat().st_size for file in tracked()}
    assert sizes, "nothing found to weigh"
    assert max(sizes.values()) < 20e6
    assert sum(sizes.values()) < 60e6


def test_no_file_names_a_machine_path_or_holds_a_pickle():
    found = []
    for file in tracked():
        if file.suffix in {".bin", ".pt", ".pth", ".pkl", ".ckpt"}:
            found.append(f"{file.name}: weights are safetensors")
        if file.suffix in {
            ".py",
            ".md",
            ".toml",
            ".yml",
            ".yaml",
            ".txt",
            ".sha256",
            "",
        }:
            text = file.read_text(encoding="utf-8", errors="replace")
            if file.parent.name != "tests" and guards.PATHS.search(text):
                found.append(f"{file.name}: {guards.PATHS.search(text)[0]}")
    assert found == []


def test_top_level_is_what_readers_expect():
    visible = {file.relative_to(ROOT).parts[0] for file in tracked()}
    assert {name for name in visible if not name.startswith(".")} == {
        "LICENSE", "Makefile", "README.md", "data", "environment.yml", "findings",
        "notebooks", "pyproject.toml", "src", "tests",
    }  # fmt: skip


def test_bare_make_lists_every_task():
    listed = make()
    assert listed.returncode == 0, listed.stderr
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    tasks = set(re.search(r"^\.PHONY: (.+)$", makefile, flags=re.M)[1].split())
    assert tasks >= {"run", "test", "lab", "record", "lint", "format", "clean", "bench"}
    assert {line.split()[1] for line in listed.stdout.splitlines()} == tasks


def test_clean_deletes_what_is_built_and_no_folder_of_the_readers(tmp_path):
    for name in ("build/x", "notebooks/x", "data/x", ".venv/pyvenv.cfg", "envs/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    clean = ("-C", str(tmp_path), "-f", str(ROOT / "Makefile"), "clean")
    assert make(*clean).returncode == 0 == make(*clean).returncode  # also when gone
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"notebooks", "data", "envs"}
    kept = make(*clean, "VENV=envs")  # as an exported variable would have it
    assert kept.returncode and "envs is no environment" in kept.stdout
    assert (tmp_path / "envs/x").exists()


def test_workflow_and_ci_call_the_commands_of_the_readme():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "bash .ci/run" in workflow
    assert "make test" in ci and "make test" in (ROOT / "README.md").read_text(
        encoding="utf-8"
    )


def test_options_reach_jupyterlab_through_make():
    """As root in a container it starts with --allow-root only."""
    done = make("--dry-run", "lab", "LAB=--allow-root --no-browser")
    assert "-m jupyterlab --allow-root --no-browser notebooks/00_" in done.stdout
    assert "--allow-root" not in make("--dry-run", "lab").stdout


def test_commands_without_make_are_those_that_make_calls():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    without = readme.partition("## Without make")[2].partition("\n## ")[0]
    for task, shown in (("run", "publish run"), ("handout", "publish handout"),
                        ("slides", "publish slides"), ("site", "publish site"),
                        ("test", "-m pytest"), ("models", "-m hf_tutorial.sources"),
                        ("lab", "jupyter lab notebooks")):  # fmt: skip
        called = make("-n", task).stdout.replace("-m jupyterlab", "jupyter lab")
        assert shown.removesuffix(" notebooks") in called and shown in without, task


def test_what_a_reader_writes_survives_clean_and_stays_out_of_git():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    folders = re.findall(r"--output-dir (\S+?)`", readme)
    assert folders and not any(folder.startswith("build") for folder in folders)
    for folder in folders:
        ignored = subprocess.run(
            ["git", "check-ignore", "-q", f"{folder}/model"], cwd=ROOT
        )
        assert ignored.returncode in (0, 128), folder  # 128: no git here


def test_readme_names_the_memory_that_doctor_asks_for():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    needed = round(machine.MEMORY / machine.GIGABYTE)
    assert f"of memory, of which a notebook takes up to {needed}" in readme
    assert (
        "4 GB of memory" in readme
        and "a machine with 4 GB" in machine.memory(1, 1)[0].way_out
    )


def test_readme_tells_instructors_what_fits_into_ninety_minutes():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    minutes = dict(re.findall(r"^\| (\d\d) \|.*\| (\d+) \|$", readme, flags=re.M))
    assert "Ninety minutes hold 00 and 01 without the parts" in readme
    assert 90 < int(minutes["00"]) + int(minutes["01"]) <= 100
    for page in ("00_quick_tour", "01_tokenization"):
        opening = guards.read(NOTEBOOKS / f"{page}.ipynb").cells[0].source
        assert "In a short lecture, leave out" in opening
    counts = {sum("exercise" in c.metadata.get("tags", []) for c in guards.read(p).cells)
              for p in guards.notebooks() if guards.is_ours(p.name)}  # fmt: skip
    assert "three or four exercises" in readme and counts == {3, 4}


def test_decisions_are_dated():
    text = (ROOT / ".github/CONTRIBUTING.md").read_text(encoding="utf-8")
    entries = re.findall(
        r"^- \*\*(.+?)\*\*", text.partition("## Decisions")[2], flags=re.M
    )
    assert len(entries) >= 5
    assert all(re.match(r"\d{4}-\d\d-\d\d, ", entry) for entry in entries)


def test_every_task_that_needs_the_environment_sets_it_up():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    rules = re.findall(
        r"^([a-z]+):(.*?)(?:  ##.*)?\n((?:\t.+\n)+)", makefile, flags=re.M
    )
    assert len(rules) > 8
    for name, needs, recipe in rules:
        # The doctor looks at what there is, an environment that is missing included.
        if "$(PYTHON)" in recipe and name != "doctor":
            assert "models" in needs or "$(READY)" in needs, name


def test_glossary_has_each_word_once_in_order_with_the_section_that_teaches_it():
    entries = (NOTEBOOKS / "glossary.md").read_text(encoding="utf-8").split("\n\n")[2:]
    words = [re.match(r"\*\*(.+?)\*\*", entry)[1] for entry in entries]
    order = [re.sub(r"\W", "", word).lower() for word in words]
    assert order == sorted(set(order)) and len(words) >= 90
    for entry in entries:
        assert re.search(r"\(\d\d_\w+\.ipynb#\S+\)$", entry.strip()), entry


def test_longest_files_are_files_of_ours():
    from tests.conftest import LONGEST

    missing = [
        name
        for name in LONGEST
        if not ((ROOT / "tests" / name).exists() or (NOTEBOOKS / name).exists())
    ]
    assert missing == [] and len({*LONGEST}) == len(LONGEST)


def untrusting(source: str) -> list[str]:
    """Name what in a program would run code that came with weights or data."""
    of = ("trust_remote_code=", "pickled weights")
    return [f for f in gone.findings(source) if any(name in f for name in of)]


def test_no_program_loads_a_pickle_or_trusts_code_of_a_repository():
    programs = [f for f in tracked() if f.suffix == ".py" and "tests" not in f.parts]
    assert len(programs) > 50
    for file in programs:
        assert untrusting(file.read_text(encoding="utf-8")) == [], file
    for planted in (
        "AutoModel.from_pretrained('x', trust_remote_code=True)",
        "torch.load('x.bin')",
        "pickle.load(open('x', 'rb'))",
    ):
        assert len(untrusting(planted)) == 1


def test_every_line_of_the_locks_has_a_hash():
    for lock in sorted((ROOT / ".github").glob("*.txt")):
        text = lock.read_text(encoding="utf-8")
        blocks = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]
        assert blocks and all("--hash=sha256:" in block for block in blocks), lock.name


def test_what_make_browser_brings_is_pinned_as_pyproject_says_each_file_with_its_hash():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / ".github/browser.txt").read_text("utf-8")
    blocks = re.split(r"(?m)^(?=[a-z])", text)[1:]
    pins = {block.split()[0] for block in blocks}
    assert set(project["optional-dependencies"]["browser"]) < pins
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", block) for block in blocks)
    workflow = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    assert "apt-get install -y chromium" in workflow and "make browser" in workflow
