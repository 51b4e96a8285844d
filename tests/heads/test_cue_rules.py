"""What to say: a truth table for pedestrians, and paths for drivers."""

import pytest
import torch

from roadcue.heads.cue.rules import CUES, IN_THE_WAY, PACES, blocked_sides, path_cues, walking_cue, walking_cues
from roadcue.heads.field.labels import POSITION_CLASSES, no_fields
from roadcue.prompts.annotation import OBJECT_KINDS, SIDES

L, C, R = SIDES
LEFT, STRAIGHT, RIGHT = CUES
KEEP, SLOW, STOP = PACES
TRUTH = [
    # sidewalk, road, blocked sides -> cue, pace
    (C, L, {}, STRAIGHT, KEEP),
    (C, L, {L, R}, STRAIGHT, KEEP),  # the document's example
    (C, "Not present", {L, R}, STRAIGHT, KEEP),
    (C, L, {C}, RIGHT, SLOW),  # away from the road
    (C, R, {C}, LEFT, SLOW),
    (C, "Not present", {C}, RIGHT, SLOW),  # either would do
    (C, "Not present", {C, R}, LEFT, SLOW),
    (C, "Front", {C}, RIGHT, SLOW),
    (C, L, {C, R}, STRAIGHT, STOP),  # only the road's side is free
    (C, R, {C, L}, STRAIGHT, STOP),
    (C, "Not present", {L, C, R}, STRAIGHT, STOP),
    (C, "Front", {}, STRAIGHT, SLOW),
    (L, R, {}, LEFT, KEEP),
    (R, L, {}, RIGHT, KEEP),
    (L, L, {}, LEFT, KEEP),  # the sidewalk's side counts, even where the road is on it too
    (L, R, {C, R}, LEFT, KEEP),
    (L, R, {L}, LEFT, STOP),  # no way round
    (R, "Front", {}, RIGHT, SLOW),
    ("Outside", "Not present", {}, STRAIGHT, KEEP),
    ("Outside", "Not present", {C}, RIGHT, SLOW),
    ("Outside", R, {C}, LEFT, SLOW),
    ("Outside", "Front", {}, STRAIGHT, STOP),  # nothing but road ahead
    ("Outside", "Front", {C}, RIGHT, STOP),
]


@pytest.mark.parametrize(("sidewalk", "road", "blocked", "cue", "pace"), TRUTH)
def test_truth_table(sidewalk, road, blocked, cue, pace):
    assert walking_cue(sidewalk, road, blocked) == (cue, pace)


def test_nobody_is_ever_sent_round_something_to_the_road():
    for sidewalk in ("Center", "Outside"):
        for road, towards in ((L, LEFT), (R, RIGHT)):
            for bits in range(8):
                blocked = {side for place, side in enumerate(SIDES) if bits >> place & 1}
                assert walking_cue(sidewalk, road, blocked)[0] != towards


def test_what_lines_the_way_blocks_no_side():
    near = dict.fromkeys(OBJECT_KINDS, ()) | {"car": ("Left",), "obstacle": ("Left", "Center"), "grass": ("Right",)}
    assert blocked_sides(near) == {"Left", "Center"}


def test_tensors_say_what_the_rule_says():
    """Every case of the table, with the blocked sides held by another kind each time."""
    positions, objects = no_fields(len(TRUTH))
    objects[:] = 0
    for row, (sidewalk, road, blocked, *_) in enumerate(TRUTH):
        classes = list(POSITION_CLASSES.values())
        positions[row] = torch.tensor([classes[0].index(sidewalk), classes[1].index(road)])
        for number, side in enumerate(blocked):
            kind = IN_THE_WAY[(row + number) % len(IN_THE_WAY)]
            objects[row, 0, OBJECT_KINDS.index(kind), SIDES.index(side)] = 1
    objects[:, 1] = 1  # what is far is not in the way
    objects[:, 0, [OBJECT_KINDS.index(kind) for kind in set(OBJECT_KINDS) - set(IN_THE_WAY)]] = 1
    assert [(CUES[c], PACES[p]) for c, p in walking_cues(positions, objects)] == [row[3:] for row in TRUTH]


@pytest.mark.parametrize("lacking", ["sidewalk", "road", "obstacle", "grass"])
def test_without_a_label_that_the_rule_asks_for_nothing_is_said(lacking):
    positions, objects = torch.zeros(1, 2, dtype=torch.int64), torch.zeros(1, 2, 9, 3)
    if lacking in ("sidewalk", "road"):
        positions[0, ("sidewalk", "road").index(lacking)] = -1
    else:
        objects[0, 0, OBJECT_KINDS.index(lacking)] = torch.nan
    assert (walking_cues(positions, objects) == -1).all() == (lacking != "grass")


def path(speed, aside=0.0, slowing=0.0):
    """x = speed t - slowing t^2 / 2 until it stands; y grows evenly to `aside` at 3 s."""
    t = torch.arange(1, 21) / 4
    stands = torch.clamp(t, max=speed / slowing if slowing else 99)
    return torch.stack([speed * stands - slowing * stands**2 / 2, aside * t / 3], dim=1)


@pytest.mark.parametrize(
    ("future", "cue", "pace"),
    [
        (path(8.0), STRAIGHT, KEEP),
        (path(8.0, aside=1.0), LEFT, KEEP),  # y is to the left
        (path(8.0, aside=0.99), STRAIGHT, KEEP),
        (path(8.0, aside=-1.0), RIGHT, KEEP),
        (path(8.0, slowing=1.5), STRAIGHT, SLOW),
        (path(8.0, slowing=0.5), STRAIGHT, KEEP),
        (path(4.0, slowing=2.0), STRAIGHT, STOP),
        (path(0.0), STRAIGHT, STOP),
    ],
)
def test_what_a_driver_did(future, cue, pace):
    hole = torch.full((20, 2), torch.nan)
    cues = path_cues(torch.stack([future, hole]), offset_m=1.0, at_s=3.0)
    assert (CUES[cues[0, 0]], PACES[cues[0, 1]]) == (cue, pace)
    assert (cues[1] == -1).all()


def test_the_offset_is_looked_at_when_the_config_says():
    future = path(8.0, aside=1.5)[None]  # 0.5 m at 1 s, 2.5 m at 5 s
    assert [int(path_cues(future, 1.0, at_s)[0, 0]) for at_s in (1.0, 3.0, 5.0)] == [1, 0, 0]


@pytest.mark.parametrize("at_s", [1.0, 1.25, 3.0, 5.0])
@pytest.mark.parametrize(
    ("future", "pace"), [(path(8.0), KEEP), (path(0.0), STOP), (path(8.0, slowing=4.0), None), (path(0.4), STOP)]
)
def test_the_pace_is_that_of_the_second_before(future, pace, at_s):
    """Where the car slows down evenly, 8 m/s less 4 m/s^2, it has gone 6 m after 1 s and stands after 2 s."""
    expected = pace or {1.0: KEEP, 1.25: KEEP}.get(at_s, STOP)  # 1.25 s: 5 m in the last second of 6 m in the first
    assert PACES[path_cues(future[None], 1.0, at_s)[0, 1]] == expected
