"""Scores of a question with one answer of several classes: what the field and the cue head have in common."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from roadcue.heads.head import Arrays
from roadcue.heads.ood_detector import OOD_SCORE
from roadcue.metrics.bootstrap import Bootstrap, Interval
from roadcue.metrics.classification import balanced_accuracy_difference, score_classes
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.metrics.score_table import DIFFERENCE, ScoreTable
from roadcue.metrics.selective import augrc, risk_coverage
from roadcue.metrics.uncertainty import expected_calibration_error

Figures = Mapping[str, Interval]
CLASS_COLUMNS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "calibration_error": "calibration error",
}
"""Figure -> the title of its column."""
CLASS_HEADLINE = "balanced_accuracy"
"""The figure by which it is said which method wins: a class counts the same, however rare it is."""
_NO_SHARES = ("calibration_error", "size", "augrc", "augrc_probability")
OF_CALIBRATION = "The calibration error is 0 when answers given with 80 % come true in 80 % of the cases."


def class_figures(
    words: np.ndarray,
    predicted: np.ndarray,
    probabilities: np.ndarray,
    truth: np.ndarray,
    sequence: np.ndarray,
    bootstrap: Bootstrap,
) -> Figures:
    """The figures of `CLASS_COLUMNS`; the calibration error is that of the answers, which need not be most probable.

    `words` (k,) names of the k classes; `predicted` and `truth` (n,) int, places in `words`; `probabilities` (n, k);
    `sequence` (n,) names of whole drives.
    """
    confidence = probabilities[np.arange(len(predicted)), predicted]
    error = expected_calibration_error(confidence, predicted == truth, sequence, bootstrap)
    return {**score_classes(words[predicted], words[truth], sequence, bootstrap), "calibration_error": error}


def with_differences(
    scores: Mapping[str, Figures],
    predicted: Mapping[str, np.ndarray],
    truth: np.ndarray,
    sequence: np.ndarray,
    bootstrap: Bootstrap,
) -> Mapping[str, Figures]:
    """The scores with each method's balanced accuracy minus that of the first one.

    `predicted`: method -> (n,) int, and `truth` (n,) int, places of classes; `sequence` (n,) names of whole drives.
    """
    classes, (first, *others) = truth.astype(str), predicted
    words = {name: each.astype(str) for name, each in predicted.items()}
    gaps = {
        name: balanced_accuracy_difference(words[name], words[first], classes, sequence, bootstrap) for name in others
    }
    return {first: scores[first], **{name: {**scores[name], DIFFERENCE: gap} for name, gap in gaps.items()}}


def score_table(
    title: str,
    columns: Mapping[str, str],
    scores: Mapping[str, Figures],
    sequence: np.ndarray,
    meaning: str,
    headline: str | None = None,
) -> ScoreTable:
    """Method -> figures as a table; `sequence` (n,) names the drive of each row that was scored."""
    rows, sequences = len(sequence), len(np.unique(sequence))
    return ScoreTable(title, columns, scores, rows, sequences, meaning, _NO_SHARES, headline=headline)


SELECTIVE_COLUMNS = {
    "flagged": "unlike",
    "accuracy": "accuracy",
    "answered": "accuracy, answered",
    "augrc": "AUGRC",
    "augrc_probability": "AUGRC by probability",
}
_OF_SELECTION = (
    "Unlike: the share of pictures unlike the training pictures, which are not answered. AUGRC: the share of wrong "
    "answers, averaged over all shares answered, unlike pictures last and then the least probable answers; by "
    "probability: those alone."
)


def ood_score_of(prediction: Arrays, rows: np.ndarray) -> np.ndarray | None:
    """The OOD scores of some rows, of a method that sees pictures."""
    return prediction[OOD_SCORE][rows] if OOD_SCORE in prediction else None


def selective_tables(
    title: str,
    methods: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray | None]],
    truth: np.ndarray,
    sequence: np.ndarray,
    bootstrap: Bootstrap,
) -> list[ScoreTable]:
    """What not answering gains, for those `methods` that tell pictures unlike the training pictures: a table or none.

    Of each method its answers (n,) int, the probabilities (n, k), and the OOD scores (n,), None where it sees no
    picture; `truth` (n,) int, `sequence` (n,) names of whole drives.
    """
    scores, curves = {}, {}
    for name, (predicted, probabilities, ood_score) in methods.items():
        if ood_score is None:
            continue
        right, unlike = predicted == truth, ood_score > 1
        improbable = 1 - probabilities[np.arange(len(predicted)), predicted].astype(np.float64)
        doubt = np.where(unlike, 1 + ood_score, improbable)
        columns = np.stack([unlike, right, np.where(unlike, np.nan, right)], axis=1).astype(np.float64)
        figures = dict(zip(SELECTIVE_COLUMNS, sequence_bootstrap(columns, sequence, bootstrap), strict=False))
        scores[name] = {
            **figures,
            "augrc": augrc(doubt, right, sequence, bootstrap),
            "augrc_probability": augrc(improbable, right, sequence, bootstrap),
        }
        curves[name] = risk_coverage(doubt, right)
    if not scores:
        return []
    table = score_table(f"{title}, answered or not", SELECTIVE_COLUMNS, scores, sequence, _OF_SELECTION)
    return [replace(table, curves=curves)]
