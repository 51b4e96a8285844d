"""The field head: what it learns, what it leaves out, what its probabilities are worth."""

import numpy as np
import pytest
import torch

from roadcue.errors import BadHead
from roadcue.heads.baselines.field import EverythingField, MajorityField
from roadcue.heads.calibration import fit_binary_temperature, fit_temperature
from roadcue.heads.field.config import FieldConfig
from roadcue.heads.field.labels import no_fields
from roadcue.heads.registry import build_head, load_head
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.schema import HeadInputs, HeadTargets

SMALL = FieldConfig(hidden=32, dropout=0.0)


def drawn(rows, seed=0):
    """Features that tell sidewalk, road and cars; the pasts of pedestrians, which are not there."""
    random = torch.Generator().manual_seed(seed)
    positions = torch.multinomial(torch.tensor([0.7, 0.1, 0.1, 0.1]), 2 * rows, True, generator=random).view(rows, 2)
    objects = torch.zeros(rows, 2, 9, 3)
    objects[:, 0, 1] = (torch.rand(rows, 3, generator=random) < 0.3).float()
    readable = torch.cat([torch.nn.functional.one_hot(positions, 4).flatten(1), objects[:, 0, 1]], dim=1).float()
    features = torch.cat([readable, torch.randn(rows, 1, generator=random)], dim=1).view(rows, 2, 6)
    inputs = HeadInputs(
        features=features + 0.3 * torch.randn(rows, 2, 6, generator=random),
        feature_mask=torch.ones(rows, 2, dtype=torch.bool),
        past=torch.full((rows, 16, 6), torch.nan),
        intent=torch.zeros(rows, dtype=torch.int64),
    )
    return inputs, HeadTargets(future=torch.full((rows, 20, 2), torch.nan), positions=positions, objects=objects)


def trained(config=SMALL, steps=150):
    torch.manual_seed(0)
    inputs, targets = drawn(400)
    head = build_head("field", config, 2, 6)
    head.fit([(inputs, targets)])
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        head.loss(head(inputs), targets)["loss"].backward()
        optimizer.step()
    return head.eval()


@pytest.fixture(scope="module")
def head():
    return trained()


def test_it_tells_what_the_features_tell(head):
    inputs, targets = drawn(400, seed=1)
    prediction = head(inputs)
    assert (prediction["position"] == targets["positions"]).float().mean() > 0.9
    assert (prediction["seen"][:, 0, 1] == (targets["objects"][:, 0, 1] == 1)).float().mean() > 0.85
    assert not prediction["seen"][:, 1].any()


def test_a_kind_that_is_said_to_be_there_is_somewhere(head):
    prediction = head(drawn(400, seed=1)[0])
    present = prediction["presence_logits"] > 0
    assert torch.equal(prediction["seen"].any(dim=3), present)


def test_a_missing_label_changes_nothing_about_the_others(head):
    inputs, targets = drawn(8)
    prediction = {key: tensor.detach().clone() for key, tensor in head(inputs).items()}
    partly = {key: tensor.clone() for key, tensor in targets.items()}
    partly["positions"][0, 0] = -1
    partly["objects"][1, 0, 1] = torch.nan
    loss = head.loss(prediction, partly)["loss"]
    prediction["position_logits"][0, 0] += 100
    prediction["presence_logits"][1, 0, 1] += 100
    prediction["side_logits"][1, 0, 1] += 100
    assert torch.equal(head.loss(prediction, partly)["loss"], loss)
    assert not torch.equal(head.loss(prediction, targets)["loss"], loss)


def test_sides_of_what_is_not_there_are_not_learnt(head):
    inputs, targets = drawn(8)
    targets["objects"][:] = 0
    prediction = {key: tensor.detach().clone() for key, tensor in head(inputs).items()}
    loss = head.loss(prediction, targets)["loss"]
    prediction["side_logits"] += 100
    assert torch.equal(head.loss(prediction, targets)["loss"], loss)


