"""What stands on sidewalks in both views: bins, bollards, benches, hydrants, traffic signs."""

from functools import lru_cache

from roadcue.roadworld.mesh import Colour, Mesh, Shape
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.shapes import BACK, FORWARD, pick

_STEEL, _BLACK, _WHITE, _RED, _BLUE = (112, 114, 118), (34, 34, 36), (238, 238, 234), (204, 30, 36), (24, 78, 170)
_WOOD = (142, 100, 62)
_BINS = ((44, 92, 60), (70, 74, 78), (208, 116, 34), (40, 70, 120))


@lru_cache(maxsize=64)
def bin_(style: int) -> Mesh:
    """A litter bin, 1.05 m high."""
    shape, paint = Shape(SemanticClass.OBSTACLE), pick(_BINS, style)
    shape.box((-0.28, 0.28), (-0.28, 0.28), (0.0, 0.92), paint)
    shape.box((-0.32, 0.32), (-0.32, 0.32), (0.92, 1.05), _BLACK)
    shape.panel((-0.29, 0.29), (-0.18, 0.18), (0.62, 0.8), BACK, _BLACK)
    return shape.mesh()


@lru_cache(maxsize=8)
def bollard(style: int) -> Mesh:
    """A post that keeps cars off, 0.95 m high, with a band that reflects."""
    shape = Shape(SemanticClass.OBSTACLE)
    paint: Colour = (_WHITE, (52, 54, 58))[style % 2]
    band: Colour = (_RED, _WHITE)[style % 2]
    for low, high, colour in ((0.0, 0.62, paint), (0.62, 0.8, band), (0.8, 0.95, paint)):
        shape.box((-0.1, 0.1), (-0.1, 0.1), (low, high), colour)
    return shape.mesh()


@lru_cache(maxsize=4)
def bench(style: int) -> Mesh:
    """A wooden bench along x, whose sitters would look along y, or the other way with an odd style."""
    shape, side = Shape(SemanticClass.OBSTACLE), -1 if style % 2 else 1
    for x in (-0.75, 0.75):
        shape.box((x - 0.05, x + 0.05), (-0.22, 0.22), (0.0, 0.42), _STEEL)
    back = sorted((-side * 0.26, -side * 0.2))
    shape.box((-0.9, 0.9), (back[0], back[1]), (0.5, 0.9), _WOOD)
    shape.box((-0.9, 0.9), (-0.25, 0.25), (0.4, 0.48), _WOOD, top=(168, 122, 80))
    return shape.mesh()


@lru_cache(maxsize=1)
def hydrant() -> Mesh:
    """A red hydrant, 0.8 m high."""
    shape = Shape(SemanticClass.OBSTACLE)
    shape.box((-0.13, 0.13), (-0.13, 0.13), (0.0, 0.62), _RED)
    shape.box((-0.08, 0.08), (-0.24, 0.24), (0.4, 0.52), (226, 190, 60))
    shape.disc((0, 0, 0.66), 0.14, _RED)
    return shape.mesh()


@lru_cache(maxsize=16)
def sign(style: int) -> Mesh:
    """A traffic sign that looks back along x: no entry, a blue square, a warning triangle or a speed limit."""
    shape, z = Shape(SemanticClass.SIGN), 1.8
    shape.box((-0.04, 0.04), (-0.04, 0.04), (0.0, 2.2), _STEEL)
    if style % 4 == 0:
        _octagon(shape, -0.06, z, 0.4, _RED)
        shape.panel((-0.08, 0), (-0.28, 0.28), (z - 0.08, z + 0.08), BACK, _WHITE)
    elif style % 4 == 1:
        shape.panel((-0.06, 0), (-0.38, 0.38), (z - 0.38, z + 0.38), BACK, _BLUE)
        shape.quad(
            [(-0.08, -0.2, z - 0.2), (-0.08, 0.2, z - 0.2), (-0.08, 0, z + 0.26), (-0.08, 0, z + 0.26)], _WHITE
        )
    elif style % 4 == 2:
        for size, colour in ((0.46, _RED), (0.3, _WHITE)):
            low, high = z - 0.55 * size, z + 0.95 * size
            x = -0.06 - 0.02 * (colour == _WHITE)
            shape.quad([(x, -size, low), (x, size, low), (x, 0, high), (x, 0, high)], colour, BACK)
    else:
        _octagon(shape, -0.06, z, 0.4, _RED)
        _octagon(shape, -0.08, z, 0.29, _WHITE)
        for y in (-0.12, 0.1):
            shape.panel((-0.1, 0), (y - 0.04, y + 0.06), (z - 0.13, z + 0.13), BACK, _BLACK)
    shape.panel((0, 0.05), (-0.3, 0.3), (z - 0.3, z + 0.3), FORWARD, (150, 152, 154))
    return shape.mesh()


def _octagon(shape: Shape, x: float, z: float, radius: float, colour: Colour) -> None:
    """A plate as good as round, seen from behind along x; a disc would be painted over what is on it."""
    long, short = 0.92 * radius, 0.38 * radius
    for low, high, below, above in (
        (-long, -short, short, long),
        (-short, short, long, long),
        (short, long, long, short),
    ):
        corners = [(x, -below, z + low), (x, below, z + low), (x, above, z + high), (x, -above, z + high)]
        shape.quad(corners, colour, BACK)
