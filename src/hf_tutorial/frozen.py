"""Frozen layers, computed once: what is above them trains on hidden states that are kept."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

Row = dict[str, "torch.Tensor"]


def below(
    body: "PreTrainedModel",
    batches: Iterable[Mapping[str, Any]],
    kept: int = 0,
    positions: int | None = None,
) -> list[Row]:
    """Compute what enters the last `kept` layers, for every example, without dropout.

    Args:
        body: A model without a head, as `model.base_model`.
        batches: What a collator makes; with `labels` or without.
        kept: How many layers are to stay above; 0 keeps what leaves the last one.
        positions: Keep only so many, from the first; all of an example without it.

    Returns:
        A row per example: `inputs_embeds`, shape (positions, hidden), padding left out, and
        its label as `labels`, where there is one.

    Raises:
        ValueError: Fewer layers than are to be kept.
    """
    import torch

    _check(body, kept)
    was_training, rows = body.training, []
    body.eval()
    with torch.no_grad():
        for batch in batches:
            inputs = {k: v.to(body.device) for k, v in batch.items() if k != "labels"}
            found = body(**inputs, output_hidden_states=True).hidden_states[-1 - kept]
            lengths = inputs["attention_mask"].sum(dim=1).tolist()
            for n, (states, length) in enumerate(
                zip(found.cpu(), lengths, strict=True)
            ):
                row = {"inputs_embeds": states[:length][:positions].clone()}
                if "labels" in batch:
                    row["labels"] = batch["labels"][n]
                rows.append(row)
    body.train(was_training)
    return rows


def upper(model: "PreTrainedModel", kept: int) -> "PreTrainedModel":
    """Cut a classifier off below its last `kept` layers; it then takes what `below` made.

    Args:
        model: A BERT or DistilBERT with a head; changed in place.
        kept: How many layers stay under the head; 0 leaves the head alone.

    Raises:
        ValueError: Fewer layers than are to be kept.
    """
    import torch

    class HandOn(torch.nn.Module):
        """In the place of the embeddings: what comes in is hidden states already."""

        def forward(self, input_ids=None, inputs_embeds=None, *others, **more):
            return inputs_embeds

    body = model.base_model
    _check(body, kept)
    stack_of = _layers(body)
    stack_of.layer = stack_of.layer[len(stack_of.layer) - kept :]
    body.embeddings = HandOn()
    return model


def stack(rows: list[Row]) -> Row:
    """Collate rows of `below`: pad to the longest, and say in `attention_mask` where not."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    inputs = [row["inputs_embeds"] for row in rows]
    masks = [torch.ones(len(states), dtype=torch.long) for states in inputs]
    batch = {
        "inputs_embeds": pad_sequence(inputs, batch_first=True),
        "attention_mask": pad_sequence(masks, batch_first=True),
    }
    if "labels" in rows[0]:
        batch["labels"] = torch.stack([row["labels"] for row in rows])
    return batch


def _layers(body):
    return body.encoder if hasattr(body, "encoder") else body.transformer


def _check(body, kept: int) -> None:
    layers = len(_layers(body).layer)
    if not 0 <= kept <= layers:
        raise ValueError(
            f"kept={kept} layers of {layers}: keep 0 (the head alone) to {layers} (all)"
        )
