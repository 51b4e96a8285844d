"""One line of a manifest: the keys it may have and what they may hold."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from roadcue.errors import BadRecord
from roadcue.schema import PAST_STATES, STATE_COLUMNS, WAYPOINTS, CameraCalibration, Intent

SPLITS = ("train", "val", "test")
REQUIRED = ("id", "sequence", "images", "past", "intent")
OPTIONAL = ("frame", "future", "fields", "caption", "split", "calibration")
ORIGIN_TOLERANCE_M = 1.0
"""How far from (0, 0) the last past position may lie: wider means another origin, such as a map's."""


@dataclass(frozen=True, slots=True)
class ManifestLine:
    """What a checked line says in words; its numbers go apart, into one array for all lines.

    `frame` is None when the line leaves the order to the file; `images` maps a camera to a relative path with `/`.
    """

    id: str
    sequence: str
    frame: int | None
    split: str | None
    images: Mapping[str, str]
    intent: Intent
    fields: Mapping[str, str]
    caption: str | None
    calibration: Mapping[str, CameraCalibration]


def parse_line(value: object, where: str) -> tuple[ManifestLine, np.ndarray, np.ndarray]:
    """Check the value of one line (a JSON object or a Parquet row): its words, past (16, 6) and future (20, 2).

    Both float32, units and frame as in `roadcue.schema`; a missing future is NaN. A key that is null is absent.
    BadRecord names the file and line (`where`), the key and the remedy.
    """
    if not isinstance(value, dict):
        raise BadRecord(f"{where}: {_kind(value)} where an object is expected, such as " + '{"id": "0001", ...}')
    row = {key: item for key, item in value.items() if item is not None}
    for key in row:
        if key not in REQUIRED + OPTIONAL:
            raise BadRecord(f"{where}: unknown key {key!r}{_nearest(key, REQUIRED + OPTIONAL)}")
    for key in REQUIRED:
        if key not in row:
            raise BadRecord(f"{where}: key {key!r} is missing; every line needs {', '.join(REQUIRED)}")
    images = _images(row["images"], where)
    line = ManifestLine(
        id=_name(row["id"], "id", where),
        sequence=_name(row["sequence"], "sequence", where),
        frame=_frame(row.get("frame"), where),
        split=_split(row.get("split"), where),
        images=images,
        intent=_intent(row["intent"], where),
        fields=_fields(row.get("fields", {}), where),
        caption=_text(row["caption"], "caption", where) if "caption" in row else None,
        calibration=_calibrations(row.get("calibration", {}), images, where),
    )
    return line, _past(row["past"], where), _future(row.get("future"), where)


def _kind(value: object) -> str:
    """What a value is, in the words of JSON."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "null" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"


def _nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that is not known."""
    known = tuple(known)
    close = difflib.get_close_matches(name, known, n=1) or [k for k in known if k.lower() == name.lower()]
    return (f"; did you mean {close[0]!r}?" if close else "") + f" (known: {', '.join(known)})"


def _text(value: object, key: str, where: str) -> str:
    if not isinstance(value, str):
        raise BadRecord(f"{where}: {key} is {_kind(value)}; write it as text in quotes")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise BadRecord(f"{where}: {key} has half a surrogate pair, which is no character; write the text as UTF-8")
    return value


def _name(value: object, key: str, where: str, longest: int = 200) -> str:
    name = _text(value, key, where)
    if not 0 < len(name) <= longest or not name.isprintable():
        raise BadRecord(f"{where}: {key} is {name[:40]!r}; use 1 to {longest} characters, no control characters")
    return name


def _object(value: object, key: str, example: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRecord(f"{where}: {key} is {_kind(value)}; write an object such as {example}")
    return {name: item for name, item in value.items() if item is not None}


def _frame(value: object, where: str) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63):
        raise BadRecord(
            f"{where}: frame is {_kind(value)}; write a whole number that counts in time, or leave it out"
        )
    return value


def _split(value: object, where: str) -> str | None:
    if value is not None and value not in SPLITS:
        raise BadRecord(f"{where}: split is {_kind(value)}{_nearest(str(value), SPLITS)}")
    return None if value is None else str(value)


