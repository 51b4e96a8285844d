"""Several methods on the same frames, and on groups of them: intervals on all figures, differences in pairs."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.displacement import displacement, per_frame
from roadcue.metrics.resampling import bootstrap_of, sequence_bootstrap

INTENTS = ("unknown", "straight", "left", "right")
"""Names of the values 0 ... 3 of `EgoIntent.Intent` (end_to_end_driving_data.proto)."""
SPEED_BOUNDS_MPS = (0.5, 5.0, 11.0)
"""Where a speed group ends, m/s. Below 0.5 a car stands (drift of the odometry); 5 is about as fast as one turns at
a crossing; from 11 on the tolerance of the rater feedback score no longer grows (rater_feedback_utils.py)."""
SPEEDS = ("standing, below 0.5 m/s", "slow, 0.5 to 5 m/s", "medium, 5 to 11 m/s", "fast, from 11 m/s")
"""Names of the four groups that `SPEED_BOUNDS_MPS` makes; a bound belongs to the faster group."""
PICTURES = ("like those learnt from", "unlike them")
"""Groups by the pictures of a frame: answered, and not."""
GROUPED = ("ade_3s", "ade_5s")
"""The metrics that are also given for each group."""


@dataclass(frozen=True)
class MethodScores:
    """One method's figures: metres against the log, `miss_rate` a share of the frames."""

    name: str
    overall: dict[str, Interval]
    """Metric (a key of `metrics.displacement.LABELS`) -> mean over all frames."""
    difference: dict[str, Interval] | None
    """The same for this method minus the reference, in pairs; below zero is better. None for the reference."""
    by_intent: dict[str, dict[str, Interval]]
    """Group -> `GROUPED` metric -> mean over its frames; only groups that have frames, in the order of `INTENTS`."""
    by_speed: dict[str, dict[str, Interval]]
    """Speed group -> `GROUPED` metric -> mean over its frames, in the order of `SPEEDS`."""
    displacement_over_time: list[float]
    """(20,) mean displacement in metres at t = 0.25 ... 5 s."""
    by_cluster: dict[str, dict[str, Interval]] = field(default_factory=dict)
    """Scenario cluster in alphabetical order -> `GROUPED` metric -> mean over its frames; empty if there is none."""
    by_picture: dict[str, dict[str, Interval]] = field(default_factory=dict)
    """The same of `PICTURES`; empty where all frames are of one kind, or nothing is known of it."""

    def by(self, kind: str) -> dict[str, dict[str, Interval]]:
        """The groups by `kind`, "intent", "speed", "cluster" or "picture"."""
        groups: dict[str, dict[str, Interval]] = getattr(self, f"by_{kind}")
        return groups


@dataclass(frozen=True)
class Comparison:
    """All methods on the same frames, and what their intervals were drawn from."""

    reference: str
    samples: int
    sequences: int
    resamples: int
    seed: int
    group_sizes: dict[str, dict[str, int]]
    """"intent" / "speed", "cluster" where some frame has one, "picture" where some are like, some unlike the training
    pictures -> group -> frames in it."""
    methods: list[MethodScores]
    unlike: float | None = None
    """The share of frames whose pictures are unlike the training pictures; None where nothing is known of it."""
    frame_ade: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)
    """Method -> (n,) metres, the ADE at 5 s of each frame: for the report's pictures, not in the JSON."""

    def to_json(self) -> dict[str, Any]:
        """Plain lists, dicts and numbers; a bound that does not exist (NaN) is None, since JSON has no NaN."""
        content = asdict(self)
        del content["frame_ade"]
        return nan_to_none(content)


