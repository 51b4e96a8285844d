"""What every data set offers: a table of states, and one camera of one row at a time."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from roadcue.loaders.bad_records import Skipped
from roadcue.schema import (
    PAST_STATES,
    STATE_NUMBERS,
    WAYPOINTS,
    CameraCalibration,
    Intent,
    Sample,
    SampleInputs,
    SampleTargets,
)
from roadcue.sentences import counted


@dataclass(frozen=True)
class StateTable:
    """The numbers of every row, in memory: small beside the pictures, read on every epoch.

    `id` (n,) and `sequence` (n,) are str arrays, `frame` (n,) int64 counts in time within a sequence,
    `past` (n, 16, 6) float32, `intent` (n,) int64 (`Intent`), `future` (n, 20, 2) float32 metres, ego frame,
    NaN where a row has none. Rows are sorted by (sequence, frame); `id` is unique.
    """

    id: np.ndarray
    sequence: np.ndarray
    frame: np.ndarray
    past: np.ndarray
    intent: np.ndarray
    future: np.ndarray

    @classmethod
    def of_pictures(cls, id: np.ndarray, sequence: np.ndarray, frame: np.ndarray) -> "StateTable":
        """The table of pictures that come without states: past and future are NaN, the intent is unknown."""
        n = len(id)
        return cls(
            id,
            sequence,
            frame,
            past=np.full((n, PAST_STATES, STATE_NUMBERS), np.nan, np.float32),
            intent=np.full(n, int(Intent.UNKNOWN), np.int64),
            future=np.full((n, WAYPOINTS, 2), np.nan, np.float32),
        )

    def __len__(self) -> int:
        return len(self.id)

    def take(self, rows: np.ndarray) -> "StateTable":
        """The table of the (m,) given rows, in their order."""
        return StateTable(
            *(column[rows] for column in (self.id, self.sequence, self.frame, self.past, self.intent, self.future))
        )

    @property
    def knows_past(self) -> np.ndarray:
        """(n,) bool: the rows whose past states are all known."""
        known: np.ndarray = ~np.isnan(self.past).any(axis=(1, 2))
        return known

    @property
    def moments(self) -> list[tuple[str, int]]:
        """(sequence, frame) of every row, in order."""
        return list(zip(self.sequence.tolist(), self.frame.tolist(), strict=True))

    def rows_before(self, frames: int) -> np.ndarray:
        """(n,) int64: for every row the one exactly `frames` frames earlier in its own sequence, -1 where none is."""
        row_of = {moment: row for row, moment in enumerate(self.moments)}
        earlier = (row_of.get((sequence, frame - frames), -1) for sequence, frame in self.moments)
        return np.fromiter(earlier, np.int64, len(self))


class RoadDataset(Protocol):
    """A split of a data set. Rows are numbered as in `states`."""

    name: str
    split: str
    states: StateTable
    cameras: tuple[str, ...]
    """Every camera that some row has, in the data set's stated order."""
    fingerprint: str
    """sha256 over the pictures' names and content: equal means equal pictures under equal ids, wherever they lie."""
    description: str
    """One line for the head of a run: real or drawn data, from where, how much."""

    @property
    def skipped(self) -> Sequence[Skipped]:
        """The records left out by `on_bad_record="skip"`."""
        ...

    def __len__(self) -> int: ...

    def cameras_of(self, row: int) -> tuple[str, ...]:
        """The cameras this row has, in the order of `cameras`; reads no picture."""
        ...

    def image(self, row: int, camera: str) -> bytes | None:
        """The JPEG bytes of one camera, or None when the row lacks it. BadRecord when they cannot be read."""
        ...

    def where(self, row: int) -> str:
        """The row's file with its offset or line, and its id: for messages."""
        ...

    def calibration(self, row: int, camera: str) -> CameraCalibration | None:
        """The camera's calibration in this row, or None when the data set has none."""
        ...

    def targets(self, row: int) -> SampleTargets:
        """What is to be predicted for this row."""
        ...


@dataclass(frozen=True)
class _LazyImages(Mapping[str, bytes]):
    """Reads a camera when it is asked for, not before."""

    dataset: RoadDataset
    row: int

    def __getitem__(self, camera: str) -> bytes:
        jpeg = self.dataset.image(self.row, camera)
        if jpeg is None:
            raise KeyError(camera)
        return jpeg

    def __contains__(self, camera: object) -> bool:
        return camera in self.dataset.cameras_of(self.row)

    def __iter__(self) -> Iterator[str]:
        return iter(self.dataset.cameras_of(self.row))

    def __len__(self) -> int:
        return len(self.dataset.cameras_of(self.row))


def sample_inputs(dataset: RoadDataset, row: int) -> SampleInputs:
    """What a model may see of row `row`; pictures are read only when asked for."""
    states = dataset.states
    return SampleInputs(
        images=_LazyImages(dataset, row), past=states.past[row], intent=Intent(int(states.intent[row]))
    )


def sample(dataset: RoadDataset, row: int) -> Sample:
    """Row `row` of a data set as a Sample; its pictures are read only when asked for."""
    states = dataset.states
    return Sample(
        id=str(states.id[row]),
        sequence=str(states.sequence[row]),
        frame=int(states.frame[row]),
        inputs=sample_inputs(dataset, row),
        targets=dataset.targets(row),
    )


class Subset:
    """Some rows of a data set, under the same names: a part of its sequences, or every n-th frame."""

    def __init__(self, dataset: RoadDataset, rows: np.ndarray, split: str) -> None:
        """`rows` (m,) int, ascending; `split` names them."""
        self.name, self.split, self.cameras = dataset.name, split, dataset.cameras
        self.skipped = dataset.skipped
        self.states = dataset.states.take(rows)
        self.fingerprint = hashlib.sha256(dataset.fingerprint.encode() + rows.astype("<i8").tobytes()).hexdigest()
        self.description = f"{dataset.description}; {split}: {counted(len(rows), 'row')} of it"
        self._dataset, self._rows = dataset, rows

    def __len__(self) -> int:
        return len(self._rows)

    def cameras_of(self, row: int) -> tuple[str, ...]:
        """The cameras of a kept row; reads no picture."""
        return self._dataset.cameras_of(int(self._rows[row]))

    def image(self, row: int, camera: str) -> bytes | None:
        """The JPEG bytes of one camera of a kept row, or None when it lacks the camera."""
        return self._dataset.image(int(self._rows[row]), camera)

    def where(self, row: int) -> str:
        """A kept row's file and id, for messages."""
        return self._dataset.where(int(self._rows[row]))

    def calibration(self, row: int, camera: str) -> CameraCalibration | None:
        """A camera's calibration in a kept row, or None."""
        return self._dataset.calibration(int(self._rows[row]), camera)

    def targets(self, row: int) -> SampleTargets:
        """What is to be predicted for a kept row."""
        return self._dataset.targets(int(self._rows[row]))
