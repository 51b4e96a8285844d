import io
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from waymo_shards import (
    OTHER,
    SHARD,
    write_shard,
    write_shards,
)

from roadcue.errors import BadInput
from roadcue.files import atomic_file
from roadcue.left_over import partial_name
from roadcue.loaders.waymo_e2e import index, open_waymo_e2e

pytestmark = pytest.mark.usefixtures("cache")


class TestIndex:
    @pytest.fixture
    def indexed(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
        """The names of the shards that were read to be indexed."""
        names: list[str] = []
        made = index._index_shard

        def count(shard: Path, file: Path) -> None:
            names.append(shard.name)
            made(shard, file)

        monkeypatch.setattr(index, "_index_shard", count)
        return names

    def test_is_made_once_and_only_for_new_shards(self, two_shards: Path, indexed: list[str]) -> None:
        fingerprint = open_waymo_e2e(two_shards, "val").fingerprint
        assert open_waymo_e2e(two_shards, "val").fingerprint == fingerprint
        assert indexed == [SHARD.format(0), SHARD.format(1)]
        write_shards(two_shards, {"val_more.tfrecord": [(f"{OTHER}-104", 9)]})
        assert len(open_waymo_e2e(two_shards, "val")) == 5
        assert indexed[2:] == ["val_more.tfrecord"]

    def test_changed_shard_is_indexed_again(self, two_shards: Path, indexed: list[str]) -> None:
        before = open_waymo_e2e(two_shards, "val")
        write_shards(two_shards, {SHARD.format(1): [(f"{OTHER}-500", 9)]})
        after = open_waymo_e2e(two_shards, "val")
        assert indexed[2:] == [SHARD.format(1)]
        assert after.states.frame.max() == 500
        assert after.fingerprint != before.fingerprint
        row = before.states.sequence.tolist().index(OTHER)
        with pytest.raises(BadInput, match=rf"{SHARD.format(1)}: has changed since it was indexed. Start again"):
            before.image(row, "FRONT")

    @pytest.mark.parametrize("damage", ["truncated", "flipped", "garbage", "empty", "a column less"])
    def test_damaged_index_is_made_again(
        self, two_shards: Path, cache: Path, indexed: list[str], damage: str
    ) -> None:
        expected = open_waymo_e2e(two_shards, "val").states.past
        file = sorted(cache.iterdir())[0]
        data = bytearray(file.read_bytes())
        if damage == "truncated":
            data = data[:-10]
        elif damage == "flipped":
            data[len(data) // 2] ^= 4
        elif damage == "a column less":
            from roadcue.loaders.tfrecord import read_records

            write_shard(file, [record.payload for record in read_records(file)][:-1])
            data = bytearray(file.read_bytes())
        else:
            data = bytearray(b"garbage" if damage == "garbage" else b"")
        file.write_bytes(data)
        np.testing.assert_array_equal(open_waymo_e2e(two_shards, "val").states.past, expected)
        assert indexed[2:] == [SHARD.format(0)]

    def test_interrupted_indexing_keeps_what_is_done(
        self, two_shards: Path, indexed: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counted = index._index_shard

        def interrupted(shard: Path, file: Path) -> None:
            if indexed:
                raise KeyboardInterrupt
            counted(shard, file)

        monkeypatch.setattr(index, "_index_shard", interrupted)
        with pytest.raises(KeyboardInterrupt):
            open_waymo_e2e(two_shards, "val")
        monkeypatch.setattr(index, "_index_shard", counted)
        assert len(open_waymo_e2e(two_shards, "val")) == 4
        assert indexed == [SHARD.format(0), SHARD.format(1)]

    def test_many_processes_find_the_same(
        self, two_shards: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alone = open_waymo_e2e(two_shards, "val")
        for file in cache.iterdir():
            file.unlink()
        monkeypatch.setattr(index, "_SMALL_BYTES", 0)
        together = open_waymo_e2e(two_shards, "val")
        assert len(list(cache.iterdir())) == 2
        np.testing.assert_array_equal(alone.states.past, together.states.past)
        np.testing.assert_array_equal(alone._index.image_span, together._index.image_span)

    def test_cache_that_cannot_be_written(
        self, two_shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "file"))
        with pytest.raises(BadInput, match=r"cache cannot be kept there.*ROADCUE_CACHE"):
            open_waymo_e2e(two_shards, "val")

    def test_index_holds_no_pickle(self, two_shards: Path, cache: Path) -> None:
        from roadcue.loaders.tfrecord import read_records

        open_waymo_e2e(two_shards, "val")
        for file in cache.iterdir():
            columns = [np.load(io.BytesIO(r.payload), allow_pickle=False) for r in list(read_records(file))[1:]]
            assert all(column.dtype != object for column in columns)

    def test_an_index_of_another_shard_is_not_taken_for_this_one(
        self, two_shards: Path, cache: Path, indexed: list[str]
    ) -> None:
        """Swapped files have right checksums; the user's shards were blamed for what does not fit them."""
        expected = open_waymo_e2e(two_shards, "val")
        first, second = sorted(cache.iterdir())
        one, other = first.read_bytes(), second.read_bytes()
        first.write_bytes(other)
        second.write_bytes(one)
        again = open_waymo_e2e(two_shards, "val")
        np.testing.assert_array_equal(again.states.past, expected.states.past)
        assert again.image(0, "FRONT") == expected.image(0, "FRONT")
        assert indexed[2:] == [SHARD.format(0), SHARD.format(1)]

    @pytest.mark.parametrize("column", [field.name for field in fields(index.Index)])
    @pytest.mark.parametrize(
        "change",
        [
            lambda column: column[:0],
            lambda column: np.concatenate([column, column]),
            lambda column: column.astype("U9") if column.dtype.kind != "U" else np.zeros(len(column)),
            lambda column: column[..., None],
            lambda column: np.full_like(column, 2**62) if column.dtype == np.int64 else column.astype("S9"),
            lambda column: np.full_like(column, -1) if column.dtype == np.int64 else column[:, None],
            lambda column: np.zeros((2**20, 0)),
        ],
    )
    def test_columns_that_are_not_as_written_are_made_again_though_their_checksum_is_right(
        self, two_shards: Path, cache: Path, indexed: list[str], column: str, change: Callable
    ) -> None:
        from roadcue.loaders.tfrecord import read_records

        expected = open_waymo_e2e(two_shards, "val")
        file = next(file for file in sorted(cache.iterdir()) if SHARD.format(0) in file.name)
        payloads = [record.payload for record in read_records(file)]
        place = 1 + [field.name for field in fields(index.Index)].index(column)
        before = np.load(io.BytesIO(payloads[place]))
        changed = io.BytesIO()
        np.save(changed, change(before))
        if changed.getvalue() == payloads[place]:
            return
        payloads[place] = changed.getvalue()
        write_shard(file, payloads)
        again = open_waymo_e2e(two_shards, "val")
        if column != "frame":  # any number will do there, and only what was written can be it
            np.testing.assert_array_equal(again.states.id, expected.states.id)
        for row in range(len(again)):
            again.image(row, "FRONT")
            again.targets(row)

    def test_a_column_that_claims_more_than_it_has_is_made_again(
        self, two_shards: Path, cache: Path, indexed: list[str]
    ) -> None:
        from roadcue.loaders.tfrecord import read_records

        open_waymo_e2e(two_shards, "val")
        file = sorted(cache.iterdir())[0]
        payloads = [record.payload for record in read_records(file)]
        for shape in (b"(1099511627776,)", b"(99999999999999999999999999,)"):
            header = b"{'descr': '<i8', 'fortran_order': False, 'shape': " + shape + b", }"
            header = header.ljust(117) + b"\n"
            huge = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
            write_shard(file, [*payloads[:3], huge, *payloads[4:]])
            assert len(open_waymo_e2e(two_shards, "val")) == 4
        assert indexed[2:] == [SHARD.format(0)] * 2


def test_what_a_killed_process_was_writing_is_removed_from_the_cache(two_shards: Path, cache: Path) -> None:
    open_waymo_e2e(two_shards, "val")
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = cache / partial_name("val_x.tfrecord.0123.index").replace(f"-{os.getpid()}.", f"-{dead.pid}.")
    left.write_bytes(b"half")
    with atomic_file(cache / "another.index") as ours:
        ours.write_bytes(b"half")
        open_waymo_e2e(two_shards, "val")
        assert ours.exists()
    assert not left.exists()
    assert len(list(cache.iterdir())) == 3
