"""Traps of loading a model, and of calling it."""

import huggingface_hub
import pytest
import torch
from accelerate import disk_offload
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    BartConfig,
    BartForConditionalGeneration,
    BertForMaskedLM,
    pipeline,
)
from transformers.pipelines import check_task

from tests.traps import toys
from tests.traps.catalogue import trap

NOBODY = "02_model_loading.ipynb#When-it-breaks:-arguments-that-nobody-reads"


@trap(1, "transformers", shown=NOBODY, wrote="model(ids, attention_masks=mask)")
def unknown_arguments_are_swallowed():
    """A misspelt argument of a model is swallowed.

    You see: nothing; an output like any other.

    What happens: a model takes any keyword and drops what it does not know. Without its mask,
    padding is read as text; without `labels`, no loss is computed.

    Instead: pass the batch as it comes from the tokenizer, `model(**batch)`, and look once whether
    padding changes an output.
    """
    model = toys.classifier().eval()
    batch = toys.tokenizer()(["a good film", "bad"], padding=True, return_tensors="pt")
    ids, mask = batch["input_ids"], batch["attention_mask"]
    alone = model(ids[1:, :3]).logits
    # You write
    output = model(ids, attention_masks=mask, label=torch.tensor([1, 0]))
    # You get
    assert output.loss is None
    assert not torch.allclose(output.logits[1], alone, atol=1e-4)
    # Instead
    output = model(**batch, labels=torch.tensor([1, 0]))
    assert output.loss.item() > 0
    assert torch.allclose(output.logits[1], alone, atol=1e-4)


@trap(
    2,
    "transformers",
    shown="03_attention_visualization.ipynb#When-it-breaks:-the-default-model",
    says="`sdpa` attention does not support `output_attentions=True`",
)
def attentions_of_the_default_model_are_empty():
    """The default model returns no attention weights.

    You see: an empty tuple, and a logged line if warnings are on.

    What happens: the default way to compute attention, `sdpa`, never holds the weights. `output_attentions=True` cannot
    be met, and is not refused.

    Instead: load the model with `attn_implementation="eager"`, or switch to it.
    """
    model, ids = toys.bert(), torch.tensor([[2, 5, 6, 3]])
    # You write
    output = model(ids, output_attentions=True)
    # You get
    assert model.config._attn_implementation == "sdpa"
    assert output.attentions == ()
    # Instead
    model.set_attn_implementation("eager")
    output = model(ids, output_attentions=True)
    assert [weights.shape for weights in output.attentions] == [(1, 2, 4, 4)] * 2


@trap(11, "transformers")
def third_argument_is_no_label():
    """The third argument of a BERT is not the label.

    You see: labels handed over third, a loss that is None, and logits that are a little different.

    What happens: it is `token_type_ids`. Labels of 0 and 1 are valid token types.

    Instead: name every argument behind the first.
    """
    model = toys.classifier().eval()
    ids, mask = torch.tensor([[2, 5, 3], [2, 6, 3]]), torch.ones(2, 3, dtype=torch.long)
    labels = torch.tensor([[1], [0]])
    # You write
    output = model(ids, mask, labels.expand(2, 3))
    # You get
    assert output.loss is None
    types = model(ids, attention_mask=mask, token_type_ids=labels.expand(2, 3))
    assert torch.equal(output.logits, types.logits)
    assert not torch.allclose(output.logits, model(ids, mask).logits)
    # Instead
    assert model(ids, attention_mask=mask, labels=labels).loss.item() > 0


@trap(
    24,
    "transformers",
    shown="00_quick_tour.ipynb#When-it-breaks:-arguments-that-nobody-reads",
)
def pipeline_swallows_unknown_arguments():
    """A pipeline for text classification swallows arguments that are gone.

    You see: one label, where an older tutorial prints all.

    What happens: `return_all_scores` and `framework` were arguments once. This task drops unknown ones; fill-mask and
    text-generation raise.

    Instead: ask for `top_k=None`.
    """
    model, tokenizer = toys.classifier().eval(), toys.tokenizer()
    # You write
    classify = pipeline(
        "text-classification", model=model, tokenizer=tokenizer, device="cpu",
        return_all_scores=True, framework="tf",
    )  # fmt: skip
    # You get
    assert [set(best) for best in classify(["good", "bad"])] == [{"label", "score"}] * 2
    # Instead
    both = classify("good", top_k=None)
    assert {answer["label"] for answer in both} == {"LABEL_0", "LABEL_1"}


