"""Cells and sections can be run again: what is seen by reading, and what takes running.

All eleven notebooks are run again by `make rerun`; here only the quickest is.
"""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from hf_tutorial import NOTEBOOKS
from tests import names, rerun

RAISES = {"tags": ["raises-exception"]}


def notebook(*sections):
    """Make a notebook of sections, each a list of cells: sources, or (source, metadata)."""
    cells = []
    for number, section in enumerate(sections):
        if number:
            cells.append(new_markdown_cell(f"## Section {number}"))
        for place, source in enumerate(section):
            source, metadata = source if isinstance(source, tuple) else (source, {})
            cells.append(
                new_code_cell(source, metadata=metadata, id=f"cell-{number}-{place}")
            )
    return new_notebook(cells=cells)


def meanings(*sections):
    return list(names.two_meanings(names.of_notebook(notebook(*sections))))


def twice(*sections):
    return list(names.not_twice(names.of_notebook(notebook(*sections))))


def test_notebook_03_as_it_was_is_found():
    """*it* was position 7 of one text, then 11 of another, and was read for the first again."""
    (found,) = meanings(
        ["tokens = text.split()", "it, cat = tokens.index('it'), tokens.index('cat')"],
        ["story = other.split()\nit = story.index('it')", "back[it, it - 1]"],
        ["for row, noun in ((1, 'cat'), (it, 'cat')):\n    print(tokens[row])"],
    )
    assert found.startswith("cell-2-0: 'it' comes from outside of its section")
    assert "cell-0-1, cell-1-0 bind or delete it" in found


@pytest.mark.parametrize(
    ("sections", "name"),
    [
        ((["model = 1"], ["use(model)"], ["model = 2"]), "model"),
        ((["model = 1"], ["use(model)", "model = 2"]), "model"),
        ((["model = 1"], ["use(model)"], ["del model"]), "model"),
        ((["model = 1"], ["use(model)"], ["for model in models: pass"]), "model"),
        ((["model = 1"], ["use(model)"], ["with a as model: pass"]), "model"),
        ((["model = 1"], ["use(model)"], ["model = f()\ndel model"]), "model"),
        ((["model = 1"], ["model.a = model.b"], ["(a, *model) = 1, 2"]), "model"),
        ((["size = 1"], ["def f(): return size"], ["f()"], ["size = 2"]), "size"),
        (
            (["size = 1"], ["def f(): return [size for _ in ()]", "f()"], ["size = 2"]),
            "size",
        ),
        (
            (["n = 1"], ["def f(): return n\ndef g(): return f()"], ["g()"], ["n = 2"]),
            "n",
        ),
        ((["n = 1"], ["[n + k for k in range(n)]"], ["class n: pass"]), "n"),
        ((["n = 1"], ["print(*map(lambda x: x + n, (1,)))"], ["import n"]), None),
    ],
)
def test_name_of_two_things_is_found_where_it_crosses_a_section(sections, name):
    found = meanings(*sections)
    if name is None:  # an import binds the same thing each time
        assert not found
    else:
        assert found and all(f"{name!r} comes from outside" in line for line in found)


@pytest.mark.parametrize(
    "sections",
    [
        (["model = 1\nuse(model)"], ["model = 2\nuse(model)"], ["model = 3", "model"]),
        (["for row in rows: print(row)"], ["for row in others: print(row)"]),
        (["import math"], ["math.pi"], ["import math"]),
        (["x = 1"], ["[x for x in (1, 2)]", "f(lambda x: x)", "{x: 1 for x in ()}"]),
        (["batch = 1"], ["def f(batch): return batch", "f(2)"], ["batch = 3"]),
        (["n = 1"], ["def f():\n    n = 2\n    return n", "f()"], ["n = 3"]),
        (["try: 1\nexcept E as error: print(error)"], ["error = 2\nerror"]),
        (["n = 1"], ["def f(): return n"], ["n = 2"]),  # never called
        (["total = 0\nfor n in (1, 2):\n    total += n"], ["total = 5\ntotal"]),
    ],
)
def test_names_that_are_used_where_they_are_bound_are_no_trouble(sections):
    assert meanings(*sections) == twice(*sections) == []


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("toy = 1\ndel table", "reads 'table' of another cell and deletes it"),
        ("step(model)\ndel model", "reads 'model' of another cell and deletes it"),
        ("rows = rows[1:]", "reads 'rows' of another cell and rebinds it"),
        ("total += 1", "reads 'total' of another cell and rebinds it"),
        ("for row in row: pass", "reads 'row' of another cell and rebinds it"),
    ],
)
def test_cell_that_spoils_what_it_reads_is_found(cell, said):
    (found,) = twice(["table = model = rows = total = row = 1"], [cell])
    assert found.startswith(f"cell-1-0: {said}")


