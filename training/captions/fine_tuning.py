"""Fine-tune the captioner that belongs to the encoder: `python train.py --encoder flamingo --head caption`.

What learns is the family's own choice (`models.captioner`); words of a text's free part are left out anew in every
epoch, so that the next one must come from the picture (document 000).
"""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from lightning.pytorch import seed_everything

from roadcue.heads.multi_head import DETECTOR
from roadcue.models.captioner import Captioner
from roadcue.sentences import say, show
from roadcue.training.build import device, device_name, limit_said, open_split
from roadcue.training.camera_shares import camera_shares, cameras_said
from roadcue.training.captions.adapted import (
    Start,
    check_same_checkpoint,
    save_learnt,
    start,
    starting_checkpoint,
    whole_checkpoint,
)
from roadcue.training.captions.clip_filter import filter_training
from roadcue.training.captions.config import CAPTION, CaptionOptions
from roadcue.training.captions.detector import learn_caption_detector
from roadcue.training.captions.example import example_said
from roadcue.training.captions.lessons import LessonPlan
from roadcue.training.captions.module import CaptionModule
from roadcue.training.captions.pictures import CaptionPictures, PictureRows, learnt_parts
from roadcue.training.config import TrainConfig
from roadcue.training.going_on import working_on
from roadcue.training.heads.past_frames import earlier_frames
from roadcue.training.learnt_from import LEARNT_ROWS, hash_of, of_model
from roadcue.training.optimizers import check_optimizer
from roadcue.training.ranks import Ranks
from roadcue.training.run_folder import (
    DATA_FINGERPRINT,
    RunFolder,
    Spent,
    begun,
    check_same_data,
    named_elsewhere,
    run_facts,
)
from roadcue.training.sample_pictures import write_samples
from roadcue.training.steps import InOrder, TrainingSteps
from roadcue.training.trainer import check_logger, fit


def train_captions(config: TrainConfig, config_text: str, command: str | None = None) -> None:
    """Fine-tune on the texts of the training pictures; what learnt ends up in the run folder's model/ or adapter/.

    `command` is kept as the run's, in the place of the one that was typed.
    """
    check_logger(config.logger)
    check_optimizer(config.optimizer, device(config.device))
    folder, finished = begun(config)
    options, ranks = caption_options(config), Ranks.of_environment()
    if finished:
        check_same_data(folder, lambda: learnt_parts(open_split(config, "train"), options))
        if named_elsewhere(folder, config):
            check_same_checkpoint(folder, start(config, options.gate_init).below, starting_checkpoint(config))
        show(f"{folder.path} is finished; nothing left to train")
        return
    begin = start(config, options.gate_init)
    captioner = begin.captioner
    with ranks.first_goes_ahead():
        chosen = [with_texts(config, captioner, options, split) for split in ("train", "val")]
        (train, bad), (val, bad_too) = (each.readable(config.on_bad_record) for each in chosen)
    if begin.earlier:
        check_same_data(begin.earlier, lambda: learnt_parts(train.dataset, options))
    train, filtered = filter_training(train, options.clip_filter, device(config.device))
    say(*_about(begin, train, val, config))
    show(f"run folder: {folder.path}")
    seed_everything(config.seed, verbose=False)
    plan = LessonPlan(train, captioner, options, config.seed)
    steps = _steps(plan, config)
    learnt = learnt_parts(train.dataset, options)
    module = _module(plan, val, config, steps, begin, learnt)
    with torch.no_grad():
        example = module.batch(plan.lessons(0, train.batch(np.array([plan.plain_place]))))
    show(example_said(captioner, example))
    resuming = ranks.agree(folder.last.exists())
    with working_on(folder):
        if ranks.first:
            folder.begin(config_text)
            pictures = train.dataset, train.rows, (train.camera,)
            write_samples(folder.samples, *pictures, train.preprocess, train.preprocess.least_side)
        spent = _fit(module, steps, folder, config, val, resuming) if config.optimization.epochs else Spent()
        if not ranks.first:
            return
        module.cpu()
        facts = {"skipped": len(bad) + len(bad_too), "clip_filter": filtered and asdict(filtered)}
        facts |= _facts(train, val, config, learnt)
        _leave(folder, begin, train, config, spent, command or shlex.join(["python", *sys.argv]), facts)
    show(f"done; score its texts: python eval.py --run {shlex.quote(str(folder.path))}")


def _about(begin: Start, train: CaptionPictures, val: CaptionPictures, config: TrainConfig) -> list[str]:
    """The first lines of a run."""
    about = [limit_said(config), train.dataset.description, begin.captioner.description]
    about += [begin.attached.said] if begin.attached else []
    about += [cameras_said(split.dataset, config) for split in (train, val)]
    return about + [said for split in (train, val) for said in (clips_said(split, config), answers_said(split))]


