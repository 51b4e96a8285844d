import numpy as np
import pytest
import torch
from pytorch_ood.detector import Mahalanobis

from roadcue.heads.probabilistic_pca import ProbabilisticPCA


def correlated(rows, width, seed=0):
    random = torch.Generator().manual_seed(seed)
    mix = torch.randn(width, width, generator=torch.Generator().manual_seed(99))
    return torch.randn(rows, width, generator=random) @ mix + 3


def fitted(vectors, rank, known=None):
    gaussian = ProbabilisticPCA(vectors.shape[1], vectors.shape[2], rank)
    gaussian.fit(vectors, torch.ones(vectors.shape[:2], dtype=torch.bool) if known is None else known)
    return gaussian


@pytest.mark.parametrize("unit_length", [False, True])
def test_with_all_directions_it_is_pytorch_oods_mahalanobis_distance(unit_length):
    train, new = correlated(400, 12), correlated(50, 12, seed=1)
    if unit_length:  # as Mahalanobis++ has them
        train, new = (each / each.norm(dim=1, keepdim=True) for each in (train, new))
    theirs = Mahalanobis(None).fit_features(train, torch.zeros(len(train), dtype=torch.int64))
    # Theirs is half the square, by a covariance that is not divided by the number of rows.
    squared = 2 * len(train) * theirs.predict_features(new)
    torch.testing.assert_close(fitted(train[:, None], 12)(new[:, None])[:, 0], squared, rtol=5e-3, atol=1e-2)


def test_its_distance_is_that_of_tipping_and_bishops_covariance():
    train, new, rank = correlated(300, 20).double(), correlated(40, 20, seed=1).double(), 5
    centred = train - train.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(train))
    rest = values[:-rank].mean()
    values[:-rank] = rest
    difference = new - train.mean(0)
    expected = (difference @ vectors).square() @ (1 / values)
    torch.testing.assert_close(
        fitted(train[:, None].float(), rank)(new[:, None].float())[:, 0].double(), expected, rtol=2e-2, atol=1e-2
    )


def test_each_group_has_a_gaussian_of_its_own_rows():
    one, other = correlated(200, 8), correlated(200, 8, seed=3) * 5 - 40
    vectors, known = torch.stack([one, other], dim=1), torch.ones(200, 2, dtype=torch.bool)
    vectors[150:, 1], known[150:, 1] = torch.nan, False
    both = fitted(vectors, 4, known)
    new = torch.stack([correlated(10, 8, seed=4), correlated(10, 8, seed=5) * 5 - 40], dim=1)
    torch.testing.assert_close(both(new)[:, 0], fitted(one[:, None], 4)(new[:, :1])[:, 0])
    torch.testing.assert_close(both(new)[:, 1], fitted(other[:150, None], 4)(new[:, 1:])[:, 0])


def test_it_is_the_same_whatever_was_drawn_before():
    train = correlated(100, 30)[:, None]
    torch.manual_seed(1)
    first = fitted(train, 6).state_dict()
    torch.rand(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    second = fitted(train, 6).state_dict()
    torch.rand(1)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(torch.rand(1), expected), "and it draws nothing for others"


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_few_or_equal_rows_give_a_distance(rows):
    gaussian = fitted(torch.ones(rows, 1, 16), 4)
    assert torch.isfinite(gaussian(torch.ones(1, 1, 16))).all()
    assert gaussian(torch.full((1, 1, 16), 1.1)) > 1e3


def test_a_group_without_rows_knows_nothing():
    gaussian = fitted(torch.zeros(3, 2, 4), 2, torch.tensor([[True, False]] * 3))
    assert np.isnan(gaussian(torch.zeros(1, 2, 4)).numpy()).tolist() == [[False, True]]
