"""What a picture of one moment shows: paths, what raters scored, the modes of a prediction, labels at their ends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from roadcue.metrics.rater_feedback import POINT_AT, directions, trust_region
from roadcue.metrics.raters import Raters
from roadcue.reports.colours import LOG, PAST
from roadcue.schema import STEP_S, CameraCalibration

Line = tuple[str, np.ndarray, np.ndarray]
"""Name, (n, 2) line and (m, 2) positions at full seconds, metres, ego frame."""
MODES_SHOWN = 6
"""Of more modes, the most probable ones are drawn."""
_PER_SECOND = round(1 / STEP_S)


@dataclass(frozen=True)
class RatedPath:
    """A trajectory that raters scored: `xy` (n, 2) metres, ego frame, with a `score` from 0 to 10.

    `regions` (2, 4, 2) metres are the corners of its trust regions at 3 s and 5 s, in turn around each.
    """

    xy: np.ndarray
    score: float
    regions: np.ndarray


@dataclass(frozen=True)
class Modes:
    """The modes of the prediction of the method `name`: `xy` (k, 20, 2) metres, ego frame, `probability` (k,)."""

    name: str
    xy: np.ndarray
    probability: np.ndarray

    def shown(self) -> list[tuple[np.ndarray, float]]:
        """The `MODES_SHOWN` most probable ones, (20, 2) and its probability each, the least probable first."""
        order = np.argsort(self.probability, kind="stable")[-MODES_SHOWN:]
        return [(self.xy[mode], float(self.probability[mode])) for mode in order]


@dataclass(frozen=True)
class Label:
    """`text` that belongs to the place `at` (2,), in a `colour` `#rrggbb`."""

    text: str
    at: np.ndarray
    colour: str


@dataclass(frozen=True)
class ReportFrame:
    """One moment for the report.

    `error_m` is the prediction's ADE@5 s in metres. `image` is (H, W, 3) uint8 RGB of the camera `camera`. `past` is
    (16, 6) and each of `paths` (20, 2), metres, ego frame; the driven one is named `logged`, the others as in
    the comparison, and the first of them is drawn on top. `rated` are the trajectories that raters scored, if the
    frame has any, and `feedback` is then the prediction's rater feedback score, 0 to 10; `modes` are the prediction's
    modes, if it has several.
    """

    title: str
    sample_id: str
    error_m: float
    image: np.ndarray | None
    camera: str
    calibration: CameraCalibration | None
    past: np.ndarray
    paths: Mapping[str, np.ndarray]
    rated: Sequence[RatedPath] = ()
    feedback: float | None = None
    modes: Modes | None = None


def rated_paths(raters: Raters, frame: int, speed: float) -> list[RatedPath]:
    """What raters scored of one of the frames, with the trust regions that the score itself uses; `speed` in m/s."""
    lateral, longitudinal = (side[0] for side in trust_region(np.array([speed])))
    xy = raters.xy[frame]
    forward = directions(xy)  # (3, 2 horizons, 2)
    leftward = np.stack([-forward[..., 1], forward[..., 0]], axis=-1)
    corner = np.array([(1, 1), (1, -1), (-1, -1), (-1, 1)])
    along = corner[:, :1] * longitudinal[:, None, None] * forward[:, :, None]
    beside = corner[:, 1:] * lateral[:, None, None] * leftward[:, :, None]
    regions = xy[:, POINT_AT, None] + along + beside
    paths = [
        RatedPath(path[:points], float(score), region)
        for path, points, score, region in zip(xy, raters.points[frame], raters.score[frame], regions, strict=True)
    ]
    # For want of a further trajectory the last one is there again.
    return [one for i, one in enumerate(paths) if i == 0 or not _same(one, paths[i - 1])]


def _same(one: RatedPath, other: RatedPath) -> bool:
    return one.score == other.score and np.array_equal(one.xy, other.xy)


def named_lines(past: np.ndarray, paths: Mapping[str, np.ndarray]) -> Iterator[Line]:
    """Name, (n, 2) line and (m, 2) positions at full seconds, in drawing order: the last lies on top."""
    yield PAST, past[:, :2], past[-1 - _PER_SECOND :: -_PER_SECOND, :2]
    origin = np.zeros((1, 2))
    others = [name for name in paths if name != LOG]
    for name in [*(paths.keys() & {LOG}), *reversed(others)]:
        yield name, np.concatenate([origin, paths[name]]), paths[name][_PER_SECOND - 1 :: _PER_SECOND]


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
