"""The gain of the picture is the picture's: it is there with a drive's own, and gone with another drive's.

The features are synthetic, so that the test depends on no weights: they hold the answer, which is a gain that the
training code must find and the shuffle must take away. A gain that lives on under the shuffle is a leak beside the
picture; one is built here, and must be seen. `evaluation.shuffled_pictures` says which kinds cannot be seen so.
"""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from roadcue.evaluation.shuffled_pictures import with_shuffled_pictures
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.loaders.contrast import CONTRAST_SHAPE
from roadcue.loaders.feature_store import FeatureStore, StoreWriter
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.comparison import relative_gain
from roadcue.metrics.displacement import displacement, per_frame
from roadcue.roadworld.dataset import open_roadworld
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.write import write_roadworld
from roadcue.training.config import TrainConfig
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.fitting import build_model, fit_by_gradient
from roadcue.training.heads.predictions import predict
from roadcue.training.run_folder import RunFolder

WIDTH = 6
BLIND = "waypoint without features"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A small RoadWorld's training and validation rows that have a future."""
    folder = tmp_path_factory.mktemp("world") / "roadworld"
    spec = RoadWorldSpec(
        train_sequences=14, val_sequences=10, stride=10, width=48, height=54, cameras=("FRONT",), seed=3
    )
    write_roadworld(spec, folder)
    return {split: open_roadworld(folder, split) for split in ("train", "val")}


@pytest.fixture
def with_features(world, tmp_path):
    """Returns a function: (n, d) features of a split out of (future, seed) -> both splits with them stored."""

    def store(features_of):
        return [_stored(dataset, features_of, tmp_path) for dataset in world.values()]

    return store


def _stored(dataset, features_of, tmp_path):
    known = ~np.isnan(dataset.states.future).any(axis=(1, 2))
    features = np.zeros((len(dataset), 1, 1, WIDTH), np.float32)
    features[known, 0, 0] = features_of(dataset.states.future[known], np.random.default_rng(len(dataset)))
    writer = StoreWriter(tmp_path / dataset.split, {"made": "up"}, dataset.states.id, ["FRONT"], (1, WIDTH))
    contrast, present = np.zeros((len(dataset), 1, *CONTRAST_SHAPE)), np.ones((len(dataset), 1), bool)
    writer.write(np.arange(len(dataset)), features, contrast, present)
    assert writer.finish()
    return StoredSplit.of(dataset, FeatureStore(tmp_path / dataset.split, {"made": "up"})).with_future()


def the_answer(future, random):
    """Where the car will be after 2.5 and 5 s, in noise: a picture from which the future can be seen."""
    places = future[:, [9, 19]].reshape(len(future), 4) / [10, 5, 20, 10]
    return np.hstack([places, np.zeros((len(future), 2))]) + 0.05 * random.normal(size=(len(future), WIDTH))


@dataclass(frozen=True)
class LeakingSplit(StoredSplit):
    """The stored features hold nothing, but on the way to the head each row's own future gets into them."""

    def batch(self, positions):
        batch = super().batch(positions)
        answer = the_answer(batch["targets"]["future"].numpy(), np.random.default_rng(0))
        return {**batch, "stored": torch.from_numpy(answer[:, None, None].astype(np.float16))}


def trained(train, val, tmp_path):
    # Small and quick: on so few drives the default head would be fitting the past for most of its steps.
    head = WaypointConfig(hidden=32, dropout=0.0, residual="constant_velocity")
    config = TrainConfig(
        pooling="mean", head_options={"waypoint": head}, epochs=24, batch_size=32, lr=1e-2, device="cpu"
    )
    model = build_model(config, SimpleNamespace(width=WIDTH, grid=(1, 1)))
    model.fit(train.batches())
    few = replace(val, rows=val.rows[:20], store_rows=val.store_rows[:20])  # scored at every epoch
    fit_by_gradient(model, train, few, config, RunFolder(tmp_path / "run"), resuming=False)
    return model.cpu().eval()


def gain(predictions, val, other=BLIND, metric="ade_5s"):
    """Of the head over another method, on the rows of `val`; a method may be given by its (n, 20, 2) paths."""
    states = val.dataset.states.take(val.rows)
    paths = other if isinstance(other, np.ndarray) else predictions[other]
    errors = [per_frame(displacement(each, states.future))[metric] for each in (predictions["waypoint"], paths)]
    return relative_gain(*errors, states.sequence, Bootstrap(500))


def test_the_gain_is_there_with_own_pictures_and_gone_with_others(with_features, tmp_path):
    train, val = with_features(the_answer)
    model = trained(train, val, tmp_path)
    own, others = predict(model, val).paths, predict(model, with_shuffled_pictures(val, 0)).paths
    assert gain(own, val).low > 0.1, "the training code finds an answer that is in the features"
    assert gain(own, val, "ridge").low > 0.1
    assert gain(others, val).low < 0
    assert gain(own, val, others["waypoint"]).low > 0.1
    assert np.array_equal(own[BLIND], others[BLIND]), "a head that sees nothing cannot tell"


def test_a_head_trained_on_others_pictures_gains_nothing(with_features, tmp_path):
    train, val = (with_shuffled_pictures(split, seed) for seed, split in enumerate(with_features(the_answer)))
    interval = gain(predict(trained(train, val, tmp_path), val).paths, val)
    assert interval.low <= 0
    assert interval.value < 0.05


def test_a_leak_beside_the_stored_features_is_seen(with_features, tmp_path):
    splits = with_features(lambda future, random: random.normal(size=(len(future), WIDTH)))
    train, val = (LeakingSplit(split.dataset, split.store, split.rows, split.store_rows) for split in splits)
    model = trained(with_shuffled_pictures(train, 1), with_shuffled_pictures(val, 0), tmp_path)
    assert gain(predict(model, with_shuffled_pictures(val, 0)).paths, val).low > 0.1
