"""Verdicts on exercises: not attempted, try again with a hint, or correct.

A check never raises, so Run All on an untouched notebook reaches the end. Answers arrive as
arguments; hints name the likely slip, not the solution.
"""

import functools
from collections.abc import Callable
from types import EllipsisType
from typing import Any, Literal, NamedTuple


class Verdict(NamedTuple):
    """What a check says."""

    outcome: Literal["not attempted", "try again", "correct"]
    message: str

    def __repr__(self) -> str:
        """Read as a sentence in a notebook."""
        return f"{self.outcome}: {self.message}"


def correct(message: str) -> Verdict:
    """Accept an answer and say what it shows."""
    return Verdict("correct", message)


def again(hint: str) -> Verdict:
    """Turn an answer down with a hint."""
    return Verdict("try again", hint)


def check(wanted: str) -> Callable:
    """Make a check that survives any answer.

    Args:
        wanted: What to answer with, as in "a number"; used when there is no answer, or one
            of another kind.
    """

    def decorate(judge: Callable[..., Verdict]) -> Callable[..., Verdict]:
        @functools.wraps(judge)
        def safe(*answers: Any) -> Verdict:
            # checks.pair(1, 2) is as good as checks.pair((1, 2)).
            answer = answers[0] if len(answers) == 1 else answers or ...
            if isinstance(answer, EllipsisType):
                return Verdict("not attempted", f"replace ... with {wanted}")
            if answer is None:
                return again(
                    f"got None where {wanted} was asked for: is a `return` missing?"
                )
            try:
                return judge(answer)
            except (Exception, SystemExit) as error:
                if callable(answer) and wanted.startswith("a function"):
                    return again(
                        f"calling it raised {type(error).__name__}: {_short(str(error))}"
                    )
                return again(
                    f"got {type(answer).__name__} {_short(answer)}, asked for {wanted}"
                )

        return safe

    return decorate


def _short(answer: Any) -> str:
    try:
        text = " ".join((answer if isinstance(answer, str) else repr(answer)).split())
    except Exception:
        return "that cannot even be printed"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _returned(value: Any, wanted: str) -> Verdict | None:
    """Judge what a function of the reader's gave back, before its content is looked at."""
    if isinstance(value, EllipsisType):
        return Verdict("not attempted", f"replace ... with {wanted}")
    if value is None:
        return again("the function returned None: is a `return` missing?")
    return None


# Notebook 03


@check("a pair of numbers")
def largest_weights(answer: tuple[float, float]) -> Verdict:
    """Exercise 3.1: of 12 weights, 64 numbers a vector; about 0.86 raw and 0.29 divided."""
    raw, divided = (float(number) for number in answer)
    if abs(raw - 0.29) < 0.03 and abs(divided - 0.86) < 0.03:
        return again("the other way round: first without the division, then with it")
    if abs(raw - 1 / 12) < 0.01 or abs(divided - 1 / 12) < 0.01:
        return again(
            "1/12 is the mean of all weights: take each query's largest one, then the mean"
        )
    if raw > 1 or divided > 1:
        return again("weights are shares from 0 to 1, not percentages")
    if raw > 0.97:
        return again("softmax runs over the 12 keys, which are the last axis")
    if abs(divided - raw) < 0.01:
        return again("the same twice: divide the scores, before softmax")
    if not (abs(raw - 0.86) <= 0.03 and abs(divided - 0.29) <= 0.03):  # nan too
        return again(
            f"{raw:.2f} and {divided:.2f} are off: 1000 queries, 12 keys, 64 numbers each"
        )
    return correct(
        "undivided, one key of 12 takes most of it; divided, the others still count"
    )


@check("a function of weights")
def share_on_itself(answer: Callable) -> Verdict:
    """Exercise 3.2: the diagonal, averaged over queries, for each layer and head."""
    import torch

    # Layer 0, head 0 looks at itself; head 1 spreads evenly; layer 1 looks one back.
    size = 4
    even = torch.full((size, size), 1 / size)
    back = torch.eye(size).roll(-1, dims=1)
    weights = torch.stack(
        [torch.stack([torch.eye(size), even]), torch.stack([back, even])]
    )
    value = answer(weights)
    verdict = _returned(value, "one number per layer and head")
    if verdict is not None:
        return verdict
    value = torch.as_tensor(value).float()
    if tuple(value.shape) == (2, 2, size):
        return again("one number per query is left: average over the last axis")
    if tuple(value.shape) != (2, 2):
        return again(
            f"shape {tuple(value.shape)}: one number for each layer and head, so (2, 2)"
        )
    if torch.allclose(value, torch.tensor([[4.0, 1.0], [0.0, 1.0]])):
        return again("a sum over queries: divide by their number to get a mean share")
    if not torch.allclose(value, torch.tensor([[1.0, 0.25], [0.0, 0.25]])):
        return again(
            "take the diagonal of the last two axes, query and key; see `diagonal(dim1=...)`"
        )
    return correct(
        "1 for a head that looks only at itself, 1/n for one that spreads evenly"
    )


@check("a pair (layer, head)")
def repeated_word_head(answer: tuple[int, int]) -> Verdict:
    """Exercise 3.3: head 2.9 of the bundled encoder."""
    import numpy as np

    from hf_tutorial import sources

    if sources.origin() != "bundled":
        return again("this check knows the heads of the bundled encoder only")
    # A tensor such as [[2, 9]] will do.
    numbers = [int(number) for number in np.asarray(answer).ravel()]
    if len(numbers) == 1:
        return again(
            "one number counts all heads in a row: divmod by 12 makes a pair of it"
        )
    layer, head = numbers
    if (layer, head) == (9, 2):
        return again("layer first, then head")
    if not (0 <= layer < 6 and 0 <= head < 12):
        return again(
            f"({layer}, {head}) does not exist: layers run 0 to 5, heads 0 to 11"
        )
    if (layer, head) in {(1, 1), (0, 8), (2, 2), (4, 0)}:
        return again(
            "this head likes the token itself: leave the diagonal out of the mask"
        )
    if (layer, head) != (2, 9):
        return again(
            f"({layer}, {head}) is not it: mask the cells where two tokens are equal"
        )
    return correct(
        "head 2.9 gives over half of its attention to the other occurrence; where no word "
        "is repeated it rests on [CLS]"
    )


