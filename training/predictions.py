"""What a run's heads say of a split: everybody's waypoints, and the modes of one head that has several."""

from dataclasses import dataclass

import numpy as np
import torch

from training.batches import StoredSplit
from training.road_model import RoadModel


@dataclass(frozen=True)
class Predictions:
    """Of n rows.

    `paths`: name -> (n, 20, 2) metres, ego frame. `modes` (n, k, 20, 2) metres, ego frame, and `mode_probabilities`
    (n, k) are those of the head that was asked for; None where it has no modes.
    """

    paths: dict[str, np.ndarray]
    modes: np.ndarray | None = None
    mode_probabilities: np.ndarray | None = None


def predict(model: RoadModel, split: StoredSplit, modes_of: str | None = None) -> Predictions:
    """Run every head over a split; of the head `modes_of`, keep the modes too."""
    paths: dict[str, list[np.ndarray]] = {}
    modes: dict[str, list[np.ndarray]] = {"modes": [], "mode_probabilities": []}
    with torch.no_grad():
        for batch in split.batches():
            said = model(batch)
            for name, prediction in said.items():
                paths.setdefault(name, []).append(prediction["waypoints"].numpy())
            for key, parts in modes.items():
                if modes_of is not None and key in said[modes_of]:
                    parts.append(said[modes_of][key].numpy())
    joined = {key: np.concatenate(parts) if parts else None for key, parts in modes.items()}
    return Predictions({name: np.concatenate(parts) for name, parts in paths.items()}, **joined)
