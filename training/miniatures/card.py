"""The model card: what the miniature is, what it saw, what it scores, what it is not."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import torch
from jinja2 import Environment, FileSystemLoader

from roadcue.files import write_atomic
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
    readings: Mapping[str, Mapping[str, float]],
    written: Mapping[str, float],
) -> None:
    """Write the card; `began` is what the run began with, `amount` is how many pictures and steps, `readings` and `written` are what was scored."""
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


def _changed(config: PretrainConfig) -> str:
    """The options that are not the recipe's own, as they are typed; where files lie does not matter."""
    default = PretrainConfig()
    given = {name: value for name, value in vars(config).items() if name not in FREE_TO_CHANGE}
    return "".join(f" --{name} {value}" for name, value in given.items() if value != getattr(default, name))
