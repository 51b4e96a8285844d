"""Bring your own data: a manifest with one JSONL line or Parquet row per sample, and pictures below a folder.

`loaders.manifest.line` says which keys a line has.
"""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet

from roadcue.errors import BadInput, BadRecord
from roadcue.files import opened, refuse_packed, unreadable
from roadcue.json_lines import from_json
from roadcue.loaders.bad_records import BadRecords, OnBadRecord, Skipped
from roadcue.loaders.dataset import StateTable
from roadcue.loaders.manifest.camera_names import check_camera_names
from roadcue.loaders.manifest.frames import FrameNumbers
from roadcue.loaders.manifest.line import SPLITS, ManifestLine, parse_line
from roadcue.loaders.manifest.manifest_file import find_manifest
from roadcue.loaders.manifest.reused_pictures import check_parts, reuse
from roadcue.loaders.picture_folder import PictureFolder
from roadcue.schema import PAST_STATES, STATE_COLUMNS, WAYPOINTS, CameraCalibration, SampleTargets
from roadcue.sentences import counted

_ELSEWHERE = "--image_root names another folder that they lie below"


def open_manifest(
    data_dir: Path, split: str, *, image_root: Path | None = None, on_bad_record: OnBadRecord = "raise"
) -> "ManifestDataset":
    """Open a manifest (x.jsonl, x.parquet) or the folder that holds manifest.jsonl or manifest.parquet.

    `split` is train, val or test, which every line must then carry, or all. `image_root` None: the pictures lie below
    the manifest's folder. A line that cannot be used or whose picture is missing raises BadRecord, or is counted in
    `skipped`. BadInput when no line is left, two names of cameras are nearly one, or a picture is in two splits (of
    all, in two sequences).
    """
    if split not in (*SPLITS, "all"):
        raise BadInput(f"split {split!r} is none of {', '.join(SPLITS)}, all")
    content = _Content(find_manifest(Path(data_dir)), BadRecords(on_bad_record))
    for number, value in _values(content.manifest):
        content.add(value, number)
    places = {camera: _place(content.manifest, number) for camera, number in content.cameras.items()}
    check_camera_names(places, {frozenset(line.images) for line in content.lines})
    content.check_sequence_names()
    folder = PictureFolder(image_root or content.manifest.parent)
    wanted = content.rows_of(split)
    check_parts(content.lines, split, content.place)
    rows, fingerprint = _check_pictures(content, wanted, folder)
    return ManifestDataset(content, rows, split, folder, fingerprint)


class ManifestDataset:
    """A split of a manifest; a `loaders.dataset.RoadDataset`.

    `cameras` come in the order in which the manifest first names them. `fingerprint` is over each row's id and its
    pictures' cameras, paths, sizes and times of change: a replaced picture changes it, an edited caption does not.
    """

    name = "manifest"

    def __init__(
        self, content: "_Content", rows: Sequence[int], split: str, folder: PictureFolder, fingerprint: str
    ) -> None:
        self.split, self.fingerprint, self.skipped = split, fingerprint, tuple(content.bad_records.skipped)
        self.states = content.states(rows)
        self._manifest, self._folder = content.manifest, folder
        self._lines = [content.lines[row] for row in rows]
        self._numbers = [content.numbers[row] for row in rows]
        named = {camera for line in self._lines for camera in line.images}
        self.cameras = tuple(camera for camera in content.cameras if camera in named)
        samples = f"{counted(len(rows), 'sample')} of {counted(len(np.unique(self.states.sequence)), 'sequence')}"
        self.description = f"own data: {samples}, split {split}, from {content.manifest}"
        if split == "all" and (own := _splits_said(self._lines)):
            self.description += f"; the splits that its lines name ({own}) do not count, as all lines are asked for"
        if reused := reuse(content.lines, sorted(rows), content.place):
            self.description += f"; {reused}"

    def __len__(self) -> int:
        return len(self._lines)

    def cameras_of(self, row: int) -> tuple[str, ...]:
        """The cameras of which the line names a picture."""
        return tuple(camera for camera in self.cameras if camera in self._lines[row].images)

    def image(self, row: int, camera: str) -> bytes | None:
        """The JPEG file that the line names for a camera, or None; BadRecord when it cannot be used."""
        path = self._lines[row].images.get(camera)
        if path is None:
            return None
        try:
            return self._folder.read(path)
        except BadRecord as bad:
            raise BadRecord(f"{self.where(row)}: images[{camera!r}] = {bad}") from None

    def where(self, row: int) -> str:
        """Manifest, line and sample, for messages."""
        return f"{_place(self._manifest, self._numbers[row])}: sample {self.states.id[row]}"

    def calibration(self, row: int, camera: str) -> CameraCalibration | None:
        """The line's calibration of a camera, or None."""
        return self._lines[row].calibration.get(camera)

    def targets(self, row: int) -> SampleTargets:
        """Future, fields, caption and pair, as far as the line has them."""
        line, future = self._lines[row], self.states.future[row]
        known = None if np.isnan(future).any() else future
        return SampleTargets(future=known, fields=line.fields, caption=line.caption, pair=line.pair)


