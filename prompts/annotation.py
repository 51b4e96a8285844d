"""What an annotation is: where the sidewalk, the road and nine kinds of object are in one picture.

Columns, spelling and values are those of the published `annotations_with_obj_pos.csv` (SENSATION, document 000;
repository adityaBS/roadscene-vlm-for-visually-impaired). Its form asks for objects on the sidewalk and
outside of it; the texts made of it call the first close and the second farther away: `near` and `far` here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from roadcue.errors import BadRecord

SIDES = ("Left", "Center", "Right")
"""Where an object is in the picture."""
SIDEWALK_POSITIONS = (*SIDES, "Outside")
ROAD_POSITIONS = ("Not present", "Left", "Front", "Right")
POSITION_COLUMNS = {"sidewalk_pos": SIDEWALK_POSITIONS, "road_pos": ROAD_POSITIONS}
"""Column -> its values; a picture has one of them."""
OBJECT_KINDS = ("bicycle", "car", "person", "traffic_sign", "traffic_light", "obstacle", "grass", "plants", "trees")
"""Kinds of object, in the order of the columns."""
NOT_PRESENT = "not present"
UNKNOWN_ANSWER = "unknown"
"""Stands in a prediction, and in no label, for what was never taught."""
_MIRROR = {
    **dict(zip(SIDES, reversed(SIDES), strict=True)),
    **{position: position for position in ("Outside", "Not present", "Front", UNKNOWN_ANSWER)},
}
"""Every position -> where it is in a mirror; a new one has to say it here."""

Objects = Mapping[str, tuple[str, ...]]
"""Kind -> the positions where one was seen, with repeats; empty: not present; no key: not labelled."""


def _columns(suffix: str) -> dict[str, str]:
    """Kind -> column name; the file marks all but the traffic light with `m_`."""
    return {kind: f"{'' if kind == 'traffic_light' else 'm_'}{kind}{suffix}" for kind in OBJECT_KINDS}


NEAR_COLUMNS, FAR_COLUMNS = _columns(""), _columns("_outside")
COLUMNS = (
    *("image", "status", "sidewalk_pos", "road_pos", "Object_present", "Object_present_outside"),
    *NEAR_COLUMNS.values(),
    *FAR_COLUMNS.values(),
)


@dataclass(frozen=True)
class Annotation:
    """One picture's labels: `sidewalk` of `SIDEWALK_POSITIONS`, `road` of `ROAD_POSITIONS`, objects by kind.

    In a prediction a position may be `UNKNOWN_ANSWER`, and a kind that is no key is not known.
    """

    image: str
    sidewalk: str
    road: str
    near: Objects
    far: Objects

    @property
    def row(self) -> dict[str, str]:
        """The CSV row: column -> value."""
        return {
            "image": self.image,
            "status": "done",
            "sidewalk_pos": self.sidewalk,
            "road_pos": self.road,
            "Object_present": _yes_or_no(self.near),
            "Object_present_outside": _yes_or_no(self.far),
            **{column: _cell(self.near, kind) for kind, column in NEAR_COLUMNS.items()},
            **{column: _cell(self.far, kind) for kind, column in FAR_COLUMNS.items()},
        }

    @property
    def mirrored(self) -> "Annotation":
        """The labels of the picture with left and right exchanged."""
        near, far = (
            {kind: tuple(map(mirrored_position, places)) for kind, places in objects.items()}
            for objects in (self.near, self.far)
        )
        sidewalk, road = map(mirrored_position, (self.sidewalk, self.road))
        return Annotation(self.image, sidewalk, road, near, far)


def parse_row(row: Mapping[str, str | None], where: str) -> Annotation:
    """An annotation from a CSV row. BadRecord, beginning with `where`, when a value is none of the column's.

    The two `Object_present` columns are not read: 42 published rows contradict the objects beside them.
    """
    return Annotation(
        image=_one_of(row, "image", None, where),
        sidewalk=_one_of(row, "sidewalk_pos", SIDEWALK_POSITIONS, where),
        road=_one_of(row, "road_pos", ROAD_POSITIONS, where),
        near=_objects(row, NEAR_COLUMNS, where),
        far=_objects(row, FAR_COLUMNS, where),
    )


def mirrored_position(position: str) -> str:
    """A position of sidewalk, road or object with left and right exchanged; KeyError for one without a rule."""
    return _MIRROR[position]


def one_of(values: Collection[str], word: str) -> str | None:
    """The one of `values` that a word is but for blanks around it and upper case, or None."""
    word = word.strip().casefold()
    return next((value for value in values if value.casefold() == word), None)


def positions_in(cell: str) -> tuple[str, ...] | None:
    """The positions of a kind's cell, such as "Center-Left", none for "not present"; None for another word."""
    if one_of((NOT_PRESENT,), cell):
        return ()
    positions = tuple(one_of(SIDES, word) or "" for word in cell.split("-"))
    return positions if all(positions) else None


def _one_of(row: Mapping[str, str | None], column: str, values: tuple[str, ...] | None, where: str) -> str:
    value = row.get(column) or ""
    known = one_of(values, value) if values else value
    if not known:
        raise BadRecord(
            f"{where}: {column} is {value!r}, not {'one of ' + ', '.join(values) if values else 'a name'}; "
            "look whether the row has lost a column"
        )
    return known


def _objects(row: Mapping[str, str | None], columns: Mapping[str, str], where: str) -> Objects:
    """The labelled kinds; an empty cell is no label."""
    cells = {kind: (row.get(column) or "").strip() for kind, column in columns.items()}
    return {kind: _positions(cell, f"{where}: {columns[kind]}") for kind, cell in cells.items() if cell}


def _positions(cell: str, where: str) -> tuple[str, ...]:
    positions = positions_in(cell)
    if positions is None:
        raise BadRecord(f"{where} is {cell!r}, neither {NOT_PRESENT!r} nor {', '.join(SIDES)} joined by hyphens")
    return positions


def _cell(objects: Objects, kind: str) -> str:
    return "-".join(objects[kind]) or NOT_PRESENT if kind in objects else ""


def _yes_or_no(objects: Objects) -> str:
    return "Yes" if any(objects.values()) else "No"