def test_weights_are_inverse_frequencies(head):
    _, targets = drawn(400)
    counts = torch.bincount(targets["positions"][:, 0], minlength=4)
    torch.testing.assert_close(head.class_weight[0] * counts, torch.full((4,), 100.0))
    car = targets["objects"][:, 0, 1].amax(dim=1).mean()
    torch.testing.assert_close(head.presence_weight[0, 1], ((1 - car) / car).clamp(min=1).sqrt())
    equal = build_head("field", FieldConfig(balanced=False), 2, 6)
    equal.fit([drawn(400)])
    assert (equal.class_weight == 1).all()
    assert (equal.presence_weight == 1).all()


def test_probabilities_are_those_of_the_data_though_classes_weigh_the_same():
    """A head that sees nothing can only say how often a class comes: 0.7, not 1/4."""
    torch.manual_seed(0)
    inputs, targets = drawn(400)
    blind = HeadInputs(
        features=torch.zeros(400, 0, 0),
        feature_mask=torch.zeros(400, 0, dtype=torch.bool),
        past=inputs["past"],
        intent=inputs["intent"],
    )
    head = build_head("field", SMALL, 0, 0)
    head.fit([(blind, targets)])
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        head.loss(head(blind), targets)["loss"].backward()
        optimizer.step()
    prediction = head.eval()(blind)
    often = torch.bincount(targets["positions"][:, 0], minlength=4) / 400
    torch.testing.assert_close(prediction["position_probabilities"][0, 0], often, atol=0.02, rtol=0)
    car = targets["objects"][:, 0, 1].amax(dim=1).mean()
    torch.testing.assert_close(prediction["presence_probabilities"][0, 0, 1], car, atol=0.02, rtol=0)


def test_calibration_changes_probabilities_and_no_answer(head):
    held_out = [drawn(300, seed=2), drawn(100, seed=3)]
    inputs, _ = drawn(50, seed=4)
    before = head(inputs)
    head.calibrate(held_out, np.arange(sum(len(inputs["past"]) for inputs, _ in held_out)))
    after = head(inputs)
    assert (head.temperature[:2] != 1).all()
    assert torch.equal(after["position"], before["position"])
    assert torch.equal(after["seen"], before["seen"])
    assert not torch.equal(after["position_probabilities"], before["position_probabilities"])


def test_line_2_what_no_row_has_a_label_of_is_not_taught(tmp_path):
    """The road and near cars; the calibration rows have labels of them, which count for nothing."""
    inputs, targets = drawn(60)
    partly = {key: tensor.clone() for key, tensor in targets.items()}
    partly["positions"][:, 1] = -1
    partly["objects"][:, 0, 1] = torch.nan
    own = build_head("field", SMALL, 2, 6)
    assert own.untaught == ()
    assert own.lacks_labels() == ""
    own.fit([(inputs, partly)])
    assert own.untaught == ("road_pos", "m_car")
    assert own.lacks_labels().startswith("2 of the 20 outputs have no label")
    assert own.labelled(partly).tolist() == [name not in own.untaught for name in own.outputs]
    assert own.labelled(targets).all()

    own.save_pretrained(tmp_path)
    loaded = load_head(tmp_path)
    assert loaded.untaught == own.untaught
    prediction = {key: tensor.detach().numpy() for key, tensor in loaded(inputs).items()}
    (first, *_) = loaded.words(prediction)
    assert (first.annotation.road, "car" in first.annotation.near, "car" in first.annotation.far) == (
        "unknown",
        False,
        True,
    )
    assert loaded.compared(loaded(inputs), targets)[1][:, 1].unique().tolist() == [-1]
    positions, objects = no_fields(60)
    positions[:, 1], objects[:, 0, 1] = 1, 1
    roads_and_cars = HeadTargets(future=targets["future"], positions=positions, objects=objects)
    assert not loaded.known(roads_and_cars).any()
    assert loaded.score({"field": prediction}, roads_and_cars, np.arange(60), Bootstrap(resamples=5)) == []

    loaded.calibrate([(inputs, targets)], np.arange(60))
    own.calibrate([(inputs, partly)], np.arange(60))
    assert torch.equal(loaded.temperature, own.temperature)


def test_the_majority_says_how_often_everything_comes(tmp_path):
    batches = [drawn(30), drawn(70, seed=1)]
    majority = MajorityField()
    majority.fit(batches)
    positions = torch.cat([targets["positions"] for _, targets in batches])
    prediction = majority(batches[0][0])
    assert (prediction["position"] == positions.mode(dim=0).values).all()
    torch.testing.assert_close(prediction["position_probabilities"][0, 1], torch.bincount(positions[:, 1]) / 100)
    majority.save_pretrained(tmp_path)
    assert torch.equal(
        load_head(tmp_path)(batches[0][0])["presence_probabilities"], prediction["presence_probabilities"]
    )


