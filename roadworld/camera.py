"""The cameras of the car: where they are mounted, where they look and how wide."""

from dataclasses import replace

import numpy as np

from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.view import turned
from roadcue.schema import CameraCalibration

_FIELD_OF_VIEW = np.radians(50)
_YAWS = {"FRONT": 0.0, "FRONT_LEFT": np.radians(45), "FRONT_RIGHT": np.radians(-45)}
_MOUNTS_M = {"FRONT": (1.6, 0.0, 1.9), "FRONT_LEFT": (1.55, 0.1, 1.9), "FRONT_RIGHT": (1.55, -0.1, 1.9)}
"""The cameras above the ground, ahead of the rear axle: together on the roof, as on Waymo's cars."""


def camera(spec: RoadWorldSpec, name: str) -> CameraCalibration:
    """The pinhole of a camera, a key of `_YAWS`: level, without distortion, the horizon above the middle."""
    focal = spec.width / 2 / np.tan(_FIELD_OF_VIEW / 2)
    intrinsic = np.array([focal, focal, spec.width / 2, 0.45 * spec.height, 0, 0, 0, 0, 0])
    extrinsic = np.eye(4)
    extrinsic[:3, :3] = turned(0, 0, _YAWS[name])
    extrinsic[:3, 3] = _MOUNTS_M[name]
    return CameraCalibration(intrinsic, extrinsic, spec.width, spec.height)


def scaled(camera: CameraCalibration, scale: float) -> CameraCalibration:
    """The same camera with `scale` times the pixels along either side, rounded."""
    width, height = round(camera.width * scale), round(camera.height * scale)
    u, v = width / camera.width, height / camera.height
    return replace(camera, intrinsic=camera.intrinsic * [u, v, u, v, 1, 1, 1, 1, 1], width=width, height=height)
