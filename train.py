"""Train small heads on frozen features: `python train.py --encoder smol --head waypoint`."""

import sys

from training.command_line import parse, run
from training.config import TrainConfig


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code: 0, or 2 after an error that the message tells how to mend."""
    config, text = parse(TrainConfig, argv)
    if config.sweep or config.seeds > 1:
        from training.sweep import sweep  # here, so that --help need not wait for torch

        return run(sweep, config, text)
    from training.fitting import train

    return run(train, config, text)


if __name__ == "__main__":
    sys.exit(main())
