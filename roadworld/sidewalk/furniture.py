"""What stands on and beside the sidewalk of a walk: scooters, boards, lights, bushes, hedges, walls, fences."""

from functools import lru_cache
from itertools import pairwise

import numpy as np

from roadcue.roadworld.mesh import Glass, Mesh, Shape
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.shapes import BACK, FORWARD, pick

_STEEL, _BLACK, _WHITE = (112, 114, 118), (34, 34, 36), (238, 238, 234)
_WOOD = (142, 100, 62)
_LEAVES = ((52, 96, 40), (70, 112, 48), (44, 84, 50), (92, 108, 46))
_BRICKS = ((156, 100, 80), (176, 166, 150), (140, 136, 130), (190, 176, 146))


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
