"""Checkpoints: where a run keeps its last one, and its form, one safetensors file.

Tensors are under their dotted names, all else is JSON in the header, and the checksum of both beside it: a run goes
on from what it has written, or not at all.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from roadcue.errors import BadInput
from roadcue.files import check_file, unreadable, unwritable
from roadcue.weights import digest, write_safetensors

GO_ON = "free space there, then the same command with --resume auto goes on"
"""What helps when the disk is full while a run is written."""
_TENSOR, _TUPLE, _ITEMS = "__tensor__", "__tuple__", "__items__"


def last_checkpoint(run: Path) -> Path:
    """The newest checkpoint of a run folder, from which `--resume auto` goes on; no other is kept."""
    return run / "checkpoint" / "last.safetensors"


def write_checkpoint(path: Path, checkpoint: dict[str, Any]) -> None:
    """Write tensors and the rest of the state to `path`; BadInput when that cannot be: the old file stays."""
    tensors: dict[str, Tensor] = {}
    state = json.dumps(_split(checkpoint, "", tensors))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_safetensors(path, tensors, {"state": state, "checksum": _checksum(tensors, state)})
    except OSError as error:
        raise BadInput(f"{path}: cannot be written {unwritable(path.parent, error, GO_ON)}") from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read back what `write_checkpoint` wrote; BadInput when the file is damaged, or is not all that was written."""
    try:
        check_file(path)
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            about = file.metadata() or {}
        state = about["state"]
        if about["checksum"] != _checksum(tensors, state):
            raise ValueError("its checksum is another")
        joined: dict[str, Any] = _join(json.loads(state), tensors)
        if not isinstance(joined.get("global_step"), int):
            raise ValueError("it has no step")
    except OSError as error:
        raise unreadable(path, error) from error
    except (SafetensorError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadInput(f"{path}: not a checkpoint as it was written ({error}); delete it and train again") from error
    return joined


def _checksum(tensors: dict[str, Tensor], state: str) -> str:
    """sha256 over the tensors and the rest of a state."""
    return hashlib.sha256(f"{digest(tensors)} {state}".encode()).hexdigest()


def _split(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Move every tensor into `tensors`; what remains can be written as JSON."""
    if isinstance(value, Tensor):
        tensors[name] = value.detach().to("cpu", copy=True).contiguous()
        return {_TENSOR: name}
    if isinstance(value, dict):
        items = [(key, _split(inner, f"{name}.{key}".lstrip("."), tensors)) for key, inner in value.items()]
        if all(isinstance(key, str) for key in value):
            return dict(items)
        return {_ITEMS: items}
    if isinstance(value, list | tuple):
        parts = [_split(inner, f"{name}.{index}", tensors) for index, inner in enumerate(value)]
        return parts if isinstance(value, list) else {_TUPLE: parts}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{name}: a {type(value).__name__} cannot be kept in a checkpoint without a pickle")


def _join(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_join(inner, tensors) for inner in value]
    if not isinstance(value, dict):
        return value
    if _TENSOR in value:
        return tensors[value[_TENSOR]]
    if _TUPLE in value:
        return tuple(_join(inner, tensors) for inner in value[_TUPLE])
    if _ITEMS in value:
        return {key: _join(inner, tensors) for key, inner in value[_ITEMS]}
    return {key: _join(inner, tensors) for key, inner in value.items()}


def generator_state() -> dict[str, Any]:
    """The states of torch's random generators."""
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}


def set_generator_state(state: dict[str, Any]) -> None:
    """Put back what `generator_state` returned; a CUDA state is ignored where there is no CUDA."""
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
