"""Exercises of notebook 01."""

import functools
from collections.abc import Callable
from typing import Any

from hf_tutorial.checks.toys import toy_tokenizer
from hf_tutorial.checks.verdicts import Verdict, again, check, correct, returned, short


@check("a function of a text and a tokenizer")
def unknown_share(answer: Callable) -> Verdict:
    """Exercise 1.1: unknown tokens over all tokens, without special ones."""
    tokenizer, text = (
        toy_tokenizer(),
        "the film was tres good et zut alors",
    )  # 4 of 8 known
    value = answer(text, tokenizer)
    verdict = returned(value, "a share")
    if verdict is not None:
        return verdict
    value = float(value)
    if abs(value - 4) < 1e-6:
        return again("that counts them: divide by the number of tokens")
    if abs(value - 0.4) < 1e-6:
        return again(
            "[CLS] and [SEP] are counted too: leave special tokens out of the total"
        )
    if abs(value) < 1e-6:
        return again(
            "found none where 4 of 8 are: this tokenizer's unknown token is not '[UNK]', or "
            "you dropped it along with the special tokens"
        )
    if not abs(value - 0.5) <= 1e-6:  # nan too
        return again(f"{value:.3f} for a text with 4 unknown tokens of 8")
    if abs(float(answer("the film", tokenizer))) > 1e-6:
        return again("a text of known words has a share of 0")
    return correct(
        "try it on the Chinese review above: how much of what was said is left?"
    )


@check("a tensor of shape (2, 6)")
def attention_mask(answer: Any) -> Verdict:
    """Exercise 1.2: 1 where a token is, 0 where padding is."""
    import torch

    answer = torch.as_tensor(answer)
    wanted = torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]])
    if tuple(answer.shape) != (2, 6):
        return again(f"shape {tuple(answer.shape)}: one number for each ID, so (2, 6)")
    if torch.equal(answer.long(), 1 - wanted):
        return again("upside down: 1 keeps a token, 0 ignores it")
    if not torch.equal(answer.long(), wanted):
        return again("1 for every ID that is not 0, special tokens included")
    if answer.is_floating_point() or answer.dtype == torch.bool:
        return again(f"right places, but as {answer.dtype}: call .long() for integers")
    return correct(
        "the mask is nothing but `ids != pad`, as long as the pad has an ID of its own"
    )


@check("a number")
def windows(answer: int) -> Verdict:
    """Exercise 1.3: 62 tokens a window, a step of 62 - 16 = 46, so 1 + ceil(238 / 46)."""
    answer = float(answer)
    slips = {
        5: "that is without overlap: each window repeats 16 tokens of the one before",
        6: "[CLS] and [SEP] take two of the 64 places in every window",
        16: "stride is the overlap, not the step: the step is what is left of a window",
    }
    if answer in slips:
        return again(slips[answer])
    if answer != 7:
        return again(
            f"{answer:g} is not it: how many new tokens does each further window bring?"
        )
    return correct("62 tokens in the first window, then up to 46 new ones in each")


@functools.cache
def _encoder_tokenizer(origin: str):
    """Load the encoder's tokenizer of the origin that `sources` uses, once."""
    from transformers import AutoTokenizer

    from hf_tutorial import sources

    return AutoTokenizer.from_pretrained(sources.checkpoint("encoder"))


@check("a function of a text, a tokenizer and a position")
def source_of(answer: Callable) -> Verdict:
    """Exercise 1.4: cut the text by the token's offsets."""
    from hf_tutorial import sources

    tokenizer = _encoder_tokenizer(sources.origin())
    text = "CAFÉ snowploughs"
    encoding = tokenizer(text, return_offsets_mapping=True)
    value = answer(text, tokenizer, 1)
    verdict = returned(value, "a piece of the text")
    if verdict is not None:
        return verdict
    if isinstance(value, tuple | list):
        return again(f"{short(value)} are the offsets: cut the text with them")
    if value == encoding.tokens()[1] != text[slice(*encoding["offset_mapping"][1])]:
        return again(
            f"{short(repr(value))} is the token; the text says it with capitals and an accent"
        )
    for position, (begin, end) in enumerate(encoding["offset_mapping"]):
        value = answer(text, tokenizer, position)
        if value == text[begin:end]:
            continue
        if begin == end:
            return again("a special token came from no letter: give an empty string")
        if value in text.split():
            return again(
                f"{short(repr(value))} is the whole word; token {position} is only a piece of it"
            )
        return again(
            f"token {position} of {text!r} came from {text[begin:end]!r}, not {short(repr(value))}"
        )
    begin, end = encoding["offset_mapping"][1]
    written = text[begin:end]
    if encoding.tokens()[1] == written:  # a cased one
        return correct(
            f"{written!r} as it was written, and special tokens from nothing"
        )
    return correct(
        f"{written!r} as it was written, though the tokenizer lower-cased it"
    )
