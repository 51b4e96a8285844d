"""The part of the page about answers: matrices, kinds of objects, reliability, single frames."""

from dataclasses import replace

from roadcue.reports.answer_details import kind_rows
from roadcue.reports.curves import reliability_diagram
from roadcue.reports.page import write_report


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
