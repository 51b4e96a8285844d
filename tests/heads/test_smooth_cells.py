"""A part of a picture that is smoother than it may be is told by row and brightness, not where overexposed."""

import numpy as np
import torch

from roadcue.heads.smooth_cells import SmoothCells

ROWS = 400


def pictures(rows=ROWS, seed=0, cameras=1):
    """Brightness and contrast of cells: the sky (row 0) is smooth, and what is bright has more contrast."""
    random = torch.Generator().manual_seed(seed)
    brightness = 30 + 170 * torch.rand(rows, cameras, 4, 4, generator=random)
    contrast = brightness / 100 + 0.2 * torch.randn(rows, cameras, 4, 4, generator=random)
    contrast[:, :, 0] -= 3
    return brightness, contrast


def fitted(cameras=1, **known):
    cells = SmoothCells(cameras, 4)
    cells.fit(*pictures(cameras=cameras), known.get("known", torch.ones(ROWS, cameras, dtype=torch.bool)))
    return cells


def test_few_pictures_have_a_cell_as_smooth_as_the_smoothest_of_training():
    score = fitted()(*pictures(seed=1))
    assert score.shape == (ROWS, 1)
    assert 0.01 < (score > 1).float().mean() < 0.2
    assert (score < 2).all()


def test_a_smooth_part_is_told_where_training_has_none():
    cells, (brightness, contrast) = fitted(), pictures(seed=2)
    for line, told in ((1, True), (3, True), (0, False)):
        covered = contrast.clone()
        covered[:, :, line, 2] = -2.3  # as the sky
        assert ((cells(brightness, covered) > 2.5).float().mean() == 1) == told


def test_what_is_dark_may_be_smoother_than_what_is_bright():
    cells, (brightness, contrast) = fitted(), pictures(seed=3)
    for level, told in ((190.0, True), (35.0, False)):
        bright, covered = brightness.clone(), contrast.clone()
        bright[:, :, 2, 1], covered[:, :, 2, 1] = level, 0.3
        assert ((cells(bright, covered) > 1.5).float().mean() > 0.9) == told


def test_what_is_overexposed_is_not_asked():
    cells, (brightness, contrast) = fitted(), pictures(seed=4)
    covered = contrast.clone()
    covered[:, :, 2, 1] = -2.5
    bright = brightness.clone()
    bright[:, :, 2, 1] = 240
    assert (cells(bright, covered) < 2).all()


def test_each_picture_of_a_row_has_its_own_and_one_that_no_row_had_none():
    known = torch.ones(ROWS, 2, dtype=torch.bool)
    known[:, 1] = False
    score = fitted(cameras=2, known=known)(*pictures(seed=5, cameras=2))
    assert score[:, 0].isfinite().all()
    assert score[:, 1].isnan().all()


def test_all_overexposed_pictures_are_as_usual():
    cells = SmoothCells(1, 4)
    white, none = torch.full((30, 1, 4, 4), 255.0), torch.full((30, 1, 4, 4), float(np.log(0.1)))
    cells.fit(white, none, torch.ones(30, 1, dtype=torch.bool))
    assert (cells(white, none) == 0).all()
    assert (cells(white - 100, none) == 0).all()
