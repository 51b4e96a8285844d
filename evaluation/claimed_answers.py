"""What texts answer to the questions of the field and cue heads, read out of what they claim."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from roadcue.errors import BadRecord
from roadcue.heads.cue.answers import cue_truth
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.cue.rules import CUES, IN_THE_WAY, PACES, blocked_sides, walking_cue
from roadcue.heads.field.labels import POSITION_CLASSES, UNKNOWN
from roadcue.heads.field.object_words import in_words
from roadcue.heads.field.row_answers import OBJECTS, object_answers
from roadcue.heads.row_answers import RowAnswers, class_answers
from roadcue.prompts import path_text
from roadcue.prompts.annotation import OBJECT_KINDS, SIDES, Annotation
from roadcue.prompts.annotation_json import parse_json
from roadcue.prompts.bvpi import parse_sections, position_word, road_vs_sidewalk
from roadcue.prompts.claims import MENTIONED_KINDS, Claims, parse_claims
from roadcue.schema import HeadTargets

NEAR = OBJECTS[0]
RELATION, CUE, PACE = "relation", "cue", "pace"
OF_TARGET: Mapping[str, tuple[str, ...]] = {
    "bvpi": ("sidewalk", "road", RELATION, NEAR, CUE, PACE),
    "json": ("sidewalk", "road", RELATION, NEAR, CUE, PACE),
    "cue": (CUE, PACE),
}
"""Kind of text -> the questions that it is to answer; a caption in free words need not answer any."""
RELATIONS = ("left_of", "right_of", "crossing_front", "unknown")
"""Where the road is, seen from the sidewalk: the values of `prompts.bvpi.road_vs_sidewalk`."""
_POSITIONS = {column.removesuffix("_pos"): classes for column, classes in POSITION_CLASSES.items()}
_OF_WORD = {name: {position_word(each): each for each in classes} for name, classes in _POSITIONS.items()}
"""Field -> the word of a BVPI text -> the label: `unknown` is Outside of a sidewalk, Not present of a road."""
_SAID: Mapping[tuple[str, ...], re.Pattern[str]] = {
    words: re.compile(rf"\b(?:{'|'.join(words)})\b", re.IGNORECASE) for words in (CUES, PACES)
}
MENTIONED = np.isin(OBJECT_KINDS, MENTIONED_KINDS)
"""(9,) bool: the kinds of objects that BVPI texts name."""
_FOR_PARSING = "picture.jpg"
"""A file name for annotation JSON, which need not name its picture."""


@dataclass(frozen=True)
class Answers:
    """What a text says: `claims`, one of `CUES` and one of `PACES`, "" for what it does not say; whether it speaks of
    near objects at all, be it that there are none.
    """

    claims: Claims
    cue: str = ""
    pace: str = ""
    near: bool = False


def answers_of(text: str) -> Answers:
    """The answers in a BVPI text, an annotation JSON, or a sentence such as `Deviate left, slow down.`

    Where sidewalk and road are told, the cue follows by the rule, as the true one does; else it is that of the words.
    """
    annotation = annotation_in(text)
    if annotation is not None:
        return by_rule(_claims(annotation), near=True)
    claims = parse_claims(text)
    found = by_rule(claims, near="Nearby" in parse_sections(text))
    return found if found.cue else Answers(claims, _only(CUES, text), _only(PACES, text), found.near)


def by_rule(claims: Claims, *, near: bool) -> Answers:
    """The claims with the cue that follows from them; without one where they lack a position, or what is near."""
    sidewalk, road = (_OF_WORD[name].get(getattr(claims, name), "") for name in _POSITIONS)
    return Answers(claims, *(rule_cue(sidewalk, road, claims.near) if near else ("", "")), near)


def rule_cue(sidewalk: str, road: str, near: Mapping[str, Collection[str]]) -> tuple[str, str]:
    """Cue and pace by the rule of the true ones, from labels and kind -> sides; "" where a position is not known."""
    if not (sidewalk and road):
        return "", ""
    return walking_cue(sidewalk, road, blocked_sides({kind: near.get(kind, ()) for kind in IN_THE_WAY}))


def answer_words(answers: Sequence[Answers], asked: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Question -> the answers of n rows, (n,) words as frames have them.

    Of the questions that some row answers, and of those that were `asked`, be it that none does.
    """
    found = {name: [_OF_WORD[name].get(getattr(one.claims, name), "") for one in answers] for name in _POSITIONS}
    found[RELATION] = [one.claims.relation for one in answers]
    found |= {CUE: [one.cue for one in answers], PACE: [one.pace for one in answers]}
    words = {question: np.array(said, str) for question, said in found.items() if any(said) or question in asked}
    if NEAR in asked or any(one.near for one in answers):
        words[NEAR] = in_words(*_near(answers))
    return words


