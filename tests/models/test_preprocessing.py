import json
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    CLIPImageProcessor,
    Idefics3ImageProcessor,
    Idefics3Processor,
    SmolVLMImageProcessor,
)

from roadcue.errors import BadCheckpoint, BadEncoder
from roadcue.models import mini
from roadcue.models.preprocessing import (
    CLIP_MEAN,
    CLIP_STD,
    Preprocessing,
    clip_preprocessing,
    join_tiles,
    read_preprocessing,
)
from roadcue.models.smol.encoder import SmolEncoder

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


NESTED = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "resample": 3}


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("shared", [None, "no settings", "null", "settings", "a list"])
def test_of_two_files_of_settings_the_one_is_read_that_transformers_reads(folder, own, shared):
    """AutoImageProcessor over every combination of preprocessor_config.json and processor_config.json."""
    settings = json.loads((folder / SETTINGS).read_text())
    if not own:
        (folder / SETTINGS).unlink()
    nested = {"null": None, "settings": settings | NESTED, "a list": [1]}
    parts = {"image_processor": nested[shared]} if shared in nested else {}
    (folder / "processor_config.json").unlink()
    if shared is not None:
        (folder / "processor_config.json").write_text(json.dumps({"processor_class": "SmolVLMProcessor", **parts}))
    try:
        theirs = AutoImageProcessor.from_pretrained(folder)
    except (OSError, AttributeError):
        with pytest.raises(BadCheckpoint, match=r"processor_config\.json: "):
            read_preprocessing(folder, "squash")
        return
    ours = read_preprocessing(folder, "squash")
    assert (ours.mean, ours.std) == (tuple(theirs.image_mean), tuple(theirs.image_std))
    assert ours.resample == {1: "lanczos", 3: "bicubic"}[theirs.resample]
    assert ours.side == theirs.max_image_size["longest_edge"]


def test_settings_saved_by_transformers_into_a_downloaded_folder_are_those_that_are_read(folder):
    settings = published(do_rescale=True, do_normalize=True).to_dict() | NESTED
    processor = Idefics3Processor(Idefics3ImageProcessor(**settings), AutoTokenizer.from_pretrained(folder))
    processor.save_pretrained(folder)
    assert json.loads((folder / SETTINGS).read_text())["image_mean"] == [0.5, 0.5, 0.5]
    assert read_preprocessing(folder, "squash").mean == (0.1, 0.2, 0.3)


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
    monkeypatch.setattr("roadcue.models.preprocessing._TORCH_HAS_LANCZOS", False)
    assert (preprocess(picture, extent).int() - here).abs().max() <= 2


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "shape",
    # wide, tall, square, smaller than the square, as large; and with halves to round, to even and to odd
    [
        (240, 320),
        (1079, 972),
        (886, 1920),
        (300, 300),
        (100, 90),
        (37, 300),
        (224, 224),
        (224, 325),
        (224, 327),
        (431, 225),
    ],
)
def test_crop_is_torchvisions_resize_and_centre_crop_of_a_pil_picture(shape):
    published = transforms.Compose(
        [transforms.Resize(224, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224)]
    )
    picture = noise(*shape)
    theirs = torch.from_numpy(np.array(published(Image.fromarray(picture)))).permute(2, 0, 1)
    assert torch.equal(clip_preprocessing(224, "crop")(picture), theirs)


def test_crop_is_that_of_transformers_clip_but_for_the_rounding_of_its_filter(road):
    """Its processor resizes with torch, not with Pillow."""
    processor = CLIPImageProcessor(do_rescale=False, do_normalize=False)
    theirs = processor(road, return_tensors="pt")["pixel_values"][0]
    difference = (clip_preprocessing(224, "crop")(road).int() - theirs.int()).abs()
    assert difference.max() <= 2
    assert (difference > 0).float().mean() < 0.02


def test_the_published_normalisation_is_that_of_transformers_clip():
    processor = CLIPImageProcessor()
    preprocess = clip_preprocessing(224, "crop")
    assert (preprocess.mean, preprocess.std) == (CLIP_MEAN, CLIP_STD)
    assert list(preprocess.mean) == list(processor.image_mean)
    assert list(preprocess.std) == list(processor.image_std)


