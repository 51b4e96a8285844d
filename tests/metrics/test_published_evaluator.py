"""The published evaluator with its faults, which are what makes its figures come out."""

import pytest

from roadcue.metrics.objects import Counts
from roadcue.metrics.published_evaluator import FIELDS, WORDS, score_published

TRUTH = {"sidewalk_pos": ["left"], "road_pos": ["unknown"], "road_vs_sidewalk": ["unknown"]}
NOTHING = {kind: [False] for kind in WORDS}


def of(text, truth=TRUTH, objects=NOTHING):
    return score_published([text], truth, objects)


def test_fields_are_found_in_any_case_and_the_first_one_counts():
    scores = of("SIDEWALK : Left. Road: unknown. RoadVsSidewalk: unknown. Sidewalk: right.")
    assert scores.present == scores.correct == dict.fromkeys(FIELDS, 1)


def test_a_value_that_is_no_word_of_the_list_is_not_there():
    scores = of("Sidewalk: lefty. Road: outside. RoadVsSidewalk: left.")
    assert scores.present == scores.correct == dict.fromkeys(FIELDS, 0)


def test_no_text_is_right_about_nothing_even_where_the_truth_is_unknown():
    assert of("").correct == dict.fromkeys(FIELDS, 0)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("many", "person"),
        ("no cars", "car"),
        ("an auto", "car"),
        ("Blocked", "obstacle"),
        ("a SIGNAL", "traffic_sign"),
    ],
)
def test_a_word_within_a_word_is_a_mention(text, kind):
    assert of(text).objects[kind] == Counts(tp=0, fn=0, fp=1)


def test_objects_are_counted_over_the_whole_text():
    there = {**NOTHING, "person": [True], "bicycle": [True]}
    counts = of("Nearby: nothing. Context: a woman.", objects=there).objects
    assert (counts["person"], counts["bicycle"], counts["car"]) == (Counts(1, 0, 0), Counts(0, 1, 0), Counts(0, 0, 0))


def test_other_lengths_are_refused():
    with pytest.raises(ValueError, match="argument"):
        score_published(["", ""], TRUTH, NOTHING)
