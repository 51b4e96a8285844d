"""The published evaluator of BVPI texts, as it is, to compare with published figures and with nothing else.

Document 000, sections 4.8 and 5.8, runs `eval_near_obj_recal.py` of the repository
adityaBS/roadscene-vlm-for-visually-impaired. A field has the value of the first `Name: value` in the text; an object
is mentioned where one of its words occurs anywhere in the text, in other words too: "man" in "many", "sign" in
"signal", "car" in "no cars". So a text that lists everything has recall 1, and the gold text false mentions; use
`metrics.classification` and `metrics.objects` to know how good a text is.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from roadcue.metrics.objects import Counts

WORDS: Mapping[str, tuple[str, ...]] = {
    "person": ("person", "pedestrian", "man", "woman", "people"),
    "car": ("car", "vehicle", "auto"),
    "bicycle": ("bicycle", "bike", "cyclist"),
    "obstacle": ("obstacle", "barrier", "cone", "bollard", "block"),
    "traffic_sign": ("traffic sign", "sign"),
    "traffic_light": ("traffic light", "trafficlight", "signal"),
}
"""What counts as a mention of each kind, in the order of the published table."""
_POSITION = "left|center|right|front|unknown"
FIELDS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(rf"\b{head}\s*:\s*({values})\b", re.IGNORECASE)
    for name, head, values in (
        ("sidewalk_pos", "sidewalk", _POSITION),
        ("road_pos", "road", _POSITION),
        ("road_vs_sidewalk", "roadvssidewalk", "left_of|right_of|crossing_front|unknown"),
    )
}
"""How each field is found in a text."""


@dataclass(frozen=True)
class PublishedScores:
    """Of `rows` texts: field -> how many state it, and how many state it rightly; kind -> counts of its mentions."""

    rows: int
    present: dict[str, int]
    correct: dict[str, int]
    objects: dict[str, Counts]


def score_published(
    texts: Sequence[str], fields: Mapping[str, Sequence[str]], objects: Mapping[str, Sequence[bool]]
) -> PublishedScores:
    """Count as the published evaluator counts.

    `texts` are n predictions, "" where there is none; `fields` the n true values of each of `FIELDS` as the texts
    have them (`unknown` for the annotation's Outside and Not present, and where there is no annotation); `objects`
    whether each kind of `WORDS` is near in each of the n pictures (False where it is not labelled). ValueError when
    the lengths differ.
    """
    stated = {name: [_stated(pattern, text) for text in texts] for name, pattern in FIELDS.items()}
    mentioned = {
        kind: [any(word in text.lower() for word in words) for text in texts] for kind, words in WORDS.items()
    }
    return PublishedScores(
        rows=len(texts),
        present={name: sum(value is not None for value in values) for name, values in stated.items()},
        correct={
            name: sum(value == target for value, target in zip(values, fields[name], strict=True))
            for name, values in stated.items()
        },
        objects={kind: _count(claims, objects[kind]) for kind, claims in mentioned.items()},
    )


def _stated(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match[1].lower() if match else None


def _count(claims: Sequence[bool], truth: Sequence[bool]) -> Counts:
    pairs = [(bool(claim), bool(target)) for claim, target in zip(claims, truth, strict=True)]
    return Counts(tp=pairs.count((True, True)), fn=pairs.count((False, True)), fp=pairs.count((True, False)))