# Notebook 01


def _toy_tokenizer():
    """Make a real tokenizer that splits at spaces and knows four words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = ["<?>", "<s>", "</s>", "the", "film", "was", "good"]
    toy = Tokenizer(
        models.WordLevel(
            {word: n for n, word in enumerate(vocabulary)}, unk_token="<?>"
        )
    )
    toy.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    toy.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=toy, unk_token="<?>", cls_token="<s>", sep_token="</s>"
    )


@check("a function of a text and a tokenizer")
def unknown_share(answer: Callable) -> Verdict:
    """Exercise 1.1: unknown tokens over all tokens, without special ones."""
    tokenizer, text = (
        _toy_tokenizer(),
        "the film was tres good et zut alors",
    )  # 4 of 8 known
    value = answer(text, tokenizer)
    verdict = _returned(value, "a share")
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
    return correct("62 tokens in the first window, then 46 new ones in each")


@check("a function of a text, a tokenizer and a position")
def source_of(answer: Callable) -> Verdict:
    """Exercise 1.4: cut the text by the token's offsets."""
    from transformers import AutoTokenizer

    from hf_tutorial import sources

    tokenizer = AutoTokenizer.from_pretrained(sources.checkpoint("encoder"))
    text = "CAFÉ snowploughs"
    encoding = tokenizer(text, return_offsets_mapping=True)
    value = answer(text, tokenizer, 1)
    verdict = _returned(value, "a piece of the text")
    if verdict is not None:
        return verdict
    if isinstance(value, tuple | list):
        return again(f"{value!r} are the offsets: cut the text with them")
    if value == encoding.tokens()[1] != text[slice(*encoding["offset_mapping"][1])]:
        return again(
            f"{value!r} is the token; the text says it with capitals and an accent"
        )
    for position, (begin, end) in enumerate(encoding["offset_mapping"]):
        value = answer(text, tokenizer, position)
        if value == text[begin:end]:
            continue
        if begin == end:
            return again("a special token came from no letter: give an empty string")
        if value in text.split():
            return again(
                f"{value!r} is the whole word; token {position} is only a piece of it"
            )
        return again(
            f"token {position} of {text!r} came from {text[begin:end]!r}, not {value!r}"
        )
    begin, end = encoding["offset_mapping"][1]
    return correct(
        f"{text[begin:end]!r} as it was written, though the tokenizer lower-cased it"
    )


# Notebook 02


@check("a function of hidden states")
def change_by_layer(answer: Callable) -> Verdict:
    """Exercise 2.1: layer i turns entry i into entry i + 1."""
    import torch

    # As (batch, sequence, hidden), so that an answer may name its axes.
    states = tuple(torch.tensor([[[value, value / 2]]]) for value in (0, 2, -3, -4))
    value = answer(states)
    verdict = _returned(value, "one number per layer")
    if verdict is not None:
        return verdict
    changes = [float(change) for change in value]
    if len(changes) != 3:
        return again(
            f"{len(changes)} numbers for 4 entries: entry 0 went into layer 0, so 3 layers"
        )
    if changes == [2, 3, 4]:
        return again(
            "compare each entry with the one before it, not with entry 0 or with zero"
        )
    if changes in ([2, -2.5, -0.5], [2, -5, -1]):
        return again("a layer may also lower a number: take the absolute change")
    if changes == [1.5, 3.75, 0.75]:
        return again("that is the mean change; the largest was asked for")
    if changes != [2, 5, 1]:
        return again(
            f"got {changes} for entries 0, 2, -3, -4: how far is it from each to the next?"
        )
    return correct("in a trained model, look where this list jumps")


@check("a number of gigabytes")
def gigabytes(answer: float) -> Verdict:
    """Exercise 2.2: four numbers of four bytes for each of 7 billion parameters."""
    answer = float(answer)
    slips = {
        28.0: "that is the parameters alone; four numbers are kept for each",
        84.0: "one of the four is missing: parameter, gradient, two running means",
        56.0: "two bytes each would be bfloat16; float32 takes four",
        14.0: "that is the parameters alone, in bfloat16",
        896.0: "those are gigabits: eight bits are a byte",
        112e9: "those are bytes: divide by 10⁹",
    }
    if answer in slips:
        return again(slips[answer])
    if abs(answer - 104.3) < 0.1:
        return again("those are gibibytes (2³⁰ bytes); the question says 10⁹")
    if answer != 112:
        return again(
            f"{answer:g} is not it: parameters, times numbers kept, times bytes"
        )
    return correct("112 GB before a single batch; to predict in bfloat16 takes 14")


