"""The official side: `open_flamingo` 2.0.1 with the releases it was made for. Runs in .venv-parity-flamingo.

`official_flamingo.py FOLDER SEED` draws a few small models and writes each as it would be published, and what the
package says of drawn pictures and words: folders in the form of the golden `open_flamingo`.
"""

import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
import transformers
from open_clip.transformer import QuickGELU, VisionTransformer
from open_flamingo.src.flamingo import Flamingo
from open_flamingo.src.flamingo_lm import FlamingoLMMixin
from open_flamingo.src.utils import extend_instance
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import MptConfig, MptForCausalLM

MODELS = 4
ROWS, IMAGES, WORDS, NEW = 3, 2, 18, 8
MOSAIC = (
    (".norm_1.", ".ln_1."),
    (".norm_2.", ".ln_2."),
    (".norm_f.", ".ln_f."),
    (".ffn.up_proj.", ".mlp.mlp_up."),
    (".ffn.down_proj.", ".mlp.mlp_down."),
)
CLIP = (
    ("transformer.resblocks.", "encoder.layers."),
    ("positional_embedding", "embeddings.position_embedding.weight"),
    ("class_embedding", "embeddings.class_embedding"),
    ("conv1.", "embeddings.patch_embedding."),
    ("ln_pre.", "pre_layrnorm."),
    ("ln_post.", "post_layernorm."),
    (".ln_1.", ".layer_norm1."),
    (".ln_2.", ".layer_norm2."),
    (".attn.out_proj.", ".self_attn.out_proj."),
    (".mlp.c_fc.", ".mlp.fc1."),
    (".mlp.c_proj.", ".mlp.fc2."),
)
"""The names of open_clip's tower, and those of transformers; `attn.in_proj_*` is in three parts there."""


def draw_shapes(rng: random.Random, number: int) -> dict[str, int]:
    """Sizes of a model, as its JSON files say; cross-attention before every block, every second or third."""
    heads = rng.choice((2, 4, 8))
    return {
        "every": number % 3 + 1,
        "d_model": heads * rng.choice((8, 12, 16)),
        "n_heads": heads,
        "n_layers": rng.randint(3, 5),
        "base": rng.randint(90, 120),
        "spare": rng.randint(4, 20),
        "vis_dim": 2 * rng.choice((16, 24, 32)),
        "tower_layers": rng.randint(1, 3),
        "patches": rng.randint(2, 4),
    }


def renamed(key: str, names: tuple[tuple[str, str], ...]) -> str:
    for theirs, ours in names:
        key = key.replace(theirs, ours)
    return key


def enliven(module: nn.Module) -> None:
    """Weights large enough that every part is heard: the package starts with its gates closed."""
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if name.endswith("_gate"):
                weight.uniform_(0.3, 1.0)
            elif weight.ndim > 1:
                weight.normal_(std=1.5 * weight.shape[-1] ** -0.5)
            else:
                weight.add_(0.2 * torch.randn_like(weight))