def test_heading_in_a_fence_or_of_another_level_begins_no_section():
    assert names.headings("## A\n\ntext\n### B\n```\n## C\n```\n## D") == 2


def test_steps_are_each_cell_twice_and_then_the_sections_backwards():
    planned = rerun.steps(notebook(["a"], ["b", "c"], ["d"]))
    assert "".join(step.cell.source for step in planned) == "aabbccdd" + "dbca"
    assert [step.why for step in planned[:2]] == ["first", "run twice"]
    assert {step.why for step in planned[8:]} == {"its section run again"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Really run small notebooks with one fault each; complaints by name."""
    import nbformat

    folder = tmp_path_factory.mktemp("planted")
    made = folder / "made"
    planted = {
        "name-gone": notebook(["x = 1"], ["print(x)\ndel x"]),
        "assert-of-the-first-time": notebook(["seen = []"], ["seen.append(1)\nassert len(seen) == 1"]),
        "folder-is-there": notebook([f"import os\nos.mkdir({str(made)!r})"]),
        "only-by-section": notebook(["kind = str"], ["kind(1) + 'a'"], ["kind = int"]),
        "raises-otherwise": notebook(
            ["once = {'a': 1}"], [("once.pop('a')\n1 / 0", RAISES)]
        ),
        "raises-no-more": notebook(["n = 0"], [("n += 1\nassert n > 1", RAISES)]),
        "kernel-dies": notebook(["n = 0"], ["n += 1\nif n == 3: os._exit(1)"], ["import os"]),
        "good": notebook(["x = 1"], ["x + 1", ("1 / 0", RAISES)], ["x - 1"]),
    }  # fmt: skip
    paths = [folder / f"{name}.ipynb" for name in planted]
    for path, content in zip(paths, planted.values(), strict=True):
        nbformat.write(content, path)
    return {path.stem: found for path, found in rerun.rerun(paths).items()}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("name-gone", "cell-1-0, run twice: raised NameError: name 'x' is not defined, not nothing"),
        ("assert-of-the-first-time", "cell-1-0, run twice: raised AssertionError: , not nothing"),
        ("folder-is-there", "cell-0-0, run twice: raised FileExistsError"),
        ("only-by-section", "cell-1-0, its section run again: raised TypeError"),
        ("raises-otherwise", "cell-1-0, run twice: raised KeyError: 'a', not ZeroDivisionError"),
        ("raises-no-more", "cell-1-0, run twice: raised nothing, not AssertionError"),
        ("kernel-dies", "stopped: "),
    ],
)  # fmt: skip
def test_fault_that_takes_running_is_found(results, name, said):
    assert any(found.startswith(said) for found in results[name]), results[name]


def test_notebook_that_can_be_run_again_is_left_in_peace(results):
    assert results["good"] == []


def test_notebook_01_can_be_run_again_cell_by_cell_and_section_by_section():
    path = NOTEBOOKS / "01_tokenization.ipynb"
    assert rerun.rerun([path]) == {path: []}


def test_name_that_fits_no_notebook_is_refused():
    with pytest.raises(SystemExit, match="no notebook's name begins with 77"):
        rerun.main(["77"])
