"""Short texts in a picture, each at its place but none on top of another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Label:
    """`text` that belongs to the place `at` (2,), in a `colour` `#rrggbb`."""

    text: str
    at: np.ndarray
    colour: str


def apart(places: Sequence[np.ndarray], box: np.ndarray) -> list[np.ndarray]:
    """The places (2,) across and along, moved along as little as needed so that no two boxes of size `box` overlap.

    From the lowest place on, each takes the first free one from its own upwards.
    """
    moved: dict[int, np.ndarray] = {}
    for i in sorted(range(len(places)), key=lambda i: float(places[i][1])):
        place = np.array(places[i], np.float64)
        for other in sorted(moved.values(), key=lambda other: float(other[1])):
            if (np.abs(place - other) < box).all():
                place[1] = other[1] + box[1]
        moved[i] = place
    return [moved[i] for i in range(len(places))]
