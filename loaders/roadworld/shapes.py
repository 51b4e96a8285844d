"""What stands and moves on the streets: cars, houses, trees, people, signals."""

from functools import lru_cache
from itertools import pairwise

import numpy as np

from loaders.roadworld.mesh import Colour, Mesh, Shape

STYLES = 64
"""Cars, houses, trees and people come in so many looks, numbered from 0; each is drawn once in a process."""
RED_ON, YELLOW_ON, GREEN_ON = (255, 40, 30), (255, 200, 40), (40, 255, 120)
_LAMP_OFF = (45, 45, 45)
_GLASS = (38, 46, 56)
_TYRE = (22, 22, 24)
_CAR_PAINTS = (
    (214, 216, 218),
    (32, 34, 38),
    (120, 124, 130),
    (150, 28, 30),
    (30, 58, 120),
    (172, 164, 148),
    (46, 84, 62),
)
_WALLS = ((176, 150, 128), (150, 92, 76), (196, 190, 178), (126, 132, 140), (208, 186, 150), (110, 96, 90))
_LEAVES = ((58, 92, 40), (74, 108, 44), (46, 78, 46), (110, 104, 44))
_CLOTHES = ((180, 40, 44), (40, 70, 140), (230, 226, 216), (34, 36, 42), (224, 170, 40), (70, 120, 84))
_SKIN = (198, 152, 122)


def pick(choices: tuple[Colour, ...], style: int, vary: float = 0.12) -> Colour:
    """One of the colours, a little lighter or darker, as the style number says."""
    shade = 1 + vary * ((style // 7 % 11) / 5 - 1)
    r, g, b = choices[style % len(choices)]
    return (r * shade, g * shade, b * shade)


_FORWARD, _BACK, _LEFT, _RIGHT = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])


@lru_cache(maxsize=2048)
def car(style: int, braking: bool = False) -> Mesh:
    """A saloon, or one time in five a van; the origin is on the ground below the middle of the rear axle."""
    shape, paint = Shape(), pick(_CAR_PAINTS, style)
    van = style % 5 == 0
    rear, front, half = -0.9, 3.8, 0.98 if van else 0.9
    deck, roof = (1.05, 2.1) if van else (0.92, 1.48)
    cabin = (rear + 0.05, 3.0) if van else (rear + 0.35, 2.6)
    shadow = np.array(
        [
            (rear - 0.2, -half - 0.15, 0.01),
            (front + 0.2, -half - 0.15, 0.01),
            (front + 0.2, half + 0.15, 0.01),
            (rear - 0.2, half + 0.15, 0.01),
        ]
    )
    shape.quad(shadow, (26, 26, 28))
    for axle in (0.0, 2.8):
        for side in (-half, half):
            shape.upright((axle - 0.33, side), (axle + 0.33, side), (0, 0.66), _TYRE)
    for end in (rear + 0.1, front - 0.1):
        for side in (-half + 0.12, half - 0.12):
            shape.upright((end, side - 0.12), (end, side + 0.12), (0, 0.4), _TYRE)
    x, y = (rear, front), (-half, half)
    shape.box(x, y, (0.28, deck), paint)
    for sign in (-1, 1):
        lamp = (sign * half - sign * 0.32, sign * half - sign * 0.02)
        shape.panel(x, lamp, (0.62, 0.84), _BACK, RED_ON if braking else (120, 16, 18), shines=braking)
        shape.panel(x, lamp, (0.56, 0.76), _FORWARD, (255, 252, 230), shines=True)
    shape.panel(x, (-0.28, 0.28), (0.45, 0.6), _BACK, (220, 220, 214))
    shape.panel(x, (-0.45, 0.45), (0.36, 0.56), _FORWARD, (40, 40, 44))
    y = (-half + 0.1, half - 0.1)
    shape.box(cabin, y, (deck, roof), paint)
    for normal in (_BACK, _FORWARD):
        shape.panel(cabin, (y[0] + 0.08, y[1] - 0.08), (deck + 0.06, roof - 0.1), normal, _GLASS)
    for normal in (_LEFT, _RIGHT):
        shape.panel((cabin[0] + 0.2, cabin[1] - 0.2), y, (deck + 0.08, roof - 0.1), normal, _GLASS)
    if braking:
        shape.panel(cabin, (-0.2, 0.2), (roof - 0.09, roof - 0.02), _BACK, RED_ON, shines=True)
    return shape.mesh()


