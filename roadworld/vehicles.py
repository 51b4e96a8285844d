"""What drives: cars, lorries, fire engines and ambulances, bicycles."""

from functools import lru_cache

import numpy as np

from roadcue.roadworld.mesh import Colour, Mesh, Shape
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.shapes import BACK, FORWARD, LEFT, RIGHT, pick

_BRAKING, _TAIL, _BEAM = (255, 24, 20), (112, 20, 20), (255, 252, 230)
_ORANGE = (255, 150, 10)
_GLASS, _TYRE = (38, 46, 56), (22, 22, 24)
_PAINTS = (
    (214, 216, 218),
    (32, 34, 38),
    (120, 124, 130),
    (150, 28, 30),
    (30, 58, 120),
    (172, 164, 148),
    (46, 84, 62),
    (236, 236, 232),
    (74, 78, 84),
    (110, 150, 190),
    (206, 104, 36),
    (196, 200, 204),
    (24, 26, 30),
    (84, 54, 42),
    (150, 154, 160),
    (222, 178, 44),
    (44, 76, 150),
)
"""Of cars: most are white, grey or black."""
_BODIES = (
    (0.9, 0.92, 1.46, (0.0, 2.6), (0.5, 0.6)),
    (0.88, 0.94, 1.5, (-0.78, 2.6), (0.25, 0.55)),
    (0.96, 1.08, 1.78, (-0.8, 2.7), (0.15, 0.4)),
    (0.9, 0.92, 1.46, (-0.1, 2.5), (0.45, 0.6)),
    (0.98, 1.05, 2.1, (-0.85, 3.0), (0.0, 0.3)),
    (0.9, 0.9, 1.46, (-0.6, 2.65), (0.3, 0.6)),
    (0.94, 1.02, 1.68, (-0.75, 2.6), (0.2, 0.45)),
    (0.96, 1.06, 1.76, (1.1, 2.8), (0.05, 0.4)),
)
"""Of a saloon, hatchback, SUV, saloon, van, estate, SUV and pickup, in metres: half the width, the height of the
deck and of the roof, where the cabin begins and ends, and how far its rear and its windscreen slope."""
_BOXES = (
    (226, 226, 222),
    (70, 96, 140),
    (176, 140, 60),
    (196, 198, 200),
    (120, 44, 46),
    (60, 104, 76),
    (232, 196, 60),
)
"""Of lorries."""
_REAR_M, _FRONT_M = -0.9, 3.8
"""Bumpers of everything on four wheels, from the rear axle: the driven world knows one length."""


@lru_cache(maxsize=2048)
def car(style: int, braking: bool = False, lit: bool = False, blinking: tuple[int, ...] = ()) -> Mesh:
    """A saloon, hatchback, SUV, van or pickup; the origin is on the ground below the middle of the rear axle.

    `lit`: its lamps are on, for the night. `blinking`: the sides whose indicators are alight, 1 left, -1 right.
    """
    shape, paint = Shape(SemanticClass.VEHICLE), pick(_PAINTS, style)
    half, deck, roof, cabin, slopes = _BODIES[style % len(_BODIES)]
    _running_gear(shape, half)
    shape.box((_REAR_M, _FRONT_M), (-half, half), (0.28, deck), paint)
    shape.panel((_REAR_M, 0), (-0.28, 0.28), (0.45, 0.6), BACK, (220, 220, 214))
    shape.panel((0, _FRONT_M), (-0.45, 0.45), (0.36, 0.56), FORWARD, (40, 40, 44))
    _cabin(shape, half - 0.1, (deck, roof), cabin, slopes, paint)
    if braking:
        stop = (cabin[0] + slopes[0] - 0.03, 0)
        shape.panel(
            stop, (-0.4, 0.4), (roof - 0.12, roof), BACK, _BRAKING, shines=True, semantic=SemanticClass.BRAKE_LIGHT
        )
    _lamps(shape, half, (0.58, 0.88), braking, lit)
    _indicators(shape, half, 0.98, blinking)
    return shape.mesh()


