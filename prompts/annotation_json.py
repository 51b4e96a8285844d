"""The JSON form of an annotation, and the document's schema for it (document 000, section 8.2)."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from roadcue.errors import BadInput, BadRecord
from roadcue.prompts.annotation import (
    NOT_PRESENT,
    OBJECT_KINDS,
    ROAD_POSITIONS,
    SIDES,
    SIDEWALK_POSITIONS,
    UNKNOWN_ANSWER,
    Annotation,
    Objects,
)


def _schema(*unknown: str) -> dict[str, Any]:
    """The schema, in which each answer may also be `unknown`."""
    place = {"type": "string", "enum": [NOT_PRESENT, *SIDES, *unknown]}
    places = {"type": "array", "items": place}
    yes_or_no = {"type": "string", "enum": ["No", "Yes", *unknown]}
    return {
        "type": "object",
        "properties": {
            "image": {"type": "string"},
            "sidewalk_pos": {"type": "string", "enum": [*SIDEWALK_POSITIONS, *unknown]},
            "road_pos": {"type": "string", "enum": [*ROAD_POSITIONS, *unknown]},
            "object_present": yes_or_no,
            "objects_on_sidewalk": {
                "type": "object",
                "properties": {kind: places if kind == "obstacle" else place for kind in OBJECT_KINDS},
            },
            "object_present_outside": yes_or_no,
            "objects_outside_sidewalk": {"type": "object", "properties": dict.fromkeys(OBJECT_KINDS, place)},
        },
        "required": ["image", "sidewalk_pos", "road_pos", "object_present", "object_present_outside"],
    }


def _closed_schema() -> dict[str, Any]:
    """The schema with all of its properties and no other, and nothing in them that has no end."""
    parts = {name: part for name, part in _schema()["properties"].items() if name != "image"}
    several = {"type": "array", "items": {"type": "string", "enum": [*SIDES]}, "minItems": 1, "maxItems": 3}
    for part in parts.values():
        if kinds := part.get("properties"):
            part |= {"required": [*kinds], "additionalProperties": False}
    parts["objects_on_sidewalk"]["properties"]["obstacle"] = {"anyOf": [{"enum": [[NOT_PRESENT]]}, several]}
    return {"type": "object", "properties": parts, "required": [*parts], "additionalProperties": False}


SCHEMA = _schema()
"""The document's schema: of all objects only the obstacles on the sidewalk may be at several places."""
CLOSED_SCHEMA = _closed_schema()
"""What is written of a picture, for `models.grammar.Grammar.of_schema`: every document of it ends, and is one of the
document's schema once `completed` has put the picture's name to it, which no picture tells."""


def to_json(annotation: Annotation) -> dict[str, Any]:
    """An annotation as the document's JSON object; `objects_...` is left out where nothing is present (section 8.1).

    Where the schema has room for one place and the annotation has several, it is the one most in the way: the centre,
    or else the first.
    """
    near, far = _near_places(annotation), _far_places(annotation)
    return {
        "image": annotation.image,
        "sidewalk_pos": annotation.sidewalk,
        "road_pos": annotation.road,
        **_with_presence("object_present", "objects_on_sidewalk", annotation.near, near),
        **_with_presence("object_present_outside", "objects_outside_sidewalk", annotation.far, far),
    }


def with_annotation(instruction: str, annotation: Annotation) -> str:
    """An instruction that tells what is in the picture, as document 000, section 8.1 does: "Using road annotations:
    [JSON], generate caption and cue", without the objects where none is present and without the picture's name.
    """
    known = {name: value for name, value in to_json(annotation).items() if name != "image"}
    return f"Using road annotations: {json.dumps(known)}. {instruction}"


def to_closed_json(annotation: Annotation) -> dict[str, Any]:
    """An annotation in the form of `CLOSED_SCHEMA`: without the picture's name, and with the objects of both places
    though none be present. A kind that is not labelled is left out.
    """
    document = to_json(annotation)
    return {
        "sidewalk_pos": document["sidewalk_pos"],
        "road_pos": document["road_pos"],
        "object_present": document["object_present"],
        "objects_on_sidewalk": _near_places(annotation),
        "object_present_outside": document["object_present_outside"],
        "objects_outside_sidewalk": _far_places(annotation),
    }


