"""How the roads run: straights, clothoids and arcs drawn at random, side roads at junctions, zebra crossings."""

import numpy as np

from roadcue.roadworld.road import STEP_M, Junction, Path, Streets, follow_curvature
from roadcue.roadworld.streams import Streams

_MAIN_LIMIT = np.radians(70)
"""Of the heading, either side of east: a main road never meets itself."""
_ARM_LIMIT = np.radians(25)
_CLEAR_M = 32.0
"""Between two roads that do not meet."""
_SHORTEST_ARM_M = 90.0
_CLOTHOID_M = 9.0
_FIRST_PLACE_M = 70.0
"""Of the main road, where the first junction or crossing may be."""


def lay_streets(streams: Streams, length: float, junctions: float, crossings: float) -> Streets:
    """A main road of `length` metres from the world's origin, heading east, with its junctions and crossings.

    `junctions` is the share of the long straights that would have one, `crossings` of the other straights.
    """
    curvature, straights = _bends(streams.within("main"), length, _MAIN_LIMIT, long=0.15 + 0.3 * junctions)
    main = follow_curvature(np.zeros(2), 0.0, curvature)
    placed: list[Junction] = []
    zebras: list[float] = []
    for begin, end in straights:
        middle = (begin + end) / 2
        if middle < _FIRST_PLACE_M or middle > main.length - 40:
            continue
        use = streams.of("straight", round(middle))
        if end - begin > 36 and use.random() < junctions:
            arms = [arm for other in placed for arm in (other.left, other.right) if arm]
            if junction := _junction(streams.within("junction", round(middle)), main, middle, arms):
                placed.append(junction)
        elif use.random() < crossings:
            zebras.append(middle)
    return Streets(main, tuple(placed), tuple(zebras))


def _bends(
    streams: Streams, length: float, limit: float, long: float = 0.2
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Curvature (n,) of straights and the curves between them, and the straights; heading stays within +-limit.

    `long` is the share of straights on which there is room for a junction.
    """
    winding = streams.of("winding").uniform(0.8, 1.0)
    pieces: list[np.ndarray] = []
    straights: list[tuple[float, float]] = []
    s, heading = 0.0, 0.0
    while s < length:
        rng = streams.of("bend", len(straights))
        straight = rng.uniform(40, 80) if rng.random() < long else rng.uniform(6, 40)
        straights.append((s, s + straight))
        pieces.append(np.zeros(round(straight / STEP_M)))
        s += straight
        if rng.random() > winding:
            continue
        radius = np.exp(rng.uniform(np.log(20), np.log(110)))
        side = rng.choice([-1, 1])
        angle = min(rng.uniform(np.radians(30), np.radians(110)), 90 / radius)
        if abs(heading + side * angle) > limit:
            side, angle = -np.sign(heading) or 1, min(angle, abs(heading) + limit)
        arc = round(angle * radius / STEP_M)
        pieces.append(np.full(arc, side / radius))
        heading += side * angle
        s += arc * STEP_M
    ramp = round(_CLOTHOID_M / STEP_M)
    smooth = np.convolve(np.concatenate(pieces), np.full(ramp, 1 / ramp), "same")
    return smooth[: round(length / STEP_M)], straights


def _junction(streams: Streams, main: Path, s: float, others: list[Path]) -> Junction | None:
    """A junction at `s` with the arms for which there is room; None when there is none."""
    rng = streams.of("form")
    centre, heading, skew = main.along(main.xy, s), float(main.along(main.heading, s)), rng.uniform(-0.2, 0.2)
    missing = rng.choice([-1, 0, 1], p=[0.6, 0.2, 0.2])
    arms: list[Path | None] = []
    for side in (1, -1):
        arm = _arm(streams.within("arm", side), centre, heading + side * np.pi / 2 + skew, main.length)
        arms.append(None if missing == len(arms) else _cut_where_met(arm, main, others))
    if arms == [None, None]:
        return None
    return Junction(s, arms[0], arms[1], has_light=bool(rng.random() < 0.85))


def _arm(streams: Streams, centre: np.ndarray, heading: float, length: float) -> Path:
    curvature, _ = _bends(streams, length, _ARM_LIMIT)
    lead_in = np.zeros(round(25 / STEP_M))
    return follow_curvature(centre, heading, np.concatenate([lead_in, curvature]))


def _cut_where_met(arm: Path, main: Path, others: list[Path]) -> Path | None:
    """The arm up to where it comes near another road; None when too little is left."""
    roads = np.concatenate([road.xy[::32] for road in (main, *others)])
    away = arm.xy[round(45 / STEP_M) :: 32]
    near = np.flatnonzero(np.hypot(*(away[:, None] - roads).transpose(2, 0, 1)).min(axis=1) < _CLEAR_M)
    length = 45 + 32 * STEP_M * (near[0] - 1) if len(near) else arm.length
    if length < _SHORTEST_ARM_M:
        return None
    points = round(length / STEP_M) + 1
    return Path(arm.xy[:points], arm.heading[:points], arm.curvature[:points])
