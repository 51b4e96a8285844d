"""One sequence: its streets, everybody on them, and what the ego car's log says about a moment of it."""

import hashlib
from dataclasses import dataclass

import numpy as np

from roadcue.loaders.waymo_e2e.clusters import Cluster
from roadcue.roadworld.clusters import MIX, Mix, draw_cluster
from roadcue.roadworld.hazards import set_out
from roadcue.roadworld.holds import Light
from roadcue.roadworld.layout import lay_streets
from roadcue.roadworld.population import FASTEST, START_M, Lights, populate
from roadcue.roadworld.road import Streets
from roadcue.roadworld.spec import FRAMES_PER_S, WORLD_VERSION, RoadWorldSpec
from roadcue.roadworld.states import STATE_STEPS, future_steps, past_states, past_steps, waypoints
from roadcue.roadworld.streams import Streams
from roadcue.roadworld.traffic import DT_S, Traffic
from roadcue.schema import PAST_STATES, Intent

_WARM_UP_S = 6.0
"""Time for everybody to find his speed and distance, before the first past state."""
INTENT_STEPS = round(10.0 / DT_S)
"""The intent tells the route's next ten seconds (WOD-E2E paper, arXiv 2510.26125)."""
_ATTEMPTS = 4
"""Worlds that are tried until one shows what the sequence's cluster is named after."""
FRAME_STEPS = round(1 / FRAMES_PER_S / DT_S)
"""Time steps between two frames at 10 Hz."""
FIRST_FRAME_STEP = round(_WARM_UP_S / DT_S) + (PAST_STATES - 1) * STATE_STEPS
"""The time step of a sequence's first frame."""


