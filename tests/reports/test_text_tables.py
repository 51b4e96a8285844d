"""The tables of texts: near objects by kind, and the figures of the published evaluator."""

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.objects import Counts, ObjectScores
from roadcue.metrics.published_evaluator import PublishedScores
from roadcue.reports.text_tables import object_table, published_field_table, published_object_table

NO_BOUNDS = float("nan"), float("nan")


def objects(f1, *counts):
    interval = Interval(f1, *NO_BOUNDS)
    return ObjectScores(interval, {"car": interval}, {"car": Counts(*counts)})


def test_a_kind_has_its_counts_by_presence_and_by_place_and_the_f1_of_its_places(lines):
    shown = lines(object_table("Near", objects(0.9, 1, 2, 3), objects(0.5, 0, 4, 5)))
    assert "– car 1/2/3 0/4/5 0.50" in shown
    assert any(line.startswith("object ") for line in shown)


def published(tp, fn, fp):
    return PublishedScores(8, {"road_pos": 6}, {"road_pos": 2}, {"car": Counts(tp, fn, fp)})


def test_the_published_shares_are_of_all_texts_and_not_of_those_that_state_the_field(lines):
    assert "– road_pos 0.750 0.250 2/8" in lines(published_field_table(published(1, 1, 1)))


def test_the_published_recall_misses_and_its_precision_counts_false_claims_and_the_gold_texts_stand_beside(lines):
    shown = lines(published_object_table(published(3, 1, 9), published(4, 0, 1)))
    assert "– car 3/1/9 0.75 0.25 0.80" in shown
    assert "– car 0/0/0 0.00 0.00 0.00" in lines(published_object_table(published(0, 0, 0), published(0, 0, 0)))
