"""A training run from options to saved heads."""

import logging
import shlex
import sys
import time
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from roadcue.command_line import parse_file
from roadcue.errors import BadInput
from roadcue.files import write_whole, writing_into
from roadcue.heads import registry as heads
from roadcue.heads.head import Head
from roadcue.heads.multi_head import BLIND_SUFFIX, RoadModel
from roadcue.models.encoder import Encoder
from roadcue.models.pooling import FeaturePool, cells_stored, pool_tokens
from roadcue.training.build import build_run_encoder, device, open_split
from roadcue.training.checkpoints import GO_ON, KeepLast, SafetensorsIO
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import encoder_parts, stored_split
from roadcue.training.heads.batches import StoredSplit
from roadcue.training.heads.calibration_split import extent, keep_for_calibration
from roadcue.training.heads.module import FeatureData, HeadsModule
from roadcue.training.run_folder import RunFolder
from roadcue.training.weight_averaging import averaging

FREE_TO_CHANGE = ("run_dir", "resume", "workers", "encode_batch", "store_dir", "checkpoint_every")
"""Options that a resumed run may set anew: none of them changes a weight."""

VERSIONED = ("torch", "transformers", "lightning", "numpy", "simplejpeg")
"""Packages whose version is kept with a run."""


@dataclass(frozen=True)
class EncoderFacts:
    """What training needs to know of an encoder whose features are stored: small enough for another process."""

    width: int
    grid: tuple[int, int]
    description: str
    parts: dict[str, str]


@dataclass(frozen=True)
class Features:
    """What heads are trained, validated and calibrated on: opened and encoded once, for however many runs."""

    encoder: EncoderFacts
    train: StoredSplit
    val: StoredSplit
    calibration: StoredSplit | None = None
    """None where no head wants one."""


def train(config: TrainConfig, config_text: str) -> None:
    """Features, heads, baselines; everything ends up in the run folder. `config_text` is its YAML."""
    folder = RunFolder.for_training(config)
    if is_finished(folder, config):
        print(f"{folder.path} is finished; nothing left to train")
        return
    encoder = build_run_encoder(config)
    build_model(config, encoder)  # before the data are read: a wrong option is said at once
    features = read_features(config, encoder, folder.path)
    train_heads(config, config_text, folder, features, shlex.join(["python", *sys.argv]))
    print(f"done; compare it with the baselines: python eval.py --run {shlex.quote(str(folder.path))}")


def is_finished(folder: RunFolder, config: TrainConfig) -> bool:
    """Whether the run is there already; BadInput when it was begun with other options than `config`."""
    if folder.facts.exists() or folder.last.exists():
        _check_same_options(folder, config)
    return folder.facts.exists()


def read_features(config: TrainConfig, encoder: Encoder, folder: Path) -> Features:
    """Open both splits, say what they and the run's `folder` are, and encode what is not in the store yet."""
    data = open_split(config, "train"), open_split(config, "val")
    print(data[0].description, encoder.description, f"run folder: {folder}", sep="\n", flush=True)
    model = build_model(config, encoder)
    train, val = [_learnable(model, stored_split(split, encoder, config), config) for split in data]
    calibration = None
    if model.calibrated and config.calibration:
        train, calibration = keep_for_calibration(train, config.calibration)
        print(f"kept for calibration: {extent(calibration)}; trained on: {extent(train)}", flush=True)
    facts = EncoderFacts(encoder.width, encoder.grid, encoder.description, encoder_parts(encoder, config))
    return Features(facts, train, val, calibration)


def _learnable(model: RoadModel, split: StoredSplit, config: TrainConfig) -> StoredSplit:
    """The rows from which some head can learn; BadInput when there is none for one of the heads."""
    for name in config.head_names:
        if not len(model.with_targets(split, name)):
            raise BadInput(
                f"{split.dataset.name} {split.dataset.split}: no row has both features and "
                f"{heads.HEADS[name].needs}, which the {name} head needs; choose other data or heads (--data, "
                "--head), or part the data in another way (--split_by, --val_fraction)"
            )
    return model.with_targets(split)


def train_heads(config: TrainConfig, config_text: str, folder: RunFolder, features: Features, command: str) -> None:
    """Train on stored features, from the folder's checkpoint on if it has one; `command` is kept as the run's."""
    resuming = folder.last.exists()
    seed_everything(config.seed, verbose=False)
    model = build_model(config, features.encoder)
    with writing_into(folder.path, GO_ON):
        write_whole(folder.config, config_text)
        model.fit(features.train)
        seconds = fit_by_gradient(model, features.train, features.val, config, folder, resuming)
        model.cpu()
        if features.calibration is not None:
            model.calibrate(features.calibration)
        model.save_pretrained(folder.model)
        folder.write_facts({**_facts(config, features), "command": command, "seconds": round(seconds, 3)})


