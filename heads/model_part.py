"""The parts of a run's model that stand before its heads, as files: how they are built, and their weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from roadcue.errors import BadCheckpoint, BadHead
from roadcue.files import read_text, write_atomic
from roadcue.heads.head import CONFIG, RUN_AGAIN, WEIGHTS
from roadcue.weights import formats_in, load_strict, read_safetensors, shapes_alone, write_safetensors

Part = TypeVar("Part", bound=nn.Module)


def write_part(folder: Path, part: nn.Module, arguments: Mapping[str, Any]) -> None:
    """Write `model.safetensors` and `config.json`, the constructor's `arguments`: with a config there are weights."""
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors(folder / WEIGHTS, part.state_dict())
    write_atomic(folder / CONFIG, json.dumps(arguments, indent=1) + "\n")


def read_part(folder: Path, kind: type[Part], name: str, may_be_nan: bool = False) -> Part:
    """What `write_part` wrote, a `kind` that is called `name`.

    BadHead when a file or a weight is missing, extra, misshapen or no number; buffers may be NaN where `may_be_nan`.
    """
    try:
        arguments = dict(json.loads(read_text(folder / CONFIG)))
        with shapes_alone(len(formats_in(folder / WEIGHTS, RUN_AGAIN))):
            part = kind(**arguments)
    except BadCheckpoint as error:
        raise BadHead(str(error)) from error
    except (OSError, TypeError, ValueError, RuntimeError, OverflowError, MemoryError) as error:
        raise BadHead(f"{folder / CONFIG}: not the configuration of {name} ({error}); train again") from error
    try:
        weights = dict(read_safetensors(folder / WEIGHTS, remedy=RUN_AGAIN))
        load_strict(part, weights, folder, same_dtype=True, error=BadHead, may_be_nan=may_be_nan)
    except BadCheckpoint as error:
        raise BadHead(str(error)) from error
    return part
