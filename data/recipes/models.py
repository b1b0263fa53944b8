"""Train the three small models of this repository, seeded, on the processor.

    python data/recipes/models.py storyteller OUT          # GPT-2 on data/stories
    python data/recipes/models.py storyteller-mlm OUT      # BERT on data/stories
    python data/recipes/models.py reviews-sentiment OUT    # the encoder on data/reviews

OUT gets config, safetensors and tokenizer; of reviews-sentiment only what training
changed. `--smoke` trains for a few steps, to see that it runs. `make data` runs all
three, measures them and writes their cards.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import torch
from datasets import Dataset, load_dataset
from safetensors.torch import save_file
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    DataCollatorForLanguageModeling,
    DataCollatorWithPadding,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    set_seed,
)

from hf_tutorial import sources

VOCABULARY = 2048
END = "<|endoftext|>"
SEED = 0
# The parts of the encoder that reviews-sentiment trains; all else stays as published.
TRAINED = ("layer.4.", "layer.5.", "pooler.", "classifier.")


def byte_level_bpe(texts: list[str], context: int) -> PreTrainedTokenizerFast:
    """Train a tokenizer of the GPT-2 kind: end-of-text, no [CLS], no padding token."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=END,
        eos_token=END,
        unk_token=END,
        model_max_length=context,
        model_input_names=["input_ids", "attention_mask"],
    )


def wordpiece(texts: list[str], context: int) -> PreTrainedTokenizerFast:
    """Train an uncased tokenizer of the BERT kind: [CLS] text [SEP], [PAD], [MASK]."""
    special = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    pieces = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    pieces.normalizer = normalizers.BertNormalizer()
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    pieces.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(special.values()),
        show_progress=False,
    )
    pieces.train_from_iterator(texts, trainer)
    pieces.post_processor = processors.BertProcessing(
        ("[SEP]", pieces.token_to_id("[SEP]")), ("[CLS]", pieces.token_to_id("[CLS]"))
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=pieces,
        model_max_length=context,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **special,
    )


def blocks(tokenizer, texts: list[str], size: int) -> Dataset:
    """Lay all texts end to end and cut the row into blocks of `size` input IDs.

    What stands between two texts is the tokenizer's own: `[CLS]` and `[SEP]`, or the
    end-of-text token. The short rest at the end is left out.
    """
    has_separator = tokenizer.sep_token_id is not None
    between = [] if has_separator else [tokenizer.eos_token_id]
    ids: list[int] = []
    for encoded in tokenizer(texts, add_special_tokens=has_separator)["input_ids"]:
        ids += [*encoded, *between]
    rows = [ids[start : start + size] for start in range(0, len(ids) - size + 1, size)]
    return Dataset.from_dict({"input_ids": rows})


def fit(model, data: Dataset, collator: Callable, out: Path, **arguments) -> None:
    """Train `model` in place: AdamW in bfloat16 autocast, weights in float32."""
    Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(out),
            use_cpu=True,
            bf16=True,
            seed=SEED,
            save_strategy="no",
            report_to="none",
            logging_steps=50,
            weight_decay=0.01,
            **arguments,
        ),
        train_dataset=data,
        data_collator=collator,
    ).train()
    model.config.use_cache = True  # Trainer turns it off
    model.eval()


