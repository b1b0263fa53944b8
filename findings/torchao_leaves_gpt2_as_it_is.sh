#!/usr/bin/env bash
# A GPT-2 that is loaded with a TorchAoConfig is not quantized, and get_memory_footprint does not tell.
#
# Seen 2026-11-28 with torchao 0.18.0, transformers 5.23.0, torch 2.13.0, Python 3.11, Linux x86-64.
# Expected: from_pretrained(..., quantization_config=TorchAoConfig(Int8WeightOnlyConfig())) gives a model with weights of 8 bits,
#   or an error or a warning that this model has none to be quantized. bitsandbytes quantizes a GPT-2.
# Seen: a Llama of two layers is quantized (14 weights) and its file shrinks to two fifths. A GPT-2 of that size is as it was, weights, outputs and file: its layers
#   are Conv1D of transformers, and torchao looks for nn.Linear, of which it has the head alone, which is left out. Nothing is said, and
#   the saved config.json says that the model is quantized. get_memory_footprint() gives the same number before and after, for both.
# Who is hurt: whoever measures what quantization costs a GPT-2: no loss of quality, because nothing happened.
# Way out: count the weights whose data is no plain tensor, or compare the sizes of the saved files; another model or bitsandbytes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet torchao==0.18.0 transformers==5.23.0 accelerate==1.15.0 torch==2.13.0

HF_HOME="$folder/cache" HF_HUB_OFFLINE=1 env/bin/python - <<'PROGRAM' || exit 1
import json
import os
import sys

import torch
from torchao.quantization import Int8WeightOnlyConfig
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, TorchAoConfig, logging

logging.set_verbosity_warning()
logging.disable_progress_bar()
torch.manual_seed(0)
ids = torch.tensor([[1, 2, 3, 4]])
llama = LlamaConfig(vocab_size=256, hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2)
gpt2 = GPT2Config(vocab_size=256, n_embd=128, n_layer=2, n_head=2, n_positions=512)
found = {}
for name, model in {"llama": LlamaForCausalLM(llama), "gpt2": GPT2LMHeadModel(gpt2)}.items():
    model.save_pretrained(name)
    plain = AutoModelForCausalLM.from_pretrained(name)
    small = AutoModelForCausalLM.from_pretrained(name, quantization_config=TorchAoConfig(Int8WeightOnlyConfig()))
    small.save_pretrained(f"{name}-small")
    sizes = [os.path.getsize(f"{folder}/model.safetensors") for folder in (name, f"{name}-small")]
    with open(f"{name}-small/config.json") as file:
        says = "quantization_config" in json.load(file)
    found[name] = {
        "quantized weights": sum(type(weight.data) is not torch.Tensor for weight in small.parameters()),
        "same outputs": torch.equal(plain(ids).logits, small(ids).logits),
        "file shrinks": sizes[1] < 0.7 * sizes[0],
        "footprint shrinks": small.get_memory_footprint() < plain.get_memory_footprint(),
        "config says quantized": says,
    }
    print(name, found[name])
wanted = {
    "llama": {"quantized weights": 14, "same outputs": False, "file shrinks": True, "footprint shrinks": False, "config says quantized": True},
    "gpt2": {"quantized weights": 0, "same outputs": True, "file shrinks": False, "footprint shrinks": False, "config says quantized": True},
}
if found != wanted:
    print("the behaviour has changed", file=sys.stderr)
    raise SystemExit(1)
PROGRAM
