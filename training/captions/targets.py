"""What a captioner is asked of a picture and what it learns to answer, for each kind of text."""

import json
from collections.abc import Callable, Mapping

import torch

from roadcue.errors import BadRecord
from roadcue.heads.cue.answers import cue_truth
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.cue.rules import CUES, PACES
from roadcue.heads.cue.words import cue_sentence
from roadcue.heads.field.labels import UNKNOWN, pedestrian_labels
from roadcue.models.captioner import Captioner
from roadcue.models.generation import GenerationSettings
from roadcue.prompts import path_text
from roadcue.prompts.annotation import Annotation, parse_row
from roadcue.prompts.annotation_json import to_closed_json
from roadcue.prompts.instructions import ANNOTATION, BVPI, CUE, PATH
from roadcue.schema import WAYPOINTS, SampleTargets
from roadcue.training.captions.config import Target

_ASKED: Mapping[Target, str] = {"bvpi": BVPI, "cue": CUE, "json": ANNOTATION, "path": PATH}
FREE_WORDS = ("bvpi", "caption")
"""The targets with words of people in them, of which some may be left out."""
_SETTINGS: Mapping[Target, GenerationSettings] = {"json": GenerationSettings(max_new_tokens=640)}
"""Where the default is too short: a whole annotation in the miniature's tokens takes 460 to 530."""


def instruction_for(target: Target, captioner: Captioner) -> str:
    """What a picture comes with in training and whenever this kind of text is wanted of the trained model."""
    return _ASKED.get(target, captioner.instruction)


def settings_for(target: Target) -> GenerationSettings:
    """How a text of this kind is written, whoever wants it: greedy, up to a length that it needs."""
    return _SETTINGS.get(target, GenerationSettings())


def annotation_of(targets: SampleTargets) -> Annotation | None:
    """What a row's labels are as an annotation; None for a row without positions, which has none."""
    try:
        return parse_row({"image": "picture.jpg", **targets.fields}, "a row")
    except BadRecord:
        return None


def answer_for(target: Target, targets: SampleTargets) -> str:
    """The text of a kind that a row's targets make; "" where they make none. BadHead for a label that is none."""
    return _ANSWERS[target](targets)


def _cue(targets: SampleTargets) -> str:
    """Way and pace as the cue head's defaults have them: by the rule of a walker's labels, or by the logged path."""
    future = torch.full((WAYPOINTS, 2), torch.nan) if targets.future is None else torch.from_numpy(targets.future)
    known = {"future": future, **pedestrian_labels(targets)}
    (cue, pace) = cue_truth(CueConfig(), {name: value[None] for name, value in known.items()})[0].tolist()  # type: ignore[arg-type]
    return "" if UNKNOWN in (cue, pace) else cue_sentence(CUES[cue], PACES[pace])


def _annotation_json(targets: SampleTargets) -> str:
    """The annotation in its closed form: a picture does not tell its name, and the caller knows it."""
    annotation = annotation_of(targets)
    return "" if annotation is None else json.dumps(to_closed_json(annotation))


def _path(targets: SampleTargets) -> str:
    return "" if targets.future is None else path_text.compose(targets.future)


_ANSWERS: Mapping[Target, Callable[[SampleTargets], str]] = {
    "bvpi": lambda targets: targets.bvpi or "",
    "caption": lambda targets: targets.caption or "",
    "cue": _cue,
    "json": _annotation_json,
    "path": _path,
}
