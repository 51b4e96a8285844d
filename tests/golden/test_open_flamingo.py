"""Our Flamingo against what the `open_flamingo` package says of the same weights, on Mosaic's own MPT."""

import pytest
import torch
from safetensors.torch import load_file

from roadcue.models.checkpoint import read_json
from roadcue.models.flamingo.loading import load_published
from roadcue.models.flamingo.modeling.clip import visual_tokens

EQUAL = 1e-4
TIMES_PARITY = 100
"""How many times the error of parity turning the pictures must change the logits by."""


@pytest.fixture(scope="module")
def folder(golden_dir):
    return golden_dir / "open_flamingo"


@pytest.fixture(scope="module")
def model(folder):
    shapes = read_json(folder / "flamingo.json")
    perceiver = shapes["perceiver"]
    settings = {key: shapes[key] for key in shapes if key.endswith("_token_id")}
    model = load_published(
        folder / "clip",
        folder / "mpt",
        folder / "checkpoint.pt",
        cross_attn_every_n_layers=shapes["cross_attn_every_n_layers"],
        perceiver_depth=perceiver["depth"],
        perceiver_heads=perceiver["heads"],
        perceiver_head_dim=perceiver["dim_head"],
        perceiver_latents=perceiver["num_latents"],
        **settings,
    )
    assert model.perceiver.latents.shape[1] == shapes["vis_dim"]
    assert model.lang_encoder.transformer.wte.weight.shape[0] == shapes["vocab_rows"]
    model.generation_config.eos_token_id = None  # the greedy tokens there do not end before their number
    return model


@pytest.fixture(scope="module")
def golden(folder):
    """What the package says, and its inputs; `images` without the dimension of frames."""
    tensors = load_file(folder / "golden.safetensors")
    return tensors | {"images": tensors["vision_x"][:, :, 0]}


@pytest.fixture
def inputs(golden):
    return {
        "input_ids": golden["input_ids"],
        "pixel_values": golden["images"],
        "attention_mask": golden["attention_mask"],
    }


def unpadded(golden):
    """The rows without padding, whose mask is all ones."""
    rows = golden["attention_mask"].bool().all(dim=1)
    assert 0 < rows.sum() < len(rows), "the folder should hold rows with and without padding"
    return rows


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=0, atol=EQUAL)


@torch.no_grad()
def test_open_flamingo_visual_tokens(model, golden):
    close(visual_tokens(model.vision_encoder, golden["images"].flatten(0, 1)), golden["vision_tokens"])


@torch.no_grad()
def test_open_flamingo_perceiver_latents(model, golden):
    close(model.encode_images(golden["images"]), golden["perceiver_latents"])


@torch.no_grad()
def test_open_flamingo_logits_of_rows_with_padding_and_two_pictures(model, golden, inputs):
    close(model(**inputs).logits, golden["logits"])


@torch.no_grad()
@pytest.mark.parametrize("mask", ["all ones", "none"])
def test_open_flamingo_logits_without_padding(model, golden, inputs, mask):
    rows = unpadded(golden)
    own = {key: value[rows] for key, value in inputs.items()}
    if mask == "none":
        own["attention_mask"] = None
    close(model(**own).logits, golden["logits"][rows])


@torch.no_grad()
def test_open_flamingo_logits_of_a_row_whose_padding_is_cut_off(model, golden, inputs):
    for row in (~unpadded(golden)).nonzero().flatten().tolist():
        start = int((golden["attention_mask"][row] == 0).sum())
        alone = model(inputs["input_ids"][row : row + 1, start:], inputs["pixel_values"][row : row + 1])
        close(alone.logits[0], golden["logits"][row, start:])


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("mask", ["given", "told by <PAD>"])
def test_open_flamingo_greedy_tokens(model, golden, inputs, use_cache, mask):
    new = golden["greedy_ids"].shape[1] - golden["input_ids"].shape[1]
    if mask == "told by <PAD>":
        inputs["attention_mask"] = None
    generated = model.generate(**inputs, max_new_tokens=new, do_sample=False, use_cache=use_cache)
    assert generated.tolist() == golden["greedy_ids"].tolist()


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("mask", ["all ones", "none"])
def test_open_flamingo_greedy_tokens_without_padding(model, golden, inputs, use_cache, mask):
    rows = unpadded(golden)
    own = {key: value[rows] for key, value in inputs.items()}
    if mask == "none":
        own["attention_mask"] = None
    new = golden["greedy_ids"].shape[1] - golden["input_ids"].shape[1]
    generated = model.generate(**own, max_new_tokens=new, do_sample=False, use_cache=use_cache)
    assert generated.tolist() == golden["greedy_ids"][rows].tolist()


@pytest.mark.parametrize("use_cache", [True, False])
def test_open_flamingo_beams(model, golden, inputs, use_cache):
    if "beam_ids" not in golden:
        pytest.skip("the folder holds no beams")
    new = golden["beam_ids"].shape[1] - golden["input_ids"].shape[1]
    no_image = [model.config.image_token_id]  # with its cache the package forgets where the pictures before it were
    generated = model.generate(
        **inputs, max_new_tokens=new, num_beams=3, do_sample=False, use_cache=use_cache, suppress_tokens=no_image
    )
    assert generated.tolist() == golden["beam_ids"].tolist()


@torch.no_grad()
def test_open_flamingo_logits_need_the_pictures_and_their_order(model, golden, inputs):
    """The pictures matter to the logits by far more than ours differ from the package's; else parity says nothing."""
    turned = inputs | {"pixel_values": inputs["pixel_values"].flip(1)}
    ours = model(**inputs).logits
    parity = (ours - golden["logits"]).abs().max()
    assert (model(**turned).logits - ours).abs().max() > TIMES_PARITY * parity
