"""Drawn pictures with all that is known of them, a safetensors file per sequence."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, TypedDict

import cv2
import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from roadcue.loaders import jpeg, picture_file
from roadcue.models.mini import PATCH, SIDE
from roadcue.models.preprocessing import Preprocessing
from roadcue.processes import in_processes
from roadcue.progress import ProgressLine
from roadcue.roadworld.camera import camera
from roadcue.roadworld.caption import caption
from roadcue.roadworld.drive import drive
from roadcue.roadworld.render import Painter
from roadcue.roadworld.road_ahead import road_ahead
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.spec import FIRST_NUMBER, RoadWorldSpec
from roadcue.training.miniatures.config import DrawOptions
from roadcue.training.miniatures.knowledge import of_annotation, of_road_ahead
from roadcue.weights import write_safetensors

PATCHES = SIDE // PATCH
_KINDS_SCALE = 0.25
_HELD_OUT = 50
"""Every 50th sequence is kept for validation."""


class Batch(TypedDict):
    """b pictures, 14 x 14 patches, K kinds, A numbers, B flags; NaN where a picture has no such label.

    `pixels` (b, 3, 224, 224) uint8, `kinds` (b, 14, 14, K) share of each patch, `numbers` (b, A), `flags` (b, B)
    in 0 to 1, and a caption for each.
    """

    pixels: Tensor
    kinds: Tensor
    numbers: Tensor
    flags: Tensor
    captions: list[str]


@dataclass(frozen=True)
class Examples:
    """Finished files of one split, read row by row; a row is (file, picture)."""

    files: tuple[Path, ...]

    @cached_property
    def _open(self) -> list[safe_open]:
        return [safe_open(path, framework="pt") for path in self.files]

    @cached_property
    def captions(self) -> list[list[str]]:
        """Of each file, of each picture."""
        return [json.loads(file.metadata()["captions"]) for file in self._open]

    @cached_property
    def _rows(self) -> list[tuple[int, int]]:
        return [(file, row) for file, captions in enumerate(self.captions) for row in range(len(captions))]

    def __len__(self) -> int:
        return len(self._rows)

    def moments(self, column: Literal["numbers", "flags"]) -> tuple[Tensor, Tensor]:
        """(A,) or (B,) mean and deviation of each label, where it is known."""
        labels = torch.cat([file.get_tensor(column) for file in self._open])
        mean = labels.nanmean(dim=0)
        return mean, (labels - mean).square().nanmean(dim=0).sqrt()

    def batch(self, positions: np.ndarray) -> Batch:
        """The pictures at (b,) positions."""
        rows = [self._rows[position] for position in positions]
        columns = {
            name: torch.stack([self._open[file].get_slice(name)[row] for file, row in rows])
            for name in ("pixels", "kinds", "numbers", "flags")
        }
        return Batch(
            pixels=columns["pixels"],
            kinds=columns["kinds"].float() / 255,
            numbers=columns["numbers"],
            flags=columns["flags"],
            captions=[self.captions[file][row] for file, row in rows],
        )


def draw_examples(options: DrawOptions, folder: Path, workers: int) -> tuple[Examples, Examples]:
    """Draw what is not yet in `folder`; returns the pictures to learn from and those held out."""
    folder.mkdir(parents=True, exist_ok=True)
    first = FIRST_NUMBER["pretrain"]
    jobs = [(options, first + i, folder / f"drive-{i:06d}.safetensors") for i in range(options.drives)]
    walks = [(options, first + i, folder / f"walk-{i:06d}.safetensors") for i in range(options.walks)]
    for name, function, work in (("drives", _draw_drive, jobs), ("walks", _draw_walk, walks)):
        missing = [job for job in work if not job[2].exists()]
        if missing:
            with ProgressLine(f"drawing {name}", len(work), name, done=len(work) - len(missing)) as advance:
                for _ in in_processes(function, missing, workers, start=_use_one_thread):
                    advance()
    files = [path for _, _, path in jobs + walks]
    held_out = files[::_HELD_OUT]
    return Examples(tuple(path for path in files if path not in set(held_out))), Examples(tuple(held_out))


def _use_one_thread() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _draw_drive(options: DrawOptions, number: int, file: Path) -> None:
    spec = RoadWorldSpec(seed=options.world_seed, stride=options.stride, cameras=("FRONT",))
    driven = drive(spec, number)
    painter = Painter(driven, {"FRONT": camera(spec, "FRONT")}, spec.exposure)
    pictures, kinds, known, captions = [], [], [], []
    for position in range(len(driven.steps)):
        ahead = road_ahead(driven, position)
        pictures.append(_as_read(painter.paint(position, "FRONT"), spec.jpeg_quality))
        kinds.append(_shares(painter.paint_classes(position, "FRONT", _KINDS_SCALE)))
        known.append(of_road_ahead(ahead))
        captions.append(caption(ahead))
    _write(file, pictures, kinds, known, captions)


def _draw_walk(options: DrawOptions, number: int, file: Path) -> None:
    spec = SidewalkSpec(seed=options.world_seed)
    walk, frames = Walk(spec, number), range(spec.frames)
    pictures = [_as_read(walk.paint(frame), spec.jpeg_quality) for frame in frames]
    kinds = [_shares(walk.paint_classes(frame, _KINDS_SCALE)) for frame in frames]
    known = [of_annotation(walk.annotation(frame)) for frame in frames]
    _write(file, pictures, kinds, known, [walk.caption(frame) for frame in frames])


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


def _write(
    file: Path,
    pictures: list[Tensor],
    kinds: list[np.ndarray],
    known: list[tuple[np.ndarray, np.ndarray]],
    captions: list[str],
) -> None:
    """Write one sequence; the file appears whole or not at all."""
    columns = {
        "pixels": torch.stack(pictures),
        "kinds": torch.from_numpy(np.stack(kinds)),
        "numbers": torch.from_numpy(np.stack([numbers for numbers, _ in known])),
        "flags": torch.from_numpy(np.stack([flags for _, flags in known])),
    }
    write_safetensors(file, columns, metadata={"captions": json.dumps(captions)})
