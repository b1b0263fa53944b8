"""Every exercise: no answer, wrong kinds of answers, and the likely slips with their hints."""

import sys

import nbformat
import pytest
import torch

from hf_tutorial import checks, publish
from tests import guards


def head_of(tokenizer, text):
    return tokenizer(text, return_offsets_mapping=True)["offset_mapping"]


WANTED_MASK = torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]])

# check: (a right answer, {what its hint says: a wrong answer})
EXERCISES = {
    "unknown_share": (
        lambda text, t: t.tokenize(text).count(t.unk_token) / len(t.tokenize(text)),
        {
            "divide by the number": lambda text, t: t.tokenize(text).count(t.unk_token),
            "special tokens out": lambda text, t: (
                t(text)["input_ids"].count(t.unk_token_id) / len(t(text)["input_ids"])
            ),
            "not '[UNK]'": lambda text, t: t.tokenize(text).count("[UNK]") / len(text),
            "0.250 for a text": lambda text, t: 0.25,
            "a share of 0": lambda text, t: 0.5,
            "`return` missing": lambda text, t: None,
            "calling it raised": lambda text: 1,
        },
    ),
    "attention_mask": (
        WANTED_MASK,
        {
            "upside down": 1 - WANTED_MASK,
            "as torch.bool": WANTED_MASK.bool(),
            "as torch.float32": WANTED_MASK.float(),
            "one number for each ID": WANTED_MASK[0],
            "special tokens included": torch.zeros(2, 6),
        },
    ),
    "windows": (
        7,
        {
            "repeats 16 tokens": 5,
            "two of the 64 places": 6,
            "overlap, not the step": 16,
            "how many new tokens": 8,
        },
    ),
    "source_of": (
        lambda text, t, i: text[slice(*head_of(t, text)[i])],
        {
            "are the offsets": lambda text, t, i: head_of(t, text)[i],
            "is the token": lambda text, t, i: t.tokenize(text)[i - 1],
            "came from": lambda text, t, i: "society",
            "an empty string": lambda text, t, i: (
                text[slice(*head_of(t, text)[i])] if any(head_of(t, text)[i]) else "[CLS]"
            ),
            "is the whole word": lambda text, t, i: (
                text[slice(*head_of(t, text)[i])] and (text.split() * 9)[min(i - 1, 1)]
            ),
        },
    ),
    "change_by_layer": (
        lambda s: [(b - a).abs().max() for a, b in zip(s, s[1:], strict=False)],
        {
            "so 3 layers": lambda s: [x.abs().max() for x in s],
            "not with entry 0": lambda s: [(x - s[0]).abs().max() for x in s[1:]],
            "absolute change": lambda s: [(b - a).max() for a, b in zip(s, s[1:], strict=False)],
            "how far is it": lambda s: [(b - a).norm() for a, b in zip(s, s[1:], strict=False)],
            "mean change": lambda s: [(b - a).abs().mean() for a, b in zip(s, s[1:], strict=False)],
            "from each to the next": lambda s: [9, 9, 9],
        },
    ),
    "gigabytes": (
        112,
        {
            "parameters alone;": 28,
            "one of the four": 84,
            "would be bfloat16": 56,
            "alone, in bfloat16": 14,
            "gigabits": 896,
            "divide by 10": 112e9,
            "gibibytes": 104.3,
            "times bytes": 3,
        },
    ),
    "new_parameters": (
        lambda info: sorted(info["missing_keys"] | {n for n, *_ in info["mismatched_keys"]}),
        {
            "in the file only": lambda info: sorted(info["missing_keys"] | info["unexpected_keys"]),
            "keep the name": lambda info: [*info["missing_keys"], *info["mismatched_keys"]],
            "drawn anew": lambda info: sorted(info["missing_keys"]),
            "all missing and mismatched": lambda info: ["classifier.bias"],
            "no order": lambda info: info["missing_keys"] | {"classifier.bias"},
        },
    ),
    "largest_weights": (
        (0.861, 0.289),
        {
            "other way round": (0.29, 0.86),
            "each query's largest": (0.0833, 0.0833),
            "over the 12 keys": (0.99, 0.6),
            "before softmax": (0.86, 0.86),
            "not percentages": (86, 29),
            "are off": (0.47, 0.27),
        },
    ),
    "share_on_itself": (
        lambda w: w.diagonal(dim1=-2, dim2=-1).mean(dim=-1),
        {
            "one number per query": lambda w: w.diagonal(dim1=-2, dim2=-1),
            "sum over queries": lambda w: w.diagonal(dim1=-2, dim2=-1).sum(dim=-1),
            "shape (): one number for each": lambda w: w.mean(),
            "last two axes": lambda w: w.mean(dim=(-2, -1)),
        },
    ),
    "repeated_word_head": (
        (2, 9),
        {
            "divmod by 12": 33,
            "layer first": (9, 2),
            "does not exist": (6, 0),
            "leave the diagonal out": (1, 1),
            "two tokens are equal": (0, 3),
        },
    ),
}  # fmt: skip
SLIPS = [
    (name, hint, wrong)
    for name, (_, slips) in EXERCISES.items()
    for hint, wrong in slips.items()
]


