"""The BVPI text: a picture's labels and caption as one paragraph for a blind pedestrian, with a fixed head.

`Sidewalk: ... Road: ... RoadVsSidewalk: ... Nearby: ... Far: ... Context: ...` (document 000; the published
`bvpi_sft_*.jsonl` files). "BVPI" is their authors' spelling.
"""

import json
import re
from collections.abc import Mapping
from typing import Literal

from roadcue.errors import BadRecord
from roadcue.json_lines import from_json
from roadcue.prompts.annotation import SIDES, UNKNOWN_ANSWER, Annotation, Objects
from roadcue.prompts.instructions import BVPI
from roadcue.prompts.mirror import mirrored_text

SECTIONS = ("Sidewalk", "Road", "RoadVsSidewalk", "Nearby", "Far", "Context")
OBJECT_NAMES = {
    "obstacle": ("an obstacle", "obstacles"),
    "person": ("a person", "people"),
    "bicycle": ("a bicycle", "bicycles"),
    "car": ("a car", "cars"),
    "traffic_sign": ("a traffic sign", "traffic signs"),
    "traffic_light": ("a traffic light", "traffic lights"),
}
"""What the text mentions, in its order; grass, plants and trees are never in it."""
CLOSE, FARTHER = "close", "farther away"
"""What is said of how far near and far objects are."""
NOTHING_NEAR = "no important close objects visible"
_UNKNOWN = {"Outside": "unknown", "Not present": "unknown"}
_HEAD = re.compile(rf"(?:^|(?<=[\s.;,*]))({'|'.join(SECTIONS)})[\s*]*:", re.IGNORECASE)
_CANONICAL = {name.lower(): name for name in SECTIONS}


def road_vs_sidewalk(sidewalk: str, road: str) -> str:
    """Where the road is as seen from the sidewalk: left_of, right_of, crossing_front or unknown.

    A function of the two annotated positions; the published labels hold nothing else.
    """
    if road == "Front":
        return "crossing_front"
    if sidewalk not in SIDES or road not in SIDES or sidewalk == road:
        return "unknown"
    return "left_of" if SIDES.index(road) < SIDES.index(sidewalk) else "right_of"


def position_word(position: str) -> str:
    """A position as the text has it: in small letters; Outside and Not present are unknown."""
    return _UNKNOWN.get(position, position.lower())


def compose(annotation: Annotation, caption: str) -> str:
    """The BVPI text of a picture."""
    near, far = _phrases(annotation.near, CLOSE), _phrases(annotation.far, FARTHER)
    return _text(annotation, near, far, caption)


def compose_prediction(annotation: Annotation) -> str:
    """The BVPI text of a prediction, without a context; it says so where it does not know of every kind."""
    near, far = _phrases(annotation.near, CLOSE), _phrases(annotation.far, FARTHER)
    near, far = near + _unknown(annotation.near, near), far + _unknown(annotation.far, far)
    return _text(annotation, near, far, "")


def _unknown(objects: Objects, phrases: list[str]) -> list[str]:
    """What is said of kinds that are not known, beside the phrases of those that are there."""
    if OBJECT_NAMES.keys() <= objects.keys():
        return []
    return ["the rest unknown" if phrases else UNKNOWN_ANSWER]


def _text(annotation: Annotation, near: list[str], far: list[str], caption: str) -> str:
    """The sections of a BVPI text, in their order."""
    sections = {
        "Sidewalk": f"{position_word(annotation.sidewalk)}.",
        "Road": f"{position_word(annotation.road)}.",
        "RoadVsSidewalk": f"{road_vs_sidewalk(annotation.sidewalk, annotation.road)}.",
        "Nearby": f"{'; '.join(near) or NOTHING_NEAR}.",
        "Far": f"{'; '.join(far)}." if far else "",
        "Context": caption.strip(),
    }
    return " ".join(f"{name}: {text}" for name, text in sections.items() if text)


def parse_sections(text: str) -> dict[str, str]:
    """Section -> its text without the final full stop, as far as the text has them, up to and with Context.

    Headings may be in small or large letters, and between asterisks. Of a section that comes twice the first counts,
    and what comes after `Context:` belongs to the caption.
    """
    headings = _headings(text)
    sections: dict[str, str] = {}
    for i, (name, _, start) in enumerate(headings):
        end = headings[i + 1][1] if i + 1 < len(headings) else len(text)
        section = text[start:end].strip()
        sections.setdefault(name, section if name == "Context" else section.removesuffix(".").rstrip())
    return sections


def section_names(text: str) -> list[str]:
    """The sections of a text in its order, one that comes twice twice, up to and with Context."""
    return [name for name, _, _ in _headings(text)]


def _headings(text: str) -> list[tuple[str, int, int]]:
    """(section, where its heading begins, where it has ended), up to and with Context."""
    headings = [(_CANONICAL.get(head[1].lower(), head[1]), *head.span()) for head in _HEAD.finditer(text)]
    context = next((i for i, (name, _, _) in enumerate(headings) if name == "Context"), len(headings))
    return headings[: context + 1]


def sft_record(path: str, annotation: Annotation, caption: str) -> dict[str, str]:
    """What a line of `bvpi_sft_*.jsonl` holds; `path` is the picture's below the image root."""
    return {
        "image": path,
        "prompt": BVPI,
        "response": compose(annotation, caption),
        **_positions(annotation),
    }


def dpo_record(
    path: str, annotation: Annotation, caption: str, rejected: Literal["caption", "swapped"] = "caption"
) -> dict[str, str] | None:
    """What a line of `bvpi_dpo_*.jsonl` holds: the BVPI text is chosen over another.

    The other is the caption, as in the published pairs, which differ mostly in form; or the BVPI text with left and
    right exchanged, which has the form and says the wrong side. None when it is empty or equal to the chosen one.
    """
    chosen = compose(annotation, caption)
    other = caption.strip() if rejected == "caption" else compose(annotation.mirrored, mirrored_text(caption))
    if other in ("", chosen):
        return None
    return {"image": path, "prompt": BVPI, "chosen": chosen, "rejected": other, **_positions(annotation)}


def to_line(record: Mapping[str, str]) -> str:
    """A record as a line of JSON, with its line end."""
    return json.dumps(record, ensure_ascii=False) + "\n"


def parse_line(line: str | bytes, where: str) -> dict[str, str]:
    """A line of `bvpi_sft_*.jsonl`; BadRecord, beginning with `where`, when it does not name a picture and a text."""
    record = from_json(line, where)
    if not isinstance(record, dict) or not all(isinstance(record.get(key), str) for key in ("image", "response")):
        raise BadRecord(f"{where}: is not an object with the texts `image` and `response`")
    return record


def _positions(annotation: Annotation) -> dict[str, str]:
    """The fields that a record repeats beside its text."""
    return {
        "sidewalk_pos": position_word(annotation.sidewalk),
        "road_pos": position_word(annotation.road),
        "road_vs_sidewalk": road_vs_sidewalk(annotation.sidewalk, annotation.road),
    }


def _phrases(objects: Objects, distance: str) -> list[str]:
    return [
        f"{one if len(where) == 1 else f'{len(where)} {many}'} {distance} {places_in_words(where)}"
        for kind, (one, many) in OBJECT_NAMES.items()
        if (where := objects.get(kind, ()))
    ]


def places_in_words(positions: tuple[str, ...]) -> str:
    """Positions in words: every one once, from left to right."""
    words = [position.lower() for position in SIDES if position in positions]
    return "across the left, center, and right" if len(words) == 3 else f"on the {' and '.join(words)}"
