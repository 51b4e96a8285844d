"""The linear decoder: one matrix from all that is known to the path."""

from torch import nn

from roadcue.heads.layers import zero_init
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.decoder import Decoder, DecoderInputs, Outputs
from roadcue.schema import WAYPOINTS


class Linear(Decoder):
    """A linear regression trained by gradient, so with any loss (the baseline `Ridge` is solved, for squares)."""

    def __init__(self, config: WaypointConfig, features: int, width: int, scene: int) -> None:
        super().__init__(config, features, width, scene)
        self.layer = nn.Linear(self.inputs, WAYPOINTS * 2)
        if self.residual:
            zero_init(self.layer)

    def forward(self, inputs: DecoderInputs) -> Outputs:
        """{"waypoints": (b, 20, 2) metres, ego frame}."""
        return {"waypoints": inputs.path(self.layer(inputs.numbers))}
