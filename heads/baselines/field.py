"""What the field head is compared with: answers that are the same for every picture."""

from typing import ClassVar

import torch
from torch import Tensor

from roadcue.heads.field.labels import OBJECT_SHAPE, POSITION_SHAPE, LabelCounts, known_fields, seen_sides
from roadcue.heads.head import Batches, Head
from roadcue.prompts.annotation import SIDES
from roadcue.schema import HeadInputs, HeadTargets


class MajorityField(Head):
    """Says of every picture what is most frequent in the training set, as likely as it is there."""

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
        """Count. BadHead when no row has a label."""
        counts = LabelCounts.of(batches)
        self.positions.copy_(counts.positions / counts.positions.sum(1, keepdim=True).clamp(min=1))
        self.presence.copy_(counts.present / counts.labelled.clamp(min=1))
        self.sides.copy_(counts.sides / counts.present.clamp(min=1)[..., None])

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """The answers and probabilities of `FieldHead.forward`."""
        rows = len(inputs["past"])
        answers = {
            "position": self.positions.argmax(dim=1),
            "position_probabilities": self.positions,
            "seen": seen_sides(self.presence > 0.5, self.sides - 0.5),
            "presence_probabilities": self.presence,
            "side_probabilities": self.sides,
        }
        return {key: answer.expand(rows, *answer.shape) for key, answer in answers.items()}


class EverythingField(MajorityField):
    """Says of every picture that every kind of object is everywhere, which misses none; else as the majority."""

    name: ClassVar[str] = "list everything"

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """Everything is seen; the rest as the majority."""
        answers = super().forward(inputs)
        return {**answers, "seen": torch.ones_like(answers["seen"])}
