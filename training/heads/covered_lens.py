"""Pictures that show nothing: of a lens that is covered or dazzled, of a camera that is broken."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from roadcue.errors import BadRecord
from roadcue.loaders import picture_file
from roadcue.loaders.contrast import contrast
from roadcue.loaders.dataset import RoadDataset
from roadcue.models.encoder import Encoder
from roadcue.models.pooling import pool_tokens
from roadcue.training.extraction_config import ExtractionOptions

SPOILT: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "black": np.zeros_like,
    "white": lambda picture: np.full_like(picture, 255),
    "noise": lambda picture: np.random.default_rng(0).integers(0, 256, picture.shape, dtype=np.uint8),
}
"""Name -> what it makes of a picture (height, width, 3) uint8: no threshold may let any of them pass."""


def covered_pictures(
    dataset: RoadDataset, encoder: Encoder, options: ExtractionOptions
) -> tuple[Tensor, Tensor] | None:
    """Features (3, k, d) and contrast (3, v, s) of `SPOILT` in the size of the data set's first picture.

    None where nothing is seen.
    """
    if not encoder.width:
        return None
    picture = _first_picture(dataset, options.camera_names)
    if picture is None:
        return None
    pixels = torch.stack([encoder.preprocess(spoil(picture)) for spoil in SPOILT.values()])
    with torch.no_grad():
        features = pool_tokens(encoder.encode(pixels), options.pooling, options.grid).half().cpu()
    return features, contrast(pixels)


def _first_picture(dataset: RoadDataset, cameras: Sequence[str]) -> np.ndarray | None:
    """(height, width, 3) uint8: the first that can be read of these cameras."""
    for row in range(len(dataset)):
        for camera in cameras:
            try:
                if (encoded := dataset.image(row, camera)) is not None:
                    return picture_file.decode(encoded, dataset.where(row))
            except BadRecord:
                continue
    return None
