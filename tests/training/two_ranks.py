"""What two ranks do in tests/training/test_ranks.py, as a program that is started for each: two_ranks.py FOLDER."""

import json
import signal
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from drawn_configs import drawn_configs
from told_to_stop import told_to_stop

from roadcue.command_line import run
from roadcue.heads.field.config import FieldConfig
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.options_as_text import as_yaml
from roadcue.training.build import build_run_encoder
from roadcue.training.captions.config import CaptionOptions
from roadcue.training.captions.fine_tuning import train_captions
from roadcue.training.config import TrainConfig
from roadcue.training.heads.fitting import build_model, stored_splits, train
from roadcue.training.heads.module import HeadsModule
from roadcue.training.ranks import InTurns, Ranks, together
from roadcue.training.stage_two.config import LoraOptions

HEADS = {"waypoint": WaypointConfig(hidden=16, dropout=0.0, residual="none"), "field": FieldConfig(dropout=0.0)}
DROPOUT = {"waypoint": WaypointConfig(hidden=16, dropout=0.3, residual="none")}
UNEVEN: dict[str, Any] = {
    "head": "waypoint,field",
    "head_options": HEADS,
    "encoder": "smol",
    "batch_size": 19,
    "calibration": 0.0,
}
"""Of 96 rows, some of which lack labels: the last batch is of one row, so that the second rank has none."""
STOPPED_AT = 5


def configs(patch: pytest.MonkeyPatch, folder: Path) -> Callable[..., TrainConfig]:
    """As `drawn_configs`, of heads that draw no numbers in training unless they have dropout."""
    patch.setattr("roadcue.heads.trunk.HIDDEN_ROWS", 0.0)
    return drawn_configs(patch, folder)


def stopped_config(make: Callable[..., Any], folder: Path) -> Any:
    """A run that one rank is told to stop."""
    return make(encoder="none", head_options=DROPOUT, batch_size=19, run_dir=str(folder), resume="auto")


QUIET = {"caption": CaptionOptions(val_texts=0)}
ADAPTERS = {**QUIET, "lora": LoraOptions(rank=4, dropout=0.0, scope="both")}
CAPTIONS: dict[str, dict[str, Any]] = {
    "captions": {"encoder": "flamingo", "lr": 1e-4},
    "adapted": {"encoder": "flamingo", "lr": 1e-3, "stage": "lora", "head_options": ADAPTERS, "accumulate": 2},
    "nf4": {"encoder": "smol", "lr": 1e-3, "stage": "lora", "head_options": ADAPTERS, "quantize": "nf4"},
    "full": {"encoder": "flamingo", "lr": 1e-4, "stage": "full", "head_options": QUIET},
}
"""Of the last, CLIP's last norm learns nothing, as nothing reads it."""


def captions_config(data: Path, run_dir: Path, name: str) -> TrainConfig:
    """Seven pictures in threes: of the last the second rank has none."""
    place = {"data": "sensation", "data_dir": str(data), "run_dir": str(run_dir), "device": "cpu", "workers": 0}
    what = {"head": "caption", "precision": "fp32", "epochs": 1, "batch_size": 3, "warm_up": 0}
    return TrainConfig(**place, **what, **CAPTIONS[name])


def measured(make: Callable[..., Any]) -> dict[str, list[float]]:
    """What the metrics of fresh heads hold when the validation rows, in batches of 10, are seen: sums and counts."""
    config = make(**UNEVEN)
    encoder = build_run_encoder(config)
    torch.manual_seed(0)
    model = build_model(config, encoder)
    splits = stored_splits(config, encoder, model, Path(config.run_dir))
    model.fit(splits.train.batches())
    module = HeadsModule(model.eval(), lr=1e-3, weight_decay=0.0, steps=1)
    module.log = lambda *_, **__: None  # type: ignore[method-assign]
    module.ranks = ranks = Ranks.of_environment()
    whole = splits.val.batches(10)
    with torch.no_grad():
        for batch in InTurns(whole, ranks) if ranks.count > 1 else whole:
            module.validation_step(batch, 0)
    for metric in module.metrics.values():
        metric.compute()
    states = {
        f"{name} {key}": getattr(metric, key) for name, metric in module.metrics.items() for key in metric._defaults
    }
    return {name: state.double().flatten().tolist() for name, state in states.items()}


def write_late(config: Any, text: str) -> None:
    """What the first rank does when a training is over and the others have nothing left to do."""
    if Ranks.of_environment().first:
        time.sleep(0.5)
        config.late.touch()


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    ranks = Ranks.of_environment()
    with pytest.MonkeyPatch.context() as patch:
        make = configs(patch, folder)
        ranks.check(2, 1, "cpu")
        ranks.join("cpu")
        late = SimpleNamespace(devices=None, nodes=None, late=folder / "late")
        assert run(together, write_late, late, "", "cpu") == 0
        assert late.late.exists(), "srun would soon end the first rank when this one has left"
        config = make(**UNEVEN, run_dir=str(folder / "whole"))
        assert run(together, train, config, as_yaml(config), "cpu") == 0
        found = measured(make)
        for name in CAPTIONS:
            config = captions_config(folder / "sidewalk", folder / name, name)
            assert run(together, train_captions, config, as_yaml(config), "cpu") == 0
        config = stopped_config(make, folder / "uninterrupted")
        assert run(together, train, config, as_yaml(config), "cpu") == 0
        config = stopped_config(make, folder / "stopped")
        with told_to_stop(STOPPED_AT) if ranks.rank == 1 else nullcontext():
            assert run(together, train, config, as_yaml(config), "cpu") == 128 + signal.SIGTERM
        assert run(together, train, config, as_yaml(config), "cpu") == 0
    (folder / f"measured-{ranks.rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
