"""The autoregressive decoder: one waypoint after the other."""

import torch
from torch import nn

from roadcue.heads.layers import zero_init
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.decoder import Decoder, DecoderInputs, Outputs
from roadcue.schema import WAYPOINTS


class Gru(Decoder):
    """A gated recurrent unit (Cho et al. 2014) that takes its last point and predicts the step to the next one.

    Its first state comes from the inputs. Points and steps, (b, 2) each, are in units of the correction's spread at
    that time; the first step starts from (0, 0).
    """

    def __init__(self, config: WaypointConfig, vectors: int, width: int, context: int) -> None:
        super().__init__(config, vectors, width, context)
        self.start = nn.Sequential(
            nn.Linear(self.inputs, config.units), nn.LayerNorm(config.units), nn.GELU(), nn.Dropout(config.dropout)
        )
        self.cell = nn.GRUCell(2, config.units)
        self.step = nn.Linear(config.units, 2)
        if self.residual:
            zero_init(self.step)

    def forward(self, inputs: DecoderInputs) -> Outputs:
        """{"waypoints": (b, 20, 2) metres, ego frame}."""
        state = self.start(inputs.numbers)
        point, points = state.new_zeros(len(state), 2), []
        for _ in range(WAYPOINTS):
            state = self.cell(point, state)
            point = point + self.step(state)
            points.append(point)
        return {"waypoints": inputs.path(torch.stack(points, dim=1))}