@check("a function of the loading info")
def new_parameters(answer: Callable) -> Verdict:
    """Exercise 2.3: missing and mismatched names, sorted; unexpected ones do not count."""
    info = {
        "missing_keys": {"score.weight", "pooler.bias"},
        "unexpected_keys": {"cls.bias"},
        "mismatched_keys": {("classifier.bias", (2,), (5,))},
        "error_msgs": [],
    }
    value = answer(info)
    verdict = _returned(value, "a sorted list of names")
    if verdict is not None:
        return verdict
    if isinstance(value, set | frozenset):
        return again("a set has no order: sort it into a list")
    names = list(value)
    if "cls.bias" in names:
        return again(
            "unexpected names are in the file only: the model has no such parameter"
        )
    if any(isinstance(name, tuple) for name in names):
        return again("each mismatched entry is a name with two shapes: keep the name")
    if "classifier.bias" not in names:
        return again(
            "mismatched parameters are drawn anew as well: they are missing here"
        )
    if names != ["classifier.bias", "pooler.bias", "score.weight"]:
        return again(f"got {names}: all missing and mismatched names, sorted")
    return correct(
        "if names of the body turn up in this list, stop: that part was not loaded"
    )


# Notebook 04


@check("a function of lengths and a batch size")
def padding_share(answer: Callable) -> Verdict:
    """Exercise 4.1: every batch is as wide as its longest row; pads over all positions."""
    lengths = [2, 4, 10, 6, 5]  # in twos: 8 + 20 + 5 positions, 27 of them tokens
    value = answer(list(lengths), 2)
    verdict = _returned(value, "a share")
    if verdict is not None:
        return verdict
    value = float(value)
    slips = {
        6.0: "that counts the padding: divide by all positions of all batches",
        6 / 27: "divide by all positions, padding included, not by the tokens",
        27 / 33: "that is the share of tokens; padding is the rest",
        23
        / 50: "each batch has a width of its own: its longest row, not the longest of all",
        3 / 30: "the lengths are batched in the order given: do not sort them",
        6 / 28: "the last row is missing: five rows in twos are three batches",
        11 / 38: "the last batch holds one row only: count its real number of rows",
        (2 / 8 + 4 / 20)
        / 3: "a mean of shares: batches differ in size, so add up first",
    }
    for slip, hint in slips.items():
        if abs(value - slip) < 1e-9:
            return again(hint)
    if not abs(value - 6 / 33) < 1e-9:  # nan too
        return again(
            f"{value:.3f} for lengths {lengths} in twos: 8 + 20 + 5 positions, 27 tokens"
        )
    if abs(float(answer([7, 7, 7], 3))) > 1e-9:
        return again("rows of equal length need no padding at all")
    return correct("with the lengths sorted first, the same rows have less of it")


@check("a function of a list of rows")
def collated(answer: Callable) -> Verdict:
    """Exercise 4.2: pad to the longest row with 0; mask; labels; all of them tensors."""
    import torch

    rows = [
        {"input_ids": [101, 7, 102], "label": 1},
        {"input_ids": [101, 7, 8, 9, 102], "label": 0},
    ]
    batch = answer([{**row, "input_ids": [*row["input_ids"]]} for row in rows])
    verdict = _returned(batch, "a dict of tensors")
    if verdict is not None:
        return verdict
    if "labels" not in batch and "label" in batch:
        return again("the model reads `labels`, with an s; `label` would be ignored")
    for key in ("input_ids", "attention_mask", "labels"):
        if key not in batch:
            return again(f"no {key!r} in the batch, only {sorted(batch)}")
        if not isinstance(batch[key], torch.Tensor):
            return again(f"{key!r} is a {type(batch[key]).__name__}: make it a tensor")
        if batch[key].is_floating_point() or batch[key].dtype == torch.bool:
            return again(f"{key!r} is {batch[key].dtype}: the model wants integers")
    ids, mask = batch["input_ids"], batch["attention_mask"]
    if tuple(ids.shape) != (2, 5):
        return again(
            f"input_ids have shape {tuple(ids.shape)}: two rows, the longest has 5 tokens"
        )
    if ids[0].tolist() == [0, 0, 101, 7, 102]:
        return again("padded on the left: this tokenizer's pads come after the tokens")
    if ids.tolist() != [[101, 7, 102, 0, 0], [101, 7, 8, 9, 102]]:
        return again("keep the tokens in order and fill up with 0, the ID of [PAD]")
    if mask.tolist() == [[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]]:
        return again("upside down: 1 keeps a token, 0 marks padding")
    if mask.tolist() != [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]:
        return again("the attention mask is 1 for each token and 0 for each pad")
    if batch["labels"].tolist() != [1, 0]:
        return again("one label per row, in the order of the rows")
    return correct("hand it to a DataLoader as `collate_fn`: it is a collator")


@check("a function of token lists, a size and an end token")
def blocks(answer: Callable) -> Verdict:
    """Exercise 4.3: an end token after each text; full blocks only."""
    texts, size, end = [[1, 2, 3], [4, 5], [6, 7, 8]], 4, 0
    value = answer([[*text] for text in texts], size, end)
    verdict = _returned(value, "a list of blocks")
    if verdict is not None:
        return verdict
    found = [[int(token) for token in block] for block in value]
    slips = [
        (
            [[1, 2, 3, 0], [4, 5, 0, 6], [7, 8, 0]],
            "the last block is short: leave it out",
        ),
        ([[1, 2, 3, 4], [5, 6, 7, 8]], "no end token: nothing says where a text stops"),
        (
            [[1, 2, 3, 0], [4, 5, 0, 6], [7, 8, 0, 0]],
            "the tail is filled up: leave it out, as padding would read as ends",
        ),
        (
            [[0, 1, 2, 3], [0, 4, 5, 0]],
            "the end token comes after its text, not before it",
        ),
        (
            [[1, 2, 3, 0], [4, 5, 6, 7]],
            "one end token only: every text needs its own",
        ),
        (
            [[1, 2, 3, 0], [4, 5, 0, 0], [6, 7, 8, 0]],
            "each text has a block of its own: join the texts first, then cut",
        ),
    ]
    for slip, hint in slips:
        if found == slip:
            return again(hint)
    if found != [[1, 2, 3, 0], [4, 5, 0, 6]]:
        return again(f"got {found} for {texts}, size 4, end 0: join first, then cut")
    whole = answer([[1, 2, 3], [4, 5, 6]], 4, 0)
    if len(list(whole)) != 2:
        return again("where the texts fill the blocks exactly, every block is kept")
    return correct("nothing is padded, and the price is a tail shorter than one block")


