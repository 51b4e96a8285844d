"""Who is on the streets when a sequence begins, and where each of them may have to wait."""

from collections.abc import Sequence

import numpy as np

from roadcue.roadworld.clusters import Mix
from roadcue.roadworld.driver import Driver
from roadcue.roadworld.hazards import Hazards
from roadcue.roadworld.holds import Halt, Light, Oncoming, StopLine, Zebra
from roadcue.roadworld.road import (
    LANE_CENTRE_M,
    SECOND_LANE_M,
    STOP_LINE_M,
    Junction,
    Route,
    Streets,
    path_through,
    plan_route,
)
from roadcue.roadworld.shapes import STYLES
from roadcue.roadworld.streams import Streams
from roadcue.roadworld.traffic import Car, CutIn, Pedestrian, Traffic
from roadcue.schema import Intent

Lights = tuple[tuple[Junction, Light], ...]
START_M = 40.0
"""Of arc length, where the ego begins: some road is behind it."""
FASTEST = 15.0
TO_SECOND_LANE_M = LANE_CENTRE_M - SECOND_LANE_M
"""From the middle of the first lane to that of the second, or to a car at the kerb."""
HALF_IN_LANE_M = -2.2
"""From the lane's middle to that of a vehicle which stands at the kerb, half in the lane."""
_AHEAD_M, _AHEAD_JITTER_M = 34.0, 11.0
"""Between the places of the cars before the ego, and how far off one may be, either way."""
_BESIDE_M, _ONCOMING_M, _JITTER_M = 19.0, 20.0, 5.0
"""Between the places in the second lane and in the oncoming one, not all of them taken; and how far on one may be."""


def populate(
    streams: Streams, hazards: Hazards, lights: Lights, mix: Mix, pace: float, reach: float, late_s: float
) -> Traffic:
    """Everybody; the ego wants to drive at `pace` m/s and comes no farther than `reach` metres.

    Whoever cuts in does so after `late_s` seconds: much earlier, he would only be a car ahead when it matters.
    """
    streets = hazards.streets
    ego = _ego(streams.within("ego"), hazards, mix, pace, reach)
    ego_lane = [*_cars_ahead(streams.within("ahead"), hazards, ego, mix), ego]
    oncoming = _oncoming_cars(streams.within("oncoming"), hazards, pace)
    people = _people(streams, streets, mix)
    straight = plan_route(streams.of("straight on"), streets, Intent.GO_STRAIGHT, None)
    standing = [[_standing(streams.of("standing", round(s)), straight, s, mix, streets)] for s in hazards.standing]
    at_kerb = [_pulling_out(streams.of("kerb", round(s)), straight, s, pace, streets, late_s) for s in hazards.kerb]
    second, changing = (
        _second_lane(streams.within("beside"), straight, ego, mix, late_s)
        if streets.multilane and not standing
        else ([], [])
    )
    first_lane = [*ego_lane, *second, *(cut_in.car for cut_in in at_kerb)]
    for car in first_lane:
        _place_holds(car, -LANE_CENTRE_M, streets, lights, people)
    for car in [*second, *(ego_lane if streets.multilane else [])]:
        _place_zebras(car, -LANE_CENTRE_M, -SECOND_LANE_M, streets, people)
    for car in ego_lane:
        _yield_to(oncoming, car, streets)
    for car in oncoming:
        _place_holds(car, LANE_CENTRE_M, streets, lights, people)
    lanes = [
        ego_lane,
        oncoming,
        second,
        *standing,
        *(c.lane for c in at_kerb),
        *_crossing_cars(streams, lights, ego.route),
    ]
    return Traffic(ego, lanes, people, [*at_kerb, *changing])


def _driver(rng: np.random.Generator, pace: float) -> Driver:
    return Driver(pace, headway=rng.uniform(1.0, 1.7), lateral_accel=rng.uniform(1.8, 2.6))


def _style(rng: np.random.Generator) -> int:
    return int(rng.integers(STYLES))


