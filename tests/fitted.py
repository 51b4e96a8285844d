"""Runs that are trained by a call and not by a command."""

from dataclasses import is_dataclass
from pathlib import Path

from roadcue.command_line import parser_for
from roadcue.training.config import TrainConfig
from roadcue.training.heads.fitting import train
from roadcue.training.run_folder import RunFolder


def as_yaml(config):
    parser = parser_for(TrainConfig)
    namespace = parser.get_defaults()
    for name, value in vars(config).items():
        if is_dataclass(value):
            for option, setting in vars(value).items():
                namespace[f"{name}.{option}"] = setting
        else:
            namespace[name] = value
    namespace.pop("config", None)
    return parser.dump(namespace)


def fit(config):
    train(config, as_yaml(config))
    return RunFolder(Path(config.run_dir))