@pytest.mark.parametrize("shape", [(1, 40_000), (40_000, 1)])
def test_a_line_of_pixels_is_cropped_without_gigabytes(shape):
    picture = np.zeros((*shape, 3), np.uint8)
    picture[tuple(slice(side // 2 - 4, side // 2 + 4) if side > 1 else 0 for side in shape)] = 255
    assert (clip_preprocessing(64, "crop")(picture) == 255).all()


def columns(height: int, width: int) -> np.ndarray:
    """A picture whose levels tell the column, from 0 at the left to 240 at the right."""
    return np.broadcast_to((np.arange(width) * 240 // width)[None, :, None], (height, width, 3)).astype(np.uint8)


def test_tiles_are_the_left_the_centre_and_the_right_square_of_a_wide_picture():
    preprocess = clip_preprocessing(64, "tiles")
    picture = columns(100, 200)
    tiles = preprocess(picture)
    assert tiles.shape == preprocess.shape == (3, 3, 64, 64)
    squash = clip_preprocessing(64, "squash")
    for tile, left in zip(tiles, (0, 50, 100), strict=True):
        assert torch.equal(tile, squash(picture[:, left : left + 100]))


def test_the_tiles_of_a_very_wide_picture_leave_no_strip_out():
    tiles = clip_preprocessing(60, "tiles")(columns(100, 602)).float().mean(dim=(1, 2))
    edges = [(float(tile[0]), float(tile[-1])) for tile in tiles]
    assert edges[0][0] < 2
    assert edges[2][1] > 236
    for (_, ends), (begins, _) in pairwise(edges):
        assert abs(begins - ends) < 4


def test_thirds_that_do_not_divide_the_width_overlap_by_a_column():
    picture = noise(5, 32)
    tiles = clip_preprocessing(8, "tiles")(picture)
    squash = clip_preprocessing(8, "squash")
    for tile, left in zip(tiles, (0, 10, 21), strict=True):
        assert torch.equal(tile, squash(picture[:, left : left + 11]))


def test_the_tiles_of_a_tall_picture_are_the_square_in_its_middle():
    picture = noise(200, 100)
    middle = clip_preprocessing(50, "squash")(picture[50:150])
    assert all(torch.equal(tile, middle) for tile in clip_preprocessing(50, "tiles")(picture))


def test_tiles_take_the_extent_of_a_picture_decoded_at_half_its_size():
    preprocess = clip_preprocessing(64, "tiles")
    picture = columns(100, 201)
    with_extent = preprocess(picture, (99.5, 200.5))
    assert torch.equal(with_extent[0], clip_preprocessing(64, "squash")(picture[:, :100], (99.5, 100)))
    assert torch.equal(with_extent[2], clip_preprocessing(64, "squash")(picture[:, 101:], (99.5, 99.5)))


def test_joined_tiles_stand_beside_each_other():
    grids = torch.arange(2 * 3 * 4 * 5).view(6, 4, 5, 1)
    joined = join_tiles(grids, 3)
    assert joined.shape == (2, 4, 15, 1)
    for picture in range(2):
        for tile in range(3):
            assert torch.equal(joined[picture, :, 5 * tile : 5 * tile + 5], grids[3 * picture + tile])
    assert torch.equal(join_tiles(grids, 1), grids)


def test_an_encoder_reads_tiles_as_pictures_of_their_own(encoder, road):
    tiled = SmolEncoder.from_pretrained(mini.SMOL, aspect="tiles", origin="miniature")
    pixels = torch.stack([tiled.preprocess(road), tiled.preprocess(road[:, ::-1])])
    tokens = tiled.encode(pixels)
    assert tokens.shape == (2, *tiled.grid, tiled.width)
    assert tiled.grid == (encoder.grid[0], 3 * encoder.grid[1])
    right = tokens[1, :, -encoder.grid[1] :]
    torch.testing.assert_close(right, encoder.encode(pixels[1, 2][None])[0])
    with pytest.raises(ValueError, match=r"\(b, 3, 3, 224, 224\) uint8"):
        tiled.encode(pixels[0])


def test_every_aspect_is_told_apart_by_the_fingerprint_and_others_are_refused():
    aspects = ("squash", "letterbox", "crop", "tiles")
    assert len({clip_preprocessing(32, aspect).fingerprint["preprocessing_probe"] for aspect in aspects}) == 4
    for refused in (lambda: clip_preprocessing(32, "stretch"), lambda: read_preprocessing(mini.SMOL, "stretch")):
        with pytest.raises(BadEncoder, match=r"unknown aspect 'stretch': choose one of squash, .*, tiles"):
            refused()
