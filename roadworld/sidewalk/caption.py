"""What a sighted companion would say of a frame: the way, its borders, the road, what is close, where is room."""

from roadcue.prompts.annotation import SIDES
from roadcue.roadworld.sidewalk.labels import Close, Sight
from roadcue.roadworld.sidewalk.scene import Scene

_SIDEWALK = {
    "Center": "The sidewalk is centered in the view",
    "Left": "The sidewalk is on the left side of the view",
    "Right": "The sidewalk is on the right side of the view",
    "Outside": "There is no sidewalk in the view",
}
_SIDE = {"Left": " on the left", "Center": " in the middle", "Right": " on the right"}
_MOST_NAMED = 3
_STANDS_M_S = 0.1
"""Whoever is slower stands."""


def caption_of(scene: Scene, sight: Sight) -> str:
    """Two to five plain sentences, different only where the scene is."""
    sentences = [_way(scene, sight), *_road(scene, sight)]
    sentences += [_close(one) for one in sight.close_by[:_MOST_NAMED]]
    return " ".join([*sentences, _clearness(sight)])


def _way(scene: Scene, sight: Sight) -> str:
    if sight.sidewalk == "Outside" or not scene.beside:
        return f"{_SIDEWALK[sight.sidewalk]}."
    left, right = scene.beside["left"], scene.beside["right"]
    if left == right:
        return f"{_SIDEWALK[sight.sidewalk]}, bordered by {left} on both sides."
    return f"{_SIDEWALK[sight.sidewalk]}, bordered by {left} on the left and {right} on the right."


def _road(scene: Scene, sight: Sight) -> list[str]:
    if sight.on_road:
        return ["You are on the road."]
    if sight.road == "Front":
        if sight.sidewalk == "Outside":
            return ["The road is straight ahead."]
        return [
            f"It leads to a road ahead{', which has a zebra crossing' if scene.zebra else ' without a crossing'}."
        ]
    if sight.road == "Not present":
        return ["No road is in sight."]
    # On a path the road has been named among its borders.
    return [f"A road runs along the {sight.road.lower()} side."] if sight.sidewalk == "Outside" else []


def _close(one: Close) -> str:
    thing, metres = one.thing, max(1, round(one.distance))
    name = thing.name[:1].upper() + thing.name[1:]
    if thing.label == "person":
        doing = "stands" if one.speed < _STANDS_M_S else "walks ahead" if thing.velocity[0] > 0 else "comes closer"
    elif thing.label == "car" and any(thing.velocity):
        doing = "drives"
    else:
        doing = "stands" if thing.half[2] else "lies"
    return f"{name} {doing} {_metres(metres)} away{_SIDE[one.position]}."


def _metres(count: int) -> str:
    return "1 meter" if count == 1 else f"{count} meters"


def _clearness(sight: Sight) -> str:
    """Whether something close is in the middle of the view, or where there is room."""
    in_the_way = [one.position for one in sight.close_by]
    if "Center" in in_the_way:
        free = [position.lower() for position in SIDES if position not in in_the_way]
        return f"The way is partly blocked, with more room on the {free[0]}." if free else "The way is blocked."
    if in_the_way:
        return "The way straight ahead is clear."
    return "The way is clear for the next 5 meters."
