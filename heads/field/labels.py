"""The labels of a pedestrian's picture as heads count them: two positions, and nine kinds of object, near and far."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from roadcue.errors import BadHead
from roadcue.heads.head import Batches
from roadcue.prompts.annotation import (
    FAR_COLUMNS,
    NEAR_COLUMNS,
    NOT_PRESENT,
    OBJECT_KINDS,
    ROAD_POSITIONS,
    SIDES,
    SIDEWALK_POSITIONS,
)
from roadcue.schema import HeadTargets, SampleTargets

POSITION_CLASSES: Mapping[str, tuple[str, ...]] = {"sidewalk_pos": SIDEWALK_POSITIONS, "road_pos": ROAD_POSITIONS}
"""Column -> its classes, of each of which a picture has one."""
OBJECT_COLUMNS = (tuple(NEAR_COLUMNS.values()), tuple(FAR_COLUMNS.values()))
"""Near columns, far columns, each in the order of `OBJECT_KINDS`."""
POSITION_SHAPE = (len(POSITION_CLASSES), 4)
"""Fields with a position, and the classes of each."""
OBJECT_SHAPE = (len(OBJECT_COLUMNS), len(OBJECT_KINDS))
"""Near and far, and the kinds of object."""
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


def pedestrian_labels(target: SampleTargets) -> dict[str, Tensor]:
    """A row's "positions" (2,) and "objects" (2, 9, 3), as in `HeadTargets`."""
    positions, objects = encode_fields(target.fields)
    return {"positions": positions, "objects": objects}


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


def known_fields(targets: HeadTargets) -> Tensor:
    """(b,) bool: the rows with a label of anything."""
    return (targets["positions"] != UNKNOWN).any(dim=1) | ~targets["objects"].isnan().flatten(1).all(dim=1)


def seen_sides(present: Tensor, sides: Tensor) -> Tensor:
    """(..., 3) bool: where a kind is said to be: every side above 0, and at least the one with most, if present."""
    most = F.one_hot(sides.argmax(dim=-1), sides.shape[-1]).bool()
    return present[..., None] & ((sides > 0) | most)


@dataclass
class LabelCounts:
    """How often each label comes: `positions` (2, 4), `labelled` and `present` (2, 9), `sides` (2, 9, 3)."""

    positions: Tensor
    labelled: Tensor
    present: Tensor
    sides: Tensor

    @classmethod
    def of(cls, batches: Batches) -> "LabelCounts":
        """Of a whole training set, on the CPU."""
        counts = cls(
            positions=torch.zeros(POSITION_SHAPE),
            labelled=torch.zeros(OBJECT_SHAPE),
            present=torch.zeros(OBJECT_SHAPE),
            sides=torch.zeros(*OBJECT_SHAPE, len(SIDES)),
        )
        for _, targets in batches:
            positions, objects = targets["positions"], targets["objects"]
            counts.positions += torch.stack(
                [(positions == label).sum(0) for label in range(POSITION_SHAPE[1])], dim=1
            )
            counts.labelled += (~objects.isnan().any(dim=3)).sum(0)
            counts.present += (objects.amax(dim=3) == 1).sum(0)
            counts.sides += (objects == 1).sum(0)
        if not counts.positions.any() and not counts.labelled.any():
            raise BadHead(
                "no row of the training set has a label of sidewalk, road or objects, so there is nothing to learn; "
                "--data sidewalk and --data sensation have them"
            )
        return counts
