"""What a drawn scene holds, as numbers and flags that a picture should tell."""

import numpy as np

from roadcue.prompts.annotation import OBJECT_KINDS, ROAD_POSITIONS, SIDES, SIDEWALK_POSITIONS, Annotation
from roadcue.roadworld.road_ahead import LANE_AHEAD_M, RoadAhead

_LIGHTS = ("green", "yellow", "red")
_NEARNESS = ("lead", "light", "crossing", "junction", "works", "debris", "standing", "oncoming")
"""Things whose distance a scene has, None when they are not there."""
NUMBERS = (*(f"lane {m:.0f} m ahead" for m in LANE_AHEAD_M), *(f"nearness of {name}" for name in _NEARNESS))
_DRIVE_FLAGS = (
    "lead",
    "lead braking",
    *(f"{colour} light" for colour in _LIGHTS),
    "pedestrian crossing",
    "cyclist crossing",
    "crossing closed",
    "left arm",
    "right arm",
    "works",
    "debris",
    "standing vehicle",
    "cut in",
)
_WALK_FLAGS = (
    *(f"sidewalk {position.lower()}" for position in SIDEWALK_POSITIONS),
    *(f"road {position.lower()}" for position in ROAD_POSITIONS),
    *(f"near {kind} {position.lower()}" for kind in OBJECT_KINDS for position in SIDES),
    *(f"far {kind} {position.lower()}" for kind in OBJECT_KINDS for position in SIDES),
)
FLAGS = (*_DRIVE_FLAGS, *_WALK_FLAGS)

Known = tuple[np.ndarray, np.ndarray]
"""`NUMBERS` (A,) and `FLAGS` (B,) float32; NaN for those of the other view."""


def of_road_ahead(ahead: RoadAhead) -> Known:
    """A driver's view."""
    near = [_nearness(getattr(ahead, f"{name}_m")) for name in _NEARNESS]
    flags = [
        ahead.lead_m is not None,
        ahead.lead_braking,
        *(ahead.light == colour for colour in _LIGHTS),
        ahead.someone_crossing == "pedestrian",
        ahead.someone_crossing == "cyclist",
        ahead.crossing_closed,
        ahead.left_arm,
        ahead.right_arm,
        ahead.works_m is not None,
        ahead.debris_m is not None,
        ahead.standing_m is not None,
        ahead.cut_in,
    ]
    return _array([*ahead.lane_ahead, *near]), _array([*map(float, flags), *[np.nan] * len(_WALK_FLAGS)])


def of_annotation(annotation: Annotation) -> Known:
    """A pedestrian's view."""
    flags = [annotation.sidewalk == position for position in SIDEWALK_POSITIONS]
    flags += [annotation.road == position for position in ROAD_POSITIONS]
    for objects in (annotation.near, annotation.far):
        flags += [position in objects[kind] for kind in OBJECT_KINDS for position in SIDES]
    return _array([np.nan] * len(NUMBERS)), _array([*[np.nan] * len(_DRIVE_FLAGS), *map(float, flags)])


def _nearness(distance: float | None) -> float:
    """1 here, one half 10 m away, 0 for what is not there."""
    return 0.0 if distance is None else 1 / (1 + max(distance, 0.0) / 10)


def _array(values: list[float]) -> np.ndarray:
    return np.array(values, np.float32)
