"""A picture with its answers: told apart without colours, of one size, and with all that is said."""

from dataclasses import replace

import numpy as np
import pytest

from roadcue.plausible import camera_misfit
from roadcue.reports.answer_band import answer_band
from roadcue.reports.overlay import overlay

PAST = np.full((16, 6), np.nan)
CUE = {"cue": "keep straight", "cues": ["keep straight"], "pace": "keep pace", "paces": ["keep pace"], "sure": True}
CUE |= {"sentence": "Keep straight.", "in_distribution": True}


def test_an_answer_that_is_sure_and_one_that_is_not_look_different():
    first, second = (band({"cue": {**CUE, "sure": sure}}).astype(int) for sure in (True, False))
    grey = np.abs(first - second).min(axis=2)
    assert (grey > 100).sum() > 500, "without colours, too"


def test_drawings_are_of_one_size_whatever_is_answered():
    path = np.outer(np.arange(1, 21), (1.0, 0.2)).tolist()
    cue = {"cue": "unknown", "cues": [], "pace": "unknown", "paces": [], "sure": False, "sentence": "Not sure. " * 40}
    sizes = {
        overlay(np.zeros((480, 270, 3), np.uint8), answers, "a", PAST).shape
        for answers in (
            {"cue": cue, "waypoint": {"waypoints_m": path, "sentence": "In 5 s."}},
            {"cue": CUE, "waypoint": {"lacks": "there are no past states " * 20}},
        )
    }
    assert len(sizes) == 1
    assert all(side % 2 == 0 for side in sizes.pop()[:2])


def band(answers):
    return answer_band(answers, "a", (1080, 900), {})


def test_each_way_and_a_stop_have_a_sign_of_their_own():
    ways = ("deviate left", "keep straight", "deviate right")
    bands = [band({"cue": {**CUE, "cue": way, "cues": [way], "sentence": ""}}) for way in ways]
    bands.append(band({"cue": {**CUE, "pace": "stop", "paces": ["stop"], "sentence": ""}}))
    white = [np.argwhere((one == 255).all(axis=2))[:, 1].mean() for one in bands]
    assert white == sorted(white), "from the left to the right"
    assert min(np.diff(white)) > 30


def test_the_end_of_what_is_too_long_is_left_out_and_all_else_is_there():
    few, more, most = (band({"caption": {"text": "", "sentence": "word " * n}}) for n in (5, 30, 400))
    assert few.shape == more.shape == most.shape
    inked = [int((one > 128).sum()) for one in (few, more, most)]
    assert inked == sorted(inked)


def test_a_path_from_above_is_not_drawn_where_it_is_on_the_ground(frame):
    answers = {"waypoint": {"waypoints_m": frame.paths["waypoint"].tolist(), "sentence": "In 5 s."}}
    above, ground = (overlay(frame.image, answers, "a", frame.past, lens) for lens in (None, frame.calibration))
    assert above.shape == ground.shape
    corner = np.s_[700:1000, 5:200]
    scaled = overlay(frame.image, {"waypoint": {"lacks": "no past"}}, "a", frame.past)
    assert np.abs(above[corner].astype(int) - scaled[corner]).mean() > 20
    assert np.abs(ground[corner].astype(int) - scaled[corner]).mean() < 5


def lying(calibration):
    """The axes of OpenCV: x right, y down, z forward."""
    axes = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]], np.float64)
    extrinsic = calibration.extrinsic.copy()
    extrinsic[:3, :3] = axes
    return replace(calibration, extrinsic=extrinsic)


def inverse(calibration):
    return replace(calibration, extrinsic=np.linalg.inv(calibration.extrinsic))


def cut_off(calibration):
    return replace(calibration, height=calibration.height // 2)


@pytest.mark.parametrize(
    ("spoilt", "said"), [(lying, "lie on its side"), (inverse, "below the ground"), (cut_off, "972 x 539 pixels")]
)
def test_a_calibration_of_another_size_or_axis_convention_is_said_and_not_drawn(frame, spoilt, said):
    height, width = frame.image.shape[:2]
    assert camera_misfit(frame.calibration, width, height) == ""
    assert camera_misfit(frame.calibration, width // 2, height // 2) == "", "a smaller picture of the same shape"
    wrong = spoilt(frame.calibration)
    assert said in camera_misfit(wrong, width, height)
    answers = {"waypoint": {"waypoints_m": frame.paths["waypoint"].tolist(), "sentence": "In 5 s."}}
    drawn, above = (overlay(frame.image, answers, "a", frame.past, lens) for lens in (wrong, None))
    assert np.array_equal(drawn, above)
