"""Traps of adapters, with PEFT."""

import torch
from transformers import BertForSequenceClassification, LlamaForCausalLM

from tests.traps import toys
from tests.traps.catalogue import trap

IDS = torch.tensor([[1, 2, 3, 4]])


@trap(60, "peft", needs="peft", says="`ensure_weight_tying` is not set to True")
def merging_into_a_tied_head_changes_the_embedding():
    """Merging an adapter into a tied head changes the embedding as well.

    You see: logits that differ after `merge_and_unload`.

    What happens: head and embedding are one matrix. What was added to the head's output is written
    into both. `ensure_weight_tying=True` does not mend it.

    Instead: leave the head out of `target_modules`, or untie it before.
    """
    from peft import LoraConfig, get_peft_model

    def merge(model, *targets, **more):
        """Give the largest change of the logits by merging, with an adapter that does something."""
        adapted = get_peft_model(
            model, LoraConfig(target_modules=list(targets), r=2, **more)
        ).eval()
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(weight, std=0.3)
        before = adapted(IDS).logits
        return (adapted.merge_and_unload()(IDS).logits - before).abs().max()

    tied = toys.llama(tie_word_embeddings=True)
    embedding = tied.get_input_embeddings().weight.detach().clone()
    # You write
    change = merge(tied, "lm_head")
    # You get
    assert change > 0.1
    assert not torch.equal(tied.get_input_embeddings().weight, embedding)
    again = toys.llama(tie_word_embeddings=True)
    assert merge(again, "lm_head", ensure_weight_tying=True) > 0.1
    # Instead
    assert merge(toys.llama(tie_word_embeddings=True), "q_proj", "v_proj") < 1e-4
    assert merge(toys.llama(tie_word_embeddings=False), "lm_head") < 1e-4


@trap(
    61,
    "peft",
    needs="peft",
    says="trying to modify a model with PEFT for a second time",
)
def a_second_adapter_replaces_the_first():
    """`get_peft_model` twice on one base throws the first adapter away.

    You see: one warning, and a model that is as it was before training.

    What happens: layers of the base are exchanged in place. The second call puts a fresh adapter of
    the same name, `default`, where the trained one was.

    Instead: `add_adapter` with a name of its own, on the adapted model. To begin anew, as when a cell is run again, load
    the base again.
    """
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(target_modules=["q_proj"], r=2)

    def train(adapted):
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.ones_(weight)
        return adapted.eval()(IDS).logits

    base = toys.llama()
    plain = base(IDS).logits
    # You write
    first = get_peft_model(base, config)
    trained = train(first)
    second = get_peft_model(base, config)
    # You get
    assert not torch.allclose(trained, plain)
    assert torch.equal(second(IDS).logits, plain)
    assert torch.equal(first(IDS).logits, plain)  # gone here, too
    # Instead
    first = get_peft_model(toys.llama(), config)
    trained = train(first)
    first.add_adapter("second", config)
    assert torch.equal(first(IDS).logits, trained)
    first.set_adapter("second")
    assert not torch.equal(first(IDS).logits, trained)


@trap(
    115,
    "peft",
    needs="peft",
    shown="10_chat_and_adapters.ipynb#When-it-breaks:-another-model's-names,-another-model's-weights",
)
def an_adapter_fits_any_base_of_its_shape():
    """An adapter loads onto a base on which it was not trained.

    You see: nonsense, or a model that is worse than its base.

    What happens: only shapes and names are compared. The config of the adapter names its base by the
    path it was loaded from, and that is not looked at.

    Instead: name the base and its revision, in the card and in `adapter_config.json`, and compare one
    output with one that you kept.
    """
    from peft import LoraConfig, PeftModel, get_peft_model

    toys.llama().save_pretrained("base")
    base = LlamaForCausalLM.from_pretrained("base")
    adapted = get_peft_model(
        base, LoraConfig(target_modules=["q_proj"], r=2, task_type="CAUSAL_LM")
    ).eval()
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.ones_(weight)
    adapted.save_pretrained("adapter")
    kept = adapted(IDS).logits
    stranger = toys.llama()
    # You write
    loaded = PeftModel.from_pretrained(stranger, "adapter")
    # You get
    assert (loaded(IDS).logits - kept).abs().max() > 0.1
    # Instead
    right = PeftModel.from_pretrained(
        LlamaForCausalLM.from_pretrained("base"), "adapter"
    )
    assert torch.equal(right(IDS).logits, kept)


