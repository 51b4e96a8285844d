"""The field head's prediction of a picture as SENSATION's annotation: its JSON, and the sentence for a pedestrian."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from roadcue.heads.field.labels import POSITION_CLASSES
from roadcue.prompts import annotation_json as schema
from roadcue.prompts import bvpi
from roadcue.prompts.annotation import OBJECT_KINDS, SIDES, Annotation

_DISTANCES = ("near", "far")


@dataclass(frozen=True)
class FieldPrediction:
    """What is where in one picture."""

    annotation: Annotation
    """Sidewalk, road, and the sides of each kind of object, near and far."""
    probabilities: dict[str, dict[str, float]]
    """"sidewalk_pos" and "road_pos": class -> its probability, which sum to 1; "near" and "far": kind of object ->
    the probability that one is there."""

    @property
    def json(self) -> dict[str, Any]:
        """Document 000's JSON object, section 8.2; BadInput if it did not fit its schema."""
        document = schema.to_json(self.annotation)
        schema.check(document)
        return document

    def to_json(self) -> dict[str, Any]:
        """Document 000's object as "annotation", and "probabilities"."""
        return {"annotation": self.json, "probabilities": self.probabilities}

    @property
    def sentence(self) -> str:
        """The BVPI text: `Sidewalk: left. Road: right. RoadVsSidewalk: right_of. Nearby: ...`"""
        return bvpi.compose(self.annotation, "")

    @property
    def road_vs_sidewalk(self) -> str:
        """left_of, right_of, crossing_front or unknown: computed from the two positions."""
        return bvpi.road_vs_sidewalk(self.annotation.sidewalk, self.annotation.road)


def field_predictions(prediction: Mapping[str, np.ndarray]) -> list[FieldPrediction]:
    """`heads.field.head.FieldHead.forward` of n pictures, one by one: "position" (n, 2), "seen" (n, 2, 9, 3) ..."""
    rows = range(len(prediction["position"]))
    return [_field_prediction({key: array[row] for key, array in prediction.items()}) for row in rows]


def _field_prediction(prediction: Mapping[str, np.ndarray]) -> FieldPrediction:
    """Of one picture: "position" (2,), "position_probabilities" (2, 4), "seen" (2, 9, 3) and so on."""
    sidewalk, road = (
        classes[index]
        for classes, index in zip(POSITION_CLASSES.values(), prediction["position"].tolist(), strict=True)
    )
    near, far = (
        {
            kind: tuple(side for side, there in zip(SIDES, sides, strict=True) if there)
            for kind, sides in zip(OBJECT_KINDS, distance, strict=True)
        }
        for distance in prediction["seen"].tolist()
    )
    probabilities = {
        column: dict(zip(classes, shares, strict=True))
        for (column, classes), shares in zip(
            POSITION_CLASSES.items(), prediction["position_probabilities"].tolist(), strict=True
        )
    }
    present = dict(zip(_DISTANCES, prediction["presence_probabilities"].tolist(), strict=True))
    probabilities |= {distance: dict(zip(OBJECT_KINDS, shares, strict=True)) for distance, shares in present.items()}
    return FieldPrediction(Annotation("", sidewalk, road, near, far), probabilities)
