"""The cue head: which way, at which pace, how likely each answer is, and the set of those that are not ruled out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from roadcue.heads.baselines.cue import MajorityCue
from roadcue.heads.cue.answers import ANSWERS, QUESTIONS, CueAnswers
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.cue.rules import IN_THE_WAY
from roadcue.heads.cue.scores import cue_row_answers, cue_scores
from roadcue.heads.cue.words import CuePrediction, cue_predictions
from roadcue.heads.field.labels import POSITION_CLASSES, UNKNOWN, pedestrian_labels
from roadcue.heads.head import Arrays, Batches, Head, Headline
from roadcue.heads.row_answers import RowAnswers
from roadcue.heads.trunk import Trunk
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.score_table import ScoreTable
from roadcue.prompts.annotation import OBJECT_KINDS, SIDES
from roadcue.schema import HeadInputs, HeadTargets, SampleTargets

if TYPE_CHECKING:
    from roadcue.metrics.streaming import ClassificationMetric

_POSITION_CLASSES = sum(map(len, POSITION_CLASSES.values()))


class CueHead(CueAnswers):
    """Two questions of three answers (`QUESTIONS`), from layers that they share.

    Where a picture has a pedestrian's labels, the layers also learn what its cue follows from, the two positions and
    the blocked sides (hints that only the loss uses: Caruana 1997, "Multitask Learning"). From the cue alone they
    could not learn that "keep straight" has two quite different reasons.
    """

    name: ClassVar[str] = "cue"
    headline: ClassVar[Headline] = Headline("cue_accuracy", "cue accuracy")
    sweep_figures: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "Cue": ("accuracy", "opposite", "size"),
        "Pace": ("accuracy", "size"),
    }
    baselines: ClassVar[tuple[type[Head], ...]] = (MajorityCue,)

    def __init__(self, config: CueConfig, features: int, width: int) -> None:
        """`features`: how many pooled vectors the batch has, 0 for a head that sees no image; `width`: of each."""
        super().__init__(config)
        self.features, self.width = features, width if features else 0
        self.sizes = [len(QUESTIONS) * ANSWERS, _POSITION_CLASSES, len(SIDES)]
        self.trunk = Trunk(config, self.features, self.width, sum(self.sizes))

    def encode_target(self, target: SampleTargets) -> dict[str, Tensor]:
        """The row's "positions" (2,) and "objects" (2, 9, 3), as in `HeadTargets`; BadHead for a bad value."""
        return pedestrian_labels(target)

    def fit(self, batches: Batches) -> None:
        """Compute the statistics of the inputs, and `taught` (2,). BadHead when no row has a cue."""
        self.frequencies(batches)
        self.trunk.fit(batches)

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """(b, 2, 3) each, question and answer: "cue_logits", "cue_probabilities", and "cue_sets", bool.

        Before `calibrate` a set holds every answer: nothing is ruled out. "position_hints" (b, 8), 4 classes of the
        sidewalk and 4 of the road, and "blocked_hints" (b, 3), the sides, are logits for the loss alone. BadHead when
        the features are not of the head's shape.
        """
        cues, positions, blocked = self.trunk(inputs).split(self.sizes, dim=1)
        logits = cues.unflatten(1, (len(QUESTIONS), ANSWERS))
        return {**self.calibrated_prediction(logits), "position_hints": positions, "blocked_hints": blocked}

    def loss(self, prediction: dict[str, Tensor], targets: HeadTargets) -> dict[str, Tensor]:
        """{"loss": () the sum of the mean cross-entropies in nats} of both questions and of the hints, where known.

        Without anything known it is 0 and still has a graph.
        """
        truth = self.truth(targets)
        several = [*prediction["cue_logits"].unbind(dim=1), *self._by_column(prediction["position_hints"])]
        loss = torch.zeros((), device=truth.device)
        for logits, true in zip(several, torch.cat([truth, targets["positions"]], dim=1).unbind(dim=1), strict=True):
            entropy = F.cross_entropy(logits, true, ignore_index=UNKNOWN, reduction="sum")
            loss = loss + entropy / (true != UNKNOWN).sum().clamp(min=1)
        # (b, 3): 1 where one of the near kinds is on the side, 0 where none is, NaN where one is not labelled
        blocked = targets["objects"][:, 0, [OBJECT_KINDS.index(kind) for kind in IN_THE_WAY]].amax(dim=1)
        entropy = F.binary_cross_entropy_with_logits(
            prediction["blocked_hints"], blocked.nan_to_num(), reduction="none"
        )
        known = ~blocked.isnan()
        return {"loss": loss + entropy.masked_fill(~known, 0.0).sum() / known.sum().clamp(min=1)}

    def metric(self) -> "ClassificationMetric":
        """Accuracy of each question."""
        from roadcue.metrics.streaming import AccuracyMetric

        return AccuracyMetric(tuple(QUESTIONS), ANSWERS)

    def compared(self, prediction: dict[str, Tensor], targets: HeadTargets) -> tuple[Tensor, Tensor]:
        """Predicted and true answers, (b, 2) int64 each."""
        return prediction["cue_logits"].argmax(dim=2), self.truth(targets)

    def score(
        self, predictions: Mapping[str, Arrays], targets: HeadTargets, sequence: np.ndarray, bootstrap: Bootstrap
    ) -> list[ScoreTable]:
        """A table each for cue and pace, of n rows; `sequence` (n,) names of whole drives."""
        return cue_scores(predictions, self.truth(targets).numpy(), sequence, self.config.coverage, bootstrap)

    def row_answers(self, prediction: Arrays, targets: HeadTargets) -> dict[str, RowAnswers]:
        """Those to cue and pace, each as far as it was taught."""
        return cue_row_answers(prediction, self.truth(targets).numpy(), self.taught.tolist())

    def words(self, prediction: Arrays) -> list[CuePrediction]:
        """Of n rows, "cue_probabilities" and "cue_sets" (n, 2, 3): way, pace, and what cannot be ruled out."""
        return cue_predictions(prediction, self.taught.tolist())

    @staticmethod
    def _by_column(hints: Tensor) -> tuple[Tensor, ...]:
        """The logits (b, 8) of "position_hints" -> (b, 4) of the sidewalk's classes and (b, 4) of the road's."""
        return hints.split([len(classes) for classes in POSITION_CLASSES.values()], dim=1)
