"""Real photographs through the manifest: they open, decode, and drive forwards."""

from pathlib import Path

import numpy as np
from udacity_drive import GAP_S

from roadcue.loaders.dataset import sample
from roadcue.loaders.manifest.dataset import open_manifest
from roadcue.loaders.picture_file import decode
from roadcue.loaders.split import split_by_sequence


def test_the_drive_opens_as_a_data_set(udacity_manifest: Path):
    drive = open_manifest(udacity_manifest.parent, "all")
    states = drive.states
    assert 200 < len(drive) < 300
    assert len(np.unique(states.sequence)) == 8
    assert drive.cameras == ("FRONT",)
    assert not drive.skipped
    speed = np.hypot(states.past[:, -1, 2], states.past[:, -1, 3])
    assert 3 < speed.min() < speed.max() < 40
    assert np.all(states.future[:, -1, 0] > 0), "five seconds on, the car is in front of where it was"
    travelled = np.linalg.norm(states.future[:, 0], axis=1)
    np.testing.assert_allclose(travelled, speed * 0.25, atol=0.8)


def test_its_photographs_decode_and_differ(udacity_manifest: Path):
    drive = open_manifest(udacity_manifest, "all")
    pictures = [
        decode(sample(drive, row).inputs.images["FRONT"], where=str(drive.states.id[row])) for row in (0, 100, -1)
    ]
    assert {picture.shape for picture in pictures} == {(480, 640, 3)}
    assert all(30 < picture.mean() < 225 and picture.std() > 20 for picture in pictures)
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 10


def test_train_and_val_share_no_moment(udacity_manifest: Path):
    drive = open_manifest(udacity_manifest, "all")
    parts = [split_by_sequence(drive, part) for part in ("train", "val")]
    assert sum(map(len, parts)) == len(drive)
    assert not set(parts[0].states.sequence) & set(parts[1].states.sequence)
    window = np.array([int(name.removeprefix("hmb3-")) for name in drive.states.id])
    order = np.argsort(window)
    border = drive.states.sequence[order][1:] != drive.states.sequence[order][:-1]
    assert np.diff(window[order])[border].min() >= GAP_S * 4
