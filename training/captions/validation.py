"""What a captioner under training writes of validation pictures: whether it claims what their texts claim."""

import json

import numpy as np
import torch

from roadcue.heads.cue.rules import CUES, PACES
from roadcue.metrics.objects import f1_of_sets
from roadcue.models.captioner import Captioner
from roadcue.models.freezing import evaluating
from roadcue.prompts.annotation_json import parse_json
from roadcue.prompts.bvpi import compose
from roadcue.prompts.claims import claim_set, parse_claims
from roadcue.training.captions.clips import encoded
from roadcue.training.captions.config import Target
from roadcue.training.captions.pictures import CaptionPictures
from roadcue.training.captions.targets import settings_for

CLAIMING = ("bvpi", "json", "cue")
"""Targets whose texts claim something that can be read; of free captions and paths the loss is all there is."""
_AT_ONCE = 16


@torch.no_grad()
def claims_f1(captioner: Captioner, pictures: CaptionPictures, count: int) -> float:
    """F1 of the claims in greedy texts of `count` pictures, evenly spread, 0 to 1; all of them where there are fewer.

    What a picture's own text claims is the truth.
    """
    places = np.unique(np.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().astype(int))
    prompt, settings = pictures.prompt(captioner), settings_for(pictures.target)
    said, true = [], []
    with evaluating(captioner):
        for first in range(0, len(places), _AT_ONCE):
            batch = pictures.batch(places[first : first + _AT_ONCE])
            written = captioner.generate(encoded(captioner, batch["clips"]), prompt, settings)
            said += [claims_of(one.text, pictures.target) for one in written]
            true += [claims_of(text, pictures.target) for text in pictures.texts(batch["rows"].tolist())]
    return f1_of_sets(said, true)


def claims_of(text: str, target: Target) -> frozenset[tuple[str, ...]]:
    """What a text of a target claims; nothing where it cannot be read."""
    if target == "cue":
        words = text.strip().rstrip(".").lower().split(", ")
        return frozenset((word,) for word in words if word in (*CUES, *PACES))
    if target == "json":
        try:
            text = compose(parse_json({**json.loads(text), "image": "picture.jpg"}, "a text"), "")
        except (ValueError, TypeError, RecursionError):
            return frozenset()
    return claim_set(parse_claims(text))
