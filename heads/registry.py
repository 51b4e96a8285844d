"""Features, past states and intent in, predictions out; the registry of heads and baselines."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roadcue.errors import BadCheckpoint, BadHead
from roadcue.heads.waypoint.config import CueConfig, FieldConfig, WaypointConfig

if TYPE_CHECKING:
    from roadcue.heads.head import Head
    from roadcue.heads.waypoint.decoder import Decoder


_REMEDY = "use a folder that `save_pretrained` wrote, or train anew"


@dataclass(frozen=True)
class HeadEntry:
    """Where a head's class is ("module:class", imported when it is asked for) and what can be set about it."""

    where: str
    config: type[Any] | None = None
    baselines: tuple[str, ...] = ()
    """Of a head that is trained: what it is compared with."""
    needs: str = ""
    """... and what a row must have to teach it, in words."""


DECODERS: Mapping[str, str] = {
    "linear": "roadcue.heads.waypoint.linear:Linear",
    "mlp": "roadcue.heads.waypoint.mlp:Mlp",
    "query": "roadcue.heads.waypoint.query:Query",
    "gru": "roadcue.heads.waypoint.gru:Gru",
    "unicycle": "roadcue.heads.waypoint.unicycle:Unicycle",
    "modes": "roadcue.heads.waypoint.modes:Modes",
    "vocabulary": "roadcue.heads.waypoint.vocabulary:Vocabulary",
}
"""The kinds of the waypoint head (`WaypointConfig.kind`), "module:class": what makes its path."""

BASELINES: Mapping[str, HeadEntry] = {
    "ridge": HeadEntry("roadcue.heads.baselines.waypoint:Ridge"),
    "constant turn rate": HeadEntry("roadcue.heads.baselines.waypoint:ConstantTurnRate"),
    "constant velocity": HeadEntry("roadcue.heads.baselines.waypoint:ConstantVelocity"),
    "stand still": HeadEntry("roadcue.heads.baselines.waypoint:StandStill"),
}
"""Paths that see no image and hold no parameter: `fit` is all their training."""

CONSTANTS: Mapping[str, HeadEntry] = {
    "majority field": HeadEntry("roadcue.heads.field.head:MajorityField"),
    "list everything": HeadEntry("roadcue.heads.field.head:EverythingField"),
    "majority cue": HeadEntry("roadcue.heads.cue.head:MajorityCue", CueConfig),
}
"""What says the same of every picture, out of the training set's frequencies: baselines of the other heads."""

HEADS: Mapping[str, HeadEntry] = {
    "waypoint": HeadEntry(
        "roadcue.heads.waypoint.head:WaypointHead", WaypointConfig, tuple(BASELINES), "a logged future"
    ),
    "field": HeadEntry(
        "roadcue.heads.field.head:FieldHead",
        FieldConfig,
        ("majority field", "list everything"),
        "a pedestrian's labels",
    ),
    "cue": HeadEntry(
        "roadcue.heads.cue.head:CueHead", CueConfig, ("majority cue",), "a logged future or a pedestrian's labels"
    ),
}
"""Heads that are trained; each is built from its config, the number of pooled vectors and their width."""
PATHS = "waypoint"
"""The head that predicts paths: what displacement, raters and a submission are about."""


def find_head(name: str) -> tuple[type["Head"], type[Any] | None]:
    """The class and the config class of a head or baseline. BadHead, with the nearest name, for an unknown one."""
    entries = {**HEADS, **BASELINES, **CONSTANTS}
    if name not in entries:
        near = difflib.get_close_matches(name, entries, n=1)
        hint = f", did you mean {near[0]!r}?" if near else "."
        baselines = ", ".join([*BASELINES, *CONSTANTS])
        raise BadHead(f"there is no head {name!r}{hint} Heads: {', '.join(HEADS)}. Baselines: {baselines}.")
    return _imported(entries[name].where), entries[name].config


def find_decoder(kind: str) -> type["Decoder"]:
    """The class behind a kind of the waypoint head; a `WaypointConfig` has no other kinds."""
    found: type[Decoder] = _imported(DECODERS[kind])
    return found


def build_head(name: str, config: Any, features: int, width: int) -> "Head":
    """A head to be trained, from its config, `features` pooled vectors (0: it sees no image) of `width` numbers each.

    BadHead when the name is unknown or the config is not this head's.
    """
    if name in {*BASELINES, *CONSTANTS}:
        raise BadHead(f"{name!r} is a baseline and has nothing to train; `build_baseline` makes it")
    head, config_class = find_head(name)
    if config_class is None or not isinstance(config, config_class):
        raise BadHead(f"the head {name!r} takes a {getattr(config_class, '__name__', None)}, got {config!r}")
    return head(config, features, width)


def build_baseline(name: str, config: Any = None) -> "Head":
    """A baseline out of `BASELINES` or `CONSTANTS`, not yet fitted; `config` is that of the head it stands beside.

    BadHead when the name is unknown or that of a trained head.
    """
    if name in HEADS:
        raise BadHead(f"{name!r} is a head that is trained; `build_head` makes it")
    head, config_class = find_head(name)
    return head(config) if config_class else head()


def load_head(folder: Path) -> "Head":
    """The head or baseline that `save_pretrained` wrote into `folder`, on the CPU, in eval mode.

    Its class comes from the registry, never from the file. BadHead names the file and what does not fit: not there,
    not JSON, an unknown head or setting, keys that are missing or unexpected, a shape or dtype that differs.
    """
    from roadcue.heads.head import CONFIG, WEIGHTS
    from roadcue.weights import load_strict, read_safetensors

    head = _build(folder / CONFIG)
    try:
        weights = dict(read_safetensors(folder / WEIGHTS))
    except BadCheckpoint as error:
        raise BadHead(str(error)) from error
    load_strict(head, weights, folder / WEIGHTS, same_dtype=True, error=BadHead)
    return head.eval()


def _build(path: Path) -> "Head":
    """A head as its `config.json` says, without memory for its weights: a file cannot ask for more than it brings."""
    import torch

    try:
        arguments: dict[str, Any] = dict(json.loads(path.read_text()))
        head_class, config_class = find_head(arguments.pop("head"))
        if config_class is not None:
            arguments["config"] = config_class(**arguments["config"])
        with torch.device("meta"):
            return head_class(**arguments)
    except BadHead as error:
        raise BadHead(f"{path}: {error}") from error
    except FileNotFoundError:
        raise BadHead(f"{path} is not there; {_REMEDY}") from None
    except (ValueError, TypeError, KeyError, RuntimeError, OverflowError) as error:
        raise BadHead(f"{path} does not describe a head ({error!r}); {_REMEDY}") from error


def _imported(where: str) -> Any:
    module, _, attribute = where.partition(":")
    return getattr(import_module(module), attribute)
