"""`predict.py --states`: single pictures get past states from a log of time and pose; and `--image_root`."""

import json

import numpy as np
import pytest
from fitted import fit
from main_job import exit_code
from manifest_lines import driven_line, write

import roadcue
from roadcue import predict
from roadcue.heads.waypoint.config import WaypointConfig

NORTH = np.pi / 2


@pytest.fixture
def run(path_and_cue_run):
    return path_and_cue_run


@pytest.fixture
def pictures(tmp_path):
    """Fifteen pictures below own/front."""
    (tmp_path / "own/front").mkdir(parents=True)
    for number in range(15):
        driven_line(tmp_path / "own", number, "a", "train")
    return tmp_path / "own/front"


def logged(tmp_path, speed=5.0, first=-4.0):
    """5 m/s to the north of a map, whose pose is known four times a second; a picture each second from 0 s on."""
    times = np.arange(first, 14.1, 0.25)
    rows = [
        f"{time},700000,{5e6 + 5 * time},{NORTH},{speed},{f'{time:.0f}.jpg' if time >= 0 and time % 1 == 0 else ''}\n"
        for time in times
    ]
    (tmp_path / "poses.csv").write_text("t_s,x_m,y_m,heading_rad,speed_m_s,picture\n" + "".join(rows))
    return tmp_path / "poses.csv"


def answered(capsys):
    captured = capsys.readouterr()
    return [json.loads(line) for line in captured.out.splitlines()], captured.err


def test_a_picture_is_answered_as_with_the_past_that_its_poses_say(run, pictures, tmp_path, capsys):
    assert exit_code(predict.main, "--run", run, pictures / "3.jpg", "--states", logged(tmp_path)) == 0
    (line,), said = answered(capsys)
    past = np.zeros((16, 6))
    past[:, 0], past[:, 2] = 5 * np.arange(-15, 1) / 4, 5
    alone = roadcue.load(run).predict(pictures / "3.jpg", past=past, intent="UNKNOWN")
    np.testing.assert_allclose(line["waypoint"]["waypoints_m"], alone["waypoint"].waypoints_m, atol=1e-3)
    assert line["cue"]["sentence"] == alone["cue"].sentence
    assert "warning" not in said


def test_too_short_a_history_is_said_of_that_picture_alone(run, pictures, tmp_path, capsys):
    poses = logged(tmp_path, first=-2.0)
    (pictures / "other.jpg").write_bytes((pictures / "3.jpg").read_bytes())
    assert exit_code(predict.main, "--run", run, pictures, "--states", poses) == 0
    answers = {one["id"].rpartition("/")[2]: one for one in answered(capsys)[0]}
    assert [f"{n}.jpg" for n in range(15) if "lacks" in answers[f"{n}.jpg"]["waypoint"]] == ["0.jpg", "1.jpg"]
    assert f"{poses}: has poses from -2.00 to 14.00 s" in answers["1.jpg"]["waypoint"]["lacks"]
    assert f"{poses}: does not name this picture" in answers["other.jpg"]["waypoint"]["lacks"]
    assert all("sentence" in one["cue"] for one in answers.values())


def test_units_that_look_wrong_are_said(run, pictures, tmp_path, capsys):
    assert exit_code(predict.main, "--run", run, pictures, "--states", logged(tmp_path, speed=18.0)) == 0
    assert "poses.csv: speeds look like km/h" in answered(capsys)[1]


def test_units_of_few_poses_and_pictures_that_are_not_there_are_said(run, pictures, tmp_path, capsys):
    poses = logged(tmp_path, speed=18.0)
    poses.write_text(poses.read_text().replace(f",{NORTH},", ",90,").replace("11.jpg", "l1.jpg"))
    assert exit_code(predict.main, "--run", run, pictures / "3.jpg", "--states", poses) == 0
    said = answered(capsys)[1]
    assert f"warning: {poses}: heading_rad looks like degrees, in which the positions move" in said
    assert "speeds look like km/h (speeds are 3.6 times those of the positions)" in said
    assert f"warning: {poses}: of the pictures that it names 1 are not there, the first 'l1.jpg'" in said


def test_states_need_single_pictures_and_enough_poses_for_one(drawn, pictures, tmp_path, capsys):
    run = fit(drawn(head_options={"waypoint": WaypointConfig(hidden=16)}, epochs=1)).path
    manifest = write(tmp_path / "own", driven_line(tmp_path / "own", 0, "a", "train"))
    capsys.readouterr()  # what the training has printed
    assert exit_code(predict.main, "--run", run, manifest, "--states", logged(tmp_path)) == 2
    assert "--states is for single pictures, and none is named" in answered(capsys)[1]
    poses = logged(tmp_path, first=12.0)
    assert exit_code(predict.main, "--run", run, pictures / "12.jpg", "--states", poses) == 2
    assert "this run predicts paths, and" in (said := answered(capsys)[1])
    assert "has poses from 12.00 to 14.00 s" in said
    before = poses.read_text()
    assert exit_code(predict.main, "--run", run, pictures, "--states", poses, "--out", poses) == 2
    assert poses.read_text() == before


def test_a_manifests_pictures_may_lie_below_another_folder(run, pictures, tmp_path, capsys):
    (tmp_path / "apart").mkdir()
    manifest = write(tmp_path / "apart", driven_line(tmp_path / "own", 1, "a", "train"))
    assert exit_code(predict.main, "--run", run, manifest, "--image_root", tmp_path / "own") == 0
    assert [one["id"] for one in answered(capsys)[0]] == ["1"]
    assert exit_code(predict.main, "--run", run, manifest) == 2
    assert "--image_root names another folder that they lie below" in answered(capsys)[1]
