"""Textures: anchored in the world, gone far away, other ones in another sequence, and of what is painted."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from roadcue.roadworld.camera import camera
from roadcue.roadworld.daylight import Daylight, draw_daylight, draw_skyline
from roadcue.roadworld.face_texture import Face, FaceTextures
from roadcue.roadworld.ground import Ground, lay
from roadcue.roadworld.mesh import Mesh, Shape, place
from roadcue.roadworld.paint import Canvas
from roadcue.roadworld.pattern import NEUTRAL, grain_levels, ground_levels, upright_levels
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.shapes import house
from roadcue.roadworld.sidewalk.furniture import hedge
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.texture import Texture, draw_texture
from roadcue.roadworld.view import View
from roadcue.roadworld.weather import SNOW

FRONT = camera(RoadWorldSpec(), "FRONT")
ROUGH, SMOOTH = Texture(0, 1.3, 0.0), Texture(0, 0.0, 0.0)
SKYLINE = draw_skyline(np.random.default_rng(0))
GREY = (120.0, 120.0, 120.0)


def noon(weather: str = "dry") -> Daylight:
    return draw_daylight(np.random.default_rng(1), "noon", weather)


def plain(semantic: SemanticClass = SemanticClass.ROAD) -> Ground:
    square = np.array([(-400, -400), (400, -400), (400, 400), (-400, 400)])
    return lay([(square, GREY, semantic)], [])


def paint(
    texture: Texture,
    ground: Ground,
    at: tuple[float, float] = (0, 0),
    *,
    light: Daylight | None = None,
    mesh: Mesh | None = None,
) -> np.ndarray:
    pose = np.eye(4)
    pose[:2, 3] = at
    canvas = Canvas(FRONT, light or noon(), SKYLINE, np.array(GREY), texture)
    return canvas.paint(View(pose, FRONT), ground, [mesh] if mesh else []).astype(int)


def looks(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The grey of the picture at points (n, 3) of the ego frame."""
    (u, v) = np.floor(FRONT.project(points)[0]).astype(int).T
    return picture[v, u, 1]


