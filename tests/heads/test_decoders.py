"""What holds for every kind of the waypoint head."""

import copy
from dataclasses import replace

import pytest
import torch

from roadcue.heads.baselines.waypoint import ConstantVelocity, Ridge
from roadcue.heads.registry import build_head, load_head
from roadcue.heads.waypoint.config import WaypointConfig, choices
from roadcue.heads.waypoint.decoder import Decoder
from roadcue.heads.waypoint.head import DECODERS
from roadcue.heads.waypoint.losses import LOSSES
from roadcue.heads.waypoint.unicycle import Unicycle
from roadcue.registry import resolve

SMALL = WaypointConfig(hidden=16, rank=4, dropout=0.0, residual="none", modes=3, anchors=24)
every_kind = pytest.mark.parametrize("kind", DECODERS)


def fitted(batches, vectors=2, **settings):
    torch.manual_seed(0)
    head = build_head("waypoint", replace(SMALL, **settings), vectors, 5 if vectors else 0)
    head.fit(batches)
    return head


def bending_roads(make_batch):
    """64 cars at 5 to 15 m/s, of which the first feature tells how their lane bends."""
    inputs, targets = make_batch(64, missing=False)
    speed = 5 + 10 * torch.rand(64, generator=torch.Generator().manual_seed(1))
    inputs["past"][:, :, 2], inputs["past"][:, :, 3] = speed[:, None], 0
    time = 0.25 * torch.arange(1, 21)
    bend = 0.003 * speed * (inputs["features"][:, 0, 0] - 7) / 3
    targets["future"] = torch.stack([speed[:, None] * time, bend[:, None] * time**2], dim=2)
    return inputs, targets


def test_the_kinds_of_the_command_line_are_those_of_the_registry():
    assert choices("kind") == tuple(DECODERS)
    assert choices("loss") == tuple(LOSSES)
    assert all(issubclass(resolve(place), Decoder) for place in DECODERS.values())


@every_kind
@pytest.mark.parametrize("vectors", [2, 0])
@pytest.mark.parametrize("residual", ["ego", "none"])
def test_predicts_and_learns_plain_and_as_residual_seeing_and_blind(kind, vectors, residual, batches):
    head = fitted(batches, vectors, kind=kind, residual=residual)
    before = copy.deepcopy(batches[0])
    statistics = {name: buffer.clone() for name, buffer in head.named_buffers()}
    inputs, targets = batches[0]
    prediction = head(inputs)
    loss = head.loss(prediction, targets)["loss"]
    loss.backward()
    assert prediction["waypoints"].shape == (40, 20, 2)
    assert all(values.isfinite().all() for values in prediction.values())
    assert loss.isfinite()
    assert loss > 0
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in head.parameters())
    assert all(torch.equal(buffer, statistics[name]) for name, buffer in head.named_buffers())
    for part, old in zip(batches[0], before, strict=True):
        assert all(torch.equal(part[name].nan_to_num(99), old[name].nan_to_num(99)) for name in old)


@every_kind
def test_a_batch_without_a_future_costs_nothing_and_still_has_a_graph(kind, batches):
    head = fitted(batches, kind=kind)
    inputs, targets = batches[0]
    for loss in LOSSES:
        head.config = replace(head.config, loss=loss)
        cost = head.loss(head(inputs), {"future": torch.full_like(targets["future"], torch.nan)})["loss"]
        cost.backward()
        assert cost == 0


@every_kind
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize(("residual", "base"), [("ego", Ridge), ("constant_velocity", ConstantVelocity)])
def test_a_residual_starts_at_its_base_path(kind, residual, base, normalize, batches):
    head, path = fitted(batches, kind=kind, residual=residual, normalize=normalize), base()
    path.fit(batches)
    for inputs, _ in batches:
        start = path(inputs)["waypoints"]
        if kind == "vocabulary":  # as near as an anchor is: the smallest
            assert head.decoder.anchors.flatten(1).norm(dim=1).argmin() == 0
            start = start + head.decoder.anchors[0]
        assert torch.equal(head(inputs)["waypoints"], start)


