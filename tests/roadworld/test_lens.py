"""The lens: noise that counts light, glare of a sun that is near, flakes as bright as the day, a camera's colours."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from roadcue.roadworld.daylight import Daylight, draw_daylight, draw_skyline
from roadcue.roadworld.flare import flare
from roadcue.roadworld.lens import Lens, draw_lens
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.walk import Walk

PLAIN = Lens(noise=0.0, blur=(1, 1), shaking=0.0, seed=3)
SIZE = (240, 216)


def light(hour: str = "noon", weather: str = "dry") -> Daylight:
    return draw_daylight(np.random.default_rng(0), hour, weather)


def grey(level: int) -> np.ndarray:
    return np.full((*SIZE, 3), level, np.uint8)


def test_a_perfect_lens_leaves_the_picture_as_it_is() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    assert np.abs(PLAIN.expose(ramp.copy(), light(), 0, None).astype(int) - ramp).max() <= 1


def test_noise_grows_with_the_signal_and_is_another_in_every_frame() -> None:
    lens = replace(PLAIN, noise=4.0)
    spread = {level: lens.expose(grey(level), light(), 0, None).std() for level in (16, 64, 128, 200)}
    assert spread[128] == pytest.approx(4 * light().brightness ** -0.5, rel=0.2)
    assert spread[16] < spread[64] < spread[128] < spread[200]
    assert spread[200] / spread[64] == pytest.approx((200 / 64) ** 0.5, rel=0.25)
    first, second = (lens.expose(grey(128), light(), frame, None).astype(float) for frame in (0, 1))
    for shift in range(6):
        moved = np.roll(second, shift, axis=1)
        assert abs(np.corrcoef(first.ravel(), moved.ravel())[0, 1]) < 0.05
    np.testing.assert_array_equal(first, lens.expose(grey(128), light(), 0, None))
    night = lens.expose(grey(128), light("night"), 0, None).std()
    assert night > 1.2 * spread[128]


def test_the_flare_is_of_a_sun_in_or_near_the_picture() -> None:
    def glare(at: tuple[float, float], sky: int = 255) -> float:
        picture = grey(100)
        cv2.circle(picture, tuple(int(c) for c in at), 4, (sky, sky, sky), -1)
        before = picture.astype(int)
        flare(picture, np.array(at), 1.0)
        return float((picture - before).mean())

    inside, edge, beside, away = (glare(at) for at in ((100, 60), (214, 60), (250, 60), (400, 60)))
    assert inside > 5
    assert edge > beside > 0
    assert away == 0
    assert glare((100, 60), sky=60) == 0, "something stands before it"


def test_a_walk_into_the_low_sun_shows_its_disc_and_a_veil() -> None:
    walk = Walk(SidewalkSpec(width=256, height=192), 5)
    walk._lens = replace(PLAIN, veil=1.0)
    walk.scene.things.clear()
    heading = float(walk.scene.camera_heading[0])
    pictures = {}
    for name, turn in (("before", 0.0), ("behind", np.pi)):
        sun = np.array([np.cos(heading + turn) * np.cos(0.12), np.sin(heading + turn) * np.cos(0.12), np.sin(0.12)])
        low = replace(light("low sun"), sun=sun)
        walk.light = low
        walk._canvas = walk._stretch(np.zeros(360), walk._canvas.texture)
        pictures[name] = walk.paint(0).astype(int)
    assert (pictures["before"].min(axis=-1) >= 240).sum() > 10
    assert pictures["before"].mean() > pictures["behind"].mean() + 5


def test_what_falls_is_dark_in_a_dark_picture() -> None:
    for weather in ("rain", "snow"):
        fallen = []
        for exposure in (1.0, 0.4):
            picture = grey(0)
            PLAIN.fall(picture, light("overcast", weather).exposed(exposure), 0)
            fallen.append(int(picture.max()))
        assert 0 < fallen[1] < 0.6 * fallen[0]


def test_lenses_differ_and_hardly_ever_hide_a_colour() -> None:
    drawn = [draw_lens(np.random.default_rng(number)) for number in range(400)]
    assert 0.03 < np.mean([each.quality is not None for each in drawn]) < 0.25
    assert 0.1 < np.mean([each.blur != (1, 1) for each in drawn]) < 0.4
    assert np.std([each.balance for each in drawn], axis=0).min() > 0.03
    assert np.ptp([each.contrast for each in drawn]) > 0.8
    hidden = 0
    for each in drawn[:100]:
        picture = grey(90)
        picture[100:110, 100:110] = (255, 30, 24)
        seen = each.expose(picture, light(), 0, None)[102:108, 102:108].astype(int).mean(axis=(0, 1))
        hidden += seen[0] - seen[1:].max() < 80
    assert hidden == 0


def test_corners_are_darker_and_fringes_part_the_colours() -> None:
    dim = replace(PLAIN, corners=0.4).expose(grey(200), light(), 0, None)
    assert dim[0, 0, 0] == pytest.approx(120, abs=6)
    assert dim[120, 108, 0] >= 198
    picture = grey(0)
    picture[:, 200:] = 255
    fringed = replace(PLAIN, fringe=2.0).expose(picture, light(), 0, None).astype(int)
    assert np.abs(fringed[120, 190:210, 0] - fringed[120, 190:210, 2]).max() > 60


def test_dirt_dulls_spots_that_stay_where_they_are() -> None:
    lens = replace(PLAIN, dirt=3)
    first, second = (lens.expose(grey(200), light(), frame, None) for frame in (0, 1))
    np.testing.assert_array_equal(first, second)
    dull = (first[..., 0] < 190).mean()
    assert 0.001 < dull < 0.2
    assert (replace(lens, seed=4).expose(grey(200), light(), 0, None) != first).any()


def test_drops_are_those_of_rain() -> None:
    lens = replace(PLAIN, drops=6)
    picture = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8)
    dry, wet = (lens.expose(picture.copy(), light("overcast", each), 0, None) for each in ("dry", "rain"))
    changed = (np.abs(wet.astype(int) - dry) > 1).any(axis=-1).mean()
    assert 0.001 < changed < 0.2


def test_a_night_walk_has_lit_lamps_and_no_headlights() -> None:
    walk = Walk(SidewalkSpec(width=256, height=192), 8)
    things = walk.scene.things
    walk.light = light("night").on_foot()
    walk._lens = PLAIN
    walk._canvas = walk._stretch(draw_skyline(np.random.default_rng(0)), walk._canvas.texture)
    assert walk.light.headlights == 0
    picture = walk.paint(0).astype(int)
    upper = picture[: SIZE[0] // 3]
    assert (upper.min(axis=-1) > 150).any(), "a lantern"
    assert 12 < picture.mean() < 90
    assert len(walk._meshes(0)) == 2
    lanterns = len(walk._meshes(0)[0].origins)
    assert walk.last_number == lanterns + len(things)
    assert 0 < walk.instances(0).mask.max() <= walk.last_number
    by_day = Walk(SidewalkSpec(width=256, height=192), 8)
    by_day.light = light("noon").on_foot()
    assert len(by_day._meshes(0)) == 1
