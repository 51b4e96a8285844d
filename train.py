"""Train small heads on frozen features, or a captioner: `python train.py --encoder smol --head waypoint`."""

import sys

from roadcue.command_line import parse, run
from roadcue.training.config import TrainConfig


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code: 0, or 2 after an error that the message tells how to mend."""
    config, text = parse(TrainConfig, argv)
    if config.dry_run:
        from roadcue.training.dry_run import dry_run  # here, so that --help need not wait for torch

        return run(dry_run, config, ("train", "val"))
    if config.captions:
        from roadcue.training.captions.fine_tuning import train_captions

        return run(train_captions, config, text)
    if config.sweep or config.seeds > 1:
        from roadcue.training.sweep.sweep import sweep

        return run(sweep, config, text)
    from roadcue.training.heads.fitting import train

    return run(train, config, text)


def script() -> None:
    """The command of an installed package."""
    sys.exit(main())


if __name__ == "__main__":
    script()
