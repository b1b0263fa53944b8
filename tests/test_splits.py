"""The guard that no notebook looks at a test split while it still chooses, by planted looks."""

import copy
import time

import nbformat
import pytest

from tests import guards, splits

# A run as notebook 05's: tables, helpers, a loop with its scores, the test split in the end.
BEGIN = """
reviews = load_dataset("reviews")
cut = reviews["train"].train_test_split(test_size=150)
validation, test = cut["test"], reviews["test"].shuffle(seed=0)

def rows_of(split, most=100):
    rows = reviews[split].shuffle(seed=0).select(range(most))
    return rows.map(encode)

def right(name):
    return accuracy(model, reviews[name])

def all_right(table):
    return [accuracy(model, rows) for rows in table.values()]
"""
CHOICE = "validate(model, DataLoader(validation))"
END = "print(accuracy(model, test))"

EARLY = [
    'split = "test"\nprint(accuracy(model, reviews[split]))',
    'names = ("train", "test")\nfor name in names:\n    print(accuracy(model, reviews[name]))',
    'for split in ("train", "test"):\n    print(accuracy(model, reviews[split]))',
    'for split in ["train", "test"]:\n    rows = reviews[split].map(encode)\n    judge(rows)',
    "for split in reviews:\n    print(accuracy(model, reviews[split]))",
    "for split in reviews.keys():\n    print(accuracy(model, reviews[split]))",
    "for split in list(reviews):\n    print(accuracy(model, reviews[split]))",
    "for rows in reviews.values():\n    print(accuracy(model, rows))",
    "for name, rows in reviews.items():\n    print(name, accuracy(model, rows))",
    "for name, rows in reviews.items():\n    print(name, accuracy(model, reviews[name]))",
    "print({name: accuracy(model, rows) for name, rows in reviews.items()})",
    "print([accuracy(model, rows) for rows in reviews.values()])",
    'print([accuracy(model, reviews[split]) for split in ("train", "test")])',
    "print(accuracy(model, *reviews.values()))",
    "parts = list(reviews.values())\nprint(accuracy(model, parts))",
    'print(accuracy(model, rows_of("test")))',
    'print(accuracy(model, rows_of(split="test", most=5)))',
    'which = "test"\nfew = rows_of(which)\nprint(accuracy(model, few))',
    'for split in ("train", "test"):\n    print(accuracy(model, rows_of(split)))',
    'print(right("test"))',
    'scores = {split: right(split) for split in ("train", "test")}',
    "print(all_right(reviews))",
    'print(accuracy(model, reviews, "test"))',
    'print(accuracy(model, dataset=reviews, split="test"))',
    'few = load_dataset("reviews", split="test[:50]")\nprint(accuracy(model, few))',
    'print(accuracy(model, load_dataset("reviews")["test"]))',
    'ready = reviews.map(encode)\nprint(accuracy(model, ready["test"]))',
    "every = pd.concat([reviews[s].to_pandas().assign(split=s) for s in reviews])\n"
    'print(accuracy(model, every[every["split"] == "test"]))',
    'kept = []\nkept.append(reviews["test"])\nprint(accuracy(model, kept))',
    'sets = {"held out": validation}\nsets["test"] = reviews["test"]\njudge(sets)',
    'for one, other in zip(reviews["test"], reviews["train"]):\n    judge(one)',
    'for row in reviews["test"]:\n    judge(row)',
    'for number, row in enumerate(reviews["test"]):\n    judge(row)',
    'with torch.no_grad():\n    if fast:\n        judge(rows_of("test"))',
    'if (rows := reviews["test"]):\n    judge(rows)',
    # Mixed with validation it is no less the test split.
    'both = concatenate_datasets([reviews["validation"], reviews["test"]])\njudge(both)',
]  # fmt: skip
HARMLESS = [
    "print({name: len(rows) for name, rows in reviews.items()})",
    "ready = reviews.map(encode)\nprint(ready)",
    'for split in ("train", "validation"):\n    print(accuracy(model, reviews[split]))',
    'for name, rows in reviews.items():\n    print(name, len(rows), rows["text"][0])',
    'test_rows = rows_of("test")\nprint(len(test_rows))',
    'print(accuracy(model, rows_of("validation")), right("validation"))',
    'split = "test"\nsplit = "validation"\nprint(accuracy(model, reviews[split]))',
    'part = "test"\nprint(figures.bars(part))',
    "every = pd.concat([reviews[s].to_pandas().assign(split=s) for s in reviews])\n"
    'print(accuracy(model, every[every["split"] == "validation"]))',
    'def last():\n    return accuracy(model, reviews["test"])',
    'for one, other in zip(reviews["test"], reviews["train"]):\n    judge(other)',
    'for number, row in enumerate(reviews["test"]):\n    judge(number)',
]


