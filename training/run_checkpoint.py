"""The checkpoint that a run stands on, which is not in its folder: where it lies, and where it has been put since."""

from dataclasses import replace
from pathlib import Path

from roadcue.errors import BadCheckpoint, BadInput
from roadcue.files import user_path
from roadcue.training.captions.config import CAPTION
from roadcue.training.config import TrainConfig


def elsewhere(options: TrainConfig, checkpoint: str | None) -> TrainConfig:
    """A run's options with `checkpoint` in the place of the one that it was trained with; None leaves it.

    Whoever loads it refuses other weights. BadInput for a run that needs none: its weights are in its folder.
    """
    if checkpoint is None:
        return options
    within = "no encoder" if options.encoder == "none" else "all of its weights in its folder"
    if options.encoder == "none" or options.stage == "full" or (options.captions and options.lora is None):
        raise BadInput(f"--checkpoint {checkpoint}: this run has {within}; leave it out")
    if options.captions and options.from_run is not None:  # whose model its adapter stands on
        groups = {**options.head_options, CAPTION: replace(options.head_options[CAPTION], gate_init=None)}
        options = replace(options, from_run=None, head_options=groups)
    return replace(options, checkpoint=checkpoint)


def check_there(run: Path, checkpoint: str) -> None:
    """BadCheckpoint where a checkpoint that a run names by its folder is not there any more."""
    folder = user_path(checkpoint)
    if folder.is_absolute() and not folder.is_dir():
        raise BadCheckpoint(
            f"{run}: the checkpoint that it was trained with, {folder}, is not there any more; name the folder where "
            "it lies now with --checkpoint (checkpoint=... of roadcue.load)"
        )
