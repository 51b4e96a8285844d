"""The official side: TensorFlow's TFRecords and the messages of `waymo-open-dataset`. Runs in .venv-parity.

`official.py write FOLDER SEED` writes random shards, a random submission, the official file descriptors, and what it
wrote, as JSON; `official.py read FOLDER` reads the shards and the submission there and writes what it read.
"""

import hashlib
import json
import random
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf import __version__ as protobuf_version
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.internal import api_implementation
from messages import drawn_float, fill, plain
from waymo_open_dataset import dataset_pb2
from waymo_open_dataset.protos import end_to_end_driving_data_pb2 as e2e_pb2
from waymo_open_dataset.protos import end_to_end_driving_submission_pb2 as submission_pb2

SHARDS = 3
SEQUENCES = 7
FRAMES = 60
SUBMISSION = "submission.tar.gz"
SOFTWARE = f"TensorFlow {tf.__version__}, protobuf {protobuf_version} ({api_implementation.Type()})"


def write(folder: Path, seed: int) -> None:
    """Random frames of random sequences, shuffled over the shards."""
    rng = random.Random(seed)
    names = _drawn_names(rng)
    rank = {name: row for row, name in enumerate(sorted(names, key=_sequence_and_frame))}
    records = []
    for number in range(SHARDS):
        path = folder / f"val_202504211843.tfrecord-{number:05d}-of-{SHARDS:05d}"
        frames = [drawn_frame(name, rng) for name in names[number::SHARDS]]
        for frame, offset in zip(frames, _write_shard(path, frames), strict=True):
            name = frame.frame.context.name
            place = {"row": rank[name], **_place(path, frame, offset)}
            records.append({"message": plain(frame), "sample": sample(frame), "place": place})
    (folder / "descriptors.binpb").write_bytes(_descriptors().SerializeToString())
    _save(folder / "written.json", records, _write_submission(folder / SUBMISSION, rng))


def _drawn_names(rng: random.Random) -> list[str]:
    sequences = [rng.randbytes(16).hex() for _ in range(SEQUENCES)]
    names = {f"{rng.choice(sequences)}-{rng.randrange(250)}" for _ in range(FRAMES)}
    return rng.sample(sorted(names), len(names))


def drawn_frame(name: str, rng: random.Random) -> e2e_pb2.E2EDFrame:
    """A frame with every official field at random, and those that the end-to-end set fills in its form."""
    message = e2e_pb2.E2EDFrame()
    frame = message.frame
    fill(frame, rng)
    frame.context.name = name
    frame.context.ClearField("camera_calibrations")
    for camera in _drawn_cameras(rng):
        calibration = frame.context.camera_calibrations.add()
        fill(calibration, rng)
        calibration.name = camera
        calibration.intrinsic[:] = [drawn_float(rng, "d") for _ in range(9)]
        calibration.extrinsic.transform[:] = [drawn_float(rng, "d") for _ in range(16)]
    frame.ClearField("images")
    for camera in _drawn_cameras(rng):
        image = frame.images.add()
        fill(image, rng)
        image.name = camera
        image.image = _drawn_jpeg(rng)
    if rng.random() < 0.9:
        message.intent = rng.choice(e2e_pb2.EgoIntent.Intent.values())
    _fill_states(message.past_states, ("pos_x", "pos_y", "vel_x", "vel_y", "accel_x", "accel_y"), 16, rng)
    if rng.random() < 0.7:
        _fill_states(message.future_states, ("pos_x", "pos_y", "pos_z"), 20, rng)
    for _ in range(rng.choice((0, 1, 3))):
        _fill_preference(message.preference_trajectories.add(), rng)
    return message


def _drawn_cameras(rng: random.Random) -> list[int]:
    """Some of the cameras, or all of them, in any order."""
    return rng.sample(range(1, 9), rng.choice((8, rng.randrange(9))))


def _drawn_jpeg(rng: random.Random) -> bytes:
    pixels = tf.constant(list(rng.randbytes(8 * 8 * 3)), tf.uint8, (8, 8, 3))
    return tf.io.encode_jpeg(pixels).numpy()


def _fill_states(states: e2e_pb2.EgoTrajectoryStates, fields: Sequence[str], steps: int, rng: random.Random) -> None:
    """These fields with so many steps each, as the set has them; the others at random."""
    fill(states, rng)
    for field in fields:
        getattr(states, field)[:] = [drawn_float(rng) for _ in range(steps)]


def _fill_preference(states: e2e_pb2.EgoTrajectoryStates, rng: random.Random) -> None:
    """Scored, with 7 to 21 points, or a placeholder of any of the three kinds: -1 with points, without, no score."""
    kind = rng.choice(("scored", "scored", "placeholder", "placeholder without points", "no score"))
    if kind != "placeholder without points":
        _fill_states(states, ("pos_x", "pos_y"), rng.randrange(7, 22), rng)
    states.ClearField("preference_score")
    if kind != "no score":
        states.preference_score = rng.uniform(0, 10) if kind == "scored" else -1


def _write_shard(path: Path, frames: Sequence[e2e_pb2.E2EDFrame]) -> list[int]:
    """Write a shard; the byte offset of each record is how long the file was before it."""
    offsets = []
    with tf.io.TFRecordWriter(str(path)) as writer:
        for frame in frames:
            writer.flush()
            offsets.append(path.stat().st_size)
            writer.write(frame.SerializeToString())
    return offsets


