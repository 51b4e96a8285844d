"""The end-to-end set as a `RoadDataset`: one camera of one frame is one `pread`, without protobuf."""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from roadcue.errors import BadInput, BadRecord
from roadcue.files import PACKED_NAMES, unreadable
from roadcue.loaders.bad_records import BadRecords, OnBadRecord, Skipped
from roadcue.loaders.dataset import StateTable
from roadcue.loaders.waymo_e2e.clusters import CLUSTER_FILE, Cluster, read_clusters
from roadcue.loaders.waymo_e2e.frame import CAMERAS, decode_calibration
from roadcue.loaders.waymo_e2e.index import Index, open_index, shard_key
from roadcue.schema import CameraCalibration, Preference, SampleTargets
from roadcue.sentences import counted

_SHARD = re.compile(r"(?P<set>.+)\.tfrecord(-(?P<number>\d{5})-of-(?P<of>\d{5}))?", re.ASCII)
_PREFIXES = {"train": "training_", "val": "val_", "test": "test_", "all": ""}
"""How the official shards of a split begin, e.g. val_202504211843.tfrecord-00000-of-00093."""


class WaymoE2E:
    """A split of the end-to-end set; see `RoadDataset` for what its methods promise."""

    name = "waymo_e2e"

    def __init__(
        self, split: str, shards: Sequence[Path], index: Index, clusters: Mapping[str, Cluster] | None = None
    ) -> None:
        """`index` is that of `shards`, in their order; `clusters` sequence -> scenario cluster, as far as known."""
        self.split = split
        self.states = StateTable(index.id, index.sequence, index.frame, index.past, index.intent, index.future)
        self.cameras = _names(index.image_span[:, :, 1].sum(axis=0))
        self._shards = _ShardFiles(shards)
        held = zip([shard.name for shard in shards], index.content.tolist(), strict=True)
        self.fingerprint = hashlib.sha256("\n".join(map(" ".join, held)).encode()).hexdigest()
        reasons = zip(index.skipped_shard, index.skipped_reason, strict=True)
        self.skipped = tuple(Skipped(str(shards[shard]), str(reason)) for shard, reason in reasons)
        self.description = self._describe(shards)
        self._index = index
        self._preferences = _preferences_by_row(index)
        self._clusters = clusters or {}

    def __len__(self) -> int:
        return len(self.states)

    def cameras_of(self, row: int) -> tuple[str, ...]:
        """The cameras whose picture the frame holds, in the order of `CAMERAS`."""
        return _names(self._index.image_span[row, :, 1])

    def image(self, row: int, camera: str) -> bytes | None:
        """The JPEG bytes of one camera, not looked at, or None when the frame lacks it."""
        return self._read(row, self._index.image_span[row, _camera(camera)])

    def calibration(self, row: int, camera: str) -> CameraCalibration | None:
        """The calibration of the camera of that name, wherever in the frame it stands, or None."""
        message = self._read(row, self._index.calibration_span[row, _camera(camera)])
        return None if message is None else decode_calibration(message, f"{self.where(row)}: calibration of {camera}")

    def targets(self, row: int) -> SampleTargets:
        """The future, the scored preference trajectories and the scenario cluster, as far as they are known."""
        future = self.states.future[row]
        return SampleTargets(
            future=None if np.isnan(future).any() else future,
            preferences=self._preferences.get(row, ()),
            cluster=self._clusters.get(str(self.states.sequence[row])),
        )

    def where(self, row: int) -> str:
        """File and byte offset of the row's record, for messages."""
        index = self._index
        return f"{self._shards.paths[index.shard[row]]}: record at byte {index.offset[row]}: frame {index.id[row]}"

    def _read(self, row: int, span: np.ndarray) -> bytes | None:
        offset, length = span.tolist()
        return self._shards.read(int(self._index.shard[row]), offset, length) if length else None

    def _describe(self, shards: Sequence[Path]) -> str:
        sequences = counted(len(np.unique(self.states.sequence)), "sequence")
        skipped = f", {counted(len(self.skipped), 'bad record')} skipped" if self.skipped else ""
        frames = f"{counted(len(self), 'frame')} of {sequences}"
        return f"Waymo end-to-end, {self.split}: {frames} in {_completeness(shards)} of {shards[0].parent}{skipped}"


