"""SmolVLM2's published splitting, against transformers' own processor."""

import numpy as np
import pytest
import torch
from captioned import batch_of, texts_of
from drawn_road import drawn_road
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from roadcue.models import mini
from roadcue.models.generation import GenerationSettings
from roadcue.models.registry import build_captioner
from roadcue.models.smol.splitting import Splitting
from roadcue.models.visual_parts import fingerprint

TOLD = "Describe the scene."
SHORT = GenerationSettings(max_new_tokens=16)


@pytest.fixture(scope="module")
def captioner():
    return build_captioner("smol", aspect="tiles")


@pytest.fixture(scope="module")
def theirs():
    """What the published processor makes of a picture of 3 x 4 tiles, as its class splits it."""
    processor = AutoProcessor.from_pretrained(mini.SMOL)
    question = [{"type": "image"}, {"type": "text", "text": TOLD}]
    text = processor.apply_chat_template([{"role": "user", "content": question}], add_generation_prompt=True)
    picture = Image.fromarray(drawn_road(896, 672))
    inputs = processor(
        text=[text], images=[[picture]], do_image_splitting=True, size={"longest_edge": 896}, return_tensors="pt"
    )
    return processor, inputs


def test_the_prompt_is_that_of_the_published_processor(captioner, theirs):
    _, inputs = theirs
    assert captioner.prompt(TOLD) == inputs["input_ids"][0].tolist()
    assert captioner.placeholders == 13 * 49


def test_the_pieces_are_those_of_the_published_processor(captioner, theirs):
    pieces = captioner.preprocess(drawn_road(896, 672))
    assert pieces.shape == (13, 3, 224, 224)
    assert pieces.dtype == torch.uint8
    torch.testing.assert_close(captioner.normalise(pieces[None]), theirs[1]["pixel_values"][0], rtol=0, atol=1e-6)


@torch.no_grad()
def test_text_is_that_of_transformers(captioner, theirs):
    processor, inputs = theirs
    model = AutoModelForImageTextToText.from_pretrained(mini.SMOL, dtype=torch.float32).eval()
    written = model.generate(**inputs, do_sample=False, max_new_tokens=16, suppress_tokens=captioner._never_written)
    told = processor.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()
    assert texts_of(captioner, captioner.preprocess(drawn_road(896, 672))[None], TOLD, SHORT) == [told]


@torch.no_grad()
def test_every_piece_counts_and_a_batch_is_its_rows(captioner):
    pixels = torch.stack([captioner.preprocess(drawn_road(car_x=place)) for place in (0.25, 0.8)])
    answers = ["A car is ahead."] * 2
    losses = [float(captioner.loss(batch_of(captioner, pixels[i : i + 1], TOLD, answers[:1]))) for i in range(2)]
    together = float(captioner.loss(batch_of(captioner, pixels, TOLD, answers)))
    assert together == pytest.approx(sum(losses) / 2, rel=1e-4)
    visual = captioner.encode(pixels[:1])
    for piece in range(13):
        changed = pixels[:1].clone()
        changed[:, piece] = 255 - changed[:, piece]
        of_piece = (captioner.encode(changed) - visual).abs().sum(dim=2)[0].unflatten(0, (13, 49)).sum(dim=1) > 0.1
        assert of_piece.tolist() == [place == piece for place in range(13)]


def test_any_shape_is_split_alike_and_its_last_piece_is_the_square_itself(captioner):
    square = build_captioner("smol").preprocess
    for shape in ((300, 200), (180, 900), (64, 64)):
        picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
        pieces = captioner.preprocess(picture)
        assert pieces.shape == captioner.preprocess.shape
        assert torch.equal(pieces[-1], square(picture))
    assert isinstance(captioner.preprocess, Splitting)
    assert (captioner.preprocess.least_side, square.least_side) == (896, 224)
    assert fingerprint(captioner)["preprocessing"] != fingerprint(build_captioner("smol"))["preprocessing"]
    with pytest.raises(ValueError, match="must be"):
        captioner.preprocess(np.zeros((4, 4), np.uint8))
