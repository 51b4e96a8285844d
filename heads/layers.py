"""The layers that heads are made of: an MLP, bounds of its options, and a last layer that starts at zero."""

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

_MOST_LAYERS = 32
_MOST_UNITS = 8192
_MEMORY = f"{4 * _MOST_UNITS**2 >> 20} MiB of weights"
"""Of the fp32 weights between two layers of the most units."""


def check_layers(hidden: int, dropout: float, layers: int = 1) -> None:
    """ValueError when an MLP cannot have these options. Needs no torch: options are checked before it is imported."""
    if layers < 1:
        raise ValueError(f"layers must be at least 1, got {layers}")
    if layers > _MOST_LAYERS:
        raise ValueError(f"layers must be at most {_MOST_LAYERS}, got {layers}: a plain MLP as deep does not learn")
    if hidden < 1:
        raise ValueError(f"hidden must be at least 1 unit, got {hidden}")
    if hidden > _MOST_UNITS:
        raise ValueError(f"hidden must be at most {_MOST_UNITS} units, got {hidden}: two such layers take {_MEMORY}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is a share of hidden units from 0 to below 1, got {dropout}")


def mlp(inputs: int, hidden: int, layers: int, outputs: int, dropout: float) -> "nn.Sequential":
    """(b, inputs) -> (b, outputs): `layers` times Linear, LayerNorm, GELU, Dropout, then Linear."""
    from torch import nn

    modules: list[nn.Module] = []
    for before, after in pairwise([inputs, *[hidden] * layers]):
        modules += [nn.Linear(before, after), nn.LayerNorm(after), nn.GELU(), nn.Dropout(dropout)]
    return nn.Sequential(*modules, nn.Linear(hidden if layers else inputs, outputs))


def zero_init(layer: "nn.Module") -> None:
    """Set weights and bias of a last layer to zero, so that an untrained head predicts zeros."""
    from torch import nn

    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
