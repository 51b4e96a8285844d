"""A row of a team's spreadsheet: its words for sidewalk, road and near objects, as the labels of a manifest."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any

from roadcue.errors import BadRecord
from roadcue.loaders.json_states import nearest
from roadcue.loaders.manifest.line import parse_line
from roadcue.prompts.annotation import (
    NEAR_COLUMNS,
    NOT_PRESENT,
    OBJECT_KINDS,
    ROAD_POSITIONS,
    SIDES,
    SIDEWALK_POSITIONS,
    Objects,
    one_of,
)

HEADER = ("picture",)
POSITIONS = {"sidewalk": ("sidewalk_pos", SIDEWALK_POSITIONS), "road": ("road_pos", ROAD_POSITIONS)}
"""Column -> its name in `fields`, and its words."""
OPTIONAL = (*POSITIONS, "objects", "sequence", "frame", "split", "caption")
CAMERA = "FRONT"
"""The camera that is read where none is named."""
NOTHING = ("none", NOT_PRESENT)
"""Cells of objects where nothing is near; an empty one is no label."""
LINING = ("grass", "plants", "trees")
"""Kinds that line a way and are in nobody's: a table in which none of them is named has no labels of them."""


@dataclass(frozen=True)
class TableRow:
    """A checked row, at the place `where`: the keys of its manifest line but for near objects, and these.

    `near` has the kinds that the row names; None: it has no label of objects.
    """

    where: str
    keys: Mapping[str, Any]
    near: Objects | None

    @property
    def labels(self) -> bool:
        """Whether it says anything that can be learnt."""
        return bool(self.keys["fields"]) or self.near is not None or "caption" in self.keys

    def line(self, kinds: Collection[str]) -> dict[str, Any]:
        """The manifest line, in which those of `kinds` that the row does not name are not present."""
        near = {} if self.near is None else {kind: self.near.get(kind, ()) for kind in kinds}
        cells = {NEAR_COLUMNS[kind]: "-".join(sides) or NOT_PRESENT for kind, sides in near.items()}
        return {**self.keys, "fields": {**self.keys["fields"], **cells}}


def parse_row(row: Mapping[str, str], where: str) -> TableRow:
    """Read a row by column; BadRecord, beginning with `where`, for a word that is none of its column's."""
    cells = {column: " ".join(cell.split()) for column, cell in row.items()}
    given = {column: cell for column, cell in cells.items() if cell}
    if "picture" not in given:
        raise BadRecord(f"{where}: column picture is empty; write the picture's path")
    path = PureWindowsPath(row["picture"].strip())
    keys: dict[str, Any] = {
        "id": path.as_posix(),
        "sequence": given.get("sequence", path.parent.as_posix()),
        "images": {CAMERA: path.as_posix()},
        "fields": {
            name: _position(column, given[column], words, where)
            for column, (name, words) in POSITIONS.items()
            if column in given
        },
    }
    if "frame" in given:
        keys["frame"] = _frame(given["frame"], where)
    if "split" in given:
        keys["split"] = given["split"].lower()
    if "caption" in given:
        keys["caption"] = given["caption"]
    parse_line(keys, where)
    return TableRow(where, keys, _near(given["objects"], where) if "objects" in given else None)


def named_kinds(rows: Collection[TableRow]) -> tuple[str, ...]:
    """The kinds of object of which rows have labels: all, but of `LINING` those that some row names."""
    named = {kind for row in rows for kind in row.near or ()}
    return tuple(kind for kind in OBJECT_KINDS if kind in named or kind not in LINING)


def _position(column: str, cell: str, words: tuple[str, ...], where: str) -> str:
    known = one_of(words, cell)
    if known is None:
        raise BadRecord(f"{where}: column {column} is {cell!r}{nearest(cell.capitalize(), words)}")
    return known


def _frame(cell: str, where: str) -> int:
    try:
        return int(cell)
    except ValueError:
        raise BadRecord(f"{where}: column frame is {cell!r}; write a whole number that counts in time") from None


def _near(cell: str, where: str) -> Objects:
    """Of "car left; traffic sign center-right" the sides of each kind."""
    if one_of(NOTHING, cell):
        return {}
    near: dict[str, tuple[str, ...]] = {}
    for entry in filter(None, map(str.strip, re.split("[;,]", cell))):
        kind, sides = _object(entry, f"{where}: column objects: {entry!r}")
        near[kind] = tuple(side for side in SIDES if side in (*near.get(kind, ()), *sides))
    return near


def _object(entry: str, where: str) -> tuple[str, tuple[str, ...]]:
    """The kind and the sides of "traffic sign center-right"; a kind has one word or two."""
    words = re.split(r"[\s_-]+", entry)
    for length in (2, 1):
        if kind := one_of(OBJECT_KINDS, "_".join(words[:length])):
            return kind, _sides(words[length:], where)
    named = [word.casefold() for word in words if not one_of(SIDES, word)]
    raise BadRecord(f"{where} names no kind of object{nearest('_'.join(named), OBJECT_KINDS)}")


def _sides(words: list[str], where: str) -> tuple[str, ...]:
    if not words:
        raise BadRecord(f"{where} says no side; add one or more of {', '.join(SIDES)}, joined by hyphens")
    sides = [one_of(SIDES, word) for word in words]
    if None in sides:
        word = words[sides.index(None)]
        raise BadRecord(f"{where}: {word!r} is no side{nearest(word.capitalize(), SIDES)}")
    return tuple(side for side in sides if side)
