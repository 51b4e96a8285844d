"""Which frames of a head that answers questions are shown, and what is counted of it."""

import json

import numpy as np
import pytest
from fitted import fit

from roadcue.evaluation import run as evaluation
from roadcue.evaluation.answer_details import answer_details
from roadcue.evaluation.config import EvalConfig


@pytest.fixture
def found(drawn, monkeypatch):
    """The details of a run of two heads, its frames, its page, and what its numbers say of its answers."""
    run, kept = fit(drawn(epochs=1, head="field,cue")), []

    def keeping(*args):
        kept.extend(answer_details(*args))
        return kept

    monkeypatch.setattr(evaluation, "answer_details", keeping)
    frames = evaluation.evaluate_run(EvalConfig(run=str(run.path), resamples=10))
    details = {each.head: each for each in kept}
    numbers = json.loads((run.path / "metrics.json").read_text())
    return details, frames, (run.path / "report.html").read_text(), numbers["counted_answers"]


def test_every_question_is_counted_and_shown(found):
    details, frames, page, _ = found
    assert {head: [*each.confusions] for head, each in details.items()} == {
        "field": ["sidewalk", "road"],
        "cue": ["cue", "pace"],
    }
    for head, each in details.items():
        for question, matrix in each.confusions.items():
            right = frames.columns[f"{head}:{question}:right"]
            assert np.trace(matrix.counts) == np.nansum(right)
            assert matrix.samples == sum(one.rows for one in each.reliability[question]) == np.sum(~np.isnan(right))
    assert [*details["field"].objects] == ["field", "field without features", "majority field", "list everything"]
    assert details["cue"].objects == {}
    assert "How the field head answers" in page
    assert "Near objects by kind" in page


def test_what_is_counted_is_in_the_numbers_too(found):
    details, _, _, numbers = found
    assert numbers.keys() == details.keys()
    for head, each in details.items():
        for question, matrix in each.confusions.items():
            kept = numbers[head][question]
            assert kept["confusion"]["classes"] == [*matrix.classes]
            assert kept["confusion"]["counts"] == [[*row] for row in matrix.counts]
            assert [one["rows"] for one in kept["reliability"]] == [one.rows for one in each.reliability[question]]
            assert 0 <= kept["reliability"][0]["right"] <= 1


def test_the_best_is_right_and_the_surest_wrong_answers_are_wrong_and_of_other_sequences(found):
    details, frames, _, _ = found
    sequence = dict(zip(frames.columns["id"], frames.columns["sequence"], strict=True))
    for each in details.values():
        best, median, worst, *wrong = each.frames
        assert (best.title, median.title, worst.title) == ("best", "median", "worst")

        def trust(frame):
            known = [one for one in frame.answers if one.truth]
            return np.mean([one.probability * (2 * one.right - 1) for one in known])

        assert trust(best) >= trust(median) >= trust(worst)
        assert 0 < len(wrong) <= 3
        assert len({sequence[frame.sample_id] for frame in wrong}) == len(wrong)
        cost = []
        for frame in wrong:
            question = frame.title.removeprefix("most confidently wrong: ")
            (asked,) = (one for one in frame.answers if one.question == question)
            assert asked.right < 1
            cost.append((1 - asked.right) * asked.probability)
        assert cost == sorted(cost, reverse=True)
        assert all(frame.image is not None and frame.camera == "FRONT" for frame in each.frames)
