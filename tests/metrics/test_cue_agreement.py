"""The rule's cue and what the walker does: shares and counts, counted by hand."""

import json

import numpy as np
import pytest

from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.cue_agreement import LABELS, cue_agreement

WAYS, PACES = ("left", "straight", "right"), ("keep", "slow", "stop")
#        way, pace of the rule; of the walker
PAIRS = [
    ((0, 1), (0, 1)),
    ((0, 1), (1, 1)),
    ((1, 0), (1, 0)),
    ((1, 0), (1, 0)),
    ((1, 0), (1, 1)),
    ((1, 2), (2, 2)),
]
RULE, WALKER = (np.array(cues) for cues in zip(*PAIRS, strict=True))
WALKS = np.array(["a", "b", "a", "b", "a", "b"])


def agreed(rule=RULE, walker=WALKER, walks=WALKS):
    return cue_agreement(rule, walker, walks, (WAYS, PACES), Bootstrap(200))


def test_the_shares_are_those_counted_by_hand():
    figures = agreed().figures
    assert figures.keys() == LABELS.keys()
    assert figures["way"].value == pytest.approx(4 / 6)
    assert figures["way_balanced"].value == pytest.approx((1 / 2 + 3 / 4) / 2)  # the rule never says right
    assert figures["pace"].value == pytest.approx(5 / 6)
    assert figures["pace_balanced"].value == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert figures["both"].value == pytest.approx(3 / 6)


def test_a_row_of_the_counts_is_what_the_rule_says():
    agreement = agreed()
    assert agreement.ways == {
        "left": {"left": 1, "straight": 1, "right": 0},
        "straight": {"left": 0, "straight": 3, "right": 1},
        "right": {"left": 0, "straight": 0, "right": 0},
    }
    assert (agreement.samples, agreement.sequences) == (6, 2)


def test_a_walker_who_always_does_the_same_is_balanced_at_one_over_the_rule_s_answers():
    rule = np.column_stack([np.arange(30) % 3, np.arange(30) % 2])
    agreement = agreed(rule, np.ones((30, 2), int), np.arange(30).astype(str))
    assert agreement.figures["way_balanced"].value == pytest.approx(1 / 3)
    assert agreement.figures["pace_balanced"].value == pytest.approx(1 / 2)


def test_intervals_are_of_whole_walks_and_there_is_none_of_a_single_one():
    figures = agreed().figures
    # Walk a agrees in 3 of 3 ways, walk b in 1 of 3: every resample of the two is 1/3, 2/3 or 1.
    assert (figures["way"].low, figures["way"].high) == (pytest.approx(1 / 3), pytest.approx(1))
    alone = agreed(walks=np.array(["a"] * 6))
    assert np.isnan(alone.figures["way"].low)
    assert json.loads(json.dumps(alone.to_json(), allow_nan=False))["figures"]["way"]["low"] is None


def test_cues_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"must be \(n, 2\) each for n sequences; got \(6, 2\), \(5, 2\) and 6"):
        agreed(walker=WALKER[:5])
