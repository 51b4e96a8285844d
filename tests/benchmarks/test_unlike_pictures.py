"""The benchmark of unlike pictures: what it spoils, how candidates are compared, what it asks of the shares."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import unlike_pictures
from drawn import DrawnDataset
from ood_candidates import candidates

from roadcue.evaluation.spoilt_pictures import CHOOSING, STILL_RIGHT, UNLIKE, SpoiltPictures
from roadcue.heads.ood_detector import OODDetector, StoredPictures
from roadcue.loaders import picture_file
from roadcue.metrics.bootstrap import Interval

KINDS = {**CHOOSING, **UNLIKE, **STILL_RIGHT}
FLAGGED = unlike_pictures.FLAGGED


@pytest.fixture(autouse=True)
def _gentle(one_thread):
    pass


def spoilt(kind, picture):
    return KINDS[kind](picture, np.random.default_rng(0))


@pytest.fixture(scope="module")
def scene():
    """(40, 60, 3) uint8: darker above, redder to the right, and a bright spot."""
    y, x = np.mgrid[:40, :60]
    picture = np.stack([40 + x + y, 30 + y, 20 + 2 * y], axis=2).astype(np.uint8)
    picture[5:9, 10:14] = 200
    return picture


def test_a_kind_is_chosen_by_or_judged_by_and_never_both():
    assert len(KINDS) == len(CHOOSING) + len(UNLIKE) + len(STILL_RIGHT)


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoilt_picture_is_a_picture_and_another_one(kind, scene):
    before = scene.copy()
    changed = spoilt(kind, scene)
    assert changed.dtype == np.uint8
    assert changed.shape == ((60, 40, 3) if kind == "sideways" else scene.shape)
    assert not np.array_equal(changed, scene)
    np.testing.assert_array_equal(scene, before)


def test_each_is_what_its_name_says(scene):
    assert spoilt("black", scene).max() == 0
    assert spoilt("white", scene).min() == 255
    np.testing.assert_array_equal(spoilt("upside down", scene)[0, 0], scene[-1, -1])
    np.testing.assert_array_equal(spoilt("sideways", scene)[0, 0], scene[0, -1])
    for kind, black, kept in (
        ("lower half black", np.s_[20:], np.s_[:20]),
        ("left half black", np.s_[:, :30], np.s_[:, 30:]),
        ("right half black", np.s_[:, 30:], np.s_[:, :30]),
    ):
        assert spoilt(kind, scene)[black].max() == 0
        np.testing.assert_array_equal(spoilt(kind, scene)[kept], scene[kept])
    np.testing.assert_array_equal(spoilt("red for blue", scene)[..., 0], scene[..., 2])
    np.testing.assert_array_equal(spoilt("negative", scene), 255 - scene)
    assert len(np.unique(spoilt("one grey", scene))) == 1
    np.testing.assert_allclose(spoilt("noise", np.zeros((200, 200, 3), np.uint8)).mean(), 127.5, atol=2)
    np.testing.assert_allclose(spoilt("grain", np.full((200, 200, 3), 128, np.uint8)).std(), 50, atol=2)


def test_a_stop_is_twice_the_light():
    grey = np.full((4, 4, 3), 100, np.uint8)
    light = (100 / 255) ** 2.2
    for kind, factor in (("a stop brighter", 2), ("a stop darker", 0.5)):
        np.testing.assert_allclose((spoilt(kind, grey) / 255) ** 2.2, factor * light, rtol=0.02)


def test_a_blur_has_the_sigma_that_it_names():
    spot = np.zeros((101, 101, 3), np.uint8)
    spot[40:61, 40:61] = 255
    across = spoilt("blur of 8 px", spot)[50, :, 0].astype(float)
    place = np.arange(101)
    spread = np.average((place - 50) ** 2, weights=across)
    np.testing.assert_allclose(spread, 8**2 + (21**2 - 1) / 12, rtol=0.03)


def test_spoilt_rows_are_equal_at_every_reading_and_keep_their_own_fingerprint():
    data, rows = DrawnDataset(sequences=2, frames=3), np.array([1, 4])
    noise, black = (SpoiltPictures(data, rows, kind, KINDS[kind]) for kind in ("noise", "black"))
    assert noise.image(0, "FRONT") == noise.image(0, "FRONT") != noise.image(1, "FRONT")
    assert noise.fingerprint != black.fingerprint
    assert noise.states.id.tolist() == data.states.id[rows].tolist()
    negative = SpoiltPictures(data, rows, "negative", KINDS["negative"])
    read, before = (picture_file.decode(each, "") for each in (negative.image(1, "FRONT"), data.image(4, "FRONT")))
    np.testing.assert_array_equal(read, 255 - before)
    data.image = lambda row, camera: None
    assert negative.image(1, "FRONT") is None


def test_the_area_is_the_share_of_pairs_in_the_right_order():
    random = np.random.default_rng(0)
    usual, unlike = (torch.tensor(random.integers(low, low + 6, 30)).float() for low in (0, 2))
    pairs = np.subtract.outer(unlike.numpy(), usual.numpy())
    expected = np.mean(pairs > 0) + np.mean(pairs == 0) / 2
    assert 0.5 < expected < 1
    np.testing.assert_allclose(unlike_pictures.auroc(usual, unlike), expected, atol=1e-6)
    assert unlike_pictures.auroc(usual, torch.full((3,), torch.inf)) == 1.0


def made_pictures(rows, seed=0, shift=0.0, spread=1.0):
    """Stored pictures of four cells of ten numbers, one a sequence, that vary along a few directions."""
    random = torch.Generator().manual_seed(seed)
    mix = torch.randn(6, 40, generator=torch.Generator().manual_seed(99))
    flat = torch.randn(rows, 6, generator=random) @ mix + 0.1 * spread * torch.randn(rows, 40, generator=random)
    stored, contrast = (
        5 + flat.unflatten(1, (1, 4, 10)) + shift,
        spread * torch.randn(rows, 1, 11, 4, generator=random),
    )
    return StoredPictures(stored, contrast, torch.ones(rows, 1, dtype=torch.bool), np.arange(rows).astype(str))


def test_every_candidate_tells_far_features_and_not_those_of_its_own_kind():
    train = made_pictures(300)
    distances = candidates(train, OODDetector.fitted(train))
    assert len(distances) == 11
    usual, same, far = made_pictures(200, 1), made_pictures(200, 2), made_pictures(200, 3, spread=40)
    for name, distance in distances.items():
        assert unlike_pictures.auroc(distance(usual), distance(far)) > 0.75, name
        assert abs(unlike_pictures.auroc(distance(usual), distance(same)) - 0.5) < 0.1, name


def test_halves_of_a_film_are_told_by_the_other_half_alone():
    one, other = made_pictures(120), made_pictures(120, 1, shift=30.0)
    film = StoredPictures(
        torch.cat([one.stored, other.stored]),
        torch.cat([one.contrast, other.contrast]),
        torch.ones(240, 1, dtype=torch.bool),
        np.repeat([f"block-{i}" for i in range(8)], 30),
    )
    assert {half: share.value for half, share in unlike_pictures.film_halves(film).items()} == {
        "first": 1.0,
        "second": 1.0,
    }
    alike = replace(made_pictures(240), sequence=film.sequence)
    assert all(share.value < 0.2 for share in unlike_pictures.film_halves(alike).values())


def test_what_is_asked_of_the_shares():
    def shares(**by_kind):
        return {kind.replace("_", " "): {FLAGGED: Interval(share, 0, 1)} for kind, share in by_kind.items()}

    unlike = shares(black=0.95, white=0.94)
    like = shares(another_seed=0.05, snow=0.1, night=0.11) | {unlike_pictures.CLEAN: {FLAGGED: Interval(0.031, 0, 1)}}
    demands = list(unlike_pictures.demanded(unlike, like))
    assert [holds for _, holds in demands] == [True, False, True, True, False, False]
    assert "white: 94.0% are unlike, at least 95%" in demands[1][0]
    assert not dict(unlike_pictures.demanded({}, shares(another_seed=0.06))).popitem()[1]
