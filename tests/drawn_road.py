"""A picture of a road, simple enough to say what is where."""

import numpy as np


def drawn_road(width: int = 320, height: int = 240, car_x: float = 0.25) -> np.ndarray:
    """A sky, a grey road and a red car whose place is a fraction of the width; (height, width, 3) uint8."""
    y, x = np.mgrid[0:height, 0:width]
    u, v = x / width, y / height
    picture = np.where((v < 0.5)[..., None], (150, 190, 240), (90, 130, 80)).astype(np.uint8)
    picture[(v >= 0.5) & (np.abs(u - 0.5) < (v - 0.45))] = (80, 80, 85)
    picture[(v >= 0.5) & (np.abs(u - 0.5) < 0.01) & ((y // 8) % 2 == 0)] = (250, 250, 250)
    picture[(np.abs(u - car_x) < 0.06) & (np.abs(v - 0.55) < 0.08)] = (220, 20, 20)
    return picture
