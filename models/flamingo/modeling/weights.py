"""Weights into a Flamingo: all of them checked, then each copied once, and no random ones made before."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Size, Tensor
from transformers import PreTrainedModel

from roadcue.errors import BadCheckpoint
from roadcue.models.checkpoint import read_tensors
from roadcue.models.flamingo.modeling.clip import restore_positions
from roadcue.models.flamingo.modeling.config import FlamingoConfig, read_config
from roadcue.weights import audit, shapes_alone

TIED = "lang_encoder.lm_head.weight"
"""The output layer, which is the input embedding and is in no file."""
AnyFlamingo = TypeVar("AnyFlamingo", bound=PreTrainedModel)


@dataclass(frozen=True)
class Source:
    """Tensors from one place: what each is called in the model, and there; and what is there and not used."""

    place: Path
    tensors: Mapping[str, Tensor]
    names: Mapping[str, str]
    unused: Mapping[str, Size] = field(default_factory=dict)


def empty_model(cls: type[AnyFlamingo], config: FlamingoConfig, source: Path, held: int) -> AnyFlamingo:
    """The model on the meta device: shapes without memory, for the `held` tensors of `source`.

    BadCheckpoint when it describes none.
    """
    with shapes_of(source, held):
        return cls(config).eval()


@contextmanager
def shapes_of(source: Path, held: int) -> Iterator[None]:
    """Modules as a file says, on the meta device, for so many tensors; BadCheckpoint where its sizes fit nothing."""
    try:
        with shapes_alone(held):
            yield
    except Exception as error:  # whatever a module makes of sizes that cannot be
        reason = f"{type(error).__name__}: {error!s:.200}"
        raise BadCheckpoint(f"{source}: does not describe a Flamingo ({reason}); copy it again") from error


def fill(model: Any, sources: Sequence[Source], dtype: torch.dtype, remedy: str) -> None:
    """Make the tensors of the sources the weights of a Flamingo on the meta device, converted to `dtype`.

    The sources together must name every weight. BadCheckpoint lists what is missing, unexpected or misshapen in all
    of them. Each tensor is copied, for the file it is mapped from may go; what was mapped is given back as memory
    runs short, so that the peak is the model itself.
    """
    weights = {key: value for key, value in model.state_dict().items() if key != TIED}
    problems = [f"{source.place}: {problem}" for source in sources if (problem := _audit(source, weights))]
    if problems:
        raise BadCheckpoint("\n".join(["the weights are not those of this Flamingo", *problems, remedy]))
    state = {
        key: source.tensors[name].to(dtype, copy=True) for source in sources for key, name in source.names.items()
    }
    assert state.keys() == weights.keys(), "the sources do not cover the model"
    model.load_state_dict(state, strict=False, assign=True)
    model.lang_encoder.lm_head.weight = model.lang_encoder.transformer.wte.weight
    restore_positions(model.vision_encoder)


def _audit(source: Source, weights: Mapping[str, Tensor]) -> str:
    """What of a source does not fit the model's `weights`, in words; empty when all does."""
    unused = {name: torch.empty(shape, device="meta") for name, shape in source.unused.items()}
    return audit({name: weights[key] for key, name in source.names.items()} | unused, source.tensors)


def load_saved(cls: type[AnyFlamingo], folder: Path, dtype: torch.dtype) -> AnyFlamingo:
    """What `save_pretrained` left in `folder`: config.json and safetensors; BadCheckpoint if it cannot be used."""
    path = folder / "config.json"
    config, tensors = read_config(path), read_tensors(folder)
    model = empty_model(cls, config, path, len(tensors))
    source = Source(folder, tensors, {key: key for key in model.state_dict() if key != TIED})
    fill(model, [source], dtype, "Its config.json and its safetensors must be of one checkpoint: copy both again.")
    return model