@lru_cache(maxsize=2048)
def house(length: int, floors: int, style: int) -> Mesh:
    """A building `length` metres along the street, whose front, its y = 0 face, looks to the right of its x axis."""
    shape, wall = Shape(), pick(_WALLS, style)
    depth, height = 9.0, 3.2 * floors + 0.8
    x, y = (-length / 2, length / 2), (0.0, depth)
    shape.box(x, y, (0, height), wall, top=(90, 86, 84))
    glass = (64, 78, 92) if style % 3 else (196, 182, 120)
    for normal, wall_span in ((_RIGHT, x), (_BACK, y), (_FORWARD, y)):
        edges = np.linspace(*wall_span, max(1, int((wall_span[1] - wall_span[0]) / 3.4)) + 1)
        pier = 0.25 * (edges[1] - edges[0])
        for floor in np.arange(floors) * 3.2 + 1.0:
            for left, right in pairwise(edges.tolist()):
                opening = (left + pier, right - pier)
                x_span, y_span = (opening, y) if wall_span is x else (x, opening)
                shape.panel(x_span, y_span, (floor, floor + 1.6), normal, glass)
    return shape.mesh(origin=(0.0, depth / 2), recess=length / 2)


@lru_cache(maxsize=2048)
def tree(height: int, style: int) -> Mesh:
    """A broad-leaved tree, `height` metres high."""
    shape, leaves = Shape(), pick(_LEAVES, style)
    shape.box((-0.15, 0.15), (-0.15, 0.15), (0, height * 0.55), (84, 66, 50))
    dark = (leaves[0] * 0.72, leaves[1] * 0.72, leaves[2] * 0.72)
    crown = height * 0.3
    for i, (dy, dz) in enumerate(((-0.5, -0.1), (0.5, -0.05), (0.0, 0.35), (-0.2, 0.05), (0.25, 0.2))):
        shape.disc(0.0, dy * crown, height * 0.66 + dz * crown, crown * 0.72, dark if i < 2 else leaves)
    return shape.mesh()


@lru_cache(maxsize=2048)
def person(style: int, stride: int) -> Mesh:
    """Someone 1.75 m tall who looks along x; `stride`, -4 to 4, is how far the legs are apart."""
    shape, jacket = Shape(), pick(_CLOTHES, style)
    trousers = pick(_CLOTHES[1:4], style // 3)
    for side in (-1, 1):
        foot = 0.075 * stride * side
        y = (0.04 * side, 0.2 * side)
        legs = [(foot - 0.09, y[0], 0.0), (foot + 0.09, y[1], 0.0), (0.1, y[1], 0.86), (-0.1, y[0], 0.86)]
        shape.quad(np.array(legs), trousers)
    shape.box((-0.14, 0.14), (-0.26, 0.26), (0.82, 1.46), jacket)
    shape.disc(0.0, 0.0, 1.62, 0.14, _SKIN)
    return shape.mesh()


@lru_cache(maxsize=2048)
def lamp_post() -> Mesh:
    """A street lamp whose arm reaches over the road, to the right."""
    shape, height = Shape(), 6.5
    shape.box((-0.08, 0.08), (-0.08, 0.08), (0, height), (96, 98, 100))
    shape.box((-0.1, 0.1), (-2.0, 0), (height - 0.15, height), (96, 98, 100))
    return shape.mesh()


@lru_cache(maxsize=2048)
def signal(colour: str) -> Mesh:
    """A traffic light that looks back along x: one head on the pole, one on an arm over the lane to the left."""
    shape, reach = Shape(), 5.3
    shape.box((-0.12, 0.12), (-0.12, 0.12), (0, 6.4), (70, 72, 74))
    shape.box((-0.08, 0.08), (0, reach), (6.2, 6.4), (70, 72, 74))
    for y, z in ((0.0, 2.7), (reach - 0.6, 4.6)):
        shape.box((-0.3, -0.1), (y - 0.42, y + 0.42), (z, z + 1.9), (24, 24, 22))
        for i, (name, lit) in enumerate((("green", GREEN_ON), ("yellow", YELLOW_ON), ("red", RED_ON))):
            shape.disc(
                -0.32, y, z + 0.35 + 0.6 * i, 0.26, lit if colour == name else _LAMP_OFF, shines=colour == name
            )
    return shape.mesh()
