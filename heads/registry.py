"""Which heads there are, how one is built and loaded. A new head is a file, its config beside it, and a line here."""

import json
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roadcue.errors import BadCheckpoint, BadHead
from roadcue.files import read_text
from roadcue.registry import Registry, resolve

if TYPE_CHECKING:
    from roadcue.heads.head import Head


@dataclass(frozen=True)
class HeadEntry:
    """Where a head's class and the dataclass of its options are, "module:class"; `--help` imports only the second."""

    head: str
    config: str


def _unfit(name: str, thing: Any) -> str:
    """Why a plugin's thing is no head of that name; torch is imported for what looks like one alone."""
    if isinstance(thing, HeadEntry):
        return ""
    wanted = "register a class that stands on roadcue.heads.head.Head"
    if not isinstance(thing, type):
        return f"{thing!r:.60} is no class; {wanted}"
    from roadcue.heads.head import Head

    if not issubclass(thing, Head):
        return f"{thing.__name__} is no head; {wanted}"
    if getattr(thing, "name", None) != name:
        return f"{thing.__name__}.name is {getattr(thing, 'name', None)!r}; it must be {name!r}, as it is registered"
    if not is_dataclass(thing.config_class):
        return f"{thing.__name__}.config_class is {thing.config_class!r:.60}; it must be the dataclass of its options"
    return ""


HEADS: Registry[HeadEntry | type["Head"]] = Registry(
    "head",
    {
        "waypoint": HeadEntry(
            "roadcue.heads.waypoint.head:WaypointHead", "roadcue.heads.waypoint.config:WaypointConfig"
        ),
        "field": HeadEntry("roadcue.heads.field.head:FieldHead", "roadcue.heads.field.config:FieldConfig"),
        "cue": HeadEntry("roadcue.heads.cue.head:CueHead", "roadcue.heads.cue.config:CueConfig"),
    },
    group="roadcue.heads",
    error=BadHead,
    unfit=_unfit,
)
"""Heads that are trained; a plugin registers its class itself."""
WAYPOINT = "waypoint"
"""The head that predicts paths: what displacement, rater feedback and a submission are computed of."""
CUE = "cue"
"""The head whose truth on a pedestrian's pictures is a rule, beside which stands what the walker does."""
_REMEDY = "use a folder that `save_pretrained` wrote, or train anew"


def head_class(name: str) -> type["Head"]:
    """The class of a head that is trained; BadHead, with the nearest name, for an unknown one."""
    entry = HEADS.find(name)
    if not isinstance(entry, HeadEntry):
        return entry
    cls: type[Head] = resolve(entry.head)
    if reason := _unfit(name, cls):
        raise BadHead(f"head {name!r}: {reason}")
    return cls


def head_config(name: str) -> type[Any]:
    """The dataclass of a head's options; BadHead for an unknown head, and for a baseline."""
    if name not in HEADS and name in baseline_classes():
        raise BadHead(f"{name!r} is a baseline and has nothing to train; it is scored beside the head it belongs to")
    entry = HEADS.find(name)
    config_class: type[Any] = resolve(entry.config) if isinstance(entry, HeadEntry) else entry.config_class  # type: ignore[assignment]
    return config_class


def baseline_classes() -> dict[str, type["Head"]]:
    """The baselines of all heads, by name."""
    return {baseline.name: baseline for name in HEADS for baseline in head_class(name).baselines}


def field_names() -> tuple[str, ...]:
    """The names of `SampleTargets.fields` that some head reads."""
    return tuple(dict.fromkeys(field for name in HEADS for field in head_class(name).reads))


def build_head(name: str, config: Any, features: int, width: int) -> "Head":
    """An untrained head from its config, for `features` pooled vectors (0: it sees no image) of `width` numbers each.

    BadHead when the name is unknown or the config is not this head's.
    """
    config_class = head_config(name)
    if not isinstance(config, config_class):
        raise BadHead(f"the head {name!r} takes a {config_class.__name__}, got {config!r}")
    cls: type[Any] = head_class(name)
    head: Head = cls(config, features, width)
    return head


def build_baselines(name: str, config: Any) -> dict[str, "Head"]:
    """The baselines of a head, not yet fitted, by their names; `config` is the head's own."""
    baselines: tuple[type[Any], ...] = head_class(name).baselines
    return {baseline.name: baseline(config) if baseline.config_class else baseline() for baseline in baselines}


def load_head(folder: Path) -> "Head":
    """The head or baseline that `save_pretrained` wrote into `folder`, on the CPU, in eval mode.

    Its class comes from the registry, never from the file. BadHead names the file and what does not fit: not there,
    not JSON, an unknown head or setting, keys that are missing or unexpected, a shape or dtype that differs.
    """
    import torch

    from roadcue.heads.head import CONFIG, RUN_AGAIN, WEIGHTS
    from roadcue.weights import load_strict, read_safetensors

    head = _build(folder / CONFIG)
    try:
        weights = dict(read_safetensors(folder / WEIGHTS, remedy=RUN_AGAIN))
    except BadCheckpoint as error:
        raise BadHead(str(error)) from error
    if head.outputs and "taught" not in weights:  # a run from before that was kept
        weights["taught"] = torch.ones(len(head.outputs), dtype=torch.bool)
    load_strict(head, weights, folder / WEIGHTS, same_dtype=True, error=BadHead)
    return head.eval()


def _build(path: Path) -> "Head":
    """A head as its `config.json` says, without memory for its weights."""
    from roadcue.heads.head import RUN_AGAIN, WEIGHTS
    from roadcue.weights import formats_in, shapes_alone

    try:
        arguments: dict[str, Any] = dict(json.loads(read_text(path)))
        name = arguments.pop("head")
        if not isinstance(name, str):
            raise TypeError(f"head is {name!r}, not a name")
        baselines = baseline_classes()
        cls = baselines[name] if name in baselines else head_class(name)
        if cls.config_class is not None:
            arguments["config"] = cls.config_class(**arguments["config"])
        with shapes_alone(len(formats_in(path.with_name(WEIGHTS), RUN_AGAIN))):
            return cls(**arguments)
    except BadCheckpoint as error:
        raise BadHead(str(error)) from error
    except BadHead as error:
        raise BadHead(f"{path}: {error}") from error
    except FileNotFoundError:
        raise BadHead(f"{path} is not there; {_REMEDY}") from None
    except OSError as error:
        raise BadHead(f"{path} cannot be read ({error.strerror}); {_REMEDY}") from error
    except (ValueError, TypeError, LookupError, RuntimeError, OverflowError, MemoryError, AttributeError) as error:
        raise BadHead(f"{path} does not describe a head ({error!r}); {_REMEDY}") from error
