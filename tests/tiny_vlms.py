"""Image-text-to-text models of transformers: a few hundred thousand random numbers, saved as published."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GotOcr2ImageProcessor,
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLProcessor,
    InternVLVideoProcessor,
    PreTrainedTokenizerFast,
    Qwen2VLImageProcessor,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

END, PAD = "<|im_end|>", "<|endoftext|>"
TEMPLATE = (
    "{%% for message in messages %%}<|im_start|>{{ message['role'] }}\n"
    "{%% for part in message['content'] %%}{%% if part['type'] == 'image' %%}%s"
    "{%% else %%}{{ part['text'] }}{%% endif %%}{%% endfor %%}<|im_end|>\n{%% endfor %%}"
    "{%% if add_generation_prompt %%}<|im_start|>assistant\n{%% endif %%}"
)
"""As Qwen's and InternVL's, with a place for what stands for a picture."""
TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 1024,
}


def tiny_qwen(folder: Path) -> Path:
    """Qwen3-VL: pictures of any size, features of an inner layer (deepstack), positions in three dimensions."""
    images = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
    around = {"vision_bos_token": "<|vision_start|>", "vision_eos_token": "<|vision_end|>"}
    tokenizer = _tokenizer({**images, **around})
    ids = {name: tokenizer.convert_tokens_to_ids(token) for name, token in {**images, **around}.items()}
    rope = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [4, 2, 2], "mrope_interleaved": True}
    config = Qwen3VLConfig(
        text_config={**TEXT, "vocab_size": len(tokenizer) + 8, "rope_parameters": rope, **_ends(tokenizer)},
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "out_hidden_size": 64,
            "num_position_embeddings": 256,
            "deepstack_visual_indexes": [0],
        },
        image_token_id=ids["image_token"],
        video_token_id=ids["video_token"],
        vision_start_token_id=ids["vision_bos_token"],
        vision_end_token_id=ids["vision_eos_token"],
    )
    size = {"shortest_edge": 1024, "longest_edge": 16384}
    processor = Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(patch_size=16, temporal_patch_size=2, merge_size=2, size=size),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(patch_size=16, temporal_patch_size=2, merge_size=2),
        chat_template=TEMPLATE % "<|vision_start|><|image_pad|><|vision_end|>",
    )
    return _saved(Qwen3VLForConditionalGeneration, config, processor, folder)


def tiny_internvl(folder: Path) -> Path:
    """InternVL in transformers' layout: one tile of fixed size, and tokens around what stands for a picture."""
    special = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokenizer = _tokenizer(special)
    config = InternVLConfig(
        text_config={**TEXT, "model_type": "qwen3", "vocab_size": len(tokenizer) + 8, **_ends(tokenizer)},
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": [56, 56],
            "patch_size": [14, 14],
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        downsample_ratio=0.5,
    )
    processor = InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(
            size={"height": 56, "width": 56}, crop_to_patches=True, min_patches=1, max_patches=4
        ),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(size={"height": 56, "width": 56}),
        image_seq_length=4,
        chat_template=TEMPLATE % "<IMG_CONTEXT>\n",
    )
    return _saved(InternVLForConditionalGeneration, config, processor, folder)


TINY = {"qwen": tiny_qwen, "internvl": tiny_internvl}


def _ends(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    return {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}


def _tokenizer(special: dict[str, str]) -> PreTrainedTokenizerFast:
    """Single bytes and a few pairs of them; the special tokens survive saving."""
    learnt = Tokenizer(models.BPE())
    learnt.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learnt.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=[PAD, "<|im_start|>", END, *special.values()],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learnt.train_from_iterator(["user assistant snow snow the road a car is ahead"], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=learnt, eos_token=END, pad_token=PAD, extra_special_tokens=special, padding_side="left"
    )


def _saved(kind: type, config: object, processor: object, folder: Path) -> Path:
    torch.manual_seed(0)
    model = kind(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.normal_(std=weight.shape[-1] ** -0.5)
    model.generation_config.eos_token_id = [config.text_config.eos_token_id, config.text_config.pad_token_id]
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
