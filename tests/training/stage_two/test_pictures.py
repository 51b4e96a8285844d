"""Rows with pictures in the place of features: which pictures they are, and what augmentation makes of a row."""

import numpy as np
import pytest
import torch
from drawn import DrawnDataset

from roadcue.heads.registry import build_head, head_config
from roadcue.models.registry import build_encoder
from roadcue.schema import Intent
from roadcue.training.heads.batches import StoredSplit, encoding, labels_of
from roadcue.training.stage_two.augmentation import Augmentation, Augmented
from roadcue.training.stage_two.pictures import PictureSplit

CAMERAS = ("FRONT", "REAR")
HEADS = [build_head("field", head_config("field")(), 0, 0)]


class Store:
    """Of every row but the third, in the opposite order."""

    def __init__(self, data):
        self.usable = np.arange(len(data)) != len(data) - 3
        self._rows = len(data)

    def rows_of(self, ids):
        return np.arange(self._rows)[::-1]


@pytest.fixture(scope="module")
def encoder():
    return build_encoder("smol")


@pytest.fixture
def data():
    return DrawnDataset("train", sequences=2, frames=4, without_rear=(5,))


def split_of(data, encoder, frames_back=()):
    stored = StoredSplit.of(data, Store(data), frames_back, labels_of(data, HEADS))
    earlier = [f"{camera} {back} frames before" for back in frames_back for camera in CAMERAS]
    return stored, PictureSplit.of(stored, encoder, CAMERAS, (*CAMERAS, *earlier))


def test_a_row_shows_its_cameras_and_then_those_of_its_earlier_frames(data, encoder):
    _, split = split_of(data, encoder, (1, 2))
    assert split.rows.tolist() == [0, 1, 3, 4, 5, 6, 7]
    assert split.frames.tolist() == [
        [0, -1, -1],
        [1, 0, -1],
        [3, -1, 1],  # the third could not be read
        [4, -1, -1],
        [5, 4, -1],
        [6, 5, 4],
        [7, 6, 5],
    ]
    batch = split.batch(np.array([0, 4, 5]))
    there = [[True, True, False, False, False, False], [True, False, True, True, False, False]]
    assert batch["present"].tolist() == [*there, [True, True, True, False, True, True]]
    assert len(batch["pixels"]) == int(batch["present"].sum())
    alone = split_of(data, encoder)[1].batch(np.array([0]))["pixels"]
    assert torch.equal(batch["pixels"][:2], alone)
    own = split.batch(np.array([3]))["pixels"][0]  # row 4, FRONT
    assert torch.equal(batch["pixels"][-2], own)
    assert torch.equal(batch["past"], torch.from_numpy(data.states.past[[0, 5, 6]]))
    assert torch.equal(batch["targets"]["future"], torch.from_numpy(data.states.future[[0, 5, 6]]))


def test_a_row_is_augmented_by_seed_epoch_and_row(data, encoder):
    _, split = split_of(data, encoder)
    heads, rows = encoding(HEADS), np.array([1, 2])

    def drawn(seed, epoch, positions=rows):
        return split.augmented(epoch, positions, Augmentation(1.0), heads, seed)["pixels"]

    first = drawn(0, 0)
    assert torch.equal(first, drawn(0, 0))
    assert torch.equal(first[2:], drawn(0, 0, rows[1:]))
    assert not torch.equal(first, drawn(0, 1))
    assert not torch.equal(first, drawn(1, 0))


def test_what_is_not_augmented_is_as_it_is(data, encoder):
    _, split = split_of(data, encoder)
    plain, same = split.batch(np.arange(3)), split.augmented(0, np.arange(3), Augmentation(0.0), encoding(HEADS), 0)
    for name in ("pixels", "present", "past", "intent"):
        assert torch.equal(plain[name], same[name])
    for name, target in plain["targets"].items():
        torch.testing.assert_close(same["targets"][name], target, equal_nan=True, rtol=0, atol=0)


def test_labels_follow_what_an_augmentation_says(data, encoder):
    _, split = split_of(data, encoder)

    def mirror(pictures, past, intent, targets, rng):
        return Augmented(pictures, -past, Intent.GO_LEFT, type(targets)(future=None, fields={}))

    batch = split.augmented(0, np.arange(2), mirror, encoding(HEADS), 0)
    assert torch.equal(batch["past"], -torch.from_numpy(data.states.past[:2]))
    assert batch["intent"].tolist() == [2, 2]
    assert batch["targets"]["future"].isnan().all()
    assert (batch["targets"]["positions"] == -1).all()
