"""Some training pictures as they enter the encoder: a wrong crop, or channels that are swapped, are seen at once."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from roadcue.errors import BadRecord
from roadcue.files import atomic_file
from roadcue.loaders import picture_file
from roadcue.loaders.dataset import RoadDataset
from roadcue.models.encoder import Preprocess

_ROWS = 8
_SIDE, _WORDS = 192, 360
"""Pixels: of a square that is shown, and the width of the words beside it."""
_LETTERS, _LINES = 70, 13
"""So many of the font fit there, into a line and below each other."""


def write_samples(
    file: Path, dataset: RoadDataset, rows: np.ndarray, cameras: Sequence[str], preprocess: Preprocess, side: int
) -> None:
    """Eight of the (n,) rows of a data set, evenly spread, a line each: the cameras, and beside them id and labels.

    `side`: pixels of the square that the encoder reads. A picture that cannot be read is left out, and there is no
    file where none can. OSError when it cannot be written.
    """
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, _ROWS).astype(int))].tolist()
    lines = [(row, [*_squares(dataset, row, cameras, preprocess, side)]) for row in chosen]
    lines = [line for line in lines if line[1]]
    if not lines:
        return
    width = _SIDE * max(len(squares) for _, squares in lines)
    sheet = Image.new("RGB", (width + _WORDS, _SIDE * len(lines)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, (row, squares) in enumerate(lines):
        labels = ", ".join(f"{name} {value}" for name, value in dataset.targets(row).fields.items())
        words = [str(dataset.states.id[row]), *wrap(labels, _LETTERS)][:_LINES]
        draw.text((width + 8, place * _SIDE + 4), "\n".join(words), "black")
        for column, square in enumerate(squares):
            sheet.paste(square, (column * _SIDE, place * _SIDE))
    with atomic_file(file) as partial:
        sheet.save(partial, "PNG")


def log_samples(file: Path, loggers: Iterable[Any]) -> None:
    """Show the sheet to the loggers that take pictures: TensorBoard, and Weights & Biases."""
    for logger in loggers:
        if hasattr(logger, "log_image"):
            logger.log_image("samples", [str(file)])
        elif hasattr(logger.experiment, "add_image"):
            logger.experiment.add_image("samples", np.asarray(Image.open(file)), dataformats="HWC")


def _squares(
    dataset: RoadDataset, row: int, cameras: Sequence[str], preprocess: Preprocess, side: int
) -> Iterator[Image.Image]:
    """A row's pictures as the encoder reads them, tile by tile."""
    for camera in cameras:
        try:
            encoded = dataset.image(row, camera) if camera in dataset.cameras_of(row) else None
            if encoded is None:
                continue
            pixels = preprocess(*picture_file.decode_at_least(encoded, dataset.where(row), side))
        except BadRecord:
            continue
        for tile in pixels.reshape(-1, *pixels.shape[-3:]).permute(0, 2, 3, 1).numpy():
            yield Image.fromarray(tile).resize((_SIDE, _SIDE))
