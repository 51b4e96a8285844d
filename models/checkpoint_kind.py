"""What a folder holds by its model type, and which option takes it: said before any file of it is called missing."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from roadcue.errors import BadCheckpoint
from roadcue.models.checkpoint import read_json, refuse_adapter

SMOL_TYPES = ("smolvlm", "idefics3")
"""SmolVLM2, and SmolVLM, of which the first was an Idefics3: the same keys, the same tower."""
CLIP_TYPES = ("clip", "clip_vision_model")
"""A whole CLIP, and its vision tower alone."""
FLAMINGO_TYPE = "open_flamingo"
"""What `save_pretrained` leaves of an OpenFlamingo."""
_SMOL = "is a SmolVLM, which --encoder smol takes"
_SMOL_TOWER = "is a SmolVLM's vision tower alone; --encoder smol takes the folder of the whole model"
_CLIP = "is a CLIP, whose vision tower --encoder flamingo takes"
_SIGLIP = "is a SigLIP, which no option takes alone; --encoder smol takes a SmolVLM2, whose tower is one"
_FLAMINGO = "is an OpenFlamingo, which --encoder flamingo takes"
_MPT = (
    "is the language model of an OpenFlamingo; --encoder flamingo takes a folder with it as mpt/, and clip/ and "
    "checkpoint.pt beside it"
)
_KNOWN = {
    **dict.fromkeys(SMOL_TYPES, _SMOL),
    **dict.fromkeys(("smolvlm_vision", "idefics3_vision"), _SMOL_TOWER),
    **dict.fromkeys(CLIP_TYPES, _CLIP),
    **dict.fromkeys(("siglip", "siglip_vision_model", "siglip2", "siglip2_vision_model"), _SIGLIP),
    FLAMINGO_TYPE: _FLAMINGO,
    "mosaic_gpt": _MPT,
}
"""Model type -> what such a folder is, and what takes it."""
_FLAMINGO_PARTS = ("mpt", "checkpoint.pt")


def read_config(folder: Path, types: Collection[str], takes: str) -> dict[str, Any]:
    """The config.json of a folder, which is of one of the model `types`; `takes` is what is looked for, in words.

    BadCheckpoint says what another folder is, and which option takes it.
    """
    path = folder / "config.json"
    refuse_adapter(folder, str(folder))
    if not path.exists():
        refuse_parts(folder, types)
    config = read_json(path)
    kind = config.get("model_type")
    if kind in types:
        return config
    raise BadCheckpoint(f"{path}: model_type is {kind!r}: {_described(kind)}. {takes}; pass another checkpoint")


def refuse_parts(folder: Path, types: Collection[str]) -> None:
    """BadCheckpoint for a folder that holds no checkpoint itself, but what makes one, or one further down."""
    if FLAMINGO_TYPE not in types and all((folder / part).exists() for part in _FLAMINGO_PARTS):
        raise BadCheckpoint(f"{folder}: {_FLAMINGO}")
    for path in sorted([*folder.glob("*/config.json"), *folder.glob("snapshots/*/config.json")]):
        if read_json(path).get("model_type") in types:
            raise BadCheckpoint(f"{folder}: holds no checkpoint, but {path.parent} is one; pass that folder")


def _described(kind: Any) -> str:
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    if not isinstance(kind, str):
        return "it is no model of transformers"
    if kind in _KNOWN:
        return f"it {_KNOWN[kind]}"
    if kind in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        return "it is an image-text-to-text model, for captions, which --head caption --encoder auto takes"
    return "no option takes such a one"