def alike(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def rows(picture: np.ndarray, nearer: float, farther: float) -> np.ndarray:
    """The rows of the picture that show the ground between two distances."""
    (_, top), (_, bottom) = FRONT.project(np.array([[farther, 0, 0], [nearer, 0, 0]]))[0]
    return picture[int(top) + 1 : int(bottom)]


def test_the_ground_has_the_same_tint_from_wherever_it_is_seen() -> None:
    near, far = (paint(ROUGH, plain(SemanticClass.GRASS), (x, 0.7)) for x in (1003.0, 1001.5))
    spots = np.random.default_rng(0).uniform((7, -2, 0), (11, 2, 0), (4000, 3))
    assert alike(looks(near, spots), looks(far, spots + np.array([1.5, 0, 0]))) > 0.75
    assert abs(alike(looks(near, spots), looks(far, spots))) < 0.3


def test_a_wall_has_the_same_tint_from_wherever_it_is_seen() -> None:
    shape = Shape(SemanticClass.PLANT)
    shape.box((0, 1), (-4, 4), (0, 3), (110, 130, 90))
    green = place([shape.mesh()], np.array([[512.0, 3]]), np.zeros(1))
    near, far = (paint(ROUGH, plain(), (x, 3.0), mesh=green) for x in (504.0, 503.0))
    spots = np.random.default_rng(0).uniform((8, -2.5, 0.5), (8, 2.5, 2.8), (4000, 3))
    assert alike(looks(near, spots), looks(far, spots + np.array([1, 0, 0]))) > 0.6
    assert abs(alike(looks(near, spots), looks(far, spots + np.array([1, 0.7, 0])))) < 0.3


def test_far_away_nothing_is_left_of_the_grain() -> None:
    for semantic in (SemanticClass.ROAD, SemanticClass.SIDEWALK, SemanticClass.GRASS):
        rough = paint(ROUGH, plain(semantic)) - paint(SMOOTH, plain(semantic))
        close, farther, far = (rows(rough, *span).std() for span in ((5, 7), (45, 60), (72, 120)))
        assert close > 4
        assert farther < 0.5 * close
        assert far < 0.5
    near, ahead = (paint(ROUGH, plain(), (x, 0.7)) for x in (1003.0, 1001.5))
    spots = np.random.default_rng(0).uniform((25, -2, 0), (35, 2, 0), (4000, 3))
    assert alike(looks(near, spots), looks(ahead, spots + np.array([1.5, 0, 0]))) > 0.4, "hardly a shimmer"


def test_a_wide_camera_loses_patterns_nearer_and_a_narrow_one_keeps_them_farther() -> None:
    spread = {}
    for degrees in (25.0, 50.0, 120.0):
        seen = camera(replace(RoadWorldSpec(), field_of_view=degrees), "FRONT")
        rough, smooth = (
            Canvas(seen, noon(), SKYLINE, np.array(GREY), each).paint(View(np.eye(4), seen), plain(), []).astype(int)
            for each in (ROUGH, SMOOTH)
        )
        for span in ((21, 45), (72, 110)):
            (_, top), (_, bottom) = seen.project(np.array([[span[1] + 1.6, 0, 0], [span[0] + 1.6, 0, 0]]))[0]
            spread[degrees, span[0]] = (rough - smooth)[int(top) : int(bottom) + 1].std()
    assert spread[50.0, 21] > 1.5
    assert spread[120.0, 21] < 0.5
    assert spread[50.0, 72] < 0.5 < spread[25.0, 72]


def test_asphalt_is_no_grainier_than_in_photographs() -> None:
    steps = []
    for pattern in range(4):
        road = rows(paint(Texture(pattern, 0.7, 0.0), plain(), light=replace(noon(), haze_m=1e6)), 5, 14)[..., 1]
        steps.append(np.abs(np.diff(road, axis=1)).mean())
    assert 0.5 < np.mean(steps) < 1.0


@pytest.mark.parametrize("levels", [ground_levels(1), grain_levels(1), *upright_levels(1)])
def test_a_pattern_fades_from_level_to_level_and_changes_no_brightness(levels: list[np.ndarray]) -> None:
    spread = [level.std(axis=(0, 1)).max() for level in levels]
    assert all(coarse < fine for fine, coarse in pairwise(spread))
    for level in levels:
        assert np.abs(level.mean(axis=(0, 1)) - NEUTRAL).max() < 0.05 * NEUTRAL


def test_sequences_differ_in_pattern_and_strength() -> None:
    drawn = [draw_texture(np.random.default_rng(number)) for number in range(40)]
    assert len({each.pattern for each in drawn}) > 3
    assert max(each.strength for each in drawn) > 2 * min(each.strength for each in drawn)
    assert 0.1 < np.mean([each.shady > 0 for each in drawn]) < 0.8
    ground = plain()
    one, other = (rows(paint(Texture(pattern, 1.0, 0.0), ground), 5, 8) for pattern in (0, 1))
    assert abs(alike(one[..., 1].ravel(), other[..., 1].ravel())) < 0.2
    weak, strong = (rows(paint(Texture(0, strength, 0.0), ground), 5, 8).std() for strength in (0.5, 1.0))
    assert strong > 1.5 * weak


def test_grass_is_rougher_than_asphalt() -> None:
    grass, asphalt = (
        rows(paint(ROUGH, plain(each)), 5, 8).std() for each in (SemanticClass.GRASS, SemanticClass.ROAD)
    )
    assert grass > 1.3 * asphalt


@pytest.mark.parametrize(("floors", "style"), [(4, 3), (2, 5)], ids=["a shop", "a pitched roof"])
def test_walls_have_a_texture_and_windows_awnings_and_roofs_are_smooth(floors: int, style: int) -> None:
    built = place([house(10, floors, style)], np.array([[12.0, 0.0]]), np.array([-np.pi / 2]))
    view = View(np.eye(4), FRONT)
    seen = view.crop(built)
    numbers = FaceTextures.of(view, seen, view.to_camera(seen.middles), 0, np.ones(len(seen.classes))).numbers
    walls = (seen.colours == built.colours[0]).all(axis=1) & (seen.normals[:, 2] == 0)
    assert numbers[walls].any()
    assert not numbers[~walls].any()


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (4, 1), (2, 3)], ids=str)
def test_a_face_of_which_a_few_pixels_are_in_the_picture_has_its_pattern_on_its_own_alone(
    size: tuple[int, int],
) -> None:
    rows, columns = slice(5, 5 + size[0]), slice(7, 7 + size[1])
    picture, numbers = np.full((20, 30, 3), 100, np.uint8), np.zeros((20, 30), np.uint8)
    numbers[rows, columns] = 3
    numbers[5, 8] = 4  # of another face
    face = Face(3, np.full((8, 8), NEUTRAL + 20, np.uint8), np.eye(3), rows, columns)
    FaceTextures(np.array([3], np.uint8), [face]).onto(picture, numbers)
    np.testing.assert_array_equal((picture != 100).all(axis=2), numbers == 3)


