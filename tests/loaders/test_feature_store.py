import errno
import json
import math
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusing_disk import not_readable, read_only, stamps

from roadcue.errors import BadInput, Unreadable
from roadcue.loaders import store_description, store_part
from roadcue.loaders.contrast import CONTRAST_SHAPE
from roadcue.loaders.feature_store import (
    FeatureStore,
    IncompleteStore,
    StoreWriter,
    check_room,
    fingerprint,
    open_finished,
    store_folder,
)
from roadcue.loaders.store_part import store_bytes

PARTS = {"weights": "abc", "aspect": "squash"}
IDS = np.array([f"s-{row:03d}" for row in range(10)])


@pytest.fixture
def writer(tmp_path):
    return StoreWriter(tmp_path / "store", PARTS, IDS, ["FRONT", "REAR"], (4, 3))


def features(rows):
    return np.random.default_rng(0).normal(size=(10, 2, 4, 3)).astype(np.float32)[rows]


def contrast(rows):
    return np.random.default_rng(1).normal(size=(10, 2, *CONTRAST_SHAPE)).astype(np.float32)[rows]


def fill(writer, rows):
    rows = np.asarray(rows)
    writer.write(rows, features(rows), contrast(rows), np.ones((len(rows), 2), bool))


def test_what_is_written_is_read_to_half_precision(writer):
    fill(writer, range(10))
    assert writer.finish()
    store = FeatureStore(writer.folder, PARTS)
    assert np.array_equal(store.features, features(slice(None)).astype(np.float16))
    assert store.present.all()
    assert store.cameras == ("FRONT", "REAR")
    assert store.rows_of(IDS[[7, 2]]).tolist() == [7, 2]


def test_an_unfinished_store_cannot_be_read(writer):
    fill(writer, [0, 1, 2])
    assert not writer.finish()
    with pytest.raises(IncompleteStore, match="7 rows"):
        FeatureStore(writer.folder, PARTS)


def test_a_second_writer_does_only_what_is_left(writer):
    fill(writer, [0, 3])
    again = StoreWriter(writer.folder, PARTS, IDS, ["FRONT", "REAR"], (4, 3))
    assert again.todo().tolist() == [1, 2, 4, 5, 6, 7, 8, 9]


def test_parts_share_the_rows_without_overlap(writer):
    writers = [StoreWriter(writer.folder, PARTS, IDS, ["FRONT", "REAR"], (4, 3), (part, 3)) for part in (1, 2, 3)]
    shares = [one.todo() for one in writers]
    assert np.concatenate(shares).tolist() == list(range(10))
    assert all(len(share) for share in shares)


def part_writer(folder, part):
    return StoreWriter(folder, PARTS, IDS, ["FRONT", "REAR"], (4, 3), part)


def test_every_part_has_files_of_its_own_and_all_are_read_as_one(tmp_path):
    writers = [part_writer(tmp_path / "store", (part, 3)) for part in (3, 1, 2)]
    for writer in writers:
        fill(writer, writer.todo()[::-1])
        assert writer.finish() == (writer is writers[-1])
    names = sorted(folder.name for folder in (tmp_path / "store").glob("rows-*"))
    assert names == ["rows-0-3", "rows-3-6", "rows-6-10"]
    store = FeatureStore(tmp_path / "store", PARTS)
    assert np.array_equal(store.features, features(slice(None)).astype(np.float16))
    assert np.array_equal(store.contrast, contrast(slice(None)))
    rows = np.array([[9, 2], [3, 0]])
    assert np.array_equal(store.features[rows], store.features[:][rows])
    assert np.array_equal(store.features[7][1], features(7)[1].astype(np.float16))
    assert (store.features.shape, len(store.features)) == ((10, 2, 4, 3), 10)


