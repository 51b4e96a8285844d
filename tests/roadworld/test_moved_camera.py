"""Another camera of RoadWorld's views: what it changes in a picture, and that calibration and labels follow it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roadcue.loaders import picture_file
from roadcue.loaders.waymo_e2e import open_waymo_e2e
from roadcue.loaders.waymo_e2e.schema_pb2 import E2EDFrame
from roadcue.roadworld.camera import camera
from roadcue.roadworld.daylight import draw_daylight
from roadcue.roadworld.drive import Drive, drive
from roadcue.roadworld.ground import lay
from roadcue.roadworld.lens import Lens
from roadcue.roadworld.mesh import Mesh, Shape, place
from roadcue.roadworld.paint import paint_classes
from roadcue.roadworld.render import Painter
from roadcue.roadworld.roll import levelled, rolled
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.sidewalk import walk as walk_module
from roadcue.roadworld.sidewalk.scene import Place, Scene
from roadcue.roadworld.sidewalk.spec import SidewalkSpec
from roadcue.roadworld.sidewalk.walk import Walk
from roadcue.roadworld.spec import RoadWorldSpec
from roadcue.roadworld.streams import Streams
from roadcue.roadworld.texture import Texture
from roadcue.roadworld.vehicles import car
from roadcue.roadworld.view import View
from roadcue.roadworld.write import draw_sequence, write_roadworld
from roadcue.schema import CameraCalibration

SMALL = RoadWorldSpec(1, 0, seconds=0.1, stride=1, width=243, height=270, cameras=("FRONT",))
SMALL_WALK = SidewalkSpec(width=256, height=192)
NOTHING = Shape(SemanticClass.SKY).mesh()
STILL = Lens(noise=0.0, blur=(1, 1), shaking=0.0, seed=0)
ROLLED = [{"roll": 20.0}, {"roll": -30.0, "field_of_view": 90.0}, {"roll": 7.0, "camera_height": 0.6}]


def _square(x: float, y: float, half: float) -> np.ndarray:
    return np.array([(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)])


ROAD = (_square(0, 0, 2000), (92, 94, 99), SemanticClass.ROAD)


def _front(**moved: float) -> CameraCalibration:
    return camera(replace(SMALL, **moved), "FRONT")


def _at(x: float, mesh: Mesh) -> Mesh:
    return place([mesh], np.array([[x, 0.0]]), np.zeros(1))


def _classes(of: CameraCalibration, mesh: Mesh = NOTHING) -> np.ndarray:
    return paint_classes(View(np.eye(4), of), lay([ROAD], []), [mesh])


# What each field changes


def test_what_a_wider_view_shows_is_smaller_by_the_ratio_of_focal_lengths() -> None:
    cameras = [_front(field_of_view=degrees) for degrees in (50.0, 30.0, 90.0)]
    wide = [np.ptp(np.nonzero(_classes(each, _at(12, car(0))) == SemanticClass.VEHICLE)[1]) for each in cameras]
    assert cameras[2].intrinsic[0] == pytest.approx(SMALL.width / 2)  # tan 45 degrees is 1
    for each, width in zip(cameras, wide, strict=True):
        assert width == pytest.approx(wide[0] * each.intrinsic[0] / cameras[0].intrinsic[0], abs=2)


def test_the_ground_lies_lower_in_the_picture_of_a_higher_camera() -> None:
    spot = lay([ROAD, (_square(10, 0, 0.4), (255, 0, 0), SemanticClass.SIGN)], [])
    rows = []
    for height in (1.0, 1.9, 3.5):
        seen = _front(camera_height=height)
        rows.append(np.nonzero(paint_classes(View(np.eye(4), seen), spot, []) == SemanticClass.SIGN)[0].mean())
        assert rows[-1] == pytest.approx(seen.project(np.array([[10.0, 0, 0]]))[0][0, 1], abs=1)
    assert rows == sorted(rows)
    assert rows[2] - rows[0] > 20


def test_a_low_and_wide_camera_sees_road_down_to_the_lower_edge() -> None:
    assert (_classes(_front(camera_height=0.5, field_of_view=120.0))[-1] == SemanticClass.ROAD).all()


def test_a_narrow_view_holds_the_small_parts_that_it_can_show() -> None:
    faces = {}
    for degrees in (20.0, 50.0, 90.0):
        crop = View(np.eye(4), _front(field_of_view=degrees)).crop(_at(90, car(0)))
        faces[degrees] = len(crop.middles)
    assert faces[20.0] > faces[50.0] == faces[90.0] > 0


@pytest.mark.parametrize("spec", [SMALL, SMALL_WALK], ids=["drive", "walk"])
def test_half_the_exposure_is_half_the_light_on_the_same_scene(
    spec: RoadWorldSpec | SidewalkSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the sensor: what a camera's tone curve makes of it is another matter."""
    for view in ("render", "sidewalk.walk"):
        monkeypatch.setattr(f"roadcue.roadworld.{view}.draw_lens", lambda _: STILL)
    light, dark = (_paint(replace(spec, exposure=exposure)) for exposure in (1.0, 0.5))
    assert dark.mean() / light.mean() == pytest.approx(0.5, abs=0.06)


