"""A stage two of heads, from one run folder to another: heads go on learning, and their encoder learns with them.

`python train.py --stage lora --from runs/STAGE_ONE --lora.rank 16`
"""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from lightning.pytorch import seed_everything
from torch import nn

from roadcue.errors import BadInput
from roadcue.heads.multi_head import MultiHeadModel
from roadcue.models.adapters import Attached, save_adapter
from roadcue.models.checkpoint import public_name
from roadcue.models.encoder import Encoder
from roadcue.models.learning_encoder import (
    check_learns,
    checkpoint_blocks,
    learning,
    let_adapter_learn,
    let_tower_learn,
)
from roadcue.sentences import say, show
from roadcue.training.build import build_run_encoder, device, encoder_of_run
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import encoder_parts, extract, stored_split
from roadcue.training.going_on import working_on
from roadcue.training.heads.batches import encoding
from roadcue.training.heads.covered_lens import covered_pictures
from roadcue.training.heads.fitting import data_now, fit_by_gradient, stored_splits
from roadcue.training.heads.leaving import leave_heads
from roadcue.training.heads.splits import EncoderFacts, StoredSplits
from roadcue.training.learnt_from import differing, of_model
from roadcue.training.optimizers import check_optimizer
from roadcue.training.ranks import Ranks
from roadcue.training.run_folder import (
    RunFolder,
    Spent,
    begun,
    check_same_data,
    check_same_encoder,
    data_parts,
    named_elsewhere,
)
from roadcue.training.sample_pictures import write_samples
from roadcue.training.stage_two.augmentation import Augmentation
from roadcue.training.stage_two.earlier_run import taken_over
from roadcue.training.stage_two.module import PicturesModule
from roadcue.training.stage_two.pictures import PictureSplit
from roadcue.training.steps import InOrder, TrainingSteps
from roadcue.training.trainer import check_logger, fit
from roadcue.weights import digest


def train_stage_two(config: TrainConfig, config_text: str, command: str | None = None) -> None:
    """Heads of the run of `--from`, trained on with what the stage says; everything ends up in the run folder.

    `command` is kept as the run's, in the place of the one that was typed.
    """
    check_logger(config.logger)
    check_optimizer(config.optimizer, device(config.device))
    folder, finished = begun(config)
    earlier, _ = taken_over(config)
    if finished:
        check_same_data(folder, lambda: data_now(config))
        if named_elsewhere(folder, config):  # the encoder as it was before it learnt
            check_same_encoder(earlier, encoder_parts(build_run_encoder(config), config))
        show(f"{folder.path} is finished; nothing left to train")
        return
    encoder = build_run_encoder(config)
    if config.stage != "heads":  # before pictures are encoded for nothing
        check_learns(encoder, config.lora.settings if config.lora else None)
    check_same_encoder(earlier, encoder_parts(encoder, config))
    model = MultiHeadModel.from_pretrained(earlier.model)
    began = {"heads of the run of --from": digest(model.state_dict())}
    model.detector = None  # of pictures as the encoder has seen them so far
    ranks = Ranks.of_environment()
    with ranks.first_goes_ahead():
        splits = stored_splits(config, encoder, model, folder.path)
    _check_same_rows(earlier, splits, config)
    with working_on(folder):
        if ranks.first:
            folder.begin(config_text)
            pictures = splits.train.dataset, splits.train.rows, config.camera_names
            write_samples(folder.samples, *pictures, encoder.preprocess, encoder.side)
        seed_everything(config.seed, verbose=False)
        attached, learnt = _let_learn(encoder, config)
        learnt_from = {**splits.train.parts, **of_model(splits.encoder.parts), **began}
        module, spent = _fit(model, encoder, splits, config, folder, learnt_from)
        module.cpu()
        if config.stage != "heads":
            with ranks.first_goes_ahead():
                if ranks.first:
                    _save_encoder(encoder, attached, config, folder)
            encoder = encoder_of_run(folder, config)
            say(f"encoding again, as the encoder is now: {encoder.description}")
            if ranks.count > 1:
                _encode_in_parts(splits, encoder, config, ranks)
        if not ranks.first:
            return
        if config.stage != "heads":
            splits = _encoded_anew(splits, encoder, config)
        command = command or shlex.join(["python", *sys.argv])
        facts = {"residual": earlier.read_facts().get("residual"), "stage_two": {"stage": config.stage, **learnt}}
        leave_heads(model, config, folder, splits, command, spent, **facts)
    against = f"--against {shlex.quote(str(earlier.path))}"
    show(f"done; compare it with stage one: python eval.py --run {shlex.quote(str(folder.path))} {against}")


