"""The field head's answers row by row: where sidewalk and road are, and which objects are near and far."""

from itertools import compress

import numpy as np

from roadcue.heads.field.labels import OUTPUTS, POSITION_CLASSES, POSITION_SHAPE
from roadcue.heads.field.object_words import in_words
from roadcue.heads.head import Arrays
from roadcue.heads.row_answers import RowAnswers, class_answers
from roadcue.prompts.annotation import OBJECT_KINDS
from roadcue.schema import HeadTargets

OBJECTS = ("near objects", "far objects")


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
    kinds = taught[POSITION_SHAPE[0] :].reshape(len(OBJECTS), -1)
    for distance, question in enumerate(OBJECTS):
        if kinds[distance].any():
            answers[question] = _object_answers(
                prediction["seen"][:, distance],
                prediction["presence_probabilities"][:, distance],
                objects[:, distance],
                kinds[distance],
            )
    return answers


def _object_answers(seen: np.ndarray, presence: np.ndarray, objects: np.ndarray, kinds: np.ndarray) -> RowAnswers:
    """`object_answers` of a head: the kinds with a side are there; of its `presence` (n, 9) probabilities the mean of
    that of being there, or not, as was answered, over the `kinds` (9,) bool that were taught.
    """
    present = seen.any(axis=2)
    said = np.where(present, presence, 1 - presence)
    return object_answers(present & kinds, seen, objects, said[:, kinds].mean(axis=1).astype(np.float64))


def object_answers(present: np.ndarray, seen: np.ndarray, objects: np.ndarray, probability: np.ndarray) -> RowAnswers:
    """The kinds that are there with their sides; right is the share of the labelled kinds of which all sides are.

    `present` (n, 9) and `seen` (n, 9, 3) bool, `objects` (n, 9, 3) labels with NaN, `probability` (n,) of the answer.
    """
    labelled, true = ~np.isnan(objects).any(axis=2), objects == 1
    same = (seen == true).all(axis=2) & (present == true.any(axis=2))
    with np.errstate(invalid="ignore"):  # 0 / 0 where no kind is labelled
        share = (same & labelled).sum(axis=1) / labelled.sum(axis=1)
    truth = in_words(true.any(axis=2) & labelled, true)
    names = [", ".join(compress(OBJECT_KINDS, row)) for row in labelled.tolist()]
    return RowAnswers(
        in_words(present, seen),
        np.where(labelled.any(axis=1), truth, ""),
        share,
        probability,
        labelled=np.array(names, str),
    )
