"""An encoder that learns in stage two: an adapter in its tower, or the tower itself; what is kept of it in files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from roadcue.errors import BadEncoder
from roadcue.models.adapters import (
    Attached,
    LoraTargets,
    adapter_tensors,
    attach_lora,
    check_lora,
    load_adapter,
)
from roadcue.models.encoder import Encoder
from roadcue.weights import digest

ADAPTER = "adapter"
"""The part of the fingerprint of an encoder with an adapter."""


@runtime_checkable
class LearningEncoder(Encoder, Protocol):
    """An `Encoder` that can learn: a `FrozenModule` with a tower of transformers in it."""

    tower: Any
    root: str
    """Where the tower stands in the whole model of transformers that its adapter is for."""
    lora_targets: LoraTargets
    learns: bool

    def save_tower(self, folder: Path, checkpoint: str) -> None:
        """Write the tower as it is now, a checkpoint of the encoder alone; `checkpoint` is the one that it was of."""
        ...


def learning(encoder: Encoder) -> LearningEncoder:
    """The same encoder; BadEncoder when it is not one that can learn."""
    if not isinstance(encoder, LearningEncoder):
        raise BadEncoder(
            f"the encoder {encoder.name} cannot learn: it says neither which module is its tower nor which layers "
            "LoRA may change; train heads on its features (--stage heads)"
        )
    return encoder


def check_learns(encoder: Encoder, settings: Mapping[str, Any] | None) -> None:
    """BadEncoder for one that cannot learn, or lacks what the `settings` of an adapter ask for; None: no adapter."""
    learner = learning(encoder)
    if settings is not None:
        check_lora(learner.tower, {"vision": learner.lora_targets}, settings["last"], learner.root)


def let_adapter_learn(encoder: LearningEncoder, settings: Mapping[str, Any]) -> Attached:
    """Attach a new adapter, which alone learns; `settings` and errors as of `attach_lora`."""
    attached = attach_lora(encoder.tower, {"vision": encoder.lora_targets}, root=encoder.root, **settings)
    encoder.learns = True
    return attached


def let_tower_learn(encoder: LearningEncoder) -> int:
    """All of the tower learns, in fp32 whatever it computes in; returns how many numbers."""
    encoder.tower.float().requires_grad_(True)
    encoder.learns = True
    return sum(weight.numel() for weight in encoder.tower.parameters())


def checkpoint_blocks(model: PreTrainedModel) -> None:
    """Let each block be computed twice in training, so that what is inside of it need not be kept.

    Blocks do so in training mode alone, and are put into it, without what is inside of them.
    """
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})  # the second is what older transformers call it
    for block in model.modules():
        if isinstance(block, GradientCheckpointingLayer):
            block.training = True


def use_adapter(encoder: Encoder, folder: Path) -> None:
    """Attach the adapter in `folder`, frozen like the rest; it becomes a part of fingerprint and description.

    BadEncoder for an encoder that takes none, BadCheckpoint where it does not fit.
    """
    adapted = learning(encoder)
    said = load_adapter(adapted.tower, folder, adapted.root)
    adapted.fingerprint = {**adapted.fingerprint, ADAPTER: digest(adapter_tensors(adapted.tower))}
    adapted.description = f"{adapted.description}; with an adapter, {said}"
