"""Weights in safetensors files: written whole, read strictly, and no more of them than is asked for."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from roadcue.errors import BadCheckpoint, RoadCueError
from roadcue.files import atomic_file, check_file, what_the_system_said

_LAYER = re.compile(r"\.(\d+)\.")

AGAIN = "download it again; if it is of a run of yours, train again or copy the run folder again"


_FEW = 100
"""Weights that a model may ask for whatever its files hold."""


@contextmanager
def few_parameters(held: int) -> Iterator[None]:
    """ValueError for a model of many more tensors than its files hold: a small file may ask for a million layers.

    Up to twice as many as `held` are made, so that those that are missing can be named.
    """
    made, most = 0, 2 * held + _FEW

    def count(module: nn.Module, name: str, parameter: nn.Parameter) -> None:
        nonlocal made
        made += 1
        if made > most:
            raise ValueError(f"it asks for more than {most:,} weights, and its files hold {held:,}")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def shapes_alone(held: int) -> Iterator[None]:
    """What is built has shapes and no memory for weights: a file cannot ask for more than its weights bring.

    `held` is how many tensors these are; ValueError as from `few_parameters`.
    """
    with few_parameters(held), torch.device("meta"):
        yield


def write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a file that appears whole or not at all; OSError where it cannot be written."""
    with atomic_file(path) as partial:
        on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        try:
            save_file(on_cpu, partial, metadata=dict(metadata) if metadata else None)
        except SafetensorError as error:
            raise what_the_system_said(error) from error


def read_safetensors(path: Path, prefix: str = "", remedy: str = AGAIN) -> Iterator[tuple[str, Tensor]]:
    """Each key of one file that starts with `prefix`, and its tensor.

    BadCheckpoint when it is missing or damaged; `remedy` is how one comes by it again.
    """
    with _opened(path, remedy) as file:
        for key in file.keys():  # noqa: SIM118 - not a dict
            if key.startswith(prefix):
                yield key, file.get_tensor(key)


def formats_in(path: Path, remedy: str = AGAIN) -> dict[str, str]:
    """Each key of one file, and the number format of its tensor as safetensors calls it, such as BF16.

    Tensors are not read. BadCheckpoint as in `read_safetensors`.
    """
    with _opened(path, remedy) as file:
        return {key: file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118 - not a dict


@contextmanager
def _opened(path: Path, remedy: str) -> Iterator[Any]:
    """A safetensors file; BadCheckpoint where it cannot be read."""
    try:
        check_file(path)
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise BadCheckpoint(f"{path}: missing; the checkpoint is incomplete, {remedy}") from None
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(f"{path}: not a whole safetensors file ({error}); {remedy}") from error


def load_strict(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    source: Path,
    prefix: str = "",
    *,
    same_dtype: bool = False,
    error: type[RoadCueError] = BadCheckpoint,
    may_be_nan: bool = False,
) -> None:
    """Make `tensors` the weights of `module` (which may be on the meta device), taking their dtype.

    A buffer may hold inf, as a bound that is none, and NaN where `may_be_nan`; a parameter neither.

    An `error` names every key that `audit` finds (with `prefix`, as it stands in `source`): a part that loads by
    halves would work with random weights and say nothing.
    """
    wanted = {prefix + key: tensor for key, tensor in module.state_dict().items()}
    held = {prefix + key: tensor for key, tensor in tensors.items()}
    if problems := audit(wanted, held, same_dtype=same_dtype):
        raise error(
            f"{source}: the weights are not those of this {type(module).__name__}; {problems}. "
            "Its config.json and its safetensors must be of one checkpoint: download both again, or train again."
        )
    learnt = {prefix + name for name, _ in module.named_parameters()}
    known = {key: tensor for key, tensor in held.items() if not tensor.is_meta}
    broken = sorted(key for key in known.keys() & learnt if not bool(torch.isfinite(known[key]).all()))
    if not may_be_nan:
        broken += sorted(key for key in known.keys() - learnt if bool(torch.isnan(known[key]).any()))
    if broken:
        raise error(f"{source}: {', '.join(_by_layer(broken))}: not finite numbers, the file is damaged; {AGAIN}")
    module.load_state_dict(tensors, strict=True, assign=True)


def digest(tensors: Mapping[str, Tensor]) -> str:
    """sha256 over names, dtypes, shapes and bytes, as they are stored."""
    total = hashlib.sha256()
    for key in sorted(tensors):
        tensor = tensors[key].detach().cpu().contiguous()
        total.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.view(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def audit(wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], *, same_dtype: bool = False) -> str:
    """Every missing, unexpected or misshapen key and every unfit dtype, in words; empty when there is none.

    Any floating-point dtype of 16 bits or more fits, or with `same_dtype` only the one that is wanted: fewer bits
    stand for numbers only with scales beside them.
    """
    both = sorted(wanted.keys() & tensors.keys())
    coarse = [f"{key} {tensors[key].dtype}" for key in both if not same_dtype and is_coarse(tensors[key])]
    unfit = [
        f"{key} {tensors[key].dtype}"
        for key in both
        if (tensors[key].dtype != wanted[key].dtype if same_dtype else not tensors[key].is_floating_point())
    ]
    problems = {
        "missing": sorted(wanted.keys() - tensors.keys()),
        "unexpected": sorted(tensors.keys() - wanted.keys()),
        "misshapen": [
            f"{key} {tuple(tensors[key].shape)} instead of {tuple(wanted[key].shape)}"
            for key in both
            if tensors[key].shape != wanted[key].shape
        ],
        "of another dtype" if same_dtype else "not floating-point": unfit,
        "numbers of 8 bits or fewer, which are not read; take the checkpoint in bf16": coarse,
    }
    return "; ".join(f"{', '.join(_by_layer(keys))}: {problem}" for problem, keys in problems.items() if keys)


def is_coarse(tensor: Tensor) -> bool:
    """Whether its floating-point numbers have fewer than 16 bits each."""
    return tensor.is_floating_point() and tensor.dtype.itemsize < 2


def _by_layer(keys: list[str]) -> list[str]:
    """The same keys, those that differ in their first number alone as one: blocks.{0-3,7}.norm.weight."""
    layers: dict[str, list[int]] = {}
    for key in keys:
        number = _LAYER.search(key)
        name = f"{key[: number.start()]}.{{}}.{key[number.end() :]}" if number else key
        layers.setdefault(name, []).append(int(number[1]) if number else 0)
    return [name.replace("{}", _ranges(sorted(numbers)), 1) for name, numbers in layers.items()]


def _ranges(numbers: list[int]) -> str:
    """[0, 1, 2, 7] -> "{0-2,7}", and [3] -> "3"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    text = ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return text if len(numbers) == 1 else f"{{{text}}}"
