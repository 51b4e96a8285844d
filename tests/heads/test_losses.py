"""What paths cost."""

import numpy as np
import pytest
import torch

from roadcue.heads.waypoint.losses import LOSSES, RATER_WEIGHT_M, l1, l2, rater, smooth
from roadcue.metrics.rater_feedback import rater_feedback
from roadcue.metrics.raters import Raters

NO_SPEED = torch.zeros(1)


def drawn(rows=200, spread=4.0):
    random = torch.Generator().manual_seed(0)
    speed = 15 * torch.rand(rows, generator=random)
    time = 0.25 * torch.arange(1, 21)
    logged = torch.stack([speed[:, None] * time, torch.randn(rows, 1, generator=random) * time**2 / 4], dim=2)
    off = spread * torch.randn(rows, 1, 2, generator=random) * (time / 5)[:, None]
    return logged + off, logged, speed


def test_a_path_that_is_3_and_4_metres_off():
    paths, logged = torch.tensor([3.0, -4.0]).expand(1, 20, 2), torch.zeros(1, 20, 2)
    assert l1(paths, logged, NO_SPEED).item() == 7
    assert l2(paths, logged, NO_SPEED).item() == 5
    assert smooth(paths, logged, NO_SPEED).item() == pytest.approx(2.5 + 3.5)
    assert smooth(paths / 10, logged, NO_SPEED).item() == pytest.approx((0.3**2 + 0.4**2) / 2)


def test_rater_loses_what_the_official_score_loses():
    paths, logged, speed = drawn()
    raters = Raters.of(logged.numpy()[:, None], np.full((200, 1), 20), np.full((200, 1), 10.0))
    official = rater_feedback(paths.numpy(), raters, speed.numpy())
    lost = (rater(paths, logged, speed) - l2(paths, logged, speed)) / RATER_WEIGHT_M
    scored = ~official.floored
    assert np.count_nonzero(official.inside) > 20
    assert np.count_nonzero(scored & ~official.inside) > 20
    np.testing.assert_allclose(1 - lost.numpy()[scored], official.score[scored] / 10, atol=1e-4)
    assert (lost.numpy()[~scored] > 0.6).all()


@pytest.mark.parametrize("name", LOSSES)
def test_modes_cost_what_each_would_alone_and_slopes_are_finite(name):
    paths, logged, speed = drawn(6)
    modes = torch.stack([paths, logged, logged + 2], dim=1).requires_grad_()
    together = LOSSES[name](modes, logged[:, None], speed)
    alone = torch.stack([LOSSES[name](modes[:, mode], logged, speed) for mode in range(3)], dim=1)
    torch.testing.assert_close(together, alone)
    assert torch.equal(together[:, 1], torch.zeros(6))
    together.sum().backward()
    assert modes.grad.isfinite().all()
