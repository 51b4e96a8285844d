"""Frozen features on disk: computed once per encoder, preprocessing, pooling and data set, read by the batch.

A store is a folder:

    meta.json      what decides the features, part by part; the shape
    index.json     sample ids, in row order
    features.npy   (rows, c, k, d) float16: c cameras, k pooled vectors each, d wide
    contrast.npy   (rows, c, 3, 4) float32: how sharp each picture is, as loaders/contrast.py measures it
    present.npy    (rows, c) bool: False where the row lacks the camera (its features are zero)
    progress.npy   (rows,) uint8: 0 to do, 1 written, 2 skipped
    skipped.jsonl  a line per skipped row: id and reason
    DONE           written last

Past states, intent and targets are not in it: they are cheap, they change, and mixing them in is how stale labels
start.
"""

import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from roadcue.errors import BadInput
from roadcue.files import NO_LEAVE, atomic_folder, in_the_way, size_said, unreadable, write_atomic
from roadcue.loaders.contrast import CONTRAST_SHAPE

STORE_VERSION = "3"
_TODO, _WRITTEN, _SKIPPED = 0, 1, 2


class IncompleteStore(BadInput):
    """Rows of the store are still to be encoded, or all of them."""


def store_folder(root: Path, data: str, encoder: str, parts: Mapping[str, str]) -> Path:
    """Where the features decided by `parts` live: `<root>/<data>/<encoder>-<first 12 digits of the fingerprint>`."""
    return root / data / f"{encoder}-{fingerprint(parts)[:12]}"


