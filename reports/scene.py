"""Paths drawn where they lead: on the camera's picture and from above."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import matplotlib
import numpy as np
import simplejpeg
from matplotlib.figure import Figure

from loaders.calibration import CameraCalibration
from loaders.sample import STEP_S
from reports.colours import LOG, PAST
from reports.figure import INK, STYLE, svg

_Line = tuple[str, np.ndarray, np.ndarray]
_PER_SECOND = round(1 / STEP_S)
_LONG_SIDE = 1080
"""Pixels: a larger picture is shrunk to it, for a small page; a much smaller one is enlarged, for smooth lines."""


@dataclass(frozen=True)
class Scene:
    """One moment for the report.

    `error_m` is the prediction's ADE@5 s in metres. `image` is (H, W, 3) uint8 RGB of the camera `camera`. `past` is
    (16, 6) and each of `paths` (20, 2), metres, ego frame; the driven one is named `logged`, the others as in
    the comparison, and the first of them is drawn on top.
    """

    title: str
    sample_id: str
    error_m: float
    image: np.ndarray | None
    camera: str
    calibration: CameraCalibration | None
    past: np.ndarray
    paths: Mapping[str, np.ndarray]


def camera_view(
    image: np.ndarray,
    calibration: CameraCalibration | None,
    past: np.ndarray,
    paths: Mapping[str, np.ndarray],
    colours: Mapping[str, str],
) -> bytes:
    """The paths on the ground (z = 0) in the camera's picture, a dot at every full second; JPEG bytes.

    `image` (H, W, 3) uint8 RGB, of the calibration's aspect; `past` (16, 6) and `paths` (20, 2) each in metres, ego
    frame; `colours` as from `colours.colours`. What lies behind the camera or outside the picture is left out;
    without a calibration the picture stays as it is.
    """
    long_side = max(image.shape[:2])
    scale = _LONG_SIDE / long_side if long_side > _LONG_SIDE else _LONG_SIDE // long_side
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    canvas = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    if calibration:
        _draw(canvas, calibration, list(_lines(past, paths)), colours)
    # Without subsampling, so that thin lines keep their colour.
    return simplejpeg.encode_jpeg(np.ascontiguousarray(canvas), quality=85, colorspace="RGB", colorsubsampling="444")


def birds_eye_view(past: np.ndarray, paths: Mapping[str, np.ndarray], colours: Mapping[str, str], name: str) -> str:
    """The paths from above: x forward is up, y left is left, one scale, a dot at every full second; an `<svg>`.

    `past` (16, 6) and `paths` (20, 2) each in metres, ego frame; `colours` as from `colours.colours`; `name` as in
    `figure.svg`.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6, 4.8), layout="constrained")
        axes = figure.add_subplot()
        for number, (label, xy, dots) in enumerate(_lines(past, paths)):
            width = 4.0 if label == LOG else 1.8
            style = "--" if label == PAST else "-"
            axes.plot(xy[:, 1], xy[:, 0], style, color=colours[label], lw=width, label=label, gid=f"path-{number}")
            axes.plot(dots[:, 1], dots[:, 0], "o", color=colours[label], ms=width + 2.4)
        axes.plot(0, 0, "^", color=INK, ms=9, label="ego at t = 0")
        axes.update_datalim([(-5.0, -5.0), (5.0, 5.0)])  # a car that stands gets some road, too
        axes.margins(0.08)
        axes.set_aspect("equal", adjustable="datalim")
        axes.invert_xaxis()
        axes.grid()
        axes.set_xlabel("y, to the left (m)")
        axes.set_ylabel("x, forward (m)")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return svg(figure, name, f"From above, in metres: {', '.join([PAST, *paths])}")


def _lines(past: np.ndarray, paths: Mapping[str, np.ndarray]) -> Iterator[_Line]:
    """Name, (n, 2) line and (m, 2) positions at full seconds, in drawing order: the last lies on top."""
    yield PAST, past[:, :2], past[-1 - _PER_SECOND :: -_PER_SECOND, :2]
    origin = np.zeros((1, 2))
    others = [name for name in paths if name != LOG]
    for name in [*(paths.keys() & {LOG}), *reversed(others)]:
        yield name, np.concatenate([origin, paths[name]]), paths[name][_PER_SECOND - 1 :: _PER_SECOND]