@check("a function of two lists of texts")
def leaked(answer: Callable) -> Verdict:
    """Exercise 4.4: positions in the second list whose text the first holds as well."""
    train = ["A fine film.", "Dull,  and long!", "We left early."]
    test = ["a FINE film", "Splendid.", "Dull and long", "Early we left.", "Splendid."]
    value = answer([*train], [*test])
    verdict = _returned(value, "a list of positions")
    if verdict is not None:
        return verdict
    if any(isinstance(place, str) for place in value):
        return again("give positions in the test split, not the texts")
    found = sorted(int(place) for place in value)
    if found == [0, 1]:
        return again("those are positions in train: count in the test split")
    if not found:
        return again(
            "found none: compare without capitals, punctuation and double spaces"
        )
    if found == [0]:
        return again("punctuation and double spaces still stand between the others")
    if 3 in found:
        return again("'Early we left.' has the same words in another order: no leak")
    if 4 in found:
        return again("a text twice in test is no leak from train")
    if found != [0, 2]:
        return again(f"positions {found}: which test texts does train hold as well?")
    return correct(
        "a score on such rows measures memory: drop them before you evaluate"
    )


# Notebook 05


@check("a number")
def cross_entropy(answer: float) -> Verdict:
    """Exercise 5.1: logits 1, 3, 0 and label 2, so ln(e + e³ + 1) - 0 = 3.170."""
    answer = float(answer)
    slips = {
        0.042: "that is the probability of the label: take -log of it",
        2.170: "that is label 0; labels count from 0, so label 2 is the last logit",
        0.170: "that is label 1, the likeliest one; the label was 2",
        -3.170: "a loss is not negative: minus the logarithm",
        4.573: "right, but in bits: PyTorch takes the natural logarithm",
        1.377: "log10: PyTorch takes the natural logarithm",
        1.386: "softmax takes e to the power of each logit, not the logits themselves",
    }
    for slip, hint in slips.items():
        if abs(answer - slip) < 0.002:
            return again(hint)
    if not abs(answer - 3.170) <= 0.005:  # nan too
        return again(
            f"{answer:.3f} is not it: softmax over three logits, then -log at the label"
        )
    return correct("confident and wrong costs 3.2; a blind guess among three costs 1.1")


@check("a function of step, warmup, total and peak")
def linear_schedule(answer: Callable) -> Verdict:
    """Exercise 5.2: up to the peak in `warmup` steps, then down to 0 at `total`."""
    warmup, total, peak = 4, 20, 0.001

    def wanted(step):
        left = max(total - step, 0) / (total - warmup)
        return peak * min(step / warmup, left)

    value = answer(2, warmup, total, peak)
    verdict = _returned(value, "a learning rate")
    if verdict is not None:
        return verdict
    found = {
        step: float(answer(step, warmup, total, peak))
        for step in (0, 1, 2, 4, 10, 12, 20, 25)
    }

    def agrees(*steps):
        return all(abs(found[step] - wanted(step)) <= 1e-9 for step in steps)

    if agrees(0, 1, 2, 4, 10, 12, 20) and not agrees(25):
        return again(f"at step 25 of 20 it gives {found[25]:.2g}: stop at 0")
    if abs(found[2] - 0.5) < 1e-9:
        return again("that is a factor from 0 to 1: multiply by the peak")
    if abs(found[1] - peak * 2 / warmup) < 1e-9:
        return again("one step early: step 0 is made with a learning rate of 0")
    if agrees(0, 1, 2) and abs(found[10] - peak) < 1e-9:
        return again("after warmup it should fall; this one stays at the peak")
    if agrees(0, 1, 2) and abs(found[10] - peak * (1 - 10 / total)) < 1e-9:
        return again(
            "it jumps at the end of warmup: the fall takes total - warmup steps, from the peak"
        )
    if abs(found[0] - peak) < 1e-9:
        return again("it begins at the peak: warmup is missing")
    if not agrees(*found):  # nan too
        step = next(step for step in found if not agrees(step))
        return again(
            f"{found[step]:.6f} at step {step} of 20, warmup 4, peak 0.001: draw it"
        )
    # Without warmup there is nothing to divide by.
    if abs(float(answer(0, 0, total, peak)) - peak) > 1e-9:
        return again("with warmup 0 it should begin at the peak")
    return correct("the same numbers as get_linear_schedule_with_warmup")


@check("a function of a model")
def decayed(answer: Callable) -> Verdict:
    """Exercise 5.3: matrices decay; biases and what LayerNorm owns do not."""
    import torch

    class Toy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embeddings = torch.nn.Embedding(5, 4)
            self.dense = torch.nn.Linear(4, 4)
            self.LayerNorm = torch.nn.LayerNorm(4)
            self.final = torch.nn.LayerNorm(4)  # not every model names it so
            self.classifier = torch.nn.Linear(4, 2)

    value = answer(Toy())
    verdict = _returned(value, "a list of names")
    if verdict is not None:
        return verdict
    names = list(value)
    if any(isinstance(name, torch.Tensor) for name in names):
        return again("those are parameters: give their names, from named_parameters()")
    if any(isinstance(name, tuple) for name in names):
        return again("those are pairs of name and parameter: keep the names")
    names = set(names)
    if any(str(name).endswith("bias") for name in names):
        return again("biases are among them: they get no decay")
    if "LayerNorm.weight" in names:
        return again("a LayerNorm has a weight, too, and it gets no decay")
    if "final.weight" in names:
        return again(
            "final.weight belongs to a LayerNorm with another name: go by its number of axes"
        )
    missing = {"embeddings.weight", "dense.weight", "classifier.weight"} - names
    if missing or len(names) != 3:
        return again(f"{sorted(missing)} should decay: every matrix does")
    return correct("two axes or more: the rule needs no list of names")


