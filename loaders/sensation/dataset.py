"""A SENSATION folder as a `RoadDataset`: pictures with annotations, captions and BVPI texts, and maybe paths.

The folder holds the published files under their published names; the pictures lie below an image root, by the paths
of the captions CSV. The published pictures come without states; a folder's `states.jsonl` gives them, also to
pictures that lie there without labels.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from roadcue.errors import BadRecord
from roadcue.loaders.bad_records import BadRecords, OnBadRecord, Skipped, named_first
from roadcue.loaders.dataset import StateTable
from roadcue.loaders.picture_folder import PictureFolder, Stamp
from roadcue.loaders.sensation.files import CAPTIONS, SensationFiles, read_files
from roadcue.loaders.sensation.film import place_in_film, untold_films
from roadcue.loaders.sensation.states import STATES, WalkerStates, read_states
from roadcue.loaders.sensation.walk_pictures import WalkPictures
from roadcue.prompts.annotation import Annotation
from roadcue.schema import CameraCalibration, SampleTargets

CAMERA = "CHEST"
"""The one camera, worn on the chest."""
_NO_LABELS = dict.fromkeys(("sidewalk_pos", "road_pos"), "")
"""The `fields` of a picture without labels: a pedestrian's columns, all of them empty."""


Said = TypeVar("Said", Annotation, str)


class _Row(NamedTuple):
    """One picture and all that is said of it, which may be nothing."""

    image_path: str
    stamp: Stamp
    annotation: Annotation | None
    caption: str | None = None
    bvpi: str | None = None

    @property
    def image(self) -> str:
        """The picture's file name."""
        return self.image_path.rpartition("/")[2]


def open_sensation(
    data_dir: Path, split: str, *, image_root: Path | None = None, on_bad_record: OnBadRecord = "raise"
) -> "Sensation":
    """Open "train", "val", "test", "all", or "grouped": all but the pictures between two stretches of a film.

    Its rows are the captioned pictures, and those without a caption that have a line in `states.jsonl`.

    `image_root` None: the pictures lie below `data_dir`. BadInput when a file is missing or damaged, or, with
    "raise", when a picture is missing or not annotated; "skip" leaves such pictures out and lists them. Damaged and
    repeated rows of the annotations are always left out and listed: the published file has one of each. A split
    without a BVPI file has its texts composed. A damaged or repeated line of states stops, or its picture is without.
    """
    files = read_files(data_dir, split, on_bad_record)
    folder = PictureFolder(image_root or data_dir)
    stamps = folder.stamps([caption.image_path for caption in files.captions])
    rows: list[_Row] = []
    faults: list[Skipped] = []
    for caption, stamp in zip(files.captions, stamps, strict=True):
        if isinstance(stamp, BadRecord) or files.fault(caption):
            fault = f"picture {stamp}" if isinstance(stamp, BadRecord) else files.fault(caption)
            faults.append(Skipped(caption.image_path, fault))
        else:
            labels = files.annotations[caption.image]
            rows.append(_Row(caption.image_path, stamp, labels, caption.target, files.text(caption)))
    lost = sum(isinstance(stamp, BadRecord) for stamp in stamps)
    bad_records = BadRecords(on_bad_record)
    if faults:
        message = (
            f"{data_dir}: {len(faults)} of {len(files.captions)} pictures of {split} are unusable, {lost} of them "
            f"not found below {folder.root}; {named_first(faults)}. {_remedy(files, lost, some_left=bool(rows))}"
        )
        bad_records.reject_all(faults, message, some_left=bool(rows))
    # After the pictures: a wrong image root is to be said of them, not of states that then are of no known picture.
    states: dict[str, WalkerStates] = {}
    bad_lines: list[Skipped] = []
    alone = 0
    if (data_dir / STATES).exists():
        known = WalkPictures(files, folder.root)
        states, bad_lines = read_states(data_dir / STATES, known, on_bad_record)
        rows += _without_caption(files, known.without_caption(states, split), folder, bad_records)
        alone = len(known.not_there(states))
    skipped = [*files.skipped, *bad_lines, *bad_records.skipped]
    dataset = Sensation(data_dir, split, rows, folder, skipped, states)
    if alone:
        dataset.of_states += f"; of {alone} lines of it the picture is not below {folder.root}"
    dataset.description += dataset.of_states + _missing(files, lost, folder)
    if untold := untold_films(row.image for row in rows):
        dataset.description += f"; {untold}"
    return dataset


def _without_caption(
    files: SensationFiles, paths: Sequence[str], folder: PictureFolder, bad_records: BadRecords
) -> list[_Row]:
    """Rows of pictures that no caption names, for their states alone, or for labels too where they have some."""
    rows: list[_Row] = []
    for path, stamp in zip(paths, folder.stamps(paths), strict=True):
        if isinstance(stamp, BadRecord):
            bad_records.reject(path, BadRecord(f"{folder.root}: picture {stamp}"))
        else:
            rows.append(_Row(path, stamp, files.annotations.get(path.rpartition("/")[2])))
    return rows


