"""The feed-forward decoders, from all that is known to the path at once: one matrix, or an MLP."""

from torch import nn

from roadcue.heads.layers import mlp, zero_init
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.decoder import Decoder, DecoderInputs, Outputs
from roadcue.schema import WAYPOINTS


class Linear(Decoder):
    """A linear regression trained by gradient, so with any loss (the baseline `Ridge` is solved, for squares)."""

    def __init__(self, config: WaypointConfig, vectors: int, width: int, context: int) -> None:
        super().__init__(config, vectors, width, context)
        self.layer = nn.Linear(self.inputs, WAYPOINTS * 2)
        if self.residual:
            zero_init(self.layer)

    def forward(self, inputs: DecoderInputs) -> Outputs:
        """{"waypoints": (b, 20, 2) metres, ego frame}."""
        return {"waypoints": inputs.path(self.layer(inputs.numbers))}


class Mlp(Decoder):
    """The layers of the ML@Purdue camera-based-e2e project (its "VLM Waypoint Outputs" summary).

    926,248 parameters for one vector of 1152 features, 96 past numbers and 3 of intent.
    """

    def __init__(self, config: WaypointConfig, vectors: int, width: int, context: int) -> None:
        super().__init__(config, vectors, width, context)
        self.layers = mlp(self.inputs, config.units, 2, WAYPOINTS * 2, config.dropout)
        if self.residual:
            zero_init(self.layers[-1])

    def forward(self, inputs: DecoderInputs) -> Outputs:
        """{"waypoints": (b, 20, 2) metres, ego frame}."""
        return {"waypoints": inputs.path(self.layers(inputs.numbers))}
