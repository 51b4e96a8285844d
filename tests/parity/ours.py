"""Our side: what RoadCue makes of the official shards, and shards of its own for the official side to read."""

import hashlib
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from google.protobuf import __version__ as protobuf_version
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.internal import api_implementation
from google.protobuf.message import Message
from messages import drawn_float, fill, plain

from roadcue.loaders import jpeg
from roadcue.loaders.dataset import sample as sample_of
from roadcue.loaders.tfrecord import RecordWriter, read_records
from roadcue.loaders.waymo_e2e import CAMERAS, encode_frame, open_waymo_e2e
from roadcue.loaders.waymo_e2e import schema_pb2 as schema
from roadcue.loaders.waymo_e2e.index import open_index
from roadcue.loaders.waymo_e2e.submission.archive import unpack
from roadcue.loaders.waymo_e2e.submission.check import check_submission
from roadcue.loaders.waymo_e2e.submission.write import Entry, encode_submission
from roadcue.schema import CameraCalibration, Intent, Preference, Sample, SampleInputs, SampleTargets

SOFTWARE = f"RoadCue, protobuf {protobuf_version} ({api_implementation.Type()})"
RECORDS = 40  # in each of our shards
SUBMISSION = "submission.tar.gz"


def load_official(descriptors: Path) -> type[Message]:
    """The official `E2EDFrame`, in the very pool of descriptors that has ours: a clash of names would be an error."""
    pool = descriptor_pool.Default()
    for file in FileDescriptorSet.FromString(descriptors.read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("waymo.open_dataset.E2EDFrame"))


def read_messages(folder: Path, kind: type[Message]) -> dict[str, Any]:
    """Every record of a folder's shards as a message of this kind, by shard and byte offset."""
    return {
        f"{path.name} at {record.offset}": plain(kind.FromString(record.payload))
        for path in sorted(folder.glob("*.tfrecord*"))
        for record in read_records(path)
    }


def read_samples(folder: Path) -> dict[str, Any]:
    """Every sample of a folder, as the training loop gets it, by id."""
    dataset = open_waymo_e2e(folder, "all")
    samples = {}
    for row in range(len(dataset)):
        calibrations = {camera: dataset.calibration(row, camera) for camera in CAMERAS}
        present = {camera: calibration for camera, calibration in calibrations.items() if calibration is not None}
        one = sample_of(dataset, row)
        samples[one.id] = plain_sample(one, present)
    return samples


def read_places(folder: Path) -> dict[str, Any]:
    """What the index says of every frame, by id: its row, and where it, its pictures and its calibrations lie."""
    shards = sorted(folder.glob("*.tfrecord*"))
    index = open_index(shards)
    return {
        str(index.id[row]): {
            "row": row,
            "shard": shards[index.shard[row]].name,
            "offset": int(index.offset[row]),
            "length": int(index.length[row]),
            "images": _spans(index.image_span[row]),
            "calibrations": _spans(index.calibration_span[row]),
        }
        for row in range(len(index))
    }


def read_submission(folder: Path) -> dict[str, Any]:
    """Every shard of a folder's submission as a plain message, by its name."""
    shards, problems = unpack((folder / SUBMISSION).read_bytes())
    assert not problems, problems
    return {name: plain(schema.E2EDChallengeSubmission.FromString(content)) for name, content in shards.items()}


def _spans(spans: np.ndarray) -> dict[str, list[int]]:
    return {camera: span for camera, span in zip(CAMERAS, spans.tolist(), strict=True) if span[1]}


def plain_sample(sample: Sample, calibrations: Mapping[str, CameraCalibration]) -> dict[str, Any]:
    """A sample in the form that `official.sample` gives it."""
    future = sample.targets.future
    return {
        "id": sample.id,
        "sequence": sample.sequence,
        "frame": sample.frame,
        "intent": int(sample.inputs.intent),
        "past": plain(sample.inputs.past.tolist()),
        "future": None if future is None else plain(future[:, :2].tolist()),
        "preferences": [{"score": p.score.hex(), "xy": plain(p.xy.tolist())} for p in sample.targets.preferences],
        "images": {camera: plain(picture) for camera, picture in sample.inputs.images.items()},
        "calibrations": {
            camera: {
                "intrinsic": plain(c.intrinsic.tolist()),
                "extrinsic": plain(c.extrinsic.ravel().tolist()),
                "width": c.width,
                "height": c.height,
            }
            for camera, c in calibrations.items()
        },
    }


