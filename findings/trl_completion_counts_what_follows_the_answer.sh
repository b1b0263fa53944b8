#!/usr/bin/env bash
# TRL's loss on a completion counts what the chat template writes behind the answer, too; that on the assistant does not.
#
# Seen 2026-11-28 with trl 1.16.0, transformers 5.23.0, torch 2.13.0, Python 3.11, Linux x86-64.
# Expected: for one question and one answer, a prompt with a completion and assistant_only_loss=True are the same loss:
#   the tokens of the answer, its end included. DPOTrainer's log-probability of an answer is the sum over these.
# Seen: most templates write a line break behind the end of a turn (ChatML, and ours here). With prompt and completion it
#   has a label, with assistant_only_loss it has none, so the two losses differ; logps/chosen and logps/rejected of DPO
#   hold its log-probability as well. All else agrees with a loss by hand, packed (packing=True, sdpa) or not. And for a
#   GPT2LMHeadModel, SFTTrainer's loss on all tokens is too small, as Trainer's is, until loss_type is set.
# Who is hurt: whoever compares a run of one kind with one of the other, or with an evaluation by hand; and DPO after
#   fine-tuning on the assistant alone, which has never taught that line break: on a small GPT-2 it made 11 of the
#   12.5 nats of logps/chosen. Nobody reads the token, since generation has ended before it.
# Way out: let the template write the line break in front of the next turn; then all of them agree. Or compare like with like.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install --quiet trl==1.16.0 transformers==5.23.0 torch==2.13.0

HF_HOME="$folder/cache" HF_HUB_OFFLINE=1 env/bin/python - <<'PROGRAM' || exit 1
import copy
import sys
import warnings

import torch
from datasets import Dataset, disable_progress_bars
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, logging
from transformers.trainer_callback import PrinterCallback
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

disable_progress_bars()
logging.set_verbosity_error()
logging.disable_progress_bar()
warnings.simplefilter("ignore")
words = ["<end>", "\n", "user:", "bot:", "who", "are", "you", "I", "tell", "no", "stories"]
core = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="no"))
core.pre_tokenizer = pre_tokenizers.Split(Regex(r"<end>|\n|\w+:?"), "removed", invert=True)
TURN = (
    "{% if m.role == 'user' %}user: {{ m.content }}{% else %}"
    "bot:{% generation %}{{ m.content }}<end>{% endgeneration %}{% endif %}"
)
LINE, PROMPT = "{{ '\\n' }}", "{% if add_generation_prompt %}bot:{% endif %}"
behind = "{% for m in messages %}" + TURN + LINE + "{% endfor %}" + PROMPT
before = "{% for m in messages %}{% if not loop.first %}" + LINE + "{% endif %}" + TURN + "{% endfor %}"
before += PROMPT.replace("bot:", LINE + "bot:")

asked = [{"role": "user", "content": "who are you"}]
good, bad = ([{"role": "assistant", "content": text}] for text in ("I tell stories", "no"))
talks = [{"messages": asked + answer} for answer in (good, bad)]
torch.manual_seed(0)
small = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
llama = LlamaForCausalLM(LlamaConfig(vocab_size=len(words), initializer_range=0.5, **small)).eval()
llama.save_pretrained("llama")
llama = LlamaForCausalLM.from_pretrained("llama")


def tokenizer(template):
    made = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<end>", pad_token="<end>")
    made.chat_template = template
    return made


def by_hand(template, answer, all_behind=False):
    """Give the log-probability of each token of an answer; if asked, of what follows it as well."""
    text = tokenizer(template).apply_chat_template(asked + answer, return_assistant_tokens_mask=True)
    ids, said = text["input_ids"], text["assistant_masks"]
    places = [n for n in range(len(ids)) if said[n] or all_behind and 1 in said[:n]]
    with torch.no_grad():
        known = llama(torch.tensor([ids])).logits[0].log_softmax(-1)
    return torch.stack([known[n - 1, ids[n]] for n in places])


def first_log(trainer, config, template, rows, model=llama, **more):
    how = {"max_steps": 1, "logging_steps": 1, "save_strategy": "no", "report_to": "none", "use_cpu": True, "bf16": False}
    how = config("out", per_device_train_batch_size=2, disable_tqdm=True, **how, **more)
    made = trainer(
        copy.deepcopy(model), args=how, train_dataset=Dataset.from_list(rows), processing_class=tokenizer(template)
    )
    made.remove_callback(PrinterCallback)
    made.train()
    return made.state.log_history[0]


def compare(template):
    """Give the four losses on answers, and log-probabilities of the good one by DPOTrainer and by hand."""
    answers = [{"prompt": asked, "completion": answer} for answer in (good, bad)]
    pair = [{"prompt": asked, "chosen": good, "rejected": bad}]
    assistant = first_log(SFTTrainer, SFTConfig, template, talks, assistant_only_loss=True)["loss"]
    packed = {"assistant_only_loss": True, "packing": True, "max_length": 64}
    packed = first_log(SFTTrainer, SFTConfig, template, talks, **packed)["loss"]
    completion = first_log(SFTTrainer, SFTConfig, template, answers)["loss"]
    hand = -torch.cat([by_hand(template, answer) for answer in (good, bad)]).mean().item()
    dpo = first_log(DPOTrainer, DPOConfig, template, pair)["logps/chosen"]
    return [assistant, packed, completion, hand, dpo, by_hand(template, good).sum().item()]


def near(a, b):
    return abs(a - b) < 1e-3


after, first = compare(behind), compare(before)
more = -torch.cat([by_hand(behind, answer, all_behind=True) for answer in (good, bad)]).mean().item()
names = ("assistant_only_loss", "the same, packed", "completion", "by hand", "logps/chosen", "by hand")
for name, one, other in zip(names, after, first):
    print(f"{name:20} {one:8.4f}   line break in front of the next turn: {other:8.4f}")
print(f"by hand, with the line break behind the end: {more:.4f}")

torch.manual_seed(0)
gpt = GPT2Config(vocab_size=len(words), n_embd=32, n_layer=1, n_head=2, n_positions=64)
gpt.resid_pdrop = gpt.embd_pdrop = gpt.attn_pdrop = 0.0
plain = GPT2LMHeadModel(gpt)
named = copy.deepcopy(plain)
named.loss_type = "ForCausalLM"
small, right = (first_log(SFTTrainer, SFTConfig, behind, talks, model)["loss"] for model in (plain, named))
tokens = sum(len(tokenizer(behind).apply_chat_template(row["messages"])["input_ids"]) for row in talks)
print(f"GPT-2, all tokens: {small:.4f}; with loss_type {right:.4f}; the ratio {small / right:.4f} = {tokens - 2}/{tokens}")

rates = [config("out", use_cpu=True).learning_rate for config in (SFTConfig, DPOConfig)]
print(f"default rates, which are for models of billions: {rates[0]} to fine-tune, {rates[1]} for DPO")

same = rates == [2e-5, 1e-6] and near(after[0], after[3]) and near(after[1], after[3]) and near(after[2], more)
same = same and not near(after[2], after[3]) and near(after[4], by_hand(behind, good, all_behind=True).sum().item())
same = same and not near(after[4], after[5]) and all(near(loss, first[3]) for loss in first[:3])
if not same or not near(first[4], first[5]) or not near(small / right, (tokens - 2) / tokens):
    print("the behaviour has changed", file=sys.stderr)
    raise SystemExit(1)
PROGRAM
