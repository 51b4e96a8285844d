"""Distances of pictures to those of training rows, by which unlike ones could be told: the published ones and ours.

All are fitted on stored pictures, one a row, without labels; the published ones read their features alone, and are
pytorch-ood's where it has them.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from pytorch_ood.detector import KNN, RMD, Mahalanobis
from torch import Tensor

from roadcue.heads.ood_detector import OODDetector, StoredPictures
from roadcue.heads.waypoint.kmeans import kmeans

Distance = Callable[[StoredPictures], Tensor]
"""Of b pictures, one a row, (b,), larger for one that is less like."""
OURS = "largest of the five, over their thresholds"
OF_DETECTOR = "probabilistic PCA, "
"""What the names of the distances begin with of which the run's own detector takes the largest."""
_PARTS = ("whole picture", "cells", "mean and spread of cells", "contrast", "smooth cells")
_CLUSTERS, _NEIGHBOURS, _DIRECTIONS = 8, 50, 32


def candidates(train: StoredPictures, detector: OODDetector) -> Mapping[str, Distance]:
    """Name -> distance, fitted on `train`; the last five are the run's own detector's."""
    mean, one = _mean(train), torch.zeros(len(train.stored), dtype=torch.int64)
    unit = F.normalize(mean)
    _, clusters = torch.cdist(unit, kmeans([unit], _CLUSTERS)).argmin(dim=1).unique(return_inverse=True)
    mahalanobis = Mahalanobis(None).fit_features(mean, one)
    normalised = Mahalanobis(None).fit_features(unit, one)
    relative = RMD(None).fit_features(unit, clusters)
    neighbours = KNN(None, k=min(_NEIGHBOURS, len(mean) - 1)).fit_features(mean, one)
    ours: dict[str, Distance] = {
        f"{OF_DETECTOR}{name}": lambda seen, place=place: _ours(detector, seen)[:, place]  # type: ignore[misc]
        for place, name in enumerate(_PARTS)
    }
    return {
        "Mahalanobis, mean": lambda seen: mahalanobis.predict_features(_mean(seen)),
        "Mahalanobis++, mean": lambda seen: normalised.predict_features(F.normalize(_mean(seen))),
        f"relative Mahalanobis++ of {_CLUSTERS} clusters, mean": lambda seen: relative.predict_features(
            F.normalize(_mean(seen))
        ),
        f"{_NEIGHBOURS}th neighbour, mean": lambda seen: neighbours.predict_features(_mean(seen)).float(),
        f"outside {_DIRECTIONS} directions, whole picture": _residual(train),
        **ours,
        OURS: lambda seen: detector(seen.stored, seen.contrast, seen.present),
    }


def _ours(detector: OODDetector, seen: StoredPictures) -> Tensor:
    """(b, m) of the only picture of each row."""
    return detector.distances(seen.stored, seen.contrast)[:, 0]


def _mean(seen: StoredPictures) -> Tensor:
    return seen.stored.float().mean(dim=(1, 2))


def _residual(train: StoredPictures) -> Distance:
    """The length of what lies outside the principal directions, as in ViM (Wang et al. 2022), without its logits."""
    flat = train.stored.float().flatten(1)
    centre = flat.mean(dim=0)
    torch.manual_seed(0)
    _, _, directions = torch.pca_lowrank(flat, q=min(_DIRECTIONS, *flat.shape), niter=4)

    def outside(seen: StoredPictures) -> Tensor:
        centred = seen.stored.float().flatten(1) - centre
        return (centred - centred @ directions @ directions.T).norm(dim=1)

    return outside
