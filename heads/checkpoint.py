"""A head on disk: how it was built as JSON, its weights and statistics as safetensors. Nothing is pickled."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from roadcue.heads.errors import BadHead
from roadcue.heads.registry import find_head

if TYPE_CHECKING:
    from roadcue.heads.head import Head

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_REMEDY = "use a folder that `save_pretrained` wrote, or train anew"


def save_head(head: "Head", folder: Path) -> None:
    """Write `head` into `folder` (made when missing). `config.json` comes last: without it there is no checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {key: tensor.cpu().contiguous() for key, tensor in head.state_dict().items()}
    save_file(weights, folder / f"{WEIGHTS}.part")
    os.replace(folder / f"{WEIGHTS}.part", folder / WEIGHTS)
    (folder / f"{CONFIG}.part").write_text(json.dumps({"head": head.name, **head.arguments()}, indent=2) + "\n")
    os.replace(folder / f"{CONFIG}.part", folder / CONFIG)


def load_head(folder: Path) -> "Head":
    """The head or baseline in `folder`, on the CPU, in eval mode.

    Its class comes from the registry, never from the file. BadHead names the file and what does not fit: not there,
    not JSON, an unknown head or setting, keys that are missing or unexpected, a shape or dtype that differs.
    """
    head = _build(folder / CONFIG)
    weights = _read_weights(folder / WEIGHTS)
    _check(head.state_dict(), weights, folder / WEIGHTS)
    head.load_state_dict(weights, strict=True, assign=True)
    return head.eval()


def _build(path: Path) -> "Head":
    """A head as its `config.json` says, without memory for its weights: a file cannot ask for more than it brings."""
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


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise BadHead(f"{path} is not there; {_REMEDY}") from None
    except SafetensorError as error:
        raise BadHead(f"{path} is not a whole safetensors file ({error}); {_REMEDY}") from error


def _check(expected: dict[str, Tensor], found: dict[str, Tensor], path: Path) -> None:
    """BadHead unless both hold the same keys with the same shapes and dtypes."""
    problems = [f"missing: {key}" for key in sorted(expected.keys() - found.keys())]
    problems += [f"unexpected: {key}" for key in sorted(found.keys() - expected.keys())]
    for key in sorted(expected.keys() & found.keys()):
        want, have = expected[key], found[key]
        if (want.shape, want.dtype) != (have.shape, have.dtype):
            problems.append(
                f"{key} is {tuple(have.shape)} {have.dtype}, {CONFIG} says {tuple(want.shape)} {want.dtype}"
            )
    if problems:
        raise BadHead(f"{path} does not fit its {CONFIG}: {'; '.join(problems)}; {_REMEDY}")
