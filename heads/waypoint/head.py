"""The waypoint head: from pooled features, past states and intent to 20 waypoints, by the decoder of its kind."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from roadcue.errors import BadHead
from roadcue.heads.baselines.waypoint import ConstantTurnRate, ConstantVelocity, Ridge, StandStill
from roadcue.heads.head import Arrays, Batches, Head, Headline, has_future, one_hot_intent
from roadcue.heads.moments import Moments
from roadcue.heads.reduced_rank import ReducedRank
from roadcue.heads.waypoint.config import WaypointConfig
from roadcue.heads.waypoint.decoder import DecoderInputs, Outputs
from roadcue.heads.waypoint.losses import LOSSES
from roadcue.heads.waypoint.words import WaypointPredictions
from roadcue.metrics.bootstrap import Bootstrap
from roadcue.metrics.score_table import ScoreTable
from roadcue.registry import resolve
from roadcue.schema import PAST_STATES, STATE_NUMBERS, WAYPOINTS, HeadInputs, HeadTargets

if TYPE_CHECKING:
    from roadcue.metrics.streaming import DisplacementMetric

DECODERS: Mapping[str, str] = {
    "linear": "roadcue.heads.waypoint.feed_forward:Linear",
    "mlp": "roadcue.heads.waypoint.feed_forward:Mlp",
    "query": "roadcue.heads.waypoint.query:Query",
    "gru": "roadcue.heads.waypoint.gru:Gru",
    "unicycle": "roadcue.heads.waypoint.unicycle:Unicycle",
    "modes": "roadcue.heads.waypoint.modes:Modes",
    "vocabulary": "roadcue.heads.waypoint.vocabulary:Vocabulary",
}
"""The kinds of the waypoint head (`WaypointConfig.kind`), "module:class": what makes its path."""
_BASES: dict[str, type[Head]] = {"ego": Ridge, "constant_velocity": ConstantVelocity}


class WaypointHead(Head):
    """All that is around a decoder (`DECODERS`): what it sees, and the path that its output is added to.

    According to results published on WOD-E2E this matters more than the decoder: inputs and waypoints are normalised
    with training statistics, an unknown intent is (0, 0, 0), and with `config.residual` the decoder predicts what a
    path without an image gets wrong, starting from exactly that path.

    The pooled vectors of all cameras are laid end to end, and with `config.rank` the layers get what a `ReducedRank`
    makes of them. `config.past_dropout` replaces all past states of a row by zeros (after normalisation: by average
    ones), since positions alone would still tell speed and acceleration; in training only.
    """

    name: ClassVar[str] = "waypoint"
    config_class: ClassVar[type[WaypointConfig]] = WaypointConfig
    baselines: ClassVar[tuple[type[Head], ...]] = (Ridge, ConstantTurnRate, ConstantVelocity, StandStill)
    headline: ClassVar[Headline] = Headline("ade_5s", "ADE@5s vs log", " m", lower_is_better=True)
    sweep_figures: ClassVar[Mapping[str, tuple[str, ...]]] = {"Displacement against the log": ("ade_5s", "ade_3s")}
    past_mean: Tensor
    past_scale: Tensor
    waypoints_mean: Tensor
    waypoints_scale: Tensor

    def __init__(self, config: WaypointConfig, features: int, width: int) -> None:
        """`features`: how many pooled vectors the batch has, 0 for a head that sees no image; `width`: of each."""
        super().__init__()
        self.config, self.features, self.width = config, features, width if features else 0
        decoder = resolve(DECODERS[config.kind])
        rank = 0 if decoder.reads_cells else config.rank
        self.reduced = ReducedRank(self.features, self.width, rank, normalize=config.normalize)
        self.decoder = decoder(config, self.features, self.width, self.reduced.numbers)
        self.base = _BASES[config.residual]() if config.residual in _BASES else None
        for name, shape in (("past", (PAST_STATES, STATE_NUMBERS)), ("waypoints", (WAYPOINTS, 2))):
            self.register_buffer(f"{name}_mean", torch.full(shape, torch.nan if config.normalize else 0.0))
            self.register_buffer(f"{name}_scale", torch.full(shape, torch.nan if config.normalize else 1.0))

    def fit(self, batches: Batches) -> None:
        """Fit the base path, if any, the statistics, the rank's projection and the decoder: some passes.

        With a base path, corrections (20, 2) have a scale and no mean, so that predicting zeros stays on it.
        """
        if self.base is not None:
            self.base.fit(batches)
        if self.config.normalize:
            self._fit_statistics(batches)
        self.reduced.fit(batches, self._responses)
        self.decoder.fit(self._corrections(batches))

    def _fit_statistics(self, batches: Batches) -> None:
        """Mean and scale of pasts (16, 6) and of corrections (20, 2) metres, each of the rows that have one."""
        past, waypoints = Moments(), Moments()
        rows = 0
        for inputs, targets in batches:
            known = has_future(targets)
            rows += int(known.sum())
            past.add(inputs["past"], ~inputs["past"].isnan())
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

    def _corrections(self, batches: Batches) -> Iterator[Tensor]:
        """(b, 20, 2) metres: the logged path minus the base path, of the rows that have a future."""
        for inputs, targets in batches:
            with torch.no_grad():
                yield (targets["future"] - self._base_path(inputs))[has_future(targets)]

    def _responses(self, inputs: HeadInputs, targets: HeadTargets) -> tuple[Tensor, Tensor]:
        """(b, 80) what the features are to predict, and (b,) bool, the rows that have it.

        The normalised correction, and the same times the normalised forward speed, since what a red light or a bend
        ahead means for the path depends on the speed.
        """
        correction = targets["future"] - self._base_path(inputs)
        numbers = ((correction - self.waypoints_mean) / self.waypoints_scale).flatten(1)
        speed = ((inputs["past"] - self.past_mean) / self.past_scale)[:, -1, 2:3]
        return torch.cat([numbers, numbers * speed], dim=1), has_future(targets)

    def forward(self, inputs: HeadInputs) -> Outputs:
        """{"waypoints": (b, 20, 2) metres, ego frame, "speed": (b,) m/s at t = 0}, and what else the decoder gives.

        Where the past states are missing (NaN: a picture of a walk may come without) the path means nothing, and such
        a row has no future to be trained towards or scored against. BadHead when the features are not of the head's
        shape.
        """
        inputs = _finite(inputs)
        past, velocity = inputs["past"], inputs["past"][:, -1, 2:4]
        decoder_inputs = DecoderInputs(
            context=self.reduced(inputs) if self.features else past.new_zeros(len(past), 0),
            ego=torch.cat([self._visible_past(past).flatten(1), one_hot_intent(inputs["intent"])], dim=1),
            speed=velocity[:, 0],
            base=self._base_path(inputs),
            mean=self.waypoints_mean,
            scale=self.waypoints_scale,
        )
        return {**self.decoder(decoder_inputs), "speed": torch.linalg.vector_norm(velocity, dim=1)}

    def loss(self, prediction: Outputs, targets: HeadTargets) -> dict[str, Tensor]:
        """{"loss": () the mean over rows of the decoder's loss, which compares paths with the log by `config.loss`}.

        Rows without a future count for nothing; without any such row the loss is 0 and still has a graph.
        """
        known = has_future(targets)
        rows = {name: values[known] for name, values in prediction.items()}
        logged, speed = targets["future"][known], rows["speed"]

        def error(paths: Tensor) -> Tensor:
            """(b, ..., 20, 2) metres, ego frame -> (b, ...)."""
            one_per_row = logged.view(len(logged), *[1] * (paths.ndim - 3), WAYPOINTS, 2)
            return LOSSES[self.config.loss](paths, one_per_row, speed)

        return {"loss": self.decoder.loss(rows, error).sum() / known.sum().clamp(min=1)}

    def metric(self) -> "DisplacementMetric":
        """ADE, FDE and miss rate against the log."""
        from roadcue.metrics.streaming import DisplacementMetric

        return DisplacementMetric()

    def compared(self, prediction: Outputs, targets: HeadTargets) -> tuple[Tensor, Tensor]:
        """Predicted and logged paths, (b, 20, 2) metres each, ego frame."""
        return prediction["waypoints"], targets["future"]

    def score(
        self, predictions: Mapping[str, Arrays], targets: HeadTargets, sequence: np.ndarray, bootstrap: Bootstrap
    ) -> list[ScoreTable]:
        """No tables here: paths have pages of their own, against the log and against raters (`evaluation.paths`)."""
        return []

    def words(self, prediction: Arrays) -> WaypointPredictions:
        """Of n rows, "waypoints" (n, 20, 2) metres, ego frame: the paths with their times."""
        return WaypointPredictions.of(prediction)

    def _visible_past(self, past: Tensor) -> Tensor:
        """(b, 16, 6) -> (b, 16, 6) normalised; in training zeros for the rows that `past_dropout` hides."""
        normalised = (past - self.past_mean) / self.past_scale
        if not (self.training and self.config.past_dropout):
            return normalised
        hidden = torch.rand(len(past), device=past.device) < self.config.past_dropout
        return normalised.masked_fill(hidden[:, None, None], 0.0)

    def _base_path(self, inputs: HeadInputs) -> Tensor:
        """(b, 20, 2) metres, ego frame: the path that is corrected; zeros when the head predicts the whole path."""
        if self.base is None:
            return inputs["past"].new_zeros(len(inputs["past"]), WAYPOINTS, 2)
        return self.base(inputs)["waypoints"]


def _finite(inputs: HeadInputs) -> HeadInputs:
    """Zeros for missing past states: a NaN would reach the weights even from a row whose loss does not count."""
    return {**inputs, "past": inputs["past"].nan_to_num()}
