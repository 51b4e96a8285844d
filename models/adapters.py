"""LoRA adapters: small updates beside frozen weights, attached in place, kept in files as PEFT and others read them.

LoRA (Hu et al. 2021, arXiv 2106.09685): W x becomes W x + s B A x with A (r, in) and B (out, r); B starts as zero, so
that nothing changes before the first step. s is alpha / r, or alpha / sqrt(r) in rsLoRA (Kalajdzievski 2023, arXiv
2312.03732). DoRA (Liu et al. 2024, arXiv 2402.09353) learns the length of each row of W + s B A apart.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from roadcue.errors import BadCheckpoint, BadEncoder, how_to_install
from roadcue.models.checkpoint import ADAPTER_CONFIG, read_json
from roadcue.weights import AGAIN, audit, read_safetensors, write_safetensors

WEIGHTS = "adapter_model.safetensors"
_BEFORE = "base_model.model."
"""Before every key of a PEFT adapter."""
_PART = re.compile(r"\.lora_(A\.weight|B\.weight|magnitude_vector)$")
"""How the keys of a linear layer's adapter end: of LoRA, and with the third of DoRA."""


@dataclass(frozen=True)
class LoraTargets:
    """The layers of one tower that LoRA may change: `modules` below each of its blocks."""

    blocks: str
    """Where the list of blocks stands in the whole model: model.vision_model.encoder.layers."""
    modules: tuple[str, ...]
    """Names below a block, exactly: self_attn.q_proj. Each must be in some block, if not in all."""

    def pattern(self, numbers: Iterable[int]) -> str:
        """A regular expression for the full names of these layers in the blocks of these numbers."""
        modules = "|".join(map(re.escape, self.modules))
        return rf"{re.escape(self.blocks)}\.({'|'.join(map(str, numbers))})\.({modules})"


@dataclass(frozen=True)
class Attached:
    """What was attached to a model."""

    config: Any
    """PEFT's LoraConfig, whose `target_modules` are named as in the whole model."""
    root: str
    """Where the module that has it stands in the whole model, with a dot at the end; "" for the whole."""
    modules: Mapping[str, tuple[str, ...]]
    """Scope -> full names of the layers that are adapted."""
    parameters: Mapping[str, int]
    """Scope -> how many numbers learn."""

    @property
    def said(self) -> str:
        """One line for the head of a run."""
        towers = (
            f"{len(names)} layers of the {scope} tower, {self.parameters[scope]:,} parameters"
            for scope, names in self.modules.items()
        )
        return f"LoRA of rank {self.config.r} in {'; '.join(towers)}"


def attach_lora(
    module: nn.Module,
    targets: Mapping[str, LoraTargets],
    *,
    rank: int,
    alpha: float,
    dropout: float = 0.0,
    rslora: bool = False,
    dora: bool = False,
    last: int | None = None,
    root: str = "",
) -> Attached:
    """Attach a new adapter to `module` in place, which stands at `root` in the whole model; the rest is frozen.

    `targets`: scope -> the layers of that tower; `last`: only so many of its last blocks. A is drawn from torch's
    generator. The adapter is in fp32, or in fp64 beside fp64; it computes in its own dtype. BadEncoder, with the
    names, where a layer that is named is nowhere, and for more blocks than there are.
    """
    chosen = {scope: _pattern(module, scope, one, last, root) for scope, one in targets.items()}
    settings = {"r": rank, "lora_alpha": alpha, "lora_dropout": dropout, "use_rslora": rslora, "use_dora": dora}
    _inject(module, "|".join(pattern.removeprefix(re.escape(root)) for pattern in chosen.values()), settings)
    adapted = {root + name: layer for name, layer in lora_layers(module).items()}
    modules = {
        scope: tuple(name for name in adapted if re.fullmatch(pattern, name)) for scope, pattern in chosen.items()
    }
    if outside := adapted.keys() - {name for names in modules.values() for name in names}:
        raise BadEncoder(f"LoRA reached layers outside of the {' and '.join(chosen)} tower: {_few(outside)}")
    learnt = {
        scope: sum(w.numel() for name in names for w in adapter_parameters(adapted[name]).values())
        for scope, names in modules.items()
    }
    config = _peft().LoraConfig(**settings, target_modules="|".join(chosen.values()), bias="none")
    return Attached(config, root, modules, learnt)


