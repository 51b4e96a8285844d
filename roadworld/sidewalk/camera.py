"""The chest camera of a walker."""

import numpy as np

from roadcue.roadworld.camera import focal_length
from roadcue.roadworld.sidewalk.scene import Scene
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.view import View, turned
from roadcue.schema import CameraCalibration

_PITCH = np.radians(12)
"""Downwards."""


def chest_camera(spec: SidewalkSpec) -> CameraCalibration:
    """A pinhole at the spec's height that looks 12 degrees down, without distortion."""
    focal = focal_length(spec.width, spec.field_of_view)
    extrinsic = np.eye(4)
    extrinsic[:3, :3] = turned(np.radians(spec.roll), _PITCH, 0)
    extrinsic[2, 3] = spec.camera_height
    intrinsic = np.array([focal, focal, spec.width / 2, spec.height / 2, 0, 0, 0, 0, 0])
    return CameraCalibration(intrinsic, extrinsic, spec.width, spec.height)


def view_of(
    scene: Scene, frame: int, camera: CameraCalibration, shake: tuple[float, float, float] = (0, 0, 0)
) -> View:
    """What the walker's camera sees in a frame."""
    walker_to_world = np.eye(4)
    c, s = np.cos(scene.camera_heading[frame]), np.sin(scene.camera_heading[frame])
    walker_to_world[:2, :2], walker_to_world[:2, 3] = [[c, -s], [s, c]], scene.camera_xy[frame]
    return View(walker_to_world, camera, shake)
