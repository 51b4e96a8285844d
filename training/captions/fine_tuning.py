"""Fine-tune the captioner that belongs to the encoder: `python train.py --encoder flamingo --head caption`.

What learns is the family's own choice (`models.captioner`); words of a text's free part are left out anew in every
epoch, so that the next one must come from the picture (document 000).
"""

import shlex
import sys

from lightning.pytorch import seed_everything

from roadcue.errors import BadInput
from roadcue.files import write_atomic, writing_into
from roadcue.heads.multi_head import DETECTOR
from roadcue.models.captioner import Captioner
from roadcue.models.registry import build_captioner
from roadcue.training.build import device, device_name, limit_said, open_split
from roadcue.training.camera_shares import camera_shares, cameras_said
from roadcue.training.captions.detector import learn_caption_detector
from roadcue.training.captions.module import CaptionModule
from roadcue.training.captions.pictures import CaptionPictures, fingerprint
from roadcue.training.checkpoints import GO_ON
from roadcue.training.config import CAPTION, CaptionOptions, TrainConfig
from roadcue.training.extraction_config import ExtractionOptions
from roadcue.training.run_folder import (
    DATA_FINGERPRINT,
    RunFolder,
    check_same_data,
    is_finished,
    named_folder,
    run_facts,
)
from roadcue.training.sample_pictures import write_samples
from roadcue.training.steps import InOrder, TrainingSteps
from roadcue.training.trainer import check_logger, fit

FREE_TO_CHANGE = ("run_dir", "resume", "workers", "checkpoint_every", "logger", "device", "plugin")
"""Options that a resumed run may set anew: none of them changes a weight."""


def train_captions(config: TrainConfig, config_text: str) -> None:
    """Fine-tune on the texts of the training pictures; the captioner ends up in the run folder's model/."""
    check_logger(config.logger)
    folder = RunFolder.for_training(named_folder(config.run_dir, config.run_name), config.resume)
    options = caption_options(config)
    if is_finished(folder, config, FREE_TO_CHANGE):
        check_same_data(folder, lambda: fingerprint(open_split(config, "train"), options.target))
        print(f"{folder.path} is finished; nothing left to train")
        return
    captioner = build_captioner(config.encoder, checkpoint=config.checkpoint, aspect=config.aspect)
    if options.gate_init is not None:
        set_gates(captioner, options.gate_init)
    (train, bad), (val, bad_too) = (caption_pictures(config, captioner, options, split) for split in ("train", "val"))
    about = [limit_said(config), train.dataset.description, captioner.description]
    about += [cameras_said(split.dataset, config) for split in (train, val)]
    print(*filter(None, about), f"run folder: {folder.path}", sep="\n", flush=True)
    given = config.optimization
    seed_everything(config.seed, verbose=False)
    steps = TrainingSteps(
        train, batch_size=given.batch_size, epochs=given.epochs, seed=config.seed, ahead=config.workers
    )
    module = CaptionModule(
        captioner,
        train,
        val,
        lr=given.lr,
        weight_decay=given.weight_decay,
        warm_up=given.warm_up,
        steps=len(steps),
        per_epoch=steps.per_epoch,
        text_dropout=options.text_dropout,
        seed=config.seed,
    )
    resuming = folder.last.exists()
    with writing_into(folder.path, GO_ON):
        write_atomic(folder.config, config_text)
        pictures = train.dataset, train.rows, (train.camera,)
        write_samples(folder.samples, *pictures, train.preprocess, train.preprocess.side)
        seconds = fit(
            module,
            steps,
            folder,
            config,
            device=device(config.device),
            validation=InOrder(val, given.batch_size),
            resuming=resuming,
            clip=1.0,
            ema=config.ema,
            logger=config.logger,
            slow=True,
        )
        module.cpu()
        captioner.save_pretrained(folder.model)
        if (detector := learn_caption_detector(train, config)) is not None:
            detector.save_pretrained(folder.model / DETECTOR)
        facts = {
            "data": {"train": train.dataset.description, "val": val.dataset.description},
            DATA_FINGERPRINT: fingerprint(train.dataset, options.target),
            "rows": {"train": len(train), "val": len(val)},
            "limit": config.limit,
            "cameras": {"train": camera_shares(train.dataset, config), "val": camera_shares(val.dataset, config)},
            "skipped": len(bad) + len(bad_too),
            "captioner": captioner.description,
            "encoder_parts": {},
            "seed": config.seed,
        }
        command = shlex.join(["python", *sys.argv])
        folder.write_facts(run_facts(device_name(config.device), command, seconds, **facts))
    print(f"done; score its texts: python eval.py --run {shlex.quote(str(folder.path))}")


def caption_options(config: TrainConfig) -> CaptionOptions:
    """The captioner's options of a caption run."""
    options = config.head_options[CAPTION]
    assert isinstance(options, CaptionOptions)
    return options


def set_gates(captioner: Captioner, value: float) -> None:
    """Start the gates of the cross-attention from `value`, before the tanh; BadInput for a model without gates."""
    set_them = getattr(captioner.model, "set_gates", None)
    if set_them is None:
        raise BadInput(f"--caption.gate_init: the captioner {captioner.name} has no gates; leave it out")
    set_them(value)


def caption_pictures(
    reading: ExtractionOptions, captioner: Captioner, options: CaptionOptions, split: str
) -> tuple[CaptionPictures, list[str]]:
    """A split's pictures that can be read, with their texts, and what is wrong with the others."""
    dataset = open_split(reading, split)
    pictures = CaptionPictures.of(dataset, captioner.preprocess, options.target, reading.camera_names[0])
    return pictures.readable(reading.on_bad_record)
