"""A SENSATION folder as a `RoadDataset`: pictures with annotations, captions and BVPI texts, but no trajectories.

The folder holds the published files under their published names; the pictures lie below an image root, by the paths
of the captions CSV.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from loaders.calibration import CameraCalibration
from loaders.dataset import Skipped, StateTable
from loaders.errors import BadInput, BadRecord
from loaders.picture_folder import PictureFolder, Stamp
from loaders.sample import FUTURE_STEPS, PAST_STEPS, STATE_COLUMNS, Intent, SampleTargets
from loaders.sensation import bvpi
from loaders.sensation.annotation import Annotation, read_annotations
from loaders.sensation.captions import SPLITS, Caption, read_captions
from loaders.sensation.film import place_in_film

ANNOTATIONS, CAPTIONS = "annotations_with_obj_pos.csv", "complete_captions_sensation.csv"
BVPI = "bvpi_sft_{split}.jsonl"
CAMERA = "CHEST"
"""The one camera, worn on the chest."""


class _Row(NamedTuple):
    """One picture and all that is said of it."""

    caption: Caption
    annotation: Annotation
    bvpi: str


def open_sensation(
    data_dir: Path, split: str, *, image_root: Path | None = None, on_bad_record: Literal["raise", "skip"] = "raise"
) -> "Sensation":
    """Open "train", "val", "test" or "all"; `image_root` None: the pictures lie below `data_dir`.

    BadInput when a file is missing or damaged, or, with "raise", when a picture is missing or not annotated; "skip"
    leaves such pictures out and lists them. Damaged and repeated rows of the annotation CSV are always left out and
    listed: the published file has one of each.
    """
    if split not in (*SPLITS, "all"):
        raise BadInput(f"split {split!r} is unknown; SENSATION has {', '.join(SPLITS)}, or all of them")
    annotations, skipped = read_annotations(data_dir / ANNOTATIONS)
    captions = [each for each in read_captions(data_dir / CAPTIONS) if split in ("all", each.split)]
    texts = _read_texts(data_dir, sorted({caption.split for caption in captions}))
    folder = PictureFolder(image_root or data_dir)
    stamps: dict[str, Stamp] = {}
    rows: list[_Row] = []
    faults: list[Skipped] = []
    for caption, stamp in zip(captions, folder.stamps([c.image_path for c in captions]), strict=True):
        fault = _fault(caption, stamp, annotations, texts)
        if isinstance(stamp, BadRecord) or fault:
            faults.append(Skipped(f"{data_dir / CAPTIONS}: {caption.image_path}", fault))
        else:
            rows.append(_Row(caption, annotations[caption.image], texts[caption.image_path]))
            stamps[caption.image_path] = stamp
    if faults and (on_bad_record == "raise" or not rows):
        named = "; ".join(one.reason for one in faults[:3])
        raise BadInput(f"{data_dir}: {len(faults)} of {len(captions)} pictures of {split} are unusable: {named}, ...")
    if not rows:
        raise BadInput(f"{data_dir / CAPTIONS}: has no picture of split {split}")
    return Sensation(data_dir, split, rows, stamps, folder, [*skipped, *faults])


class Sensation:
    """The pictures of a split, sorted by sequence and frame; a `RoadDataset` whose past and future are NaN."""

    def __init__(
        self,
        data_dir: Path,
        split: str,
        rows: Sequence[_Row],
        stamps: dict[str, Stamp],
        folder: PictureFolder,
        skipped: Sequence[Skipped],
    ) -> None:
        self.name, self.split, self.skipped = "sensation", split, skipped
        self.cameras: tuple[str, ...] = (CAMERA,)
        self._captions_file, self._folder = data_dir / CAPTIONS, folder
        self._rows = sorted(rows, key=lambda row: (*place_in_film(row.caption.image), row.caption.image))
        self.states = _states([row.caption.image for row in self._rows])
        digest = hashlib.sha256()
        for row in self._rows:
            digest.update(f"{row.caption.image_path}\0{stamps[row.caption.image_path]}\n".encode())
        self.fingerprint = digest.hexdigest()
        self.description = (
            f"SENSATION: {len(rows)} pictures of walkers' chest cameras, split {split}, from {data_dir}"
        )

    def __len__(self) -> int:
        return len(self._rows)

    def annotation(self, row: int) -> Annotation:
        """The labels of a picture."""
        return self._rows[row].annotation

    def caption(self, row: int) -> str:
        """What is to be said of a picture."""
        return self._rows[row].caption.target

    def bvpi(self, row: int) -> str:
        """The BVPI text of a picture, as the file has it."""
        return self._rows[row].bvpi

    def cameras_of(self, row: int) -> tuple[str, ...]:
        """As `RoadDataset.cameras_of`."""
        return self.cameras

    def image(self, row: int, camera: str) -> bytes | None:
        """As `RoadDataset.image`."""
        if camera != CAMERA:
            return None
        try:
            return self._folder.read(self._rows[row].caption.image_path)
        except BadRecord as bad:
            raise BadRecord(f"{self.where(row)}: {bad}") from None

    def where(self, row: int) -> str:
        """As `RoadDataset.where`."""
        return f"{self._captions_file}: {self._rows[row].caption.image_path}"

    def calibration(self, row: int, camera: str) -> CameraCalibration | None:
        """As `RoadDataset.calibration`; the walkers' cameras are not calibrated."""
        return None

    def targets(self, row: int) -> SampleTargets:
        """As `RoadDataset.targets`; `fields` are the annotation's columns."""
        return SampleTargets(fields=self._rows[row].annotation.row, caption=self._rows[row].caption.target)


def _fault(
    caption: Caption, stamp: Stamp | BadRecord, annotations: dict[str, Annotation], texts: dict[str, str]
) -> str:
    """Why a captioned picture cannot be used, or nothing."""
    if isinstance(stamp, BadRecord):
        return f"picture {stamp}"
    if caption.image not in annotations:
        return f"{caption.image} has no usable row in {ANNOTATIONS}"
    if caption.image_path not in texts:
        return f"{caption.image_path} has no line in {BVPI.format(split=caption.split)}"
    return ""


def _read_texts(data_dir: Path, splits: Sequence[str]) -> dict[str, str]:
    """The BVPI texts of the given splits by image path."""
    texts = {}
    for split in splits:
        file = data_dir / BVPI.format(split=split)
        try:
            lines = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{file}: cannot be read ({error}); name the folder that holds it") from error
        for number, line in enumerate(lines, 1):
            record = bvpi.parse_line(line, f"{file}, line {number}")
            texts[record["image"]] = record["response"]
    return texts


def _states(images: Sequence[str]) -> StateTable:
    """The table of pictures that come without states."""
    places = [place_in_film(image) for image in images]
    n = len(images)
    return StateTable(
        id=np.array([image.removesuffix(".jpg") for image in images]),
        sequence=np.array([sequence for sequence, _ in places]),
        frame=np.array([frame for _, frame in places], np.int64),
        past=np.full((n, PAST_STEPS, len(STATE_COLUMNS)), np.nan, np.float32),
        intent=np.full(n, int(Intent.UNKNOWN), np.int64),
        future=np.full((n, FUTURE_STEPS, 2), np.nan, np.float32),
    )
