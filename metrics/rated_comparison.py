"""Several methods on the same rated frames, against raters: feedback score, and two ADEs to the best-rated path."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from roadcue.metrics.best_rated import best_rated_ade, official_ade
from roadcue.metrics.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Interval
from roadcue.metrics.comparison import clusters_of, nan_to_none
from roadcue.metrics.rater_feedback import by_cluster, mean_over_clusters, mean_over_frames, rater_feedback
from roadcue.metrics.raters import Raters
from roadcue.metrics.resampling import sequence_bootstrap


@dataclass(frozen=True)
class RatedScores:
    """One method's figures on the rated frames."""

    name: str
    overall: dict[str, Interval]
    """Metric -> its mean: the keys of `LABELS` in `metrics.rater_feedback` and in `metrics.best_rated`.

    `rfs_cluster_mean` is missing where a frame has no scenario cluster.
    """
    difference: dict[str, Interval] | None
    """The same of the two RFS for this method minus the reference, in pairs; above zero is better. None for it."""
    rfs_by_cluster: dict[str, float]
    """Scenario cluster -> mean RFS of its frames; empty where a frame has none."""


@dataclass(frozen=True)
class RatedComparison:
    """All methods on the same rated frames, and what their intervals were drawn from."""

    reference: str
    frames: int
    sequences: int
    without_cluster: int
    """Rated frames that have no scenario cluster: with any of them there is no mean over clusters."""
    resamples: int
    seed: int
    cluster_sizes: dict[str, int]
    """Scenario cluster -> rated frames in it."""
    cluster_sequences: dict[str, int]
    """Scenario cluster -> sequences that they are of; with only one, the mean over clusters has no interval."""
    methods: list[RatedScores]
    unlike: float | None = None
    """The share of frames whose pictures are unlike the training pictures; None where nothing is known of it."""
    frame_rfs: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)
    """Method -> (n,) feedback score of each frame: for the report's pictures, not in the JSON."""

    @property
    def headline(self) -> str:
        """The RFS that ranks the methods: the leaderboard's mean over clusters, or that over frames without them."""
        return "rfs_frame_mean" if self.without_cluster else "rfs_cluster_mean"

    def to_json(self) -> dict[str, Any]:
        """Plain lists, dicts and numbers, with None for a bound that does not exist."""
        content = asdict(self)
        del content["frame_rfs"]
        return {**nan_to_none(content), "headline": self.headline}


def compare_rated(
    predictions: Mapping[str, np.ndarray],
    raters: Raters,
    *,
    speed: np.ndarray,
    sequence: np.ndarray,
    cluster: np.ndarray,
    reference: str,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    unlike: np.ndarray | None = None,
) -> RatedComparison:
    """Score every method on the same n rated frames, with 95 % intervals and paired differences from a bootstrap.

    `predictions` maps a method's name to its paths, (n, 20, 2) metres, ego frame; `raters` are those of the frames;
    `speed` (n,) m/s at t = 0; `sequence` (n,) names whole drives, which are what is resampled; `cluster` (n,) names
    of scenario clusters, "" where a frame has none; `reference` is the method that the others are compared with;
    `unlike` (n,) bool whether a frame's pictures are unlike the training pictures, None where nothing is known of it.
    ValueError names what is wrong: shape, NaN, unknown reference.
    """
    if reference not in predictions:
        raise ValueError(f"the reference {reference!r} is not among the methods: {', '.join(predictions)}")
    if not len(raters) == len(sequence) == len(cluster):
        raise ValueError(
            f"{len(raters)} rated frames need a sequence and a cluster each: {sequence.shape}, {cluster.shape}"
        )
    clusters = clusters_of(cluster)
    without_cluster = int(np.count_nonzero(cluster == ""))

    def mean_scores(score: np.ndarray) -> dict[str, Interval]:
        """Both means of the feedback score (n,), or of a difference of two."""
        over_frames = {"rfs_frame_mean": mean_over_frames(score, sequence, bootstrap)}
        if without_cluster:
            return over_frames
        return {"rfs_cluster_mean": mean_over_clusters(score, cluster, sequence, bootstrap), **over_frames}

    feedback = {name: rater_feedback(paths, raters, speed) for name, paths in predictions.items()}

    def scores(name: str) -> RatedScores:
        paths, score = predictions[name], feedback[name].score
        columns = {
            "floor_share": feedback[name].floored.astype(np.float64),
            **best_rated_ade(paths, raters),
            **official_ade(paths, raters),
        }
        drawn = sequence_bootstrap(np.stack([*columns.values()], axis=1), sequence, bootstrap)
        return RatedScores(
            name=name,
            overall={**mean_scores(score), **dict(zip(columns, drawn, strict=True))},
            difference=None if name == reference else mean_scores(score - feedback[reference].score),
            rfs_by_cluster={} if without_cluster else by_cluster(score, cluster),
        )

    return RatedComparison(
        reference=reference,
        frames=len(raters),
        sequences=len(np.unique(sequence)),
        without_cluster=without_cluster,
        resamples=bootstrap.resamples,
        seed=bootstrap.seed,
        cluster_sizes={name: int(np.count_nonzero(cluster == name)) for name in clusters},
        cluster_sequences={name: len(np.unique(sequence[cluster == name])) for name in clusters},
        methods=[scores(name) for name in predictions],
        unlike=None if unlike is None else float(unlike.mean()),
        frame_rfs={name: each.score for name, each in feedback.items()},
    )
