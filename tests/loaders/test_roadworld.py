"""RoadWorld: cars that obey physics and each other, pictures that fit the calibration, files that are whole."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders import jpeg
from loaders.errors import BadInput
from loaders.roadworld import RoadWorldSpec, open_roadworld
from loaders.roadworld.dataset import cached_roadworld
from loaders.roadworld.drive import Drive, drive
from loaders.roadworld.render import Painter
from loaders.roadworld.road import LANE_CENTRE_M, STEP_M, follow_curvature, path_through
from loaders.roadworld.traffic import FRONT_M, REAR_M, Driver, Light
from loaders.roadworld.view import front_camera
from loaders.roadworld.write import MANIFEST, check_roadworld, write_roadworld
from loaders.sample import STEP_S, Intent
from loaders.waymo_e2e import open_waymo_e2e

SMALL = RoadWorldSpec(train_sequences=2, val_sequences=1, seconds=0.3, width=160, height=178)
TIMES = STEP_S * np.arange(1, 21)


@pytest.fixture(scope="module")
def drives() -> list[Drive]:
    return [drive(RoadWorldSpec(seconds=1.0), number) for number in range(36)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("roadworld") / "small"
    write_roadworld(SMALL, path, workers=1)
    return path


# The road


def test_an_arc_has_its_radius() -> None:
    arc = follow_curvature(np.zeros(2), 0.0, np.full(401, 1 / 20))
    assert np.hypot(*(arc.xy - [0, 20]).T) == pytest.approx(20, abs=1e-3)
    assert arc.heading[-1] == pytest.approx(arc.length / 20)


def test_a_path_through_points_of_a_circle_is_that_circle_with_even_steps() -> None:
    angle = np.linspace(0, np.pi, 200)
    path = path_through(30 * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    inner = slice(20, -20)
    assert np.hypot(*path.xy[inner].T) == pytest.approx(30, abs=0.06)
    assert path.curvature[inner] == pytest.approx(1 / 30, abs=2e-3)
    assert np.hypot(*np.diff(path.xy, axis=0).T) == pytest.approx(STEP_M, abs=1e-3)


# The traffic


def test_a_car_follows_at_its_time_gap_and_speeds_up_on_an_empty_road() -> None:
    driver = Driver(desired_speed=12.0)
    assert driver.following_accel(9.0, driver.least_gap + 9.0 * driver.headway, 9.0) == pytest.approx(0)
    assert driver.following_accel(9.0, 15.0, 0.0) < -2
    assert driver.free_accel(0.0, 12.0) == driver.max_accel
    assert driver.free_accel(12.0, 12.0) == 0


def test_the_speed_limit_slows_down_for_a_curve_before_it_begins() -> None:
    curve = np.concatenate([np.zeros(400), np.full(200, 1 / 20)])
    driver = Driver(desired_speed=15.0)
    limits = driver.speed_limits(follow_curvature(np.zeros(2), 0.0, curve))
    assert limits[-1] ** 2 / 20 == pytest.approx(driver.lateral_accel)
    assert limits[0] == 15
    braking = np.diff(limits**2) / (2 * STEP_M)
    assert braking.min() >= -driver.comfort_brake
    assert limits[399] < 8


def test_crossing_roads_never_have_green_together() -> None:
    light = Light(green_s=15, red_s=18, offset_s=7)
    shown = [(light.colour(t), light.colour(t, side_road=True)) for t in np.arange(0, 80, 0.05)]
    assert {main for main, _ in shown} == {side for _, side in shown} == {"green", "yellow", "red"}
    assert all("red" in both for both in shown)


def test_nobody_runs_into_anybody(drives: list[Drive]) -> None:
    for driven in drives:
        ego, route = np.array(driven.traffic.ego.track), driven.traffic.ego.route.path
        middle, heading = _middle(route, ego[:, 0])
        for other in driven.traffic.others:
            s = np.array(other.track)[:, 0]
            there, _ = _middle(other.route.path, s)
            on_it = (s > 1) & (s < other.route.path.length - 3)
            assert (np.hypot(*(there - middle).T) > 1.9)[on_it].all(), driven.sequence
        for person in driven.traffic.people:
            offset = np.array(person.track)[:, 0]
            gap = driven.streets.main.beside(np.full(len(offset), person.s), offset) - middle
            along = np.abs(gap @ [1, 0] * np.cos(heading) + gap @ [0, 1] * np.sin(heading))
            across = np.abs(gap @ [0, 1] * np.cos(heading) - gap @ [1, 0] * np.sin(heading))
            assert not ((along < (FRONT_M + REAR_M) / 2) & (across < 0.9)).any(), driven.sequence


def _middle(path, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    heading = path.along(path.heading, s)
    forward = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    return path.along(path.xy, s) + (FRONT_M - REAR_M) / 2 * forward, heading


def test_somebody_waits_at_a_red_light_and_goes_on_when_it_is_green(drives: list[Drive]) -> None:
    waited = [driven for driven in drives if (driven.ego[200:, 1] < 0.05).any() and driven.lights]
    assert any((driven.ego[-60:, 1] > 2).any() for driven in waited)


# What is logged


def test_the_past_is_physically_sound(drives: list[Drive]) -> None:
    for driven in drives:
        past = driven.past(3)
        assert past.shape == (16, 6)
        assert past.dtype == np.float32
        assert past[-1, :2].tolist() == [0, 0]
        assert abs(past[-1, 3]) < 1e-4, "the velocity points ahead at t = 0"
        speed = np.hypot(*past[:, 2:4].T)
        assert speed.max() < 18
        assert np.abs(past[:, 4:]).max() < 7
        assert np.diff(past[:, :2], axis=0) / STEP_S == pytest.approx((past[1:, 2:4] + past[:-1, 2:4]) / 2, abs=0.25)
        assert np.diff(past[:, 2:4], axis=0) / STEP_S == pytest.approx((past[1:, 4:] + past[:-1, 4:]) / 2, abs=1.2)


def test_the_future_continues_the_past(drives: list[Drive]) -> None:
    for driven in drives:
        past, future = driven.past(3), driven.future(3)
        assert future.shape == (20, 2)
        assert future[0] == pytest.approx(past[-1, 2:4] * STEP_S + past[-1, 4:] * STEP_S**2 / 2, abs=0.12)
        assert np.hypot(*np.diff(future, axis=0).T).max() < 18 * STEP_S


def test_a_later_past_is_an_earlier_future(drives: list[Drive]) -> None:
    for driven in drives:
        earlier, later = driven.future(0), driven.past(5)  # half a second: two states
        moved = later[-3:, :2] - later[-3, :2]
        turn = np.arctan2(later[-3, 3], later[-3, 2]) if np.hypot(*later[-3, 2:4]) > 0.1 else 0.0
        c, s = np.cos(turn), np.sin(turn)
        assert moved[1:] @ np.array([[c, -s], [s, c]]) == pytest.approx(earlier[:2], abs=0.03)


def test_constant_velocity_errs_as_on_real_roads(drives: list[Drive]) -> None:
    errors = [np.hypot(*(d.future(0) - d.past(0)[-1, 2:4] * TIMES[:, None]).T).mean() for d in drives]
    assert 1.5 < np.mean(errors) < 5


def test_intents_are_those_of_the_route(drives: list[Drive]) -> None:
    intents = [driven.intent(0) for driven in drives]
    assert set(intents) == {Intent.GO_STRAIGHT, Intent.GO_LEFT, Intent.GO_RIGHT}
    assert 0.6 < np.mean([intent == Intent.GO_STRAIGHT for intent in intents]) < 0.97
    for driven, intent in zip(drives, intents, strict=True):
        route = driven.traffic.ego.route
        if intent != Intent.GO_STRAIGHT:
            before, after = route.path.along(route.path.heading, np.array(route.turn))
            side = 1 if intent == Intent.GO_LEFT else -1
            assert np.degrees(after - before) * side == pytest.approx(90, abs=30)


def test_the_ego_keeps_to_its_lane(drives: list[Drive]) -> None:
    for driven in drives:
        if driven.traffic.ego.route.intent == Intent.GO_STRAIGHT:
            main = driven.streets.main
            lane = main.beside(np.arange(0, main.length, 0.5), -LANE_CENTRE_M)
            xy, heading = driven.pose(driven.steps[3])
            c, s = np.cos(heading), np.sin(heading)
            future = driven.future(3) @ np.array([[c, s], [-s, c]]) + xy
            assert np.hypot(*(future[:, None] - lane).transpose(2, 0, 1)).min(axis=1).max() < 0.6


# What is drawn


def test_the_centre_line_is_where_the_calibration_says() -> None:
    """Projected with the frame's calibration, points on the double line are yellow; between and beside it not."""
    spec = RoadWorldSpec(seconds=0.1)
    camera = front_camera(spec)
    yellow: dict[float, list[bool]] = {-LANE_CENTRE_M: [], -0.36: [], -0.14: [], 0.0: [], 0.14: [], 0.36: []}
    for number in range(12):
        driven = drive(spec, number)
        picture = Painter(driven, camera, np.random.default_rng([number])).paint(0).astype(int)
        xy, heading = driven.pose(driven.steps[0])
        c, s = np.cos(heading), np.sin(heading)
        ahead = driven.streets.main.nearest(xy) + np.arange(7.0, 11.0, 0.25)
        for offset, hits in yellow.items():
            ego = (driven.streets.main.beside(ahead, offset) - xy) @ np.array([[c, -s], [s, c]])
            pixels, in_front = camera.project(np.pad(ego, ((0, 0), (0, 1))))
            for u, v in np.floor(pixels[in_front]).astype(int):
                if 0 <= u < spec.width and 0 <= v < spec.height:
                    hits.append(picture[v, u, 0] > 1.4 * picture[v, u, 2])
    share = {offset: np.mean(hits) for offset, hits in yellow.items()}
    assert min(share[-0.14], share[0.14]) > 0.3  # the others have white dashes, or a junction there
    assert max(share[offset] for offset in share if abs(offset) != 0.14) < 0.1


