"""Pictures and batches as they are handed to `predict`: read as they are meant, or refused in a sentence."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from roadcue.errors import BadInput
from roadcue.inference.pictures import is_single, preprocessed
from roadcue.loaders.jpeg import encode


def taken(pixels: np.ndarray, extent: tuple[float, float]) -> torch.Tensor:
    """In the place of an encoder's preprocessing."""
    return torch.from_numpy(pixels.copy())


def test_a_numpy_array_of_three_planes_or_three_grey_pictures_is_asked_about():
    with pytest.raises(BadInput, match=r"shape \(3, 48, 64\) may be one picture, plane by plane, or three grey ones"):
        is_single(np.zeros((3, 48, 64), np.uint8))


@pytest.mark.parametrize(
    ("images", "single"),
    [
        (torch.zeros(3, 48, 64), True),
        (np.zeros((48, 64, 3)), True),
        (np.zeros((48, 64)), True),
        (np.zeros((2, 48, 64, 3)), False),
        (torch.zeros(2, 3, 48, 64), False),
        ([np.zeros((3, 48, 64))], False),
        (b"jpeg", True),
        (bytearray(b"jpeg"), True),
        (memoryview(b"jpeg"), True),
        ("a.jpg", True),
        (Path("a.jpg"), True),
        (["a.jpg"], False),
        ({"FRONT": b"jpeg"}, True),
        (None, True),
    ],
    ids=lambda given: str(given) if isinstance(given, bool) else type(given).__name__,
)
def test_what_is_one_sample_and_what_are_several(images, single):
    assert is_single(images) == single


def test_every_form_of_a_file_and_of_floats_is_the_same_picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 2, (24, 32, 3), np.uint8) * 255
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG")  # and is read from its beginning, wherever it stands now
    file = tmp_path / "a.png"
    file.write_bytes(encoded.getvalue())
    floats = torch.from_numpy(pixels / 255.0)
    with file.open("rb") as opened:
        for form in (
            *(encoded.getvalue(), bytearray(encoded.getvalue()), memoryview(encoded.getvalue()), encoded, opened),
            *(floats, floats.float().requires_grad_(), floats.bfloat16(), floats.half()),
            floats.numpy() * 1.0001 - 1e-5,
        ):
            assert is_single(form)
            assert (preprocessed(form, taken, 8).numpy() == pixels).all(), type(form)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({1, 2}, "images: set is no picture; give the path of a JPEG, PNG or WebP, its bytes, a PIL picture, or an"),
        ((one for one in "ab"), "images: generator is no picture"),
        (5, "images: int is no picture"),
        ([[1, 2]], "images: list is no picture"),
        (np.full((24, 32, 3), 1.01), r"floats must lie within 0 to 1; this reaches from 1\.01 to 1\.01"),
        (io.StringIO("text"), "images: the open file gives text; open it in binary"),
        (io.BytesIO(b"text"), "images: does not decode as a JPEG, PNG or WebP picture"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_is_no_picture_is_a_sentence(given, sentence):
    with pytest.raises(BadInput, match=sentence):
        preprocessed(given, taken, 8)


def test_a_closed_file_is_a_sentence():
    closed = io.BytesIO(b"png")
    closed.close()
    with pytest.raises(BadInput, match="images: the open file cannot be read from its beginning"):
        preprocessed(closed, taken, 8)


def test_four_grey_pictures_in_an_array_are_no_picture():
    with pytest.raises(BadInput, match=r"images: an array of shape \(4, 48, 64\) is no picture"):
        preprocessed(np.zeros((4, 48, 64), np.uint8), taken, 384)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (15, 15), (15, 100), (16, 257), (1000, 62), (1, 5000)])
@pytest.mark.parametrize("form", ["array", "torch", "PIL", "bytes", "file"])
def test_a_picture_that_shows_next_to_nothing_is_refused(tmp_path, height, width, form):
    pixels = np.full((height, width, 3), 90, np.uint8)
    file = tmp_path / "narrow.jpg"
    file.write_bytes(encode(pixels, 90))
    forms = {
        "array": pixels,
        "torch": torch.from_numpy(pixels),
        "PIL": Image.fromarray(pixels),
        "bytes": file.read_bytes(),
        "file": file,
    }
    where = str(file) if form == "file" else "images"
    with pytest.raises(BadInput) as refused:
        preprocessed(forms[form], taken, 8)
    assert str(refused.value).startswith(f"{where}: shows too little, as its short side has fewer than 16")


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 256), (960, 60)])
def test_a_small_or_long_picture_that_shows_something_is_taken(height, width):
    assert preprocessed(np.zeros((height, width, 3), np.uint8), taken, 8).shape == (height, width, 3)