def _paint(spec: RoadWorldSpec | SidewalkSpec) -> np.ndarray:
    if isinstance(spec, SidewalkSpec):
        return Walk(spec, 5).paint(0)
    frame = E2EDFrame.FromString(next(draw_sequence(spec, 0))).frame
    return picture_file.decode(frame.images[0].image, "test")


@pytest.mark.parametrize("roll", [12.0, -25.0])
def test_the_horizon_of_a_rolled_camera_slopes_by_the_roll(roll: float) -> None:
    """Rising to the right when the camera leans to the right."""
    seen = _front(roll=roll)
    sky = rolled(_classes(levelled(seen)), seen, interpolation=0) == SemanticClass.SKY
    columns = np.arange(60, 184)
    rise, _ = np.polyfit(columns, -sky.sum(axis=0)[columns], 1)
    assert rise == pytest.approx(np.tan(np.radians(roll)), abs=0.01)


@pytest.mark.parametrize("roll", [30.0, -30.0, 0.1])
@pytest.mark.parametrize("pixels", [(243, 270), (512, 384)])
def test_the_level_drawing_fills_the_rolled_picture(roll: float, pixels: tuple[int, int]) -> None:
    width, height = pixels
    seen = camera(replace(SMALL, roll=roll, width=width, height=height, field_of_view=120.0), "FRONT")
    level = levelled(seen)
    assert level.extrinsic[:3, :3] == pytest.approx(np.eye(3))
    for interpolation in (0, 1):
        picture = rolled(np.full((level.height, level.width, 3), 200, np.uint8), seen, interpolation)
        assert picture.shape == (height, width, 3)
        assert (picture == 200).all()


def test_rolled_classes_are_classes() -> None:
    """Nearest neighbours: between road and building nothing else appears."""
    level, seen = _front(), _front(roll=20.0)
    driven = drive(SMALL, 0)
    both = [Painter(driven, {"FRONT": each}).paint_classes(0, "FRONT", 0.5) for each in (level, seen)]
    assert both[1].shape == both[0].shape
    assert set(np.unique(both[1])) <= {*SemanticClass}
    shares = [np.bincount(each.ravel(), minlength=len(SemanticClass)) / each.size for each in both]
    assert np.abs(shares[0] - shares[1]).sum() < 0.3


# The calibration, and the labels


