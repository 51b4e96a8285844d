"""One moment of a walk, drawn with and without one thing; labels, caption and boxes are those of each half itself."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from roadcue.errors import BadInput
from roadcue.loaders.sensation.dataset import CAMERA
from roadcue.prompts.annotation import OBJECT_KINDS, SIDES, Annotation
from roadcue.roadworld.instances import Instances
from roadcue.roadworld.pairs import APART, PairedFrame
from roadcue.roadworld.sidewalk.labels import Sight, clear_sights
from roadcue.roadworld.sidewalk.outing import FIRST_STEP, Outing
from roadcue.roadworld.sidewalk.reasons import DRAW, Difference
from roadcue.roadworld.sidewalk.scene import Thing
from roadcue.roadworld.sidewalk.spec import REASONS, SidewalkSpec, image_name
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.spec import FIRST_NUMBER
from roadcue.roadworld.streams import Streams
from roadcue.schema import Intent

_SCENES, _PLACES = 500, 6
"""Tried for a pair, and in each scene for the thing."""
_NEXT_SCENE = FIRST_NUMBER["val"] - FIRST_NUMBER["train"]
"""From a scene's number to that of the next one tried: as many as pairs may be, so that no two share a scene."""
_LEAST_SEEN = 0.002
"""Of the picture, the share that the thing covers at least."""
_OTHER_WAY_M = 0.3
"""So far from where he would be without it a reason brings the walker within five seconds; nothing else does."""
_IN_THE_WAY = OBJECT_KINDS[:6]
"""Near objects that one would walk into; the rule of heads/cue says which."""


class _Halves(NamedTuple):
    without: Walk
    with_: Walk


class PairedWalk:
    """The pair of a number: the first frame of one walk twice; frame 0 is without the thing, frame `APART` with it.

    BadInput when no scene with a thing of the pair's kind is clear to the spec's camera.
    """

    def __init__(self, spec: SidewalkSpec, number: int) -> None:
        self._number, self._pair = number, number - spec.first_pair
        self.kind = spec.kinds[self._pair % len(spec.kinds)]
        self._difference, self.halves = self._draw(spec)
        self._frames = dict(zip((0, APART), self.halves, strict=True))

    def _draw(self, spec: SidewalkSpec) -> tuple[Difference, _Halves]:
        for scene in range(_SCENES):
            walk = Walk(spec, self._number + scene * _NEXT_SCENE)
            for place in range(_PLACES):
                rng = Streams((spec.seed, self._number, "pair")).of(scene, place)
                difference = DRAW[self.kind](rng, walk.scene, walk.outing.pose(FIRST_STEP), walk.light)
                halves = difference and _halves(walk, difference)
                if difference and halves and self._holds(difference, halves):
                    return difference, halves
        raise BadInput(
            f"sidewalk view: of {_SCENES} scenes none has a pair of kind {self.kind} that this camera sees clearly. "
            "Choose other kinds, or a camera that is wider, lower or less rolled."
        )

    def _holds(self, difference: Difference, halves: _Halves) -> bool:
        """Whether only a reason changes cue and way, nothing but the thing differs, nothing is touched in either half
        until the future ends, and one sees enough of the thing."""
        without, with_ = (_sight(half) for half in halves)
        way = without.sidewalk if without.sidewalk in SIDES else "Center"
        before, after = _blocked(without), _blocked(with_)
        if self.kind in REASONS:
            as_meant = way not in before and way in after
        else:
            as_meant = before == after or not {way, "Center"} & (before | after)
        label = difference.thing.label if difference.thing else ""
        way_changes = np.abs(halves.with_.future(0) - halves.without.future(0)).max()
        if way_changes < _OTHER_WAY_M if self.kind in REASONS else way_changes > 0:
            return False
        if not as_meant or _others(without, label) != _others(with_, label):
            return False
        if any(half.outing.touches(half.scene.things) for half in halves):
            return False
        return difference.thing is None or np.mean(self._shows(halves)) > _LEAST_SEEN

    @staticmethod
    def _shows(halves: _Halves) -> np.ndarray:
        """(height, width) bool: where the half with the thing shows it; it is the last thing of the scene."""
        return halves.with_.instances(0).mask == halves.with_.last_number

    def annotation(self, frame: int) -> Annotation:
        """The labels of a half."""
        return replace(self._frames[frame].annotation(0), image=image_name(self._number, frame))

    def caption(self, frame: int) -> str:
        """What is to be said of a half."""
        return self._frames[frame].caption(0)

    def sight(self, frame: int) -> Sight | None:
        """What a half shows."""
        return self._frames[frame].sight(0)

    def seconds(self, frame: int) -> float:
        """Both halves are the first frame of a walk."""
        return self._frames[frame].seconds(0)

    def past(self, frame: int) -> np.ndarray:
        """(16, 6) float32, columns `STATE_COLUMNS`; the same of both halves."""
        return self._frames[frame].past(0)

    def future(self, frame: int) -> np.ndarray:
        """(20, 2) float32 metres, walker's frame: with the thing or without."""
        return self._frames[frame].future(0)

    def intent(self, frame: int) -> Intent:
        """Of both halves."""
        return self._frames[frame].intent(0)

    def paint(self, frame: int) -> np.ndarray:
        """The picture of a half, (height, width, 3) uint8 RGB."""
        return self._frames[frame].paint(0)

    def instances(self, frame: int) -> Instances:
        """Which things are seen where in it; in the half with it the last number is that of what differs."""
        return self._frames[frame].instances(0)

    def lines(self) -> list[PairedFrame]:
        """Of both halves, the lines of pairs.jsonl."""
        boxes = {}
        if self._difference.thing:
            row, column = np.nonzero(self._shows(self.halves))
            corners = (column.min(), row.min(), column.max() + 1, row.max() + 1)
            boxes = {CAMERA: [int(corner) for corner in corners]}
        reason = self._difference.reason
        return [
            PairedFrame(image_name(self._number, 0), self._pair, "without", self.kind, reason, boxes),
            PairedFrame(image_name(self._number, APART), self._pair, "with", self.kind, reason, boxes),
        ]


