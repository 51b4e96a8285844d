"""What is said of pictures against their labels: claims and annotations become arrays, and these the scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.fields import recalls, score_field
from roadcue.metrics.objects import ObjectScores, score_places, score_presence
from roadcue.prompts.annotation import SIDES, Annotation
from roadcue.prompts.bvpi import position_word, road_vs_sidewalk
from roadcue.prompts.claims import MENTIONED_KINDS, Claims

FIELDS = ("sidewalk", "road", "relation")
"""The fields of an answer, as `Claims` names them."""


@dataclass(frozen=True)
class Answers:
    """Of n pictures: field -> (n,) of words, and of k `kinds` near: `present` and `known` (n, k), `places` (n, k, 3).

    `known` is False where a truth has no label.
    """

    fields: dict[str, np.ndarray]
    present: np.ndarray
    places: np.ndarray
    known: np.ndarray
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class TextScores:
    """Figures by key, such as `road_macro_f1`; field -> class -> share told; the objects' scores by kind."""

    figures: dict[str, Interval]
    recalls: dict[str, dict[str, float]]
    presence: ObjectScores
    placed: ObjectScores


def answers_of(claims: Sequence[Claims], kinds: tuple[str, ...] = MENTIONED_KINDS) -> Answers:
    """What texts, or a head, say of the pictures."""
    fields = {name: np.array([getattr(claim, name) for claim in claims], dtype=object) for name in FIELDS}
    return _answers(fields, [claim.near for claim in claims], kinds, all_known=True)


def labels_of(annotations: Sequence[Annotation], kinds: tuple[str, ...] = MENTIONED_KINDS) -> Answers:
    """What is true of the pictures, in the words of the BVPI texts."""
    words = [
        (position_word(one.sidewalk), position_word(one.road), road_vs_sidewalk(one.sidewalk, one.road))
        for one in annotations
    ]
    fields = {
        name: np.array(column, dtype=object) for name, column in zip(FIELDS, zip(*words, strict=True), strict=True)
    }
    return _answers(fields, [one.near for one in annotations], kinds, all_known=False)


def score_answers(
    said: Answers, truth: Answers, sequence: np.ndarray, *, resamples: int = 2000, seed: int = 0
) -> TextScores:
    """Score the answers; `sequence` (n,) names. Every figure is 1 for the truth itself."""
    drawn = {"resamples": resamples, "seed": seed}
    figures = {
        f"{name}_{metric}": found
        for name in FIELDS
        for metric, found in score_field(said.fields[name], truth.fields[name], sequence, **drawn).items()
    }
    kinds = truth.kinds
    presence = score_presence(said.present, truth.present, truth.known, sequence, kinds, **drawn)
    placed = score_places(
        said.present, said.places, truth.present, truth.places, truth.known, sequence, kinds, **drawn
    )
    return TextScores(
        figures={**figures, "near_presence_f1": presence.macro, "near_placed_f1": placed.macro},
        recalls={name: recalls(said.fields[name], truth.fields[name]) for name in FIELDS},
        presence=presence,
        placed=placed,
    )


def _answers(
    fields: dict[str, np.ndarray],
    near: Sequence[Mapping[str, tuple[str, ...]]],
    kinds: tuple[str, ...],
    *,
    all_known: bool,
) -> Answers:
    """From kind -> positions: a claim's kind without positions is there somewhere, a label's is not there."""
    named = np.array([[kind in one for kind in kinds] for one in near], bool).reshape(len(near), len(kinds))
    places = np.array(
        [[[place in one.get(kind, ()) for place in SIDES] for kind in kinds] for one in near], bool
    ).reshape(len(near), len(kinds), len(SIDES))
    present = named if all_known else np.asarray(places.any(axis=-1))
    return Answers(fields, present, places, np.ones_like(named) if all_known else named, kinds)
