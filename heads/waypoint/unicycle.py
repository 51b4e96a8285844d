"""The kinematic decoder: acceleration and curvature in bounds, driven out to a path that a car can follow."""

import torch
from torch import Tensor

from roadcue.heads.baselines.waypoint import MAX_CURVATURE
from roadcue.heads.waypoint.decoder import DecoderInputs, Outputs
from roadcue.heads.waypoint.feed_forward import Mlp
from roadcue.schema import STEP_S, WAYPOINTS

MAX_ACCELERATION = 9.8
"""m/s^2, either way, as in Alpamayo-R1's UnicycleAccelCurvature, whose curvature is bounded by the same 0.2 / m."""
_UNIT = (1.0, 0.01)
"""What a small answer of 1 means, m/s^2 and 1/m: about what everyday driving asks for."""


class Unicycle(Mlp):
    """The layers of `Mlp` say how the car is driven, `roll_out` where that leads from its present speed.

    Correcting a base path, it adds what the controls change, roll-out minus the roll-out without any, so that it
    starts exactly at the base path; the base path's own bends are not bounded then.
    """

    def forward(self, inputs: DecoderInputs) -> Outputs:
        """{"waypoints": (b, 20, 2) metres, ego frame}."""
        acceleration, curvature = self.controls(inputs)
        path = roll_out(acceleration, curvature, inputs.speed)
        if self.residual:
            idle = torch.zeros_like(acceleration)
            path = inputs.base + (path - roll_out(idle, idle, inputs.speed))
        return {"waypoints": path}

    def controls(self, inputs: DecoderInputs) -> tuple[Tensor, Tensor]:
        """Acceleration, m/s^2, and curvature, 1/m, left positive: (b, 20) each, constant over each quarter second."""
        answers = self.layers(inputs.numbers).unflatten(1, (WAYPOINTS, 2)).unbind(dim=2)
        bounds = (MAX_ACCELERATION, MAX_CURVATURE)
        acceleration, curvature = (
            bound * torch.tanh(answer * unit / bound)
            for answer, unit, bound in zip(answers, _UNIT, bounds, strict=True)
        )
        return acceleration, curvature


def roll_out(acceleration: Tensor, curvature: Tensor, speed: Tensor) -> Tensor:
    """Where a unicycle gets to: (b, 20) m/s^2, (b, 20) 1/m and (b,) m/s at t = 0 -> (b, 20, 2) metres, ego frame.

    Controls hold for `STEP_S` each. The way of a step, (v + a dt / 2) dt long, is taken as an arc of its curvature,
    whose chord is sinc(turn / 2) of its length in the direction of half its turn, sinc(x) = sin(x) / x: exact for
    whatever the acceleration is. So the first control moves the first waypoint, which an Euler step from the present
    speed and heading would leave where it is. The heading at t = 0 is 0. Braking beyond a standstill is reverse.
    """
    after = speed[:, None] + STEP_S * acceleration.cumsum(dim=1)
    way = STEP_S * (after - STEP_S / 2 * acceleration)
    turn = curvature * way
    direction = turn.cumsum(dim=1) - turn / 2
    chord = way * torch.sinc(turn / (2 * torch.pi))
    return torch.stack([chord * direction.cos(), chord * direction.sin()], dim=2).cumsum(dim=1)
