import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import SmolVLMForConditionalGeneration

from roadcue.errors import BadCheckpoint
from roadcue.models import mini
from roadcue.models.encoder import DTYPES
from roadcue.models.pooling import pool_tokens
from roadcue.models.smol.encoder import SmolEncoder
from roadcue.models.smol.loading import PREFIX, empty_tower


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.randint(0, 256, (3, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_features_are_those_of_the_full_models_vision_tower_to_the_bit(pixels, dtype):
    torch_dtype = DTYPES[dtype]
    full = SmolVLMForConditionalGeneration.from_pretrained(mini.SMOL, dtype=torch_dtype).eval()
    normal = ((pixels.float() - 127.5) / 127.5).to(torch_dtype)
    with torch.no_grad():
        theirs = full.model.vision_model(pixel_values=normal).last_hidden_state
    ours = SmolEncoder.from_pretrained(mini.SMOL, dtype=dtype, origin="test").encode(pixels)
    assert ours.dtype == torch_dtype
    assert ours.shape == (3, 14, 14, 192)
    assert torch.equal(ours.flatten(1, 2), theirs)


def test_rows_of_the_grid_are_rows_of_the_picture(encoder):
    picture = torch.full((1, 3, 224, 224), 128, dtype=torch.uint8)
    marked = picture.clone()
    marked[:, :, 3 * 16 : 4 * 16, 9 * 16 : 10 * 16] = 255
    moved = (encoder.encode(marked) - encoder.encode(picture)).norm(dim=-1)[0]
    assert divmod(int(moved.argmax()), 14) == (3, 9)


def test_a_picture_does_not_depend_on_its_batch(encoder, pixels):
    torch.testing.assert_close(encoder.encode(pixels)[1:2], encoder.encode(pixels[1:2]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("dtype", "least"), [("bf16", 0.99), ("fp16", 0.9999)])
def test_half_the_digits_are_close_to_fp32(encoder, pixels, dtype, least):
    coarse = SmolEncoder.from_pretrained(mini.SMOL, dtype=dtype, origin="test").encode(pixels).float()
    fine = encoder.encode(pixels)
    assert torch.nn.functional.cosine_similarity(coarse, fine, dim=-1).min() > least
    assert not torch.equal(coarse, fine)


def test_frozen_but_a_trainable_layer_may_follow(encoder, pixels):
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert encoder.train() is encoder
    assert not any(module.training for module in encoder.modules())
    features = encoder.encode(pixels)
    assert not features.requires_grad
    assert not features.is_inference()
    layer = nn.Linear(encoder.width, 2)
    layer(features).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in encoder.parameters())


def test_encoding_leaves_its_input_as_it_is(encoder, pixels):
    before = pixels.clone()
    encoder.encode(pixels)
    assert torch.equal(pixels, before)


@pytest.mark.parametrize(
    "wrong",
    [
        torch.zeros(1, 3, 224, 224),
        torch.zeros(1, 3, 224, 192, dtype=torch.uint8),
        torch.zeros(3, 224, 224, dtype=torch.uint8),
    ],
)
def test_other_input_is_refused(encoder, wrong):
    with pytest.raises(ValueError, match=r"pixels must be \(b, 3, 224, 224\) uint8; got"):
        encoder.encode(wrong)


def fingerprint(folder, **options) -> dict[str, str]:
    return dict(SmolEncoder.from_pretrained(folder, origin="test", **options).fingerprint)


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    assert before.keys() == after.keys()
    return {part for part in before if before[part] != after[part]}


def test_the_fingerprint_is_that_of_the_content_and_not_of_the_place(folder):
    assert fingerprint(folder) == fingerprint(mini.SMOL)


def test_every_option_shows_in_the_fingerprint():
    before = fingerprint(mini.SMOL)
    assert changed(before, fingerprint(mini.SMOL, dtype="bf16")) == {"dtype"}
    assert changed(before, fingerprint(mini.SMOL, aspect="letterbox")) == {"preprocessing", "preprocessing_probe"}


def test_one_weight_shows_in_the_fingerprint_if_it_is_the_towers(folder):
    before = fingerprint(folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["model.text_model.norm.weight"][0] += 1
    save_file(tensors, folder / "model.safetensors")
    assert fingerprint(folder) == before
    tensors[PREFIX + "encoder.layers.3.mlp.fc2.weight"][5, 7] += 1
    save_file(tensors, folder / "model.safetensors")
    assert changed(before, fingerprint(folder)) == {"weights"}


def edit(folder, name: str, change) -> None:
    settings = json.loads((folder / name).read_text())
    change(settings)
    (folder / name).write_text(json.dumps(settings))


def test_what_no_shape_shows_is_in_the_fingerprint(folder):
    before = fingerprint(folder)
    edit(folder, "config.json", lambda config: config["vision_config"].update(num_attention_heads=8))
    assert changed(before, fingerprint(folder)) == {"architecture"}
    edit(folder, "preprocessor_config.json", lambda settings: settings.update(image_mean=[0.4, 0.5, 0.5]))
    assert changed(before, fingerprint(folder)) == {"architecture", "preprocessing"}


def test_a_missing_config_is_named(folder):
    (folder / "config.json").unlink()
    with pytest.raises(BadCheckpoint, match=r"config\.json: missing"):
        SmolEncoder.from_pretrained(folder, origin="test")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda config: config.update(model_type="llama"), "model_type is 'llama'"),
        (lambda config: config.pop("vision_config"), "with a vision_config"),
        (lambda config: config["vision_config"].update(hidden_size="wide"), "hidden_size"),
        (lambda config: config["vision_config"].update(num_attention_heads=7), "num_heads"),
        (lambda config: config["vision_config"].update(hidden_act="no_such"), "no_such"),
        (lambda config: config["vision_config"].update(num_hidden_layers=5), r"encoder\.layers\.4.*missing"),
        (lambda config: config["vision_config"].update(num_hidden_layers=3), r"encoder\.layers\.3.*unexpected"),
        (lambda config: config["vision_config"].update(image_size=112), r"position_embedding.*misshapen"),
    ],
)
def test_a_config_that_does_not_fit_is_named(folder, change, message):
    edit(folder, "config.json", change)
    with pytest.raises(BadCheckpoint, match=message):
        SmolEncoder.from_pretrained(folder, origin="test")