def test_pictures_differ_between_frames_and_use_the_whole_range() -> None:
    spec = RoadWorldSpec(seconds=0.2)
    painter = Painter(drive(spec, 3), front_camera(spec), np.random.default_rng(3))
    first, second = painter.paint(0), painter.paint(1)
    assert first.shape == (540, 486, 3)
    assert first.dtype == np.uint8
    assert np.ptp(first) > 120
    assert not np.array_equal(first, second)
    assert np.array_equal(first, painter.paint(0)), "painting a frame leaves no trace"


# The files


def test_what_is_written_is_read_back(folder: Path) -> None:
    for split in ("train", "val"):
        dataset = open_roadworld(folder, split)
        assert dataset.name == "roadworld"
        assert "drawn pictures, not photographs" in dataset.description
        assert dataset.cameras == ("FRONT",)
        assert len(dataset) == 3 * len(SMALL.numbers(split))
        states = dataset.states
        for number in SMALL.numbers(split):
            driven = drive(SMALL, number)
            painter = Painter(driven, front_camera(SMALL), np.random.default_rng([SMALL.seed, number, 1]))
            for frame in range(SMALL.frames):
                (row,) = np.flatnonzero(states.id == f"{driven.sequence}-{frame:03d}")
                assert np.array_equal(states.past[row], driven.past(frame))
                assert np.array_equal(states.future[row], driven.future(frame))
                assert states.intent[row] == driven.intent(frame)
                assert (states.sequence[row], states.frame[row]) == (driven.sequence, frame)
                picture = jpeg.decode(dataset.image(row, "FRONT") or b"", "test").astype(int)
                assert np.abs(picture - painter.paint(frame)).mean() < 8
                calibration = dataset.calibration(row, "FRONT")
                assert calibration is not None
                assert np.array_equal(calibration.intrinsic, front_camera(SMALL).intrinsic)
                assert np.array_equal(calibration.extrinsic, front_camera(SMALL).extrinsic)
                assert (calibration.width, calibration.height) == (160, 178)


