"""The rows of a store as one array: read when asked for, and held against their checksums the first time."""

from collections.abc import Sequence

import google_crc32c
import numpy as np

from roadcue.errors import BadInput

_EXPONENT = 0x7C00
"""The bits of a float16 that are all set in infinity and in what is no number, and in nothing else (IEEE 754)."""
ENCODE_AGAIN = "delete the folder and encode again"
"""What helps where a store is damaged."""


class StoredRows:
    """The rows of several parts as one array (rows, ...), of which only those asked for are read.

    A row that is not what was written, or not of finite numbers, is BadInput: the first time that it is asked for.
    """

    def __init__(
        self,
        parts: Sequence[tuple[int, np.ndarray]],
        part_of: np.ndarray,
        checksums: np.ndarray | None = None,
        store: object = "",
    ) -> None:
        """`parts`: the first row of each and its array; `part_of` (rows,) the place among them that holds a row.

        `checksums` (rows,) as `row_checksums` gives them, 0 where a row is not to be looked at; `store` is what
        messages name.
        """
        self._parts, self._part_of, self._store = parts, part_of, store
        _, first = parts[0]
        self.shape: tuple[int, ...] = (len(part_of), *first.shape[1:])
        self.dtype = first.dtype
        self._checksums = checksums
        self._unread: np.ndarray | None = None if checksums is None else checksums != 0

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: "np.ndarray | int | slice") -> np.ndarray:
        if len(self._parts) == 1 and self._parts[0][0] == 0 and len(self._parts[0][1]) == len(self):
            found: np.ndarray = self._parts[0][1][rows]
        else:
            wanted = np.asarray(np.arange(len(self))[rows])
            found = np.empty((*wanted.shape, *self.shape[1:]), self.dtype)
            places = self._part_of[wanted]
            for place in np.unique(places):
                first, array = self._parts[place]
                found[places == place] = array[wanted[places == place] - first]
        if self._unread is not None:
            self._check(self._numbers(rows), found)
        return found

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self[:], dtype=dtype)

    def _numbers(self, rows: "np.ndarray | int | slice") -> np.ndarray:
        """The (m,) rows that are asked for, in their order; without an array of all rows where it can be done."""
        if isinstance(rows, int | np.integer) or (isinstance(rows, np.ndarray) and rows.dtype.kind in "iu"):
            return np.ravel(rows)
        return np.ravel(np.arange(len(self))[rows])

    def _check(self, rows: np.ndarray, found: np.ndarray) -> None:
        """BadInput for the first of the (m,) rows that is read for the first time and damaged."""
        assert self._unread is not None
        assert self._checksums is not None
        new = self._unread[rows]
        if not new.any():
            return
        values = found.reshape(len(rows), *self.shape[1:])
        values, rows = (values, rows) if new.all() else (values[new], rows[new])
        damaged = row_checksums(values) != self._checksums[rows]
        if damaged.any():
            fault = "is not what was written (its checksum is another)"
        else:
            damaged, fault = ~finite_rows(values), "is not of finite numbers"
        if damaged.any():
            raise BadInput(f"{self._store}: row {rows[damaged][0]} {fault}, the store is damaged; {ENCODE_AGAIN}")
        self._unread[rows] = False


def row_checksums(*arrays: np.ndarray) -> np.ndarray:
    """(n,) uint32: of every row CRC32C over its bytes in each (n, ...) array, one after the other; never 0.

    CRC32C as in TFRecord files (RFC 3720, appendix B.4).
    """
    checksums = np.zeros(len(arrays[0]), np.uint32)
    rows = zip(*(_flat(np.ascontiguousarray(array)).view(np.uint8) for array in arrays), strict=True)
    for place, (first, *others) in enumerate(rows):
        checksum = google_crc32c.value(first)
        for other in others:
            checksum = google_crc32c.extend(checksum, other)
        checksums[place] = checksum or 1
    return checksums


def finite_rows(values: np.ndarray) -> np.ndarray:
    """(n,) bool: the rows of (n, ...) float16 or float32 whose numbers are all finite."""
    flat = _flat(values)
    # np.isfinite takes ten times as long for float16
    if flat.dtype == np.float16 and np.bitwise_and(flat.view(np.uint16), _EXPONENT).max(initial=0) < _EXPONENT:
        return np.ones(len(flat), bool)
    finite: np.ndarray = np.isfinite(flat).all(axis=1)
    return finite


def _flat(rows: np.ndarray) -> np.ndarray:
    """(n, ...) -> (n, m)."""
    return rows.reshape(len(rows), int(np.prod(rows.shape[1:])))
