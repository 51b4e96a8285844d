"""The rules that make the true cues of somebody who walks or drives: labels or logged paths in, way and pace out.

The cue says where to turn and the pace whether to go on; neither is a route. For a pedestrian who does not see, the
rule never turns towards the road, and where nothing is free it says stop instead of a guess.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor

from roadcue.heads.field.labels import POSITION_CLASSES, UNKNOWN
from roadcue.prompts.annotation import OBJECT_KINDS, SIDES
from roadcue.schema import STEP_S

CUES = ("deviate left", "keep straight", "deviate right")
"""In the order of `prompts.annotation.SIDES`: towards what is in that third of the picture."""
PACES = ("keep pace", "slow down", "stop")
"""Of a walker or a driver, from the fastest to the slowest."""
IN_THE_WAY = ("bicycle", "car", "person", "traffic_sign", "traffic_light", "obstacle")
"""Near objects that one would walk into: things that stand, lie or move on the sidewalk. Grass, plants and trees are
not among them: the annotators named them for what lines the way (a verge, a hedge, a row of trees in their beds), so
that most pictures of a free sidewalk have one; a trunk on the path itself is annotated as an obstacle."""
_STOPPED_M_S, _SLOWER = 0.5, 0.75
"""Below this speed somebody stops, below this share of the first second's speed he slows down: RoadCue's choice. A
usual walking speed is 1.4 m/s (Bohannon 1997, "Comfortable and maximum walking speed of adults")."""


def walking_cue(sidewalk: str, road: str, blocked: Collection[str]) -> tuple[str, str]:
    """(one of `CUES`, one of `PACES`) for a pedestrian.

    `sidewalk` and `road` are values of SENSATION's columns, `blocked` those of `blocked_sides`.

    1. The way is where the sidewalk is; without one in the picture (Outside) it is straight ahead.
    2. If straight ahead is blocked, the way is a free side, but never the one where the road is: first the side
       opposite the road, then the right one, on which people pass each other where cars drive on the right. A
       sidewalk that lies to one side and is blocked has no way round.
    3. No free way: stop, facing the way. Sidewalk in the centre with obstacles left and right: keep straight.
    4. Stop too where only road is ahead (Outside, Front); slow down where a road is ahead, or to go round something.
    """
    way = sidewalk if sidewalk in SIDES else "Center"
    free = [side for side in (way, *_ways_round(road if way == "Center" else None)) if side not in blocked]
    cue = CUES[SIDES.index(free[0] if free else way)]
    if not free or (sidewalk == "Outside" and road == "Front"):
        return cue, "stop"
    return cue, "slow down" if road == "Front" or free[0] != way else "keep pace"


def blocked_sides(near: Mapping[str, Collection[str]]) -> set[str]:
    """The sides where something of `IN_THE_WAY` is near; `near` is kind -> sides, as in an `Annotation`."""
    return {side for kind in IN_THE_WAY for side in near[kind]}


def walking_cues(positions: Tensor, objects: Tensor) -> Tensor:
    """`walking_cue` of b pictures: `positions` (b, 2), `objects` (b, 2, 9, 3) of `HeadTargets` -> (b, 2) int64.

    Places in `CUES` and `PACES`; -1 where a position or a near object in the way is not labelled.
    """
    near = objects[:, 0, [OBJECT_KINDS.index(kind) for kind in IN_THE_WAY]]
    known = (positions != UNKNOWN).all(dim=1) & ~near.isnan().flatten(1).any(dim=1)
    bits = ((near.nan_to_num() > 0).any(dim=1) * torch.tensor([1, 2, 4], device=near.device)).sum(dim=1)
    sidewalk, road = positions.clamp(min=0).unbind(dim=1)
    cues = _table().to(near.device)[sidewalk, road, bits]
    return cues.where(known[:, None], torch.full_like(cues, UNKNOWN))


def path_cues(future: Tensor, offset_m: float, at_s: float) -> Tensor:
    """What a driver or walker did, from his path (b, 20, 2) metres, ego frame -> (b, 2) int64 as `walking_cues`.

    Deviate left or right: `at_s` seconds after t = 0 he is at least `offset_m` metres beside the line of his heading
    at t = 0. Stop: in the second before `at_s` he moves at less than 0.5 m/s; slow down: at less than three quarters
    of his speed in the first second. -1 where a row has no path.
    """
    at, second = round(at_s / STEP_S), round(1 / STEP_S)
    known = ~future.isnan().flatten(1).any(dim=1)
    path = F.pad(future.nan_to_num(), (0, 0, 1, 0))  # (b, 21, 2): from the origin at t = 0 on
    aside = path[:, at, 1]
    cue = 1 - (aside >= offset_m).long() + (aside <= -offset_m).long()
    first_speed = torch.linalg.vector_norm(path[:, second], dim=1)
    speed = torch.linalg.vector_norm(path[:, at] - path[:, at - second], dim=1)
    pace = torch.where(speed < _STOPPED_M_S, 2, (speed < _SLOWER * first_speed).long())
    cues = torch.stack([cue, pace], dim=1)
    return cues.where(known[:, None], torch.full_like(cues, UNKNOWN))


def _ways_round(road: str | None) -> tuple[str, ...]:
    """The sides on which to pass something straight ahead, the better one first, for a value of the road's column.

    None, for a way that lies to one side: no side.
    """
    if road is None:
        return ()
    return {"Left": ("Right",), "Right": ("Left",)}.get(road, ("Right", "Left"))


@lru_cache(maxsize=1)
def _table() -> Tensor:
    """`walking_cue` of all its inputs: (4 sidewalk, 4 road, 8 sets of blocked sides, 2) int64; bit i is SIDES[i]."""
    sidewalks, roads = POSITION_CLASSES.values()
    table = torch.empty(len(sidewalks), len(roads), 2 ** len(SIDES), 2, dtype=torch.int64)
    for i, sidewalk in enumerate(sidewalks):
        for j, road in enumerate(roads):
            for count in range(len(SIDES) + 1):
                for blocked in combinations(SIDES, count):
                    cue, pace = walking_cue(sidewalk, road, blocked)
                    bits = sum(2 ** SIDES.index(side) for side in blocked)
                    table[i, j, bits] = torch.tensor([CUES.index(cue), PACES.index(pace)])
    return table