def test_a_config_cannot_choose_code(folder):
    keys = {"auto_map": {"AutoModel": "evil.Model"}, "_attn_implementation": "org/kernel", "trust_remote_code": True}
    edit(folder, "config.json", lambda config: (config.update(keys), config["vision_config"].update(keys)))
    tower = SmolEncoder.from_pretrained(folder, origin="test").tower
    assert tower.config._attn_implementation == "sdpa"
    assert type(tower).__module__ == "transformers.models.smolvlm.modeling_smolvlm"


def test_features_tell_where_a_thing_stands(encoder):
    """A ridge on their grid means finds where a square stands, on pictures that it has not seen."""
    rng = np.random.default_rng(0)
    places = rng.uniform(0.1, 0.9, 120)
    pictures = [_square_at(place, int(rng.integers(60, 180))) for place in places]
    tokens = encoder.encode(torch.stack([encoder.preprocess(picture) for picture in pictures]))
    rows = pool_tokens(tokens, "grid", 4).flatten(1).double().numpy()
    rows = (rows - rows[:80].mean(0)) / rows[:80].std(0)
    weights = np.linalg.solve(rows[:80] @ rows[:80].T + 100 * np.eye(80), places[:80] - 0.5)
    predicted = rows[80:] @ rows[:80].T @ weights + 0.5
    assert 1 - np.mean((predicted - places[80:]) ** 2) / places[80:].var() > 0.8


def _square_at(place: float, brightness: int) -> np.ndarray:
    picture = np.full((120, 160, 3), brightness, np.uint8)
    left = int(place * 160) - 8
    picture[60:80, max(left, 0) : left + 16] = (220, 30, 30)
    return picture


def test_the_published_sizes_give_the_published_tower(tmp_path):
    """412,987,248 parameters: 428,225,600 of SigLIP SO400M without its pooling head, which SmolVLM2 leaves out."""
    vision = {"image_size": 384, "intermediate_size": 4304, "num_hidden_layers": 27, "patch_size": 14}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "smolvlm", "vision_config": vision}))
    tower = empty_tower(tmp_path, held=500)
    assert sum(parameter.numel() for parameter in tower.parameters()) == 412_987_248
    assert tower.embeddings.num_positions == 27 * 27
    assert all(tensor.is_meta for tensor in tower.state_dict().values())
    assert all(tensor.is_meta for tensor in tower.buffers())