def _intent(value: object, where: str) -> Intent:
    names = Intent.__members__
    if isinstance(value, str) and value in names:
        return names[value]
    if isinstance(value, int) and not isinstance(value, bool) and value in tuple(Intent):
        return Intent(value)
    numbered = [f"{intent.name} or {int(intent)}" for intent in Intent]
    close = difflib.get_close_matches(str(value).upper(), names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise BadRecord(f"{where}: intent is {_kind(value)}{hint} (known: {', '.join(numbered)})")


def _numbers(value: object, shape: tuple[int, ...], key: str, where: str) -> np.ndarray:
    """Numbers of a stated shape, all finite and within float32."""
    try:
        array = np.array(value)
    except (ValueError, OverflowError):
        array = np.array(None)
    if array.dtype.kind not in "iuf" or array.shape != shape:
        actual = "x".join(map(str, array.shape)) if array.dtype.kind in "iuf" and array.ndim else "something else"
        raise BadRecord(f"{where}: {key} must be {'x'.join(map(str, shape))} numbers, found {actual}")
    usable = np.abs(array) <= np.finfo(np.float32).max
    if not usable.all():
        at = ", ".join(map(str, np.argwhere(~usable)[0]))
        raise BadRecord(f"{where}: {key}[{at}] is not a finite number; leave lines with unknown values out")
    return array.astype(np.float64)


def _past(value: object, where: str) -> np.ndarray:
    past = _numbers(value, (PAST_STATES, len(STATE_COLUMNS)), "past", where).astype(np.float32)
    x, y = past[-1, :2]
    if np.hypot(x, y) > ORIGIN_TOLERANCE_M:
        raise BadRecord(
            f"{where}: past ends at ({x:.1f}, {y:.1f}) m, not at (0, 0); give past and future in the ego frame of "
            "the last past state (x forward, y left, metres), oldest state first"
        )
    return past


def _future(value: object, where: str) -> np.ndarray:
    shape = (WAYPOINTS, 2)
    future = np.full(shape, np.nan) if value is None else _numbers(value, shape, "future", where)
    return future.astype(np.float32)


def _images(value: object, where: str) -> dict[str, str]:
    images = _object(value, "images", '{"FRONT": "front/0001.jpg"}', where)
    for camera, path in images.items():
        _name(camera, "a camera's name in images", where)
        _name(path, f"images[{camera!r}]", where, longest=4096)
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts:
            raise BadRecord(
                f"{where}: images[{camera!r}] = {path!r} leaves the data folder; write paths relative to the "
                "manifest's folder, without '..', and put the pictures below it"
            )
    return images


def _fields(value: object, where: str) -> dict[str, str]:
    fields = _object(value, "fields", '{"weather": "rain"}', where)
    return {
        _name(name, "a name in fields", where): _text(item, f"fields[{name!r}]", where)
        for name, item in fields.items()
    }


def _calibrations(value: object, cameras: Iterable[str], where: str) -> dict[str, CameraCalibration]:
    example = '{"FRONT": {"intrinsic": [9 numbers], "extrinsic": [16 numbers], "width": 1920, "height": 1280}}'
    calibrations = _object(value, "calibration", example, where)
    for camera in calibrations:
        if camera not in cameras:
            raise BadRecord(f"{where}: calibration of {camera!r}, which images lacks{_nearest(camera, cameras)}")
    return {camera: _calibration(item, f"calibration[{camera!r}]", where) for camera, item in calibrations.items()}


def _calibration(value: object, key: str, where: str) -> CameraCalibration:
    known = ("intrinsic", "extrinsic", "width", "height")
    item = _object(value, key, "{" + ", ".join(f'"{name}": ...' for name in known) + "}", where)
    for name in item.keys() ^ set(known):
        raise BadRecord(
            f"{where}: {key} {'lacks' if name in known else 'has an unknown key'} {name!r}; needs {known}"
        )
    intrinsic = _numbers(item["intrinsic"], (9,), f"{key}.intrinsic", where)
    extrinsic = _numbers(item["extrinsic"], (16,), f"{key}.extrinsic", where).reshape(4, 4)
    if intrinsic[:2].min() <= 0:
        raise BadRecord(f"{where}: {key}.intrinsic must start with f_u, f_v > 0 pixels")
    if not np.array_equal(extrinsic[3], (0, 0, 0, 1)) or abs(np.linalg.det(extrinsic) - 1) > 0.01:
        raise BadRecord(f"{where}: {key}.extrinsic must be a rigid 4x4 matrix, camera to ego, row by row, metres")
    for side in ("width", "height"):
        if isinstance(item[side], bool) or not isinstance(item[side], int) or item[side] <= 0:
            raise BadRecord(f"{where}: {key}.{side} is {_kind(item[side])}; write whole pixels, more than 0")
    return CameraCalibration(intrinsic, extrinsic, item["width"], item["height"])
