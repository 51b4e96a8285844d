"""The SENSATION annotation CSV: where the sidewalk, the road and nine kinds of object are in one picture.

Columns, spelling and values are those of the published `annotations_with_obj_pos.csv` (document 000; repository
adityaBS/roadscene-vlm-for-visually-impaired). Its form asks for objects on the sidewalk and outside of it; the texts
made of it call the first close and the second farther away, and so they are `near` and `far` here.
"""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders.dataset import Skipped

POSITIONS = ("Left", "Center", "Right")
"""Where an object is in the picture."""
SIDEWALK_POSITIONS = (*POSITIONS, "Outside")
ROAD_POSITIONS = ("Not present", "Left", "Front", "Right")
OBJECTS = ("bicycle", "car", "person", "traffic_sign", "traffic_light", "obstacle", "grass", "plants", "trees")
"""Kinds of object, in the order of the columns."""
NOT_PRESENT = "not present"
_MIRROR = dict(zip(POSITIONS, reversed(POSITIONS), strict=True))

Record = TypeVar("Record")
Objects = Mapping[str, tuple[str, ...]]
"""Kind -> the positions where one was seen, with repeats; empty: not present; no key: not labelled."""


def _columns(suffix: str) -> dict[str, str]:
    """Kind -> column name; the file marks all but the traffic light with `m_`."""
    return {kind: f"{'' if kind == 'traffic_light' else 'm_'}{kind}{suffix}" for kind in OBJECTS}


NEAR_COLUMNS, FAR_COLUMNS = _columns(""), _columns("_outside")
HEADER = (
    *("image", "status", "sidewalk_pos", "road_pos", "Object_present", "Object_present_outside"),
    *NEAR_COLUMNS.values(),
    *FAR_COLUMNS.values(),
)


@dataclass(frozen=True)
class Annotation:
    """One picture's labels: `sidewalk` of `SIDEWALK_POSITIONS`, `road` of `ROAD_POSITIONS`, objects by kind."""

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
            {kind: tuple(_MIRROR[where] for where in places) for kind, places in objects.items()}
            for objects in (self.near, self.far)
        )
        sidewalk, road = (_MIRROR.get(position, position) for position in (self.sidewalk, self.road))
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


def read_annotations(file: Path) -> tuple[dict[str, Annotation], list[Skipped]]:
    """The annotations by image name, and the rows left out: damaged ones, and repeats of an image.

    BadInput when the file cannot be read, or lacks a column.
    """
    return first_of_each(((f"{file}, line {line}", row) for line, row in read_rows(file, HEADER)), parse_row)


def first_of_each(
    records: Iterable[tuple[str, Record]], parse: Callable[[Record, str], Annotation]
) -> tuple[dict[str, Annotation], list[Skipped]]:
    """The annotations by image name of (where, record) pairs, and the records left out, with the reason."""
    annotations: dict[str, Annotation] = {}
    skipped = []
    for where, record in records:
        try:
            annotation = parse(record, where)
        except BadRecord as bad:
            skipped.append(Skipped.of(where, bad))
            continue
        if annotation.image in annotations:
            skipped.append(Skipped(where, f"{annotation.image} is annotated before; its first row counts"))
            continue
        annotations[annotation.image] = annotation
    return annotations, skipped


def write_annotations(file: Path, annotations: Iterable[Annotation]) -> None:
    """Write an annotation CSV with the published file's columns."""
    write_rows(file, HEADER, (annotation.row for annotation in annotations))


def read_rows(file: Path, header: Sequence[str], encoding: str = "utf-8-sig") -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with the lines on which they end; BadInput when a column of `header` is not there."""
    try:
        with open(file, newline="", encoding=encoding) as lines:
            reader = csv.DictReader(lines, strict=True, restval="")
            missing = [column for column in header if column not in (reader.fieldnames or ())]
            if missing:
                raise BadInput(f"{file}: has no column {', '.join(missing)}; its first line must name them all")
            return [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror}); name the folder that holds it") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: is not a CSV file in UTF-8 ({error}); save it as one") from error


def write_rows(file: Path, header: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a CSV file with Unix line ends, as the published ones have."""
    with open(file, "w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _one_of(row: Mapping[str, str | None], column: str, values: tuple[str, ...] | None, where: str) -> str:
    value = row.get(column) or ""
    if not value or (values and value not in values):
        raise BadRecord(
            f"{where}: {column} is {value!r}, not {'one of ' + ', '.join(values) if values else 'a name'}; "
            "look whether the row has lost a column"
        )
    return value


def _objects(row: Mapping[str, str | None], columns: Mapping[str, str], where: str) -> Objects:
    """The labelled kinds; an empty cell is no label."""
    cells = {kind: row.get(column) or "" for kind, column in columns.items()}
    return {kind: _positions(cell, f"{where}: {columns[kind]}") for kind, cell in cells.items() if cell}


def _positions(cell: str, where: str) -> tuple[str, ...]:
    if cell == NOT_PRESENT:
        return ()
    positions = tuple(cell.split("-"))
    if not set(positions) <= set(POSITIONS):
        raise BadRecord(f"{where} is {cell!r}, neither {NOT_PRESENT!r} nor {', '.join(POSITIONS)} joined by hyphens")
    return positions


def _cell(objects: Objects, kind: str) -> str:
    return "-".join(objects[kind]) or NOT_PRESENT if kind in objects else ""


def _yes_or_no(objects: Objects) -> str:
    return "Yes" if any(objects.values()) else "No"
