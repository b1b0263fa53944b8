"""Imports what the entries need, for the server that is forked for each of them."""

import gc

import transformers.models.gpt2.modeling_gpt2
import transformers.models.llama.modeling_llama  # noqa: F401

from tests.traps import places

places.by_place()
# Trainer and Accelerate collect garbage at each start: a forked process need not look through the libraries then.
gc.collect()
gc.freeze()
