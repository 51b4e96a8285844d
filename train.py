"""Train small heads on frozen features, or a captioner: `python train.py --encoder smol --head waypoint`."""

import sys

from roadcue.command_line import parse, run
from roadcue.training.config import TrainConfig


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code: 0, or 2 after an error that the message tells how to mend."""
    config, text = parse(TrainConfig, argv)
    return run(_do, config, text)


def _do(config: TrainConfig, text: str) -> None:
    """Whatever is asked for, of which `text` is the YAML; imported here, so that --help need not wait for torch."""
    from roadcue.training.build import device
    from roadcue.training.ranks import together

    if config.from_run is not None and not config.captions and not config.sweeps:
        from roadcue.training.stage_two.run import train_stage_two

        together(train_stage_two, config, text, device(config.device))
    elif config.dry_run:
        from roadcue.training.dry_run import dry_run

        dry_run(config, ("train", "val"))
    elif config.captions and config.sweeps:
        from roadcue.evaluation.caption_sweep import sweep_captions

        sweep_captions(config, text)
    elif config.captions:
        from roadcue.training.captions.fine_tuning import train_captions

        together(train_captions, config, text, device(config.device))
    elif config.sweeps:
        from roadcue.training.sweep.sweep import sweep

        sweep(config, text)
    else:
        from roadcue.training.heads.fitting import train

        together(train, config, text, device(config.device))


def script() -> None:
    """The command of an installed package."""
    sys.exit(main())


if __name__ == "__main__":
    script()
