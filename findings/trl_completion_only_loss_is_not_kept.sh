#!/usr/bin/env bash
# completion_only_loss=True on rows of text, or of messages, trains on every token, and nothing is said.
#
# Seen 2026-11-28 with trl 1.16.0, transformers 5.23.0, torch 2.13.0, Python 3.11, Linux x86-64.
# Expected: an error, since the setting "is supported only for prompt-completion datasets" (docstring); SFTTrainer's collator for images
#   raises one ("The `completion_only_loss` argument is not supported for language modeling datasets"), and so does assistant_only_loss=True with a template that has no marks.
# Seen: rows of {"text": ...} and rows of {"messages": [...]} are accepted with completion_only_loss=True. The labels are the ids, question included.
#   And of rows with a prompt and a completion, those whose prompt alone fills max_length are dropped, with no more than the name of a progress bar.
# Who is hurt: whoever asks for a loss on answers only, and has conversations: the model learns to write questions, and its loss is
#   that of another sum. Whoever has long prompts trains on a part of the rows, the short ones.
# Way out: look at the labels of one batch, and at len(trainer.train_dataset). For conversations it is assistant_only_loss=True, or rows of prompt and completion.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet trl==1.16.0 transformers==5.23.0 torch==2.13.0

HF_HOME="$folder/cache" HF_HUB_OFFLINE=1 env/bin/python - <<'PROGRAM' || exit 1
import sys
import warnings

import torch
from datasets import Dataset, disable_progress_bars
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, logging
from trl import SFTConfig, SFTTrainer

disable_progress_bars()
logging.set_verbosity_warning()
warnings.simplefilter("default")
words = ["<end>", "who", "are", "you", "I", "tell", "stories", "no"]
core = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="no"))
core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<end>", pad_token="<end>")
tokenizer.chat_template = "{% for message in messages %}{{ message.content }} {% endfor %}"
shape = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
question, answer = "who are you", "I tell stories"
turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def prepared(rows, **how):
    """Give the number of rows that are left, and the labels of the first, without padding."""
    settings = SFTConfig("out", report_to="none", use_cpu=True, bf16=False, disable_tqdm=True, **how)
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(words), **shape))
    trainer = SFTTrainer(model, args=settings, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
    return len(trainer.train_dataset), trainer.train_dataset[0]["labels"]


text = prepared([{"text": f"{question} {answer}"}], completion_only_loss=True)
messages = prepared([{"messages": turns}], completion_only_loss=True)
pair = {"prompt": question, "completion": f" {answer}"}
pairs = prepared([pair], completion_only_loss=True)
long = {"prompt": f"{question} {question}", "completion": f" {answer}"}
dropped = prepared([long, pair], max_length=6)
print("text    ", text)
print("messages", messages)
print("pairs   ", pairs)
print("rows left of a long and a short one:", dropped[0])
everything = [1, 2, 3, 4, 5, 6]
found = text[1][:6] == everything, messages[1][:6] == everything, pairs[1][:3] == [-100] * 3, dropped[0]
if found != (True, True, True, 1):
    print("the behaviour has changed", file=sys.stderr)
    raise SystemExit(1)
PROGRAM