def write(folder: Path, seed: int) -> list[dict[str, Any]]:
    """A shard of messages with every field at random, and one of drawn samples; what was written, in order."""
    rng = random.Random(seed)
    written = []
    for name, drawn in (("messages.tfrecord", _drawn_message), ("val_0.tfrecord", _drawn_frame)):
        with RecordWriter(folder / name) as writer:
            for _ in range(RECORDS):
                payload, contents = drawn(rng)
                writer.write(payload)
                written.append({"shard": name, **contents, "sha256": hashlib.sha256(payload).hexdigest()})
    return written


def write_submission(folder: Path, seed: int) -> dict[str, Any]:
    """A submission of drawn paths in two shards; what is in each, by its name."""
    rng = random.Random(seed)
    names = [f"{rng.randbytes(16).hex()}-{rng.randrange(250):03d}" for _ in range(RECORDS)]
    entry = Entry(
        account_name="drawn@example.org",
        unique_method_name=f"drawn {rng.randrange(100)} äß道",
        uses_public_model_pretraining=rng.random() < 0.5,
        num_model_parameters=f"{rng.randrange(1000)}{rng.choice('KMBT')}",
        authors=("A", "Ö"),
        affiliation="nowhere",
        description="drawn paths",
        method_link="https://example.org",
        public_model_names=("one", "another"),
    )
    archive = encode_submission(entry, names, _drawn(rng, RECORDS, 20, 2), frames_per_shard=RECORDS // 2 + 1)
    wanted = {(name[:32], int(name[33:])): name for name in names}
    verdict = check_submission(archive, wanted)
    assert (verdict.frames, verdict.shards, verdict.problems) == (RECORDS, 2, ()), verdict
    (folder / SUBMISSION).write_bytes(archive)
    shards, _ = unpack(archive)
    return {
        name: {
            "message": plain(schema.E2EDChallengeSubmission.FromString(content)),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name, content in shards.items()
    }


def _drawn_message(rng: random.Random) -> tuple[bytes, dict[str, Any]]:
    message = schema.E2EDFrame()
    fill(message, rng)
    return message.SerializeToString(), {"message": plain(message)}


def _drawn_frame(rng: random.Random) -> tuple[bytes, dict[str, Any]]:
    """A drawn sample as `encode_frame` writes it, and what the official side has to find in it."""
    sequence, number = rng.randbytes(16).hex(), rng.randrange(250)
    images = {camera: _drawn_jpeg(rng) for camera in _drawn_cameras(rng)}
    future = _drawn(rng, 20, rng.choice((2, 3))) if rng.random() < 0.7 else None
    preferences = [_drawn_preference(rng) for _ in range(rng.choice((0, 1, 3)))]
    calibrations = {
        camera: CameraCalibration(
            intrinsic=_drawn(rng, 9, kind="d"),
            extrinsic=_drawn(rng, 4, 4, kind="d"),
            width=rng.randrange(2000),
            height=rng.randrange(2000),
        )
        for camera in _drawn_cameras(rng)
    }
    sample = Sample(
        id=f"{sequence}-{number}",
        sequence=sequence,
        frame=number,
        inputs=SampleInputs(images, _drawn(rng, 16, 6), rng.choice(list(Intent))),
        targets=SampleTargets(future, tuple(p for p in preferences if p is not None)),
    )
    past, intent = sample.inputs.past, sample.inputs.intent
    payload = encode_frame(sample.id, images, calibrations, past, intent, future, preferences)
    message = plain(schema.E2EDFrame.FromString(payload))
    return payload, {"message": message, "sample": plain_sample(sample, calibrations)}


def _drawn(rng: random.Random, *shape: int, kind: Literal["f", "d"] = "f") -> np.ndarray:
    return np.array([drawn_float(rng, kind) for _ in range(math.prod(shape))], kind).reshape(shape)


def _drawn_preference(rng: random.Random) -> Preference | None:
    """Scored, with 7 to 21 points, or None: a placeholder."""
    score = float(np.float32(rng.uniform(0, 10)))
    return Preference(_drawn(rng, rng.randrange(7, 22), 2), score) if rng.random() < 0.7 else None


def _drawn_cameras(rng: random.Random) -> list[str]:
    """Some of the cameras, or all of them, in any order."""
    return rng.sample(CAMERAS, rng.choice((8, rng.randrange(9))))


def _drawn_jpeg(rng: random.Random) -> bytes:
    pixels = np.frombuffer(rng.randbytes(8 * 8 * 3), np.uint8).reshape(8, 8, 3)
    return jpeg.encode(pixels, quality=90)
