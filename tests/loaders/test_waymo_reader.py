import io
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from hypothesis import given, settings
from hypothesis import strategies as st
from waymo_shards import (
    SEQUENCE,
    STORED_ORDER,
    calibration_of,
    drawn_jpeg,
    frame_bytes,
    write_shard,
    write_shards,
)

from loaders import jpeg
from loaders.dataset import RoadDataset, sample
from loaders.errors import BadInput, BadRecord
from loaders.sample import Intent, Preference
from loaders.waymo_e2e import CAMERAS, WaymoE2E, encode_frame, index, open_waymo_e2e
from loaders.waymo_e2e import schema_pb2 as schema
from loaders.waymo_e2e.frame import decode_frame
from loaders.waymo_e2e.spans import camera_spans

OTHER = "fedcba9876543210fedcba9876543210"
SHARD = "val_202504211843.tfrecord-{:05d}-of-00002"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "waymo_e2e"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two shards with the frames of two sequences mixed."""
    (tmp_path / "data").mkdir()
    frames = [(f"{SEQUENCE}-012", 1), (f"{OTHER}-103", 2), (f"{SEQUENCE}-011", 3), (f"{OTHER}-99", 4)]
    write_shards(tmp_path / "data", {SHARD.format(0): frames[:2], SHARD.format(1): frames[2:]})
    return tmp_path / "data"


def one(folder: Path, payload: bytes) -> WaymoE2E:
    """The data set of one record, the third of its shard, between two that are well."""
    (folder / "one").mkdir()
    well = [frame_bytes(f"{OTHER}-{i}", seed=50 + i, images={"FRONT": drawn_jpeg(1)}) for i in (1, 2)]
    write_shard(folder / "one" / "val_x.tfrecord", [well[0], payload, well[1]])
    return open_waymo_e2e(folder / "one", "val", on_bad_record="skip")


class TestReading:
    def test_rows_are_sorted_and_whole(self, folder: Path) -> None:
        dataset: RoadDataset = open_waymo_e2e(folder, "val")
        states = dataset.states
        assert states.id.tolist() == [f"{SEQUENCE}-011", f"{SEQUENCE}-012", f"{OTHER}-99", f"{OTHER}-103"]
        assert states.sequence.tolist() == [SEQUENCE, SEQUENCE, OTHER, OTHER]
        assert states.frame.tolist() == [11, 12, 99, 103]
        for row, seed in enumerate((3, 1, 4, 2)):
            rng = np.random.default_rng(seed)
            np.testing.assert_array_equal(states.past[row], rng.normal(size=(16, 6)).astype(np.float32))
            np.testing.assert_array_equal(states.future[row], rng.normal(size=(20, 2)).astype(np.float32))
            assert states.intent[row] == seed % 4
            assert sample(dataset, row).inputs.intent == Intent(seed % 4)
            (preference,) = dataset.targets(row).preferences
            np.testing.assert_array_equal(preference.xy, rng.normal(size=(21, 2)).astype(np.float32))
            assert preference.score == 7.0
        assert dataset.skipped == ()
        assert "4 frames of 2 sequences in 2 of 2 shards" in dataset.description

    def test_cameras_go_by_name_not_by_place(self, folder: Path) -> None:
        dataset = open_waymo_e2e(folder, "val")
        assert dataset.cameras == CAMERAS != STORED_ORDER
        for row, seed in enumerate((3, 1, 4, 2)):
            for place, camera in enumerate(STORED_ORDER):
                assert dataset.image(row, camera) == drawn_jpeg(100 * seed + place)
                calibration, expected = dataset.calibration(row, camera), calibration_of(camera)
                assert calibration is not None
                np.testing.assert_array_equal(calibration.intrinsic, expected.intrinsic)
                np.testing.assert_array_equal(calibration.extrinsic, expected.extrinsic)
                assert (calibration.width, calibration.height) == (48, 40)

    def test_reading_a_picture_uses_no_protobuf(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        dataset = open_waymo_e2e(folder, "val")
        monkeypatch.setattr(schema, "E2EDFrame", None)
        reads: list[int] = []
        pread = os.pread
        monkeypatch.setattr(os, "pread", lambda fd, n, at: reads.append(n) or pread(fd, n, at))
        encoded = dataset.image(0, "FRONT")
        assert encoded is not None
        assert reads == [len(encoded)]

    def test_order_of_shards_does_not_matter(self, folder: Path) -> None:
        before = open_waymo_e2e(folder, "val")
        pictures = [before.image(row, "REAR") for row in range(4)]
        first, second = folder / SHARD.format(0), folder / SHARD.format(1)
        first.rename(folder / "aside")
        second.rename(first)
        (folder / "aside").rename(second)
        after = open_waymo_e2e(folder, "val")
        for column in ("id", "sequence", "frame", "past", "intent", "future"):
            np.testing.assert_array_equal(getattr(before.states, column), getattr(after.states, column))
        assert [after.image(row, "REAR") for row in range(4)] == pictures

    def test_missing_camera_and_calibration(self, tmp_path: Path) -> None:
        images, calibrations = {"FRONT": drawn_jpeg(1)}, {"REAR": calibration_of("REAR")}
        dataset = one(tmp_path, frame_bytes(f"{SEQUENCE}-7", images=images, calibrations=calibrations))
        assert dataset.cameras_of(0) == dataset.cameras == ("FRONT",)
        assert dataset.image(0, "REAR") is None
        assert dataset.calibration(0, "FRONT") is None
        assert dataset.calibration(0, "REAR") is not None
        with pytest.raises(BadInput, match=r"camera 'front' is unknown; .* FRONT, FRONT_LEFT"):
            dataset.image(0, "front")

    def test_test_split_has_no_future(self, tmp_path: Path) -> None:
        dataset = one(tmp_path, frame_bytes(f"{SEQUENCE}-7", future=None, preferences=()))
        assert np.isnan(dataset.states.future[0]).all()
        assert dataset.targets(0).future is None
        assert dataset.targets(0).preferences == ()

    def test_future_with_height(self, tmp_path: Path) -> None:
        future = np.arange(60, dtype=np.float32).reshape(20, 3)
        payload = frame_bytes(f"{SEQUENCE}-7", future=future)
        assert list(schema.E2EDFrame.FromString(payload).future_states.pos_z) == future[:, 2].tolist()
        np.testing.assert_array_equal(one(tmp_path, payload).states.future[0], future[:, :2])

    def test_placeholders_and_short_preferences_are_normal(self, tmp_path: Path) -> None:
        short = Preference(np.ones((7, 2), np.float32), 0.0)
        long = Preference(np.zeros((21, 2), np.float32), 10.0)
        dataset = one(tmp_path, frame_bytes(f"{SEQUENCE}-7", preferences=[None, short, None, long]))
        assert dataset.skipped == ()
        found = dataset.targets(0).preferences
        assert [(len(p.xy), p.score) for p in found] == [(7, 0.0), (21, 10.0)]
        np.testing.assert_array_equal(found[0].xy, short.xy)

    def test_pickled_and_forked_copies_read(self, folder: Path) -> None:
        dataset = open_waymo_e2e(folder, "val")
        expected = dataset.image(0, "FRONT")
        assert pickle.loads(pickle.dumps(dataset)).image(0, "FRONT") == expected
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.write(write, b"same" if dataset.image(0, "FRONT") == expected else b"else")
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(read, 4) == b"same"
        os.close(read), os.close(write)

    def test_written_frame_has_the_form_of_the_real_set(self) -> None:
        payload = frame_bytes(f"{SEQUENCE}-7", seed=1)
        frame = schema.E2EDFrame.FromString(payload)
        assert [schema.CameraName.Name.Name(i.name) for i in frame.frame.images] == list(STORED_ORDER)
        assert all(list(i.pose.transform) == np.eye(4).ravel().tolist() for i in frame.frame.images)
        assert frame.frame.HasField("timestamp_micros")
        assert frame.frame.timestamp_micros == 0
        assert not frame.past_states.pos_z
        assert not frame.future_states.vel_x
        assert [p.preference_score for p in frame.preference_trajectories] == [7.0, -1.0]
        assert not frame.preference_trajectories[1].pos_x


class TestSplits:
    def test_split_is_chosen_by_the_official_prefix(self, tmp_path: Path) -> None:
        names = {
            "training_202504031202_202504151040.tfrecord-00000-of-00263": [("a-1", 1)],
            "val_202504211843.tfrecord-00007-of-00093": [("b-1", 2)],
            "test_202504211836-202504220845.tfrecord": [("c-1", 3)],
            "val_202504211843.tfrecord-00008-of-00093.gstmp": [],
        }
        write_shards(tmp_path, names)
        for split, ids in {"train": ["a-1"], "val": ["b-1"], "test": ["c-1"], "all": ["a-1", "b-1", "c-1"]}.items():
            assert open_waymo_e2e(tmp_path, split).states.id.tolist() == ids
        assert "1 of 93 shards" in open_waymo_e2e(tmp_path, "val").description

    def test_no_shard_of_the_split(self, folder: Path, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match=r"no shard named training_.* It has val_202504211843.* Choose the split"):
            open_waymo_e2e(folder, "train")
        (tmp_path / "nothing").mkdir()
        with pytest.raises(BadInput, match="no files"):
            open_waymo_e2e(tmp_path / "nothing", "all")
        with pytest.raises(BadInput, match=r"absent: is not a folder.*--data_dir"):
            open_waymo_e2e(tmp_path / "absent", "val")
        with pytest.raises(BadInput, match="split 'dev' is unknown; choose one of train, val, test, all"):
            open_waymo_e2e(folder, "dev")


def without(field: str) -> Callable[[schema.E2EDFrame], object]:
    return lambda frame: frame.past_states.ClearField(field)


def nan_at(states: str, field: str, step: int) -> Callable[[schema.E2EDFrame], object]:
    return lambda frame: getattr(getattr(frame, states), field).__setitem__(step, float("nan"))


def set_name(name: str) -> Callable[[schema.E2EDFrame], object]:
    return lambda frame: setattr(frame.frame.context, "name", name)


BAD_FRAMES: dict[str, tuple[Callable[[schema.E2EDFrame], object], str]] = {
    "NaN state": (nan_at("past_states", "vel_x", 3), r"past_states.vel_x\[3\] is nan"),
    "infinite state": (
        lambda frame: frame.past_states.pos_y.__setitem__(0, float("inf")),
        r"past_states.pos_y\[0\] is inf",
    ),
    "NaN future": (nan_at("future_states", "pos_y", 19), r"future_states.pos_y\[19\] is nan"),
    "short past": (lambda frame: frame.past_states.pos_x.pop(), "past_states has steps pos_x 15, pos_y 16.*16 each"),
    "past without velocity": (without("vel_x"), "vel_x 0.*16 each"),
    "no past": (lambda frame: frame.ClearField("past_states"), "pos_x 0.*16 each"),
    "short future": (
        lambda frame: (frame.future_states.pos_x.pop(), frame.future_states.pos_y.pop()),
        "future_states has steps pos_x 19, pos_y 19; 0 or 20 each",
    ),
    "no name": (lambda frame: frame.frame.context.ClearField("name"), "name is missing. Is this a shard of the end"),
    "other name": (set_name("no index"), "name is 'no index', not '<sequence>-<frame>'"),
    "name not in UTF-8": (
        lambda frame: frame.frame.context.MergeFromString(b"\x0a\x04\xff\xfe-1"),
        r"name is b'\\xff\\xfe-1', not '<sequence>-<frame>'",
    ),
    "huge index": (set_name("a-" + "9" * 30), "not '<sequence>-<frame>'"),
    "preference of unequal columns": (
        lambda frame: frame.preference_trajectories[0].pos_x.pop(),
        r"preference_trajectories\[0\] has steps pos_x 20, pos_y 21; equally many",
    ),
    "score beyond 10": (
        lambda frame: setattr(frame.preference_trajectories[0], "preference_score", 11),
        r"preference_trajectories\[0\].preference_score is 11",
    ),
    "NaN score": (
        lambda frame: setattr(frame.preference_trajectories[0], "preference_score", float("nan")),
        "preference_score is nan",
    ),
    "score without points": (
        lambda frame: [frame.preference_trajectories[0].ClearField(field) for field in ("pos_x", "pos_y")],
        "has the score 7 and no points",
    ),
    "camera twice": (lambda frame: frame.frame.images.add(name="FRONT", image=b"x"), "camera FRONT is there twice"),
    "nameless camera": (lambda frame: frame.frame.images.add(image=b"x"), "camera number 0 is not one of"),
}


class TestBadRecords:
    @pytest.mark.parametrize("case", BAD_FRAMES)
    def test_bad_record_is_named_and_can_be_skipped(self, tmp_path: Path, case: str) -> None:
        change, message = BAD_FRAMES[case]
        frame = schema.E2EDFrame.FromString(frame_bytes(f"{SEQUENCE}-7", seed=1))
        change(frame)
        self.check(tmp_path, frame.SerializeToString(), message)

    @pytest.mark.parametrize(
        "payload", [b"", b"\x0a\x05hello", b"\xff" * 40, schema.Context(name="a-1").SerializeToString()]
    )
    def test_record_of_another_message_type(self, tmp_path: Path, payload: bytes) -> None:
        self.check(tmp_path, payload, "Is this a shard of the end-to-end set?")

    def check(self, tmp_path: Path, payload: bytes, message: str) -> None:
        dataset = one(tmp_path, payload)
        assert len(dataset) == 2
        offset = 16 + int(dataset._index.length[0])
        (skipped,) = dataset.skipped
        assert skipped.where == str(tmp_path / "one" / "val_x.tfrecord")
        assert skipped.reason.startswith(f"record at byte {offset}: ")
        with pytest.raises(
            BadRecord, match=rf"val_x.tfrecord: record at byte {offset}: .*{message}.*--on_bad_record"
        ):
            open_waymo_e2e(tmp_path / "one", "val")

    def test_damaged_file_among_whole_ones(self, folder: Path) -> None:
        damaged = folder / SHARD.format(1)
        data = bytearray(damaged.read_bytes())
        data[100] ^= 1
        damaged.write_bytes(data)
        with pytest.raises(BadRecord, match=rf"{damaged}: record at byte 0: checksum of the \d+-byte payload"):
            open_waymo_e2e(folder, "val")
        dataset = open_waymo_e2e(folder, "val", on_bad_record="skip")
        assert len(dataset) == 3
        assert len(dataset.skipped) == 1
        assert "1 bad records skipped" in dataset.description

    def test_truncated_and_empty_shards(self, folder: Path) -> None:
        first, second = folder / SHARD.format(0), folder / SHARD.format(1)
        first.write_bytes(first.read_bytes()[:-1000])
        second.write_bytes(b"")
        with pytest.raises(BadRecord, match=rf"{first}: record at byte \d+: truncated.*\(1 more bad records\)"):
            open_waymo_e2e(folder, "val")
        dataset = open_waymo_e2e(folder, "val", on_bad_record="skip")
        assert dataset.states.id.tolist() == [f"{SEQUENCE}-012"]
        assert [skipped.where for skipped in dataset.skipped] == [str(first), str(second)]
        first.write_bytes(b"")
        with pytest.raises(BadInput, match="no usable record in 2 shards; 2 were skipped"):
            open_waymo_e2e(folder, "val", on_bad_record="skip")

    def test_frame_that_is_there_twice(self, folder: Path) -> None:
        # the copy comes first by its name, so what is dropped lies before other rows
        copy, first = folder / "val_1.tfrecord", folder / SHARD.format(0)
        copy.write_bytes(first.read_bytes())
        with pytest.raises(
            BadRecord, match=rf"{first}: record at byte 0: frame {SEQUENCE}-012 is also in {copy.name} at"
        ):
            open_waymo_e2e(folder, "val")
        dataset = open_waymo_e2e(folder, "val", on_bad_record="skip")
        assert len(dataset) == 4
        assert len(dataset.skipped) == 2
        for row, seed in enumerate((3, 1, 4, 2)):
            rng = np.random.default_rng(seed)
            rng.normal(size=16 * 6 + 20 * 2)
            (preference,) = dataset.targets(row).preferences
            np.testing.assert_array_equal(preference.xy, rng.normal(size=(21, 2)).astype(np.float32))

    def test_picture_that_does_not_decode_is_found_when_decoded(self, tmp_path: Path) -> None:
        dataset = one(tmp_path, frame_bytes(f"{SEQUENCE}-7", images={"FRONT": b"not a picture"}))
        encoded = dataset.image(0, "FRONT")
        assert encoded == b"not a picture"
        with pytest.raises(
            BadRecord, match=rf"val_x.tfrecord: record at byte \d+: frame {SEQUENCE}-7: does not decode"
        ):
            jpeg.decode(encoded, dataset.where(0))

    def test_calibration_of_wrong_size_is_found_when_asked_for(self, tmp_path: Path) -> None:
        frame = schema.E2EDFrame.FromString(frame_bytes(f"{SEQUENCE}-7"))
        frame.frame.context.camera_calibrations[0].intrinsic.pop()
        dataset = one(tmp_path, frame.SerializeToString())
        with pytest.raises(BadRecord, match=rf"frame {SEQUENCE}-7: calibration of FRONT: has 8 intrinsic and 16"):
            dataset.calibration(0, "FRONT")


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

    def test_is_made_once_and_only_for_new_shards(self, folder: Path, indexed: list[str]) -> None:
        fingerprint = open_waymo_e2e(folder, "val").fingerprint
        assert open_waymo_e2e(folder, "val").fingerprint == fingerprint
        assert indexed == [SHARD.format(0), SHARD.format(1)]
        write_shards(folder, {"val_more.tfrecord": [(f"{OTHER}-104", 9)]})
        assert len(open_waymo_e2e(folder, "val")) == 5
        assert indexed[2:] == ["val_more.tfrecord"]

    def test_changed_shard_is_indexed_again(self, folder: Path, indexed: list[str]) -> None:
        before = open_waymo_e2e(folder, "val")
        write_shards(folder, {SHARD.format(1): [(f"{OTHER}-500", 9)]})
        after = open_waymo_e2e(folder, "val")
        assert indexed[2:] == [SHARD.format(1)]
        assert after.states.frame.max() == 500
        assert after.fingerprint != before.fingerprint
        row = before.states.sequence.tolist().index(OTHER)
        with pytest.raises(BadInput, match=rf"{SHARD.format(1)}: has changed since it was indexed. Start again"):
            before.image(row, "FRONT")

    @pytest.mark.parametrize("damage", ["truncated", "flipped", "garbage", "empty", "a column less"])
    def test_damaged_index_is_made_again(self, folder: Path, cache: Path, indexed: list[str], damage: str) -> None:
        expected = open_waymo_e2e(folder, "val").states.past
        file = sorted(cache.iterdir())[0]
        data = bytearray(file.read_bytes())
        if damage == "truncated":
            data = data[:-10]
        elif damage == "flipped":
            data[len(data) // 2] ^= 4
        elif damage == "a column less":
            from loaders.tfrecord import read_records

            write_shard(file, [record.payload for record in read_records(file)][:-1])
            data = bytearray(file.read_bytes())
        else:
            data = bytearray(b"garbage" if damage == "garbage" else b"")
        file.write_bytes(data)
        np.testing.assert_array_equal(open_waymo_e2e(folder, "val").states.past, expected)
        assert indexed[2:] == [SHARD.format(0)]

    def test_interrupted_indexing_keeps_what_is_done(
        self, folder: Path, indexed: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counted = index._index_shard

        def interrupted(shard: Path, file: Path) -> None:
            if indexed:
                raise KeyboardInterrupt
            counted(shard, file)

        monkeypatch.setattr(index, "_index_shard", interrupted)
        with pytest.raises(KeyboardInterrupt):
            open_waymo_e2e(folder, "val")
        monkeypatch.setattr(index, "_index_shard", counted)
        assert len(open_waymo_e2e(folder, "val")) == 4
        assert indexed == [SHARD.format(0), SHARD.format(1)]

    def test_many_processes_find_the_same(self, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        alone = open_waymo_e2e(folder, "val")
        for file in cache.iterdir():
            file.unlink()
        monkeypatch.setattr(index, "_SMALL_BYTES", 0)
        together = open_waymo_e2e(folder, "val")
        assert len(list(cache.iterdir())) == 2
        np.testing.assert_array_equal(alone.states.past, together.states.past)
        np.testing.assert_array_equal(alone._index.image_span, together._index.image_span)

    def test_cache_that_cannot_be_written(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path / "file"))
        with pytest.raises(BadInput, match=r"cache cannot be kept there.*ROADCUE_CACHE"):
            open_waymo_e2e(folder, "val")

    def test_index_holds_no_pickle(self, folder: Path, cache: Path) -> None:
        from loaders.tfrecord import read_records

        open_waymo_e2e(folder, "val")
        for file in cache.iterdir():
            columns = [np.load(io.BytesIO(r.payload), allow_pickle=False) for r in read_records(file)]
            assert all(column.dtype != object for column in columns)


@settings(max_examples=40, deadline=None)
@given(
    images=st.dictionaries(st.sampled_from(CAMERAS), st.binary(min_size=1, max_size=300)),
    calibrations=st.sets(st.sampled_from(CAMERAS)),
)
def test_spans_lie_where_protobuf_finds_the_bytes(images: dict[str, bytes], calibrations: set[str]) -> None:
    payload = frame_bytes("s-1", images=images, calibrations={name: calibration_of(name) for name in calibrations})
    parsed = schema.E2EDFrame.FromString(payload).frame
    image_spans, calibration_spans = camera_spans(payload, "here")
    found = {CAMERAS[i]: payload[at : at + n] for i, (at, n) in enumerate(image_spans.tolist()) if n}
    assert found == images == {schema.CameraName.Name.Name(i.name): i.image for i in parsed.images}
    calibrated = {CAMERAS[i]: payload[at : at + n] for i, (at, n) in enumerate(calibration_spans.tolist()) if n}
    assert calibrated == {
        schema.CameraName.Name.Name(c.name): c.SerializeToString() for c in parsed.context.camera_calibrations
    }


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 4), st.booleans())
def test_what_is_encoded_is_decoded(seed: int, n_preferences: int, has_future: bool) -> None:
    rng = np.random.default_rng(seed)
    past, future = rng.normal(size=(16, 6)).astype(np.float32), rng.normal(size=(20, 2)).astype(np.float32)
    scores = rng.uniform(0, 10, n_preferences).astype(np.float32).tolist()
    preferences = [Preference(rng.normal(size=(rng.integers(7, 22), 2)).astype(np.float32), s) for s in scores]
    intent = Intent(int(rng.integers(0, 4)))
    payload = encode_frame("s-007", {}, {}, past, intent, future if has_future else None, preferences)
    frame = decode_frame(payload, "here")
    assert (frame.name, frame.sequence, frame.frame, frame.intent) == ("s-007", "s", 7, intent)
    np.testing.assert_array_equal(frame.past, past)
    np.testing.assert_array_equal(frame.future, future if has_future else np.full((20, 2), np.nan))
    assert [p.score for p in frame.preferences] == scores
    for found, given_ in zip(frame.preferences, preferences, strict=True):
        np.testing.assert_array_equal(found.xy, given_.xy)


class TestSchema:
    def test_lives_beside_the_official_package(self) -> None:
        official = descriptor_pb2.FileDescriptorProto(name="waymo_open_dataset/dataset.proto")
        official.package = "waymo.open_dataset"
        for message in ("E2EDFrame", "Frame", "CameraImage"):
            official.message_type.add(name=message)
        pool = descriptor_pool.Default()
        pool.AddSerializedFile(official.SerializeToString())
        theirs, ours = (pool.FindMessageTypeByName(f"{p}.Frame") for p in ("waymo.open_dataset", "roadcue.waymo_e2e"))
        assert len(theirs.fields) == 0
        assert len(ours.fields) == 3

    def test_generated_files_are_those_of_the_schema(self, tmp_path: Path) -> None:
        root = Path(schema.__file__).parents[2]
        command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--descriptor_set_out={tmp_path / 'set'}"]
        subprocess.run([*command, "loaders/waymo_e2e/schema.proto"], cwd=root, check=True)
        (made,) = descriptor_pb2.FileDescriptorSet.FromString((tmp_path / "set").read_bytes()).file
        ours = descriptor_pb2.FileDescriptorProto.FromString(schema.DESCRIPTOR.serialized_pb)
        for file in (made, ours):
            for message in file.message_type:
                for field in message.field:
                    field.ClearField("json_name")
        assert made == ours

    def test_slow_protobuf_backend_is_refused(self) -> None:
        environment = {**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
        command = [sys.executable, "-c", "import loaders.waymo_e2e"]
        root = Path(schema.__file__).parents[2]
        ran = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=False)
        assert ran.returncode != 0
        assert "slow 'python' backend. Unset the environment variable" in ran.stderr
