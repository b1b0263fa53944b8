"""The catalogue of traps: each entry is run, and its page agrees with the rest of the collection."""

import ast
import builtins
import importlib.metadata
import importlib.util
import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from hf_tutorial import NOTEBOOKS
from tests import gone, guards, planted_traps
from tests.test_notebooks import PLANTED_CALLS
from tests.traps import __main__ as command
from tests.traps import catalogue, page, places, proof
from tests.traps.catalogue import ENTRIES, EXTRA, MARKS, identifiers, trap

TRAPS = places.all_entries()
FIRST_LIST = set(range(1, 105))  # numbers that were there before the catalogue was


# What is said beside a trap and is not about it; one of our entries, all else must be quoted.
ASIDE = (
    "We strongly recommend passing in an `attention_mask`",  # prompts here have no padding
    "The following values were not passed to `accelerate launch`",
    "Unable to enable fault handler",  # torchrun, in a process without a stderr
    "`loss_type=None` was set in the config",  # quoted where it matters, at 38
    "The new embeddings will be initialized",
    "The following generation flags are not valid",
    "LOAD REPORT",  # a new head, or quoted
    "Failed to load JSON",  # logged with the error that 64 asks for
    "config.json not found",
    "is deprecated and will be removed in v6",
    "Caching is incompatible with gradient checkpointing",  # the second of two lines, at 44
    "OMP_NUM_THREADS/MKL_NUM_THREADS unset",  # once in a process, whichever entry is first
    "HTTP Error 429",
    "'set_vital' is deprecated",  # torchdata, about torch
    "tied_target_modules",  # the longer of two warnings at 60
    "Already found a `peft_config` attribute",  # the second of two at 61
    "The tokenizer has new PAD/BOS/EOS tokens",  # said by the way out of 128
)


def unquoted(entry, said) -> list[str]:
    """Name what the libraries say and the page does not, and what the page quotes in vain."""
    found = [f"is not said: {entry.says}"]
    if not entry.says or any(entry.says in line for line in said):
        found = []
    known = [*ASIDE, entry.says] if entry.says else ASIDE
    return found + [
        f"is not quoted: {line}"
        for line in said
        if line.strip() and not any(part in line for part in known)
    ]


def test_silence_that_is_none_is_noticed():
    entry = TRAPS[2]
    assert unquoted(entry, [f"Well, {entry.says}, so."]) == []
    assert unquoted(entry, ["Ah."]) == [
        f"is not said: {entry.says}",
        "is not quoted: Ah.",
    ]
    assert unquoted(TRAPS[1], ["Ah."]) == ["is not quoted: Ah."]


@pytest.mark.parametrize("number", sorted(TRAPS))
def test_trap_is_there_and_so_is_the_way_out(number):
    entry = TRAPS[number]
    if entry.slow:
        pytest.skip(f"left to make latest: {entry.slow}")
    outcome = proof.prove(entry)
    if outcome.state == "not run":
        pytest.skip(outcome.message)
    assert outcome.state == "holds", (
        f"{entry.title}: {outcome.state}, {outcome.message}"
    )
    assert unquoted(entry, outcome.said) == []


