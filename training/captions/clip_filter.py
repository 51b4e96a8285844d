"""Training pictures whose text hardly belongs to them, left out: by a CLIP's cosine, as document 000 filters data."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from roadcue.errors import BadInput
from roadcue.models.clip import Clip
from roadcue.progress import ProgressLine
from roadcue.sentences import show
from roadcue.training.captions.pictures import CaptionPictures

AT_LEAST = 0.28
"""Document 000, section 3; LAION-5B's for English texts by ViT-B/32 (Schuhmann et al. 2022, arXiv 2210.08402)."""
_AT_ONCE = 32
"""Pictures that are encoded together."""


@dataclass(frozen=True)
class FilterCounts:
    """How many pictures are kept and left out, and of how many texts the CLIP read the beginning alone."""

    kept: int
    left_out: int
    texts_cut: int


def filter_training(
    pictures: CaptionPictures, checkpoint: str | None, device: str
) -> tuple[CaptionPictures, FilterCounts | None]:
    """What the filter by a CLIP keeps of training pictures, and its counts, which it says; all without a CLIP."""
    if checkpoint is None:
        return pictures, None
    clip = Clip.from_pretrained(checkpoint).to(device)
    kept, counts = filter_by_clip(pictures, clip)
    show(f"filter: {counts.left_out:,} of {len(pictures):,} pictures left out by {clip.description}")
    return kept, counts


def filter_by_clip(
    pictures: CaptionPictures, clip: Clip, at_least: float = AT_LEAST
) -> tuple[CaptionPictures, FilterCounts]:
    """The pictures whose cosine with their text is `at_least` so much; BadInput where that is none."""
    cosine, cut = clip_cosines(pictures, clip)
    kept = pictures.rows[cosine >= at_least]
    if not len(kept):
        raise BadInput(
            f"{pictures.dataset.name} {pictures.dataset.split}: no picture's text is as much like it as "
            f"{at_least}, the most is {cosine.max():.2f}; leave the filter out, or filter by another CLIP"
        )
    counts = FilterCounts(len(kept), len(pictures) - len(kept), int(cut.sum()))
    return replace(pictures, rows=kept), counts


def clip_cosines(pictures: CaptionPictures, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """Of n pictures the cosine of each with its text, (n,), and whether the text was cut, (n,) bool."""
    cropped = replace(pictures, preprocess=clip.cropped)
    texts, cut = clip.text_vectors(pictures.texts(pictures.rows.tolist()))
    cosines = []
    with ProgressLine("comparing pictures with texts", len(pictures), "pictures") as advance:
        for positions in np.split(np.arange(len(pictures)), range(_AT_ONCE, len(pictures), _AT_ONCE)):
            seen = clip.picture_vectors(cropped.batch(positions)["pixels"])
            cosines.append((seen * texts[positions]).sum(-1))
            advance(len(positions))
    return torch.cat(cosines).numpy(), cut.numpy()
