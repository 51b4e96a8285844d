"""How the ground of a walk is laid out: path, road, verge, grass, and what lines them."""

from collections.abc import Iterator

import numpy as np

from roadcue.roadworld.ground import Marks
from roadcue.roadworld.mesh import Colour
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.shapes import STYLES, house, pick
from roadcue.roadworld.sidewalk.furniture import fence, hedge, wall
from roadcue.roadworld.sidewalk.scene import Scene, Surface, Thing

FAR_M = 60.0
"""As far as the ground goes, ahead of where the walk ends and to either side; behind the walker to `BEHIND_M`."""
BEHIND_M = -6.0
_PAVINGS: tuple[Colour, ...] = ((196, 190, 180), (206, 186, 158), (188, 132, 108), (178, 178, 182))
_PARK_PATHS: tuple[Colour, ...] = ((206, 186, 146), (196, 176, 150))
_ASPHALT: tuple[Colour, ...] = ((84, 86, 91), (96, 97, 100))
_KERB, _WHITE = (226, 224, 218), (230, 230, 226)
_GRASS: tuple[Colour, ...] = ((88, 132, 58), (104, 138, 66), (78, 118, 60))
_BARE: tuple[Colour, ...] = ((108, 90, 66), (100, 88, 74), (116, 100, 72))
_KERB_M = 0.18


def lay_base(rng: np.random.Generator, scene: Scene, grassy: bool) -> None:
    """The open ground under all else: grass or bare earth."""
    colour = pick(_GRASS if grassy else _BARE, int(rng.integers(STYLES)))
    label = "grass" if grassy else ""
    scene.surfaces.append(
        Surface(label, (BEHIND_M, FAR_M + scene.reach), (-FAR_M, FAR_M), colour, SemanticClass.GRASS)
    )


def strew(rng: np.random.Generator, scene: Scene) -> None:
    """Tufts or pebbles on the open ground, where nothing else lies on it."""
    far = 16 + scene.reach
    count = round(110 * (far - 1) / 15)
    size = rng.uniform(0.1, 0.5, (count, 2))
    tufts = _rectangles(rng.uniform((1, -9), (far, 9), (count, 2)), size)
    open_ground = (scene.topmost(tufts.reshape(-1, 2)) == 0).reshape(-1, 4).all(axis=1)
    r, g, b = scene.surfaces[0].colour
    scene.marks.append((tufts[open_ground], (r * 0.9, g * 0.9, b * 0.9), SemanticClass.GRASS))


def lay_path(
    rng: np.random.Generator, scene: Scene, width: float, stretches: list[tuple[float, float]], park: bool
) -> None:
    """The stretches in x of a sidewalk with seams between its slabs, or of a park path; `width` metres wide."""
    colour = pick(_PARK_PATHS if park else _PAVINGS, int(rng.integers(STYLES)), vary=0.08)
    half, slab = width / 2, float(rng.choice([0.5, 0.8, 1.2]))
    seam = (colour[0] * 0.84, colour[1] * 0.84, colour[2] * 0.84)
    for x in stretches:
        if not park:
            scene.surfaces.append(Surface("", x, (-half - 0.12, half + 0.12), _KERB, SemanticClass.KERB))
        scene.surfaces.append(Surface("sidewalk", x, (-half, half), colour, SemanticClass.SIDEWALK))
        begin, end = max(x[0], 0.8), min(x[1], 18 + scene.reach)
        if park:
            count = round(40 * (end - begin) / 17)
            at = rng.uniform((begin, -half + 0.1), (end, half - 0.3), (count, 2))
            scene.marks.append((_rectangles(at, rng.uniform(0.05, 0.2, (count, 2))), seam, SemanticClass.SIDEWALK))
        elif begin < end:
            across = [_rectangle((s, s + 0.03), (-half, half)) for s in np.arange(begin, end, slab)]
            along = [_rectangle((begin, end), (y, y + 0.025)) for y in np.arange(-half, half, slab)[1:]]
            scene.marks.append((np.array(across + along), seam, SemanticClass.SIDEWALK))


def lay_road_along(rng: np.random.Generator, scene: Scene, y: tuple[float, float]) -> None:
    """A road along x between two kerbs, with its centre line."""
    colour = pick(_ASPHALT, int(rng.integers(STYLES)), vary=0.06)
    x = (BEHIND_M, FAR_M + scene.reach)
    scene.surfaces.append(Surface("", x, (y[0] - _KERB_M, y[1] + _KERB_M), _KERB, SemanticClass.KERB))
    scene.surfaces.append(Surface("road", x, y, colour, SemanticClass.ROAD))
    middle = sum(y) / 2
    dashes = [_rectangle((s, s + 2.0), (middle - 0.07, middle + 0.07)) for s in np.arange(1, 45 + scene.reach, 5.0)]
    scene.marks.append((np.array(dashes), _WHITE, SemanticClass.MARKING))
    scene.marks.append(_repairs(rng, (1, 20 + scene.reach), (y[0] + 0.4, y[1] - 0.4), colour))


