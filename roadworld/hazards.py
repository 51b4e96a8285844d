"""What is in the way on a road: construction sites, debris, vehicles that stand in the lane, cars that pull out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from roadcue.roadworld.clusters import Mix
from roadcue.roadworld.road import Detour, Streets, Works
from roadcue.roadworld.streams import Streams

_FIRST_PLACE_M = 75.0
_ROOM_M = 24.0
"""Free road that one of them needs."""
_PITCH_M, _JITTER_M = 66.0, 8.0
"""Of the places in their row: there is room to steer back between two of them."""
_KINDS = ("works", "debris", "standing", "kerb")


@dataclass(frozen=True)
class Hazards:
    """The streets with works and debris on them, the detours that these cost, and places beside the lane.

    `standing` are arc lengths of the main road where a vehicle stands half in the lane, or, on a road with a second
    lane, whole in it; `kerb` where a car waits that will pull out.
    """

    streets: Streets
    detours: tuple[Detour, ...]
    standing: tuple[float, ...]
    kerb: tuple[float, ...]


def set_out(streams: Streams, streets: Streets, mix: Mix) -> Hazards:
    """Draw what stands in the way on the main road, away from its junctions and crossings."""
    streets = replace(streets, multilane=bool(streams.of("second lane").random() < mix.multilane))
    works, debris, standing, kerb, detours = [], [], [], [], []
    shares = np.array([getattr(mix, kind) for kind in _KINDS])
    if streets.multilane:
        shares[3] = 0  # nobody stands at the kerb of a driving lane
    for rng, s in _free_places(streams, streets):
        kind = rng.choice([*_KINDS, "nothing"], p=[*shares, 1 - shares.sum()])
        if kind == "works":
            works.append(Works(s, s + rng.uniform(8, _ROOM_M)))
            detours.append(Detour(works[-1].begin - 2, works[-1].end + 2, 1.3, 16.0))
        elif kind == "debris":
            debris.append(s + _ROOM_M / 2)
            detours.append(Detour(debris[-1] - 4, debris[-1] + 3, 1.3, 14.0))
        elif kind == "standing":
            standing.append(s + _ROOM_M / 2)
            offset, ramp = (-3.3, 24.0) if streets.multilane else (1.4, 16.0)
            detours.append(Detour(standing[-1] - 8, standing[-1] + 7, offset, ramp))
        elif kind == "kerb":
            kerb.append(s)
    in_use = [(s - 6, s + 24) for s in kerb] + [(s - 7, s + 8) for s in standing]
    streets = replace(streets, works=tuple(works), debris=tuple(debris), kerb_in_use=tuple(in_use))
    return Hazards(streets, tuple(detours), tuple(standing), tuple(kerb))


def _free_places(streams: Streams, streets: Streets) -> Iterator[tuple[np.random.Generator, float]]:
    """Arc lengths where `_ROOM_M` metres are free, each with the stream of what is there."""
    taken = [(junction.s, 42.0) for junction in streets.junctions] + [(s, 20.0) for s in streets.crossings]
    for place, slot in enumerate(np.arange(_FIRST_PLACE_M, streets.main.length - 60, _PITCH_M)):
        rng = streams.of("hazard", place)
        s = float(slot + rng.uniform(0, _JITTER_M))
        if all(s + _ROOM_M < at - margin or s > at + margin for at, margin in taken):
            yield rng, s
