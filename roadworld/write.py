"""From a spec to a folder of shards: sequences and pairs drawn by many processes, frames shuffled over the shards."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from roadcue.files import resumable_folder, write_atomic
from roadcue.loaders import jpeg
from roadcue.loaders.tfrecord import RecordWriter, read_records
from roadcue.loaders.waymo_e2e import encode_frame
from roadcue.loaders.waymo_e2e.clusters import CLUSTER_FILE
from roadcue.roadworld.camera import camera
from roadcue.roadworld.checksums import check_checksums, write_checksums
from roadcue.roadworld.draw_pairs import draw_pair
from roadcue.roadworld.drawing import Job, draw_missing, leave_only
from roadcue.roadworld.drive import cluster_of, drive, frame_name, sequence_name
from roadcue.roadworld.instances import gather_boxes, write_mask
from roadcue.roadworld.pairs import PairedFrame, write_pairs
from roadcue.roadworld.preferences import PLACEHOLDERS, preferences, rated_position
from roadcue.roadworld.render import Painter
from roadcue.roadworld.spec import RoadWorldSpec, written_spec
from roadcue.schema import Preference

_PREFIX = {"train": "training", "val": "val"}
_FRAMES_PER_SHARD = 1200


def write_roadworld(spec: RoadWorldSpec, folder: Path, workers: int | None = None) -> None:
    """Draw a RoadWorld into `folder`, which appears when all of it is there; `workers` None: one per processor.

    A killed run goes on where it was. BadInput when `folder` exists or cannot be written.
    """
    with resumable_folder(folder, spec.key) as partial:
        _draw_sequences(spec, partial, workers)
        written = [shard for split in _PREFIX for shard in _shuffle_into_shards(spec, split, partial)]
        if spec.pairs:  # of what a cluster is named after, no moment of a pair need show anything
            written.append(write_pairs(partial, _paired_frames(spec, partial)))
        else:
            written.append(_write_clusters(spec, partial))
        if spec.masks:
            written += gather_boxes(partial, _picture_names(spec, partial))
        leave_only(partial, written)
        write_checksums(partial, written, spec.version, written_spec(spec))


def check_roadworld(folder: Path, *, hashes: bool = False) -> RoadWorldSpec:
    """The spec of a finished RoadWorld; every file has its size and, when `hashes`, its sha256 from the manifest.

    BadInput says which file is not what was written.
    """
    return check_checksums(folder, RoadWorldSpec, "RoadWorld", "python -m roadcue.roadworld", hashes=hashes)


def draw_sequence(spec: RoadWorldSpec, number: int, masks: Path | None = None) -> Iterator[bytes]:
    """The drawn frames of one sequence in time, as `E2EDFrame` messages with all of the spec's cameras.

    One late frame of a validation sequence has three scored trajectories, its others have placeholders. `masks`: the
    folder below which each picture's mask is written.
    """
    driven = drive(spec, number)
    cameras = {name: camera(spec, name) for name in spec.cameras}
    painter = Painter(driven, cameras, spec.exposure)
    rated = number in spec.numbers("val")
    for position, index in enumerate(spec.frames):
        scores: Sequence[Preference | None] = PLACEHOLDERS if rated else ()
        if rated and position == rated_position(driven):
            scores = preferences(driven, position)
        name = frame_name(driven.sequence, index)
        if masks is not None:
            for camera_name in cameras:
                write_mask(masks, f"{name}-{camera_name}", painter.instances(position, camera_name))
        yield encode_frame(
            name,
            {name: jpeg.encode(painter.paint(position, name), spec.jpeg_quality) for name in cameras},
            cameras,
            driven.past(position),
            driven.intent(position),
            np.pad(driven.future(position), ((0, 0), (0, 1))),  # z = 0: this world is flat
            scores,
        )


def _draw_sequences(spec: RoadWorldSpec, partial: Path, workers: int | None) -> None:
    """Write the sequences that are not yet in `partial`, each to a file of its own."""
    pictures = (2 if spec.pairs else len(spec.frames)) * len(spec.cameras)
    files = {number: _sequence_file(partial, number) for split in _PREFIX for number in spec.numbers(split)}
    jobs = [Job(file, pictures, (spec, number, file)) for number, file in files.items()]
    draw_missing("drawing RoadWorld, once", _write_sequence, jobs, workers)


def _write_sequence(spec: RoadWorldSpec, number: int, file: Path) -> None:
    masks = file.parent if spec.masks else None
    with RecordWriter(file) as writer:
        if not spec.pairs:
            for record in draw_sequence(spec, number, masks):
                writer.write(record)
            return
        halves = list(draw_pair(spec, number, masks))
        _pair_file(file).write_text(json.dumps([asdict(frame) for frame, _ in halves]), encoding="utf-8")
        for _, record in halves:
            writer.write(record)


def _pair_file(sequence: Path) -> Path:
    """The lines of a pair, beside its sequence until all are drawn."""
    return sequence.with_suffix(".json")


def _paired_frames(spec: RoadWorldSpec, partial: Path) -> list[PairedFrame]:
    return [
        PairedFrame(**line)
        for number in spec.numbers(spec.pairs_split)
        for line in json.loads(_pair_file(_sequence_file(partial, number)).read_text(encoding="utf-8"))
    ]


def _picture_names(spec: RoadWorldSpec, partial: Path) -> list[str]:
    """Of all pictures, in the order of sequences, frames and cameras."""
    if spec.pairs:
        frames = [half.frame for half in _paired_frames(spec, partial)]
    else:
        numbers = [number for split in _PREFIX for number in spec.numbers(split)]
        frames = [frame_name(sequence_name(spec, number), index) for number in numbers for index in spec.frames]
    return [f"{frame}-{camera_name}" for frame in frames for camera_name in spec.cameras]


def _sequence_file(partial: Path, number: int) -> Path:
    return partial / f"sequence-{number:07d}"


def _shuffle_into_shards(spec: RoadWorldSpec, split: str, partial: Path) -> list[Path]:
    """Deal the frames of a split's sequences to its shards in random order, as in WOD-E2E; returns the shards."""
    files = [_sequence_file(partial, number) for number in spec.numbers(split)]
    spans = [(file, record.payload_offset, len(record.payload)) for file in files for record in read_records(file)]
    order = np.random.default_rng([spec.seed, spec.numbers(split).start]).permutation(len(spans))
    count = -(-len(spans) // _FRAMES_PER_SHARD)
    shards = [partial / f"{_PREFIX[split]}_roadworld.tfrecord-{i:05d}-of-{count:05d}" for i in range(count)]
    for i, shard in enumerate(shards):
        with RecordWriter(shard) as writer:
            for at in order[i::count]:
                file, offset, length = spans[at]
                with open(file, "rb") as sequence:
                    sequence.seek(offset)
                    writer.write(sequence.read(length))
    return shards


def _write_clusters(spec: RoadWorldSpec, partial: Path) -> Path:
    file = partial / CLUSTER_FILE
    clusters = {sequence_name(spec, n): {"scenario_cluster": cluster_of(spec, n)} for n in spec.numbers("val")}
    write_atomic(file, json.dumps(clusters))
    return file
