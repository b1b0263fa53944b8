"""Models and tables so small that an entry of the catalogue runs in a moment.

Weights are random: what an entry shows does not depend on what a model has learned.
"""

import numpy as np
import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    TrainingArguments,
)

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = "a film good bad very it was the and end dull fine long slow no one".split()
BERT = dict(
    vocab_size=32,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=16,
    max_position_embeddings=64,
    initializer_range=0.3,
)


def tokenizer() -> PreTrainedTokenizerFast:
    """A BERT-like tokenizer of sixteen words; it has no limit of length."""
    vocabulary = {word: number for number, word in enumerate(SPECIAL + WORDS)}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = ("pad", "unk", "cls", "sep", "mask")
    special = {f"{name}_token": sign for name, sign in zip(names, SPECIAL, strict=True)}
    return PreTrainedTokenizerFast(tokenizer_object=made, **special)


def bert(**config) -> BertModel:
    """A BERT of two layers, in eval mode."""
    return BertModel(BertConfig(**BERT | config)).eval()


def classifier(**config) -> BertForSequenceClassification:
    """A BERT with a head of two classes, without dropout, in train mode."""
    quiet = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    return BertForSequenceClassification(BertConfig(**BERT | quiet | config)).train()


def gpt2(**config) -> GPT2LMHeadModel:
    """A GPT-2 of two layers and 32 tokens, in eval mode; 0 begins and ends a text."""
    shape = dict(
        vocab_size=32,
        n_embd=16,
        n_layer=2,
        n_head=2,
        n_positions=512,
        initializer_range=0.3,
    )
    special = dict(bos_token_id=0, eos_token_id=0)
    return GPT2LMHeadModel(GPT2Config(**shape | special | config)).eval()


def llama(**config) -> LlamaForCausalLM:
    """A Llama of two layers and 32 tokens, in eval mode."""
    shape = dict(
        vocab_size=32, hidden_size=16, intermediate_size=16, initializer_range=0.3
    )
    layers = dict(num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2)
    special = dict(bos_token_id=0, eos_token_id=0)
    return LlamaForCausalLM(LlamaConfig(**shape | layers | special | config)).eval()


def rows(count: int = 32, length: int = 6) -> Dataset:
    """Random IDs with a label each."""
    drawn = np.random.default_rng(0)
    return Dataset.from_dict(
        {
            "input_ids": drawn.integers(5, 21, (count, length)).tolist(),
            "attention_mask": [[1] * length] * count,
            "labels": drawn.integers(0, 2, count).tolist(),
        }
    )


def arguments(folder: str = "out", **settings) -> TrainingArguments:
    """Settings for a Trainer on this CPU, without reports and bars."""
    calm = dict(use_cpu=True, report_to="none", disable_tqdm=True, save_strategy="no")
    return TrainingArguments(folder, **calm | settings)


def weights(model: torch.nn.Module) -> torch.Tensor:
    """All weights in a row, copied."""
    return torch.cat([w.detach().flatten().clone() for w in model.parameters()])
