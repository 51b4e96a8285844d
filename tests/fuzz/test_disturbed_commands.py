"""Whole commands that are killed at a write, or whose disk fails at one: they go on to what they leave undisturbed.

A few places of what `benchmarks/campaign.py` does, by the same pieces: there every write of every command is met.
"""

import errno
import json

import pytest
from disturbed import Commands, Disturbance
from whole_commands import Trial, content_of, prepare


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    """A function that makes the trial of a command by its name."""
    place = tmp_path_factory.mktemp("place")
    prepare(place)
    with Commands(place / "cache") as commands:
        made = {}
        yield lambda name: made.get(name) or made.setdefault(name, Trial.of(name, commands, place))


PLACES = [
    ("drawing", Disturbance("rename", "before", 2)),
    ("drawing", Disturbance(error=errno.ENOSPC, place=20)),
    ("extraction", Disturbance("store", "after", 1)),
    ("training", Disturbance("rename", "before", 3)),
    ("training", Disturbance("save", "after", 2)),
    ("training", Disturbance(error=errno.ENOSPC, place=40)),
    ("training", Disturbance(error=errno.EIO, once=False, place=80)),
]


@pytest.mark.parametrize(("name", "by"), PLACES, ids=lambda part: str(part).replace(" ", "_"))
def test_it_is_stopped_and_goes_on_to_the_same_result(trial, name, by):
    faults, met = trial(name).faults(by)
    assert not faults
    assert met


def test_what_went_wrong_would_be_found(trial, monkeypatch):
    one = trial("training")
    monkeypatch.setattr("whole_commands._result", lambda command, place: {"run/model": "other"})
    faults, _ = one.faults(Disturbance("rename", "before", 1))
    assert "another result" in faults[0]


def test_of_a_result_only_minute_seconds_and_memory_may_differ(tmp_path):
    first, later, other = (tmp_path / name / "metrics.json" for name in ("first", "later", "other"))
    for file, minute, accuracy in ((first, 0, 0.5), (later, 11, 0.5), (other, 0, 0.6)):
        file.parent.mkdir()
        heading = {"data": "walks", "scored": f"2026-11-29 22:{minute:02} UTC"}
        costs = {"seconds": {"value": 3.0 + minute}, "memory": {"value": 676.0 + minute}}
        file.write_text(json.dumps({"run": heading, "accuracy": accuracy, "costs": costs}))
    assert content_of(first) == content_of(later) != content_of(other)
