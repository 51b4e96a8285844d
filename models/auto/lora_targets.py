"""Which layers of any image-text-to-text model LoRA changes: all linear ones in the blocks of a tower.

Where the towers are is asked of transformers; the blocks are the longest list of modules in one.
"""

from collections.abc import Mapping

from torch import nn
from transformers import PreTrainedModel

from roadcue.errors import BadEncoder
from roadcue.models.adapters import LoraTargets


def targets_of(model: PreTrainedModel) -> Mapping[str, LoraTargets]:
    """Scope -> layers; BadEncoder where no blocks with linear layers are found."""
    towers = {"vision": model.get_encoder(modality="image"), "text": model.get_decoder()}
    return {scope: _layers(model, scope, tower) for scope, tower in towers.items()}


def _layers(model: PreTrainedModel, scope: str, tower: nn.Module) -> LoraTargets:
    names = {module: name for name, module in model.named_modules()}
    lists = [part for part in tower.modules() if isinstance(part, nn.ModuleList)]
    blocks = max(lists, key=len, default=None)
    found = {name for block in blocks or () for name, part in block.named_modules() if isinstance(part, nn.Linear)}
    if tower is model or blocks is None or not found:
        raise BadEncoder(f"LoRA: no blocks are found in the {scope} tower of {type(model).__name__}")
    return LoraTargets(names[blocks], tuple(sorted(found)))
