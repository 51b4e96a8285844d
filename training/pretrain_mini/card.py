"""What the miniature knows of drawn pictures that it has not seen, and the model card that says so."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from jinja2 import Template
from torch import Tensor

from loaders.roadworld.kinds import Kind
from models.mini.architecture import TEXT, VISION
from training.pretrain_mini.config import FREE_TO_CHANGE, PretrainConfig
from training.pretrain_mini.examples import Batch, Examples
from training.pretrain_mini.knowledge import FLAGS, NUMBERS
from training.pretrain_mini.module import MiniatureModule

_BATCH = 64


@torch.no_grad()
def score(module: MiniatureModule, held_out: Examples) -> dict[str, float]:
    """Scores by name on held-out pictures: shares in 0 to 1, explained variances, nats per caption token."""
    rows = [_reading(module, batch) for batch in _batches(held_out)]
    kinds_right, numbers, wanted_numbers, flags, wanted_flags, caption = zip(*rows, strict=True)
    scores = {"patches whose main kind is right": float(torch.cat(kinds_right).float().mean())}
    explained = _explained(torch.cat(numbers), torch.cat(wanted_numbers))
    scores |= {f"explained variance of {name}": value for name, value in zip(NUMBERS, explained, strict=True)}
    separated = _balanced(torch.cat(flags) > 0, torch.cat(wanted_flags))
    scores |= {f"balanced accuracy of {name}": value for name, value in zip(FLAGS, separated, strict=True)}
    scores["caption, nats per token"] = float(np.mean(caption))
    return {name: value for name, value in scores.items() if not np.isnan(value)}


def _batches(examples: Examples) -> Iterator[Batch]:
    for first in range(0, len(examples), _BATCH):
        yield examples.batch(np.arange(first, min(first + _BATCH, len(examples))))


def _reading(module: MiniatureModule, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, float]:
    tokens = module.tokens(batch["pixels"])
    right = module.objectives.of_patch(tokens).argmax(-1) == batch["kinds"].argmax(-1)
    grid, _ = module.objectives.read(tokens)
    numbers, flags = grid.split([len(NUMBERS), len(FLAGS)], dim=1)
    numbers = numbers * module.objectives.number_scale + module.objectives.number_mean
    caption = float(module.captioning.loss(tokens, batch["captions"]))
    return right.flatten(), numbers, batch["numbers"], flags, batch["flags"], caption


def _explained(said: Tensor, wanted: Tensor) -> list[float]:
    """1 - squared error / variance of each column where it is known."""
    values = []
    for column in range(wanted.shape[1]):
        known = ~wanted[:, column].isnan()
        truth = wanted[known, column]
        error = (said[known, column] - truth).square().mean()
        values.append(float(1 - error / truth.var(correction=0)))
    return values


def _balanced(said: Tensor, wanted: Tensor) -> list[float]:
    """Mean of the shares of true and of false flags that are told right; NaN when there is only one of the two."""
    values = []
    for column in range(wanted.shape[1]):
        truth = wanted[:, column]
        shares = [(said[truth == side, column] == bool(side)).float().mean() for side in (0.0, 1.0)]
        values.append(float(torch.stack(shares).mean()))
    return values


def write_card(path: Path, config: PretrainConfig, pictures: int, steps: int, scores: dict[str, float]) -> None:
    """The model card: what it is, what it saw, what it scores, what it is not."""
    template = Template((Path(__file__).parent / "card.md.jinja").read_text(), keep_trailing_newline=True)
    text = template.render(
        config=config,
        options=_changed(config),
        pictures=pictures,
        steps=steps,
        scores=scores,
        vision=VISION,
        text=TEXT,
        kinds=len(Kind),
        numbers=len(NUMBERS),
        flags=len(FLAGS),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        torch=torch.__version__.split("+")[0],
    )
    path.write_text(text)


def _changed(config: PretrainConfig) -> str:
    """The options that are not the recipe's own, as they are typed; where files lie does not matter."""
    default = PretrainConfig()
    given = {name: value for name, value in vars(config).items() if name not in FREE_TO_CHANGE}
    return "".join(f" --{name} {value}" for name, value in given.items() if value != getattr(default, name))
