"""What linear readings of the miniature tell of drawn pictures that it has not seen."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from roadcue.metrics.bootstrap import Interval
from roadcue.metrics.resampling import sequence_bootstrap
from roadcue.training.miniatures.examples import Batch, Examples
from roadcue.training.miniatures.knowledge import FLAGS, NUMBERS, REASON_FLAGS
from roadcue.training.miniatures.module import MiniatureModule

Row = tuple[Tensor, dict[str, Tensor], Tensor, Tensor]
"""Of a batch: right patches, readings by where they are read, wanted numbers and flags."""


@torch.no_grad()
def score_readings(module: MiniatureModule, held_out: Examples) -> dict[str, dict[str, Interval]]:
    """Scores by name on held-out pictures, by where they are read: from the grid, from latents if there are any.

    Shares are in 0 to 1. Only those of reasons, which few pairs tell, have an interval.
    """
    kinds_right, readings, wanted_numbers, wanted_flags = zip(
        *(_row(module, batch) for batch in held_out.batches()), strict=True
    )
    wanted = torch.cat(wanted_numbers), torch.cat(wanted_flags)
    scores = {"patches whose main kind is right": {"grid": _alone(torch.cat(kinds_right).float().mean())}}
    for place in ("grid", "latents"):
        if place in readings[0]:
            predicted = torch.cat([of_batch[place] for of_batch in readings])
            for name, value in _of_reading(module, predicted, *wanted).items():
                scores.setdefault(name, {})[place] = value
    return scores


def _of_reading(module: MiniatureModule, predicted: Tensor, numbers: Tensor, flags: Tensor) -> dict[str, Interval]:
    predicted_numbers, predicted_flags = predicted.split([len(NUMBERS), len(FLAGS)], dim=1)
    predicted_numbers = predicted_numbers * module.objectives.number_scale + module.objectives.number_mean
    explained = zip(NUMBERS, _explained(predicted_numbers, numbers), strict=True)
    seen = len(FLAGS) - len(REASON_FLAGS)
    separated = zip(FLAGS, _balanced(predicted_flags[:, :seen] > 0, flags[:, :seen]), strict=False)
    scores = {f"explained variance of {name}": _alone(value) for name, value in explained}
    scores |= {f"balanced accuracy of {name}": _alone(value) for name, value in separated}
    scores |= reason_scores(predicted_flags[:, seen:] > 0, flags[:, seen:])
    return {name: score for name, score in scores.items() if np.isfinite(score.value)}


def reason_scores(told: Tensor, wanted: Tensor) -> Mapping[str, Interval]:
    """The balanced accuracy of each reason and how many pairs it is of, with its interval over resampled pairs.

    `told` (n, R) bool, `wanted` (n, R) 0 or 1, NaN where the picture is of no pair of that reason; the halves of a
    pair stand one behind the other. A pair has one of each, so that the accuracy is the balanced one.
    """
    scores = {}
    for column, name in enumerate(REASON_FLAGS):
        known = ~wanted[:, column].isnan()
        if known.any():
            right = (told[known, column] == wanted[known, column].bool()).double().numpy()
            (interval,) = sequence_bootstrap(right[:, None], np.arange(len(right)) // 2)
            scores[f"balanced accuracy of {name}, {len(right) // 2} pairs"] = interval
    return scores


def _alone(value: Tensor | float) -> Interval:
    return Interval(float(value), float("nan"), float("nan"))


def _row(module: MiniatureModule, batch: Batch) -> Row:
    miniature = module.miniature
    tokens = miniature.tokens(batch["pixels"])
    summary = miniature.summary(tokens)
    right = module.objectives.of_patch(tokens).argmax(-1) == batch["kinds"].argmax(-1)
    readings = module.objectives.read(tokens, summary)
    return right.flatten(), readings, batch["numbers"], batch["flags"]


def _explained(predicted: Tensor, wanted: Tensor) -> list[float]:
    """1 - squared error / variance of each column where it is known."""
    values = []
    for column in range(wanted.shape[1]):
        known = ~wanted[:, column].isnan()
        truth = wanted[known, column]
        error = (predicted[known, column] - truth).square().mean()
        values.append(float(1 - error / truth.var(correction=0)))
    return values


def _balanced(predicted: Tensor, wanted: Tensor) -> list[float]:
    """Mean of the shares of true and of false flags that are told right; NaN when there is only one of the two."""
    values = []
    for column in range(wanted.shape[1]):
        truth = wanted[:, column]
        shares = [(predicted[truth == side, column] == bool(side)).float().mean() for side in (0.0, 1.0)]
        values.append(float(torch.stack(shares).mean()))
    return values