def test_listing_everything_finds_every_object_and_places_it_everywhere():
    batches = [drawn(30)]
    everything, majority = EverythingField(), MajorityField()
    everything.fit(batches)
    majority.fit(batches)
    prediction = everything(batches[0][0])
    assert prediction["seen"].all()
    assert prediction["seen"].shape == majority(batches[0][0])["seen"].shape
    assert torch.equal(prediction["position"], majority(batches[0][0])["position"])


def test_without_a_label_there_is_nothing_to_learn():
    inputs, targets = drawn(4)
    positions, objects = no_fields(4)
    nothing = HeadTargets(future=targets["future"], positions=positions, objects=objects)
    for head in (build_head("field", SMALL, 2, 6), MajorityField()):
        with pytest.raises(BadHead, match="no row of the training set has a label"):
            head.fit([(inputs, nothing)])
        assert not head.known(nothing).any()
        assert head.known(targets).all()


def test_the_loss_is_the_sum_of_its_six_parts_each_with_its_own_weights(head):
    """By hand, with sidewalk, road, near and far each weighed otherwise."""
    inputs, targets = drawn(60, seed=5)
    targets["positions"][:20, 1] = 2
    targets["objects"][30:, 1, 4, 0] = 1
    own = build_head("field", SMALL, 2, 6)
    own.fit([(inputs, targets)])
    assert not torch.allclose(own.class_weight[0], own.class_weight[1])
    assert not torch.allclose(own.presence_weight[0], own.presence_weight[1])
    prediction = {key: tensor.detach() for key, tensor in head(inputs).items()}
    expected = 0.0
    for field in range(2):
        true = targets["positions"][:, field]
        right = prediction["position_logits"][:, field].log_softmax(1)[torch.arange(60), true]
        expected -= (own.class_weight[field][true] * right).mean()
    present = targets["objects"].amax(dim=3)
    yes, no = (torch.nn.functional.logsigmoid(sign * prediction["presence_logits"]) for sign in (1, -1))
    left, right = (torch.nn.functional.logsigmoid(sign * prediction["side_logits"]) for sign in (1, -1))
    for distance in range(2):
        there = present[:, distance] == 1
        weighed = torch.where(there, own.presence_weight[distance] * yes[:, distance], no[:, distance])
        sides = torch.where(targets["objects"][:, distance] == 1, left[:, distance], right[:, distance])
        expected -= weighed.mean() + sides[there].mean()
    torch.testing.assert_close(own.loss(prediction, targets)["loss"], expected)


def test_each_question_has_a_temperature_of_its_own_rows():
    """Sides are asked where the kind is there and nowhere else; what is not labelled is not asked at all."""
    own = trained(steps=40)
    inputs, targets = drawn(500, seed=6)
    targets["positions"][::3, 1] = -1
    targets["objects"][::4, 0, 2] = torch.nan
    prediction = {key: tensor.detach() for key, tensor in own(inputs).items()}
    positions, objects = targets["positions"], targets["objects"]
    unweighted = prediction["position_logits"] - own.class_weight.log()
    present, labelled = objects.amax(dim=3), ~objects.isnan().any(dim=3)
    presence, there = prediction["presence_logits"] - own.presence_weight.log(), present == 1
    expected = [
        fit_temperature(unweighted[:, 0], positions[:, 0]),
        fit_temperature(unweighted[positions[:, 1] >= 0, 1], positions[positions[:, 1] >= 0, 1]),
        fit_binary_temperature(presence[labelled], present[labelled]),
        fit_binary_temperature(prediction["side_logits"][there].flatten(), objects[there].flatten()),
    ]
    everywhere = fit_binary_temperature(prediction["side_logits"][labelled].flatten(), objects[labelled].flatten())
    assert everywhere != pytest.approx(expected[3], rel=0.05), "the data do not tell the two apart"
    own.calibrate([(inputs, targets)], np.arange(len(inputs["past"])))
    assert own.temperature.tolist() == pytest.approx(expected, rel=1e-4)
