"""The JSON form of an annotation, and the document's schema for it (document 000, section 8.2)."""

from functools import lru_cache
from typing import Any

from loaders.errors import BadInput
from loaders.sensation.annotation import (
    NOT_PRESENT,
    OBJECTS,
    POSITIONS,
    ROAD_POSITIONS,
    SIDEWALK_POSITIONS,
    Annotation,
    Objects,
)

_PLACE = {"type": "string", "enum": [NOT_PRESENT, *POSITIONS]}
_PLACES = {"type": "array", "items": _PLACE}
_YES_OR_NO = {"type": "string", "enum": ["No", "Yes"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "image": {"type": "string"},
        "sidewalk_pos": {"type": "string", "enum": list(SIDEWALK_POSITIONS)},
        "road_pos": {"type": "string", "enum": list(ROAD_POSITIONS)},
        "object_present": _YES_OR_NO,
        "objects_on_sidewalk": {
            "type": "object",
            "properties": {kind: _PLACES if kind == "obstacle" else _PLACE for kind in OBJECTS},
        },
        "object_present_outside": _YES_OR_NO,
        "objects_outside_sidewalk": {"type": "object", "properties": dict.fromkeys(OBJECTS, _PLACE)},
    },
    "required": ["image", "sidewalk_pos", "road_pos", "object_present", "object_present_outside"],
}
"""The document's schema: of all objects only the obstacles on the sidewalk may be at several places."""


def to_json(annotation: Annotation) -> dict[str, Any]:
    """An annotation as the document's JSON object; `objects_...` is left out where nothing is present (section 8.1).

    Where the schema has room for one place and the annotation has several, it is the one most in the way: the centre,
    or else the first.
    """
    near = {kind: _one_place(where) for kind, where in annotation.near.items()}
    if annotation.near.get("obstacle"):
        near["obstacle"] = list(annotation.near["obstacle"])
    elif "obstacle" in near:
        near["obstacle"] = [NOT_PRESENT]
    far = {kind: _one_place(where) for kind, where in annotation.far.items()}
    return {
        "image": annotation.image,
        "sidewalk_pos": annotation.sidewalk,
        "road_pos": annotation.road,
        **_with_presence("object_present", "objects_on_sidewalk", annotation.near, near),
        **_with_presence("object_present_outside", "objects_outside_sidewalk", annotation.far, far),
    }


def check(document: Any) -> None:
    """BadInput, with the place in the document, when it does not fit the schema."""
    error = next(iter(_validator().iter_errors(document)), None)
    if error:
        place = "/".join(str(step) for step in error.absolute_path) or "the whole"
        raise BadInput(f"annotation JSON, {place}: {error.message}")


@lru_cache(maxsize=1)
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(SCHEMA)


def _one_place(where: tuple[str, ...]) -> Any:
    if not where:
        return NOT_PRESENT
    return "Center" if "Center" in where else where[0]


def _with_presence(present: str, objects: str, seen: Objects, places: dict[str, Any]) -> dict[str, Any]:
    return {present: "Yes", objects: places} if any(seen.values()) else {present: "No"}
