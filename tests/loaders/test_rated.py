"""The rated frames of a data set as arrays."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waymo_shards import OTHER, SEQUENCE, frame_bytes, write_shard

from roadcue.loaders.dataset import StateTable, Subset
from roadcue.loaders.rated import rated_frames
from roadcue.loaders.waymo_e2e import open_waymo_e2e
from roadcue.loaders.waymo_e2e.clusters import CLUSTER_FILE
from roadcue.roadworld.dataset import open_roadworld
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld
from roadcue.schema import Preference, SampleTargets


class Rated:
    """A data set of states and targets alone: what raters said of each row."""

    def __init__(self, *preferences, clusters=None):
        n = len(preferences)
        past = np.random.default_rng(0).normal(size=(n, 16, 6)).astype(np.float32)
        self.states = StateTable(
            id=np.array([f"s{row}-1" for row in range(n)], str),
            sequence=np.array([f"s{row}" for row in range(n)], str),
            frame=np.ones(n, np.int64),
            past=past,
            intent=np.ones(n, np.int64),
            future=np.zeros((n, 20, 2), np.float32),
        )
        self._targets = [
            SampleTargets(preferences=tuple(one), cluster=cluster)
            for one, cluster in zip(preferences, clusters or [None] * n, strict=True)
        ]

    def __len__(self):
        return len(self._targets)

    def targets(self, row):
        return self._targets[row]


def preference(points, score, seed=0):
    return Preference(np.random.default_rng([seed, points]).normal(size=(points, 2)).astype(np.float32), score)


def test_rows_that_were_rated_with_what_was_said_of_them():
    short, long = preference(7, 0.0), preference(21, 9.5)
    dataset = Rated([], [short, long], [], [long], clusters=["Others", "Cyclist", "Spotlight", None])
    rated = rated_frames(dataset)
    assert rated.row.tolist() == [1, 3]
    assert rated.sequence.tolist() == ["s1", "s3"]
    assert rated.cluster.tolist() == ["Cyclist", ""]
    assert rated.rater_length.tolist() == [[7, 21, 0], [21, 0, 0]]
    np.testing.assert_array_equal(rated.rater_score, [[0, 9.5, np.nan], [9.5, np.nan, np.nan]])
    np.testing.assert_array_equal(rated.rater_xy[0, 0, :7], short.xy)
    np.testing.assert_array_equal(rated.rater_xy[0, 1], long.xy)
    missing = np.arange(21) >= rated.rater_length[..., None]
    np.testing.assert_array_equal(np.isnan(rated.rater_xy).all(axis=3), missing)


def test_speed_is_that_of_the_last_past_velocity_in_float64():
    dataset = Rated([preference(20, 5)], [preference(20, 5)])
    velocity = dataset.states.past[:, -1, 2:4].astype(np.float64)
    speed = rated_frames(dataset).speed
    assert speed.dtype == np.float64
    np.testing.assert_array_equal(speed, np.hypot(velocity[:, 0], velocity[:, 1]))


def test_no_more_than_three_of_21_points_are_kept():
    many = [preference(25, score, seed=score) for score in range(5)]
    rated = rated_frames(Rated(many))
    assert rated.rater_length.tolist() == [[21, 21, 21]]
    assert rated.rater_score.tolist() == [[0, 1, 2]]
    np.testing.assert_array_equal(rated.rater_xy[0, 2], many[2].xy[:21])


@pytest.mark.parametrize("dataset", [Rated([], []), Rated()])
def test_nothing_rated_is_an_empty_table(dataset):
    rated = rated_frames(dataset)
    assert len(rated) == 0
    assert (rated.rater_xy.shape, rated.speed.shape, rated.cluster.shape) == ((0, 3, 21, 2), (0,), (0,))


@given(st.lists(st.lists(st.tuples(st.integers(1, 21), st.integers(0, 10)), max_size=3), max_size=8), st.data())
@settings(max_examples=50, deadline=None)
def test_a_subset_has_its_own_row_numbers_and_the_same_content(shape, data):
    dataset = Rated(*[[preference(*one, seed=row) for one in frame] for row, frame in enumerate(shape)])
    dataset.name = dataset.split = dataset.fingerprint = dataset.description = "x"
    dataset.cameras = dataset.skipped = ()
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, len(shape) - 1)))) if shape else [], np.int64)
    whole, part = rated_frames(dataset), rated_frames(Subset(dataset, rows, "part"))
    chosen = np.isin(whole.row, rows)
    assert rows[part.row].tolist() == whole.row[chosen].tolist()
    for name in ("sequence", "speed", "cluster", "rater_xy", "rater_length", "rater_score"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[chosen])


@pytest.mark.usefixtures("cache")
def test_of_the_end_to_end_set(tmp_path: Path):
    (tmp_path / "data").mkdir()
    payloads = [
        frame_bytes(f"{SEQUENCE}-150", seed=1, preferences=[None, preference(11, 8.0), None]),
        frame_bytes(f"{SEQUENCE}-151", seed=2, preferences=[None, None, None]),
        frame_bytes(f"{OTHER}-150", seed=3, preferences=[]),
        frame_bytes(f"{OTHER}-151", seed=4, preferences=[preference(21, 3.0)]),
    ]
    write_shard(tmp_path / "data" / "val_x.tfrecord", payloads)
    (tmp_path / "data" / CLUSTER_FILE).write_text(f'{{"{OTHER}": {{"scenario_cluster": "Cut_ins"}}}}')
    rated = rated_frames(open_waymo_e2e(tmp_path / "data", "val"))
    assert rated.row.tolist() == [0, 3]
    assert rated.cluster.tolist() == ["", "Cut_ins"]
    assert rated.rater_length.tolist() == [[11, 0, 0], [21, 0, 0]]
    np.testing.assert_array_equal(rated.rater_xy[0, 0, :11], preference(11, 8.0).xy)


@pytest.mark.usefixtures("cache")
def test_of_roadworld_every_validation_sequence_has_one_and_a_cluster(tmp_path: Path):
    spec = RoadWorldSpec(train_sequences=1, val_sequences=3, seconds=1.0, stride=5, cameras=("FRONT",))
    write_roadworld(spec, tmp_path / "world", workers=1)
    dataset = open_roadworld(tmp_path / "world", "val")
    rated = rated_frames(dataset)
    assert sorted(rated.sequence) == sorted(set(dataset.states.sequence))
    assert (rated.cluster != "").all()
    assert (rated.rater_length == 21).all()
    assert not np.isnan(rated.rater_score).any()
    assert len(rated_frames(open_roadworld(tmp_path / "world", "train"))) == 0
