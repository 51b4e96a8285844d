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
WALLS = (
    (176, 150, 128),
    (150, 92, 76),
    (196, 190, 178),
    (126, 132, 140),
    (208, 186, 150),
    (110, 96, 90),
    (214, 206, 196),
    (178, 116, 84),
    (146, 160, 150),
    (206, 168, 112),
    (128, 70, 62),
)
"""Colours of houses."""
_ROOFS = ((128, 66, 50), (84, 80, 80), (104, 84, 70), (70, 74, 84), (148, 88, 64))
_GLASS = ((64, 78, 92), (48, 58, 66), (92, 108, 118))
_CURTAINS = ((144, 122, 77), (136, 133, 124), (137, 103, 58))
"""Windows behind which there is a lamp, by day."""
_SHOP_WINDOW = (68, 67, 62)
_AWNINGS = ((150, 40, 42), (40, 84, 66), (48, 70, 120), (206, 176, 96), (70, 66, 66))
_WINDOWS = ((3.4, 0.25, 1.0, 2.6), (2.6, 0.3, 0.5, 2.7), (4.4, 0.32, 1.2, 2.3), (13.0, 0.06, 1.0, 2.5))
"""Of each kind: from one to the next, the share of that to either side, sill and lintel above the storey's floor."""
SEASONS = ("spring", "summer", "autumn", "winter")
_LEAVES = {
    "spring": ((104, 142, 58), (122, 150, 70), (88, 128, 52), (222, 190, 198), (226, 220, 208)),
    "summer": ((58, 92, 40), (74, 108, 44), (46, 78, 46), (110, 104, 44), (86, 116, 56)),
    "autumn": ((172, 112, 36), (150, 74, 34), (190, 150, 52), (124, 100, 40), (132, 60, 44)),
}
_NEEDLES = ((40, 68, 48), (52, 78, 60), (34, 60, 38))
_BARK = (84, 66, 50)