# Notebook 06


@check("a function of a prediction")
def scores_of(answer: Callable) -> Verdict:
    """Exercise 6.1: accuracy from logits, bare or first in a tuple; -100 does not count."""
    import numpy as np
    from transformers import EvalPrediction

    # Three labels, five rows: right, wrong, right, ignored, right.
    logits = np.eye(3)[[0, 2, 1, 0, 2]] * 2 - 1
    labels = np.array([0, 1, 1, -100, 2])
    more = (np.zeros((5, 7, 4)), np.ones((5, 2)))

    value = answer(EvalPrediction(logits.copy(), labels.copy()))
    verdict = _returned(value, "a dict with the accuracy")
    if verdict is not None:
        return verdict
    if not isinstance(value, dict):
        return again(
            f"Trainer wants a dict of scores by name, this is a {type(value).__name__}"
        )
    if "accuracy" not in value:
        return again(f"no 'accuracy' in the dict, only {sorted(value)}")
    found = float(value["accuracy"])
    if abs(found - 3 / 5) < 1e-9:
        return again("the row labelled -100 was counted: leave it out, do not fail it")
    if abs(found - 3) < 1e-9:
        return again("that counts the right ones: divide by the rows that count")
    if abs(found - 75) < 1e-9:
        return again("a share from 0 to 1, not a percentage")
    if not abs(found - 3 / 4) < 1e-9:  # nan too
        return again(
            f"{found:.3f} where 3 of 4 are right: the guess is the argmax over the last axis"
        )
    try:
        value = answer(EvalPrediction((logits.copy(), *more), labels.copy()))
        found = float(value["accuracy"])
    except Exception as error:
        return again(
            f"with a tuple of predictions it raised {type(error).__name__}: logits come first"
        )
    if not abs(found - 3 / 4) < 1e-9:
        return again(
            f"{found:.3f} when predictions are a tuple: the logits are its first entry"
        )
    return correct("it survives a tuple; memory still wants `ignore_keys`")


@check("a function of shapes and a rank")
def lora_size(answer: Callable) -> Verdict:
    """Exercise 6.2: rank x (out + in) for each matrix; a matrix out x in has out x in."""
    shapes = [(10, 20), (30, 40)]
    value = answer([*shapes], 2)
    verdict = _returned(value, "a number")
    if verdict is not None:
        return verdict
    found = float(value)
    slips = {
        1400.0: "that is the matrices themselves: LoRA leaves them as they are",
        2800.0: "the rank is the inner side of two thin matrices, not a factor of a thick one",
        60.0: "only the first matrix was counted",
        140.0: "only the last matrix was counted",
        100.0: "multiply by the rank: a thin matrix has as many rows or columns",
        80.0: "that is A alone (rank x in): B counts as well",
        120.0: "that is B or A alone: one is rank x in, the other out x rank",
        1600.0: "with the matrices themselves? They are frozen, not trained",
    }
    if found in slips:
        return again(slips[found])
    if found != 200:
        return again(
            f"{found:g} for (10, 20) and (30, 40) at rank 2: A is rank x in, B is out x rank"
        )
    if float(answer([(384, 384)] * 12, 8)) != 73728:
        return again("right for rank 2, but not for twelve matrices at rank 8")
    return correct(
        "at 384 x 384 it breaks even at rank 192; rank 8 trains one number in 24"
    )


@check("a callback class")
def patience(answer: Callable) -> Verdict:
    """Exercise 6.3: stop when the best loss is `patience` evaluations old."""
    from transformers import TrainerControl, TrainerState

    def stopped_after(losses, patience):
        """Count evaluations up to the stop; 0 for none. Ellipsis says: not attempted."""
        callback, control = answer(patience), TrainerControl()
        if isinstance(callback, EllipsisType):
            return ...
        state = TrainerState()
        for number, loss in enumerate(losses, start=1):
            state.global_step, state.epoch = 10 * number, float(number)
            state.log_history.append({"eval_loss": loss, "step": 10 * number})
            said = callback.on_evaluate(
                None, state, control, metrics={"eval_loss": loss}
            )
            if isinstance(said, EllipsisType):
                return ...
            if control.should_training_stop:
                return number
        return 0

    falling = stopped_after([0.9, 0.8, 0.7, 0.6, 0.5], 2)
    if isinstance(falling, EllipsisType):
        return Verdict(
            "not attempted", "replace ... with what to do after an evaluation"
        )
    if falling:
        return again(f"it stopped after evaluation {falling} of a loss that only falls")
    setback = stopped_after([0.9, 0.7, 0.8, 0.6, 0.7, 0.5], 2)
    if setback == 3:
        return again("it stopped at the first setback: with patience 2, wait for two")
    if setback:
        return again("a new best resets the count: only evaluations in a row matter")
    rising = stopped_after([0.9, 0.5, 0.6, 0.7, 0.8], 2)
    if rising == 0:
        return again("it never stops: set control.should_training_stop to True")
    if rising == 5:
        return again(
            "one evaluation late: with 2, the second that is no better ends it"
        )
    if rising != 4:
        return again(
            f"losses 0.9 0.5 0.6 0.7 0.8 with patience 2: stop after 4, not after {rising}"
        )
    if stopped_after([0.9, 0.5, 0.8, 0.7, 0.6], 2) != 4:
        return again("compare with the best so far, not with the evaluation before")
    if stopped_after([0.9, 0.5, 0.5, 0.5, 0.5], 2) != 4:
        return again("a loss equal to the best is not better: it has to count")
    if stopped_after([0.9, 0.95, 0.8], 1) != 2:
        return again("with patience 1, the first evaluation that is no better ends it")
    return correct(
        "EarlyStoppingCallback does the same, has a threshold, and saves its count"
    )


