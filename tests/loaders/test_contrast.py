import cv2
import numpy as np
import pytest
import torch

from roadcue.loaders.contrast import CONTRAST_SHAPE, GRID, SCALES, contrast

BRIGHTNESS, FINE = slice(3, 3 + GRID), slice(3 + GRID, None)


def grey(values) -> torch.Tensor:
    """(h, w) -> a batch of one grey picture, (1, 3, h, w) uint8."""
    return torch.as_tensor(np.asarray(values, dtype=np.uint8)).expand(1, 3, -1, -1)


def noise(side=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("side", [1, 2, 7, 16, 33])
def test_one_grey_has_no_contrast_at_any_scale(value, side):
    found = contrast(grey(np.full((side, side), value)))
    expected = torch.zeros(1, *CONTRAST_SHAPE)
    expected[:, 0] = expected[:, FINE] = np.log(0.1)
    expected[:, BRIGHTNESS] = value
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("scale", range(SCALES))
def test_squares_of_a_size_have_their_contrast_at_that_scale_alone(scale):
    """Of 0 and 200 alternating, every point is 100 from the mean of its four."""
    squares = np.kron(np.indices((16, 16)).sum(axis=0) % 2, np.ones((2**scale, 2**scale))) * 200
    expected = torch.zeros(CONTRAST_SHAPE)
    expected[0] = np.log(0.1)
    expected[0, scale] = np.log(100.1)
    expected[BRIGHTNESS] = 100
    expected[FINE] = (np.log(0.1) + np.log(100.1)) / 2 if scale in (1, 2) else np.log(0.1)
    torch.testing.assert_close(contrast(grey(squares))[0], expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("side", [64, 63])
def test_a_half_that_is_covered_has_no_share_in_the_contrast(side):
    middle = side // 2
    halves = {
        (1, -1): np.s_[: middle + 1],
        (1, 1): np.s_[middle:],
        (2, -1): np.s_[:, : middle + 1],
        (2, 1): np.s_[:, middle:],
    }
    whole = contrast(grey(noise(side)))[0]
    assert (whole[1:3].abs() < 0.6).all()
    for (view, sign), half in halves.items():
        covered = noise(side)
        covered[half] = 0
        found = contrast(grey(covered))[0]
        assert (sign * found[view] > 1.5).all()
        assert (found[3 - view].abs() < 0.9).all()
        torch.testing.assert_close(found[0], whole[0] - np.log(2), rtol=0, atol=0.4)


def test_the_contrast_of_a_darker_picture_is_less_and_that_of_its_halves_the_same():
    bright, dark = (contrast(grey(picture))[0] for picture in (noise(), noise() // 4))
    torch.testing.assert_close(dark[0], bright[0] - np.log(4), rtol=0, atol=0.05)
    torch.testing.assert_close(dark[1:3], bright[1:3], rtol=0, atol=0.05)
    torch.testing.assert_close(dark[BRIGHTNESS], bright[BRIGHTNESS] / 4, rtol=0, atol=0.5)
    torch.testing.assert_close(dark[FINE], bright[FINE] - np.log(4), rtol=0, atol=0.05)


def test_a_cell_has_the_brightness_and_contrast_of_its_place():
    picture = np.full((64, 64), 200, np.uint8)
    picture[16:32, 48:] = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((2, 2))) * 80
    found = contrast(grey(picture))[0]
    expected = torch.full((2, GRID, GRID), 200.0)
    expected[1] = np.log(0.1)
    expected[:, 1, 3] = torch.tensor([40, (np.log(40.1) + np.log(0.1)) / 2])
    torch.testing.assert_close(found[3:].view(2, GRID, GRID), expected, rtol=0, atol=1e-3)


def test_grey_is_what_rec_601_makes_of_colours():
    black_or_red, black_or_grey = np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)
    black_or_red[:, ::2], black_or_grey[:, ::2] = 200, round(0.299 * 200)
    red = grey(black_or_red) * torch.tensor([1, 0, 0], dtype=torch.uint8)[:, None, None]
    found, expected = contrast(red), contrast(grey(black_or_grey))
    torch.testing.assert_close(found[:, BRIGHTNESS], expected[:, BRIGHTNESS], rtol=0, atol=0.11)  # a byte is rounded
    for rows in (slice(0, 3), FINE):
        torch.testing.assert_close(found[:, rows], expected[:, rows], rtol=0, atol=0.01)


def test_blur_takes_the_finest_scales_first():
    sharp, blurred = (contrast(grey(picture))[0] for picture in (noise(), cv2.GaussianBlur(noise(), (0, 0), 1.5)))
    lost = (sharp - blurred)[0]
    assert (lost > 0.1).all()
    assert (lost.diff() < 0).all()


def test_each_picture_of_a_batch_has_its_own_and_tiles_have_theirs_together():
    one, other = grey(noise()), grey(noise(seed=1) // 8)
    batch = contrast(torch.cat([one, other]))
    torch.testing.assert_close(batch, torch.cat([contrast(one), contrast(other)]))
    tiles = contrast(torch.stack([one[0], other[0], other[0]])[None])
    mean = (batch[0, 0].exp() + 2 * batch[1, 0].exp()) / 3
    torch.testing.assert_close(tiles[0, 0], mean.log())