@trap(126, "peft", needs="peft")
def merging_in_bfloat16_loses_a_part_of_the_adapter():
    """Merged into weights of bfloat16, an adapter is rounded away in part.

    You see: a merged model that answers a little differently from the adapted one.

    What happens: an adapter changes a weight by a small number, and bfloat16 has 8 bits for the sum.
    A change of less than the last of them leaves the weight as it was. Beside the weights, as before
    merging, the change is computed on its own.

    Instead: load the base with `dtype=torch.float32`, merge, and keep that; or do not merge. Compare
    outputs before and after.
    """
    from peft import LoraConfig, get_peft_model

    def merge(dtype):
        """Give the share of weights that a small adapter changes, and by how much logits move."""
        base = toys.llama().to(dtype)
        before = base.model.layers[0].self_attn.q_proj.weight.clone()
        adapted = get_peft_model(
            base, LoraConfig(target_modules=["q_proj"], r=2)
        ).eval()
        torch.manual_seed(0)
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(weight, std=0.01)
        logits = adapted(IDS).logits
        merged = adapted.merge_and_unload()
        changed = merged.model.layers[0].self_attn.q_proj.weight != before
        return changed.float().mean(), (merged(IDS).logits - logits).abs().max()

    # You write
    share, apart = merge(torch.bfloat16)
    # You get
    assert share < 0.5
    assert apart > 1e-3
    # Instead
    share, apart = merge(torch.float32)
    assert share > 0.95
    assert apart < 1e-5


@trap(
    127,
    "peft",
    needs="peft",
    wrote='LoraConfig(target_modules=["q_proj", "c_attn"])',
    upstream="huggingface/peft#3693",
)
def target_modules_that_are_not_there_are_dropped():
    """Of the names in `target_modules`, those that the model does not have are dropped.

    You see: nothing; fewer numbers to train than planned.

    What happens: only a list of which no name is found is refused.

    Instead: names out of the model's own `named_modules()`, or "all-linear" if you mean every linear layer. Then
    read `targeted_module_names`.
    """
    from peft import LoraConfig, get_peft_model

    def trained(names):
        model = get_peft_model(toys.llama(), LoraConfig(r=2, target_modules=names))
        return {name.split(".")[-1] for name in model.targeted_module_names}

    # You write
    found = trained(["q_proj", "c_attn"])  # the second is a GPT-2's
    # You get
    assert found == {"q_proj"}
    # Instead
    assert trained(["q_proj", "v_proj"]) == {"q_proj", "v_proj"}
    assert len(trained("all-linear")) == 7


@trap(
    145,
    "peft",
    needs="peft",
    wrote='model.add_weighted_adapter(["one", "two"], [0.5, 0.5], "both")',
)
def a_blend_of_adapters_is_not_their_sum():
    """`add_weighted_adapter` does not add what the adapters do.

    You see: a blend of two adapters that does neither task well.

    What happens: "linear" adds the factors A and B on their own, and their product has the cross terms as well. "svd", the default, which the
    documentation calls precise, is cut to the rank of one adapter: of two that learned different things a good part is lost.

    Instead: `combination_type="cat"`, or `svd_rank=` the sum of the ranks. Compare `get_delta_weight`.
    """
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(target_modules=["q_proj"], r=2, lora_alpha=2)
    model = get_peft_model(toys.llama(), config, adapter_name="one")
    model.add_adapter("two", config)
    for name, weight in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight)
    layer = model.base_model.model.model.layers[0].self_attn.q_proj
    wanted = 0.5 * layer.get_delta_weight("one") + 0.5 * layer.get_delta_weight("two")

    def error(name, **how):
        """Blend the two, and say by what share the change of a weight is wrong."""
        model.add_weighted_adapter(["one", "two"], [0.5, 0.5], name, **how)
        return (layer.get_delta_weight(name) - wanted).norm() / wanted.norm()

    # You write
    default = error("default_blend")
    linear = error("linear_blend", combination_type="linear")
    # You get
    assert default > 0.2
    assert linear > 0.5
    # Instead
    assert error("longer", combination_type="cat") < 1e-5
    assert error("wide", svd_rank=4) < 1e-4