def test_shade_lies_where_the_sun_shines_and_nowhere_else() -> None:
    shady = Texture(0, 0.0, 0.5)
    sunny, cloudy = noon(), draw_daylight(np.random.default_rng(1), "night", "dry")
    assert (
        rows(paint(shady, plain(), light=sunny), 5, 20).std()
        > 2 * rows(paint(SMOOTH, plain(), light=sunny), 5, 20).std()
    )
    np.testing.assert_array_equal(paint(shady, plain(), light=cloudy), paint(SMOOTH, plain(), light=cloudy))


def test_shade_fades_to_its_mean_and_goes_on_to_the_horizon() -> None:
    clear = replace(noon(), haze_m=1e6)
    shady, sunny = (paint(Texture(0, 0.0, share), plain(), light=clear) for share in (0.5, 0.0))
    close, far, farthest = (rows(shady, *span)[..., 1].std(axis=1) for span in ((5, 20), (40, 69), (72, 200)))
    assert close.mean() > 10
    assert far.mean() < 0.5 * close.mean()
    assert farthest.max() < 0.5
    mean = 1 - 0.5 + 0.5 * clear.shadow
    for span in ((60, 69), (72, 200)):
        assert rows(shady, *span).mean() / rows(sunny, *span).mean() == pytest.approx(mean, abs=0.03)
    hills = slice(0, int(FRONT.intrinsic[3]))
    np.testing.assert_array_equal(shady[hills], sunny[hills])


def test_snow_covers_and_brightens_nothing() -> None:
    square = np.array([(-400, -400), (400, -400), (400, 400), (-400, 400)])
    line = np.array([[(2, -1), (200, -1), (200, 1), (2, 1)]], float)
    yellow = lay([(square, GREY, SemanticClass.ROAD)], [(line, (216, 172, 52), SemanticClass.MARKING)])
    light = replace(noon("snow"), haze_m=1e6)
    white = light.ground(np.array([SNOW]))[0]
    ahead = np.random.default_rng(0).uniform((7.6, -0.8, 0), (51.6, 0.8, 0), (2000, 3))
    u, v = np.floor(FRONT.project(ahead)[0]).astype(int).T
    covered, half = (paint(SMOOTH, yellow, light=replace(light, snow=snow))[v, u] for snow in (0.9, 0.4))
    assert np.abs(covered.mean(axis=0) - np.minimum(white, 255)).max() < 25
    assert (half <= np.minimum(np.maximum(white, light.ground(np.array([GREY]))[0] + 3), 255) + 3).all()
    bare, snowy = (paint(ROUGH, plain(), light=replace(light, snow=snow)) for snow in (0.0, 0.9))
    for span in ((5, 10), (40, 60), (72, 200)):
        assert rows(snowy, *span).mean() > 1.5 * rows(bare, *span).mean(), "not bare far away"
    assert rows(paint(ROUGH, plain(), light=replace(light, snow=0.9)), 5, 8).max(axis=-1).mean() < 254


def test_snow_lies_on_paths_grass_and_hedges() -> None:
    snowy, dry = noon("snow"), noon()
    for semantic in (SemanticClass.ROAD, SemanticClass.SIDEWALK, SemanticClass.GRASS):
        white, bare = (rows(paint(ROUGH, plain(semantic), light=each), 5, 8).mean() for each in (snowy, dry))
        assert white > 1.1 * bare
    top = hedge(0, 8)
    lit = snowy.snowed(top.colours, top.normals)
    looks_up = top.normals[:, 2] > 0.9
    assert (lit[looks_up] > top.colours[looks_up] + 15).all()
    assert (lit[~looks_up] == top.colours[~looks_up]).all()
    np.testing.assert_array_equal(dry.snowed(top.colours, top.normals), top.colours)