def lay_road_across(rng: np.random.Generator, scene: Scene, x: tuple[float, float], zebra: float) -> None:
    """A road along y between x[0] and x[1]; `zebra` is the width of a crossing on the path's line, or 0."""
    colour = pick(_ASPHALT, int(rng.integers(STYLES)), vary=0.06)
    y = (-FAR_M, FAR_M)
    scene.surfaces.append(Surface("", (x[0] - _KERB_M, x[1] + _KERB_M), y, _KERB, SemanticClass.KERB))
    scene.surfaces.append(Surface("road", x, y, colour, SemanticClass.ROAD))
    scene.marks.append(_repairs(rng, (x[0] + 0.3, x[1] - 0.6), (-9, 9), colour))
    middle = sum(x) / 2
    half = zebra / 2 + 0.6 if zebra else 0.0
    lines = [s for s in np.arange(-30, 30, 4.0) if s > half or s + 2 < -half]
    scene.marks.append(
        (_rectangles(np.array([(middle - 0.07, s) for s in lines]), (0.14, 2.0)), _WHITE, SemanticClass.MARKING)
    )
    if zebra:
        stripes = [(x[0] + 0.3, s) for s in np.arange(-zebra / 2, zebra / 2 - 0.4, 0.95)]
        size = (x[1] - x[0] - 0.6, 0.48)
        scene.marks.append((_rectangles(np.array(stripes), size), _WHITE, SemanticClass.MARKING))
        scene.zebra = True


def lay_strip(
    rng: np.random.Generator, scene: Scene, x: tuple[float, float], y: tuple[float, float], grassy: bool
) -> None:
    """A strip of grass or bare earth, such as lies between a path and a kerb."""
    colour = pick(_GRASS if grassy else _BARE, int(rng.integers(STYLES)))
    scene.surfaces.append(Surface("grass" if grassy else "", x, y, colour, SemanticClass.GRASS))


def line_with(rng: np.random.Generator, scene: Scene, side: int, y: float, x: tuple[float, float], what: str) -> str:
    """Put houses, a hedge, a wall or a fence `y` metres from the path's middle on a side, +1 left; names it."""
    scene.things += {"houses": _houses, "hedge": _hedge, "wall": _wall, "fence": _fence}[what](rng, side, y, x)
    return {"houses": "a row of houses", "hedge": "a hedge", "wall": "a wall", "fence": "a fence"}[what]


def _houses(rng: np.random.Generator, side: int, y: float, x: tuple[float, float]) -> Iterator[Thing]:
    s, floors = x[0], int(rng.integers(1, 5))
    while s < x[1]:
        length, style = int(rng.integers(7, 12)), int(rng.integers(STYLES))
        mesh = house(length, int(np.clip(floors + rng.integers(-1, 2), 1, 6)), style)
        heading = 0.0 if side > 0 else np.pi
        half = (length / 2, 0.1, 2.0)
        yield Thing("", "a house", (mesh,), (s + length / 2, side * y), heading, half)
        s += length + float(rng.choice([0.0, 0.0, 2.5]))


def _hedge(rng: np.random.Generator, side: int, y: float, x: tuple[float, float]) -> Iterator[Thing]:
    style, height = int(rng.integers(STYLES)), int(rng.integers(8, 19))
    mesh = hedge(style, height)
    for s in np.arange(x[0] + 0.5, x[1], 1.0).tolist():
        yield Thing(
            "plants", "a hedge", (mesh,), (s, side * (y + 0.4)), 0.0, (0.5, 0.4, min(height / 10, 2.0)), mass=True
        )


def _wall(rng: np.random.Generator, side: int, y: float, x: tuple[float, float]) -> Iterator[Thing]:
    mesh, height = wall(int(rng.integers(STYLES)), decimetres := int(rng.integers(8, 22))), decimetres / 10
    for s in np.arange(x[0] + 1, x[1], 2.0).tolist():
        yield Thing("", "a wall", (mesh,), (s, side * (y + 0.2)), 0.0, (1.0, 0.15, min(height, 2.0)))


def _fence(rng: np.random.Generator, side: int, y: float, x: tuple[float, float]) -> Iterator[Thing]:
    mesh = fence(int(rng.integers(STYLES)))
    for s in np.arange(x[0] + 1, x[1], 2.0).tolist():
        # One looks through it: it hides nothing.
        yield Thing("", "a fence", (mesh,), (s, side * (y + 0.1)), 0.0, (1.0, 0.05, 0.0))


def _repairs(rng: np.random.Generator, x: tuple[float, float], y: tuple[float, float], colour: Colour) -> Marks:
    """Darker patches in the asphalt, twelve on twenty metres."""
    count = round(12 * max(1.0, (x[1] - x[0]) / 20))
    at = rng.uniform((x[0], y[0]), (x[1], y[1]), (count, 2))
    darker = (colour[0] * 0.88, colour[1] * 0.88, colour[2] * 0.88)
    size = np.minimum(rng.uniform(0.2, 1.6, (count, 2)), np.array([x[1], y[1]]) - at)
    return _rectangles(at, size), darker, SemanticClass.ROAD


def _rectangle(x: tuple[float, float], y: tuple[float, float]) -> np.ndarray:
    return np.array([(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])])


def _rectangles(at: np.ndarray, size: np.ndarray | tuple[float, float]) -> np.ndarray:
    """(n, 4, 2) from the lower corners (n, 2) and the sizes, (n, 2) or one for all."""
    at = at.reshape(-1, 2)
    corners = np.array([(0.0, 0), (1, 0), (1, 1), (0, 1)])
    return at[:, None] + corners * np.broadcast_to(size, at.shape)[:, None]