@trap(
    23,
    "transformers",
    says="No model was supplied, defaulted to HuggingFaceTB/SmolLM3-3B",
    shown="00_quick_tour.ipynb#When-it-breaks:-a-task-without-a-checkpoint",
)
def a_task_alone_asks_for_gigabytes():
    """A pipeline without a model asks for one of three billion parameters.

    You see: a download that does not end.

    What happens: each task has a default checkpoint, which a release may change. That of text
    generation is a chat model of 3 B today.

    Instead: name the checkpoint.
    """
    huggingface_hub.constants.HF_HUB_OFFLINE = True  # nothing is fetched here
    # You write
    with pytest.raises(OSError, match="connect"):
        pipeline("text-generation", device="cpu")
    # You get
    task, settings, _ = check_task("text-generation")  # what it asks first
    default, revision = settings["default"]["model"]
    assert "3B" in default
    # Instead
    writer = pipeline(
        "text-generation", model=toys.gpt2(), tokenizer=toys.tokenizer(), device="cpu"
    )
    assert writer.model.num_parameters() < 100_000


@trap(130, "transformers")
def arguments_of_older_releases_are_swallowed():
    """`head_mask` and `from_tf` are swallowed.

    You see: the same output with `head_mask` and without it; a model that loads, with `from_tf=True`.

    What happens: both were read once. Today nobody reads them, and nobody says so.

    Instead: for a head, a forward hook that sets its part to zero; PyTorch's files in the place of
    TensorFlow's.
    """
    model, ids = toys.bert(), torch.tensor([[2, 5, 6, 3]])
    whole = model(ids).last_hidden_state
    # You write
    masked = model(ids, head_mask=torch.zeros(2, 2)).last_hidden_state
    # You get
    assert torch.equal(masked, whole)
    model.save_pretrained("kept")  # no file of TensorFlow's is there
    assert isinstance(AutoModel.from_pretrained("kept", from_tf=True), type(model))
    # Instead
    first_head_off = torch.tensor([0.0] * 8 + [1.0] * 8)  # two heads of eight numbers
    model.encoder.layer[0].attention.self.register_forward_hook(
        lambda layer, given, output: (output[0] * first_head_off, *output[1:])
    )
    assert not torch.allclose(model(ids).last_hidden_state, whole)


@trap(28, "transformers", shown="02_model_loading.ipynb#Train-mode-and-eval-mode")
def a_model_from_a_config_is_in_train_mode():
    """A model made from a config is in train mode.

    You see: another output at each call.

    What happens: `from_pretrained` ends with `eval()`, `from_config` does not. Dropout is on.

    Instead: call `eval()` before you measure, `train()` before you train.
    """
    toys.bert().save_pretrained("kept")
    loaded = AutoModel.from_pretrained("kept")
    ids = torch.tensor([[2, 5, 6, 3]])
    # You write
    model = AutoModel.from_config(loaded.config)
    first, second = model(ids).last_hidden_state, model(ids).last_hidden_state
    # You get
    assert model.training and not loaded.training
    assert not torch.allclose(first, second)
    # Instead
    model.eval()
    assert torch.equal(model(ids).last_hidden_state, model(ids).last_hidden_state)


@trap(29, "transformers", shown="02_model_loading.ipynb#Numbers-of-half-the-size")
def a_checkpoint_in_bf16_stays_in_bf16():
    """A checkpoint saved in bfloat16 is loaded in bfloat16.

    You see: a fine-tuning that learns slowly, or an error about types in your own layer.

    What happens: older releases made float32 of every file. Today the file's type is kept unless
    you name one, and a step smaller than the 8 bits of bfloat16 is lost.

    Instead: `dtype=torch.float32` for training, unless only an adapter is trained: PEFT keeps that in float32.
    """
    toys.bert().to(torch.bfloat16).save_pretrained("kept")
    # You write
    model = AutoModel.from_pretrained("kept")
    # You get
    assert model.dtype == torch.bfloat16
    weight = torch.ones(1, dtype=model.dtype)
    assert weight + 0.001 == weight
    # Instead
    assert AutoModel.from_pretrained("kept", dtype=torch.float32).dtype == torch.float32


@trap(33, "transformers", shown="09_pretraining.ipynb#Holes-instead-of-the-next-word")
def argmax_of_all_logits_is_no_token():
    """The argmax of a masked model's logits is no token.

    You see: a number larger than the vocabulary, or a word that makes no sense.

    What happens: without a dimension, `argmax` counts through all positions. It finds the most
    certain position, wherever it is.

    Instead: take the logits at the `[MASK]`, then the largest.
    """
    model = BertForMaskedLM(toys.bert().config).eval()
    tokenizer = toys.tokenizer()
    batch = tokenizer("it was a [MASK] film", return_tensors="pt")
    logits = model(**batch).logits
    # You write
    predicted = logits.argmax()
    # You get
    assert predicted >= model.config.vocab_size
    # Instead
    (place,) = (batch["input_ids"][0] == tokenizer.mask_token_id).nonzero().flatten()
    assert 0 <= logits[0, place].argmax() < model.config.vocab_size


