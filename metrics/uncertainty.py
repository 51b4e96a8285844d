"""Whether a head knows what it does not know: the error of its probabilities, the coverage of its prediction sets."""

from dataclasses import dataclass

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.resampling import bootstrap_of, sequence_bootstrap

BINS = 15
"""Bins of equal width that the calibration error is summed over (Guo et al. 2017, table 1)."""


SET_LABELS = {"coverage": "coverage", "size": "answers in the set", "not_sure": "not sure"}
"""What a table calls each figure of `score_sets`."""


def expected_calibration_error(
    confidence: np.ndarray, right: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Interval:
    """By how much the probability of what was picked misses the share in which it was right.

    Sum over `BINS` of the probability, share of the rows times |mean probability - share of right| (Naeini et al.
    2015; Guo et al. 2017, section 2): 0 is calibrated, 1 the worst. `confidence` (n,) lies in 0 to 1, `right` (n,) is
    whether the pick was right, `sequence` (n,) the drives, over which the 95 % interval is drawn. Few rows in a bin
    never match quite, so small data overstates it. ValueError when the lengths differ, there is no row, or a
    confidence is no probability.
    """
    bin_of = _bins(confidence, right)
    # A bin's share of the rows times its gap is the mean over all rows of the gaps in it.
    gaps = np.where(bin_of[:, None] == np.arange(BINS), (confidence - right)[:, None], 0.0)
    return bootstrap_of(lambda means: np.abs(means).sum(axis=1), gaps, sequence, bootstrap)


@dataclass(frozen=True)
class ReliabilityBin:
    """Answers of about the same probability: its mean, the share of them that are right, and how many they are."""

    probability: float
    right: float
    rows: int


def reliability(confidence: np.ndarray, right: np.ndarray) -> list[ReliabilityBin]:
    """The bins that the calibration error sums over, those with rows, the least probable first.

    (The reliability diagram of Guo et al. 2017, section 2.) Shapes and errors as in `expected_calibration_error`.
    """
    bin_of = _bins(confidence, right)
    members = [bin_of == number for number in np.unique(bin_of)]
    return [ReliabilityBin(float(confidence[m].mean()), float(right[m].mean()), int(m.sum())) for m in members]


def _bins(confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(n,) which of the `BINS` each confidence is in, a bound in the lower one."""
    confidence = np.asarray(confidence, np.float64)
    if confidence.ndim != 1 or confidence.shape != right.shape:
        raise ValueError(f"calibration needs a confidence and an outcome each: {confidence.shape}, {right.shape}")
    if not ((confidence >= 0) & (confidence <= 1 + 1e-4)).all():
        raise ValueError("calibration needs probabilities: a confidence is NaN, negative, or above 1")
    bins: np.ndarray = np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1)
    return bins


def score_sets(
    sets: np.ndarray, target: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> dict[str, Interval]:
    """Coverage, mean size, and share of the sets that are not one class, by the keys of `SET_LABELS`.

    `sets` (n, k) bool, `target` (n,) int; intervals over sequences, (n,) names. Coverage is the share of the rows
    whose set holds the target; an empty set (nothing was likely enough) is not one class. ValueError when the lengths
    differ.
    """
    if len(sets) != len(target):
        raise ValueError(f"{len(sets)} sets, {len(target)} targets: one each is needed")
    size = sets.sum(axis=1)
    covered = np.take_along_axis(sets, target[:, None], axis=1)[:, 0]
    columns = np.stack([covered, size, size != 1], axis=1).astype(np.float64)
    return dict(zip(SET_LABELS, sequence_bootstrap(columns, sequence, bootstrap), strict=True))
