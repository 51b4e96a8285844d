"""BDD100K as a `RoadDataset`: pictures of clear days with near and far objects, without states and trajectories.

Below the data folder, as published: `labels/det_20/det_train.json`, or `labels/100k/train/*.json`, and
`images/100k/train/*.jpg`, and so for val.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders.bad_records import BadRecords, OnBadRecord, Skipped, named_first
from roadcue.loaders.bdd100k.boxes import HEIGHT, WIDTH, Box, objects_of
from roadcue.loaders.bdd100k.labels import SPLITS, Frame, labels_file, read_frames
from roadcue.loaders.dataset import StateTable
from roadcue.loaders.picture_folder import PictureFolder, Stamp
from roadcue.prompts.annotation import Annotation
from roadcue.schema import CameraCalibration, SampleTargets

CAMERA = "FRONT"
IMAGES = "images/100k"
"""Where the published archives put the splits' pictures, below the data folder."""
_DRIVE = slice(0, 8)
_MANY = 100
"""Of so many boxes in published pictures some are on the right."""


class _Row(NamedTuple):
    """One picture by its path below the image root, and its labels."""

    path: str
    frame: Frame
    stamp: Stamp


def open_bdd100k(
    data_dir: Path, split: str, *, image_root: Path | None = None, on_bad_record: OnBadRecord = "raise"
) -> "Bdd100k":
    """Open the clear, daytime pictures of "train", "val" or "all"; `image_root` holds the folders train and val.

    BadInput when a label file is missing or damaged or no picture is left, or, with "raise", when a frame is damaged
    or a picture is missing; "skip" leaves those out and lists them.
    """
    frames: dict[str, Frame] = {}  # by path below the image root
    bad_records = BadRecords(on_bad_record)
    labelled: set[str] = set()
    unboxed = 0
    for split_name in SPLITS if split == "all" else (split,):
        file = labels_file(data_dir, split_name)
        read, left_out = read_frames(file, on_bad_record)
        if twice := sorted(labelled.intersection(frame.name for frame in read)):
            raise BadInput(f"{file}: {twice[0]} is labelled in another split, too; keep a picture in one split")
        labelled.update(frame.name for frame in read)
        unboxed += sum(frame.unboxed for frame in read)
        frames |= {f"{split_name}/{frame.name}": frame for frame in read if frame.is_clear_day}
        bad_records.skipped += left_out
    _check_scale(data_dir, [box for frame in frames.values() for box in frame.boxes])
    if not frames:
        raise BadInput(f"{data_dir}: of {len(labelled)} labelled pictures of {split} none is of a clear day")
    folder = PictureFolder(image_root or data_dir / IMAGES)
    rows: list[_Row] = []
    missing: list[Skipped] = []
    for (path, frame), stamp in zip(frames.items(), folder.stamps(list(frames)), strict=True):
        if isinstance(stamp, BadRecord):
            missing.append(Skipped(path, f"picture {stamp}"))
        else:
            rows.append(_Row(path, frame, stamp))
    if missing:
        message = (
            f"{data_dir}: {len(missing)} of {len(frames)} pictures of clear days of {split} are not found below "
            f"{folder.root}; {named_first(missing)}. "
            "Name the folder that holds train and val with --image_root"
            f"{', or leave these pictures out with --on_bad_record skip' if rows else ''}."
        )
        bad_records.reject_all(missing, message, some_left=bool(rows))
    dataset = Bdd100k(split, rows, folder, bad_records.skipped)
    dataset.description = (
        f"BDD100K: {len(rows)} pictures of clear days of {len(labelled)} labelled, split {split}, from {data_dir}"
        f"{f'; {len(missing)} picture files missing below {folder.root} and left out' if missing else ''}"
        f"{f'; {unboxed} labels are no boxes (lanes, areas, other geometry) and not read' if unboxed else ''}"
    )
    return dataset


class Bdd100k:
    """The pictures of a split, sorted by drive and name; a `RoadDataset` whose past and future are NaN."""

    name = "bdd100k"
    cameras: tuple[str, ...] = (CAMERA,)
    description: str

    def __init__(self, split: str, rows: Sequence[_Row], folder: PictureFolder, skipped: Sequence[Skipped]) -> None:
        self.split, self.skipped, self._folder = split, skipped, folder
        self._rows = sorted(rows, key=lambda row: row.frame.name)
        self.states = _states([row.frame.name for row in self._rows])
        digest = hashlib.sha256()
        for row in self._rows:
            digest.update(f"{row.path}\0{row.stamp}\n".encode())
        self.fingerprint = digest.hexdigest()

    def __len__(self) -> int:
        return len(self._rows)

    def annotation(self, row: int) -> Annotation:
        """The picture's objects as SENSATION labels them; where sidewalk and road are is not labelled."""
        frame = self._rows[row].frame
        near, far = objects_of(frame.boxes, near=True), objects_of(frame.boxes, near=False)
        return Annotation(frame.name, sidewalk="", road="", near=near, far=far)

    def cameras_of(self, row: int) -> tuple[str, ...]:
        """FRONT, the only camera."""
        return self.cameras

    def image(self, row: int, camera: str) -> bytes | None:
        """The bytes of the picture, or None for a camera other than FRONT."""
        if camera != CAMERA:
            return None
        try:
            return self._folder.read(self._rows[row].path)
        except BadRecord as bad:
            raise BadRecord(f"{self.where(row)}: {bad}") from None

    def where(self, row: int) -> str:
        """Label file, frame and picture, for messages."""
        return f"{self._rows[row].frame.where}: {self._rows[row].path}"

    def calibration(self, row: int, camera: str) -> CameraCalibration | None:
        """None: the labels have no calibration."""
        return None

    def targets(self, row: int) -> SampleTargets:
        """`fields` alone: SENSATION's columns, empty where BDD100K has no label."""
        return SampleTargets(fields=self.annotation(row).row)


def _check_scale(data_dir: Path, boxes: Sequence[Box]) -> None:
    """BadInput where so many boxes end within half of the picture that they must be of smaller pictures."""
    right, low = max((box.x2 for box in boxes), default=0), max((box.y2 for box in boxes), default=0)
    if len(boxes) >= _MANY and right <= WIDTH / 2 and low <= HEIGHT / 2:
        raise BadInput(
            f"{data_dir}: none of {len(boxes):,} boxes passes x = {right:g} and y = {low:g}, though BDD100K's "
            f"pictures have {WIDTH} x {HEIGHT} pixels; give the labels as they are published"
        )


def _states(names: Sequence[str]) -> StateTable:
    """The table of pictures that come without states.

    A name is that of a clip of 40 s, of which the picture is the 10th second. Names whose first half is equal, such
    as 0000f77c-6257be58 and 0000f77c-cb820c98, are taken for clips of one drive: they are a sequence.
    """
    drives = [name[_DRIVE] for name in names]
    first: dict[str, int] = {}
    for row, drive in enumerate(drives):
        first.setdefault(drive, row)
    return StateTable.of_pictures(
        id=np.array([name.rpartition(".")[0] or name for name in names]),
        sequence=np.array(drives),
        frame=np.array([row - first[drive] for row, drive in enumerate(drives)], np.int64),
    )
