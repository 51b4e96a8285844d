"""The one trainer: the loop, logs, progress, checkpoints and stops that heads, captioners and miniatures share."""

import logging
import math
import signal
import time
import warnings
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NoReturn, Protocol

import torch
from lightning.fabric.plugins import CheckpointIO
from lightning.fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger, WandbLogger
from lightning.pytorch.strategies import DDPStrategy, Strategy

from roadcue.errors import BadInput
from roadcue.models.encoder import lacks_bf16
from roadcue.preemption import Stopped, asked, held, take_back
from roadcue.training.checkpoints import read_checkpoint, write_checkpoint
from roadcue.training.going_on import stopped
from roadcue.training.loss_scaling import ScaledLoss
from roadcue.training.module import TrainingModule
from roadcue.training.optimizers import check_optimizer
from roadcue.training.out_of_memory import memory_said
from roadcue.training.peak_memory import peak_bytes, reset_peak
from roadcue.training.ranks import InTurns, Ranks, shared
from roadcue.training.run_folder import RunFolder, Spent
from roadcue.training.said_progress import SAY_EVERY, SayProgress
from roadcue.training.sample_pictures import log_samples
from roadcue.training.stage_two.config import OptimizerName
from roadcue.training.steps import InOrder, TrainingSteps
from roadcue.training.weight_averaging import averaging

_OLDEST_S = 300.0
"""How old the last checkpoint may become in a training whose steps are slow."""
_SAVE, _STOP = 1, 2
"""What one rank wants at a step boundary; all do what one wants most."""


class TrainerOptions(Protocol):
    """How a training runs, of a configuration."""

    @property
    def seed(self) -> int:
        """Of initial weights, order and dropout."""
        ...

    @property
    def precision(self) -> Literal["bf16", "fp32"] | None:
        """Of products; weights are in fp32."""
        ...

    @property
    def checkpoint_every(self) -> int:
        """Optimizer steps between two checkpoints."""
        ...


def check_logger(logger: str | None) -> None:
    """BadInput, before anything is encoded, for a logger whose package is not installed."""
    if logger == "wandb" and find_spec("wandb") is None:
        raise BadInput("--logger wandb: the package wandb is not installed here; pip install wandb, or leave it out")


def fit(
    module: TrainingModule,
    steps: TrainingSteps[Any],
    folder: RunFolder,
    options: TrainerOptions,
    *,
    device: str,
    validation: InOrder[Any] | None = None,
    resuming: bool = False,
    clip: float | None = None,
    ema: float = 0.0,
    logger: Literal["wandb"] | None = None,
    slow: bool = False,
    optimizer: OptimizerName = "adamw",
    look_first: bool = False,
    stop: Callable[[], bool] = asked,
) -> Spent:
    """Train `module` in place, with logs and checkpoints in `folder`; `resuming` goes on from the last checkpoint.

    `validation` batches are measured after every epoch, and with `look_first` before the first step. `clip`: the
    largest norm of the gradient. `ema`: the decay of an average of the weights, 0 for none. `logger` is one more than
    those of every run. `slow` says a line every 20 steps. Several ranks share the rows of every step. At every step
    boundary, and between validation batches, `stop` is asked, which by default is whether a signal to stop has come;
    when it says yes to any rank, the run is saved as it was at the last boundary, and Stopped is raised on all. A
    validation that was stopped is done again, whole.
    """
    if options.precision == "bf16" and lacks_bf16(device):
        raise BadInput("--precision bf16: this GPU has no bf16; use --precision fp32")
    seed_everything(options.seed, verbose=False)  # what came before may or may not have drawn numbers
    first_step = read_checkpoint(folder.last)["global_step"] if resuming else 0
    progress = SayProgress(steps.per_epoch, slow=slow)
    average = [averaging(ema)] if ema else []
    check_optimizer(optimizer, device)
    module.optimizer = optimizer
    validated_every = steps.per_epoch if validation is not None else None
    keep = KeepLast(folder.last, options.checkpoint_every, validated_every, stop)
    module.ranks = ranks = Ranks.of_environment()
    if ranks.count > 1 and not module.shares:
        raise BadInput(f"{ranks.count} processes: this training takes one; start it without srun or torchrun")
    ranks.join(device)
    taken: Iterable[Any] | None = validation
    if ranks.count > 1:
        steps.make = shared(steps.make, ranks)
        taken = None if validation is None else InTurns(validation, ranks)
    wanted = logger == "wandb" and ranks.first
    also = [WandbLogger(folder.path.name, folder.logs, project="roadcue")] if wanted else []
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    its_own_affairs = (
        "srun|LeafSpec|sync_dist=True|broadcast_buffers|find_unused|lr_scheduler|in eval mode at the start"
    )
    warnings.filterwarnings("ignore", f".*({its_own_affairs}).*")
    trainer = Trainer(
        max_epochs=1,  # one pass over `steps`, which holds every epoch of the run
        max_steps=len(steps),
        val_check_interval=validated_every,
        check_val_every_n_epoch=None if validation is not None else 1,
        accelerator="cpu" if device == "cpu" else "gpu",
        devices=ranks.count // ranks.nodes if (numbered := torch.device(device).index) is None else [numbered],
        num_nodes=ranks.nodes,
        strategy=_strategy(ranks, module),
        use_distributed_sampler=False,
        precision=None if module.through_fp16 else "bf16-mixed" if options.precision == "bf16" else "32-true",
        gradient_clip_val=clip,
        logger=[
            CSVLogger(folder.logs, name=None, version=f"from_step_{first_step}"),
            TensorBoardLogger(folder.logs, name=None, version=""),
            *also,
        ],
        # The average first: a checkpoint holds the one that its step has made.
        callbacks=[*average, progress, keep],
        # Not Slurm's, which would save in a signal's handler.
        plugins=[
            SafetensorsIO(),
            TorchElasticEnvironment() if ranks.count > 1 else LightningEnvironment(),
            *([ScaledLoss(device, coarse=options.precision == "bf16")] if module.through_fp16 else []),
        ],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        inference_mode=not look_first,  # what was made in that mode could not be used in training
        log_every_n_steps=1 if slow else min(SAY_EVERY, steps.per_epoch),
    )
    if folder.samples.exists() and not resuming:
        log_samples(folder.samples, trainer.loggers)
    reset_peak(device)
    try:
        with memory_said(options, device), held():
            if look_first and not resuming:
                trainer.validate(module, taken, verbose=False)
            trainer.fit(module, steps, taken, ckpt_path=folder.last if resuming else None)
            if first_step == len(steps) and taken is not None:  # where it was stopped in its last validation
                trainer.validate(module, taken, verbose=False)
    except SystemExit:  # how Lightning ends after Ctrl-C
        if keep.stopped:
            raise Stopped(stopped(folder), requeues=ranks.first) from None
        raise KeyboardInterrupt(stopped(folder)) from None
    finally:
        for one in also:  # or the next run of a sweep would go on in this one's
            one.experiment.finish()
    for callback in average:  # Lightning leaves its end out where a run was stopped after the last step
        callback.on_train_end(trainer, module)
    return Spent(progress.seconds, len(steps), module.trainable, peak_bytes(device), tuple(module.went_on))


