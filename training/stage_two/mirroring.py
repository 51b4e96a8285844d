"""Rows of a data set as a mirror shows them: pictures, states, intent and everything that is to be predicted.

A mirror beside the car exchanges left and right: of vectors in the ego frame y changes its sign (x forward, y left).
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import numpy as np

from roadcue.errors import BadInput
from roadcue.heads.head import Head
from roadcue.prompts.mirror import has_mirror_rule, mirrored_fields, mirrored_text
from roadcue.schema import STATE_COLUMNS, Intent, SampleTargets

_SIDEWAYS = [i for i, column in enumerate(STATE_COLUMNS) if column.endswith("y")]
_INTENTS = {
    Intent.UNKNOWN: Intent.UNKNOWN,
    Intent.GO_STRAIGHT: Intent.GO_STRAIGHT,
    Intent.GO_LEFT: Intent.GO_RIGHT,
    Intent.GO_RIGHT: Intent.GO_LEFT,
}
_SIDE = re.compile(r"(?<![^\W_])(left|right)(?![^\W_])", re.IGNORECASE)
"""A word of a camera's name, which underscores and other signs end."""
_OTHER = {"left": "right", "right": "left", "LEFT": "RIGHT", "RIGHT": "LEFT", "Left": "Right", "Right": "Left"}


def mirrored_camera(camera: str) -> str:
    """The camera that looks to the other side: FRONT_LEFT -> FRONT_RIGHT; FRONT is its own."""
    return _SIDE.sub(lambda side: _OTHER.get(side[1], side[1]), camera)


def unmirrored_cameras(cameras: Collection[str]) -> list[str]:
    """Those of a run's cameras whose other side is none of them: their pictures cannot be mirrored."""
    return [camera for camera in cameras if mirrored_camera(camera) not in cameras]


def check_mirrored_labels(heads: Iterable[Head]) -> None:
    """BadInput for a head that reads a field of which nobody says what it is in a mirror."""
    for head in heads:
        for field in head.reads:
            if not has_mirror_rule(field):
                raise BadInput(
                    f"--augment mirrors pictures, and what the field {field!r} of the head {head.name!r} is in a "
                    "mirror is not known; leave --augment out, or give the field a rule in prompts/mirror.py"
                )


def mirrored_pictures(pictures: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Camera -> (H, W, 3) uint8: each picture mirrored, and in the place of the other side's camera."""
    return {mirrored_camera(camera): np.ascontiguousarray(picture[:, ::-1]) for camera, picture in pictures.items()}


def mirrored_past(past: np.ndarray) -> np.ndarray:
    """(16, 6) `STATE_COLUMNS`, with y, vy and ay of the other sign."""
    other = past.copy()
    other[:, _SIDEWAYS] = -other[:, _SIDEWAYS]
    return other


def mirrored_intent(intent: Intent) -> Intent:
    """Left for right, right for left."""
    return _INTENTS[intent]


def mirrored_targets(targets: SampleTargets) -> SampleTargets:
    """Paths, rated paths, labels and texts; a scenario cluster has no side. BadRecord for a label that is none."""
    return replace(
        targets,
        future=None if targets.future is None else _mirrored_path(targets.future),
        preferences=tuple(replace(one, xy=_mirrored_path(one.xy)) for one in targets.preferences),
        fields=mirrored_fields(targets.fields),
        caption=None if targets.caption is None else mirrored_text(targets.caption),
        bvpi=None if targets.bvpi is None else mirrored_text(targets.bvpi),
    )


def _mirrored_path(xy: np.ndarray) -> np.ndarray:
    """(n, 2) metres, ego frame."""
    return np.asarray(xy * np.array([1, -1], xy.dtype))
