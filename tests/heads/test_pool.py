import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from roadcue.errors import BadHead
from roadcue.heads.pool import FeaturePool

CAMERAS = ("FRONT", "FRONT_LEFT", "FRONT_RIGHT")


def pool_of(attention=False, missing="zero", cameras=CAMERAS, cells=4, width=6) -> FeaturePool:
    return FeaturePool(cameras, cells, width, attention=attention, missing=missing)


def stored(rows=5, cameras=3, cells=4, width=6) -> torch.Tensor:
    return torch.randn(rows, cameras, cells, width, generator=torch.Generator().manual_seed(0))


def test_all_vectors_pass_in_the_stated_order():
    features = stored()
    vectors, mask = pool_of()(features.half(), torch.ones(5, 3, dtype=torch.bool))
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors, features.reshape(5, 12, 6), rtol=1e-3, atol=1e-3)
    assert mask.all()
    assert mask.shape == (5, 12)


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("missing", ["zero", "learned"])
@pytest.mark.parametrize("gone", range(3))
def test_a_missing_camera_keeps_its_place_and_moves_no_other(attention, missing, gone):
    cells = 4
    pool = pool_of(attention, missing, cells=cells)
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
    pool = pool_of(True, cameras=("FRONT",), cells=9, width=8)
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
    pool = pool_of(True, "learned")
    features, there = stored(), torch.ones(5, 3, dtype=torch.bool)
    features[:, 1], there[:, 1] = float("nan"), False
    pool(features, there)[0].square().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in pool.parameters())
    pool.zero_grad()
    (pool(features, there)[0] - 1).square().sum().backward()
    moved = pool.stand_in.grad.abs().sum(dim=(1, 2)) > 0
    assert moved.tolist() == [False, True, False]


@pytest.mark.parametrize("attention", [False, True])
def test_a_batch_is_left_as_it_was(attention):
    cells = 4
    features, there = stored(cells=cells), torch.rand(5, 3) < 0.5
    before = features.clone(), there.clone()
    pool_of(attention, cells=cells)(features, there)
    assert torch.equal(features, before[0])
    assert torch.equal(there, before[1])


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("missing", ["zero", "learned"])
def test_without_an_encoder_there_are_no_vectors(attention, missing):
    pool = pool_of(attention, missing, width=0)
    vectors, mask = pool(stored(width=0), torch.zeros(5, 3, dtype=torch.bool))
    assert pool.vectors == 0
    assert vectors.shape == (5, 0, 0)
    assert mask.shape == (5, 0)
    assert mask.dtype == torch.bool


@pytest.mark.parametrize("shape", [(5, 2, 4, 6), (5, 3, 1, 6), (5, 3, 4, 7)])
def test_features_of_another_store_are_refused(shape):
    with pytest.raises(ValueError, match="do not fit this pool, which reads"):
        pool_of()(torch.zeros(shape), torch.ones(shape[:2], dtype=torch.bool))


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("missing", ["zero", "learned"])
def test_saved_and_read_back_it_gives_the_same_vectors_and_still_learns(tmp_path, attention, missing):
    cells = 4
    pool = pool_of(attention, missing, cells=cells)
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
    pool_of(True).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    save_file({"query": weights["query"]}, tmp_path / "model.safetensors")
    with pytest.raises(BadHead, match="position: missing"):
        FeaturePool.from_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"queries": 3}))
    with pytest.raises(BadHead, match=r"config\.json: not the configuration of a pool"):
        FeaturePool.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config | {"missing": "mean"}))
    with pytest.raises(BadHead, match=r"config\.json: .*missing is one of zero, learned; got 'mean'"):
        FeaturePool.from_pretrained(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(BadHead, match=r"config\.json: not the configuration of a pool"):
        FeaturePool.from_pretrained(tmp_path)


def test_weights_that_are_cut_off_are_trained_again_not_downloaded(tmp_path):
    pool_of(True).save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(BadHead, match=r"\); train again, or copy the run folder again"):
        FeaturePool.from_pretrained(tmp_path)
