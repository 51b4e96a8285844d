"""What else stands on sidewalks, no reason to drive otherwise: bus stops, columns, poles, hedges, bins, signs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from roadcue.roadworld.furniture import bench, bin_, bollard, hydrant, sign
from roadcue.roadworld.mesh import Mesh, Shape
from roadcue.roadworld.road import ROAD_HALF_WIDTH_M, SIDEWALK_M
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.shapes import LEFT, RIGHT, STYLES, pick

_STEEL, _WOOD = (104, 108, 112), ((98, 80, 64), (118, 104, 90), (80, 64, 52))
_POSTERS = ((206, 60, 52), (52, 96, 168), (232, 190, 70), (232, 226, 214), (70, 140, 96), (150, 70, 130))
_HEDGES = ((52, 96, 40), (70, 112, 48), (44, 84, 50), (92, 108, 46), (104, 70, 48))
_AT_KERB_M, _AT_HOUSES_M = ROAD_HALF_WIDTH_M + 0.65, ROAD_HALF_WIDTH_M + SIDEWALK_M + 0.3
"""From the middle of the road: people walk between the two."""


@lru_cache(maxsize=64)
def bus_stop(style: int) -> Mesh:
    """A glass shelter, open to the right, with a poster at its far end and a blue sign before it."""
    shape = Shape(SemanticClass.POLE)
    x, y, glass = (-1.6, 1.6), (-0.5, 0.5), pick(((120, 140, 150), (96, 116, 128), (150, 164, 168)), style)
    shape.panel(x, y, (0.25, 2.1), RIGHT, glass)  # the back wall, as seen through the open front
    shape.panel(x, y, (0.25, 2.1), LEFT, glass)
    shape.upright((x[1], y[0]), (x[1], y[1]), (0.2, 2.1), pick(_POSTERS, style))
    shape.upright((x[0], 0.0), (x[0], y[1]), (0.2, 2.1), glass)
    shape.box((x[0] + 0.4, x[1] - 0.4), (0.1, 0.4), (0.4, 0.48), _WOOD[0])
    shape.box((x[0] - 0.2, x[1] + 0.2), y, (2.2, 2.34), _STEEL)
    shape.upright((-2.4, -0.03), (-2.4, 0.03), (0.0, 2.9), _STEEL)
    shape.upright((-2.4, -0.3), (-2.4, 0.3), (2.3, 2.9), (28, 92, 168))
    return shape.mesh()


@lru_cache(maxsize=64)
def column(style: int) -> Mesh:
    """An advertising column, six-sided, with posters all around."""
    shape, turn = Shape(SemanticClass.SIGN), np.linspace(0, 2 * np.pi, 7)
    corners = [(0.6 * float(c), 0.6 * float(s)) for c, s in zip(np.cos(turn), np.sin(turn), strict=True)]
    for side in range(6):
        (x0, y0), (x1, y1) = corners[side], corners[side + 1]
        normal = ((x0 + x1) / 1.04, (y0 + y1) / 1.04, 0.0)
        for low, high, colour in ((0.0, 3.0, (172, 166, 152)), (0.7, 2.6, pick(_POSTERS, style + side))):
            shape.quad([(x0, y0, low), (x1, y1, low), (x1, y1, high), (x0, y0, high)], colour, normal)
    shape.disc((0, 0, 3.05), 0.5, (84, 92, 88))
    return shape.mesh()


@lru_cache(maxsize=64)
def power_pole(style: int) -> Mesh:
    """A wooden pole with one or two arms across the street."""
    shape, wood, height = Shape(SemanticClass.POLE), pick(_WOOD, style), 7.6 + 0.2 * (style % 8)
    for x, y in ((0.13, 0.0), (0.0, 0.13)):
        shape.upright((-x, -y), (x, y), (0.0, height), wood)
    for arm in range(1 + style % 2):
        z = height - 0.4 - 0.9 * arm
        shape.upright((0.0, -1.1), (0.0, 1.1), (z - 0.12, z), wood)
        for y in (-1.0, 0.0, 1.0):
            shape.upright((0.0, y - 0.05), (0.0, y + 0.05), (z, z + 0.2), (176, 178, 176))
    return shape.mesh()


@lru_cache(maxsize=64)
def garden_hedge(style: int) -> Mesh:
    """A clipped hedge along x, 3 to 6 m long and waist to breast high, with darker and lighter leaves."""
    shape, (r, g, b) = Shape(SemanticClass.PLANT), pick(_HEDGES, style)
    half, height = 1.5 + 0.5 * (style % 4), 0.8 + 0.15 * (style % 5)
    shape.box((-half, half), (-0.4, 0.4), (0, height), (r, g, b), top=(1.2 * r, 1.2 * g, 1.15 * b))
    for i in range(int(4 * half)):
        x, z, shade = -half + 0.5 * i, 0.1 + (i * 0.37) % (height - 0.3), 0.8 if i % 2 else 1.12
        shape.panel((x, x + 0.4), (-0.41, 0.41), (z, z + 0.2), RIGHT, (r * shade, g * shade, b * shade))
    return shape.mesh()


@lru_cache(maxsize=64)
def bollards(style: int) -> Mesh:
    """Three of them in a row along the kerb."""
    shape, paint = Shape(SemanticClass.FURNITURE), pick(((52, 54, 58), (206, 204, 198), (120, 70, 44)), style)
    for x in (-1.5, 0.0, 1.5):
        for across in ((0.09, 0.0), (0.0, 0.09)):
            ends = (x - across[0], -across[1]), (x + across[0], across[1])
            shape.upright(*ends, (0.0, 0.9), paint)
            shape.upright(*ends, (0.68, 0.8), (226, 226, 220))
    return shape.mesh()


def _road_sign(style: int) -> Mesh:
    """A sign for those who drive on: not the one that forbids it."""
    return sign(style if style % 4 else style + 1)


@lru_cache(maxsize=256)
def _beside_the_road(look: Callable[[int], Mesh], style: int) -> Mesh:
    """What would be an obstacle on a walker's way is none where nobody drives."""
    mesh = look(style)
    return replace(mesh, classes=np.full_like(mesh.classes, SemanticClass.FURNITURE))


