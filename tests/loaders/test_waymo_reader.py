import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from hypothesis import given, settings
from hypothesis import strategies as st
from waymo_shards import (
    OTHER,
    SEQUENCE,
    SHARD,
    STORED_ORDER,
    calibration_of,
    drawn_jpeg,
    frame_bytes,
    one_record,
    past_ending_here,
    write_shards,
)

from roadcue.errors import BadInput
from roadcue.loaders.dataset import RoadDataset, sample
from roadcue.loaders.waymo_e2e import CAMERAS, encode_frame, open_waymo_e2e
from roadcue.loaders.waymo_e2e import schema_pb2 as schema
from roadcue.loaders.waymo_e2e.frame import decode_frame
from roadcue.loaders.waymo_e2e.spans import camera_spans
from roadcue.schema import Intent, Preference

pytestmark = pytest.mark.usefixtures("cache")


class TestReading:
    def test_rows_are_sorted_and_whole(self, two_shards: Path) -> None:
        dataset: RoadDataset = open_waymo_e2e(two_shards, "val")
        states = dataset.states
        assert states.id.tolist() == [f"{SEQUENCE}-011", f"{SEQUENCE}-012", f"{OTHER}-99", f"{OTHER}-103"]
        assert states.sequence.tolist() == [SEQUENCE, SEQUENCE, OTHER, OTHER]
        assert states.frame.tolist() == [11, 12, 99, 103]
        for row, seed in enumerate((3, 1, 4, 2)):
            rng = np.random.default_rng(seed)
            np.testing.assert_array_equal(states.past[row], past_ending_here(rng))
            np.testing.assert_array_equal(states.future[row], rng.normal(size=(20, 2)).astype(np.float32))
            assert states.intent[row] == seed % 4
            assert sample(dataset, row).inputs.intent == Intent(seed % 4)
            (preference,) = dataset.targets(row).preferences
            np.testing.assert_array_equal(preference.xy, rng.normal(size=(21, 2)).astype(np.float32))
            assert preference.score == 7.0
        assert dataset.skipped == ()
        assert "4 frames of 2 sequences in 2 of 2 shards" in dataset.description

    def test_cameras_go_by_name_not_by_place(self, two_shards: Path) -> None:
        dataset = open_waymo_e2e(two_shards, "val")
        assert dataset.cameras == CAMERAS != STORED_ORDER
        for row, seed in enumerate((3, 1, 4, 2)):
            for place, camera in enumerate(STORED_ORDER):
                assert dataset.image(row, camera) == drawn_jpeg(100 * seed + place)
                calibration, expected = dataset.calibration(row, camera), calibration_of(camera)
                assert calibration is not None
                np.testing.assert_array_equal(calibration.intrinsic, expected.intrinsic)
                np.testing.assert_array_equal(calibration.extrinsic, expected.extrinsic)
                assert (calibration.width, calibration.height) == (48, 40)

    def test_reading_a_picture_uses_no_protobuf(self, two_shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        dataset = open_waymo_e2e(two_shards, "val")
        monkeypatch.setattr(schema, "E2EDFrame", None)
        reads: list[int] = []
        pread = os.pread
        monkeypatch.setattr(os, "pread", lambda fd, n, at: reads.append(n) or pread(fd, n, at))
        encoded = dataset.image(0, "FRONT")
        assert encoded is not None
        assert reads == [len(encoded)]

    def test_order_of_shards_does_not_matter(self, two_shards: Path) -> None:
        before = open_waymo_e2e(two_shards, "val")
        pictures = [before.image(row, "REAR") for row in range(4)]
        first, second = two_shards / SHARD.format(0), two_shards / SHARD.format(1)
        first.rename(two_shards / "aside")
        second.rename(first)
        (two_shards / "aside").rename(second)
        after = open_waymo_e2e(two_shards, "val")
        for column in ("id", "sequence", "frame", "past", "intent", "future"):
            np.testing.assert_array_equal(getattr(before.states, column), getattr(after.states, column))
        assert [after.image(row, "REAR") for row in range(4)] == pictures

    def test_missing_camera_and_calibration(self, tmp_path: Path) -> None:
        images, calibrations = {"FRONT": drawn_jpeg(1)}, {"REAR": calibration_of("REAR")}
        dataset = one_record(tmp_path, frame_bytes(f"{SEQUENCE}-7", images=images, calibrations=calibrations))
        assert dataset.cameras_of(0) == dataset.cameras == ("FRONT",)
        assert dataset.image(0, "REAR") is None
        assert dataset.calibration(0, "FRONT") is None
        assert dataset.calibration(0, "REAR") is not None
        with pytest.raises(BadInput, match=r"camera 'front' is unknown; .* FRONT, FRONT_LEFT"):
            dataset.image(0, "front")

    def test_test_split_has_no_future(self, tmp_path: Path) -> None:
        dataset = one_record(tmp_path, frame_bytes(f"{SEQUENCE}-7", future=None, preferences=()))
        assert np.isnan(dataset.states.future[0]).all()
        assert dataset.targets(0).future is None
        assert dataset.targets(0).preferences == ()

    def test_states_go_by_the_names_of_the_format(self, tmp_path: Path) -> None:
        """Written here by name, since a fault in `encode_frame` and `decode_frame` alike would cancel out."""
        message = schema.E2EDFrame(intent=2)
        message.frame.context.name = f"{SEQUENCE}-7"
        for column, name in enumerate(("pos_x", "pos_y", "vel_x", "vel_y", "accel_x", "accel_y")):
            getattr(message.past_states, name).extend(100.0 * column + step for step in range(16))
        message.future_states.pos_x.extend(range(20))
        message.future_states.pos_y.extend(range(100, 120))
        dataset = one_record(tmp_path, message.SerializeToString())
        row = dataset.states.sequence.tolist().index(SEQUENCE)
        np.testing.assert_array_equal(dataset.states.past[row, 0], 100 * np.arange(6))
        np.testing.assert_array_equal(dataset.states.past[row, -1], 100 * np.arange(6) + 15)
        np.testing.assert_array_equal(dataset.states.future[row, [0, -1]], [(0, 100), (19, 119)])
        assert dataset.states.intent[row] == Intent.GO_LEFT

    def test_future_with_height(self, tmp_path: Path) -> None:
        future = np.arange(60, dtype=np.float32).reshape(20, 3)
        payload = frame_bytes(f"{SEQUENCE}-7", future=future)
        assert list(schema.E2EDFrame.FromString(payload).future_states.pos_z) == future[:, 2].tolist()
        np.testing.assert_array_equal(one_record(tmp_path, payload).states.future[0], future[:, :2])

    def test_placeholders_and_short_preferences_are_normal(self, tmp_path: Path) -> None:
        short = Preference(np.ones((7, 2), np.float32), 0.0)
        long = Preference(np.zeros((21, 2), np.float32), 10.0)
        dataset = one_record(tmp_path, frame_bytes(f"{SEQUENCE}-7", preferences=[None, short, None, long]))
        assert dataset.skipped == ()
        preferences = dataset.targets(0).preferences
        assert [(len(p.xy), p.score) for p in preferences] == [(7, 0.0), (21, 10.0)]
        np.testing.assert_array_equal(preferences[0].xy, short.xy)

    def test_pickled_and_forked_copies_read(self, two_shards: Path) -> None:
        dataset = open_waymo_e2e(two_shards, "val")
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

    def test_no_shard_of_the_split(self, two_shards: Path, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match=r"no shard named training_.* It has val_202504211843.* Choose the split"):
            open_waymo_e2e(two_shards, "train")
        (tmp_path / "nothing").mkdir()
        with pytest.raises(BadInput, match="no files"):
            open_waymo_e2e(tmp_path / "nothing", "all")
        with pytest.raises(BadInput, match=r"absent: is not a folder.*--data_dir"):
            open_waymo_e2e(tmp_path / "absent", "val")
        with pytest.raises(BadInput, match="split 'dev' is unknown; choose one of train, val, test, all"):
            open_waymo_e2e(two_shards, "dev")


@settings(max_examples=40, deadline=None)
@given(
    images=st.dictionaries(st.sampled_from(CAMERAS), st.binary(min_size=1, max_size=300)),
    calibrations=st.sets(st.sampled_from(CAMERAS)),
)
def test_spans_lie_where_protobuf_finds_the_bytes(images: dict[str, bytes], calibrations: set[str]) -> None:
    payload = frame_bytes("s-1", images=images, calibrations={name: calibration_of(name) for name in calibrations})
    parsed = schema.E2EDFrame.FromString(payload).frame
    image_spans, calibration_spans = camera_spans(payload, "here")
    encoded = {CAMERAS[i]: payload[at : at + n] for i, (at, n) in enumerate(image_spans.tolist()) if n}
    assert encoded == images == {schema.CameraName.Name.Name(i.name): i.image for i in parsed.images}
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
    for decoded, given_ in zip(frame.preferences, preferences, strict=True):
        np.testing.assert_array_equal(decoded.xy, given_.xy)


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
        command = [sys.executable, "-c", "import roadcue.loaders.waymo_e2e"]
        root = Path(schema.__file__).parents[2]
        ran = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=False)
        assert ran.returncode != 0
        assert "slow 'python' backend. Unset the environment variable" in ran.stderr