def fingerprint(parts: Mapping[str, str]) -> str:
    """sha256 over every part that decides a feature, the store's own version included."""
    text = json.dumps({"store": STORE_VERSION, **parts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def store_bytes(rows: int, cameras: int, shape: tuple[int, int]) -> int:
    """What the arrays of a store take; `shape` = (k, d) per camera."""
    return sum(math.prod(size) * np.dtype(kind).itemsize for size, kind in _arrays(rows, cameras, shape).values())


def check_room(folder: Path, needed: int) -> None:
    """OSError when fewer than `needed` bytes are free on the disk of a store's folder, which need not exist."""
    with _writing(folder):
        _require_free(folder, needed)


class StoreWriter:
    """Fills a store row by row; several processes may fill disjoint rows of one store at the same time.

    A row counts as written only after its features are in the file, so a killed writer loses at most the batch it
    was at, and the next one does only what is left.
    """

    def __init__(
        self,
        folder: Path,
        parts: Mapping[str, str],
        ids: np.ndarray,
        cameras: Sequence[str],
        shape: tuple[int, int],
    ) -> None:
        """Create the store or go on with it. `ids` (n,) unique str; `shape` = (k, d) per camera.

        BadInput when the folder holds other features; OSError when the disk has no room for all rows, and how much
        is missing (the whole size is reserved at once, so that a full disk is met here and not in the middle of the
        night).
        """
        self.folder = folder
        if not (folder / "meta.json").exists():
            _create(folder, parts, ids, cameras, shape)
        with _reading(folder):
            _check(folder, parts)
            _check_ids(folder, json.loads((folder / "index.json").read_text()), ids)
        with _writing(folder), _undamaged(folder):
            self._features = np.lib.format.open_memmap(folder / "features.npy", mode="r+")
            self._contrast = np.lib.format.open_memmap(folder / "contrast.npy", mode="r+")
            self._present = np.lib.format.open_memmap(folder / "present.npy", mode="r+")
            self._progress = np.lib.format.open_memmap(folder / "progress.npy", mode="r+")

    def todo(self, part: tuple[int, int] = (1, 1)) -> np.ndarray:
        """Rows that are neither written nor skipped; `part` = (i, n) keeps to the i-th of n equal row ranges."""
        i, n = part
        rows = len(self._progress)
        first, last = rows * (i - 1) // n, rows * i // n
        return first + np.flatnonzero(self._progress[first:last] == _TODO)

    def write(self, rows: np.ndarray, features: np.ndarray, contrast: np.ndarray, present: np.ndarray) -> None:
        """Write (m,) rows: features (m, c, k, d), contrast (m, c, 3, 4), present (m, c) bool."""
        with np.errstate(over="ignore"):
            stored = features.astype(np.float16)
        if not np.isfinite(stored).all():
            row = int(rows[~np.isfinite(stored).reshape(len(rows), -1).all(axis=1)][0])
            raise BadInput(
                f"{self.folder}: the features of row {row} are not finite in float16 "
                f"(largest {np.abs(features).max():.3g}); check the checkpoint and --dtype"
            )
        self._features[rows] = stored
        self._contrast[rows] = contrast
        self._present[rows] = present
        self._progress[rows] = _WRITTEN

    def skip(self, row: int, sample_id: str, reason: str) -> None:
        """Leave a row out for good; heads never train on it."""
        line = (json.dumps({"id": sample_id, "reason": reason}) + "\n").encode()
        with _writing(self.folder), open(self.folder / "skipped.jsonl", "ab", buffering=0) as file:
            written = file.write(line)  # at once, so that the lines of several writers do not mix
            if written < len(line):
                file.truncate(file.tell() - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._progress[row] = _SKIPPED

    def finish(self) -> bool:
        """Write DONE if every row is written or skipped; False while rows are left (another writer has them)."""
        for array in (self._features, self._contrast, self._present, self._progress):
            array.flush()
        if (self._progress == _TODO).any():
            return False
        with _writing(self.folder):
            write_atomic(self.folder / "DONE", f"{len(self._progress)} rows\n")
        return True


class FeatureStore:
    """A finished store, opened for reading.

    `features` (rows, c, k, d) float16 memory map, `contrast` (rows, c, 3, 4) float32, `present` (rows, c) bool, `ids`
    in the order of the rows, `skipped` sample id -> reason.
    """

    def __init__(self, folder: Path, parts: Mapping[str, str]) -> None:
        """Open `folder` and write nothing there.

        IncompleteStore when there is nothing, or rows are left. BadInput when it is damaged, or holds other features
        than `parts`: it names the one. Unreadable when the system does not hand a file over.
        """
        self.folder, self._parts = folder, parts
        with _reading(folder):
            if not (folder / "meta.json").exists():
                raise IncompleteStore(f"{folder}: no feature store here; run the extraction first")
            meta = _check(folder, parts)
            progress = np.load(folder / "progress.npy", allow_pickle=False)
            if not (folder / "DONE").exists():
                left = int((progress == _TODO).sum())
                raise IncompleteStore(f"{folder}: {left} rows are not encoded yet; run the extraction again to go on")
            self.usable: np.ndarray = progress == _WRITTEN
            self.cameras: tuple[str, ...] = tuple(meta["cameras"])
            self.features: np.ndarray = np.load(folder / "features.npy", mmap_mode="r", allow_pickle=False)
            self.contrast: np.ndarray = np.load(folder / "contrast.npy", allow_pickle=False)
            self.present: np.ndarray = np.load(folder / "present.npy", allow_pickle=False)
            self.ids: list[str] = json.loads((folder / "index.json").read_text())
            lines = folder / "skipped.jsonl"
            entries = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
            self.skipped: dict[str, str] = {entry["id"]: entry["reason"] for entry in entries}

    def __reduce__(self) -> tuple[type["FeatureStore"], tuple[Path, Mapping[str, str]]]:
        """Another process opens the store itself: a memory map would be copied to it whole."""
        return FeatureStore, (self.folder, self._parts)

    def rows_of(self, ids: np.ndarray) -> np.ndarray:
        """(n,) sample ids -> (n,) rows; BadInput when the store does not hold one."""
        row_of = {sample_id: row for row, sample_id in enumerate(self.ids)}
        missing = [sample_id for sample_id in ids if sample_id not in row_of]
        if missing:
            raise BadInput(f"{self.folder}: {len(missing)} samples have no features here, first {missing[0]!r}")
        return np.array([row_of[sample_id] for sample_id in ids], dtype=np.int64)


def open_finished(folder: Path, parts: Mapping[str, str], ids: np.ndarray) -> FeatureStore | None:
    """The finished store of these samples, opened by reading alone; None when it is still to be made or finished.

    `ids` (n,) unique str, in the order of the rows. BadInput when the folder holds other features or samples.
    """
    try:
        store = FeatureStore(folder, parts)
    except IncompleteStore:
        return None
    _check_ids(folder, store.ids, ids)
    return store


def _create(
    folder: Path, parts: Mapping[str, str], ids: np.ndarray, cameras: Sequence[str], shape: tuple[int, int]
) -> None:
    """Make an empty store, whole, so that no reader sees half of one."""
    if len(set(ids.tolist())) != len(ids):
        raise BadInput("sample ids are not unique; a feature store needs one id per row")
    rows = len(ids)
    meta = {"store": STORE_VERSION, "fingerprint": fingerprint(parts), "rows": rows, "cameras": list(cameras)}
    with _writing(folder):
        try:
            _require_free(folder, store_bytes(rows, len(cameras), shape))
            with atomic_folder(folder) as partial:
                for name, (size, kind) in _arrays(rows, len(cameras), shape).items():
                    _reserve(partial / name, size, kind)
                (partial / "index.json").write_text(json.dumps(ids.tolist()))
                (partial / "meta.json").write_text(json.dumps({**meta, "parts": dict(parts)}, indent=1))
        except OSError:
            if not (folder / "meta.json").exists():  # else another process was faster, which is as good
                raise


def _require_free(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.exists())).free
    if needed > free:
        missing = (
            f"{size_said(needed)} are needed, {size_said(free)} are free, {size_said(needed - free)} are missing"
        )
        raise OSError(errno.ENOSPC, missing)


def _arrays(rows: int, cameras: int, shape: tuple[int, int]) -> dict[str, tuple[tuple[int, ...], type]]:
    """File -> shape and kind of its numbers."""
    return {
        "features.npy": ((rows, cameras, *shape), np.float16),
        "contrast.npy": ((rows, cameras, *CONTRAST_SHAPE), np.float32),
        "present.npy": ((rows, cameras), np.bool_),
        "progress.npy": ((rows,), np.uint8),
    }


def _reserve(path: Path, shape: tuple[int, ...], dtype: type) -> None:
    """A zeroed .npy whose blocks are really there: writing to a sparse map on a full disk ends in SIGBUS."""
    array = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    del array
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """What a full or read-only disk makes a writer say becomes one OSError with the store's folder and the remedy."""
    try:
        yield
    except OSError as error:
        room = "" if error.errno in NO_LEAVE else "free space, then the same command goes on, or "
        reason = error.strerror
        if (blocking := in_the_way(folder)) is not None:
            room, reason = "", f"{blocking} is a file and no folder"
        message = f"the feature store cannot be written ({reason}); {room}choose another --store_dir"
        raise OSError(error.errno, message, str(folder)) from error


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """What the system does not hand over is Unreadable, whatever else goes wrong is damage."""
    try:
        with _undamaged(folder):
            yield
    except OSError as error:
        raise unreadable(Path(error.filename or folder), error) from error


@contextmanager
def _undamaged(folder: Path) -> Iterator[None]:
    """Whatever a missing or damaged file makes its reader say becomes one BadInput with the remedy."""
    try:
        yield
    except BadInput:
        raise
    except (FileNotFoundError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{folder}: the store is damaged ({error}); delete the folder and encode again") from error


def _check_ids(folder: Path, stored: object, ids: np.ndarray) -> None:
    if stored != ids.tolist():
        raise BadInput(f"{folder}: its rows are other samples than this data set's; delete the folder")


def _check(folder: Path, parts: Mapping[str, str]) -> dict[str, Any]:
    """The store's description; BadInput when it is none, or was made with other parts."""
    try:
        meta: dict[str, Any] = json.loads((folder / "meta.json").read_text())
        stored = meta["parts"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{folder / 'meta.json'}: not a feature store ({error}); delete the folder") from error
    for name in sorted({*stored, *parts}):
        if stored.get(name) != parts.get(name):
            raise BadInput(
                f"{folder}: these features were made with {name} = {stored.get(name)!r}, this run has "
                f"{parts.get(name)!r}; encode again (another --store_dir) or change the option back"
            )
    return meta
