"""Predict with a finished run: `python predict.py --run RUN PICTURE_FOLDER_FILM_OR_MANIFEST ... [--out LINES]`."""

import sys

from roadcue.command_line import parse, run
from roadcue.inference.config import PredictConfig


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code: 0, or 2 after an error that the message tells how to mend."""
    config, _ = parse(PredictConfig, argv)
    from roadcue.inference.run import predict_pictures  # here, so that --help need not wait for torch

    return run(predict_pictures, config)


def script() -> None:
    """The command of an installed package."""
    sys.exit(main())


if __name__ == "__main__":
    script()
