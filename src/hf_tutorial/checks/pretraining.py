"""Exercises of notebook 09."""

from collections.abc import Callable

from hf_tutorial.checks.toys import toy_tokenizer
from hf_tutorial.checks.verdicts import Verdict, again, check, correct, returned, short

KEPT = 0.5  # nats that the old stories may cost more
LEARNED = 2.5  # nats that the new ones have to cost less


def _mean_loss(model, rows) -> float:
    """Measure nats a token, of the tokens 1, 2, ... of each row, as the notebook does."""
    import torch
    from torch.nn.functional import cross_entropy

    rows = rows["input_ids"] if hasattr(rows, "column_names") else rows
    # a table's column is lazy: [:] reads it
    ids = torch.as_tensor(rows[:], device=next(model.parameters()).device)
    was_training = model.training
    model.eval()
    losses = []
    with torch.no_grad():
        for part in ids.split(128):
            logits = model(part).logits[:, :-1].float()
            losses.append(cross_entropy(logits.mT, part[:, 1:], reduction="none"))
    model.train(was_training)
    return torch.cat(losses).mean().item()


@check("a trained model, in front of the start and the two exams")
def learn_and_keep(answer: tuple) -> Verdict:
    """Exercise 9.1: a student, the model it began as, blocks of old stories, and of new ones."""
    if not isinstance(answer, tuple) or len(answer) != 4:
        return again(
            "pass four things: the student, the model it began as, the two exams"
        )
    student, start, old, new = answer
    verdict = returned(student, "a model")
    if verdict is not None:
        return verdict
    if not hasattr(student, "parameters"):
        return again(
            f"got {type(student).__name__} {short(student)}, asked for a model"
        )
    if student is start:
        return again(
            "this is the model itself, untrained or overwritten: study a copy of it"
        )
    learned = _mean_loss(start, new) - _mean_loss(student, new)
    paid = _mean_loss(student, old) - _mean_loss(start, old)
    found = f"the new stories cost {-learned:+.2f} nats, the old ones {paid:+.2f}"
    if not learned > LEARNED:  # nan too
        return again(
            f"{found}: read the new ones more often, or at a higher rate; {-LEARNED:+.1f} is asked"
        )
    if not paid < KEPT:
        return again(
            f"{found}: it forgets, so let it read some of the old ones as well"
        )
    # no numbers: they differ in the last digit between processors
    return correct(
        "it learned the new and kept the old: some old text beside the new is replay"
    )


def _toy_masked():
    """Make a tokenizer whose mask token is '<gap>', and a model that fills the first with 'good'.

    A further gap is filled with 'film'. The logits hold larger numbers elsewhere: at other
    positions, and for other tokens. It is a real BertForMaskedLM, so that a pipeline takes it.
    """
    import torch
    from transformers import BertConfig, BertForMaskedLM
    from transformers.modeling_outputs import MaskedLMOutput

    tokenizer = toy_tokenizer()
    tokenizer.add_special_tokens({"mask_token": "<gap>", "pad_token": "<?>"})
    shape = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1}
    size = len(tokenizer)
    with torch.random.fork_rng():  # the reader's draws stay as they are
        model = BertForMaskedLM(
            BertConfig(vocab_size=size, intermediate_size=4, **shape)
        )

    def forward(input_ids=None, **others):
        ids = torch.as_tensor(input_ids)
        if ids.ndim != 2:
            raise ValueError("not enough values to unpack (expected a batch of rows)")
        logits = torch.zeros(*ids.shape, size)
        logits.scatter_(2, ids[..., None], 9.0)  # elsewhere: the token itself
        gap = ids == tokenizer.mask_token_id
        logits[gap] = torch.tensor([0, 0, 0, 1, 5, 0, 2, 3.0])  # 'film' leads
        first = gap & (gap.cumsum(dim=1) == 1)
        logits[first] = torch.tensor([0, 0, 0, 1, 2, 0, 5, 3.0])  # 'good' leads
        return MaskedLMOutput(logits=logits)

    model.forward = forward
    return model.eval(), tokenizer


@check("a function of a model, a tokenizer and a text")
def fill_gap(answer: Callable) -> Verdict:
    """Exercise 9.2: argmax over the vocabulary, at the position of the first mask token."""
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
    if value.strip() != "good":
        return again(f"{short(repr(value))} is not the most likely token at the gap")
    if answer(model, tokenizer, "the <gap> was the film").strip() != "good":
        return again(
            "right for a gap at the end, wrong for one elsewhere: look for the mask "
            "token's ID instead of counting positions"
        )
    return _first_of_two(answer, model, tokenizer)


def _first_of_two(answer: Callable, model, tokenizer) -> Verdict:
    try:
        value = answer(model, tokenizer, "the <gap> was <gap>")
    except Exception as error:
        return again(
            f"a text with two gaps raised {type(error).__name__}: take the first (a pipeline "
            "gives a list for each gap)"
        )
    if not isinstance(value, str) or value.strip() != "good":
        return again(
            f"{short(repr(value))} for a text with two gaps: the first one was asked for"
        )
    return correct("position first, then argmax over the vocabulary: no flattening")


@check("a number of weights")
def one_night(answer: float) -> Verdict:
    """Exercise 9.3: 6 N (20 N) = 8 hours at 100 GFLOP/s, so N is about 4.9 million."""
    answer = float(answer)
    operations = 8 * 3600 * 100e9
    right = (operations / 120) ** 0.5
    if 4.5e6 <= answer <= 5.5e6:  # about five million, however it was rounded
        return correct(
            "about five million, a third more than storyteller; ten nights would not make it ten times"
        )
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
        if abs(answer - wrong) <= 0.05 * wrong:
            return again(hint)
    return again(
        f"{answer:g} is not it: set 6 · N · (20 · N) equal to the night's operations"
    )