def nan_to_none(content: Any) -> Any:
    """The same lists and dicts with None for every NaN, which JSON does not know."""
    if isinstance(content, dict):
        return {key: nan_to_none(value) for key, value in content.items()}
    if isinstance(content, list):
        return [nan_to_none(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content


def compare(
    predictions: Mapping[str, np.ndarray],
    logged: np.ndarray,
    *,
    sequence: np.ndarray,
    intent: np.ndarray,
    speed: np.ndarray,
    cluster: np.ndarray | None = None,
    unlike: np.ndarray | None = None,
    reference: str,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Comparison:
    """Score every method on the same frames, with 95 % intervals and paired differences from a bootstrap.

    `predictions` maps a method's name to its paths, (n, 20, 2) metres, ego frame; `logged` is the same shape and has
    no NaN (`metrics.displacement.has_log` selects). `sequence` (n,) names whole drives, which are what is resampled;
    `intent` (n,) int, values of `EgoIntent.Intent`; `speed` (n,) m/s at t = 0; `cluster` (n,) names of scenario
    clusters, "" for a frame that has none, or None where none has; `unlike` (n,) bool whether a frame's pictures are
    unlike the training pictures, None where nothing is known of it; `reference` is the method that the others are
    compared with. ValueError names what is wrong: shape, NaN, unknown reference, no frame.
    """
    if reference not in predictions:
        raise ValueError(f"the reference {reference!r} is not among the methods: {', '.join(predictions)}")
    cluster = np.full(len(logged), "") if cluster is None else cluster
    if not len(logged) == len(sequence) == len(intent) == len(speed) == len(cluster):
        raise ValueError(
            f"{len(logged)} logged paths, {len(sequence)} sequences, {len(intent)} intents, {len(speed)} speeds and "
            f"{len(cluster)} clusters: there must be one of each for every frame"
        )
    groups = {"intent": _members(by_intent(intent), INTENTS), "speed": _members(by_speed(speed), SPEEDS)}
    if clusters := clusters_of(cluster):
        groups["cluster"] = _members(cluster, clusters)
    if unlike is not None and unlike.any() and not unlike.all():
        groups["picture"] = _members(np.array(PICTURES)[unlike.astype(int)], PICTURES)
    distances = {name: displacement(paths, logged) for name, paths in predictions.items()}
    errors = {name: per_frame(distance) for name, distance in distances.items()}

    def score(name: str) -> MethodScores:
        frames, base = errors[name], errors[reference]
        columns = {("overall", "", metric): values for metric, values in frames.items()}
        columns |= {("difference", "", metric): values - base[metric] for metric, values in frames.items()}
        for kind, members in groups.items():
            columns |= {
                (kind, group, metric): np.where(member, frames[metric], np.nan)
                for group, member in members.items()
                for metric in GROUPED
            }
        intervals = sequence_bootstrap(np.stack([*columns.values()], axis=1), sequence, bootstrap)
        intervals_of = dict(zip(columns, intervals, strict=True))

        def by_metric(kind: str, group: str = "") -> dict[str, Interval]:
            return {metric: interval for (k, g, metric), interval in intervals_of.items() if (k, g) == (kind, group)}

        return MethodScores(
            name=name,
            overall=by_metric("overall"),
            difference=None if name == reference else by_metric("difference"),
            by_intent={group: by_metric("intent", group) for group in groups["intent"]},
            by_speed={group: by_metric("speed", group) for group in groups["speed"]},
            displacement_over_time=distances[name].mean(axis=0).tolist(),
            by_cluster={group: by_metric("cluster", group) for group in groups.get("cluster", ())},
            by_picture={group: by_metric("picture", group) for group in groups.get("picture", ())},
        )

    return Comparison(
        reference=reference,
        samples=len(logged),
        sequences=len(np.unique(sequence)),
        resamples=bootstrap.resamples,
        seed=bootstrap.seed,
        group_sizes={
            kind: {group: int(member.sum()) for group, member in members.items()} for kind, members in groups.items()
        },
        methods=[score(name) for name in predictions],
        unlike=None if unlike is None else float(unlike.mean()),
        frame_ade={name: error["ade_5s"] for name, error in errors.items()},
    )


def by_intent(intent: np.ndarray) -> np.ndarray:
    """(n,) int, values of `EgoIntent.Intent` -> (n,) names out of `INTENTS`. ValueError for any other value."""
    if not np.isin(intent, range(len(INTENTS))).all():
        raise ValueError(f"intents must be 0 ... {len(INTENTS) - 1} ({', '.join(INTENTS)}), got {np.unique(intent)}")
    return np.array(INTENTS)[intent]


def by_speed(speed: np.ndarray) -> np.ndarray:
    """(n,) m/s at t = 0 -> (n,) names out of `SPEEDS`. ValueError for a NaN or negative speed."""
    if not (speed >= 0).all():
        raise ValueError(f"{np.count_nonzero(~(speed >= 0))} of {len(speed)} speeds are negative or NaN")
    return np.array(SPEEDS)[np.digitize(speed, SPEED_BOUNDS_MPS)]


def clusters_of(cluster: np.ndarray) -> tuple[str, ...]:
    """(n,) names of scenario clusters, "" where a frame has none -> those that have frames, in alphabetical order."""
    return tuple(str(name) for name in np.unique(cluster) if name)


def relative_gain(
    error: np.ndarray, other_error: np.ndarray, sequence: np.ndarray, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Interval:
    """1 - mean error / mean other error, with its 95 % interval: 0.25 is a quarter less error than the other's.

    `error` and `other_error` are (n,) of the same frames in the same unit, `sequence` (n,) their drives. Both means
    are taken over the same resampled drives, so the interval is the paired one (a ratio estimator under the cluster
    bootstrap: Davison and Hinkley 1997, sections 2.4 and 3.8). ValueError when the lengths differ.
    """
    if error.shape != other_error.shape:
        raise ValueError(f"a gain needs the errors of the same frames, got {error.shape} and {other_error.shape}")

    def share_saved(means: np.ndarray) -> np.ndarray:
        return 1 - means[:, 0] / means[:, 1]

    return bootstrap_of(share_saved, np.stack([error, other_error], axis=1), sequence, bootstrap)


def _members(group: np.ndarray, order: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The groups that have frames, in `order`, each with the (n,) mask of its frames."""
    return {name: group == name for name in order if (group == name).any()}