def _ego(streams: Streams, hazards: Hazards, mix: Mix, pace: float, reach: float) -> Car:
    """Perhaps it turns off, at a junction within `reach` metres."""
    streets, line = hazards.streets, streams.of("line")
    intents = (Intent.GO_LEFT,) if streets.multilane else (Intent.GO_LEFT, Intent.GO_RIGHT)
    within_reach = START_M + 50, START_M + 0.55 * (reach - START_M)  # lights and bends cost the rest
    turns = [
        (junction, intent)
        for junction in streets.junctions
        for intent in intents
        if (arm := junction.arm(intent))
        and within_reach[0] < junction.s < within_reach[1]
        and arm.length > reach - junction.s
    ]
    junction, intent = None, Intent.GO_STRAIGHT
    if turns and streams.of("turns").random() < mix.turns:
        junction, intent = max(turns, key=lambda turn: streams.of("turn", round(turn[0].s), turn[1].name).random())
    route = plan_route(line, streets, intent, junction, hazards.detours)
    driver = streams.of("driver")
    return Car(route, _driver(driver, pace), START_M, pace * driver.uniform(0.6, 1.0))


def _cars_ahead(streams: Streams, hazards: Hazards, ego: Car, mix: Mix) -> list[Car]:
    """None to three cars before the ego, the first one first."""
    count = min(int(streams.of("count").geometric(1 - mix.leads)) - 1, 3)
    return [_car_ahead(streams.within(place), place, hazards, ego, mix) for place in reversed(range(count))]


def _car_ahead(streams: Streams, place: int, hazards: Hazards, ego: Car, mix: Mix) -> Car:
    """One of those before the ego, counted from it: it goes straight on, turns off or stops somewhere."""
    rng, streets = streams.of("car"), hazards.streets
    s = ego.s + _AHEAD_M * (place + 1) + rng.uniform(-_AHEAD_JITTER_M, _AHEAD_JITTER_M)
    route = ego.route
    if rng.random() < 0.4:
        within_reach = [j for j in streets.junctions if j.right and s + 40 < j.s < s + 240 and not streets.multilane]
        junction = max(within_reach, key=lambda j: streams.of("turn", round(j.s)).random(), default=None)
        intent = Intent.GO_RIGHT if junction else Intent.GO_STRAIGHT
        route = plan_route(streams.of("line"), streets, intent, junction, hazards.detours)
    pace = ego.driver.desired_speed * rng.uniform(0.6, 1.1)
    kind = "special" if rng.random() < mix.special / 3 else "truck" if rng.random() < 0.12 else "car"
    car = Car(route, _driver(rng, pace), s, pace, _style(rng), kind)
    halt = Halt(s + rng.uniform(80, 280), rng.uniform(2, 7))
    if rng.random() < 0.4 and halt.s < route.turn[0] - 10:
        car.holds.append(halt)
    return car


def _second_lane(streams: Streams, route: Route, ego: Car, mix: Mix, late_s: float) -> tuple[list[Car], list[CutIn]]:
    """Cars in the right-hand lane of a road that has two, the first one first, and those that would change lanes."""
    cars: list[Car] = []
    changing: list[CutIn] = []
    first = ego.s + streams.of("first").uniform(75, 175)
    for place in reversed(range(int((first - _JITTER_M) / _BESIDE_M))):
        rng = streams.of(place)
        if rng.random() < 0.5:
            pace = ego.driver.desired_speed * rng.uniform(0.65, 1.05)
            kind = "truck" if rng.random() < 0.15 else "car"
            s = 8 + _BESIDE_M * place + rng.uniform(0, _JITTER_M)
            cars.append(Car(route, _driver(rng, pace), s, pace, _style(rng), kind, aside=TO_SECOND_LANE_M))
            if rng.random() < mix.changes:
                changing.append(CutIn(cars[-1], cars, rng.uniform(15, 40), late_s))
    return cars, changing


def _standing(rng: np.random.Generator, route: Route, s: float, mix: Mix, streets: Streets) -> Car:
    kind = "special" if rng.random() < mix.special else "truck" if rng.random() < 0.6 else "car"
    aside = 0.0 if streets.multilane else HALF_IN_LANE_M
    return Car(route, _driver(rng, 1.0), on_route(route, streets, s), 0.0, _style(rng), kind, aside, parked=True)


def _pulling_out(
    rng: np.random.Generator, route: Route, s: float, pace: float, streets: Streets, late_s: float
) -> CutIn:
    there = on_route(route, streets, s)
    car = Car(route, _driver(rng, pace), there, 0.0, _style(rng), aside=TO_SECOND_LANE_M, parked=True)
    return CutIn(car, [car], rng.uniform(35, 65), late_s)


