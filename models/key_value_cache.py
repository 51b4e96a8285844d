"""The keys and values of a text that is being written, in place: transformers' own cache copies all of them for every
token, which takes half the time of a small model's batches.
"""

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer


class RoomyLayer(DynamicLayer):
    """A layer's keys and values (b, heads, tokens, d) within memory for `room` tokens; for one beam."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Take the memory."""
        super().lazy_initialization(key_states, value_states)
        self._memory = [
            states.new_empty(*states.shape[:2], self.room, states.shape[-1]) for states in (key_states, value_states)
        ]

    def update(self, key_states: Tensor, value_states: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Write the new ones behind those that are there; returns all. ValueError beyond the room."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        first = self.get_seq_length()
        last = first + key_states.shape[-2]
        if last > self.room:
            raise ValueError(f"a text of {last} tokens, and there is room for {self.room}")
        for memory, states in zip(self._memory, (key_states, value_states), strict=True):
            memory[:, :, first:last] = states
        self.keys, self.values = (memory[:, :, :last] for memory in self._memory)
        return self.keys, self.values

    def keep(self, order: Tensor) -> None:
        """Keep the texts at these places (c,), each at its own or one further back, which is where it goes."""
        moved = torch.nonzero(order != torch.arange(len(order), device=order.device))[:, 0]
        for memory in self._memory:
            memory[moved] = memory[order[moved]]
        self._memory = [memory[: len(order)] for memory in self._memory]


def roomy_cache(model: PreTrainedModel, room: int) -> DynamicCache | None:
    """An empty cache for `generate` without beams; None for a model whose layers keep something else."""
    cache = DynamicCache(config=model.config)
    if not cache.layers or any(type(layer) is not DynamicLayer for layer in cache.layers):
        return None
    cache.layers = [RoomyLayer(room) for _ in cache.layers]
    return cache
