"""Frozen features on disk: computed once per encoder, preprocessing, pooling and data set, read by the batch.

A store is a folder:

    meta.json            what decides the features, part by part; cameras and shape (`store_description`)
    index.json           sample ids, in row order
    rows-<first>-<end>/  arrays of these rows, as loaders/store_part.py says; together they are all rows
    DONE                 written last

Past states, intent and targets are not in it: they are cheap, they change, and mixing them in is how stale labels
start.
What is read is what was written: files of another shape are refused on opening, a row that has changed when it is
read for the first time.
"""

import errno
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from roadcue.errors import BadInput
from roadcue.files import NO_LEAVE, atomic_folder, in_the_way, size_said, unreadable, write_atomic
from roadcue.folder_lock import hold
from roadcue.left_over import remove_left_over
from roadcue.loaders.store_description import META, StoreDescription, fingerprint
from roadcue.loaders.store_part import (
    LEFT,
    SKIPPED,
    WRITTEN,
    PartWriter,
    StorePart,
    check_finite,
    rows_read_from,
    store_bytes,
)
from roadcue.loaders.stored_rows import ENCODE_AGAIN, StoredRows, row_checksums


class IncompleteStore(BadInput):
    """Rows of the store are still to be encoded, or all of them."""


def store_folder(root: Path, data: str, encoder: str, parts: Mapping[str, str]) -> Path:
    """Where the features decided by `parts` live: `<root>/<data>/<encoder>-<first 12 digits of the fingerprint>`."""
    return root / data / f"{encoder}-{fingerprint(parts)[:12]}"


def check_room(folder: Path, needed: int) -> None:
    """OSError when fewer than `needed` bytes are free on the disk of a store's folder, which need not exist."""
    with _writing(folder):
        _require_free(folder, needed)


