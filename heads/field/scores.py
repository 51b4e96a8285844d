"""The field head's scores: sidewalk, road, their relation, and near and far objects, beside what sees no image."""

from collections.abc import Mapping

import numpy as np

from roadcue.heads.class_scores import (
    CLASS_COLUMNS,
    CLASS_HEADLINE,
    OF_CALIBRATION,
    class_figures,
    ood_score_of,
    score_table,
    selective_tables,
    with_differences,
)
from roadcue.heads.field.labels import OBJECT_COLUMNS, POSITION_CLASSES, UNKNOWN
from roadcue.heads.head import Arrays
from roadcue.metrics.bootstrap import Bootstrap, Interval
from roadcue.metrics.classification import score_classes
from roadcue.metrics.objects import ObjectScores, place_difference, score_places, score_presence
from roadcue.metrics.score_table import DIFFERENCE, ScoreTable
from roadcue.prompts.annotation import OBJECT_KINDS
from roadcue.prompts.bvpi import road_vs_sidewalk
from roadcue.schema import HeadTargets

_OBJECTS = {
    "near_presence": "near presence",
    "near_place": "near place",
    "far_presence": "far presence",
    "far_place": "far place",
}
_OF_RELATIONS = "Left of it, right of it, crossing in front, or unknown: computed from the two positions."
_OF_OBJECTS = "Mean F1 of the kinds that occur: of whether one is there, and of the sides on which it is."


def field_scores(
    methods: Mapping[str, Arrays], targets: HeadTargets, sequence: np.ndarray, bootstrap: Bootstrap
) -> list[ScoreTable]:
    """Tables for sidewalk, road, their relation, and objects, near and far; without those that have no labelled row.

    `methods`: name -> `FieldHead.forward` of n rows; `targets`: "positions" (n, 2) and "objects" (n, 2, 9, 3);
    `sequence` (n,) names of whole drives.
    """
    positions, objects = targets["positions"].numpy(), targets["objects"].numpy()
    tables = []
    for field, (column, classes) in enumerate(POSITION_CLASSES.items()):
        known = positions[:, field] != UNKNOWN
        if known.any():
            scores = {
                name: class_figures(
                    np.array(classes),
                    prediction["position"][known, field],
                    prediction["position_probabilities"][known, field],
                    positions[known, field],
                    sequence[known],
                    bootstrap,
                )
                for name, prediction in methods.items()
            }
            title = f"{column.removesuffix('_pos').capitalize()} position"
            picks = {name: prediction["position"][known, field] for name, prediction in methods.items()}
            compared = with_differences(scores, picks, positions[known, field], sequence[known], bootstrap)
            tables.append(
                score_table(title, CLASS_COLUMNS, compared, sequence[known], OF_CALIBRATION, CLASS_HEADLINE)
            )
            judged = {
                name: (picks[name], each["position_probabilities"][known, field], ood_score_of(each, known))
                for name, each in methods.items()
            }
            tables += selective_tables(title, judged, positions[known, field], sequence[known], bootstrap)
    known = (positions != UNKNOWN).all(axis=1)
    if known.any():
        true = _relations(positions[known])
        scores = {
            name: score_classes(_relations(prediction["position"][known]), true, sequence[known], bootstrap)
            for name, prediction in methods.items()
        }
        columns = {key: CLASS_COLUMNS[key] for key in ("accuracy", "balanced_accuracy", "macro_f1")}
        tables.append(score_table("Road as seen from the sidewalk", columns, scores, sequence[known], _OF_RELATIONS))
    known = ~np.isnan(objects).any(axis=3)
    if known.any():
        of_objects = {
            name: _object_figures(prediction["seen"], objects == 1, known, sequence, bootstrap)
            for name, prediction in methods.items()
        }
        (first, *others), near = methods, (objects[:, 0] == 1, known[:, 0])
        for name in others:
            seen, reference = (methods[each]["seen"][:, 0] for each in (name, first))
            of_objects[name][DIFFERENCE] = place_difference(seen, reference, *near, sequence, bootstrap)
        labelled = sequence[known.any(axis=(1, 2))]
        tables.append(score_table("Objects, macro F1", _OBJECTS, of_objects, labelled, _OF_OBJECTS, "near_place"))
    return tables


def objects_by_kind(
    prediction: Arrays, targets: HeadTargets, sequence: np.ndarray, bootstrap: Bootstrap
) -> dict[str, tuple[ObjectScores, ObjectScores]]:
    """Near and far: scores of each kind by presence and by place; without what is nowhere labelled.

    `prediction`: `FieldHead.forward` of n rows; `targets` and `sequence` as in `field_scores`.
    """
    objects = targets["objects"].numpy()
    known = ~np.isnan(objects).any(axis=3)
    return {
        distance: _scores_of(prediction["seen"], objects == 1, known, place, sequence, bootstrap)
        for place, distance in enumerate(("near", "far"))
        if known[:, place].any()
    }


def _relations(positions: np.ndarray) -> np.ndarray:
    """Positions (n, 2), classes of `POSITION_CLASSES` -> (n,) words: where the road is, seen from the sidewalk."""
    sidewalks, roads = POSITION_CLASSES.values()
    return np.array([road_vs_sidewalk(sidewalks[sidewalk], roads[road]) for sidewalk, road in positions.tolist()])


def _object_figures(
    predicted: np.ndarray, true: np.ndarray, known: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap
) -> dict[str, Interval]:
    """The figures of `_OBJECTS`: sides `predicted`, `true` (n, 2, 9, 3); labelled kinds `known` (n, 2, 9); bool."""
    macro = [
        scores.macro
        for distance in range(len(OBJECT_COLUMNS))
        for scores in _scores_of(predicted, true, known, distance, sequence, bootstrap)
    ]
    return dict(zip(_OBJECTS, macro, strict=True))


def _scores_of(
    predicted: np.ndarray,
    true: np.ndarray,
    known: np.ndarray,
    distance: int,
    sequence: np.ndarray,
    bootstrap: Bootstrap,
) -> tuple[ObjectScores, ObjectScores]:
    """Of presence and of place, at one distance of (n, 2, 9, 3)."""
    sides, true_sides, labelled = predicted[:, distance], true[:, distance], known[:, distance]
    present, truly_present = np.asarray(sides.any(axis=2)), np.asarray(true_sides.any(axis=2))
    return (
        score_presence(present, truly_present, labelled, sequence, OBJECT_KINDS, bootstrap),
        score_places(present, sides, truly_present, true_sides, labelled, sequence, OBJECT_KINDS, bootstrap),
    )
