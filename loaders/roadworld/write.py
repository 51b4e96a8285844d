"""From a spec to a folder of shards: sequences drawn by many processes, their frames shuffled over the shards."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from loaders import jpeg
from loaders.errors import BadInput
from loaders.processes import in_processes
from loaders.roadworld.drive import drive
from loaders.roadworld.render import Painter
from loaders.roadworld.spec import WORLD_VERSION, RoadWorldSpec
from loaders.roadworld.view import front_camera
from loaders.tfrecord import RecordWriter, read_records
from loaders.waymo_e2e import encode_frame

MANIFEST = "manifest.json"
_PREFIX = {"train": "training", "val": "val"}
_FRAMES_PER_SHARD = 1200


def write_roadworld(spec: RoadWorldSpec, folder: Path, workers: int | None = None) -> None:
    """Draw a RoadWorld into `folder`, which appears when all of it is there; `workers` None: one per processor.

    Finished sequences wait in a hidden folder beside it, so that a killed run goes on where it was. BadInput when
    `folder` exists or cannot be written.
    """
    if folder.exists():
        raise BadInput(f"{folder}: exists already. Name a new folder, or delete this one.")
    part = folder.with_name(f".{folder.name}.{spec.key}.part")
    try:
        part.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{part}: cannot be made ({error.strerror}). Choose another folder.") from error
    _draw_sequences(spec, part, workers or len(os.sched_getaffinity(0)))
    shards = [shard for split in _PREFIX for shard in _shuffle_into_shards(spec, split, part)]
    for left_over in set(part.iterdir()) - set(shards):
        left_over.unlink()
    manifest = {
        "world": WORLD_VERSION,
        "spec": asdict(spec),
        "files": {path.name: {"bytes": path.stat().st_size, "sha256": _sha256(path)} for path in shards},
    }
    try:
        (part / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
        os.replace(part, folder)
    except OSError as error:
        raise BadInput(f"{folder}: cannot be written ({error.strerror}). Make room on the disk.") from error


def check_roadworld(folder: Path, *, hashes: bool = False) -> RoadWorldSpec:
    """The spec of a finished RoadWorld; every shard has its size and, when `hashes`, its sha256 from the manifest.

    BadInput says which file is not what was written.
    """
    remedy = "Delete the folder and draw it again with python -m loaders.roadworld."
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        spec = RoadWorldSpec(**manifest["spec"])
        files = {str(name): (int(told["bytes"]), str(told["sha256"])) for name, told in manifest["files"].items()}
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"{folder / MANIFEST}: is not the manifest of a RoadWorld ({error!r}). {remedy}") from error
    if not files:
        raise BadInput(f"{folder / MANIFEST}: names no shard. {remedy}")
    for name, (size, digest) in files.items():
        path = folder / Path(name).name
        found = path.stat().st_size if path.is_file() else None
        if found != size:
            raise BadInput(f"{path}: has {found} bytes where the manifest has {size}. {remedy}")
        if hashes and _sha256(path) != digest:
            raise BadInput(f"{path}: its sha256 is not the manifest's. {remedy}")
    return spec


def draw_sequence(spec: RoadWorldSpec, number: int) -> Iterator[bytes]:
    """The frames of one sequence in time, as `E2EDFrame` messages with the front camera."""
    driven = drive(spec, number)
    camera = front_camera(spec)
    painter = Painter(driven, camera, np.random.default_rng([spec.seed, number, 1]))
    for frame in range(spec.frames):
        yield encode_frame(
            f"{driven.sequence}-{frame:03d}",
            {"FRONT": jpeg.encode(painter.paint(frame), spec.jpeg_quality)},
            {"FRONT": camera},
            driven.past(frame),
            driven.intent(frame),
            np.pad(driven.future(frame), ((0, 0), (0, 1))),  # z = 0: this world is flat
        )


def _draw_sequences(spec: RoadWorldSpec, part: Path, workers: int) -> None:
    """Write the sequences that are not yet in `part`, each to a file of its own."""
    files = {number: _sequence_file(part, number) for split in _PREFIX for number in spec.numbers(split)}
    missing = {number: file for number, file in files.items() if not file.exists()}
    with _progress(len(files) * spec.frames) as advance:
        advance((len(files) - len(missing)) * spec.frames)
        if workers == 1:
            for number, file in missing.items():
                _write_sequence(spec, number, file)
                advance(spec.frames)
            return
        jobs = [(spec, number, file) for number, file in missing.items()]
        for _ in in_processes(_write_sequence, jobs, workers, start=_use_one_thread):
            advance(spec.frames)


def _use_one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)


def _write_sequence(spec: RoadWorldSpec, number: int, file: Path) -> None:
    with RecordWriter(file) as writer:
        for record in draw_sequence(spec, number):
            writer.write(record)


def _sequence_file(part: Path, number: int) -> Path:
    return part / f"sequence-{number:07d}"


def _shuffle_into_shards(spec: RoadWorldSpec, split: str, part: Path) -> list[Path]:
    """Deal the frames of a split's sequences to its shards in random order, as in WOD-E2E; returns the shards."""
    files = [_sequence_file(part, number) for number in spec.numbers(split)]
    spans = [(file, record.payload_offset, len(record.payload)) for file in files for record in read_records(file)]
    order = np.random.default_rng([spec.seed, spec.numbers(split).start]).permutation(len(spans))
    count = -(-len(spans) // _FRAMES_PER_SHARD)
    shards = [part / f"{_PREFIX[split]}_roadworld.tfrecord-{i:05d}-of-{count:05d}" for i in range(count)]
    for i, shard in enumerate(shards):
        with RecordWriter(shard) as writer:
            for at in order[i::count]:
                file, offset, length = spans[at]
                with open(file, "rb") as sequence:
                    sequence.seek(offset)
                    writer.write(sequence.read(length))
    return shards


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _progress(n_frames: int) -> Iterator[Callable[[int], None]]:
    from rich import progress as bar
    from rich.console import Console

    rate = bar.TextColumn("{task.fields[rate]} frames/s")
    columns = (
        bar.TextColumn("{task.description}"),
        bar.BarColumn(),
        bar.MofNCompleteColumn(),
        rate,
        bar.TimeRemainingColumn(),
    )
    with bar.Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("drawing RoadWorld, once", total=n_frames, rate="-")

        def advance(n: int) -> None:
            progress.advance(task, n)
            speed = progress.tasks[0].speed
            progress.update(task, rate=f"{speed:.0f}" if speed else "-")

        yield advance
