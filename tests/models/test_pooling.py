import pytest
import torch

from roadcue.errors import BadEncoder
from roadcue.models import pooling as module
from roadcue.models.pooling import cells_stored, pool_tokens, pooling_fingerprint

POOLINGS = ("mean", "grid", "attention")


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("grid", [1, 2, 4])
def test_what_is_stored_has_the_stated_shape(pooling, grid):
    tokens = torch.randn(2, 27, 27, 5, dtype=torch.bfloat16)
    pooled = pool_tokens(tokens, pooling, grid)
    assert pooled.shape == (2, cells_stored(pooling, grid), 5)
    assert pooled.dtype == torch.float32


def test_mean_is_the_mean_of_all_patches():
    tokens = torch.randn(2, 6, 9, 5)
    torch.testing.assert_close(pool_tokens(tokens, "mean", 4), tokens.mean(dim=(1, 2))[:, None])


def test_grid_is_the_means_of_regions_row_by_row():
    tokens = torch.randn(2, 6, 9, 5)
    regions = tokens.reshape(2, 3, 2, 3, 3, 5).mean(dim=(2, 4)).reshape(2, 9, 5)
    torch.testing.assert_close(pool_tokens(tokens, "grid", 3), regions)
    assert torch.equal(pool_tokens(tokens, "attention", 3), pool_tokens(tokens, "grid", 3))


def test_left_and_right_survive_a_grid_and_not_a_mean():
    left = torch.zeros(1, 27, 27, 1)
    left[:, 13, 3] = 1
    right = left.flip(2)
    assert torch.allclose(pool_tokens(left, "mean", 2), pool_tokens(right, "mean", 2))
    cells_left, cells_right = pool_tokens(left, "grid", 2)[0, :, 0], pool_tokens(right, "grid", 2)[0, :, 0]
    assert (cells_left[[0, 2]] > 0).all()
    assert (cells_left[[1, 3]] == 0).all()
    assert torch.equal(cells_right, cells_left[[1, 0, 3, 2]])


def test_what_cannot_be_pooled_is_refused():
    tokens = torch.zeros(1, 3, 3, 2)
    with pytest.raises(BadEncoder, match="class token, and this one has none"):
        pool_tokens(tokens, "cls", 4)
    with pytest.raises(BadEncoder, match=r"4 x 4 regions is finer than the \(3, 3\) patches"):
        pool_tokens(tokens, "grid", 4)
    with pytest.raises(BadEncoder, match="unknown pooling 'max': choose one of mean, grid, attention, cls"):
        pool_tokens(tokens, "max", 4)
    with pytest.raises(BadEncoder, match="grid 0"):
        cells_stored("grid", 0)


def biggest(tokens, grid):
    return torch.nn.functional.adaptive_max_pool2d(tokens.permute(0, 3, 1, 2), grid).flatten(2).transpose(1, 2)


@pytest.mark.parametrize("name", ["mean", "grid"])
@pytest.mark.parametrize("grid", [1, 4])
def test_another_function_under_the_same_name_has_another_fingerprint(monkeypatch, name, grid):
    before = pooling_fingerprint(name, grid)
    monkeypatch.setitem(module.POOLINGS, name, lambda tokens, grid: biggest(tokens, 1 if name == "mean" else grid))
    assert pooling_fingerprint(name, grid) != before


def test_a_new_pooling_is_one_line_and_takes_over_no_fingerprint(monkeypatch):
    monkeypatch.setitem(module.POOLINGS, "max", biggest)
    assert cells_stored("max", 3) == 9
    assert pool_tokens(torch.randn(2, 6, 9, 5), "max", 3).shape == (2, 9, 5)
    stored = [pooling_fingerprint(name, grid)["stored"] for name in ("max", "mean", "grid") for grid in (2, 3)]
    assert stored[2] == stored[3], "the mean knows no grid"
    assert len(set(stored)) == 5


def test_a_fingerprint_says_the_pooling_and_attention_shares_the_grids():
    assert pooling_fingerprint("grid", 4)["stored"].startswith("grid 4, probe ")
    assert pooling_fingerprint("attention", 4) == pooling_fingerprint("grid", 4)
    assert pooling_fingerprint("mean", 4)["stored"].startswith("mean, probe ")
    with pytest.raises(BadEncoder, match="class token"):
        pooling_fingerprint("cls", 4)


def test_the_last_bit_of_a_sum_is_not_in_the_fingerprint(monkeypatch):
    before = pooling_fingerprint("grid", 4)
    exact = module.means_of_regions
    monkeypatch.setitem(module.POOLINGS, "grid", lambda tokens, grid: exact(tokens, grid) * (1 + 1e-7))
    assert pooling_fingerprint("grid", 4) == before
