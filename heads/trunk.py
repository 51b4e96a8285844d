"""The layers that the field and the cue head have in common: features, past states and intent through an MLP."""

from typing import Protocol

import torch
from torch import Tensor, nn

from roadcue.heads.head import Batches, one_hot_intent
from roadcue.heads.layers import mlp
from roadcue.heads.moments import Moments
from roadcue.heads.reduced_rank import ReducedRank
from roadcue.schema import EGO_NUMBERS, PAST_STATES, STATE_NUMBERS, HeadInputs


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
    """`HeadInputs` of b rows -> (b, outputs).

    Every number is normalised with training statistics. In training, dropout hides a share of the features like a
    share of the hidden units, because thousands of features of a few thousand pictures are soon known by heart.
    Missing past states (NaN: a pedestrian's picture comes without) become average past states, (0, ..., 0) after
    normalisation; an unknown intent is (0, 0, 0) too.
    """

    past_mean: Tensor
    past_scale: Tensor

    def __init__(self, config: LayerOptions, vectors: int, width: int, outputs: int) -> None:
        """`vectors`: how many pooled vectors a row has, 0 for a head that sees no image; `width`: of each."""
        super().__init__()
        self.vectors = vectors
        self.reduced = ReducedRank(vectors, width, rank=0)
        self.register_buffer("past_mean", torch.full((PAST_STATES, STATE_NUMBERS), torch.nan))
        self.register_buffer("past_scale", torch.full((PAST_STATES, STATE_NUMBERS), torch.nan))
        self.hide = nn.Dropout(config.dropout)
        numbers = self.reduced.numbers + EGO_NUMBERS
        self.layers = mlp(numbers, config.hidden, config.layers, outputs, config.dropout)

    def fit(self, batches: Batches) -> None:
        """Compute the statistics of features (n, d) and past (16, 6), in two passes over the training set."""
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
        features = self.hide(self.reduced(inputs)) if self.vectors else past[:, :0]
        outputs: Tensor = self.layers(torch.cat([features, past, one_hot_intent(inputs["intent"])], dim=1))
        return outputs
