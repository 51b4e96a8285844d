"""Moments of pairs: a drive is stopped, something is put into it, and it goes on with and without that.

Up to that moment everybody else moves as without the thing, so the past is the same; from there on both halves are
simulated. Nobody changes lanes into the ego's in these drives, but for the car from the kerb.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from roadcue.roadworld.clusters import MIX
from roadcue.roadworld.drive import (
    FIRST_FRAME_STEP,
    FRAME_STEPS,
    INTENT_STEPS,
    Drive,
    cluster_of,
    sequence_name,
    set_the_scene,
    streams_of,
)
from roadcue.roadworld.reasons import INSERT, SLOWEST, Change, Scene, mix_for
from roadcue.roadworld.spec import FRAMES_PER_S, RoadWorldSpec
from roadcue.roadworld.streams import Streams
from roadcue.schema import Intent

LEAST_CHANGE_M = 0.5
"""Between the futures of both halves, on average over the waypoints: less is no reason."""
_ATTEMPTS = 200
"""Drives that are tried for one pair."""


@dataclass(frozen=True)
class Moment:
    """A frame of a drive, and of the same with a reason; in a null pair both are without a change."""

    index: int
    without: Drive
    with_it: Drive
    change: Change | None

    def fits(self) -> bool:
        """Whether the ego goes straight on in both halves, and otherwise if there is a reason."""
        straight_on = self.without.intent(0) == self.with_it.intent(0) == Intent.GO_STRAIGHT
        gap = self.with_it.future(0) - self.without.future(0)
        return straight_on and (self.change is None or bool(np.hypot(*gap.T).mean() >= LEAST_CHANGE_M))


def moments(spec: RoadWorldSpec, number: int, kind: str) -> Iterator[Moment]:
    """Moments at which a thing of that kind can be put into a drive, one of each; the number decides them.

    The ego goes straight on. With a reason its future is another, by `LEAST_CHANGE_M` or more.
    """
    mix = mix_for(kind, MIX[cluster_of(spec, number)])
    steps = FIRST_FRAME_STEP + FRAME_STEPS * spec.length + INTENT_STEPS
    for attempt in range(_ATTEMPTS):
        streams = streams_of(spec, number, attempt)
        scene = Scene(*set_the_scene(streams, mix, steps, np.inf))
        for index in range(int(streams.of("moment").integers(spec.length)), spec.length, FRAMES_PER_S):
            scene.run_to(FIRST_FRAME_STEP + FRAME_STEPS * index)
            own = streams.of("reason", index)
            if scene.ego.speed < SLOWEST or (both := _with_and_without(scene, kind, own)) is None:
                continue
            halves, change = both
            without, with_it = (_go_on(half, spec, number, index, streams) for half in halves)
            moment = Moment(index, without, with_it, change)
            if moment.fits():
                yield moment
                break  # what was not well seen will not be so a second later


def _with_and_without(
    scene: Scene, kind: str, rng: np.random.Generator
) -> tuple[tuple[Scene, Scene], Change | None] | None:
    """Two copies of a scene, with a reason in the second if the kind is one; None where it has no place."""
    with_it, change = deepcopy(scene), None
    if kind in INSERT:
        change = INSERT[kind](rng, with_it)
        if change is None:
            return None
    halves = deepcopy(scene), with_it
    for half in halves:
        kerb = change.kerb if change else ()
        half.streets = replace(half.streets, kerb_in_use=(*half.streets.kerb_in_use, *kerb))
    return halves, change


def _go_on(scene: Scene, spec: RoadWorldSpec, number: int, index: int, streams: Streams) -> Drive:
    """The drive of one frame, with as much after it as its log needs."""
    scene.run_to(scene.step + INTENT_STEPS)
    for car in scene.traffic.others:
        car.settle()
    return Drive(
        sequence_name(spec, number),
        cluster_of(spec, number),
        range(index, index + 1),
        scene.streets,
        scene.traffic,
        scene.lights,
        np.array(scene.ego.track),
        streams,
    )
