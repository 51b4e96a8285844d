"""A field is probed from the features of a split, by rows and by sequence."""

from types import SimpleNamespace

import numpy as np
import pytest
from drawn import DrawnDataset

from roadcue.errors import BadInput
from roadcue.evaluation.probes import probe_field
from roadcue.schema import SampleTargets
from roadcue.training.heads.batches import StoredSplit


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


class LabelledDataset(DrawnDataset):
    """Where the road goes, by the drift of the future."""

    def targets(self, row):
        if row in self.without_rear:
            return SampleTargets()
        drift = self.states.future[row, 3, 1]
        return SampleTargets(fields={"road_pos": "left" if drift > 0.15 else "right" if drift < -0.15 else "front"})


def stored(split, noise=0.02, **options):
    """A split of which every other row is left out, with the drift in its features."""
    dataset = LabelledDataset(split, **options)
    random = np.random.default_rng(1)
    drift = dataset.states.future[:, 3, 1, None]
    features = np.hstack([drift, np.abs(drift), random.normal(size=(len(dataset), 3))])
    features += noise * random.normal(size=features.shape)
    store_rows = random.permutation(len(dataset))  # a store may hold rows in another order
    in_store = np.empty_like(features)
    in_store[store_rows] = features
    store = SimpleNamespace(features=in_store.astype(np.float16)[:, None, None])
    kept = np.arange(0, len(dataset), 2)
    return StoredSplit(dataset, store, kept, store_rows[kept])


@pytest.fixture(scope="module")
def scores():
    return probe_field("road_pos", stored("train", sequences=30), stored("val", sequences=12))


def test_what_the_features_hold_is_told_far_above_the_majority(scores):
    assert scores.probe.value > 0.9
    assert scores.probe.low > scores.majority.high
    assert scores.majority.value == pytest.approx(1 / 3)
    assert set(scores.recalls) == {"left", "front", "right"}
    assert scores.probe.value == pytest.approx(np.mean(list(scores.recalls.values())))


def test_says_how_many_rows_it_stands_on(scores):
    assert scores.rows == {"train": 180, "val": 72}


def test_features_of_other_rows_tell_nothing():
    val = stored("val", sequences=12)
    moved = StoredSplit(val.dataset, val.store, val.rows, np.roll(val.store_rows, 7))
    assert probe_field("road_pos", stored("train", sequences=30), moved).probe.low < 1 / 3 + 0.05


def test_a_row_without_the_field_is_named():
    with pytest.raises(BadInput, match=r"memory: row 4: sample train00-004: has no field 'road_pos'"):
        probe_field("road_pos", stored("train", without_rear=(4,)), stored("val"))


def test_without_features_there_is_nothing_to_probe():
    train = stored("train")
    with pytest.raises(BadInput, match="a probe needs an encoder"):
        probe_field("road_pos", StoredSplit(train.dataset, None, train.rows, train.rows), stored("val"))
