"""The field head's prediction of a picture as SENSATION's annotation: its JSON, and the sentence for a pedestrian."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, Self

import numpy as np

from roadcue.heads.field.labels import OUTPUTS, POSITION_CLASSES
from roadcue.heads.prediction import PicturePrediction, ood_scores, unlike
from roadcue.prompts import annotation_json as schema
from roadcue.prompts import bvpi
from roadcue.prompts.annotation import FAR_COLUMNS, NEAR_COLUMNS, OBJECT_KINDS, SIDES, UNKNOWN_ANSWER, Annotation

_COLUMNS = {"near": NEAR_COLUMNS, "far": FAR_COLUMNS}


@dataclass(frozen=True)
class FieldPrediction(PicturePrediction):
    """What is where in one picture. Of one unlike the training pictures everything is unknown."""

    annotation: Annotation
    """Sidewalk, road, and the sides of each kind of object, near and far.

    A position that was not taught is `unknown`, and a kind that was not is no key."""
    probabilities: dict[str, dict[str, float]]
    """"sidewalk_pos" and "road_pos": class -> its probability, which sum to 1; "near" and "far": kind of object ->
    the probability that one is there. What was not taught has none."""

    @property
    def json(self) -> dict[str, Any]:
        """Document 000's JSON object, section 8.2, and in it "unknown" for what was not taught.

        BadInput if it did not fit its schema.
        """
        return schema.prediction_to_json(self.annotation)

    def to_json(self) -> dict[str, Any]:
        """Document 000's object as "annotation", "probabilities", and what is said of the picture."""
        return {"annotation": self.json, "probabilities": self.probabilities, **self.about_picture()}

    @property
    def sentence(self) -> str:
        """The BVPI text: `Sidewalk: left. Road: right. RoadVsSidewalk: right_of. Nearby: ...`

        Of a picture unlike those that were learnt from, only that.
        """
        return f"Not sure: {self.reason}." if self.reason else bvpi.compose_prediction(self.annotation)

    def unanswered(self) -> Self:
        """The same picture, of which nothing is known."""
        nothing = Annotation("", UNKNOWN_ANSWER, UNKNOWN_ANSWER, {}, {})
        return replace(self, annotation=nothing, probabilities={distance: {} for distance in _COLUMNS})

    @property
    def road_vs_sidewalk(self) -> str:
        """left_of, right_of, crossing_front or unknown: computed from the two positions."""
        return bvpi.road_vs_sidewalk(self.annotation.sidewalk, self.annotation.road)


def field_predictions(prediction: Mapping[str, np.ndarray], taught: np.ndarray) -> list[FieldPrediction]:
    """`heads.field.head.FieldHead.forward` of n pictures, one by one: "position" (n, 2), "seen" (n, 2, 9, 3) ...

    `taught` (20,) bool: the `OUTPUTS` that are answered of a picture like the training pictures; others are unknown.
    """
    scores = ood_scores(prediction, len(prediction["position"]))
    known = set(compress(OUTPUTS, taught.tolist()))
    answers = [
        _field_prediction({key: array[row] for key, array in prediction.items()}, known, score)
        for row, score in enumerate(scores)
    ]
    return [answer.unanswered() if unlike(answer.ood_score) else answer for answer in answers]


def _field_prediction(
    prediction: Mapping[str, np.ndarray], known: Collection[str], ood_score: float | None
) -> FieldPrediction:
    """Of one picture: "position" (2,), "position_probabilities" (2, 4), "seen" (2, 9, 3) and so on."""
    positions: list[str] = []
    probabilities: dict[str, dict[str, float]] = {}
    for (column, classes), index, shares in zip(
        POSITION_CLASSES.items(),
        prediction["position"].tolist(),
        prediction["position_probabilities"].tolist(),
        strict=True,
    ):
        positions.append(classes[index] if column in known else UNKNOWN_ANSWER)
        if column in known:
            probabilities[column] = dict(zip(classes, shares, strict=True))
    places: list[dict[str, tuple[str, ...]]] = []
    for (distance, columns), seen, shares in zip(
        _COLUMNS.items(), prediction["seen"].tolist(), prediction["presence_probabilities"].tolist(), strict=True
    ):
        answered = [(kind, i) for i, kind in enumerate(OBJECT_KINDS) if columns[kind] in known]
        places.append({kind: tuple(compress(SIDES, seen[i])) for kind, i in answered})
        probabilities[distance] = {kind: shares[i] for kind, i in answered}
    (sidewalk, road), (near, far) = positions, places
    return FieldPrediction(Annotation("", sidewalk, road, near, far), probabilities, ood_score=ood_score)