def test_splits_share_no_sequence_and_are_shuffled(folder: Path) -> None:
    train, val = (set(open_waymo_e2e(folder, split).states.sequence) for split in ("train", "val"))
    assert len(train) == 2
    assert len(val) == 1
    assert not train & val
    assert set(open_roadworld(folder, "all").states.sequence) == train | val
    assert all(len(name) == 32 and set(name) <= set("0123456789abcdef") for name in train | val)


def test_the_same_spec_gives_the_same_bytes_with_any_number_of_processes(folder: Path, tmp_path: Path) -> None:
    write_roadworld(SMALL, tmp_path / "again", workers=2)
    assert (tmp_path / "again" / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes()
    check_roadworld(tmp_path / "again", hashes=True)
    other = dataclasses.replace(SMALL, seed=1, train_sequences=1, val_sequences=0)
    write_roadworld(other, tmp_path / "other", workers=1)
    assert other.key != SMALL.key
    assert not set(open_roadworld(tmp_path / "other", "train").states.sequence) & set(
        open_roadworld(folder, "train").states.sequence
    )


def test_a_killed_drawing_goes_on_and_is_never_half_read(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "small"
    script = (
        "from pathlib import Path; from loaders.roadworld.write import write_roadworld; "
        "from loaders.roadworld.spec import RoadWorldSpec; "
        f"write_roadworld({SMALL!r}, Path({str(out)!r}), workers=1)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    part = tmp_path / f".small.{SMALL.key}.part"
    while process.poll() is None and not list(part.glob("sequence-*")):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if out.exists():
        pytest.fail("it was finished before it could be killed")
    finished = {path: path.stat().st_mtime_ns for path in part.glob("sequence-*")}
    assert finished
    (part / ".sequence-0000001.77.part").write_bytes(b"half")
    with pytest.raises(BadInput, match="manifest"):
        open_roadworld(out, "train")
    write_roadworld(SMALL, out, workers=1)
    assert (out / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes()
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in folder.iterdir())
    assert not part.exists()


def test_the_cache_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROADCUE_CACHE", str(tmp_path))
    spec = RoadWorldSpec(train_sequences=1, val_sequences=0, seconds=0.1, width=80, height=90)
    first = cached_roadworld(spec)
    assert first == tmp_path / "roadworld" / spec.key
    drawn = (first / MANIFEST).stat().st_mtime_ns
    assert cached_roadworld(spec) == first
    assert (first / MANIFEST).stat().st_mtime_ns == drawn


def test_a_damaged_folder_is_told_by_file_and_remedy(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    shard = next(copy.glob("val_*"))
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1])
    with pytest.raises(BadInput, match=rf"{shard.name}.*{len(whole)}.*python -m loaders.roadworld"):
        open_roadworld(copy, "val")
    shard.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    check_roadworld(copy)
    with pytest.raises(BadInput, match=f"{shard.name}.*sha256"):
        check_roadworld(copy, hashes=True)


def test_an_unknown_split_and_an_existing_folder_are_refused(folder: Path) -> None:
    with pytest.raises(BadInput, match="train, val"):
        open_roadworld(folder, "test")
    with pytest.raises(BadInput, match="exists already"):
        write_roadworld(SMALL, folder)


@pytest.mark.parametrize(
    "wrong", [{"train_sequences": -1}, {"seconds": 0.0}, {"seed": -1}, {"seconds": float("nan")}]
)
def test_a_spec_that_cannot_be_drawn_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="RoadWorld"):
        RoadWorldSpec(**wrong)  # type: ignore[arg-type]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_MANIFESTS = st.fixed_dictionaries(
    {},
    optional={
        "spec": st.dictionaries(st.sampled_from(["seed", "seconds", "width", "x"]), _JSON) | _JSON,
        "files": st.dictionaries(st.sampled_from(["a", "../a", "/etc/passwd"]), _JSON) | _JSON,
    },
)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=40) | _MANIFESTS.map(lambda manifest: json.dumps(manifest).encode()))
def test_no_manifest_but_a_true_one_passes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "manifests"
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(BadInput, match=r"python -m loaders\.roadworld"):
        check_roadworld(folder)


def test_the_command_draws_checks_and_refuses(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "loaders.roadworld", "--out", str(tmp_path / "made")]
    amount = ["--train", "1", "--val", "0", "--seconds", "0.1", "--workers", "1"]
    assert subprocess.run([*command, *amount], capture_output=True, check=True).stdout
    assert open_roadworld(tmp_path / "made", "train").states.future.shape == (1, 20, 2)
    assert "as written" in subprocess.run([*command, "--check"], capture_output=True, check=True, text=True).stdout
    again = subprocess.run([*command, *amount], capture_output=True, text=True)
    assert again.returncode == 2
    assert again.stderr.startswith("error: ")
    assert "Traceback" not in again.stderr
