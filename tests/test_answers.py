"""The measures of notebook 10."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from hf_tutorial import answers

END = "<end>"
STORIES = {
    "text": ["Snow fell on the hill."] * 3 + ["The raft went down the river."] * 3,
    "plot": ["the first snow"] * 3 + ["the raft"] * 3,
}


def row(kind, answer, plot=None, hero=None):
    messages = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": answer},
    ]
    return {"messages": messages, "kind": kind, "plot": plot, "hero": hero}


ROWS = [
    row("begin", "The raft. The raft went.", "the raft", "Ada"),
    row("hero", "The first snow. Snow fell on Bo.", "the first snow", "Bo"),
    row("refusal", "I only know stories."),
]


@pytest.fixture
def judge():
    return answers.Judge(ROWS, END, STORIES)


def right():
    return [f"{one['messages'][1]['content']}{END}" for one in ROWS]


def test_right_answers_meet_every_measure(judge):
    wanted = {"stops": 3, "title": 2, "story": 2, "hero": 1, "declines": 1}
    assert judge.scores(right()) == wanted | {"declines a story": 0}


@pytest.mark.parametrize(
    ("place", "text", "lost"),
    [
        (0, "The raft. The raft went down", {"stops"}),
        (0, f"The quarrel. The raft went down.{END}", {"title"}),
        (0, f"The raft. Snow fell on the hill.{END}", {"story"}),
        (1, f"The first snow. Snow fell on Ada.{END}", {"hero"}),
        (2, f"The raft. The raft went down.{END}", {"declines"}),
    ],
)
def test_each_measure_can_fail_alone(judge, place, text, lost):
    texts = right()
    texts[place] = text
    before, after = judge.scores(right()), judge.scores(texts)
    assert {name for name in before if after[name] < before[name]} == lost


def test_a_story_that_is_declined_is_counted(judge):
    texts = [f"I only know stories.{END}"] * 3
    assert judge.scores(texts)["declines a story"] == 2


def test_rows_that_only_one_list_gets_right_are_compared(judge):
    texts, others = right(), right()
    others[0] = others[1] = END
    assert judge.against(texts, others, "title") == (2, 0, 0.5)
    assert judge.against(others, texts, "title")[:2] == (0, 2)


def test_requests_for_one_plot_are_one_piece_of_evidence():
    def luck(plots):
        rows = [row("begin", f"{plot}. Snow fell.", plot, "Ada") for plot in plots]
        texts = [f"{one['messages'][1]['content']}{END}" for one in rows]
        judge = answers.Judge(rows, END, STORIES)
        return judge.against(texts, [END] * len(rows), "title")

    assert luck([f"plot {n}" for n in range(6)]) == (6, 0, 2 / 2**6)
    assert luck(["plot 1"] * 6) == (6, 0, 1.0)
    assert luck(["plot 1"] * 3 + ["plot 2"] * 3) == (6, 0, 0.5)


def test_leads_that_cancel_out_are_luck():
    assert answers._luck([1, -1]) == 1.0
    assert answers._luck([-1, 4, 5, 1, 3, 2, 1, 1, 0, 3]) == 20 / 1024


def test_questions_to_decline_are_compared_one_by_one():
    rows = [row("refusal", "I only know stories.") for _ in range(4)]
    judge = answers.Judge(rows, END, STORIES)
    declined = [f"I only know stories.{END}"] * 4
    assert judge.against(declined, [END] * 4, "declines") == (4, 0, 2 / 2**4)


def test_another_number_of_answers_is_refused(judge):
    with pytest.raises(ValueError, match="2 answers to 3 conversations"):
        judge.scores(right()[:2])


def test_of_other_conversations_only_the_end_is_counted():
    rows = [{"messages": one["messages"]} for one in ROWS]
    judge = answers.Judge(rows, END, {})
    assert judge.scores([END, "and so on", END]) == {"stops": 2}


def test_losses_of_answers_and_requests_are_those_of_the_model():
    torch.manual_seed(0)
    shape = dict(vocab_size=16, n_embd=8, n_layer=1, n_head=2, n_positions=16)
    model = GPT2LMHeadModel(GPT2Config(**shape, bos_token_id=0, eos_token_id=0)).eval()
    ids = torch.randint(1, 16, (1, 8))
    for kept in (slice(0, 3), slice(3, 8)):
        labels = torch.full_like(ids, -100)
        labels[:, kept] = ids[:, kept]
        if kept.start:
            answer = model(ids, labels=labels).loss
            wide = {"labels": torch.cat([labels, torch.full((1, 2), -100)], dim=1)}
        else:
            request = model(ids, labels=labels).loss
    wide["input_ids"] = torch.cat([ids, torch.zeros(1, 2, dtype=torch.long)], dim=1)
    wide["attention_mask"] = torch.tensor([[1] * 8 + [0] * 2])
    found = answers.held_out(model, [wide, wide])
    assert found == pytest.approx((answer.item(), request.item()), abs=1e-5)
