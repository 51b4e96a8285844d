"""From BDD100K's boxes to SENSATION's objects: which kind, near or far, left, center or right.

- Kind: pedestrians and riders are persons, everything with a motor or on rails is a car, bicycles, traffic signs and
  traffic lights are themselves. Boxes name no obstacle, grass, plants or trees: those stay unlabelled.
- Position: the third of the picture that holds the box's middle.
- Near: within about 15 m, which is what stopping from 30 km/h takes (1 s to react, then 6 m/s^2: 8.3 + 5.8 m). By
  size: a thing H metres high at distance d is f H / d pixels high, and so a box is near when its height is at least
  f H / 15. By position: a thing on the ground whose lower edge is in the last quarter of the picture is near however
  little of it is in sight, with the horizon in the middle within 7 m, and within 12 m where it is at 0.6.

BDD100K has no calibration in its labels. f is that of a picture 65 degrees wide, as dashboard phones have, and no
better than the heights: the rule sorts into near and far, it measures nothing.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

from roadcue.prompts.annotation import SIDES, Objects

WIDTH, HEIGHT = 1280, 720
"""Pixels of every picture (BDD100K, section 3 of arXiv 1805.04687)."""
FOCAL = WIDTH / 2 / math.tan(math.radians(65 / 2))
"""Pixels."""
NEAR_M = 15.0
NEAR_EDGE = 0.75
"""Lower edge, as a share of the picture's height, from which a thing on the ground is near."""
HEIGHT_M = {"person": 1.7, "car": 1.5, "bicycle": 1.1, "traffic_sign": 0.75, "traffic_light": 0.9}
"""Usual heights; of a sign the plate's, of a light the housing's. A lorry counts as near from farther away."""
HANGING = frozenset({"traffic_sign", "traffic_light"})
"""Kinds whose boxes do not reach the ground."""
KIND = {
    **dict.fromkeys(("pedestrian", "person", "rider", "other person"), "person"),
    **dict.fromkeys(("car", "truck", "bus", "train", "trailer", "other vehicle", "motorcycle", "motor"), "car"),
    **dict.fromkeys(("bicycle", "bike"), "bicycle"),
    "traffic sign": "traffic_sign",
    "traffic light": "traffic_light",
}
"""Category -> kind, in the words of the labels of 2020 (det_20) and of 2018."""


class Box(NamedTuple):
    """A labelled box: its kind, of `HEIGHT_M`, and its edges in pixels from the upper left corner."""

    kind: str
    x1: float
    y1: float
    x2: float
    y2: float


def is_near(box: Box) -> bool:
    """Whether what is in the box is near."""
    tall = box.y2 - box.y1 >= FOCAL * HEIGHT_M[box.kind] / NEAR_M
    return tall or (box.kind not in HANGING and box.y2 >= NEAR_EDGE * HEIGHT)


def position_of(box: Box) -> str:
    """Left, Center or Right."""
    third = int((box.x1 + box.x2) / 2 / WIDTH * len(SIDES))
    return SIDES[min(max(third, 0), len(SIDES) - 1)]


def objects_of(boxes: Iterable[Box], *, near: bool) -> Objects:
    """The near or the far objects, kind -> positions from left to right; kinds that no box can have are not in it."""
    chosen = sorted((box for box in boxes if is_near(box) == near), key=lambda box: box.x1 + box.x2)
    return {kind: tuple(position_of(box) for box in chosen if box.kind == kind) for kind in HEIGHT_M}
