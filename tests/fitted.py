"""Runs that are trained by a call and not by a command."""

from pathlib import Path

from roadcue.options_as_text import as_yaml
from roadcue.training.heads.fitting import train
from roadcue.training.run_folder import RunFolder


def fit(config):
    train(config, as_yaml(config))
    return RunFolder(Path(config.run_dir))
