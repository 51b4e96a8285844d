"""The linear decoder: one matrix from all that is known to the path."""

from torch import nn

from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.decoder import Decoder, Prediction, Situation, silence
from roadcue.schema import WAYPOINTS


class Linear(Decoder):
    """A linear regression trained by gradient, so with any loss (the baseline `Ridge` is solved, for squares)."""

    def __init__(self, config: WaypointConfig, features: int, width: int, scene: int) -> None:
        """As `Decoder`."""
        super().__init__(config, features, width, scene)
        self.layer = nn.Linear(self.inputs, WAYPOINTS * 2)
        if self.residual:
            silence(self.layer)

    def forward(self, situation: Situation) -> Prediction:
        """{"waypoints": (b, 20, 2) metres, ego frame}."""
        return {"waypoints": situation.path(self.layer(situation.numbers))}