def called_in_notebooks():
    notebooks = [nbformat.read(path, as_version=4) for path in publish.discover()]
    cells = [cell for notebook in notebooks for cell in guards.code(notebook)]
    return {guards.checked(cell) for cell in cells if "exercise" in guards.tags(cell)}


def test_every_exercise_is_tried_here_and_every_check_is_used():
    public = {
        name
        for name, value in vars(checks).items()
        if hasattr(value, "__wrapped__") and value.__module__ == checks.__name__
    }
    assert set(EXERCISES) == called_in_notebooks() == public


def test_every_exercise_has_at_least_two_slips():
    assert {name for name, (_, slips) in EXERCISES.items() if len(slips) < 2} == set()


@pytest.mark.parametrize("name", EXERCISES)
def test_right_answer_is_correct(name):
    verdict = getattr(checks, name)(EXERCISES[name][0])
    assert verdict.outcome == "correct", verdict


@pytest.mark.parametrize(
    ("name", "hint", "wrong"), SLIPS, ids=[f"{n}-{h}" for n, h, _ in SLIPS]
)
def test_slip_meets_its_hint(name, hint, wrong):
    verdict = getattr(checks, name)(wrong)
    assert verdict.outcome == "try again"
    assert hint in verdict.message


@pytest.mark.parametrize("name", EXERCISES)
def test_untouched_starter_is_not_attempted(name):
    check, (right, _) = getattr(checks, name), EXERCISES[name]
    assert check().outcome == check(...).outcome == "not attempted"
    if callable(right):
        assert check(lambda *answer: ...).outcome == "not attempted"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "",
        "seven",
        [],
        {},
        object(),
        float("nan"),
        torch.zeros(3),
        -1,
        b"x",
        True,
        (1, 2, 3),
    ],
    ids=lambda answer: type(answer).__name__,
)
@pytest.mark.parametrize("name", EXERCISES)
def test_answer_of_any_kind_gets_a_sentence(name, answer):
    verdict = getattr(checks, name)(answer)
    assert verdict.outcome == "try again"
    assert 10 < len(verdict.message) < 300 and "\n" not in verdict.message


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no")


def leaves():
    sys.exit("bye")


@pytest.mark.parametrize("name", EXERCISES)
def test_nothing_escapes_a_check(name):
    check = getattr(checks, name)
    for answer in (Unprintable(), leaves, lambda *x: leaves(), lambda *x: 1 / 0):
        assert check(answer).outcome == "try again"
    assert check(1, 2, 3, 4).outcome == "try again"


def test_pair_may_come_as_two_arguments():
    assert checks.repeated_word_head(2, 9).outcome == "correct"


def test_number_that_is_none_is_never_correct():
    nan = float("nan")
    assert checks.largest_weights((nan, nan)).outcome == "try again"
    assert checks.unknown_share(lambda text, t: nan).outcome == "try again"


def test_check_of_bundled_heads_says_so_on_other_models(monkeypatch):
    monkeypatch.setenv("HF_TUTORIAL_SOURCE", "hub")
    assert "bundled encoder only" in checks.repeated_word_head((2, 9)).message


def test_missing_return_is_suspected():
    assert "is a `return` missing?" in checks.windows(None).message


def test_hints_do_not_give_the_answer_away():
    for name, (right, slips) in EXERCISES.items():
        if isinstance(right, int | float) and right:
            for wrong in slips.values():
                assert f" {right} " not in getattr(checks, name)(wrong).message


def test_verdict_reads_as_a_sentence():
    assert repr(checks.Verdict("correct", "well done")) == "correct: well done"
