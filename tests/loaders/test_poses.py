"""A log of time and pose: past states at its times, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders.poses import HEADER, read_poses

TURN, ACCELERATION, SPEED, UTM = 0.1, 0.4, 8.0, np.array([691_000.25, 5_334_000.5])


def driven(times, at):
    """Poses (n, 4) of a car that turns left and speeds up: x, y, heading, pi - 0.5 at `at`, and speed."""
    t = np.linspace(-6, 2, 80_001)
    speed, heading = SPEED + ACCELERATION * t, np.pi - 0.5 + TURN * t
    step = t[1] - t[0]
    xy = np.cumsum(speed[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0) * step + UTM
    columns = (*xy.T, np.angle(np.exp(1j * heading)), speed)
    return np.stack([np.interp(np.asarray(times) - at, t, column) for column in columns], axis=1)


def logged(tmp_path, rows, header=(*HEADER, "speed_m_s", "picture")) -> Path:
    file = tmp_path / "poses.csv"
    file.write_text("\n".join(",".join(map(str, row)) for row in (header, *rows)) + "\n")
    return file


def rows_at(times, at=20.0, names=None, speeds=True):
    columns = 4 if speeds else 3
    return [
        (float(time), *map(float, pose[:columns]), (names or {}).get(float(time), ""))
        for time, pose in zip(times, driven(times, at), strict=True)
    ]


@pytest.mark.parametrize("speeds", [True, False], ids=["speeds", "differences"])
def test_the_past_is_the_motion_in_the_ego_frame_of_then(tmp_path, speeds):
    """Against the formula: at t = 0 along x, the turn's acceleration to the left."""
    header = (*HEADER, "speed_m_s", "picture") if speeds else (*HEADER, "picture")
    rows = rows_at(np.arange(14, 21.01, 0.05), speeds=speeds)
    past = read_poses(logged(tmp_path, rows[::-1], header)).past(20.0)
    t = 0.25 * np.arange(-15, 1)
    expected = driven(20 + t, 20.0)
    c, s = np.cos(np.pi - 0.5), np.sin(np.pi - 0.5)
    xy = (expected[:, :2] - expected[-1, :2]) @ np.array([[c, -s], [s, c]])
    forward = np.stack([np.cos(TURN * t), np.sin(TURN * t)], axis=1)
    np.testing.assert_allclose(past[:, :2], xy, atol=0.01)
    np.testing.assert_allclose(past[:, 2:4], expected[:, 3:] * forward, atol=0.02)
    left = np.stack([-forward[:, 1], forward[:, 0]], axis=1)
    np.testing.assert_allclose(past[:, 4:], ACCELERATION * forward + TURN * expected[:, 3:] * left, atol=0.15)
    assert past.dtype == np.float32


def test_times_between_poses_are_interpolated_and_what_follows_the_next_pose_counts_not(tmp_path):
    rows = rows_at(np.arange(14, 21.1, 0.5))
    early = read_poses(logged(tmp_path, [row for row in rows if row[0] <= 20.5])).past(20.1)
    late = read_poses(logged(tmp_path, rows)).past(20.1)
    np.testing.assert_array_equal(early, late)
    assert np.hypot(*early[-1, 2:4]) == pytest.approx(SPEED + 0.1 * ACCELERATION, abs=0.02)


def test_a_heading_that_passes_half_a_turn_is_interpolated_the_short_way(tmp_path):
    rows = [(float(t), float(5 * t), 0.0, float(h), 5.0, "") for t, h in zip(range(6), [3.1, -3.1] * 3, strict=True)]
    past = read_poses(logged(tmp_path, rows)).past(4.5)
    assert past[-1, 2] == pytest.approx(5, abs=1e-3), "not turned by half of 6.2 radians"


def test_pictures_are_found_by_the_end_of_their_paths(tmp_path):
    times = np.arange(14, 20.1, 0.5)
    rows = [*rows_at(times, names={20.0: "front/1.jpg"}), (19.75, "", "", "", "", r"front\2.jpg")]
    log = read_poses(logged(tmp_path, rows))
    asked = [tmp_path / "front" / name for name in ("1.jpg", "2.jpg", "3.jpg")]
    assert log.times_of(asked) == [20.0, 19.75, None]
    with pytest.raises(BadInput, match=r"names none of the 1 pictures, the first .*other/1.jpg"):
        log.times_of([tmp_path / "other/1.jpg"])
    with pytest.raises(BadInput, match=r"picture 'front/1.jpg' may be .*a/front/1.jpg or .*b/front/1.jpg"):
        log.times_of([tmp_path / "a/front/1.jpg", tmp_path / "b/front/1.jpg"])


@pytest.mark.parametrize(
    ("times", "at", "said"),
    [
        (
            np.arange(17, 21, 0.25),
            20.0,
            "from 17.00 to 20.75 s, and .* at 20.00 s need those since 16.25 s",
        ),
        (np.arange(14, 19, 0.25), 20.0, "has poses from 14.00 to 18.75 s"),
        ([14, 15, 16, 17.5, 18, 19, 20], 20.0, "has no pose between 16.00 and 17.50 s"),
    ],
)
def test_where_poses_are_missing_the_reason_names_the_times(tmp_path, times, at, said):
    with pytest.raises(BadRecord, match=said):
        read_poses(logged(tmp_path, rows_at(times))).past(at)


def test_a_log_that_begins_just_in_time_and_gaps_elsewhere_do_no_harm(tmp_path):
    times = [3.0, *np.arange(1_000_016.25, 1_000_020.1, 0.75), 1_000_020.1]
    log = read_poses(logged(tmp_path, rows_at(times, at=1_000_020.0)))
    assert np.isfinite(log.past(1_000_020.0)).all()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("1", "0", "0", "east", "5", "")], "line 2, column heading_rad: 'east' is no number"),
        ([("1", "0", "0", "0", "nan", "")], "line 2, column speed_m_s: 'nan' is no number"),
        ([("", "0", "0", "0", "5", "a.jpg")], "line 2, column t_s: '' is no number"),
        ([(1, 0, 0, 0, 5, ""), (1, 3, 0, 0, 5, "")], "line 3: there is another pose at 1.000 s"),
        ([(1, 0, 0, 0, 5, "a.jpg"), (2, 0, 0, 0, 5, "a.jpg")], "line 3: picture 'a.jpg' has another time"),
        ([(1, "", "", "", "", "a.jpg")], "has no pose"),
        ([(1, 0, 0)], "line 2: has 3 cells where the first line names 6 columns"),
    ],
)
def test_a_bad_log_is_refused_with_its_line(tmp_path, rows, said):
    with pytest.raises(BadInput, match=said):
        read_poses(logged(tmp_path, rows))


def test_an_unknown_column_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(BadInput, match="unknown column 'speed_ms'; did you mean 'speed_m_s'"):
        read_poses(logged(tmp_path, [], header=(*HEADER, "speed_ms")))
