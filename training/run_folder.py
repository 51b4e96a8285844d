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
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from roadcue.errors import BadInput
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


@contextmanager
def writing_into(folder: Path, remedy: str) -> Iterator[None]:
    """What cannot be written meanwhile, for want of room or of leave, becomes one BadInput with its place."""
    loud = threading.excepthook
    # TensorBoard writes in a thread, and raises in this one what went wrong there: once is enough.
    threading.excepthook = lambda failed: None if issubclass(failed.exc_type, OSError) else loud(failed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        reason = error.strerror or error
        raise BadInput(f"{error.filename or folder}: cannot be written ({reason}); {remedy}") from error
    except SafetensorError as error:  # all that safetensors says of a full disk
        raise BadInput(f"{folder}: cannot be written ({error}); {remedy}") from error
    finally:
        threading.excepthook = loud


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file that appears whole or not at all; an OSError names it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if isinstance(content, str):
            partial.write_text(content)
        else:
            partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        partial.unlink(missing_ok=True)


def check_same_encoder(folder: RunFolder, now: Mapping[str, str]) -> None:
    """BadInput that names the part in which the encoder at hand differs from the one the heads were trained on."""
    trained = folder.read_facts()["encoder_parts"]
    for name in sorted({*trained, *now} - {PROBE}):  # a newer torch may round a pixel otherwise: no reason to refuse
        if trained.get(name) != now.get(name):
            raise BadInput(
                f"{folder.path}: its heads were trained on features with {name} = {trained.get(name)!r}; the encoder "
                f"at hand gives {now.get(name)!r}; put the checkpoint of the run back or train again"
            )
