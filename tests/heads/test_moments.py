"""Streaming mean and spread equal those of the whole."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from roadcue.heads.moments import Comoments, Moments, floored


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any), st.floats(-1e4, 1e4), st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_any_cutting_into_batches_gives_the_same(sizes, offset, seed):
    random = torch.Generator().manual_seed(seed)
    rows = torch.randn(sum(sizes), 3, 2, generator=random, dtype=torch.float64) + offset
    present = torch.rand(sum(sizes), 3, 1, generator=random) < 0.7
    moments, comoments = Moments(), Comoments()
    for batch, here in zip(rows.split(sizes), present.split(sizes), strict=True):
        moments.add(batch.masked_fill(~here, torch.nan), here)
        comoments.add(batch.flatten(1))
    count = present.sum(0).clamp(min=1)
    mean = rows.masked_fill(~present, 0).sum(0) / count
    deviation = ((rows - mean).masked_fill(~present, 0).square().sum(0) / count).sqrt()
    torch.testing.assert_close(moments.mean(), mean.float())
    torch.testing.assert_close(moments.scale(), floored(mean, deviation).float(), rtol=1e-5, atol=1e-6)
    flat = rows.flatten(1)
    centred = flat - flat.mean(0)
    assert comoments.count == len(rows)
    torch.testing.assert_close(comoments.mean, flat.mean(0))
    torch.testing.assert_close(comoments.scatter, centred.T @ centred, rtol=1e-6, atol=1e-6)


def test_a_number_that_was_never_present_is_left_alone():
    moments = Moments()
    moments.add(torch.full((4, 2), torch.nan), torch.zeros(4, 1, dtype=torch.bool))
    assert moments.mean().tolist() == [0, 0]
    assert moments.scale().tolist() == [1, 1]


def test_constant_up_to_fp16_is_constant():
    mean = torch.tensor([0.0, 0.0, 10.0, 10.0])
    deviation = torch.tensor([5e-5, 2e-4, 5e-3, 2e-2])
    torch.testing.assert_close(floored(mean, deviation), torch.tensor([1.0, 2e-4, 1.0, 2e-2]))
