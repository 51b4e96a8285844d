"""Greedy writing of a batch whose texts leave it as they end.

Transformers' `generate` computes all of them until the last has ended: where one does not end, all go on to the
limit.

Shape legend: b texts, l tokens of the longest prompt.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from roadcue.models.key_value_cache import RoomyLayer
from roadcue.models.token_batches import PromptBatch

NextInputs = Callable[[Tensor], Mapping[str, Any]]
"""Rows (c,) int64 that still write -> what the model takes beside their new tokens and their places."""


def write_greedily(
    model: nn.Module,
    prompts: PromptBatch,
    visual: Mapping[str, Any],
    next_inputs: NextInputs,
    cache: DynamicCache,
    *,
    never: Tensor,
    ends: Tensor,
    padding: int,
    limit: int,
) -> Tensor:
    """Left-padded prompts (b, l) and what `model` is given of their pictures -> (b, limit) new ids, with the end.

    `cache` is one of `roomy_cache`; `never` are the ids that are not written, `ends` those that end a text.
    """
    ids, mask = prompts["input_ids"], prompts["attention_mask"]
    written = ids.new_full((len(ids), limit), padding)
    rows, padded = torch.arange(len(ids), device=ids.device), not bool(mask.all())
    beside, places = next_inputs(rows), "position_ids" in inspect.signature(model.forward).parameters
    given: dict[str, Any] = {"input_ids": ids, "logits_to_keep": 1, **visual}
    if places:
        given["position_ids"] = (mask.cumsum(dim=-1) - 1).clamp(min=0)
    for step in range(limit):
        known = mask if padded or not step else None
        scores = model(**given, attention_mask=known, past_key_values=cache, use_cache=True).logits[:, -1].float()
        new = scores.index_fill_(1, never, -torch.inf).argmax(dim=-1)
        written[rows, step] = new
        goes_on = ~torch.isin(new, ends)
        if not goes_on.any():
            break
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        if not goes_on.all():
            order = _closed_up(goes_on)
            rows, new, mask = rows[order], new[order], mask[order]
            beside = next_inputs(rows)
            for layer in cache.layers:
                assert isinstance(layer, RoomyLayer)
                layer.keep(order)
        given = {"input_ids": new[:, None], **beside}
        if places:
            given["position_ids"] = mask.sum(dim=-1, keepdim=True) - 1
    return written


def _closed_up(kept: Tensor) -> Tensor:
    """(b,) bool -> (c,) the places of those that are kept, in which the last stand where others have left."""
    places = kept.nonzero()[:, 0]
    order = torch.arange(len(places), device=kept.device)
    order[~kept[: len(places)]] = places[places >= len(places)]
    return order
