"""Score a run beside the baselines that see no image: `python eval.py --run runs/...`."""

import sys

from training.command_line import parse, run
from training.config import EvalConfig


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code: 0, or 2 after an error that the message tells how to mend."""
    config, _ = parse(EvalConfig, argv)
    from training.evaluation import evaluate_run

    return run(evaluate_run, config)


if __name__ == "__main__":
    sys.exit(main())
