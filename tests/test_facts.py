"""Facts that the notebooks lean on, held against the libraries themselves."""

import pytest
import torch
import transformers

from hf_tutorial import sources


def ids(tokenizer, text):
    return tokenizer(text)["input_ids"]


def test_two_sentences_have_the_known_ids(tokenizer):
    assert ids(tokenizer, "We are very happy to show you the 🤗 Transformers library.") == [
        101, 2057, 2024, 2200, 3407, 2000, 2265, 2017, 1996, 100, 19081, 3075, 1012, 102,
    ]  # fmt: skip
    assert ids(tokenizer, "We hope you don't hate it.") == [
        101, 2057, 3246, 2017, 2123, 1005, 1056, 5223, 2009, 1012, 102,
    ]  # fmt: skip


def test_chinese_loses_half_its_characters(tokenizer):
    assert tokenizer.tokenize("这家餐厅味道真不错！").count("[UNK]") == 5


def test_encoder_is_the_model_that_the_lessons_describe(encoder):
    config = encoder.config
    shape = (config.num_hidden_layers, config.num_attention_heads, config.hidden_size)
    assert shape == (6, 12, 384)
    assert encoder.num_parameters() == 22_713_216
    assert not encoder.training


def test_padding_does_not_change_the_hidden_states(encoder, tokenizer):
    alone = tokenizer("Good film.", return_tensors="pt")
    padded = tokenizer(
        ["Good film.", "I would happily watch it again."],
        padding=True,
        return_tensors="pt",
    )
    with torch.no_grad():
        expected = encoder(**alone).last_hidden_state[0]
        found = encoder(**padded).last_hidden_state[0, : len(expected)]
    assert torch.allclose(found, expected, atol=1e-5)


def test_sdpa_returns_no_attentions(tokenizer):
    model = transformers.AutoModel.from_pretrained(sources.checkpoint("encoder"))
    batch = tokenizer("Good film.", return_tensors="pt")
    assert model(**batch, output_attentions=True).attentions == ()


@pytest.mark.parametrize(
    "ignored",
    [
        {"attention_masks": 1},
        {"head_mask": torch.zeros(6, 12)},
        {"labels": torch.tensor([1])},
    ],
    ids=lambda argument: next(iter(argument)),
)
def test_forward_swallows_unknown_arguments(encoder, tokenizer, ignored):
    batch = tokenizer("Good film.", return_tensors="pt")
    with torch.no_grad():
        plain, odd = encoder(**batch), encoder(**batch, **ignored)
    assert torch.equal(plain.last_hidden_state, odd.last_hidden_state)
    assert "loss" not in odd


def test_tokenizer_swallows_an_old_padding_argument(tokenizer):
    found = tokenizer("a b", pad_to_max_length=True, max_length=8)["input_ids"]
    assert len(found) == 4


def test_calls_named_as_gone_are_gone(tokenizer):
    assert not hasattr(tokenizer, "encode_plus")
    assert not hasattr(transformers, "TFAutoModel")
    assert not hasattr(transformers, "AdamW")


def test_decoding_a_batch_gives_a_list(tokenizer):
    assert tokenizer.decode([[101, 102], [101, 102]]) == ["[CLS] [SEP]"] * 2


def test_model_from_config_is_in_train_mode(encoder):
    config = transformers.BertConfig(num_hidden_layers=1, hidden_size=24, vocab_size=9)
    assert transformers.AutoModel.from_config(config).training


def test_model_saved_without_its_tokenizer_gets_an_empty_one(encoder, tmp_path):
    encoder.save_pretrained(tmp_path)
    empty = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert len(empty) == 5 and set(empty.tokenize("a good film")) == {"[UNK]"}


def test_half_precision_comes_back_unless_asked_otherwise(encoder, tmp_path):
    transformers.AutoModel.from_pretrained(
        sources.checkpoint("encoder"), dtype=torch.bfloat16
    ).save_pretrained(tmp_path)
    assert transformers.AutoModel.from_pretrained(tmp_path).dtype is torch.bfloat16
    full = transformers.AutoModel.from_pretrained(tmp_path, dtype=torch.float32)
    assert full.dtype is torch.float32


def test_attention_weights_are_a_softmax_of_queries_and_keys(encoder, tokenizer):
    batch = tokenizer("The cat left the sofa.", return_tensors="pt")
    with torch.no_grad():
        out = encoder(**batch, output_attentions=True, output_hidden_states=True)
        part = encoder.encoder.layer[3].attention.self
        q, k = (
            layer(out.hidden_states[3]).unflatten(-1, (12, 32)).transpose(1, 2)
            for layer in (part.query, part.key)
        )
        expected = torch.softmax(q @ k.mT / 32**0.5, dim=-1)
    assert torch.allclose(out.attentions[3], expected, atol=1e-5)
    assert len(out.hidden_states) == 7


def test_prepare_takes_an_optimizer_of_another_model_and_trains_nothing():
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    try:
        accelerator = Accelerator(cpu=True)
        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        model, optimizer = accelerator.prepare(torch.nn.Linear(2, 1), optimizer)
        before = model.weight.clone()
        accelerator.backward(model(torch.ones(1, 2)).sum())
        optimizer.step()
        assert torch.equal(model.weight, before)
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize("length", [4, 8, 32])
def test_trainer_takes_the_loss_of_a_gpt_2_times_all_but_one_of_its_labels(
    length, tmp_path
):
    torch.manual_seed(0)
    sizes = {
        "vocab_size": 11,
        "n_positions": 32,
        "n_embd": 8,
        "n_layer": 1,
        "n_head": 2,
    }
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes)).eval()
    ids = torch.randint(0, 11, (4, length))
    with torch.no_grad():
        logits = model(ids).logits[:, :-1].flatten(0, 1)
    by_hand = torch.nn.functional.cross_entropy(logits, ids[:, 1:].flatten()).item()
    arguments = transformers.TrainingArguments(
        tmp_path, use_cpu=True, report_to="none", disable_tqdm=True
    )
    rows = [{"input_ids": row, "labels": row} for row in ids]
    found = {}
    for loss_type in (model.loss_type, "ForCausalLM"):
        model.loss_type = loss_type
        trainer = transformers.Trainer(model, arguments)
        found[loss_type] = trainer.predict(rows).metrics["test_loss"] / by_hand
    assert found["ForCausalLM"] == pytest.approx(1, abs=1e-5)
    assert found[None] == pytest.approx((length - 1) / length, abs=1e-5)
