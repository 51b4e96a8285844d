"""Names of everything in a run folder, decided here alone.

config.yaml        the resolved options; `train.py --config` reads it
run.json           what the run was: data, encoder, seed, versions, command
checkpoint/        last.safetensors, to go on from
model/             the trained heads (safetensors + JSON)
logs/              TensorBoard and CSV
metrics.json, report.html    written by eval.py

A sweep's folder has its runs' folders in it, each with output.txt, what the run had to say, and
sweep.json, sweep.csv        its results
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from roadcue.errors import BadInput
from roadcue.files import write_whole
from roadcue.training.checkpoints import LAST
from roadcue.training.config import TrainConfig

PROBE = "preprocessing_probe"
"""The part of an encoder's fingerprint that changes with a single level of a single pixel."""


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        """The folder need not exist yet."""
        self.path = path
        self.config, self.facts = path / "config.yaml", path / "run.json"
        self.checkpoint, self.model, self.logs = path / "checkpoint", path / "model", path / "logs"
        self.output = path / "output.txt"

    @property
    def last(self) -> Path:
        """The newest checkpoint."""
        return self.checkpoint / LAST

    @classmethod
    def for_training(cls, config: TrainConfig) -> "RunFolder":
        """The folder that `--run_dir` or the clock names; BadInput when a run is already there."""
        folder = cls(named_folder(config))
        if config.resume == "no" and (folder.last.exists() or folder.facts.exists()):
            raise BadInput(
                f"{folder.path}: there is a run here already; --resume auto goes on with it, or choose another"
            )
        return folder

    @classmethod
    def of(cls, path: str | Path) -> "RunFolder":
        """An existing run; BadInput when the folder holds none."""
        folder = cls(Path(path))
        if not folder.config.exists():
            near = sorted(str(config.parent) for config in Path(path).parent.glob("*/config.yaml"))
            hint = f"; runs beside it: {', '.join(near[:5])}" if near else ""
            raise BadInput(f"{path}: no run here (config.yaml is missing){hint}")
        return folder

    def write_facts(self, facts: dict[str, Any]) -> None:
        """Write run.json."""
        write_whole(self.facts, json.dumps(facts, indent=1) + "\n")

    def read_facts(self) -> dict[str, Any]:
        """Read run.json; BadInput when it is missing or damaged."""
        try:
            facts: dict[str, Any] = dict(json.loads(self.facts.read_text()))
            dict(facts["encoder_parts"])
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BadInput(f"{self.facts}: cannot be read ({error!r}); let train.py finish first") from error
        return facts


def named_folder(config: TrainConfig) -> Path:
    """The folder that `--run_dir` or the clock names."""
    kind = "sweep-" if config.sweep or config.seeds > 1 else ""
    name = f"{config.data}-{config.encoder}-{'+'.join(config.head_names)}-{kind}{datetime.now():%Y%m%d-%H%M%S}"
    return Path(config.run_dir) if config.run_dir else Path("runs") / name


def check_same_encoder(folder: RunFolder, now: Mapping[str, str]) -> None:
    """BadInput that names the part in which the encoder at hand differs from the one the heads were trained on."""
    trained = folder.read_facts()["encoder_parts"]
    for name in sorted({*trained, *now} - {PROBE}):  # a newer torch may round a pixel otherwise: no reason to refuse
        if trained.get(name) != now.get(name):
            raise BadInput(
                f"{folder.path}: its heads were trained on features with {name} = {trained.get(name)!r}; the encoder "
                f"at hand gives {now.get(name)!r}; put the checkpoint of the run back or train again"
            )
