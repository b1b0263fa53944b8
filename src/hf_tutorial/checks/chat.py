"""Exercises of notebook 10."""

import math
from collections.abc import Callable

from hf_tutorial.checks.verdicts import Verdict, again, check, correct, returned, short

TALK = [
    {"role": "system", "content": "You tell stories."},
    {"role": "user", "content": " One about rain "},
    {"role": "assistant", "content": "It rained.\n\nThen it stopped."},
    {"role": "user", "content": "Thanks!"},
]
# The log-probabilities of exercise 10.2, summed over each answer.
CHOSEN, REJECTED, CHOSEN_BEFORE, REJECTED_BEFORE, BETA = -30.0, -25.0, -31.0, -22.0, 0.5


def chatml(messages: list[dict], prompt: bool) -> str:
    """Write a conversation in the format ChatML, as exercise 10.1 asks for."""
    text = "".join(
        f"<|im_start|>{one['role']}\n{one['content']}<|im_end|>\n" for one in messages
    )
    return text + "<|im_start|>assistant\n" * prompt


@check("a function of messages and a Boolean")
def another_template(answer: Callable) -> Verdict:
    """Exercise 10.1: a conversation as ChatML, with and without the generation prompt."""
    for messages in (TALK[1:2], TALK, TALK[:3]):
        for prompt in (False, True):
            text = answer([{**one} for one in messages], prompt)
            verdict = returned(text, "a text")
            if verdict is not None:
                return verdict
            if not isinstance(text, str):
                return again(
                    f"got {type(text).__name__} {short(text)}: return one text"
                )
            wanted = chatml(messages, prompt)
            if text != wanted:
                return again(_difference(text, wanted, messages, prompt))
    return correct("ChatML, the format of the Qwen models and many others")


def _difference(text: str, wanted: str, messages: list[dict], prompt: bool) -> str:
    """Name what is wrong with a conversation of exercise 10.1."""
    opened = "<|im_start|>assistant\n"
    if text == chatml(messages, not prompt):
        if prompt:
            return "no generation prompt, though it was asked for"
        return "a generation prompt that nobody asked for"
    if prompt and text in (wanted.removesuffix("\n"), f"{wanted}<|im_end|>\n"):
        return f"the generation prompt is {opened!r}: open the turn, do not close it"
    if "".join(text.split()) == "".join(wanted.split()):
        return (
            "right but for blanks and newlines: one newline behind the role, one behind "
            "<|im_end|>, and what is said stays as it is, blanks included"
        )
    if "<|im_end|>" not in text:
        return "no turn is ended: write <|im_end|> behind what is said"
    if messages[0]["role"] not in text:
        return f"where is the role {messages[0]['role']!r}?"
    said = [one["content"] for one in messages if one["content"] not in text]
    if said:
        return f"where is what was said, {short(said[0])!r}?"
    place = next(
        (n for n, (a, b) in enumerate(zip(text, wanted, strict=False)) if a != b),
        min(len(text), len(wanted)),
    )
    return (
        f"letter {place} is {text[place : place + 1]!r}, not {wanted[place : place + 1]!r}, "
        f"behind {short(text[max(0, place - 30) : place])!r}"
    )


