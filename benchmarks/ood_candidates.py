"""Distances of features to those of training rows, by which unlike pictures could be told: the published ones.

All are fitted on stored features (n, 1, k, d) of one picture a row, without labels, by pytorch-ood where it has them.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from pytorch_ood.detector import KNN, RMD, Mahalanobis
from torch import Tensor

from roadcue.heads.ood_detector import OODDetector
from roadcue.heads.waypoint.kmeans import kmeans

Distance = Callable[[Tensor], Tensor]
"""(b, 1, k, d) -> (b,), larger for a picture that is less like."""
OURS = "largest of the three, over their thresholds"
_OF_DETECTOR = ("whole picture", "cells", "mean and spread of cells")
_CLUSTERS, _NEIGHBOURS, _DIRECTIONS = 8, 50, 32


def candidates(train: Tensor, detector: OODDetector) -> Mapping[str, Distance]:
    """Name -> distance, fitted on `train`; the last four are the run's own detector's."""
    mean, one = _mean(train), torch.zeros(len(train), dtype=torch.int64)
    unit = F.normalize(mean)
    _, clusters = torch.cdist(unit, kmeans([unit], _CLUSTERS)).argmin(dim=1).unique(return_inverse=True)
    mahalanobis = Mahalanobis(None).fit_features(mean, one)
    normalised = Mahalanobis(None).fit_features(unit, one)
    relative = RMD(None).fit_features(unit, clusters)
    neighbours = KNN(None, k=min(_NEIGHBOURS, len(mean) - 1)).fit_features(mean, one)
    ours: dict[str, Distance] = {
        f"probabilistic PCA, {name}": lambda stored, place=place: detector.distances(stored)[:, 0, place]  # type: ignore[misc]
        for place, name in enumerate(_OF_DETECTOR)
    }
    return {
        "Mahalanobis, mean": lambda stored: mahalanobis.predict_features(_mean(stored)),
        "Mahalanobis++, mean": lambda stored: normalised.predict_features(F.normalize(_mean(stored))),
        f"relative Mahalanobis++ of {_CLUSTERS} clusters, mean": lambda stored: relative.predict_features(
            F.normalize(_mean(stored))
        ),
        f"{_NEIGHBOURS}th neighbour, mean": lambda stored: neighbours.predict_features(_mean(stored)).float(),
        f"outside {_DIRECTIONS} directions, whole picture": _residual(train),
        **ours,
        OURS: lambda stored: detector(stored, torch.ones(len(stored), 1, dtype=torch.bool)),
    }


def _mean(stored: Tensor) -> Tensor:
    return stored.float().mean(dim=(1, 2))


def _residual(train: Tensor) -> Distance:
    """The length of what lies outside the principal directions, as in ViM (Wang et al. 2022), without its logits."""
    flat = train.float().flatten(1)
    centre = flat.mean(dim=0)
    torch.manual_seed(0)
    _, _, directions = torch.pca_lowrank(flat, q=min(_DIRECTIONS, *flat.shape), niter=4)

    def outside(stored: Tensor) -> Tensor:
        centred = stored.float().flatten(1) - centre
        return (centred - centred @ directions @ directions.T).norm(dim=1)

    return outside