def add_qk_norm(attention: nn.Module) -> None:
    """Mosaic's attn_qk_ln: LayerNorm without a bias over all heads at once, on what Wqkv gives."""
    width = attention.hidden_size
    for name in ("q_ln", "k_ln"):
        norm = nn.LayerNorm(width)
        norm.register_parameter("bias", None)
        attention.add_module(name, norm)

    def normalise(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> Tensor:
        q, k, v = output.chunk(3, dim=2)
        return torch.cat((attention.q_ln(q), attention.k_ln(k), v), dim=2)

    attention.Wqkv.register_forward_hook(normalise)


def language_model(shapes: dict[str, int]) -> MptForCausalLM:
    config = MptConfig(
        **{key: shapes[key] for key in ("d_model", "n_heads", "n_layers")},
        vocab_size=shapes["base"] + shapes["spare"],
        max_seq_len=128,
        learned_pos_emb=False,
    )
    model = MptForCausalLM(config)
    for block in model.transformer.blocks:
        add_qk_norm(block.attn)
    enliven(model)
    return model


def vision_tower(shapes: dict[str, int]) -> VisionTransformer:
    width = shapes["vis_dim"]
    tower = VisionTransformer(
        14 * shapes["patches"], 14, width, shapes["tower_layers"], 2, 4.0, act_layer=QuickGELU, output_tokens=True
    )
    enliven(tower)
    return tower


def write_clip(tower: VisionTransformer, shapes: dict[str, int], folder: Path) -> None:
    folder.mkdir()
    tensors = {}
    for key, value in tower.state_dict().items():
        name = "vision_model." + renamed(key, CLIP)
        if "attn.in_proj_" in key:
            for part, piece in zip("qkv", value.chunk(3), strict=True):
                tensors[name.replace("attn.in_proj_", f"self_attn.{part}_proj.")] = piece.clone()
        elif key != "proj":
            tensors[name] = value.contiguous()
    save_file(tensors, folder / "model.safetensors")
    vision = {
        "hidden_size": shapes["vis_dim"],
        "intermediate_size": 4 * shapes["vis_dim"],
        "num_hidden_layers": shapes["tower_layers"],
        "num_attention_heads": 2,
        "image_size": 14 * shapes["patches"],
        "patch_size": 14,
        "hidden_act": "quick_gelu",
    }
    (folder / "config.json").write_text(json.dumps({"model_type": "clip", "vision_config": vision}))


def write_mpt(model: MptForCausalLM, shapes: dict[str, int], folder: Path) -> None:
    folder.mkdir()
    state = {renamed(key, MOSAIC): value for key, value in model.state_dict().items() if key != "lm_head.weight"}
    torch.save(state, folder / "pytorch_model.bin")
    config = {key: shapes[key] for key in ("d_model", "n_heads", "n_layers")} | {
        "model_type": "mosaic_gpt",
        "vocab_size": shapes["base"] + shapes["spare"],
        "mlp_ratio": 4,
        "max_seq_len": 128,
        "attn_qk_ln": True,
        "alibi": True,
        "alibi_bias_max": 8,
        "no_bias": True,
    }
    (folder / "config.json").write_text(json.dumps(config))


def draw_prompts(rng: random.Random, base: int) -> tuple[Tensor, Tensor]:
    """(ROWS, WORDS) ids with up to IMAGES `<image>` and some `<|endofchunk|>`, and their mask; one row is padded."""
    endofchunk, image, pad = base, base + 1, base + 2
    ids = torch.tensor([[rng.randrange(base) for _ in range(WORDS)] for _ in range(ROWS)])
    mask = torch.ones_like(ids)
    for row in range(ROWS):
        padding = rng.randint(2, 5) if row == ROWS - 1 else 0
        ids[row, :padding], mask[row, :padding] = pad, 0
        for place in rng.sample(range(padding, WORDS), rng.randint(1, IMAGES)):
            ids[row, place] = image
        free = [place for place in range(padding, WORDS) if ids[row, place] != image]
        ids[row, rng.choice(free)] = endofchunk
    return ids, mask


@torch.no_grad()
def greedy(model: Flamingo, images: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    """Whole forward passes without a cache."""
    for _ in range(NEW):
        best = model(images, ids, mask).logits[:, -1].argmax(dim=-1, keepdim=True)
        ids, mask = torch.cat((ids, best), dim=1), torch.cat((mask, torch.ones_like(best)), dim=1)
    return ids


def beams(model: Flamingo, images: Tensor, ids: Tensor, mask: Tensor) -> Tensor:
    """Three beams that write no `<image>`: with its cache the package forgets where the others were."""
    never, pad = [model.media_token_id], model.media_token_id + 1
    result: Tensor = model.generate(
        images, ids, mask, num_beams=3, max_new_tokens=NEW, eos_token_id=None, suppress_tokens=never, pad_token_id=pad
    )
    return result


@torch.no_grad()
def write_model(rng: random.Random, number: int, folder: Path) -> None:
    shapes = draw_shapes(rng, number)
    base = shapes["base"]
    folder.mkdir(parents=True)
    tower, language = vision_tower(shapes), language_model(shapes)
    write_clip(tower, shapes, folder / "clip")
    write_mpt(language, shapes, folder / "mpt")

    extend_instance(language, FlamingoLMMixin)
    language.set_decoder_layers_attr_name("transformer.blocks")
    language.resize_token_embeddings(base + 3)
    every = shapes["every"]
    model = Flamingo(
        SimpleNamespace(visual=tower), language, base, base + 1, shapes["vis_dim"], cross_attn_every_n_layers=every
    ).eval()
    model.requires_grad_(False)
    for part in (model.perceiver, language.gated_cross_attn_layers, language.get_input_embeddings()):
        part.requires_grad_(True)
        enliven(part)
    trained = {name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad}
    torch.save(trained, folder / "checkpoint.pt")

    ids, mask = draw_prompts(rng, base)
    side = 14 * shapes["patches"]
    images = torch.randn(ROWS, IMAGES, 1, 3, side, side)
    tokens = tower(images.flatten(0, 2))[1]
    latents = model.perceiver(tokens.unflatten(0, images.shape[:3]))
    tensors = {
        "input_ids": ids,
        "attention_mask": mask,
        "vision_x": images,
        "vision_tokens": tokens,
        "perceiver_latents": latents,
        "logits": model(images, ids, mask).logits,
        "greedy_ids": greedy(model, images, ids, mask),
        "beam_ids": beams(model, images, ids, mask),
    }
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "golden.safetensors")
    about = {
        "cross_attn_every_n_layers": every,
        "endofchunk_token_id": base,
        "image_token_id": base + 1,
        "pad_token_id": base + 2,
        "vocab_rows": base + 3,
        "vis_dim": shapes["vis_dim"],
        "perceiver": {"depth": 6, "heads": 8, "dim_head": 64, "num_latents": len(model.perceiver.latents)},
    }
    (folder / "flamingo.json").write_text(json.dumps(about))


def main(folder: Path, seed: int) -> None:
    torch.manual_seed(seed)
    rng = random.Random(seed)
    for number in range(MODELS):
        write_model(rng, number, folder / f"model_{number}" / "open_flamingo")
    print(f"open_flamingo 2.0.1, torch {torch.__version__}, transformers {transformers.__version__}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
