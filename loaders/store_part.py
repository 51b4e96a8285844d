"""One range of a store's rows, in a folder of its own: what one process writes, and no other beside it.

    rows-<first>-<end>/
      features.npy    (rows, c, k, d) float16: c cameras, k pooled vectors each, d wide
      contrast.npy    (rows, c, 11, 4) float32: how sharp each picture is, as loaders/contrast.py measures it
      present.npy     (rows, c) bool: False where the row lacks the camera (its features are zero)
      checksums.npy   (rows, 2) uint32: of a row's features; of its contrast and presence (`row_checksums`)
      progress.npy    (rows,) uint8: 0 to do, 1 written, 2 skipped
      skipped.jsonl   a line per skipped row: id and reason

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
from roadcue.files import atomic_folder, read_text
from roadcue.loaders.contrast import CONTRAST_SHAPE
from roadcue.loaders.npy import mapped
from roadcue.loaders.stored_rows import finite_rows, row_checksums

LEFT, WRITTEN, SKIPPED = 0, 1, 2
_NAME = re.compile(r"rows-(\d+)-(\d+)")


@dataclass(frozen=True)
class StorePart:
    """Rows `first` to `end` of a store, without the last."""

    folder: Path
    first: int
    end: int
    shape: tuple[int, int, int]
    """(c, k, d) of every row."""

    @classmethod
    def all_of(cls, store: Path, shape: tuple[int, int, int]) -> list["StorePart"]:
        """Those of a store's folder, in the order of their rows."""
        names = ((folder, _NAME.fullmatch(folder.name)) for folder in store.iterdir())
        parts = [cls(folder, int(name[1]), int(name[2]), shape) for folder, name in names if name]
        return sorted(parts, key=lambda part: (part.first, part.end))

    @classmethod
    def make(cls, store: Path, rows: range, shape: tuple[int, int, int]) -> "StorePart":
        """An empty one, whole, so that no reader sees half of it; `shape` = (c, k, d)."""
        folder = store / f"rows-{rows.start}-{rows.stop}"
        try:
            with atomic_folder(folder) as partial:
                for name, (size, kind) in _arrays(len(rows), shape).items():
                    _reserve(partial / name, size, kind)
        except OSError:
            if not folder.exists():  # else another process was faster, which is as good
                raise
        return cls(folder, rows.start, rows.stop, shape)

    def open(self, name: str, mode: Literal["r", "r+"] = "r") -> np.ndarray:
        """A memory map of one of its arrays; ValueError when it is not of the part's rows, shape and dtype."""
        shape, kind = _arrays(self.end - self.first, self.shape)[f"{name}.npy"]
        return mapped(self.folder / f"{name}.npy", shape, kind, mode)

    def skipped(self) -> dict[str, str]:
        """Sample id -> why its row was skipped."""
        lines = self.folder / "skipped.jsonl"
        entries = [json.loads(line) for line in read_text(lines).splitlines()] if lines.exists() else []
        return {entry["id"]: entry["reason"] for entry in entries}


class PartWriter:
    """Fills the rows of a part, which are counted from the store's first."""

    def __init__(self, part: StorePart) -> None:
        """Open it for writing."""
        self.part = part
        names = ("features", "contrast", "present", "checksums", "progress")
        self._arrays = {name: part.open(name, "r+") for name in names}

    def write(self, rows: np.ndarray, features: np.ndarray, contrast: np.ndarray, present: np.ndarray) -> None:
        """(m,) rows: features (m, c, k, d) float16, contrast (m, c, 11, 4), present (m, c) bool."""
        places = rows - self.part.first
        values = {"features": features, "contrast": contrast.astype(np.float32), "present": present}
        for name, value in values.items():
            self._arrays[name][places] = value
        checksums = [row_checksums(features), row_checksums(values["contrast"], present)]
        self._arrays["checksums"][places] = np.stack(checksums, axis=1)
        self._arrays["progress"][places] = WRITTEN

    def skip(self, row: int, sample_id: str, reason: str) -> None:
        """Leave a row out for good."""
        line = (json.dumps({"id": sample_id, "reason": reason}) + "\n").encode()
        with open(self.part.folder / "skipped.jsonl", "ab", buffering=0) as file:
            written = file.write(line)
            if written < len(line):
                file.truncate(file.tell() - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._arrays["progress"][row - self.part.first] = SKIPPED

    def flush(self) -> None:
        """Hand everything over to the system."""
        for array in self._arrays.values():
            array.flush()  # type: ignore[attr-defined]


def rows_read_from(parts: Sequence[StorePart], rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) the place among the parts which holds each row, and (rows,) how far it is, as `progress` has it.

    ValueError for a part that is of other rows, or says anything else. Of two that hold a row, one that has it
    written.
    """
    part_of, progress = np.zeros(rows, np.int64), np.full(rows, LEFT, np.uint8)
    for place, part in enumerate(parts):
        if part.end > rows:
            raise ValueError(f"{part.folder.name} is beyond its {rows} rows")
        theirs = np.array(part.open("progress"))
        if len(theirs) and theirs.max() > SKIPPED:
            raise ValueError(f"{part.folder.name}/progress.npy says {theirs.max()} of a row")
        better = (progress[part.first : part.end] != WRITTEN) & (theirs != LEFT)
        part_of[part.first : part.end][better] = place
        progress[part.first : part.end][better] = theirs[better]
    return part_of, progress


def store_bytes(rows: int, cameras: int, shape: tuple[int, int]) -> int:
    """What the arrays of so many rows take; `shape` = (k, d) per camera."""
    arrays = _arrays(rows, (cameras, *shape))
    return sum(math.prod(size) * np.dtype(kind).itemsize for size, kind in arrays.values())


def _arrays(rows: int, shape: tuple[int, int, int]) -> Mapping[str, tuple[tuple[int, ...], type]]:
    """File -> shape and kind of its numbers; `shape` = (c, k, d)."""
    cameras = shape[0]
    return {
        "features.npy": ((rows, *shape), np.float16),
        "contrast.npy": ((rows, cameras, *CONTRAST_SHAPE), np.float32),
        "present.npy": ((rows, cameras), np.bool_),
        "checksums.npy": ((rows, 2), np.uint32),
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
    finite = finite_rows(stored)
    if not finite.all():
        row = int(rows[~finite][0])
        raise BadInput(
            f"{folder}: the features of row {row} are not finite in float16 "
            f"(largest {np.abs(given).max():.3g}); check the checkpoint and --dtype"
        )
