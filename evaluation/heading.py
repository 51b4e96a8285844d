"""What stands before the numbers of a run: its facts, and what a reader has to know of the data and the encoder."""

import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from roadcue.heads.field.labels import POSITION_CLASSES
from roadcue.loaders.dataset import RoadDataset
from roadcue.loaders.state_check import state_warning
from roadcue.reports.page import DRAWN, MINIATURE
from roadcue.schema import SampleTargets
from roadcue.training.build import limit_said
from roadcue.training.camera_shares import cameras_said
from roadcue.training.config import TrainConfig
from roadcue.training.extraction_config import EncoderOptions


def are_walks(targets: Sequence[SampleTargets]) -> bool:
    """Whether some row has a pedestrian's labels."""
    return any(one.fields.keys() & POSITION_CLASSES.keys() for one in targets)


def run_heading(facts: dict[str, Any], data: RoadDataset, encoder: str, options: TrainConfig) -> dict[str, str]:
    """The facts of a run at the head of its page and numbers, by label."""
    heads, pictures = ", ".join(options.head_names), ", ".join(options.picture_names)
    head = f"{heads} on {options.pooling} features of {pictures}" if not options.captions else heads
    found = {
        "extent": limit_said(options),
        "cameras": cameras_said(data, options),
        "states": state_warning(data),
        "seen before": facts.get("same_pictures", ""),
    }
    return {
        "data": data.description,
        "encoder": encoder,
        "head": head,
        "training": f"{facts['rows']['train']} rows, {options.epochs} epochs, seed {options.seed}, {facts['device']}",
        "skipped records": str(facts["skipped"]),
        **{label: words for label, words in found.items() if words},
        "trained": facts["date"],
        "scored": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commands": f"{facts['command']} ; {shlex.join(['python', *sys.argv])}",
        "versions": ", ".join(f"{name} {number}" for name, number in facts["versions"].items()),
    }


def cautions(data: RoadDataset, options: EncoderOptions) -> list[str]:
    """What a reader of the page has to know before the numbers."""
    miniature = options.encoder != "none" and options.checkpoint == "mini"
    return [
        caution
        for caution, applies in ((DRAWN, data.name in ("roadworld", "sidewalk")), (MINIATURE, miniature))
        if applies
    ]
