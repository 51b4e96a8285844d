"""The labels of a pedestrian's picture as heads count them: two positions, and nine kinds of object, near and far."""

from collections.abc import Mapping

import torch
from torch import Tensor

from roadcue.errors import BadHead
from roadcue.prompts.annotation import (
    FAR_COLUMNS,
    NEAR_COLUMNS,
    NOT_PRESENT,
    OBJECT_KINDS,
    ROAD_POSITIONS,
    SIDES,
    SIDEWALK_POSITIONS,
)

POSITION_CLASSES: Mapping[str, tuple[str, ...]] = {"sidewalk_pos": SIDEWALK_POSITIONS, "road_pos": ROAD_POSITIONS}
"""Column -> its classes, of each of which a picture has one."""
OBJECT_COLUMNS = (tuple(NEAR_COLUMNS.values()), tuple(FAR_COLUMNS.values()))
"""Near columns, far columns, each in the order of `OBJECT_KINDS`."""
UNKNOWN = -1
"""In place of a class that a row has no label for."""


def encode_fields(fields: Mapping[str, str]) -> tuple[Tensor, Tensor]:
    """Column -> value, as `SampleTargets.fields` has them: a column that is not there, or empty, is not labelled.

    Gives (2,) int64, the class of each of `POSITION_CLASSES` or -1, and (2, 9, 3) float32: near and far, kind, side;
    1 where one was seen, 0 where not, NaN where nothing is labelled. Other columns are passed over. BadHead when a
    value is none of its column's.
    """
    positions = [
        _class(column, value, classes) if (value := fields.get(column)) else UNKNOWN
        for column, classes in POSITION_CLASSES.items()
    ]
    objects = [[_sides(column, fields.get(column) or "") for column in columns] for columns in OBJECT_COLUMNS]
    return torch.tensor(positions), torch.tensor(objects)


def no_fields(rows: int) -> tuple[Tensor, Tensor]:
    """What `encode_fields` gives for rows without any label, (b, 2) and (b, 2, 9, 3)."""
    shape = (rows, len(OBJECT_COLUMNS), len(OBJECT_KINDS), len(SIDES))
    return torch.full((rows, len(POSITION_CLASSES)), UNKNOWN), torch.full(shape, torch.nan)


def _class(column: str, value: str, classes: tuple[str, ...]) -> int:
    if value not in classes:
        raise BadHead(f"{column} is {value!r}, not one of {', '.join(classes)}")
    return classes.index(value)


def _sides(column: str, value: str) -> list[float]:
    """ "Center-Left" -> [1, 1, 0]; how often one is named does not matter."""
    if not value:
        return [torch.nan] * len(SIDES)
    named = set() if value == NOT_PRESENT else set(value.split("-"))
    if not named <= set(SIDES):
        raise BadHead(f"{column} is {value!r}, neither {NOT_PRESENT!r} nor {', '.join(SIDES)} joined by hyphens")
    return [float(side in named) for side in SIDES]
