"""Files of annotations, as SENSATION's CSV or as JSON lines, and CSV files in general."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path

from roadcue.errors import BadInput, BadRecord
from roadcue.files import unreadable
from roadcue.json_lines import from_json, lines_of
from roadcue.loaders.bad_records import Raw, Skipped, first_of_each
from roadcue.prompts.annotation import COLUMNS, Annotation, parse_row
from roadcue.prompts.annotation_json import parse_json

Row = dict[str, str] | BadRecord
"""Column -> cell, or what is wrong with a row whose cells are not as many as the columns."""


def read_annotations(file: Path) -> tuple[dict[str, Annotation], list[Skipped]]:
    """The annotations by image name, and the rows left out: damaged ones, and repeats of an image.

    BadInput when the file cannot be read, or lacks a column.
    """
    rows = ((f"{file}, line {line}", row) for line, row in read_rows(file, COLUMNS))
    return _by_image(rows, lambda row, where: parse_row(whole(row), f"{where} ({whole(row)['image']})"))


def read_json_annotations(file: Path) -> tuple[dict[str, Annotation], list[Skipped]]:
    """The annotations by image name of a file with one JSON object per line, and the lines left out.

    BadInput when the file cannot be read.
    """
    return _by_image(lines_of(file), lambda line, where: parse_json(from_json(line, where), where))


def write_annotations(file: Path, annotations: Iterable[Annotation]) -> None:
    """Write an annotation CSV with the published file's columns."""
    write_rows(file, COLUMNS, (annotation.row for annotation in annotations))


def read_rows(file: Path, header: Sequence[str], encoding: str = "utf-8-sig") -> list[tuple[int, Row]]:
    """The rows of a CSV file with the lines on which they end.

    BadInput when a column of `header` is not there, or one is there twice.
    """
    try:
        with open(file, newline="", encoding=encoding) as lines:
            reader = csv.reader(lines, strict=True)
            columns = next(reader, [])
            missing = [column for column in header if column not in columns]
            if missing:
                raise BadInput(f"{file}: has no column {', '.join(missing)}; its first line must name them all")
            if twice := [column for column in columns if columns.count(column) > 1]:
                raise BadInput(f"{file}: has two columns {twice[0]!r}; nobody can know which counts: remove one")
            return [(reader.line_num, _row(file, reader.line_num, columns, cells)) for cells in reader if cells]
    except OSError as error:
        raise unreadable(file, error, "name the folder that holds it") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: is not a CSV file in UTF-8 ({error}); save it as one") from error


def whole(row: Row) -> dict[str, str]:
    """The row itself; raises the BadRecord of one that is not whole."""
    if isinstance(row, BadRecord):
        raise row
    return row


def write_rows(file: Path, header: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write a CSV file with Unix line ends, as the published ones have."""
    with open(file, "w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, header, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _row(file: Path, line: int, columns: Sequence[str], cells: Sequence[str]) -> Row:
    """A row by column. With one cell lost, all behind it would stand in the column before their own."""
    if len(cells) != len(columns):
        return BadRecord(
            f"{file}, line {line}: has {len(cells)} cells where the first line names {len(columns)} columns; look "
            "which one it lacks or has too many"
        )
    return dict(zip(columns, cells, strict=True))


def _by_image(
    records: Iterable[tuple[str, Raw]], parse: Callable[[Raw, str], Annotation]
) -> tuple[dict[str, Annotation], list[Skipped]]:
    """The annotations by image name of (where, raw) records, and the records left out, with the reason."""
    return first_of_each(records, parse, attrgetter("image"), lambda _: "is annotated before; its first row counts")
