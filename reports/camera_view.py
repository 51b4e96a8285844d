"""Paths drawn on the ground of a camera's picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np
import simplejpeg
from PIL import Image, ImageDraw, ImageFont

from roadcue.reports.colours import LOG, PAST, RATED
from roadcue.reports.frame import Label, Line, Modes, RatedPath, apart, named_lines
from roadcue.reports.strokes import OUTLINE, dot, light, line_width, stroke
from roadcue.schema import CameraCalibration

_LONG_SIDE = 1080
"""Pixels: a larger picture is shrunk to it, for a small page; a much smaller one is enlarged, for smooth lines."""
_DASH_M = 1.5
"""Length of a dash on the ground, and of the gap behind it."""


def camera_view(
    image: np.ndarray,
    calibration: CameraCalibration | None,
    past: np.ndarray,
    paths: Mapping[str, np.ndarray],
    colours: Mapping[str, str],
    *,
    rated: Sequence[RatedPath] = (),
    modes: Modes | None = None,
) -> bytes:
    """The camera's picture with the paths, as `draw_paths` draws them; JPEG bytes.

    `image` (H, W, 3) uint8 RGB, of the calibration's aspect; without a calibration it stays as it is.
    """
    long_side = max(image.shape[:2])
    scale = _LONG_SIDE / long_side if long_side > _LONG_SIDE else _LONG_SIDE // long_side
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    canvas = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    if calibration:
        canvas = draw_paths(canvas, calibration, past, paths, colours, rated=rated, modes=modes)
    # Without subsampling, so that thin lines keep their colour.
    return simplejpeg.encode_jpeg(np.ascontiguousarray(canvas), quality=85, colorspace="RGB", colorsubsampling="444")


def draw_paths(
    canvas: np.ndarray,
    calibration: CameraCalibration,
    past: np.ndarray,
    paths: Mapping[str, np.ndarray],
    colours: Mapping[str, str],
    *,
    rated: Sequence[RatedPath] = (),
    modes: Modes | None = None,
) -> np.ndarray:
    """The paths on the ground (z = 0) of a camera's picture, which is drawn on, a dot at every full second.

    `canvas` (H, W, 3) uint8 RGB, contiguous; `past` (16, 6) and `paths` (20, 2) each in metres, ego frame; `colours`
    as from `colours.colours`. What was `rated` is dashed, with its score at the end and its trust regions as
    outlines; modes are thin, with their probability at the end. What lies behind the camera or outside the picture is
    left out.
    """
    lines = list(named_lines(past, paths))
    driven = [line for line in lines if line[0] in (PAST, LOG)]  # the first ones
    _draw(canvas, calibration, driven, colours)
    labels = [
        *_draw_modes(canvas, calibration, modes, colours),
        *_draw_rated(canvas, calibration, rated, colours),  # above the log, on which it often lies
    ]
    _draw(canvas, calibration, lines[len(driven) :], colours)
    return _write(canvas, labels)


def _draw(
    canvas: np.ndarray, calibration: CameraCalibration, lines: Sequence[Line], colours: Mapping[str, str]
) -> None:
    size, width = _size(canvas), line_width(canvas)
    for name, xy, _ in lines:
        # The log is wider, so that it shows on both sides of a prediction that covers it.
        thickness = 3 * width if name == LOG else width
        for run in _runs(_to_pixels(_dense(xy), calibration, size)):
            stroke(canvas, run, colours[name], thickness)
    for name, _, dots in lines:
        for pixel in _to_pixels(dots, calibration, size):
            if np.isfinite(pixel).all():
                dot(canvas, pixel, colours[name], (9 if name == LOG else 5) * width // 4)


def _draw_modes(
    canvas: np.ndarray, calibration: CameraCalibration, modes: Modes | None, colours: Mapping[str, str]
) -> Iterator[Label]:
    """Draw each mode as a thin line; its probability belongs to its end."""
    if modes is None:
        return
    for xy, probability in modes.shown():
        pixels = _to_pixels(_dense(np.concatenate([np.zeros((1, 2)), xy])), calibration, _size(canvas))
        for run in _runs(pixels):
            stroke(canvas, run, colours[modes.name], max(1, line_width(canvas) // 2))
        yield from _label_at_end(f"{probability:.0%}", pixels, colours[modes.name])


def _draw_rated(
    canvas: np.ndarray, calibration: CameraCalibration, rated: Sequence[RatedPath], colours: Mapping[str, str]
) -> Iterator[Label]:
    """Draw what raters scored, dashed, and its trust regions; its score belongs to its end."""
    size, width = _size(canvas), line_width(canvas)
    for path in rated:
        for corners in path.regions:
            for run in _runs(_to_pixels(_dense(corners[[0, 1, 2, 3, 0]]), calibration, size)):
                stroke(canvas, run, colours[RATED], max(1, width // 2))
        line = _dense(np.concatenate([np.zeros((1, 2)), path.xy]))
        pixels = _to_pixels(line, calibration, size)
        in_gap = _metres_along(line) % (2 * _DASH_M) > _DASH_M
        for run in _runs(np.where(in_gap[:, None], np.nan, pixels)):
            stroke(canvas, run, colours[RATED], width)
        yield from _label_at_end(f"{path.score:.1f}", pixels, colours[RATED])


def _label_at_end(text: str, pixels: np.ndarray, colour: str) -> Iterator[Label]:
    """Where the line is last to be seen, if it is."""
    seen = np.flatnonzero(np.isfinite(pixels).all(axis=1))
    if len(seen):
        yield Label(text, pixels[seen[-1]], colour)


def _write(canvas: np.ndarray, labels: Sequence[Label]) -> np.ndarray:
    """The picture with the labels, each beside its place and clear of the others."""
    width, height = _size(canvas)
    letters = max(12, round(min(width, height) / 38))
    picture = Image.fromarray(canvas)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(letters)
    box = np.array([2.6 * letters, 1.25 * letters])
    beside = [label.at + np.array([0.6 * letters, 0.0]) for label in labels]
    for label, place in zip(labels, apart(beside, box), strict=True):
        place = np.clip(place, (0, box[1] / 2), (width - box[0], height - box[1] / 2))
        pen.text(
            tuple(place), label.text, light(label.colour), font, anchor="lm", stroke_width=2, stroke_fill=OUTLINE
        )
    return np.asarray(picture)


def _size(canvas: np.ndarray) -> tuple[int, int]:
    """Width and height."""
    return canvas.shape[1], canvas.shape[0]


def _metres_along(xy: np.ndarray) -> np.ndarray:
    """(n, 2) -> (n,) length of the polyline up to each point."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])


def _dense(xy: np.ndarray) -> np.ndarray:
    """The polyline with a point at least every 0.1 m: then dropping points is as good as cutting the line."""
    along = _metres_along(xy)
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
