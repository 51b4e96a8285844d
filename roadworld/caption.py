"""What a passenger would say of a drawn frame: how the road runs, and what the driver has to heed."""

from roadcue.roadworld.road_ahead import RoadAhead


def caption(ahead: RoadAhead) -> str:
    """Plain English sentences about the road and the three nearest things that a driver has to heed."""
    return " ".join([_road(ahead), *(sentence for _, sentence in sorted(_things(ahead))[:3])])


def _road(ahead: RoadAhead) -> str:
    near, far = ahead.lane_ahead[3], ahead.lane_ahead[5]  # 20 m and 40 m ahead
    aside = far if abs(far) > abs(near) else near
    if abs(aside) < 1.5:
        return "The road goes straight on."
    side = "left" if aside > 0 else "right"
    return f"The road bends {'sharply' if abs(aside) > 8 else 'gently'} to the {side}."


def _things(ahead: RoadAhead) -> list[tuple[float, str]]:
    """(metres, sentence) for everything worth saying."""
    things = []
    if ahead.light_m is not None:
        things.append((ahead.light_m, f"The traffic light {_metres(ahead.light_m)} ahead is {ahead.light}."))
    if ahead.lead_m is not None:
        doing = "is braking" if ahead.lead_braking else "drives"
        things.append((ahead.lead_m, f"A car {doing} {_metres(ahead.lead_m)} ahead."))
    if ahead.cut_in:
        things.append((0.0, "A car is coming into the lane from the right."))
    if ahead.crossing_m is not None:
        if ahead.someone_crossing != "none":
            sentence = f"A {ahead.someone_crossing} is crossing the road {_metres(ahead.crossing_m)} ahead."
        else:
            sentence = f"Someone stands at the zebra crossing {_metres(ahead.crossing_m)} ahead."
        things.append((ahead.crossing_m, sentence))
    if ahead.works_m is not None:
        things.append((ahead.works_m, f"Cones mark a construction site {_metres(ahead.works_m)} ahead."))
    if ahead.debris_m is not None:
        things.append((ahead.debris_m, f"An object lies on the lane {_metres(ahead.debris_m)} ahead."))
    if ahead.standing_m is not None:
        things.append((ahead.standing_m, f"A vehicle stands half in the lane {_metres(ahead.standing_m)} ahead."))
    if ahead.junction_m is not None:
        sides = [side for side, arm in (("left", ahead.left_arm), ("right", ahead.right_arm)) if arm]
        turn_off = f"{'Side roads' if len(sides) > 1 else 'A side road'} to the {' and the '.join(sides)}"
        verb = "leave" if len(sides) > 1 else "leaves"
        things.append((ahead.junction_m, f"{turn_off} {verb} the junction {_metres(ahead.junction_m)} ahead."))
    return things


def _metres(distance: float) -> str:
    return "1 metre" if distance < 1.5 else f"{round(distance)} metres"
