import struct

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from roadcue.errors import BadRecord
from roadcue.loaders import jpeg

WHERE = "shard: record at byte 7"


def picture(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) % 64 * 4], axis=-1).astype(np.uint8)


def with_size(encoded: bytes, height: int, width: int) -> bytes:
    """The same JPEG with another size in its SOF0 header."""
    at = encoded.index(b"\xff\xc0") + 5
    return encoded[:at] + struct.pack(">HH", height, width) + encoded[at + 4 :]


ENCODED = jpeg.encode(picture(60, 90), quality=90)


def test_decoded_as_other_software_does(tmp_path) -> None:
    (tmp_path / "x.jpg").write_bytes(ENCODED)
    with Image.open(tmp_path / "x.jpg") as other:
        np.testing.assert_array_equal(jpeg.decode(ENCODED, WHERE), np.array(other.convert("RGB")))


def test_encode_keeps_the_picture() -> None:
    decoded = jpeg.decode(ENCODED, WHERE)
    assert decoded.shape == (60, 90, 3)
    assert decoded.dtype == np.uint8
    smooth = picture(60, 90)[..., :2].astype(int)
    assert np.abs(decoded[..., :2] - smooth).mean() < 12


def test_grey_comes_out_as_rgb() -> None:
    grey = np.ascontiguousarray(picture(40, 40)[..., :1])
    decoded = jpeg.decode(simplejpeg.encode_jpeg(grey, colorspace="GRAY", colorsubsampling="Gray"), WHERE)
    assert decoded.shape == (40, 40, 3)
    assert (decoded == decoded[..., :1]).all()
    assert np.abs(decoded[..., 0].astype(int) - grey[..., 0]).mean() < 5


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"not a picture",
        ENCODED[:2],
        ENCODED[:200],
        ENCODED[:-60],
        ENCODED[100:],
        b"\x89PNG\r\n\x1a\n" + bytes(50),
    ],
)
def test_what_does_not_decode_is_named(damaged: bytes) -> None:
    with pytest.raises(BadRecord, match=rf"^{WHERE}: does not decode as a JPEG picture \(.*write it again"):
        jpeg.decode(damaged, WHERE)


def test_decompression_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(BadRecord, match=f"^{WHERE}: claims 65000 x 65000 pixels, more than the 64000000"):
        jpeg.decode(with_size(ENCODED, 65000, 65000), WHERE)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(2, len(ENCODED) - 1), st.integers(0, 255)), min_size=1, max_size=5))
def test_damage_decodes_or_is_a_bad_record(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(ENCODED)
    for at, value in changes:
        damaged[at] = value
    try:
        decoded = jpeg.decode(bytes(damaged), WHERE)
    except BadRecord:
        return
    assert decoded.dtype == np.uint8
    assert decoded.shape[2] == 3


@pytest.mark.parametrize(
    ("size", "side", "decoded", "extent"),
    [
        ((1079, 972), 384, (540, 486), (539.5, 486.0)),
        ((768, 900), 384, (384, 450), (384.0, 450.0)),
        ((767, 900), 384, (767, 900), (767.0, 900.0)),
        ((587, 972), 384, (587, 972), (587.0, 972.0)),
    ],
)
def test_half_size_only_when_both_sides_stay_large_enough(
    size: tuple[int, int], side: int, decoded: tuple[int, int], extent: tuple[float, float]
) -> None:
    pixels, stands_for = jpeg.decode_at_least(jpeg.encode(picture(*size), 80), WHERE, side)
    assert pixels.shape[:2] == decoded
    assert stands_for == extent


def test_half_size_shows_the_same_picture() -> None:
    y, x = np.mgrid[0:201, 0:160]
    smooth = np.stack([x, y, (x + y) // 2], axis=-1).astype(np.uint8)
    encoded = jpeg.encode(smooth, 95)
    half, (rows, _) = jpeg.decode_at_least(encoded, WHERE, 80)
    assert half.shape == (101, 80, 3)
    assert rows == 100.5
    pairs = smooth[:200].reshape(100, 2, 80, 2, 3).mean(axis=(1, 3))
    assert np.abs(half[:100] - pairs).mean() < 1.5


def test_half_size_of_a_damaged_picture_is_a_bad_record() -> None:
    encoded = jpeg.encode(picture(200, 200), 90)
    with pytest.raises(BadRecord, match=WHERE):
        jpeg.decode_at_least(encoded[: len(encoded) // 2], WHERE, 64)
