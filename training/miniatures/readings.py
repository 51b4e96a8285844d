"""What linear readings of the miniature tell of drawn pictures that it has not seen."""

import numpy as np
import torch
from torch import Tensor

from roadcue.training.miniatures.examples import Batch, Examples
from roadcue.training.miniatures.knowledge import FLAGS, NUMBERS
from roadcue.training.miniatures.module import MiniatureModule

Row = tuple[Tensor, dict[str, Tensor], Tensor, Tensor]
"""Of a batch: right patches, readings by where they are read, wanted numbers and flags."""


@torch.no_grad()
def score_readings(module: MiniatureModule, held_out: Examples) -> dict[str, dict[str, float]]:
    """Scores by name on held-out pictures, by where they are read: from the grid, from latents if there are any.

    Shares are in 0 to 1.
    """
    kinds_right, readings, wanted_numbers, wanted_flags = zip(
        *(_row(module, batch) for batch in held_out.batches()), strict=True
    )
    wanted = torch.cat(wanted_numbers), torch.cat(wanted_flags)
    scores = {"patches whose main kind is right": {"grid": float(torch.cat(kinds_right).float().mean())}}
    for place in ("grid", "latents"):
        if place in readings[0]:
            predicted = torch.cat([of_batch[place] for of_batch in readings])
            for name, value in _of_reading(module, predicted, *wanted).items():
                scores.setdefault(name, {})[place] = value
    return scores


def _of_reading(module: MiniatureModule, predicted: Tensor, numbers: Tensor, flags: Tensor) -> dict[str, float]:
    predicted_numbers, predicted_flags = predicted.split([len(NUMBERS), len(FLAGS)], dim=1)
    predicted_numbers = predicted_numbers * module.objectives.number_scale + module.objectives.number_mean
    explained = zip(NUMBERS, _explained(predicted_numbers, numbers), strict=True)
    separated = zip(FLAGS, _balanced(predicted_flags > 0, flags), strict=True)
    scores = {f"explained variance of {name}": value for name, value in explained}
    scores |= {f"balanced accuracy of {name}": value for name, value in separated}
    return {name: value for name, value in scores.items() if np.isfinite(value)}


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
