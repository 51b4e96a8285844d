"""Score a run beside the baselines that see no image, or submit it: `python eval.py --run runs/...`."""

import sys

from roadcue.command_line import parse, run
from roadcue.evaluation.config import EvalConfig


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code: 0, or 2 after an error that the message tells how to mend."""
    config, _ = parse(EvalConfig, argv)
    if config.submission is not None:
        from roadcue.evaluation.submission import submit_run  # here, so that --help need not wait for torch

        return run(submit_run, config)
    if config.head is not None:
        from roadcue.evaluation.caption_rows import evaluate_caption_rows

        return run(evaluate_caption_rows, config)
    if config.predictions is not None:
        from roadcue.evaluation.texts import evaluate_predictions

        return run(evaluate_predictions, config)
    if config.against:
        from roadcue.evaluation.run_comparison import compare_runs

        return run(compare_runs, config)
    return run(score, config)


def score(config: EvalConfig) -> None:
    """Score a run of heads, or of a captioner."""
    from roadcue.evaluation.captions import evaluate_captions
    from roadcue.evaluation.run import evaluate_run, run_options
    from roadcue.training.run_folder import RunFolder

    options = run_options(RunFolder.of(config.run), config)
    (evaluate_captions if options.captions else evaluate_run)(config)


def script() -> None:
    """The command of an installed package."""
    sys.exit(main())


if __name__ == "__main__":
    script()