def _place(path: Path, frame: e2e_pb2.E2EDFrame, offset: int) -> dict[str, Any]:
    """Where a record lies, its pictures and calibrations found by looking for their bytes."""
    shard = path.read_bytes()
    parts = {
        "images": {image.name: image.image for image in frame.frame.images},
        "calibrations": {c.name: c.SerializeToString() for c in frame.frame.context.camera_calibrations},
    }
    spans = {
        key: {_camera(number): [shard.index(part, offset), len(part)] for number, part in by_camera.items()}
        for key, by_camera in parts.items()
    }
    return {"shard": path.name, "offset": offset, "length": frame.ByteSize(), **spans}


def sample(message: e2e_pb2.E2EDFrame) -> dict[str, Any]:
    """What a reader of the set has to make of a frame."""
    context = message.frame.context
    sequence, frame = _sequence_and_frame(context.name)
    past, future = message.past_states, message.future_states
    states = past.pos_x, past.pos_y, past.vel_x, past.vel_y, past.accel_x, past.accel_y
    calibrations = {
        _camera(c.name): {
            "intrinsic": plain(c.intrinsic),
            "extrinsic": plain(c.extrinsic.transform),
            "width": c.width,
            "height": c.height,
        }
        for c in context.camera_calibrations
    }
    return {
        "id": context.name,
        "sequence": sequence,
        "frame": frame,
        "intent": message.intent,
        "past": _rows(states),
        "future": _rows((future.pos_x, future.pos_y)) or None,
        "preferences": [
            {"score": plain(states.preference_score), "xy": _rows((states.pos_x, states.pos_y))}
            for states in message.preference_trajectories
            if states.HasField("preference_score") and states.preference_score >= 0
        ],
        "images": {_camera(image.name): plain(image.image) for image in message.frame.images},
        "calibrations": calibrations,
    }


def _rows(columns: Sequence[Sequence[float]]) -> list[list[str]]:
    return [[plain(value) for value in row] for row in zip(*columns, strict=True)]


def _sequence_and_frame(name: str) -> tuple[str, int]:
    sequence, _, frame = name.rpartition("-")
    return sequence, int(frame)


def _camera(number: int) -> str:
    return dataset_pb2.CameraName.Name.Name(number)


def _descriptors() -> FileDescriptorSet:
    """The official files, every one after those that it imports."""
    by_name: dict[str, FileDescriptor] = {}

    def visit(file: FileDescriptor) -> None:
        for imported in file.dependencies:
            visit(imported)
        by_name.setdefault(file.name, file)

    visit(submission_pb2.DESCRIPTOR)
    files = FileDescriptorSet()
    for file in by_name.values():
        file.CopyToProto(files.file.add())
    return files


def read(folder: Path) -> None:
    """Every record of every shard, and the bytes it has once fields that the official files lack are dropped."""
    records = []
    for path in sorted(folder.glob("*.tfrecord*")):
        for payload in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            message = e2e_pb2.E2EDFrame.FromString(payload)
            of_a_frame = {"sample": sample(message)} if path.name.startswith("val_") else {}
            records.append({"shard": path.name, "message": plain(message), **of_a_frame})
            message.DiscardUnknownFields()
            records[-1]["sha256"] = hashlib.sha256(message.SerializeToString(deterministic=True)).hexdigest()
    _save(folder / "read.json", records, _read_submission(folder / SUBMISSION))


def _write_submission(path: Path, rng: random.Random) -> dict[str, Any]:
    """A submission with every field at random, packed as the tutorial does it: a folder, by tar and gzip."""
    count = 30  # so many that no field is left out by all of them
    names = [f"mysubmission.binproto-{number:05d}-of-{count:05d}" for number in range(count)]
    shards = {name: _drawn_submission(rng) for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for name, message in shards.items():
            (Path(folder) / name).write_bytes(message.SerializeToString())
        with tarfile.open(path, "w:gz") as tar:
            tar.add(folder, "MySubmission")
    return {name: plain(message) for name, message in shards.items()}


def _drawn_submission(rng: random.Random) -> submission_pb2.E2EDChallengeSubmission:
    message = submission_pb2.E2EDChallengeSubmission()
    fill(message, rng)
    for _ in range(10):
        fill(message.predictions.add(), rng)
    return message


def _read_submission(path: Path) -> dict[str, Any]:
    """Every shard in a submission, and the bytes it has once fields that the official file lacks are dropped."""
    shards = {}
    with tarfile.open(path, "r:gz") as tar:
        for member in tar:
            message = submission_pb2.E2EDChallengeSubmission.FromString(tar.extractfile(member).read())
            shards[member.name] = {"message": plain(message)}
            message.DiscardUnknownFields()
            written = message.SerializeToString(deterministic=True)
            shards[member.name]["sha256"] = hashlib.sha256(written).hexdigest()
    return shards


def _save(path: Path, records: list[dict[str, Any]], submission: dict[str, Any]) -> None:
    path.write_text(json.dumps({"software": SOFTWARE, "records": records, "submission": submission}))


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        read(Path(sys.argv[2]))
