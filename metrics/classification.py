"""Classification of a field with a few classes: each class counts the same, however rare it is.

Predictions and targets are (n,) of class names. A target of `NO_LABEL` is left out; a prediction that is none of the
targets' classes, such as the empty one of a text that could not be understood, is wrong.
"""

from collections.abc import Mapping

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.resampling import bootstrap_of, sequence_bootstrap

NO_LABEL = ""
"""Stands in a target where the field is not labelled."""
LABELS: Mapping[str, str] = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
}
"""What a table calls each metric of `score_classes`. Higher is better for all of them."""


def recalls(predicted: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """Class -> recall; two (n,) of class names, classes of `target` in sorted order."""
    names, hits = _hits(*_labelled(predicted, target))
    return dict(zip(map(str, names), np.nanmean(hits, axis=0).tolist(), strict=True))


def balanced_accuracy(predicted: np.ndarray, target: np.ndarray) -> float:
    """The mean of the recalls of the classes that occur in `target`, (n,) each (Brodersen et al. 2010).

    A constant prediction gets 1 / number of classes. ValueError when the lengths differ or there is no labelled row.
    """
    return float(np.mean(list(recalls(predicted, target).values())))


def balanced_accuracy_interval(
    predicted: np.ndarray, target: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Interval:
    """`balanced_accuracy` with its 95 % interval over resampled sequences; `sequence` is (n,) names.

    A class that a resample has missed does not count in it. There is no interval (NaN) where some class occurs in one
    sequence only: it says nothing about that class in another.
    """
    predicted, target, sequence = _labelled(predicted, target, sequence)
    _, hits = _hits(predicted, target)
    return bootstrap_of(lambda means: np.nanmean(means, axis=1), hits, sequence, bootstrap)


def balanced_accuracy_difference(
    predicted: np.ndarray,
    reference: np.ndarray,
    target: np.ndarray,
    sequence: np.ndarray,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Interval:
    """`balanced_accuracy` of `predicted` minus that of `reference`, (n,) both, in pairs on the same resamples.

    Everything else as in `balanced_accuracy_interval`; above zero, `predicted` is better.
    """
    reference, _ = _labelled(reference, target)
    predicted, target, sequence = _labelled(predicted, target, sequence)
    hits = np.concatenate([_hits(each, target)[1] for each in (predicted, reference)], axis=1)

    def gain(means: np.ndarray) -> np.ndarray:
        ours, theirs = np.split(means, 2, axis=1)
        difference: np.ndarray = np.nanmean(ours, axis=1) - np.nanmean(theirs, axis=1)
        return difference

    return bootstrap_of(gain, hits, sequence, bootstrap)


def accuracy(
    predicted: np.ndarray, target: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Interval:
    """The share of the labelled rows that are right; everything else as in `balanced_accuracy_interval`."""
    predicted, target, sequence = _labelled(predicted, target, sequence)
    right = (predicted == target).astype(np.float64)[:, None]
    return sequence_bootstrap(right, sequence, bootstrap)[0]


def macro_f1(
    predicted: np.ndarray, target: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Interval:
    """The mean of the F1 scores of the classes that occur in `target`: each is 2 tp / (predictions + targets).

    (Sokolova and Lapalme 2009, table 3, with the mean of F1 scores.) A wrong prediction costs the class that was
    missed and the class that was predicted. Shapes and errors as in `balanced_accuracy_interval`; a class that a
    resample has missed does not count in it.
    """
    predicted, target, sequence = _labelled(predicted, target, sequence)
    claims, truth = (each[:, None] == np.unique(target) for each in (predicted, target))
    columns = np.concatenate([claims & truth, claims, truth], axis=1).astype(np.float64)
    return bootstrap_of(mean_of_f1, columns, sequence, bootstrap)


def mean_of_f1(means: np.ndarray) -> np.ndarray:
    """The mean of the F1 scores of k classes: (r, 3 k) shares of hits, then of predictions, then of targets -> (r,).

    A class that occurs in no target has no F1 and does not count; NaN where no class does.
    """
    hits, predictions, truth = np.split(means, 3, axis=1)
    counts = truth > 0
    f1 = np.where(counts, 2 * hits / np.where(counts, predictions + truth, 1.0), 0.0)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = f1.sum(axis=1) / counts.sum(axis=1)
    return mean


def score_classes(
    predicted: np.ndarray, target: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> dict[str, Interval]:
    """Each metric of `LABELS` by name; shapes, intervals and errors as in `balanced_accuracy_interval`."""
    metrics = (accuracy, balanced_accuracy_interval, macro_f1)
    scores = [metric(predicted, target, sequence, bootstrap) for metric in metrics]
    return dict(zip(LABELS, scores, strict=True))


def class_hits(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(n, k) of the k classes that occur: 1 where a row of the class is right, 0 where not, NaN for other classes.

    The mean of a column is the recall of its class; a row without a label is in none.
    """
    right = (predicted == target).astype(np.float64)
    names = np.unique(target[target != NO_LABEL])
    return np.where(target[:, None] == names, right[:, None], np.nan)


def majority(target: np.ndarray) -> str:
    """The class with the most rows, the first in sorted order of several: the best constant prediction."""
    names, counts = np.unique(target[target != NO_LABEL], return_counts=True)
    return str(names[counts.argmax()])


def _labelled(predicted: np.ndarray, target: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """All of them without the rows that have no label."""
    labelled = target != NO_LABEL
    if target.ndim != 1 or predicted.shape != target.shape or not labelled.any():
        raise ValueError(
            f"fields need as many predictions as targets, (n,) with n > 0 labelled: {predicted.shape}, {target.shape}"
        )
    return tuple(each[labelled] for each in (predicted, target, *others))


def _hits(predicted: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The classes (k,), and their `class_hits` (n, k)."""
    return np.unique(target), class_hits(predicted, target)
