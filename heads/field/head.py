"""The field head: where the sidewalk and the road are, and which objects are near and far, and on which side."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from roadcue.heads.baselines.field import EverythingField, MajorityField
from roadcue.heads.calibration import fit_binary_temperature, fit_temperature
from roadcue.heads.field.config import FieldConfig
from roadcue.heads.field.labels import (
    OBJECT_SHAPE,
    OUTPUTS,
    POSITION_SHAPE,
    UNKNOWN,
    LabelCounts,
    known_fields,
    labelled_outputs,
    only_taught,
    pedestrian_labels,
    seen_sides,
)
from roadcue.heads.field.row_answers import field_row_answers
from roadcue.heads.field.scores import field_scores, objects_by_kind
from roadcue.heads.field.words import FieldPrediction, field_predictions
from roadcue.heads.head import Arrays, Batches, Head, Headline
from roadcue.heads.row_answers import RowAnswers
from roadcue.heads.trunk import Trunk
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.objects import ObjectScores
from roadcue.metrics.score_table import ScoreTable
from roadcue.prompts.annotation import COLUMNS, SIDES
from roadcue.schema import HeadInputs, HeadTargets, SampleTargets

if TYPE_CHECKING:
    from roadcue.metrics.streaming import ClassificationMetric

_OUTPUTS = {
    "position_logits": POSITION_SHAPE,
    "presence_logits": OBJECT_SHAPE,
    "side_logits": (*OBJECT_SHAPE, len(SIDES)),
}
"""The outputs of the layers: name -> shape of one row."""


class FieldHead(Head):
    """Layers that all fields share, and logits for each.

    - Sidewalk and road: softmax over four classes.
    - Each kind of object, near and far: whether one is there, and given that, on which sides; the three sides are
      separate questions, since a kind may be on several.

    With `config.balanced` the loss of a class of sidewalk and road is weighted by the inverse of its frequency in the
    training set, so that a rare one is predicted as readily as a common one; that of "there is one" by the square
    root of the odds against it (RoadCue's own choice), a compromise between precision and recall. Classes and sides
    are predicted from the weighted logits. The probabilities are those of the data: a weight w of a class adds log w
    to its logit, which is subtracted again (Elkan 2001, theorem 2); then `calibrate` fits a temperature for each of
    the four kinds of question.

    Shapes: 2 fields (sidewalk, road) of 4 classes; 2 distances (near, far), 9 kinds of object, 3 sides.
    """

    name: ClassVar[str] = "field"
    config_class: ClassVar[type[FieldConfig]] = FieldConfig
    needs: ClassVar[str] = "a pedestrian's labels"
    baselines: ClassVar[tuple[type[Head], ...]] = (MajorityField, EverythingField)
    headline: ClassVar[Headline] = Headline("balanced_accuracy", "balanced accuracy of sidewalk and road")
    sweep_figures: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "Sidewalk position": ("balanced_accuracy",),
        "Road position": ("balanced_accuracy",),
        "Objects, macro F1": ("near_place", "far_place"),
    }
    calibrated: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = COLUMNS
    outputs: ClassVar[tuple[str, ...]] = OUTPUTS
    class_weight: Tensor
    presence_weight: Tensor
    temperature: Tensor

    def __init__(self, config: FieldConfig, features: int, width: int) -> None:
        """`features`: how many pooled vectors the batch has, 0 for a head that sees no image; `width`: of each."""
        super().__init__()
        self.config, self.features, self.width = config, features, width if features else 0
        self.sizes = [int(torch.Size(shape).numel()) for shape in _OUTPUTS.values()]
        self.trunk = Trunk(config, self.features, self.width, sum(self.sizes))
        self.register_buffer("class_weight", torch.full(POSITION_SHAPE, torch.nan))
        self.register_buffer("presence_weight", torch.full(OBJECT_SHAPE, torch.nan))
        # Of sidewalk, road, presence and sides.
        self.register_buffer("temperature", torch.ones(POSITION_SHAPE[0] + 2))

    def encode_target(self, target: SampleTargets) -> dict[str, Tensor]:
        """The row's "positions" (2,) and "objects" (2, 9, 3), as in `HeadTargets`; BadHead for a bad value."""
        return pedestrian_labels(target)

    def known(self, targets: HeadTargets) -> Tensor:
        """(b,) bool: the rows with a label of anything that was taught."""
        return known_fields(only_taught(targets, self.taught))

    def labelled(self, targets: HeadTargets) -> Tensor:
        """(20,) bool: the `OUTPUTS` that some row has a label of."""
        return labelled_outputs(targets)

    def fit(self, batches: Batches) -> None:
        """Statistics of the inputs, `class_weight` (2, 4), `presence_weight` (2, 9) and `taught` (20,).

        BadHead without any label.
        """
        counts = LabelCounts.of(batches)
        self.taught.copy_(counts.taught)
        self.trunk.fit(batches)
        self.class_weight.fill_(1.0)
        self.presence_weight.fill_(1.0)
        if self.config.balanced:
            positions, present = counts.positions, counts.present
            rows = positions.sum(dim=1, keepdim=True).clamp(min=1)
            self.class_weight.copy_(rows / (POSITION_SHAPE[1] * positions.clamp(min=1)))
            self.presence_weight.copy_(((counts.labelled - present) / present.clamp(min=1)).clamp(min=1).sqrt())

    def calibrate(self, batches: Batches, sequence: np.ndarray) -> None:
        """Fit `temperature` (4,): of sidewalk, road, presence and sides."""
        self.temperature.fill_(1.0)
        with torch.no_grad():
            held_out = [
                (self._unweighted(self._logits(inputs)), only_taught(targets, self.taught))
                for inputs, targets in batches
            ]
        logits = {key: torch.cat([rows[key] for rows, _ in held_out]) for key in _OUTPUTS}
        positions = torch.cat([targets["positions"] for _, targets in held_out])
        objects = torch.cat([targets["objects"] for _, targets in held_out])
        for field in range(POSITION_SHAPE[0]):
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
        """What is where, and how likely.

        "position" (b, 2) int64, classes of `labels.POSITION_CLASSES`, and "position_probabilities" (b, 2, 4);
        "seen" (b, 2, 9, 3) bool, near and far, kind, side, "presence_probabilities" (b, 2, 9), and
        "side_probabilities" (b, 2, 9, 3), each given that the kind is there; and their weighted logits,
        "position_logits", "presence_logits" and "side_logits", of the same shapes. BadHead when the features are not
        of the head's shape.
        """
        logits = self._logits(inputs)
        unweighted = self._unweighted(logits)
        return {
            **logits,
            "position": logits["position_logits"].argmax(dim=2),
            "position_probabilities": (unweighted["position_logits"] / self.temperature[:-2, None]).softmax(dim=2),
            "seen": seen_sides(logits["presence_logits"] > 0, logits["side_logits"]),
            "presence_probabilities": (unweighted["presence_logits"] / self.temperature[-2]).sigmoid(),
            "side_probabilities": (unweighted["side_logits"] / self.temperature[-1]).sigmoid(),
        }

    def loss(self, prediction: dict[str, Tensor], targets: HeadTargets) -> dict[str, Tensor]:
        """{"loss": () the sum of six mean cross-entropies in nats}: sidewalk, road; presence and sides, near and far.

        Each is over what is labelled, sides where the kind is there; without any label it is 0 and still has a graph.
        """
        positions, objects = targets["positions"], targets["objects"]
        present = objects.amax(dim=3)
        loss = torch.zeros((), device=positions.device)
        for field in range(POSITION_SHAPE[0]):
            entropy = F.cross_entropy(
                prediction["position_logits"][:, field],
                positions[:, field],
                self.class_weight[field],
                ignore_index=UNKNOWN,
                reduction="none",
            )
            loss = loss + _mean(entropy, positions[:, field] != UNKNOWN)
        for distance in range(OBJECT_SHAPE[0]):
            loss = loss + _binary(
                prediction["presence_logits"][:, distance], present[:, distance], self.presence_weight[distance]
            )
            sides = objects.masked_fill((present != 1)[..., None], torch.nan)[:, distance]
            loss = loss + _binary(prediction["side_logits"][:, distance], sides)
        return {"loss": loss}

    def metric(self) -> "ClassificationMetric":
        """Balanced accuracy of sidewalk and road."""
        from roadcue.metrics.streaming import ClassificationMetric

        return ClassificationMetric(*POSITION_SHAPE)

    def compared(self, prediction: dict[str, Tensor], targets: HeadTargets) -> tuple[Tensor, Tensor]:
        """Predicted and true classes, (b, 2) int64 each."""
        return prediction["position"], only_taught(targets, self.taught)["positions"]

    def score(
        self, predictions: Mapping[str, Arrays], targets: HeadTargets, sequence: np.ndarray, bootstrap: Bootstrap
    ) -> list[ScoreTable]:
        """Tables for sidewalk, road, their relation, and objects, of n rows; `sequence` (n,) names of drives."""
        return field_scores(predictions, only_taught(targets, self.taught), sequence, bootstrap)

    def row_answers(self, prediction: Arrays, targets: HeadTargets) -> dict[str, RowAnswers]:
        """Those to where the sidewalk, the road, near and far objects are, each as far as it was taught."""
        return field_row_answers(prediction, only_taught(targets, self.taught), self.taught.cpu().numpy())

    def object_scores(
        self, prediction: Arrays, targets: HeadTargets, sequence: np.ndarray, bootstrap: Bootstrap
    ) -> Mapping[str, tuple[ObjectScores, ObjectScores]]:
        """Of each kind that was taught, near and far, by presence and by place."""
        return objects_by_kind(prediction, only_taught(targets, self.taught), sequence, bootstrap)

    def words(self, prediction: Arrays) -> list[FieldPrediction]:
        """SENSATION's annotation of each of n pictures, and the sentence for a pedestrian."""
        return field_predictions(prediction, self.taught.cpu().numpy())

    def _logits(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """Weighted logits: "position_logits" (b, 2, 4), "presence_logits" (b, 2, 9), "side_logits" (b, 2, 9, 3)."""
        flat = self.trunk(inputs).split(self.sizes, dim=1)
        return {key: logits.unflatten(1, _OUTPUTS[key]) for key, logits in zip(_OUTPUTS, flat, strict=True)}

    def _unweighted(self, logits: dict[str, Tensor]) -> dict[str, Tensor]:
        """The logits (b, 2, 4), (b, 2, 9) and (b, 2, 9, 3) as they would be with all weights 1."""
        return {
            "position_logits": logits["position_logits"] - self.class_weight.log(),
            "presence_logits": logits["presence_logits"] - self.presence_weight.log(),
            "side_logits": logits["side_logits"],
        }


def _binary(logits: Tensor, truth: Tensor, positive_weight: Tensor | None = None) -> Tensor:
    """() the mean binary cross-entropy in nats where `truth` is not NaN, else 0; it always has a graph.

    `logits` and `truth` are (b, 9) or (b, 9, 3), `positive_weight` (9,).
    """
    known = ~truth.isnan()
    entropy = F.binary_cross_entropy_with_logits(
        logits, truth.nan_to_num(), pos_weight=positive_weight, reduction="none"
    )
    return _mean(entropy, known)


def _mean(costs: Tensor, known: Tensor) -> Tensor:
    """() the mean of `costs` where `known` is True, both of the same shape; 0 when it is nowhere."""
    return costs.masked_fill(~known, 0.0).sum() / known.sum().clamp(min=1)