def row_answers(
    answers: Sequence[Answers], targets: HeadTargets, asked: Collection[str] = ()
) -> dict[str, RowAnswers]:
    """Question -> the answers of n rows: "sidewalk", "road", "relation", "near objects", "cue" and "pace".

    A question that no row answers and that was not `asked`, or of which nothing is true, is left out. Near objects
    are the six kinds that BVPI texts name. No text tells a probability (NaN). `targets`: what `HeadTargets` has of
    pedestrians, of n rows.
    """
    positions, cues = targets["positions"].numpy(), cue_truth(CueConfig(), targets).numpy()
    said, unsure = answer_words(answers, asked), np.full(len(answers), np.nan)
    truths = {name: (classes, positions[:, place]) for place, (name, classes) in enumerate(_POSITIONS.items())}
    truths[RELATION] = RELATIONS, true_relations(positions)
    truths |= {CUE: (CUES, cues[:, 0]), PACE: (PACES, cues[:, 1])}
    found = {name: _of_classes(classes, said[name], true) for name, (classes, true) in truths.items() if name in said}
    if NEAR in said:
        labels = np.where(MENTIONED[:, None], targets["objects"].numpy()[:, 0], np.nan)
        found[NEAR] = object_answers(*_near(answers), labels, unsure)
    return {name: rows for name, rows in found.items() if (rows.truth != "").any()}


def true_relations(positions: np.ndarray) -> np.ndarray:
    """(n, 2) classes of `POSITION_CLASSES` -> (n,) places in `RELATIONS`, -1 where a position is not labelled."""
    sidewalks, roads = _POSITIONS.values()
    return np.array(
        [
            UNKNOWN if UNKNOWN in row else RELATIONS.index(road_vs_sidewalk(sidewalks[row[0]], roads[row[1]]))
            for row in positions.tolist()
        ],
        np.int64,
    )


def _of_classes(classes: Sequence[str], said: np.ndarray, truth: np.ndarray) -> RowAnswers:
    """What is no class, as where nothing was said, is "" and wrong."""
    place = {name: number for number, name in enumerate(classes)}
    predicted = np.array([place.get(word, UNKNOWN) for word in said.tolist()], np.int64)
    return class_answers(classes, predicted, np.full((len(said), len(classes)), np.nan), truth)


def _near(answers: Sequence[Answers]) -> tuple[np.ndarray, np.ndarray]:
    """Of n rows which kinds are near (n, 9) and their sides (n, 9, 3), bool."""
    near = [one.claims.near for one in answers]
    present = np.array([[kind in one for kind in OBJECT_KINDS] for one in near], bool)
    sides = [[[side in one.get(kind, ()) for side in SIDES] for kind in OBJECT_KINDS] for one in near]
    return present, np.array(sides, bool)


def field_answers(answers: Sequence[Answers]) -> dict[str, np.ndarray]:
    """The same in the form of the field head: "position" (n, 2), -1 where none is claimed, and "seen" (n, 2, 9, 3).

    What is claimed to be there and on no side is on all of them: such a claim is of presence alone.
    """
    places = [[_place(name, getattr(one.claims, name)) for name in _POSITIONS] for one in answers]
    present, sides = _near(answers)
    near = sides | (present & ~sides.any(axis=2))[:, :, None]
    return {"position": np.array(places, np.int64), "seen": np.stack([near, np.zeros_like(near)], axis=1)}


def _place(field: str, word: str) -> int:
    """Which class of a field a text's word names; `UNKNOWN` for any other word."""
    label = _OF_WORD[field].get(word)
    return UNKNOWN if label is None else _POSITIONS[field].index(label)


def points_of(texts: Sequence[str]) -> np.ndarray:
    """(n, 5, 2) the points of paths as texts, metres, ego frame; NaN for a text that is none."""
    nothing = np.full((len(path_text.SECONDS), 2), np.nan)
    found = [path_text.parse(text) for text in texts]
    return np.array([nothing if points is None else points for points in found]).reshape(-1, *nothing.shape)


def annotation_in(text: str) -> Annotation | None:
    """The annotation that a text is the JSON of; None for any other text."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        document = json.loads(text)
        return parse_json({**document, "image": _FOR_PARSING}, "text")
    except (ValueError, RecursionError, BadRecord):
        return None


def _claims(annotation: Annotation) -> Claims:
    near, far = (
        {kind: where for kind, where in objects.items() if where and kind in MENTIONED_KINDS}
        for objects in (annotation.near, annotation.far)
    )
    relation = road_vs_sidewalk(annotation.sidewalk, annotation.road)
    return Claims(position_word(annotation.sidewalk), position_word(annotation.road), relation, near, far)


def _only(words: tuple[str, ...], text: str) -> str:
    """The one of the words that a text holds; "" where it holds none or several."""
    said = {match.lower() for match in _SAID[words].findall(text)}
    return said.pop() if len(said) == 1 else ""
