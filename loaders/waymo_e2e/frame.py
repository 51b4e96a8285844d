"""One frame of the end-to-end set: from and to the bytes of its `E2EDFrame` message."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from google.protobuf.message import DecodeError

from roadcue.errors import BadRecord
from roadcue.loaders.waymo_e2e import schema_pb2 as schema
from roadcue.plausible import MOST_MOTION, beyond, calibration_fault
from roadcue.schema import PAST_STATES, WAYPOINTS, CameraCalibration, Intent, Preference

CAMERAS = tuple(schema.CameraName.Name.keys()[1:])
"""Every camera of the set, in the order of its number in dataset.proto, `CameraName`; UNKNOWN is none."""

_PAST_FIELDS = ("pos_x", "pos_y", "vel_x", "vel_y", "accel_x", "accel_y")  # in the order of sample.STATE_COLUMNS
_PLACEHOLDER_SCORE = -1.0
_MAX_SCORE = 10.0
_NAME = re.compile(r"([0-9A-Za-z_.-]{1,100})-([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Frame:
    """All of a frame but its pictures.

    `past` is (16, 6) float32, columns `STATE_COLUMNS`; `future` (20, 2) float32 metres, ego frame, NaN where the
    frame has none; `frame` counts the sequence's frames, 0.1 s apart.
    """

    name: str
    sequence: str
    frame: int
    intent: Intent
    past: np.ndarray
    future: np.ndarray
    preferences: tuple[Preference, ...]


def decode_frame(payload: bytes, where: str) -> Frame:
    """Read and check one record; a BadRecord begins with `where`.

    Normal are: unknown intent, no future, placeholders (left out of `preferences`), short preference trajectories,
    a sequence whose frames do not begin at 0. Not normal: states that are not finite, not plausible or of another
    number of steps.
    """
    try:
        message = schema.E2EDFrame.FromString(payload)
    except DecodeError as error:
        raise BadRecord(f"{where}: is not an E2EDFrame message. {_IS_IT_E2E}") from error
    name = message.frame.context.name
    if not name:
        raise BadRecord(f"{where}: frame.context.name is missing. {_IS_IT_E2E}")
    key = parse_name(name)
    if not key:
        raise BadRecord(f"{where}: frame.context.name is {name[:80]!r}, not '<sequence>-<frame>'. {_IS_IT_E2E}")
    where = f"{where}: frame {name}"
    past = _columns(message.past_states, "past_states", _PAST_FIELDS, (PAST_STATES,), where)
    future = _columns(message.future_states, "future_states", ("pos_x", "pos_y"), (0, WAYPOINTS), where)
    return Frame(
        name=name,
        sequence=key[0],
        frame=key[1],
        intent=Intent(message.intent),
        past=past,
        future=future if len(future) else np.full((WAYPOINTS, 2), np.nan, np.float32),
        preferences=tuple(
            _preference(states, f"preference_trajectories[{i}]", where)
            for i, states in enumerate(message.preference_trajectories)
            if states.HasField("preference_score") and states.preference_score != _PLACEHOLDER_SCORE
        ),
    )


def parse_name(name: str | bytes) -> tuple[str, int] | None:
    """The sequence and the frame number that a frame's name is made of, or None when it is not of that form.

    Bytes are what proto2 hands over where a string is not UTF-8: never a name.
    """
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    return (match[1], int(match[2])) if match else None


_IS_IT_E2E = "Is this a shard of the end-to-end set? Other Waymo sets cannot be read here."


def _columns(
    states: schema.EgoTrajectoryStates, key: str, fields: Sequence[str], lengths: Sequence[int], where: str
) -> np.ndarray:
    """(steps, len(fields)) float32 of the named fields, whose steps must be one of `lengths` (empty: any)."""
    columns = [np.array(getattr(states, field), np.float32) for field in fields]
    steps = [len(column) for column in columns]
    if len(set(steps)) > 1 or (lengths and steps[0] not in lengths):
        steps_by_field = ", ".join(f"{field} {n}" for field, n in zip(fields, steps, strict=True))
        wanted = " or ".join(map(str, lengths)) or "equally many"
        raise BadRecord(f"{where}: {key} has steps {steps_by_field}; {wanted} each are expected.")
    table = np.stack(columns, axis=1)
    if not np.isfinite(table).all():
        step, column = np.argwhere(~np.isfinite(table))[0]
        raise BadRecord(f"{where}: {key}.{fields[column]}[{step}] is {table[step, column]}, not a finite number.")
    if beyond(table).any():
        step, column = np.argwhere(beyond(table))[0]
        raise BadRecord(
            f"{where}: {key}.{fields[column]}[{step}] is {table[step, column]:g}, beyond {MOST_MOTION:,.0f}."
        )
    return table


def _preference(states: schema.EgoTrajectoryStates, key: str, where: str) -> Preference:
    score = states.preference_score
    if not 0 <= score <= _MAX_SCORE:
        raise BadRecord(f"{where}: {key}.preference_score is {score}, not within 0 and {_MAX_SCORE:g}.")
    xy = _columns(states, key, ("pos_x", "pos_y"), (), where)
    if not len(xy):
        raise BadRecord(f"{where}: {key} has the score {score:g} and no points.")
    return Preference(xy, score)


def decode_calibration(message: bytes, where: str) -> CameraCalibration:
    """Read one `CameraCalibration` message; a BadRecord begins with `where`."""
    try:
        calibration = schema.CameraCalibration.FromString(message)
    except DecodeError as error:
        raise BadRecord(f"{where}: is not a CameraCalibration message.") from error
    intrinsic, extrinsic = np.array(calibration.intrinsic), np.array(calibration.extrinsic.transform)
    if intrinsic.shape != (9,) or extrinsic.shape != (16,):
        raise BadRecord(
            f"{where}: has {intrinsic.size} intrinsic and {extrinsic.size} extrinsic values; 9 and 16 are expected."
        )
    if fault := calibration_fault(intrinsic, extrinsic.reshape(4, 4)):
        raise BadRecord(f"{where}: {fault}.")
    return CameraCalibration(intrinsic, extrinsic.reshape(4, 4), calibration.width, calibration.height)


def encode_frame(
    name: str,
    images: Mapping[str, bytes],
    calibrations: Mapping[str, CameraCalibration],
    past: np.ndarray,
    intent: Intent,
    future: np.ndarray | None = None,
    preferences: Sequence[Preference | None] = (),
) -> bytes:
    """The bytes of a frame as the real set fills them: no time, identity poses, a past without z.

    `name` is "<sequence>-<frame>", `images` camera -> JPEG in the order to be stored, `past` (16, 6) as
    `SampleInputs.past`, `future` (20, 2) or, with z, (20, 3) metres, ego frame, or None as in the test split. A
    preference that is None becomes a placeholder, without points and with score -1.
    """
    message = schema.E2EDFrame(intent=int(intent))  # type: ignore[arg-type]  # the stub knows only its own enum
    message.frame.context.name = name
    message.frame.timestamp_micros = 0
    for camera, calibration in calibrations.items():
        message.frame.context.camera_calibrations.add(
            name=camera,
            intrinsic=calibration.intrinsic.tolist(),
            extrinsic=schema.Transform(transform=calibration.extrinsic.ravel().tolist()),
            width=calibration.width,
            height=calibration.height,
        )
    for camera, jpeg in images.items():
        message.frame.images.add(name=camera, image=jpeg, pose=schema.Transform(transform=np.eye(4).ravel().tolist()))
    _fill(message.past_states, _PAST_FIELDS, past)
    if future is not None:
        _fill(message.future_states, ("pos_x", "pos_y", "pos_z")[: future.shape[1]], future)
    for preference in preferences:
        states = message.preference_trajectories.add(preference_score=_PLACEHOLDER_SCORE)
        if preference is not None:
            states.preference_score = preference.score
            _fill(states, ("pos_x", "pos_y"), preference.xy)
    return message.SerializeToString()


def _fill(states: schema.EgoTrajectoryStates, fields: Sequence[str], table: np.ndarray) -> None:
    for field, column in zip(fields, table.T, strict=True):
        getattr(states, field).extend(column.tolist())