def pick(choices: tuple[Colour, ...], style: int, vary: float = 0.12) -> Colour:
    """One of the colours, a little lighter or darker, as the style number says."""
    shade = 1 + vary * ((style // 7 % 11) / 5 - 1)
    r, g, b = choices[style % len(choices)]
    return (r * shade, g * shade, b * shade)


@lru_cache(maxsize=4096)
def house(length: int, floors: int, style: int) -> Mesh:
    """A building `length` metres along the street, whose front, its y = 0 face, looks to the right of its x axis.

    The style tells its walls, roof and windows, and behind which of them lamps shine when it is dark.
    """
    shape, wall = Shape(SemanticClass.BUILDING), pick(WALLS, style)
    depth, height = 9.0, 3.2 * floors + 0.8
    x, y = (-length / 2, length / 2), (0.0, depth)
    shape.box(x, y, (0, height), wall, top=(90, 86, 84))
    if floors < 3 and style % 4:
        _pitched_roof(shape, x, y, height, wall, pick(_ROOFS, style))
    has_shop = floors > 2 and style % 3 == 0
    if has_shop:
        shape.panel((x[0] + 0.5, x[1] - 0.5), y, (0.3, 2.9), RIGHT, _SHOP_WINDOW, glass=Glass.LAMP)
        _awning(shape, (x[0] + 0.2, x[1] - 0.2), pick(_AWNINGS, style))
    panes = {Glass.PANE: pick(_GLASS, style), Glass.LAMP: _CURTAINS[style % len(_CURTAINS)]}
    pitch, pier, sill, lintel = _WINDOWS[style % len(_WINDOWS)]
    for normal, (begin, end) in ((RIGHT, x), (BACK, y), (FORWARD, y)):
        edges = np.linspace(begin, end, max(1, int((end - begin) / pitch)) + 1).tolist()
        for storey in range(1 if has_shop and normal == RIGHT else 0, floors):
            z = (3.2 * storey + sill, 3.2 * storey + lintel)
            for place, (left, right) in enumerate(pairwise(edges)):
                opening = (left + pier * (right - left), right - pier * (right - left))
                x_span, y_span = (opening, y) if normal == RIGHT else (x, opening)
                glass = Glass.LAMP if (5 * storey + 3 * place + style) % 7 < style % 5 else Glass.PANE
                shape.panel(x_span, y_span, z, normal, panes[glass], glass=glass)
    return shape.mesh(origin=(0.0, depth / 2), recess=length / 2)


def _pitched_roof(
    shape: Shape, x: tuple[float, float], y: tuple[float, float], eaves: float, wall: Colour, tiles: Colour
) -> None:
    """Two slopes with the ridge along x, and the gables below them."""
    middle, ridge = sum(y) / 2, eaves + 0.3 * (y[1] - y[0])
    for end, normal in zip(x, (BACK, FORWARD), strict=True):
        shape.quad([(end, y[0], eaves), (end, y[1], eaves), (end, middle, ridge), (end, middle, ridge)], wall, normal)
    for edge, normal in zip(y, ((0, -0.5, 0.85), (0, 0.5, 0.85)), strict=True):
        corners = [(x[0], edge, eaves), (x[1], edge, eaves), (x[1], middle, ridge), (x[0], middle, ridge)]
        shape.quad(corners, tiles, normal)


def _awning(shape: Shape, x: tuple[float, float], cloth: Colour) -> None:
    """Cloth that slopes from the front of a shop down over the sidewalk."""
    (begin, end), out, (low, high) = x, -0.5, (2.9, 3.6)
    shape.quad([(begin, out, low), (end, out, low), (end, 0, high), (begin, 0, high)], cloth, (0, -0.81, 0.58))


@lru_cache(maxsize=4096)
def tree(height: int, style: int, season: str) -> Mesh:
    """A tree, `height` metres high: a conifer, a poplar or, most often, a broad one; `season` is one of `SEASONS`."""
    shape = Shape(SemanticClass.TREE)
    shape.box((-0.15, 0.15), (-0.15, 0.15), (0, height * 0.55), _BARK)
    if style % 6 == 0:
        _conifer(shape, height, pick(_NEEDLES, style))
    elif season == "winter":
        _bare_branches(shape, height, style)
    elif style % 6 == 1:
        _crown(shape, height, _POPLAR, pick(_LEAVES[season], style))
    else:
        _crown(shape, height, _BROAD, pick(_LEAVES[season], style))
    return shape.mesh()


_BROAD = ((-0.15, 0.63, 0.22), (0.15, 0.645, 0.22), (0.0, 0.765, 0.22), (-0.06, 0.675, 0.22), (0.075, 0.72, 0.22))
_POPLAR = ((0.0, 0.34, 0.11), (-0.03, 0.47, 0.13), (0.03, 0.6, 0.13), (0.0, 0.74, 0.12), (0.0, 0.87, 0.09))
"""Discs of a crown: aside, height and radius, as shares of the tree's height; the first two lie in shade."""


def _crown(shape: Shape, height: float, discs: tuple[Point, ...], leaves: Colour) -> None:
    r, g, b = leaves
    for i, (aside, up, radius) in enumerate(discs):
        colour = (0.72 * r, 0.72 * g, 0.72 * b) if i < 2 else leaves
        shape.disc((0, aside * height, up * height), radius * height, colour)


def _conifer(shape: Shape, height: float, needles: Colour) -> None:
    """Three tiers, each of two upright triangles across one another, the upper ones lighter."""
    for tier, (low, high, reach) in enumerate(((0.15, 0.6, 0.2), (0.38, 0.82, 0.15), (0.6, 1.0, 0.1))):
        r, g, b = (channel * (0.8 + 0.15 * tier) for channel in needles)
        for across in ((1.0, 0.0), (0.0, 1.0)):
            wide, slim = reach * height, 0.02 * height
            ends = [(-wide, low), (wide, low), (slim, high), (-slim, high)]
            shape.quad([(w * across[0], w * across[1], z * height) for w, z in ends], (r, g, b))


def _bare_branches(shape: Shape, height: float, style: int) -> None:
    """A trunk that goes on to the top, and branches that rise to all sides."""
    top, thick = 0.95 * height, 0.012 * height
    for across in ((1.0, 0.0), (0.0, 1.0)):
        ends = [(-thick, 0.5), (thick, 0.5), (0.2 * thick, 1.0), (-0.2 * thick, 1.0)]
        shape.quad([(w * across[0], w * across[1], z * top) for w, z in ends], _BARK)
    for branch in range(7):
        turn = 2.4 * branch + style
        c, s, low = np.cos(turn), np.sin(turn), (0.38 + 0.07 * branch) * height
        reach, rise = (0.3 - 0.025 * branch) * height, 0.16 * height
        foot, end = (0.0, 0.0), (float(reach * c), float(reach * s))
        corners = [(*foot, low - thick), (*end, low + rise), (*end, low + rise + 0.02), (*foot, low + thick)]
        shape.quad(corners, _BARK)


@lru_cache(maxsize=1)
def lamp_post() -> Mesh:
    """A street lamp whose arm reaches over the road, to the right; it is on when it is dark."""
    shape, height = Shape(SemanticClass.POLE), 6.5
    shape.box((-0.08, 0.08), (-0.08, 0.08), (0, height), _STEEL)
    shape.box((-0.1, 0.1), (-2.0, 0), (height - 0.15, height), _STEEL)
    shape.disc((0, -1.8, height - 0.2), 0.2, (255, 226, 170), glass=Glass.LAMP)
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
