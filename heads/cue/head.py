"""The cue head: which way, at which pace, how likely each answer is, and the set of those that are not ruled out."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roadcue.errors import BadHead
from roadcue.heads.conformal import fit_threshold, prediction_sets
from roadcue.heads.cue.rules import CUES, IN_THE_WAY, PACES, driving_cues, walking_cues
from roadcue.heads.field.labels import POSITION_CLASSES, UNKNOWN
from roadcue.heads.head import Head, Headline
from roadcue.heads.temperature import fit_temperature
from roadcue.heads.trunk import Trunk
from roadcue.heads.waypoint.config import CueConfig
from roadcue.metrics.torchmetrics import ClassificationMetric
from roadcue.prompts.annotation import OBJECT_KINDS, SIDES
from roadcue.schema import HeadInputs, HeadTargets

Batches = Iterable[tuple[HeadInputs, HeadTargets]]
QUESTIONS = {"cue": CUES, "pace": PACES}
"""What is answered, in the order of the tensors, with the answers."""
_ANSWERS = 3
_POSITION_CLASSES = sum(map(len, POSITION_CLASSES.values()))


def cue_truth(config: CueConfig, targets: HeadTargets) -> Tensor:
    """(b, 2) int64 places in `CUES` and `PACES`, -1 unknown: of the logged path, or else of a pedestrian's labels."""
    driven = driving_cues(targets["future"], config.offset_m, config.offset_at_s)
    walked = walking_cues(targets["positions"], targets["objects"])
    return driven.where(driven != UNKNOWN, walked)


class CueHead(Head):
    """Two questions of three answers (`QUESTIONS`), out of layers that they share.

    Where a picture has a pedestrian's labels, the layers also learn what its cue follows from, the two positions and
    the blocked sides (hints that nobody asks for afterwards: Caruana 1997, "Multitask Learning"); otherwise
    nothing but the cue would tell them that "keep straight" has two quite different reasons.
    """

    name: ClassVar[str] = "cue"
    headline: ClassVar[Headline] = Headline("cue_accuracy", "cue accuracy")
    calibrated: ClassVar[bool] = True

    def __init__(self, config: CueConfig, features: int, width: int) -> None:
        """`features`: how many pooled vectors the batch has, 0 for a head that sees no image; `width`: of each."""
        super().__init__()
        self.config, self.features, self.width = config, features, width if features else 0
        self.sizes = [len(QUESTIONS) * _ANSWERS, _POSITION_CLASSES, len(SIDES)]
        self.trunk = Trunk(config, self.features, self.width, sum(self.sizes))
        self.calibration = Calibration()

    def arguments(self) -> dict[str, Any]:
        """As `Head.arguments`."""
        return {"config": asdict(self.config), "features": self.features, "width": self.width}

    def truth(self, targets: HeadTargets) -> Tensor:
        """(b, 2) int64 places in `CUES` and `PACES`, -1 unknown, by this head's threshold."""
        return cue_truth(self.config, targets)

    def known(self, targets: HeadTargets) -> Tensor:
        """As `Head.known`: rows whose cue or pace is known."""
        return (self.truth(targets) != UNKNOWN).any(dim=1)

    def fit(self, batches: Batches) -> None:
        """Find the statistics of the inputs. BadHead when no row has a cue."""
        _frequencies(self.config, batches)
        self.trunk.fit(batches)

    def calibrate(self, batches: Batches) -> None:
        """Fit temperatures and the thresholds of the sets."""
        with torch.no_grad():
            self.calibration.fit(
                ((self(inputs)["cue_logits"], self.truth(targets)) for inputs, targets in batches),
                self.config.coverage,
            )

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """(b, 2, 3) each, question and answer: "cue_logits", "cue_probabilities", and "cue_sets", bool.

        Before `calibrate` a set holds every answer: nothing is ruled out. "position_hints" (b, 8) and "blocked_hints"
        (b, 3) are logits for the loss alone. BadHead when the features are not of the head's shape.
        """
        answers, positions, blocked = self.trunk(inputs).split(self.sizes, dim=1)
        logits = answers.unflatten(1, (len(QUESTIONS), _ANSWERS))
        return {**self.calibration(logits), "position_hints": positions, "blocked_hints": blocked}

    def loss(self, prediction: dict[str, Tensor], targets: HeadTargets) -> dict[str, Tensor]:
        """{"loss": the sum of the mean cross-entropies} of both questions and of the hints, over what is known.

        Without anything known it is 0 and still has a graph.
        """
        truth = self.truth(targets)
        classes = [*prediction["cue_logits"].unbind(dim=1), *self._by_column(prediction["position_hints"])]
        loss = torch.zeros((), device=truth.device)
        for logits, true in zip(classes, torch.cat([truth, targets["positions"]], dim=1).unbind(dim=1), strict=True):
            entropy = F.cross_entropy(logits, true, ignore_index=UNKNOWN, reduction="sum")
            loss = loss + entropy / (true != UNKNOWN).sum().clamp(min=1)
        blocked = targets["objects"][:, 0, [OBJECT_KINDS.index(kind) for kind in IN_THE_WAY]].amax(dim=1)
        entropy = F.binary_cross_entropy_with_logits(
            prediction["blocked_hints"], blocked.nan_to_num(), reduction="none"
        )
        known = ~blocked.isnan()
        return {"loss": loss + entropy.masked_fill(~known, 0.0).sum() / known.sum().clamp(min=1)}

    def metric(self) -> "CueMetric":
        """As `Head.metric`."""
        return CueMetric()

    def compared(self, prediction: dict[str, Tensor], targets: HeadTargets) -> tuple[Tensor, Tensor]:
        """As `Head.compared`: two (b, 2) int64."""
        return prediction["cue_logits"].argmax(dim=2), self.truth(targets)

    @staticmethod
    def _by_column(hints: Tensor) -> tuple[Tensor, ...]:
        return hints.split([len(classes) for classes in POSITION_CLASSES.values()], dim=1)