@trap(
    146,
    "peft",
    needs="peft",
    wrote='LoraConfig(target_modules=["query"]), for a classifier',
)
def a_new_head_is_neither_trained_nor_saved():
    """Without `task_type`, the new head of a classifier is neither trained nor saved.

    You see: a loss that falls slowly; loaded again, the model guesses.

    What happens: `task_type="SEQ_CLS"` names the head among what is trained as a whole. Without it the head
    stays as it was drawn, and the next load draws another. A misspelt name in `modules_to_save` does the same.

    Instead: `task_type`, which finds heads that are called `classifier` or `score`; in `modules_to_save` whatever else the load
    report calls missing. Look at which names of `named_parameters()` need a gradient.
    """
    from peft import LoraConfig, PeftModel, get_peft_model

    toys.bert().save_pretrained("encoder")

    def fresh():
        return BertForSequenceClassification.from_pretrained("encoder")

    def heads(adapted):
        """Name the weights of the head that are trained."""
        named = adapted.named_parameters()
        return [n for n, weight in named if "classifier" in n and weight.requires_grad]

    def change_by_loading(adapted):
        adapted.eval().save_pretrained("adapter")
        loaded = PeftModel.from_pretrained(fresh(), "adapter").eval()
        return (loaded(IDS).logits - adapted(IDS).logits).abs().max()

    # You write
    adapted = get_peft_model(fresh(), LoraConfig(target_modules=["query"]))
    misspelt = get_peft_model(
        fresh(), LoraConfig(target_modules=["query"], modules_to_save=["clasifier"])
    )
    # You get
    assert heads(adapted) == heads(misspelt) == []
    assert change_by_loading(adapted) > 0.01
    # Instead
    config = LoraConfig(target_modules=["query"], task_type="SEQ_CLS")
    adapted = get_peft_model(fresh(), config)
    assert len(heads(adapted)) == 2
    assert change_by_loading(adapted) < 1e-6


@trap(
    147,
    "peft",
    "transformers",
    needs="peft",
    wrote='PromptTuningConfig, and padding_side="left"',
)
def a_learned_prompt_stands_before_the_padding():
    """A learned prompt stands before the padding, and a short row of a batch reads it from afar.

    You see: nothing, unless you compare: a row of a batch is answered otherwise than alone.

    What happens: the virtual tokens of prompt tuning are put in front of the whole row, padding included, and positions are
    counted through; `position_ids` are not taken. The model itself minds no padding on the left, and neither does it with LoRA.

    Instead: answer one row at a time, or rows of one length together.
    """
    from peft import PromptTuningConfig, get_peft_model

    padded = torch.cat([torch.zeros(1, 6, dtype=torch.long), IDS], 1)
    mask = torch.cat([torch.zeros(1, 6, dtype=torch.long), torch.ones_like(IDS)], 1)

    def change_by_padding(model):
        """Give the largest change of the last logits by padding on the left."""
        alone = model(IDS).logits[:, -1]
        return (model(padded, attention_mask=mask).logits[:, -1] - alone).abs().max()

    base = toys.llama()
    assert change_by_padding(base) < 1e-4
    # You write
    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)
    adapted = get_peft_model(base, config).eval()
    # You get
    assert change_by_padding(adapted) > 0.01
    # Instead
    twice, one = adapted(IDS.repeat(2, 1)).logits, adapted(IDS).logits
    assert torch.allclose(twice[:1], one, atol=1e-5)
