"""The shipped miniature is a whole SmolVLM2: transformers' own classes read it, and it says what it is."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from models import mini
from models.mini.architecture import IMAGE_TOKENS, build, save
from models.mini.tokens import learn_tokenizer

CAPTIONS = ["The road bends to the left.", "A car is braking 12 metres ahead. The light is red: été, naïve, 20 %."]


def test_the_miniature_stays_small_and_its_card_says_what_it_saw():
    assert sum(path.stat().st_size for path in mini.SMOL.iterdir()) <= 15_000_000
    card = (mini.SMOL / "README.md").read_text()
    assert "It has seen nothing but drawn pictures" in card
    assert "python -m training.pretrain_mini" in card


def test_transformers_own_processor_and_model_write_a_caption_with_it():
    processor = AutoProcessor.from_pretrained(mini.SMOL)
    model = AutoModelForImageTextToText.from_pretrained(mini.SMOL, dtype=torch.float32).eval()
    picture = Image.fromarray(np.full((540, 486, 3), 128, np.uint8))
    question = [{"type": "image", "image": picture}, {"type": "text", "text": "Describe the scene."}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": question}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    assert int((inputs["input_ids"] == model.config.image_token_id).sum()) == IMAGE_TOKENS
    written = model.generate(**inputs, max_new_tokens=60, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    text = processor.decode(written, skip_special_tokens=True).strip()
    assert text.endswith(".")
    assert len(text.split()) > 3


@pytest.mark.parametrize(
    "text", [*CAPTIONS, "<image> is not spelt out of bytes", "any other bytes: \u2603 \U0001f6b2"]
)
def test_the_tokenizer_gives_every_text_back(text):
    tokenizer = learn_tokenizer(CAPTIONS)
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_the_same_captions_and_seed_give_the_same_checkpoint(tmp_path):
    for name in ("once", "again"):
        torch.manual_seed(0)
        tokenizer = learn_tokenizer(CAPTIONS)
        save(build(tokenizer), tokenizer, tmp_path / name)
    for path in (tmp_path / "once").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name