def _oncoming_cars(streams: Streams, hazards: Hazards, pace: float) -> list[Car]:
    """They keep a little to their right where those of the right lane have to come over."""
    main, row = hazards.streets.main, streams.of("row")
    s = np.arange(main.length, 0, -1.0)
    aside = sum((0.5 * detour.share(s) for detour in hazards.detours if detour.offset > 0), np.zeros(len(s)))
    route = Route(path_through(main.beside(s, LANE_CENTRE_M + aside)))
    nearest = main.length - START_M - row.uniform(20, 50)
    cars: list[Car] = []
    for place in range(row.integers(0, 19)):
        rng = streams.of(place)
        s_car = nearest - _ONCOMING_M * place - rng.uniform(0, _JITTER_M)
        if rng.random() < 1 / 3 and s_car > 10:
            cars.append(Car(route, _driver(rng, pace), s_car, pace, _style(rng)))
    return cars


def _crossing_cars(streams: Streams, lights: Lights, ego: Route) -> list[list[Car]]:
    """Cars that wait for, and go with, the side roads' green; none follows the ego into its side road."""
    lanes = []
    for junction, light in lights:
        cars = streams.within("crossing", round(junction.s))
        row = cars.of("row")
        if not (junction.left and junction.right) or row.random() < 0.3:
            continue
        arms = [junction.left, junction.right]
        source, target = arms if row.random() < 0.5 else arms[::-1]
        if junction is ego.junction and target is junction.arm(ego.intent):
            source, target = target, source
        inwards = source.beside(np.arange(min(150.0, source.length), 8.0, -1.0), LANE_CENTRE_M)
        outwards = target.beside(np.arange(8.0, min(400.0, target.length), 1.0), -LANE_CENTRE_M)
        path = path_through(np.concatenate([inwards, outwards]))
        line = path.nearest(source.beside(STOP_LINE_M, LANE_CENTRE_M))
        lane: list[Car] = []
        for place in range(row.integers(1, 4)):
            rng = cars.of(place)
            s = line - 10 - 14 * place - rng.uniform(0, 6)
            lane.append(Car(Route(path), _driver(rng, 11.0), s, 6.0, _style(rng)))
            lane[-1].holds.append(StopLine(line, light, side_road=True))
        lanes.append(lane)
    return lanes


def _people(streams: Streams, streets: Streets, mix: Mix) -> list[Pedestrian]:
    """Those at each zebra crossing, who all come from one side."""
    people = []
    for s in streets.crossings:
        here = streams.within("zebra", round(s))
        group = here.of("group")
        side = int(group.choice([-1, 1]))
        people += [
            _someone(here.of(place), s, side, mix) for place in range(group.choice(len(mix.people), p=mix.people))
        ]
    return people


def _someone(rng: np.random.Generator, s: float, side: int, mix: Mix) -> Pedestrian:
    place, cycling = s + rng.uniform(-1.2, 1.2), bool(rng.random() < mix.cycling)
    speed = rng.uniform(2.5, 4.5) if cycling else rng.uniform(1.0, 1.7)
    return Pedestrian(place, side, speed, rng.uniform(30, 70), cycling, _style(rng))


def on_route(route: Route, streets: Streets, s: float, lane: float = -LANE_CENTRE_M) -> float:
    """Arc length on a route of the point beside `s` of the main road; never reached when it is beyond the turn."""
    there = route.path.nearest(streets.main.beside(s, lane))
    return there if there <= route.turn[0] + 1 else np.inf


def _place_holds(car: Car, lane: float, streets: Streets, lights: Lights, people: Sequence[Pedestrian]) -> None:
    """Tell a car of the main road where it may have to wait; `lane` is metres left of the centreline."""
    before = np.sign(lane)  # those on the left come from the far end
    for junction, light in lights:
        line = on_route(car.route, streets, junction.s + before * (STOP_LINE_M + 1), lane)
        car.holds.append(StopLine(line, light))
    _place_zebras(car, lane, lane, streets, people)


def _place_zebras(car: Car, lane: float, crossed: float, streets: Streets, people: Sequence[Pedestrian]) -> None:
    """Let a car in `lane` wait for those who are about to cross the lane `crossed`, metres left of the centre."""
    for crossing in streets.crossings:
        here = [person for person in people if abs(person.s - crossing) < 2]
        if here:
            line = on_route(car.route, streets, crossing + np.sign(lane) * 4, lane)
            car.holds.append(Zebra(line, here, crossed))


def _yield_to(oncoming: list[Car], car: Car, streets: Streets) -> None:
    """A car that turns left lets those through that come towards it."""
    if car.route.intent == Intent.GO_LEFT and car.route.junction and oncoming:
        there = oncoming[0].route.path.nearest(streets.main.beside(car.route.junction.s, LANE_CENTRE_M))
        car.holds.append(Oncoming(car.route.turn[0] + 3.5, oncoming, there))
