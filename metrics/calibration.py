"""Whether probabilities are true: of what is said with 30 %, 30 % should be right."""

import numpy as np

from metrics.bootstrap import Interval, bootstrap_of

BINS = 15
"""Bins of equal width that the calibration error is summed over (Guo et al. 2017, table 1)."""


def expected_calibration_error(
    confidence: np.ndarray, right: np.ndarray, sequence: np.ndarray, *, resamples: int = 2000, seed: int = 0
) -> Interval:
    """By how much the probability of an answer misses the share in which it is right: 0 is calibrated, 1 the worst.

    Sum over `BINS` of the probability, share of the rows times |mean probability - share of right| (Naeini et al.
    2015; Guo et al. 2017, section 2). `confidence` (n,) 0 to 1, `right` (n,) bool, `sequence` (n,) names, over which
    the 95 % interval is drawn. Few rows in a bin never match quite, so small data overstates it. ValueError when a
    confidence is not a probability.
    """
    confidence = np.asarray(confidence, np.float64)
    if not ((confidence >= 0) & (confidence <= 1 + 1e-6)).all():
        raise ValueError("a confidence must lie between 0 and 1; give the probability of the answer")
    bin_of = np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1)
    # A bin's share of the rows times its gap is the mean over all rows of the gaps in it.
    gaps = np.where(bin_of[:, None] == np.arange(BINS), (confidence - right)[:, None], 0.0)
    return bootstrap_of(lambda means: np.abs(means).sum(axis=1), gaps, sequence, resamples=resamples, seed=seed)
