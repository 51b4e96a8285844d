"""Our reader against what the official package says of the same shards: `expected.json`, by frame name."""

import itertools
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roadcue.loaders import picture_file
from roadcue.loaders.tfrecord import read_records
from roadcue.loaders.waymo_e2e import CAMERAS, WaymoE2E, open_waymo_e2e
from roadcue.loaders.waymo_e2e import schema_pb2 as schema

Expected = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def folder(golden_dir: Path) -> Path:
    return golden_dir / "waymo_e2e"


@pytest.fixture(scope="module")
def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.tfrecord*"))


@pytest.fixture(scope="module")
def expected(folder: Path) -> Expected:
    values: Expected = json.loads((folder / "expected.json").read_text())
    return values


@pytest.fixture(scope="module")
def dataset(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> WaymoE2E:
    return opened(folder, tmp_path_factory)


def opened(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> WaymoE2E:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROADCUE_CACHE", str(tmp_path_factory.mktemp("cache")))
        return open_waymo_e2e(folder, "all")


def named(dataset: WaymoE2E) -> list[tuple[int, str]]:
    return list(enumerate(dataset.states.id.tolist()))


def test_waymo_has_every_frame_once_and_in_order(dataset: WaymoE2E, expected: Expected) -> None:
    ids = dataset.states.id.tolist()
    assert sorted(ids) == sorted(expected)
    assert ids == sorted(ids, key=lambda name: (name.rpartition("-")[0], int(name.rpartition("-")[2])))
    assert dataset.skipped == ()


def test_waymo_intent(dataset: WaymoE2E, expected: Expected) -> None:
    for row, name in named(dataset):
        assert dataset.states.intent[row] == expected[name]["intent"], name


def test_waymo_past_is_exact(dataset: WaymoE2E, expected: Expected) -> None:
    for row, name in named(dataset):
        np.testing.assert_array_equal(dataset.states.past[row], np.float32(expected[name]["past"]), err_msg=name)


def test_waymo_future_is_exact_or_missing(dataset: WaymoE2E, expected: Expected) -> None:
    for row, name in named(dataset):
        future = dataset.targets(row).future
        if expected[name]["future"] is None:
            assert future is None, name
            assert np.isnan(dataset.states.future[row]).all(), name
        else:
            np.testing.assert_array_equal(future, np.float32(expected[name]["future"]), err_msg=name)


def test_waymo_cameras_and_the_lengths_of_their_pictures(dataset: WaymoE2E, expected: Expected) -> None:
    for row, name in named(dataset):
        lengths = {str(CAMERAS.index(c) + 1): len(dataset.image(row, c) or b"") for c in dataset.cameras_of(row)}
        assert lengths == expected[name]["cameras"], name


def test_waymo_scored_preferences(dataset: WaymoE2E, expected: Expected) -> None:
    for row, name in named(dataset):
        scored = [preference for preference in expected[name]["preference"] if preference["score"] >= 0]
        preferences = dataset.targets(row).preferences
        assert [one.score for one in preferences] == [one["score"] for one in scored], name
        for ours, theirs in zip(preferences, scored, strict=True):
            np.testing.assert_array_equal(ours.xy, np.float32(theirs["xy"]).reshape(-1, 2), err_msg=name)


def test_waymo_all_preferences_with_placeholders(shards: list[Path], expected: Expected) -> None:
    for shard in shards:
        for record in read_records(shard):
            frame = schema.E2EDFrame.FromString(record.payload)
            preferences = [
                {
                    "score": states.preference_score,
                    "xy": [list(xy) for xy in zip(states.pos_x, states.pos_y, strict=True)],
                }
                for states in frame.preference_trajectories
            ]
            assert preferences == expected[frame.frame.context.name]["preference"]


def test_waymo_front_calibration(dataset: WaymoE2E, expected: Expected) -> None:
    for row, name in named(dataset):
        calibration = dataset.calibration(row, "FRONT")
        intrinsic = None if calibration is None else calibration.intrinsic.tolist()
        assert intrinsic == expected[name]["front_intrinsic"], name


def test_waymo_front_pixels(dataset: WaymoE2E, expected: Expected) -> None:
    for row, name in named(dataset):
        encoded = dataset.image(row, "FRONT")
        pixel_sum = None if encoded is None else int(picture_file.decode(encoded, name).sum(dtype=np.int64))
        assert pixel_sum == expected[name]["front_pixel_sum"], name


def test_waymo_shard_record_and_bytes(shards: list[Path], expected: Expected) -> None:
    records = {}
    for number, shard in enumerate(shards):
        for place, record in enumerate(read_records(shard)):
            name = schema.E2EDFrame.FromString(record.payload).frame.context.name
            records[name] = (number, place, len(record.payload))
    assert records == {name: (value["shard"], value["record"], value["bytes"]) for name, value in expected.items()}


def test_waymo_index_knows_shard_record_and_bytes(dataset: WaymoE2E, expected: Expected) -> None:
    index = dataset._index
    for row, name in named(dataset):
        before = (index.shard == index.shard[row]) & (index.offset < index.offset[row])
        record = (int(index.shard[row]), int(before.sum()), int(index.length[row]))
        assert record == tuple(expected[name][key] for key in ("shard", "record", "bytes")), name


def test_waymo_any_order_of_shards_is_the_same(
    dataset: WaymoE2E, shards: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    orders = itertools.islice(itertools.permutations(range(len(shards))), 1, 6)
    for order in orders:
        folder = tmp_path_factory.mktemp("shards")
        for shard, place in zip(shards, order, strict=True):
            shutil.copy(shard, folder / shards[place].name)
        other = opened(folder, tmp_path_factory)
        assert other.states.id.tolist() == dataset.states.id.tolist()
        for column in ("past", "intent", "future"):
            np.testing.assert_array_equal(getattr(other.states, column), getattr(dataset.states, column))
        for row, name in named(dataset):
            assert other.image(row, "FRONT") == dataset.image(row, "FRONT"), name
            ours, theirs = dataset.targets(row).preferences, other.targets(row).preferences
            assert [(p.score, p.xy.tolist()) for p in ours] == [(p.score, p.xy.tolist()) for p in theirs], name


def test_waymo_every_byte_of_a_shard_is_read(shards: list[Path]) -> None:
    """Records and their framing fill the file: nothing is left unread at its end."""
    for shard in shards:
        assert sum(16 + len(record.payload) for record in read_records(shard)) == os.path.getsize(shard)
