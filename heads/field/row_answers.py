"""The field head's answers row by row: where sidewalk and road are, and which objects are near and far."""

from itertools import compress

import numpy as np

from roadcue.heads.field.labels import OUTPUTS, POSITION_CLASSES, POSITION_SHAPE
from roadcue.heads.head import Arrays
from roadcue.heads.row_answers import RowAnswers, class_answers
from roadcue.prompts.annotation import NOT_PRESENT, OBJECT_KINDS, SIDES
from roadcue.schema import HeadTargets

_OBJECTS = ("near objects", "far objects")


def field_row_answers(prediction: Arrays, targets: HeadTargets, taught: np.ndarray) -> dict[str, RowAnswers]:
    """Question -> the answers of n rows: "sidewalk", "road", "near objects" and "far objects".

    `prediction`: `FieldHead.forward` of the rows; `targets`: "positions" (n, 2) and "objects" (n, 2, 9, 3) without
    what was not `taught`, (20,) bool of `OUTPUTS`. A question of which nothing was taught is left out.
    """
    positions, objects = targets["positions"].numpy(), targets["objects"].numpy()
    answers = {
        column.removesuffix("_pos"): class_answers(
            classes,
            prediction["position"][:, field],
            prediction["position_probabilities"][:, field],
            positions[:, field],
        )
        for field, (column, classes) in enumerate(POSITION_CLASSES.items())
        if taught[OUTPUTS.index(column)]
    }
    kinds = taught[POSITION_SHAPE[0] :].reshape(len(_OBJECTS), -1)
    for distance, question in enumerate(_OBJECTS):
        if kinds[distance].any():
            answers[question] = _object_answers(
                prediction["seen"][:, distance],
                prediction["presence_probabilities"][:, distance],
                objects[:, distance],
                kinds[distance],
            )
    return answers


def _object_answers(seen: np.ndarray, presence: np.ndarray, objects: np.ndarray, kinds: np.ndarray) -> RowAnswers:
    """The kinds that are there with their sides; right is the share of the labelled kinds of which all sides are.

    `seen` (n, 9, 3) bool, `presence` (n, 9) probabilities, `objects` (n, 9, 3) labels with NaN, `kinds` (9,) bool
    taught. The probability is the mean over the kinds of that of being there, or not, as was answered.
    """
    labelled, true = ~np.isnan(objects).any(axis=2), objects == 1
    right = (seen == true).all(axis=2) & labelled
    said = np.where(seen.any(axis=2), presence, 1 - presence)
    with np.errstate(invalid="ignore"):  # 0 / 0 where no kind is labelled
        share = right.sum(axis=1) / labelled.sum(axis=1)
    known = labelled.any(axis=1)
    truth = _in_words(true, labelled)
    return RowAnswers(
        _in_words(seen, np.broadcast_to(kinds, labelled.shape)),
        np.where(known, truth, ""),
        share,
        said[:, kinds].mean(axis=1).astype(np.float64),
    )


def _in_words(sides: np.ndarray, answered: np.ndarray) -> np.ndarray:
    """Sides (n, 9, 3) of the kinds `answered` (n, 9), bool -> (n,) such as `car Left-Center, trees Right`."""
    return np.array(
        [
            ", ".join(
                f"{kind} {'-'.join(compress(SIDES, places))}"
                for kind, places, named in zip(OBJECT_KINDS, row, names, strict=True)
                if named and any(places)
            )
            or NOT_PRESENT
            for row, names in zip(sides.tolist(), answered.tolist(), strict=True)
        ],
        str,
    )
