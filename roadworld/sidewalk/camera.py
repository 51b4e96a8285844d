"""The chest camera of a walker."""

import numpy as np

from roadcue.roadworld.sidewalk.scene import Scene
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.view import View
from roadcue.schema import CameraCalibration

HEIGHT_M = 1.25
_FIELD_OF_VIEW = np.radians(75)
_PITCH = np.radians(12)
"""Downwards."""


def chest_camera(spec: SidewalkSpec) -> CameraCalibration:
    """A pinhole 1.25 m above the ground that looks 12 degrees down, 75 degrees wide, without distortion."""
    focal = spec.width / 2 / np.tan(_FIELD_OF_VIEW / 2)
    extrinsic = np.eye(4)
    c, s = np.cos(_PITCH), np.sin(_PITCH)
    extrinsic[:3, :3] = [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    extrinsic[2, 3] = HEIGHT_M
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
