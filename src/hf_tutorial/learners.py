"""What learns in a training: a checkpoint with a head for the reader's classes, and what moves it."""

import re
from dataclasses import dataclass
from typing import Any

from hf_tutorial.refused import Refused, one_line


@dataclass
class Learner:
    """What learns, and what moves it."""

    tokenizer: Any
    model: Any
    optimizer: Any
    schedule: Any


def made(options: Any, table: Any, steps: int) -> Learner:
    """Load model and tokenizer, with a head for these classes; make what moves them."""
    import torch
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        get_linear_schedule_with_warmup,
    )

    from hf_tutorial.hub import failures

    try:
        tokenizer = AutoTokenizer.from_pretrained(options.checkpoint)
        model = AutoModelForSequenceClassification.from_pretrained(
            options.checkpoint,
            id2label=dict(enumerate(table.names)),
            label2id={name: number for number, name in enumerate(table.names)},
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
        )
    except Exception as error:  # a damaged file of the cache raises errors of all kinds
        told = failures.sentence(error)
        if told is None and not isinstance(error, (OSError, ValueError)):
            raise
        raise Refused(
            f"--checkpoint {options.checkpoint}: {told or one_line(error)}"
        ) from None
    model.config.problem_type = "single_label_classification"
    drop_out(model, options.dropout)
    if tokenizer.pad_token is None:  # GPT-2 and its kin
        tokenizer.pad_token = tokenizer.eos_token
        model.config.pad_token_id = tokenizer.pad_token_id
    refuse_misfit(options, model, tokenizer, len(table.texts))
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": 0.01},
            {"params": plain, "weight_decay": 0.0},
        ],
        lr=options.learning_rate,
    )
    schedule = get_linear_schedule_with_warmup(optimizer, options.warmup_steps, steps)
    return Learner(tokenizer, model, optimizer, schedule)


def drop_out(model: Any, share: float) -> None:
    """Set dropout, of modules and of the numbers that BART, OPT and XLM keep; leave no layer out."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share
        for name, value in vars(module).items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                if re.search(r"dropout(_prob|_p|_rate)?$|pdrop$", name):
                    setattr(module, name, share)
                elif name.endswith("layerdrop"):
                    setattr(module, name, 0.0)


def refuse_misfit(options: Any, model: Any, tokenizer: Any, texts: int) -> None:
    """Compare what the checkpoint can read with what it would be given."""
    name, asked = (
        f"--checkpoint {options.checkpoint}",
        f"--max-length {options.max_length}",
    )
    words = set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens)
    if not words:
        raise Refused(f"{name}: its tokenizer knows no word: save it beside the model")
    rows = model.get_input_embeddings().num_embeddings
    if max(tokenizer.get_vocab().values()) >= rows:
        raise Refused(f"{name}: its tokenizer has {len(tokenizer):,} tokens, its model {rows:,}:"
                      " they belong to different checkpoints")  # fmt: skip
    limit = positions(model)
    if limit is not None and options.max_length > limit:
        raise Refused(f"{asked}: this checkpoint reads {limit} tokens at most")
    special = tokenizer.num_special_tokens_to_add(pair=texts == 2)
    if options.max_length < special + texts:
        raise Refused(f"{asked}: {special} tokens go to marks such as {tokenizer.sep_token}, "
                      f"so no word would be read: use {special + texts} or more")  # fmt: skip


def positions(model: Any) -> int | None:
    """Count the tokens that a model can read; None if its positions have no end."""
    limit = getattr(model.config, "max_position_embeddings", None)
    for name, module in model.named_modules():
        # RoBERTa and its kin begin to count behind the number of the pad token.
        padding = getattr(module, "padding_idx", None)
        if name.endswith("position_embeddings") and padding is not None:
            limit = module.num_embeddings - padding - 1
    return limit if limit is not None and limit > 0 else None


def whole_weights(accelerator: Any, model: Any) -> dict[str, Any]:
    """Collect the weights, by all processes: each may hold a share. In float32."""
    import torch

    weights = accelerator.get_state_dict(model)
    if accelerator.distributed_type.value != "DEEPSPEED":
        return weights
    from deepspeed.utils import safe_get_full_fp32_param

    model = accelerator.unwrap_model(model)
    for name, parameter in model.named_parameters():
        if parameter.dtype != torch.float32:  # a copy; what learns is kept elsewhere
            weights[name] = safe_get_full_fp32_param(parameter).cpu()
    model.float()  # so that its configuration says float32, too
    return {name: weight.float() if weight.is_floating_point() else weight
            for name, weight in weights.items()}  # fmt: skip
