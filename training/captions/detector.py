"""The detector of pictures unlike those that a captioner has learnt from: by its frozen tower, as heads have it.

The tower is that of the encoder of the same name, with the same weights: no captioner's tower learns, and where LoRA
adapts one, the detector's stays as it was.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from roadcue.heads.multi_head import DETECTOR
from roadcue.heads.ood_detector import OODDetector, StoredPictures, rows_spaced
from roadcue.loaders.contrast import contrast
from roadcue.models.encoder import Encoder
from roadcue.models.pooling import cells_stored, pool_tokens
from roadcue.models.registry import ENCODERS
from roadcue.progress import ProgressLine
from roadcue.training.build import build_run_encoder
from roadcue.training.captions.pictures import CaptionPictures
from roadcue.training.extraction_config import ExtractionOptions
from roadcue.training.heads.covered_lens import covered_pictures
from roadcue.training.heads.detector import learn_detector


class CaptionDetector:
    """Called with pixels (b, 3, S, S) uint8, as the captioner's `preprocess` makes them, returns OOD scores (b,)."""

    def __init__(self, encoder: Encoder, options: ExtractionOptions, detector: OODDetector) -> None:
        """`options`: how the encoder's patches are pooled."""
        self._encoder, self._options, self.detector = encoder, options, detector

    @classmethod
    def of_run(cls, model: Path, options: ExtractionOptions, device: str) -> "CaptionDetector | None":
        """What a run has left in its `model` folder; None where it has none, as runs of before, or has no encoder.

        The tower is that of the options' checkpoint. BadHead or BadCheckpoint when it is damaged.
        """
        if not (model / DETECTOR).exists():
            return None
        encoder = build_run_encoder(_of_wholes(options), device)
        return cls(encoder, options, OODDetector.from_pretrained(model / DETECTOR).to(device))

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """On the CPU; above 1 for a picture unlike those that were learnt from."""
        stored, contrasts = self.stored(pixels)
        seen = torch.ones(len(pixels), 1, dtype=torch.bool, device=stored.device)
        score: Tensor = self.detector(stored, contrasts, seen)
        return score.cpu()

    def of_clips(self, clips: Tensor) -> Tensor:
        """Clips (b, p, 3, S, S) uint8 -> (b,) scores: a clip is unlike when one of its pictures is."""
        return self(clips.flatten(0, 1)).unflatten(0, clips.shape[:2]).amax(dim=1)

    @torch.no_grad()
    def stored(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Features (b, 1, k, d) float16 and contrast (b, 1, 11, 4), which the detector reads."""
        pixels = _wholes(pixels)
        features = _features(self._encoder, self._options, pixels)
        return features[:, None], contrast(pixels)[:, None].to(features.device)


def learn_caption_detector(pictures: CaptionPictures, options: ExtractionOptions) -> OODDetector | None:
    """Fitted on training pictures, as those of heads are; None for a captioner to which no encoder belongs."""
    if options.encoder not in ENCODERS:
        return None
    options = _of_wholes(options)
    encoder = build_run_encoder(options)
    row = torch.Size((1, cells_stored(options.pooling, options.grid), encoder.width))
    positions = rows_spaced(len(pictures), row)
    with ProgressLine("looking at what was learnt from", len(positions), "pictures") as advance:
        batches = list(_looked_at(pictures, positions, encoder, options, advance))
    stored, contrasts = (torch.cat(each)[:, None] for each in zip(*batches, strict=True))
    sequence = pictures.dataset.states.sequence[pictures.rows[positions]]
    seen = StoredPictures(stored, contrasts, torch.ones(len(stored), 1, dtype=torch.bool), sequence)
    return learn_detector(seen, None, covered_pictures(pictures.dataset, encoder, options))


@torch.no_grad()
def _looked_at(
    pictures: CaptionPictures,
    positions: np.ndarray,
    encoder: Encoder,
    options: ExtractionOptions,
    advance: Callable[[int], None],
) -> Iterator[tuple[Tensor, Tensor]]:
    """Features (b, k, d) float16 and contrast (b, 11, 4) on the CPU, batch by batch."""
    for first in range(0, len(positions), options.encode_batch):
        pixels = _wholes(pictures.batch(positions[first : first + options.encode_batch])["pixels"])
        yield _features(encoder, options, pixels).cpu(), contrast(pixels)
        advance(len(pixels))


def _of_wholes(options: ExtractionOptions) -> ExtractionOptions:
    """For a captioner that splits pictures: the detector looks at the whole ones, which are their last pieces."""
    return replace(options, aspect="squash") if options.aspect == "tiles" else options


def _wholes(pixels: Tensor) -> Tensor:
    """(b, 3, S, S), or of pieces (b, 13, 3, S, S) -> (b, 3, S, S)."""
    return pixels[:, -1] if pixels.ndim == 5 else pixels


def _features(encoder: Encoder, options: ExtractionOptions, pixels: Tensor) -> Tensor:
    """(b, 3, S, S) uint8 -> (b, k, d) float16, as a feature store holds them."""
    return pool_tokens(encoder.encode(pixels), options.pooling, options.grid).half()
