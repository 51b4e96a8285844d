"""TFRecord files without TensorFlow: length, checksum of the length, payload, checksum of the payload.

Framing and checksum as in TensorFlow's `core/lib/io/record_writer.h`: little-endian uint64 length, uint32 masked
CRC32C of these eight bytes, payload, uint32 masked CRC32C of the payload.
"""

import contextlib
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NoReturn

import google_crc32c

from roadcue.errors import BadInput, BadRecord
from roadcue.files import atomic_file, opened, refuse_packed, unreadable, unwritable

HEADER_BYTES = 12
"""Length and its checksum, before the payload."""
FOOTER_BYTES = 4
"""Checksum of the payload, after it."""
MAX_PAYLOAD_BYTES = 2**31 - 1
"""What one protobuf message can hold; a longer record is damage, and is not allocated."""
REMEDY = "Download or write the file again, or pass --on_bad_record skip."
"""What a person can do about a damaged record."""
_ROOM = "make room on the disk, or choose another folder"
_MASK_DELTA = 0xA282EAD8  # tensorflow/core/lib/hash/crc32c.h, kMaskDelta


@dataclass(frozen=True, slots=True)
class Record:
    """One record: `offset` of its framing in the file, in bytes, and its `payload`."""

    offset: int
    payload: bytes

    @property
    def payload_offset(self) -> int:
        """Where the payload begins in the file, in bytes."""
        return self.offset + HEADER_BYTES


def masked_crc(data: bytes) -> int:
    """CRC32C of `data`, rotated and shifted so that a checksum of checksums stays sound (crc32c.h, `Mask`)."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def raise_bad(bad: BadRecord) -> NoReturn:
    """The default answer to a bad record: stop."""
    raise bad


def read_records(path: Path, *, start: int = 0, on_bad: Callable[[BadRecord], None] = raise_bad) -> Iterator[Record]:
    """Every record of a TFRecord file from byte `start` on, both checksums checked.

    `on_bad` hears of every damaged record, with file, byte offset and remedy; when it returns, reading goes on behind
    the record, or ends where the damage hides where the next one begins. Unreadable when the system
    does not hand the file over.
    """
    try:
        with opened(path) as file:
            yield from _records(file, path, start, on_bad)
    except OSError as error:
        raise unreadable(path, error) from error


def _records(file: BinaryIO, path: Path, start: int, on_bad: Callable[[BadRecord], None]) -> Iterator[Record]:
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        on_bad(BadRecord(f"{path}: the file is empty. {REMEDY}"))
    file.seek(start)
    offset = start
    while offset < size:
        where = f"{path}: record at byte {offset}"
        header = file.read(HEADER_BYTES)
        fault = _header_fault(header, size - offset)
        if fault:
            if offset == 0:
                refuse_packed(path, header)
            on_bad(BadRecord(f"{where}: {fault}; the rest of the file, {size - offset} bytes, is lost. {REMEDY}"))
            return
        (length,) = struct.unpack_from("<Q", header)
        payload, footer = file.read(length), file.read(FOOTER_BYTES)
        if footer != struct.pack("<I", masked_crc(payload)):
            on_bad(BadRecord(f"{where}: checksum of the {length}-byte payload does not match. {REMEDY}"))
        else:
            yield Record(offset, payload)
        offset += HEADER_BYTES + length + FOOTER_BYTES


def framing_of(path: Path) -> str:
    """A hash of where every record of a file lies and of both its checksums, without reading any payload.

    Files of the same hash hold the same, as far as checksums tell. Unreadable when the system does not hand it over.
    """
    digest, offset = hashlib.sha256(), 0
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            while offset < size:
                header = os.pread(file.fileno(), HEADER_BYTES, offset)
                digest.update(header)
                if _header_fault(header, size - offset):
                    break
                offset += HEADER_BYTES + struct.unpack_from("<Q", header)[0]
                digest.update(os.pread(file.fileno(), FOOTER_BYTES, offset))
                offset += FOOTER_BYTES
    except OSError as error:
        raise unreadable(path, error) from error
    digest.update(f"{size}".encode())
    return digest.hexdigest()


def _header_fault(header: bytes, remaining: int) -> str | None:
    """What is wrong with a record's header, or None; `remaining` counts the bytes from the header to the end."""
    if len(header) < HEADER_BYTES:
        return f"truncated, {len(header)} bytes where a {HEADER_BYTES}-byte header should be"
    length, crc = struct.unpack("<QI", header)
    if crc != masked_crc(header[:8]):
        return "checksum of the length does not match"
    if length > MAX_PAYLOAD_BYTES:
        return f"claims {length} bytes, more than the {MAX_PAYLOAD_BYTES} a record can have"
    if HEADER_BYTES + length + FOOTER_BYTES > remaining:
        return f"truncated, claims a payload of {length} bytes where {max(remaining - 16, 0)} are left"
    return None


class RecordWriter:
    """Writes a TFRecord file that appears when all of it is on the disk.

    A context manager. When anything fails, a full disk too, nothing is left behind; OSErrors come as BadInput.
    """

    def __init__(self, path: Path) -> None:
        """`path` is replaced if it exists; its folder must exist."""
        self.path, self._offset = path, 0
        try:
            with contextlib.ExitStack() as opening:
                self._file = opening.enter_context(open(opening.enter_context(atomic_file(path)), "wb"))
                self._opened = opening.pop_all()
        except OSError as error:
            raise BadInput(f"{path}: cannot be written {unwritable(path.parent, error, _ROOM)}") from error

    def write(self, payload: bytes) -> int:
        """Append one record; returns the byte offset of its framing."""
        header = struct.pack("<Q", len(payload))
        try:
            self._file.write(header + struct.pack("<I", masked_crc(header)))
            self._file.write(payload)
            self._file.write(struct.pack("<I", masked_crc(payload)))
        except OSError as error:
            raise self._failed(error) from error
        offset, self._offset = self._offset, self._offset + HEADER_BYTES + len(payload) + FOOTER_BYTES
        return offset

    def __enter__(self) -> "RecordWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.push(self._to_disk)
        try:
            self._opened.__exit__(kind, value, trace)
        except OSError as error:
            raise self._failed(error) from error

    def _to_disk(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def _failed(self, error: OSError) -> BadInput:
        said = unwritable(self.path.parent, error, _ROOM)
        return BadInput(f"{self.path}: cannot be written beyond byte {self._offset} {said}. Nothing was left behind.")
