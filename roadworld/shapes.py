"""What stands beside the streets: houses, trees, lamp posts, signals, road works."""

from functools import lru_cache
from itertools import pairwise

import numpy as np

from roadcue.roadworld.mesh import Colour, Glass, Mesh, Point, Shape
from roadcue.roadworld.semantic_class import SemanticClass

STYLES = 64
"""Cars, houses, trees and people come in so many looks, numbered from 0; each is drawn once in a process."""
FORWARD: Point = (1, 0, 0)
BACK: Point = (-1, 0, 0)
LEFT: Point = (0, 1, 0)
RIGHT: Point = (0, -1, 0)
_LAMP_RADIUS_M = 0.33
"""Of a traffic light: more than twice the real one, so that it is still a few pixels at 60 m."""
_LAMPS: dict[str, tuple[SemanticClass, Colour]] = {
    "green": (SemanticClass.LIGHT_GREEN, (30, 255, 130)),
    "yellow": (SemanticClass.LIGHT_YELLOW, (255, 205, 30)),
    "red": (SemanticClass.LIGHT_RED, (255, 30, 24)),
}
_LAMP_OFF = (52, 52, 54)
_STEEL = (96, 98, 100)
_ORANGE, _WHITE, _RED = (240, 96, 24), (240, 240, 236), (206, 30, 34)
WALLS = ((176, 150, 128), (150, 92, 76), (196, 190, 178), (126, 132, 140), (208, 186, 150), (110, 96, 90))
"""Colours of houses."""
_LEAVES = ((58, 92, 40), (74, 108, 44), (46, 78, 46), (110, 104, 44))


