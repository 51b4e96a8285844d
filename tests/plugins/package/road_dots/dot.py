"""A head: on which side the dot is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roadcue.heads.head import Arrays, Batches, Head, Headline
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.classification import LABELS, score_classes
from roadcue.metrics.score_table import ScoreTable
from roadcue.schema import HeadInputs, HeadTargets, SampleTargets

SIDES = ("left", "right")


@dataclass(frozen=True)
class DotConfig:
    """The dot head."""

    hidden: int = 16
    """Units of its hidden layer."""


@dataclass(frozen=True)
class DotPrediction:
    """On which side, and how likely."""

    side: str
    probability: float

    @property
    def sentence(self) -> str:
        return f"The dot is on the {self.side}."

    def to_json(self) -> dict[str, Any]:
        return {"side": self.side, "probability": self.probability}


class _Dot(Head):
    """What the head and its baseline share."""

    reads = ("dot",)

    def encode_target(self, target: SampleTargets) -> dict[str, Tensor]:
        side = target.fields.get("dot")
        return {"dot": torch.tensor(SIDES.index(side) if side in SIDES else -1)}

    def known(self, targets: HeadTargets) -> Tensor:
        return targets["dot"] >= 0  # type: ignore[typeddict-item]


class AlwaysLeft(_Dot):
    """Says left."""

    name: ClassVar[str] = "always left"

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        return {"dot_probabilities": torch.tensor([[1.0, 0.0]]).expand(len(inputs["past"]), 2)}


class DotHead(_Dot):
    """An MLP on the features."""

    name: ClassVar[str] = "dot"
    config_class: ClassVar[type] = DotConfig
    needs: ClassVar[str] = "the side of its dot"
    baselines: ClassVar[tuple[type[Head], ...]] = (AlwaysLeft,)
    headline: ClassVar[Headline] = Headline("dot_accuracy", "dot accuracy")

    def __init__(self, config: DotConfig, features: int, width: int) -> None:
        super().__init__()
        self.config, self.features, self.width = config, features, width if features else 0
        self.layers = nn.Sequential(
            nn.Linear(self.features * self.width, config.hidden), nn.ReLU(), nn.Linear(config.hidden, len(SIDES))
        )

    def fit(self, batches: Batches) -> None:
        """It has no statistics."""

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        logits = self.layers(inputs["features"].flatten(1))
        return {"dot_logits": logits, "dot_probabilities": logits.softmax(dim=1)}

    def loss(self, prediction: dict[str, Tensor], targets: HeadTargets) -> dict[str, Tensor]:
        dot = targets["dot"]  # type: ignore[typeddict-item]
        entropy = F.cross_entropy(prediction["dot_logits"], dot, ignore_index=-1, reduction="sum")
        return {"loss": entropy / (dot >= 0).sum().clamp(min=1)}

    def metric(self) -> Any:
        from roadcue.metrics.streaming import AccuracyMetric

        return AccuracyMetric(("dot",), len(SIDES))

    def compared(self, prediction: dict[str, Tensor], targets: HeadTargets) -> tuple[Tensor, Tensor]:
        return prediction["dot_logits"].argmax(dim=1)[:, None], targets["dot"][:, None]  # type: ignore[typeddict-item]

    def score(
        self, predictions: Mapping[str, Arrays], targets: HeadTargets, sequence: np.ndarray, bootstrap: Bootstrap
    ) -> list[ScoreTable]:
        words = np.array(SIDES)
        true = words[targets["dot"].numpy()]  # type: ignore[typeddict-item]
        methods = {
            name: score_classes(words[arrays["dot_probabilities"].argmax(axis=1)], true, sequence, bootstrap)
            for name, arrays in predictions.items()
        }
        columns = {key: LABELS[key] for key in ("accuracy", "balanced_accuracy")}
        return [ScoreTable("Side of the dot", columns, methods, len(true), len(np.unique(sequence)))]

    def words(self, prediction: Arrays) -> list[DotPrediction]:
        shares = prediction["dot_probabilities"]
        return [DotPrediction(SIDES[int(row.argmax())], float(row.max())) for row in shares]
