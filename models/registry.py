"""Pictures in, features out; the registry of encoders."""

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from roadcue.models.encoder import Encoder

ENCODERS = {
    "smol": "roadcue.models.smol.encoder:build",
    "flamingo": "roadcue.models.flamingo.encoder:build",
    "none": "roadcue.models.none.encoder:build",
}
"""Encoder name -> module:factory, imported when asked for: naming an encoder must not cost an import of torch."""


def build_encoder(
    name: str,
    *,
    checkpoint: str = "mini",
    dtype: Literal["fp32", "bf16"] = "fp32",
    aspect: Literal["squash", "letterbox", "crop", "tiles"] = "squash",
    features: Literal["patches", "perceiver"] = "patches",
    device: str = "cpu",
) -> "Encoder":
    """A frozen encoder by name, with its weights, on its device.

    `checkpoint` is as in `models.checkpoint.resolve_checkpoint`; `features` are the tower's patches, or what
    OpenFlamingo's Perceiver makes of them. BadEncoder for an unknown encoder or one without such features,
    BadCheckpoint (which is one) for weights that cannot be used.
    """
    if name not in ENCODERS:
        from roadcue.errors import BadEncoder

        close = difflib.get_close_matches(name, ENCODERS, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise BadEncoder(f"unknown encoder {name!r}: {hint}the encoders are {', '.join(ENCODERS)}")
    module, factory = ENCODERS[name].split(":")
    build = getattr(import_module(module), factory)
    encoder: Encoder = build(checkpoint=checkpoint, dtype=dtype, aspect=aspect, features=features)
    return encoder.to(device)
