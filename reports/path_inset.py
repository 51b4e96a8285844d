"""Paths from above in a corner of a picture, where nobody knows how they lie on it."""

from collections.abc import Mapping

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from roadcue.reports.colours import PAST
from roadcue.reports.frame import named_lines
from roadcue.reports.strokes import dot, line_width, stroke

_SHARE = 0.42
"""Of the picture's short side."""
_REACHES_M = (10, 20, 40, 80, 160, 320)
"""Metres ahead that are shown, the fewest that hold the paths: the scale then seldom changes within a drive."""
_BEHIND = 0.15
"""So much of that is shown behind the ego, and half of all to each side."""
_GROUND, _GRID, _INK = (24, 24, 24), (96, 96, 96), (255, 255, 255)


def draw_inset(
    canvas: np.ndarray, past: np.ndarray, paths: Mapping[str, np.ndarray], colours: Mapping[str, str]
) -> None:
    """Draw the paths from above in the lower left corner: x is up, y is left, a dot at every full second.

    `canvas` (H, W, 3) uint8 RGB; `past` (16, 6), NaN where it is not known, and `paths` (20, 2) each in metres, ego
    frame; `colours` as from `colours.colours`.
    """
    side, letters = round(_SHARE * min(canvas.shape[:2])), max(12, round(min(canvas.shape[:2]) / 38))
    ahead = np.concatenate([np.abs(path) * [1, 2] for path in paths.values()]).max()
    reach = next((metres for metres in _REACHES_M if metres >= ahead), _REACHES_M[-1])
    scale = side / (reach * (1 + _BEHIND))
    inset = np.full((side, side, 3), _GROUND, np.uint8)
    ego = np.array([side / 2, side - scale * reach * _BEHIND])
    for metres in (reach / 2, reach):
        row = round(ego[1] - scale * metres)
        cv2.line(inset, (0, row), (side, row), _GRID, 1)
    for name, xy, dots in named_lines(past, paths):
        if not np.isfinite(xy).all():
            continue
        width = line_width(canvas)
        stroke(inset, ego - scale * xy[:, ::-1], colours[name], width)
        for seconds in dots if name != PAST else ():
            dot(inset, ego - scale * seconds[::-1], colours[name], 5 * width // 4)
    wedge = ego + letters * np.array([(0, -0.6), (0.4, 0.4), (-0.4, 0.4)])
    cv2.fillPoly(inset, [np.round(wedge).astype(np.int32)], _INK, cv2.LINE_AA)
    picture = Image.fromarray(inset)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(letters)
    for metres in (reach / 2, reach):
        pen.text(
            (0.3 * letters, ego[1] - scale * metres),
            f"{metres:g} m",
            _INK,
            font,
            anchor="ls" if metres < reach else "lt",
        )
    pen.text((side - 0.3 * letters, side - 0.3 * letters), "from above", _INK, font, anchor="rs")
    place = (slice(len(canvas) - side, None), slice(0, side))
    canvas[place] = cv2.addWeighted(np.asarray(picture), 0.85, canvas[place], 0.15, 0)
    cv2.rectangle(canvas, (0, len(canvas) - side), (side, len(canvas) - 1), _GRID, 1)
