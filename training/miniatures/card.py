"""What the miniature knows of drawn pictures that it has not seen, and the model card that says so."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from jinja2 import Environment, FileSystemLoader
from torch import Tensor

from roadcue.files import write_atomic
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.training.miniatures.config import FREE_TO_CHANGE, PretrainConfig
from roadcue.training.miniatures.examples import Batch, Examples
from roadcue.training.miniatures.knowledge import FLAGS, NUMBERS
from roadcue.training.miniatures.miniature import Miniature
from roadcue.training.miniatures.module import MiniatureModule

_BATCH = 64


Row = tuple[Tensor, dict[str, Tensor], Tensor, Tensor, float]
"""Of a batch: right patches, readings by where they are read, wanted numbers and flags, the captions' loss."""


@torch.no_grad()
def score(module: MiniatureModule, held_out: Examples) -> dict[str, dict[str, float]]:
    """Scores by name on held-out pictures, by where they are read: from the grid, from latents if there are any.

    Shares are in 0 to 1, and the caption's loss in nats per token is among those of the grid.
    """
    kinds_right, readings, wanted_numbers, wanted_flags, caption = zip(
        *(_row(module, batch) for batch in _batches(held_out)), strict=True
    )
    wanted = torch.cat(wanted_numbers), torch.cat(wanted_flags)
    scores = {"patches whose main kind is right": {"grid": float(torch.cat(kinds_right).float().mean())}}
    for place in ("grid", "latents"):
        if place in readings[0]:
            predicted = torch.cat([of_batch[place] for of_batch in readings])
            for name, value in _of_reading(module, predicted, *wanted).items():
                scores.setdefault(name, {})[place] = value
    scores["caption, nats per token"] = {"grid": float(np.mean(caption))}
    return scores


def _of_reading(module: MiniatureModule, predicted: Tensor, numbers: Tensor, flags: Tensor) -> dict[str, float]:
    predicted_numbers, predicted_flags = predicted.split([len(NUMBERS), len(FLAGS)], dim=1)
    predicted_numbers = predicted_numbers * module.objectives.number_scale + module.objectives.number_mean
    explained = zip(NUMBERS, _explained(predicted_numbers, numbers), strict=True)
    separated = zip(FLAGS, _balanced(predicted_flags > 0, flags), strict=True)
    scores = {f"explained variance of {name}": value for name, value in explained}
    scores |= {f"balanced accuracy of {name}": value for name, value in separated}
    return {name: value for name, value in scores.items() if np.isfinite(value)}


def _batches(examples: Examples) -> Iterator[Batch]:
    for first in range(0, len(examples), _BATCH):
        yield examples.batch(np.arange(first, min(first + _BATCH, len(examples))))


def _row(module: MiniatureModule, batch: Batch) -> Row:
    miniature = module.miniature
    tokens = miniature.tokens(batch["pixels"])
    summary = miniature.summary(tokens)
    right = module.objectives.of_patch(tokens).argmax(-1) == batch["kinds"].argmax(-1)
    readings = module.objectives.read(tokens, summary)
    caption = float(miniature.caption_loss(tokens, summary, batch["captions"]))
    return right.flatten(), readings, batch["numbers"], batch["flags"], caption


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


def write_card(
    path: Path,
    config: PretrainConfig,
    miniature: Miniature,
    pictures: int,
    steps: int,
    scores: dict[str, dict[str, float]],
) -> None:
    """The model card: what it is, what it saw, what it scores, what it is not."""
    templates = Environment(loader=FileSystemLoader(Path(__file__).parent), keep_trailing_newline=True)
    text = templates.get_template(f"{config.model}.md.jinja").render(
        config=config,
        options=_changed(config),
        pictures=pictures,
        steps=steps,
        scores=scores,
        sizes=miniature.sizes,
        kinds=len(SemanticClass),
        numbers=len(NUMBERS),
        flags=len(FLAGS),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        torch=torch.__version__.split("+")[0],
    )
    write_atomic(path, text)


def _changed(config: PretrainConfig) -> str:
    """The options that are not the recipe's own, as they are typed; where files lie does not matter."""
    default = PretrainConfig()
    given = {name: value for name, value in vars(config).items() if name not in FREE_TO_CHANGE}
    return "".join(f" --{name} {value}" for name, value in given.items() if value != getattr(default, name))