def check_lora(module: nn.Module, targets: Mapping[str, LoraTargets], last: int | None, root: str = "") -> None:
    """BadEncoder as `attach_lora` would raise it, while nothing is changed yet."""
    _peft()
    for scope, one in targets.items():
        _pattern(module, scope, one, last, root)


def lora_layers(module: nn.Module) -> dict[str, Any]:
    """The layers of `module` that have an adapter beside them, PEFT's `LoraLayer`, by their names in it."""
    layer_class = _peft().tuners.lora.LoraLayer
    return {name: layer for name, layer in module.named_modules() if isinstance(layer, layer_class)}


def adapter_parameters(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of the adapter that is attached to `module`, by their names in it; {} without one."""
    return {name: weight for name, weight in module.named_parameters() if "lora_" in name}


def save_adapter(module: nn.Module, attached: Attached, folder: Path, base: str | None = None) -> None:
    """Write adapter_model.safetensors and adapter_config.json, which `PeftModel.from_pretrained` reads.

    They are for the whole model of transformers, of which `base` is the public name, if it has one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prefix = _BEFORE + attached.root
    write_safetensors(folder / WEIGHTS, {prefix + key: w for key, w in _state(module).items()}, {"format": "pt"})
    config = replace(attached.config, base_model_name_or_path=base, inference_mode=True)
    config.save_pretrained(folder)


def load_adapter(module: nn.Module, folder: Path, root: str = "") -> str:
    """Attach the adapter in `folder` to `module`, frozen, and say in words what it is.

    `module` stands at `root` in the model that the adapter is for. BadCheckpoint, with the keys, where a file is
    missing or damaged, and for an adapter of another model or of layers outside of `module`.
    """
    settings = _settings(folder / ADAPTER_CONFIG)
    tensors = dict(read_safetensors(folder / WEIGHTS))
    prefix = _BEFORE + root
    names = sorted({_PART.sub("", key.removeprefix(prefix)) for key in tensors})
    layers = {name for name, layer in module.named_modules() if isinstance(layer, nn.Linear)}
    strange = [key for key in tensors if not key.startswith(prefix) or not _PART.search(key)]
    strange += [name for name in names if name not in layers]
    if strange or not names:
        raise BadCheckpoint(
            f"{folder / WEIGHTS}: is no adapter of this {type(module).__name__}, which has no place for "
            f"{_few(strange) or 'an empty one'}; take the adapter and the checkpoint that were trained together"
        )
    _check_numbers(folder / WEIGHTS, tensors, settings["r"])
    _inject(module, "|".join(map(re.escape, names)), settings)
    held = {key.removeprefix(prefix): tensor for key, tensor in tensors.items()}
    if problems := audit(_state(module), held):
        raise BadCheckpoint(f"{folder / WEIGHTS}: does not fit its {ADAPTER_CONFIG}; {problems}")
    _peft().set_peft_model_state_dict(module, held)
    for weight in adapter_parameters(module).values():
        weight.requires_grad_(False)
    return f"LoRA of rank {settings['r']} in {len(names)} layers"


def adapted_names(folder: Path) -> set[str]:
    """The layers that the adapter in `folder` changes, by their names in the model that it is for."""
    keys = dict(read_safetensors(folder / WEIGHTS))
    return {_PART.sub("", key.removeprefix(_BEFORE)) for key in keys}


def adapter_tensors(module: nn.Module) -> dict[str, Tensor]:
    """The tensors of the adapter, on the CPU, by their names in `module`, and by how much each layer's count: what
    decides what it adds."""
    tensors = {key: tensor.detach().cpu() for key, tensor in _state(module).items()}
    layers = lora_layers(module).items()
    return tensors | {f"{name}.scaling": torch.tensor(layer.scaling["default"]) for name, layer in layers}


def _pattern(module: nn.Module, scope: str, targets: LoraTargets, last: int | None, root: str) -> str:
    """The full names of the layers to be adapted as a regular expression; BadEncoder where one matches nothing."""
    try:
        blocks = module.get_submodule(targets.blocks.removeprefix(root))
    except AttributeError:
        raise BadEncoder(f"LoRA: there is no {targets.blocks} in this {type(module).__name__}") from None
    assert isinstance(blocks, nn.ModuleList)
    if last is not None and last > len(blocks):
        raise BadEncoder(f"--lora.last {last}: the {scope} tower has {len(blocks)} blocks; name at most so many")
    numbers = range(len(blocks))[-last if last else 0 :]
    there = {name for number in numbers for name, _ in blocks[number].named_modules()}
    if absent := [name for name in targets.modules if name not in there]:
        raise BadEncoder(
            f"LoRA would miss {', '.join(absent)}: no such layers in the blocks {targets.blocks} of this "
            f"{type(module).__name__}"
        )
    return targets.pattern(numbers)


def _inject(module: nn.Module, pattern: str, settings: Mapping[str, Any]) -> None:
    """Attach an adapter to the layers whose names in `module` match; all else stops to require a gradient."""
    peft = _peft()
    peft.inject_adapter_in_model(peft.LoraConfig(**settings, target_modules=pattern, bias="none"), module)
    for weight in adapter_parameters(module).values():
        if weight.dtype in (torch.bfloat16, torch.float16):  # too coarse for small steps
            weight.data = weight.data.float()


def _state(module: nn.Module) -> dict[str, Tensor]:
    """The adapter's tensors by PEFT's keys, from `module` on."""
    state: dict[str, Tensor] = _peft().get_peft_model_state_dict(module, save_embedding_layers=False)
    return state


def _settings(path: Path) -> dict[str, Any]:
    """What an adapter_config.json says of sizes, and nothing else of it; BadCheckpoint where it is of no LoRA."""
    config = read_json(path)
    if config.get("peft_type") != "LORA":
        raise BadCheckpoint(f"{path}: peft_type is {config.get('peft_type')!r}, and only LORA adapters are read")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    ranks = isinstance(rank, int) and not isinstance(rank, bool) and rank > 0
    counts = isinstance(alpha, int | float) and not isinstance(alpha, bool) and 0 < alpha < inf
    if not (ranks and counts):
        raise BadCheckpoint(f"{path}: r is {rank!r} and lora_alpha {alpha!r}; both must be numbers above 0")
    if config.get("rank_pattern") or config.get("alpha_pattern"):
        raise BadCheckpoint(f"{path}: has layers of different ranks, which RoadCue does not read; merge it with PEFT")
    flags = {name: config.get(name) is True for name in ("use_rslora", "use_dora")}
    return {"r": rank, "lora_alpha": alpha, **flags}


def _check_numbers(path: Path, tensors: Mapping[str, Tensor], rank: int) -> None:
    """BadCheckpoint where an adapter has another rank than its settings say, before memory is taken for that, and
    for numbers that are none.
    """
    ranks = {len(tensor) for key, tensor in tensors.items() if key.endswith("lora_A.weight")}
    if ranks != {rank}:
        found = ", ".join(map(str, sorted(ranks)))
        raise BadCheckpoint(f"{path}: its weights have rank {found}, and its {ADAPTER_CONFIG} says {rank}; {AGAIN}")
    if broken := [key for key, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]:
        raise BadCheckpoint(f"{path}: {_few(broken)}: not finite numbers, the file is damaged; {AGAIN}")


def _few(names: Iterable[str], shown: int = 4) -> str:
    listed = sorted(names)
    return ", ".join(listed[:shown]) + (f" and {len(listed) - shown} more" if len(listed) > shown else "")


def _peft() -> Any:
    """The package; BadEncoder where it is not installed."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # which peft imports: it names kernels nobody asks for
    try:
        import peft
    except ImportError as error:
        raise BadEncoder(f"LoRA needs the package peft; install it: {how_to_install('lora')}") from error
    return peft
