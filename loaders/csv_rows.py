"""CSV files as spreadsheets write them: rows by the columns that the first line names."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from roadcue.errors import BadInput, BadRecord
from roadcue.files import read_bytes, refuse_packed, unreadable
from roadcue.loaders.json_states import nearest
from roadcue.prompts.annotation import one_of

DELIMITERS = ",;\t"
"""What spreadsheets put between two cells: a semicolon where a comma is that of decimals."""
Row = dict[str, str] | BadRecord
"""Column -> cell, or what is wrong with a row whose cells are not as many as the columns."""


def read_rows(file: Path, header: Sequence[str], optional: Sequence[str] | None = None) -> list[tuple[int, Row]]:
    """The rows of a CSV file with the lines on which they end; those without a word in them are left out.

    The columns of `header` are named as it spells them, whatever their case and the blanks around them in the file.
    BadInput when one is not there, one is there twice, or there are others: none but `optional`, if that is given.
    """
    with io.StringIO(_text(file), newline="") as lines:
        first = lines.readline()
        lines.seek(0)
        reader = csv.reader(lines, delimiter=max(DELIMITERS, key=first.count), strict=True)
        try:
            columns = _columns(file, next(reader, []), header, optional)
            return [
                (reader.line_num, _row(file, reader.line_num, columns, cells))
                for cells in reader
                if any(cell.strip() for cell in cells)
            ]
        except csv.Error as error:
            raise BadInput(f"{file}, line {reader.line_num}: is not CSV ({error}); save the table anew") from error


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


def _text(file: Path) -> str:
    """What the file holds, without the mark that Excel puts before UTF-8; BadInput for another encoding."""
    try:
        encoded = read_bytes(file)
        refuse_packed(file, encoded)
        return encoded.decode("utf-8-sig")
    except OSError as error:
        raise unreadable(file, error, "name the folder that holds it") from error
    except UnicodeDecodeError as error:
        line = encoded.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"{file}, line {line}: byte 0x{encoded[error.start]:02x} is not UTF-8; save the table as 'CSV UTF-8', as "
            "Excel calls it, or choose UTF-8 (Unicode) where LibreOffice asks for the character set"
        ) from error


def _columns(file: Path, names: Sequence[str], header: Sequence[str], optional: Sequence[str] | None) -> list[str]:
    """The names of the first line in the spelling of those that are known."""
    known = (*header, *(optional or ()))
    columns = [one_of(known, name) or name for name in names]
    missing = [column for column in header if column not in columns]
    if missing:
        raise BadInput(f"{file}: has no column {', '.join(missing)}; its first line must name them all")
    if twice := [column for column in columns if columns.count(column) > 1]:
        raise BadInput(f"{file}: has two columns {twice[0]!r}; nobody can know which counts: remove one")
    if optional is not None and (strange := [column for column in columns if column not in known]):
        raise BadInput(f"{file}: unknown column {strange[0]!r}{nearest(strange[0].strip().casefold(), known)}")
    return columns


def _row(file: Path, line: int, columns: Sequence[str], cells: Sequence[str]) -> Row:
    """A row by column. With one cell lost, all behind it would stand in the column before their own."""
    if len(cells) != len(columns):
        return BadRecord(
            f"{file}, line {line}: has {len(cells)} cells where the first line names {len(columns)} columns; look "
            "which one it lacks or has too many"
        )
    return dict(zip(columns, cells, strict=True))
