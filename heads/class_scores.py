"""Scores of a question with one answer of several classes: what the field and the cue head have in common."""

from collections.abc import Mapping

import numpy as np

from roadcue.metrics.bootstrap import Bootstrap, Interval
from roadcue.metrics.classification import score_classes
from roadcue.metrics.score_table import ScoreTable
from roadcue.metrics.uncertainty import expected_calibration_error

Figures = Mapping[str, Interval]
CLASS_COLUMNS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "calibration_error": "calibration error",
}
"""Figure -> the title of its column."""
OF_CALIBRATION = "The calibration error is 0 when answers given with 80 % come true in 80 % of the cases."


def class_figures(
    words: np.ndarray,
    predicted: np.ndarray,
    probabilities: np.ndarray,
    truth: np.ndarray,
    sequence: np.ndarray,
    bootstrap: Bootstrap,
) -> Figures:
    """The figures of `CLASS_COLUMNS`; the calibration error is that of the most probable class.

    `words` (k,) names of the k classes; `predicted` and `truth` (n,) int, places in `words`; `probabilities` (n, k);
    `sequence` (n,) names of whole drives.
    """
    right = probabilities.argmax(axis=1) == truth
    error = expected_calibration_error(probabilities.max(axis=1), right, sequence, bootstrap)
    return {**score_classes(words[predicted], words[truth], sequence, bootstrap), "calibration_error": error}


def score_table(
    title: str, columns: Mapping[str, str], scores: Mapping[str, Figures], sequence: np.ndarray, meaning: str
) -> ScoreTable:
    """Method -> figures as a table; `sequence` (n,) names the drive of each row that was scored."""
    rows, sequences = len(sequence), len(np.unique(sequence))
    return ScoreTable(title, columns, scores, rows, sequences, meaning, ("calibration_error", "size"))
