"""Drives, walks and pairs of both, drawn to be learnt from: a safetensors file per sequence, or round of pairs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from roadcue.errors import BadInput
from roadcue.loaders import jpeg, picture_file
from roadcue.models.mini import PATCH, SIDE
from roadcue.models.preprocessing import Preprocessing
from roadcue.processes import in_processes
from roadcue.progress import ProgressLine
from roadcue.roadworld.camera import camera
from roadcue.roadworld.draw_pairs import kind_of, pair_of
from roadcue.roadworld.drive import Drive, drive
from roadcue.roadworld.render import Painter
from roadcue.roadworld.road_ahead import road_ahead
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.sidewalk.pairs import PairedWalk
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.spec import FIRST_NUMBER, RoadWorldSpec
from roadcue.training.miniatures.config import DrawOptions
from roadcue.training.miniatures.examples import Examples
from roadcue.training.miniatures.knowledge import (
    DRIVE_REASONS,
    WALK_REASONS,
    Known,
    of_annotation,
    of_reason,
    of_road_ahead,
)
from roadcue.training.miniatures.texts import Texts, drive_texts, walk_texts
from roadcue.weights import write_safetensors

PATCHES = SIDE // PATCH
_KINDS_SCALE = 0.25
_SAMPLED = 16
"""Drives, and walks, whose texts say that a folder of drawn pictures is of this world."""
_HELD_OUT = {"drives": 50, "walks": 50, "pairs": 4}
"""Every so many-th sequence, or round of pairs, is kept for validation: of pairs more, because each kind has few."""


@dataclass(frozen=True)
class Example:
    """One picture (3, 224, 224) uint8, the shares of kinds (14, 14, K) uint8 of 255, what is known, and its texts."""

    pixels: Tensor
    kinds: np.ndarray
    known: Known
    texts: Texts


def draw_examples(options: DrawOptions, folder: Path, workers: int) -> tuple[Examples, Examples]:
    """Draw what is not yet in `folder`; returns the pictures to learn from and those held out."""
    folder.mkdir(parents=True, exist_ok=True)
    learnt: list[Path] = []
    held_out: list[Path] = []
    for name, function in (("drives", _draw_drive), ("walks", _draw_walk), ("pairs", _draw_round)):
        files = [folder / f"{name}-{i:06d}.safetensors" for i in range(getattr(options, name))]
        missing = [(options, i, file) for i, file in enumerate(files) if not file.exists()]
        if missing:
            with ProgressLine(f"drawing {name}", len(files), name, done=len(files) - len(missing)) as advance:
                for _ in in_processes(function, missing, workers, start=_use_one_thread):
                    advance()
        held_out += files[:: _HELD_OUT[name]]
        learnt += [file for i, file in enumerate(files) if i % _HELD_OUT[name]]
    return Examples(tuple(learnt)), Examples(tuple(held_out))


def _use_one_thread() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def samples(options: DrawOptions) -> Iterator[Example]:
    """A picture of a drive, of a walk, and of pairs of both, as they are drawn: some two seconds."""
    for of in (_of_drives, _of_walks, _of_drive_pairs, _of_walk_pairs):
        yield next(of(options, 0))


def sample_labels(options: DrawOptions) -> Iterator[tuple[Known, Texts]]:
    """What is known and told of some drives and walks, which need not be painted for it: some two seconds."""
    spec, walked = _drive_spec(options), SidewalkSpec(seed=options.world_seed)
    for number in range(FIRST_NUMBER["pretrain"], FIRST_NUMBER["pretrain"] + _SAMPLED):
        driven, walk = drive(spec, number), Walk(walked, number)
        yield from (_labels_of_drive(driven, position) for position in range(len(driven.steps)))
        yield from (_labels_of_walk(walk, frame) for frame in range(walked.frames))


def _draw_drive(options: DrawOptions, i: int, file: Path) -> None:
    _write(file, _of_drives(options, i))


def _draw_walk(options: DrawOptions, i: int, file: Path) -> None:
    _write(file, _of_walks(options, i))


def _of_drives(options: DrawOptions, i: int) -> Iterator[Example]:
    spec = _drive_spec(options)
    driven = drive(spec, FIRST_NUMBER["pretrain"] + i)
    painter = Painter(driven, {"FRONT": camera(spec, "FRONT")}, spec.exposure)
    return (_of_drive(spec, driven, painter, position) for position in range(len(driven.steps)))


def _of_walks(options: DrawOptions, i: int) -> Iterator[Example]:
    spec = SidewalkSpec(seed=options.world_seed)
    walk = Walk(spec, FIRST_NUMBER["pretrain"] + i)
    return (_of_walk(spec, walk, frame) for frame in range(spec.frames))


def _draw_round(options: DrawOptions, i: int, file: Path) -> None:
    """One pair of each reason."""
    _write(file, (*_of_drive_pairs(options, i), *_of_walk_pairs(options, i)))


def _of_drive_pairs(options: DrawOptions, i: int) -> Iterator[Example]:
    spec = replace(_drive_spec(options), train_sequences=0, val_sequences=0, stride=1, pairs=1, kinds=DRIVE_REASONS)
    first = FIRST_NUMBER["pretrain_pairs"] + i * len(DRIVE_REASONS)
    for number in range(first, first + len(DRIVE_REASONS)):
        with _told_by_reason(kind_of(spec, number), i, options):
            pair = pair_of(spec, number)
        halves = ((pair.moment.without, pair.without), (pair.moment.with_it, pair.with_it))
        for there, (driven, painter) in enumerate(halves):
            example = _of_drive(spec, driven, painter, 0)
            yield replace(example, known=of_reason(example.known, kind_of(spec, number), bool(there)))


def _of_walk_pairs(options: DrawOptions, i: int) -> Iterator[Example]:
    spec = SidewalkSpec(train=0, val=0, seed=options.world_seed, pairs=1, kinds=WALK_REASONS)
    first = FIRST_NUMBER["pretrain_pairs"] + i * len(WALK_REASONS)
    for number in range(first, first + len(WALK_REASONS)):
        with _told_by_reason(WALK_REASONS[number % len(WALK_REASONS)], i, options):
            pair = PairedWalk(spec, number)
        for there, half in enumerate(pair.halves):
            example = _of_walk(spec, half, 0)
            yield replace(example, known=of_reason(example.known, pair.kind, bool(there)))


@contextmanager
def _told_by_reason(kind: str, i: int, options: DrawOptions) -> Iterator[None]:
    """A pair that is not found is named by what the options name: numbers of scenes say nothing to anybody."""
    try:
        yield
    except BadInput as error:
        raise BadInput(
            f"pair {i + 1} of {options.pairs} of the reason {kind}: no moment of world seed {options.world_seed} has "
            "room for it; use another --world_seed, or fewer --pairs"
        ) from error


def _drive_spec(options: DrawOptions) -> RoadWorldSpec:
    return RoadWorldSpec(seed=options.world_seed, stride=options.stride, cameras=("FRONT",))


def _of_drive(spec: RoadWorldSpec, driven: Drive, painter: Painter, position: int) -> Example:
    return Example(
        _as_read(painter.paint(position, "FRONT"), spec.jpeg_quality),
        _shares(painter.paint_classes(position, "FRONT", _KINDS_SCALE)),
        *_labels_of_drive(driven, position),
    )


def _of_walk(spec: SidewalkSpec, walk: Walk, frame: int) -> Example:
    return Example(
        _as_read(walk.paint(frame), spec.jpeg_quality),
        _shares(walk.paint_classes(frame, _KINDS_SCALE)),
        *_labels_of_walk(walk, frame),
    )


def _labels_of_drive(driven: Drive, position: int) -> tuple[Known, Texts]:
    ahead = road_ahead(driven, position)
    return of_road_ahead(ahead), drive_texts(ahead, driven.future(position))


def _labels_of_walk(walk: Walk, frame: int) -> tuple[Known, Texts]:
    annotation = walk.annotation(frame)
    return of_annotation(annotation), walk_texts(annotation, walk.caption(frame))


def _as_read(picture: np.ndarray, quality: int) -> Tensor:
    """(3, S, S) uint8: through JPEG and the encoder's preprocessing, as extraction does it."""
    preprocess = Preprocessing(SIDE, (0.5,) * 3, (0.5,) * 3, "lanczos", "squash")
    decoded = picture_file.decode_at_least(jpeg.encode(picture, quality), "drawn", preprocess.side)
    return preprocess(*decoded)


def _shares(kinds: np.ndarray) -> np.ndarray:
    """(h, w) kinds -> (14, 14, K) uint8, the share of each kind in each patch, of 255."""
    each = torch.from_numpy(kinds == np.arange(len(SemanticClass))[:, None, None]).float() * 255
    shares = adaptive_avg_pool2d(each, PATCHES).round().to(torch.uint8)
    return shares.permute(1, 2, 0).contiguous().numpy()


def _write(file: Path, drawn: Iterator[Example] | tuple[Example, ...]) -> None:
    """Write one sequence; the file appears whole or not at all."""
    examples = list(drawn)
    columns = {
        "pixels": torch.stack([each.pixels for each in examples]),
        "kinds": torch.from_numpy(np.stack([each.kinds for each in examples])),
        "numbers": torch.from_numpy(np.stack([each.known[0] for each in examples])),
        "flags": torch.from_numpy(np.stack([each.known[1] for each in examples])),
    }
    write_safetensors(file, columns, metadata={"texts": json.dumps([each.texts for each in examples])})
