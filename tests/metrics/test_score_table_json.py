"""A table of scores as JSON."""

import json

import numpy as np

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.score_table import ScoreTable


def test_a_bound_that_does_not_exist_is_null_since_json_has_no_nan():
    table = ScoreTable("Road", {"accuracy": "accuracy"}, {"head": {"accuracy": Interval(0.5, np.nan, np.nan)}}, 9, 1)
    content = json.loads(json.dumps(table.to_json(), allow_nan=False))
    assert content["methods"] == {"head": {"accuracy": {"value": 0.5, "low": None, "high": None}}}
    assert (content["title"], content["samples"], content["sequences"]) == ("Road", 9, 1)
