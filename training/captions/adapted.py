"""Captioners in stage two: the checkpoint that adapters stand on, what is attached to it or learns besides, and what
a run has left.

A run with --stage lora keeps its adapter alone. The checkpoint below it is that of the run of --from, or of
--checkpoint; it has to be there whenever the run is used, and it has to be the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from lightning.pytorch import seed_everything
from torch import nn

from roadcue.errors import BadInput
from roadcue.models.adapters import Attached, adapter_parameters, attach_lora, load_adapter, save_adapter
from roadcue.models.captioner import Captioner
from roadcue.models.checkpoint import public_name
from roadcue.models.learning_encoder import checkpoint_blocks
from roadcue.models.registry import build_captioner
from roadcue.models.visual_parts import fingerprint
from roadcue.training.build import device
from roadcue.training.captions.detector import CaptionDetector
from roadcue.training.config import TrainConfig
from roadcue.training.run_checkpoint import check_there
from roadcue.training.run_folder import RunFolder
from roadcue.training.stage_two.earlier_run import taken_over


def whole_checkpoint(folder: RunFolder, config: TrainConfig) -> str:
    """Where the whole weights lie that a caption run has learnt, or that its adapter stands on."""
    return starting_checkpoint(config) if config.lora else str(folder.model)


def starting_checkpoint(config: TrainConfig) -> str:
    """What a caption run begins with: the model of the run of --from, or its checkpoint."""
    return str(RunFolder.of(config.from_run).model) if config.from_run else config.checkpoint


class Start(NamedTuple):
    """What a caption run begins with: an adapter, if one learns, and every part that decides what it is before."""

    captioner: Captioner
    attached: Attached | None
    below: Mapping[str, str]
    earlier: RunFolder | None
    """The run of --from."""
    opened: Sequence[nn.Parameter] = ()
    """What learns though its family leaves it as it is."""

    @property
    def stage_two(self) -> dict[str, Any]:
        """What run.json says of it; nothing of a run that is none."""
        if self.attached is not None:
            learnt, words = sum(self.attached.parameters.values()), self.attached.said
            return {"stage_two": {"stage": "lora", "encoder_learns": words, "encoder_parameters": learnt}}
        if self.opened:
            learnt = sum(weight.numel() for weight in self.captioner.model.parameters())
            words = f"all {learnt:,} parameters of the captioner"
            return {"stage_two": {"stage": "full", "encoder_learns": words, "encoder_parameters": learnt}}
        return {}


def start(config: TrainConfig, gate_init: float | None) -> Start:
    """The captioner before its first step, on the CPU, or where it will be trained if it is in NF4.

    BadInput for what cannot be asked of this model or of the run of --from.
    """
    earlier = taken_over(config)[0] if config.from_run else None
    captioner = _built(config, starting_checkpoint(config), device(config.device) if config.quantize else "cpu")
    if gate_init is not None and earlier is None:  # the earlier run has set them
        set_gates(captioner, gate_init)
    if config.gradient_checkpointing:
        checkpoint_blocks(captioner.model)
    below = fingerprint(captioner)
    if config.lora is None:
        return Start(captioner, None, below, earlier, let_all_learn(captioner) if config.stage == "full" else ())
    seed_everything(config.seed, verbose=False)  # for what an adapter begins with
    targets = captioner.lora_targets
    scopes = tuple(targets) if config.lora.scope == "both" else (str(config.lora.scope),)
    chosen = {scope: targets[scope] for scope in scopes}
    return Start(captioner, attach_lora(captioner.model, chosen, **config.lora.settings), below, earlier)


def set_gates(captioner: Captioner, value: float) -> None:
    """Start the gates of the cross-attention from `value`, before the tanh; BadInput for a model without gates."""
    set_them = getattr(captioner.model, "set_gates", None)
    if set_them is None:
        raise BadInput(f"--caption.gate_init: the captioner {captioner.name} has no gates; leave it out")
    set_them(value)


def let_all_learn(captioner: Captioner) -> list[nn.Parameter]:
    """All of a captioner learns; returns what its family leaves as it is."""
    opened = [weight for weight in captioner.model.parameters() if not weight.requires_grad]
    captioner.model.requires_grad_(True)
    return opened


def save_learnt(start: Start, config: TrainConfig, folder: RunFolder) -> None:
    """Write the adapter, as `PeftModel.from_pretrained` reads it for the model of transformers below it; or else the
    whole captioner.
    """
    if start.attached is None:
        start.captioner.save_pretrained(folder.model)
        return
    below = None if config.from_run else public_name(config.checkpoint, config.encoder)
    save_adapter(start.captioner.model, start.attached, folder.adapter, below)


def finished_captioner(folder: RunFolder, config: TrainConfig, on: str) -> tuple[Captioner, CaptionDetector | None]:
    """What a run has left, on a device: its captioner, and what tells pictures unlike those that it learnt from.

    BadCheckpoint or BadHead when they cannot be used, BadInput where an adapter stands on another checkpoint now.
    """
    checkpoint = whole_checkpoint(folder, config)
    check_there(folder.path, checkpoint)
    captioner = _built(config, checkpoint, on)
    if config.lora:
        check_same_checkpoint(folder, fingerprint(captioner), checkpoint)
        captioner.about += f", {load_adapter(captioner.model, folder.adapter)}"
        for weight in adapter_parameters(captioner.model).values():
            weight.requires_grad_(True)  # so that it counts as what has learnt
    if config.stage == "full":
        let_all_learn(captioner)
    captioner.eval()
    return captioner, CaptionDetector.of_run(folder.model, replace(config, checkpoint=checkpoint), on)


def check_same_checkpoint(folder: RunFolder, now: Mapping[str, str], checkpoint: str) -> None:
    """BadInput that names the part in which the checkpoint is not the one that the run began with.

    `now` is its fingerprint.
    """
    trained = folder.read_facts()["encoder_parts"]
    for part in sorted({*trained, *now}):
        if trained.get(part) != now.get(part):
            raise BadInput(
                f"{folder.path}: was trained on a checkpoint with {part} = {trained.get(part)!r}, and "
                f"{checkpoint} has {now.get(part)!r}; name the run's own with --checkpoint, put it back, or train "
                "again"
            )


def _built(config: TrainConfig, checkpoint: str, on: str) -> Captioner:
    """What learns whole is in fp32; what is frozen below an adapter is in --dtype, and in NF4 where that is asked."""
    return build_captioner(
        config.encoder,
        checkpoint=checkpoint,
        dtype=config.dtype if config.lora else "fp32",
        aspect=config.aspect,
        quantize=config.quantize,
        device=on,
    )
