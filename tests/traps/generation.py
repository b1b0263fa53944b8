"""Traps of generation: settings, caches, padding."""

import pytest
import torch
from transformers import DynamicCache, GenerationConfig, Trainer, pipeline

from tests.traps import toys
from tests.traps.catalogue import trap

PROMPT = torch.tensor([[5, 6, 7]])


@trap(
    18,
    "transformers",
    shown="08_generation.ipynb#When-it-breaks:-GPT-2's-loss-in-Trainer",
)
def generation_in_train_mode_is_noise():
    """Greedy generation in train mode writes another text each time.

    You see: three texts for one prompt, after training.

    What happens: dropout is on, so each step reads a model with other holes.

    Instead: `model.eval()`.
    """
    model = toys.gpt2(eos_token_id=None, pad_token_id=0).train()

    def texts():
        settings = dict(max_new_tokens=30, do_sample=False)
        return {tuple(model.generate(PROMPT, **settings)[0].tolist()) for _ in range(3)}

    # You write
    found = texts()
    # You get
    assert len(found) == 3
    # Instead
    model.eval()
    assert len(texts()) == 1


@trap(
    20,
    "transformers",
    shown="08_generation.ipynb#When-it-breaks:-no-padding-token,-then-the-wrong-side",
    says="right-padding was detected",
)
def right_padding_changes_the_text():
    """Padding on the right changes what a row of a batch continues with.

    You see: good texts for the longest prompt, odd ones for the others.

    What happens: a causal model goes on behind the last position. With padding on the right that is
    `[PAD]`, and not the last word.

    Instead: `padding_side="left"`.
    """
    model, tokenizer = toys.gpt2(eos_token_id=None, pad_token_id=0), toys.tokenizer()
    texts = ["good", "a very long dull film"]
    alone = model.generate(**tokenizer(texts[0], return_tensors="pt", return_token_type_ids=False),
                           max_new_tokens=8, do_sample=False)[0, -8:]  # fmt: skip

    def first_row():
        batch = tokenizer(
            texts, padding=True, return_tensors="pt", return_token_type_ids=False
        )
        return model.generate(**batch, max_new_tokens=8, do_sample=False)[0, -8:]

    # You write
    tokenizer.padding_side = "right"
    found = first_row()
    # You get
    assert not torch.equal(found, alone)
    # Instead
    tokenizer.padding_side = "left"
    assert torch.equal(first_row(), alone)


@trap(
    22,
    "transformers",
    shown="08_generation.ipynb#Settings-that-travel",
    says="model-agnostic default `max_length`",
)
def defaults_of_generation_are_three():
    """`generate` and the pipeline have different defaults, and both keep the 50 likeliest.

    You see: short, dull texts from one, long, lively ones from the other, of the same model.

    What happens: `generate` adds 20 tokens, greedily. The pipeline adds 256, sampled. Sampling keeps `top_k=50` whatever `top_p` is.

    Instead: write `max_new_tokens`, `do_sample`, `top_k=0` beside `top_p`.
    """
    model = toys.gpt2(
        vocab_size=200, eos_token_id=None, pad_token_id=0, initializer_range=0.02
    )
    tokenizer = toys.tokenizer()

    def left(**settings):
        """Count the tokens that may still be drawn at the first step."""
        out = model.generate(
            PROMPT, max_new_tokens=1, do_sample=True, top_p=0.9, **settings,
            output_scores=True, return_dict_in_generate=True,
        )  # fmt: skip
        return out.scores[0].isfinite().sum()

    # You write
    by_call = model.generate(PROMPT)
    writer = pipeline("text-generation", model=model, tokenizer=tokenizer, device="cpu")
    texts = [writer("good", return_tensors=True) for _ in range(2)]
    # You get
    assert by_call.shape[1] == 3 + 20
    first, second = [text[0]["generated_token_ids"] for text in texts]
    assert len(first) == len(second) == 3 + 256  # [CLS] good [SEP]
    assert first != second
    assert left() < 50
    # Instead
    assert left(top_k=0) > 150
    assert model.generate(PROMPT, max_new_tokens=5).shape[1] == 3 + 5


@trap(
    44,
    "transformers",
    "torch",
    mended="transformers 5.24.0",
    says="`use_cache=True` is incompatible with gradient checkpointing",
)
def checkpointing_while_generating_forgets():
    """With gradient checkpointing on, a model in train mode generates another text.

    You see: samples during training that make less sense than those after it.

    What happens: in train mode no cache is returned, and each step reads the last token only.

    Instead: `eval()` around the samples; no setting need be changed.
    """
    model = toys.llama(eos_token_id=None, pad_token_id=0)
    settings = dict(max_new_tokens=20, do_sample=False)
    right = model.generate(PROMPT, **settings)
    # You write
    model.gradient_checkpointing_enable()
    model.train()
    found = model.generate(PROMPT, **settings)
    # You get
    assert model(PROMPT, use_cache=True).past_key_values is None
    assert not torch.equal(found, right)
    # Instead
    model.eval()
    assert torch.equal(model.generate(PROMPT, **settings), right)