def _let_learn(encoder: Encoder, config: TrainConfig) -> tuple[Attached | None, Mapping[str, Any]]:
    """Let of the encoder learn what the stage says, and say so: the new adapter, and what run.json has of it."""
    if config.stage == "heads":
        say("the encoder stays as it is; its heads go on learning")
        return None, {"encoder_parameters": 0}
    learner = learning(encoder)
    attached = let_adapter_learn(learner, config.lora.settings) if config.lora else None
    count = sum(attached.parameters.values()) if attached else let_tower_learn(learner)
    if config.gradient_checkpointing:
        checkpoint_blocks(learner.tower)
    words = attached.said if attached else f"all {count:,} parameters of the vision tower"
    say(f"what learns besides the heads: {words}")
    return attached, {"encoder_learns": words, "encoder_parameters": count}


def _fit(
    model: MultiHeadModel,
    encoder: Encoder,
    splits: StoredSplits,
    config: TrainConfig,
    folder: RunFolder,
    learnt_from: Mapping[str, str],
) -> tuple[nn.Module, Spent]:
    """Train in place, on from the folder's checkpoint, as `trainer.fit` does; what has learnt, and what it took."""
    resuming = Ranks.of_environment().agree(folder.last.exists())
    if config.stage == "heads" and not config.augment:  # an encoder that stays as it is has filled the store
        stored = splits.train, splits.val
        return model, fit_by_gradient(model, *stored, config, folder, resuming, learnt_from, look_first=True)
    given, names = config.optimization, config.picture_names
    train, val = (PictureSplit.of(split, encoder, config.camera_names, names) for split in (splits.train, splits.val))
    of_epoch = None
    if config.augment:
        heads = encoding(model.heads.values())
        augmentation = Augmentation.of(config.augment, names, model.heads.values())
        of_epoch = partial(train.augmented, augmentation=augmentation, heads=heads, seed=config.seed)
    steps = TrainingSteps(
        train,
        batch_size=given.batch_size,
        epochs=given.epochs,
        seed=config.seed,
        ahead=config.workers,
        of_epoch=of_epoch,
    )
    module = PicturesModule(model, encoder, config, steps=len(steps), learnt_from=learnt_from)
    at_once = max(1, config.encode_batch // len(names))
    spent = fit(
        module,
        steps,
        folder,
        config,
        device=device(config.device),
        validation=InOrder(val, at_once, ahead=config.workers),
        resuming=resuming,
        ema=config.ema,
        logger=config.logger,
        optimizer=config.optimizer,
        slow=True,
        look_first=True,
    )
    return module, spent


def _save_encoder(encoder: Encoder, attached: Attached | None, config: TrainConfig, folder: RunFolder) -> None:
    learner = learning(encoder)
    if attached is not None:
        save_adapter(learner.tower, attached, folder.adapter, public_name(config.checkpoint, config.encoder))
    else:
        learner.save_tower(folder.encoder, config.checkpoint)


def _encode_in_parts(splits: StoredSplits, encoder: Encoder, config: TrainConfig, ranks: Ranks) -> None:
    """Every rank a part of the pictures; returns when all of them are in the store."""
    part = ranks.rank + 1, ranks.count
    for split in (splits.train, splits.val):
        extract(split.dataset, encoder, config, on_bad_record=config.on_bad_record, part=part)
    ranks.meet()


def _encoded_anew(splits: StoredSplits, encoder: Encoder, config: TrainConfig) -> StoredSplits:
    """The same rows with the features that the encoder gives now, out of a store of their own."""
    train, val = (
        stored_split(split.dataset, encoder, config, frames_back=config.frames_back, labels=split.labels)
        for split in (splits.train, splits.val)
    )
    kept = splits.calibration
    return replace(
        splits,
        encoder=EncoderFacts(encoder.width, encoder.grid, encoder.description, encoder_parts(encoder, config)),
        train=train.only(splits.train.rows),
        val=val.only(splits.val.rows),
        calibration=train.only(kept.rows) if kept else None,
        covered=covered_pictures(splits.train.dataset, encoder, config),
    )


def _check_same_rows(earlier: RunFolder, splits: StoredSplits, config: TrainConfig) -> None:
    """BadInput where the training rows are not those that the earlier run was trained on."""
    if (kept := data_parts(earlier)) and (others := differing(kept, splits.data)):
        raise BadInput(
            f"--from {config.from_run}: its training data have changed since: {others} are others; put them back, or "
            "train a stage one on them first"
        )
