import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from roadcue.errors import BadRecord
from roadcue.loaders import jpeg, picture_file

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
        np.testing.assert_array_equal(picture_file.decode(ENCODED, WHERE), np.array(other.convert("RGB")))


def test_encode_keeps_the_picture() -> None:
    decoded = picture_file.decode(ENCODED, WHERE)
    assert decoded.shape == (60, 90, 3)
    assert decoded.dtype == np.uint8
    smooth = picture(60, 90)[..., :2].astype(int)
    assert np.abs(decoded[..., :2] - smooth).mean() < 12


def test_grey_comes_out_as_rgb() -> None:
    grey = np.ascontiguousarray(picture(40, 40)[..., :1])
    decoded = picture_file.decode(simplejpeg.encode_jpeg(grey, colorspace="GRAY", colorsubsampling="Gray"), WHERE)
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
    with pytest.raises(BadRecord, match=rf"^{WHERE}: does not decode as a JPEG, PNG or WebP picture \(.*write"):
        picture_file.decode(damaged, WHERE)


def test_decompression_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(BadRecord, match=f"^{WHERE}: claims 65000 x 65000 pixels, more than the 64000000"):
        picture_file.decode(with_size(ENCODED, 65000, 65000), WHERE)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(2, len(ENCODED) - 1), st.integers(0, 255)), min_size=1, max_size=5))
def test_damage_decodes_or_is_a_bad_record(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(ENCODED)
    for at, value in changes:
        damaged[at] = value
    try:
        decoded = picture_file.decode(bytes(damaged), WHERE)
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
    pixels, stands_for = picture_file.decode_at_least(jpeg.encode(picture(*size), 80), WHERE, side)
    assert pixels.shape[:2] == decoded
    assert stands_for == extent


def test_half_size_shows_the_same_picture() -> None:
    y, x = np.mgrid[0:201, 0:160]
    smooth = np.stack([x, y, (x + y) // 2], axis=-1).astype(np.uint8)
    encoded = jpeg.encode(smooth, 95)
    half, (rows, _) = picture_file.decode_at_least(encoded, WHERE, 80)
    assert half.shape == (101, 80, 3)
    assert rows == 100.5
    pairs = smooth[:200].reshape(100, 2, 80, 2, 3).mean(axis=(1, 3))
    assert np.abs(half[:100] - pairs).mean() < 1.5


def test_half_size_of_a_damaged_picture_is_a_bad_record() -> None:
    encoded = jpeg.encode(picture(200, 200), 90)
    with pytest.raises(BadRecord, match=WHERE):
        picture_file.decode_at_least(encoded[: len(encoded) // 2], WHERE, 64)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_orientation(tag: int) -> Image.Exif:
    exif = Image.Exif()
    exif[Base.Orientation] = tag
    return exif


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("tag", range(1, 9))
@pytest.mark.parametrize("size", [(60, 90), (61, 90), (61, 91)])
def test_every_orientation_is_turned_upright(tag: int, kind: str, size: tuple[int, int]) -> None:
    """As every viewer shows it, whole or at half size."""
    options = {"JPEG": {"quality": 95}, "PNG": {}, "WEBP": {"lossless": True}}[kind]
    encoded = saved(Image.fromarray(picture(*size)), kind, exif=with_orientation(tag), **options)
    with Image.open(io.BytesIO(encoded)) as image:
        shown = np.array(ImageOps.exif_transpose(image).convert("RGB"))
    np.testing.assert_array_equal(picture_file.decode(encoded, WHERE), shown)
    pixels, extent = picture_file.decode_at_least(encoded, WHERE, 30)
    smaller = np.array(Image.fromarray(shown).resize((30, 30), Image.Resampling.BOX)).astype(int)
    box = (0, 0, extent[1], extent[0])
    same = np.array(Image.fromarray(pixels).resize((30, 30), Image.Resampling.BOX, box=box)).astype(int)
    assert np.abs(same - smaller).mean() < 5


@pytest.mark.parametrize("tag", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(tag: int) -> None:
    encoded = saved(Image.fromarray(picture(20, 30)), "JPEG", exif=with_orientation(tag))
    assert picture_file.decode(encoded, WHERE).shape == (20, 30, 3)


def test_a_damaged_exif_block_turns_nothing() -> None:
    encoded = saved(Image.fromarray(picture(20, 30)), "JPEG", exif=with_orientation(6))
    damaged = encoded.replace(b"Exif\0\0MM", b"Exif\0\0XX")
    assert damaged != encoded
    assert picture_file.decode(damaged, WHERE).shape == (20, 30, 3)


def test_sixteen_bits_are_scaled() -> None:
    levels = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    decoded = picture_file.decode(saved(Image.fromarray(levels), "PNG"), WHERE)
    np.testing.assert_array_equal(decoded[..., 0].ravel(), np.arange(256))


def test_colours_of_a_printer_are_pillows() -> None:
    encoded = saved(Image.fromarray(picture(40, 40)).convert("CMYK"), "JPEG", quality=95)
    decoded = picture_file.decode(encoded, WHERE).astype(int)
    assert np.abs(decoded - picture(40, 40)).mean() < 12


def test_a_legal_jpeg_that_the_fast_decoder_has_no_name_for() -> None:
    """Colours at a quarter of the rows, 4:4:1: of a 4:1:1 picture, whose blocks are as many, read another way."""
    grey = np.full((64, 64, 3), 128, np.uint8)
    _, encoded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411])
    turned = bytearray(encoded.tobytes())
    at = turned.index(b"\xff\xc0") + 11
    assert turned[at] == 0x41
    turned[at] = 0x14
    with pytest.raises(KeyError):
        simplejpeg.decode_jpeg_header(bytes(turned))
    assert np.abs(picture_file.decode(bytes(turned), WHERE).astype(int) - 128).max() <= 2


def test_whatever_a_decoder_raises_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(jpeg, "decode", fail)
    with pytest.raises(BadRecord, match=f"^{WHERE}: .*no room"):
        picture_file.decode(ENCODED, WHERE)


def test_floats_within_0_to_1_are_levels() -> None:
    levels = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16, 1).repeat(3, axis=2)
    np.testing.assert_array_equal(picture_file.rgb(levels)[..., 0].ravel(), np.arange(256))


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.full((8, 8, 3), 200.0), "must lie within 0 to 1; this reaches from 200 to 200"),
        (np.full((8, 8, 3), np.nan), "must lie within 0 to 1"),
        (np.full((8, 8, 3), 200, np.int64), "of type int64 may mean anything"),
        (np.ones((8, 8, 3), bool), "of type bool may mean anything"),
        (np.zeros((8, 8, 4), np.uint8), r"of shape \(8, 8, 4\) is no picture"),
        (np.zeros((0, 8, 3), np.uint8), r"of shape \(0, 8, 3\) is no picture"),
    ],
)
def test_an_array_that_may_mean_anything_is_refused(array: np.ndarray, says: str) -> None:
    with pytest.raises(BadRecord, match=says):
        picture_file.rgb(array)


@pytest.mark.parametrize("side", [9_000, 30_000, 2**31 - 1])
def test_a_giant_png_is_refused_in_our_words(side):
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100)))
    with pytest.raises(BadRecord, match=r"^x\.png: claims .*more than the 64000000.* make the picture smaller$"):
        picture_file.decode(png, "x.png")
