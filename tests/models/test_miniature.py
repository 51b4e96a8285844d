"""The shipped miniatures are whole models that write captions, and they say what they are."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from roadcue.models import mini
from roadcue.models.flamingo import miniature as flamingo_architecture
from roadcue.models.flamingo.loading import read_tokenizer
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.models.flamingo.prompt import few_shot_prompt
from roadcue.models.mini.miniature import draw_initial_weights
from roadcue.models.mini.tokenizers import learn_flamingo_tokenizer, learn_tokenizer
from roadcue.models.preprocessing import Normalisation, clip_preprocessing
from roadcue.models.smol import miniature as smol_architecture
from roadcue.models.smol.miniature import IMAGE_TOKENS

CAPTIONS = ["The road bends to the left.", "A car is braking 12 metres ahead. The light is red: été, naïve, 20 %."]


@pytest.mark.parametrize("folder", mini.FOLDERS.values(), ids=mini.FOLDERS)
def test_the_miniature_stays_small_and_its_card_says_what_it_saw(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 15_000_000
    card = (folder / "README.md").read_text()
    assert "It has seen nothing but drawn pictures" in card
    assert "python -m roadcue.training.miniatures" in card


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


def test_the_miniature_flamingo_writes_the_same_caption_of_a_picture_every_time(road):
    model = Flamingo.from_pretrained(mini.FLAMINGO)
    tokenizer = read_tokenizer(mini.FLAMINGO, model.config)
    preprocess = clip_preprocessing(model.config.vision_config.image_size, "squash")
    pictures = Normalisation(preprocess)(torch.stack([preprocess(road), preprocess(road), preprocess(255 - road)]))
    prompt = tokenizer([few_shot_prompt()] * 3, return_tensors="pt").input_ids
    written = model.generate(prompt, pictures[:, None], max_new_tokens=80, do_sample=False)[:, prompt.shape[1] :]
    once, again, other = (tokenizer.decode(ids, skip_special_tokens=True) for ids in written)
    assert once == again != other
    assert once.endswith(".")
    assert len(once.split()) > 3
    assert (written == model.config.endofchunk_token_id).any(dim=1).all()


@pytest.mark.parametrize("learn", [learn_tokenizer, learn_flamingo_tokenizer])
@pytest.mark.parametrize(
    "text", [*CAPTIONS, "<image> is not spelt out of bytes", "any other bytes: \u2603 \U0001f6b2"]
)
def test_the_tokenizer_gives_every_text_back(text, learn):
    tokenizer = learn(CAPTIONS)
    assert tokenizer.decode(tokenizer(text).input_ids) == text


@pytest.mark.parametrize(
    ("architecture", "learn"),
    [(smol_architecture, learn_tokenizer), (flamingo_architecture, learn_flamingo_tokenizer)],
    ids=mini.FOLDERS,
)
def test_the_same_captions_and_seed_give_the_same_checkpoint(architecture, learn, tmp_path):
    for name in ("once", "again"):
        torch.manual_seed(0)
        tokenizer = learn(CAPTIONS)
        architecture.save(architecture.build(tokenizer), tokenizer, tmp_path / name)
    for path in (tmp_path / "once").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_the_tokenizer_of_the_miniature_flamingo_is_read_as_the_published_one(tmp_path):
    tokenizer = learn_flamingo_tokenizer(CAPTIONS)
    model = flamingo_architecture.build(tokenizer)
    flamingo_architecture.save(model, tokenizer, tmp_path)
    again = read_tokenizer(tmp_path, model.config)
    text = f"<image>Output:{CAPTIONS[1]}<|endofchunk|>"
    assert again(text).input_ids == tokenizer(text).input_ids
    assert again.convert_tokens_to_ids(["<|endofchunk|>", "<image>", "<PAD>"]) == list(range(len(again)))[-3:]


def test_a_layer_answers_as_loudly_as_it_is_asked_and_what_is_none_stays():
    torch.manual_seed(0)
    linear, picture = torch.nn.Linear(400, 300), torch.nn.Conv2d(3, 64, 16)
    others = torch.nn.Sequential(torch.nn.Embedding(5, 4), torch.nn.LayerNorm(4))
    before = {name: weight.clone() for name, weight in others.state_dict().items()}
    draw_initial_weights(torch.nn.ModuleList([linear, picture, others]))
    assert linear.weight.std().item() == pytest.approx(400**-0.5, rel=0.02)
    assert picture.weight.std().item() == pytest.approx((3 * 16 * 16) ** -0.5, rel=0.02)
    assert not linear.bias.any()
    assert not picture.bias.any()
    assert all(torch.equal(weight, before[name]) for name, weight in others.state_dict().items())