def test_a_part_that_another_began_is_not_written_into(tmp_path):
    whole = part_writer(tmp_path / "store", (1, 1))
    fill(whole, [0, 6])
    second = part_writer(tmp_path / "store", (2, 2))
    assert second.todo().tolist() == [5, 7, 8, 9]
    before = (tmp_path / "store/rows-0-10/progress.npy").read_bytes()
    fill(second, second.todo())
    assert (tmp_path / "store/rows-0-10/progress.npy").read_bytes() == before
    first = part_writer(tmp_path / "store", (1, 2))
    assert first.todo().tolist() == [1, 2, 3, 4]
    fill(first, first.todo())
    assert first.finish()
    assert sorted(folder.name for folder in (tmp_path / "store").glob("rows-*")) == ["rows-0-10", "rows-5-10"]
    assert np.array_equal(FeatureStore(tmp_path / "store", PARTS).features, features(slice(None)).astype(np.float16))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 11), st.integers(0, 10)), max_size=6))
def test_whatever_parts_are_begun_and_left_the_store_ends_up_whole(begun):
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        for parts, part, rows in begun:
            writer = part_writer(store, (part % parts + 1, parts))
            fill(writer, writer.todo()[:rows])
        for part in (2, 1):
            writer = part_writer(store, (part, 2))
            left = writer.todo()
            if len(left) and part == 2:
                writer.skip(int(left[0]), IDS[left[0]], "bad")
            fill(writer, writer.todo())
        assert writer.finish()
        read = FeatureStore(store, PARTS)
        expected = features(slice(None)).astype(np.float16)
        assert np.array_equal(read.features[np.flatnonzero(read.usable)], expected[read.usable])
        assert len(read.skipped) == (~read.usable).sum()


def test_more_parts_than_rows_leave_some_with_nothing_to_do(tmp_path):
    todo = [part_writer(tmp_path / "store", (part, 12)).todo().tolist() for part in range(1, 13)]
    assert sorted(row for rows in todo for row in rows) == list(range(10))


def test_a_missing_part_is_damage_and_not_a_row_of_zeros(finished):
    shutil.rmtree(finished / "rows-0-10")
    with pytest.raises(BadInput, match=r"store is damaged \(10 of its rows are missing\); delete the folder"):
        FeatureStore(finished, PARTS)


def test_a_skipped_row_is_left_out_and_its_reason_kept(writer):
    fill(writer, [row for row in range(10) if row != 4])
    writer.skip(4, "s-004", "bad JPEG")
    assert writer.finish()
    store = FeatureStore(writer.folder, PARTS)
    assert store.skipped == {"s-004": "bad JPEG"}
    assert np.flatnonzero(~store.usable).tolist() == [4]


@pytest.mark.parametrize("changed", [{"weights": "xyz"}, {"aspect": "letterbox"}, {"grid": "4"}])
def test_other_features_are_refused_by_the_part_that_differs(writer, changed):
    fill(writer, range(10))
    writer.finish()
    with pytest.raises(BadInput, match=next(iter(changed))):
        FeatureStore(writer.folder, PARTS | changed)
    with pytest.raises(BadInput, match=next(iter(changed))):
        StoreWriter(writer.folder, PARTS | changed, IDS, ["FRONT", "REAR"], (4, 3))


def test_every_part_moves_the_store_to_another_folder(tmp_path):
    folders = {store_folder(tmp_path, "d", "e", PARTS | extra) for extra in ({}, {"weights": "x"}, {"new": ""})}
    assert len(folders) == 3
    assert fingerprint(PARTS) == fingerprint(dict(reversed(PARTS.items())))


def test_features_that_overflow_are_an_error_and_not_infinity(writer):
    with pytest.raises(BadInput, match="row 5"):
        writer.write(np.array([5]), np.full((1, 2, 4, 3), 1e6), contrast([5]), np.ones((1, 2), bool))
    assert 5 in writer.todo()


