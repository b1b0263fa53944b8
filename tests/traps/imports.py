"""Imports what the entries need, for the server that is forked for each of them."""

import transformers.models.gpt2.modeling_gpt2
import transformers.models.llama.modeling_llama  # noqa: F401

from tests.traps import places

places.by_place()