class Clutter(NamedTuple):
    """One kind of it: how many of all, what makes it from a style, and how far from the road's middle it stands."""

    share: float
    mesh: Callable[[int], Mesh]
    offset: float


CLUTTER: Mapping[str, Clutter] = {
    "road sign": Clutter(0.2, _road_sign, _AT_KERB_M),
    "bollards": Clutter(0.12, bollards, _AT_KERB_M),
    "bollard": Clutter(0.06, partial(_beside_the_road, bollard), _AT_KERB_M),
    "bin": Clutter(0.14, partial(_beside_the_road, bin_), _AT_KERB_M),
    "hydrant": Clutter(0.07, partial(_beside_the_road, lambda _: hydrant()), _AT_KERB_M),
    "power pole": Clutter(0.08, power_pole, _AT_HOUSES_M),
    "bench": Clutter(0.09, partial(_beside_the_road, bench), _AT_HOUSES_M),
    "hedge": Clutter(0.14, garden_hedge, _AT_HOUSES_M + 0.3),
    "bus stop": Clutter(0.05, bus_stop, _AT_HOUSES_M),
    "column": Clutter(0.05, column, _AT_HOUSES_M),
}
"""By its name; the shares add up to 1."""


def draw_clutter(rng: np.random.Generator) -> tuple[Mesh, float]:
    """One of it, and how many metres from the middle of its road it stands."""
    kinds = list(CLUTTER.values())
    kind = kinds[rng.choice(len(kinds), p=[each.share for each in kinds])]
    return kind.mesh(int(rng.integers(STYLES))), kind.offset + float(rng.uniform(-0.15, 0.15))
