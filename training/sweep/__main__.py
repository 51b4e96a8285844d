"""The runs of a sweep, one name a line: `python -m roadcue.training.sweep --sweep lr=1e-3,3e-3 --seeds 2`."""

import sys

from roadcue.command_line import parse, run
from roadcue.sentences import show
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import named_folder
from roadcue.training.sweep.sweep import planned


def main(config: TrainConfig, config_text: str) -> None:
    """Nothing is read and nothing is trained; BadInput for a setting that does not fit."""
    runs = planned(config, config_text, named_folder(config.run_dir, config.run_name))
    show(*(each.name for each in runs))


if __name__ == "__main__":
    sys.exit(run(main, *parse(TrainConfig)))
