"""Several methods on the same frames."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.comparison import GROUPED, PICTURES, SPEEDS, by_intent, by_speed, clusters_of, compare
from roadcue.metrics.displacement import LABELS


@pytest.fixture(scope="module")
def frames():
    random = np.random.default_rng(0)
    sequence = np.repeat([f"drive{number:02d}" for number in range(15)], 8)
    n = len(sequence)
    hard = np.repeat(random.gamma(2, size=15), 8)[:, None, None]
    logged = random.normal(size=(n, 20, 2))
    error = hard * random.normal(size=(n, 20, 2))
    return {
        "predictions": {"head": logged + 0.8 * error, "ridge": logged + error, "other": logged + 2 * error[::-1]},
        "logged": logged,
        "sequence": sequence,
        "intent": np.where(np.arange(n) % 10 == 0, 2, 1),
        "speed": random.uniform(0, 20, size=n),
        "reference": "ridge",
        "bootstrap": Bootstrap(200),
    }


@pytest.fixture(scope="module")
def comparison(frames):
    return compare(**frames)


def test_says_what_it_was_made_of(comparison):
    assert (comparison.reference, comparison.samples, comparison.sequences) == ("ridge", 120, 15)
    assert (comparison.resamples, comparison.seed) == (200, 0)
    assert [method.name for method in comparison.methods] == ["head", "ridge", "other"]
    assert comparison.group_sizes["intent"] == {"straight": 108, "left": 12}
    assert list(comparison.group_sizes["speed"]) == list(SPEEDS)
    assert sum(comparison.group_sizes["speed"].values()) == 120


def test_figures_are_means_over_their_frames(comparison, frames):
    head = comparison.methods[0]
    distance = np.linalg.norm(frames["predictions"]["head"] - frames["logged"], axis=2)
    assert list(head.overall) == list(LABELS)
    assert head.overall["ade_3s"].value == pytest.approx(distance[:, :12].mean())
    assert head.overall["fde_1s"].value == pytest.approx(distance[:, 3].mean())
    assert head.displacement_over_time == pytest.approx(distance.mean(axis=0).tolist())
    assert head.by_intent["left"]["ade_5s"].value == pytest.approx(distance[::10].mean())
    fast = frames["speed"] >= 11
    assert head.by_speed[SPEEDS[3]]["ade_5s"].value == pytest.approx(distance[fast].mean())
    assert set(head.by_speed[SPEEDS[3]]) == set(GROUPED)


def test_differences_are_paired_and_only_the_reference_has_none(comparison):
    head, ridge, other = comparison.methods
    assert ridge.difference is None
    assert head.difference["ade_5s"].value == pytest.approx(-0.2 * ridge.overall["ade_5s"].value)
    assert head.difference["ade_5s"].high < 0 < other.difference["ade_5s"].low
    unpaired = head.overall["ade_5s"].high - head.overall["ade_5s"].low
    assert head.difference["ade_5s"].high - head.difference["ade_5s"].low < 0.5 * unpaired


def test_the_order_of_methods_changes_no_figure(comparison, frames):
    turned = compare(**{**frames, "predictions": dict(reversed(frames["predictions"].items()))})
    assert turned.methods[::-1] == comparison.methods


def test_json_holds_every_figure(comparison):
    data = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert data == {name: value for name, value in asdict(comparison).items() if name != "frame_ade"}
    ade = comparison.methods[0].overall["ade_5s"].value
    assert comparison.frame_ade[comparison.methods[0].name].mean() == pytest.approx(ade)
    assert len(data["methods"]) == 3


def test_one_sequence_has_no_intervals_in_json_either(frames):
    alone = compare(**{**frames, "sequence": np.zeros(120)})
    data = json.loads(json.dumps(alone.to_json(), allow_nan=False))
    assert data["methods"][0]["overall"]["ade_5s"]["low"] is None
    assert data["methods"][0]["overall"]["ade_5s"]["value"] == alone.methods[0].overall["ade_5s"].value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": "rigde"}, "'rigde' is not among the methods: head, ridge, other"),
        ({"speed": np.zeros(3)}, "3 speeds"),
        ({"sequence": np.zeros(119)}, "119 sequences"),
        ({"logged": np.full((120, 20, 2), np.nan)}, "120 of 120 logged paths"),
    ],
)
def test_what_cannot_be_compared_is_said(frames, change, message):
    with pytest.raises(ValueError, match=message):
        compare(**{**frames, **change})


def test_frames_without_a_cluster_are_in_no_group(frames):
    cluster = np.repeat(["Others", "", "Cut_ins"], 40)
    compared = compare(**frames, cluster=cluster)
    assert compared.group_sizes["cluster"] == {"Cut_ins": 40, "Others": 40}
    distance = np.linalg.norm(frames["predictions"]["head"] - frames["logged"], axis=2)
    figures = compared.methods[0].by("cluster")
    assert figures["Cut_ins"]["ade_5s"].value == pytest.approx(distance[80:].mean())
    assert list(figures) == ["Cut_ins", "Others"]


def test_without_any_cluster_there_is_no_such_kind(comparison):
    assert "cluster" not in comparison.group_sizes
    assert comparison.methods[0].by("cluster") == {}


def test_frames_unlike_the_training_pictures_are_a_group_and_count_in_the_whole(frames):
    unlike = np.arange(120) < 30
    compared = compare(**frames, unlike=unlike)
    assert compared.unlike == 0.25
    assert compared.group_sizes["picture"] == {PICTURES[0]: 90, PICTURES[1]: 30}
    distance = np.linalg.norm(frames["predictions"]["head"] - frames["logged"], axis=2)
    head = compared.methods[0]
    assert head.by("picture")[PICTURES[0]]["ade_5s"].value == pytest.approx(distance[30:].mean())
    assert head.by("picture")[PICTURES[1]]["ade_5s"].value == pytest.approx(distance[:30].mean())
    assert head.overall["ade_5s"].value == pytest.approx(distance.mean())


def test_where_all_pictures_are_of_one_kind_there_are_no_groups(comparison, frames):
    assert comparison.unlike is None
    for share in (0.0, 1.0):
        compared = compare(**frames, unlike=np.full(120, bool(share)))
        assert compared.unlike == share
        assert "picture" not in compared.group_sizes
        assert compared.methods[0].by("picture") == {}


def test_intents_have_the_names_of_the_proto():
    assert by_intent(np.array([3, 0, 1, 2])).tolist() == ["right", "unknown", "straight", "left"]


def test_an_intent_out_of_range_is_an_error():
    with pytest.raises(ValueError, match=r"0 \.\.\. 3 .*-1"):
        by_intent(np.array([1, -1]))


def test_a_bound_belongs_to_the_faster_group():
    speed = np.array([0, 0.49, 0.5, 4.99, 5, 10.99, 11, 40])
    assert by_speed(speed).tolist() == [group for group in SPEEDS for _ in range(2)]


@pytest.mark.parametrize("bad", [np.nan, -0.1])
def test_an_impossible_speed_is_an_error(bad):
    with pytest.raises(ValueError, match="1 of 2 speeds"):
        by_speed(np.array([1.0, bad]))


def test_clusters_are_those_that_frames_have_in_alphabetical_order():
    assert clusters_of(np.array(["Others", "", "Cut_ins", "Others"])) == ("Cut_ins", "Others")
    assert clusters_of(np.array(["", ""])) == ()
