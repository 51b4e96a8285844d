"""How well heads that answer questions do on the rows whose answers are known, beside what sees no image."""

from collections.abc import Callable, Mapping
from typing import TypedDict

import numpy as np

from roadcue.heads.cue.head import QUESTIONS, CueHead
from roadcue.heads.field.head import FieldHead
from roadcue.heads.field.labels import OBJECT_COLUMNS, POSITION_CLASSES, UNKNOWN
from roadcue.heads.multi_head import RoadModel
from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.calibration_error import expected_calibration_error
from roadcue.metrics.fields import score_field
from roadcue.metrics.objects import score_places, score_presence
from roadcue.metrics.prediction_sets import LABELS, score_sets
from roadcue.metrics.score_table import ScoreTable
from roadcue.prompts.annotation import OBJECT_KINDS
from roadcue.prompts.bvpi import road_vs_sidewalk
from roadcue.schema import HeadTargets
from roadcue.training.heads.predictions import Answers

Methods = Mapping[str, Answers]
Figures = Mapping[str, Interval]
_CLASSES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "calibration_error": "calibration error",
}
_CALIBRATION = "The calibration error is 0 when answers given with 80 % come true in 80 % of the cases."


def field_scores(
    model: RoadModel, methods: Methods, targets: HeadTargets, sequence: np.ndarray, *, resamples: int, seed: int
) -> list[ScoreTable]:
    """A table each for sidewalk and road, and one for near and far objects; `sequence` (n,) names."""
    drawn_alike = Bootstrap(resamples=resamples, seed=seed)
    positions, objects = targets["positions"].numpy(), targets["objects"].numpy()
    tables = []
    for field, (column, classes) in enumerate(POSITION_CLASSES.items()):
        known = positions[:, field] != UNKNOWN
        if known.any():
            scores = {
                name: _class_figures(
                    np.array(classes),
                    answers["position"][known, field],
                    answers["position_probabilities"][known, field],
                    positions[known, field],
                    sequence[known],
                    drawn_alike,
                )
                for name, answers in methods.items()
            }
            title = f"{column.removesuffix('_pos').capitalize()} position"
            tables.append(_table(title, _CLASSES, scores, sequence[known], _CALIBRATION))
    known = (positions != UNKNOWN).all(axis=1)
    if known.any():
        true = _relations(positions[known])
        scores = {
            name: score_field(_relations(answers["position"][known]), true, sequence[known], **drawn_alike)
            for name, answers in methods.items()
        }
        columns = {key: _CLASSES[key] for key in ("accuracy", "balanced_accuracy", "macro_f1")}
        tables.append(_table("Road as seen from the sidewalk", columns, scores, sequence[known], _OF_RELATIONS))
    known = ~np.isnan(objects).any(axis=3)
    if known.any():
        scores = {
            name: _object_figures(answers["seen"], objects == 1, known, sequence, drawn_alike)
            for name, answers in methods.items()
        }
        tables.append(_table("Objects, macro F1", _OBJECTS, scores, sequence[known.any(axis=(1, 2))], _OF_OBJECTS))
    return tables


def cue_scores(
    model: RoadModel, methods: Methods, targets: HeadTargets, sequence: np.ndarray, *, resamples: int, seed: int
) -> list[ScoreTable]:
    """A table each for cue and pace; arguments as of `field_scores`."""
    head = model.heads["cue"]
    assert isinstance(head, CueHead)
    drawn_alike = Bootstrap(resamples=resamples, seed=seed)
    truth = head.truth(targets).numpy()
    meaning = (
        f"Sets are made to hold the true answer in {head.config.coverage:.0%} of the frames; not sure: a set of none "
        "or several."
    )
    tables = []
    for place, (question, words) in enumerate(QUESTIONS.items()):
        known = truth[:, place] != UNKNOWN
        if known.any():
            true, sequences = truth[known, place], sequence[known]
            scores = {}
            for name, answers in methods.items():
                probabilities = answers["cue_probabilities"][known, place]
                said, sets = probabilities.argmax(axis=1), answers["cue_sets"][known, place]
                told = _class_figures(np.array(words), said, probabilities, true, sequences, drawn_alike)
                scores[name] = {**told, **score_sets(sets, true, sequences, **drawn_alike)}
            columns = {key: _CLASSES[key] for key in ("accuracy", "balanced_accuracy", "calibration_error")}
            tables.append(_table(question.capitalize(), {**columns, **LABELS}, scores, sequences, meaning))
    return tables


class Bootstrap(TypedDict):
    """How intervals are drawn."""

    resamples: int
    seed: int


_OBJECTS = {
    "near_presence": "near presence",
    "near_place": "near place",
    "far_presence": "far presence",
    "far_place": "far place",
}
_OF_RELATIONS = "Left of it, right of it, crossing in front, or unknown: computed from the two positions."
_OF_OBJECTS = "Mean F1 of the kinds that occur: of whether one is there, and of the sides on which it is."


def _relations(positions: np.ndarray) -> np.ndarray:
    """(n, 2) classes of `POSITION_CLASSES` -> (n,) of words."""
    sidewalks, roads = POSITION_CLASSES.values()
    return np.array([road_vs_sidewalk(sidewalks[sidewalk], roads[road]) for sidewalk, road in positions.tolist()])


def _class_figures(
    words: np.ndarray,
    said: np.ndarray,
    probabilities: np.ndarray,
    truth: np.ndarray,
    sequence: np.ndarray,
    drawn_alike: Bootstrap,
) -> Figures:
    """The figures of `_CLASSES`; the calibration error is that of the most probable class."""
    right = probabilities.argmax(axis=1) == truth
    error = expected_calibration_error(probabilities.max(axis=1), right, sequence, **drawn_alike)
    return {**score_field(words[said], words[truth], sequence, **drawn_alike), "calibration_error": error}


def _object_figures(
    said: np.ndarray, true: np.ndarray, known: np.ndarray, sequence: np.ndarray, drawn_alike: Bootstrap
) -> Figures:
    """The figures of `_OBJECTS`: (n, 2, 9, 3) claims and truths, and (n, 2, 9) what is labelled, all bool."""
    found = []
    for distance in range(len(OBJECT_COLUMNS)):
        claims, truths, labelled = said[:, distance], true[:, distance], known[:, distance]
        claimed, there = np.asarray(claims.any(axis=2)), np.asarray(truths.any(axis=2))
        found.append(score_presence(claimed, there, labelled, sequence, OBJECT_KINDS, **drawn_alike))
        found.append(score_places(claimed, claims, there, truths, labelled, sequence, OBJECT_KINDS, **drawn_alike))
    return {key: scores.macro for key, scores in zip(_OBJECTS, found, strict=True)}


Scores = Callable[..., list[ScoreTable]]
SCORES: Mapping[str, Scores] = {FieldHead.name: field_scores, CueHead.name: cue_scores}
"""Head -> what scores its answers."""


def _table(
    title: str, columns: Mapping[str, str], scores: Mapping[str, Figures], sequence: np.ndarray, meaning: str
) -> ScoreTable:
    rows, sequences = len(sequence), len(np.unique(sequence))
    return ScoreTable(title, columns, scores, rows, sequences, meaning, ("calibration_error", "size"))
