"""The predictors without an image, against worlds in which they are right."""

import math

import numpy as np
import pytest
import torch

from roadcue.errors import BadHead
from roadcue.heads.baselines.waypoint import ConstantTurnRate, ConstantVelocity, Ridge, StandStill, _least_gcv
from roadcue.heads.waypoint.head import WaypointHead

BASELINES = {baseline.name: baseline for baseline in WaypointHead.baselines}
TIMES = 0.25 * torch.arange(-15, 21)


def drive(positions, velocities):
    """One row: the (36, 2) track at `TIMES` as past and future."""
    past = torch.cat([positions[:16], velocities[:16], torch.zeros(16, 2)], dim=1)[None]
    inputs = {
        "features": torch.zeros(1, 0, 0),
        "feature_mask": torch.zeros(1, 0, dtype=torch.bool),
        "past": past,
        "intent": torch.tensor([1]),
    }
    return inputs, positions[16:][None]


def circle(speed, turn_rate):
    """A track that passes the origin along x at t = 0, m/s and rad/s."""
    angle = turn_rate * TIMES
    positions = speed / turn_rate * torch.stack([angle.sin(), 1 - angle.cos()], dim=1)
    return drive(positions, speed * torch.stack([angle.cos(), angle.sin()], dim=1))


def straight(vx, vy):
    velocity = torch.tensor([vx, vy])
    return drive(TIMES[:, None] * velocity, velocity.expand(36, 2))


@pytest.mark.parametrize("baseline", [ConstantVelocity, ConstantTurnRate])
def test_exact_at_constant_velocity(baseline):
    inputs, future = straight(9.0, 0.0)
    torch.testing.assert_close(baseline()(inputs)["waypoints"], future)


def test_constant_velocity_keeps_its_direction():
    inputs, future = straight(3.0, -4.0)
    torch.testing.assert_close(ConstantVelocity()(inputs)["waypoints"], future)


@pytest.mark.parametrize(
    ("speed", "turn_rate"), [(8.0, 0.3), (8.0, -0.3), (15.0, 0.01), (2.0, 0.35), (-2.0, 0.3), (5.0, 0.95)]
)
def test_constant_turn_rate_is_exact_on_a_circle(speed, turn_rate):
    inputs, future = circle(speed, turn_rate)
    torch.testing.assert_close(ConstantTurnRate()(inputs)["waypoints"], future, atol=2e-3, rtol=1e-3)


def test_constant_turn_rate_ignores_the_stale_last_velocity_of_waymo():
    inputs, future = circle(8.0, 0.3)
    inputs["past"][:, -1, 2:4] = inputs["past"][:, -2, 2:4]
    error = (ConstantTurnRate()(inputs)["waypoints"] - future).norm(dim=2).mean()
    assert error < 0.1
    assert (ConstantVelocity()(inputs)["waypoints"] - future).norm(dim=2).mean() > 5


def test_a_jittering_standing_car_does_not_spin():
    random = torch.Generator().manual_seed(0)
    inputs, _ = straight(0.0, 0.0)
    inputs["past"][..., :4] = 0.02 * torch.randn(1, 16, 4, generator=random)
    waypoints = ConstantTurnRate()(inputs)["waypoints"]
    assert waypoints.norm(dim=2).max() < 5 * 0.1


def test_a_turn_is_no_tighter_than_a_car_can():
    inputs, _ = circle(1.0, 2.0)  # a radius of half a metre
    waypoints = ConstantTurnRate()(inputs)["waypoints"][0]
    angle = 1.0 * 0.2 * 0.25 * torch.arange(1, 21)
    torch.testing.assert_close(waypoints, 5 * torch.stack([angle.sin(), 1 - angle.cos()], dim=1))


def test_a_standing_car_stands():
    inputs, future = straight(0.0, 0.0)
    for name in set(BASELINES) - {"ridge"}:
        assert torch.equal(BASELINES[name]()(inputs)["waypoints"], future)
    moving, _ = straight(5.0, 0.0)
    assert not StandStill()(moving)["waypoints"].any()


def ridge_by_hand(batches):
    """The penalty of least GCV error, from the hat matrix; then least squares on [Z; sqrt(n p) I] W = [Y; 0]."""
    past = torch.cat([inputs["past"] for inputs, _ in batches]).flatten(1).double().numpy()
    intent = torch.cat([inputs["intent"] for inputs, _ in batches]).numpy()
    future = torch.cat([targets["future"] for _, targets in batches]).flatten(1).double().numpy()
    known = ~np.isnan(future).any(1)
    x = np.concatenate([past, np.eye(4)[intent][:, 1:]], axis=1)
    mean, scale = x[known].mean(0), x[known].std(0)
    scale[scale == 0] = 1
    z, y = (x - mean) / scale, future[known]
    n, d = known.sum(), x.shape[1]
    gcv = {}
    for penalty in Ridge.PENALTIES:
        hat = z[known] @ np.linalg.inv(z[known].T @ z[known] + n * penalty * np.eye(d)) @ z[known].T + 1 / n
        gcv[penalty] = np.square(y - hat @ y).sum() / (n - np.trace(hat)) ** 2
    penalty = min(gcv, key=gcv.get)
    system = np.concatenate([z[known], math.sqrt(n * penalty) * np.eye(d)])
    weight, *_ = np.linalg.lstsq(system, np.concatenate([y - y.mean(0), np.zeros((d, 40))]), rcond=None)
    return penalty, (z @ weight + y.mean(0)).reshape(-1, 20, 2)


