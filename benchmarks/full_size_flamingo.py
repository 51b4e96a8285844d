"""Memory and speed of OpenFlamingo-3B-vitl-mpt1b at full size, with random weights.

    python benchmarks/full_size_flamingo.py [--device cuda] [--dtype fp32] [--shots N] [--tokens N] [--beams N]

The parts run as they do in `generate`: the vision tower and the Perceiver on one picture, the prompt (a caption of
WORDS tokens for each demonstration, `<image>Output:` for the picture asked about), and one token after the other,
alone and in beams. Memory is the peak of the process, and on a GPU that of its allocator. For a token every weight of
the language model is read once, but for what it makes of pictures: the reference is the product of one row with its
largest matrix, that of words, weight for weight.
"""

import argparse
import resource
import time
from collections.abc import Callable

import torch
from ratio_lines import print_ratios
from torch import Tensor
from torch.nn.functional import linear

from roadcue.models.flamingo.modeling.clip import visual_tokens
from roadcue.models.flamingo.modeling.config import MPT_1B, PUBLISHED, VIT_L_14, FlamingoConfig
from roadcue.models.flamingo.modeling.model import Flamingo

SMALL = FlamingoConfig(
    vision_config=VIT_L_14 | {"hidden_size": 256, "num_hidden_layers": 2},
    text_config=MPT_1B | {"d_model": 256, "n_layers": 2},
    perceiver_depth=1,
)
"""What --quick takes in the place of the published sizes."""
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
WORDS = 40
"""Tokens of a demonstration: about those of a caption of SENSATION."""
OUTPUT = (1000, 1001)
"""Any two words in the place of `Output:`; which they are does not change the time."""


def random_flamingo(config: FlamingoConfig, dtype: torch.dtype, device: str) -> Flamingo:
    """Random weights, filled where they are to be: no copy in fp32 first."""
    with torch.device("meta"):
        model = Flamingo(config).eval()
    model = model.to(dtype).to_empty(device=device)
    model.lang_encoder.lm_head.weight = model.lang_encoder.transformer.wte.weight
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.02)
    embeddings = model.vision_encoder.embeddings
    embeddings.position_ids = torch.arange(embeddings.num_positions, device=device)[None]
    return model


def caption_prompt(shots: int) -> Tensor:
    """(1, t) ids: the demonstrations, and the picture asked about."""
    words = torch.arange(WORDS) + 1000
    image, end = torch.tensor([PUBLISHED.image_token_id]), torch.tensor([PUBLISHED.endofchunk_token_id])
    output = torch.tensor(OUTPUT)
    return torch.cat([*[image, output, words, end] * shots, image, output])[None]


def best_seconds(call: Callable[[], object], device: str, repeats: int) -> float:
    """The shortest of some calls, after one that is not counted."""
    taken = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return min(taken[1:])


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--dtype", default="bf16", choices=list(DTYPES))
    parser.add_argument("--shots", type=int, default=0, help="demonstrations before the picture asked about")
    parser.add_argument("--tokens", type=int, default=8, help="tokens to generate")
    parser.add_argument("--beams", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small sizes: the numbers then mean nothing")
    options = parser.parse_args()
    if options.quick:
        options.tokens, options.repeats = 2, 1
    torch.set_num_threads(options.threads)
    device, dtype = options.device, DTYPES[options.dtype]
    model = random_flamingo(SMALL if options.quick else PUBLISHED, dtype, device)
    ids = caption_prompt(options.shots).to(device)
    pixels = torch.randn(1, options.shots + 1, 3, 224, 224, device=device, dtype=dtype)
    count = sum(weight.numel() for weight in model.parameters())
    print(f"{count:,} parameters, {options.dtype}, {device}, {options.threads} CPU threads; random weights")

    def timed(call: Callable[[], object]) -> float:
        return best_seconds(call, device, options.repeats)

    def generate(tokens: int, beams: int) -> None:
        model.generate(ids, pixels, max_new_tokens=tokens, min_new_tokens=tokens, num_beams=beams, do_sample=False)

    words = model.lang_encoder.lm_head.weight
    word = torch.randn(1, words.shape[1], device=device, dtype=dtype)
    read = sum(weight.numel() for name, weight in model.lang_encoder.named_parameters() if "to_kv" not in name)
    tokens = visual_tokens(model.vision_encoder, pixels[:, 0])
    media = model.encode_media(ids, pixels)
    print(f"vision tower, one picture: {timed(lambda: visual_tokens(model.vision_encoder, pixels[:, 0])):.3f} s")
    print(f"Perceiver, one picture: {timed(lambda: model.perceiver(tokens)):.3f} s")
    prefill = timed(lambda: model(ids, media=media, use_cache=True, logits_to_keep=1))
    print(f"prompt of {ids.shape[1]} tokens and {options.shots + 1} pictures, already encoded: {prefill:.3f} s")
    bare, of_tokens = timed(lambda: linear(word, words)) / words.numel(), {}
    for beams in (1, options.beams):
        first, whole = (timed(lambda n=n, b=beams: generate(n, b)) for n in (1, options.tokens))
        each = of_tokens[beams] = (whole - first) / (options.tokens - 1)
        print(
            f"{beams} beams: {each:.3f} s for each further token, {whole:.2f} s for {options.tokens} and the pictures"
        )
    print(f"peak of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    if device == "cuda":
        print(f"peak on the GPU: {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB")
    print(f"{read:,} weights are read for a token, {1 / bare:.3g} a second in the bare product of one row with words")
    print_ratios("that bare product, for a token alone", {"full_size_flamingo_token": read * bare / of_tokens[1]})


if __name__ == "__main__":
    main()
