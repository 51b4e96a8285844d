"""One range of a store's rows, in a folder of its own: what one process writes, and no other beside it.

    rows-<first>-<end>/
      features.npy   (rows, c, k, d) float16: c cameras, k pooled vectors each, d wide
      contrast.npy   (rows, c, 11, 4) float32: how sharp each picture is, as loaders/contrast.py measures it
      present.npy    (rows, c) bool: False where the row lacks the camera (its features are zero)
      progress.npy   (rows,) uint8: 0 to do, 1 written, 2 skipped
      skipped.jsonl  a line per skipped row: id and reason

Nodes that share a network drive (NFS) may overwrite what another has written into the same file; hence the folders.
"""

import errno
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from roadcue.errors import BadInput
from roadcue.files import atomic_folder
from roadcue.loaders.contrast import CONTRAST_SHAPE

LEFT, WRITTEN, SKIPPED = 0, 1, 2
_NAME = re.compile(r"rows-(\d+)-(\d+)")


@dataclass(frozen=True)
class StorePart:
    """Rows `first` to `end` of a store, without the last."""

    folder: Path
    first: int
    end: int

    @classmethod
    def all_of(cls, store: Path) -> list["StorePart"]:
        """Those of a store's folder, in the order of their rows."""
        names = ((folder, _NAME.fullmatch(folder.name)) for folder in store.iterdir())
        parts = [cls(folder, int(name[1]), int(name[2])) for folder, name in names if name]
        return sorted(parts, key=lambda part: (part.first, part.end))

    @classmethod
    def make(cls, store: Path, rows: range, cameras: int, shape: tuple[int, int]) -> "StorePart":
        """An empty one, whole, so that no reader sees half of it; `shape` = (k, d) per camera."""
        folder = store / f"rows-{rows.start}-{rows.stop}"
        try:
            with atomic_folder(folder) as partial:
                for name, (size, kind) in _arrays(len(rows), cameras, shape).items():
                    _reserve(partial / name, size, kind)
        except OSError:
            if not folder.exists():  # else another process was faster, which is as good
                raise
        return cls(folder, rows.start, rows.stop)

    def open(self, name: str, mode: Literal["r", "r+"] = "r") -> np.ndarray:
        """A memory map of one of its arrays."""
        array: np.ndarray = np.load(self.folder / f"{name}.npy", mmap_mode=mode, allow_pickle=False)
        if len(array) != self.end - self.first:
            raise ValueError(f"{self.folder / name}.npy has {len(array)} rows")
        return array

    def skipped(self) -> dict[str, str]:
        """Sample id -> why its row was skipped."""
        lines = self.folder / "skipped.jsonl"
        entries = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
        return {entry["id"]: entry["reason"] for entry in entries}


class PartWriter:
    """Fills the rows of a part, which are counted from the store's first."""

    def __init__(self, part: StorePart) -> None:
        """Open it for writing."""
        self.part = part
        arrays = (part.open(name, "r+") for name in ("features", "contrast", "present", "progress"))
        self._features, self._contrast, self._present, self._progress = arrays

    def write(self, rows: np.ndarray, features: np.ndarray, contrast: np.ndarray, present: np.ndarray) -> None:
        """(m,) rows: features (m, c, k, d) float16, contrast (m, c, 11, 4), present (m, c) bool."""
        places = rows - self.part.first
        self._features[places] = features
        self._contrast[places] = contrast
        self._present[places] = present
        self._progress[places] = WRITTEN

    def skip(self, row: int, sample_id: str, reason: str) -> None:
        """Leave a row out for good."""
        line = (json.dumps({"id": sample_id, "reason": reason}) + "\n").encode()
        with open(self.part.folder / "skipped.jsonl", "ab", buffering=0) as file:
            written = file.write(line)
            if written < len(line):
                file.truncate(file.tell() - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._progress[row - self.part.first] = SKIPPED

    def flush(self) -> None:
        """Hand everything over to the system."""
        for array in (self._features, self._contrast, self._present, self._progress):
            array.flush()  # type: ignore[attr-defined]


class StoredRows:
    """The rows of several parts as one array (rows, ...), of which only those asked for are read."""

    def __init__(self, parts: Sequence[tuple[int, np.ndarray]], part_of: np.ndarray) -> None:
        """`parts`: the first row of each and its array; `part_of` (rows,) the place among them that holds a row."""
        self._parts, self._part_of = parts, part_of
        _, first = parts[0]
        self.shape: tuple[int, ...] = (len(part_of), *first.shape[1:])
        self.dtype = first.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: "np.ndarray | int | slice") -> np.ndarray:
        if len(self._parts) == 1 and self._parts[0][0] == 0 and len(self._parts[0][1]) == len(self):
            found: np.ndarray = self._parts[0][1][rows]
            return found
        wanted = np.asarray(np.arange(len(self))[rows])
        found = np.empty((*wanted.shape, *self.shape[1:]), self.dtype)
        places = self._part_of[wanted]
        for place in np.unique(places):
            first, array = self._parts[place]
            found[places == place] = array[wanted[places == place] - first]
        return found

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self[:], dtype=dtype)


def rows_read_from(parts: Sequence[StorePart], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) the place among the parts which holds each row, and (rows,) how far it is, as `progress` has it.

    ValueError for a part that is of other rows. Of two that hold a row, one that has it written.
    """
    part_of, progress = np.zeros(rows, np.int64), np.full(rows, LEFT, np.uint8)
    for place, part in enumerate(parts):
        if part.end > rows:
            raise ValueError(f"{part.folder.name} is beyond its {rows} rows")
        theirs = np.array(part.open("progress"))
        better = (progress[part.first : part.end] != WRITTEN) & (theirs != LEFT)
        part_of[part.first : part.end][better] = place
        progress[part.first : part.end][better] = theirs[better]
    return part_of, progress


def store_bytes(rows: int, cameras: int, shape: tuple[int, int]) -> int:
    """What the arrays of so many rows take; `shape` = (k, d) per camera."""
    return sum(math.prod(size) * np.dtype(kind).itemsize for size, kind in _arrays(rows, cameras, shape).values())


def _arrays(rows: int, cameras: int, shape: tuple[int, int]) -> Mapping[str, tuple[tuple[int, ...], type]]:
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


def check_finite(stored: np.ndarray, given: np.ndarray, rows: np.ndarray, folder: Path) -> None:
    """BadInput, with the row, for features that are not finite in float16."""
    if not np.isfinite(stored).all():
        row = int(rows[~np.isfinite(stored).reshape(len(rows), -1).all(axis=1)][0])
        raise BadInput(
            f"{folder}: the features of row {row} are not finite in float16 "
            f"(largest {np.abs(given).max():.3g}); check the checkpoint and --dtype"
        )
