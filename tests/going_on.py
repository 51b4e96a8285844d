"""Runs of a stage two that are trained by a call and not by a command, and those that they go on from."""

from contextlib import contextmanager
from pathlib import Path

import pytest
from drawn_configs import drawn_configs
from fitted import fit
from tiny_smol import write_tiny_smol

from roadcue.command_line import parse
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder
from roadcue.training.stage_two.run import train_stage_two

LINEAR = {"waypoint": WaypointConfig(kind="linear", residual="none")}


@contextmanager
def earlier_runs(folder: Path):
    """A function that trains a stage one of other options beside a tiny tower, once for each name."""
    tower = write_tiny_smol(folder / "tower")
    trained: dict[str, RunFolder] = {}
    with pytest.MonkeyPatch.context() as patch:
        config = drawn_configs(patch, folder)

        def run(name: str = "plain", **options) -> RunFolder:
            if name not in trained:
                options = {"head": "waypoint,field", "head_options": LINEAR, "checkpoint": str(tower), **options}
                trained[name] = fit(config(run_dir=str(folder / name), **options))
            return trained[name]

        run.splits = config.splits
        yield run


def go_on(earlier: RunFolder, run_dir: Path, *words: str) -> RunFolder:
    """The run that `--from` an earlier one has become, of one epoch unless told otherwise."""
    given = [] if "--epochs" in words else ["--epochs", "1"]
    config, text = parse(TrainConfig, ["--from", str(earlier.path), "--run_dir", str(run_dir), *given, *words])
    train_stage_two(config, text)
    return RunFolder(run_dir)
