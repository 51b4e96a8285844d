"""What two ranks do in test_ranks_of_stage_two.py, as a program that is started for each."""

import sys
from contextlib import nullcontext
from pathlib import Path
from signal import SIGTERM

import pytest
import torch
from drawn_configs import drawn_configs
from told_to_stop import told_to_stop

from roadcue.command_line import parse, run
from roadcue.training.config import TrainConfig
from roadcue.training.ranks import Ranks, together
from roadcue.training.stage_two.run import train_stage_two

UNEVEN = ("--epochs", "1", "--batch_size", "19", "--checkpoint_every", "2", "--workers", "1")
"""Of 96 rows: the last batch is of one row, so that the second rank has none."""
SAME = {
    "lora": ("--stage", "lora", "--lora.dropout", "0", "--encoder_lr", "1", "--augment", "0.7", "--accumulate", "2",
             "--ema", "0.5", "--gradient_checkpointing"),
    "full": ("--stage", "full"),
}  # fmt: skip
DROPOUT = ("--stage", "lora", "--lora.dropout", "0.5", "--encoder_lr", "1", "--augment", "0.7")
STOPPED_AT = 4


def configured(earlier: Path, run_dir: Path, *words: str) -> tuple[TrainConfig, str]:
    """The stage two of these words, and its YAML."""
    return parse(TrainConfig, ["--from", str(earlier), "--run_dir", str(run_dir), "--device", "cpu", *UNEVEN, *words])


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    ranks = Ranks.of_environment()
    ranks.join("cpu")

    def go_on(name: str, *words: str) -> int:
        config, text = configured(folder / "one", folder / name, *words)
        return run(together, train_stage_two, config, text, "cpu")

    with pytest.MonkeyPatch.context() as patch:
        drawn_configs(patch, folder)
        for name, words in SAME.items():
            assert go_on(name, *words) == 0
        assert go_on("uninterrupted", *DROPOUT) == 0
        with told_to_stop(STOPPED_AT) if ranks.rank == 1 else nullcontext():
            assert go_on("stopped", *DROPOUT) == 128 + SIGTERM
        assert go_on("stopped", *DROPOUT, "--resume", "auto") == 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
