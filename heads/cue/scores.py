"""The cue head's scores: each question's accuracy, and coverage and size of its sets, beside what sees no image."""

from collections.abc import Mapping, Sequence

import numpy as np

from roadcue.heads.class_scores import (
    CLASS_COLUMNS,
    CLASS_HEADLINE,
    class_figures,
    ood_score_of,
    score_table,
    selective_tables,
    with_differences,
)
from roadcue.heads.cue.answers import QUESTIONS
from roadcue.heads.cue.rules import CUES
from roadcue.heads.field.labels import UNKNOWN
from roadcue.heads.head import Arrays
from roadcue.heads.row_answers import RowAnswers, class_answers
from roadcue.metrics.bootstrap import Bootstrap, Interval
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.metrics.score_table import ScoreTable
from roadcue.metrics.uncertainty import SET_LABELS, score_sets

_OPPOSITE = {"opposite": "opposite way"}


def cue_scores(
    methods: Mapping[str, Arrays], truth: np.ndarray, sequence: np.ndarray, coverage: float, bootstrap: Bootstrap
) -> list[ScoreTable]:
    """A table for each of cue and pace, unless no row has an answer.

    `methods`: name -> `CueHead.forward` of n rows; `truth` (n, 2) int64, places in `CUES` and `PACES`, -1 unknown;
    `sequence` (n,) names of whole drives; `coverage`: the share of rows whose set should hold the true answer.
    """
    meaning = (
        f"Sets are made to hold the true answer in {coverage:.0%} of the frames; not sure: a set of none or several."
    )
    tables = []
    for place, (question, answers) in enumerate(QUESTIONS.items()):
        known = truth[:, place] != UNKNOWN
        if known.any():
            true, sequences = truth[known, place], sequence[known]
            scores, picks = {}, {}
            for name, prediction in methods.items():
                probabilities = prediction["cue_probabilities"][known, place]
                predicted, sets = probabilities.argmax(axis=1), prediction["cue_sets"][known, place]
                picks[name] = predicted
                figures = class_figures(np.array(answers), predicted, probabilities, true, sequences, bootstrap)
                scores[name] = {
                    **figures,
                    **score_sets(sets, true, sequences, bootstrap),
                    **_opposite(answers, predicted, true, sequences, bootstrap),
                }
            shown = {key: CLASS_COLUMNS[key] for key in ("accuracy", "balanced_accuracy", "calibration_error")}
            columns = {**shown, **(_OPPOSITE if answers is CUES else {}), **SET_LABELS}
            compared = with_differences(scores, picks, true, sequences, bootstrap)
            tables.append(score_table(question.capitalize(), columns, compared, sequences, meaning, CLASS_HEADLINE))
            judged = {
                name: (picks[name], each["cue_probabilities"][known, place], ood_score_of(each, known))
                for name, each in methods.items()
            }
            tables += selective_tables(question.capitalize(), judged, true, sequences, bootstrap)
    return tables


def cue_row_answers(prediction: Arrays, truth: np.ndarray, taught: Sequence[bool]) -> dict[str, RowAnswers]:
    """Question -> the answers of n rows, of the questions that were `taught` (2,).

    `prediction`: `CueHead.forward` of the rows; `truth` (n, 2) as in `cue_scores`.
    """
    return {
        question: class_answers(
            answers,
            prediction["cue_probabilities"][:, place].argmax(axis=1),
            prediction["cue_probabilities"][:, place],
            truth[:, place],
            prediction["cue_sets"][:, place],
        )
        for place, (question, answers) in enumerate(QUESTIONS.items())
        if taught[place]
    }


def _opposite(
    answers: Sequence[str], predicted: np.ndarray, truth: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap
) -> Mapping[str, Interval]:
    """The share of the rows of which the one side is said where it is the other; of paces there is no such share."""
    if answers is not CUES:
        return {}
    last = len(CUES) - 1  # left and right are the first and the last
    opposite = (predicted != truth) & (predicted + truth == last) & (predicted % last == 0)
    (share,) = sequence_bootstrap(opposite[:, None].astype(np.float64), sequence, bootstrap)
    return {"opposite": share}
