"""A training of so many optimizer steps that the same command goes on with where it was stopped."""

import json
import logging
import time
from collections.abc import Container
from pathlib import Path
from typing import Any, Literal, Protocol

from lightning.pytorch import Callback, LightningModule, Trainer

from roadcue.errors import BadInput
from roadcue.files import write_whole
from roadcue.training.checkpoints import LAST, KeepLast, SafetensorsIO
from roadcue.training.heads.batches import TrainingSteps

_SAY_EVERY = 20


class StepOptions(Protocol):
    """What such a training is told of how it runs."""

    @property
    def device(self) -> Literal["auto", "cpu", "cuda"]:
        """Where it trains."""
        ...

    @property
    def precision(self) -> Literal["bf16", "fp32"]:
        """Of products; weights are in fp32."""
        ...

    @property
    def checkpoint_every(self) -> int:
        """Optimizer steps between two checkpoints."""
        ...


def check_same_options(out: Path, config: Any, free_to_change: Container[str]) -> None:
    """BadInput when the folder holds a run with other options, which this one would go on with."""
    options = {name: value for name, value in vars(config).items() if name not in free_to_change}
    file = out / "options.json"
    if (out / LAST).exists() and (before := json.loads(file.read_text())) != options:
        changed = [
            f"--{name} was {before.get(name)} and is {value}"
            for name, value in options.items()
            if before.get(name) != value
        ]
        raise BadInput(f"{out}: cannot go on with other options: {'; '.join(changed)}; use another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(options, indent=1) + "\n")


def fit_by_steps(module: LightningModule, steps: TrainingSteps[Any], out: Path, options: StepOptions) -> None:
    """Train from the last checkpoint in `out`, if there is one, to the last step, saying now and then how it goes."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    last = out / LAST
    trainer = Trainer(
        max_epochs=1,
        max_steps=len(steps),
        accelerator={"cpu": "cpu", "cuda": "gpu"}.get(options.device, "auto"),
        devices=1,
        precision="bf16-mixed" if options.precision == "bf16" else "32-true",
        gradient_clip_val=1.0,
        logger=False,
        callbacks=[KeepLast(out, options.checkpoint_every), SayProgress()],
        plugins=[SafetensorsIO()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    try:
        trainer.fit(module, train_dataloaders=steps, ckpt_path=last if last.exists() else None)
    except SystemExit:  # how Lightning ends after Ctrl-C
        raise KeyboardInterrupt from None


class SayProgress(Callback):
    """A line now and then: where the run is, the losses' running means, rate, ETA."""

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Start the clock."""
        self._start, self._first = time.monotonic(), trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: object) -> None:
        """Say it."""
        step, steps = trainer.global_step, trainer.max_steps
        if step % _SAY_EVERY and step != steps:
            return
        rate = (step - self._first) / max(time.monotonic() - self._start, 1e-9)
        losses = "  ".join(f"{k.removeprefix('train/')} {v:.3f}" for k, v in trainer.callback_metrics.items())
        print(f"step {step}/{steps}  {losses}  ({rate:.2f} steps/s, ETA {(steps - step) / rate:.0f} s)", flush=True)
