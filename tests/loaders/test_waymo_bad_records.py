from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from waymo_shards import (
    SEQUENCE,
    SHARD,
    frame_bytes,
    one_record,
)

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders import picture_file
from roadcue.loaders.waymo_e2e import open_waymo_e2e
from roadcue.loaders.waymo_e2e import schema_pb2 as schema

pytestmark = pytest.mark.usefixtures("cache")


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
    "line 5: a camera of no bytes": (
        lambda frame: setattr(frame.frame.images[1], "image", b""),
        "camera FRONT is there, but without a single byte",
    ),
    "line 5: a camera without its picture": (
        lambda frame: frame.frame.images[1].ClearField("image"),
        "camera FRONT is there, but without a single byte",
    ),
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
        dataset = one_record(tmp_path, payload)
        assert len(dataset) == 2
        offset = 16 + int(dataset._index.length[0])
        (skipped,) = dataset.skipped
        assert skipped.where == str(tmp_path / "one" / "val_x.tfrecord")
        assert skipped.reason.startswith(f"record at byte {offset}: ")
        with pytest.raises(
            BadRecord, match=rf"val_x.tfrecord: record at byte {offset}: .*{message}.*--on_bad_record"
        ):
            open_waymo_e2e(tmp_path / "one", "val")

    def test_damaged_file_among_whole_ones(self, two_shards: Path) -> None:
        damaged = two_shards / SHARD.format(1)
        data = bytearray(damaged.read_bytes())
        data[100] ^= 1
        damaged.write_bytes(data)
        with pytest.raises(BadRecord, match=rf"{damaged}: record at byte 0: checksum of the \d+-byte payload"):
            open_waymo_e2e(two_shards, "val")
        dataset = open_waymo_e2e(two_shards, "val", on_bad_record="skip")
        assert len(dataset) == 3
        assert len(dataset.skipped) == 1
        assert "1 bad record skipped" in dataset.description

    def test_truncated_and_empty_shards(self, two_shards: Path) -> None:
        first, second = two_shards / SHARD.format(0), two_shards / SHARD.format(1)
        first.write_bytes(first.read_bytes()[:-1000])
        second.write_bytes(b"")
        with pytest.raises(BadRecord, match=rf"{first}: record at byte \d+: truncated.*\(1 more bad records\)"):
            open_waymo_e2e(two_shards, "val")
        dataset = open_waymo_e2e(two_shards, "val", on_bad_record="skip")
        assert dataset.states.id.tolist() == [f"{SEQUENCE}-012"]
        assert [skipped.where for skipped in dataset.skipped] == [str(first), str(second)]
        first.write_bytes(b"")
        with pytest.raises(BadInput, match="no usable record in 2 shards; 2 were skipped"):
            open_waymo_e2e(two_shards, "val", on_bad_record="skip")

    def test_frame_that_is_there_twice(self, two_shards: Path) -> None:
        # the copy comes first by its name, so what is dropped lies before other rows
        copy, first = two_shards / "val_1.tfrecord", two_shards / SHARD.format(0)
        copy.write_bytes(first.read_bytes())
        with pytest.raises(
            BadRecord, match=rf"{first}: record at byte 0: frame {SEQUENCE}-012 is also in {copy.name} at"
        ):
            open_waymo_e2e(two_shards, "val")
        dataset = open_waymo_e2e(two_shards, "val", on_bad_record="skip")
        assert len(dataset) == 4
        assert len(dataset.skipped) == 2
        for row, seed in enumerate((3, 1, 4, 2)):
            rng = np.random.default_rng(seed)
            rng.normal(size=16 * 6 + 20 * 2)
            (preference,) = dataset.targets(row).preferences
            np.testing.assert_array_equal(preference.xy, rng.normal(size=(21, 2)).astype(np.float32))

    def test_picture_that_does_not_decode_is_found_when_decoded(self, tmp_path: Path) -> None:
        dataset = one_record(tmp_path, frame_bytes(f"{SEQUENCE}-7", images={"FRONT": b"not a picture"}))
        encoded = dataset.image(0, "FRONT")
        assert encoded == b"not a picture"
        with pytest.raises(
            BadRecord, match=rf"val_x.tfrecord: record at byte \d+: frame {SEQUENCE}-7: does not decode"
        ):
            picture_file.decode(encoded, dataset.where(0))

    def test_calibration_of_wrong_size_is_found_when_asked_for(self, tmp_path: Path) -> None:
        frame = schema.E2EDFrame.FromString(frame_bytes(f"{SEQUENCE}-7"))
        frame.frame.context.camera_calibrations[0].intrinsic.pop()
        dataset = one_record(tmp_path, frame.SerializeToString())
        with pytest.raises(BadRecord, match=rf"frame {SEQUENCE}-7: calibration of FRONT: has 8 intrinsic and 16"):
            dataset.calibration(0, "FRONT")
