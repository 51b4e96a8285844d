"""Drawings of the answers: a picture of each moment in a folder (`--overlay`), or a film of them (`--video`)."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg

from roadcue.errors import BadInput
from roadcue.files import user_path, write_atomic, writing_into
from roadcue.inference.asked import Asked, Questions
from roadcue.inference.config import PredictConfig
from roadcue.inference.pictures import pixels_of
from roadcue.loaders.picture_file import SUFFIXES
from roadcue.plausible import camera_misfit
from roadcue.reports.film_writer import written_film
from roadcue.reports.overlay import overlay
from roadcue.sentences import show

DRAWING = r"\d{6}-.*\.jpg"
"""The name of one in a folder."""
Draw = Callable[[int, Asked, Mapping[str, Any]], None]
"""Takes a moment's number, the moment, and its line; draws nothing of one that has no answer or no picture."""


@contextmanager
def drawings(config: PredictConfig, cameras: Sequence[str]) -> Iterator[Draw | None]:
    """What draws a moment and its answer, in the first of the `cameras` that it has; None where none is wanted."""
    places: list[Callable[[int, Asked, np.ndarray], None]] = []
    said: set[str] = set()
    with ExitStack() as stack:
        if config.overlay:
            folder = user_path(config.overlay)
            stack.enter_context(writing_into(folder, "free space there, or name another folder with --overlay"))
            places.append(lambda number, one, drawing: _write(folder, number, one, drawing))
        if config.video:
            path = user_path(config.video)
            stack.enter_context(writing_into(path.parent, "free space there, or name another file with --video"))
            film = stack.enter_context(written_film(path))
            places.append(lambda number, one, drawing: film(drawing, one.time_s or 0.0))

        def draw(number: int, one: Asked, line: Mapping[str, Any]) -> None:
            there = set(one.images)
            seen = [camera for camera in cameras if camera in there]
            if "error" in line or not seen:
                return
            answers = {name: answer for name, answer in line.items() if isinstance(answer, Mapping)}
            image, calibration = pixels_of(one.images[seen[0]]), one.calibrations.get(seen[0])
            fault = camera_misfit(calibration, image.shape[1], image.shape[0]) if calibration else ""
            if fault and fault not in said:
                said.add(fault)
                warned = f"warning: {one.id}: camera {seen[0]}: {fault}; its paths are drawn from above"
                show(warned, error=True)
            drawing = overlay(image, answers, Path(one.id).name, one.past, calibration)
            for place in places:
                place(number, one, drawing)

        yield draw if places else None


def _write(folder: Path, number: int, one: Asked, drawing: np.ndarray) -> None:
    """A JPEG whose name begins with the number of its line, and goes on with the moment's."""
    named = Path(one.id)
    name = re.sub(r"[^\w.=-]+", "-", named.stem if named.suffix.lower() in SUFFIXES else named.name)[-100:]
    jpeg = simplejpeg.encode_jpeg(drawing, quality=88, colorspace="RGB", colorsubsampling="444")
    write_atomic(folder / f"{number + 1:06}-{name}.jpg", jpeg)


def check_one_film(asked: Questions) -> None:
    """BadInput unless one film alone is asked about, which is what `--video` can write."""
    films = {one.file for one in asked if one.time_s is not None}
    if len(films) != 1 or any(one.time_s is None for one in asked):
        what = f"{len(films)} films" if len(films) != 1 else "a film and other pictures"
        raise BadInput(f"--video writes one film, and {what} were named; name one alone, or take --overlay")