class MajorityCue(Head):
    """Says what comes most often in the training set, as likely as it is there, with sets as the cue head's."""

    name: ClassVar[str] = "majority cue"
    calibrated: ClassVar[bool] = True
    frequency: Tensor

    def __init__(self, config: CueConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("frequency", torch.full((len(QUESTIONS), _ANSWERS), torch.nan))
        self.calibration = Calibration()

    def arguments(self) -> dict[str, Any]:
        """As `Head.arguments`."""
        return {"config": asdict(self.config)}

    def truth(self, targets: HeadTargets) -> Tensor:
        """As `CueHead.truth`."""
        return cue_truth(self.config, targets)

    def known(self, targets: HeadTargets) -> Tensor:
        """As `Head.known`: rows whose cue or pace is known."""
        return (self.truth(targets) != UNKNOWN).any(dim=1)

    def fit(self, batches: Batches) -> None:
        """Count. BadHead when no row has a cue."""
        self.frequency.copy_(_frequencies(self.config, batches))

    def calibrate(self, batches: Batches) -> None:
        """As `CueHead.calibrate`."""
        self.calibration.fit(
            ((self(inputs)["cue_logits"], self.truth(targets)) for inputs, targets in batches),
            self.config.coverage,
        )

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """The (b, 2, 3) of `CueHead.forward`."""
        logits = self.frequency.clamp(min=1e-6).log()
        return self.calibration(logits.expand(len(inputs["past"]), *logits.shape))


class Calibration(nn.Module):
    """From (b, 2, 3) logits to probabilities that are as sure as they are right, and sets of a chosen coverage.

    Temperature and threshold of a question are found on the same rows: one number of some hundred rows, which moves
    what the threshold promises by less than its own rounding.
    """

    temperature: Tensor
    threshold: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("temperature", torch.ones(len(QUESTIONS)))
        self.register_buffer("threshold", torch.full((len(QUESTIONS),), torch.inf, dtype=torch.float64))

    def fit(self, batches: Iterable[tuple[Tensor, Tensor]], coverage: float) -> None:
        """Logits (b, 2, 3) and what is true (b, 2), -1 unknown, of rows that were not trained on."""
        logits, truth = map(torch.cat, zip(*batches, strict=True))
        for question in range(len(QUESTIONS)):
            known = truth[:, question] != UNKNOWN
            said, true = logits[known, question], truth[known, question]
            self.temperature[question] = fit_temperature(said, true)
            probabilities = (said / self.temperature[question]).softmax(dim=1)
            self.threshold[question] = fit_threshold(probabilities, true, coverage)

    def forward(self, logits: Tensor) -> dict[str, Tensor]:
        """{"cue_logits", "cue_probabilities", "cue_sets"}, (b, 2, 3) each."""
        probabilities = (logits / self.temperature[:, None]).softmax(dim=2)
        sets = prediction_sets(probabilities, self.threshold)
        return {"cue_logits": logits, "cue_probabilities": probabilities, "cue_sets": sets}


class CueMetric(ClassificationMetric):
    """Accuracy of each question."""

    def __init__(self) -> None:
        super().__init__(len(QUESTIONS), _ANSWERS)

    def compute(self) -> dict[str, Tensor]:
        """ "cue_accuracy" and "pace_accuracy", shares of the rows that have a truth."""
        told, rows = self.taken.diagonal(dim1=1, dim2=2).sum(dim=1), self.taken.sum(dim=(1, 2))
        return {f"{question}_accuracy": share for question, share in zip(QUESTIONS, told / rows, strict=True)}


def _frequencies(config: CueConfig, batches: Batches) -> Tensor:
    """(2, 3) shares of the answers among the rows that have one. BadHead when no row has a cue."""
    counts = torch.zeros(len(QUESTIONS), _ANSWERS)
    for _, targets in batches:
        truth = cue_truth(config, targets)
        counts += torch.stack([(truth == answer).sum(dim=0) for answer in range(_ANSWERS)], dim=1)
    if not counts[0].any():
        raise BadHead(
            "no row of the training set has a logged path or a pedestrian's labels, so there is no cue to learn; "
            "--data sidewalk and driving data with a future have them"
        )
    return counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