# Notebook 08


@check("a function of probabilities and p")
def nucleus(answer: Callable) -> Verdict:
    """Exercise 8.1: keep the likeliest until p is reached, set the others to 0, scale."""
    import torch

    given = torch.tensor([0.1, 0.4, 0.2, 0.3])
    value = answer(given.clone(), 0.6)
    verdict = _returned(value, "a tensor of probabilities")
    if verdict is not None:
        return verdict
    found = torch.as_tensor(value, dtype=torch.float32)

    def agrees(*wanted):
        return found.shape == (len(wanted),) and torch.allclose(
            found, torch.tensor(wanted, dtype=torch.float32), atol=1e-4
        )

    if agrees(4 / 7, 3 / 7, 0, 0) or agrees(4 / 7, 3 / 7):
        return again("that is sorted: put each probability back into its own place")
    if agrees(0, 0.4, 0, 0.3):
        return again("the group adds up to 0.7: divide, so that it adds up to 1")
    if agrees(0, 1, 0, 0):
        return again(
            "0.4 alone does not reach 0.6: the token that crosses belongs to it"
        )
    if agrees(0, 4 / 9, 2 / 9, 3 / 9):
        return again("one token too many: 0.4 and 0.3 already reach 0.6")
    if found.shape == (4,) and not torch.isfinite(found).all():
        return again("nan: is there a group left to divide by?")
    if not agrees(0, 4 / 7, 0, 3 / 7):
        return again(f"got {found.tolist()} of {given.tolist()} for p = 0.6")
    one = torch.as_tensor(answer(given.clone(), 0.1), dtype=torch.float32)
    if not torch.allclose(one, torch.tensor([0.0, 1.0, 0.0, 0.0]), atol=1e-4):
        return again("for a p as small as 0.1 the likeliest token must still be kept")
    return correct("top-p by hand; where the model is sure, it keeps a single token")


@check("a number of gigabytes")
def cache_gigabytes(answer: float) -> Verdict:
    """Exercise 8.2: 2 x 32 layers x 4 texts x 8 heads x 8192 x 128 x 2 bytes."""
    answer = float(answer)
    slips = {
        2.147: "one of two tensors is missing: keys and values are both kept",
        17.18: "only 8 heads have keys and values of their own, not 32",
        8.590: "bfloat16 takes two bytes, not four",
        1.074: "that is the cache of one user",
        0.134: "that is one of the 32 layers",
        4.0: "those are gibibytes (2³⁰ bytes); the question says 10⁹",
        34.36: "those are gigabits: eight bits are a byte",
    }
    for slip, hint in slips.items():
        if abs(answer - slip) < 0.002 * slip:
            return again(hint)
    if abs(answer - 4294967296) < 1e7:
        return again("those are bytes: divide by 10⁹")
    if not abs(answer - 4.295) <= 0.02:  # nan too
        return again(
            f"{answer:g} is not it: two tensors, layers, batch, heads, positions, size, bytes"
        )
    return correct(
        "128 KiB a token; with 32 heads for keys it would be four times that"
    )


@check("a function of rows and a pad ID")
def left_padded(answer: Callable) -> Verdict:
    """Exercise 8.3: pads before the tokens, mask, and positions from the first token."""
    import torch

    rows, pad = [[5, 6], [7, 8, 9, 4], [3]], 0
    batch = answer([[*row] for row in rows], pad)
    verdict = _returned(batch, "a dict of tensors")
    if verdict is not None:
        return verdict
    for key in ("input_ids", "attention_mask", "position_ids"):
        if key not in batch:
            return again(f"no {key!r} in the batch, only {sorted(batch)}")
        if not isinstance(batch[key], torch.Tensor):
            return again(f"{key!r} is a {type(batch[key]).__name__}: make it a tensor")
        if batch[key].is_floating_point() or batch[key].dtype == torch.bool:
            return again(f"{key!r} is {batch[key].dtype}: the model wants integers")
        if tuple(batch[key].shape) != (3, 4):
            return again(
                f"{key!r} has shape {tuple(batch[key].shape)}: three rows, the longest has 4"
            )
    ids, mask = batch["input_ids"].tolist(), batch["attention_mask"].tolist()
    positions = batch["position_ids"]
    if ids[0] == [5, 6, 0, 0]:
        return again("padded on the right: the model would continue after a pad")
    if ids != [[0, 0, 5, 6], [7, 8, 9, 4], [0, 0, 0, 3]]:
        return again(f"input_ids {ids}: pads first, then the row in its order")
    if mask == [[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]]:
        return again("upside down: 1 keeps a token, 0 marks padding")
    if mask != [[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]]:
        return again("the attention mask is 1 for each token and 0 for each pad")
    real = positions[batch["attention_mask"] == 1].tolist()
    if real == [2, 3, 0, 1, 2, 3, 3]:
        return again("positions count the pads: the first real token has position 0")
    if real == [1, 2, 1, 2, 3, 4, 1]:
        return again("positions count from 0")
    if real != [0, 1, 0, 1, 2, 3, 0]:
        return again(f"positions of the tokens are {real}: 0, 1, ... in each row")
    if positions.min() < 0:
        return again(
            "a pad has position -1: no embedding stands there, so put 0 or more"
        )
    return correct(
        "padding as the tokenizer does it, positions as `generate` works them out"
    )


# Notebook 00


