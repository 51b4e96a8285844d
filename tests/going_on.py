"""Runs of a stage two that are trained by a call and not by a command."""

from pathlib import Path

from roadcue.command_line import parse
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder
from roadcue.training.stage_two.run import train_stage_two


def go_on(earlier: RunFolder, run_dir: Path, *words: str) -> RunFolder:
    """The run that `--from` an earlier one has become, of one epoch unless told otherwise."""
    given = [] if "--epochs" in words else ["--epochs", "1"]
    config, text = parse(TrainConfig, ["--from", str(earlier.path), "--run_dir", str(run_dir), *given, *words])
    train_stage_two(config, text)
    return RunFolder(run_dir)