def preference_loss(chosen, rejected, chosen_before, rejected_before, beta) -> float:
    """Compute the loss of DPO for one pair."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return math.log1p(math.exp(-beta * margin))


@check("a function of four log-probabilities and beta")
def dpo(answer: Callable) -> Verdict:
    """Exercise 10.2: minus the log of the sigmoid of beta times the margin."""
    import torch

    def found(*numbers):
        value = answer(*(torch.tensor(n, dtype=torch.float64) for n in numbers))
        if returned(value, "a loss") is not None:
            return value
        return float(torch.as_tensor(value, dtype=torch.float64))

    given = (CHOSEN, REJECTED, CHOSEN_BEFORE, REJECTED_BEFORE, BETA)
    value = found(*given)
    verdict = returned(value, "a loss")
    if verdict is not None:
        return verdict

    def near(wanted):
        return math.isclose(value, wanted, abs_tol=1e-4)

    margin = (CHOSEN - CHOSEN_BEFORE) - (REJECTED - REJECTED_BEFORE)
    plain = CHOSEN - REJECTED
    slips = {
        preference_loss(
            REJECTED, CHOSEN, REJECTED_BEFORE, CHOSEN_BEFORE, BETA
        ): "the two "
        "answers are exchanged: the loss should fall when the chosen one gains",
        math.log1p(math.exp(-margin)): "beta is missing",
        math.log1p(
            math.exp(-BETA * plain)
        ): "nothing is compared with the model before: subtract its log-probabilities",
        1
        / (1 + math.exp(-BETA * margin)): "that is the probability: take minus its log",
        -preference_loss(*given): "the sign: a loss is minus a log-probability",
        BETA * margin: "that is the margin, times beta: minus the log of its sigmoid",
        math.log1p(math.exp(-margin / BETA)): "multiply by beta, do not divide",
    }
    for slip, hint in slips.items():
        if near(slip):
            return again(hint)
    if not near(preference_loss(*given)):
        return again(f"{value:.4f} for {short(given)}, where DPO has another number")
    start = found(-5.0, -9.0, -5.0, -9.0, 0.1)
    if not math.isclose(start, math.log(2), abs_tol=1e-4):
        return again(f"{start:.4f} where nothing has changed yet: that should be log 2")
    far = found(-5000.0, -9.0, -5.0, -9.0, 1.0)
    if not math.isclose(far, 4995.0, rel_tol=1e-4):
        return again(
            f"{far} where the chosen answer has become hopeless, not 4995: log(sigmoid(x)) "
            "underflows, logsigmoid does not"
        )
    return correct("0.6931 = log 2 at the start, and it never runs over")


@check("a function of weight, A, B and alpha")
def merged_matrix(answer: Callable) -> Verdict:
    """Exercise 10.3: weight + alpha / rank * B @ A, as a new matrix."""
    import torch

    random = torch.Generator().manual_seed(0)
    for rank, outside, inside in ((2, 5, 3), (4, 6, 6)):
        weight = torch.randn(outside, inside, generator=random)
        a = torch.randn(rank, inside, generator=random)
        b = torch.randn(outside, rank, generator=random)
        kept = weight.clone()
        value = answer(weight, a, b, 8)
        verdict = returned(value, "a matrix")
        if verdict is not None:
            return verdict
        if not torch.equal(weight, kept):
            return again(
                "it has changed the weight that it was given: return a new one"
            )
        verdict = _merged(torch.as_tensor(value).detach().float(), weight, a, b, rank)
        if verdict is not None:
            return verdict
    return correct("what merge_and_unload does to each adapted matrix")


def _merged(value, weight, a, b, rank: int) -> Verdict | None:
    """Judge a merged matrix of exercise 10.3, alpha being 8."""
    import torch

    def near(wanted):
        return value.shape == wanted.shape and torch.allclose(value, wanted, atol=1e-4)

    change = b @ a
    if near(weight + 8 / rank * change):
        return None
    if value.shape != weight.shape:
        return again(
            f"shape {tuple(value.shape)}, where the weight has {tuple(weight.shape)}: B is "
            "(out, rank), A is (rank, in)"
        )
    slips = (
        (weight + change, "the factor alpha / rank is missing"),
        (weight + 8 * change, "alpha is divided by the rank, the number of rows of A"),
        (weight + rank / 8 * change, "upside down: alpha / rank"),
        (
            weight + 8 / weight.shape[1] * change,
            "alpha is divided by the rank; a.shape[1] is the width, a.shape[0] the rank",
        ),
        (
            weight + 8 / math.sqrt(rank) * change,
            "divided by the root of the rank, as rsLoRA does: here it is the rank itself",
        ),
        (8 / rank * change, "that is the change alone: add it to the weight"),
        (weight - 8 / rank * change, "the change is added"),
        (8 / rank * (weight + change), "the factor belongs to the change alone"),
    )
    for slip, hint in slips:
        if near(slip):
            return again(hint)
    if weight.shape[0] == weight.shape[1] and near(weight + 8 / rank * change.T):
        return again("the change is turned over: B @ A, not its transpose")
    return again("not the sum of the weight and alpha / rank times B @ A")
