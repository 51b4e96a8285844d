"""The lens: noise that counts light, glare of a sun that is near, flakes as bright as the day, a camera's colours."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from roadcue.roadworld.camera import camera
from roadcue.roadworld.daylight import Daylight, draw_daylight, draw_skyline
from roadcue.roadworld.drive import drive
from roadcue.roadworld.flare import flare
from roadcue.roadworld.ground import lay
from roadcue.roadworld.lamplight import brightened, street_lamps
from roadcue.roadworld.lens import Lens, draw_lens
from roadcue.roadworld.mesh import Shape, place
from roadcue.roadworld.paint import Canvas
from roadcue.roadworld.render import Painter
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.shapes import signal
from roadcue.roadworld.sidewalk.furniture import lantern
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.texture import Texture
from roadcue.roadworld.view import View

PLAIN = Lens(noise=0.0, blur=(1, 1), shaking=0.0, seed=3)
FRONT = camera(RoadWorldSpec(), "FRONT")
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


def test_the_flare_is_as_bright_as_the_exposure_and_no_white_wall_is_the_sun() -> None:
    lens, sun = replace(PLAIN, veil=1.0), np.array([100.0, 60])
    veils = []
    for exposure in (1.0, 0.3):
        picture = grey(0)
        cv2.circle(picture, (100, 60), 4, (255, 255, 255), -1)
        before = picture.astype(int)
        veils.append(float((lens.expose(picture, light().exposed(exposure), 0, sun) - before)[80:].mean()))
    assert veils[0] > 5
    assert veils[1] / veils[0] == pytest.approx(0.3, abs=0.05)
    wall = light().exposed(10.0)
    np.testing.assert_array_equal(lens.expose(grey(200), wall, 0, sun), lens.expose(grey(200), wall, 0, None))


def test_a_picture_is_exposed_after_its_textures() -> None:
    noon = light()
    shape = Shape(SemanticClass.PLANT)
    shape.box((0, 1), (-8, 8), (0, 3), (120, 120, 120))
    square = np.array([(-400, -400), (400, -400), (400, 400), (-400, 400)])
    ground = lay([(square, (120, 120, 120), SemanticClass.ROAD)], [])
    seen = {}
    for exposure in (1.0, 3.0):
        bright = noon.exposed(exposure)
        canvas = Canvas(FRONT, bright, np.zeros(360), np.full(3, 120.0), Texture(0, 1.2, 0.5))
        hedge = place([shape.mesh()], np.array([[12.0, 0]]), np.zeros(1))
        lamp = place([signal("red")], np.array([[20.0, -3]]), np.zeros(1))
        picture = canvas.paint(View(np.eye(4), FRONT), ground, [hedge, lamp])
        seen[exposure] = PLAIN.expose(picture, bright, 0, None).astype(int)
    once, thrice = seen.values()
    dim = (once < 80) & (once > 12)
    assert np.median(thrice[dim] / once[dim]) == pytest.approx(3, abs=0.2)
    assert (thrice[once > 100] > 245).mean() > 0.999, "all but the lamp"
    red, redder = ((each[..., 0] - each[..., 1:].max(axis=-1)).max() for each in (once, thrice))
    assert redder > red - 20, "lamps keep their colour"


def test_a_walk_into_the_low_sun_shows_its_disc_and_a_veil() -> None:
    walk = Walk(SidewalkSpec(width=256, height=192), 5)
    walk._lens = replace(PLAIN, veil=1.0)
    walk.scene.things.clear()
    heading = walk.outing.pose(walk.step(0)).heading
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
        for exposure in (2.0, 1.0, 0.4):
            picture, exposed = grey(0), light("overcast", weather).exposed(exposure)
            PLAIN.fall(picture, exposed, 0)
            fallen.append(int(PLAIN.expose(picture, exposed, 0, None).max()))
        assert 0 < fallen[2] < 0.6 * fallen[1] < 0.6 * 0.6 * fallen[0]


def test_lenses_differ_and_hardly_ever_hide_a_colour() -> None:
    drawn = [draw_lens(np.random.default_rng(number)) for number in range(400)]
    assert 0.03 < np.mean([each.quality is not None for each in drawn]) < 0.25
    assert 0.1 < np.mean([each.blur != (1, 1) for each in drawn]) < 0.4
    assert np.std([each.balance for each in drawn], axis=0).min() > 0.03
    assert np.ptp([each.contrast for each in drawn]) > 0.8
    low, sun, worst = light("low sun"), np.array([100.0, 60]), []
    for lens in drawn[:100]:
        for conditions, shown in ((light(), None), (light("overcast", "rain"), None), (low, sun)):
            picture = grey(90)
            places = [(y, x) for y in range(10, 230, 20) for x in range(10, 206, 20)]
            for y, x in places:
                picture[y : y + 10, x : x + 10] = (255, 30, 24)
            if shown is not None:
                cv2.circle(picture, (100, 60), 4, (255, 255, 255), -1)
            wet_and_dirty = replace(lens, drops=max(lens.drops, 4), dirt=max(lens.dirt, 2))
            seen = wet_and_dirty.expose(picture, conditions, 0, shown).astype(int)
            lamps = np.array([seen[y + 2 : y + 8, x + 2 : x + 8].mean(axis=(0, 1)) for y, x in places])
            worst.append((lamps[:, 0] - lamps[:, 1:].max(axis=1)).min())
    assert min(worst) > 50


def test_each_camera_has_its_own_noise_drops_and_dirt_at_a_moment_and_all_shake_together() -> None:
    lens = Lens(noise=2.0, blur=(1, 1), shaking=1.0, seed=3, drops=5, dirt=3)
    left, right = lens.on("FRONT_LEFT"), lens.on("FRONT_RIGHT")
    assert left == lens.on("FRONT_LEFT")
    for part in ("noise", "drops", "dirt"):
        ramp = np.random.default_rng(0).integers(60, 200, (*SIZE, 3), np.uint8)
        others = dict.fromkeys({"noise", "drops", "dirt"} - {part}, 0)
        one, two = (
            replace(each, **others).expose(ramp.copy(), light("overcast", "rain"), 0, None).astype(int)
            for each in (left, right)
        )
        assert np.abs(one - two).max() > 5
    spec = replace(RoadWorldSpec(), train_sequences=1, seconds=2.0, cameras=("FRONT",), width=243, height=270)
    painters = {}
    for stride in (1, 10):
        strided = replace(spec, stride=stride)
        painters[stride] = Painter(drive(strided, 0), {"FRONT": camera(strided, "FRONT")})
        painters[stride]._lens, painters[stride]._lenses = lens, {"FRONT": left}
    np.testing.assert_array_equal(painters[1].paint(10, "FRONT"), painters[10].paint(1, "FRONT"))


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


def test_the_pool_of_a_lamp_does_not_appear_at_once() -> None:
    pools = []
    for ahead in (45.0, 39.8, 35.0, 28.0):
        lamp = place([lantern()], np.array([[ahead + 1.6, 0]]), np.zeros(1))
        here = street_lamps(View(np.eye(4), FRONT), lamp)
        spot = brightened(here, np.array([[ahead + 1.6, 0]]))[0, 0]
        pools.append(spot - 1)
    assert pools[0] == 0
    assert 0 < pools[1] < 0.05 * pools[3]
    assert pools[2] == pytest.approx(pools[3] / 2, rel=0.05)


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
