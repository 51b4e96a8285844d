"""From a camera's picture to the square that an encoder reads, as the checkpoint's own preprocessor file says."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from models.checkpoint import read_json
from models.encoder import BadCheckpoint, BadEncoder

Aspect = Literal["squash", "letterbox"]
"""squash: every picture becomes square, as published; letterbox: it keeps its shape and is padded to the square."""
_RESAMPLE = {1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""PIL's numbers for filters (`PIL.Image.Resampling`), which preprocessor files use, to torch's names."""
_TORCH_HAS_LANCZOS = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 12)
_FILES = ("preprocessor_config.json", "processor_config.json")


@dataclass(frozen=True)
class Preprocessing:
    """(H, W, 3) uint8 RGB -> (3, side, side) uint8, one tile; `mean` and `std` are for `encode`, in units of 1.0.

    `squash` is the resize to one tile that transformers' SmolVLMImageProcessor does with do_image_splitting=False:
    the same filter, antialiased, equal to the bit. That processor first enlarges every picture to its tiling size
    (`size.longest_edge`), which one tile does not need: leaving that out is four times faster and moves a photograph
    by 0.2 of 255 levels on average. `letterbox` centres the picture on the mean colour: 128 of 255 for a mean of 0.5.
    """

    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resample: str
    aspect: Aspect

    def __call__(self, image: np.ndarray, extent: tuple[float, float] | None = None) -> Tensor:
        """ValueError for a picture that is empty or is not (H, W, 3) uint8.

        `extent` is what the rows and columns stand for when that is not their number: 539.5 and 486 for the 540 x 486
        pixels of a picture of 1079 x 972 that was decoded at half its size.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise ValueError(f"a picture must be (H, W, 3) uint8 RGB and not empty; got {image.shape} {image.dtype}")
        height, width = extent or image.shape[:2]
        # torch cannot take a read-only or mirrored array as it is
        planes = torch.from_numpy(np.require(image, requirements=("C", "W"))).permute(2, 0, 1)
        if self.aspect == "squash":
            return self._resize(planes, (height, width), self.side, self.side)
        scale = self.side / max(height, width)
        small = self._resize(planes, (height, width), max(1, round(height * scale)), max(1, round(width * scale)))
        top, left = (self.side - small.shape[1]) // 2, (self.side - small.shape[2]) // 2
        square = torch.tensor([round(255 * mean) for mean in self.mean], dtype=torch.uint8)[:, None, None]
        square = square.repeat(1, self.side, self.side)
        square[:, top : top + small.shape[1], left : left + small.shape[2]] = small
        return square

    def _resize(self, planes: Tensor, extent: tuple[float, float], height: int, width: int) -> Tensor:
        if self.resample == "lanczos" and not _TORCH_HAS_LANCZOS:
            return _resize_by_pillow(planes, extent, height, width)
        # a batch of one with the strides of channels last: else torch packs the result once more, a fifth of the time
        batch = planes.permute(1, 2, 0)[None].permute(0, 3, 1, 2)
        if extent == planes.shape[1:]:
            return interpolate(batch, size=(height, width), mode=self.resample, antialias=True)[0]
        # rounded down to the size wanted, so a factor must not fall short of it by an error of rounding
        factors = (height / extent[0] * (1 + 1e-9), width / extent[1] * (1 + 1e-9))
        return interpolate(batch, scale_factor=factors, mode=self.resample, antialias=True)[0]

    @property
    def fingerprint(self) -> dict[str, str]:
        """The settings, and a hash of what becomes of a drawn picture: it shows another resize of the same name."""
        y, x = np.mgrid[0:97, 0:131]
        picture = np.stack([x * 255 // 130, y * 255 // 96, (x // 7 + y // 5) % 2 * 255], axis=-1).astype(np.uint8)
        probe = hashlib.sha256(self(picture).contiguous().numpy().tobytes()).hexdigest()
        return {"preprocessing": json.dumps(asdict(self), sort_keys=True), "preprocessing_probe": probe}


def _resize_by_pillow(planes: Tensor, extent: tuple[float, float], height: int, width: int) -> Tensor:
    """The Lanczos filter that torch 2.12 took over from Pillow, within 2 of 255 levels of it and ten times slower."""
    picture = Image.fromarray(planes.permute(1, 2, 0).numpy())
    small = picture.resize((width, height), Image.Resampling.LANCZOS, box=(0, 0, extent[1], extent[0]))
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)


def read_preprocessing(folder: Path, aspect: Aspect) -> Preprocessing:
    """The preprocessing of a checkpoint, from preprocessor_config.json or processor_config.json.

    The side is that of one tile, `max_image_size.longest_edge`. BadCheckpoint when no file or key says it: the
    defaults of transformers' classes are those of another model (364 pixels).
    """
    if aspect not in get_args(Aspect):
        raise BadEncoder(f"unknown aspect {aspect!r}: choose one of {', '.join(get_args(Aspect))}")
    path, settings = _settings(folder)
    try:
        _check_scaling(settings)
        return Preprocessing(
            side=_positive(settings["max_image_size"]["longest_edge"]),
            mean=_three(settings["image_mean"]),
            std=_three(settings["image_std"]),
            resample=_RESAMPLE[settings["resample"]],
            aspect=aspect,
        )
    except KeyError as error:
        raise BadCheckpoint(f"{path}: {error} is missing or not known; download the file again") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise BadCheckpoint(f"{path}: not the settings of an image processor ({error}); download it again") from error


def _settings(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The image processor's settings and their file: one of their own, or a part of processor_config.json."""
    own, shared = (folder / name for name in _FILES)
    if not own.exists() and shared.exists():
        settings = read_json(shared).get("image_processor")
        if isinstance(settings, dict):
            return shared, settings
    return own, read_json(own)


def _check_scaling(settings: dict[str, Any]) -> None:
    for step in ("do_resize", "do_rescale", "do_normalize"):
        if not settings.get(step, True):
            raise ValueError(f"{step} is off, and RoadCue always does it")
    if abs(settings.get("rescale_factor", 1 / 255) * 255 - 1) > 1e-3:
        raise ValueError(f"rescale_factor is {settings['rescale_factor']} and not 1/255")


def _positive(side: int) -> int:
    if not isinstance(side, int) or not 0 < side <= 4096:
        raise ValueError(f"max_image_size.longest_edge is {side!r} and not a side in pixels")
    return side


def _three(values: list[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    if not min(red, green, blue) > 0:
        raise ValueError(f"image_mean and image_std must be positive and are {values}")
    return red, green, blue