class _Content:
    """The usable lines of a manifest, in the order of the file.

    The numbers lie in flat buffers and equal calibrations are kept once, so that a million lines fit in memory.
    """

    def __init__(self, manifest: Path, bad_records: BadRecords) -> None:
        self.manifest, self.bad_records = manifest, bad_records
        self.cameras: dict[str, int] = {}
        self.lines: list[ManifestLine] = []
        self.numbers: list[int] = []
        self._past, self._future = bytearray(), bytearray()
        self._line_of_id: dict[str, int] = {}
        self._frames = FrameNumbers()
        self._calibrations: dict[Hashable, Mapping[str, CameraCalibration]] = {}

    def add(self, value: object, number: int) -> None:
        """Take in the value of line `number`; one that cannot be used or repeats another is a bad record."""
        where, row = _place(self.manifest, number), None
        try:
            row = from_json(value, where) if isinstance(value, bytes) else value
            self._add(row, number, where)
        except BadRecord as bad:
            self.bad_records.reject(where, bad)
            self._frames.skip(row.get("sequence") if isinstance(row, dict) else None)

    def _add(self, row: object, number: int, where: str) -> None:
        line, past, future = parse_line(row, where)
        same_id = unicodedata.normalize("NFC", line.id)  # an accent is one character or two, by who wrote it
        if same_id in self._line_of_id:
            first = _place(self.manifest, self._line_of_id[same_id])
            raise BadRecord(f"{where}: id {line.id!r} is already that of {first}; give every sample its own")
        frame = self._frames.take(line.sequence, line.frame, where)
        self._line_of_id[same_id] = number
        for camera in line.images:
            self.cameras.setdefault(camera, number)
        self.lines.append(replace(line, frame=frame, calibration=self._kept_once(line.calibration)))
        self.numbers.append(number)
        self._past += past.tobytes()
        self._future += future.tobytes()

    def place(self, row: int) -> str:
        """How a message names the line of a row."""
        return _place(self.manifest, self.numbers[row])

    def rows_of(self, split: str) -> list[int]:
        """The rows of a split, sorted by sequence and frame; BadInput when there are none."""
        if not self.lines:
            first = "".join(f", the first at {one.where}: {one.reason}" for one in self.bad_records.skipped[:1])
            raise BadInput(f"{self.manifest} has no usable line; {len(self.bad_records.skipped)} were skipped{first}")
        if split != "all":
            self._check_split(split)
        rows = [row for row, line in enumerate(self.lines) if split in ("all", line.split)]
        return sorted(rows, key=lambda row: (self.lines[row].sequence, self.lines[row].frame))

    def check_sequence_names(self) -> None:
        """BadInput for a sequence that is written in two ways: two splits would have parts of it."""
        first: dict[str, int] = {}
        for row, line in enumerate(self.lines):
            alike = " ".join(unicodedata.normalize("NFKC", line.sequence).casefold().split())
            other = first.setdefault(alike, row)
            if self.lines[other].sequence != line.sequence:
                raise BadInput(
                    f"{self.place(row)}: sequence {line.sequence!r}, and "
                    f"{self.place(other)} {self.lines[other].sequence!r}; write the name of "
                    "one sequence alike in all lines, and names of two more differently"
                )

    def _check_split(self, split: str) -> None:
        """BadInput unless every line names its split, some line this one, and no sequence is in two of them."""
        named = {line.split for line in self.lines}
        if named == {None}:
            raise BadInput(
                f'no line of {self.manifest} names a split: write "split": "{split}" where it belongs, or give '
                "--split_by sequence to part whole sequences"
            )
        if None in named:
            bare = next(number for line, number in zip(self.lines, self.numbers, strict=True) if line.split is None)
            raise BadInput(f"{_place(self.manifest, bare)}: key 'split' is missing while other lines have it; add it")
        if split not in named:
            raise BadInput(
                f"{self.manifest} has no line of split {split!r}; it has {', '.join(sorted(map(str, named)))}"
            )
        split_of: dict[str, str | None] = {}
        for line, number in zip(self.lines, self.numbers, strict=True):
            other = split_of.setdefault(line.sequence, line.split)
            if other != line.split:
                raise BadInput(
                    f"{_place(self.manifest, number)}: sequence {line.sequence!r} is in split {line.split!r} and in "
                    f"{other!r}; keep a sequence in one split, since its frames are nearly the same"
                )

    def states(self, rows: Sequence[int]) -> StateTable:
        """The numbers of the given rows, in their order."""
        lines, order = [self.lines[row] for row in rows], np.array(rows)
        return StateTable(
            id=np.array([line.id for line in lines]),
            sequence=np.array([line.sequence for line in lines]),
            frame=np.array([line.frame for line in lines], np.int64),
            past=np.frombuffer(self._past, np.float32).reshape(-1, PAST_STATES, len(STATE_COLUMNS))[order],
            intent=np.array([line.intent for line in lines], np.int64),
            future=np.frombuffer(self._future, np.float32).reshape(-1, WAYPOINTS, 2)[order],
        )

    def _kept_once(self, calibration: Mapping[str, CameraCalibration]) -> Mapping[str, CameraCalibration]:
        key = tuple(
            (camera, one.intrinsic.tobytes(), one.extrinsic.tobytes(), one.width, one.height)
            for camera, one in calibration.items()
        )
        return self._calibrations.setdefault(key, calibration)


