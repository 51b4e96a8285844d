"""Who walks and who rides."""

from functools import lru_cache

from roadcue.roadworld.mesh import Mesh, Shape
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.shapes import FORWARD, pick
from roadcue.roadworld.vehicles import add_bicycle

_CLOTHES = (
    (200, 36, 44),
    (40, 84, 170),
    (236, 232, 222),
    (34, 36, 42),
    (236, 176, 36),
    (60, 140, 84),
    (236, 120, 40),
    (128, 60, 110),
    (120, 124, 130),
    (86, 70, 54),
    (150, 190, 210),
    (240, 220, 90),
    (226, 150, 160),
)
_TROUSERS = ((36, 44, 70), (34, 36, 42), (96, 88, 76), (70, 76, 84), (150, 140, 118), (84, 40, 46), (60, 84, 120))
_SKINS = ((208, 162, 132), (164, 118, 88), (112, 78, 58), (84, 58, 46))
_HAIR = ((44, 34, 28), (92, 66, 42), (28, 26, 26), (170, 140, 90), (150, 148, 146), (124, 60, 34))
_BAGS = ((40, 42, 50), (150, 60, 40), (60, 90, 80))


@lru_cache(maxsize=2048)
def person(style: int, stride: int) -> Mesh:
    """Someone 1.75 m tall who looks along x; `stride`, -4 to 4, is how far the legs are apart.

    Some wear a long coat, a cap or a rucksack.
    """
    shape, jacket = Shape(SemanticClass.PERSON), pick(_CLOTHES, style)
    trousers, skin = pick(_TROUSERS, style // 3), pick(_SKINS, style // 5)
    for side in (-1, 1):
        foot = 0.085 * stride * side
        y = (0.03 * side, 0.2 * side)
        shape.quad([(foot - 0.1, y[0], 0), (foot + 0.1, y[1], 0), (0.1, y[1], 0.86), (-0.1, y[0], 0.86)], trousers)
        hand, shoulder = -0.7 * foot, 0.29 * side
        arm = [(hand - 0.06, shoulder, 0.76), (hand + 0.06, 1.2 * shoulder, 0.76)]
        shape.quad([*arm, (0.07, 1.1 * shoulder, 1.42), (-0.07, 0.8 * shoulder, 1.42)], jacket)
    coat = 0.45 if style % 5 == 2 else 0.8
    shape.box((-0.14, 0.14), (-0.25, 0.25), (coat, 1.46), jacket)
    if style % 4 == 1:
        shape.box((-0.32, -0.14), (-0.18, 0.18), (0.95, 1.42), pick(_BAGS, style))
    shape.disc((-0.03, 0, 1.65), 0.15, pick(_CLOTHES, style + 4) if style % 6 == 3 else pick(_HAIR, style // 2))
    shape.disc((0.03, 0, 1.6), 0.13, skin, FORWARD)
    return shape.mesh()


@lru_cache(maxsize=1024)
def cyclist(style: int, stride: int) -> Mesh:
    """Someone on a bicycle who rides along x; `stride`, -4 to 4, is how far one foot is below the other."""
    shape, jacket = Shape(SemanticClass.CYCLIST), pick(_CLOTHES, style)
    add_bicycle(shape, style)
    for side in (-1, 1):
        low, y = 0.32 + 0.04 * stride * side, 0.13 * side
        knee = (0.2, low + 0.34)
        thigh = [(-0.25, y, 0.92), knee_high := (knee[0], y, knee[1] + 0.16), (knee[0], y, knee[1]), (-0.25, y, 0.78)]
        shape.quad(thigh, pick(_TROUSERS, style // 3))
        shin = [knee_high, (0.06, y, low), (-0.06, y, low), (0.06, y, knee[1])]
        shape.quad(shin, pick(_TROUSERS, style // 3))
        shape.upright((-0.1, y + 0.07 * side), (0.1, y - 0.07 * side), (low, 0.95), pick(_TROUSERS, style // 3))
    for y in (-0.2, 0.2):
        shape.quad([(-0.3, y, 0.9), (-0.02, y, 0.9), (0.24, y, 1.45), (0.0, y, 1.52)], jacket)
        shape.quad([(0.1, y, 1.42), (0.2, y, 1.42), (0.44, y, 1.05), (0.36, y, 1.05)], jacket)
    shape.quad([(-0.3, -0.22, 0.88), (-0.3, 0.22, 0.88), (0.0, 0.24, 1.5), (0.0, -0.24, 1.5)], jacket)
    shape.quad([(-0.02, -0.22, 0.9), (-0.02, 0.22, 0.9), (0.24, 0.24, 1.45), (0.24, -0.24, 1.45)], jacket)
    shape.disc((0.18, 0, 1.68), 0.15, pick(_CLOTHES, style + 3))
    shape.disc((0.22, 0, 1.62), 0.12, pick(_SKINS, style // 5), FORWARD)
    return shape.mesh()