@trap(55, "transformers", shown="08_generation.ipynb#Why-it-is-fast:-the-KV-cache")
def a_cache_used_twice_belongs_to_another_text():
    """A cache used twice continues another text.

    You see: a second answer that is odd, and no error.

    What happens: the cache holds the first prompt and its answer. `generate` takes its length for
    tokens of the new prompt that have been read.

    Instead: a new cache for each text, or a copy of one that holds a common beginning.
    """
    model = toys.llama(eos_token_id=None, pad_token_id=0)
    settings = dict(max_new_tokens=10, do_sample=False)
    prompt = torch.tensor([list(range(1, 21))])
    alone = model.generate(prompt, **settings)
    # You write
    cache = DynamicCache(config=model.config)
    model.generate(PROMPT, past_key_values=cache, **settings)
    again = model.generate(prompt, past_key_values=cache, **settings)
    # You get
    assert not torch.equal(again, alone)
    # Instead
    fresh = DynamicCache(config=model.config)
    assert torch.equal(model.generate(prompt, past_key_values=fresh, **settings), alone)


@trap(56, "transformers")
def crop_counts_from_the_other_end():
    """`crop` of a cache takes a negative number.

    You see: a ValueError for `crop(5)`, which older code uses to keep five.

    What happens: a number of tokens to keep is refused by this release; a negative one says how many
    to take off.

    Instead: `crop(keep - cache.get_seq_length())`.
    """
    model = toys.llama()
    cache = model(torch.tensor([list(range(1, 13))]), use_cache=True).past_key_values
    # You write
    keep = 5  # and cache.crop(keep)
    # You get
    with pytest.raises(ValueError, match="positive value"):
        cache.crop(keep)
    # Instead
    cache.crop(keep - cache.get_seq_length())
    assert cache.get_seq_length() == 5


@trap(57, "transformers", shown="08_generation.ipynb#Settings-that-travel")
def a_config_of_ones_own_keeps_the_models():
    """A GenerationConfig of your own keeps what the model says where you say nothing.

    You see: another text at each call, though your config says nothing of sampling.

    What happens: what it does not set is taken from `model.generation_config`, which came with the
    checkpoint.

    Instead: say `do_sample` in each, and print `model.generation_config`: whatever you leave out comes from
    there, `repetition_penalty` too.
    """
    model = toys.gpt2(eos_token_id=None, pad_token_id=0)
    model.generation_config.do_sample = True
    model.generation_config.temperature = 3.0

    def texts(config):
        found = [model.generate(PROMPT, generation_config=config) for _ in range(3)]
        return {tuple(ids[0].tolist()) for ids in found}

    # You write
    found = texts(GenerationConfig(max_new_tokens=12))
    # You get
    assert len(found) == 3
    # Instead
    assert len(texts(GenerationConfig(max_new_tokens=12, do_sample=False))) == 1


@trap(58, "transformers")
def a_config_at_the_call_forgets_the_pipelines():
    """A config given to a pipeline's call replaces what the pipeline was made with.

    You see: 256 tokens from a pipeline that was made to write five.

    What happens: settings of the pipeline live in a config of its own; the one at the call takes its
    place, and the default length comes back.

    Instead: say the length where you say the rest.
    """
    model = toys.gpt2(eos_token_id=None, pad_token_id=0)
    writer = pipeline(
        "text-generation", model=model, tokenizer=toys.tokenizer(), device="cpu",
        max_new_tokens=5, return_tensors=True,
    )  # fmt: skip

    def added(**settings):
        (text,) = writer("good film", **settings)
        return len(text["generated_token_ids"]) - 4  # [CLS] good film [SEP]

    # You write
    count = added(generation_config=GenerationConfig(do_sample=False))
    # You get
    assert added() == 5
    assert count == 256
    # Instead
    config = GenerationConfig(do_sample=False, max_new_tokens=5)
    assert added(generation_config=config) == 5


@trap(62, "transformers", since="transformers 5.24.0")
def the_cache_has_another_name():
    """The cache in an output has another name.

    You see: from 5.24 on, a loop that generates as slowly as without a cache.

    What happens: the output's `past_key_values` became `cache`. The old attribute is still read, but
    `dict(output).get("past_key_values")` is None.

    Instead: read the attribute.
    """
    output = toys.llama()(PROMPT, use_cache=True)
    # You write
    cache = dict(output).get("past_key_values")
    # You get
    assert cache is None
    # Instead
    assert output.past_key_values.get_seq_length() == 3


@trap(128, "transformers")
def the_end_token_of_the_tokenizer_stops_nothing():
    """Generation stops at the model's end token, not at the tokenizer's.

    You see: an answer, its end mark such as `<|im_end|>`, and then a next turn that the model writes itself.

    What happens: `generate` reads `eos_token_id` of `model.generation_config`, which came with the base.
    The end mark of a template that was taught later is not in it, whatever `tokenizer.eos_token` says.

    Instead: set `model.generation_config.eos_token_id`, a list if there are two, before you save; Trainer
    does so in `train` if it is given the tokenizer as `processing_class`.
    """
    model, tokenizer = toys.gpt2(pad_token_id=0), toys.tokenizer()
    settings = dict(max_new_tokens=8, do_sample=False)
    end = "good"  # what this model says first; its mark for the end of a turn
    # You write
    tokenizer.eos_token = end
    ids = model.generate(PROMPT, **settings)[0, 3:]
    # You get
    assert len(ids) == 8
    assert tokenizer.eos_token_id in ids[:-1]
    # Instead
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    ids = model.generate(PROMPT, **settings)[0, 3:]
    assert ids.tolist() == [tokenizer.eos_token_id]
    taught = toys.gpt2(pad_token_id=0)
    rows = (
        toys.rows(4)
        .remove_columns("labels")
        .map(lambda row: {"labels": row["input_ids"]})
    )
    arguments = toys.arguments(max_steps=1)
    Trainer(taught, arguments, train_dataset=rows, processing_class=tokenizer).train()
    assert taught.generation_config.eos_token_id == [tokenizer.eos_token_id, 0]
