"""How well a field with a few values is told: every class counts the same, however rare it is.

Answers and truths are (n,) of class names. A truth of `NO_LABEL` is left out; an answer that is none of the truth's
classes, such as the empty one of a text that could not be understood, is wrong.
"""

from collections.abc import Mapping

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.resampling import bootstrap_of, sequence_bootstrap

NO_LABEL = ""
"""Stands in a truth where the field is not labelled."""
LABELS: Mapping[str, str] = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
}
"""What a table calls each metric of `score_classes`. Higher is better for all of them."""


def recalls(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Class -> share of its rows that were told; two (n,) of class names, classes of `truth` in sorted order."""
    names, hits = _hits(*_labelled(predicted, truth))
    return dict(zip(map(str, names), np.nanmean(hits, axis=0).tolist(), strict=True))


def balanced_accuracy(predicted: np.ndarray, truth: np.ndarray) -> float:
    """The mean of the recalls of the classes that occur in `truth`, (n,) each (Brodersen et al. 2010).

    A constant answer gets 1 / number of classes. ValueError when the lengths differ or there is no labelled row.
    """
    return float(np.mean(list(recalls(predicted, truth).values())))


def balanced_accuracy_interval(
    predicted: np.ndarray, truth: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Interval:
    """`balanced_accuracy` with its 95 % interval over resampled sequences; `sequence` is (n,) names.

    A class that a resample has missed does not count in it. There is no interval (NaN) where some class occurs in one
    sequence only: it says nothing about that class in another.
    """
    predicted, truth, sequence = _labelled(predicted, truth, sequence)
    _, hits = _hits(predicted, truth)
    return bootstrap_of(lambda means: np.nanmean(means, axis=1), hits, sequence, bootstrap)


def accuracy(
    predicted: np.ndarray, truth: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Interval:
    """The share of the labelled rows that were told; everything else as in `balanced_accuracy_interval`."""
    predicted, truth, sequence = _labelled(predicted, truth, sequence)
    told = (predicted == truth).astype(np.float64)[:, None]
    return sequence_bootstrap(told, sequence, bootstrap)[0]


def macro_f1(
    predicted: np.ndarray, truth: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Interval:
    """The mean of the F1 scores of the classes that occur in `truth`: each is 2 tp / (answers + truths).

    (Sokolova and Lapalme 2009, table 3, with the mean of F1 scores.) Wrong answers cost the class that was missed and
    the class that was said. Shapes and errors as in `balanced_accuracy_interval`; a class that a resample has missed
    does not count in it.
    """
    predicted, truth, sequence = _labelled(predicted, truth, sequence)
    said, true = (each[:, None] == np.unique(truth) for each in (predicted, truth))
    columns = np.concatenate([said & true, said, true], axis=1).astype(np.float64)
    return bootstrap_of(mean_of_f1, columns, sequence, bootstrap)


def mean_of_f1(means: np.ndarray) -> np.ndarray:
    """The mean of the F1 scores of k classes: (r, 3 k) shares of hits, then of answers, then of truths -> (r,).

    A class that occurs in no truth has no F1 and does not count; NaN where no class does.
    """
    hit, said, true = np.split(means, 3, axis=1)
    counts = true > 0
    f1 = np.where(counts, 2 * hit / np.where(counts, said + true, 1.0), 0.0)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = f1.sum(axis=1) / counts.sum(axis=1)
    return mean


def score_classes(
    predicted: np.ndarray, truth: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> dict[str, Interval]:
    """Each metric of `LABELS` by name; shapes, intervals and errors as in `balanced_accuracy_interval`."""
    metrics = (accuracy, balanced_accuracy_interval, macro_f1)
    found = [metric(predicted, truth, sequence, bootstrap) for metric in metrics]
    return dict(zip(LABELS, found, strict=True))


def majority(truth: np.ndarray) -> str:
    """The class with the most rows, the first in sorted order of several: what to say without looking."""
    names, counts = np.unique(truth[truth != NO_LABEL], return_counts=True)
    return str(names[counts.argmax()])


def _labelled(predicted: np.ndarray, truth: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """All of them without the rows that have no label."""
    labelled = truth != NO_LABEL
    if truth.ndim != 1 or predicted.shape != truth.shape or not labelled.any():
        raise ValueError(
            f"fields need as many answers as truths, (n,) with n > 0 labelled: {predicted.shape}, {truth.shape}"
        )
    return tuple(each[labelled] for each in (predicted, truth, *others))


def _hits(predicted: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The classes (k,), and (n, k) with 1 where a row of the class was told, 0 where not, NaN for other classes."""
    names = np.unique(truth)
    told = (predicted == truth).astype(np.float64)
    return names, np.where(truth[:, None] == names, told[:, None], np.nan)
