"""What lines the streets: it has many looks, stands where it may, and hides no reason to drive otherwise."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from roadcue.roadworld.camera import camera
from roadcue.roadworld.clutter import CLUTTER, draw_clutter
from roadcue.roadworld.drive import Drive, drive
from roadcue.roadworld.furniture import bench, bin_, bollard, hydrant
from roadcue.roadworld.ground import lay
from roadcue.roadworld.lamplight import alight
from roadcue.roadworld.mesh import Glass, Mesh, place
from roadcue.roadworld.paint import paint_classes
from roadcue.roadworld.people import person
from roadcue.roadworld.render import Painter
from roadcue.roadworld.road import ROAD_HALF_WIDTH_M, Path
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.shapes import SEASONS, STYLES, WALLS, house, tree
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.traffic import FRONT_M, REAR_M
from roadcue.roadworld.vehicles import car, truck
from roadcue.roadworld.view import View

SPEC = RoadWorldSpec(seconds=0.1, stride=1)
FRONT = camera(SPEC, "FRONT")
ROAD = lay([(np.array([(-9, -9), (90, -9), (90, 9), (-9, 9)]), (92, 94, 99), SemanticClass.ROAD)], [])
STYLE_NUMBERS = range(STYLES)


@pytest.fixture(scope="module")
def drives() -> list[Drive]:
    return [drive(SPEC, number) for number in range(10)]


def clutter_of(driven: Drive, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """(n, 3) points of all clutter that stands in a drive, in the world's frame."""
    with monkeypatch.context() as patch:
        for name in ("_houses", "_kerbside", "_parked_cars", "_debris", "works_plots"):
            patch.setattr(f"roadcue.roadworld.scenery.{name}", lambda *_: iter(()))
        standing = Painter(driven, {}).standing
    return np.concatenate([standing.quads.reshape(-1, 3), standing.centres])


def faces(mesh: Mesh) -> bytes:
    return mesh.colours.tobytes() + mesh.quads.tobytes()


def side_of(road: Path, xy: np.ndarray) -> float:
    """Metres left of the road's middle."""
    s = road.nearest(xy)
    heading = float(road.along(road.heading, s))
    return float((xy - road.along(road.xy, s)) @ [-np.sin(heading), np.cos(heading)])


def test_clutter_stands_beside_the_roads_and_away_from_whoever_crosses(
    drives: list[Drive], monkeypatch: pytest.MonkeyPatch
) -> None:
    points = 0
    for driven in drives:
        streets, low = driven.streets, clutter_of(driven, monkeypatch)
        low = low[low[:, 2] < 3.0]  # people's and cars' height: arms of poles may reach over a road
        for road in streets.roads.values():
            gaps = np.hypot(*(low[:, None, :2] - road.xy[::8]).transpose(2, 0, 1)).min(axis=1, initial=99)
            assert (gaps > ROAD_HALF_WIDTH_M).all()
        for s in streets.crossings:
            for offset in (-ROAD_HALF_WIDTH_M - 0.7, ROAD_HALF_WIDTH_M + 0.7):
                assert (np.hypot(*(low[:, :2] - streets.main.beside(s, offset)).T) > 8).all()
        points += len(low)
    assert points > 1000


