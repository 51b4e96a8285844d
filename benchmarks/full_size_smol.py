"""The sizes of HuggingFaceTB/SmolVLM2-2.2B-Instruct, for benchmarks with random weights: 2,246,784,880 parameters."""

from transformers import SmolVLMConfig

from roadcue.models.preprocessing import Preprocessing

VISION = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
}
TEXT = {
    "model_type": "llama",
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 24,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "vocab_size": 49280,
    "pad_token_id": 2,
}
PREPROCESSING = Preprocessing(384, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "lanczos", "squash")


def smol_config(**sizes: int) -> SmolVLMConfig:
    """The published sizes, but for those that are named, which both the tower and the language model then have."""
    return SmolVLMConfig(vision_config=VISION | sizes, text_config=TEXT | sizes, scale_factor=3, image_token_id=49190)
