"""Captions against pictures, out of CLIP's cosines: CLIPScore, RefCLIPScore and what document 000 calls CLIPScore."""

from dataclasses import dataclass

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.resampling import bootstrap_of, sequence_bootstrap

PREFIX = "A photo depicts "
"""What stands before captions and references in CLIPScore (Hessel et al. 2021, section 3), not in document 000's."""
_WEIGHT = 2.5
"""By which CLIPScore stretches cosines, which lie between 0 and 0.4, to some 0 to 1 (there)."""


@dataclass(frozen=True)
class ClipCosines:
    """Cosines of n captions, (n,) each: with the cropped `picture`, and the highest with a `reference`, texts behind
    `PREFIX`; and with the `squashed` picture, texts as they are.
    """

    picture: np.ndarray
    reference: np.ndarray
    squashed: np.ndarray


def clip_score(picture: np.ndarray) -> np.ndarray:
    """CLIPScore, 2.5 max(cos, 0), of cosines with the pictures (Hessel et al. 2021, arXiv 2104.08718, section 3)."""
    return _WEIGHT * np.maximum(picture, 0)


def ref_clip_score(picture: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """RefCLIPScore: the harmonic mean of CLIPScore and max(cos, 0) with the nearest reference (there)."""
    of_picture, of_reference = clip_score(picture), np.maximum(reference, 0)
    total = of_picture + of_reference
    return np.divide(2 * of_picture * of_reference, total, out=np.zeros_like(total), where=total > 0)


def hundred_cos(means: np.ndarray) -> np.ndarray:
    """max(100 cos, 0) of means (..., 1) over a file: torchmetrics' CLIPScore, with which document 000 was scored."""
    return np.maximum(100 * means[..., 0], 0)


def score_similarities(
    cosines: ClipCosines, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> dict[str, Interval]:
    """`clip_score` and `ref_clip_score`, means over captions, and `hundred_cos`, of the mean; `sequence` (n,) names,
    over which the intervals are. ValueError where there is no caption.
    """
    columns = np.stack([clip_score(cosines.picture), ref_clip_score(cosines.picture, cosines.reference)], axis=1)
    figures = dict(
        zip(("clip_score", "ref_clip_score"), sequence_bootstrap(columns, sequence, bootstrap), strict=True)
    )
    squashed = cosines.squashed[:, None]
    return figures | {"hundred_cos": bootstrap_of(hundred_cos, squashed, sequence, bootstrap)}
