"""A camera that is rolled: a wider drawing of the same place by a level camera, rotated and cropped.

Sky and haze are drawn row by row, and things as upright shapes, which only a camera that is not rolled allows. About
its line of sight a pinhole's roll is a rotation of its picture about the principal point (Hartley and Zisserman,
Multiple View Geometry, section 8.4.2), so nothing is lost by it but the sharpness of one resampling.
"""

from dataclasses import replace

import cv2
import numpy as np

from roadcue.roadworld.view import turned
from roadcue.schema import CameraCalibration

_BORDER = 2
"""Pixels beyond the farthest corner, for what interpolation reads."""


def roll_of(camera: CameraCalibration) -> float:
    """The roll of a camera in radians, right side down positive: the first angle of `turned`."""
    return float(np.arctan2(camera.extrinsic[2, 1], camera.extrinsic[2, 2]))


def levelled(camera: CameraCalibration) -> CameraCalibration:
    """The camera without its roll, with as many pixels more as its rolled picture needs; itself when it is level.

    The principal point is then in the middle of the columns.
    """
    if not roll_of(camera):
        return camera
    extrinsic = camera.extrinsic.copy()
    extrinsic[:3, :3] @= turned(-roll_of(camera), 0, 0)
    corners = np.array([(u, v) for u in (0, camera.width) for v in (0, camera.height)]) - camera.intrinsic[2:4]
    across, down = (_rotation(camera) @ corners.T).round(6)
    half, above, below = (int(np.ceil(reach)) + _BORDER for reach in (np.abs(across).max(), -down.min(), down.max()))
    intrinsic = camera.intrinsic.copy()
    intrinsic[2:4] = half, above
    return replace(camera, intrinsic=intrinsic, extrinsic=extrinsic, width=2 * half, height=above + below)


def rolled(picture: np.ndarray, camera: CameraCalibration, interpolation: int) -> np.ndarray:
    """What a camera sees, (height, width) or (height, width, 3), from the picture of its `levelled` one.

    `interpolation` is OpenCV's: INTER_LINEAR for colours, INTER_NEAREST for what has names.
    """
    if not roll_of(camera):
        return picture
    rotation, middle_of_pixel = _rotation(camera), 0.5
    from_principal_point = middle_of_pixel - camera.intrinsic[2:4]
    shift = rotation @ from_principal_point + levelled(camera).intrinsic[2:4] - middle_of_pixel
    to_level = np.hstack([rotation, shift[:, None]])
    size = (camera.width, camera.height)
    return cv2.warpAffine(picture, to_level, size, flags=interpolation | cv2.WARP_INVERSE_MAP)


def _rotation(camera: CameraCalibration) -> np.ndarray:
    """(2, 2) from pixels (u, v) of the picture to those of the level drawing, both from the principal point."""
    c, s = np.cos(roll_of(camera)), np.sin(roll_of(camera))
    return np.array([[c, -s], [s, c]])