def _draw(
    canvas: np.ndarray, calibration: CameraCalibration, lines: Sequence[_Line], colours: Mapping[str, str]
) -> None:
    size = canvas.shape[1], canvas.shape[0]
    width = max(2, round(min(size) / 220))
    for name, xy, _ in lines:
        # The log is wider, so that it shows on both sides of a prediction that covers it.
        thickness = 3 * width if name == LOG else width
        for run in _runs(_to_pixels(_dense(xy), calibration, size)):
            _stroke(canvas, run, colours[name], thickness)
    for name, _, dots in lines:
        for pixel in _to_pixels(dots, calibration, size):
            if np.isfinite(pixel).all():
                _dot(canvas, pixel, colours[name], (9 if name == LOG else 5) * width // 4)


def _dense(xy: np.ndarray) -> np.ndarray:
    """The polyline with a point at least every 0.1 m: then dropping points is as good as cutting the line."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    at = np.union1d(along, np.linspace(0, along[-1], 2 + int(along[-1] / 0.1)))
    return np.stack([np.interp(at, along, xy[:, 0]), np.interp(at, along, xy[:, 1])], axis=1)


def _to_pixels(xy: np.ndarray, calibration: CameraCalibration, size: tuple[int, int]) -> np.ndarray:
    """(n, 2) metres on the ground to (n, 2) pixels in a picture of `size` (width, height); NaN where not to be seen.

    A margin of a tenth of the picture on each side lets a line run out of it. The place without lens distortion
    counts as well: the polynomial is fitted to the picture and folds far-off points back into it.
    """
    ground = np.concatenate([xy, np.zeros((len(xy), 1))], axis=1)
    pinhole = replace(calibration, intrinsic=np.concatenate([calibration.intrinsic[:4], np.zeros(5)]))
    full = np.array([calibration.width, calibration.height])
    straight, in_front = pinhole.project(ground)
    pixels, _ = calibration.project(ground)
    inside = [np.all((p > -0.1 * full) & (p < 1.1 * full), axis=1) for p in (straight, pixels)]
    seen = in_front & inside[0] & inside[1]
    return np.where(seen[:, None], pixels * (np.array(size) / full), np.nan)


def _runs(pixels: np.ndarray) -> Iterator[np.ndarray]:
    """The stretches of at least two neighbouring points that are to be seen."""
    seen = np.isfinite(pixels).all(axis=1)
    for run in np.split(np.arange(len(pixels)), np.flatnonzero(np.diff(seen)) + 1):
        if len(run) > 1 and seen[run[0]]:
            yield pixels[run]


_FRACTION_BITS = 4
_OUTLINE = (16, 16, 16)


def _stroke(canvas: np.ndarray, pixels: np.ndarray, colour: str, thickness: int) -> None:
    points = [_fixed_point(pixels)]
    edge = 2 * max(1, thickness // 4)
    for shade, wide in ((_OUTLINE, thickness + edge), (_rgb(colour), thickness)):
        cv2.polylines(canvas, points, False, shade, wide, cv2.LINE_AA, _FRACTION_BITS)


def _dot(canvas: np.ndarray, pixel: np.ndarray, colour: str, radius: int) -> None:
    u, v = (int(value) for value in _fixed_point(pixel))
    for shade, wide in ((_OUTLINE, radius + max(1, radius // 3)), (_rgb(colour), radius)):
        cv2.circle(canvas, (u, v), wide << _FRACTION_BITS, shade, cv2.FILLED, cv2.LINE_AA, _FRACTION_BITS)


def _fixed_point(pixels: np.ndarray) -> np.ndarray:
    return np.round(pixels * (1 << _FRACTION_BITS)).astype(np.int32)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour.lstrip("#"))
    return red, green, blue
