"""How well heads that answer questions do on the rows whose answers are known, beside what sees no image."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from heads.cue import QUESTIONS, CueHead
from heads.field import FieldHead
from heads.fields import OBJECT_COLUMNS, UNKNOWN
from heads.inputs import HeadTargets
from metrics import classification, prediction_sets
from metrics.bootstrap import Interval
from metrics.classification import macro_f1, score_classes
from metrics.prediction_sets import score_sets
from reports.answers_table import AnswerScores
from training.predictions import Answers
from training.road_model import RoadModel

Methods = Mapping[str, Answers]
Figures = Mapping[str, Interval]
_CALIBRATION = "The calibration error is 0 when answers given with 80 % come true in 80 % of the cases."


def field_scores(
    model: RoadModel, methods: Methods, targets: HeadTargets, sequence: np.ndarray, *, resamples: int, seed: int
) -> list[AnswerScores]:
    """A table each for sidewalk and road, and one for near and far objects; `sequence` (n,) names."""
    drawn = {"resamples": resamples, "seed": seed}
    positions, objects = targets["positions"].numpy(), targets["objects"].numpy()
    tables = []
    for field, title in enumerate(("Sidewalk", "Road")):
        known = positions[:, field] != UNKNOWN

        def of_field(answers: Answers, field: int = field, known: np.ndarray = known) -> Figures:
            said, probabilities = answers["position"][known, field], answers["position_probabilities"][known, field]
            return score_classes(said, probabilities, positions[known, field], sequence[known], **drawn)

        columns = classification.LABELS
        tables += _table(f"{title} position", columns, methods, of_field, sequence[known], _CALIBRATION)
    columns = {
        f"{distance}_{key}": f"{distance} {key}" for distance in ("near", "far") for key in ("presence", "place")
    }
    labelled = ~np.isnan(objects).any(axis=(1, 2, 3))

    def of_objects(answers: Answers) -> Figures:
        said, true = answers["seen"][labelled], objects[labelled] == 1
        pairs = [
            pair
            for distance in range(len(OBJECT_COLUMNS))
            for pair in (
                (said[:, distance].any(axis=2), true[:, distance].any(axis=2)),
                (said[:, distance], true[:, distance]),
            )
        ]
        scores = (macro_f1(one, other, sequence[labelled], **drawn) for one, other in pairs)
        return dict(zip(columns, scores, strict=True))

    meaning = "Mean F1 of the nine kinds: of whether one is there, and of the sides on which it is."
    return [*tables, *_table("Objects, macro F1", columns, methods, of_objects, sequence[labelled], meaning)]


def cue_scores(
    model: RoadModel, methods: Methods, targets: HeadTargets, sequence: np.ndarray, *, resamples: int, seed: int
) -> list[AnswerScores]:
    """A table each for cue and pace."""
    head = model.heads["cue"]
    assert isinstance(head, CueHead)
    truth = head.truth(targets).numpy()
    drawn = {"resamples": resamples, "seed": seed}
    classes = {key: classification.LABELS[key] for key in ("accuracy", "balanced_accuracy", "calibration_error")}
    columns = {**classes, **prediction_sets.LABELS}
    tables = []
    for place, question in enumerate(QUESTIONS):
        known = truth[:, place] != UNKNOWN

        def of_question(answers: Answers, place: int = place, known: np.ndarray = known) -> Figures:
            probabilities, sets = answers["cue_probabilities"][known, place], answers["cue_sets"][known, place]
            true, sequences = truth[known, place], sequence[known]
            told = score_classes(probabilities.argmax(axis=1), probabilities, true, sequences, **drawn)
            return {**told, **score_sets(sets, true, sequences, **drawn)}

        meaning = (
            f"Sets are made to hold the true answer in {head.config.coverage:.0%} of the frames; not sure: a set of "
            "none or several."
        )
        title = question.capitalize()
        tables += _table(title, columns, methods, of_question, sequence[known], meaning, plain=("size",))
    return tables


Scores = Callable[..., list[AnswerScores]]
SCORES: Mapping[str, Scores] = {FieldHead.name: field_scores, CueHead.name: cue_scores}
"""Head -> what scores its answers."""


def _table(
    title: str,
    columns: Mapping[str, str],
    methods: Methods,
    figures: Callable[[Answers], Figures],
    sequence: np.ndarray,
    meaning: str,
    plain: Sequence[str] = (),
) -> list[AnswerScores]:
    """The table, or none where no row is labelled."""
    if not len(sequence):
        return []
    scores = {name: figures(answers) for name, answers in methods.items()}
    rows, sequences = len(sequence), len(np.unique(sequence))
    return [AnswerScores(title, columns, scores, rows, sequences, meaning, ("calibration_error", *plain))]
