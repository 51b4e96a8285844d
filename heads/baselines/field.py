"""The baselines of the field head: one prediction for all pictures."""

from typing import ClassVar

import torch
from torch import Tensor

from roadcue.heads.field.labels import OBJECT_SHAPE, POSITION_SHAPE, LabelCounts, known_fields, seen_sides
from roadcue.heads.head import Batches, Head
from roadcue.prompts.annotation import SIDES
from roadcue.schema import HeadInputs, HeadTargets


class MajorityField(Head):
    """Always the most frequent label, its probability its share of the training set."""

    name: ClassVar[str] = "majority field"
    needs: ClassVar[str] = "a pedestrian's labels"
    positions: Tensor
    presence: Tensor
    sides: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("positions", torch.full(POSITION_SHAPE, torch.nan))
        self.register_buffer("presence", torch.full(OBJECT_SHAPE, torch.nan))
        self.register_buffer("sides", torch.full((*OBJECT_SHAPE, len(SIDES)), torch.nan))

    def known(self, targets: HeadTargets) -> Tensor:
        """(b,) bool: the rows with a label of anything."""
        return known_fields(targets)

    def fit(self, batches: Batches) -> None:
        """Shares of the labels: `positions` (2, 4), `presence` (2, 9), `sides` (2, 9, 3) given that a kind is there.

        BadHead when no row has a label.
        """
        counts = LabelCounts.of(batches)
        self.positions.copy_(counts.positions / counts.positions.sum(1, keepdim=True).clamp(min=1))
        self.presence.copy_(counts.present / counts.labelled.clamp(min=1))
        self.sides.copy_(counts.sides / counts.present.clamp(min=1)[..., None])

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """As `FieldHead.forward`: "position" (b, 2) int64, "position_probabilities" (b, 2, 4), "seen" (b, 2, 9, 3)
        bool, "presence_probabilities" (b, 2, 9) and "side_probabilities" (b, 2, 9, 3), the same for every row."""
        rows = len(inputs["past"])
        prediction = {
            "position": self.positions.argmax(dim=1),
            "position_probabilities": self.positions,
            "seen": seen_sides(self.presence > 0.5, self.sides - 0.5),
            "presence_probabilities": self.presence,
            "side_probabilities": self.sides,
        }
        return {key: of_every_row.expand(rows, *of_every_row.shape) for key, of_every_row in prediction.items()}


class EverythingField(MajorityField):
    """Every kind of object is everywhere in every picture, which misses none; the rest as `MajorityField`."""

    name: ClassVar[str] = "list everything"

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """`MajorityField.forward` with all of "seen" (b, 2, 9, 3) True."""
        prediction = super().forward(inputs)
        return {**prediction, "seen": torch.ones_like(prediction["seen"])}
