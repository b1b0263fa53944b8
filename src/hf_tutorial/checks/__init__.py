"""Verdicts on exercises: not attempted, try again with a hint, or correct.

One module for each notebook, in reading order; `verdicts` holds the frame around them all. What
a check needs of PyTorch or transformers it imports when it is called.
"""

from hf_tutorial.checks.quick_tour import fooled, numbers_in, softmax_by_hand  # noqa: I001
from hf_tutorial.checks.tokenization import (
    attention_mask,
    source_of,
    unknown_share,
    windows,
)
from hf_tutorial.checks.model_loading import change_by_layer, gigabytes, new_parameters
from hf_tutorial.checks.attention import (
    largest_weights,
    repeated_word_head,
    share_on_itself,
)
from hf_tutorial.checks.dataset_preparation import (
    blocks,
    collated,
    leaked,
    padding_share,
)
from hf_tutorial.checks.training_loop import cross_entropy, decayed, linear_schedule
from hf_tutorial.checks.trainer import lora_size, patience, scores_of
from hf_tutorial.checks.accelerate import mended_loop, planned_batch, slowest_link
from hf_tutorial.checks.generation import cache_gigabytes, left_padded, nucleus
from hf_tutorial.checks.pretraining import fill_gap, learn_and_keep, one_night
from hf_tutorial.checks.verdicts import Verdict, again, check, correct

__all__ = [
    "softmax_by_hand", "fooled", "numbers_in",
    "unknown_share", "attention_mask", "windows", "source_of",
    "change_by_layer", "gigabytes", "new_parameters",
    "largest_weights", "share_on_itself", "repeated_word_head",
    "padding_share", "collated", "blocks", "leaked",
    "cross_entropy", "linear_schedule", "decayed",
    "scores_of", "lora_size", "patience",
    "planned_batch", "mended_loop", "slowest_link",
    "nucleus", "cache_gigabytes", "left_padded",
    "learn_and_keep", "fill_gap", "one_night",
    "Verdict", "again", "check", "correct",
]  # fmt: skip