def storyteller(out: Path, texts: list[str], *, smoke: bool = False) -> None:
    """Train the causal model: 4 layers, 4 heads, hidden size 256, 256 positions."""
    set_seed(SEED)
    tokenizer = byte_level_bpe(texts, context=256)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=256,
            n_embd=256,
            n_layer=4,
            n_head=4,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
        )
    )
    # Without it, Trainer divides by all labels, the first of each block included, which has
    # no prediction: a loss of 255/256 (transformers 5.23; notebook 08).
    model.loss_type = "ForCausalLM"

    def collator(rows):  # the blocks are full, so the labels are the IDs themselves
        ids = torch.tensor([row["input_ids"] for row in rows])
        return {"input_ids": ids, "labels": ids}

    fit(
        model,
        blocks(tokenizer, texts, size=256),
        collator,
        out,
        per_device_train_batch_size=32,
        learning_rate=2e-3,
        lr_scheduler_type="cosine",
        warmup_steps=5 if smoke else 50,
        max_steps=3 if smoke else -1,
        num_train_epochs=2,
    )
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def storyteller_mlm(out: Path, texts: list[str], *, smoke: bool = False) -> None:
    """Train the masked model: 2 layers, 4 heads, hidden size 256, 128 positions."""
    set_seed(SEED)
    tokenizer = wordpiece(texts, context=128)
    model = BertForMaskedLM(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=256,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=1024,
            max_position_embeddings=128,
            initializer_range=0.05,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    # Positions begin as waves, so that "one to the left" looks alike everywhere. Begun at
    # random, it counted words for some thousand steps before it read; so, for half as many.
    positions = model.bert.embeddings.position_embeddings.weight
    with torch.no_grad():
        positions.copy_(waves(*positions.shape) * model.config.initializer_range * 1.4)
    # Short blocks first, as BERT itself was trained: on blocks of 128 alone, after 850 steps
    # it still did nothing but count words.
    for size, rows in ((64, 32), (128, 16)):
        fit(
            model,
            blocks(tokenizer, texts, size),
            DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15),
            out,
            per_device_train_batch_size=rows,
            learning_rate=1e-3,
            adam_beta2=0.98,
            lr_scheduler_type="cosine",
            warmup_steps=5 if smoke else 100,
            max_steps=3 if smoke else -1,
            num_train_epochs=1,
        )
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def waves(positions: int, size: int) -> torch.Tensor:
    """Give sine and cosine of each position at `size` / 2 wavelengths; (positions, size)."""
    rate = torch.exp(-torch.arange(0, size, 2) * math.log(1000) / size)
    angle = torch.arange(positions)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=-1).reshape(positions, size)


def reviews_sentiment(out: Path, reviews: Dataset, *, smoke: bool = False) -> None:
    """Fine-tune the encoder's last two layers, pooler and a new head; keep only these.

    `sources.place_sentiment` merges `changed.safetensors` with the published encoder.
    """
    set_seed(SEED)
    checkpoint = sources.checkpoint("encoder")
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForSequenceClassification.from_pretrained(
        checkpoint,
        id2label={0: "NEGATIVE", 1: "POSITIVE"},
        label2id={"NEGATIVE": 0, "POSITIVE": 1},
    )
    for name, parameter in model.named_parameters():
        parameter.requires_grad = any(part in name for part in TRAINED)
    data = reviews.map(
        lambda batch: tokenizer(batch["text"], truncation=True),
        batched=True,
        remove_columns="text",
    )
    fit(
        model,
        data.select(range(32)) if smoke else data,
        DataCollatorWithPadding(tokenizer),
        out,
        per_device_train_batch_size=16,
        learning_rate=5e-4,
        warmup_steps=2 if smoke else 15,
        max_steps=2 if smoke else -1,
        num_train_epochs=4,
    )
    out.mkdir(parents=True, exist_ok=True)
    changed = {
        name: parameter.detach().contiguous()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    save_file(changed, out / "changed.safetensors", metadata={"format": "pt"})
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(out)


# name: (function, the folder of data that it learns from)
RECIPES = {
    "storyteller": (storyteller, "stories"),
    "storyteller-mlm": (storyteller_mlm, "stories"),
    "reviews-sentiment": (reviews_sentiment, "reviews"),
}


def train(name: str, out: Path, data: Path = sources.DATA, *, smoke: bool) -> None:
    """Run the recipe of that name on the training split of its folder below `data`."""
    function, folder = RECIPES[name]
    split = load_dataset(str(data / folder), split="train")
    rows = split if folder == "reviews" else split["text"][: 400 if smoke else None]
    function(out, rows, smoke=smoke)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=RECIPES)
    parser.add_argument("out", type=Path)
    parser.add_argument("--smoke", action="store_true", help="a few steps only")
    options = parser.parse_args()
    train(options.model, options.out, smoke=options.smoke)
