"""Train a miniature: python -m training.pretrain_mini. The same command goes on where it was stopped."""

import dataclasses
import hashlib
import json
import logging
import sys
import time
from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything

from loaders.cache import cache_root
from loaders.errors import BadInput
from loaders.roadworld.kinds import Kind
from loaders.roadworld.sidewalk.spec import VIEW_VERSION
from loaders.roadworld.spec import WORLD_VERSION
from training.batches import TrainingSteps
from training.checkpoints import LAST, KeepLast, SafetensorsIO
from training.command_line import parse, run
from training.pretrain_mini.card import score, write_card
from training.pretrain_mini.config import FREE_TO_CHANGE, DrawOptions, PretrainConfig
from training.pretrain_mini.examples import Batch, Examples, draw_examples
from training.pretrain_mini.knowledge import FLAGS, NUMBERS
from training.pretrain_mini.miniature import make_miniature
from training.pretrain_mini.module import MiniatureModule
from training.pretrain_mini.objectives import Objectives

_SAY_EVERY = 20


def main(config: PretrainConfig) -> None:
    """Draw, train, score, write the checkpoint into `config.out`."""
    _check_same_options(Path(config.out), config)
    train, held_out = draw_examples(config, _drawn_folder(config), config.workers)
    print(f"{len(train)} drawn pictures to learn from, {len(held_out)} held out", flush=True)
    seed_everything(config.seed, verbose=False)
    steps = TrainingSteps(train, batch_size=config.batch_size, epochs=config.epochs, seed=config.seed)
    module = _module(config, train, len(steps))
    out = Path(config.out)
    _fit(module, steps, config, out)
    module.eval()
    checkpoint = out / config.model
    # In the numbers that are shipped, then scored.
    scores = score(module.to(torch.bfloat16).float(), held_out)
    module.miniature.save(checkpoint)
    write_card(checkpoint / "README.md", config, module.miniature, len(train), len(steps), scores)
    print(f"done: {checkpoint}")


def _check_same_options(out: Path, config: PretrainConfig) -> None:
    """BadInput when the folder holds a run with other options, which this one would go on with."""
    options = {name: value for name, value in vars(config).items() if name not in FREE_TO_CHANGE}
    file = out / "options.json"
    if (out / LAST).exists() and (before := json.loads(file.read_text())) != options:
        changed = [
            f"--{name} was {before.get(name)} and is {value}"
            for name, value in options.items()
            if before.get(name) != value
        ]
        raise BadInput(f"{out}: cannot go on with other options: {'; '.join(changed)}; use another --out")
    out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(options, indent=1) + "\n")


def _drawn_folder(config: PretrainConfig) -> Path:
    """Named after all that decides the pictures and what is told of them."""
    if config.drawn:
        return Path(config.drawn)
    options = {field.name: getattr(config, field.name) for field in dataclasses.fields(DrawOptions)}
    fixed = {name: value for name, value in options.items() if name not in ("drives", "walks")}
    fixed |= {"world": WORLD_VERSION, "view": VIEW_VERSION, "told": [*NUMBERS, *FLAGS]}
    digest = hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()
    return cache_root() / "pretrain_mini" / digest[:12]


def _module(config: PretrainConfig, train: Examples, steps: int) -> MiniatureModule:
    captions = [caption for of_file in train.captions for caption in of_file]
    miniature = make_miniature(config.model, captions)
    width = miniature.sizes["vision"]["hidden_size"]
    objectives = Objectives(width, len(Kind), len(NUMBERS), len(FLAGS), miniature.latents)
    mean, deviation = train.moments("numbers")
    objectives.number_mean, objectives.number_scale = mean, deviation.clamp(min=1e-3)
    objectives.flag_share = train.moments("flags")[0].clamp(0.005, 0.995)
    return MiniatureModule(miniature, objectives, config, steps)


def _fit(module: MiniatureModule, steps: TrainingSteps[Batch], config: PretrainConfig, out: Path) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    last = out / LAST
    trainer = Trainer(
        max_epochs=1,
        max_steps=len(steps),
        accelerator={"cpu": "cpu", "cuda": "gpu"}.get(config.device, "auto"),
        devices=1,
        precision="bf16-mixed" if config.precision == "bf16" else "32-true",
        gradient_clip_val=1.0,
        logger=False,
        callbacks=[KeepLast(out, config.checkpoint_every), _SayProgress()],
        plugins=[SafetensorsIO()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    try:
        trainer.fit(module, train_dataloaders=steps, ckpt_path=last if last.exists() else None)
    except SystemExit:  # how Lightning ends after Ctrl-C
        raise KeyboardInterrupt from None


class _SayProgress(Callback):
    """A line now and then: where the run is, the losses' running means, rate, ETA."""

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self._start, self._first = time.monotonic(), trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: object) -> None:
        step, steps = trainer.global_step, trainer.max_steps
        if step % _SAY_EVERY and step != steps:
            return
        rate = (step - self._first) / max(time.monotonic() - self._start, 1e-9)
        losses = "  ".join(f"{k.removeprefix('train/')} {v:.3f}" for k, v in trainer.callback_metrics.items())
        print(f"step {step}/{steps}  {losses}  ({rate:.2f} steps/s, ETA {(steps - step) / rate:.0f} s)", flush=True)


if __name__ == "__main__":
    parsed, _ = parse(PretrainConfig)
    sys.exit(run(main, parsed))
