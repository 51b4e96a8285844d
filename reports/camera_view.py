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
_AHEAD_M = 30.0
"""A camera that shows no ground straight ahead within so many metres does not look ahead."""


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
    left out; of a path that ends before the ground that the picture shows, as that of a car that stands, its length
    is written where the way ahead comes into the picture.
    """
    lines = list(named_lines(past, paths))
    driven = [line for line in lines if line[0] in (PAST, LOG)]  # the first ones
    _draw(canvas, calibration, driven, colours)
    labels = [
        *_draw_modes(canvas, calibration, modes, colours),
        *_draw_rated(canvas, calibration, rated, colours),  # above the log, on which it often lies
    ]
    _draw(canvas, calibration, lines[len(driven) :], colours)
    ahead = [(name, xy, colours[name]) for name, xy, _ in lines if name != PAST]
    ahead += [(f"{RATED} {path.score:.1f}", _from_origin(path.xy), colours[RATED]) for path in rated]
    return _write_short(_write(canvas, labels), calibration, ahead)


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
        pixels = _to_pixels(_dense(_from_origin(xy)), calibration, _size(canvas))
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
        line = _dense(_from_origin(path.xy))
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
    letters = _letters(canvas)
    picture = Image.fromarray(canvas)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(letters)
    box = np.array([2.6 * letters, 1.25 * letters])
    beside = [label.at + np.array([0.6 * letters, 0.0]) for label in labels]
    for label, place in zip(labels, apart(beside, box), strict=True):
        place = np.clip(place, (0, box[1] / 2), (width - box[0], height - box[1] / 2))
        pen.text(
            tuple(place), label.text, light(label.colour), font, anchor="lm", stroke_width=2, stroke_fill=OUTLINE
        )
    return np.array(picture)


def _write_short(
    canvas: np.ndarray, calibration: CameraCalibration, lines: Sequence[tuple[str, np.ndarray, str]]
) -> np.ndarray:
    """The picture with the lengths of those lines that end before the nearest ground straight ahead in the picture.

    `lines`: name, (n, 2) metres from the origin on, colour. A camera that does not look ahead shows none of them.
    """
    size, letters = _size(canvas), _letters(canvas)
    straight = np.stack([np.arange(0.0, _AHEAD_M, 0.1), np.zeros(round(_AHEAD_M / 0.1))], axis=1)
    pixels = _to_pixels(straight, calibration, size)
    with np.errstate(invalid="ignore"):  # NaN where not to be seen
        seen = np.flatnonzero(((pixels >= 0) & (pixels < size)).all(axis=1))
    lengths = {name: (_metres_along(xy)[-1], colour) for name, xy, colour in lines}
    short = {name: each for name, each in lengths.items() if len(seen) and each[0] < straight[seen[0], 0]}
    if not short:
        return canvas
    font = ImageFont.load_default(letters)
    texts = [f"{name}: {metres:.1f} m in 5 s" for name, (metres, _) in short.items()]
    widest = max(font.getlength(text) for text in texts)
    left = float(np.clip(pixels[seen[0], 0] - widest / 2, letters, max(letters, size[0] - widest - letters)))
    places = [np.array([left, size[1] - 1.4 * letters * (len(texts) - place - 0.4)]) for place in range(len(texts))]
    top, edges = max(0, int(places[0][1] - letters)), (left - 1.4 * letters, left + widest + 0.5 * letters)
    panel = canvas[top:, max(0, int(edges[0])) : int(edges[1])]
    panel //= 3  # dark, so that letters stand out from any ground
    for place, (_, colour) in zip(places, short.values(), strict=True):
        dot(canvas, place - (0.6 * letters, 0), colour, round(0.35 * letters))
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)
    for place, text in zip(places, texts, strict=True):
        pen.text(tuple(place), text, "white", font, anchor="lm")
    return np.asarray(picture)


def _letters(canvas: np.ndarray) -> int:
    """The height of letters in pixels."""
    return max(12, round(min(_size(canvas)) / 38))


def _from_origin(xy: np.ndarray) -> np.ndarray:
    """(n, 2) -> (n + 1, 2): the path from where the car is at t = 0."""
    return np.concatenate([np.zeros((1, 2)), xy])


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
