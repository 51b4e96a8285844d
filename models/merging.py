"""An adapter added to the weights that it stands beside, after which it is gone: W becomes W + s B A (`adapters`)."""

from pathlib import Path

from torch import nn

from roadcue.errors import BadCheckpoint
from roadcue.models.adapters import adapted_names, load_adapter, lora_layers


def merge_from(model: nn.Module, folder: Path) -> int:
    """Merge the adapter in `folder` into the whole `model` or the part that it is for; how many layers it has.

    An adapter of heads may name its layers from the tower on. BadCheckpoint as from `load_adapter`.
    """
    wanted = adapted_names(folder)
    parts = (part for part in model.modules() if wanted <= {name for name, _ in part.named_modules()})
    part = next(parts, model)  # the outermost; of no part it is an error that names the layers
    load_adapter(part, folder)
    return merge_adapter(part)


def merge_adapter(module: nn.Module) -> int:
    """Merge the adapter that is attached to `module`, in place; returns how many layers it had.

    The sum is taken in the dtype of the weights: in bf16 most of an update is rounded away, so load them in fp32.
    BadCheckpoint for weights that are quantised, of which there is no exact sum, and for a sum that is no number.
    """
    layers = lora_layers(module)
    for name, layer in layers.items():
        base = layer.get_base_layer()
        if not base.weight.is_floating_point():
            raise BadCheckpoint(
                f"{name}: its weights are quantised ({base.weight.dtype}); load them in fp32 to merge"
            )
        try:
            layer.merge(safe_merge=True)
        except ValueError as error:  # PEFT's word for numbers that are none
            raise BadCheckpoint(f"{name}: the adapter has numbers that are none ({error}); train it again") from error
        parent, _, own = name.rpartition(".")
        setattr(module.get_submodule(parent), own, base)
    return len(layers)
