"""Layers that are frozen give the same when they are computed once."""

import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
)

from hf_tutorial import frozen

SMALL = {"vocab_size": 50, "max_position_embeddings": 16}


def bert():
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32, **SMALL
    )  # fmt: skip
    return BertForSequenceClassification(config).eval()


def distilbert():
    torch.manual_seed(0)
    config = DistilBertConfig(dim=16, n_layers=3, n_heads=2, hidden_dim=32, **SMALL)
    return DistilBertForSequenceClassification(config).eval()


@pytest.fixture
def batch():
    ids = torch.randint(1, 50, (4, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 5:] = mask[3, 2:] = 0
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "labels": torch.tensor([0, 1, 1, 0]),
    }


@pytest.mark.parametrize("make", [bert, distilbert])
@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_upper_layers_on_kept_states_give_the_logits_of_the_whole_model(
    make, kept, batch
):
    whole = make()(**batch)
    rows = frozen.below(make().base_model, [batch], kept)
    cut = frozen.upper(make(), kept)
    assert len(frozen._layers(cut.base_model).layer) == kept
    found = cut(**frozen.stack(rows))
    torch.testing.assert_close(found.logits, whole.logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.loss, whole.loss, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("make", [bert, distilbert])
def test_the_head_alone_needs_the_first_position_only(make, batch):
    rows = frozen.below(make().base_model, [batch], 0, positions=1)
    assert {row["inputs_embeds"].shape for row in rows} == {(1, 16)}
    found = frozen.upper(make(), 0)(**frozen.stack(rows)).logits
    torch.testing.assert_close(found, make()(**batch).logits, atol=1e-5, rtol=1e-5)


def test_padding_is_left_out_and_labels_come_along(batch):
    rows = frozen.below(bert().base_model, [batch], 1)
    assert [len(row["inputs_embeds"]) for row in rows] == [9, 5, 9, 2]
    assert [int(row["labels"]) for row in rows] == [0, 1, 1, 0]
    assert frozen.stack(rows)["attention_mask"].sum(dim=1).tolist() == [9, 5, 9, 2]


def test_states_are_those_without_dropout_and_the_mode_comes_back(batch):
    model = bert().train()
    first = frozen.below(model.base_model, [batch])
    again = frozen.below(model.base_model, [batch])
    assert all(
        torch.equal(a["inputs_embeds"], b["inputs_embeds"])
        for a, b in zip(first, again, strict=True)
    )
    assert model.base_model.training


def test_rows_without_labels_have_none(batch):
    del batch["labels"]
    rows = frozen.below(bert().base_model, [batch])
    assert "labels" not in rows[0] and "labels" not in frozen.stack(rows)


@pytest.mark.parametrize("kept", [-1, 4])
def test_more_layers_than_there_are_cannot_be_kept(kept, batch):
    with pytest.raises(ValueError, match=f"kept={kept} layers of 3: keep 0"):
        frozen.upper(bert(), kept)
    with pytest.raises(ValueError, match=f"kept={kept} layers of 3: keep 0"):
        frozen.below(bert().base_model, [batch], kept)
