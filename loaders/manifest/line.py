"""One line of a manifest: the keys it may have and what they may hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from roadcue.errors import BadRecord
from roadcue.loaders.json_states import kind, nearest, numbers, parse_future, parse_intent, parse_past
from roadcue.plausible import calibration_fault, is_rigid
from roadcue.schema import HALVES, PAST_STATES, STATE_NUMBERS, CameraCalibration, Intent, PairHalf

SPLITS = ("train", "val", "test")
REQUIRED = ("id", "sequence", "images")
PAIR_KEYS = ("pair", "half", "kind")
"""Of a line that is one half of a pair."""
OPTIONAL = ("past", "intent", "frame", "future", "fields", "caption", "split", "calibration", *PAIR_KEYS)
_NO_KIND = "pair"
"""The kind of pairs that name none."""
_MOVES = 1.0
"""m/s: who is that fast does not stay on the very spot for five seconds."""


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
    pair: PairHalf | None


def parse_line(value: object, where: str) -> tuple[ManifestLine, np.ndarray, np.ndarray]:
    """Check the value of one line (a JSON object or a Parquet row): its words, past (16, 6) and future (20, 2).

    Both float32, units and frame as in `roadcue.schema`; a missing one is NaN. A key that is null is absent.
    BadRecord names the file and line (`where`), the key and the remedy.
    """
    if not isinstance(value, dict):
        raise BadRecord(f"{where}: {kind(value)} where an object is expected, such as " + '{"id": "0001", ...}')
    row = {key: item for key, item in value.items() if item is not None}
    for key in row:
        if key not in REQUIRED + OPTIONAL:
            raise BadRecord(f"{where}: unknown key {key!r}{nearest(key, REQUIRED + OPTIONAL)}")
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
        intent=parse_intent(row["intent"], where) if "intent" in row else Intent.UNKNOWN,
        fields=_fields(row.get("fields", {}), where),
        caption=_text(row["caption"], "caption", where) if "caption" in row else None,
        calibration=_calibrations(row.get("calibration", {}), images, where),
        pair=_pair(row, where),
    )
    if "future" in row and "past" not in row:
        raise BadRecord(f"{where}: a future without a past; add the past states that it follows, or leave it out")
    unknown = np.full((PAST_STATES, STATE_NUMBERS), np.nan, np.float32)
    past = parse_past(row["past"], where) if "past" in row else unknown
    future = parse_future(row.get("future"), where)
    _check_placeholders(past, future, where)
    return line, past, future


def _check_placeholders(past: np.ndarray, future: np.ndarray, where: str) -> None:
    """BadRecord for zeros in the place of states that are not known: they would teach to stop."""
    speed, zeros = float(np.hypot(*past[-1, 2:4])), (past == 0).all(axis=1)
    if not speed >= _MOVES:  # slow, or no past states
        return
    if zeros.any():
        raise BadRecord(
            f"{where}: past[{int(zeros.argmax())}] is all zeros, and the last state has {speed:.1f} m/s; leave "
            "past and future out where they are unknown"
        )
    if not future.any():
        raise BadRecord(
            f"{where}: future is all zeros, and the past ends with {speed:.1f} m/s; leave it out if unknown"
        )


def _text(value: object, key: str, where: str) -> str:
    if not isinstance(value, str):
        raise BadRecord(f"{where}: {key} is {kind(value)}; write it as text in quotes")
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
        raise BadRecord(f"{where}: {key} is {kind(value)}; write an object such as {example}")
    return {name: item for name, item in value.items() if item is not None}


def _frame(value: object, where: str) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63):
        raise BadRecord(f"{where}: frame is {kind(value)}; write a whole number that counts in time, or leave it out")
    return value


def _split(value: object, where: str) -> str | None:
    if value is not None and value not in SPLITS:
        raise BadRecord(f"{where}: split is {kind(value)}{nearest(str(value), SPLITS)}")
    return None if value is None else str(value)


def _pair(row: Mapping[str, Any], where: str) -> PairHalf | None:
    """The half of a pair that a line is; a pair's name may be a number."""
    given = [key for key in PAIR_KEYS if key in row]
    if not given:
        return None
    for key in ("pair", "half"):
        if key not in row:
            raise BadRecord(
                f"{where}: {given[0]} without {key!r}; a half of a pair has both the pair's name and half, which is "
                f"{' or '.join(HALVES)} (the thing)"
            )
    name = row["pair"]
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    half = next((half for half in HALVES if half == row["half"]), None)
    if half is None:
        raise BadRecord(f"{where}: half is {kind(row['half'])}{nearest(str(row['half']), HALVES)}")
    return PairHalf(_name(name, "pair", where), half, _name(row.get("kind", _NO_KIND), "kind", where, longest=40))


def _images(value: object, where: str) -> dict[str, str]:
    images = _object(value, "images", '{"FRONT": "front/0001.jpg"}', where)
    for camera, path in images.items():
        _name(camera, "a camera's name in images", where)
        _name(path, f"images[{camera!r}]", where, longest=4096)
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts:
            raise BadRecord(
                f"{where}: images[{camera!r}] = {path!r} leaves the data folder; write paths relative to the "
                "manifest's folder or to --image_root, without '..', and put the pictures below it"
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
            raise BadRecord(f"{where}: calibration of {camera!r}, which images lacks{nearest(camera, cameras)}")
    return {camera: _calibration(item, f"calibration[{camera!r}]", where) for camera, item in calibrations.items()}


def _calibration(value: object, key: str, where: str) -> CameraCalibration:
    known = ("intrinsic", "extrinsic", "width", "height")
    item = _object(value, key, "{" + ", ".join(f'"{name}": ...' for name in known) + "}", where)
    for name in item.keys() ^ set(known):
        raise BadRecord(
            f"{where}: {key} {'lacks' if name in known else 'has an unknown key'} {name!r}; needs {known}"
        )
    intrinsic = numbers(item["intrinsic"], (9,), f"{key}.intrinsic", where)
    extrinsic = numbers(item["extrinsic"], (16,), f"{key}.extrinsic", where).reshape(4, 4)
    if fault := calibration_fault(intrinsic, extrinsic):
        raise BadRecord(f"{where}: {key}.{fault}")
    if not is_rigid(extrinsic):
        raise BadRecord(f"{where}: {key}.extrinsic must be a rigid 4x4 matrix, camera to ego, row by row, metres")
    for side in ("width", "height"):
        if isinstance(item[side], bool) or not isinstance(item[side], int) or item[side] <= 0:
            raise BadRecord(f"{where}: {key}.{side} is {kind(item[side])}; write whole pixels, more than 0")
    return CameraCalibration(intrinsic, extrinsic, item["width"], item["height"])
