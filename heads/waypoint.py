"""The waypoint head: an MLP from pooled features, past states and intent to 20 waypoints."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from heads.baselines import ConstantVelocity, Ridge
from heads.config import WaypointConfig
from heads.ego import one_hot_intent
from heads.errors import BadHead
from heads.head import Head
from heads.inputs import EGO_NUMBERS, PAST_STATES, STATE_NUMBERS, WAYPOINTS, HeadInputs, HeadTargets, has_future
from heads.moments import Moments
from heads.reading import Reading

_BASES: dict[str, type[Head]] = {"ego": Ridge, "constant_velocity": ConstantVelocity}


class WaypointHead(Head):
    """Linear, LayerNorm, GELU, Dropout, twice over, then Linear to 40 numbers.

    The head of the ML@Purdue camera-based-e2e project (its "VLM Waypoint Prediction" summary): 926,248 parameters for
    one vector of 1152 features, 96 past numbers and 3 of intent. What it lacked is around the layers, not in them:
    inputs and waypoints are normalised with training statistics, an unknown intent is (0, 0, 0), and with
    `config.residual` the layers predict what a path without an image gets wrong, starting from exactly that path.

    The pooled vectors of all cameras are laid end to end, and with `config.directions` the layers get what a
    `Reading` makes of them instead of all of it.
    """

    name: ClassVar[str] = "waypoint"
    past_mean: Tensor
    past_scale: Tensor
    waypoints_mean: Tensor
    waypoints_scale: Tensor

    def __init__(self, config: WaypointConfig, features: int, width: int) -> None:
        """`features`: how many pooled vectors the batch has, 0 for a head that sees no image; `width`: of each."""
        super().__init__()
        self.config, self.features, self.width = config, features, width if features else 0
        self.reading = Reading(self.features, self.width, config.directions, normalize=config.normalize)
        self.layers = nn.Sequential(
            nn.Linear(self.reading.numbers + EGO_NUMBERS, config.hidden),
            nn.LayerNorm(config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, config.hidden),
            nn.LayerNorm(config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, WAYPOINTS * 2),
        )
        self.base = _BASES[config.residual]() if config.residual in _BASES else None
        if self.base is not None:
            for parameter in self.layers[-1].parameters():
                nn.init.zeros_(parameter)
        for part, shape in (("past", (PAST_STATES, STATE_NUMBERS)), ("waypoints", (WAYPOINTS, 2))):
            self.register_buffer(f"{part}_mean", torch.full(shape, torch.nan if config.normalize else 0.0))
            self.register_buffer(f"{part}_scale", torch.full(shape, torch.nan if config.normalize else 1.0))

    def arguments(self) -> dict[str, Any]:
        """As `Head.arguments`."""
        settings = {setting.name: getattr(self.config, setting.name) for setting in fields(WaypointConfig)}
        return {"config": settings, "features": self.features, "width": self.width}

    def fit(self, batches: Iterable[tuple[HeadInputs, HeadTargets]]) -> None:
        """Fit the path that is corrected, if any, then find the statistics, then what is worth reading: some passes.

        The correction has a scale and no mean, so that a head which predicts zeros stays on the path it corrects.
        """
        if self.base is not None:
            self.base.fit(batches)
        if self.config.normalize:
            self._fit_statistics(batches)
        self.reading.fit(batches, self._wanted)

    def _fit_statistics(self, batches: Iterable[tuple[HeadInputs, HeadTargets]]) -> None:
        past, waypoints = Moments(), Moments()
        rows = 0
        for inputs, targets in batches:
            known = has_future(targets)
            rows += int(known.sum())
            past.add(inputs["past"], torch.ones_like(inputs["past"], dtype=torch.bool))
            with torch.no_grad():
                waypoints.add(targets["future"] - self._base_path(inputs), known[:, None, None])
        if rows == 0:
            raise BadHead(
                "no row of the training set has a future, so there are no statistics of it (or `batches` is a "
                "generator, which cannot begin anew)"
            )
        self.past_mean.copy_(past.mean())
        self.past_scale.copy_(past.scale())
        self.waypoints_mean.copy_(waypoints.mean() if self.base is None else torch.zeros_like(self.waypoints_mean))
        self.waypoints_scale.copy_(waypoints.scale())

    def _wanted(self, inputs: HeadInputs, targets: HeadTargets) -> tuple[Tensor, Tensor]:
        """(b, 40) what the layers should say, and (b,) bool of the rows that tell."""
        path = targets["future"] - self._base_path(inputs)
        return ((path - self.waypoints_mean) / self.waypoints_scale).flatten(1), has_future(targets)

    def forward(self, inputs: HeadInputs) -> dict[str, Tensor]:
        """{"waypoints": (b, 20, 2) metres, ego frame}. BadHead when the features are not of the head's shape."""
        past = (inputs["past"] - self.past_mean) / self.past_scale
        parts = [past.flatten(1), one_hot_intent(inputs["intent"])]
        if self.features:
            parts.insert(0, self.reading(inputs))
        numbers = self.layers(torch.cat(parts, dim=1)).unflatten(1, (WAYPOINTS, 2))
        return {"waypoints": self._base_path(inputs) + self.waypoints_mean + self.waypoints_scale * numbers}

    def loss(self, prediction: dict[str, Tensor], targets: HeadTargets) -> dict[str, Tensor]:
        """{"loss": the mean distance to the log over rows and points, metres}: what the table reports as ADE at 5 s.

        Rows without a future count for nothing; without any such row the loss is 0 and still has a graph.
        """
        known = has_future(targets)
        error = (prediction["waypoints"] - targets["future"]).masked_fill(~known[:, None, None], 0.0)
        distance = torch.linalg.vector_norm(error, dim=2).mean(dim=1)
        return {"loss": distance.sum() / known.sum().clamp(min=1)}

    def _base_path(self, inputs: HeadInputs) -> Tensor:
        """The path that is corrected, (b, 20, 2) metres; zeros when the head predicts the whole path."""
        if self.base is None:
            return inputs["past"].new_zeros(len(inputs["past"]), WAYPOINTS, 2)
        return self.base(inputs)["waypoints"]