def found(*cells):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(c) for c in cells]
    )
    return [*splits.too_early(notebook)]


@pytest.mark.parametrize("look", EARLY)
def test_look_at_test_counts_however_its_split_is_named(look):
    assert found(BEGIN, CHOICE, look, END) == []
    said = found(BEGIN, look, CHOICE, END)
    assert (
        said[0]
        == "cell 2 looks at the test split of reviews, and cell 3 still chooses on validation"
    )


@pytest.mark.parametrize("harmless", HARMLESS)
def test_making_rows_ready_and_looks_at_other_splits_do_not_count(harmless):
    assert found(BEGIN, harmless, CHOICE, END) == []


def test_rows_that_a_switch_sets_apart_are_another_exam():
    begin = """
stories = load_dataset("stories")
def texts_of(split, hidden):
    return stories[split].filter(lambda row: row["hidden"] == hidden)["text"]
"""
    known, unseen = (
        'judge(texts_of("validation", False))',
        'judge(texts_of("test", True))',
    )
    assert found(begin, unseen, known) == []
    early = found(begin, 'judge(texts_of("test", False))', known)
    assert early == ["cell 2 looks at the test split of stories (texts_of: False), and cell 3 still "
                     "chooses on validation"]  # fmt: skip


def test_choice_in_a_later_cell_counts_however_its_split_is_named():
    for choice in ('best = max(models, key=right("validation"))',
                   'for split in ("train", "validation"):\n    judge(reviews[split])'):  # fmt: skip
        assert found(BEGIN, CHOICE, END, choice)


def test_notebooks_are_followed_into_their_functions():
    looked = {
        path.stem[:2]: splits.looks(notebook)
        for path, notebook in guards.ours().items()
    }
    assert {of for _, of, _ in looked["06"]} == {"reviews", "meanings", "posts"}
    # Its rows come from a function that is told the name of the split.
    assert {split for _, _, split in looked["09"]} == {"validation", "test"}
    assert {split for _, _, split in looked["04"]} == {"test"}


@pytest.mark.parametrize(
    ("page", "cell", "look"),
    [
        ("05", 21, "for split in reviews:\n    judge(reviews[split])"),
        ("05", 21, "print(validate(model, batches_of(reviews, 'test')))"),
        ("06", 14, "judge(*reviews.values())"),
        (
            "06",
            14,
            "def of(name, all_rows=reviews):\n    return all_rows[name]\njudge(of('test'))",
        ),
        ("09", 13, "judge(texts_of('test', False, 40))"),
    ],
)
def test_early_look_is_found_on_a_page_of_ours(page, cell, look):
    notebook = next(
        copy.deepcopy(n)
        for path, n in guards.ours().items()
        if path.stem.startswith(page)
    )
    at = [n for n, one in enumerate(notebook.cells) if one.cell_type == "code"][cell]
    notebook.cells.insert(at, nbformat.v4.new_code_cell(look))
    assert [*splits.too_early(notebook)][0].startswith(
        f"cell {cell + 1} looks at the test split"
    )


def test_looking_takes_no_time():
    begin = time.process_time()
    for notebook in guards.ours().values():
        splits.looks(notebook)
    assert time.process_time() - begin < 2