class Sensation:
    """The pictures of a split, sorted by sequence and frame; a `RoadDataset`.

    Past and future are NaN, and the intent unknown, of a picture that has no line in `states.jsonl`. `fingerprint` is
    over the pictures alone: other states of the same pictures need no new features. `of_states` is what is to be said
    of its states, nothing without the file.
    """

    def __init__(
        self,
        data_dir: Path,
        split: str,
        rows: Sequence[_Row],
        folder: PictureFolder,
        skipped: Sequence[Skipped],
        states: Mapping[str, WalkerStates],
    ) -> None:
        self.name, self.split, self.skipped = "sensation", split, skipped
        self.cameras: tuple[str, ...] = (CAMERA,)
        self._captions_file, self._states_file, self._folder = data_dir / CAPTIONS, data_dir / STATES, folder
        self._rows = sorted(rows, key=lambda row: (*place_in_film(row.image), row.image))
        self.states = _state_table([row.image for row in self._rows], states)
        digest = hashlib.sha256()
        for row in self._rows:
            digest.update(f"{row.image_path}\0{row.stamp}\n".encode())
        self.fingerprint = digest.hexdigest()
        self.description = (
            f"SENSATION: {len(rows)} pictures of walkers' chest cameras, split {split}, from {data_dir}"
        )
        self.of_states = ""
        if states:
            with_states = sum(row.image in states for row in rows)
            self.of_states = f"; {with_states} of them with states from {STATES}"
            if without_labels := sum(row.annotation is None for row in rows):
                self.of_states += f", {without_labels} without labels"

    def __len__(self) -> int:
        return len(self._rows)

    def annotation(self, row: int) -> Annotation:
        """The labels of a picture; BadRecord where it has none."""
        return self._said(row, self._rows[row].annotation, "labels")

    def caption(self, row: int) -> str:
        """What is to be said of a picture; BadRecord where nothing is."""
        return self._said(row, self._rows[row].caption, "caption")

    def bvpi(self, row: int) -> str:
        """The BVPI text of a picture, as the file has it; BadRecord where it has none."""
        return self._said(row, self._rows[row].bvpi, "BVPI text")

    def _said(self, row: int, value: Said | None, what: str) -> Said:
        if value is None:
            raise BadRecord(
                f"{self.where(row)}: has no {what}, it is here for its states; ask targets, which may lack it"
            )
        return value

    def cameras_of(self, row: int) -> tuple[str, ...]:
        """CHEST, the only camera."""
        return self.cameras

    def image(self, row: int, camera: str) -> bytes | None:
        """The bytes of the picture, or None for a camera other than CHEST."""
        if camera != CAMERA:
            return None
        try:
            return self._folder.read(self._rows[row].image_path)
        except BadRecord as bad:
            raise BadRecord(f"{self.where(row)}: {bad}") from None

    def where(self, row: int) -> str:
        """Picture and the file that names it, for messages."""
        named_in = self._states_file if self._rows[row].caption is None else self._captions_file
        return f"{named_in}: {self._rows[row].image_path}"

    def calibration(self, row: int, camera: str) -> CameraCalibration | None:
        """None: the walkers' cameras are not calibrated."""
        return None

    def targets(self, row: int) -> SampleTargets:
        """The annotation's columns as `fields` and the two texts, and the future, each where the picture has it.

        Without labels the `fields` are a pedestrian's columns with nothing in them.
        """
        record, future = self._rows[row], self.states.future[row]
        return SampleTargets(
            future=None if np.isnan(future).any() else future,
            fields=record.annotation.row if record.annotation else _NO_LABELS,
            caption=record.caption,
            bvpi=record.bvpi,
        )


def _remedy(files: SensationFiles, lost: int, *, some_left: bool) -> str:
    """What to do about pictures that cannot be used."""
    folder = files.captions[0].image_path.rpartition("/")[0] or "the pictures"
    repair = f"Name the folder that holds {folder} with --image_root" if lost else "Complete the files"
    return f"{repair}{', or leave these pictures out with --on_bad_record skip' if some_left else ''}."


def _missing(files: SensationFiles, lost: int, folder: PictureFolder) -> str:
    """What is to be said of pictures that are missing, and of texts that no file holds."""
    composed = sorted({caption.split for caption in files.captions} - files.texts.keys())
    notes = ""
    if lost:
        notes += (
            f"; {lost} picture files missing below {folder.root} and left out "
            "(python -m roadcue.loaders.sensation describe --all names them)"
        )
    if composed:
        notes += (
            f"; no BVPI file for {', '.join(composed)}, so that its texts are composed of annotations and captions "
            "(python -m roadcue.loaders.sensation convert writes the files)"
        )
    return notes


def _state_table(images: Sequence[str], states: Mapping[str, WalkerStates]) -> StateTable:
    """The table of pictures, with the states of those that have some, by image name."""
    places = [place_in_film(image) for image in images]
    table = StateTable.of_pictures(
        id=np.array([image.removesuffix(".jpg") for image in images]),
        sequence=np.array([sequence for sequence, _ in places]),
        frame=np.array([frame for _, frame in places], np.int64),
    )
    for row, image in enumerate(images):
        if known := states.get(image):
            table.past[row], table.intent[row], table.future[row] = known.past, known.intent, known.future
    return table
