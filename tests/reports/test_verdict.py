"""Line 1: it is said in words which row wins, also where the head loses, and where it is too early to say."""

import math

import numpy as np
import pytest

from roadcue.metrics.bootstrap import Bootstrap, Interval
from roadcue.metrics.comparison import compare
from roadcue.metrics.score_table import ScoreTable
from roadcue.reports.displacement_table import displacement_table
from roadcue.reports.score_table import score_table
from roadcue.reports.table import FEW_SEQUENCES, few_sequences
from roadcue.reports.verdict import verdicts

FEW = Bootstrap(resamples=50)


def paths(head, ridge, sequences=30, still=9.0):
    """Three methods, each a given distance in metres (one, or one a frame) from a log of one frame a drive."""
    logged = np.zeros((sequences, 20, 2))
    errors = {"waypoint": head, "ridge": ridge, "stand still": still}
    beside = {name: np.broadcast_to(error, sequences)[:, None, None] * [0.0, 1.0] for name, error in errors.items()}
    return compare(
        {name: logged + error for name, error in beside.items()},
        logged,
        sequence=np.array([f"drive-{number:02d}" for number in range(sequences)]),
        intent=np.ones(sequences, int),
        speed=np.full(sequences, 9.0),
        reference="waypoint",
        bootstrap=FEW,
    )


def said(*args, **options):
    return verdicts(paths(*args, **options), [], {"waypoint"})


def test_a_head_that_wins_and_one_that_loses():
    assert said(1.3, 2.0) == [
        "The picture pays for the path: waypoint, which sees it, is 0.70 m better in ADE at 5 s than ridge, the best "
        "row that sees no image, and the interval, 0.70 to 0.70 m, excludes 0."
    ]
    assert said(3.0, 2.3) == [
        "The picture does not pay for the path here: ridge, which sees no image, is 0.70 m better in ADE at 5 s than "
        "waypoint, and the interval, 0.70 to 0.70 m, excludes 0."
    ]
    assert said(2.0, 2.0)[0].endswith("ridge, which sees no image, is as good in ADE at 5 s as waypoint.")


@pytest.mark.parametrize(
    ("lead", "opening", "conjunction"),
    [
        (0.01, "Whether the picture pays for the path is open", "but the interval, −"),
        (-0.01, "The picture does not pay for the path here", "though the interval, −"),
    ],
)
def test_what_may_be_chance_is_said_to_be_open(lead, opening, conjunction):
    (sentence,) = said(5.0, 5.0 + lead + np.tile([1.0, -1.0], 15))
    assert sentence.startswith(opening)
    assert conjunction in sentence
    assert sentence.endswith("m, holds 0.")


def test_one_sequence_has_no_interval_and_rows_without_a_picture_have_no_winner_among_those_with_one():
    assert said(1.0, 2.0, sequences=1)[0].endswith("and too few sequences have it for an interval.")
    assert verdicts(paths(1.0, 0.5), [], set()) == ["No row sees the picture; the best for the path is ridge."]


def answers(head, blind, difference):
    flat = {
        name: {"balanced_accuracy": Interval(value, value, value)} for name, value in (("cue", head), ("m", blind))
    }
    flat["m"]["difference"] = Interval(*difference)
    columns = {"balanced_accuracy": "balanced accuracy"}
    return ScoreTable("Cue", columns, flat, 90, 30, headline="balanced_accuracy")


def test_shares_are_told_in_points_and_more_of_them_is_better():
    (better,) = verdicts(None, [answers(0.9, 0.4, (-0.5, -0.55, -0.45))], {"cue"})
    assert better == (
        "The picture pays for the cue: cue, which sees it, is 50.0 points better in balanced accuracy than m, the "
        "best row that sees no image, and the interval, 45.0 to 55.0 points, excludes 0."
    )
    (worse,) = verdicts(None, [answers(0.4, 0.45, (0.05, -0.01, 0.11))], {"cue"})
    assert worse == (
        "The picture does not pay for the cue here: m, which sees no image, is 5.0 points better in balanced "
        "accuracy than cue, though the interval, −1.0 to 11.0 points, holds 0."
    )
    assert verdicts(None, [answers(0.4, 0.4, (0.0, math.nan, math.nan))], {"cue"})[0].endswith(
        "as good in balanced accuracy as cue."
    )


def test_few_sequences_carry_a_warning_beside_their_intervals(text):
    few, enough = (
        " ".join(text(displacement_table(paths(1, 2, sequences=n), {"waypoint"})).split()) for n in (19, 20)
    )
    assert few_sequences(19) in few
    assert "Caution" not in enough
    table = answers(0.9, 0.4, (-0.5, -0.55, -0.45))
    assert "Caution" not in text(score_table(table, {"cue"}))
    assert [bool(few_sequences(n)) for n in (1, 2, FEW_SEQUENCES - 1, FEW_SEQUENCES)] == [False, True, True, False]