@dataclass(frozen=True)
class Drive:
    """A finished simulation. Time steps are `DT_S` apart; `lights` (junction, light) where a junction has one."""

    sequence: str
    cluster: Cluster
    frame_indices: range
    """Of every drawn frame, its place in the sequence at 10 Hz."""
    streets: Streets
    traffic: Traffic
    lights: Lights
    ego: np.ndarray
    """(steps, 3): arc length on the route in metres, speed in m/s, acceleration in m/s^2."""
    streams: Streams
    """Of everything that there is in it, to be seen or driven by."""

    @property
    def frames(self) -> int:
        """How many frames are drawn."""
        return len(self.frame_indices)

    @property
    def steps(self) -> np.ndarray:
        """(frames,) the time step of every drawn frame."""
        return FIRST_FRAME_STEP + FRAME_STEPS * np.array(self.frame_indices)

    def pose(self, steps: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
        """Rear axle (..., 2) metres and heading (...) radians in the world at time steps."""
        path = self.traffic.ego.route.path
        s = self.ego[steps, 0]
        return path.along(path.xy, s), path.along(path.heading, s)

    def past(self, frame: int) -> np.ndarray:
        """(16, 6) float32, columns `STATE_COLUMNS`, all in the ego frame of this moment."""
        steps = past_steps(self.steps[frame])
        xy, heading = self.pose(steps)
        speed, accel = self.ego[steps, 1], self.ego[steps, 2]
        path = self.traffic.ego.route.path
        lateral = speed**2 * path.along(path.curvature, self.ego[steps, 0])
        return past_states(xy, heading, speed, accel, lateral)

    def future(self, frame: int) -> np.ndarray:
        """(20, 2) float32 metres, ego frame, t = 0.25 ... 5 s."""
        xy, heading = self.pose(future_steps(self.steps[frame]))
        return waypoints(xy, heading[0])

    def intent(self, frame: int) -> Intent:
        """The turn that the car is in, or comes to within ten seconds."""
        now = self.steps[frame]
        s, later = self.ego[[now, now + INTENT_STEPS], 0]
        begin, end = self.traffic.ego.route.turn
        return self.traffic.ego.route.intent if begin < later and s < end else Intent.GO_STRAIGHT


def drive(spec: RoadWorldSpec, number: int) -> Drive:
    """Simulate sequence `number`: the same spec seed and number give the same drive, with any stride.

    Its scenario cluster is drawn first, and decides what the streets are full of.
    """
    cluster = cluster_of(spec, number)
    length = (spec.length - 1) * FRAME_STEPS
    # Around the frame that raters see in WOD-E2E, 150 of 200.
    late = (FIRST_FRAME_STEP + round(0.5 * length), FIRST_FRAME_STEP + round(0.85 * length))
    steps = FIRST_FRAME_STEP + length + INTENT_STEPS + 1
    for attempt in range(_ATTEMPTS):
        streams = streams_of(spec, number, attempt)
        streets, lights, traffic = set_the_scene(streams, MIX[cluster], steps, late[0] * DT_S)
        traffic.run(late[1] + 1)
        if _meets(cluster, streets, traffic, late):
            break
    traffic.run(steps - late[1] - 1)
    for car in traffic.others:
        car.settle()
    ego = np.array(traffic.ego.track)
    return Drive(sequence_name(spec, number), cluster, spec.frames, streets, traffic, lights, ego, streams)


def set_the_scene(streams: Streams, mix: Mix, steps: int, late_s: float) -> tuple[Streets, Lights, Traffic]:
    """Streets, and everybody on them before the first of so many time steps; nobody cuts in before `late_s`."""
    pace = streams.of("pace").uniform(8.0, FASTEST)
    reach = START_M + pace * steps * DT_S
    hazards = set_out(streams, lay_streets(streams, reach + 150, mix.junctions, mix.crossings), mix)
    lights = tuple(
        (junction, _light(streams.of("signal", round(junction.s))))
        for junction in hazards.streets.junctions
        if junction.has_light
    )
    return hazards.streets, lights, populate(streams, hazards, lights, mix, pace, reach, late_s)


def _meets(cluster: Cluster, streets: Streets, traffic: Traffic, late: tuple[int, int]) -> bool:
    """Does the ego come to what the cluster is named after, between two time steps?"""
    begin, end = late
    crossed = {person.s for person in traffic.people if any(walking for _, walking in person.track[begin:end:10])}
    merging = [(car.merging[0], car.track) for car in traffic.others if car.merging]
    standing = [car.s for car in traffic.others if car.parked]
    places = {
        Cluster.CONSTRUCTION: [works.begin for works in streets.works],
        Cluster.INTERSECTION: [junction.s for junction in streets.junctions],
        Cluster.PEDESTRIAN: crossed,
        Cluster.CYCLIST: crossed,
        Cluster.CUT_IN: [s for s, track in merging if track[begin][0] <= s < track[end][0]],
        Cluster.DEBRIS: streets.debris,
        Cluster.SINGLE_LANE: standing,
        Cluster.SPECIAL_VEHICLE: standing,
    }.get(cluster)
    near, far = traffic.ego.track[begin][0], traffic.ego.track[end][0]
    turned = traffic.ego.route.turn[1] + 20
    return places is None or any(near < s < min(far + 40, turned) for s in places)


def sequence_name(spec: RoadWorldSpec, number: int) -> str:
    """32 hexadecimal digits, as in WOD-E2E."""
    return hashlib.sha256(f"roadworld/{WORLD_VERSION}/{spec.seed}/{number}".encode()).hexdigest()[:32]


def frame_name(sequence: str, index: int) -> str:
    """Of the frame at a place in its sequence at 10 Hz, as in WOD-E2E."""
    return f"{sequence}-{index:03d}"


def cluster_of(spec: RoadWorldSpec, number: int) -> Cluster:
    """The scenario cluster of sequence `number`, without the drive."""
    return draw_cluster(Streams((spec.seed, number)).of("cluster"))


def streams_of(spec: RoadWorldSpec, number: int, attempt: int) -> Streams:
    """The random streams of one attempt at sequence `number`."""
    return Streams((spec.seed, number, attempt))


def _light(rng: np.random.Generator) -> Light:
    return Light(green_s=rng.uniform(12, 24), red_s=rng.uniform(14, 26), offset_s=rng.uniform(0, 50))
