"""The policy for records that cannot be used."""

import pytest

from roadcue.errors import BadInput, BadRecord
from roadcue.loaders.bad_records import BadRecords, Skipped, faults_by_kind, first_of_each, named_first

FAULTS = [Skipped(f"line {number}", f"fault {number}") for number in range(1, 6)]


def test_the_first_stops_with_the_remedy():
    with pytest.raises(BadRecord, match=r"^a.txt, line 3: is empty; --on_bad_record skip leaves it out$"):
        BadRecords("raise").reject("a.txt, line 3", BadRecord("a.txt, line 3: is empty"))


def test_or_all_are_counted_with_their_places():
    bad_records = BadRecords("skip")
    bad_records.reject("a.txt, line 3", BadRecord("a.txt, line 3: is empty"))
    bad_records.reject("b.jpg", BadRecord("cannot be read"))
    bad_records.reject_all(FAULTS, "five faults")
    assert bad_records.skipped == [Skipped("a.txt, line 3", "is empty"), Skipped("b.jpg", "cannot be read"), *FAULTS]


@pytest.mark.parametrize(
    ("policy", "some_left", "error"),
    [("raise", True, BadRecord), ("raise", False, BadInput), ("skip", False, BadInput)],
)
def test_many_faults_are_one_message(policy, some_left, error):
    bad_records = BadRecords(policy)
    bad_records.reject_all([], "nothing", some_left=some_left)
    with pytest.raises(error, match="five faults"):
        bad_records.reject_all(FAULTS, "five faults", some_left=some_left)
    assert bad_records.skipped == []


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (1, "the first: fault 1"),
        (2, "the first: fault 1; then line 2"),
        (4, "the first: fault 1; then line 2, line 3, line 4"),
        (5, "the first: fault 1; then line 2, line 3, line 4, ..."),
    ],
)
def test_the_first_faults_are_named(count, message):
    assert named_first(FAULTS[:count]) == message


def read(raw, where):
    if raw is None:
        raise BadRecord(f"{where}: is empty")
    return raw


RECORDS = [("line 1", ["a", 1]), ("line 2", None), ("line 3", ["b", 2]), ("line 4", ["a", 1])]


def test_of_each_name_the_first_counts():
    firsts, skipped = first_of_each(RECORDS, read, lambda one: one[0], lambda first: f"was {first[1]}")
    assert firsts == {"a": ["a", 1], "b": ["b", 2]}
    assert skipped == [Skipped("line 2", "is empty"), Skipped("line 4", "a was 1")]


@pytest.mark.parametrize(("records", "message"), [(RECORDS, "line 2: is empty"), (RECORDS[::3], "line 4: a was 1")])
def test_a_damaged_record_or_a_repeat_stops_unless_it_is_left_out(records, message):
    with pytest.raises(BadRecord, match=f"^{message}; --on_bad_record skip"):
        first_of_each(records, read, lambda one: one[0], lambda first: f"was {first[1]}", "raise")


def test_faults_of_one_kind_are_told_together():
    reasons = [
        "a/1.jpg is named before, by t.csv, line 1; write one",
        "'b' is no word of 3; did you mean 'c'?",
        "b/2.jpg is named before, by t.csv, line 4; write one",
        "'d' is no word of 4",
        "is empty",
        "c/3.jpg is named before, by t.csv, line 7; write one",
    ]
    assert faults_by_kind([Skipped(f"line {n}", reason) for n, reason in enumerate(reasons)]) == [
        f"3, the first line 0: {reasons[0]}",
        f"2, the first line 1: {reasons[1]}",
        f"1, the first line 4: {reasons[4]}",
    ]