@trap(59, "transformers", says="lm_head.weight | MISSING")
def untying_draws_a_new_head():
    """A tied model loaded untied has a random head.

    You see: a load report at best; texts that make no sense.

    What happens: a checkpoint with tied weights holds no matrix for the head, since the embedding is
    the head. Untied, the head is missing, and is drawn anew.

    Instead: load it tied, then give the head a copy.
    """
    tied = toys.llama(tie_word_embeddings=True)
    tied.save_pretrained("kept")
    # You write
    model = AutoModelForCausalLM.from_pretrained("kept", tie_word_embeddings=False)
    # You get
    embedding = tied.get_input_embeddings().weight
    assert torch.equal(model.get_input_embeddings().weight, embedding)
    assert not torch.allclose(model.lm_head.weight, embedding)
    # Instead
    model = AutoModelForCausalLM.from_pretrained("kept")
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    model.config.tie_word_embeddings = False
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(model(ids).logits, tied(ids).logits)
    assert model.lm_head.weight is not model.get_input_embeddings().weight


@trap(17, "transformers", shown="02_model_loading.ipynb#Save-and-load")
def a_model_saved_alone_reads_nothing():
    """A model saved without its tokenizer reads every word as unknown.

    You see: an AutoTokenizer that loads, and predictions that are always the same.

    What happens: the folder has a config, so the class of the tokenizer is known. Without
    vocabulary, the library makes an empty one and does not say so.

    Instead: save both into the folder.
    """
    model, tokenizer = toys.classifier(), toys.tokenizer()
    # You write
    model.save_pretrained("alone")
    loaded = AutoTokenizer.from_pretrained("alone")
    # You get
    assert loaded.tokenize("a good film") == ["[UNK]"] * 3
    # Instead
    model.save_pretrained("both")
    tokenizer.save_pretrained("both")
    loaded = AutoTokenizer.from_pretrained("both")
    assert loaded.tokenize("a good film") == ["a", "good", "film"]


@trap(154, "transformers")
def a_pipeline_squeezes_the_number_of_a_regression():
    """A pipeline passes the one output of a regression through a sigmoid.

    You see: scores between 0 and 1 of a model that you trained to say 1 to 5 stars, all near 1.

    What happens: one label counts as one yes or no, unless the config says `problem_type="regression"`. The model writes
    that itself when it computes its loss from labels; a loop with a loss of its own never does.

    Instead: set `problem_type` before you save, or `function_to_apply="none"` in the call.
    """
    model = toys.classifier(num_labels=1).eval()
    model.classifier.bias.data.fill_(4.2)
    classify = pipeline("text-classification", model=model, tokenizer=toys.tokenizer())
    # You write
    score = classify("a good film")[0]["score"]
    # You get
    logit = model(**toys.tokenizer()("a good film", return_tensors="pt")).logits
    assert logit > 2 and score == pytest.approx(logit.sigmoid().item())
    # Instead
    raw = classify("a good film", function_to_apply="none")[0]["score"]
    model.config.problem_type = "regression"
    assert raw == classify("a good film")[0]["score"] == pytest.approx(logit.item())


@trap(
    157,
    "transformers",
    wrote="for module in model.modules(): if isinstance(module, Dropout): ...",
)
def dropout_of_some_models_is_no_module():
    """Dropout that is switched off in its modules stays on in a BART or an OPT.

    You see: nothing; or another loss at each call of a model that you made deterministic.

    What happens: these families keep the share as a number, and call the function with it. BERT and GPT-2 have modules.

    Instead: give the shares when you load, as the config calls them; or `eval()`, which reaches both.
    """
    ids = torch.arange(3, 20)[None]

    def differs(model):
        outputs = [model(ids).logits for _ in range(2)]
        return not torch.equal(*outputs)

    small = dict(
        vocab_size=32, d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16,
        decoder_ffn_dim=16, encoder_attention_heads=2, decoder_attention_heads=2,
        max_position_embeddings=32, pad_token_id=0, eos_token_id=3,
    )  # fmt: skip
    model = BartForConditionalGeneration(BartConfig(**small)).train()
    # You write
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    # You get
    assert differs(model)
    # Instead
    assert not differs(
        BartForConditionalGeneration(BartConfig(**small, dropout=0.0)).train()
    )


@trap(143, "accelerate")
def a_model_offloaded_into_a_used_folder_is_the_older_one():
    """`disk_offload` into a used folder takes the weights that lie there.

    You see: outputs of the model before its fine-tuning, or of another model of the same shape.

    What happens: the folder may be one "where the weights are already offloaded", so where an index.json lies nothing
    is written, and the model reads what it finds.

    Instead: a new folder for each model. Compare an output before and after.
    """
    ids, cpu = torch.tensor([[1, 2, 3, 4]]), torch.device("cpu")
    older, newer = toys.llama(), toys.llama()
    outputs = [model(ids).logits for model in (older, newer)]
    disk_offload(older, "offloaded", execution_device=cpu)
    # You write
    disk_offload(newer, "offloaded", execution_device=cpu)
    # You get
    assert torch.equal(newer(ids).logits, outputs[0])
    # Instead
    third = toys.llama()
    before = third(ids).logits
    disk_offload(third, "third", execution_device=cpu)
    assert torch.equal(third(ids).logits, before)
