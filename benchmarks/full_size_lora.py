"""LoRA at the sizes of SmolVLM2-2.2B, with random weights: memory and time of a step, and what learns.

    python benchmarks/full_size_lora.py                 its vision tower in bf16, one picture a step, three steps
    python benchmarks/full_size_lora.py --device cuda   and its language model, in bf16 and NF4; 16 pictures a step

LoRA of rank 16 in all linear layers of a tower's blocks, AdamW, products in bf16. The tower learns to give features
that are nearer to zero, the language model a text of WORDS tokens behind one picture: what is learnt does not change
the time. The rate stands beside that of a bare matrix product in bf16, with 2 floating point operations for each
multiply-add and twice as many for a step as for a forward, since frozen weights have no gradients.
"""

import argparse
import resource
import time
from collections.abc import Callable

import torch
from ratio_lines import print_ratios
from torch import Tensor, nn
from torch.nn.functional import linear
from tower import VISION, picture_operations
from tower_memory import TEXT, smol_config
from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMVisionTransformer

from roadcue.models.adapters import attach_lora
from roadcue.models.learning_encoder import checkpoint_blocks
from roadcue.models.quantization import quantize_nf4
from roadcue.models.smol.lora_targets import TARGETS

WORDS = 128
"""Tokens of a prompt and an answer behind the picture's: about those of a BVPI text."""
LORA = {"rank": 16, "alpha": 32.0, "dropout": 0.05}
QUICK = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
"""What --quick takes in the place of the published sizes."""


def config_of(quick: bool) -> SmolVLMConfig:
    return smol_config(**(QUICK | {"num_attention_heads": 2, "num_key_value_heads": 2} if quick else {}))


def filled(empty: nn.Module, device: str) -> nn.Module:
    """Random weights in bf16 in the place of those on the meta device: no copy in fp32 first."""
    module = empty.to(torch.bfloat16).to_empty(device=device)
    with torch.no_grad():
        for weight in module.parameters():
            weight.normal_(std=0.02)
    return module


def random_model(device: str, quick: bool) -> SmolVLMForConditionalGeneration:
    """The whole model."""
    config = config_of(quick)
    with torch.device("meta"):
        model = SmolVLMForConditionalGeneration(config)
    filled(model, device)
    text = model.model.text_model
    text.rotary_emb = type(text.rotary_emb)(config.text_config).to(device)
    return model


def random_tower(device: str, quick: bool) -> SmolVLMVisionTransformer:
    """The vision tower alone, as a run of heads has it."""
    with torch.device("meta"):
        tower = SmolVLMVisionTransformer(config_of(quick).vision_config)
    filled(tower, device)
    return tower


def trained(module: nn.Module, loss: Callable[[], Tensor], steps: int, device: str) -> list[float]:
    """The seconds of each of some optimizer steps on what of `module` requires a gradient."""
    learnt = [weight for weight in module.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=1e-4)
    module.train()
    taken = []
    for _ in range(steps):
        start = time.perf_counter()
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            value = loss()
        value.backward()
        optimizer.step()
        optimizer.zero_grad()
        if device != "cpu":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return taken


def matrix_rate(device: str, size: int) -> float:
    """Floating point operations a second of a square product in bf16, the best of five."""
    square = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    best = 0.0
    for _ in range(6):
        start = time.perf_counter()
        linear(square, square)
        if device != "cpu":
            torch.cuda.synchronize()
        best = max(best, 2.0 * size**3 / (time.perf_counter() - start))
    return best


def text_operations(tokens: int) -> float:
    """Floating point operations of the published language model's forward for one text of so many tokens."""
    width, inner, layers = TEXT["hidden_size"], TEXT["intermediate_size"], TEXT["num_hidden_layers"]
    matrices = layers * (4 * width * width + 3 * width * inner) + width * TEXT["vocab_size"]
    return 2.0 * (tokens * matrices + layers * 2 * tokens * tokens * width)


