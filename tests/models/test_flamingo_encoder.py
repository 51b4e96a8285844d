"""OpenFlamingo's tower and Perceiver as a frozen encoder: the numbers of the whole model, out of a part of it."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_flamingo import tiny_flamingo, write_published

from roadcue.errors import BadCheckpoint, BadEncoder
from roadcue.models import mini
from roadcue.models.flamingo import loading as places
from roadcue.models.flamingo.encoder import FlamingoEncoder, _square
from roadcue.models.flamingo.loading import FlamingoFiles
from roadcue.models.flamingo.modeling.clip import visual_tokens
from roadcue.models.flamingo.modeling.config import PUBLISHED
from roadcue.models.flamingo.modeling.model import Flamingo
from roadcue.models.flamingo.modeling.perceiver import PerceiverResampler
from roadcue.models.preprocessing import CLIP_MEAN, CLIP_STD
from roadcue.models.registry import build_encoder


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    """(2, 3, 28, 28), as large as a tiny tower reads."""
    return torch.randint(0, 256, (2, 3, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def normal(pixels: torch.Tensor) -> torch.Tensor:
    mean, std = (torch.tensor(levels)[:, None, None] for levels in (CLIP_MEAN, CLIP_STD))
    return (pixels / 255 - mean) / std


@pytest.fixture
def saved(tmp_path):
    """A tiny model, and the folder in which save_pretrained left it."""
    model = tiny_flamingo()
    model.save_pretrained(tmp_path / "saved")
    return model, tmp_path / "saved"


def encoder_of(folder, **options) -> FlamingoEncoder:
    return FlamingoEncoder.from_files(FlamingoFiles(str(folder)), origin="test", **options)


def published_perceiver(width: int) -> PerceiverResampler:
    torch.manual_seed(1)
    return PerceiverResampler(width, depth=6, heads=8, head_dim=64, latents=64, ff_mult=4)


def test_patches_are_those_that_the_model_reads(saved, pixels):
    model, folder = saved
    encoder = encoder_of(folder)
    with torch.no_grad():
        wanted = visual_tokens(model.vision_encoder, normal(pixels))
    assert encoder.grid == (2, 2)
    torch.testing.assert_close(encoder.encode(pixels).flatten(1, 2), wanted)


def test_latents_are_those_that_the_model_reads(saved, pixels):
    model, folder = saved
    encoder = encoder_of(folder, features="perceiver")
    with torch.no_grad():
        wanted = model.encode_images(normal(pixels)[:, None])[:, 0]
    assert encoder.grid == (2, 2)
    torch.testing.assert_close(encoder.encode(pixels).flatten(1, 2), wanted)


def test_the_three_published_places_give_the_same_patches(tmp_path, pixels):
    model = tiny_flamingo()
    write_published(model, tmp_path / "published")
    model.save_pretrained(tmp_path / "saved")
    wanted = encoder_of(tmp_path / "saved").encode(pixels)
    assert torch.equal(encoder_of(tmp_path / "published").encode(pixels), wanted)
    assert torch.equal(encoder_of(tmp_path / "published/clip").encode(pixels), wanted)


def test_no_language_model_is_needed(saved, tmp_path, pixels):
    _, folder = saved
    weights = load_file(folder / "model.safetensors")
    wanted = encoder_of(folder, features="perceiver").encode(pixels)
    save_file({k: v for k, v in weights.items() if not k.startswith("lang_")}, folder / "model.safetensors")
    assert torch.equal(encoder_of(folder, features="perceiver").encode(pixels), wanted)
    save_file({k: v for k, v in weights.items() if k.startswith("vision_")}, folder / "model.safetensors")
    assert encoder_of(folder).encode(pixels).shape == (2, 2, 2, 24)
    with pytest.raises(BadCheckpoint, match=r"no key starts with 'perceiver\.'"):
        encoder_of(folder, features="perceiver")


def test_the_perceiver_comes_out_of_the_checkpoint_alone(tmp_path, pixels):
    clip, mpt, checkpoint = write_published(tiny_flamingo(), tmp_path)
    with pytest.raises(BadCheckpoint, match=r"perceiver\.latents \(4, 24\) instead of \(64, 24\)"):
        encoder_of(tmp_path, features="perceiver")
    perceiver = published_perceiver(24)
    state = {f"module.perceiver.{key}": value for key, value in perceiver.state_dict().items()}
    torch.save(
        {"model_state_dict": state | {"module.lang_encoder.transformer.wte.weight": torch.ones(2, 2)}}, checkpoint
    )
    for path in (*mpt.iterdir(), mpt):
        path.rmdir() if path.is_dir() else path.unlink()
    encoder = encoder_of(tmp_path, features="perceiver")
    with torch.no_grad():
        wanted = perceiver(encoder_of(clip).encode(pixels).flatten(1, 2))
    assert encoder.grid == (8, 8)
    torch.testing.assert_close(encoder.encode(pixels).flatten(1, 2), wanted)


def test_a_part_that_is_not_there_is_named_with_where_it_comes_from(tmp_path):
    _, _, checkpoint = write_published(tiny_flamingo(), tmp_path)
    checkpoint.unlink()
    assert encoder_of(tmp_path).grid == (2, 2)
    with pytest.raises(BadCheckpoint, match=r"checkpoint\.pt: missing; a folder with an OpenFlamingo holds clip/"):
        encoder_of(tmp_path, features="perceiver")


def test_the_hub_is_asked_for_what_the_features_need_and_no_more(tmp_path, monkeypatch):
    clip, _, checkpoint = write_published(tiny_flamingo(), tmp_path)
    trained = {f"perceiver.{key}": value for key, value in published_perceiver(24).state_dict().items()}
    torch.save(trained, checkpoint)
    asked = []

    def download(hub_id, files):
        asked.append(hub_id)
        return clip if "clip" in hub_id else tmp_path

    monkeypatch.setattr(places, "download", download)
    build_encoder("flamingo", checkpoint="full")
    assert set(asked) == {"openai/clip-vit-large-patch14"}
    asked.clear()
    build_encoder("flamingo", checkpoint="org/other-flamingo", features="perceiver")
    assert set(asked) == {"openai/clip-vit-large-patch14", "org/other-flamingo"}
    asked.clear()
    build_encoder("flamingo", checkpoint="org/a-clip")
    assert set(asked) == {"org/a-clip"}
    with pytest.raises(BadCheckpoint, match="which language model it was trained with is not known"):
        assert FlamingoFiles("org/other-flamingo").mpt


def test_the_published_sizes_are_as_the_package_has_them():
    with torch.device("meta"):
        model = Flamingo(PUBLISHED)
    assert _square(model.vision_encoder, None) == (16, 16)
    assert _square(model.vision_encoder, model.perceiver) == (8, 8)
    assert model.vision_encoder.config.hidden_size == 1024


def test_everything_that_decides_a_feature_is_in_the_fingerprint(saved):
    model, folder = saved
    before = dict(encoder_of(folder).fingerprint)
    for options, parts in {
        ("features", "perceiver"): {"features", "weights"},
        ("dtype", "bf16"): {"dtype"},
        ("aspect", "crop"): {"preprocessing", "preprocessing_probe"},
    }.items():
        after = encoder_of(folder, **dict([options])).fingerprint
        assert {part for part in before if before[part] != after[part]} == parts
    with torch.no_grad():
        model.vision_encoder.pre_layrnorm.weight[0] += 1e-3
    model.save_pretrained(folder)
    assert encoder_of(folder).fingerprint["weights"] != before["weights"]


def test_tiles_stand_side_by_side(saved, pixels):
    _, folder = saved
    encoder = encoder_of(folder, aspect="tiles")
    tiles = torch.stack([pixels[0], pixels[1], pixels[0]])
    grid = encoder.encode(tiles[None])
    assert grid.shape == (1, *encoder.grid, 24) == (1, 2, 6, 24)
    torch.testing.assert_close(grid[:, :, 2:4], encoder_of(folder).encode(pixels[1:]))


def test_frozen_and_in_its_own_number_format(saved, pixels):
    encoder = encoder_of(saved[1], features="perceiver", dtype="bf16")
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert not any(module.training for module in encoder.train().modules())
    features = encoder.encode(pixels)
    assert features.dtype == torch.bfloat16
    assert not features.requires_grad
    assert encoder.normalise.mean.dtype == torch.float32


def test_other_pictures_and_other_encoders_are_refused(saved, pixels):
    encoder = encoder_of(saved[1])
    for wrong in (pixels.float(), pixels[:, :2], pixels[0]):
        with pytest.raises(ValueError, match=r"pixels must be \(b, 3, 28, 28\) uint8"):
            encoder.encode(wrong)
    with pytest.raises(BadEncoder, match="smol encoder has no perceiver features"):
        build_encoder("smol", features="perceiver")


def test_a_folder_of_another_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(
        BadCheckpoint, match=r"model_type is 'llama': no option takes such a one\. --encoder flamingo"
    ):
        encoder_of(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(BadCheckpoint, match=r"clip: missing; a folder with an OpenFlamingo holds"):
        encoder_of(tmp_path)


def test_the_miniature_is_what_mini_means():
    encoder = build_encoder("flamingo", features="perceiver")
    assert encoder.grid == (4, 4)
    assert encoder.description.startswith("OpenFlamingo vision tower and Perceiver: miniature shipped with RoadCue")
    picture = np.full((50, 70, 3), 128, np.uint8)
    assert encoder.encode(encoder.preprocess(picture)[None]).isfinite().all()
    assert FlamingoFiles("mini").saved == mini.FLAMINGO
