"""How well classes are told, and how true their probabilities are; every figure with its interval over sequences."""

import numpy as np

from metrics.bootstrap import Interval, bootstrap_of, sequence_bootstrap
from metrics.fields import balanced_accuracy_interval

BINS = 15
"""Of the calibration error, equally wide: as in Guo et al. 2017."""
LABELS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "calibration_error": "calibration error",
}
"""Figure -> what it is called."""


def score_classes(
    said: np.ndarray,
    probabilities: np.ndarray,
    truth: np.ndarray,
    sequence: np.ndarray,
    *,
    resamples: int,
    seed: int,
) -> dict[str, Interval]:
    """The figures of `LABELS` for one question.

    `said` and `truth` (n,) int classes, `probabilities` (n, k), `sequence` (n,) names. Balanced accuracy and macro F1
    are means over the classes that occur; the expected calibration error is that of the most probable class (Naeini
    et al. 2015): the mean over rows of |share of hits - mean probability| of the row's bin.
    """
    drawn = {"resamples": resamples, "seed": seed}
    (accuracy,) = sequence_bootstrap((said == truth)[:, None].astype(np.float64), sequence, **drawn)
    occurring = np.unique(truth)
    return {
        "accuracy": accuracy,
        "balanced_accuracy": balanced_accuracy_interval(said, truth, sequence, **drawn),
        "macro_f1": macro_f1(said[:, None] == occurring, truth[:, None] == occurring, sequence, **drawn),
        "calibration_error": _calibration_error(probabilities, truth, sequence, **drawn),
    }


def macro_f1(said: np.ndarray, truth: np.ndarray, sequence: np.ndarray, *, resamples: int, seed: int) -> Interval:
    """The mean over things of F1 = 2 hits / (said + true), with its interval over sequences.

    `said` and `truth` (n, m) bool, or (n, m, places), whose places are counted together. A thing that is neither said
    nor true anywhere does not count.
    """
    said, truth = (part.reshape(*part.shape[:2], -1) for part in (said, truth))
    hits, named = (said & truth).sum(axis=2), said.sum(axis=2) + truth.sum(axis=2)
    things = named.any(axis=0)

    def mean_f1(means: np.ndarray) -> np.ndarray:
        hit, all_named = np.split(means, 2, axis=1)
        return np.nanmean(2 * hit / np.where(all_named > 0, all_named, np.nan), axis=1)

    values = np.concatenate([hits[:, things], named[:, things]], axis=1).astype(np.float64)
    if not things.any():
        return Interval(float("nan"), float("nan"), float("nan"))
    return bootstrap_of(mean_f1, values, sequence, resamples=resamples, seed=seed)


def _calibration_error(
    probabilities: np.ndarray, truth: np.ndarray, sequence: np.ndarray, *, resamples: int, seed: int
) -> Interval:
    sureness, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    bins = np.minimum((sureness * BINS).astype(int), BINS - 1)
    gaps = np.where(bins[:, None] == np.arange(BINS), (hit - sureness.astype(np.float64))[:, None], 0.0)
    return bootstrap_of(lambda means: np.abs(means).sum(axis=1), gaps, sequence, resamples=resamples, seed=seed)
