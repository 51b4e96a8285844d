"""Score a run beside the baselines that see no image, or submit it: `python eval.py --run runs/...`."""

import sys
from dataclasses import replace

from roadcue.command_line import parse, run
from roadcue.errors import to_the_end
from roadcue.evaluation.config import EvalConfig


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code: 0, or 2 after an error that the message tells how to mend."""
    config, _ = parse(EvalConfig, argv)
    return run(_do, config)


def _do(config: EvalConfig) -> None:
    """Whatever is asked for, to the end, so that its files are written though nobody reads on; imported here, so that
    --help need not wait for torch.
    """
    with to_the_end():
        if config.submission is not None:
            from roadcue.evaluation.submission import submit_run

            submit_run(config)
        elif config.head is not None:
            from roadcue.evaluation.caption_rows import evaluate_caption_rows

            evaluate_caption_rows(config)
        elif config.predictions is not None and not config.run:
            from roadcue.evaluation.texts import evaluate_predictions

            evaluate_predictions(config)
        else:
            score(config)


def score(config: EvalConfig) -> None:
    """Score a run of heads, or of a captioner, or compare several, or one with a file of texts."""
    from roadcue.evaluation.captions import evaluate_captions
    from roadcue.evaluation.run import evaluate_run, run_options
    from roadcue.evaluation.run_comparison import compare_runs
    from roadcue.evaluation.seed_groups import run_paths
    from roadcue.training.run_folder import RunFolder

    first, *others = [path for named in (config.run, *config.against) for path in run_paths(named)]
    config = replace(config, run=first, against=others)
    if others or config.predictions is not None:
        compare_runs(config)
    elif run_options(RunFolder.of(first), config).captions:
        evaluate_captions(config)
    else:
        evaluate_run(config)


def script() -> None:
    """The command of an installed package."""
    sys.exit(main())


if __name__ == "__main__":
    script()