def _splits_said(lines: Sequence[ManifestLine]) -> str:
    """Such as "train 80, val 20"; "" where no line names one."""
    count = Counter(line.split for line in lines if line.split is not None)
    return ", ".join(f"{split} {number:,}" for split, number in sorted(count.items()))


def _place(manifest: Path, number: int) -> str:
    """How a message names a line of a manifest."""
    return f"{manifest} {'row' if manifest.suffix == '.parquet' else 'line'} {number}"


def _values(manifest: Path) -> Iterator[tuple[int, object]]:
    """The lines of a manifest, counted from 1: the bytes of a JSONL line, the value of a Parquet row."""
    try:
        if manifest.suffix == ".jsonl":
            with opened(manifest) as file:
                refuse_packed(manifest, file.peek(6))
                yield from ((number, line) for number, line in enumerate(file, 1) if line.strip())
        else:
            with opened(manifest) as file:
                refuse_packed(manifest, file.peek(6))
            with pyarrow.parquet.ParquetFile(manifest) as file:
                batches = file.iter_batches(batch_size=1024)
                yield from enumerate(
                    (row for batch in batches for row in batch.to_pylist(maps_as_pydicts="strict")), 1
                )
    except BadInput:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.errno:  # pyarrow says of a damaged file that it is an OSError without
            raise unreadable(manifest, error) from error
        raise BadInput(f"{manifest} cannot be read ({error}); check that it is whole") from None


def _check_pictures(content: _Content, rows: Sequence[int], folder: PictureFolder) -> tuple[list[int], str]:
    """The rows whose pictures are all there, and the fingerprint over them."""
    pictures = [(row, camera, path) for row in rows for camera, path in sorted(content.lines[row].images.items())]
    stamps = folder.stamps([path for _, _, path in pictures])
    missing: dict[int, str] = {}
    for (row, camera, _), stamp in zip(pictures, stamps, strict=True):
        if isinstance(stamp, BadRecord):
            missing.setdefault(row, f"images[{camera!r}] = {stamp}")
    if missing:
        faults = [Skipped(content.place(row), reason) for row, reason in missing.items()]
        message = f"{faults[0].where}: {faults[0].reason} ({len(faults)} of {len(rows)} samples lack a picture)"
        content.bad_records.reject_all(faults, f"{message}; {_ELSEWHERE}, or --on_bad_record skip leaves them out")
    if len(missing) == len(rows):
        first = next(iter(missing.values()))
        raise BadInput(f"{content.manifest}: not one sample has its pictures; first: {first}; {_ELSEWHERE}")
    usable = [row for row in rows if row not in missing]
    digest = hashlib.sha256("\n".join(content.lines[row].id for row in usable).encode())
    for (row, camera, path), stamp in zip(pictures, stamps, strict=True):
        if row not in missing:
            digest.update(f"{content.lines[row].id}\0{camera}\0{path}\0{stamp}\n".encode())
    return usable, digest.hexdigest()
