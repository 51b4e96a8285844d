"""Rated trajectories: the log wins, and what leaves the road, runs a red light or hits somebody loses."""

import numpy as np
import pytest

from roadcue.roadworld.drive import Drive, drive
from roadcue.roadworld.preferences import _runs_red, _violations, preferences, rated_position
from roadcue.roadworld.spec import FIRST_NUMBER, RoadWorldSpec
from roadcue.schema import Preference

SPEC = RoadWorldSpec()


@pytest.fixture(scope="module")
def rated() -> list[tuple[Drive, tuple[Preference, ...]]]:
    drives = [drive(SPEC, FIRST_NUMBER["val"] + i) for i in range(25)]
    return [(each, preferences(each, rated_position(each))) for each in drives]


def _ade(preference: Preference, driven: Drive) -> float:
    return float(np.hypot(*(preference.xy[:20] - driven.future(rated_position(driven))).T).mean())


def test_the_rated_frame_is_the_drawn_one_nearest_to_150() -> None:
    assert SPEC.frames[rated_position(drive(SPEC, 0))] == 150
    short = drive(RoadWorldSpec(seconds=1.0, stride=4), 0)
    assert short.frame_indices[rated_position(short)] == 8


def test_the_first_of_21_points_is_a_quarter_of_a_second_ahead(
    rated: list[tuple[Drive, tuple[Preference, ...]]],
) -> None:
    for driven, scored in rated:
        speed = np.hypot(*driven.past(rated_position(driven))[-1, 2:4])
        assert [each.xy.shape for each in scored] == [(21, 2)] * 3
        log = scored[int(np.argmin([_ade(each, driven) for each in scored]))]
        assert np.hypot(*log.xy[0]) == pytest.approx(0.25 * speed, abs=0.2)
        assert all(0 <= each.score <= 10 for each in scored)


def test_the_log_is_among_them_and_scores_best(rated: list[tuple[Drive, tuple[Preference, ...]]]) -> None:
    places = []
    for driven, scored in rated:
        errors = [_ade(each, driven) for each in scored]
        assert min(errors) < 0.01
        best = int(np.argmax([each.score for each in scored]))
        assert scored[best].score > 6
        assert errors[best] < 6
        places.append(int(np.argmin(errors)))
    assert set(places) == {0, 1, 2}, "the order tells nothing"


def test_scores_fall_with_the_distance_from_the_log(rated: list[tuple[Drive, tuple[Preference, ...]]]) -> None:
    errors, scores = zip(
        *[(_ade(each, driven), each.score) for driven, scored in rated for each in scored], strict=True
    )
    assert np.corrcoef(errors, scores)[0, 1] < -0.6


def test_whoever_starts_at_a_red_light_loses_points() -> None:
    for number in range(200):
        driven = drive(SPEC, FIRST_NUMBER["val"] + number)
        position = rated_position(driven)
        waits = np.abs(driven.future(position)).max() < 0.3
        colours = {light.colour(driven.steps[position] * 0.05) for _, light in driven.lights}
        if waits and "red" in colours and len(driven.traffic.lanes[0]) == 1:
            scored = preferences(driven, position)
            started = [each.score for each in scored if np.hypot(*each.xy[-1]) > 5]
            assert started
            assert max(started) < 6
            path, s = driven.traffic.ego.route.path, driven.ego[driven.steps[position], 0]
            steps = driven.steps[position] + 5 * np.arange(22)
            assert _runs_red(driven, steps, path.along(path.xy, s + np.linspace(0, 60, 22)))
            assert not _runs_red(driven, steps, path.along(path.xy, np.full(22, s)))
            return
    pytest.fail("nobody waits at a red light")


def test_a_rater_takes_points_for_each_broken_rule(rated: list[tuple[Drive, tuple[Preference, ...]]]) -> None:
    hits = 0
    for driven, _ in rated[:8]:
        position = rated_position(driven)
        steps = driven.steps[position] + 5 * np.arange(22)
        log, heading = driven.pose(steps)
        assert _violations(driven, position, log) == 0
        left = np.stack([-np.sin(heading), np.cos(heading)], axis=1)
        assert _violations(driven, position, log + 60 * left) == 1, "off the road, where nobody is"
        for car in driven.traffic.others:
            path, s = car.route.path, np.array(car.track)[steps, 0]
            hits += _violations(driven, position, path.along(path.xy, s)) > 0
    assert hits > 10, "where another car drives, one hits it"


def test_a_broken_rule_costs_more_than_the_distance_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    driven = drive(SPEC, FIRST_NUMBER["val"])

    def scores(broken: int) -> list[float]:
        monkeypatch.setattr("roadcue.roadworld.preferences._violations", lambda *_: broken)
        return [each.score for each in preferences(driven, 5)]

    assert max(scores(0)) - max(scores(1)) == pytest.approx(3, abs=0.11)