def test_an_unknown_id_and_a_damaged_description_are_said(writer):
    fill(writer, range(10))
    writer.finish()
    with pytest.raises(BadInput, match="nobody"):
        FeatureStore(writer.folder, PARTS).rows_of(np.array(["nobody"]))
    (writer.folder / "meta.json").write_text("{")
    with pytest.raises(BadInput, match=r"meta\.json"):
        FeatureStore(writer.folder, PARTS)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("meta.json", b"[]"),
        ("index.json", b"{"),
        ("rows-0-10/features.npy", b"no array"),
        ("rows-0-10/present.npy", b""),
        ("rows-0-10/progress.npy", b""),
        ("rows-0-10/skipped.jsonl", b"{"),
    ],
)
def test_a_damaged_store_is_one_message_with_the_remedy(writer, name, content):
    fill(writer, range(10))
    writer.finish()
    (writer.folder / name).write_bytes(content)
    with pytest.raises(BadInput, match=r"store.*delete the folder"):
        FeatureStore(writer.folder, PARTS)


def test_rows_of_other_samples_are_not_gone_on_with(writer):
    with pytest.raises(BadInput, match="other samples"):
        StoreWriter(writer.folder, PARTS, IDS[::-1], ["FRONT", "REAR"], (4, 3))


def test_ids_must_be_unique(tmp_path):
    with pytest.raises(BadInput, match="unique"):
        StoreWriter(tmp_path / "store", PARTS, np.array(["a", "a"]), ["FRONT"], (1, 1))


def test_a_full_disk_is_met_when_the_store_is_made(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="--store_dir"):
        StoreWriter(tmp_path / "store", PARTS, IDS, ["FRONT"], (4, 3))
    assert list(tmp_path.iterdir()) == []


def test_too_little_room_is_said_with_both_figures_before_anything_is_made(tmp_path, monkeypatch):
    size = 10 * 2 * (4 * 3 * 2 + math.prod(CONTRAST_SHAPE) * 4 + 1) + 10 * (8 + 1)
    assert store_bytes(10, 2, (4, 3)) == size
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=size - 1))
    with pytest.raises(
        OSError, match=r"4\.1 KB are needed, 4\.1 KB are free, 0\.0 KB are missing\); free space, then"
    ):
        StoreWriter(tmp_path / "there" / "store", PARTS, IDS, ["FRONT", "REAR"], (4, 3))
    with pytest.raises(OSError, match=r"3\.0 GB are needed, 4\.1 KB are free, 3\.0 GB are missing"):
        check_room(tmp_path / "store", 3_000_000_000)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=size))
    StoreWriter(tmp_path / "store", PARTS, IDS, ["FRONT", "REAR"], (4, 3))


def test_the_room_for_all_rows_is_really_there(writer):
    status = (writer.folder / "rows-0-10/features.npy").stat()
    assert status.st_blocks * 512 >= status.st_size


def test_kill_9_loses_at_most_the_batch_in_hand(tmp_path):
    script = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        import numpy as np
        from roadcue.loaders.feature_store import StoreWriter
        ids = np.array([f"s-{{row:03d}}" for row in range(10)])
        writer = StoreWriter(Path({str(tmp_path / "store")!r}), {PARTS!r}, ids, ["FRONT", "REAR"], (4, 3))
        for row in range(6):
            writer.write(np.array([row]), np.full((1, 2, 4, 3), row), np.zeros((1, 2, 11, 4)), np.ones((1, 2), bool))
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    writer = StoreWriter(tmp_path / "store", PARTS, IDS, ["FRONT", "REAR"], (4, 3))
    assert writer.todo().tolist() == [6, 7, 8, 9]
    fill(writer, [6, 7, 8, 9])
    assert writer.finish()
    stored = FeatureStore(writer.folder, PARTS).features
    assert [int(stored[row].max()) for row in range(6)] == list(range(6))


def test_meta_names_every_part(writer):
    assert json.loads((writer.folder / "meta.json").read_text())["parts"] == PARTS


@pytest.fixture
def finished(writer):
    fill(writer, [row for row in range(10) if row != 4])
    writer.skip(4, "s-004", "bad JPEG")
    assert writer.finish()
    return writer.folder


def test_a_finished_store_is_read_on_a_read_only_disk_and_nothing_is_touched(finished):
    before = stamps(finished.parent)
    with read_only():
        store = open_finished(finished, PARTS, IDS)
        assert store is not None
        assert np.array_equal(store.features[3], features(slice(None))[3].astype(np.float16))
        assert pickle.loads(pickle.dumps(store)).skipped == {"s-004": "bad JPEG"}
    assert stamps(finished.parent) == before


