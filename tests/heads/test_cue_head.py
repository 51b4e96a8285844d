"""The cue head: both kinds of truth, its sets, and what it does without past states."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from roadcue.errors import BadHead
from roadcue.heads.baselines.cue import MajorityCue
from roadcue.heads.calibration import fit_threshold
from roadcue.heads.cue import answers
from roadcue.heads.cue.config import CueConfig
from roadcue.heads.cue.rules import CUES, PACES
from roadcue.heads.cue.scores import cue_scores
from roadcue.heads.cue.words import CuePrediction
from roadcue.heads.field.labels import no_fields
from roadcue.heads.registry import build_head
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.schema import HeadInputs, HeadTargets

SMALL = CueConfig(hidden=16, layers=1, dropout=0.0)


def drawn(rows, seed=0, noise=0.5, walking=False):
    """Features that tell, with noise, where a car ends up; or, of a pedestrian, on which side the sidewalk is."""
    random = torch.Generator().manual_seed(seed)
    side = torch.randint(-1, 2, (rows,), generator=random)
    t = torch.arange(1, 21) / 4
    future = torch.stack([(8 * t).expand(rows, 20), side[:, None] * t], dim=2)
    past = torch.randn(rows, 16, 6, generator=random)
    positions, objects = no_fields(rows)
    if walking:
        future[:], past[:] = torch.nan, torch.nan
        positions, objects = torch.stack([1 - side, torch.zeros_like(side)], dim=1), torch.zeros_like(objects)
    features = side[:, None, None] + noise * torch.randn(rows, 1, 4, generator=random)
    inputs = HeadInputs(
        features=features,
        feature_mask=torch.ones(rows, 1, dtype=torch.bool),
        past=past,
        intent=torch.randint(0, 4, (rows,), generator=random),
    )
    return inputs, HeadTargets(future=future, positions=positions, objects=objects)


def trained(batch, config=SMALL, steps=60):
    torch.manual_seed(0)
    head = build_head("cue", config, 1, 4)
    head.fit([batch])
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        head.loss(head(batch[0]), batch[1])["loss"].backward()
        optimizer.step()
    return head.eval()


@pytest.mark.parametrize("walking", [False, True])
def test_it_learns_from_either_kind_of_data(walking):
    head = trained(drawn(300, walking=walking))
    inputs, targets = drawn(300, seed=1, walking=walking)
    truth = head.truth(targets)
    assert (truth[:, 0] != -1).all()
    assert set(truth[:, 0].tolist()) == {0, 1, 2}
    assert (head(inputs)["cue_logits"].argmax(dim=2) == truth).float().mean() > 0.85
    assert torch.isfinite(head(inputs)["cue_probabilities"]).all()


def test_line_2_a_pace_that_was_never_taught_is_unknown_and_never_sure(monkeypatch):
    truth = answers.cue_truth
    without_pace = torch.tensor([False, True])
    monkeypatch.setattr(answers, "cue_truth", lambda *given: truth(*given).masked_fill(without_pace, -1))
    batch = drawn(300)
    head, majority = trained(batch), MajorityCue(SMALL)
    majority.fit([batch])
    monkeypatch.undo()
    inputs, targets = drawn(50, seed=1)
    for one in (head, majority):
        assert one.untaught == ("pace",)
        assert (one.truth(targets)[:, 1] == -1).all()
        one.calibrate([(inputs, targets)], np.arange(50))
        arrays = {key: tensor.detach().numpy() for key, tensor in one(inputs).items()}
        assert arrays["cue_sets"][:, 1].all()
        for words in head.words(arrays):
            assert (words.pace, words.pace_probabilities, words.paces) == ("unknown", {}, PACES)
            assert words.cue in CUES
            assert not words.sure
            assert words.sentence.endswith("Keep pace or slow down or stop.")
    scores = head.score({"cue": arrays}, targets, np.arange(50), Bootstrap(resamples=5))
    assert [table.title for table in scores] == ["Cue"]


def test_the_truth_of_a_walk_is_the_rule_s_whatever_its_walker_did():
    _, targets = drawn(20)
    _, walked = drawn(20, seed=9, walking=True)
    head = build_head("cue", SMALL, 1, 4)
    both = HeadTargets(future=targets["future"], positions=walked["positions"], objects=walked["objects"])
    assert not torch.equal(head.truth(targets), head.truth(walked))
    assert torch.equal(head.truth(both), head.truth(walked))
    unlabelled = torch.full_like(walked["objects"], torch.nan)  # a pedestrian's all the same: no car's rule for him
    assert (head.truth(HeadTargets({**both, "objects": unlabelled})) == -1).all()


def test_a_past_that_is_partly_there_does_not_poison_the_rest():
    driving, walking = drawn(50), drawn(50, seed=1, walking=True)
    inputs, targets = ({key: torch.cat([a[key], b[key]]) for key in a} for a, b in zip(driving, walking, strict=True))
    head = trained((inputs, targets), steps=2)
    assert all(torch.isfinite(parameter).all() for parameter in head.parameters())
    assert torch.isfinite(head(inputs)["cue_logits"]).all()
    torch.testing.assert_close(head.trunk.past_mean, driving[0]["past"].mean(0))


@pytest.mark.parametrize("coverage", [CueConfig().coverage, 0.6])
def test_sets_cover_as_often_as_the_config_says_and_none_is_ruled_out_before(coverage):
    head = trained(drawn(1000, noise=1.0), replace(SMALL, coverage=coverage))
    inputs, targets = drawn(3000, seed=1, noise=1.0)
    assert head(inputs)["cue_sets"].all()
    head.calibrate([drawn(1000, seed=seed, noise=1.0) for seed in (2, 3, 4)], np.arange(3000))
    sets, truth = head(inputs)["cue_sets"], head.truth(targets)
    assert sets[:, 0].gather(1, truth[:, :1]).float().mean() == pytest.approx(coverage, abs=0.02)
    assert sets[:, 0].sum(dim=1).float().mean() < 2


def test_the_threshold_is_the_configs():
    _, targets = drawn(20)
    wide = build_head("cue", CueConfig(offset_m=3.5), 1, 4)
    late = build_head("cue", CueConfig(offset_m=3.5, offset_at_s=5.0), 1, 4)
    assert (wide.truth(targets)[:, 0] == 1).all()
    assert not (late.truth(targets)[:, 0] == 1).all()


def test_the_majority_is_as_sure_as_it_may_be():
    batch = drawn(100)
    majority = MajorityCue(SMALL)
    majority.fit([batch])
    often = torch.bincount(majority.truth(batch[1])[:, 0], minlength=3) / 100
    torch.testing.assert_close(majority(batch[0])["cue_probabilities"][0, 0], often)


def test_without_a_cue_there_is_nothing_to_learn():
    inputs, targets = drawn(4)
    targets["future"][:] = torch.nan
    for head in (build_head("cue", SMALL, 1, 4), MajorityCue(SMALL)):
        with pytest.raises(BadHead, match="so there is no cue to learn"):
            head.fit([(inputs, targets)])


@pytest.mark.parametrize(
    "wrong", [{"coverage": 1.0}, {"coverage": 0.0}, {"offset_m": 0.0}, {"offset_at_s": 0.5}, {"offset_at_s": 2.1}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CueConfig(**wrong)


@pytest.mark.parametrize("coverage", [0.5, 0.8])
def test_the_majority_s_sets_cover_as_its_config_says(coverage):
    majority = MajorityCue(CueConfig(coverage=coverage))
    held_out = drawn(300, seed=1)
    majority.fit([drawn(300)])
    majority.calibrate([held_out], np.arange(300))
    prediction, truth = majority(held_out[0]), majority.truth(held_out[1])
    expected = fit_threshold(prediction["cue_probabilities"][:, 0], truth[:, 0], np.arange(300), coverage)
    assert majority.calibration.threshold[0] == pytest.approx(expected)


def test_a_row_is_known_by_its_path_or_its_labels():
    driving, walking = drawn(4)[1], drawn(4, walking=True)[1]
    head = build_head("cue", SMALL, 1, 4)
    assert head.known(driving).all()
    assert head.known(walking).all()
    nothing = HeadTargets(future=walking["future"], positions=driving["positions"], objects=driving["objects"])
    assert not head.known(nothing).any()


@pytest.mark.parametrize(
    ("cues", "paces", "sure", "sentence"),
    [
        (CUES[1:2], PACES[:1], True, "Keep straight."),
        (CUES[:1], PACES[1:2], True, "Go left. Slow down."),
        (CUES[2:], PACES[2:], True, "Stop."),
        (CUES[1:2], PACES[1:], False, "Not sure. Keep straight. Slow down or stop."),
        (CUES[:2], PACES[:1], False, "Not sure. Deviate left or keep straight. Keep pace."),
        ((), PACES[:1], False, "Not sure. No way is likely. Keep pace."),
    ],
)
def test_an_answer_is_sure_of_way_and_pace_or_says_that_it_is_not(cues, paces, sure, sentence):
    answer = CuePrediction((cues or CUES)[0], {}, cues, paces[0], {}, paces)
    assert answer.sure == answer.to_json()["sure"] == sure
    assert answer.sentence == sentence


def test_the_table_says_how_often_the_opposite_way_is_said():
    """Left for right and right for left, of 8 rows; straight is neither."""
    predicted, truth = np.array([0, 2, 1, 0, 2, 0, 1, 1]), np.array([2, 0, 0, 0, 2, 1, 1, 2])
    one_hot = np.eye(3)[predicted]
    prediction = {
        "cue_probabilities": np.stack([one_hot, one_hot], axis=1),
        "cue_sets": np.stack([one_hot, one_hot], axis=1) > 0,
    }
    tables = cue_scores(
        {"cue": prediction}, np.stack([truth, truth], axis=1), np.arange(8), 0.9, Bootstrap(resamples=20, seed=0)
    )
    assert tables[0].methods["cue"]["opposite"].value == 2 / 8
    assert "opposite" not in tables[1].columns


def test_too_few_sequences_to_calibrate_on_are_said():
    head = build_head("cue", SMALL, 1, 4)
    assert "8 sequences to calibrate on: too few to rule any cue out at 90%" in head.lacks_sequences(8)
    assert head.lacks_sequences(9) == ""


@pytest.mark.parametrize("located", [False, True])
def test_labels_of_objects_alone_leave_the_logged_path_its_cue(located):
    """A driver's row with a box of a car is no pedestrian's; with a position it is, and the rule speaks."""
    positions, objects = no_fields(1)
    objects[:] = 0.0
    if located:
        positions[:] = torch.tensor([1, 0])
    future = torch.stack([torch.arange(1, 21) * 2.0, torch.arange(1, 21) * 0.5], dim=1)[None]
    truth = answers.cue_truth(CueConfig(), HeadTargets(future=future, positions=positions, objects=objects))
    assert (CUES[truth[0, 0]] == "deviate left") is not located
