"""What a head says of single rows, one question at a time, beside what is true."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RowAnswers:
    """The answers to one question of n rows.

    `answer` (n,) and `truth` (n,) are words, the truth "" where it is unknown. `right` (n,) float64 is 1 where they
    are the same and 0 where not, of several kinds of object the share of them; NaN where the truth is unknown.
    `probability` (n,) float64 is that of the answer; `set_size` (n,) int64 how many answers cannot be ruled out, None
    of a question without sets. `classes` are the possible answers in order, none of a question that has too many.
    `labelled` (n,) are of objects the names of the kinds with a label, with commas; None of other questions.
    """

    answer: np.ndarray
    truth: np.ndarray
    right: np.ndarray
    probability: np.ndarray
    set_size: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    labelled: np.ndarray | None = None


def class_answers(
    words: Sequence[str],
    predicted: np.ndarray,
    probabilities: np.ndarray,
    truth: np.ndarray,
    sets: np.ndarray | None = None,
) -> RowAnswers:
    """Those to a question with one answer of k `words`.

    `predicted` (n,) and `truth` (n,) int64 are places in `words`, the truth -1 where it is unknown; `probabilities`
    (n, k); `sets` (n, k) bool, what cannot be ruled out.
    """
    names = np.array([*words, ""])  # the place -1 is the last
    return RowAnswers(
        names[predicted],
        names[truth],
        np.where(truth < 0, np.nan, predicted == truth),
        np.take_along_axis(probabilities, predicted[:, None], axis=1)[:, 0].astype(np.float64),
        None if sets is None else sets.sum(axis=1),
        tuple(words),
    )


def unjudged(answers: Sequence[str]) -> RowAnswers:
    """Those of n rows of which nobody knows whether they are right, nor how probable they are."""
    unknown = np.full(len(answers), np.nan)
    return RowAnswers(np.array(answers, str), np.full(len(answers), ""), unknown, unknown)
