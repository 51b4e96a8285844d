"""The head of the source document, and what was put around it."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from roadcue.errors import BadHead
from roadcue.heads.baselines.waypoint import ConstantVelocity, Ridge
from roadcue.heads.registry import build_head
from roadcue.heads.waypoint.config import WaypointConfig, choices
from roadcue.heads.waypoint.head import WaypointHead
from roadcue.heads.waypoint.losses import rater

SMALL = WaypointConfig("mlp", hidden=16, residual="none", rank=0)


@pytest.fixture
def head(batches):
    torch.manual_seed(0)
    head = build_head("waypoint", SMALL, 2, 5)
    head.fit(batches)
    return head


def joined(batches, name):
    """One column of the training set, inputs or targets, over all batches."""
    return torch.cat([{**inputs, **targets}[name] for inputs, targets in batches])


def test_is_the_head_of_the_source_document():
    head = WaypointHead(WaypointConfig(rank=0), features=1, width=1152)
    assert [type(layer) for layer in head.decoder.layers] == [
        *(nn.Linear, nn.LayerNorm, nn.GELU, nn.Dropout) * 2,
        nn.Linear,
    ]
    linear = [
        (layer.in_features, layer.out_features) for layer in head.decoder.layers if isinstance(layer, nn.Linear)
    ]
    assert linear == [(1251, 512), (512, 512), (512, 40)]
    assert [layer.p for layer in head.decoder.layers if isinstance(layer, nn.Dropout)] == [0.1, 0.1]
    assert sum(parameter.numel() for parameter in head.parameters()) == 926_248
    assert all(parameter.requires_grad for parameter in head.parameters())


@pytest.mark.parametrize("residual", ["ego", "constant_velocity"])
def test_a_base_path_adds_no_parameter(residual):
    head = WaypointHead(WaypointConfig(rank=0, residual=residual), features=1, width=1152)
    assert sum(parameter.numel() for parameter in head.parameters()) == 926_248


def test_inputs_and_waypoints_are_normalised_with_training_statistics(head, batches):
    past, future = joined(batches, "past"), joined(batches, "future")
    future = future[~future.isnan().any(2).any(1)]
    torch.testing.assert_close(head.past_mean, past.mean(0))
    torch.testing.assert_close(head.past_scale[:-1], past.std(0, correction=0)[:-1])
    torch.testing.assert_close(head.waypoints_mean, future.mean(0))
    torch.testing.assert_close(head.waypoints_scale, future.std(0, correction=0))
    second = joined(batches, "features")[:, 1][joined(batches, "feature_mask")[:, 1]]
    torch.testing.assert_close(head.reduced.mean[1], second.mean(0))
    torch.testing.assert_close(head.reduced.scale[1], second.std(0, correction=0))


def test_a_constant_column_is_centred_and_not_blown_up(head):
    assert head.past_scale[-1, :2].tolist() == [1, 1]
    assert head.past_mean[-1, :2].tolist() == [0, 0]


def test_what_the_layers_see(head, batches):
    seen = []
    head.decoder.layers[0].register_forward_hook(lambda module, arguments, output: seen.append(arguments[0]))
    for inputs, _ in batches:
        head(inputs)
    numbers = torch.cat(seen)
    past = numbers[:, 10:106]
    torch.testing.assert_close(past.mean(0), torch.zeros(96), atol=1e-5, rtol=0)
    spread = past.std(0, correction=0).view(16, 6)
    torch.testing.assert_close(spread[:-1], torch.ones(15, 6))
    intent = joined(batches, "intent")
    for value, row in ((0, [0, 0, 0]), (1, [1, 0, 0]), (2, [0, 1, 0]), (3, [0, 0, 1])):
        assert (numbers[intent == value, 106:] == torch.tensor(row)).all()
    absent = ~joined(batches, "feature_mask")[:, 1]
    assert absent.any()
    assert not numbers[absent, 5:10].any()


def test_a_stand_in_for_a_missing_camera_is_taken_as_it_is(head, batches):
    inputs = copy.deepcopy(batches[0][0])
    absent = ~inputs["feature_mask"]
    learned = torch.arange(5.0).requires_grad_()
    inputs["features"] = torch.where(absent[:, :, None], learned, inputs["features"])
    seen = []
    head.decoder.layers[0].register_forward_hook(lambda module, arguments, output: seen.append(arguments[0]))
    head(inputs)["waypoints"].sum().backward()
    assert (seen[0][absent[:, 1], 5:10] == learned).all()
    assert learned.grad.any()


def test_without_normalisation_it_sees_raw_numbers(batches):
    head = build_head("waypoint", replace(SMALL, normalize=False), 2, 5)
    head.fit(batches)
    inputs = batches[0][0]
    raw = torch.cat([inputs["features"].flatten(1), inputs["past"].flatten(1)], dim=1)
    seen = []
    head.decoder.layers[0].register_forward_hook(lambda module, arguments, output: seen.append(arguments[0]))
    head.eval()
    out = head(inputs)["waypoints"]
    assert torch.equal(seen[0][:, :106], raw)
    assert torch.equal(out.flatten(1), head.decoder.layers(seen[0]))


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize(("residual", "base"), [("ego", Ridge), ("constant_velocity", ConstantVelocity)])
def test_a_residual_starts_exactly_at_its_base_path(batches, residual, base, normalize):
    head = build_head("waypoint", replace(SMALL, residual=residual, normalize=normalize), 2, 5)
    head.fit(batches)
    path = base()
    path.fit(batches)
    for inputs, _ in batches:
        assert torch.equal(head(inputs)["waypoints"], path(inputs)["waypoints"])


def test_a_residual_is_scaled_by_what_the_base_path_gets_wrong(batches):
    head = build_head("waypoint", replace(SMALL, residual="constant_velocity"), 2, 5)
    head.fit(batches)
    assert 0.8 < head.waypoints_scale.mean() < 1.2  # the fixture's noise around constant velocity is 1 m


def test_trains_to_less_than_its_base_path(make_batch):
    torch.manual_seed(0)
    inputs, targets = make_batch(64)
    head = build_head("waypoint", replace(SMALL, hidden=64, dropout=0.0, residual="ego"), 2, 5)
    head.fit([(inputs, targets)])
    before = head.loss(head(inputs), targets)["loss"].item()
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        head.loss(head(inputs), targets)["loss"].backward()
        optimizer.step()
    assert head.loss(head(inputs), targets)["loss"].item() < 0.5 * before


def test_gradient_reaches_every_parameter_and_nothing_else(head, batches):
    inputs, targets = batches[0]
    inputs = {key: value.clone().requires_grad_(value.is_floating_point()) for key, value in inputs.items()}
    statistics = {key: buffer.clone() for key, buffer in head.named_buffers()}
    head.loss(head(inputs), targets)["loss"].backward()
    assert all(parameter.grad.any() for parameter in head.parameters())
    assert inputs["features"].grad.any()  # a trainable pool stands before the head
    for key, buffer in head.named_buffers():
        assert not buffer.requires_grad
        assert torch.equal(buffer, statistics[key])


def test_loss_is_the_mean_distance_over_rows_with_a_future(head):
    prediction = {"waypoints": torch.zeros(3, 20, 2), "speed": torch.zeros(3)}
    future = torch.zeros(3, 20, 2)
    future[0, :, 0], future[0, :, 1] = 3, 4
    future[1] = torch.nan
    assert head.loss(prediction, {"future": future})["loss"] == 2.5
    future[2, 7, 1] = torch.nan  # a path with a hole is as good as none
    assert head.loss(prediction, {"future": future})["loss"] == 5


def test_nan_futures_leave_no_trace_in_the_gradient(head, batches):
    inputs, targets = batches[2]
    known = ~targets["future"].isnan().any(2).any(1)
    head.eval()
    head.loss(head(inputs), targets)["loss"].backward()
    masked = [parameter.grad.clone() for parameter in head.parameters()]
    head.zero_grad()
    rows = {key: value[known] for key, value in inputs.items()}
    head.loss(head(rows), {"future": targets["future"][known]})["loss"].backward()
    for left, right in zip(masked, (parameter.grad for parameter in head.parameters()), strict=True):
        torch.testing.assert_close(left, right)


@pytest.mark.parametrize("kind", choices("kind"))
@pytest.mark.parametrize("residual", ["none", "constant_velocity"])
def test_rows_without_past_states_leave_no_trace(make_batch, kind, residual):
    """As pictures of a walk that come without states do: what is fitted and learnt is that of the other rows."""
    inputs, targets = make_batch(40, vectors=0)
    config = WaypointConfig(kind, hidden=8, dropout=0.0, modes=2, anchors=4, residual=residual)
    lacking = torch.arange(40) % 5 == 0
    past, future = (
        rows.masked_fill(lacking[:, None, None], torch.nan) for rows in (inputs["past"], targets["future"])
    )
    learnt = []
    for rows in (torch.arange(40), torch.arange(40)[~lacking]):
        batch = {name: values[rows] for name, values in {**inputs, "past": past}.items()}
        torch.manual_seed(0)
        head = build_head("waypoint", config, 0, 0)
        head.fit([(batch, {"future": future[rows]})])
        head.loss(head(batch), {"future": future[rows]})["loss"].backward()
        learnt.append([head.past_mean, head.past_scale, *(one.grad for one in head.parameters())])
    for one, other in zip(*learnt, strict=True):
        assert one.isfinite().all()
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_batch_without_a_future_costs_nothing_and_still_has_a_graph(head, batches):
    inputs, targets = batches[0]
    loss = head.loss(head(inputs), {"future": torch.full_like(targets["future"], torch.nan)})["loss"]
    loss.backward()
    assert loss == 0
    assert not any(parameter.grad.any() for parameter in head.parameters())


@pytest.mark.parametrize("residual", ["none", "ego", "constant_velocity"])
def test_no_batch_is_ever_changed(batches, residual):
    before = copy.deepcopy(batches)
    head = build_head("waypoint", replace(SMALL, residual=residual), 2, 5)
    head.fit(batches)
    inputs, targets = batches[0]
    head.loss(head(inputs), targets)["loss"].backward()
    for (old, old_targets), (new, new_targets) in zip(before, batches, strict=True):
        assert all(torch.equal(old[key], new[key]) for key in old)
        assert torch.equal(old_targets["future"].nan_to_num(99), new_targets["future"].nan_to_num(99))


def test_the_order_and_size_of_batches_does_not_matter(batches):
    heads = []
    everything = {name: joined(batches, name) for name in (*batches[0][0], "future")}
    order = torch.randperm(len(everything["past"]), generator=torch.Generator().manual_seed(0))
    shuffled = {name: values[order] for name, values in everything.items()}
    for rows in (batches, [(shuffled, {"future": shuffled["future"]})]):
        torch.manual_seed(0)
        heads.append(build_head("waypoint", replace(SMALL, residual="ego"), 2, 5))
        heads[-1].fit(rows)
    for (key, left), right in zip(heads[0].state_dict().items(), heads[1].state_dict().values(), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5, msg=key)


def test_without_features_it_looks_at_none(batches):
    torch.manual_seed(0)
    blind = build_head("waypoint", SMALL, 0, 0).eval()
    assert blind.decoder.layers[0].in_features == 99
    blind.fit(batches)
    inputs = batches[0][0]
    without = {**inputs, "features": torch.zeros(40, 0, 0), "feature_mask": torch.zeros(40, 0, dtype=torch.bool)}
    assert torch.equal(blind(inputs)["waypoints"], blind(without)["waypoints"])
    assert blind(inputs)["waypoints"].isfinite().all()


def test_before_fit_it_predicts_nan(batches):
    assert build_head("waypoint", SMALL, 2, 5)(batches[0][0])["waypoints"].isnan().all()


def test_features_of_another_shape_are_named(head, make_batch):
    with pytest.raises(BadHead, match="2 pooled vectors of 5 numbers, the batch has 3 of 5"):
        head(make_batch(4, vectors=3)[0])


def test_nothing_to_fit_to_is_said(batches):
    no_future = [(inputs, {"future": torch.full_like(targets["future"], torch.nan)}) for inputs, targets in batches]
    with pytest.raises(BadHead, match="no row of the training set has a future"):
        build_head("waypoint", SMALL, 2, 5).fit(no_future)
    with pytest.raises(BadHead, match="generator"):
        build_head("waypoint", replace(SMALL, residual="ego"), 2, 5).fit(batch for batch in batches)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"hidden": 0}, "at least 1"),
        ({"rank": -1}, "0 .all features. or more"),
        ({"dropout": 1.0}, "below 1"),
        ({"residual": "ridge"}, "auto, none, ego"),
        ({"residual": "ego", "correction": 1.5}, "a share from 0 to 1, got 1.5"),
        ({"residual": "none", "correction": 0.5}, "residual none corrects none"),
    ],
)
def test_an_impossible_setting_is_said(setting, message):
    with pytest.raises(ValueError, match=message):
        WaypointConfig(**setting)


def test_nothing_is_open_but_with_auto():
    assert (WaypointConfig(residual="ego").rank, WaypointConfig(residual="ego").correction) == (12, 1.0)
    assert WaypointConfig(residual="none").candidates() == (WaypointConfig(residual="none"),)
    tried = [(each.residual, each.rank, each.correction) for each in WaypointConfig(hidden=9).candidates()]
    assert tried == [("none", 12, 1.0), ("ego", 12, 1.0), ("ego", 3, 1.0)]
    assert {each.hidden for each in WaypointConfig(hidden=9).candidates()} == {9}
    assert [each.rank for each in WaypointConfig(rank=5).candidates()] == [5, 5]


def test_auto_is_chosen_before_a_head_is_fitted(batches):
    with pytest.raises(BadHead, match="residual auto is for training to choose"):
        build_head("waypoint", WaypointConfig(), 2, 5).fit(batches)


def test_the_speed_of_the_rater_loss_is_that_of_the_car_whichever_way_it_moves(batches):
    """A trust region grows with the speed, not with its forward component."""
    inputs, targets = batches[2]
    velocity = inputs["past"][:, -1, 2:4]
    assert (velocity.norm(dim=1) > velocity[:, 0].abs() + 0.1).any()
    head = build_head("waypoint", replace(SMALL, loss="rater"), 2, 5)
    head.fit(batches)
    prediction, known = head.eval()(inputs), head.known(targets)
    torch.testing.assert_close(prediction["speed"], velocity.square().sum(dim=1).sqrt())
    costs = rater(prediction["waypoints"][known], targets["future"][known], velocity.norm(dim=1)[known])
    torch.testing.assert_close(head.loss(prediction, targets)["loss"], costs.mean())
    forward = rater(prediction["waypoints"][known], targets["future"][known], velocity[known, 0].abs())
    assert not torch.allclose(costs, forward)


def test_a_row_without_a_whole_log_is_not_known(batches):
    head = build_head("waypoint", SMALL, 2, 5)
    future = batches[2][1]["future"].clone()
    future[3, 7, 1] = torch.nan  # a path with a hole is as good as none
    assert head.known({"future": future}).tolist() == [row % 5 != 0 and row != 3 for row in range(64)]
