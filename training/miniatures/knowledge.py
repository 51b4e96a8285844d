"""What a drawn scene holds, as numbers and flags that a picture should tell."""

import numpy as np

from roadcue.prompts.annotation import OBJECT_KINDS, ROAD_POSITIONS, SIDES, SIDEWALK_POSITIONS, Annotation
from roadcue.roadworld.road_ahead import LANE_AHEAD_M, RoadAhead
from roadcue.roadworld.sidewalk.spec import REASONS as WALK_REASONS
from roadcue.roadworld.spec import REASONS as DRIVE_REASONS

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
REASON_FLAGS = tuple(f"reason {kind}" for kind in (*DRIVE_REASONS, *WALK_REASONS))
"""Which half of a pair it is, the one with the reason or the one without; of no other picture is that known."""
FLAGS = (*_DRIVE_FLAGS, *_WALK_FLAGS, *REASON_FLAGS)

Known = tuple[np.ndarray, np.ndarray]
"""`NUMBERS` (A,) and `FLAGS` (B,) float32; NaN for those of the other view, and of pairs of other kinds."""


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
    others = [np.nan] * (len(_WALK_FLAGS) + len(REASON_FLAGS))
    return _array([*ahead.lane_ahead, *near]), _array([*map(float, flags), *others])


def of_annotation(annotation: Annotation) -> Known:
    """A pedestrian's view."""
    flags = [annotation.sidewalk == position for position in SIDEWALK_POSITIONS]
    flags += [annotation.road == position for position in ROAD_POSITIONS]
    for objects in (annotation.near, annotation.far):
        flags += [position in objects[kind] for kind in OBJECT_KINDS for position in SIDES]
    no_drive, no_reason = [np.nan] * len(_DRIVE_FLAGS), [np.nan] * len(REASON_FLAGS)
    return _array([np.nan] * len(NUMBERS)), _array([*no_drive, *map(float, flags), *no_reason])


def of_reason(known: Known, kind: str, there: bool) -> Known:
    """A half of a pair of that kind, with the reason or without, of which the rest is `known`."""
    numbers, flags = known[0], known[1].copy()
    flags[FLAGS.index(f"reason {kind}")] = there
    return numbers, flags


def _nearness(distance: float | None) -> float:
    """1 here, one half 10 m away, 0 for what is not there."""
    return 0.0 if distance is None else 1 / (1 + max(distance, 0.0) / 10)


def _array(values: list[float]) -> np.ndarray:
    return np.array(values, np.float32)
