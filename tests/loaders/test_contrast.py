import cv2
import numpy as np
import pytest
import torch

from roadcue.loaders.contrast import CONTRAST_SHAPE, SCALES, contrast


def grey(values) -> torch.Tensor:
    """(h, w) -> a batch of one grey picture, (1, 3, h, w) uint8."""
    return torch.as_tensor(np.asarray(values, dtype=np.uint8)).expand(1, 3, -1, -1)


def noise(side=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("side", [1, 2, 7, 16, 33])
def test_one_grey_has_no_contrast_at_any_scale(value, side):
    found = contrast(grey(np.full((side, side), value)))
    torch.testing.assert_close(found, torch.full((1, *CONTRAST_SHAPE), 0.5).log(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("scale", range(SCALES))
def test_squares_of_a_size_have_their_contrast_at_that_scale_alone(scale):
    """Of 0 and 200 alternating, every point is 100 from the mean of its four."""
    squares = np.kron(np.indices((16, 16)).sum(axis=0) % 2, np.ones((2**scale, 2**scale))) * 200
    expected = torch.full((SCALES,), 0.5)
    expected[scale] += 100
    torch.testing.assert_close(contrast(grey(squares))[0], expected.log().expand(CONTRAST_SHAPE), rtol=0, atol=1e-3)


@pytest.mark.parametrize("side", [64, 63])
def test_of_a_half_covered_picture_that_half_has_no_contrast_and_the_other_keeps_its_own(side):
    for half, place in enumerate(
        (np.s_[: side // 2 + 1], np.s_[side // 2 :], np.s_[:, : side // 2 + 1], np.s_[:, side // 2 :])
    ):
        covered = noise(side)
        covered[place] = 0
        before, after = (contrast(grey(picture))[0] for picture in (noise(side), covered))
        lost = (before - after).mean(dim=1)
        assert lost.argmax() == half
        assert lost[half] > 2
        assert lost[half ^ 1] < 0.5


def test_grey_is_what_rec_601_makes_of_colours():
    black_or_red, black_or_grey = np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)
    black_or_red[:, ::2], black_or_grey[:, ::2] = 200, round(0.299 * 200)
    red = grey(black_or_red) * torch.tensor([1, 0, 0], dtype=torch.uint8)[:, None, None]
    torch.testing.assert_close(contrast(red), contrast(grey(black_or_grey)), rtol=0, atol=0.01)


def test_blur_takes_the_finest_scales_first():
    sharp, blurred = (contrast(grey(picture))[0] for picture in (noise(), cv2.GaussianBlur(noise(), (0, 0), 1.5)))
    lost = sharp - blurred
    assert (lost > 0.05).all()
    assert (lost.diff() < 0).all()


def test_each_picture_of_a_batch_has_its_own_and_tiles_have_theirs_together():
    one, other = grey(noise()), grey(noise(seed=1) // 8)
    batch = contrast(torch.cat([one, other]))
    torch.testing.assert_close(batch, torch.cat([contrast(one), contrast(other)]))
    tiles = contrast(torch.stack([one[0], other[0], other[0]])[None])
    mean = (batch[0].exp() + 2 * batch[1].exp()) / 3
    torch.testing.assert_close(tiles[0], mean.log())
