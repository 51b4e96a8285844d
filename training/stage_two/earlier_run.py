"""The run that a stage two goes on from: what is taken over of it, and what may be other."""

from collections.abc import Sequence
from typing import Any

from roadcue.command_line import parse_file
from roadcue.config_file import read_options
from roadcue.errors import BadInput
from roadcue.options_as_text import flat
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import FREE_TO_CHANGE, RunFolder
from roadcue.training.stage_two.config import LORA, StageTwoOptions
from roadcue.training.whole_paths import whole_if_there

_ANEW = ("epochs", "batch_size", "lr", "warm_up", "weight_decay", "ema", "seeds", "sweep", "sweep_part")
"""Options that begin from their own defaults."""
_PLACES = ("device", "encode_batch", "store_dir", "data_dir", "image_root", "on_bad_record", "checkpoint")
_RUN_OF_ITS_OWN = {*FREE_TO_CHANGE, *StageTwoOptions.__dataclass_fields__, "compile", "dry_run", LORA} - {*_PLACES}
"""Options that say nothing of what is learnt from, or that the earlier run has not."""
_FREE = {*_ANEW, *_RUN_OF_ITS_OWN, *_PLACES, "seed", "precision"}
"""What may be other than in the earlier run. Data and weights that lie elsewhere are known by what they hold."""


def options_of_run(run: str, plugins: Sequence[str]) -> dict[str, Any]:
    """The options that are taken over from a run, as `config.yaml` has them; BadInput where it is no finished one."""
    given = read_options(earlier_run(run).config, TrainConfig, plugins)
    return {name: value for name, value in given.items() if name not in (*_ANEW, *_RUN_OF_ITS_OWN)}


def earlier_run(run: str) -> RunFolder:
    """The folder of a finished run; BadInput where there is none."""
    folder = RunFolder.of(run)
    if not folder.facts.exists() or not folder.model.exists():
        lacks = folder.facts if not folder.facts.exists() else folder.model
        raise BadInput(f"--from {run}: is no finished run ({lacks.name} is missing); let its train.py finish first")
    return folder


def taken_over(config: TrainConfig) -> tuple[RunFolder, TrainConfig]:
    """The earlier run and its options; BadInput where `config` has others, or that run is a stage two itself.

    And where it sees no picture, or `config` asks for what only features that are stored once can have.
    """
    assert config.from_run is not None
    if config.encoder == "none":
        raise BadInput(f"--from {config.from_run}: has no encoder, so there is no picture to learn from")
    if config.compile or config.dry_run:
        word = "--compile" if config.compile else "--dry_run"
        raise BadInput(
            f"{word} is of features that are stored once, and here pictures are encoded in every step; leave it out"
        )
    folder = earlier_run(config.from_run)
    earlier = parse_file(TrainConfig, folder.config, config.plugin)
    if earlier.stage != "heads" or earlier.from_run is not None:
        raise BadInput(
            f"--from {config.from_run}: is a stage two itself (--stage {earlier.stage}); go on from the run that it "
            f"began with, {earlier.from_run}"
        )
    before, now = flat(earlier), flat(config)
    free = set(_FREE)
    if config.captions:  # whose checkpoint is the earlier run's model, and whose dtype is that of what is frozen
        free = free - {"checkpoint"} | {"dtype"}
    others = [
        f"--{name} {now.get(name)}, and the run has {before.get(name)}"
        for name in sorted(before.keys() & now.keys())  # options of another head go with --head
        if name not in free
        and not name.startswith(f"{LORA}.")
        and whole_if_there(now.get(name)) != whole_if_there(before.get(name))
    ]
    if others:
        raise BadInput(
            f"--from {config.from_run}: cannot go on with other options: {'; '.join(others)}; leave them out, or "
            "train a run with them first"
        )
    return folder, earlier