@every_kind
@pytest.mark.parametrize("correction", [0.0, 0.25])
def test_a_share_of_the_correction_counts_once_trained(kind, correction, batches):
    """In training all of it does, or it would only be learnt the larger."""
    whole = fitted(batches, kind=kind, residual="ego")
    for parameter in whole.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    part = build_head("waypoint", replace(whole.config, correction=correction), 2, 5)
    part.load_state_dict(whole.state_dict())
    inputs, _ = batches[0]
    base, answer = whole.base(inputs)["waypoints"], whole(inputs)
    assert (answer["waypoints"] - base).abs().max() > 0.1
    assert torch.equal(part.train()(inputs)["waypoints"], answer["waypoints"])
    for name, at in (("waypoints", base), ("modes", base[:, None])):
        if name in answer:
            torch.testing.assert_close(part.eval()(inputs)[name], at.lerp(answer[name], correction))
    if correction == 0:
        assert torch.equal(part(inputs)["waypoints"], base)


@every_kind
def test_before_fit_it_predicts_nan(kind, batches):
    head = build_head("waypoint", replace(SMALL, kind=kind, residual="none"), 2, 5)
    assert head(batches[0][0])["waypoints"].isnan().all()


@every_kind
def test_round_trip_is_bit_equal(kind, tmp_path, batches):
    head = fitted(batches, kind=kind, residual="none").eval()
    head.save_pretrained(tmp_path)
    back = load_head(tmp_path)
    assert back.config == head.config
    assert back.state_dict().keys() == head.state_dict().keys()
    assert all(torch.equal(value, back.state_dict()[name]) for name, value in head.state_dict().items())
    one, other = head(batches[0][0]), back(batches[0][0])
    assert all(torch.equal(one[name], other[name]) for name in one)


@every_kind
@pytest.mark.parametrize("loss", ["l2", "rater"])
def test_learns_what_its_base_path_cannot_know(kind, loss, make_batch):
    inputs, targets = bending_roads(make_batch)
    head = fitted([(inputs, targets)], kind=kind, loss=loss, residual="constant_velocity", anchors=64)

    def ade():
        return (head(inputs)["waypoints"] - targets["future"]).norm(dim=2).mean().item()

    before = ade()
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        head.loss(head(inputs), targets)["loss"].backward()
        optimizer.step()
    assert ade() < 0.5 * before


@pytest.mark.parametrize("kind", ["modes", "vocabulary"])
def test_several_modes_come_best_first_with_probabilities_that_sum_to_one(kind, batches):
    head = fitted(batches, kind=kind)
    torch.nn.init.normal_(head.decoder.scorer[-1].weight)
    prediction = head(batches[0][0])
    modes, probabilities = prediction["modes"], prediction["mode_probabilities"]
    assert modes.shape == (40, {"modes": 3, "vocabulary": 16}[kind], 20, 2)
    assert torch.equal(prediction["waypoints"], modes[:, 0])
    torch.testing.assert_close(probabilities.sum(1), torch.ones(40))
    assert (probabilities.diff(dim=1) <= 0).all()
    assert (probabilities[:, 0] > probabilities[:, -1]).all()
    assert not torch.equal(modes[:, 0], modes[:, 1])


def test_past_states_are_hidden_in_training_only_from_some_rows_and_whole(batches):
    head = fitted(batches, kind="linear", past_dropout=0.5)
    inputs, seen = batches[2][0], []
    head.decoder.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0].ego))
    head.train()(inputs), head.eval()(inputs), head.train()(inputs)
    first, whole, again = seen
    hidden = (first[:, :96] == 0).all(dim=1)
    assert 16 < hidden.sum() < 48  # of 64
    assert torch.equal(first[~hidden], whole[~hidden])
    assert torch.equal(first[:, 96:], whole[:, 96:])  # the intent stays
    assert not (whole[:, :96] == 0).all(dim=1).any()
    assert not torch.equal(first, again)


def test_only_who_reads_cells_gets_them_all(batches):
    assert fitted(batches, kind="mlp").reduced.numbers == 4
    assert fitted(batches, kind="query").reduced.numbers == 10


def test_the_unicycle_drives_from_the_speed_of_now(batches):
    head, seen = fitted(batches, kind="unicycle"), []
    assert isinstance(head.decoder, Unicycle)
    head.decoder.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0].speed))
    head(batches[0][0])
    assert torch.equal(seen[0], batches[0][0]["past"][:, -1, 2])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"kind": "mpl"}, "kind is one of linear, mlp"),
        ({"loss": "l3"}, "loss is one of l1, l2"),
        ({"queries": "two"}, "queries is one of waypoint, scene"),
        ({"past_dropout": 1.0}, "past_dropout is a share of rows from 0 to below 1"),
        ({"modes": 0}, "modes must be at least 1"),
        ({"anchors": 0}, "anchors must be at least 1"),
    ],
)
def test_an_impossible_setting_is_said(setting, message):
    with pytest.raises(ValueError, match=message):
        WaypointConfig(**setting)
