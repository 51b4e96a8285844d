"""A pedestrian's labels as tensors: the positions of sidewalk and road, and nine kinds of object, near and far."""

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
    POSITION_COLUMNS,
    SIDES,
    one_of,
    positions_in,
)
from roadcue.schema import HeadTargets, SampleTargets

POSITION_CLASSES: Mapping[str, tuple[str, ...]] = POSITION_COLUMNS
"""Column -> its classes; a picture has one of them."""
OBJECT_COLUMNS = (tuple(NEAR_COLUMNS.values()), tuple(FAR_COLUMNS.values()))
"""Near columns, far columns, each in the order of `OBJECT_KINDS`."""
OUTPUTS = (*POSITION_CLASSES, *OBJECT_COLUMNS[0], *OBJECT_COLUMNS[1])
"""(20,): the two positions and the kinds of object, near and far, by their columns: each has labels or has none."""
POSITION_SHAPE = (len(POSITION_CLASSES), 4)
"""(2, 4): fields with a position, and the classes of each."""
OBJECT_SHAPE = (len(OBJECT_COLUMNS), len(OBJECT_KINDS))
"""(2, 9): near and far, and the kinds of object."""
UNKNOWN = -1
"""Stands for a missing label in the place of a class."""


def encode_fields(fields: Mapping[str, str]) -> tuple[Tensor, Tensor]:
    """`SampleTargets.fields` of a row, column -> value, as positions (2,) int64 and objects (2, 9, 3) float32.

    Positions are the classes of `POSITION_CLASSES`, -1 where not labelled. Objects are near and far, kind, side: 1
    seen, 0 not seen, NaN not labelled. A missing or empty column is not labelled; other columns are ignored. BadHead
    when a value is none of its column's.
    """
    positions = [
        _class(column, value, classes) if (value := fields.get(column)) else UNKNOWN
        for column, classes in POSITION_CLASSES.items()
    ]
    objects = [[_sides(column, fields.get(column) or "") for column in columns] for columns in OBJECT_COLUMNS]
    return torch.tensor(positions), torch.tensor(objects)


def pedestrian_labels(target: SampleTargets) -> dict[str, Tensor]:
    """A row's "positions" (2,), "objects" (2, 9, 3) and "on_foot" (), as in `HeadTargets`.

    A row is a pedestrian's where it has the columns of positions, be they empty. BadHead as `encode_fields`.
    """
    positions, objects = encode_fields(target.fields)
    on_foot = torch.tensor(not POSITION_CLASSES.keys().isdisjoint(target.fields))
    return {"positions": positions, "objects": objects, "on_foot": on_foot}


def no_fields(rows: int) -> tuple[Tensor, Tensor]:
    """Positions (b, 2) and objects (b, 2, 9, 3) of `rows` rows without any label."""
    shape = (rows, len(OBJECT_COLUMNS), len(OBJECT_KINDS), len(SIDES))
    return torch.full((rows, len(POSITION_CLASSES)), UNKNOWN), torch.full(shape, torch.nan)


def _class(column: str, value: str, classes: tuple[str, ...]) -> int:
    """The place of a value in its column's classes."""
    known = one_of(classes, value)
    if known is None:
        raise BadHead(f"{column} is {value!r}, not one of {', '.join(classes)}")
    return classes.index(known)


def _sides(column: str, value: str) -> list[float]:
    """The value of a kind's column for each of `SIDES`, (3,): "Center-Left" -> [1, 1, 0]; NaN without a value."""
    if not value:
        return [torch.nan] * len(SIDES)
    named = positions_in(value)
    if named is None:
        raise BadHead(f"{column} is {value!r}, neither {NOT_PRESENT!r} nor {', '.join(SIDES)} joined by hyphens")
    return [float(side in named) for side in SIDES]


def known_fields(targets: HeadTargets) -> Tensor:
    """(b,) bool: the rows with a label of anything."""
    return (targets["positions"] != UNKNOWN).any(dim=1) | ~targets["objects"].isnan().flatten(1).all(dim=1)


def labelled_outputs(targets: HeadTargets) -> Tensor:
    """(20,) bool: the `OUTPUTS` that some row has a label of."""
    positions = (targets["positions"] != UNKNOWN).any(dim=0)
    return torch.cat([positions, (~targets["objects"].isnan().any(dim=3)).any(dim=0).flatten()])


def only_taught(targets: HeadTargets, taught: Tensor) -> HeadTargets:
    """The targets without the labels of `OUTPUTS` that were not taught, (20,) bool."""
    positions, objects = taught.split([POSITION_SHAPE[0], len(OUTPUTS) - POSITION_SHAPE[0]])
    return {
        **targets,
        "positions": targets["positions"].masked_fill(~positions, UNKNOWN),
        "objects": targets["objects"].masked_fill(~objects.view(*OBJECT_SHAPE, 1), torch.nan),
    }


def seen_sides(present: Tensor, sides: Tensor) -> Tensor:
    """Kinds present (...) bool, logits of sides (..., 3) -> (..., 3) bool: the sides on which each kind is seen.

    Of a kind that is present, every side with a logit above 0, and at least the most likely side.
    """
    likeliest = F.one_hot(sides.argmax(dim=-1), sides.shape[-1]).bool()
    return present[..., None] & ((sides > 0) | likeliest)


@dataclass
class LabelCounts:
    """How many rows have each label: `positions` (2, 4), `labelled` and `present` (2, 9), `sides` (2, 9, 3)."""

    positions: Tensor
    labelled: Tensor
    present: Tensor
    sides: Tensor

    @property
    def taught(self) -> Tensor:
        """(20,) bool: the `OUTPUTS` that a row has a label of."""
        return torch.cat([self.positions.any(dim=1), self.labelled.flatten() > 0])

    @classmethod
    def of(cls, batches: Batches) -> "LabelCounts":
        """Count over a whole training set, on the CPU. BadHead when no row has a label."""
        counts = cls(
            positions=torch.zeros(POSITION_SHAPE),
            labelled=torch.zeros(OBJECT_SHAPE),
            present=torch.zeros(OBJECT_SHAPE),
            sides=torch.zeros(*OBJECT_SHAPE, len(SIDES)),
        )
        for _, targets in batches:
            positions, objects = targets["positions"], targets["objects"]
            counts.positions += torch.stack(
                [(positions == place).sum(0) for place in range(POSITION_SHAPE[1])], dim=1
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
