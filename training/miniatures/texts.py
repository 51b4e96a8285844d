"""What a miniature learns to write: kinds of text, each with the instruction that a user would ask with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

import numpy as np
import torch

from roadcue.heads.cue.config import CueConfig
from roadcue.heads.cue.rules import CUES, PACES, blocked_sides, path_cues, walking_cue
from roadcue.heads.cue.words import cue_sentence
from roadcue.prompts.annotation import Annotation
from roadcue.prompts.annotation_json import to_json
from roadcue.prompts.bvpi import compose
from roadcue.prompts.instructions import ANNOTATION, BVPI, CUE
from roadcue.roadworld.caption import caption
from roadcue.roadworld.road_ahead import RoadAhead

if TYPE_CHECKING:
    from roadcue.models.captioner import Captioner

VIEWS = ("drive", "walk")
KINDS = ("scene", "cue", "bvpi", "annotation")
"""A walk has all of them, a drive the first two."""
ASKED = {"cue": CUE, "bvpi": BVPI, "annotation": ANNOTATION}
"""Kind -> the instruction; the scene is what a captioner tells when nothing else is asked."""
PICTURE = "picture.jpg"
"""The file's name in annotations, which no picture tells."""

Texts = Mapping[str, str]
"""Kind -> what is to be written of one picture."""


def drive_texts(ahead: RoadAhead, future: np.ndarray) -> Texts:
    """Of a driver's view; `future` (20, 2) metres, ego frame, decides the cue as the cue head's defaults do."""
    default = CueConfig()
    (places,) = path_cues(torch.from_numpy(future)[None], default.offset_m, default.offset_at_s).tolist()
    return {"scene": caption(ahead), "cue": cue_sentence(CUES[places[0]], PACES[places[1]])}


def walk_texts(annotation: Annotation, scene: str) -> Texts:
    """Of a pedestrian's view."""
    return {
        "scene": scene,
        "cue": cue_sentence(*walking_cue(annotation.sidewalk, annotation.road, blocked_sides(annotation.near))),
        "bvpi": compose(annotation, scene),
        "annotation": json.dumps(to_json(replace(annotation, image=PICTURE))),
    }


def view_of(texts: Texts) -> str:
    """Of `VIEWS`, that of the picture which has these texts."""
    return VIEWS["bvpi" in texts]


def instructions_for(captioner: "Captioner") -> dict[str, str]:
    """Kind -> what this captioner is asked with."""
    return {"scene": captioner.instruction, **ASKED}


def draw_lessons(texts: Sequence[Texts], count: int, rng: np.random.Generator) -> list[tuple[int, str]]:
    """(place, kind of text) of `count` pictures among those that have `texts`, each drawn at random.

    As many are of one view as of the other, while there are: a walk is rarer, and has more kinds of text.
    """
    of_views: list[list[int]] = [[], []]
    for place in rng.permutation(len(texts)).tolist():
        of_views[VIEWS.index(view_of(texts[place]))].append(place)
    taking_turns = [place for place in chain.from_iterable(zip_longest(*of_views)) if place is not None]
    return [(place, str(rng.choice(list(texts[place])))) for place in taking_turns[:count]]
