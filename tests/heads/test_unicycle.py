"""The roll-out against the circles it should drive."""

import pytest
import torch

from roadcue.heads.baselines.waypoint import MAX_CURVATURE
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.unicycle import MAX_ACCELERATION, Unicycle, roll_out

TIME = 0.25 * torch.arange(1, 21, dtype=torch.float64)


def held(value):
    """A control that does not change over the path, of one row."""
    return torch.full((1, 20), value, dtype=torch.float64)


@pytest.mark.parametrize("acceleration", [0.0, 1.5, -1.0])
@pytest.mark.parametrize("curvature", [0.05, -0.2, 1e-9])
@pytest.mark.parametrize("speed", [8.0, -3.0])
def test_a_held_curvature_is_a_circle_whatever_the_acceleration(acceleration, curvature, speed):
    path = roll_out(held(acceleration), held(curvature), torch.tensor([speed], dtype=torch.float64))[0]
    turned = curvature * (speed * TIME + acceleration * TIME**2 / 2)
    circle = torch.stack([turned.sin(), 2 * (turned / 2).sin() ** 2], dim=1) / curvature
    torch.testing.assert_close(path, circle, rtol=1e-9, atol=1e-9)


def test_each_control_moves_its_own_waypoint_and_those_after_it():
    speed = torch.tensor([6.0], dtype=torch.float64)
    controls = held(0.3), held(0.02)
    for jacobian in torch.autograd.functional.jacobian(lambda a, k: roll_out(a, k, speed)[0], controls):
        felt = jacobian[:, :, 0].abs().sum(dim=1)  # (20 waypoints, 20 controls)
        assert torch.equal(felt > 1e-6, torch.ones(20, 20).tril().bool())


def test_a_standing_car_does_not_turn_on_the_spot():
    path = roll_out(held(0.0), held(0.2), torch.zeros(1, dtype=torch.float64))
    assert not path.any()


@pytest.mark.parametrize("far", [1e6, -1e6])
def test_bounds_hold_whatever_the_layers_say(far, make_decoder_inputs):
    decoder = Unicycle(WaypointConfig(hidden=4), 0, 0, 0)
    torch.nn.init.constant_(decoder.layers[-1].bias, far)
    acceleration, curvature = decoder.controls(make_decoder_inputs(3))
    sign = 1 if far > 0 else -1
    torch.testing.assert_close(acceleration, torch.full((3, 20), sign * MAX_ACCELERATION))
    torch.testing.assert_close(curvature, torch.full((3, 20), sign * MAX_CURVATURE))