def _strategy(ranks: Ranks, module: TrainingModule) -> Strategy | str:
    """Statistics of heads are buffers that every rank has found for itself, and no rank waits for others' to come."""
    if ranks.count == 1:
        return "auto"
    return DDPStrategy(broadcast_buffers=False, find_unused_parameters=module.has_idle)


class SafetensorsIO(CheckpointIO):
    """Lets Lightning save and load its state without a pickle; a file appears whole or not at all."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint; BadInput when the disk is full: the old file stays."""
        write_checkpoint(Path(path), checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint; BadInput when the file is damaged."""
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint if it is there."""
        Path(path).unlink(missing_ok=True)


class KeepLast(Callback):
    """Writes the last checkpoint: every n optimizer steps, at the end, and when the run is asked to stop.

    Also before every validation, which may take long; and, lest a run whose nodes are taken again and again never
    comes further, after the first step of each start and where the last checkpoint is five minutes old.
    """

    def __init__(self, path: Path, every: int, validated_every: int | None, stop: Callable[[], bool]) -> None:
        """`path` of the checkpoint; `every` and `validated_every` n steps; `stop` is asked on every rank."""
        self.path, self.every, self.validated_every, self.stop = path, every, validated_every, stop
        self.stopped = False
        """Whether the run has ended because `stop` said so."""
        self._saved_at = -math.inf

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Validate first where the checkpoint is of just before a validation, which Lightning leaves out."""
        take_back(signal.SIGTERM)  # Lightning's handler talks to other ranks while they are at work
        if trainer.global_step and self._validates_at(trainer.global_step):
            trainer.validating = True
            trainer.fit_loop.epoch_loop.val_loop.run()
            trainer.training = True

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        """Save at a step boundary only, so that a resumed run is bit-equal to one that never stopped."""
        step, old = trainer.global_step, time.monotonic() - self._saved_at > _OLDEST_S
        wish = _STOP if self.stop() else _SAVE if old else 0
        if trainer.world_size > 1:  # one rank would wait for its GPU for nothing
            wish = int(trainer.strategy.reduce(torch.tensor(wish, device=module.device), reduce_op="max"))
        if wish or step % self.every == 0 or step == trainer.max_steps or self._validates_at(step):
            trainer.save_checkpoint(self.path)
            self._saved_at = time.monotonic()
        if wish == _STOP and step < trainer.max_steps:
            self._leave()

    def on_validation_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        """Go between two batches: the checkpoint of before the first is there."""
        if trainer.strategy.reduce_boolean_decision(self.stop(), all=False):
            self._leave()

    def _validates_at(self, step: int) -> bool:
        return self.validated_every is not None and step % self.validated_every == 0

    def _leave(self) -> NoReturn:
        self.stopped = True
        raise KeyboardInterrupt