def completed(document: Mapping[str, Any], image: str) -> dict[str, Any]:
    """A document of `CLOSED_SCHEMA` as one of the document's schema: with the picture's name, without the objects
    where none is present, and with presences that say what the objects say. BadRecord when it is neither.
    """
    return to_json(parse_json({**document, "image": image}, image))


def prediction_to_json(annotation: Annotation) -> dict[str, Any]:
    """A prediction as the document's JSON object, "unknown" where it does not know; BadInput if it did not fit.

    Beside a kind that is not known `objects_...` is always there, and the presence is "Yes" if another kind is seen.
    """
    document = to_json(annotation)
    for present, objects, seen in (
        ("object_present", "objects_on_sidewalk", annotation.near),
        ("object_present_outside", "objects_outside_sidewalk", annotation.far),
    ):
        if set(OBJECT_KINDS) - seen.keys():
            found = document.get(objects, {})
            absent: dict[str, Any] = {kind: NOT_PRESENT if kind in seen else UNKNOWN_ANSWER for kind in OBJECT_KINDS}
            if objects == "objects_on_sidewalk":
                absent["obstacle"] = [absent["obstacle"]]
            document[present] = "Yes" if found else UNKNOWN_ANSWER
            document[objects] = absent | found
    check(document, UNKNOWN_ANSWER)
    return document


def parse_json(document: Any, where: str) -> Annotation:
    """An annotation from the document's JSON object; BadRecord, beginning with `where`, when it is none.

    Objects under a "No" are not present, a kind that is not named beside others is not labelled. Like the CSV's, the
    two presences are not believed against the objects themselves.
    """
    try:
        check(document)
        return Annotation(
            image=_image(document["image"]),
            sidewalk=document["sidewalk_pos"],
            road=document["road_pos"],
            near=_objects(document, "object_present", "objects_on_sidewalk"),
            far=_objects(document, "object_present_outside", "objects_outside_sidewalk"),
        )
    except BadInput as bad:
        raise BadRecord(f"{where}: {bad}") from None


def check(document: Any, *unknown: str) -> None:
    """BadInput, with the place in the document, when it does not fit the schema, each answer of `unknown` allowed."""
    error = next(iter(_validator(*unknown).iter_errors(document)), None)
    if error:
        place = "/".join(str(step) for step in error.absolute_path) or "the whole"
        raise BadInput(f"annotation JSON, {place}: {error.message}")


@lru_cache
def _validator(*unknown: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_schema(*unknown))


def _image(name: str) -> str:
    if not name.isprintable() or not name or "/" in name:
        raise BadInput(f"annotation JSON, image: {name!r} is not a file name")
    return name


def _objects(document: dict[str, Any], present: str, objects: str) -> Objects:
    """The labelled kinds; all of them, and none there, under a "No" without objects."""
    if objects not in document and document[present] == "No":
        return dict.fromkeys(OBJECT_KINDS, ())
    named = document.get(objects, {})
    return {kind: _places(named[kind], f"{objects}/{kind}") for kind in OBJECT_KINDS if kind in named}


def _places(value: str | list[str], place: str) -> tuple[str, ...]:
    places = [value] if isinstance(value, str) else value
    if NOT_PRESENT in places and len(places) > 1:
        raise BadInput(f"annotation JSON, {place}: {NOT_PRESENT!r} stands beside a position")
    return tuple(where for where in places if where != NOT_PRESENT)


def _near_places(annotation: Annotation) -> dict[str, Any]:
    """Labelled kind -> its place on the sidewalk, of obstacles all places, in the order of the kinds."""
    places = {kind: _one_place(annotation.near[kind]) for kind in OBJECT_KINDS if kind in annotation.near}
    if "obstacle" in places:
        places["obstacle"] = list(annotation.near["obstacle"]) or [NOT_PRESENT]
    return places


def _far_places(annotation: Annotation) -> dict[str, Any]:
    """Labelled kind -> its place outside of the sidewalk, in the order of the kinds."""
    return {kind: _one_place(annotation.far[kind]) for kind in OBJECT_KINDS if kind in annotation.far}


def _one_place(where: tuple[str, ...]) -> Any:
    if not where:
        return NOT_PRESENT
    return "Center" if "Center" in where else where[0]


def _with_presence(present: str, objects: str, seen: Objects, places: dict[str, Any]) -> dict[str, Any]:
    return {present: "Yes", objects: places} if any(seen.values()) else {present: "No"}
