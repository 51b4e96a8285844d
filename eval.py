"""Score a run beside the baselines that see no image, or submit it: `python eval.py --run runs/...`."""

import sys

from roadcue.command_line import parse, run
from roadcue.evaluation.config import EvalConfig


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code: 0, or 2 after an error that the message tells how to mend."""
    config, _ = parse(EvalConfig, argv)
    if config.submission is not None:
        from roadcue.evaluation.submission import submit_run

        return run(submit_run, config)
    if config.predictions is not None:
        from roadcue.evaluation.texts import evaluate_predictions

        return run(evaluate_predictions, config)
    from roadcue.evaluation.run import evaluate_run

    return run(evaluate_run, config)


def script() -> None:
    """The command of an installed package."""
    sys.exit(main())


if __name__ == "__main__":
    script()
