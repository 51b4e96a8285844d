"""From a camera's picture to the square, or the three squares, that an encoder reads, and to its normalised numbers.

As SmolVLM2's own preprocessor file says, or as CLIP and with it OpenFlamingo were published.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from roadcue.errors import BadCheckpoint, BadEncoder
from roadcue.models.checkpoint import read_json

Aspect = Literal["squash", "letterbox", "crop", "tiles"]
"""squash: every picture becomes square, as SmolVLM2 was published; letterbox: it keeps its shape and is padded to the
square; crop: its short side becomes the square's and the middle is kept, as CLIP and OpenFlamingo were published;
tiles: a wide picture becomes three squares, left, centre and right, each as high as itself."""
TILES = 3
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures that CLIP learnt from, red, green, blue (OPENAI_DATASET_MEAN, _STD in open_clip/constants.py)."""
_RESAMPLE = {1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""PIL's numbers for filters (`PIL.Image.Resampling`), which preprocessor files use, to torch's names."""
_LONGEST_CROPPED = 16
"""A picture longer than so many of its short side loses its far ends before it is cropped, or a line of pixels would
be enlarged to gigabytes, all but one square of which is then cut off."""
_TORCH_HAS_LANCZOS = tuple(int(number) for number in torch.__version__.split(".")[:2]) >= (2, 12)
PREPROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
"""Where checkpoints keep the settings of their image processor; newer ones in the second, which is read first."""


@dataclass(frozen=True)
class Preprocessing:
    """(H, W, 3) uint8 RGB -> (3, side, side) uint8, or with tiles (3 tiles, 3, side, side), from left to right.

    `mean` and `std` are for `encode`, in units of 1.0.

    `squash` is the resize to one tile that transformers' SmolVLMImageProcessor does with do_image_splitting=False:
    the same filter, antialiased, equal to the bit. That processor first enlarges every picture to its tiling size
    (`size.longest_edge`), which one tile does not need: leaving that out is four times faster and moves a photograph
    by 0.2 of 255 levels on average. `letterbox` centres the picture on the mean colour: 128 of 255 for a mean of 0.5.

    `crop` is torchvision's Resize(side) and CenterCrop(side) on a PIL picture, as open_clip has them, equal to the
    bit; of a picture of 16:9 it cuts off 44 %, at the sides. `tiles` keeps them: each is a square as high as the
    picture, and neighbours overlap; of a picture wider than three such squares the tiles are its thirds, squashed.
    It is meant for wide pictures: of one that is not, all three tiles are the square in its middle.
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
        planes, (height, width) = _planes(image, extent)
        match self.aspect:
            case "squash":
                return self._resize(planes, (height, width), self.side, self.side)
            case "letterbox":
                return self._letterbox(planes, (height, width))
            case "crop":
                return self._crop(planes, (height, width))
            case "tiles":
                return self._tiles(planes, (height, width))

    @property
    def tiles(self) -> int:
        """How many squares stand side by side for one picture."""
        return TILES if self.aspect == "tiles" else 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what a picture becomes: (3, S, S), or (3 tiles, 3, S, S)."""
        square = (3, self.side, self.side)
        return (TILES, *square) if self.aspect == "tiles" else square

    @property
    def least_side(self) -> int:
        """How many pixels both sides of a picture should still have when it is decoded smaller than it is."""
        return self.side

    def _squash(self, image: np.ndarray, extent: tuple[float, float] | None, height: int, width: int) -> Tensor:
        """A whole picture -> (3, height, width) uint8."""
        return self._resize(*_planes(image, extent), height, width)

    def _letterbox(self, planes: Tensor, extent: tuple[float, float]) -> Tensor:
        """(3, H, W) uint8, which stands for `extent` -> (3, side, side) uint8, in the middle of the mean colour."""
        height, width = extent
        scale = self.side / max(height, width)
        small = self._resize(planes, (height, width), max(1, round(height * scale)), max(1, round(width * scale)))
        top, left = (self.side - small.shape[1]) // 2, (self.side - small.shape[2]) // 2
        square = torch.tensor([round(255 * mean) for mean in self.mean], dtype=torch.uint8)[:, None, None]
        square = square.repeat(1, self.side, self.side)
        square[:, top : top + small.shape[1], left : left + small.shape[2]] = small
        return square

    def _crop(self, planes: Tensor, extent: tuple[float, float]) -> Tensor:
        """(3, H, W) uint8, which stands for `extent` -> (3, side, side) uint8.

        By Pillow, as published: torch's own bicubic filter gives one pixel in two hundred another level.
        """
        short = min(extent)
        longest = math.ceil(_LONGEST_CROPPED * short)
        for dim, length in enumerate(extent, start=1):
            if length > longest:
                planes = planes.narrow(dim, (planes.shape[dim] - longest) // 2, longest)
        extent = (min(extent[0], longest), min(extent[1], longest))
        # rounded as torchvision rounds them: down, then half to even
        height, width = (int(self.side * length / short) for length in extent)
        top, left = round((height - self.side) / 2), round((width - self.side) / 2)
        whole = _resize_by_pillow(planes, extent, height, width, self.resample)
        return whole[:, top : top + self.side, left : left + self.side].contiguous()

    def _tiles(self, planes: Tensor, extent: tuple[float, float]) -> Tensor:
        """(3, H, W) uint8, which stands for `extent` -> (3 tiles, 3, side, side) uint8, from left to right."""
        height, width = planes.shape[1:]
        high = min(height, width)
        wide = max(high, math.ceil(width / TILES))
        top = (height - high) // 2
        squares = []
        for left in (0, (width - wide) // 2, width - wide):
            region = planes[:, top : top + high, left : left + wide]
            its_extent = (min(top + high, extent[0]) - top, min(left + wide, extent[1]) - left)
            squares.append(self._resize(region, its_extent, self.side, self.side))
        return torch.stack(squares)

    def _resize(self, planes: Tensor, extent: tuple[float, float], height: int, width: int) -> Tensor:
        """(3, H, W) uint8, which stands for `extent` -> (3, height, width) uint8."""
        if self.resample == "lanczos" and not _TORCH_HAS_LANCZOS:
            return _resize_by_pillow(planes, extent, height, width, self.resample)
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


class Normalisation(nn.Module):
    """The first step of every encoder: levels of 0 to 255 into the numbers that its weights learnt from.

    (b, *shape) uint8, as the preprocessing makes them -> (b tiles, 3, S, S) fp32: (x - 255 mean) / (255 std).
    """

    mean: Tensor
    std: Tensor

    def __init__(self, preprocess: Preprocessing) -> None:
        super().__init__()
        self.shape = preprocess.shape
        self.register_buffer("mean", 255 * torch.tensor(preprocess.mean)[:, None, None], persistent=False)
        self.register_buffer("std", 255 * torch.tensor(preprocess.std)[:, None, None], persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """On the module's device; tiles of one picture follow each other. ValueError for other input."""
        if pixels.dtype != torch.uint8 or pixels.shape[1:] != self.shape:
            expected = ", ".join(map(str, self.shape))
            raise ValueError(f"pixels must be (b, {expected}) uint8; got {tuple(pixels.shape)} {pixels.dtype}")
        return (pixels.flatten(0, -4).to(self.mean.device).float() - self.mean) / self.std


def _planes(image: np.ndarray, extent: tuple[float, float] | None) -> tuple[Tensor, tuple[float, float]]:
    """(H, W, 3) uint8 -> (3, H, W) uint8, and what its rows and columns stand for; ValueError when it is none."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"a picture must be (H, W, 3) uint8 RGB and not empty; got {image.shape} {image.dtype}")
    # torch cannot take a read-only or mirrored array as it is
    planes = torch.from_numpy(np.require(image, requirements=("C", "W"))).permute(2, 0, 1)
    return planes, extent or (image.shape[0], image.shape[1])


def _resize_by_pillow(planes: Tensor, extent: tuple[float, float], height: int, width: int, resample: str) -> Tensor:
    """(3, H, W) uint8, which stands for `extent` -> (3, height, width) uint8, by Pillow's filters.

    torch took them over: its results are within 2 of 255 levels of these, and it is five to ten times as fast.
    """
    picture = Image.fromarray(planes.permute(1, 2, 0).numpy())
    small = picture.resize((width, height), Image.Resampling[resample.upper()], box=(0, 0, extent[1], extent[0]))
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)


def join_tiles(grids: Tensor, tiles: int) -> Tensor:
    """The grids of squares, (b t, h, w, d) -> those of the pictures they are tiles of, (b, h, t w, d)."""
    return grids.unflatten(0, (-1, tiles)).transpose(1, 2).flatten(2, 3)


def clip_preprocessing(side: int, aspect: Aspect) -> Preprocessing:
    """CLIP's and OpenFlamingo's preprocessing; as published with a side of 224 and `crop`.

    From open_clip's `image_transform` (open_clip/transform.py) as OpenFlamingo calls it. BadEncoder for an unknown
    aspect.
    """
    _check_aspect(aspect)
    return Preprocessing(side, CLIP_MEAN, CLIP_STD, "bicubic", aspect)


def one_square(aspect: Aspect) -> Aspect:
    """The aspect of a captioner that reads one square of a picture; BadEncoder for tiles."""
    if aspect == "tiles":
        raise BadEncoder(f"aspect {aspect}: this captioner reads one square of a picture; use another")
    return aspect


def read_preprocessing(folder: Path, aspect: Aspect) -> Preprocessing:
    """The preprocessing of a checkpoint, from processor_config.json or preprocessor_config.json.

    The side is that of one tile, `max_image_size.longest_edge`. BadCheckpoint when no file or key says it: the
    defaults of transformers' classes are those of another model (364 pixels).
    """
    _check_aspect(aspect)
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


def _check_aspect(aspect: str) -> None:
    if aspect not in get_args(Aspect):
        raise BadEncoder(f"unknown aspect {aspect!r}: choose one of {', '.join(get_args(Aspect))}")


def _settings(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The image processor's settings and their file: a part of processor_config.json, or else a file of their own.

    The order of transformers 5 (`ImageProcessingMixin.get_image_processor_dict`): its `save_pretrained` into a folder
    that was downloaded writes the first and leaves the second as it was.
    """
    own, shared = (folder / name for name in PREPROCESSOR_FILES)
    settings = read_json(shared).get("image_processor") if shared.exists() else None
    if settings is None:
        return own, read_json(own)
    if not isinstance(settings, dict):
        kind = type(settings).__name__
        raise BadCheckpoint(f"{shared}: image_processor is a {kind} and not an object; download it again")
    return shared, settings


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
