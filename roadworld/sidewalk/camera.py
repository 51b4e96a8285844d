"""The chest camera of a walker."""

from typing import NamedTuple

import numpy as np

from roadcue.roadworld.camera import focal_length
from roadcue.roadworld.sidewalk.scene import Place
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.view import View, turned
from roadcue.schema import CameraCalibration

_PITCH = np.radians(12)
"""Downwards."""
SIDEWALK_AT_M = 4.0
"""Where labels look for the sidewalk, ahead of a camera whose picture begins no farther than `SEEN_FROM_M`."""
SEEN_FROM_M = 2.0
"""Labels judge the ground from there on, or from the lower edge of the picture on when that is farther."""


class Framing(NamedTuple):
    """What ground a chest camera's picture holds, so that scenes can be laid out to be clear in it.

    It begins `beyond` metres farther than `SEEN_FROM_M`, and is `wide` times as wide as the default camera's where
    labels look for the sidewalk.
    """

    beyond: float
    wide: float


def chest_camera(spec: SidewalkSpec) -> CameraCalibration:
    """A pinhole at the spec's height that looks 12 degrees down, without distortion."""
    focal = focal_length(spec.width, spec.field_of_view)
    extrinsic = np.eye(4)
    extrinsic[:3, :3] = turned(np.radians(spec.roll), _PITCH, 0)
    extrinsic[2, 3] = spec.camera_height
    intrinsic = np.array([focal, focal, spec.width / 2, spec.height / 2, 0, 0, 0, 0, 0])
    return CameraCalibration(intrinsic, extrinsic, spec.width, spec.height)


def framing(spec: SidewalkSpec) -> Framing:
    """That of the camera of a spec; its roll is left out."""
    camera = chest_camera(spec)
    f_v, c_v = camera.intrinsic[1], camera.intrinsic[3]
    ground_begins = spec.camera_height / np.tan(_PITCH + np.arctan((spec.height - c_v) / f_v))
    beyond = max(0.0, float(ground_begins) - SEEN_FROM_M)
    wide, default = np.tan(np.radians([spec.field_of_view, SidewalkSpec.field_of_view]) / 2)
    return Framing(beyond, float(wide / default * (SIDEWALK_AT_M + beyond) / SIDEWALK_AT_M))


def view_of(pose: Place, camera: CameraCalibration, shake: tuple[float, float, float] = (0, 0, 0)) -> View:
    """What the camera of a walker sees who stands there."""
    walker_to_world = np.eye(4)
    c, s = np.cos(pose.heading), np.sin(pose.heading)
    walker_to_world[:2, :2], walker_to_world[:2, 3] = [[c, -s], [s, c]], pose[:2]
    return View(walker_to_world, camera, shake)