class StoreWriter:
    """Fills rows of a store; several processes may fill its parts at the same time, each in files of its own.

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
        part: tuple[int, int] = (1, 1),
    ) -> None:
        """Create the store or go on with it. `ids` (n,) unique str; `shape` = (k, d) per camera; `part` = (i, n)
        keeps to the i-th of n equal row ranges. While another process writes some of them, it is waited for.

        BadInput when the folder holds other features; OSError when the disk has no room for all its rows, and how
        much is missing (the whole size is reserved at once, so that a full disk is met here and not in the middle of
        the night).
        """
        self.folder, self._rows = folder, len(ids)
        i, n = part
        self._mine = mine = range(len(ids) * (i - 1) // n, len(ids) * i // n)
        if not (folder / META).exists():
            _create(folder, StoreDescription(parts, ids.tolist(), tuple(cameras), shape), mine)
        with _reading(folder):
            self._about = StoreDescription.read(folder, parts)
            self._about.check_ids(folder, ids)
            if (self._about.cameras, self._about.shape) != (tuple(cameras), shape):
                raise ValueError(f"its features are {self._about.row_shape} a row, and {shape} of each camera now")
        remove_left_over(folder.parent, folder)
        with _writing(folder), _undamaged(folder):
            # Whose first row is another's is written by another, who may be at it now.
            own = [part for part in StorePart.all_of(folder, self._about.row_shape) if part.first in mine]
            new = _not_in(own, self.todo())
            _require_free(folder, sum(store_bytes(len(rows), len(cameras), shape) for rows in new))
            own += [StorePart.make(folder, rows, self._about.row_shape) for rows in new]
            self._locks = [
                hold(self, part.folder / ".lock", f"encoding rows {part.first} to {part.end} of {folder}", wait=True)
                for part in sorted(own, key=lambda part: part.first)  # in one order, or two would wait for each other
            ]
            self._parts = [PartWriter(part) for part in own]

    def todo(self) -> np.ndarray:
        """Its rows that are neither written nor skipped."""
        return self._mine.start + np.flatnonzero(self._progress()[self._mine.start : self._mine.stop] == LEFT)

    def write(self, rows: np.ndarray, features: np.ndarray, contrast: np.ndarray, present: np.ndarray) -> None:
        """Write (m,) rows: features (m, c, k, d), contrast (m, c, 11, 4), present (m, c) bool."""
        with np.errstate(over="ignore"):
            stored = features.astype(np.float16)
        check_finite(stored, features, rows, self.folder)
        place = np.array([self._part_of(row) for row in rows.tolist()])
        for part in np.unique(place):
            theirs = place == part
            self._parts[part].write(rows[theirs], stored[theirs], contrast[theirs], present[theirs])

    def skip(self, row: int, sample_id: str, reason: str) -> None:
        """Leave a row out for good; heads never train on it."""
        with _writing(self.folder):
            self._parts[self._part_of(row)].skip(row, sample_id, reason)

    def finish(self) -> bool:
        """Write DONE if every row is written or skipped; False while rows are left (another writer has them)."""
        for part in self._parts:
            part.flush()
        for give_up in self._locks:
            give_up()
        if (self._progress() == LEFT).any():
            return False
        with _writing(self.folder):
            write_atomic(self.folder / "DONE", f"{self._rows} rows\n")
        return True

    def _progress(self) -> np.ndarray:
        """(n,) how far each row is, whoever writes it."""
        return rows_read_from(StorePart.all_of(self.folder, self._about.row_shape), self._rows)[1]

    def _part_of(self, row: int) -> int:
        """Which of its parts holds a row."""
        return next(i for i, writer in enumerate(self._parts) if writer.part.first <= row < writer.part.end)


class FeatureStore:
    """A finished store, opened for reading.

    `features` (rows, c, k, d) float16, read when asked for, `contrast` (rows, c, 11, 4) float32, `present` (rows, c)
    bool, `ids` in the order of the rows, `skipped` sample id -> reason.
    """

    def __init__(self, folder: Path, parts: Mapping[str, str]) -> None:
        """Open `folder` and write nothing there.

        IncompleteStore when there is nothing, or rows are left. BadInput when it is damaged, or holds other features
        than `parts`: it names the one. Unreadable when the system does not hand a file over.
        """
        self.folder, self._parts = folder, parts
        with _reading(folder):
            if not (folder / META).exists():
                raise IncompleteStore(f"{folder}: no feature store here; run the extraction first")
            self.about = about = StoreDescription.read(folder, parts)
            self.ids: list[str] = about.ids
            there = StorePart.all_of(folder, about.row_shape)
            part_of, progress = rows_read_from(there, len(self.ids))
            if not (folder / "DONE").exists():
                left = int((progress == LEFT).sum())
                raise IncompleteStore(f"{folder}: {left} rows are not encoded yet; run the extraction again to go on")
            if (progress == LEFT).any():
                raise ValueError(f"{int((progress == LEFT).sum())} of its rows are missing")
            self.usable: np.ndarray = progress == WRITTEN
            self.cameras: tuple[str, ...] = about.cameras
            arrays = {name: StoredRows(_opened(there, name), part_of) for name in ("contrast", "present")}
            checksums = np.where(self.usable[:, None], StoredRows(_opened(there, "checksums"), part_of)[:], 0)
            self.features = StoredRows(_opened(there, "features"), part_of, checksums[:, 0], folder)
            self.contrast, self.present = np.array(arrays["contrast"]), np.array(arrays["present"])
            self._check_beside(checksums[:, 1])
            self.skipped: dict[str, str] = {name: why for part in there for name, why in part.skipped().items()}
            without = {self.ids[row] for row in np.flatnonzero(progress == SKIPPED)}
            if not without <= self.skipped.keys():
                raise ValueError(f"nothing says why {min(without - self.skipped.keys())} was skipped")

    def _check_beside(self, checksums: np.ndarray) -> None:
        """ValueError where contrast or presence of a row are not what (n,) `checksums` were made of."""
        rows = np.flatnonzero(self.usable)
        wrong = row_checksums(self.contrast[rows], self.present[rows]) != checksums[rows]
        if wrong.any():
            raise ValueError(f"contrast or presence of row {rows[wrong][0]} is not what was written")

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
    store.about.check_ids(folder, ids)
    return store


def _create(folder: Path, about: StoreDescription, first: range) -> None:
    """Make a store with one empty part, whole, so that no reader sees half of it."""
    if len(set(about.ids)) != len(about.ids):
        raise BadInput("sample ids are not unique; a feature store needs one id per row")
    with _writing(folder):
        try:
            _require_free(folder, store_bytes(len(first), len(about.cameras), about.shape))
            with atomic_folder(folder) as partial:
                if len(first):
                    StorePart.make(partial, first, about.row_shape)
                about.write(partial)
        except OSError:
            if not (folder / META).exists():  # else another process was faster, which is as good
                raise


def _opened(parts: Sequence[StorePart], name: str) -> list[tuple[int, np.ndarray]]:
    """The first row of each part, and its array of that name."""
    return [(part.first, part.open(name)) for part in parts]


def _not_in(parts: Sequence[StorePart], rows: np.ndarray) -> list[range]:
    """Ranges of rows in which all are that no part has, and no row of a part is."""
    for part in parts:
        rows = rows[(rows < part.first) | (rows >= part.end)]
    between = np.searchsorted([part.first for part in parts], rows)
    groups = [rows[between == place] for place in np.unique(between)]
    return [range(int(group[0]), int(group[-1]) + 1) for group in groups]


def _require_free(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.exists())).free
    if needed > free:
        missing = (
            f"{size_said(needed)} are needed, {size_said(free)} are free, {size_said(needed - free)} are missing"
        )
        raise OSError(errno.ENOSPC, missing)


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
    except (FileNotFoundError, EOFError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"{folder}: the store is damaged ({error}); {ENCODE_AGAIN}") from error
