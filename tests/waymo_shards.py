"""Shards of the end-to-end set's form, small and drawn, for the tests of everything that reads them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from roadcue.loaders import jpeg
from roadcue.loaders.tfrecord import RecordWriter
from roadcue.loaders.waymo_e2e import WaymoE2E, open_waymo_e2e
from roadcue.loaders.waymo_e2e.frame import CAMERAS, encode_frame
from roadcue.schema import CameraCalibration, Intent, Preference

STORED_ORDER = ("FRONT_LEFT", "FRONT", "FRONT_RIGHT", "SIDE_LEFT", "SIDE_RIGHT", "REAR_RIGHT", "REAR", "REAR_LEFT")
"""The order that public code assumes for the pictures of the real set: not that of their numbers."""
SEQUENCE, OTHER = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
SHARD = "val_202504211843.tfrecord-{:05d}-of-00002"


def drawn_jpeg(seed: int, width: int = 48, height: int = 40) -> bytes:
    """A smooth picture that differs from that of every other seed."""
    corners = np.random.default_rng(seed).integers(0, 256, (2, 2, 3))
    x, y = np.linspace(0, 1, width)[None, :, None], np.linspace(0, 1, height)[:, None, None]
    top, bottom = corners[0, 0] * (1 - x) + corners[0, 1] * x, corners[1, 0] * (1 - x) + corners[1, 1] * x
    return jpeg.encode((top * (1 - y) + bottom * y).astype(np.uint8), quality=90)


def calibration_of(camera: str) -> CameraCalibration:
    """A calibration that no other camera has."""
    number = CAMERAS.index(camera) + 1
    extrinsic = np.eye(4)
    extrinsic[:3, 3] = number
    return CameraCalibration(np.arange(9) + 100.0 * number, extrinsic, 48, 40)


def past_ending_here(rng: np.random.Generator) -> np.ndarray:
    """(16, 6) float32 numbers at random, but for the last position, which is the origin."""
    past = rng.normal(size=(16, 6)).astype(np.float32)
    past[-1, :2] = 0
    return past


def frame_bytes(name: str, seed: int = 0, **changes: Any) -> bytes:
    """One frame as `encode_frame` makes it from drawn values; `changes` replace its arguments."""
    rng = np.random.default_rng(seed)
    arguments: dict[str, Any] = {
        "images": {camera: drawn_jpeg(100 * seed + i) for i, camera in enumerate(STORED_ORDER)},
        "calibrations": {camera: calibration_of(camera) for camera in CAMERAS},
        "past": past_ending_here(rng),
        "intent": Intent(seed % 4),
        "future": rng.normal(size=(20, 2)).astype(np.float32),
        "preferences": [Preference(rng.normal(size=(21, 2)).astype(np.float32), 7.0), None],
    }
    return encode_frame(name, **{**arguments, **changes})


def write_shard(path: Path, payloads: Sequence[bytes]) -> list[int]:
    """Write a shard; returns the byte offset of each record."""
    with RecordWriter(path) as writer:
        return [writer.write(payload) for payload in payloads]


def write_shards(folder: Path, shards: Mapping[str, Sequence[tuple[str, int]]]) -> None:
    """Write {file name: [(frame name, seed), ...]} into a folder."""
    for file, frames in shards.items():
        write_shard(folder / file, [frame_bytes(name, seed) for name, seed in frames])


def one_record(folder: Path, payload: bytes) -> WaymoE2E:
    """The data set of one record, the third of its shard, between two that are well."""
    (folder / "one").mkdir()
    well = [frame_bytes(f"{OTHER}-{i}", seed=50 + i, images={"FRONT": drawn_jpeg(1)}) for i in (1, 2)]
    write_shard(folder / "one" / "val_x.tfrecord", [well[0], payload, well[1]])
    return open_waymo_e2e(folder / "one", "val", on_bad_record="skip")
