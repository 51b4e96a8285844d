"""The tower that the miniature OpenFlamingo begins with: that of the miniature SmolVLM2, and of this world alone."""

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from roadcue.errors import BadCheckpoint
from roadcue.files import write_atomic
from roadcue.models import mini
from roadcue.models.checkpoint import read_tensors
from roadcue.models.smol.loading import PREFIX
from roadcue.roadworld.sidewalk.spec import VIEW_VERSION
from roadcue.roadworld.spec import WORLD_VERSION
from roadcue.training.miniatures.drawn_folder import read_words

_WORLD = "world.json"
_THIS = {"RoadWorld": WORLD_VERSION, "sidewalk view": VIEW_VERSION}


def write_world(folder: Path) -> None:
    """Say in a miniature's folder, beside its weights, of which world its pictures were."""
    write_atomic(folder / _WORLD, json.dumps(_THIS, indent=1) + "\n")


def read_tower() -> Mapping[str, Tensor]:
    """The weights in `models/mini/smol`, as they are stored; BadCheckpoint when they learnt another world."""
    if (said := read_words(mini.SMOL / _WORLD)) != _THIS:
        raise BadCheckpoint(
            f"{mini.SMOL}: its tower {_learnt(said)}, and this is {_words(_THIS)}; train the miniature SmolVLM2 "
            f"first (--model smol), then copy the files of its run's model/ into {mini.SMOL}"
        )
    return read_tensors(mini.SMOL, PREFIX)


def _learnt(said: Mapping[str, str]) -> str:
    return f"learnt from {_words(said)}" if said else f"does not say ({_WORLD}) which world it learnt from"


def _words(world: Mapping[str, str]) -> str:
    """RoadWorld 4, sidewalk view 2."""
    return ", ".join(f"{name} {version}" for name, version in world.items())
