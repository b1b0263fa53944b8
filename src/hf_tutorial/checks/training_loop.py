"""Exercises of notebook 05."""

import functools
from collections.abc import Callable
from typing import Any

from hf_tutorial import sources
from hf_tutorial.checks.verdicts import (
    Verdict,
    again,
    check,
    correct,
    listed,
    returned,
    short,
)


@check("a function of parts")
def token_loss(answer: Callable) -> Verdict:
    """Exercise 5.1: the losses of all labels but -100, added up and divided by their number."""
    parts = [_part(1, 4, counted=1, seed=0), _part(3, 5, counted=12, seed=1)]
    given = answer(_copied(parts))
    verdict = returned(given, "a loss")
    if verdict is not None:
        return verdict
    found = _plain(given)
    (mean_a, sum_a), (mean_b, sum_b) = [_losses(*part) for part in parts]
    right = (sum_a + sum_b) / 13
    slips = (
        ((mean_a + mean_b) / 2, "that is the mean of two means: one label against 12"),
        (mean_a + mean_b, "those are means, added up: add sums, divide once"),
        (sum_a + sum_b, "that is the sum: divide by the number of labels that count"),
        ((sum_a + sum_b) / 2, "divided by the number of parts: tokens should count"),
        ((sum_a + sum_b) / 19, "divided by all positions: -100 does not count"),
        ((mean_a + 3 * mean_b) / 4, "weighted by rows: one may hold one label or many"),
        ((4 * mean_a + 15 * mean_b) / 19, "weighted by all positions, -100 included"),
    )
    for slip, hint in slips:
        if abs(found - slip) < 1e-3:
            return again(hint)
    if not abs(found - right) < 1e-3:  # nan too
        return again(f"{found:.3f} where {right:.3f} is right: add up, divide once")
    found = _plain(answer(_copied([*parts, _part(2, 3, counted=0, seed=2)])))
    if not abs(found - right) < 1e-3:
        return again(
            f"with a part whose labels are all -100 it gives {found:.3f}: its mean is 0 / 0, "
            "its sum is 0"
        )
    return correct("add up the losses of all parts, divide once by what counts")


def _part(rows: int, positions: int, counted: int, seed: int) -> tuple:
    """Make logits of three classes, and labels of which the first `counted` count."""
    import torch

    random = torch.Generator().manual_seed(seed)
    labels = torch.full((rows, positions), -100)
    labels.view(-1)[:counted] = torch.arange(counted) % 3
    return 3 * torch.randn(rows, positions, 3, generator=random), labels


def _copied(parts: list[tuple]) -> list[tuple]:
    return [(logits.clone(), labels.clone()) for logits, labels in parts]


def _losses(logits, labels) -> tuple[float, float]:
    """Mean and sum of the losses of the labels that count."""
    from torch.nn.functional import cross_entropy

    flat = logits.flatten(0, 1), labels.flatten()
    return float(cross_entropy(*flat)), float(cross_entropy(*flat, reduction="sum"))


def _plain(loss: Any) -> float:
    """Make a number of a loss, with a gradient or without."""
    return float(loss.detach() if hasattr(loss, "detach") else loss)


