"""What a log of a few poses tells of its units: headings against positions, speeds against distances."""

import numpy as np
import pytest

from roadcue.loaders.pose_check import pose_warning
from roadcue.loaders.poses import HEADER, read_poses

TIMES = np.arange(100, 104.1, 0.25)
TURN, SPEED = 0.1, 6.0


def written(tmp_path, direction=0.5, heading=lambda angle: angle, speed=1.0, noise=0.0, times=TIMES, metres=1.0):
    """A log of a car that drives at `SPEED` and turns, as a file that may be in other units."""
    t = times - times[0]
    angle = direction + TURN * t
    xy = np.stack([np.sin(angle) - np.sin(direction), np.cos(direction) - np.cos(angle)], axis=1) * SPEED / TURN
    xy = metres * xy + np.random.default_rng(0).normal(0, noise, xy.shape) + 5e5
    columns = [times, *xy.T, heading(angle)] + ([np.full(len(t), SPEED * speed)] if speed else [])
    rows = [",".join(f"{value:.6f}" for value in row) for row in np.stack(columns, axis=1)]
    header = (*HEADER, "speed_m_s") if speed else HEADER
    (tmp_path / "poses.csv").write_text("\n".join([",".join(header), *rows]) + "\n")
    return pose_warning(read_poses(tmp_path / "poses.csv"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"heading": np.degrees}, "heading_rad looks like degrees, in which the positions move"),
        ({"heading": np.degrees, "direction": 0.03, "speed": 0}, "heading_rad looks like degrees"),
        ({"heading": lambda angle: np.pi / 2 - angle, "direction": 3}, "looks like radians clockwise from north"),
        ({"heading": lambda angle: 90 - np.degrees(angle), "speed": 0}, "looks like degrees clockwise from north"),
        ({"heading": lambda angle: np.degrees(angle) + 180}, "17 of 17 are beyond 2 pi, the first 208.648 at 100 s"),
        ({"heading": np.degrees, "metres": 0, "speed": 0}, "17 of 17 are beyond 2 pi"),
        ({"speed": 3.6}, "speeds look like km/h (speeds are 3.6 times"),
        ({"speed": 2.237}, "speeds look like miles per hour"),
        ({"metres": 1000}, "positions look like millimetres"),
        ({"metres": 100, "speed": 100}, "positions and speeds look like millimetres or centimetres"),
        ({"metres": 7}, "speeds and positions differ in unit"),
        ({"heading": np.degrees, "speed": 3.6}, "looks like degrees, in which the positions move; write"),
    ],
)
def test_what_a_log_looks_like_is_said(tmp_path, options, said):
    assert said in written(tmp_path, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"speed": 0},
        {"speed": 1.4},
        {"heading": lambda angle: angle + 12 * np.pi},  # turned round six times, and counted
        {"heading": lambda angle: angle + np.pi, "speed": -1},  # backwards
        {"noise": 0.5, "times": np.arange(0, 60, 0.1)},  # GPS at 10 Hz
        {"metres": 0, "speed": 0},
        {"times": np.arange(0.0, 3)},
    ],
)
def test_right_logs_raise_no_alarm(tmp_path, options):
    assert written(tmp_path, **options) == ""
