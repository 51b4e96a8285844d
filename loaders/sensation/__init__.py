"""SENSATION: what a blind pedestrian must know of a picture, as annotations, captions and BVPI texts."""

from roadcue.loaders.sensation.annotation import OBJECTS, POSITIONS, ROAD_POSITIONS, SIDEWALK_POSITIONS, Annotation
from roadcue.loaders.sensation.dataset import Sensation, open_sensation

__all__ = [
    "OBJECTS",
    "POSITIONS",
    "ROAD_POSITIONS",
    "SIDEWALK_POSITIONS",
    "Annotation",
    "Sensation",
    "open_sensation",
]
