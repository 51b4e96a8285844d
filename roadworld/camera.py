"""The cameras of the car: where they are mounted, where they look and how wide."""

from dataclasses import replace

import numpy as np

from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.view import turned
from roadcue.schema import CameraCalibration

_YAWS = {"FRONT": 0.0, "FRONT_LEFT": np.radians(45), "FRONT_RIGHT": np.radians(-45)}
_MOUNTS_M = {"FRONT": (1.6, 0.0), "FRONT_LEFT": (1.55, 0.1), "FRONT_RIGHT": (1.55, -0.1)}
"""Ahead and to the left of the rear axle: together on the roof, as on Waymo's cars."""


def camera(spec: RoadWorldSpec, name: str) -> CameraCalibration:
    """The pinhole of a camera, a key of `_YAWS`: not pitched, without distortion, the horizon above the middle."""
    focal = focal_length(spec.width, spec.field_of_view)
    intrinsic = np.array([focal, focal, spec.width / 2, 0.45 * spec.height, 0, 0, 0, 0, 0])
    extrinsic = np.eye(4)
    extrinsic[:3, :3] = turned(np.radians(spec.roll), 0, _YAWS[name])
    extrinsic[:3, 3] = *_MOUNTS_M[name], spec.camera_height
    return CameraCalibration(intrinsic, extrinsic, spec.width, spec.height)


def focal_length(width: int, field_of_view: float) -> float:
    """In pixels, of a pinhole whose picture is `width` pixels and `field_of_view` degrees wide."""
    return float(width / 2 / np.tan(np.radians(field_of_view) / 2))


def scaled(camera: CameraCalibration, scale: float) -> CameraCalibration:
    """The same camera with `scale` times the pixels along either side, rounded."""
    width, height = round(camera.width * scale), round(camera.height * scale)
    u, v = width / camera.width, height / camera.height
    return replace(camera, intrinsic=camera.intrinsic * [u, v, u, v, 1, 1, 1, 1, 1], width=width, height=height)