def pick(choices: tuple[Colour, ...], style: int, vary: float = 0.12) -> Colour:
    """One of the colours, a little lighter or darker, as the style number says."""
    shade = 1 + vary * ((style // 7 % 11) / 5 - 1)
    r, g, b = choices[style % len(choices)]
    return (r * shade, g * shade, b * shade)


@lru_cache(maxsize=4096)
def house(length: int, floors: int, style: int, lit: bool = False) -> Mesh:
    """A building `length` metres along the street, whose front, its y = 0 face, looks to the right of its x axis.

    When it is `lit`, the windows of one style in three shine.
    """
    shape, wall = Shape(SemanticClass.BUILDING), pick(WALLS, style)
    depth, height = 9.0, 3.2 * floors + 0.8
    x, y = (-length / 2, length / 2), (0.0, depth)
    shape.box(x, y, (0, height), wall, top=(90, 86, 84))
    bright = style % 3 == 0
    pane = (196, 172, 104) if bright else (64, 78, 92)
    for normal, wall_span in ((RIGHT, x), (BACK, y), (FORWARD, y)):
        edges = np.linspace(*wall_span, max(1, int((wall_span[1] - wall_span[0]) / 3.4)) + 1).tolist()
        pier = 0.25 * (edges[1] - edges[0])
        for storey in range(floors):
            floor = 3.2 * storey + 1
            for left, right in pairwise(edges):
                opening = (left + pier, right - pier)
                x_span, y_span = (opening, y) if wall_span is x else (x, opening)
                opens = (x_span, y_span, (floor, floor + 1.6), normal, pane)
                shape.panel(*opens, shines=bright and lit, glass=Glass.LAMP if bright else Glass.PANE)
    return shape.mesh(origin=(0.0, depth / 2), recess=length / 2)


@lru_cache(maxsize=2048)
def tree(height: int, style: int) -> Mesh:
    """A broad-leaved tree, `height` metres high."""
    shape, leaves = Shape(SemanticClass.TREE), pick(_LEAVES, style)
    shape.box((-0.15, 0.15), (-0.15, 0.15), (0, height * 0.55), (84, 66, 50))
    dark = (leaves[0] * 0.72, leaves[1] * 0.72, leaves[2] * 0.72)
    crown = height * 0.3
    for i, (dy, dz) in enumerate(((-0.5, -0.1), (0.5, -0.05), (0.0, 0.35), (-0.2, 0.05), (0.25, 0.2))):
        shape.disc((0, dy * crown, height * 0.66 + dz * crown), crown * 0.72, dark if i < 2 else leaves)
    return shape.mesh()


@lru_cache(maxsize=2)
def lamp_post(lit: bool = False) -> Mesh:
    """A street lamp whose arm reaches over the road, to the right."""
    shape, height = Shape(SemanticClass.POLE), 6.5
    shape.box((-0.08, 0.08), (-0.08, 0.08), (0, height), _STEEL)
    shape.box((-0.1, 0.1), (-2.0, 0), (height - 0.15, height), _STEEL)
    shape.disc((0, -1.8, height - 0.2), 0.2, (255, 226, 170), shines=lit, glass=Glass.LAMP)
    return shape.mesh()


@lru_cache(maxsize=64)
def signal(colour: str, reach: float = 0.0) -> Mesh:
    """A traffic light that looks back along x, with one head on its pole.

    With a `reach` in metres, a second head hangs from an arm over the lane so far to the left.
    """
    shape = Shape(SemanticClass.POLE)
    top = 6.8 if reach else 4.6
    shape.box((-0.1, 0.1), (-0.1, 0.1), (0, top), (70, 72, 74))
    heads = [(0.0, 2.3)]
    if reach:
        shape.box((-0.08, 0.08), (0, reach), (top - 0.2, top), (70, 72, 74))
        heads.append((reach, top - 2.35))
    for y, z in heads:
        _head(shape, y, z, colour)
    return shape.mesh()


def _head(shape: Shape, y: float, z: float, colour: str) -> None:
    """Three lamps on a black plate with a white rim, its lower edge at height `z`."""
    shape.panel(
        (-0.12, 0), (y - 0.62, y + 0.62), (z - 0.08, z + 2.38), BACK, _WHITE, semantic=SemanticClass.LIGHT_OFF
    )
    shape.panel((-0.13, 0), (y - 0.54, y + 0.54), (z, z + 2.3), BACK, (16, 16, 16), semantic=SemanticClass.LIGHT_OFF)
    shape.panel(
        (0, 0.05), (y - 0.54, y + 0.54), (z, z + 2.3), FORWARD, (30, 30, 30), semantic=SemanticClass.LIGHT_OFF
    )
    for i, (name, (semantic, lit)) in enumerate(_LAMPS.items()):
        centre = (-0.2, y, z + 0.41 + 0.74 * i)
        if name == colour:
            shape.disc(centre, _LAMP_RADIUS_M, lit, BACK, shines=True, semantic=semantic)
        else:
            shape.disc(centre, _LAMP_RADIUS_M * 0.8, _LAMP_OFF, BACK, semantic=SemanticClass.LIGHT_OFF)


@lru_cache(maxsize=1)
def cone() -> Mesh:
    """A traffic cone, orange with a white band."""
    shape = Shape(SemanticClass.OBSTACLE)
    shape.box((-0.24, 0.24), (-0.24, 0.24), (0, 0.06), _ORANGE)
    for low, high, colour in ((0.06, 0.4, _ORANGE), (0.4, 0.62, _WHITE), (0.62, 0.9, _ORANGE)):
        wide, slim = 0.24 - 0.2 * low, 0.24 - 0.2 * high
        for across in ((1.0, 0.0), (0.0, 1.0)):
            ends = [(wide, low), (-wide, low), (-slim, high), (slim, high)]
            shape.quad([(w * across[0], w * across[1], z) for w, z in ends], colour)
    return shape.mesh()


@lru_cache(maxsize=1)
def barrier() -> Mesh:
    """A board of road works across the lane, striped red and white, with a lamp on either end."""
    shape = Shape(SemanticClass.OBSTACLE)
    for side in (-1.0, 1.0):
        shape.box((-0.04, 0.04), (side - 0.04, side + 0.04), (0, 1.3), _STEEL)
        shape.disc((-0.05, side, 1.4), 0.12, (255, 170, 20), shines=True)
    edges = np.linspace(-1.15, 1.15, 9).tolist()
    for i, (begin, end) in enumerate(pairwise(edges)):
        shape.upright((0, begin), (0, end), (0.65, 1.25), _WHITE if i % 2 else _RED)
    return shape.mesh()


@lru_cache(maxsize=8)
def debris(style: int) -> Mesh:
    """Something lost on the road: a cardboard box, a tyre, a plank."""
    shape = Shape(SemanticClass.OBSTACLE)
    if style % 3 == 0:
        shape.box((-0.35, 0.35), (-0.45, 0.45), (0, 0.6), (176, 132, 84), top=(150, 110, 68))
    elif style % 3 == 1:
        for low, high in ((0.0, 0.24), (0.24, 0.48)):
            shape.box((-0.4, 0.4), (-0.4, 0.4), (low, high), (30, 30, 32), top=(128, 128, 132))
    else:
        shape.box((-0.15, 0.15), (-0.9, 0.9), (0, 0.3), (196, 160, 96), top=(216, 184, 120))
    return shape.mesh()
