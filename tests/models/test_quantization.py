"""NF4: what of each family is in 4 bits and what is not, that it still reads and learns, and what is said else."""

import copy
import sys

import bitsandbytes
import pytest
import torch
from captioned import batch_of, texts_of
from drawn_road import drawn_road
from tiny_vlms import TINY
from torch import nn

from roadcue.errors import BadCheckpoint, BadInput
from roadcue.models import quantization
from roadcue.models.generation import GenerationSettings
from roadcue.models.quantization import quantize_nf4
from roadcue.models.registry import build_captioner

KEPT = {
    "smol": {"lm_head", "model.vision_model", "model.connector"},
    "flamingo": {"lang_encoder.lm_head", "vision_encoder", "perceiver"},
    "qwen": {"lm_head", "model.visual"},
    "internvl": {"lm_head", "model.vision_tower", "model.multi_modal_projector"},
}
"""Family -> the full names of what stays, as `llm_int8_skip_modules` of transformers would have to be given them."""
IN_NF4 = {"smol": 3 * 7, "flamingo": 3 * (4 + 5), "qwen": 2 * 7, "internvl": 2 * 7}
"""Family -> blocks of the language model times linear layers in each: q, k, v, o, gate, up and down of a llama; Wqkv,
out_proj, up and down of MPT with to_q, to_kv, to_out and two of the feed-forward of its gated cross-attention."""


@pytest.fixture(scope="module", autouse=True)
def _gentle(one_thread):
    pass


@pytest.fixture(scope="module", params=KEPT)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def both(family, tmp_path_factory):
    """A captioner as it is, and in NF4."""
    of_tiny = family in TINY
    name, checkpoint = ("auto", TINY[family](tmp_path_factory.mktemp("tiny"))) if of_tiny else (family, "mini")
    return [build_captioner(name, checkpoint=str(checkpoint), quantize=how) for how in (None, "nf4")]


def pictures(captioner):
    return torch.stack([captioner.preprocess(drawn_road(car_x=place)) for place in (0.3, 0.7)])


def loss_of(captioner):
    return captioner.loss(batch_of(captioner, pictures(captioner), "What is ahead?", ["A car.", "A tree is near."]))


def test_the_language_model_is_in_nf4_and_nothing_else(both, family):
    plain, quantized = both
    linears = {name for name, module in plain.model.named_modules() if isinstance(module, nn.Linear)}
    kept = {name for name in linears if any(name == one or name.startswith(f"{one}.") for one in KEPT[family])}
    layers = {n: m for n, m in quantized.model.named_modules() if isinstance(m, bitsandbytes.nn.Linear4bit)}
    assert layers.keys() == linears - kept
    assert len(layers) == IN_NF4[family]
    for layer in layers.values():
        assert (layer.weight.quant_type, layer.weight.quant_state.nested) == ("nf4", True)
        assert (layer.weight.dtype, layer.compute_dtype) == (torch.uint8, torch.bfloat16)
        assert not any(weight.requires_grad for weight in layer.parameters())
    assert all(module.weight.is_floating_point() for part in quantized.visual_parts for module in _linears(part))
    assert f"{len(layers)} linear layers of the language model in NF4" in quantized.description


def _linears(part):
    return [module for module in part.modules() if isinstance(module, nn.Linear)]


@torch.no_grad()
def test_it_reads_and_writes_nearly_as_before(both):
    plain, quantized = both
    assert loss_of(quantized).item() == pytest.approx(loss_of(plain).item(), rel=0.1)
    assert torch.equal(quantized.encode(pictures(plain)), plain.encode(pictures(plain)))
    assert len(texts_of(quantized, pictures(plain), "What is ahead?", GenerationSettings(max_new_tokens=4))) == 2


def test_answers_do_not_change_how_it_learns(both):
    """On a CPU with AVX512-BF16 bitsandbytes lays weights out anew at an answer, which then have no gradient."""
    quantized = copy.deepcopy(both[1])
    tokens = quantized.encode(pictures(quantized)).detach().requires_grad_()

    def learnt():
        prompt = quantized.prompt("What is ahead?")
        loss = quantized.train().loss(quantized.batch(tokens, prompt, ["A car.", "A tree is near."]))
        return loss, torch.autograd.grad(loss, tokens)[0]

    before, gradient = learnt()
    with torch.no_grad():
        loss_of(quantized.eval())
    after, gradient_after = learnt()
    assert torch.equal(before, after)
    assert torch.equal(gradient, gradient_after)
    assert gradient.abs().max() > 0


@torch.no_grad()
def test_a_gpu_without_bf16_computes_in_fp16(monkeypatch):
    monkeypatch.setattr(quantization, "lacks_bf16", lambda _: True)
    quantize_nf4(model := nn.Sequential(nn.Linear(64, 64, bias=False)), (), "cpu")
    assert model[0].compute_dtype == torch.float16
    assert model[0](torch.ones(1, 64)).isfinite().all()


class Experts(nn.Module):
    """A language model most of whose numbers are in no linear layer."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 64)
        self.experts = nn.Parameter(torch.zeros(4, 64, 64))


def test_a_model_that_would_stay_large_is_refused():
    with pytest.raises(BadCheckpoint, match=r"Experts: 1 of its matrices are of no linear layer, such as \.?experts"):
        quantize_nf4(Experts(), (), "cpu")
    with pytest.raises(BadCheckpoint, match="it has no linear layer to quantise"):
        quantize_nf4(nn.Sequential(model := nn.Linear(64, 64)), (model,), "cpu")


def test_one_layer_too_few_or_too_many_is_an_error(monkeypatch):
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
    monkeypatch.setattr(quantization, "_quantized", lambda linear, *_: linear)
    with pytest.raises(BadCheckpoint, match="0 layers of Sequential are in NF4 where 2 of its language model"):
        quantize_nf4(model, (), "cpu")


def test_without_bitsandbytes_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(BadInput, match=r"^--quantize nf4: needs the package bitsandbytes.*roadcue\[qlora\]"):
        build_captioner("smol", quantize="nf4")


def test_where_bitsandbytes_does_not_work_it_is_said_why(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no kernel image is available\nfor execution")

    monkeypatch.setattr(bitsandbytes.functional, "quantize_4bit", broken)
    with pytest.raises(BadInput, match=r"^--quantize nf4: .* does not work on cpu here \(no kernel image is avail"):
        build_captioner("smol", quantize="nf4")


def test_where_its_numbers_are_wrong_it_is_said_so(monkeypatch):
    monkeypatch.setattr(bitsandbytes.functional, "dequantize_4bit", lambda *_: torch.zeros(64, 64))
    with pytest.raises(BadInput, match=r"is wrong on cpu here: .* relative error of 1\.00"):
        build_captioner("smol", quantize="nf4")
