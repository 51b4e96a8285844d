"""A picture with what a run answers of it: its path on the ground or from above, and the answers below it."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from roadcue.plausible import camera_misfit
from roadcue.reports.answer_band import answer_band
from roadcue.reports.camera_view import draw_paths
from roadcue.reports.colours import PAST, colours
from roadcue.reports.path_inset import draw_inset
from roadcue.schema import CameraCalibration

_LONG_SIDE = (1080, 1920)
"""Pixels, at least and at most: a smaller picture is enlarged, for text that can be read, a larger one shrunk."""


def overlay(
    image: np.ndarray,
    answers: Mapping[str, Mapping[str, Any]],
    title: str,
    past: np.ndarray,
    calibration: CameraCalibration | None = None,
) -> np.ndarray:
    """(h, w, 3) uint8 RGB, h and w even; the picture that is given stays as it is.

    `image` (H, W, 3) uint8 RGB; `answers` head -> its answer as predict.py writes it; `past` (16, 6) metres, ego
    frame, NaN where it is not known. A path, `waypoints_m` of an answer, lies on the ground of the picture where
    there is a `calibration` of its camera that fits the picture, and else in an inset, from above. For one run all
    drawings of pictures of one size are of one size.
    """
    canvas = _scaled(image)
    paths = {name: np.array(one["waypoints_m"]) for name, one in answers.items() if "waypoints_m" in one}
    paint = colours([PAST, *paths])
    if paths and calibration and not camera_misfit(calibration, image.shape[1], image.shape[0]):
        canvas = draw_paths(canvas, calibration, np.nan_to_num(past), paths, paint)
    elif paths:
        draw_inset(canvas, past, paths, paint)
    return np.concatenate([canvas, answer_band(answers, title, canvas.shape[1::-1], paint)])


def _scaled(image: np.ndarray) -> np.ndarray:
    """A copy whose long side is within the bounds, and whose sides are even, as the codecs of film want them."""
    long_side = max(image.shape[:2])
    scale = float(np.clip(long_side, *_LONG_SIDE)) / long_side
    width, height = (2 * max(1, round(side * scale / 2)) for side in (image.shape[1], image.shape[0]))
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
