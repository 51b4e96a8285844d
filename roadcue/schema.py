"""What every room means by a state, a waypoint, an intent, a camera, a sample and a batch: declared here alone.

Metres, seconds and radians; ego frame: x forward, y left, origin at the rear axle at t = 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

PAST_STATES = 16
"""Past states, t = -3.75 ... 0 s (end_to_end_driving_data.proto, `past_states`)."""
WAYPOINTS = 20
"""Future waypoints, t = 0.25 ... 5 s (end_to_end_driving_data.proto, `future_states`)."""
STEP_S = 0.25
"""Seconds between two states: 4 Hz."""
STATE_COLUMNS = ("x", "y", "vx", "vy", "ax", "ay")
"""Columns of `past`: metres, m/s, m/s^2; ego frame at t = 0 (x forward, y left, origin at the rear axle)."""
STATE_NUMBERS = len(STATE_COLUMNS)
INTENT_NUMBERS = 3
"""Straight, left, right as one-hot numbers; an unknown intent is none of the three: all zeros."""
EGO_NUMBERS = PAST_STATES * STATE_NUMBERS + INTENT_NUMBERS
"""All that a head knows without an image: 99 numbers."""


class Intent(IntEnum):
    """Where the route goes (end_to_end_driving_data.proto, `EgoIntent.Intent`)."""

    UNKNOWN = 0
    GO_STRAIGHT = 1
    GO_LEFT = 2
    GO_RIGHT = 3


@dataclass(frozen=True)
class CameraCalibration:
    """Intrinsic and extrinsic parameters of one camera (dataset.proto, `CameraCalibration`).

    `intrinsic` is (9,): f_u, f_v, c_u, c_v in pixels, then k1, k2, p1, p2, k3. `extrinsic` is (4, 4), camera to ego;
    the camera frame has x forward, y left, z up. `width` and `height` are in pixels.
    """

    intrinsic: np.ndarray
    extrinsic: np.ndarray
    width: int
    height: int

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Project (n, 3) metres, ego frame, to (n, 2) pixels (u right, v down) and (n,) True where in front.

        Radial and tangential distortion as in OpenCV, on the normalised coordinates u = -y/x, v = -z/x
        (waymo_open_dataset `camera_model.cc`). A point may be in front of the camera and outside the picture.
        """
        ego_to_camera = np.linalg.inv(self.extrinsic)
        camera = points @ ego_to_camera[:3, :3].T + ego_to_camera[:3, 3]
        in_front = camera[:, 0] > 0.1
        depth = np.where(in_front, camera[:, 0], 1.0)
        u, v = -camera[:, 1] / depth, -camera[:, 2] / depth
        f_u, f_v, c_u, c_v, k1, k2, p1, p2, k3 = self.intrinsic
        r2 = u * u + v * v
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        u_distorted = u * radial + 2 * p1 * u * v + p2 * (r2 + 2 * u * u)
        v_distorted = v * radial + p1 * (r2 + 2 * v * v) + 2 * p2 * u * v
        return np.stack([u_distorted * f_u + c_u, v_distorted * f_v + c_v], axis=1), in_front


@dataclass(frozen=True, slots=True)
class Preference:
    """A trajectory that a rater has scored; real ones have 7 to 21 points.

    `xy` is (n, 2) metres, ego frame; `score` lies in [0, 10]. Placeholders (score -1) never become a Preference.
    """

    xy: np.ndarray
    score: float


@dataclass(frozen=True, slots=True)
class SampleInputs:
    """All that a prediction may use; no target can be reached from here.

    `images` maps a camera's name to its JPEG bytes and reads them only when asked; a camera that the frame lacks
    is not a key. `past` is (16, 6) float32, columns `STATE_COLUMNS`.
    """

    images: Mapping[str, bytes]
    past: np.ndarray
    intent: Intent


Half = Literal["without", "with"]
HALVES: tuple[Half, ...] = ("without", "with")
"""Of a pair, in order: the thing is there in the second one."""


@dataclass(frozen=True, slots=True)
class PairHalf:
    """Which half of which pair a row is: one moment without and with one thing, which is of a `kind`."""

    pair: str
    half: Half
    kind: str


@dataclass(frozen=True, slots=True)
class SampleTargets:
    """What is to be predicted; each part may be missing.

    `future` is (20, 2) float32 metres, ego frame, or None (a test split). `bvpi` is the caption behind the labels, as
    `prompts.bvpi` composes it. `cluster` and `pair` are not predicted but must not be seen either: the scenario
    cluster of the frame's sequence, as WOD-E2E spells it, and the half of a pair that the row is.
    """

    future: np.ndarray | None = None
    preferences: tuple[Preference, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    caption: str | None = None
    bvpi: str | None = None
    cluster: str | None = None
    pair: PairHalf | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One frame of one sequence; `id` is unique in its data set, `frame` counts the sequence's frames in time."""

    id: str
    sequence: str
    frame: int
    inputs: SampleInputs
    targets: SampleTargets


class HeadInputs(TypedDict):
    """What a head may see. b: batch, n: pooled vectors of all cameras in the run's camera order, d: their width.

    `features` (b, n, d) float32, n = 0 without an encoder; `feature_mask` (b, n) bool, False where the camera was
    missing and its vectors stand in for it; `past` (b, 16, 6) float32 x, y, vx, vy, ax, ay in metres, m/s, m/s^2,
    ego frame, t = -3.75 ... 0 s; `intent` (b,) int64: 0 unknown, 1 straight, 2 left, 3 right.
    """

    features: "Tensor"
    feature_mask: "Tensor"
    past: "Tensor"
    intent: "Tensor"


class HeadTargets(TypedDict, total=False):
    """What a head is trained towards; a row may have some of it and lack the rest.

    `future` (b, 20, 2) float32 metres, ego frame, NaN where a row has none, is always there. The rest is what the
    run's heads make of a row by `Head.encode_target`, those of a plugin under names of their own. A pedestrian's
    labels, as `heads.field.labels` counts them: `positions` (b, 2) int64, the classes of sidewalk and road, -1 where
    not labelled; `objects` (b, 2, 9, 3) float32, near and far, kind, side: 1 seen, 0 not seen, NaN not labelled;
    `on_foot` (b,) bool, a pedestrian's row, labelled or not.
    """

    future: "Tensor"
    positions: "Tensor"
    objects: "Tensor"
    on_foot: "Tensor"


class StoredInputs(TypedDict):
    """What a model with a pool may see of b rows. c pictures, k stored vectors per picture, d wide.

    The pictures are those of the cameras now, then of the same cameras in each earlier frame that the run reads.
    `stored` (b, c, k, d) float16, `contrast` (b, c, v, s) float32, `present` (b, c) bool; `past` and `intent` as in
    `HeadInputs`.
    """

    stored: "Tensor"
    contrast: "Tensor"
    present: "Tensor"
    past: "Tensor"
    intent: "Tensor"


class StoredBatch(StoredInputs):
    """Rows of a split as heads are trained and scored on them, with their `targets`."""

    targets: HeadTargets
