"""Where the pictures and calibrations of a record lie, found by walking its wire format; nothing is copied.

Wire format: https://protobuf.dev/programming-guides/encoding. Field numbers: schema.proto.
"""

from collections.abc import Iterator

import numpy as np

from roadcue.errors import BadRecord
from roadcue.loaders.waymo_e2e import schema_pb2 as schema

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FRAME = schema.E2EDFrame.FRAME_FIELD_NUMBER
_CONTEXT, _IMAGES = schema.Frame.CONTEXT_FIELD_NUMBER, schema.Frame.IMAGES_FIELD_NUMBER
_CALIBRATIONS = schema.Context.CAMERA_CALIBRATIONS_FIELD_NUMBER
_IMAGE_NAME, _IMAGE = schema.CameraImage.NAME_FIELD_NUMBER, schema.CameraImage.IMAGE_FIELD_NUMBER
_CALIBRATION_NAME = schema.CameraCalibration.NAME_FIELD_NUMBER
_N_CAMERAS = len(schema.CameraName.Name.keys()) - 1  # UNKNOWN is none

Span = tuple[int, int]
"""Start and stop, in bytes from the beginning of the payload."""
_NOTHING: Span = (0, 0)


def camera_spans(payload: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Spans of every camera's JPEG and of every camera's calibration message.

    Both are (8, 2) int64: offset from the beginning of the payload and length in bytes, rows in the order of
    `CAMERAS`; length 0 where the frame lacks it. A BadRecord, also of a camera that is there without bytes, begins
    with `where`.
    """
    images, calibrations = np.zeros((2, _N_CAMERAS, 2), np.int64)
    try:
        for frame in _messages(payload, (0, len(payload)), _FRAME):
            for span in _messages(payload, frame, _IMAGES):
                camera = _camera(payload, span, _IMAGE_NAME)
                for jpeg in list(_messages(payload, span, _IMAGE)) or [_NOTHING]:
                    _put(images, camera, jpeg)
            for context in _messages(payload, frame, _CONTEXT):
                for span in _messages(payload, context, _CALIBRATIONS):
                    _put(calibrations, _camera(payload, span, _CALIBRATION_NAME), span)
    except ValueError as error:
        raise BadRecord(f"{where}: {error}.") from error
    return images, calibrations


def _put(spans: np.ndarray, camera: int, span: Span) -> None:
    if not 1 <= camera <= _N_CAMERAS:
        raise ValueError(f"camera number {camera} is not one of dataset.proto's 1 to {_N_CAMERAS}")
    if spans[camera - 1, 1]:
        raise ValueError(f"camera {schema.CameraName.Name.Name(camera)} is there twice")
    if span[0] == span[1]:
        raise ValueError(f"camera {schema.CameraName.Name.Name(camera)} is there, but without a single byte")
    spans[camera - 1] = span[0], span[1] - span[0]


def _camera(payload: bytes, message: Span, number: int) -> int:
    """The camera number that a message names in its field `number`; 0 when it names none."""
    names = [value for field, value, _ in _fields(payload, message) if field == number]
    return names[-1] if names else 0


def _messages(payload: bytes, message: Span, number: int) -> Iterator[Span]:
    """The contents of every length-delimited field `number` of a message."""
    for field, start, stop in _fields(payload, message):
        if field == number and stop is not None:
            yield start, stop


def _fields(payload: bytes, message: Span) -> Iterator[tuple[int, int, int | None]]:
    """Every field of a message: its number, then start and stop, or value and None for a varint."""
    position, end = message
    while position < end:
        tag, position = _varint(payload, position, end)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _varint(payload, position, end)
            yield tag >> 3, value, None
            continue
        if kind == _LENGTH:
            length, position = _varint(payload, position, end)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind} at byte {position} of the payload is not used by the end-to-end set")
        if length > end - position:
            raise ValueError(f"a field at byte {position} of the payload is longer than its message")
        yield tag >> 3, position, position + length
        position += length


def _varint(payload: bytes, position: int, end: int) -> tuple[int, int]:
    """The number at `position`, and the position behind it."""
    value = shift = 0
    while position < end and shift < 64:
        byte = payload[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
    raise ValueError(f"the number before byte {position} of the payload does not end")
