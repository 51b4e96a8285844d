"""What RoadWorld paints of a scene: where the calibration says, legible at a glance, in every hour and weather."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from roadcue.roadworld import RoadWorldSpec
from roadcue.roadworld.camera import camera, scaled
from roadcue.roadworld.daylight import HOURS, Daylight, draw_daylight, draw_grass, draw_skyline
from roadcue.roadworld.ground import Ground, lay
from roadcue.roadworld.lens import Lens
from roadcue.roadworld.mesh import Mesh, place
from roadcue.roadworld.paint import Canvas, paint_classes
from roadcue.roadworld.people import cyclist, person
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.shapes import cone, signal
from roadcue.roadworld.texture import Texture
from roadcue.roadworld.vehicles import car
from roadcue.roadworld.view import View
from roadcue.roadworld.weather import WEATHERS, Falling, Weather, draw_walk, draw_weather
from roadcue.schema import CameraCalibration

SPEC = RoadWorldSpec(stride=30)
CAMERAS = {name: camera(SPEC, name) for name in ("FRONT_LEFT", "FRONT", "FRONT_RIGHT")}
YAWS = {"FRONT_LEFT": 45, "FRONT": 0, "FRONT_RIGHT": -45}


def _square(x: float, y: float, half: float) -> np.ndarray:
    return np.array([(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)])


ROAD = lay([(_square(0, 0, 300), (92, 94, 99), SemanticClass.ROAD)], [])


TEXTURE = Texture(pattern=0, strength=1.0, shady=0.0)


def _paint(
    light: Daylight, meshes: list[Mesh], ground: Ground = ROAD, camera: CameraCalibration = CAMERAS["FRONT"]
) -> np.ndarray:
    rng = np.random.default_rng(0)
    canvas = Canvas(camera, light, draw_skyline(rng), draw_grass(rng, light), TEXTURE)
    return canvas.paint(View(np.eye(4), camera), ground, meshes).astype(int)


def _at(x: float, y: float, mesh: Mesh) -> Mesh:
    return place([mesh], np.array([[x, y]]), np.zeros(1))


def _pixel(camera: CameraCalibration, *point: float) -> tuple[int, int]:
    """(row, column) of a point, metres in the ego frame."""
    (pixel,), _ = camera.project(np.array([point]))
    return int(pixel[1]), int(pixel[0])


def _lamp_height(kind: SemanticClass, reach: float) -> float:
    mesh = signal({SemanticClass.LIGHT_RED: "red", SemanticClass.LIGHT_GREEN: "green"}[kind], reach)
    return float(mesh.middles[mesh.classes == kind][0, 2])


# The cameras


@pytest.mark.parametrize("name", CAMERAS)
def test_a_camera_looks_where_waymos_does(name: str) -> None:
    turn = CAMERAS[name].extrinsic[:3, :3]
    assert turn @ turn.T == pytest.approx(np.eye(3))
    assert np.degrees(np.arctan2(turn[1, 0], turn[0, 0])) == pytest.approx(YAWS[name])
    assert turn[2] == pytest.approx([0, 0, 1]), "level"


@pytest.mark.parametrize("name", CAMERAS)
def test_a_spot_on_the_ground_is_painted_where_the_calibration_says(name: str) -> None:
    yaw = np.radians(YAWS[name])
    light = draw_daylight(np.random.default_rng(0), "noon", "dry")
    for distance, bearing in ((8, 0.0), (15, 0.3), (15, -0.3), (30, 0.2)):
        x, y = distance * np.cos(yaw + bearing), distance * np.sin(yaw + bearing)
        spot = lay(
            [
                (_square(0, 0, 300), (92, 94, 99), SemanticClass.ROAD),
                (_square(x, y, 0.5), (255, 0, 0), SemanticClass.SIGN),
            ],
            [],
        )
        picture = _paint(light, [], spot, CAMERAS[name])
        red = np.argwhere(picture[..., 0] - picture[..., 1] > 80)
        row, column = _pixel(CAMERAS[name], x, y, 0)
        assert red.mean(axis=0) == pytest.approx([row, column], abs=1.5)
        classes = paint_classes(View(np.eye(4), CAMERAS[name]), spot, [])
        assert classes[row, column] == SemanticClass.SIGN


def test_a_pitched_camera_has_its_horizon_higher_up() -> None:
    pitch = np.radians(10)
    extrinsic = np.eye(4)
    extrinsic[:3, :3] = [[np.cos(pitch), 0, np.sin(pitch)], [0, 1, 0], [-np.sin(pitch), 0, np.cos(pitch)]]
    extrinsic[2, 3] = 1.25
    chest = CameraCalibration(CAMERAS["FRONT"].intrinsic, extrinsic, SPEC.width, SPEC.height)
    row, column = _pixel(chest, 1e6, 0, 0)
    assert row < _pixel(CAMERAS["FRONT"], 1e6, 0, 0)[0] - 80
    classes = paint_classes(View(np.eye(4), chest), ROAD, [])
    assert classes[row - 4, column] == SemanticClass.SKY
    assert classes[row + 4, column] == SemanticClass.ROAD
    picture = _paint(draw_daylight(np.random.default_rng(0), "noon", "fog"), [], ROAD, chest)
    assert np.abs(np.diff(picture[row - 6 : row + 6].mean(axis=(1, 2)))).max() < 12, "fog hides the horizon"


# Legible at a glance


@pytest.mark.parametrize("weather", WEATHERS)
@pytest.mark.parametrize("hour", HOURS)
def test_the_colour_of_a_traffic_light_is_seen_from_60_m_in_224_pixels(hour: str, weather: str) -> None:
    light = draw_daylight(np.random.default_rng(5), hour, weather)
    seen = {}
    for kind, colour in ((SemanticClass.LIGHT_RED, "red"), (SemanticClass.LIGHT_GREEN, "green")):
        picture = _paint(light, [_at(61.6, 0, signal(colour))]).astype(np.uint8)
        lens = Lens(noise=3.0, blur=(3, 3), shaking=0.0, seed=1)
        lens.fall(picture, light, 0)
        picture = lens.expose(picture, light, 0, None)
        small = cv2.resize(picture, (224, 224), interpolation=cv2.INTER_AREA).astype(int)
        row, column = _pixel(CAMERAS["FRONT"], 61.6, 0, _lamp_height(kind, 0))
        row, column = row * 224 // SPEC.height, column * 224 // SPEC.width
        lamp = small[row - 2 : row + 3, column - 2 : column + 3]
        seen[colour] = (lamp[..., 0] - lamp[..., 1:].max(axis=-1)).max(), (lamp[..., 1] - lamp[..., 0]).max()
    assert seen["red"][0] > 70
    assert seen["green"][1] > 60
    assert seen["green"][0] < 25
    assert seen["red"][1] < 25


def test_a_traffic_light_shows_nothing_to_those_behind_it() -> None:
    for colour, kind in (("red", SemanticClass.LIGHT_RED), ("green", SemanticClass.LIGHT_GREEN)):
        view = View(np.eye(4), CAMERAS["FRONT"])
        towards = paint_classes(view, ROAD, [_at(20, 0, signal(colour))])
        away = paint_classes(view, ROAD, [place([signal(colour)], np.array([[20.0, 0]]), np.array([np.pi]))])
        assert (towards == kind).sum() > 50
        assert not (away == kind).any()
        assert (away == SemanticClass.LIGHT_OFF).any()


@pytest.mark.parametrize("hour", HOURS)
def test_brake_lights_differ_from_tail_lights(hour: str) -> None:
    light = draw_daylight(np.random.default_rng(2), hour, "dry")

    def redness(braking: bool) -> int:
        picture = _paint(light, [_at(30, 0, car(2, braking, hour == "night"))])
        return int(((picture[..., 0] - picture[..., 1:].max(axis=-1)) > 130).sum())

    assert redness(True) > 60
    assert redness(True) > 3 * redness(False)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_each_thing_is_of_its_kind(scale: float) -> None:
    view = View(np.eye(4), scaled(CAMERAS["FRONT"], scale))
    for mesh, kind, pixels in (
        (person(3, 2), SemanticClass.PERSON, 800),
        (cyclist(3, 2), SemanticClass.CYCLIST, 800),
        (cone(), SemanticClass.OBSTACLE, 200),
        (car(3), SemanticClass.VEHICLE, 4000),
        (signal("yellow"), SemanticClass.LIGHT_YELLOW, 100),
    ):
        painted = (paint_classes(view, ROAD, [_at(14, 0, mesh)]) == kind).sum()
        assert painted > pixels * scale**2, kind.name
    across = place([cyclist(3, 2)], np.array([[14.0, 0]]), np.array([np.pi / 2]))
    assert (paint_classes(view, ROAD, [across]) == SemanticClass.BICYCLE).sum() > 500 * scale**2


@pytest.mark.parametrize("hour", HOURS)
def test_where_the_classes_say_a_light_is_red_the_picture_is_red(hour: str) -> None:
    light = draw_daylight(np.random.default_rng(4), hour, "dry")
    meshes = [_at(25, 3, signal("red")), _at(35, -3, signal("green", 5.0)), _at(18, -4, car(1, braking=True))]
    picture, classes = _paint(light, meshes), paint_classes(View(np.eye(4), CAMERAS["FRONT"]), ROAD, meshes)
    for kind, way in ((SemanticClass.LIGHT_RED, 1), (SemanticClass.BRAKE_LIGHT, 1), (SemanticClass.LIGHT_GREEN, -1)):
        inside = cv2.erode((classes == kind).astype(np.uint8), np.ones((3, 3))) > 0
        lamp = picture[inside]
        assert len(lamp) > 20
        assert (way * (lamp[:, 0] - lamp[:, 1]) > 100).mean() > 0.95
    red = (picture[..., 0] - picture[..., 1:].max(axis=-1)) > 150
    near = cv2.dilate(
        np.isin(classes, (SemanticClass.LIGHT_RED, SemanticClass.BRAKE_LIGHT)).astype(np.uint8), np.ones((9, 9))
    )
    assert near[red].mean() > 0.95


# Lenses, weathers and hours


def test_vibration_stays_within_a_third_of_a_degree_and_differs_between_frames() -> None:
    lens = Lens(noise=1.0, blur=(1, 1), shaking=1.0, seed=7)
    shakes = np.degrees([lens.shake(frame) for frame in range(300)])
    assert np.abs(shakes).max() <= 0.3
    assert np.abs(shakes).max(axis=0).min() > 0.15
    assert Lens(1.0, (1, 1), 0.0, 7).shake(4) == (0, 0, 0)


@pytest.mark.parametrize("shake", [(0, 0.004, 0), (0.004, 0, 0), (0, -0.004, 0.004)])
def test_a_shaken_camera_moves_the_whole_picture_together(shake: tuple[float, float, float]) -> None:
    front = CAMERAS["FRONT"]
    light = draw_daylight(np.random.default_rng(0), "noon", "dry")
    rng = np.random.default_rng(0)
    canvas = Canvas(front, light, draw_skyline(rng), draw_grass(rng, light), TEXTURE)
    still, shaken = View(np.eye(4), front), View(np.eye(4), front, shake)
    grid = np.stack(np.meshgrid(np.arange(40, 446, 7), np.arange(40, 500, 7)), axis=-1).reshape(-1, 2)
    focal, centre = front.intrinsic[0], front.intrinsic[2:4]
    rays = np.concatenate([np.ones((len(grid), 1)), (centre - grid - 0.5) / focal], axis=1)
    moved = shaken.pixels(shaken.rotate_to_camera(rays)).astype(int)
    meshes = [_at(20, 2, car(3)), _at(30, -6, signal("red"))]
    a, b = (canvas.paint(view, ROAD, meshes).astype(int) for view in (still, shaken))
    apart = np.abs(a[grid[:, 1], grid[:, 0]] - b[moved[:, 1], moved[:, 0]]).max(axis=1)
    assert (apart < 30).mean() > 0.96


def test_rain_and_snow_are_seen_to_fall() -> None:
    lens = Lens(noise=1.0, blur=(1, 1), shaking=0.0, seed=7)
    for weather, least in (("dry", 0), ("rain", 500), ("snow", 500)):
        light = draw_daylight(np.random.default_rng(0), "noon", weather)
        pictures = np.full((2, 540, 486, 3), 60, np.uint8)
        for frame in (0, 1):
            lens.fall(pictures[frame], light, frame)
            pictures[frame] = lens.expose(pictures[frame], light, frame, None)
        bright = pictures.max(axis=-1) > 80
        assert (bright[0] & ~bright[1]).sum() >= least
        assert bright.mean() < 0.2


def test_a_new_weather_is_one_entry_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    dry, sand = WEATHERS["dry"], Falling(400, lambda sheet, x, y, size, height: sheet[int(y), int(x)].fill(90))
    monkeypatch.setitem(WEATHERS, "dry", replace(dry, share=dry.share - 0.2, walks={"noon": 0.2}))
    rest = sum(share for name, each in WEATHERS.items() if name != "dry" for share in each.walks.values())
    storm = Weather(0.2, {"noon": 0.8 - rest}, haze_m=(20, 30), exposure=0.5, ground=(200, 160, 90), falling=sand)
    monkeypatch.setitem(WEATHERS, "sandstorm", storm)
    rng = np.random.default_rng(3)
    assert "sandstorm" in {draw_weather(rng) for _ in range(40)}
    assert ("noon", "sandstorm") in {draw_walk(rng) for _ in range(20)}
    clear, light = (draw_daylight(np.random.default_rng(0), "overcast", each) for each in ("snow", "sandstorm"))
    assert np.allclose(light.ambient, clear.ambient / 2)
    assert 20 <= light.haze_m < 30
    assert draw_grass(rng, light).tolist() == [200, 160, 90]
    picture = np.zeros((200, 180, 3), np.uint8)
    Lens(noise=0.0, blur=(1, 1), shaking=0.0, seed=7).fall(picture, light, 0)
    assert (picture == round(90 * light.brightness)).all(axis=-1).sum() > 20


def test_shares_of_hours_and_weathers_sum_to_one() -> None:
    assert sum(HOURS.values()) == pytest.approx(1)
    assert sum(each.share for each in WEATHERS.values()) == pytest.approx(1)
    assert sum(share for each in WEATHERS.values() for share in each.walks.values()) == pytest.approx(1)
    assert {hour for each in WEATHERS.values() for hour in each.walks} <= set(HOURS)


def test_snow_covers_the_grass_and_rain_wets_the_road() -> None:
    rng = np.random.default_rng(0)
    light = {weather: draw_daylight(np.random.default_rng(1), "noon", weather) for weather in WEATHERS}
    assert draw_grass(rng, light["snow"]).min() > 200
    assert draw_grass(rng, light["dry"]).max() < 150
    assert 0.6 <= light["rain"].wet <= 1
    assert [light[weather].wet for weather in ("dry", "fog", "snow")] == [0, 0, 0]
    assert light["fog"].haze_m <= 60 < light["snow"].haze_m < light["rain"].haze_m < light["dry"].haze_m


@pytest.mark.parametrize("name", CAMERAS)
def test_the_cameras_are_on_the_roof(name: str) -> None:
    assert CAMERAS[name].extrinsic[2, 3] == 1.9, "metres above the ground, as on Waymo's cars"
