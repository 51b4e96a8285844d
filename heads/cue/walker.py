"""What a walker does beside what the rule says of the same picture."""

import numpy as np

from roadcue.heads.cue.answers import QUESTIONS
from roadcue.heads.cue.rules import path_cues, walking_cues
from roadcue.heads.field.labels import UNKNOWN
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.cue_agreement import CueAgreement, cue_agreement
from roadcue.schema import HeadTargets

WALKER_OFFSET_M, WALKER_AT_S = 0.5, 3.0
"""A walker deviates when he is so many metres beside the line of his heading so many seconds later: RoadCue's choice.

Whoever walks sways, and his heading at t = 0 with him, so that his straight way leaves its line too: RoadWorld's
walkers, alone and with nothing before them, are 0.3 m beside it in 12 % of the moments, and 0.5 m in 0.2 %. The mean
direction of the last second lags behind the sway and is worse (21 % and 1.1 %). Half a metre is what it takes to get
round a thing in the middle of the way: half a body, 0.25 m, and half the thing. In 3 s he goes 4.2 m at 1.4 m/s:
about as far as what the labels call near."""

MEANING = (
    "The rule's cue is what the labels of a picture ask for, and stays the truth of the cue head; the walker's is "
    f"what his path does: a deviation is {WALKER_OFFSET_M:g} m or more beside his heading's line after "
    f"{WALKER_AT_S:g} s."
)
"""What stands beside the figures."""


def rule_and_walker(targets: HeadTargets, sequence: np.ndarray, bootstrap: Bootstrap) -> CueAgreement | None:
    """How far the rule's cue and what the walker did agree, of n rows; `sequence` (n,) names their walks.

    Rows without a pedestrian's labels or without a path do not count; None where no row has both.
    """
    if "positions" not in targets:
        return None
    rule = walking_cues(targets["positions"], targets["objects"]).numpy()
    walker = path_cues(targets["future"], WALKER_OFFSET_M, WALKER_AT_S).numpy()
    both = (rule != UNKNOWN).all(axis=1) & (walker != UNKNOWN).all(axis=1)
    if not both.any():
        return None
    answers = tuple(QUESTIONS.values())
    return cue_agreement(rule[both], walker[both], sequence[both], answers, bootstrap, MEANING)
