"""Claims of texts scored against the labels of their pictures: both become arrays first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.classification import recalls, score_classes
from roadcue.metrics.objects import ObjectScores, score_places, score_presence
from roadcue.prompts.annotation import SIDES, Annotation
from roadcue.prompts.bvpi import position_word, road_vs_sidewalk
from roadcue.prompts.claims import MENTIONED_KINDS, Claims

FIELDS = ("sidewalk", "road", "relation")
"""The fields of a text, as `Claims` names them."""


@dataclass(frozen=True)
class ClaimArrays:
    """What texts or labels claim of n pictures: field -> (n,) words, and of k `kinds` of near objects, all bool,
    `present` and `known` (n, k) and `places` (n, k, 3).

    `known` is False where there is no label.
    """

    fields: dict[str, np.ndarray]
    present: np.ndarray
    places: np.ndarray
    known: np.ndarray
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class TextScores:
    """Figures by key, such as `road_macro_f1`; field -> class -> recall; the objects' scores by kind."""

    figures: dict[str, Interval]
    recalls: dict[str, dict[str, float]]
    presence: ObjectScores
    placed: ObjectScores


def claim_arrays(claims: Sequence[Claims], kinds: tuple[str, ...] = MENTIONED_KINDS) -> ClaimArrays:
    """What texts claim of the pictures."""
    fields = {name: np.array([getattr(claim, name) for claim in claims], dtype=object) for name in FIELDS}
    return _arrays(fields, [claim.near for claim in claims], kinds, all_known=True)


def label_arrays(annotations: Sequence[Annotation], kinds: tuple[str, ...] = MENTIONED_KINDS) -> ClaimArrays:
    """What is true of the pictures, in the words of the BVPI texts."""
    words = [
        (position_word(one.sidewalk), position_word(one.road), road_vs_sidewalk(one.sidewalk, one.road))
        for one in annotations
    ]
    fields = {
        name: np.array(column, dtype=object) for name, column in zip(FIELDS, zip(*words, strict=True), strict=True)
    }
    return _arrays(fields, [one.near for one in annotations], kinds, all_known=False)


def score_claims(
    predicted: ClaimArrays,
    target: ClaimArrays,
    sequence: np.ndarray,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> TextScores:
    """Score claims against labels of the same n pictures; `sequence` (n,) names. Every figure is 1 for the labels."""
    figures = {
        f"{name}_{metric}": interval
        for name in FIELDS
        for metric, interval in score_classes(
            predicted.fields[name], target.fields[name], sequence, bootstrap
        ).items()
    }
    kinds = target.kinds
    presence = score_presence(predicted.present, target.present, target.known, sequence, kinds, bootstrap)
    placed = score_places(
        predicted.present, predicted.places, target.present, target.places, target.known, sequence, kinds, bootstrap
    )
    return TextScores(
        figures={**figures, "near_presence_f1": presence.macro, "near_placed_f1": placed.macro},
        recalls={name: recalls(predicted.fields[name], target.fields[name]) for name in FIELDS},
        presence=presence,
        placed=placed,
    )


def _arrays(
    fields: dict[str, np.ndarray],
    near: Sequence[Mapping[str, tuple[str, ...]]],
    kinds: tuple[str, ...],
    *,
    all_known: bool,
) -> ClaimArrays:
    """From kind -> positions: a claim's kind without positions is there somewhere, a label's is not there."""
    named = np.array([[kind in one for kind in kinds] for one in near], bool).reshape(len(near), len(kinds))
    places = np.array(
        [[[place in one.get(kind, ()) for place in SIDES] for kind in kinds] for one in near], bool
    ).reshape(len(near), len(kinds), len(SIDES))
    present = named if all_known else np.asarray(places.any(axis=-1))
    return ClaimArrays(fields, present, places, np.ones_like(named) if all_known else named, kinds)
