"""Pictures per second of the full-size vision tower, as a share of what a bare matrix product reaches.

    python benchmarks/tower.py [--device cuda] [--dtype bf16] [--batch N] [--layers N] [--threads N]

The tower has the published sizes and random weights, and `encode` runs as it does for users: uint8 pictures in,
normalisation and all. The reference is a square matrix product of the same dtype on the same threads, measured before
and after each call. Shares are of floating point operations per second: 2 per multiply-add, matrix products and
attention counted and nothing else.
"""

import argparse
import time
from collections.abc import Callable

import torch
from ratio_lines import print_ratios
from torch.nn.functional import linear
from transformers.models.smolvlm.configuration_smolvlm import SmolVLMVisionConfig
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMVisionTransformer

from roadcue.models.preprocessing import Preprocessing
from roadcue.models.smol.encoder import SmolEncoder

VISION = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
}
"""The published sizes, those of HuggingFaceTB/SmolVLM2-2.2B-Instruct."""
PREPROCESSING = Preprocessing(384, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "lanczos", "squash")


def picture_operations(layers: int) -> float:
    """Floating point operations for one picture: 6.66e11 with 27 layers."""
    width, inner, patch = VISION["hidden_size"], VISION["intermediate_size"], VISION["patch_size"]
    tokens = (VISION["image_size"] // patch) ** 2
    projections = tokens * (4 * width * width + 2 * width * inner)  # q, k, v, out; both of the MLP
    attention = 2 * tokens * tokens * width  # scores, weighted sum
    return 2.0 * (layers * (projections + attention) + tokens * 3 * patch * patch * width)


def seconds(call: Callable[[], object], device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--dtype", default="fp32", choices=["fp32", "bf16", "fp16"])
    parser.add_argument("--batch", type=int, default=2, help="pictures per call")
    parser.add_argument("--layers", type=int, default=27, help="fewer make a quicker benchmark of the same share")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    if options.quick:
        options.batch, options.layers, options.repeats = 1, 1, 1
    torch.set_num_threads(options.threads)
    config = SmolVLMVisionConfig(**VISION | {"num_hidden_layers": options.layers})
    encoder = SmolEncoder(
        SmolVLMVisionTransformer(config), PREPROCESSING, dtype=options.dtype, origin="random weights of full size"
    ).to(options.device)
    side = PREPROCESSING.side
    pixels = torch.randint(0, 256, (options.batch, 3, side, side), dtype=torch.uint8, device=options.device)
    size = 8192 if options.device == "cuda" else 1024
    square = torch.randn(size, size, device=options.device, dtype=encoder.tower.dtype)

    def product() -> float:
        return 2.0 * size**3 / min(seconds(lambda: linear(square, square), options.device) for _ in range(3))

    seconds(lambda: encoder.encode(pixels), options.device)
    operations = options.batch * picture_operations(options.layers)
    rates, references = [], [product()]
    for _ in range(options.repeats):
        rates.append(operations / seconds(lambda: encoder.encode(pixels), options.device))
        references.append(product())
    per_picture = picture_operations(27)
    print(f"{encoder.description}; {options.device}, {options.threads} CPU threads, batches of {options.batch}")
    print(f"bare {size} x {size} matrix product: {max(references) / 1e9:,.0f} GFLOP/s")
    print(f"tower: {max(rates) / 1e9:,.0f} GFLOP/s, {max(rates) / per_picture:.3g} pictures/s of 27 layers")
    print_ratios("the bare matrix product", {f"tower_{options.dtype}": max(rates) / max(references)})


if __name__ == "__main__":
    main()
