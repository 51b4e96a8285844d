"""NF4 by bitsandbytes: the frozen matrices of a language model in 4 bits, as QLoRA trains upon them.

Dettmers et al., 2023, https://arxiv.org/abs/2305.14314: blocks of 64 numbers of a matrix share a scale, each number
is one of 16 quantiles of a normal distribution, and the scales are quantised once more (double quantisation).
"""

import logging
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Literal

import torch
from torch import Tensor, nn

from roadcue.errors import BadCheckpoint, BadInput, how_to_install
from roadcue.models.encoder import lacks_bf16

Quantize = Literal["nf4"]
_WORST = 0.15
"""Relative error that a sound NF4 stays below: of numbers that are distributed normally it is 0.092."""


def quantize_nf4(model: nn.Module, kept: Sequence[nn.Module], device: torch.device | str) -> str:
    """Put every linear layer of `model` into NF4 on `device`, in place, but for those in `kept`; how many, in words.

    They compute in bf16, or in fp16 on a GPU without it, and no longer learn. BadCheckpoint when a matrix of the
    language model would stay as it is, for then the model would be as large as before and nothing would say so;
    BadInput where bitsandbytes is missing or does not work.
    """
    bitsandbytes = working_bitsandbytes("--quantize nf4", device)
    spared = {id(module) for part in kept for module in part.modules()}
    whole = {
        name: module
        for name, module in model.named_modules()
        if id(module) not in spared and not isinstance(module, nn.Embedding)
    }
    linears = {name: module for name, module in whole.items() if type(module) is nn.Linear}
    matrices = {
        f"{name}.{own}": weight
        for name, module in whole.items()
        if name not in linears
        for own, weight in module.named_parameters(recurse=False)
        if weight.ndim > 1
    }
    if matrices or not linears:
        said = f"{len(matrices)} of its matrices are of no linear layer, such as {next(iter(matrices), '')}"
        raise BadCheckpoint(
            f"--quantize nf4: {type(model).__name__}: {said if matrices else 'it has no linear layer to quantise'}; "
            "leave --quantize out, or take another model"
        )
    for name, linear in linears.items():
        model.set_submodule(name, _quantized(linear, bitsandbytes, device))
    model.is_loaded_in_4bit = True  # type: ignore[assignment]  # by which PEFT knows that a layer may be 4-bit
    _check_counts(model, kept, len(linears), bitsandbytes)
    numbers = sum(linear.in_features * linear.out_features for linear in linears.values())
    return f"{len(linears)} linear layers of the language model in NF4 ({numbers / 1e6:.1f} M numbers)"


def dequantize_nf4(model: nn.Module) -> int:
    """Put linear layers in fp32 in the place of those in NF4, with the numbers that these stand for; how many."""
    import bitsandbytes

    kind = bitsandbytes.nn.Linear4bit
    found: dict[str, Any] = {name: one for name, one in model.named_modules() if isinstance(one, kind)}
    for name, packed in found.items():
        weight = bitsandbytes.functional.dequantize_4bit(packed.weight.data, packed.weight.quant_state).float()
        plain = nn.Linear(packed.in_features, packed.out_features, bias=packed.bias is not None, device="meta")
        plain.weight = nn.Parameter(weight, requires_grad=False)
        if packed.bias is not None:
            plain.bias = nn.Parameter(packed.bias.detach().float(), requires_grad=False)
        model.set_submodule(name, plain.train(packed.training))
    model.is_loaded_in_4bit = False  # type: ignore[assignment]
    return len(found)


def _quantized(linear: nn.Linear, bitsandbytes: Any, device: torch.device | str) -> nn.Module:
    computes = torch.float16 if lacks_bf16(device) else torch.bfloat16
    layer = bitsandbytes.nn.Linear4bit(
        linear.in_features,
        linear.out_features,
        bias=linear.bias is not None,
        compute_dtype=computes,
        compress_statistics=True,
        quant_type="nf4",
        device="meta",
    )
    weight = linear.weight.detach().to(computes)
    layer.weight = bitsandbytes.nn.Params4bit(
        weight, requires_grad=False, compress_statistics=True, quant_type="nf4", module=layer
    ).to(device)
    if linear.bias is not None:
        layer.bias = nn.Parameter(linear.bias.detach().to(device), requires_grad=False)
    # On a CPU with AVX512-BF16 bitsandbytes 0.50 lays the weights out anew at the first answer, with rounded scales,
    # for a product that has no gradient: a training that goes on after a validation would fail or stand still.
    layer.support_avx512bf16_for_cpu = False
    return layer.train(linear.training)


def _check_counts(model: nn.Module, kept: Sequence[nn.Module], expected: int, bitsandbytes: Any) -> None:
    """BadCheckpoint unless all that were to be quantised are, and nothing else."""
    kind = bitsandbytes.nn.Linear4bit
    wrongly = sum(isinstance(module, kind) for part in kept for module in part.modules())
    there = sum(isinstance(module, kind) and module.weight.bnb_quantized for module in model.modules())
    if wrongly or there != expected:
        raise BadCheckpoint(
            f"--quantize nf4: {there} layers of {type(model).__name__} are in NF4 where {expected} of its language "
            f"model should be, {wrongly} of them in its vision tower, connector or output layer; leave --quantize out"
        )


def working_bitsandbytes(option: str, device: torch.device | str) -> Any:
    """The package, which has just done on `device` what it is needed for; BadInput, which names the option, else."""
    if find_spec("bitsandbytes") is None:
        raise BadInput(
            f"{option}: needs the package bitsandbytes, which is not installed here; {how_to_install('qlora')}"
        )
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # kernels of the hub, which are never asked for
    try:
        import bitsandbytes

        error = _probed(bitsandbytes, torch.device(device))
    except Exception as failed:  # a missing library, a GPU that it was not built for, a CPU without AVX2
        said = str(failed).strip().splitlines() or [type(failed).__name__]
        raise BadInput(
            f"{option}: bitsandbytes {version('bitsandbytes')} does not work on {device} here ({said[0][:200]}); "
            f"install a build for this machine ({how_to_install('qlora')}), or leave {option} out"
        ) from failed
    if not error < _WORST:
        raise BadInput(
            f"{option}: bitsandbytes {version('bitsandbytes')} is wrong on {device} here: a matrix comes back from "
            f"NF4 with a relative error of {error:.2f}; install another build, or leave {option} out"
        )
    return bitsandbytes


def _probed(bitsandbytes: Any, device: torch.device) -> float:
    """The relative error of a matrix that went through NF4."""
    matrix = torch.randn(64, 64, generator=torch.Generator().manual_seed(0)).to(device)
    packed, state = bitsandbytes.functional.quantize_4bit(matrix, quant_type="nf4", compress_statistics=True)
    back: Tensor = bitsandbytes.functional.dequantize_4bit(packed, state)
    return float((back - matrix).norm() / matrix.norm())