@check("a function of a list of logits")
def softmax_by_hand(answer: Callable) -> Verdict:
    """Exercise 0.1: a softmax that also bears large logits."""
    import math

    first = [math.exp(x) / (math.exp(2) + math.exp(1) + 1) for x in (2, 1, 0)]
    value = answer([2.0, 1.0, 0.0])
    verdict = _returned(value, "a list of probabilities")
    if verdict is not None:
        return verdict
    value = [float(number) for number in value]
    if len(value) != 3:
        return again(f"{len(value)} numbers for three logits: one probability for each")
    if abs(sum(value) - 1) > 1e-4:  # before rounding is suspected
        if abs(value[0] - math.exp(2)) < 1e-2:
            return again(
                "e to the power of each is right: divide by the sum of all three"
            )
        if all(abs(v - 1 / (1 + math.exp(-x))) < 1e-3 for v, x in zip(value, (2, 1, 0), strict=True)):  # fmt: skip
            return again(
                "a sigmoid looks at one logit alone: the three have to share 1"
            )
        return again(f"probabilities sum to 1, these sum to {sum(value):.3f}")
    if abs(value[2]) < 1e-6:
        return again(
            "shares of the logits themselves: take e to the power of each first"
        )
    if not all(abs(v - w) < 1e-3 for v, w in zip(value, first, strict=True)):
        return again("they sum to 1, but are not powers of e divided by their sum")
    try:
        large = [float(number) for number in answer([1002.0, 1001.0, 1000.0])]
    except OverflowError:
        return again(
            "right, until the logits are large: e to the power of 1000 is no float. Only "
            "differences count, so subtract the largest logit from all of them first"
        )
    if not all(abs(v - w) < 1e-3 for v, w in zip(large, first, strict=True)):  # nan too
        return again(
            f"for the logits 1002, 1001 and 1000 it gives {_short(large)}: subtract the "
            "largest logit from all of them first"
        )
    return correct("only the differences between logits matter")


def _classifier():
    from transformers import pipeline

    from hf_tutorial import sources

    return pipeline("text-classification", model=sources.checkpoint("sentiment"))


SHOWN = """We hope you don't hate it. The film was not bad at all. Not a dull moment.
Great, another three hours of my life gone. The film was not bad. The film was not boring.
The meeting is at noon. It isn't boring for a moment. The film was not good."""


@check("a pair (sentence, label)")
def fooled(answer: tuple[str, str]) -> Verdict:
    """Exercise 0.2: a sentence that the classifier misreads, at a score of 0.9 or more."""
    sentence, label = answer
    if isinstance(label, str):
        label = label.upper()
    if label not in ("POSITIVE", "NEGATIVE"):
        return again(
            f"{_short(label)} is no label: what would a person say, POSITIVE or NEGATIVE?"
        )
    words = sentence.split()
    if len(words) < 3:
        return again("three words at least, so that a person can tell what is meant")
    if " ".join(words).rstrip(".!") in " ".join(SHOWN.split()):
        return again("that one stands above: find one of your own")
    (result,) = _classifier()(" ".join(words), truncation=True)
    said = f"it says {result['label']} at {result['score']:.4f}"
    if result["label"] == label:
        return again(f"{said}, as you do: try irony, a negation, or a wish")
    if result["score"] < 0.9:
        return again(f"{said}, the wrong label, but without conviction: aim for 0.9")
    return correct(f"{said}; whether a person would agree with you, ask one")


