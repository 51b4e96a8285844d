"""A training run of heads, from options to saved heads."""

import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import seed_everything

from roadcue.errors import BadInput
from roadcue.files import writing_into
from roadcue.heads.head import Head
from roadcue.heads.multi_head import BLIND_SUFFIX, MultiHeadModel
from roadcue.heads.pool import FeaturePool
from roadcue.heads.registry import WAYPOINT, build_baselines, build_head
from roadcue.loaders.state_check import states_said
from roadcue.models.encoder import Encoder
from roadcue.models.pooling import cells_stored, pool_tokens
from roadcue.sentences import say, show
from roadcue.training.build import build_run_encoder, device, limit_said, open_split
from roadcue.training.camera_shares import cameras_said
from roadcue.training.checkpoints import GO_ON
from roadcue.training.config import TrainConfig
from roadcue.training.extraction import check_room_for, encoder_parts, stored_split
from roadcue.training.going_on import working_on
from roadcue.training.heads.batches import StoredSplit, labels_of
from roadcue.training.heads.covered_lens import covered_pictures
from roadcue.training.heads.holdout import extent, keep_for_calibration
from roadcue.training.heads.leaks import lone_rows, same_pictures
from roadcue.training.heads.leaving import leave_heads
from roadcue.training.heads.module import HeadsModule
from roadcue.training.heads.residual_choice import residual_choices
from roadcue.training.heads.splits import EncoderFacts, StoredSplits
from roadcue.training.learnt_from import of_model
from roadcue.training.optimizers import check_optimizer
from roadcue.training.ranks import Ranks
from roadcue.training.run_folder import (
    RunFolder,
    Spent,
    begun,
    check_same_data,
    check_same_encoder,
    named_elsewhere,
)
from roadcue.training.sample_pictures import write_samples
from roadcue.training.steps import TrainingSteps
from roadcue.training.trainer import check_logger, fit

_OF_WALKS = "; its pictures come without states, which states.jsonl can give those of a walk"
STATELESS = {
    "sensation": _OF_WALKS,
    "sidewalk": _OF_WALKS,
    "manifest": "; its lines have no past, which a path starts from, and no future; add both",
}
"""What is said of data sets that can come without states."""


def train(config: TrainConfig, config_text: str) -> None:
    """Features, heads, baselines; everything ends up in the run folder. `config_text` is its YAML."""
    check_logger(config.logger)
    check_optimizer(config.optimizer, device(config.device))
    folder, finished = begun(config)
    if finished:
        check_same_data(folder, lambda: data_now(config))
        if named_elsewhere(folder, config):
            check_same_encoder(folder, encoder_parts(build_run_encoder(config), config))
        show(f"{folder.path} is finished; nothing left to train")
        return
    encoder, ranks = build_run_encoder(config), Ranks.of_environment()
    model = build_model(config, encoder)  # before the data are read: a wrong option is said at once
    with ranks.first_goes_ahead():
        splits = stored_splits(config, encoder, model, folder.path)
    if encoder.width and ranks.first:
        with writing_into(folder.path, GO_ON):
            pictures = splits.train.dataset, splits.train.rows, config.camera_names
            write_samples(folder.samples, *pictures, encoder.preprocess, encoder.side)
    train_heads(config, config_text, folder, splits, shlex.join(["python", *sys.argv]))
    show(f"done; compare it with the baselines: python eval.py --run {shlex.quote(str(folder.path))}")


def data_now(config: TrainConfig) -> dict[str, str]:
    """What `StoredSplits.data` would be, without an encoder."""
    data = open_split(config, "train")
    heads = [build_head(name, config.head_options[name], 0, 0) for name in config.head_names]
    return StoredSplit.of(data, None, labels=labels_of(data, heads)).parts


def stored_splits(config: TrainConfig, encoder: Encoder, model: MultiHeadModel, folder: Path) -> StoredSplits:
    """Open both splits, say what they and the run's `folder` are, and encode what is not in the store yet."""
    data = open_split(config, "train"), open_split(config, "val")
    about = [
        limit_said(config),
        data[0].description,
        encoder.description,
        *(cameras_said(split, config) for split in data),
    ]
    about += [states_said(split) for split in data if WAYPOINT in config.head_names]
    say(*about)
    show(f"run folder: {folder}")
    labels = [labels_of(split, model.heads.values()) for split in data]
    calibrating = bool(model.calibrated and config.calibration)
    # Once without features, for what is refused alone: before pictures are encoded for nothing.
    bare = [StoredSplit.of(split, None, labels=known) for split, known in zip(data, labels, strict=True)]
    known_rows = [_learnable(model, split, config.head_names) for split in bare]
    not_learnt = {
        name: split.not_learnt_by(model, config.head_names)
        for name, split in zip(("train", "val"), bare, strict=True)
    }
    say(*map(_not_learnt_said, bare, not_learnt.values()))
    if calibrating:
        keep_for_calibration(known_rows[0], config.calibration)
    check_room_for(data, encoder, config)
    stored = [
        stored_split(split, encoder, config, frames_back=config.frames_back, labels=known)
        for split, known in zip(data, labels, strict=True)
    ]
    train, val = (_learnable(model, split, config.head_names) for split in stored)
    same = same_pictures(train, val)
    if same:
        show(f"warning: {same}", error=True)
    say(lone_rows(train))
    calibration = None
    if calibrating:
        train, calibration = keep_for_calibration(train, config.calibration)
        say(f"kept for calibration: {extent(calibration)}; trained on: {extent(train)}")
        kept = len(np.unique(calibration.sequence))
        say(*{head.lacks_sequences(kept) for head in model.heads.values()})
    facts = EncoderFacts(encoder.width, encoder.grid, encoder.description, encoder_parts(encoder, config))
    covered = covered_pictures(data[0], encoder, config)
    return StoredSplits(facts, train, val, bare[0].parts, not_learnt, same, calibration, covered)


