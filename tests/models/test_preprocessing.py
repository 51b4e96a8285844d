import json
import pickle

import numpy as np
import pytest
import torch
from transformers import SmolVLMImageProcessor

from models import mini
from models.encoder import BadCheckpoint
from models.preprocessing import Preprocessing, read_preprocessing

SETTINGS = "preprocessor_config.json"


def published(**settings) -> SmolVLMImageProcessor:
    """transformers' own processor on one tile, stopped before it rescales: uint8 levels."""
    whole = json.loads((mini.SMOL / SETTINGS).read_text()) | {"do_image_splitting": False}
    return SmolVLMImageProcessor(**(whole | {"do_rescale": False, "do_normalize": False} | settings))


@pytest.mark.parametrize("shape", [(240, 320), (1079, 972), (100, 90), (224, 224), (37, 600)])
def test_squash_is_the_published_processors_resize_to_one_tile(shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    theirs = published(do_resize=False)(picture, return_tensors="pt")["pixel_values"][0, 0]
    ours = read_preprocessing(mini.SMOL, "squash")(picture)
    assert ours.dtype == torch.uint8
    assert torch.equal(ours.float(), theirs.float())


def test_leaving_out_the_published_enlargement_before_the_tile_moves_a_picture_by_a_fraction_of_a_level(road):
    theirs = published(size={"longest_edge": 4 * 224})(road, return_tensors="pt")["pixel_values"][0, 0]
    difference = (read_preprocessing(mini.SMOL, "squash")(road).float() - theirs.float()).abs()
    assert difference.mean() < 0.3
    assert (difference > 2).float().mean() < 0.05


def test_encoder_normalises_like_the_published_processor(encoder, road):
    theirs = published(do_resize=False, do_rescale=True, do_normalize=True)(road, return_tensors="pt")
    seen = []
    hook = encoder.tower.embeddings.patch_embedding.register_forward_pre_hook(lambda _, args: seen.extend(args))
    encoder.encode(encoder.preprocess(road)[None])
    hook.remove()
    torch.testing.assert_close(seen[0], theirs["pixel_values"][0], rtol=0, atol=1e-6)


def test_letterbox_keeps_the_shape_and_centres_the_picture_on_grey():
    letterbox = read_preprocessing(mini.SMOL, "letterbox")
    wide = letterbox(np.full((100, 200, 3), 255, np.uint8))
    assert wide.shape == (3, 224, 224)
    assert (wide[:, 56:168] == 255).all()
    assert (wide[:, :56] == 128).all()
    assert (wide[:, 168:] == 128).all()
    tall = letterbox(np.full((200, 100, 3), 255, np.uint8))
    assert torch.equal(tall, wide.transpose(1, 2))


def test_letterbox_of_a_square_is_squash(road):
    square = road[:200, :200]
    assert torch.equal(
        read_preprocessing(mini.SMOL, "letterbox")(square), read_preprocessing(mini.SMOL, "squash")(square)
    )


def test_letterbox_of_a_sliver_keeps_one_pixel():
    sliver = read_preprocessing(mini.SMOL, "letterbox")(np.full((1, 5000, 3), 255, np.uint8))
    assert ((sliver != 128).any(0).any(1)).sum() == 1


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 3), np.float32),
    ],
)
def test_what_is_no_picture_is_refused(picture):
    with pytest.raises(ValueError, match=r"a picture must be \(H, W, 3\) uint8 RGB and not empty"):
        read_preprocessing(mini.SMOL, "squash")(picture)


def test_read_only_and_mirrored_arrays_are_taken_and_left_as_they_are(road, recwarn):
    preprocess = read_preprocessing(mini.SMOL, "squash")
    mirrored = preprocess(road[:, ::-1])
    assert torch.equal(mirrored, preprocess(road[:, ::-1].copy()))
    road.flags.writeable = False
    before = road.copy()
    preprocess(road)
    assert (road == before).all()
    assert not len(recwarn)


def test_it_travels_to_worker_processes(road):
    preprocess = read_preprocessing(mini.SMOL, "letterbox")
    assert torch.equal(pickle.loads(pickle.dumps(preprocess))(road), preprocess(road))


def test_settings_are_read_from_either_published_layout(folder):
    before = read_preprocessing(folder, "squash")
    settings = json.loads((folder / SETTINGS).read_text())
    (folder / SETTINGS).unlink()
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": settings, "image_seq_len": 49}))
    assert read_preprocessing(folder, "squash") == before


def test_missing_settings_are_an_error_and_never_a_default(folder):
    (folder / SETTINGS).unlink()
    with pytest.raises(BadCheckpoint, match=r"preprocessor_config\.json: missing"):
        read_preprocessing(folder, "squash")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_image_size": None}, "max_image_size"),
        ({"image_mean": None}, "image_mean"),
        ({"image_std": None}, "image_std"),
        ({"resample": None}, "resample"),
        ({"resample": 99}, "99"),
        ({"max_image_size": {"longest_edge": -3}}, "-3"),
        ({"max_image_size": {"longest_edge": 10**9}}, "1000000000"),
        ({"image_std": [0.5, 0.5, 0.0]}, "positive"),
        ({"image_mean": [0.5, 0.5]}, "values"),
        ({"do_normalize": False}, "do_normalize"),
        ({"rescale_factor": 1.0}, "rescale_factor"),
    ],
)
def test_settings_that_cannot_be_used_are_named(folder, change, message):
    settings = json.loads((folder / SETTINGS).read_text()) | change
    (folder / SETTINGS).write_text(json.dumps({key: value for key, value in settings.items() if value is not None}))
    with pytest.raises(BadCheckpoint, match=r"preprocessor_config\.json.*" + message):
        read_preprocessing(folder, "squash")


def test_the_probe_tells_two_resizes_of_the_same_settings_apart(monkeypatch):
    preprocess = read_preprocessing(mini.SMOL, "squash")
    before = preprocess.fingerprint
    assert before == read_preprocessing(mini.SMOL, "squash").fingerprint
    resize = Preprocessing._resize
    monkeypatch.setattr(Preprocessing, "_resize", lambda self, *args: resize(self, *args) // 2 * 2)
    assert preprocess.fingerprint["preprocessing"] == before["preprocessing"]
    assert preprocess.fingerprint["preprocessing_probe"] != before["preprocessing_probe"]


@pytest.mark.parametrize("extent", [None, (539.5, 486.0)])
@pytest.mark.parametrize("aspect", ["squash", "letterbox"])
def test_an_older_torch_resizes_the_same_by_pillow(monkeypatch, extent, aspect):
    """torch below 2.12 has no Lanczos filter of its own."""
    y, x = np.mgrid[0:540, 0:486]
    picture = np.stack([x // 2, y // 3, 128 + 100 * np.sin(x / 9) * np.cos(y / 7)], axis=-1).astype(np.uint8)
    preprocess = Preprocessing(384, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "lanczos", aspect)
    here = preprocess(picture, extent).int()
    monkeypatch.setattr("models.preprocessing._TORCH_HAS_LANCZOS", False)
    assert (preprocess(picture, extent).int() - here).abs().max() <= 2
