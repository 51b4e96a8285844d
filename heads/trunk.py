"""What the field and the cue head share: all pooled features, past states and intent, through an MLP."""

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor, nn

from roadcue.heads.head import one_hot_intent
from roadcue.heads.layers import mlp
from roadcue.heads.moments import Moments
from roadcue.heads.reduced_rank import ReducedRank
from roadcue.schema import EGO_NUMBERS, PAST_STATES, STATE_NUMBERS, HeadInputs, HeadTargets


class LayerOptions(Protocol):
    """How large the layers are."""

    @property
    def hidden(self) -> int:
        """Units of each hidden layer."""
        ...

    @property
    def layers(self) -> int:
        """Hidden layers, 1 or more."""
        ...

    @property
    def dropout(self) -> float:
        """Share of the features and of the hidden units left out at each training step."""
        ...


class Trunk(nn.Module):
    """(b, outputs) numbers out of a batch of `HeadInputs`.

    Every number is normalised with training statistics, and in training a share of what is read of the features is
    hidden like a share of the hidden units: thousands of numbers of a few thousand pictures are soon known by heart.
    Past states that are not there (NaN: a pedestrian's picture comes without) are average past states, (0, ..., 0)
    after normalisation, as an unknown intent is.
    """

    past_mean: Tensor
    past_scale: Tensor

    def __init__(self, config: LayerOptions, features: int, width: int, outputs: int) -> None:
        """`features` pooled vectors, 0 for a head that sees no image, of `width` numbers."""
        super().__init__()
        self.features = features
        self.reduced = ReducedRank(features, width, rank=0)
        self.register_buffer("past_mean", torch.full((PAST_STATES, STATE_NUMBERS), torch.nan))
        self.register_buffer("past_scale", torch.full((PAST_STATES, STATE_NUMBERS), torch.nan))
        self.hide = nn.Dropout(config.dropout)
        numbers = self.reduced.numbers + EGO_NUMBERS
        self.layers = mlp(numbers, config.hidden, config.layers, outputs, config.dropout)

    def fit(self, batches: Iterable[tuple[HeadInputs, HeadTargets]]) -> None:
        """Find the statistics, in two passes over the training set."""
        self.reduced.fit(batches)
        past = Moments()
        for inputs, _ in batches:
            past.add(inputs["past"], ~inputs["past"].isnan())
        self.past_mean.copy_(past.mean())
        self.past_scale.copy_(past.scale())

    def forward(self, inputs: HeadInputs) -> Tensor:
        """(b, outputs). BadHead when the features are not of the shape that it was built for."""
        past = (inputs["past"] - self.past_mean) / self.past_scale
        past = past.masked_fill(inputs["past"].isnan(), 0.0).flatten(1)
        scene = self.hide(self.reduced(inputs)) if self.features else past[:, :0]
        numbers: Tensor = self.layers(torch.cat([scene, past, one_hot_intent(inputs["intent"])], dim=1))
        return numbers
