"""Pictures in, answers out: what `predict.py` does with files and folders."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import torch

from roadcue.command_line import parse_file
from roadcue.errors import BadInput
from roadcue.files import atomic_file, user_path, writing_into
from roadcue.inference.config import PredictConfig
from roadcue.inference.pictures import picture_files
from roadcue.inference.predictor import RoadPredictor
from roadcue.inference.recalibration import recalibrate
from roadcue.progress import ProgressLine
from roadcue.training.build import device
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder

if TYPE_CHECKING:
    from roadcue.inference.captions import CaptionPredictor


def load(run: str | Path, device: str = "cpu", plugins: Sequence[str] = ()) -> "RoadPredictor | CaptionPredictor":
    """The predictor of a finished run folder; BadInput or BadCheckpoint when it or its weights cannot be used."""
    _check_device(device)
    folder = RunFolder.of(run)
    config = parse_file(TrainConfig, folder.config, plugins)
    if not config.captions:
        return RoadPredictor.of_run(folder, config, device)
    from roadcue.inference.captions import CaptionPredictor  # and with it all that writes text, which heads need not

    return CaptionPredictor.of_run(folder, config, device)


def _check_device(name: str) -> None:
    """BadInput for what is no device here."""
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # the second, of a PyTorch without CUDA
        reason = str(error).split("\n")[0]
        raise BadInput(f"device {name!r} cannot be used here ({reason}); use device='cpu'") from error


def predict_pictures(config: PredictConfig) -> None:
    """One JSON line for each picture: `id`, its path as it was given, and each head's answer with a `sentence`.

    A picture that cannot be read is an `error` in its line, and the others go on; BadInput at the end counts them,
    and comes at once for a run to which pictures alone say too little. A run is recalibrated first, where that is
    asked.
    """
    pictures = picture_files(config.what) if config.what else []
    predictor = load(config.run, device(config.device), config.plugin)
    if pictures and isinstance(predictor, RoadPredictor):
        predictor.check_pictures_suffice()
    if config.recalibrate:
        recalibrate(predictor, RunFolder.of(config.run), picture_files([config.recalibrate]), config.batch)
    if not pictures:
        return
    bad = 0
    with _lines(config.out, len(pictures)) as (out, advance):
        for first in range(0, len(pictures), config.batch):
            for line in _answers(predictor, pictures[first : first + config.batch]):
                bad += "error" in line
                out.write(json.dumps(line) + "\n")
            advance(min(config.batch, len(pictures) - first))
    if bad:
        raise BadInput(f"{bad} of {len(pictures)} pictures could not be read; each says why in its line")


def _answers(predictor: "RoadPredictor | CaptionPredictor", pictures: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """A line for each picture: all at once, or one by one where one of them is bad."""
    try:
        answers = predictor.answers(pictures)
        yield from ({"id": str(path), **answer} for path, answer in zip(pictures, answers, strict=True))
    except BadInput as error:
        if len(pictures) == 1:
            yield {"id": str(pictures[0]), "error": str(error)}
            return
        for path in pictures:
            yield from _answers(predictor, [path])


@contextmanager
def _lines(out: str | None, total: int) -> Iterator[tuple[TextIO, Callable[[int], None]]]:
    """Where the lines go, a file that appears whole or the terminal, and what is told of the progress."""
    if out is None:  # a progress line among them would be none of them
        if sys.stdout is None:  # the shell's >&-
            raise BrokenPipeError
        yield sys.stdout, lambda done: None
        return
    path = user_path(out)
    remedy = "free space there, or name another file with --out"
    with writing_into(path.parent, remedy), atomic_file(path) as partial, open(partial, "w") as file:
        with ProgressLine("predicting", total, "pictures") as advance:
            yield file, advance
        file.flush()