@pytest.mark.parametrize(
    ("function", "state", "words"),
    [
        (planted_traps.a_trap_that_was_mended, "mended", "assert found == 2"),
        (planted_traps.a_remedy_that_fails, "remedy fails", "assert found == 2"),
        (planted_traps.code_that_raises, "does not run", "invalid literal for int"),
        (planted_traps.one_process_that_differs, "remedy fails", "assert rank == 0"),
        (planted_traps.a_process_that_is_killed, "does not run", "without a word"),
        (planted_traps.a_need_that_is_not_met, "not run", "a_package_that_nobody_has"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_planted_fault_is_named_for_what_it_is(function, state, words):
    (entry,) = [entry for entry in ENTRIES.values() if entry.function is function]
    outcome = proof.prove(entry)
    assert outcome.state == state
    assert words in outcome.message


def test_what_no_longer_holds_is_listed_and_counted(monkeypatch, capsys):
    planted = {n: ENTRIES[n] for n in (9001, 9006)}
    monkeypatch.setattr(places, "all_entries", lambda: planted)
    assert command.holds([]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("9001 mended: line ")
    assert said[-1] == "1 of 2 traps are not as notebooks/traps.md says [9001]"
    monkeypatch.setitem(planted, 9001, planted[9001]._replace(mended="torch 1.0"))
    assert command.holds([]) == 0  # its page would say so


def test_page_is_the_one_made_from_the_entries():
    saved = page.PAGE.read_text(encoding="utf-8")
    assert saved == page.text(), "stale: `python -m tests.traps` writes it"
    assert saved.count("\n### ") == len(TRAPS) >= 100


def test_index_leads_to_every_entry_by_what_one_sees_or_else_by_what_one_wrote():
    index = page.index_text(places.by_place())
    linked = re.findall(r"^- \[(\d+)\]\(#", index, flags=re.M)
    numbers = index.partition("By number: ")[2]
    assert set(map(int, linked)) == set(TRAPS)
    assert list(map(int, re.findall(r"\[(\d+)\]", numbers))) == sorted(TRAPS)
    unseen = index.partition("**Nothing is to be seen")[2]
    assert TRAPS[93].title in unseen and TRAPS[30].prose["You see"] not in unseen
    assert TRAPS[30].prose["You see"] in index


def test_entry_that_shows_nothing_says_what_one_wrote():
    assert not [n for n, e in TRAPS.items() if page.shows_nothing(e) and not e.wrote]


def test_no_two_entries_are_looked_for_by_the_same_words():
    seen = [e.prose["You see"] for e in TRAPS.values() if not page.shows_nothing(e)]
    assert len(set(seen)) == len(seen) >= 90


def test_relatives_point_to_each_other():
    pins = page.versions()
    assert "on train mode: [18](#18-" in page.entry_text(TRAPS[28], pins)
    for matter, numbers in places.FAMILIES.items():
        assert len(set(numbers) & set(TRAPS)) == len(numbers) >= 2, matter


def test_entry_for_several_processes_says_so_above_its_code():
    shown = page.entry_text(TRAPS[15], page.versions())
    assert "```python\n# In 2 processes, each:\n" in shown
    assert "processes, each" not in page.entry_text(TRAPS[14], page.versions())


def unknown_names(code: str, known: dict) -> set[str]:
    """Give the names that code reads, and that neither it nor `known` has."""
    tree = ast.parse(code)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.alias):
            made.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            made.add(node.name)
    return {node.id for node in names} - made - set(known) - set(dir(builtins))


@pytest.mark.parametrize("place", places.PLACES)
def test_import_of_a_section_brings_every_name_of_its_code(place):
    known = {}
    exec(f"from tests.traps.{place} import *", known)
    for entry in places.by_place()[place]:
        assert unknown_names(entry.code, known) == set(), entry.number


def test_name_that_no_import_brings_is_noticed():
    code = "def f(x):\n    return x + _hidden\nprint(f(1))"
    assert unknown_names(code, {}) == {"_hidden"}


def test_code_can_be_pasted_below_what_the_page_says_to_run_first(monkeypatch):
    monkeypatch.chdir(NOTEBOOKS)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", ".")])
    names = {}
    exec(re.search(r"```python\n(.*?)```", page.HEAD, flags=re.S)[1], names)
    assert Path(sys.path[0]) == NOTEBOOKS.parent and not list(Path().iterdir())
    exec(TRAPS[30].code, names)
    assert names["limit"] == 64


def test_page_shows_every_part_of_an_entry():
    entry = TRAPS[38]
    shown = page.entry_text(entry, page.versions())
    assert shown.startswith("### 38. The loss of a GPT-2 in Trainer is too small\n")
    assert all(f"*{part}*: " in shown for part in catalogue.PARTS)
    assert all(f"\n\n{mark}\n" in shown for mark in MARKS)
    assert not any(
        "fmt: skip" in page.entry_text(e, page.versions()) for e in TRAPS.values()
    )
    assert "Seen in transformers 5.23.0" in shown and "08_generation.ipynb#" in shown
    assert ast.parse(entry.code)


def test_every_number_of_the_first_list_is_shown_told_or_dropped():
    told, dropped = set(places.TOLD), set(places.DROPPED)
    assert FIRST_LIST <= set(TRAPS) | told | dropped
    assert not told & dropped and not set(TRAPS) & (told | dropped)
    reasons = [*places.TOLD.values(), *places.DROPPED.values()]
    assert all(len(reason) > 30 for reason in reasons)
    assert all("*Not proved*: " in text for text in places.TOLD.values())


@pytest.mark.parametrize("entry", TRAPS.values(), ids=lambda entry: str(entry.number))
def test_entry_states_the_trap_and_the_way_out(entry):
    parts = re.split("|".join(rf"^ *{mark}$" for mark in MARKS), entry.code, flags=re.M)
    assert len(parts) == 4
    for part in parts[2:]:  # below "You get" and "Instead"
        assert "assert " in part or "pytest.raises" in part
    assert len(entry.code.splitlines()) <= 70
    assert all(prose.endswith(".") for prose in entry.prose.values())
    assert len(" ".join(entry.prose.values())) < 900


@pytest.mark.parametrize("entry", TRAPS.values(), ids=lambda entry: str(entry.number))
def test_entry_names_releases_that_are_known(entry):
    known = page.versions()
    assert entry.libraries and set(entry.libraries) <= set(known)
    for release in (entry.mended, entry.since):
        assert not release or re.fullmatch(r"[\w-]+ [\d.]+", release)
    assert not entry.upstream or re.fullmatch(r"[\w.-]+/[\w.-]+#\d+", entry.upstream)
    assert not entry.needs or entry.needs in EXTRA


def test_optional_packages_are_at_the_version_that_was_tried():
    text = (NOTEBOOKS.parent / "pyproject.toml").read_text(encoding="utf-8")
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    pinned = dict(line.split("==") for lines in extras.values() for line in lines)
    for name, version in EXTRA.items():
        assert pinned.get(name, version) == version
        if importlib.util.find_spec(name) and sys.prefix.endswith(".venv"):
            assert importlib.metadata.version(name) == version


GOOD = """You see: a.

    What happens: b.

    Instead: c.
"""


def write(tmp_path, docstring, body):
    """Import a module with one function under @trap, and give what that raises."""
    file = tmp_path / "written.py"
    lines = "\n".join(f"    {line}" for line in body)
    file.write_text(
        "from tests.traps.catalogue import trap\n\n@trap(9101, 'torch')\ndef entry():\n"
        f'    """A title.\n\n    {docstring}    """\n{lines}\n',
        encoding="utf-8",
    )
    specification = importlib.util.spec_from_file_location("written", file)
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    finally:
        ENTRIES.pop(9101, None)


def test_entry_that_is_well_written_is_kept(tmp_path):
    write(tmp_path, GOOD, MARKS)


@pytest.mark.parametrize(
    ("docstring", "body", "message"),
    [
        ("You see: a.\n\n    Instead: c.\n", MARKS, "What happens"),
        (GOOD + "\n    And: d.\n", MARKS, "'And'"),
        (GOOD, MARKS[:2], "has 0 lines '# Instead'"),
        (GOOD, [*MARKS, MARKS[0]], "has 2 lines '# You write'"),
        (GOOD, MARKS[::-1], "not in the order"),
    ],
    ids=["no paragraph", "one too many", "no mark", "a mark twice", "order"],
)
def test_entry_that_is_badly_written_is_refused(tmp_path, docstring, body, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        write(tmp_path, docstring, [*body, "pass"])


def test_number_that_is_taken_is_refused():
    with pytest.raises(ValueError, match="entry 9001 is there already"):
        trap(9001, "torch")(planted_traps.a_trap_that_was_mended)


# What is gone


def tried(rule) -> str:
    """Give code that meets what a rule is about, and nothing else that fails."""
    return {
        "pipeline of summarization, translation, question answering": "transformers.pipeline('summarization')",
        "load_in_8bit=, load_in_4bit=": "model.save_pretrained('x')\n"
        "transformers.AutoModel.from_pretrained('x', load_in_8bit=True)",
        "use_auth_token=": "model.save_pretrained('x')\n"
        "transformers.AutoModel.from_pretrained('x', use_auth_token=True)",
    }.get(rule.name, PLANTED_CALLS[rule.name])


ERRORS = [rule for rule in gone.RULES if re.match(r"\w+Error", rule.today)]


@pytest.mark.parametrize("rule", ERRORS, ids=lambda rule: rule.name)
def test_call_that_is_gone_raises_what_the_table_says(rule, tmp_path, monkeypatch):
    import datasets
    import torch
    import transformers
    from accelerate import Accelerator

    from tests.traps import toys

    if "GPU" in rule.today and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    monkeypatch.chdir(tmp_path)
    here = {
        "datasets": datasets, "transformers": transformers, "Accelerator": Accelerator,
        "TrainingArguments": transformers.TrainingArguments, "Trainer": transformers.Trainer,
        "model": toys.bert(), "tokenizer": toys.tokenizer(),
    }  # fmt: skip
    with pytest.raises(Exception) as raised:
        exec(tried(rule), here)
    assert type(raised.value).__name__ == re.match(r"\w+", rule.today)[0]


def test_command_that_is_gone_is_not_installed():
    (rule,) = [rule for rule in gone.RULES if rule.today == "no such command"]
    assert shutil.which(rule.name, path=str(Path(sys.executable).parent)) is None


def test_call_that_is_silent_has_an_entry_that_names_it():
    silent = [rule for rule in gone.RULES if rule.today.startswith("trap ")]
    assert len(silent) >= 6
    for rule in silent:
        entry = TRAPS[int(rule.today.removeprefix("trap "))]
        words = set(re.findall(r"\w{5,}", rule.name)) - {"without"}
        assert words & identifiers(entry), rule.name


# The tables in the notebooks


def rows(source: str) -> list[list[str]]:
    """Give the cells of the rows in the table *In older tutorials*."""
    table = source.partition("## In older tutorials")[2].partition("\n## ")[0]
    lines = re.findall(r"^\|(.+)\|\s*$", table, flags=re.M)
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)] for line in lines]
    return [row for row in cells if len(row) == 3 and not set(row[0]) <= set("- ")][1:]


WRAPPED = (
    "{}", "x.{}()", "from transformers import {}", "print('{}')",
    "TrainingArguments('x', disable_tqdm=True, {})", "tokenizer('x', {})",
    "model(x, {})", "AutoModel.from_pretrained('x', {})", "pipeline('x', model='y', {})",
)  # fmt: skip


def scanned(code: str) -> list:
    """Find the rules that a piece of code from a table is about, however it is cut."""
    if re.fullmatch(r"\w+=", code):
        code += "1"
    found = []
    for wrapping in WRAPPED:
        try:
            tree = ast.parse(wrapping.format(code))
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            found += [rule for rule in gone.RULES if rule.today and rule.applies(node)]
    return list(dict.fromkeys(found))  # each once


COMMON = {
    "evaluate", "length", "loader", "model", "outputs", "padding", "labels",
    "tokenizer", "transformers", "import", "inputs", "torch", "datasets", "several",
    "warning", "output", "label", "epoch", "True", "False", "config", "text",
}  # fmt: skip


def disagreements(source: str) -> list[str]:
    """Say which rows of a notebook's table the scan and the catalogue see otherwise, or not."""
    found = []
    words_of = {number: identifiers(entry) for number, entry in TRAPS.items()}
    for met, today, _ in rows(source):
        if re.match(r"works|still |deprecated|a pickle|a table", today):
            continue
        rules = [
            rule for code in re.findall(r"`([^`]+)`", met) for rule in scanned(code)
        ]
        error = re.search(r"\w+Error", today)
        silent = re.search(r"swallowed|ignored|does nothing|accepted", today)
        # A code may be cut so that several rules are about it: one that agrees is enough.
        if error and rules and not any(error[0] in rule.today for rule in rules):
            found.append(f"{met}: {error[0]} here, {rules[0].today} in tests/gone.py")
        if silent and rules and not any("trap " in rule.today for rule in rules):
            found.append(f"{met}: silent here, {rules[0].today} in tests/gone.py")
        words = set(re.findall(r"[A-Za-z_]\w{3,}", met)) - COMMON
        if not rules and not any(words & names for names in words_of.values()):
            found.append(f"{met}: neither tests/gone.py nor an entry knows it")
    return found


@pytest.mark.parametrize("name", guards.ours())
def test_table_of_older_tutorials_agrees_with_the_catalogue(name):
    notebook = guards.ours()[name]
    source = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    assert rows(source), "no table"
    assert disagreements(source) == []


TABLE = """## In older tutorials

| You will meet | What happens today | Write |
| --- | --- | --- |
| `warmup_ratio=0.1` | TypeError | `warmup_steps=0.1` |
| `pad_to_max_length=True` | swallowed | `padding=` |
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("TypeError", "ImportError", "ImportError here, TypeError"),
        ("TypeError", "ignored", "silent here, TypeError"),
        ("swallowed", "TypeError", "TypeError here, trap 108"),
        ("warmup_ratio", "warmth_ratio", "neither"),
    ],
)
def test_row_that_disagrees_is_noticed(old, new, message):
    assert disagreements(TABLE) == []
    (found,) = disagreements(TABLE.replace(old, new))
    assert message in found
