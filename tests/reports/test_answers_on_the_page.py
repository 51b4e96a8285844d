"""The part of the page about answers: matrices, kinds of objects, reliability, single frames."""

from dataclasses import replace

import numpy as np
import pytest

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.confusion import Confusion
from roadcue.metrics.objects import Counts, ObjectScores
from roadcue.metrics.uncertainty import ReliabilityBin
from roadcue.reports.answer_details import Answer, AnswerDetails, AnsweredFrame, kind_rows
from roadcue.reports.curves import reliability_diagram
from roadcue.reports.page import write_report

SHARE = Interval(0.25, 0.2, 0.3)


def scores(f1):
    by_kind = {"traffic_light": Interval(f1, f1, f1), "car": Interval(float("nan"), float("nan"), float("nan"))}
    return ObjectScores(SHARE, by_kind, {"traffic_light": Counts(41, 17, 7), "car": Counts(0, 0, 3)})


@pytest.fixture
def details():
    matrix = Confusion(("Left", "Right"), ((1234, 5), (6, 0)), 1245, 30, SHARE)
    answers = [
        Answer("sidewalk", "Left", 0.876, "Right", 0.0),
        Answer("far objects", "traffic_light Left", 0.5, "", np.nan),
    ]
    frame = AnsweredFrame("worst", "walk-7", np.zeros((600, 1500, 3), np.uint8), "CHEST", True, answers)
    objects = {name: {"near": (scores(f1), scores(f1 / 2))} for name, f1 in (("field", 0.9), ("a", 0.2), ("b", 0.4))}
    return AnswerDetails("field", {"sidewalk": matrix}, {"sidewalk": [ReliabilityBin(0.8, 0.7, 9)]}, objects, [frame])


def page_of(details, tmp_path):
    path = tmp_path / "report.html"
    write_report(path, comparison=None, sees_image=(), heading={}, frames=[], answer_details=[details])
    return " ".join(path.read_text(encoding="utf-8").split())


def test_the_page_shows_truth_answer_probability_and_what_is_unlike(details, tmp_path):
    page = page_of(details, tmp_path)
    assert '<td class="right" style="--share: 0.996">1,234<small>100%</small></td>' in page
    assert '<td style="--share: 1.000">6<small>100%</small></td>' in page
    assert "left for right or right for left: 25% (20–30)" in page
    assert "<td>✗ Left (88%)</td><td>Right</td>" in page
    assert "<td>traffic light Left (50%)</td><td>not labelled</td>" in page, "neither right nor wrong"
    assert "Out of distribution: unlike the training pictures" in page
    assert page.count("data:image/jpeg;base64,") == 1
    like = page_of(replace(details, frames=[replace(details.frames[0], unlike=False, image=None)]), tmp_path)
    assert "In distribution: like the training pictures" in like
    assert "no picture of the camera CHEST" in like


def test_kinds_have_their_counts_and_the_best_row_without_an_image_beside_them(details):
    ((light, car),) = kind_rows(details).values()
    assert (light.kind, light.counts, light.presence.value, light.place.value) == (
        "traffic light",
        "41 / 17 / 7",
        "0.90",
        "0.45",
    )
    assert (light.blind.value, light.blind.interval) == ("0.20", "b")
    assert car.blind.value == "–"
    assert kind_rows(replace(details, objects={})) == {}


def test_a_head_without_one_of_several_answers_has_no_diagram(details):
    assert "Reliability of the field head" in reliability_diagram(details)
    assert reliability_diagram(replace(details, reliability={})) == ""