def _halves(walk: Walk, difference: Difference) -> _Halves | None:
    """Both halves among the same other things, without those that the thing would hide.

    Until the picture the walker walks among those; from then on among the half's own. None when the picture would not
    be clear, or the thing itself.
    """
    others, thing = [each for each in walk.scene.things if each is not difference.instead_of], difference.thing
    if not thing:
        before, sights = walk.to_first_picture(others), [_sight(walk)]
        return _Halves(
            walk.changed(others, before, sights, walk.light), walk.changed(others, before, sights, difference.light)
        )
    while True:
        before = walk.to_first_picture(others)
        with_ = _clear(walk, before, [*others, thing])
        if with_ is None or not with_.scene.things or with_.scene.things[-1] is not thing:
            return None
        *kept, _ = with_.scene.things
        if len(kept) == len(others):
            break
        others = kept
    things = [*kept, *([difference.instead_of] if difference.instead_of else [])]
    without = _clear(walk, before, things)
    if without is None or len(without.scene.things) < len(things):
        return None
    return _Halves(without, with_)


def _clear(walk: Walk, before: Outing, things: list[Thing]) -> Walk | None:
    """The walk's first frame among these things, but for those that are not clear; None when it is not."""
    scene = replace(walk.scene, things=things)
    sights = clear_sights(scene, [lambda: walk.moment(before, 0)])
    return walk.changed(scene.things, before.among(scene.things), sights, walk.light) if sights else None


def _sight(half: Walk) -> Sight:
    sight = half.sight(0)
    assert sight, "the first frame of a walk is clear"
    return sight


def _blocked(sight: Sight) -> set[str]:
    """The sides with a near object in the way."""
    return {side for kind in _IN_THE_WAY for side in sight.near[kind]}


def _others(sight: Sight, label: str) -> list[object]:
    """All labels but those of the objects of one kind."""
    places = [objects[kind] for objects in (sight.near, sight.far) for kind in OBJECT_KINDS if kind != label]
    return [sight.sidewalk, sight.road, *places]
