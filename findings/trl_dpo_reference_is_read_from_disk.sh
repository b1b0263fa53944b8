#!/usr/bin/env bash
# DPOTrainer without ref_model takes for its reference the checkpoint on disk, not the model that it is given.
#
# Seen 2026-11-28 with trl 1.16.0, transformers 5.23.0, torch 2.13.0, Python 3.11, Linux x86-64.
# Expected: "If None, the trainer will automatically use the initial policy corresponding to model, i.e. the model
#   state before DPO training starts" (docstring of ref_model). Then the first loss is log 2 = 0.6931, whatever the answers are.
# Seen: the reference is loaded from model.config._name_or_path. A model that was loaded from a folder and then trained
#   gets its untrained state as the reference: the first loss is not log 2 and rewards are not 0. Nothing is said. With precompute_ref_log_probs=True, which is to save memory,
#   the reference is the model that was given: the same call, another loss.
# Who is hurt: supervised fine-tuning and DPO in one session or script. The margin then counts what fine-tuning
#   changed, and beta holds the model to the base instead of the fine-tuned one.
# Way out: save the fine-tuned model and load it, pass ref_model=copy.deepcopy(model), or train an adapter
#   (peft_config), whose reference is the model without it. Look at the first loss: it has to be 0.6931.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet trl==1.16.0 transformers==5.23.0 torch==2.13.0 peft==0.21.2

HF_HOME="$folder/cache" HF_HUB_OFFLINE=1 env/bin/python - <<'PROGRAM' || exit 1
import copy
import sys
import warnings

import torch
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, logging
from transformers.trainer_callback import PrinterCallback
from trl import DPOConfig, DPOTrainer

disable_progress_bars()
logging.set_verbosity_error()
logging.disable_progress_bar()
warnings.simplefilter("ignore")
words = ["<end>", "who", "are", "you", "I", "tell", "stories", "no"]
core = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="no"))
core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<end>", pad_token="<end>")
pair = {"prompt": "who are you", "chosen": " I tell stories", "rejected": " no stories"}
torch.manual_seed(0)
shape = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
LlamaForCausalLM(LlamaConfig(vocab_size=len(words), **shape)).save_pretrained("base")


def first_log(model, precompute=False, **more):
    how = DPOConfig(
        "out", max_steps=1, logging_steps=1, save_strategy="no", report_to="none", use_cpu=True, bf16=False, disable_tqdm=True,
        precompute_ref_log_probs=precompute,
    )
    rows = Dataset.from_list([pair])
    trainer = DPOTrainer(model, args=how, train_dataset=rows, processing_class=tokenizer, **more)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    log = trainer.state.log_history[0]
    return round(log["loss"], 4), round(log["rewards/chosen"], 4)


def fine_tuned():
    """Load a model and train it a little, as supervised fine-tuning does."""
    model = LlamaForCausalLM.from_pretrained("base")
    ids = tokenizer("who are you I tell stories <end>", return_tensors="pt")["input_ids"]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(5):
        model(ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


model = fine_tuned()
loss, reward = first_log(model)
with_reference = first_log(fine_tuned(), ref_model=copy.deepcopy(fine_tuned()))
fine_tuned().save_pretrained("tuned")
reloaded = first_log(LlamaForCausalLM.from_pretrained("tuned"))
precomputed = first_log(fine_tuned(), precompute=True)
adapted = first_log(fine_tuned(), peft_config=LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
print(f"trained in memory: first loss {loss}, reward of the chosen answer {reward}; log 2 is 0.6931")
print(f"with a copy as ref_model {with_reference}, saved and loaded {reloaded}, precomputed {precomputed}, as an adapter {adapted}")
right = [with_reference, reloaded, precomputed, adapted] == [(0.6931, 0.0)] * 4
if not right or abs(loss - 0.6931) < 0.01 or reward < 0.01:
    print("the behaviour has changed", file=sys.stderr)
    raise SystemExit(1)
PROGRAM
