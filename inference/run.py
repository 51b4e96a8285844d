"""Pictures in, answers out: what `predict.py` does with files and folders."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import torch

from roadcue.command_line import parse_file
from roadcue.errors import BadInput
from roadcue.files import resumable_lines, user_path, writing_into
from roadcue.inference.asked import Asked, Questions, questions
from roadcue.inference.config import PredictConfig
from roadcue.inference.drawings import check_one_film, drawings
from roadcue.inference.earlier_answers import check_nothing_replaced
from roadcue.inference.hub import run_folder
from roadcue.inference.logged_states import with_states
from roadcue.inference.pictures import picture_files
from roadcue.inference.predictor import RoadPredictor
from roadcue.inference.recalibration import recalibrate
from roadcue.inference.still_pictures import STILL, StillPictures
from roadcue.loaders.bad_records import faults_by_kind
from roadcue.loaders.poses import read_poses
from roadcue.progress import ProgressLine
from roadcue.sentences import counted, show
from roadcue.training.build import device
from roadcue.training.config import TrainConfig
from roadcue.training.run_checkpoint import elsewhere
from roadcue.training.run_folder import RunFolder

if TYPE_CHECKING:
    from roadcue.inference.captions import CaptionPredictor


def load(
    run: str | Path,
    device: str = "cpu",
    plugins: Sequence[str] = (),
    revision: str | None = None,
    compile: bool = False,
    checkpoint: str | Path | None = None,
) -> "RoadPredictor | CaptionPredictor":
    """The predictor of a finished run, here or on the model hub; BadInput or BadCheckpoint when it cannot be used."""
    _check_device(device)
    if not isinstance(run, str | Path) or not str(run):
        raise BadInput(f"{run!r}: is no run; give the path of a run folder, or the name of one on the hub, org/name")
    if isinstance(plugins, str) or not isinstance(plugins, Sequence):
        raise BadInput(f"plugins={plugins!r}: give a list of Python files, such as ['my_head.py']")
    folder = run_folder(run, revision)
    place = None if checkpoint is None else str(checkpoint)
    trained = elsewhere(parse_file(TrainConfig, folder.config, plugins), place)
    return _predictor(folder, trained, device, compile)


def _predictor(
    folder: RunFolder, config: TrainConfig, device: str, compile: bool
) -> "RoadPredictor | CaptionPredictor":
    if not config.captions:
        return RoadPredictor.of_run(folder, config, device, compile=compile)
    if compile:
        raise BadInput(f"{folder.path}: is a captioner, which is not compiled; leave --compile out")
    from roadcue.inference.captions import CaptionPredictor  # and with it all that writes text, which heads need not

    return CaptionPredictor.of_run(folder, config, device)


def _check_device(name: str) -> None:
    """BadInput for what is no device here, or one that computes nothing, as meta is."""
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError, TypeError) as error:  # the second, of a PyTorch without CUDA
        reason = str(error).split("\n")[0]
        raise BadInput(f"device {name!r} cannot be used here ({reason}); use device='cpu'") from error


def predict_pictures(config: PredictConfig) -> None:
    """One JSON line for each moment: `id`, the picture's path or the sample's, and each head's answer in words too.

    A picture of a film has a `time` in seconds. A picture that cannot be read is an `error` in its line, and the
    others go on; BadInput at the end counts them and the lines of manifests that could not be used, says where films
    break off or have holes, and comes at once for a run that can answer nothing of what is asked. A run is
    recalibrated first, where that is asked.
    """
    folder = run_folder(config.run)
    if config.recalibrate and not user_path(config.run).exists():
        raise BadInput(
            f"--recalibrate writes into the run, and {config.run} lies in the cache of the model hub; download it "
            f"into a folder, and name that: hf download {config.run} --local-dir FOLDER"
        )
    trained = elsewhere(parse_file(TrainConfig, folder.config, config.plugin), config.checkpoint)
    image_root = user_path(config.image_root) if config.image_root else None
    asked = questions(config.what, trained, image_root, config.every, config.frames)
    if config.video:
        check_one_film(asked)
    if config.states:
        asked = with_states(asked, read_poses(user_path(config.states)))
    check_nothing_replaced(config, _key(asked, folder))
    predictor = _predictor(folder, trained, device(config.device), config.compile)
    if asked:
        predictor.check_answerable(asked)
    if config.recalibrate:
        recalibrate(predictor, folder, picture_files([config.recalibrate]), config.batch)
    bad = 0
    if asked:
        bad = _write_answers(predictor, asked, config, trained.camera_names, _key(asked, folder))
        if config.out:
            show(f"{config.out}: {counted(len(asked), 'line')}")
    faults = [f"{bad} of {len(asked)} pictures could not be read; each says why in its line"] if bad else []
    if asked.left_out:
        faults += [f"lines that could not be used: {kind}" for kind in faults_by_kind(asked.left_out)]
    faults += asked.film_faults
    if faults:
        raise BadInput("; ".join(faults))


def _key(asked: Questions, folder: RunFolder) -> str:
    """Another one where another run, one that has been recalibrated since, or other pictures would be answered."""
    return hashlib.sha256(f"{asked.identity} {folder.identity}".encode()).hexdigest()[:16]


def _write_answers(
    predictor: "RoadPredictor | CaptionPredictor",
    asked: Questions,
    config: PredictConfig,
    cameras: Sequence[str],
    key: str,
) -> int:
    """Write a line for each moment that has none yet, and draw each; how many of all lines are errors."""
    bad, still = 0, StillPictures()
    with drawings(config, cameras) as draw, _lines(config.out, len(asked), key) as (out, advance, left):
        for first in range(0, len(asked), config.batch):
            several = [one.held() for one in asked[first : first + config.batch]]
            lines = [json.loads(line) for line in left[first : first + config.batch]]
            for place, (one, line) in enumerate(zip(several, lines, strict=False), first + 1):
                still.answered(one, line, last=place == len(left))
            if new := [replace(one, still_s=still.still_s(one)) for one in several[len(lines) :]]:
                for line in _answers(predictor, new):
                    out.write(json.dumps(line) + "\n")
                    lines.append(line)
            bad += sum("error" in line for line in lines)
            for place, (one, line) in enumerate(zip(several, lines, strict=True), first):
                if draw:
                    draw(place, one, line)
            if new:
                advance(len(new))
    still.say(len(asked))
    return bad


def _answers(predictor: "RoadPredictor | CaptionPredictor", asked: Sequence[Asked]) -> Iterator[dict[str, Any]]:
    """A line for each moment: all at once, or one by one where one of them is bad."""
    try:
        answers = predictor.answers(asked)
        yield from ({**_named(one), **answer} for one, answer in zip(asked, answers, strict=True))
    except BadInput as error:
        if len(asked) == 1:
            yield {**_named(asked[0]), "error": str(error)}
            return
        for one in asked:
            yield from _answers(predictor, [one])


def _named(one: Asked) -> dict[str, Any]:
    """How a line names its moment, and for how long a film has stood still then, if it has."""
    if one.time_s is None:
        return {"id": one.id}
    still = {STILL: round(one.still_s, 6)} if one.still_s else {}
    return {"id": one.id, "time": round(one.time_s, 6), **still}


@contextmanager
def _lines(out: str | None, total: int, key: str) -> Iterator[tuple[TextIO, Callable[[int], None], Sequence[str]]]:
    """Where the lines go, a file that appears whole or the terminal; what is told of the progress; and the lines that
    a stopped command has left there.
    """
    if out is None:  # a progress line among them would be none of them
        if sys.stdout is None:  # the shell's >&-
            raise BrokenPipeError
        yield sys.stdout, lambda done: None, ()
        return
    path = user_path(out)
    remedy = "free space there, or name another file with --out"
    with writing_into(path.parent, remedy), resumable_lines(path, key) as (file, left):
        if left:
            show(f"{path}: goes on behind {len(left):,} of {total:,} lines, which a stopped command has left")
        with ProgressLine("predicting", total - len(left), "pictures") as advance:
            yield file, advance, left
