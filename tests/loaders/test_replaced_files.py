"""A replaced file is noticed, as features and index are of the old one; a copy is known by what it holds."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sensation_folder import write_folder
from test_bdd100k import CAR_FAR, frame, write_bdd
from waymo_shards import OTHER, SEQUENCE, SHARD, frame_bytes, write_shard, write_shards

from roadcue.errors import BadRecord
from roadcue.loaders.bdd100k import open_bdd100k
from roadcue.loaders.picture_folder import PictureFolder
from roadcue.loaders.sampled_content import sampled_content
from roadcue.loaders.sensation import open_sensation
from roadcue.loaders.waymo_e2e import index, open_waymo_e2e


def touch(file: Path) -> None:
    """Another time of change, the same size."""
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))


def grow(file: Path) -> None:
    """Another size, the same time of change."""
    before = file.stat().st_mtime_ns
    file.write_bytes(file.read_bytes() + b"\0")
    os.utime(file, ns=(0, before))


def alter(file: Path) -> None:
    """Another last byte, the same size and time of change."""
    before, content = file.stat().st_mtime_ns, file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(file, ns=(0, before))


REPLACED = pytest.mark.parametrize("replace", [alter, grow])


@pytest.mark.parametrize("place", [0, 2000, 4095, 33_000, 66_000, 97_000, 99_999])
def test_a_large_file_is_read_at_its_ends_and_between(tmp_path: Path, place: int) -> None:
    content = bytearray(np.random.default_rng(0).bytes(100_000))
    (tmp_path / "whole").write_bytes(content)
    content[place] ^= 1
    (tmp_path / "altered").write_bytes(content)
    whole, altered = (sampled_content(tmp_path / name, 100_000) for name in ("whole", "altered"))
    assert whole != altered


def copied(folder: Path) -> Path:
    """The same files elsewhere, with times of their own."""
    copy = folder.with_name(f"{folder.name} of the node")
    shutil.copytree(folder, copy, copy_function=shutil.copyfile)
    for file in copy.rglob("*"):
        touch(file)
    return copy


def test_copied_pictures_are_the_same(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_bdd(home, "train", [frame("a.jpg", CAR_FAR), frame("b.jpg")])
    assert open_bdd100k(copied(home), "train").fingerprint == open_bdd100k(home, "train").fingerprint
    home = tmp_path / "walks"
    write_folder(home, {"train": ["a.jpg", "b.jpg"], "val": ["c.jpg"]}, pictures=home)
    assert open_sensation(copied(home), "train").fingerprint == open_sensation(home, "train").fingerprint


@REPLACED
def test_a_picture(tmp_path: Path, replace: Callable[[Path], None]) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    folder = PictureFolder(tmp_path)
    before = folder.stamps(["a.jpg"])
    assert folder.stamps(["a.jpg"]) == before
    replace(tmp_path / "a.jpg")
    assert folder.stamps(["a.jpg"]) != before


@REPLACED
def test_a_picture_of_sensation(tmp_path: Path, replace: Callable[[Path], None]) -> None:
    captions = write_folder(tmp_path, {"train": ["a.jpg", "b.jpg"], "val": ["c.jpg"]}, pictures=tmp_path)
    before = open_sensation(tmp_path, "train").fingerprint
    replace(tmp_path / captions[2].image_path)
    assert open_sensation(tmp_path, "train").fingerprint == before, "another split's picture"
    replace(tmp_path / captions[1].image_path)
    assert open_sensation(tmp_path, "train").fingerprint != before


@REPLACED
def test_a_picture_of_bdd100k(tmp_path: Path, replace: Callable[[Path], None]) -> None:
    write_bdd(tmp_path, "train", [frame("a.jpg", CAR_FAR), frame("b.jpg"), frame("night.jpg", timeofday="night")])
    before = open_bdd100k(tmp_path, "train").fingerprint
    replace(tmp_path / "images/100k/train/night.jpg")
    assert open_bdd100k(tmp_path, "train").fingerprint == before, "not a picture of a clear day"
    replace(tmp_path / "images/100k/train/b.jpg")
    assert open_bdd100k(tmp_path, "train").fingerprint != before


@pytest.mark.usefixtures("cache")
class TestShard:
    def test_of_the_same_size_is_indexed_again(self, two_shards: Path) -> None:
        before, file = open_waymo_e2e(two_shards, "val"), two_shards / SHARD.format(1)
        status = file.stat()
        past = np.full((16, 6), 5, np.float32)
        write_shard(file, [frame_bytes(f"{SEQUENCE}-011", 3, past=past), frame_bytes(f"{OTHER}-99", 4)])
        touch(file)
        assert file.stat().st_size == status.st_size
        after = open_waymo_e2e(two_shards, "val")
        np.testing.assert_array_equal(after.states.past[0], past)
        assert after.fingerprint != before.fingerprint

    def test_that_was_copied_is_known(self, two_shards: Path) -> None:
        home, copy = open_waymo_e2e(two_shards, "val"), open_waymo_e2e(copied(two_shards), "val")
        assert copy.fingerprint == home.fingerprint
        assert copy.image(0, "FRONT") == home.image(0, "FRONT")

    def test_that_was_damaged_on_the_way_is_told(self, two_shards: Path) -> None:
        """Its framing is that of the original, checksums of payloads included."""
        open_waymo_e2e(two_shards, "val")
        shard = copied(two_shards) / SHARD.format(1)
        content = bytearray(shard.read_bytes())
        content[len(content) // 4] ^= 1
        shard.write_bytes(content)
        with pytest.raises(BadRecord, match="checksum"):
            open_waymo_e2e(shard.parent, "val")

    def test_of_the_same_name_and_size_elsewhere_is_no_copy(self, two_shards: Path) -> None:
        before, elsewhere = open_waymo_e2e(two_shards, "val"), copied(two_shards)
        past = np.full((16, 6), 5, np.float32)
        names = (f"{SEQUENCE}-011", 3), (f"{OTHER}-99", 4)
        write_shard(elsewhere / SHARD.format(1), [frame_bytes(*name, past=past) for name in names])
        after = open_waymo_e2e(elsewhere, "val")
        np.testing.assert_array_equal(after.states.past[0], past)
        assert after.fingerprint != before.fingerprint

    def test_with_the_same_time_of_change_is_indexed_again(self, two_shards: Path) -> None:
        before, file = open_waymo_e2e(two_shards, "val"), two_shards / SHARD.format(1)
        changed = file.stat().st_mtime_ns
        write_shards(two_shards, {SHARD.format(1): [(f"{SEQUENCE}-011", 3)]})
        os.utime(file, ns=(0, changed))
        after = open_waymo_e2e(two_shards, "val")
        assert (len(before), len(after)) == (4, 3)
        assert after.fingerprint != before.fingerprint

    def test_of_another_version_of_the_index_is_indexed_again(
        self, two_shards: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        open_waymo_e2e(two_shards, "val")
        monkeypatch.setattr(index, "_VERSION", index._VERSION + 1)
        open_waymo_e2e(two_shards, "val")
        assert len(list(cache.iterdir())) == 4