@check("a function of a model")
def decayed(answer: Callable) -> Verdict:
    """Exercise 5.2: matrices decay; biases, offsets and what norms own do not."""
    import torch

    class Scale(torch.nn.Module):  # a norm that no list of types knows
        def __init__(self, size):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(size))
            self.offset = torch.nn.Parameter(torch.zeros(size))

    class Toy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embeddings = torch.nn.Embedding(5, 4)
            self.first = torch.nn.Linear(4, 40)
            self.LayerNorm = torch.nn.LayerNorm(40)
            self.final = Scale(40)
            self.norm_mixer = torch.nn.Linear(40, 4)  # a matrix, whatever it is called
            self.weight = torch.nn.Parameter(torch.zeros(2, 4))

    value = answer(Toy())
    verdict = returned(value, "a list of names")
    if verdict is not None:
        return verdict
    names = listed(value)
    if any(isinstance(name, torch.Tensor) for name in names):
        return again("those are parameters: give their names, from named_parameters()")
    if any(isinstance(name, tuple) for name in names):
        return again("those are pairs of name and parameter: keep the names")
    names = {str(name) for name in names}
    matrices = {name for name, p in Toy().named_parameters() if p.ndim > 1}
    if any(name.endswith("bias") for name in names):
        return again("biases are among them: they get no decay")
    if "LayerNorm.weight" in names:
        return again("a LayerNorm has a weight, too, and it gets no decay")
    if "final.weight" in names:
        return again(
            "final.weight has 40 numbers and scales, as a LayerNorm's does, under another "
            "name and type: go by its number of axes"
        )
    if "final.offset" in names:
        return again(
            "final.offset is a bias under another name: go by its number of axes"
        )
    if unknown := names - matrices:
        return again(
            f"{sorted(unknown)[0]!r} is no parameter of the model it was given"
        )
    if "norm_mixer.weight" not in names:
        return again("norm_mixer.weight is a matrix, though its name holds 'norm'")
    if missing := matrices - names:
        return again(
            f"{sorted(missing)} should decay: every matrix does, small ones too"
        )
    return correct("two axes or more: the rule needs no list of names")


@check("a function of texts, labels and new texts")
def beats_words(answer: Callable) -> Verdict:
    """Exercise 5.3: on 450 reviews, more right of the test split than TF-IDF gets."""
    texts, labels, unseen, truth, rival = _rivalry(sources.origin())
    value = answer(list(texts), list(labels), list(unseen))
    verdict = returned(value, "one label for each new text")
    if verdict is not None:
        return verdict
    if hasattr(value, "predict") and not hasattr(value, "__len__"):
        return again("that is a classifier: fit it, and return what its predict() says")
    if isinstance(value, int | float) or getattr(value, "shape", (1,)) == ():
        return again(f"{short(value)} is one number: return a label for each new text")
    if len(getattr(value, "shape", (1,))) > 1:
        return again("that has two axes: take the argmax over the labels")
    given = [getattr(one, "item", lambda one=one: one)() for one in listed(value)]
    if len(given) != len(truth):
        return again(f"{len(given)} predictions for {len(truth)} new texts")
    if strange := [one for one in given if one not in (0, 1)]:
        return again(f"{short(strange[0])} is no label: 0 is negative, 1 is positive")
    right = sum(one == label for one, label in zip(given, truth, strict=True))
    if right < len(truth) / 2 - 15:
        return again(
            f"{right} of {len(truth)} is worse than a coin: are labels swapped?"
        )
    if len(set(given)) == 1:
        return again(f"one label for everybody: {right} of {len(truth)}")
    if right <= rival:
        return again(
            f"{right} of {len(truth)}; TF-IDF with logistic regression gets {rival}"
        )
    return correct(f"{right} of {len(truth)}, where TF-IDF got {rival}")


@functools.cache
def _rivalry(origin: str) -> tuple[list, list, list, list, int]:
    """Load what 5.3 is judged by: 450 reviews, the test split, and what TF-IDF gets right."""
    import datasets
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    reviews = datasets.load_dataset(*sources.dataset("reviews"))
    training = reviews["train"].train_test_split(test_size=150, seed=0)["train"]
    training, test = training.select(range(450)), reviews["test"]
    if len(test) > 150:  # full-size IMDB, sorted by label
        test = test.shuffle(seed=0).select(range(150))
    words = make_pipeline(TfidfVectorizer(stop_words="english"), LogisticRegression())
    words.fit(training["text"][:], training["label"][:])
    truth = test["label"][:]
    right = sum(words.predict(test["text"][:]) == truth)
    return training["text"][:], training["label"][:], test["text"][:], truth, int(right)