@pytest.mark.parametrize("moved", [{}, *ROLLED])
@pytest.mark.parametrize("name", ["FRONT", "FRONT_LEFT"])
def test_the_written_calibration_meets_the_pixel(
    name: str, moved: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(SMALL, cameras=(name,), jpeg_quality=95, **moved)
    bearing = {"FRONT": 0.1, "FRONT_LEFT": np.radians(45) - 0.1}[name]
    spot = 8 * np.array([np.cos(bearing), np.sin(bearing)])
    _leave_only_a_spot(drive(spec, 0), spot, monkeypatch)
    write_roadworld(spec, tmp_path / "made", workers=1)
    written = open_waymo_e2e(tmp_path / "made", "train")
    calibration, picture = written.calibration(0, name), written.image(0, name)
    assert calibration is not None
    assert picture is not None
    red = _red(picture_file.decode(picture, "test"))
    expected = calibration.project(np.array([[*spot, 0.0]]))[0][0]
    assert red == pytest.approx(expected, abs=0.4)


def _leave_only_a_spot(driven: Drive, spot: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """The world is a plain by noon, with a red spot at a place (2,) of the ego frame of the first picture."""
    xy, heading = driven.pose(driven.steps[0])
    c, s = np.cos(heading), np.sin(heading)
    in_world = xy + np.array([[c, -s], [s, c]]) @ spot
    ground = lay([ROAD, (_square(*in_world, 0.15), (255, 0, 0), SemanticClass.SIGN)], [])
    render = "roadcue.roadworld.render"
    monkeypatch.setattr(f"{render}.pave", lambda *_: ground)
    monkeypatch.setattr(f"{render}.furnish", lambda *_, **__: NOTHING)
    monkeypatch.setattr(f"{render}.draw_daylight", lambda rng, _: draw_daylight(rng, "noon", "dry"))
    monkeypatch.setattr(f"{render}.draw_lens", lambda _: STILL)
    monkeypatch.setattr(f"{render}.draw_texture", lambda _: Texture(0, 0.0, 0.0))
    move = Painter._move
    monkeypatch.setattr(f"{render}.Painter._move", lambda painter, _: move(painter, ()))


def _red(picture: np.ndarray) -> np.ndarray:
    """(2,) the middle of the red pixels (u, v), weighted by how red they are."""
    redness = np.clip(picture[..., 0].astype(float) - picture[..., 1] - 40, 0, None)
    rows, columns = np.nonzero(redness)
    return np.average(np.stack([columns, rows]) + 0.5, axis=1, weights=redness[rows, columns])


@pytest.mark.parametrize("moved", [{}, *ROLLED])
def test_a_walks_calibration_meets_the_pixel(moved: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    walk = Walk(replace(SMALL_WALK, **moved), 5)
    walk._lens = STILL
    walk.scene.things.clear()
    monkeypatch.setattr(walk.outing, "pose", lambda _: Place(0.0, 0.0, 0.0))
    walk._ground = lay([ROAD, (_square(3.5, 0.4, 0.1), (255, 0, 0), SemanticClass.SIGN)], [])
    expected = walk.camera.project(np.array([[3.5, 0.4, 0.0]]))[0][0]
    assert _red(walk.paint(0)) == pytest.approx(expected, abs=0.4)
    column, row = expected.astype(int)
    assert walk.paint_classes(0, 1.0)[row, column] == SemanticClass.SIGN


@pytest.mark.parametrize(
    "moved",
    [
        {"roll": 25.0},
        {"field_of_view": 20.0},
        {"field_of_view": 110.0},
        {"camera_height": 0.6},
        {"camera_height": 2.0, "roll": -15.0},
    ],
)
def test_labels_say_what_a_moved_camera_shows(moved: dict[str, float]) -> None:
    """Counted in the painting, as `test_painted_classes_agree_with_the_labels` does for the default camera."""
    sides = set()
    for number in range(16):
        walk = Walk(replace(SMALL_WALK, **moved), number)
        label, classes = walk.annotation(0), walk.paint_classes(0, 1.0)
        sidewalk = classes == SemanticClass.SIDEWALK
        road = np.isin(classes, (SemanticClass.ROAD, SemanticClass.MARKING))
        sides |= {label.sidewalk}
        assert (np.count_nonzero(sidewalk) > 160) == (label.sidewalk != "Outside")
        assert (np.count_nonzero(road) > 160) == (label.road != "Not present")
        if label.road in ("Left", "Right"):
            assert (np.nonzero(road)[1].mean() < classes.shape[1] / 2) == (label.road == "Left")
        for kind, shown in (("bicycle", SemanticClass.BICYCLE), ("person", SemanticClass.PERSON)):
            for position in label.near[kind] + label.far[kind]:
                third = {"Left": slice(0, 95), "Center": slice(76, 180), "Right": slice(161, 256)}[position]
                assert (classes[:, third] == shown).any()
    assert {"Left", "Right", "Center", "Outside"} == sides


def test_positions_that_a_camera_never_has_clear_give_way_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[str, str]] = []
    draw_scene, clear_sights = walk_module.draw_scene, walk_module.clear_sights

    def draw(streams: Streams, sidewalk: str, road: str, *given: object) -> Scene:
        drawn.append((sidewalk, road))
        return draw_scene(streams, sidewalk, road, *given)

    monkeypatch.setattr(walk_module, "draw_scene", draw)
    monkeypatch.setattr(walk_module, "clear_sights", lambda *a: None if drawn[-1] == drawn[0] else clear_sights(*a))
    Walk(SMALL_WALK, 5)
    assert drawn[:300] == drawn[:1] * 300
    assert drawn[-1] != drawn[0]
