"""What numbers of a road scene may be, for every reader and for predict: beyond that a record is damaged.

The bounds are wide. They keep one absurd number from deciding a whole training; wrong units stay within them, and are
told by what most rows of a data set say.
"""

import numpy as np

from roadcue.schema import CameraCalibration

MOST_MOTION = 1e5
"""No metre, m/s or m/s^2 of a few seconds is as much: 100 km, twenty times as far as a racing car comes in 16 s."""
_MOST_OF_A_CAMERA = 1e6
"""No pixel, metre or coefficient of a camera is as much: the longest lens has a focal length of 1e5 pixels."""
_OTHER_SHAPE = 0.02
"""Pictures of one shape have sides whose ratio differs by less: a side is rounded to whole pixels."""
_UPRIGHT = 0.5
"""The cosine of 60 degrees: no camera of a car or a walker is rolled or looks down by as much."""
_RIGID = 0.01
"""By so much may the determinant of a rotation differ from 1, as numbers are rounded in files."""


def beyond(motion: np.ndarray) -> np.ndarray:
    """bool of the same shape: what no position, velocity or acceleration can be; not where it is NaN."""
    too_much: np.ndarray = np.abs(motion) > MOST_MOTION
    return too_much


def calibration_fault(intrinsic: np.ndarray, extrinsic: np.ndarray) -> str:
    """What is wrong with a camera's (9,) intrinsic and (4, 4) extrinsic parameters, "" for nothing; as in
    `schema.CameraCalibration`."""
    for name, values in (("intrinsic", intrinsic), ("extrinsic", extrinsic)):
        if not (np.abs(values) <= _MOST_OF_A_CAMERA).all():
            return f"{name} has a number beyond {_MOST_OF_A_CAMERA:,.0f}, or none"
    if intrinsic[:2].min() <= 0:
        return "intrinsic must start with f_u, f_v > 0 pixels"
    return ""


def camera_misfit(calibration: CameraCalibration, width: int, height: int) -> str:
    """Why nothing can be drawn on the ground of a picture of so many pixels by a calibration, "" where it can.

    Other conventions of axes, and the inverse matrix, have the camera lie on its side or below the ground.
    """
    ratio = calibration.width * height / (calibration.height * width)
    if abs(ratio - 1) > _OTHER_SHAPE:
        return (
            f"its calibration is of pictures of {calibration.width} x {calibration.height} pixels, and this one has "
            f"{width} x {height}"
        )
    if calibration.extrinsic[2, 2] < _UPRIGHT:
        return "its calibration has it lie on its side: expected are axes x forward, y left, z up, camera to ego"
    if calibration.extrinsic[2, 3] <= 0:
        return "its calibration has it below the ground: expected is the matrix from camera to ego"
    return ""


def is_rigid(extrinsic: np.ndarray) -> bool:
    """Whether a (4, 4) matrix turns and moves, and does not stretch."""
    return np.array_equal(extrinsic[3], (0, 0, 0, 1)) and abs(float(np.linalg.det(extrinsic)) - 1) <= _RIGID
