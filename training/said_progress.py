"""What a training says of itself while it lasts."""

import time

from lightning.pytorch import Callback, LightningModule, Trainer

from roadcue.sentences import say
from roadcue.training.module import TrainingModule

SAY_EVERY = 20
"""Optimizer steps between two lines of a training whose steps are slow."""


class SayProgress(Callback):
    """A line per epoch, and now and then: where the run is, how good, how fast, how long still."""

    def __init__(self, per_epoch: int, *, slow: bool = False) -> None:
        """`per_epoch` optimizer steps; `slow` says a line every few steps, too."""
        self.per_epoch, self.slow = per_epoch, slow
        self._start, self._seconds_before = time.monotonic(), 0.0
        self._first_step: int | None = None

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

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: object) -> None:
        """Say how the losses go, if steps are slow."""
        step, steps = trainer.global_step, trainer.max_steps
        if self.slow and (step % SAY_EVERY == 0 or step == steps):
            measured = trainer.callback_metrics
            losses = {name.removeprefix("train/"): measured[name] for name in measured if name.startswith("train/")}
            measured_losses = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
            say(f"step {step}/{steps}  {measured_losses}  {self._rate(trainer)}")

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Say what was measured."""
        epoch, epochs = trainer.global_step // self.per_epoch, trainer.max_steps // self.per_epoch
        assert isinstance(module, TrainingModule)
        headlines = module.headlines(trainer.callback_metrics)
        say(f"epoch {epoch}/{epochs}  val {headlines}  {self._rate(trainer)}")

    def _rate(self, trainer: Trainer) -> str:
        step, steps = trainer.global_step, trainer.max_steps
        if self._first_step is None or step == self._first_step:
            return "(as it was left)"
        rate = (step - self._first_step) / max(time.monotonic() - self._start, 1e-9)
        digits = 0 if rate >= 10 else 2
        return f"({rate:.{digits}f} steps/s, ETA {(steps - step) / max(rate, 1e-9):.0f} s)"
