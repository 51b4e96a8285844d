"""The layers that heads are made of: an MLP, its bounds, and a last layer that begins with zeros."""

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def check_layers(hidden: int, dropout: float, layers: int = 1) -> None:
    """ValueError when these are no layers; here without torch, since options are checked before it is imported."""
    if layers < 1:
        raise ValueError(f"layers must be at least 1, got {layers}")
    if hidden < 1:
        raise ValueError(f"hidden must be at least 1 unit, got {hidden}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is a share of hidden units from 0 to below 1, got {dropout}")


def mlp(inputs: int, hidden: int, layers: int, outputs: int, dropout: float) -> "nn.Sequential":
    """(b, inputs) -> (b, outputs): Linear, LayerNorm, GELU, Dropout, `layers` times over, then Linear."""
    from torch import nn

    parts: list[nn.Module] = []
    for before, after in pairwise([inputs, *[hidden] * layers]):
        parts += [nn.Linear(before, after), nn.LayerNorm(after), nn.GELU(), nn.Dropout(dropout)]
    return nn.Sequential(*parts, nn.Linear(hidden if layers else inputs, outputs))


def zero_init(layer: "nn.Module") -> None:
    """Let a last layer begin with zeros."""
    from torch import nn

    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
