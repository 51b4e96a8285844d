"""What the rule says of a walk's pictures, and what the walker does, side by side."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sensation_folder import labelled, walker

from roadcue.heads.cue.rules import path_cues
from roadcue.heads.cue.walker import WALKER_AT_S, WALKER_OFFSET_M, rule_and_walker
from roadcue.heads.field.labels import encode_fields
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.roadworld.sidewalk.outing import FIRST_STEP, Outing
from roadcue.roadworld.sidewalk.scene import Way
from roadcue.roadworld.sidewalk.walker import Walker
from roadcue.roadworld.traffic import DT_S
from roadcue.schema import HeadTargets

ASIDE = 2 * WALKER_OFFSET_M / WALKER_AT_S**2
"""m/s^2 across: just so much that it is a deviation."""


def targets(*pictures) -> HeadTargets:
    """Of (labels, the walker's acceleration along and across, or None where he has no path)."""
    positions, objects = zip(*(encode_fields(labels.row) for labels, _ in pictures), strict=True)
    paths = [
        torch.full((20, 2), torch.nan) if way is None else torch.from_numpy(walker("a.jpg", acceleration=way).future)
        for _, way in pictures
    ]
    return HeadTargets(future=torch.stack(paths), positions=torch.stack(positions), objects=torch.stack(objects))


BLOCKED = labelled("a.jpg", near={"obstacle": ("Center",)})  # with the road on the left: deviate right, slow down
FREE = labelled("a.jpg")
LEFT, RIGHT = (0.0, 1.01 * ASIDE), (0.0, -1.01 * ASIDE)


def agreed(*pictures):
    several = targets(*pictures)
    return rule_and_walker(several, sequence=torch.arange(len(pictures)).numpy().astype(str), bootstrap=Bootstrap(50))


@pytest.mark.parametrize(
    ("labels", "way", "rule", "done"),
    [
        (FREE, (0.0, 0.0), "keep straight", "keep straight"),
        (FREE, LEFT, "keep straight", "deviate left"),
        (FREE, (0.0, 0.98 * ASIDE), "keep straight", "keep straight"),
        (BLOCKED, RIGHT, "deviate right", "deviate right"),
        (BLOCKED, LEFT, "deviate right", "deviate left"),
    ],
)
def test_the_way_is_that_of_the_labels_and_of_the_path(labels, way, rule, done):
    ways = agreed((labels, way)).ways
    assert {(said, did) for said, counts in ways.items() for did, count in counts.items() if count} == {(rule, done)}


def test_the_pace_is_that_of_the_labels_and_of_the_path():
    slower = (-0.45, 0.0)  # from 1.4 m/s to 0.05 m/s in 3 s: he stops
    assert agreed((FREE, (0.0, 0.0)), (FREE, slower)).figures["pace"].value == 0.5
    assert agreed((labelled("a.jpg", road="Front"), (-0.2, 0.0))).figures["both"].value == 1.0  # both slow down


def swaying(rng):
    """The paths (n, 20, 2) of somebody alone with nothing in his way, in the frames of n moments of his walk."""
    sway = rng.uniform(0.03, 0.16), rng.uniform(5, 10), rng.uniform(0, 2 * np.pi)
    pace, way = rng.uniform(1.1, 1.6), Way(-1.5, 1.5, -0.7, 0.7)
    outing = Outing(Walker(-pace * FIRST_STEP * DT_S, 0.0, pace, way, 0.0, sway=sway), ())
    outing.run_to(FIRST_STEP + round(15 / DT_S))
    x, y, heading = np.array(outing.track)[FIRST_STEP :: round(0.25 / DT_S), :3].T
    for at in range(0, 40, 2):
        ahead = ((x + 1j * y)[at + 1 : at + 21] - (x[at] + 1j * y[at])) * np.exp(-1j * heading[at])
        yield np.stack([ahead.real, ahead.imag], axis=1)


def test_hardly_anybody_who_only_sways_deviates():
    rng = np.random.default_rng(0)
    paths = torch.from_numpy(np.array([path for _ in range(60) for path in swaying(rng)]))
    floor = {metres: (path_cues(paths, metres, WALKER_AT_S)[:, 0] != 1).float().mean() for metres in (0.3, 0.5)}
    assert floor[0.3] > 0.05  # less than half a metre would be of the sway
    assert floor[WALKER_OFFSET_M] < 0.02


def test_pictures_without_labels_or_without_a_path_do_not_count():
    unlabelled = replace(FREE, near={})
    agreement = agreed((FREE, (0.0, 0.0)), (FREE, None), (unlabelled, (0.0, 0.0)))
    assert agreement.samples == 1
    assert agreed((FREE, None)) is None


def test_a_run_that_knows_no_labels_has_nothing_to_compare():
    future = targets((FREE, (0.0, 0.0)))["future"]
    assert (
        rule_and_walker(HeadTargets(future=future), sequence=torch.zeros(1).numpy(), bootstrap=Bootstrap(50)) is None
    )


def test_the_thresholds_are_said_with_the_figures():
    assert "0.5 m or more beside his heading's line after 3 s" in agreed((FREE, (0.0, 0.0))).meaning
