"""A CLIP of a few thousand random weights, saved in the hub's layout."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import CLIPConfig, CLIPModel

BEGIN, END = "<|startoftext|>", "<|endoftext|>"
TEXTS = ["a photo depicts a red car on the left of the road", "the sidewalk is clear, a bike stands at the right"]
LONGEST = 77
"""Tokens of a text, as many as those of the published ones."""
SIDE = 32


def save_clip(folder: Path, seed: int = 0) -> Path:
    """Writes config.json, model.safetensors and tokenizer.json."""
    tokenizer = clip_tokenizer()
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = sizes | {"vocab_size": tokenizer.get_vocab_size(), "max_position_embeddings": LONGEST}
    text |= {"bos_token_id": tokenizer.token_to_id(BEGIN), "eos_token_id": tokenizer.token_to_id(END)}
    vision = sizes | {"image_size": SIDE, "patch_size": 8}
    torch.manual_seed(seed)
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12))
    with torch.no_grad():  # its initial weights are so small that all texts are alike
        for weight in model.parameters():
            weight.copy_(torch.randn_like(weight) * 0.6)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def clip_tokenizer() -> Tokenizer:
    """Byte pairs in lower case between the two signs, as CLIP's."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token=END))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=[BEGIN, END],
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    signs = [(token, tokenizer.token_to_id(token)) for token in (BEGIN, END)]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A {END}", special_tokens=signs)
    return tokenizer
