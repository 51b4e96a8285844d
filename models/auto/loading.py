"""Any image-text-to-text model of transformers out of its folder or from the hub: its weights, and its processor.

Code that comes with a checkpoint is never run, and weights are read from safetensors alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from roadcue.errors import BadCheckpoint
from roadcue.models.checkpoint import download, local_or_hub, read_json, stored_formats
from roadcue.models.checkpoint_kind import read_config
from roadcue.models.preprocessing import Aspect, Preprocessing, one_square
from roadcue.weights import few_parameters

_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "merges.txt", "vocab.txt")
"""What is downloaded of a model: no Python, and no pickled weights."""
_TAKES = (
    "--encoder auto takes what this transformers has itself, for code that comes with a checkpoint is never run (of "
    "InternVL those that end in -HF)"
)
_COARSE = ("F8_", "F6_", "F4")
"""How safetensors calls formats of numbers that mean nothing without scales."""
_RESAMPLE = {1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""PIL's numbers for filters to torch's names."""
_SIDE = 448
"""Of the square that a model is shown which takes pictures of any size: 196 tokens of Qwen3-VL's 32 x 32 pixels."""
_WHOLE = ("do_image_splitting", "crop_to_patches", "do_pan_and_scan")
"""Options of image processors that cut a picture into several; each is turned off."""


def check_family(folder: Path) -> None:
    """BadCheckpoint when a folder's config.json is of no model that transformers has itself."""
    read_config(folder, MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES, _TAKES)


def load_model(folder: Path, dtype: torch.dtype) -> PreTrainedModel:
    """In eval mode on the CPU; BadCheckpoint when it cannot be used."""
    stored = stored_formats(folder)
    coarse = [key for key in stored if stored[key].startswith(_COARSE)]
    if coarse and not read_json(folder / "config.json").get("quantization_config"):
        raise BadCheckpoint(
            f"{folder}: {len(coarse)} of its weights are of 8 bits or fewer, such as {coarse[0]}, and config.json "
            "says nothing of their scales (quantization_config); take the checkpoint in bf16"
        )
    try:
        with few_parameters(len(stored)):
            model, told = AutoModelForImageTextToText.from_pretrained(
                folder,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
    except Exception as error:  # transformers raises what it likes
        raise BadCheckpoint(f"{folder}: its weights cannot be read ({_first_line(error)})") from error
    if lacking := [*told["missing_keys"], *told["mismatched_keys"]]:
        raise BadCheckpoint(f"{folder}: {len(lacking)} weights are missing or of another shape, such as {lacking[0]}")
    loaded: PreTrainedModel = model.eval()
    return loaded


def load_processor(folder: Path) -> Any:
    """With an image processor and a tokeniser that has a chat template; BadCheckpoint when it is not so."""
    try:
        processor = AutoProcessor.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except ImportError as error:
        raise BadCheckpoint(
            f"{folder}: transformers lacks a package to read its processor ({_first_line(error)}); "
            "pip install 'roadcue[vlm]' has torchvision, which most need"
        ) from error
    except Exception as error:  # transformers raises what it likes
        raise BadCheckpoint(f"{folder}: its processor cannot be read ({_first_line(error)})") from error
    parts = [part for part in ("image_processor", "tokenizer") if not hasattr(processor, part)]
    if parts:
        raise BadCheckpoint(f"{folder}: its processor has no {parts[0]}, so it reads no pictures with text")
    template = processor.chat_template or processor.tokenizer.chat_template
    if not isinstance(template, str):
        raise BadCheckpoint(f"{folder}: has no chat template (chat_template.jinja); download it again")
    processor.tokenizer.chat_template = template
    return processor


def place_of(checkpoint: str) -> Path:
    """The folder of a checkpoint, a folder or a hub id; BadCheckpoint as in `models.checkpoint`."""
    place = local_or_hub(checkpoint, "auto")
    return place if isinstance(place, Path) else download(place, _FILES)


def whole_picture(image_processor: Any) -> dict[str, bool]:
    """The options of an image processor with which a picture stays in one piece."""
    return {name: False for name in _WHOLE if hasattr(image_processor, name)}


def square_of(image_processor: Any, aspect: Aspect, origin: str) -> Preprocessing:
    """What makes a picture the square that an image processor takes as it is; BadCheckpoint when it has none."""
    side = _side(image_processor)
    if not isinstance(side, int) or not 0 < side <= 4096:
        raise BadCheckpoint(f"{origin}: its image processor names no size of a picture that RoadCue understands")
    mean, std = (_three(getattr(image_processor, name, None)) for name in ("image_mean", "image_std"))
    resample = _RESAMPLE.get(int(getattr(image_processor, "resample", 3) or 3), "bicubic")
    return Preprocessing(side, mean, std, resample, one_square(aspect))


def _side(image_processor: Any) -> Any:
    """The side of a square that is left as it is."""
    size = getattr(image_processor, "size", None) or {}
    tile = getattr(image_processor, "max_image_size", None) or {}
    patch, merged = (getattr(image_processor, name, None) for name in ("patch_size", "merge_size"))
    if patch and merged:  # sizes are numbers of pixels
        least, most = size["shortest_edge"], size["longest_edge"]
        side = min(max(_SIDE, least**0.5), most**0.5)
        return int(side // (patch * merged)) * patch * merged
    for sizes, name in ((tile, "longest_edge"), (size, "height"), (size, "longest_edge"), (size, "shortest_edge")):
        if sizes.get(name) if isinstance(sizes, dict) else getattr(sizes, name, None):
            return sizes[name]
    return None


def _three(levels: Sequence[float] | None) -> tuple[float, float, float]:
    """For the colour of borders alone, where a processor has none."""
    red, green, blue = levels or (0.5, 0.5, 0.5)
    return red, green, blue


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
