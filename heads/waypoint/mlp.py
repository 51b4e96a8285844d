"""The MLP decoder, and the layers that several decoders think with."""

from torch import nn

from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.decoder import Decoder, Prediction, Situation, silence
from roadcue.schema import WAYPOINTS


def mlp(config: WaypointConfig, inputs: int, outputs: int) -> nn.Sequential:
    """Linear, LayerNorm, GELU, Dropout, twice over, then Linear to `outputs` numbers."""
    return nn.Sequential(
        nn.Linear(inputs, config.units),
        nn.LayerNorm(config.units),
        nn.GELU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.units, config.units),
        nn.LayerNorm(config.units),
        nn.GELU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.units, outputs),
    )


class Mlp(Decoder):
    """The layers of the ML@Purdue camera-based-e2e project (its "VLM Waypoint Prediction" summary).

    926,248 parameters for one vector of 1152 features, 96 past numbers and 3 of intent.
    """

    def __init__(self, config: WaypointConfig, features: int, width: int, scene: int) -> None:
        """As `Decoder`."""
        super().__init__(config, features, width, scene)
        self.layers = mlp(config, self.inputs, WAYPOINTS * 2)
        if self.residual:
            silence(self.layers[-1])

    def forward(self, situation: Situation) -> Prediction:
        """{"waypoints": (b, 20, 2) metres, ego frame}."""
        return {"waypoints": situation.path(self.layers(situation.numbers))}
