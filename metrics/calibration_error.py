"""Whether a probability is true: how far what was said to be sure misses how often it was right."""

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.resampling import bootstrap_of

BINS = 15
"""Bins of equal width that the calibration error is summed over (Guo et al. 2017, table 1)."""


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
    confidence = np.asarray(confidence, np.float64)
    if confidence.ndim != 1 or confidence.shape != right.shape:
        raise ValueError(f"calibration needs a confidence and an outcome each: {confidence.shape}, {right.shape}")
    if not ((confidence >= 0) & (confidence <= 1 + 1e-4)).all():
        raise ValueError("calibration needs probabilities: a confidence is NaN, negative, or above 1")
    bin_of = np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1)
    # A bin's share of the rows times its gap is the mean over all rows of the gaps in it.
    gaps = np.where(bin_of[:, None] == np.arange(BINS), (confidence - right)[:, None], 0.0)
    return bootstrap_of(lambda means: np.abs(means).sum(axis=1), gaps, sequence, bootstrap)