@lru_cache(maxsize=512)
def truck(style: int, braking: bool = False, lit: bool = False, blinking: tuple[int, ...] = ()) -> Mesh:
    """A lorry with a high box; the origin and the arguments as a car's."""
    shape = Shape(SemanticClass.VEHICLE)
    _running_gear(shape, 1.15)
    shape.box((_REAR_M, 2.4), (-1.2, 1.2), (0.6, 3.3), pick(_BOXES, style))
    shape.panel((_REAR_M, 0), (-1.05, 1.05), (0.75, 3.15), BACK, pick(((190, 190, 188), (60, 80, 116)), style))
    for normal in (LEFT, RIGHT):
        shape.panel((_REAR_M + 0.5, 1.9), (-1.21, 1.21), (1.5, 2.4), normal, pick(_PAINTS, style + 5))
    cab = (2.4, _FRONT_M)
    for normal in (FORWARD, LEFT, RIGHT):  # from behind, the box hides it
        shape.panel(cab, (-1.1, 1.1), (0.5, 2.7), normal, pick(_PAINTS, style + 3))
    shape.panel(cab, (-1.0, 1.0), (1.5, 2.4), FORWARD, _GLASS)
    _lamps(shape, 1.15, (0.62, 0.95), braking, lit)
    _indicators(shape, 1.15, 1.08, blinking)
    return shape.mesh()


@lru_cache(maxsize=512)
def special(style: int, braking: bool = False, flash: int = 0) -> Mesh:
    """A fire engine, or with an odd style an ambulance; its lamps flash red and blue in turn with `flash`."""
    shape = Shape(SemanticClass.VEHICLE)
    body, stripe = (((186, 24, 26), (240, 200, 40)), ((236, 236, 232), (226, 60, 30)))[style % 2]
    _running_gear(shape, 1.1)
    x, y, height = (_REAR_M, _FRONT_M), (-1.1, 1.1), 2.7
    shape.box(x, y, (0.4, height), body)
    for normal in (BACK, LEFT, RIGHT):
        shape.panel(x, y, (1.0, 1.35), normal, stripe)
    shape.panel(x, (-1.0, 1.0), (1.5, 2.3), FORWARD, _GLASS)
    shape.panel(x, (-0.6, 0.6), (1.6, 2.4), BACK, _GLASS)
    for along in (_REAR_M + 0.2, _FRONT_M - 0.4):
        for i, side in enumerate((-0.7, 0.7)):
            lit: Colour = ((255, 30, 30), (50, 90, 255))[(i + flash) % 2]
            shape.disc((along, side, height + 0.15), 0.24, lit, shines=True, semantic=SemanticClass.FLASHING_LIGHT)
    _lamps(shape, 1.1, (0.6, 0.9), braking, lit=True)
    return shape.mesh()


def _cabin(
    shape: Shape,
    half: float,
    z: tuple[float, float],
    x: tuple[float, float],
    slopes: tuple[float, float],
    paint: Colour,
) -> None:
    """The part above the deck, narrower at the roof, with a pane in each of its four sides."""
    low, high, top = z[0], z[1], half - 0.1
    foot = np.array([(x[0], -half), (x[0], half), (x[1], half), (x[1], -half)])
    rear, front = x[0] + slopes[0], x[1] - slopes[1]
    roof = np.array([(rear, -top), (rear, top), (front, top), (front, -top)])
    for side, normal in enumerate((BACK, LEFT, FORWARD, RIGHT)):
        ends = [side, (side + 1) % 4]
        for frame, sill, colour in ((0.0, 0.0, paint), (0.08, 0.14, _GLASS)):
            corners = []
            for along, up in ((frame, sill), (1 - frame, sill), (1 - frame, 1 - sill), (frame, 1 - sill)):
                first, last = foot[ends] + up * (roof - foot)[ends]
                corners.append((*(first + along * (last - first)).tolist(), low + up * (high - low)))
            shape.quad(corners, colour, normal)
    shape.quad([(*corner, high) for corner in roof.tolist()], paint, (0, 0, 1))


def _running_gear(shape: Shape, half: float) -> None:
    """The shadow and four wheels of a car `half` metres to either side."""
    x, y = (_REAR_M - 0.2, _FRONT_M + 0.2), (-half - 0.15, half + 0.15)
    shape.quad([(x[0], y[0], 0.01), (x[1], y[0], 0.01), (x[1], y[1], 0.01), (x[0], y[1], 0.01)], (26, 26, 28))
    for axle in (0.0, 2.8):
        for side in (-half, half):
            shape.upright((axle - 0.33, side), (axle + 0.33, side), (0, 0.66), _TYRE)
    for end in (_REAR_M + 0.1, _FRONT_M - 0.1):
        for side in (-half + 0.12, half - 0.12):
            shape.upright((end, side - 0.12), (end, side + 0.12), (0, 0.4), _TYRE)


