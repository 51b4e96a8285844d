"""The encoders and captioners by name; a new one of RoadCue's own is one line here.

Imported by `--help`: naming one must not cost an import of torch. A plugin adds its own by
`ENCODERS.register(name, factory)` or as an entry point of the group.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from roadcue.errors import BadEncoder
from roadcue.registry import Registry

if TYPE_CHECKING:
    from roadcue.models.captioner import Captioner
    from roadcue.models.encoder import Encoder


def _unfit(name: str, factory: Any) -> str:
    """Why a plugin's thing builds nothing."""
    return "" if callable(factory) else f"{factory!r:.60} cannot be called; register the function that builds it"


ENCODERS: Registry[Callable[..., Any]] = Registry(
    "encoder",
    {
        "smol": "roadcue.models.smol.encoder:build",
        "flamingo": "roadcue.models.flamingo.encoder:build",
        "none": "roadcue.models.none.encoder:build",
    },
    group="roadcue.encoders",
    error=BadEncoder,
    unfit=_unfit,
)
"""Name -> factory of an `Encoder`, called with checkpoint, dtype, aspect and features."""
CAPTIONERS: Registry[Callable[..., Any]] = Registry(
    "captioner",
    {
        "smol": "roadcue.models.smol.captioner:build",
        "flamingo": "roadcue.models.flamingo.captioner:build",
        "auto": "roadcue.models.auto.captioner:build",
    },
    group="roadcue.captioners",
    error=BadEncoder,
    unfit=_unfit,
)
"""Name -> factory of a `Captioner`, called with checkpoint, dtype and aspect."""


def build_encoder(
    name: str,
    *,
    checkpoint: str = "mini",
    dtype: Literal["fp32", "bf16", "fp16"] = "fp32",
    aspect: Literal["squash", "letterbox", "crop", "tiles"] = "squash",
    features: Literal["patches", "perceiver"] = "patches",
    device: str = "cpu",
    adapter: Path | None = None,
) -> "Encoder":
    """A frozen encoder by name, with its weights, on its device.

    `checkpoint` is as in `models.checkpoint.resolve_checkpoint`; `features` are the tower's patches, or what
    OpenFlamingo's Perceiver makes of them; `adapter` is the folder of one that a stage two has left. BadEncoder for
    an unknown encoder or one without such features, a dtype that the device has not, BadCheckpoint (which is one) for
    weights that cannot be used.
    """
    from roadcue.models.encoder import check_dtype  # here, so that --help need not wait for torch

    build = ENCODERS.find(name)
    check_dtype(dtype, device)
    encoder: Encoder = build(checkpoint=checkpoint, dtype=dtype, aspect=aspect, features=features)
    if adapter is not None:
        from roadcue.models.learning_encoder import use_adapter

        use_adapter(encoder, adapter)
    return encoder.to(device)


def build_captioner(
    name: str,
    *,
    checkpoint: str = "mini",
    dtype: Literal["fp32", "bf16", "fp16"] = "fp32",
    aspect: Literal["squash", "letterbox", "crop", "tiles"] = "squash",
    device: str = "cpu",
    quantize: Literal["nf4"] | None = None,
) -> "Captioner":
    """A captioner by name, with its weights, on its device; the options are as in `build_encoder`.

    `quantize`: the language model's matrices, which then no longer learn, in NF4. BadEncoder for an unknown captioner
    or a dtype that the device has not, BadCheckpoint (which is one) for weights that cannot be used, BadInput where
    bitsandbytes is missing or does not work.
    """
    from roadcue.models.encoder import check_dtype  # here, so that --help need not wait for torch

    build = CAPTIONERS.find(name)
    check_dtype(dtype, device)
    captioner: Captioner = build(checkpoint=checkpoint, dtype=dtype, aspect=aspect)
    if quantize:
        from roadcue.models.quantization import quantize_nf4

        kept = (*captioner.visual_parts, captioner.output_layer)
        captioner.about += f", {quantize_nf4(captioner.model, kept, device)}"
    return captioner.to(device)
