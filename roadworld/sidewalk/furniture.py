"""What stands on and beside a sidewalk: bins, benches, bollards, scooters, signs, bushes, hedges, walls, fences."""

from functools import lru_cache
from itertools import pairwise

import numpy as np

from roadcue.roadworld.mesh import Colour, Glass, Mesh, Shape
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.shapes import BACK, FORWARD, pick

_STEEL, _BLACK, _WHITE, _RED, _BLUE = (112, 114, 118), (34, 34, 36), (238, 238, 234), (204, 30, 36), (24, 78, 170)
_WOOD = (142, 100, 62)
_LEAVES = ((52, 96, 40), (70, 112, 48), (44, 84, 50), (92, 108, 46))
_BINS = ((44, 92, 60), (70, 74, 78), (208, 116, 34), (40, 70, 120))
_BRICKS = ((156, 100, 80), (176, 166, 150), (140, 136, 130), (190, 176, 146))


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


@lru_cache(maxsize=8)
def scooter(style: int) -> Mesh:
    """A rental scooter left standing along x."""
    shape = Shape(SemanticClass.OBSTACLE)
    paint = pick(((60, 200, 120), (240, 120, 40), (120, 80, 200)), style)
    for x in (-0.5, 0.5):
        shape.disc((x, 0, 0.12), 0.12, _BLACK)
    shape.box((-0.45, 0.4), (-0.09, 0.09), (0.12, 0.2), paint)
    shape.box((0.42, 0.52), (-0.05, 0.05), (0.15, 1.1), paint)
    shape.box((0.4, 0.5), (-0.27, 0.27), (1.08, 1.16), _BLACK)
    return shape.mesh()


@lru_cache(maxsize=8)
def board(style: int) -> Mesh:
    """A shop's folding board across the way, 1.1 m high."""
    shape = Shape(SemanticClass.OBSTACLE)
    paint = pick(((40, 44, 50), (150, 40, 46), (40, 90, 70)), style)
    for x in (-0.22, 0.22):
        shape.quad([(x, -0.36, 0), (x, 0.36, 0), (0, 0.33, 1.1), (0, -0.33, 1.1)], paint)
        inner = x * 0.82
        shape.quad([(inner - 0.02, -0.27, 0.3), (inner - 0.02, 0.27, 0.3), (0, 0.25, 1.0), (0, -0.25, 1.0)], _WHITE)
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


@lru_cache(maxsize=2)
def pedestrian_light(red: bool) -> Mesh:
    """A walkers' traffic light that looks back along x: red above green, lower and larger than a real one."""
    shape = Shape(SemanticClass.POLE)
    shape.box((-0.06, 0.06), (-0.06, 0.06), (0.0, 2.4), _STEEL)
    shape.panel((-0.12, 0), (-0.3, 0.3), (1.45, 2.42), BACK, _WHITE, semantic=SemanticClass.LIGHT_OFF)
    shape.panel((-0.13, 0), (-0.25, 0.25), (1.5, 2.37), BACK, _BLACK, semantic=SemanticClass.LIGHT_OFF)
    shape.panel((0, 0.05), (-0.28, 0.28), (1.45, 2.42), FORWARD, _BLACK, semantic=SemanticClass.LIGHT_OFF)
    for z, colour, semantic, lit in (
        (2.15, (255, 30, 24), SemanticClass.LIGHT_RED, red),
        (1.72, (30, 255, 130), SemanticClass.LIGHT_GREEN, not red),
    ):
        shape.disc(
            (-0.16, 0, z), 0.18, colour if lit else _BLACK, BACK, lit, semantic if lit else SemanticClass.LIGHT_OFF
        )
    return shape.mesh()


@lru_cache(maxsize=1)
def lantern() -> Mesh:
    """A lamp that hangs 5.6 m over the way, from wires too thin to be seen, and is on when it is dark."""
    shape = Shape(SemanticClass.POLE)
    shape.box((-0.3, 0.3), (-0.3, 0.3), (5.75, 5.9), _STEEL)
    shape.disc((0, 0, 5.6), 0.2, (255, 226, 170), glass=Glass.LAMP)
    return shape.mesh()


@lru_cache(maxsize=64)
def bush(style: int) -> Mesh:
    """A round bush, 1.1 m high and 1.4 m wide, one time in three in flower."""
    shape, leaves = Shape(SemanticClass.PLANT), pick(_LEAVES, style)
    r, g, b = leaves
    rng = np.random.default_rng(style)
    for y, z, radius, shade in (
        (-0.35, 0.4, 0.4, 0.7),
        (0.35, 0.4, 0.4, 0.78),
        (0.0, 0.62, 0.48, 0.9),
        (0.1, 0.4, 0.4, 1),
    ):
        shape.disc((0, y, z), radius, (r * shade, g * shade, b * shade))
    if style % 3 == 0:
        for y, z in rng.uniform((-0.5, 0.3), (0.5, 1.0), (9, 2)).tolist():
            shape.disc((-0.02, y, z), 0.055, (224, 96, 130) if style % 2 else (240, 224, 120))
    return shape.mesh()


@lru_cache(maxsize=64)
def hedge(style: int, height_dm: int) -> Mesh:
    """A metre of clipped hedge along x, 0.8 m deep."""
    shape, (r, g, b) = Shape(SemanticClass.PLANT), pick(_LEAVES, style)
    height = height_dm / 10
    shape.box((-0.5, 0.5), (-0.4, 0.4), (0, height), (r, g, b), top=(r * 1.2, g * 1.2, b * 1.15))
    return shape.mesh()


@lru_cache(maxsize=64)
def wall(style: int, height_dm: int) -> Mesh:
    """Two metres of wall along x, with courses and a coping."""
    shape, colour = Shape(SemanticClass.BUILDING), pick(_BRICKS, style)
    r, g, b = colour
    height = height_dm / 10
    shape.box((-1, 1), (-0.15, 0.15), (0, height), colour)
    joint = (r * 0.82, g * 0.82, b * 0.82)
    for z in np.arange(0.3, height - 0.1, 0.3).tolist():
        for y in (-0.16, 0.16):
            shape.upright((-1, y), (1, y), (z, z + 0.03), joint)
    shape.box((-1, 1), (-0.2, 0.2), (height, height + 0.08), (r * 1.12, g * 1.12, b * 1.12))
    return shape.mesh()


@lru_cache(maxsize=16)
def fence(style: int) -> Mesh:
    """Two metres of fence along x: pickets or rails."""
    shape, paint = Shape(SemanticClass.BUILDING), pick((_WOOD, _WHITE, (62, 76, 66)), style)
    for z in (0.35, 0.85):
        shape.upright((-1, 0), (1, 0), (z, z + 0.08), paint)
    posts = np.linspace(-1, 1, 9 if style % 2 else 3).tolist()
    for begin, _ in pairwise(posts):
        shape.box((begin, begin + 0.09), (-0.04, 0.04), (0, 1.05), paint)
    return shape.mesh()