def _lamps(shape: Shape, half: float, z: tuple[float, float], braking: bool, lit: bool) -> None:
    """White lamps in front; at the back dull red ones, which are wide and bright when `braking`."""
    width = 0.42 if braking else 0.3
    semantic = SemanticClass.BRAKE_LIGHT if braking else SemanticClass.VEHICLE
    for side in (-1, 1):
        inner, outer = sorted((side * (half - width), side * half))
        middle = (inner + outer) / 2
        red = _BRAKING if braking else _TAIL
        shape.panel((_REAR_M, 0), (inner, outer), z, BACK, red, shines=braking or lit, semantic=semantic)
        shape.panel((0, _FRONT_M), (inner, outer), (0.56, 0.76), FORWARD, _BEAM, shines=True)
        if braking:
            shape.disc(
                (_REAR_M - 0.02, middle, sum(z) / 2), 0.17, (255, 70, 60), BACK, shines=True, semantic=semantic
            )
        if lit:
            shape.disc((_FRONT_M + 0.02, middle, 0.66), 0.13, _BEAM, FORWARD, shines=True)


def _indicators(shape: Shape, half: float, z: float, blinking: tuple[int, ...]) -> None:
    for side in blinking:
        y = side * (half - 0.14)
        shape.disc((_REAR_M - 0.02, y, z), 0.13, _ORANGE, BACK, shines=True)
        shape.disc((_FRONT_M + 0.02, y, z), 0.13, _ORANGE, FORWARD, shines=True)


@lru_cache(maxsize=64)
def bicycle(style: int) -> Mesh:
    """A bicycle that stands, its wheels on the x axis and its origin between them."""
    shape = Shape(SemanticClass.BICYCLE)
    add_bicycle(shape, style)
    return shape.mesh()


def add_bicycle(shape: Shape, style: int) -> None:
    """Two wheels, a frame, a handlebar and a saddle, as parts that are bicycles."""
    paint = pick(((200, 40, 40), (30, 90, 180), (30, 30, 32), (230, 180, 40)), style)
    for hub in (-0.52, 0.52):
        turn = np.linspace(0, 2 * np.pi, 9)
        rim = [(hub + 0.34 * c, 0.34 + 0.34 * s) for c, s in zip(np.cos(turn), np.sin(turn), strict=True)]
        tread = [(hub + 0.26 * c, 0.34 + 0.26 * s) for c, s in zip(np.cos(turn), np.sin(turn), strict=True)]
        for i in range(8):
            ring = [rim[i], rim[i + 1], tread[i + 1], tread[i]]
            shape.quad([(x, 0, z) for x, z in ring], _TYRE, semantic=SemanticClass.BICYCLE)
        # Seen from ahead or behind, the wheel is a thin upright bar.
        bar = [(-0.03, 0.0), (0.03, 0.0), (0.03, 0.68), (-0.03, 0.68)]
        shape.quad([(hub, y, z) for y, z in bar], _TYRE, semantic=SemanticClass.BICYCLE)
    for (x0, z0), (x1, z1) in (
        ((-0.52, 0.34), (-0.2, 0.85)),
        ((-0.2, 0.8), (0.42, 0.85)),
        ((0.0, 0.3), (0.42, 0.85)),
        ((0.0, 0.3), (-0.2, 0.85)),
        ((0.52, 0.34), (0.4, 1.0)),
    ):
        beam = [(x0, 0.0, z0 - 0.04), (x1, 0.0, z1 - 0.04), (x1, 0.0, z1 + 0.04), (x0, 0.0, z0 + 0.04)]
        shape.quad(beam, paint, semantic=SemanticClass.BICYCLE)
    shape.box((0.36, 0.44), (-0.28, 0.28), (0.98, 1.04), _TYRE)
    shape.box((-0.34, -0.08), (-0.08, 0.08), (0.9, 0.97), _TYRE)
