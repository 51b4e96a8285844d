"""The model card: what the miniature is, what it saw, what it scores, what it is not."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path

import torch
from jinja2 import Environment, FileSystemLoader

from roadcue.files import write_atomic
from roadcue.metrics.bootstrap import Interval
from roadcue.roadworld.semantic_class import SemanticClass
from roadcue.roadworld.sidewalk.spec import VIEW_VERSION
from roadcue.roadworld.spec import WORLD_VERSION
from roadcue.training.miniatures.config import FREE_TO_CHANGE, PretrainConfig
from roadcue.training.miniatures.knowledge import FLAGS, NUMBERS
from roadcue.training.miniatures.miniature import Miniature


def write_card(
    path: Path,
    config: PretrainConfig,
    miniature: Miniature,
    began: Mapping[str, str],
    amount: Mapping[str, int],
    readings: Mapping[str, Mapping[str, Interval]],
    written: Mapping[str, float],
) -> None:
    """Write the card.

    `began` is what the run began with, `amount` how many pictures and steps, `readings` and `written` what it
    scores.
    """
    templates = Environment(loader=FileSystemLoader(Path(__file__).parent), keep_trailing_newline=True)
    text = templates.get_template(f"{config.model}.md.jinja").render(
        config=config,
        options=_changed(config),
        pictures=amount["pictures"],
        began=began,
        world=WORLD_VERSION,
        view=VIEW_VERSION,
        steps=amount["steps"],
        scores=readings,
        cell=_cell,
        written=written,
        sizes=miniature.sizes,
        kinds=len(SemanticClass),
        numbers=len(NUMBERS),
        flags=len(FLAGS),
        instructions=miniature.instructions,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        torch=torch.__version__.split("+")[0],
    )
    write_atomic(path, text)


def _cell(score: Interval) -> str:
    """Two decimals: no more are held by some hundred pictures, nor by some dozen pairs."""
    known = isfinite(score.low)
    return f"{score.value:.2f}" + (f" ({score.low:.2f} to {score.high:.2f})" if known else "")


def _changed(config: PretrainConfig) -> str:
    """The options that are not the recipe's own, as they are typed; where files lie does not matter."""
    default = PretrainConfig()
    given = {name: value for name, value in vars(config).items() if name not in FREE_TO_CHANGE}
    return "".join(f" --{name} {value}" for name, value in given.items() if value != getattr(default, name))