def report(what: str, taken: list[float], batch: int, operations: float, device: str, reference: float) -> float:
    """One line: what a step takes; returns how near to the rate of a bare matrix product it comes."""
    usual = min(taken[1:] or taken)
    said = f"{what}: {usual:.2f} s a step of {batch}, the first {taken[0]:.2f} s, {batch / usual:.3g} pictures/s"
    if device == "cpu":
        print(f"{said}, peak of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    else:
        print(f"{said}, peak {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB")
    return operations / usual / reference


def tower_part(options: argparse.Namespace, batch: int, steps: int, reference: float) -> float:
    """LoRA in the vision tower, which stands alone."""
    tower = random_tower(options.device, options.quick)
    attached = attach_lora(tower, {"vision": TARGETS["vision"]}, **LORA, root="model.vision_model.")
    pixels = torch.randn(batch, 3, 384, 384, device=options.device, dtype=torch.bfloat16)
    if options.gradient_checkpointing:
        checkpoint_blocks(tower)
    print(attached.said)

    def loss() -> Tensor:
        features: Tensor = tower(pixels).last_hidden_state
        return features.float().square().mean()

    taken = trained(tower, loss, steps, options.device)
    operations = 2 * batch * picture_operations(VISION["num_hidden_layers"])
    return report("vision tower in bf16", taken, batch, operations, options.device, reference)


def text_part(options: argparse.Namespace, batch: int, steps: int, reference: float, quantize: bool) -> float:
    """LoRA in the language model, behind a tower that is frozen."""
    model = random_model(options.device, options.quick)
    if quantize:
        kept = (model.model.vision_model, model.model.connector, model.lm_head)
        print(quantize_nf4(model, kept, options.device))
    attached = attach_lora(model, {"text": TARGETS["text"]}, **LORA)
    pixels = torch.randn(batch, 1, 3, 384, 384, device=options.device, dtype=torch.bfloat16)
    ids = torch.randint(3, 1000, (batch, 81 + WORDS), device=options.device)
    ids[:, :81] = model.config.image_token_id
    labels = ids.masked_fill(ids == model.config.image_token_id, -100)
    if options.gradient_checkpointing:
        checkpoint_blocks(model)
    print(attached.said)
    taken = trained(
        model, lambda: model(input_ids=ids, pixel_values=pixels, labels=labels).loss, steps, options.device
    )
    seen = batch * picture_operations(VISION["num_hidden_layers"])
    operations = seen + 2 * batch * text_operations(ids.shape[1])
    name = f"language model in {'NF4' if quantize else 'bf16'}"
    return report(name, taken, batch, operations, options.device, reference)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--text", action="store_true", help="the language model on a CPU, too: hours, and 8 GB")
    parser.add_argument("--batch", type=int, help="pictures a step; default: 1, on a GPU 16")
    parser.add_argument("--steps", type=int, help="default: 3, on a GPU 10")
    parser.add_argument("--gradient_checkpointing", action="store_true", help="compute each block twice: less memory")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: this PyTorch sees no CUDA device; its measurement needs a GPU with 16 GB")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    on_gpu = options.device == "cuda"
    batch, steps = options.batch or (16 if on_gpu else 1), options.steps or (10 if on_gpu else 3)
    size = "small" if options.quick else "full"
    print(f"{options.device}, {options.threads} CPU threads, random weights, {size} size", flush=True)
    side = 8192 if on_gpu else 1024
    reference = matrix_rate(options.device, side)
    print(f"bare {side} x {side} matrix product in bf16: {reference / 1e12:,.3g} TFLOP/s")
    if on_gpu:
        print(torch.cuda.get_device_name())
    shares = {"full_size_lora_tower": tower_part(options, batch, steps, reference)}
    if on_gpu or options.text or options.quick:
        for quantize in (False, True):
            if on_gpu:
                torch.cuda.reset_peak_memory_stats()
            name = f"full_size_lora_text_{'nf4' if quantize else 'bf16'}"
            shares[name] = text_part(options, batch, steps, reference, quantize)
    print_ratios("the rate of a bare matrix product in bf16", shares)


if __name__ == "__main__":
    main()
