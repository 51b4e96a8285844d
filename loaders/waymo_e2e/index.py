"""The index: every record's states, and where its pictures lie. Made in one pass over the shards, kept in the cache.

One file per shard, so that an interrupted pass goes on where it was and one shard more costs one shard more. The file
is a TFRecord: what it is valid for, then an .npy array per column. Its checksums tell damage, and what is damaged, of
another shard or not as it was written (`index_columns`) is made again. It is found by the shard's name, size and time
of change: a copy with another time is read whole, since any of its bytes may have changed on the way.
"""

import hashlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from roadcue.cache import cache_root
from roadcue.errors import BadInput, BadRecord, Unreadable
from roadcue.left_over import remove_left_over
from roadcue.loaders.npy import array_of
from roadcue.loaders.tfrecord import REMEDY, Record, RecordWriter, framing_of, read_records
from roadcue.loaders.waymo_e2e.frame import CAMERAS, Frame, decode_frame
from roadcue.loaders.waymo_e2e.index_columns import check_columns
from roadcue.loaders.waymo_e2e.spans import camera_spans
from roadcue.processes import in_processes
from roadcue.progress import ProgressLine
from roadcue.schema import PAST_STATES, STATE_COLUMNS, WAYPOINTS

_VERSION = 3
"""To be raised when the columns or the checks change: an index of another version is not looked at."""
_SMALL_BYTES = 256 * 2**20
"""Below this much to read, starting processes costs more than it saves."""


@dataclass(frozen=True)
class Index:
    """n records, sorted by (sequence, frame).

    `id`, `sequence`, `frame`, `intent`, `past`, `future` as in `StateTable`. Where they lie: `shard` (n,) int64
    counts the shards, `offset` (n,) int64 is the record's first byte, `length` (n,) int64 its payload in bytes,
    `image_span` and `calibration_span` (n, 8, 2) int64 are first byte in the shard and length, by `CAMERAS`, length
    0 where missing. m scored trajectories: `preference_row` (m,) int64, `preference_score` (m,) float32,
    `preference_points` (m,) int64, and the points of all of them one after the other in `preference_xy` (k, 2)
    float32 metres, ego frame. s bad records: `skipped_shard` (s,) int64 and `skipped_reason` (s,) str.
    `content` (shards,) str is what `content_of` says of each shard.
    """

    id: np.ndarray
    sequence: np.ndarray
    frame: np.ndarray
    intent: np.ndarray
    past: np.ndarray
    future: np.ndarray
    shard: np.ndarray
    offset: np.ndarray
    length: np.ndarray
    image_span: np.ndarray
    calibration_span: np.ndarray
    preference_row: np.ndarray
    preference_score: np.ndarray
    preference_points: np.ndarray
    preference_xy: np.ndarray
    skipped_shard: np.ndarray
    skipped_reason: np.ndarray
    content: np.ndarray

    def __len__(self) -> int:
        return len(self.id)


def shard_key(shard: Path) -> str:
    """What an index is valid for: its version, and the shard's name, size and time of change."""
    status = shard.stat()
    return f"{_VERSION} {shard.name} {status.st_size} {status.st_mtime_ns}"


def content_of(shard: Path) -> str:
    """What a shard is known by wherever it lies: the version of the index, and the checksums of its records."""
    return f"{_VERSION} {framing_of(shard)}"


def open_index(shards: Sequence[Path]) -> Index:
    """The index of these shards, from the cache or made now, with a progress bar and on all processors when large.

    BadInput when a shard cannot be opened or the cache cannot be written; bad records only go into `skipped_reason`.
    """
    files = [_index_file(shard) for shard in shards]
    remove_left_over(*{file.parent for file in files})
    indices = [_read(file, shard) for shard, file in zip(shards, files, strict=True)]
    _make({shard: file for shard, file, index in zip(shards, files, indices, strict=True) if index is None})
    found = zip(files, shards, indices, strict=True)
    indices = [_read(file, shard) if index is None else index for file, shard, index in found]
    if None in indices:
        file = files[indices.index(None)]
        raise BadInput(f"{file}: the index just written there cannot be read. Is the disk in order?")
    return _merge([index for index in indices if index is not None], shards)


def _index_file(shard: Path) -> Path:
    key = hashlib.sha256(shard_key(shard).encode()).hexdigest()[:12]
    return cache_root() / "waymo_e2e" / f"{shard.name}.{key}.index"


def _read(file: Path, shard: Path) -> Index | None:
    """The index of `shard` in `file`; None when it is missing, damaged or another's.

    Unreadable when the system keeps it back.
    """
    if not file.exists():
        return None
    try:
        key, *payloads = (record.payload for record in read_records(file))
        if key != shard_key(shard).encode():
            return None
        names = [field.name for field in fields(Index)]
        columns = {name: array_of(payload, name) for name, payload in zip(names, payloads, strict=True)}
        check_columns(columns, shard.stat().st_size)
        return Index(**columns)
    except Unreadable:
        raise
    except ValueError:  # BadInput is one
        return None


def _write(file: Path, index: Index, key: str) -> None:
    try:
        with RecordWriter(file) as writer:
            writer.write(key.encode())
            for field in fields(Index):
                column = io.BytesIO()
                np.save(column, getattr(index, field.name), allow_pickle=False)
                writer.write(column.getvalue())
    except BadInput as error:
        raise BadInput(f"{error}\nThe cache lies where the environment variable ROADCUE_CACHE says.") from error


