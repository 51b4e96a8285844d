"""Several methods on the same rated frames."""

import json

import numpy as np
import pytest
from rated_paths import random_scene

from roadcue.metrics.best_rated import LABELS as ADE_LABELS
from roadcue.metrics.best_rated import best_rated_ade, official_ade
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.rated_comparison import compare_rated
from roadcue.metrics.rater_feedback import LABELS, by_cluster, mean_over_clusters, rater_feedback
from roadcue.metrics.raters import Raters


@pytest.fixture(scope="module")
def frames():
    predicted, rated, speed = random_scene(0, frames=24)
    raters = Raters.of(*rated)
    best = raters.xy[np.arange(24), raters.score.argmax(axis=1)]
    return {
        "predictions": {"head": predicted, "logged": best, "far": predicted + 100},
        "raters": raters,
        "speed": speed,
        "sequence": np.repeat([f"drive{number}" for number in range(12)], 2),
        "cluster": np.repeat(["Cut_ins", "Cyclist", "Others"], 8),
        "reference": "head",
        "bootstrap": Bootstrap(100, seed=3),
    }


@pytest.fixture(scope="module")
def comparison(frames):
    return compare_rated(**frames)


def test_every_figure_is_that_of_its_metric(comparison, frames):
    paths, raters = frames["predictions"]["head"], frames["raters"]
    feedback = rater_feedback(paths, raters, frames["speed"])
    overall = comparison.methods[0].overall
    assert set(overall) == {*LABELS, *ADE_LABELS}
    means = [np.mean(list(by_cluster(feedback.score, frames["cluster"]).values())), feedback.score.mean()]
    assert [overall[key].value for key in ("rfs_cluster_mean", "rfs_frame_mean")] == pytest.approx(means)
    assert overall["floor_share"].value == pytest.approx(feedback.floored.mean())
    for key, values in {**best_rated_ade(paths, raters), **official_ade(paths, raters)}.items():
        assert overall[key].value == pytest.approx(values.mean())
        assert overall[key].low < overall[key].value < overall[key].high
    assert comparison.methods[2].overall["floor_share"].value == 1


def test_says_what_it_was_made_of(comparison):
    assert (comparison.frames, comparison.sequences, comparison.without_cluster) == (24, 12, 0)
    assert comparison.cluster_sizes == {"Cut_ins": 8, "Cyclist": 8, "Others": 8}
    assert comparison.cluster_sequences == {"Cut_ins": 4, "Cyclist": 4, "Others": 4}
    assert comparison.headline == "rfs_cluster_mean"
    assert comparison.methods[0].rfs_by_cluster.keys() == comparison.cluster_sizes.keys()


def test_line_1_the_share_of_unlike_pictures_is_that_of_the_rated_frames(comparison, frames):
    assert comparison.unlike is None
    assert compare_rated(**frames, unlike=np.arange(24) < 6).to_json()["unlike"] == 0.25


def test_differences_are_paired_and_only_the_reference_has_none(comparison, frames):
    head, logged, far = comparison.methods
    assert head.difference is None
    scores = [
        rater_feedback(frames["predictions"][name], frames["raters"], frames["speed"]).score
        for name in ("logged", "head")
    ]
    bootstrap = Bootstrap(100, seed=3)
    paired = mean_over_clusters(scores[0] - scores[1], frames["cluster"], frames["sequence"], bootstrap)
    assert logged.difference["rfs_cluster_mean"] == paired
    assert far.difference["rfs_frame_mean"].value == pytest.approx(
        far.overall["rfs_frame_mean"].value - head.overall["rfs_frame_mean"].value
    )


def test_one_frame_without_a_cluster_takes_the_mean_over_clusters_away(frames):
    cluster = frames["cluster"].copy()
    cluster[[0, 1]] = ""
    compared = compare_rated(**{**frames, "cluster": cluster})
    assert compared.without_cluster == 2
    assert compared.headline == "rfs_frame_mean"
    for method in compared.methods:
        assert "rfs_cluster_mean" not in method.overall
        assert method.rfs_by_cluster == {}
    assert compared.cluster_sizes["Cut_ins"] == 6


def test_json_has_no_nan_and_names_the_headline(frames):
    alone = compare_rated(**{**frames, "sequence": np.full(24, "one")})
    data = json.loads(json.dumps(alone.to_json(), allow_nan=False))
    assert data["headline"] == "rfs_cluster_mean"
    assert data["methods"][0]["overall"]["rfs_cluster_mean"]["low"] is None
    assert data["methods"][1]["difference"]["rfs_frame_mean"]["value"] > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": "haed"}, "'haed' is not among the methods: head, logged, far"),
        ({"sequence": np.zeros(23)}, "24 rated frames need a sequence and a cluster each"),
        ({"speed": np.zeros(3)}, "24 frames need 24 speeds"),
    ],
)
def test_what_cannot_be_compared_is_said(frames, change, message):
    with pytest.raises(ValueError, match=message):
        compare_rated(**{**frames, **change})
