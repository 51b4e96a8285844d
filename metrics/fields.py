"""How well a field with a few values is told: every class counts the same, however rare it is."""

import numpy as np

from metrics.bootstrap import Interval, bootstrap_of


def recalls(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Class -> share of its rows that were told; two (n,) of class names, classes of `truth` in sorted order."""
    names, hits = _hits(predicted, truth)
    return dict(zip(map(str, names), np.nanmean(hits, axis=0).tolist(), strict=True))


def balanced_accuracy(predicted: np.ndarray, truth: np.ndarray) -> float:
    """The mean of the recalls of the classes that occur in `truth`, (n,) each (Brodersen et al. 2010).

    A constant answer gets 1 / number of classes. ValueError when the lengths differ or there is no row.
    """
    return float(np.mean(list(recalls(predicted, truth).values())))


def balanced_accuracy_interval(
    predicted: np.ndarray, truth: np.ndarray, sequence: np.ndarray, *, resamples: int = 2000, seed: int = 0
) -> Interval:
    """`balanced_accuracy` with its 95 % interval over resampled sequences; `sequence` is (n,) names.

    A class that a resample has missed does not count in it. There is no interval (NaN) where some class occurs in one
    sequence only: it says nothing about that class in another.
    """
    _, hits = _hits(predicted, truth)
    return bootstrap_of(lambda means: np.nanmean(means, axis=1), hits, sequence, resamples=resamples, seed=seed)


def majority(truth: np.ndarray) -> str:
    """The class with the most rows, the first in sorted order of several: what to say without looking."""
    names, counts = np.unique(truth, return_counts=True)
    return str(names[counts.argmax()])


def _hits(predicted: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The classes (k,), and (n, k) with 1 where a row of the class was told, 0 where not, NaN for other classes."""
    if truth.ndim != 1 or predicted.shape != truth.shape or len(truth) == 0:
        raise ValueError(f"fields need as many answers as truths, (n,) with n > 0: {predicted.shape}, {truth.shape}")
    names = np.unique(truth)
    told = (predicted == truth).astype(np.float64)
    return names, np.where(truth[:, None] == names, told[:, None], np.nan)