@pytest.mark.parametrize(("noise", "moved"), [(0.0, 0), (1.0, 0), (300.0, 0), (1.0, 300)])
def test_ridge_is_the_closed_form(make_batch, noise, moved):
    random = torch.Generator().manual_seed(5)
    batches = []
    for seed, rows in enumerate((150, 1, 200, 49)):
        inputs, targets = make_batch(rows, seed)
        inputs["past"] += moved
        batches.append((inputs, {"future": targets["future"] + noise * torch.randn(rows, 20, 2, generator=random)}))
    ridge = Ridge()
    ridge.fit(batches)
    paths = torch.cat([ridge(inputs)["waypoints"] for inputs, _ in batches])
    np.testing.assert_allclose(paths.numpy(), ridge_by_hand(batches)[1], atol=1e-3)


def test_more_noise_calls_for_a_stronger_penalty(make_batch):
    inputs, targets = make_batch(400, missing=False)
    noise = torch.randn(400, 20, 2, generator=torch.Generator().manual_seed(0))
    weak, _ = ridge_by_hand([(inputs, targets)])
    strong, _ = ridge_by_hand([(inputs, {"future": targets["future"] + 300 * noise})])
    assert weak < strong


def test_a_perfect_fit_of_few_rows_is_not_believed():
    """Ten components explain nearly everything: telling of a thousand rows, to be expected of twelve."""
    explained = torch.full((10,), 0.1, dtype=torch.float64)
    penalty = {
        rows: _least_gcv(Ridge.PENALTIES, torch.ones(10), explained, torch.tensor(1.001), rows)
        for rows in (1000, 12, 3)
    }
    assert penalty[1000] < 1e-3
    assert penalty[12] == penalty[3] == 1.0


def test_ridge_on_fewer_rows_than_inputs_does_not_interpolate(make_batch):
    ridge = Ridge()
    ridge.fit([make_batch(30, missing=False)])
    inputs, targets = make_batch(500, seed=9, missing=False)
    error = (ridge(inputs)["waypoints"] - targets["future"]).norm(dim=2).mean()
    average = (targets["future"].mean(0) - targets["future"]).norm(dim=2).mean()
    assert error < average


def test_ridge_learns_what_is_linear_and_uses_the_intent(make_batch):
    inputs, _ = make_batch(2000, missing=False)
    time = 0.25 * torch.arange(1, 21)
    left = (inputs["intent"] == 2).float()[:, None, None] * torch.tensor([0.0, 6.0])
    future = time[:, None] * inputs["past"][:, -1, None, 2:4] + left
    ridge = Ridge()
    ridge.fit([(inputs, {"future": future})])
    assert (ridge(inputs)["waypoints"] - future).norm(dim=2).mean() < 0.1


def test_ridge_does_not_mind_the_order_of_batches(batches):
    forwards, backwards = Ridge(), Ridge()
    forwards.fit(batches)
    backwards.fit(batches[::-1])
    for inputs, _ in batches:
        torch.testing.assert_close(
            forwards(inputs)["waypoints"], backwards(inputs)["waypoints"], rtol=1e-4, atol=1e-4
        )


def test_ridge_before_fit_is_nan_and_without_a_future_says_so(batches):
    assert Ridge()(batches[0][0])["waypoints"].isnan().all()
    with pytest.raises(BadHead, match="no row of the training set has a future"):
        Ridge().fit([])


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_shares_the_contract(name, batches):
    baseline = BASELINES[name]()
    assert baseline.name == name
    assert not list(baseline.parameters())
    baseline.fit(batches)
    for inputs, targets in batches:
        waypoints = baseline(inputs)["waypoints"]
        assert waypoints.shape == targets["future"].shape
        assert waypoints.isfinite().all()
    with pytest.raises(NotImplementedError, match="no parameter"):
        baseline.loss({}, batches[0][1])


def test_the_turn_rate_is_that_of_the_last_second_all_four_turns_of_it():
    """Five steps make four turns: the first of them counts as much as the last, and the one before does not."""

    def turning(*turns):
        """A row of 4 m/s whose last turns from step to step are these, radians; straight on before them."""
        heading = torch.cat([torch.zeros(15 - len(turns)), torch.tensor(turns).cumsum(0)])
        positions = torch.cat([torch.zeros(1, 2), torch.stack([heading.cos(), heading.sin()], dim=1).cumsum(0)])
        inputs, _ = straight(4.0, 0.0)
        inputs["past"][0, :, :2] = positions - positions[-1]
        return ConstantTurnRate()(inputs)["waypoints"][0]

    quarter_second = torch.tensor(0.08)
    for turns in ((0.08, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.08)):
        rate = torch.atan2(quarter_second.sin(), 3 + quarter_second.cos()) / 0.25
        angle = rate * 0.25 * torch.arange(1, 21)
        arc = 4 / rate * torch.stack([angle.sin(), 1 - angle.cos()], dim=1)
        torch.testing.assert_close(turning(*turns), arc, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(turning(0.08, 0.0, 0.0, 0.0, 0.0), straight(4.0, 0.0)[1][0], atol=1e-4, rtol=1e-4)
