"""From a team's spreadsheet, a row a picture, to the manifest that training reads."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from roadcue.errors import BadInput, BadRecord
from roadcue.files import resumable_folder
from roadcue.loaders.bad_records import BadRecords, OnBadRecord, Skipped, first_of_each
from roadcue.loaders.csv_rows import read_rows, whole
from roadcue.loaders.manifest.manifest_file import FILE_NAMES
from roadcue.loaders.manifest.table import CAMERA, HEADER, LINING, OPTIONAL, TableRow, named_kinds, parse_row
from roadcue.loaders.picture_folder import PictureFolder


@dataclass(frozen=True)
class Converted:
    """What was written: `rows` in the order of the table, the kinds that none of them names, what was left out."""

    manifest: Path
    rows: list[TableRow]
    unnamed: tuple[str, ...]
    skipped: list[Skipped]

    @property
    def unlabelled(self) -> list[TableRow]:
        """Rows without any label or caption: no head learns from them."""
        return [row for row in self.rows if not row.labels]

    @property
    def splits(self) -> Counter[str | None]:
        """How many rows are of which split, or of none."""
        return Counter(row.keys.get("split") for row in self.rows)

    @property
    def parted(self) -> bool:
        """Whether each row names its split, and training has all that it needs."""
        return None not in self.splits and self.splits.keys() >= {"train", "val"}

    @property
    def labelled(self) -> dict[str, int]:
        """Rows with a label, by column of the table."""
        fields = [row.keys["fields"] for row in self.rows]
        return {
            "sidewalk": sum("sidewalk_pos" in one for one in fields),
            "road": sum("road_pos" in one for one in fields),
            "objects": sum(row.near is not None for row in self.rows),
        }


def convert(table: Path, pictures: Path, out: Path, *, on_bad_record: OnBadRecord = "raise") -> Converted:
    """Write the new folder `out` with the manifest of a CSV table, whose pictures lie below `pictures`.

    `--image_root` names that folder to who reads the manifest. BadInput when `out` exists or cannot be written, the
    table cannot be read or labels nothing; BadRecord, or counted in `skipped`, when lines cannot be used or pictures
    are missing.
    """
    if not pictures.is_dir():
        raise BadInput(f"{pictures}: is no folder; --pictures names the one that the table's pictures lie below")
    read = [(f"{table}, line {line}", row) for line, row in read_rows(table, HEADER, OPTIONAL)]
    by_id, faults = first_of_each(
        read,
        lambda row, where: parse_row(whole(row), where),
        lambda row: row.keys["id"],
        lambda first: f"is named before, by {first.where}; write one line for each picture",
    )
    stamps = PictureFolder(pictures).stamps([row.keys["images"][CAMERA] for row in by_id.values()])
    checked = list(zip(by_id.values(), stamps, strict=True))
    faults += [Skipped(row.where, f"picture {stamp}") for row, stamp in checked if isinstance(stamp, BadRecord)]
    rows = [row for row, stamp in checked if not isinstance(stamp, BadRecord)]
    if faults:
        message = f"{len(faults)} of {len(read)} lines cannot be used; the first: {faults[0]}"
        remedy = "; correct them, or leave them out with --on_bad_record skip" if rows else ""
        BadRecords(on_bad_record).reject_all(faults, message + remedy, some_left=bool(rows))
    if not any(row.labels for row in rows):
        raise BadInput(f"{table}: labels nothing; fill in one or more of its columns sidewalk, road, objects")
    kinds = named_kinds(rows)
    text = "".join(json.dumps(row.line(kinds), ensure_ascii=False) + "\n" for row in rows)
    with resumable_folder(out, "converted") as partial:
        (partial / FILE_NAMES[0]).write_text(text, encoding="utf-8", newline="\n")
    return Converted(out / FILE_NAMES[0], rows, tuple(kind for kind in LINING if kind not in kinds), faults)
