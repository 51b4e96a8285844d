"""The query decoder: learnt queries, one per waypoint or one for the path, attend to cells of the feature grid."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from roadcue.heads.layers import zero_init
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.decoder import Decoder, DecoderInputs, Outputs
from roadcue.schema import EGO_NUMBERS, WAYPOINTS

LAYERS, ATTENTION_HEADS = 2, 8
_SPREAD = 0.5
"""Standard deviation of places and queries at the start: about that of a new linear layer's output for inputs of
spread 1, 1/sqrt(3) (PyTorch's default initialisation)."""


class Query(Decoder):
    """A transformer decoder (Vaswani et al. 2017, section 3.1; learnt queries as in DETR, Carion et al. 2020).

    The tokens are the n pooled vectors and one of past states and intent; a learnt vector for its place is added to
    each. 20 queries attend to each other and to the tokens, and each becomes a waypoint; with `queries` "scene" it is
    one query that becomes the path. It reads all features: a linear combination of cells, as `rank` makes them, has
    no place. Layers normalise before they add (pre-norm), which trains without a warm-up (Xiong et al. 2020).
    """

    reads_cells: ClassVar[bool] = True

    def __init__(self, config: WaypointConfig, vectors: int, width: int, context: int) -> None:
        super().__init__(config, vectors, width, context)
        self.cells, hidden = (vectors, width), config.units
        count = WAYPOINTS if config.queries == "waypoint" else 1
        self.see = nn.Linear(width, hidden) if vectors else None
        self.feel = nn.Linear(EGO_NUMBERS, hidden)
        self.place = nn.Parameter(_SPREAD * torch.randn(vectors + 1, hidden))
        self.token_norm = nn.LayerNorm(hidden)
        self.queries = nn.Parameter(_SPREAD * torch.randn(count, hidden))
        self.layers = nn.ModuleList(
            nn.TransformerDecoderLayer(
                hidden,
                math.gcd(hidden, ATTENTION_HEADS),
                dim_feedforward=2 * hidden,
                dropout=config.dropout,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(LAYERS)
        )
        self.norm = nn.LayerNorm(hidden)
        self.say = nn.Linear(hidden, WAYPOINTS * 2 // count)
        if self.residual:
            zero_init(self.say)

    def forward(self, inputs: DecoderInputs) -> Outputs:
        """{"waypoints": (b, 20, 2) metres, ego frame}."""
        tokens, queries = self._tokens(inputs), self.queries.expand(len(inputs.ego), -1, -1)
        for layer in self.layers:
            queries = layer(queries, tokens)
        return {"waypoints": inputs.path(self.say(self.norm(queries)))}

    def _tokens(self, inputs: DecoderInputs) -> Tensor:
        """(b, n + 1, hidden): the pooled vectors, then past states and intent."""
        tokens = self.feel(inputs.ego)[:, None]
        if self.see is not None:
            tokens = torch.cat([self.see(inputs.context.unflatten(1, self.cells)), tokens], dim=1)
        return self.token_norm(tokens + self.place)