def test_the_kerb_that_a_reason_needs_is_kept_clear_of_clutter(
    drives: list[Drive], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pairs name stretches of the kerb so that nothing hides who comes from there."""
    right_of_it = 0
    for driven in drives[:5]:
        kerb = ((-np.inf, np.inf),)
        without = replace(driven, streets=replace(driven.streets, kerb_in_use=kerb))
        before, after = (clutter_of(each, monkeypatch)[:, :2] for each in (driven, without))
        sides = [[side_of(driven.streets.main, xy) for xy in some] for some in (before, after)]
        right_of_it += sum(-12 < offset < 0 for offset in sides[0])
        assert not any(-12 < offset < 0 for offset in sides[1])
    assert right_of_it > 100


@pytest.mark.parametrize("name", CLUTTER)
def test_clutter_has_few_faces_and_is_nothing_that_drivers_heed(name: str) -> None:
    for style in STYLE_NUMBERS:
        mesh = CLUTTER[name].mesh(style)
        assert len(mesh.classes) <= 40
        assert set(mesh.classes.tolist()) <= {
            SemanticClass.POLE,
            SemanticClass.SIGN,
            SemanticClass.PLANT,
            SemanticClass.FURNITURE,
        }
        assert not mesh.shines.any()


def test_obstacles_of_a_walk_are_furniture_beside_a_drive() -> None:
    """So that the class of cones and of what lies on the road means just these."""
    for name, alone in (("bin", bin_(3)), ("bench", bench(3)), ("bollard", bollard(3)), ("hydrant", hydrant())):
        beside = CLUTTER[name].mesh(3)
        assert faces(alone) == faces(beside)
        assert set(alone.classes.tolist()) == {SemanticClass.OBSTACLE}
        assert set(beside.classes.tolist()) == {SemanticClass.FURNITURE}


def test_every_kind_of_clutter_is_drawn_as_often_as_its_share() -> None:
    assert sum(each.share for each in CLUTTER.values()) == pytest.approx(1)
    rng = np.random.default_rng(0)
    made = {faces(each.mesh(style)): name for name, each in CLUTTER.items() for style in STYLE_NUMBERS}
    drawn = Counter(made[faces(draw_clutter(rng)[0])] for _ in range(2000))
    for name, each in CLUTTER.items():
        assert drawn[name] / 2000 == pytest.approx(each.share, abs=0.03)


@pytest.mark.parametrize("look", [car, truck])
def test_every_vehicle_shows_its_brake_lights_and_is_as_long_as_the_driven_world_says(
    look: Callable[..., Mesh],
) -> None:
    for style in STYLE_NUMBERS:
        ahead = [place([look(style, braking)], np.array([[18.0, 0.0]]), np.zeros(1)) for braking in (False, True)]
        seen = [paint_classes(View(np.eye(4), FRONT), ROAD, [each]) for each in ahead]
        off, on = ((classes == SemanticClass.BRAKE_LIGHT).sum() for classes in seen)
        assert off == 0
        assert on > 150
        body = look(style).quads[1:, :, 0]  # the shadow comes first
        assert body.min() == pytest.approx(-REAR_M, abs=0.02)
        assert body.max() == pytest.approx(FRONT_M, abs=0.02)


@pytest.mark.parametrize(
    ("look", "least"),
    [
        (car, 40),
        (lambda style: house(10, 3, style), 40),
        (lambda style: house(10, 2, style), 40),
        (lambda style: tree(7, style, "summer"), 20),
        (lambda style: person(style, 0), 50),
    ],
)
def test_styles_differ(look: Callable[[int], Mesh], least: int) -> None:
    assert len({faces(look(style)) for style in STYLE_NUMBERS}) >= least


def test_the_walls_of_a_house_come_first_and_are_of_the_known_colours() -> None:
    """So that a pair can change them."""
    for style in STYLE_NUMBERS:
        for floors in (1, 4):
            colours = house(9, floors, style).colours
            share = colours[0] / np.array(WALLS)[style % len(WALLS)]
            assert np.ptp(share) < 1e-5
            assert (colours[:4] == colours[0]).all()


def test_windows_shine_in_some_houses_and_only_in_the_dark() -> None:
    houses = [house(10, 4, style) for style in STYLE_NUMBERS]
    assert not any(each.shines.any() for each in houses)
    shining = [alight(each).shines.mean() for each in houses]
    assert 0 in shining
    assert 0.1 < np.mean(shining) < 0.5
    for each in houses:
        dark, lamps = alight(each), each.glass == Glass.LAMP
        assert (dark.colours[lamps].max(axis=1, initial=255) > 254).all(), "of their own colour, as bright as can be"
        assert (np.argsort(dark.colours, axis=1)[lamps] == np.argsort(each.colours, axis=1)[lamps]).all()
        np.testing.assert_array_equal(dark.colours[~lamps], each.colours[~lamps])


def test_shop_windows_shine_in_the_dark() -> None:
    shop = house(10, 4, 0)
    windows = (shop.quads[..., 2].min(axis=1) < 0.5) & (shop.quads[..., 2].max(axis=1) == np.float32(2.9))
    assert windows.sum() == 1
    assert alight(shop).shines[windows].all()


def test_trees_turn_with_the_season_and_are_bare_in_winter() -> None:
    for style in STYLE_NUMBERS:
        looks = [tree(8, style, season) for season in SEASONS]
        evergreen = style % 6 == 0
        assert len({look.colours.tobytes() for look in looks}) == (1 if evergreen else len(SEASONS))
        assert len(looks[SEASONS.index("winter")].radii) == 0


def test_where_snow_lies_the_trees_are_bare() -> None:
    seasons = Counter()
    for number in range(40):
        painter = Painter(drive(SPEC, number), {})
        standing = painter.standing
        discs = standing.classes[len(standing.quads) :] == SemanticClass.TREE
        if (standing.classes == SemanticClass.TREE).any():
            seasons[painter.light.weather == "snow", bool(discs.any())] += 1
    assert seasons[True, False] > 0
    assert seasons[True, True] == 0
    assert seasons[False, True] > seasons[False, False] > 0