class _ShardFiles:
    """Reads from the shards through descriptors that are opened once in every process.

    `pread` has no position, so descriptors are safe to share with forked processes; a pickled copy opens its own.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        self.keys = tuple(map(shard_key, paths))
        self._descriptors: dict[int, int] = {}

    def read(self, shard: int, offset: int, length: int) -> bytes:
        """`length` bytes of a shard from byte `offset` on."""
        path = self.paths[shard]
        try:
            if shard not in self._descriptors:
                if shard_key(path) != self.keys[shard]:
                    raise BadInput(
                        f"{path}: has changed since it was indexed. Start again, so that it is indexed anew."
                    )
                self._descriptors[shard] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            read = os.pread(self._descriptors[shard], length, offset)
        except OSError as error:
            raise unreadable(path, error, "put it back") from error
        if len(read) != length:
            raise BadRecord(
                f"{path}: ends within the {length} bytes at {offset}; it was cut off after it was indexed."
            )
        return read

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_descriptors": {}}

    def __del__(self) -> None:
        for descriptor in self.__dict__.get("_descriptors", {}).values():
            os.close(descriptor)


def open_waymo_e2e(data_dir: Path, split: str, *, on_bad_record: OnBadRecord = "raise") -> WaymoE2E:
    """Open the shards of a split ("train", "val", "test", or "all") in a folder; the first time, index them.

    A part of a split's shards is enough; `CLUSTER_FILE` is read where it lies beside them. BadRecord for the first
    record that cannot be used, unless these are to be skipped, then they are in `skipped`; BadInput when the folder
    has no shard of the split, or a cluster file that cannot be used.
    """
    shards = _shards_of(data_dir, split)
    cluster_file = data_dir / CLUSTER_FILE
    clusters = read_clusters(cluster_file) if cluster_file.exists() else None
    dataset = WaymoE2E(split, shards, open_index(shards), clusters)
    if dataset.skipped:
        first, others = dataset.skipped[0], len(dataset.skipped) - 1
        message = f"{first.where}: {first.reason}" + (f" ({others} more bad records)" if others else "")
        BadRecords(on_bad_record).reject_all(dataset.skipped, message)
    if not len(dataset):
        raise BadInput(f"{data_dir}: no usable record in {len(shards)} shards; {len(dataset.skipped)} were skipped.")
    return dataset


def _shards_of(data_dir: Path, split: str) -> list[Path]:
    if split not in _PREFIXES:
        raise BadInput(f"split {split!r} is unknown; choose one of {', '.join(_PREFIXES)}.")
    if not data_dir.is_dir():
        raise BadInput(f"{data_dir}: is not a folder. Name the folder that has the .tfrecord shards with --data_dir.")
    there = sorted(data_dir.iterdir())
    named = [path for path in there if _SHARD.fullmatch(path.name) and path.name.startswith(_PREFIXES[split])]
    if dangling := [path for path in named if not path.exists()]:
        raise unreadable(dangling[0], FileNotFoundError(), "remove the link, and the shard is left out")
    if shards := [path for path in named if path.is_file()]:
        return shards
    if named:
        raise BadInput(
            f"{named[0]}: is a folder, and a shard is a file. If its shards are in it, as Spark writes them, name it "
            "with --data_dir, and --split_by sequence, which reads all of them."
        )
    if packed := [path for path in there if path.name.endswith(PACKED_NAMES) and _PREFIXES[split] in path.name]:
        raise BadInput(f"{data_dir}: {packed[0].name} is packed; unpack it and all that are like it.")
    files = [path for path in there if path.is_file()]
    names = ", ".join(path.name for path in files[:5]) + (", ..." if len(files) > 5 else "")
    raise BadInput(
        f"{data_dir}: no shard named {_PREFIXES[split]}*.tfrecord*, as those of the split {split!r} are. "
        f"It has {names or 'no files'}. Choose the split that these belong to, or all, or another folder."
    )


def _completeness(shards: Sequence[Path]) -> str:
    """Such as "3 of 93 shards": how many of each set that the file names tell of are there."""
    sets: dict[str, list[str | None]] = {}
    for path in shards:
        match = _SHARD.fullmatch(path.name)
        assert match is not None, path
        sets.setdefault(match["set"], []).append(match["of"])
    counts = [f"{len(of)} of {int(of[0])} shards" if of[0] else f"{len(of)} shards" for of in sets.values()]
    return ", ".join(counts)


def _preferences_by_row(index: Index) -> dict[int, tuple[Preference, ...]]:
    preferences: dict[int, tuple[Preference, ...]] = {}
    stops = np.cumsum(index.preference_points)
    for row, score, points, stop in zip(
        index.preference_row.tolist(), index.preference_score.tolist(), index.preference_points, stops, strict=True
    ):
        preferences[row] = (*preferences.get(row, ()), Preference(index.preference_xy[stop - points : stop], score))
    return preferences


def _names(present: np.ndarray) -> tuple[str, ...]:
    """The cameras whose place in `present` (8,) is not zero."""
    return tuple(CAMERAS[camera] for camera in np.flatnonzero(present))


def _camera(name: str) -> int:
    try:
        return CAMERAS.index(name)
    except ValueError:
        raise BadInput(f"camera {name!r} is unknown; the end-to-end set has {', '.join(CAMERAS)}.") from None