def test_only_a_finished_store_of_these_samples_is_opened(writer, tmp_path):
    assert open_finished(tmp_path / "nothing", PARTS, IDS) is None
    assert open_finished(writer.folder, PARTS, IDS) is None
    fill(writer, range(10))
    assert open_finished(writer.folder, PARTS, IDS) is None
    assert writer.finish()
    assert open_finished(writer.folder, PARTS, IDS) is not None
    with pytest.raises(BadInput, match="other samples"):
        open_finished(writer.folder, PARTS, IDS[::-1])
    with pytest.raises(BadInput, match="weights"):
        open_finished(writer.folder, PARTS | {"weights": "xyz"}, IDS)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
@pytest.mark.parametrize(
    "name", ["meta.json", "index.json", *(f"rows-0-10/{name}.npy" for name in ("features", "present", "progress"))]
)
def test_a_file_that_may_not_be_read_is_no_damage(finished, name, number):
    message = rf"cannot be read \({os.strerror(number)}"
    with (
        not_readable(finished / name, number),
        pytest.raises(Unreadable, match=message) as caught,
    ):
        FeatureStore(finished, PARTS)
    assert str(finished) in str(caught.value)
    assert "delete" not in str(caught.value)


def test_a_missing_file_is_damage(finished):
    (finished / "rows-0-10/present.npy").unlink()
    with pytest.raises(BadInput, match=r"store is damaged .*present\.npy.*; delete the folder"):
        open_finished(finished, PARTS, IDS)


def test_an_unfinished_store_on_a_read_only_disk_cannot_be_gone_on_with(writer):
    message = r"cannot be written \(Read-only file system\); choose another --store_dir"
    with read_only(), pytest.raises(OSError, match=message):
        StoreWriter(writer.folder, PARTS, IDS, ["FRONT", "REAR"], (4, 3))
    with read_only(), pytest.raises(OSError, match=message):
        StoreWriter(writer.folder.with_name("new"), PARTS, IDS, ["FRONT", "REAR"], (4, 3))


def test_of_two_writers_that_make_a_store_both_go_on(tmp_path, monkeypatch):
    reserve, others = store_part._reserve, []

    def reserve_slowly(path, *given):
        if not others:
            others.append(path)
            others.append(StoreWriter(tmp_path / "store", PARTS, IDS, ["FRONT"], (4, 3)))
        reserve(path, *given)

    monkeypatch.setattr(store_part, "_reserve", reserve_slowly)
    writer = StoreWriter(tmp_path / "store", PARTS, IDS, ["FRONT"], (4, 3))
    others[1].write(np.array([0]), np.ones((1, 1, 4, 3)), np.ones((1, 1, *CONTRAST_SHAPE)), np.ones((1, 1), bool))
    assert writer.todo().tolist() == list(range(1, 10))
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_cameras_that_a_row_lacks_are_told_from_those_it_has(writer):
    present = np.arange(20).reshape(10, 2) % 3 > 0
    writer.write(np.arange(10)[::-1], features(slice(None, None, -1)), contrast(slice(None, None, -1)), present[::-1])
    assert writer.finish()
    assert np.array_equal(FeatureStore(writer.folder, PARTS).present, present)


def test_a_row_counts_as_written_only_after_its_features(writer):
    with pytest.raises(ValueError, match="broadcast"):
        writer.write(np.array([3]), np.ones((1, 2, 4, 5)), contrast([3]), np.ones((1, 2), bool))
    with pytest.raises(ValueError, match="broadcast"):
        writer.write(np.array([3]), np.ones((1, 2, 4, 3)), contrast([3]), np.ones((1, 5), bool))
    assert 3 in writer.todo()


def test_a_new_version_of_the_store_is_another_fingerprint(monkeypatch):
    before = fingerprint(PARTS)
    monkeypatch.setattr(store_description, "STORE_VERSION", "next")
    assert fingerprint(PARTS) != before
