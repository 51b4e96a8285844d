"""Random damage to a small shard: every outcome is valid data or a clear word about the record, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
from damage import damaged, little_memory  # noqa: F401 - a fixture for all of this module
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waymo_shards import drawn_jpeg, frame_bytes, write_shard

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders import picture_file
from roadcue.loaders.tfrecord import read_records
from roadcue.loaders.waymo_e2e import WaymoE2E, open_waymo_e2e
from roadcue.loaders.waymo_e2e.frame import decode_calibration, decode_frame
from roadcue.loaders.waymo_e2e.spans import camera_spans
from roadcue.schema import SampleTargets

PAYLOADS = [frame_bytes(f"s-{i}", seed=i, images={"FRONT": drawn_jpeg(i), "REAR": drawn_jpeg(9)}) for i in range(3)]
SOME = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def check(dataset: WaymoE2E) -> None:
    """All that a reader hands out is finite, of the right shape, or missing; pictures decode or are bad records."""
    assert np.isfinite(dataset.states.past).all()
    assert dataset.states.past.shape == (len(dataset), 16, 6)
    assert len(set(dataset.states.id.tolist())) == len(dataset)
    for row in range(len(dataset)):
        targets = dataset.targets(row)
        assert isinstance(targets, SampleTargets)
        assert targets.future is None or np.isfinite(targets.future).all()
        assert all(0 <= p.score <= 10 and np.isfinite(p.xy).all() and len(p.xy) for p in targets.preferences)
        for camera in dataset.cameras_of(row):
            encoded = dataset.image(row, camera)
            assert encoded
            try:
                picture_file.decode(encoded, dataset.where(row))
                dataset.calibration(row, camera)
            except BadRecord as bad:
                assert "val_fuzz.tfrecord: record at byte" in str(bad)  # noqa: PT017 - either way is right


def read_both_ways(folder: Path, shard: bytes) -> None:
    path = folder / "val_fuzz.tfrecord"
    path.write_bytes(shard)
    try:
        dataset = open_waymo_e2e(folder, "val", on_bad_record="skip")
    except BadInput as bad:
        assert "no usable record in 1 shards" in str(bad)  # noqa: PT017 - damage to records alone is never raised
        return
    check(dataset)
    if dataset.skipped:
        with pytest.raises(BadRecord, match=r"val_fuzz.tfrecord: (record at byte \d+: .|the file is empty)"):
            open_waymo_e2e(folder, "val")
    else:
        assert len(open_waymo_e2e(folder, "val")) == len(dataset)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path))


@SOME
@given(st.data())
def test_damaged_file(folder: Path, data: st.DataObject) -> None:
    write_shard(folder / "val_fuzz.tfrecord", PAYLOADS)
    whole = (folder / "val_fuzz.tfrecord").read_bytes()
    read_both_ways(folder, data.draw(damaged(whole)))


@SOME
@given(st.data())
def test_damaged_message_in_a_sound_record(folder: Path, data: st.DataObject) -> None:
    """Checksums that fit, around a message that does not: what a faulty writer leaves."""
    write_shard(folder / "val_fuzz.tfrecord", [data.draw(damaged(PAYLOADS[0])), *PAYLOADS[1:]])
    read_both_ways(folder, (folder / "val_fuzz.tfrecord").read_bytes())


@settings(max_examples=300, deadline=None)
@given(st.one_of(damaged(PAYLOADS[0]), st.binary(max_size=200)))
def test_damaged_message(payload: bytes) -> None:
    try:
        frame = decode_frame(payload, "here")
        images, calibrations = camera_spans(payload, "here")
    except BadRecord as bad:
        assert str(bad).startswith("here: ")  # noqa: PT017 - either way is right
        return
    assert frame.past.shape == (16, 6)
    for spans in (images, calibrations):
        assert (spans >= 0).all()
        assert (spans.sum(axis=1) <= len(payload)).all()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_wire_walk_of_anything(payload: bytes) -> None:
    """The walk stands by itself: it does not need protobuf to have looked first."""
    try:
        camera_spans(payload, "here")
        decode_calibration(payload, "here")
    except BadRecord as bad:
        assert str(bad).startswith("here: ")  # noqa: PT017 - either way is right


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_records_of_anything(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "anything"
    path.write_bytes(content)
    bad: list[BadRecord] = []
    try:
        assert list(read_records(path, on_bad=bad.append)) == []
    except BadInput as packed:
        assert f"{path}: is packed with" in str(packed)  # noqa: PT017 - either way is right
    else:
        assert len(bad) == 1