@check("a function of a path")
def numbers_in(answer: Callable) -> Verdict:
    """Exercise 0.3: how many numbers a safetensors file holds, from its header."""
    import tempfile
    from pathlib import Path

    import torch
    from safetensors.torch import save_file

    tensors = {
        "weight": torch.zeros(30, 7, dtype=torch.bfloat16),
        "bias": torch.zeros(11),
        "scale": torch.tensor(1.0),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        save_file(tensors, path, metadata={"format": "pt"})
        try:
            value = answer(str(path))
        except KeyError as error:
            return again(
                f"KeyError: {_short(str(error))}. The entry `__metadata__` is no tensor: "
                "leave it out"
            )
        size = path.stat().st_size
    verdict = _returned(value, "a count")
    if verdict is not None:
        return verdict
    value = float(value)
    data = sum(t.numel() * t.element_size() for t in tensors.values())
    if value in (data, size):
        return again("that counts bytes: a number may take 4 of them, or 2, or 8")
    if value in (data / 4, size / 4, data / 2):
        return again(
            "numbers of different size may share a file: multiply shapes, not bytes"
        )
    if value == 221:
        return again("a shape of [] is one number, not none: an empty product is 1")
    if value == 3:
        return again("that counts tensors: how many numbers does each hold?")
    if value != 222:
        return again(f"{value:.0f} for shapes [30, 7], [11] and []: multiply, then add")
    return correct("the size of a model stands in the head of its file")


# Notebook 07


@check("three numbers")
def planned_batch(answer: tuple[int, int, int]) -> Verdict:
    """Exercise 7.1: 64 examples a step, two processes, 8 fit on each: 8, 16 and 4."""
    default, split, passes = (float(number) for number in answer)
    if (default, split, passes) == (16, 8, 4):
        return again(
            "the other way round: by default batch_size is what one process gets, split it "
            "is what all get together"
        )
    if default == 8 and passes == 8:
        return again(
            "8 passes of 8 examples are 64 on one process: the other brings 8 as well"
        )
    if default == 64 or split == 64:
        return again("64 at once do not fit: the passes of a step add up to 64")
    if default > 8:
        return again(
            f"by default each process would get {default:g} at once, and 8 fit"
        )
    if split > 16:
        return again(f"split, each process gets {split / 2:g} of {split:g}, and 8 fit")
    if default == split:
        return again("the two rules cannot need the same batch_size with two processes")
    if default * 2 * passes != 64:  # nan too
        return again(
            f"by default that makes {default:g} x 2 x {passes:g} examples a step, not 64"
        )
    if split * passes != 64:
        return again(f"split, that makes {split:g} x {passes:g} examples a step")
    if (default, split, passes) != (8, 16, 4):
        return again("right in sum, but more fits: fewer passes, larger batches")
    return correct("8 per device x 2 processes x 4 passes, by either rule")


@check("a function of accelerator, model, optimizer and loader")
def mended_loop(answer: Callable) -> Verdict:
    """Exercise 7.2: divide by `accelerator.backward`, clip once a group, one loss a step.

    One weight for each of two inputs, all begin at 1, and the loss is linear, so that the
    gradients are the rows: 3 and 4 in the first group, 0.6 and 0.8 in the second.
    """
    import torch
    from accelerate import Accelerator

    rows = [[3.0, 0.0], [0.0, 4.0], [0.6, 0.0], [0.0, 0.8]]
    model = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.ones_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    loader = torch.utils.data.DataLoader(torch.tensor(rows), batch_size=1)
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    value = answer(accelerator, model, optimizer, loader)
    (weight,) = accelerator.unwrap_model(model).weight.tolist()
    verdict = _returned(value, "a list of losses")
    if verdict is not None:
        return verdict
    losses = [float(loss) for loss in value]

    def near(found, wanted):
        return len(found) == len(wanted) and all(
            abs(one - other) <= 0.02 for one, other in zip(found, wanted, strict=True)
        )

    if near(weight, [1, 1]):
        return again("the weights are still those of the beginning: was a step taken?")
    if near(weight, [-0.3, -0.4]):
        return again("four steps were taken: under what does `optimizer.step` wait?")
    if near(weight, [-0.8, -1.4]) or near(weight, [-2.6, -3.8]):
        return again("gradients longer than 1 came through: nothing is clipped")
    if near(weight, [-0.2, -0.6]) or near(weight, [0.16, -0.77]):
        return again(
            "the gradients of a group are added up, not averaged: who divides the loss?"
        )
    if near(weight, [0.25, -0.29]):
        return again("clipped in each pass: the sum was not finished after the first")
    if not near(weight, [0.1, -0.2]):
        found = ", ".join(f"{number:.2f}" for number in weight)
        return again(
            f"four passes of two groups end at weights {found}, not 0.10, -0.20"
        )
    if len(losses) != 2:
        return again(f"{len(losses)} losses for 2 steps: one a step, not one a pass")
    if near(losses, [4, 0.16]):
        return again("that is the loss of a group's last pass: the step had two")
    if near(losses, [7, 0.4]):
        return again(
            "the losses of a group are added up: their mean is the step's loss"
        )
    if not near(losses, [3.5, 0.2]):
        found = ", ".join(f"{loss:.2f}" for loss in losses)
        return again(
            f"the weights are right, but the losses are {found}: is a group emptied?"
        )
    return correct("divided by backward, clipped once a group, one loss for each step")


@check("a function of parameters, compute and n")
def slowest_link(answer: Callable) -> Verdict:
    """Exercise 7.3: 8 bytes x parameters / compute seconds, whatever n."""
    value = answer(1_000_000, 0.5, 4)
    verdict = _returned(value, "bytes per second")
    if verdict is not None:
        return verdict
    found, wanted = float(value), 16e6

    def near(number):
        return abs(found - number) <= 1e-6 * number

    if near(12e6):
        return again(
            "as if sending had all of compute: four processes compute for a quarter of it"
        )
    if near(48e6):
        return again("compute / n is what computing still takes; what is saved?")
    if near(4e6):
        return again("one parameter is 4 bytes")
    if near(8e6):
        return again("a ring sends twice: once to add up, once to hand round the sums")
    if near(128e6):
        return again("those are bits: a byte has 8 of them")
    if near(1 / wanted):
        return again("upside down: bytes divided by seconds")
    if not near(wanted):  # nan too
        return again(
            f"{found:.3g} bytes a second for 1,000,000 parameters, 0.5 seconds and n = 4: set "
            "compute equal to compute / n plus sending, and solve"
        )
    for n in (2, 3, 64):
        if abs(float(answer(3_000_000, 0.1, n)) - 240e6) > 300:
            return again(f"right for one case, but not for n = {n}")
    return correct(
        "n cancels: below 8 bytes x parameters / compute, no number of machines helps"
    )


# Notebook 09


@check("a function of tokens")
def pronoun_price(answer: Callable) -> Verdict:
    """Exercise 9.1: ln 2 for each he, she, his; 0 for all others; the mean over all tokens."""
    import math

    tokens = "she saw his cat , and it saw her .".split()
    value = answer(list(tokens))
    verdict = _returned(value, "a number of nats")
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
        return again(f"{value:.3f} for {_short(tokens)}: what do 2 of 10 tokens cost?")
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

    tokenizer = _toy_tokenizer()
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
    verdict = _returned(value, "a token")
    if verdict is not None:
        return verdict
    if isinstance(value, list | tuple):
        return again(f"got {_short(value)}: one token, as a string")
    if not isinstance(value, str):
        return again(
            f"got {_short(value)}: turn the ID into its token, convert_ids_to_tokens"
        )
    if value == tokenizer.mask_token:
        return again("that is the gap, not what fills it: read the logits, not the IDs")
    if value in ("<s>", "</s>", "the", "film", "was"):
        return again(
            f"{value!r} is what another position says: find where the mask token's ID "
            "stands, [CLS] counted, and read the logits there"
        )
    if value != "good":
        return again(f"{value!r} is not the most likely token at the gap")
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