def _make(files: dict[Path, Path]) -> None:
    """Index every shard of {shard: index file}; each index is on the disk as soon as it is complete."""
    for folder in {file.parent for file in files.values()}:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            remedy = "Name another folder in the environment variable ROADCUE_CACHE."
            raise BadInput(f"{folder}: the cache cannot be kept there ({error.strerror}). {remedy}") from error
    if sum(shard.stat().st_size for shard in files) < _SMALL_BYTES:
        for shard, file in files.items():
            _index_shard(shard, file)
        return
    workers = min(len(files), len(os.sched_getaffinity(0)))
    with ProgressLine("indexing, once", len(files), "shards") as advance:
        for _ in in_processes(_index_shard, list(files.items()), workers):
            advance()


class _Located(NamedTuple):
    """A frame, and where it lies in its shard."""

    frame: Frame
    offset: int
    length: int
    images: np.ndarray
    calibrations: np.ndarray


def _index_shard(shard: Path, file: Path) -> None:
    """Read and check every record of a shard once, and write its index to `file`."""
    located: list[_Located] = []
    skipped: list[str] = []
    key = shard_key(shard)  # of before it is read: it may be written meanwhile

    def skip(bad: BadRecord) -> None:
        skipped.append(str(bad).removeprefix(f"{shard}: "))

    for record in read_records(shard, on_bad=skip):
        try:
            located.append(_locate(record))
        except BadRecord as bad:
            skip(BadRecord(f"{bad} {REMEDY}"))
    _write(file, _columns(located, skipped, content_of(shard)), key)


def _locate(record: Record) -> _Located:
    where = f"record at byte {record.offset}"
    frame = decode_frame(record.payload, where)
    images, calibrations = camera_spans(record.payload, f"{where}: frame {frame.name}")
    for spans in (images, calibrations):
        spans[spans[:, 1] > 0, 0] += record.payload_offset
    return _Located(frame, record.offset, len(record.payload), images, calibrations)


def _columns(located: Sequence[_Located], skipped: Sequence[str], content: str) -> Index:
    """The index of one shard, in the order of its records."""
    n, frames = len(located), [one.frame for one in located]
    preferences = [(row, p) for row, frame in enumerate(frames) for p in frame.preferences]
    return Index(
        id=np.array([frame.name for frame in frames], str),
        sequence=np.array([frame.sequence for frame in frames], str),
        frame=np.array([frame.frame for frame in frames], np.int64),
        intent=np.array([frame.intent for frame in frames], np.int64),
        past=np.array([frame.past for frame in frames], np.float32).reshape(n, PAST_STATES, len(STATE_COLUMNS)),
        future=np.array([frame.future for frame in frames], np.float32).reshape(n, WAYPOINTS, 2),
        shard=np.zeros(n, np.int64),
        offset=np.array([one.offset for one in located], np.int64),
        length=np.array([one.length for one in located], np.int64),
        image_span=np.array([one.images for one in located], np.int64).reshape(n, len(CAMERAS), 2),
        calibration_span=np.array([one.calibrations for one in located], np.int64).reshape(n, len(CAMERAS), 2),
        preference_row=np.array([row for row, _ in preferences], np.int64),
        preference_score=np.array([p.score for _, p in preferences], np.float32),
        preference_points=np.array([len(p.xy) for _, p in preferences], np.int64),
        preference_xy=np.concatenate([np.zeros((0, 2), np.float32), *(p.xy for _, p in preferences)]),
        skipped_shard=np.zeros(len(skipped), np.int64),
        skipped_reason=np.array(skipped, str),
        content=np.array([content]),
    )


def _merge(indices: Sequence[Index], shards: Sequence[Path]) -> Index:
    """One index of all shards, sorted; a frame that is there twice is skipped the second time."""
    joined = _join(indices)
    order = np.lexsort((joined.frame, joined.sequence))
    sequence, frame = joined.sequence[order], joined.frame[order]
    again = (sequence[1:] == sequence[:-1]) & (frame[1:] == frame[:-1])
    reasons = [
        f"record at byte {joined.offset[row]}: frame {joined.id[row]} is also in {shards[joined.shard[first]].name} "
        f"at byte {joined.offset[first]}. Remove one of the two, or pass --on_bad_record skip."
        for first, row in zip(order[:-1][again], order[1:][again], strict=True)
    ]
    merged = _take(joined, np.delete(order, np.flatnonzero(again) + 1))
    return replace(
        merged,
        skipped_shard=np.append(merged.skipped_shard, joined.shard[order[1:][again]]),
        skipped_reason=np.append(merged.skipped_reason, np.array(reasons, str)),
    )


def _join(indices: Sequence[Index]) -> Index:
    """The rows of all indices, one index after the other, numbered and their shards counted throughout."""
    joined = Index(*(np.concatenate([getattr(index, field.name) for index in indices]) for field in fields(Index)))
    rows = [len(index) for index in indices]
    counts = np.arange(len(indices))
    first_row = np.cumsum([0, *rows[:-1]])
    return replace(
        joined,
        shard=np.repeat(counts, rows),
        preference_row=joined.preference_row + np.repeat(first_row, [len(i.preference_row) for i in indices]),
        skipped_shard=np.repeat(counts, [len(index.skipped_reason) for index in indices]),
    )


def _take(index: Index, rows: np.ndarray) -> Index:
    """The (m,) given rows in their order, with their scored trajectories; all that was skipped stays."""
    place = np.full(len(index), -1)
    place[rows] = np.arange(len(rows))
    kept = place[index.preference_row] >= 0
    by_row = ("id", "sequence", "frame", "intent", "past", "future", "shard", "offset", "length")
    return replace(
        index,
        **{name: getattr(index, name)[rows] for name in (*by_row, "image_span", "calibration_span")},
        preference_row=place[index.preference_row[kept]],
        preference_score=index.preference_score[kept],
        preference_points=index.preference_points[kept],
        preference_xy=index.preference_xy[np.repeat(kept, index.preference_points)],
    )