def _leave(
    folder: RunFolder,
    begin: Start,
    train: CaptionPictures,
    config: TrainConfig,
    spent: Spent,
    command: str,
    facts: Mapping[str, Any],
) -> None:
    """Write what the run has learnt, and last what it was."""
    save_learnt(begin, config, folder)
    seen = replace(config, checkpoint=whole_checkpoint(folder, config))  # as `finished_captioner` has its tower
    if (detector := learn_caption_detector(train, seen)) is not None:
        detector.save_pretrained(folder.model / DETECTOR)
    own: dict[str, Any] = {"captioner": begin.captioner.description, "encoder_parts": dict(begin.below)}
    own |= begin.stage_two
    folder.write_facts(run_facts(device_name(config.device), command, spent, **own, **facts))


def _steps(plan: LessonPlan, config: TrainConfig) -> TrainingSteps[PictureRows]:
    """The batches of all epochs, each of texts of like length."""
    return TrainingSteps(
        plan.pictures,
        batch_size=config.optimization.batch_size,
        epochs=config.optimization.epochs,
        seed=config.seed,
        ahead=config.workers,
        lengths=plan.lengths,
    )


def _fit(
    module: CaptionModule,
    steps: TrainingSteps[PictureRows],
    folder: RunFolder,
    config: TrainConfig,
    val: CaptionPictures,
    resuming: bool,
) -> Spent:
    """What the training took."""
    return fit(
        module,
        steps,
        folder,
        config,
        device=device(config.device),
        validation=InOrder(val, config.optimization.batch_size),
        resuming=resuming,
        clip=1.0,
        ema=config.ema,
        logger=config.logger,
        optimizer=config.optimizer,
        slow=True,
    )


def _module(
    plan: LessonPlan,
    val: CaptionPictures,
    config: TrainConfig,
    steps: TrainingSteps[PictureRows],
    begin: Start,
    learnt: Mapping[str, str],
) -> CaptionModule:
    given = config.optimization
    return CaptionModule(
        plan.captioner,
        plan,
        val,
        lr=given.lr,
        weight_decay=given.weight_decay,
        warm_up=given.warm_up,
        steps=len(steps),
        per_epoch=steps.per_epoch,
        val_texts=plan.options.val_texts,
        attached=begin.attached,
        opened=begin.opened,
        tower_lr=config.encoder_lr,
        parts=config.accumulate,
        learnt_from={**learnt, LEARNT_ROWS: hash_of(plan.pictures.rows), **of_model(begin.below, "captioner")},
    )


def _facts(
    train: CaptionPictures, val: CaptionPictures, config: TrainConfig, learnt: Mapping[str, str]
) -> dict[str, Any]:
    """What run.json says of the data."""
    splits = {"train": train, "val": val}
    return {
        "data": {name: split.dataset.description for name, split in splits.items()},
        DATA_FINGERPRINT: learnt,
        "rows": {name: len(split) for name, split in splits.items()},
        "texts": {name: asdict(split.counts) for name, split in splits.items()},
        "limit": config.limit,
        "cameras": {name: camera_shares(split.dataset, config) for name, split in splits.items()},
        "seed": config.seed,
    }


def caption_options(config: TrainConfig) -> CaptionOptions:
    """The captioner's options of a caption run."""
    options = config.head_options[CAPTION]
    assert isinstance(options, CaptionOptions)
    return options


def caption_pictures(
    reading: TrainConfig, captioner: Captioner, options: CaptionOptions, split: str
) -> tuple[CaptionPictures, list[str]]:
    """A split's pictures that can be read, with their texts, and what is wrong with the others."""
    return with_texts(reading, captioner, options, split).readable(reading.on_bad_record)


def with_texts(reading: TrainConfig, captioner: Captioner, options: CaptionOptions, split: str) -> CaptionPictures:
    """A split's pictures that have a text which can be learnt; no picture is read yet."""
    dataset = open_split(reading, split)
    camera = reading.camera_names[0]
    pictures = CaptionPictures.of(dataset, captioner.preprocess, options.target, camera, reading.frames_back)
    return pictures.fitting(captioner)


def clips_said(pictures: CaptionPictures, config: TrainConfig) -> str:
    """Which share of a split's rows has its earlier frames, and what stands in for them; "" of single pictures.

    BadInput where no row has one of them.
    """
    if not config.frames_back:
        return ""
    stands_in = "the first frame that is there stands in for those before it"
    return earlier_frames(pictures.dataset, config.frames_back, pictures.rows, config.frame_stride, stands_in)


def answers_said(pictures: CaptionPictures) -> str:
    """What has to be known of a split's texts; "" where all are learnt as they are."""
    said = pictures.counts.sentence
    return f"{pictures.target} texts of {pictures.dataset.split}: {said}" if said else ""
