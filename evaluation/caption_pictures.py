"""The pictures of a file of captions, as a CLIP sees them, and how alike what is said of them is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders import picture_file
from roadcue.loaders.picture_folder import PictureFolder
from roadcue.loaders.sensation.caption_rows import CaptionRows
from roadcue.metrics.captions.clip_score import PREFIX, ClipCosines
from roadcue.models.clip import Clip
from roadcue.progress import ProgressLine

_AT_ONCE = 32
"""Pictures that are encoded together."""


@dataclass(frozen=True)
class CaptionPictures:
    """The k of n `rows` (k,) whose picture can be read, with the vectors of their pictures `cropped` and `squashed`,
    (k, d) each; and what is wrong with the other rows.
    """

    clip: Clip
    rows: np.ndarray
    cropped: Tensor
    squashed: Tensor
    faults: list[str]

    @classmethod
    def of(cls, rows: CaptionRows, root: Path, clip: Clip) -> "CaptionPictures":
        """From files below `root`, each read once; BadInput where no row has one that can be read."""
        places: dict[str, list[int]] = {}
        faults = []
        for row, image in enumerate(rows.images):
            if image is None:
                faults.append(f"{rows.places[row]}: names no `image`")
            else:
                places.setdefault(image, []).append(row)
        vectors, unread = _vectors([*places], PictureFolder(root), clip)
        faults += [f"{rows.places[row]}: {fault}" for image, fault in unread.items() for row in places[image]]
        if not vectors:
            raise BadInput(
                f"no row has a picture that can be read below {root}; the first: {faults[0]}. Name the folder to "
                "which the paths in `image` belong with --image_root"
            )
        found = [(row, image) for image in vectors for row in places[image]]
        cropped, squashed = (torch.stack([vectors[image][kind] for _, image in found]) for kind in range(2))
        return cls(clip, np.array([row for row, _ in found]), cropped, squashed, faults)

    def cosines(self, said: Sequence[str], wanted: Sequence[Sequence[str]]) -> tuple[ClipCosines, int]:
        """Of the captions of these k rows, out of those of all n rows; and how many of the k were cut, too long for
        the CLIP with the `PREFIX` before them.
        """
        texts = [said[row] for row in self.rows]
        behind, cut = self.clip.text_vectors([PREFIX + text for text in texts])
        plain, _ = self.clip.text_vectors(texts)
        references = [wanted[row] for row in self.rows]
        of_row = torch.arange(len(references)).repeat_interleave(torch.tensor([*map(len, references)]))
        others, _ = self.clip.text_vectors([PREFIX + text for each in references for text in each])
        each = (behind[of_row] * others).sum(-1)
        nearest = torch.full((len(references),), -1.0).scatter_reduce(0, of_row, each, "amax")
        picture, squashed = (behind * self.cropped).sum(-1), (plain * self.squashed).sum(-1)
        return ClipCosines(*(one.double().numpy() for one in (picture, nearest, squashed))), int(cut.sum())


def _vectors(
    images: Sequence[str], folder: PictureFolder, clip: Clip
) -> tuple[dict[str, tuple[Tensor, Tensor]], dict[str, BadRecord]]:
    """Picture -> its two vectors (d,), and what is wrong with the others."""
    vectors: dict[str, tuple[Tensor, Tensor]] = {}
    unread = {
        image: stamp
        for image, stamp in zip(images, folder.stamps(images), strict=True)
        if isinstance(stamp, BadRecord)
    }
    there = [image for image in images if image not in unread]
    with ProgressLine("looking at pictures", len(there), "pictures") as advance:
        for first in range(0, len(there), _AT_ONCE):
            some = there[first : first + _AT_ONCE]
            pixels: dict[str, np.ndarray] = {}
            for image in some:
                try:
                    pixels[image] = picture_file.decode(folder.read(image), repr(image))
                except BadRecord as bad:
                    unread[image] = bad
            if pixels:
                kinds = [
                    clip.picture_vectors(torch.stack([prepare(each) for each in pixels.values()]))
                    for prepare in (clip.cropped, clip.squashed)
                ]
                vectors |= dict(zip(pixels, zip(*kinds, strict=True), strict=True))
            advance(len(some))
    return vectors, unread
