"""What a run's heads say of a split: everybody's waypoints, the modes of one head, and what others answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from roadcue.heads.multi_head import BLIND_SUFFIX, MultiHeadModel
from roadcue.heads.ood_detector import OOD_SCORE
from roadcue.heads.registry import WAYPOINT, head_class
from roadcue.training.heads.batches import StoredSplit

Answers = Mapping[str, np.ndarray]
"""What a head that gives no path says of n rows, by the names of its `forward`."""


@dataclass(frozen=True)
class Predictions:
    """Of n rows.

    `paths`: name -> (n, 20, 2) metres, ego frame. `modes` (n, k, 20, 2) metres, ego frame, and `mode_probabilities`
    (n, k) are those of the head that was asked for; None where it has no modes. `answers`: name -> what the heads
    that give no path say. `ood_score` (n,) is above 1 where a row's pictures are unlike the training pictures; None
    where no head sees pictures.
    """

    paths: dict[str, np.ndarray]
    modes: np.ndarray | None = None
    mode_probabilities: np.ndarray | None = None
    answers: dict[str, Answers] = field(default_factory=dict)
    ood_score: np.ndarray | None = None

    @property
    def unlike(self) -> np.ndarray | None:
        """(n,) bool: the rows whose pictures are unlike the training pictures."""
        return None if self.ood_score is None else self.ood_score > 1

    @property
    def share_unlike(self) -> float | None:
        """The share of those rows."""
        return None if self.unlike is None else float(self.unlike.mean())

    def paths_at(self, rows: np.ndarray) -> "Predictions":
        """The paths and modes of some of the rows, (n,) bool."""
        modes, probabilities, score = (
            None if array is None else array[rows] for array in (self.modes, self.mode_probabilities, self.ood_score)
        )
        paths = {name: path[rows] for name, path in self.paths.items()}
        return Predictions(paths, modes, probabilities, ood_score=score)


def predict(model: MultiHeadModel, split: StoredSplit, modes_of: str | None = None) -> Predictions:
    """Run every head over a split; of the head `modes_of`, if the model has it, keep the modes too."""
    paths: dict[str, list[np.ndarray]] = {}
    answers: dict[str, dict[str, list[np.ndarray]]] = {}
    modes: dict[str, list[np.ndarray]] = {"modes": [], "mode_probabilities": []}
    scores: list[np.ndarray] = []
    path_methods = _path_methods(model)
    with torch.no_grad():
        for batch in split.batches():
            predictions = model(batch)
            seen = [prediction[OOD_SCORE] for prediction in predictions.values() if OOD_SCORE in prediction]
            scores += [score.numpy() for score in seen[:1]]
            for name, prediction in predictions.items():
                if name in path_methods:
                    paths.setdefault(name, []).append(prediction["waypoints"].numpy())
                    continue
                for key, tensor in prediction.items():
                    answers.setdefault(name, {}).setdefault(key, []).append(tensor.numpy())
            for key, batches in modes.items():
                if key in predictions.get(modes_of or "", {}):
                    batches.append(predictions[str(modes_of)][key].numpy())
    joined = {key: np.concatenate(batches) if batches else None for key, batches in modes.items()}
    return Predictions(
        {name: np.concatenate(batches) for name, batches in paths.items()},
        **joined,
        ood_score=np.concatenate(scores) if scores else None,
        answers={
            name: {key: np.concatenate(batches) for key, batches in named.items()} for name, named in answers.items()
        },
    )


def _path_methods(model: MultiHeadModel) -> frozenset[str]:
    """The waypoint head, its twin and its baselines, as far as the model has them."""
    head = head_class(WAYPOINT)
    return frozenset(
        {WAYPOINT, WAYPOINT + BLIND_SUFFIX, *(each.name for each in head.baselines)} & model.heads.keys()
    )
