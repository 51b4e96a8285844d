"""Files of annotations, as SENSATION's CSV or as JSON lines."""

from collections.abc import Callable, Iterable
from operator import attrgetter
from pathlib import Path

from roadcue.json_lines import from_json, lines_of
from roadcue.loaders.bad_records import Raw, Skipped, first_of_each
from roadcue.loaders.csv_rows import read_rows, whole, write_rows
from roadcue.prompts.annotation import COLUMNS, Annotation, parse_row
from roadcue.prompts.annotation_json import parse_json


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


def _by_image(
    records: Iterable[tuple[str, Raw]], parse: Callable[[Raw, str], Annotation]
) -> tuple[dict[str, Annotation], list[Skipped]]:
    """The annotations by image name of (where, raw) records, and the records left out, with the reason."""
    return first_of_each(records, parse, attrgetter("image"), lambda _: "is annotated before; its first row counts")
