import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from roadcue.errors import BadCheckpoint, BadEncoder
from roadcue.models import pooling as module
from roadcue.models.pooling import FeaturePool, cells_stored, pool_tokens, pooling_fingerprint

POOLINGS = ("mean", "grid", "attention")
CAMERAS = ("FRONT", "FRONT_LEFT", "FRONT_RIGHT")


def pool_of(pooling="grid", missing="zero", cameras=CAMERAS, cells=4, width=6) -> FeaturePool:
    return FeaturePool(pooling, cameras, cells, width, missing)


def stored(rows=5, cameras=3, cells=4, width=6) -> torch.Tensor:
    return torch.randn(rows, cameras, cells, width, generator=torch.Generator().manual_seed(0))


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
    found = [pooling_fingerprint(name, grid)["stored"] for name in ("max", "mean", "grid") for grid in (2, 3)]
    assert found[2] == found[3], "the mean knows no grid"
    assert len(set(found)) == 5


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


def test_all_vectors_pass_in_the_stated_order():
    features = stored()
    vectors, mask = pool_of()(features.half(), torch.ones(5, 3, dtype=torch.bool))
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors, features.reshape(5, 12, 6), rtol=1e-3, atol=1e-3)
    assert mask.all()
    assert mask.shape == (5, 12)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("missing", ["zero", "learned"])
@pytest.mark.parametrize("gone", range(3))
def test_a_missing_camera_keeps_its_place_and_moves_no_other(pooling, missing, gone):
    cells = cells_stored(pooling, 2)
    pool = pool_of(pooling, missing, cells=cells)
    if missing == "learned":
        pool.stand_in.data = torch.randn(pool.stand_in.shape)
    features, there = stored(cells=cells), torch.ones(5, 3, dtype=torch.bool)
    whole, _ = pool(features, there)
    there[:, gone] = False
    features[:, gone] = float("nan")
    holed, mask = pool(features, there)
    per_camera = pool.vectors // 3
    whole, holed = whole.unflatten(1, (3, per_camera)), holed.unflatten(1, (3, per_camera))
    others = [camera for camera in range(3) if camera != gone]
    assert torch.equal(holed[:, others], whole[:, others])
    stand_in = pool.stand_in[gone] if missing == "learned" else torch.zeros(6)
    assert torch.equal(holed[:, gone], stand_in.expand(5, per_camera, 6))
    assert torch.equal(mask.unflatten(1, (3, per_camera)), there[..., None].expand(5, 3, per_camera))


def test_attention_starts_near_the_mean_and_learns_where_to_look():
    torch.manual_seed(0)
    pool = pool_of("attention", cameras=("FRONT",), cells=9, width=8)
    features, there = torch.randn(256, 1, 9, 8), torch.ones(256, 1, dtype=torch.bool)
    start, mask = pool(features, there)
    assert start.shape == (256, 1, 8)
    assert mask.shape == (256, 1)
    torch.testing.assert_close(start[:, 0], features.mean(dim=2)[:, 0], atol=0.1, rtol=0)
    wanted = features[:, 0, 5]
    optimizer = torch.optim.Adam(pool.parameters(), lr=0.05)
    for _ in range(200):
        loss = (pool(features, there)[0][:, 0] - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.2 * (start[:, 0] - wanted).square().mean()


def test_gradients_stay_finite_and_teach_the_stand_in_when_what_is_stored_is_nan():
    pool = pool_of("attention", "learned")
    features, there = stored(), torch.ones(5, 3, dtype=torch.bool)
    features[:, 1], there[:, 1] = float("nan"), False
    pool(features, there)[0].square().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in pool.parameters())
    pool.zero_grad()
    (pool(features, there)[0] - 1).square().sum().backward()
    moved = pool.stand_in.grad.abs().sum(dim=(1, 2)) > 0
    assert moved.tolist() == [False, True, False]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_batch_is_left_as_it_was(pooling):
    cells = cells_stored(pooling, 2)
    features, there = stored(cells=cells), torch.rand(5, 3) < 0.5
    before = features.clone(), there.clone()
    pool_of(pooling, cells=cells)(features, there)
    assert torch.equal(features, before[0])
    assert torch.equal(there, before[1])


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("missing", ["zero", "learned"])
def test_without_an_encoder_there_are_no_vectors(pooling, missing):
    pool = pool_of(pooling, missing, width=0)
    vectors, mask = pool(stored(width=0), torch.zeros(5, 3, dtype=torch.bool))
    assert pool.vectors == 0
    assert vectors.shape == (5, 0, 0)
    assert mask.shape == (5, 0)
    assert mask.dtype == torch.bool


@pytest.mark.parametrize("shape", [(5, 2, 4, 6), (5, 3, 1, 6), (5, 3, 4, 7)])
def test_features_of_another_store_are_refused(shape):
    with pytest.raises(ValueError, match="do not fit this pool, which reads"):
        pool_of()(torch.zeros(shape), torch.ones(shape[:2], dtype=torch.bool))


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("missing", ["zero", "learned"])
def test_saved_and_read_back_it_gives_the_same_vectors_and_still_learns(tmp_path, pooling, missing):
    cells = cells_stored(pooling, 2)
    pool = pool_of(pooling, missing, cells=cells)
    for parameter in pool.parameters():
        torch.nn.init.normal_(parameter)
    pool.save_pretrained(tmp_path / "pool")
    again = FeaturePool.from_pretrained(tmp_path / "pool")
    features, there = stored(cells=cells), torch.rand(5, 3) < 0.5
    assert torch.equal(again(features, there)[0], pool(features, there)[0])
    assert again.cameras == CAMERAS
    before = load_file(tmp_path / "pool" / "model.safetensors")
    for parameter in again.parameters():
        assert parameter.requires_grad
        parameter.data.add_(1)
    after = load_file(tmp_path / "pool" / "model.safetensors")
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_reading_is_strict(tmp_path):
    pool_of("attention").save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    save_file({"query": weights["query"]}, tmp_path / "model.safetensors")
    with pytest.raises(BadCheckpoint, match="position: missing"):
        FeaturePool.from_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"queries": 3}))
    with pytest.raises(BadCheckpoint, match=r"config\.json: not the configuration of a pool"):
        FeaturePool.from_pretrained(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(BadCheckpoint, match=r"config\.json: missing"):
        FeaturePool.from_pretrained(tmp_path)