def _not_learnt_said(split: StoredSplit, not_learnt: Mapping[str, int]) -> str:
    """The counts in words; "" where each head can learn from all rows."""
    lacking = ", ".join(f"{head} {count:,}" for head, count in not_learnt.items() if count)
    said = f"labels of {split.dataset.split}: rows without those of a head, which it does not learn from: {lacking}"
    return f"{said} of {len(split):,}" if lacking else ""


def _learnable(model: MultiHeadModel, split: StoredSplit, heads: Iterable[str]) -> StoredSplit:
    """The rows from which some head can learn; BadInput when there is none for one of the heads."""
    for name in heads:
        if not len(split.learnable(model, name)):
            stateless = name == WAYPOINT and not split.dataset.states.knows_past.any()
            states = STATELESS.get(split.dataset.name, "") if stateless else ""
            raise BadInput(
                f"{split.dataset.name} {split.dataset.split}: no row has both features and "
                f"{model.heads[name].needs}, which the {name} head needs; choose other data or heads (--data, "
                f"--head), or part the data in another way (--split_by, --val_fraction){states}"
            )
    return split.learnable(model)


def train_heads(config: TrainConfig, config_text: str, folder: RunFolder, splits: StoredSplits, command: str) -> None:
    """Train on stored features, from the folder's checkpoint on if it has one; `command` is kept as the run's."""
    ranks = Ranks.of_environment()
    resuming = ranks.agree(folder.last.exists())
    with working_on(folder):
        with ranks.first_goes_ahead():
            if ranks.first:
                folder.begin(config_text)
            pool, kept = (lambda: build_pool(config, splits.encoder)), resuming or not ranks.first
            choices = residual_choices(config, pool, splits.train, folder.residual, resuming=kept)
        seed_everything(config.seed, verbose=False)  # after the choice, which draws numbers of its own
        model = build_model(config, splits.encoder, {head: choice.options for head, choice in choices.items()})
        model.fit(splits.train.batches())
        for name, words in model.lacks_labels.items():
            say(f"{name} head: {words}")
        learnt_from = {**splits.train.parts, **of_model(splits.encoder.parts)}
        spent = fit_by_gradient(model, splits.train, splits.val, config, folder, resuming, learnt_from)
        if not ranks.first:
            return
        residual = {head: choice.to_json() for head, choice in choices.items()} or None
        leave_heads(model, config, folder, splits, command, spent, residual=residual)


def build_pool(config: TrainConfig, encoder: Encoder | EncoderFacts) -> FeaturePool:
    """What makes pooled vectors of the stored features of all cameras and earlier frames."""
    cells = cells_stored(config.pooling, config.grid)
    if encoder.width:  # a pooling that does not fit this encoder is said before any picture is read
        pool_tokens(torch.zeros(1, *encoder.grid, 1), config.pooling, config.grid)
    attention = config.pooling == "attention"
    return FeaturePool(config.picture_names, cells, encoder.width, attention=attention, missing=config.missing_camera)


def build_model(
    config: TrainConfig, encoder: Encoder | EncoderFacts, chosen: Mapping[str, Any] | None = None
) -> MultiHeadModel:
    """Every head, its twin that sees nothing, and its baselines, in the order of the results table.

    `chosen`: head or twin -> its options where they are not those of `config`.
    """
    pool, chosen = build_pool(config, encoder), chosen or {}
    named: dict[str, Head] = {}
    for name in config.head_names:
        options = config.head_options[name]
        named[name] = build_head(name, chosen.get(name, options), pool.vectors, encoder.width)
        if encoder.width:
            twin = name + BLIND_SUFFIX
            named[twin] = build_head(name, chosen.get(twin, options), 0, 0)
        named |= build_baselines(name, options)
    seeing = config.head_names if encoder.width else ()
    return MultiHeadModel(pool, named, blind=[name for name in named if name not in seeing])


def fit_by_gradient(
    model: MultiHeadModel,
    train: StoredSplit,
    val: StoredSplit,
    config: TrainConfig,
    folder: RunFolder,
    resuming: bool,
    learnt_from: Mapping[str, str] | None = None,
    *,
    look_first: bool = False,
) -> Spent:
    """Train `model` in place as `trainer.fit` does; returns what it took. `learnt_from` as in `TrainingModule`."""
    given = config.optimization
    steps = TrainingSteps(train, batch_size=given.batch_size, epochs=given.epochs, seed=config.seed)
    module = HeadsModule(
        model,
        lr=given.lr,
        weight_decay=given.weight_decay,
        steps=len(steps),
        warm_up=given.warm_up,
        learnt_from=learnt_from,
    )
    return fit(
        module,
        steps,
        folder,
        config,
        device=device(config.device),
        validation=val.batches(),
        resuming=resuming,
        ema=config.ema,
        logger=config.logger,
        optimizer=config.optimizer,
        look_first=look_first,
    )
