"""The options of captions.

Imported by `--help`, so nothing heavy is imported here.
"""

from dataclasses import dataclass
from typing import Literal

Target = Literal["bvpi", "caption", "cue", "json", "path"]
"""What a captioner learns to write of a picture."""
CAPTION = "caption"
"""What `--head` is called that trains a captioner: not a head, since it reads tokens and not pooled features."""


@dataclass(frozen=True)
class CaptionOptions:
    """The captioner: what it learns to say of a picture."""

    target: Target = "bvpi"
    """What is to be said: the BVPI text; the data set's caption; cue: which way to go and at which pace, as the cue
    head has it; json: the annotation; path: the logged path as JSON of five points, 1 to 5 s ahead, in metres."""
    navigation: float = 0.0
    """Share of the pictures that are asked for a cue instead, drawn anew in every epoch; document 000: 0.3."""
    few_shot: float = 0.0
    """Share of the pictures that come behind up to 4 others of other sequences with their texts, drawn anew in every
    epoch; document 000: 0.05 to 0.1."""
    annotations: float = 0.0
    """Share of the pictures with labels whose question tells these, as JSON, drawn anew in every epoch; document 000
    (section 8): 0.2. Not of json, whose answer that is."""
    weather: float = 0.0
    """Share of the pictures that are learnt in another weather or light, drawn anew in every epoch."""
    text_dropout: float = 0.2
    """Share of the words of a BVPI text's free part that are left out, anew in every epoch, 0 to below 1."""
    gate_init: float | None = None
    """What the gates of OpenFlamingo's cross-attention start from, before the tanh; document 000: 0.1. Default: as
    they are."""
    clip_filter: str | None = None
    """A CLIP, by folder or hub id: training pictures are left out whose cosine with their text is below document
    000's 0.28, which is meant for ViT-B/32, openai/clip-vit-base-patch32. Default: none is."""

    val_texts: int = 200
    """Validation pictures of which texts are written after every epoch, to say how many claims are right; of targets
    that claim something: bvpi, cue and json. 0: none, the loss alone."""

    def __post_init__(self) -> None:
        if not 0 <= self.text_dropout < 1:
            raise ValueError(f"--caption.text_dropout {self.text_dropout}: a share from 0 to below 1")
        for name in ("navigation", "few_shot", "annotations", "weather"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"--caption.{name} {getattr(self, name)}: a share from 0 to 1")
        if self.annotations and self.target == "json":
            raise ValueError("--caption.annotations with --caption.target json: the question would tell the answer")
        if self.val_texts < 0:
            raise ValueError(f"--caption.val_texts {self.val_texts}: how many texts, from 0 (none) on")