def build_model(config: TrainConfig, encoder: Encoder | EncoderFacts) -> RoadModel:
    """Every head, its twin that sees nothing, and its baselines, in the order of the results table."""
    cells = cells_stored(config.pooling, config.grid)
    if encoder.width:  # a pooling that does not fit this encoder is said before any picture is read
        pool_tokens(torch.zeros(1, *encoder.grid, 1), config.pooling, config.grid)
    pool = FeaturePool(config.pooling, config.picture_names, cells, encoder.width, config.missing_camera)
    named: dict[str, Head] = {}
    for name in config.head_names:
        settings = config.settings_of(name)
        named[name] = heads.build_head(name, settings, pool.vectors, encoder.width)
        if encoder.width:
            named[name + BLIND_SUFFIX] = heads.build_head(name, settings, 0, 0)
        named |= {other: heads.build_baseline(other, settings) for other in heads.HEADS[name].baselines}
    seeing = config.head_names if encoder.width else ()
    return RoadModel(pool, named, blind=[name for name in named if name not in seeing])


def fit_by_gradient(
    model: RoadModel, train: StoredSplit, val: StoredSplit, config: TrainConfig, folder: RunFolder, resuming: bool
) -> float:
    """Train `model` in place, with logs and checkpoints in `folder`; `resuming` goes on from the last of them.

    Returns the seconds that it took, those before a stop included.
    """
    seed_everything(config.seed, verbose=False)  # again: what came before may or may not have drawn numbers
    data = FeatureData(train, val, batch_size=config.batch_size, epochs=config.epochs, seed=config.seed)
    steps = len(data.steps)
    rows = f"{train.dataset.fingerprint} {len(train)}"
    module = HeadsModule(model, lr=config.lr, weight_decay=config.weight_decay, steps=steps, data=rows)
    io = SafetensorsIO()
    first_step = io.load_checkpoint(folder.last)["global_step"] if resuming else 0
    progress = SayProgress(data.steps.per_epoch)
    average = [averaging(config.ema)] if config.ema else []
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", ".*srun.*|.*LeafSpec.*")  # both are Lightning's own affairs
    trainer = Trainer(
        max_epochs=1,  # one pass over `data.steps`, which holds every epoch of the run
        max_steps=steps,
        val_check_interval=data.steps.per_epoch,
        check_val_every_n_epoch=None,
        accelerator="gpu" if device(config) == "cuda" else "cpu",
        devices=1,
        logger=[
            CSVLogger(folder.logs, name=None, version=f"from_step_{first_step}"),
            TensorBoardLogger(folder.logs, name=None, version=""),
        ],
        # The average first: a checkpoint holds the one that its step has made.
        callbacks=[*average, KeepLast(folder.checkpoint, config.checkpoint_every), progress],
        plugins=[io],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=min(20, data.steps.per_epoch),
    )
    try:
        trainer.fit(module, datamodule=data, ckpt_path=folder.last if resuming else None)
    except SystemExit:  # how Lightning ends after Ctrl-C
        raise KeyboardInterrupt from None
    for callback in average:  # Lightning leaves its end out where a run was stopped after the last step
        callback.on_train_end(trainer, module)
    return progress.seconds


class SayProgress(Callback):
    """One line per epoch: where the run is, how good, how fast, how long still."""

    def __init__(self, per_epoch: int) -> None:
        """`per_epoch` optimizer steps."""
        self.per_epoch = per_epoch
        self._start, self._seconds_before = time.monotonic(), 0.0

    @property
    def seconds(self) -> float:
        """How long the run has trained so far."""
        return self._seconds_before + time.monotonic() - self._start

    def state_dict(self) -> dict[str, float]:
        """The time, for a run that goes on."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Count from a saved time on."""
        self._seconds_before = state_dict["seconds"]

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Start the clock."""
        self._start, self._first_step = time.monotonic(), trainer.global_step

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Say it."""
        step, steps = trainer.global_step, trainer.max_steps
        rate = (step - self._first_step) / max(time.monotonic() - self._start, 1e-9)
        assert isinstance(module, HeadsModule)
        print(
            f"epoch {step // self.per_epoch}/{steps // self.per_epoch}  "
            f"val {module.headlines(trainer.callback_metrics)}  "
            f"({rate:.0f} steps/s, ETA {(steps - step) / max(rate, 1e-9):.0f} s)",
            flush=True,
        )


def _check_same_options(folder: RunFolder, config: TrainConfig) -> None:
    before = parse_file(TrainConfig, folder.config)
    changed = [
        f"--{name} was {getattr(before, name)!r} and is {getattr(config, name)!r}"
        for name in vars(config)
        if name not in FREE_TO_CHANGE and getattr(before, name) != getattr(config, name)
    ]
    if changed:
        raise BadInput(f"{folder.path}: cannot go on with other options: {'; '.join(changed)}; use another --run_dir")


def _facts(config: TrainConfig, features: Features) -> dict[str, Any]:
    train, val = features.train, features.val
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "data": {"train": train.dataset.description, "val": val.dataset.description},
        "rows": {"train": len(train), "val": len(val)},
        "calibration": extent(features.calibration) if features.calibration else None,
        "skipped": _skipped(train, val),
        "encoder": features.encoder.description,
        "encoder_parts": features.encoder.parts,
        "seed": config.seed,
        "versions": {name: version(name) for name in VERSIONED},
        "device": torch.cuda.get_device_name() if device(config) == "cuda" else "cpu",
    }


def _skipped(*splits: StoredSplit) -> int:
    """Records left out; the parts of one split by sequence share theirs, which count once."""
    records = {record for split in splits for record in split.dataset.skipped}
    return len(records) + sum(len(split.store.skipped) for split in splits if split.store)
