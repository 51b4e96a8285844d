"""One absurd finite number is a bad record with its place, whoever reads it, and no ridge of 1e29 m."""

import json

import numpy as np
import pytest
from manifest_lines import PAST, a_line
from waymo_shards import SEQUENCE, calibration_of, frame_bytes, one_record

from roadcue.errors import BadRecord
from roadcue.inference.given_states import given_pasts
from roadcue.loaders.manifest.line import parse_line
from roadcue.loaders.sensation.states import parse_line as parse_walker
from roadcue.loaders.waymo_e2e.frame import decode_frame
from roadcue.plausible import MOST_MOTION

ABSURD = [3.2e38, 1e30, -1e30, 1.1 * MOST_MOTION]
"""The first is just within float32."""


def past_with(value, at=(3, 4)):
    past = np.zeros((16, 6))
    past[at] = value
    return past


@pytest.mark.parametrize("value", ABSURD)
class TestEachReader:
    def test_manifest(self, value):
        for line in (a_line("1", past=past_with(value).tolist()), a_line("1", future=[[value, 0.0]] * 20)):
            with pytest.raises(BadRecord, match=r"m\.jsonl line 7: (past\[3, 4\]|future\[0, 0\]) is beyond 100,000"):
                parse_line(json.loads(json.dumps(line)), "m.jsonl line 7")

    def test_waymo(self, value):
        for states in ({"past": past_with(value)}, {"future": np.full((20, 2), value)}):
            payload = frame_bytes(f"{SEQUENCE}-7", **states)
            with pytest.raises(
                BadRecord, match=rf"x: frame {SEQUENCE}-7: (past|future)_states\.\w+\[\d+\] is .*, beyond 100,000"
            ):
                decode_frame(payload, "x")

    def test_sensation(self, value):
        line = {"image": "a.jpg", "time_s": 1.0, "past": PAST, "intent": "GO_LEFT", "future": [[value, 0.0]] * 20}
        with pytest.raises(BadRecord, match=r"states line 2: future\[0, 0\] is beyond 100,000"):
            parse_walker(json.dumps(line), "states line 2", ["a.jpg"])

    def test_predict(self, value):
        with pytest.raises(BadRecord, match=r"past\[3, 4\] is beyond 100,000"):
            given_pasts(past_with(value))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda camera: camera.intrinsic.__setitem__(0, 0.0), "intrinsic must start with f_u, f_v > 0"),
        (lambda camera: camera.intrinsic.__setitem__(4, 1e30), "intrinsic has a number beyond 1,000,000"),
        (lambda camera: camera.intrinsic.__setitem__(4, np.nan), "intrinsic has a number beyond 1,000,000, or none"),
        (lambda camera: camera.extrinsic.__setitem__((0, 0), 1e200), "extrinsic has a number beyond"),
    ],
)
def test_a_camera_that_cannot_be(tmp_path, change, fault):
    camera = calibration_of("FRONT")
    change(camera)
    payload = frame_bytes(f"{SEQUENCE}-7", calibrations={"FRONT": camera})
    with pytest.raises(BadRecord, match=rf"{SEQUENCE}-7: calibration of FRONT: {fault}"):
        one_record(tmp_path, payload).calibration(0, "FRONT")
