"""From a spec to a folder of SENSATION files: walks drawn by many processes, their labels gathered at the end."""

import json
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from roadcue.files import resumable_folder, write_atomic
from roadcue.loaders import jpeg
from roadcue.loaders.csv_rows import read_rows
from roadcue.loaders.sensation.annotation_files import write_annotations
from roadcue.loaders.sensation.captions import IMAGE_FOLDERS, Caption, write_captions
from roadcue.loaders.sensation.files import ANNOTATIONS, BVPI, CAPTIONS, JSON_LINES, SCHEMA_FILE
from roadcue.loaders.sensation.states import STATES, WalkerStates, to_line
from roadcue.prompts import bvpi
from roadcue.prompts.annotation import Annotation, parse_row
from roadcue.prompts.annotation_json import SCHEMA, to_json
from roadcue.roadworld.checksums import check_checksums, write_checksums
from roadcue.roadworld.drawing import Job, draw_missing, leave_only
from roadcue.roadworld.instances import gather_boxes, write_mask
from roadcue.roadworld.pairs import PairedFrame, write_pairs
from roadcue.roadworld.sidewalk.pairs import PairedWalk
from roadcue.roadworld.sidewalk.spec import SidewalkSpec, image_name
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.spec import written_spec


def write_sidewalk(spec: SidewalkSpec, folder: Path, workers: int | None = None) -> None:
    """Draw a sidewalk view into `folder`, which appears when all of it is there; `workers` None: one per processor.

    A killed run goes on where it was. BadInput when `folder` exists or cannot be written.
    """
    with resumable_folder(folder, spec.key) as partial:
        for split in ("train", "val"):
            (partial / IMAGE_FOLDERS[split]).mkdir(parents=True, exist_ok=True)
        _draw_walks(spec, partial, workers)
        written = _gather(spec, partial)
        for split in ("train", "val"):
            written += [partial / IMAGE_FOLDERS[split] / image_name(*picture) for picture in spec.pictures(split)]
        if spec.masks:
            pictures = [picture for split in ("train", "val") for picture in spec.pictures(split)]
            written += gather_boxes(partial, [_mask_name(*picture) for picture in pictures])
        if spec.pairs:
            numbers = sorted({number for number, _ in spec.pictures(spec.pairs_split)})
            files = [_pair_file(partial, number) for number in numbers]
            lines = [PairedFrame(**line) for file in files for line in json.loads(file.read_text(encoding="utf-8"))]
            written.append(write_pairs(partial, lines))
        leave_only(partial, written)
        write_checksums(partial, written, spec.version, written_spec(spec))


def labelled_pictures(folder: Path) -> int:
    """How many pictures of a drawn sidewalk view have labels."""
    return len(read_rows(folder / ANNOTATIONS, ()))


def check_sidewalk(folder: Path, *, hashes: bool = False) -> SidewalkSpec:
    """The spec of a finished sidewalk view; every file has its size and, when `hashes`, its sha256 from the manifest.

    BadInput says which file is not what was written.
    """
    command = "python -m roadcue.roadworld.sidewalk"
    return check_checksums(folder, SidewalkSpec, "sidewalk view", command, hashes=hashes)


def _draw_walks(spec: SidewalkSpec, partial: Path, workers: int | None) -> None:
    """Draw the walks whose labels are not yet in `partial`."""
    jobs = []
    for split in ("train", "val"):
        for number, pictures in groupby(spec.pictures(split), key=lambda picture: picture[0]):
            frames = [frame for _, frame in pictures]
            arguments = (spec, number, frames, partial, IMAGE_FOLDERS[split])
            jobs.append(Job(_labels_file(partial, number), len(frames), arguments))
    draw_missing("drawing the sidewalk view, once", _write_walk, jobs, workers)


def _write_walk(spec: SidewalkSpec, number: int, frames: list[int], partial: Path, images: str) -> None:
    """The pictures of a walk, and its labels after them, as the sign that they are whole."""
    walk = PairedWalk(spec, number) if spec.pairs else Walk(spec, number)
    for frame in frames:
        picture = jpeg.encode(walk.paint(frame), spec.jpeg_quality)
        (partial / images / image_name(number, frame)).write_bytes(picture)
        if spec.masks:
            write_mask(partial, _mask_name(number, frame), walk.instances(frame))
    if isinstance(walk, PairedWalk):
        write_atomic(_pair_file(partial, number), json.dumps([asdict(line) for line in walk.lines()]))
    labels = [[walk.annotation(frame).row, walk.caption(frame)] for frame in frames if walk.sight(frame)]
    states = [to_line(_states(walk, image_name(number, frame), frame)) for frame in frames]
    write_atomic(_labels_file(partial, number), json.dumps({"labels": labels, "states": states}))


def _states(walk: Walk | PairedWalk, image: str, frame: int) -> WalkerStates:
    """Of a picture, labelled or not."""
    return WalkerStates(image, walk.seconds(frame), walk.past(frame), walk.intent(frame), walk.future(frame))


def _mask_name(number: int, frame: int) -> str:
    return image_name(number, frame).removesuffix(".jpg")


def _labels_file(partial: Path, number: int) -> Path:
    return partial / f"walk-{number:07d}.labels"


def _pair_file(partial: Path, number: int) -> Path:
    return partial / f"walk-{number:07d}.pair"


def _gather(spec: SidewalkSpec, partial: Path) -> list[Path]:
    """Write the label files of all walks; returns them."""
    annotations: list[Annotation] = []
    states: list[str] = []
    captions: list[Caption] = []
    written = [partial / name for name in (ANNOTATIONS, CAPTIONS, SCHEMA_FILE, JSON_LINES, STATES)]
    for split in ("train", "val"):
        numbers = sorted({number for number, _ in spec.pictures(split)})
        walks = [json.loads(_labels_file(partial, number).read_text(encoding="utf-8")) for number in numbers]
        labelled = [(parse_row(row, split), text) for walk in walks for row, text in walk["labels"]]
        states += [line for walk in walks for line in walk["states"]]
        new = [Caption(f"{IMAGE_FOLDERS[split]}/{annotation.image}", text, split) for annotation, text in labelled]
        records = [bvpi.sft_record(c.image_path, a, c.target) for c, (a, _) in zip(new, labelled, strict=True)]
        file = partial / BVPI.format(split=split)
        write_atomic(file, "".join(map(bvpi.to_line, records)))
        written.append(file)
        annotations += [annotation for annotation, _ in labelled]
        captions += new
    write_annotations(partial / ANNOTATIONS, annotations)
    write_captions(partial / CAPTIONS, captions)
    write_atomic(partial / SCHEMA_FILE, json.dumps(SCHEMA, indent=1) + "\n")
    write_atomic(partial / JSON_LINES, "".join(json.dumps(to_json(each)) + "\n" for each in annotations))
    write_atomic(partial / STATES, "".join(states))
    return written
