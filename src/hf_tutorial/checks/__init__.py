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
    collated,
    leaked,
    padding_share,
    prepared,
)
from hf_tutorial.checks.training_loop import decayed, luck, token_loss
from hf_tutorial.checks.trainer import beat_the_board, patience, scores_of
from hf_tutorial.checks.accelerate import counted_tokens, mended_loop, slowest_link
from hf_tutorial.checks.generation import left_padded, lively, nucleus
from hf_tutorial.checks.pretraining import fill_gap, learn_and_keep, one_night
from hf_tutorial.checks.chat import another_template, dpo, merged_matrix
from hf_tutorial.checks.verdicts import Verdict, again, check, correct

__all__ = [
    "softmax_by_hand", "fooled", "numbers_in",
    "unknown_share", "attention_mask", "windows", "source_of",
    "change_by_layer", "gigabytes", "new_parameters",
    "largest_weights", "share_on_itself", "repeated_word_head",
    "padding_share", "collated", "prepared", "leaked",
    "token_loss", "decayed", "luck",
    "scores_of", "patience", "beat_the_board",
    "counted_tokens", "mended_loop", "slowest_link",
    "nucleus", "left_padded", "lively",
    "learn_and_keep", "fill_gap", "one_night",
    "another_template", "dpo", "merged_matrix",
    "Verdict", "again", "check", "correct",
]  # fmt: skip
