"""Exercises of notebook 09."""

from collections.abc import Callable

from hf_tutorial.checks.toys import toy_tokenizer
from hf_tutorial.checks.verdicts import Verdict, again, check, correct, returned, short


@check("a function of tokens")
def pronoun_price(answer: Callable) -> Verdict:
    """Exercise 9.1: ln 2 for each he, she, his; 0 for all others; the mean over all tokens."""
    import math

    tokens = "she saw his cat , and it saw her .".split()
    value = answer(list(tokens))
    verdict = returned(value, "a number of nats")
    if verdict is not None:
        return verdict
    value, one = float(value), math.log(2)
    right = 0.2 * one  # two of ten tokens
    slips = {
        -right: "not negative: the logarithm of 1/2 is, so turn the sign",
        one: "the mean over pronouns alone: the other tokens count too, and cost 0",
        2 * one: "a sum over the tokens: the loss is the mean of one",
        0.2: "those are bits, or just the share: a gap costs -ln(1/2) nats",
        0.2 * math.log10(2): "log10 gives no nats: use math.log",
        0.1: "that is probability lost: the loss is -ln of what the right word got",
        0.3 * one: "*her* is counted too: the model wavers at he, she and his",
        math.exp(right): "that is a perplexity: the loss is its logarithm",
    }
    for wrong, hint in slips.items():
        if abs(value - wrong) < 1e-3:
            return again(hint)
    if not abs(value - right) <= 1e-3:  # nan too
        return again(f"{value:.3f} for {short(tokens)}: what do 2 of 10 tokens cost?")
    try:
        other = float(answer(["the", "cat", "saw", "the", "mouse"]))
    except (ValueError, ZeroDivisionError) as error:
        return again(
            f"a list without pronouns raised {type(error).__name__}: it costs nothing"
        )
    if not abs(other) <= 1e-3:
        return again(f"{other:.3f} for a list without pronouns: it costs nothing")
    return correct(
        "a few hundredths of a nat: nobody sees that in a curve, so ask for it by itself"
    )


def _toy_masked():
    """Make a tokenizer whose mask token is '<gap>', and a model that always fills 'good'.

    The logits hold larger numbers elsewhere: at other positions, and for other tokens.
    """
    from types import SimpleNamespace

    import torch

    tokenizer = toy_tokenizer()
    tokenizer.add_special_tokens({"mask_token": "<gap>"})

    class Model(torch.nn.Module):  # so that eval() works, too
        def forward(self, input_ids=None, **others):
            ids = torch.as_tensor(input_ids)
            if ids.ndim != 2:
                raise ValueError(
                    "not enough values to unpack (expected a batch of rows)"
                )
            logits = torch.zeros(*ids.shape, len(tokenizer))
            logits.scatter_(2, ids[..., None], 9.0)  # elsewhere: the token itself
            gap = ids == tokenizer.mask_token_id
            logits[gap] = torch.tensor([0, 0, 0, 1, 2, 0, 5, 3.0])  # 'good' leads
            return SimpleNamespace(logits=logits)

    return Model(), tokenizer


@check("a function of a model, a tokenizer and a text")
def fill_gap(answer: Callable) -> Verdict:
    """Exercise 9.2: argmax over the vocabulary, at the position of the mask token."""
    model, tokenizer = _toy_masked()
    value = answer(model, tokenizer, "the film was <gap>")
    verdict = returned(value, "a token")
    if verdict is not None:
        return verdict
    if isinstance(value, list | tuple):
        return again(f"got {short(value)}: one token, as a string")
    if not isinstance(value, str):
        return again(
            f"got {short(value)}: turn the ID into its token, convert_ids_to_tokens"
        )
    if value == tokenizer.mask_token:
        return again("that is the gap, not what fills it: read the logits, not the IDs")
    if value in ("<s>", "</s>", "the", "film", "was"):
        return again(
            f"{short(repr(value))} is what another position says: find where the mask token's ID "
            "stands, [CLS] counted, and read the logits there"
        )
    if value != "good":
        return again(f"{short(repr(value))} is not the most likely token at the gap")
    if answer(model, tokenizer, "the <gap> was the film") != "good":
        return again(
            "right for a gap at the end, wrong for one elsewhere: look for the mask "
            "token's ID instead of counting positions"
        )
    return correct("position first, then argmax over the vocabulary: no flattening")


@check("a number of weights")
def one_night(answer: float) -> Verdict:
    """Exercise 9.3: 6 N (20 N) = 8 hours at 100 GFLOP/s, so N is about 4.9 million."""
    answer = float(answer)
    operations = 8 * 3600 * 100e9
    right = (operations / 120) ** 0.5
    slips = {
        right**2: "N stands in the product twice: take the square root",
        right * 20: "those are the tokens: 20 for each weight",
        (operations / 6) ** 0.5: "that is one token a weight: D is 20 · N",
        (operations / 20) ** 0.5: "the 6 of 6 · N · D is missing",
        (operations / 40) ** 0.5: "2 · N · D is the forward pass alone",
        (operations / 3600 / 120) ** 0.5: "8 hours are 8 x 3600 seconds",
        (operations / 60 / 120) ** 0.5: "an hour has 3600 seconds, not 60",
        right / 1e6: "that is in millions: write the number of weights itself",
    }
    for wrong, hint in slips.items():
        if abs(answer - wrong) <= 0.02 * wrong:
            return again(hint)
    if not abs(answer - right) <= 0.02 * right:  # nan too
        return again(
            f"{answer:g} is not it: set 6 · N · (20 · N) equal to the night's operations"
        )
    return correct(
        "about five million, twice storyteller-mlm; ten nights would not make it ten times"
    )
