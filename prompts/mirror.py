"""What the labels and texts of a picture become when it is mirrored: left is right, and nothing else changes."""

import re
from collections.abc import Mapping

from roadcue.errors import BadRecord
from roadcue.prompts.annotation import (
    FAR_COLUMNS,
    NEAR_COLUMNS,
    NOT_PRESENT,
    POSITION_COLUMNS,
    mirrored_position,
    one_of,
    positions_in,
)

OBJECT_COLUMNS = frozenset([*NEAR_COLUMNS.values(), *FAR_COLUMNS.values()])
UNPLACED_COLUMNS = frozenset(["image", "status", "Object_present", "Object_present_outside"])
"""Columns of an annotation that tell no place."""
_SIDE = re.compile(r"(?<![a-z])(left|right)(?![a-z])", re.IGNORECASE)
_OTHER = {"left": "right", "right": "left", "Left": "Right", "Right": "Left", "LEFT": "RIGHT", "RIGHT": "LEFT"}


def has_mirror_rule(column: str) -> bool:
    """Whether it is known what the values of a column are in a mirror."""
    return column in POSITION_COLUMNS or column in OBJECT_COLUMNS or column in UNPLACED_COLUMNS


def mirrored_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """`SampleTargets.fields` of the mirrored picture, column -> value; a column without a rule stays as it is.

    BadRecord when a value is none of its column's.
    """
    return {column: _mirrored(column, value) for column, value in fields.items()}


def mirrored_text(text: str) -> str:
    """A text with the words left and right exchanged."""
    return _SIDE.sub(lambda side: _OTHER.get(side[1], side[1]), text)


def _mirrored(column: str, value: str) -> str:
    if column in POSITION_COLUMNS and value:
        known = one_of(POSITION_COLUMNS[column], value)
        if known is None:
            raise BadRecord(f"{column} is {value!r}, not one of {', '.join(POSITION_COLUMNS[column])}")
        return mirrored_position(known)
    if column in OBJECT_COLUMNS and value:
        places = positions_in(value)
        if places is None:
            raise BadRecord(f"{column} is {value!r}, neither {NOT_PRESENT!r} nor sides joined by hyphens")
        return "-".join(map(mirrored_position, places)) or NOT_PRESENT
    return value
