"""The field head: where the sidewalk and the road are, and which objects are near and far, and on which side."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from roadcue.errors import BadHead
from roadcue.heads.field.labels import OBJECT_COLUMNS, POSITION_CLASSES, UNKNOWN
from roadcue.heads.head import Head, Headline
from roadcue.heads.temperature import fit_binary_temperature, fit_temperature
from roadcue.heads.trunk import Trunk
from roadcue.heads.waypoint.config import FieldConfig
from roadcue.metrics.torchmetrics import ClassificationMetric
from roadcue.prompts.annotation import OBJECT_KINDS, SIDES
from roadcue.schema import HeadInputs, HeadTargets

Batches = Iterable[tuple[HeadInputs, HeadTargets]]
_FIELDS, _CLASSES = len(POSITION_CLASSES), 4
_OBJECTS = (len(OBJECT_COLUMNS), len(OBJECT_KINDS))
_OUTPUTS = {
    "position_logits": (_FIELDS, _CLASSES),
    "presence_logits": _OBJECTS,
    "side_logits": (*_OBJECTS, len(SIDES)),
}
"""What the layers say of a row."""


def known_fields(targets: HeadTargets) -> Tensor:
    """(b,) bool: the rows with a label of anything."""
    return (targets["positions"] != UNKNOWN).any(dim=1) | ~targets["objects"].isnan().flatten(1).all(dim=1)


class FieldHead(Head):
    """One layer that all fields share, and for each its own logits.

    - Sidewalk and road: softmax over four classes.
    - Each kind of object, near and far: whether one is there, and given that, on which sides; the three sides are
      separate questions, since a kind may be on several.

    With `config.balanced` a class of sidewalk and road weighs as the inverse of its frequency in the training set, so
    that a rare one is answered as readily as a common one; "there is one" weighs as the square root of the odds
    against it, between most right and most found. The answers are what the weighted layers say. The probabilities
    are those of the data: a weight w of a class adds log w to its logit, which is taken off again (Elkan 2001,
    theorem 2), and then a temperature for each of the four kinds of question is fitted by `calibrate`.
    """

    name: ClassVar[str] = "field"
    headline: ClassVar[Headline] = Headline("balanced_accuracy", "balanced accuracy of sidewalk and road")
    calibrated: ClassVar[bool] = True
    class_weight: Tensor
    presence_weight: Tensor
    temperature: Tensor

    def __init__(self, config: FieldConfig, features: int, width: int) -> None:
        """`features`: how many pooled vectors the batch has, 0 for a head that sees no image; `width`: of each."""
        super().__init__()
        self.config, self.features, self.width = config, features, width if features else 0
        self.sizes = [int(torch.Size(shape).numel()) for shape in _OUTPUTS.values()]
        self.trunk = Trunk(config, self.features, self.width, sum(self.sizes))
        self.register_buffer("class_weight", torch.full((_FIELDS, _CLASSES), torch.nan))
        self.register_buffer("presence_weight", torch.full(_OBJECTS, torch.nan))
        # Of sidewalk, road, presence and sides.
        self.register_buffer("temperature", torch.ones(_FIELDS + 2))

    def arguments(self) -> dict[str, Any]:
        """As `Head.arguments`."""
        return {"config": asdict(self.config), "features": self.features, "width": self.width}

    def known(self, targets: HeadTargets) -> Tensor:
        """As `Head.known`: rows with a label of anything."""
        return known_fields(targets)

    def fit(self, batches: Batches) -> None:
        """Find the statistics of the inputs and the frequencies of the labels. BadHead when no row has a label."""
        counts = _Counts.of(batches)
        self.trunk.fit(batches)
        self.class_weight.fill_(1.0)
        self.presence_weight.fill_(1.0)
        if self.config.balanced:
            positions, present = counts.positions, counts.present
            rows = positions.sum(dim=1, keepdim=True).clamp(min=1)
            self.class_weight.copy_(rows / (_CLASSES * positions.clamp(min=1)))
            self.presence_weight.copy_(((counts.labelled - present) / present.clamp(min=1)).clamp(min=1).sqrt())

    def calibrate(self, batches: Batches) -> None:
        """Fit the temperatures."""
        self.temperature.fill_(1.0)
        with torch.no_grad():
            seen = [(self._unweighted(self._logits(inputs)), targets) for inputs, targets in batches]
        if not seen:
            return
        logits = {key: torch.cat([rows[key] for rows, _ in seen]) for key in _OUTPUTS}
        positions = torch.cat([targets["positions"] for _, targets in seen])
        objects = torch.cat([targets["objects"] for _, targets in seen])
        for field in range(_FIELDS):
            known = positions[:, field] != UNKNOWN
            self.temperature[field] = fit_temperature(
                logits["position_logits"][known, field], positions[known, field]
            )
        present, labelled = objects.amax(dim=3), ~objects.isnan().any(dim=3)
        self.temperature[-2] = fit_binary_temperature(logits["presence_logits"][labelled], present[labelled])
        there = present == 1
        self.temperature[-1] = fit_binary_temperature(
            logits["side_logits"][there].flatten(), objects[there].flatten()
        )

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """The answers, and how likely things are.

        "position" (b, 2) int64, classes of `labels.POSITION_CLASSES`, and "position_probabilities" (b, 2, 4);
        "seen" (b, 2, 9, 3) bool, near and far, kind, side, "presence_probabilities" (b, 2, 9), and
        "side_probabilities" (b, 2, 9, 3), each given that the kind is there; and the logits behind them. BadHead when
        the features are not of the head's shape.
        """
        logits = self._logits(inputs)
        fair = self._unweighted(logits)
        return {
            **logits,
            "position": logits["position_logits"].argmax(dim=2),
            "position_probabilities": (fair["position_logits"] / self.temperature[:_FIELDS, None]).softmax(dim=2),
            "seen": _seen(logits["presence_logits"] > 0, logits["side_logits"]),
            "presence_probabilities": (fair["presence_logits"] / self.temperature[-2]).sigmoid(),
            "side_probabilities": (fair["side_logits"] / self.temperature[-1]).sigmoid(),
        }

    def loss(self, prediction: dict[str, Tensor], targets: HeadTargets) -> dict[str, Tensor]:
        """{"loss": the sum of six mean cross-entropies}: sidewalk, road; presence and sides, near and far.

        Each is over what is labelled, sides where the kind is there; without any label it is 0 and still has a graph.
        """
        positions, objects = targets["positions"], targets["objects"]
        present = objects.amax(dim=3)
        loss = torch.zeros((), device=positions.device)
        for field in range(_FIELDS):
            entropy = F.cross_entropy(
                prediction["position_logits"][:, field],
                positions[:, field],
                self.class_weight[field],
                ignore_index=UNKNOWN,
                reduction="none",
            )
            loss = loss + _mean(entropy, positions[:, field] != UNKNOWN)
        for distance in range(_OBJECTS[0]):
            loss = loss + _binary(
                prediction["presence_logits"][:, distance], present[:, distance], self.presence_weight[distance]
            )
            sides = objects.masked_fill((present != 1)[..., None], torch.nan)[:, distance]
            loss = loss + _binary(prediction["side_logits"][:, distance], sides)
        return {"loss": loss}

    def metric(self) -> ClassificationMetric:
        """As `Head.metric`, of sidewalk and road."""
        return ClassificationMetric(_FIELDS, _CLASSES)

    def compared(self, prediction: dict[str, Tensor], targets: HeadTargets) -> tuple[Tensor, Tensor]:
        """As `Head.compared`: two (b, 2) int64."""
        return prediction["position"], targets["positions"]

    def _logits(self, inputs: HeadInputs) -> dict[str, Tensor]:
        parts = self.trunk(inputs).split(self.sizes, dim=1)
        return {key: part.unflatten(1, _OUTPUTS[key]) for key, part in zip(_OUTPUTS, parts, strict=True)}

    def _unweighted(self, logits: dict[str, Tensor]) -> dict[str, Tensor]:
        """The logits as they would be had every row weighed the same."""
        return {
            "position_logits": logits["position_logits"] - self.class_weight.log(),
            "presence_logits": logits["presence_logits"] - self.presence_weight.log(),
            "side_logits": logits["side_logits"],
        }


class MajorityField(Head):
    """Says of every picture what is most frequent in the training set, as likely as it is there."""

    name: ClassVar[str] = "majority field"
    positions: Tensor
    presence: Tensor
    sides: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("positions", torch.full((_FIELDS, _CLASSES), torch.nan))
        self.register_buffer("presence", torch.full(_OBJECTS, torch.nan))
        self.register_buffer("sides", torch.full((*_OBJECTS, len(SIDES)), torch.nan))

    def known(self, targets: HeadTargets) -> Tensor:
        """As `Head.known`: rows with a label of anything."""
        return known_fields(targets)

    def fit(self, batches: Batches) -> None:
        """Count. BadHead when no row has a label."""
        counts = _Counts.of(batches)
        self.positions.copy_(counts.positions / counts.positions.sum(1, keepdim=True).clamp(min=1))
        self.presence.copy_(counts.present / counts.labelled.clamp(min=1))
        self.sides.copy_(counts.sides / counts.present.clamp(min=1)[..., None])

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """The answers and probabilities of `FieldHead.forward`."""
        rows = len(inputs["past"])
        answers = {
            "position": self.positions.argmax(dim=1),
            "position_probabilities": self.positions,
            "seen": _seen(self.presence > 0.5, self.sides - 0.5),
            "presence_probabilities": self.presence,
            "side_probabilities": self.sides,
        }
        return {key: answer.expand(rows, *answer.shape) for key, answer in answers.items()}


class EverythingField(MajorityField):
    """Says of every picture that every kind of object is everywhere, which misses none; else as the majority."""

    name: ClassVar[str] = "list everything"

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """As `MajorityField.forward`."""
        answers = super().forward(inputs)
        return {**answers, "seen": torch.ones_like(answers["seen"])}


@dataclass
class _Counts:
    """How often each label comes: `positions` (2, 4), `labelled` and `present` (2, 9), `sides` (2, 9, 3)."""

    positions: Tensor
    labelled: Tensor
    present: Tensor
    sides: Tensor

    @classmethod
    def of(cls, batches: Batches) -> "_Counts":
        """Of a whole training set, on the CPU."""
        counts = cls(
            positions=torch.zeros(_FIELDS, _CLASSES),
            labelled=torch.zeros(_OBJECTS),
            present=torch.zeros(_OBJECTS),
            sides=torch.zeros(*_OBJECTS, len(SIDES)),
        )
        for _, targets in batches:
            positions, objects = targets["positions"], targets["objects"]
            counts.positions += torch.stack([(positions == label).sum(0) for label in range(_CLASSES)], dim=1)
            counts.labelled += (~objects.isnan().any(dim=3)).sum(0)
            counts.present += (objects.amax(dim=3) == 1).sum(0)
            counts.sides += (objects == 1).sum(0)
        if not counts.positions.any() and not counts.labelled.any():
            raise BadHead(
                "no row of the training set has a label of sidewalk, road or objects, so there is nothing to learn; "
                "--data sidewalk and --data sensation have them"
            )
        return counts


def _seen(present: Tensor, sides: Tensor) -> Tensor:
    """(..., 3) bool: where a kind is said to be: every side above 0, and at least the one with most, if present."""
    most = F.one_hot(sides.argmax(dim=-1), sides.shape[-1]).bool()
    return present[..., None] & ((sides > 0) | most)


def _binary(logits: Tensor, truth: Tensor, positive_weight: Tensor | None = None) -> Tensor:
    """Mean cross-entropy of the answers that have a truth (not NaN); 0 with a graph without any."""
    known = ~truth.isnan()
    entropy = F.binary_cross_entropy_with_logits(
        logits, truth.nan_to_num(), pos_weight=positive_weight, reduction="none"
    )
    return _mean(entropy, known)


def _mean(costs: Tensor, known: Tensor) -> Tensor:
    """Over those that are known."""
    return costs.masked_fill(~known, 0.0).sum() / known.sum().clamp(min=1)
